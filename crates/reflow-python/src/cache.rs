//! The result cache of a network, as Python sees it.

use std::sync::Arc;

use pyo3::prelude::*;
use reflow_runtime::journal::JournalError;
use reflow_runtime::{NetworkError, ResultCache};

use crate::errors;
use crate::exit;

/// Results of ticks that are given again for the same inputs.
#[pyclass(name = "ResultCache", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyCache(pub(crate) Arc<dyn ResultCache>);

#[pymethods]
impl PyCache {
    /// Lets go of the results of a component, or of all; how many those were.
    #[pyo3(signature = (component=None))]
    fn clear(&self, py: Python<'_>, component: Option<&str>) -> PyResult<usize> {
        told(exit::detached(py, || self.0.clear(component)))
    }

    /// What the results hold, about.
    #[getter]
    fn bytes(&self, py: Python<'_>) -> PyResult<u64> {
        told(exit::detached(py, || self.0.size())).map(|(_, bytes)| bytes)
    }

    fn __len__(&self, py: Python<'_>) -> PyResult<usize> {
        told(exit::detached(py, || self.0.size())).map(|(results, _)| results)
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        match exit::detached(py, || self.0.size()) {
            Ok((results, bytes)) => format!("<ResultCache {results} results, {bytes} bytes>"),
            Err(error) => format!("<ResultCache: {error}>"),
        }
    }
}

fn told<T>(result: Result<T, JournalError>) -> PyResult<T> {
    result.map_err(|error| errors::network(&NetworkError::Journal(error)))
}
