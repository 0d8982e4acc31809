//! Findings of a check as `offbit_reflow.Diagnostic`.

use crate::exit;
use crate::once::Once;
use crate::once::intern;
use pyo3::prelude::*;
use pyo3::types::{PyList, PyType};
use reflow_graph::{Code, Diagnostic};

use super::json;
use crate::errors::{GraphCheckError, UnknownComponentsError};

/// Findings as a list of `Diagnostic`.
pub(crate) fn to_python<'py>(py: Python<'py>, found: &[Diagnostic]) -> PyResult<Bound<'py, PyList>> {
    static CLASS: Once<Py<PyType>> = Once::new();
    let class = CLASS.import(py, "offbit_reflow.diagnostic", "Diagnostic")?;
    let list = PyList::empty(py);
    for diagnostic in found {
        let severity = if diagnostic.is_error() { intern!(py, "error") } else { intern!(py, "warning") };
        let (place, location) = (diagnostic.place.to_string(), json::to_python(py, &diagnostic.place)?);
        let (code, kind) = (diagnostic.code.id(), diagnostic.code.name());
        list.append(class.call1((code, kind, severity, place, &diagnostic.message, &diagnostic.hint, location))?)?;
    }
    Ok(list)
}

/// The exception for a graph that must not run; its attribute `diagnostics` holds the findings.
pub(crate) fn refusal(text: String, found: &[Diagnostic]) -> PyErr {
    let unknown_components = found.iter().all(|diagnostic| diagnostic.code == Code::UnknownComponent);
    exit::attach(|py| match to_python(py, found) {
        Ok(diagnostics) if unknown_components => UnknownComponentsError::new_err((text, diagnostics.unbind())),
        Ok(diagnostics) => GraphCheckError::new_err((text, diagnostics.unbind())),
        Err(error) => error,
    })
}
