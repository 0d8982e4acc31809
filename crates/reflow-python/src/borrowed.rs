//! Looking through containers without counting references: most of what is in them is of no interest, and a thousand counts up
//! and down cost more than everything else that is done with a value.

use std::num::NonZeroU64;
use std::sync::atomic::{AtomicU64, Ordering};

use pyo3::PyTypeInfo;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PySet, PyString, PyTuple};

use crate::classes::derives;
use crate::json::deque_type;
use crate::layout;

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

/// Whether it is known that there is no container in a dict or list. That it is not known, says nothing.
pub(crate) fn holds_only_leaves(container: &Bound<'_, PyAny>) -> bool {
    let py = container.py();
    let state = layout::state(container);
    if state.is_some_and(|state| FLAT.has(state)) {
        return true;
    }
    // Imported before, not in the middle, where a thread that comes in between could change what is looked at.
    let _ = deque_type(py);
    // Most are of the class of the one before.
    let mut last = std::ptr::null_mut();
    let is_leaf = |object: *mut ffi::PyObject| {
        #[allow(unsafe_code, reason = "the safe form counts references")]
        // SAFETY: this thread is attached, and the object is alive.
        let class = unsafe { ffi::Py_TYPE(object) };
        class == std::mem::replace(&mut last, class) || is_leaf(py, object)
    };
    let is_flat = layout::all(container, is_leaf) == Some(true);
    if let (true, Some(state)) = (is_flat, state) {
        FLAT.add(state);
    }
    is_flat
}

#[cold]
fn is_leaf(py: Python<'_>, object: *mut ffi::PyObject) -> bool {
    #[allow(unsafe_code, reason = "the safe form counts references")]
    // SAFETY: this thread is attached, and the object is alive.
    unsafe {
        form(&Borrowed::from_ptr(py, object)) == Form::Leaf
    }
}

/// A copy of a dict. What is known of one of them is known of the other: a dict that is sent again and again is looked through once.
pub(crate) fn copy_of_dict<'py>(dict: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
    let before = layout::state(dict);
    let copy = dict.copy()?.into_any();
    if let (Some(before), Some(copied)) = (before, layout::state(&copy))
        && layout::state(dict) == Some(before)
    {
        if FLAT.has(before) {
            FLAT.add(copied);
        } else if holds_only_leaves(&copy) {
            FLAT.add(before);
        }
    }
    Ok(copy)
}

/// The state of a dict, if it is known that there is no container in it.
pub(crate) fn flat_state(dict: &Bound<'_, PyAny>) -> Option<NonZeroU64> {
    layout::state(dict).filter(|state| FLAT.has(*state))
}

/// Somebody has kept such a state, and it counts again.
pub(crate) fn remember_flat(state: NonZeroU64) {
    FLAT.add(state);
}

/// States of dicts in which there is no container: a dict that goes through many nodes is looked through once. Those of dicts that
/// wait in between are kept with them.
static FLAT: States = States([const { AtomicU64::new(0) }; 64]);

struct States([AtomicU64; 64]);

impl States {
    fn place(&self, state: NonZeroU64) -> &AtomicU64 {
        &self.0[((state.get() ^ state.get() >> 12) % 64) as usize]
    }

    fn has(&self, state: NonZeroU64) -> bool {
        self.place(state).load(Ordering::Relaxed) == state.get()
    }

    fn add(&self, state: NonZeroU64) {
        self.place(state).store(state.get(), Ordering::Relaxed);
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
