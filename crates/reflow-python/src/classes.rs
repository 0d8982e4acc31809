//! What the class of an object says about it. Nothing here looks at an attribute of the object itself: a `__getattr__` or
//! `__getattribute__` of its class may be slow or raise, and is not called for a value that only travels.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyDict, PyFloat, PyFrozenSet, PyInt, PyRange, PySet, PyString, PyTuple, PyType};

use crate::errors::forgiven;
use crate::once::{Once, intern};

/// Whether its class derives from another one. Runs no Python code.
pub(crate) fn derives(object: &Bound<'_, PyAny>, class: &Bound<'_, PyType>) -> bool {
    #[allow(unsafe_code, reason = "the safe test may run code of a metaclass")]
    // SAFETY: both are live classes.
    unsafe {
        ffi::PyType_IsSubtype(object.get_type_ptr(), class.as_type_ptr()) != 0
    }
}

/// Whether its class is a mapping: a dict, or what derives from `collections.abc.Mapping` or is registered there.
pub(crate) fn is_mapping(object: &Bound<'_, PyAny>) -> bool {
    static MAPPING: Once<Py<PyType>> = Once::new();
    object.is_instance_of::<PyDict>() || is_kind_of(object, &MAPPING, "Mapping")
}

fn is_sequence(object: &Bound<'_, PyAny>) -> bool {
    static SEQUENCE: Once<Py<PyType>> = Once::new();
    is_kind_of(object, &SEQUENCE, "Sequence")
}

fn is_kind_of(object: &Bound<'_, PyAny>, class: &'static Once<Py<PyType>>, name: &str) -> bool {
    let py = object.py();
    let answer = class.import(py, "collections.abc", name).and_then(|class| object.get_type().is_subclass(class));
    forgiven(py, answer) == Some(true)
}

/// Whether `await` takes it.
pub(crate) fn is_awaitable(object: &Bound<'_, PyAny>) -> bool {
    #[allow(unsafe_code, reason = "there is no safe accessor")]
    // SAFETY: the class is alive, and the number is that of a slot.
    unsafe {
        !ffi::PyType_GetSlot(object.get_type_ptr(), ffi::Py_am_await).is_null()
    }
}

/// Whether it offers its memory.
pub(crate) fn has_buffer(object: &Bound<'_, PyAny>) -> bool {
    #[allow(unsafe_code, reason = "there is no safe accessor")]
    // SAFETY: the object is alive; only its class is looked at.
    unsafe {
        ffi::PyObject_CheckBuffer(object.as_ptr()) != 0
    }
}

/// Whether an object that is no container may be something else than itself to who is no Python actor: a scalar, bytes, items.
pub(crate) fn may_convert(object: &Bound<'_, PyAny>) -> bool {
    #[allow(unsafe_code, reason = "there is no safe accessor")]
    // SAFETY: the object is alive; only its class is looked at.
    let is_index = unsafe { ffi::PyIndex_Check(object.as_ptr()) != 0 };
    is_index
        || object.is_none()
        || object.is_instance_of::<PyTuple>()
        || object.is_instance_of::<PySet>()
        || object.is_instance_of::<PyInt>()
        || object.is_instance_of::<PyFloat>()
        || object.is_instance_of::<PyString>()
        || object.is_instance_of::<PyByteArray>()
        || object.is_instance_of::<PyFrozenSet>()
        || object.is_instance_of::<PyRange>()
        || has_buffer(object)
        || has_scalar(object)
        || is_mapping(object)
        || is_sequence(object)
}

/// Whether its class is that of an array's items, as NumPy has them.
fn has_scalar(object: &Bound<'_, PyAny>) -> bool {
    let (py, class) = (object.py(), object.get_type());
    let has = |name| forgiven(py, class.hasattr(name)) == Some(true);
    has(intern!(py, "dtype")) && has(intern!(py, "item"))
}

/// The dict of its attributes.
pub(crate) fn members<'py>(object: &Bound<'py, PyAny>) -> Option<Bound<'py, PyDict>> {
    let py = object.py();
    #[allow(unsafe_code, reason = "the safe accessor asks the object's own hooks")]
    // SAFETY: both are live objects, and the answer is a reference of our own unless it is an error.
    let members = unsafe {
        let name = intern!(py, "__dict__");
        Bound::from_owned_ptr_or_err(py, ffi::PyObject_GenericGetAttr(object.as_ptr(), name.as_ptr()))
    };
    forgiven(py, members)?.cast_into().ok()
}

/// The memory that the object says it takes, without what it refers to.
pub(crate) fn size(object: &Bound<'_, PyAny>) -> Option<u64> {
    static SIZE: Once<Py<PyAny>> = Once::new();
    let py = object.py();
    // It looks for `__sizeof__` where the class has it.
    let size = SIZE.import(py, "sys", "getsizeof").and_then(|size| size.call1((object,))?.extract());
    forgiven(py, size)
}
