//! Templates that are there without being registered: the bundled catalog.

use std::sync::{Arc, LazyLock};

use pyo3::prelude::*;
use pyo3::types::PyDict;
use reflow_runtime::{Catalog, Network};

use crate::component::PyComponent;
use crate::errors;

static BUNDLED: LazyLock<Arc<dyn Catalog>> = LazyLock::new(reflow_components::catalog);

/// Lets a network find the templates.
pub(crate) fn attach(network: &mut Network) {
    network.set_catalog(Arc::clone(&BUNDLED));
}

/// The ids of all templates, sorted.
#[pyfunction]
pub(crate) fn template_list() -> Vec<String> {
    BUNDLED.ids()
}

/// A handle on the template with this id, for `Network.register_actor`.
#[pyfunction]
pub(crate) fn template_actor(id: &str) -> PyResult<PyComponent> {
    match BUNDLED.component(id) {
        Some(component) => Ok(PyComponent::new(component)),
        None => Err(errors::unknown_template(id, &BUNDLED.ids())),
    }
}

/// Ports, config schema and documentation of the template with this id.
#[pyfunction]
pub(crate) fn template_info<'py>(py: Python<'py>, id: &str) -> PyResult<Bound<'py, PyDict>> {
    template_actor(id)?.info(py)
}
