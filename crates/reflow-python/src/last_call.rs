//! Whether a call is the last thing that the function around it does: what its variables hold then, nobody holds a moment later.

use std::sync::Mutex;

use pyo3::ffi;
use pyo3::prelude::*;
use rustc_hash::FxHashMap;

use crate::errors::forgiven;
use crate::once::{Once, intern};

/// What was found about calls, by their code, which is kept so that its address is nobody else's, and their place in it.
type Known = FxHashMap<(usize, i64), (Py<PyAny>, bool)>;

/// How many calls are remembered.
const MOST: usize = 4096;

/// Whether the Python function that has made the present call was called by nothing in Python, and does nothing after this call.
pub(crate) fn is_last(py: Python<'_>) -> bool {
    forgiven(py, look(py)) == Some(true)
}

fn look(py: Python<'_>) -> PyResult<bool> {
    static KNOWN: Mutex<Option<Known>> = Mutex::new(None);
    static ENDS_AFTER: Once<Py<PyAny>> = Once::new();
    let Some(frame) = frame(py) else { return Ok(false) };
    if !frame.getattr(intern!(py, "f_back"))?.is_none() {
        return Ok(false);
    }
    let (code, at) = (frame.getattr(intern!(py, "f_code"))?, frame.getattr(intern!(py, "f_lasti"))?);
    let key = (code.as_ptr() as usize, at.extract()?);
    // No Python code runs while this is held.
    let known = || KNOWN.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some((_, is_last)) = known().as_ref().and_then(|known| known.get(&key)) {
        return Ok(*is_last);
    }
    let ends_after = ENDS_AFTER.import(py, "offbit_reflow._last_call", "ends_after")?;
    let is_last = ends_after.call1((&code, at))?.extract()?;
    let forgotten = {
        let mut known = known();
        let known = known.get_or_insert_default();
        let forgotten = if known.len() < MOST { Known::default() } else { std::mem::take(known) };
        known.insert(key, (code.unbind(), is_last));
        forgotten
    };
    drop(forgotten);
    Ok(is_last)
}

/// The frame of the Python function that runs.
fn frame(py: Python<'_>) -> Option<Bound<'_, PyAny>> {
    #[allow(unsafe_code, reason = "there is no safe accessor")]
    // SAFETY: this thread is attached. The answer is null or borrowed from the interpreter, and a frame is an object.
    unsafe {
        Bound::from_borrowed_ptr_or_opt(py, ffi::PyEval_GetFrame().cast())
    }
}
