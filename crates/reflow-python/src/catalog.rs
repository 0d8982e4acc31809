//! Templates that are there without being registered: those of loaded packs, and the bundled catalog.

use std::collections::BTreeMap;
use std::sync::{Arc, LazyLock};

use parking_lot::RwLock;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use reflow_pack::{LoadedPack, OpenPack, PackCatalog, PackError};
use reflow_runtime::{Catalog, Component, Network};

use crate::component::PyComponent;
use crate::errors;

/// Where templates are looked up: packs win over the bundled catalog.
struct Templates {
    /// Python templates of packs.
    python: RwLock<BTreeMap<String, Arc<dyn Component>>>,
    packs: PackCatalog,
}

static TEMPLATES: LazyLock<Arc<Templates>> =
    LazyLock::new(|| Arc::new(Templates { python: RwLock::default(), packs: PackCatalog }));

impl Catalog for Templates {
    fn component(&self, id: &str) -> Option<Arc<dyn Component>> {
        let python = self.python.read().get(id).cloned();
        // The bundled catalog is made when somebody asks for it first: a network of functions needs none.
        python.or_else(|| self.packs.component(id)).or_else(|| reflow_components::catalog().component(id))
    }

    fn ids(&self) -> Vec<String> {
        let mut ids: Vec<String> = self.python.read().keys().cloned().collect();
        ids.extend(self.packs.ids());
        ids.extend(reflow_components::catalog().ids());
        ids.sort_unstable();
        ids.dedup();
        ids
    }
}

/// Lets a network find the templates.
pub(crate) fn attach(network: &mut Network) {
    network.set_catalog(Arc::clone(&*TEMPLATES) as Arc<dyn Catalog>);
}

/// The ids of all templates, sorted.
///
/// Examples
/// --------
/// >>> from offbit_reflow import template_list
/// >>> template_list()[:2]
/// ['tpl_animation_blend_tree', 'tpl_animation_clip']
#[pyfunction]
pub(crate) fn template_list() -> Vec<String> {
    TEMPLATES.ids()
}

/// A handle on the template with this id, for `Network.register_actor`.
///
/// Examples
/// --------
/// >>> from offbit_reflow import Network, template_actor
/// >>> net = Network()
/// >>> net.register_actor("root", template_actor("tpl_math_sqrt"))
#[pyfunction]
pub(crate) fn template_actor(template_id: &str) -> PyResult<PyComponent> {
    match TEMPLATES.component(template_id) {
        Some(component) => Ok(PyComponent::new(component)),
        None => Err(errors::unknown_template(template_id, &TEMPLATES.ids())),
    }
}

/// Ports, config schema and documentation of the template with this id.
///
/// Examples
/// --------
/// >>> from offbit_reflow import template_info
/// >>> [port["name"] for port in template_info("tpl_math_add")["inports"]]
/// ['a', 'b']
#[pyfunction]
pub(crate) fn template_info<'py>(py: Python<'py>, id: &str) -> PyResult<Bound<'py, PyDict>> {
    let info = template_actor(id)?.info(py)?;
    // An actor of a pack need not know the id that the pack gives it.
    info.set_item("id", id)?;
    Ok(info)
}

/// The ids of the bundled catalog, which no pack may take.
pub(crate) fn bundled_ids() -> Vec<String> {
    reflow_components::catalog().ids()
}

/// Makes a pack available together with its Python templates.
pub(crate) fn register(
    opened: OpenPack,
    python: BTreeMap<String, Arc<dyn Component>>,
) -> Result<Arc<LoadedPack>, PackError> {
    let mut templates = TEMPLATES.python.write();
    let pack = opened.register()?;
    templates.extend(python);
    Ok(pack)
}
