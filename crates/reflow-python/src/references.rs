//! How many references a Python object has: how a finished tick learns that somebody kept its context.

use crate::convert::port_value_type;
use crate::once::Once;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

/// How many references the argument of a call has that nobody else holds; 0 where counts do not tell: since `CPython` 3.14 the
/// interpreter lends arguments out without counting.
pub(crate) fn of_argument(py: Python<'_>) -> isize {
    static LENT: Once<bool> = Once::new();
    isize::from(!*LENT.get_or_init(py, || py.version_info() >= (3, 14)))
}

/// Whether weak references lead to the object. Dicts, lists and tuples cannot have any, nor can the dicts of `ctx.inputs`.
pub(crate) fn is_reached_weakly(object: &Bound<'_, PyAny>) -> bool {
    static COUNT: Once<Py<PyAny>> = Once::new();
    let py = object.py();
    if object.is_exact_instance_of::<PyDict>()
        || object.is_exact_instance_of::<PyList>()
        || object.is_exact_instance_of::<PyTuple>()
        || port_value_type(py).is_ok_and(|class| object.get_type().is(class))
    {
        return false;
    }
    let count = COUNT.import(py, "weakref", "getweakrefcount").and_then(|count| count.call1((object,)));
    count.and_then(|count| count.extract::<usize>()).map_or(true, |count| count > 0)
}

/// The number of references to `object`, this one included.
pub(crate) fn count<T>(object: &Bound<'_, T>) -> isize {
    #[allow(unsafe_code, reason = "the reference count has no safe accessor")]
    // SAFETY: a `Bound` is a valid object and proves that this thread is attached.
    unsafe {
        pyo3::ffi::Py_REFCNT(object.as_ptr()) as isize
    }
}
