//! The result cache of a network, as Python sees it.

use std::sync::Arc;

use pyo3::prelude::*;
use reflow_runtime::ResultCache;

/// Results of ticks that are given again for the same inputs.
#[pyclass(name = "ResultCache", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyCache(pub(crate) Arc<dyn ResultCache>);

#[pymethods]
impl PyCache {
    /// Lets go of the results of a component, or of all; how many those were.
    #[pyo3(signature = (component=None))]
    fn clear(&self, py: Python<'_>, component: Option<&str>) -> usize {
        py.detach(|| self.0.clear(component))
    }

    /// What the results hold, about.
    #[getter]
    fn bytes(&self, py: Python<'_>) -> u64 {
        py.detach(|| self.0.size().1)
    }

    fn __len__(&self, py: Python<'_>) -> usize {
        py.detach(|| self.0.size().0)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let (results, bytes) = py.detach(|| self.0.size());
        format!("<ResultCache {results} results, {bytes} bytes>")
    }
}
