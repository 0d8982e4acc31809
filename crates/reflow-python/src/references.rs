//! How many references a Python object has: how a finished tick learns that somebody kept its context.

use pyo3::prelude::*;

/// The number of references to `object`, this one included.
pub(crate) fn count<T>(object: &Bound<'_, T>) -> isize {
    #[allow(unsafe_code, reason = "the reference count has no safe accessor")]
    // SAFETY: a `Bound` is a valid object and proves that this thread is attached.
    unsafe {
        pyo3::ffi::Py_REFCNT(object.as_ptr()) as isize
    }
}
