//! Looking through containers without counting references: most of what is in them is of no interest, and a thousand counts up
//! and down cost more than everything else that is done with a value.

use pyo3::PyTypeInfo;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PySet, PyString, PyTuple};

use crate::classes::derives;
use crate::json::deque_type;

/// What kind of container an object is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// None.
    Leaf,
    Dict,
    /// A dict with a class of its own.
    DictLike,
    List,
    /// A list with a class of its own.
    ListLike,
    Tuple,
    Set,
    Deque,
    ByteArray,
}

/// What kind of container an object is. Runs no Python code.
pub(crate) fn form(object: &Bound<'_, PyAny>) -> Form {
    let class = object.get_type_ptr();
    let py = object.py();
    let is = |known: *mut ffi::PyTypeObject| class == known;
    if is(PyFloat::type_object_raw(py))
        || is(PyInt::type_object_raw(py))
        || is(PyString::type_object_raw(py))
        || is(PyBytes::type_object_raw(py))
        || object.is_none()
    {
        return Form::Leaf;
    }
    if is(PyDict::type_object_raw(py)) {
        return Form::Dict;
    }
    if is(PyList::type_object_raw(py)) {
        return Form::List;
    }
    if object.is_instance_of::<PyTuple>() {
        return Form::Tuple;
    }
    if object.is_instance_of::<PyDict>() {
        return Form::DictLike;
    }
    if object.is_instance_of::<PyList>() {
        return Form::ListLike;
    }
    if object.is_instance_of::<PySet>() {
        return Form::Set;
    }
    if object.is_instance_of::<PyByteArray>() {
        return Form::ByteArray;
    }
    if deque_type(py).is_ok_and(|deque| derives(object, deque)) {
        return Form::Deque;
    }
    Form::Leaf
}

/// Whether the interpreter knows that there is no container in the dict. That it does not know it, says nothing.
pub(crate) fn holds_only_leaves(dict: &Bound<'_, PyAny>) -> bool {
    #[allow(unsafe_code, reason = "there is no safe accessor")]
    // SAFETY: the object is alive. The collector of cycles leaves out dicts in which there is nothing that could hold anything.
    unsafe {
        ffi::PyObject_GC_IsTracked(dict.as_ptr()) == 0
    }
}

/// The members that are containers. The dict must be nobody else's where there is no interpreter lock.
pub(crate) fn containers_in_dict<'py>(dict: &Bound<'py, PyDict>) -> Vec<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
    let py = dict.py();
    let mut found = Vec::new();
    let (mut at, mut key, mut value) = (0, std::ptr::null_mut(), std::ptr::null_mut());
    #[allow(unsafe_code, reason = "the safe iterator counts references")]
    // SAFETY: this thread is attached, the dict is alive, and nothing in the loop runs Python code or changes the dict: `form` only
    // looks at classes, and counting references up has no effect.
    unsafe {
        while ffi::PyDict_Next(dict.as_ptr(), &raw mut at, &raw mut key, &raw mut value) != 0 {
            let value = Borrowed::from_ptr(py, value);
            if form(&value) != Form::Leaf {
                found.push((Borrowed::from_ptr(py, key).to_owned(), value.to_owned()));
            }
        }
    }
    found
}

/// The items that are containers. The list must be nobody else's where there is no interpreter lock.
pub(crate) fn containers_in_list<'py>(list: &Bound<'py, PyList>) -> Vec<(usize, Bound<'py, PyAny>)> {
    let py = list.py();
    let mut found = Vec::new();
    for at in 0..list.len() {
        #[allow(unsafe_code, reason = "the safe accessor counts references")]
        // SAFETY: as above, and the index is within the list.
        unsafe {
            let item = Borrowed::from_ptr(py, ffi::PyList_GetItem(list.as_ptr(), at as ffi::Py_ssize_t));
            if form(&item) != Form::Leaf {
                found.push((at, item.to_owned()));
            }
        }
    }
    found
}

/// Puts a value in place of another one, whatever the class of the dict says about that.
pub(crate) fn set_in_dict(dict: &Bound<'_, PyDict>, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
    dict.set_item(key, value)
}

/// Puts a value in place of another one, whatever the class of the list says about that.
pub(crate) fn set_in_list(list: &Bound<'_, PyList>, at: usize, value: &Bound<'_, PyAny>) -> PyResult<()> {
    list.set_item(at, value)
}
