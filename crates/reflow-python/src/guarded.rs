//! Calls of Python code that may be at work when the interpreter goes.
//!
//! Before 3.14 that ends a thread which comes back to it by unwinding its stack. In native code that would abort the process, and what
//! is dropped on the way would be dropped without the interpreter: so nothing is between the interpreter and the guard that keeps the
//! thread for good. pyo3 declares these functions as what cannot unwind, and then a compiler may leave the guard out.
#![allow(unsafe_code, reason = "functions of the interpreter are called as what may unwind")]

use std::hint::black_box;
use std::mem::{forget, transmute};
use std::ptr::null_mut;

use pyo3::exceptions::PyStopIteration;
use pyo3::ffi::{self, PyObject};
use pyo3::prelude::*;
use pyo3::types::iterator::PySendResult;
use pyo3::types::{PyIterator, PyTuple};

use crate::exit::sleep_for_good;

/// Keeps the thread if the stack is unwound through this.
fn guarded<T>(call: impl FnOnce() -> T) -> T {
    struct Unwound;
    impl Drop for Unwound {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                sleep_for_good();
            }
        }
    }
    let unwound = Unwound;
    let value = call();
    forget(unwound);
    value
}

/// Calls something.
pub(crate) fn call<'py>(callable: &Bound<'py, PyAny>, arguments: &Bound<'py, PyTuple>) -> PyResult<Bound<'py, PyAny>> {
    type Plain = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
    type Unwinding = unsafe extern "C-unwind" fn(*mut PyObject, *mut PyObject, *mut PyObject) -> *mut PyObject;
    // SAFETY: the two types differ in what the compiler may assume, and are hidden from it. It takes a callable and a tuple, and gives
    // an object unless it fails; there are no arguments by name.
    unsafe {
        let result = guarded(|| {
            let call = black_box(transmute::<Plain, Unwinding>(ffi::PyObject_Call));
            call(callable.as_ptr(), arguments.as_ptr(), null_mut())
        });
        Bound::from_owned_ptr_or_err(callable.py(), result)
    }
}

/// Asks an iterator for its next item.
pub(crate) fn next<'py>(iterator: &Bound<'py, PyIterator>) -> PyResult<Option<Bound<'py, PyAny>>> {
    type Plain = unsafe extern "C" fn(*mut PyObject) -> *mut PyObject;
    type Unwinding = unsafe extern "C-unwind" fn(*mut PyObject) -> *mut PyObject;
    // SAFETY: as in `call`. It takes an iterator, and gives an object unless it fails or is at its end.
    let item = unsafe {
        let item = guarded(|| {
            let next = black_box(transmute::<Plain, Unwinding>(ffi::PyIter_Next));
            next(iterator.as_ptr())
        });
        Bound::from_owned_ptr_or_opt(iterator.py(), item)
    };
    match item {
        Some(item) => Ok(Some(item)),
        None => PyErr::take(iterator.py()).map_or(Ok(None), Err),
    }
}

/// Sends a coroutine a value.
pub(crate) fn send<'py>(coroutine: &Bound<'py, PyAny>, value: &Bound<'py, PyAny>) -> PyResult<PySendResult<'py>> {
    type Plain = unsafe extern "C" fn(*mut PyObject, *mut PyObject, *mut *mut PyObject) -> ffi::PySendResult;
    type Unwinding = unsafe extern "C-unwind" fn(*mut PyObject, *mut PyObject, *mut *mut PyObject) -> ffi::PySendResult;
    let py = coroutine.py();
    let mut result = null_mut();
    // SAFETY: as in `call`. It takes any two objects, and gives an object unless it fails.
    let (sent, result) = unsafe {
        let sent = guarded(|| {
            let send = black_box(transmute::<Plain, Unwinding>(ffi::PyIter_Send));
            send(coroutine.as_ptr(), value.as_ptr(), &raw mut result)
        });
        (sent, Bound::from_owned_ptr_or_opt(py, result))
    };
    match (sent, result) {
        (ffi::PySendResult::PYGEN_NEXT, Some(result)) => Ok(PySendResult::Next(result)),
        (ffi::PySendResult::PYGEN_RETURN, Some(result)) => Ok(PySendResult::Return(result)),
        _ => Err(PyErr::fetch(py)),
    }
}

/// Throws exceptions into a coroutine.
pub(crate) fn throw<'py>(coroutine: &Bound<'py, PyAny>, error: &Bound<'py, PyTuple>) -> PyResult<PySendResult<'py>> {
    let py = coroutine.py();
    match call(&coroutine.getattr(crate::once::intern!(py, "throw"))?, error) {
        Err(stop) if stop.is_instance_of::<PyStopIteration>(py) => {
            Ok(PySendResult::Return(stop.value(py).getattr(crate::once::intern!(py, "value"))?))
        }
        next => next.map(PySendResult::Next),
    }
}
