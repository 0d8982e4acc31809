//! Failures of ticks, out of what Python code has raised or left undone.

use pyo3::prelude::*;
use reflow_runtime::Failure;

/// The failure of a tick that ended without an answer.
pub(crate) fn unresolved() -> Failure {
    Failure::new("run() returned without calling done() or fail(); call one of them, or return a dict of outputs")
        .with_reason("unresolved")
}

/// The failure that an exception stands for: `TypeName: text`, its class as the reason, and the traceback.
pub(crate) fn failure_of(py: Python<'_>, error: PyErr) -> Failure {
    let failure = described(py, &error);
    let_go_of_frames(py, &error);
    failure
}

/// The same for an exception that somebody else goes on with.
pub(crate) fn described(py: Python<'_>, error: &PyErr) -> Failure {
    let value = error.value(py);
    let name = error.get_type(py).name().map_or_else(|_| "Exception".into(), |name| name.to_string());
    let text = value.str().map_or_else(|_| String::new(), |text| text.to_string());
    let message = if text.is_empty() { name.clone() } else { format!("{name}: {text}") };
    let format = || -> PyResult<String> {
        let arguments = (error.get_type(py), value, of_users(py, error)?);
        let lines = py.import("traceback")?.call_method1("format_exception", arguments)?;
        pyo3::types::PyString::new(py, "").call_method1("join", (lines,))?.extract()
    };
    let failure = Failure::new(message).with_reason(name);
    match format() {
        Ok(traceback) => failure.with_traceback(&traceback),
        Err(_) => failure,
    }
}

/// The traceback of an exception, from the first frame on that is not one of this package, if there is any.
fn of_users<'py>(py: Python<'py>, error: &PyErr) -> PyResult<Option<Bound<'py, PyAny>>> {
    let folder = py.import("offbit_reflow")?.getattr("__path__")?.get_item(0)?.extract::<String>()?;
    let whole = error.traceback(py).map(Bound::into_any);
    let mut next = whole.clone();
    while let Some(frame) = next.filter(|frame| !frame.is_none()) {
        let file = frame.getattr("tb_frame")?.getattr("f_code")?.getattr("co_filename")?.extract::<String>()?;
        if !file.starts_with(&folder) {
            return Ok(Some(frame));
        }
        next = Some(frame.getattr("tb_next")?);
    }
    Ok(whole)
}

/// The frames of a traceback hold the packets of the tick, and a frame that holds its own exception is found by the collector of
/// cycles only, which counts objects and not bytes.
fn let_go_of_frames(py: Python<'_>, error: &PyErr) {
    let mut next = Some(error.clone_ref(py));
    // Exceptions name each other in a chain, or in a ring.
    for _ in 0..16 {
        let Some(error) = next else { break };
        if let (Some(traceback), Ok(module)) = (error.traceback(py), py.import("traceback")) {
            // A frame that still runs keeps what it has.
            let _ = module.call_method1("clear_frames", (traceback,));
        }
        let value = error.value(py);
        let context = value.getattr("__context__").ok().filter(|context| !context.is_none());
        next = error.cause(py).or_else(|| context.map(PyErr::from_value));
    }
}
