//! Columns of numbers: a list of which each item is an int or a float becomes messages, and messages become a list, in one go.

use pyo3::PyTypeInfo;
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyList};
use reflow_runtime::Message;

use crate::layout;

/// The messages of a list of numbers; `None` if something else is in it, or a number that no message holds.
pub(crate) fn of_list(list: &Bound<'_, PyList>) -> Option<Vec<Message>> {
    let py = list.py();
    let (int, float) = (PyInt::type_object_raw(py), PyFloat::type_object_raw(py));
    let mut messages = Vec::with_capacity(list.len());
    let is_number = |object: *mut ffi::PyObject| {
        #[allow(unsafe_code, reason = "the safe form counts references")]
        // SAFETY: this thread is attached, the object is alive, and its class is that which each function is for.
        let message = unsafe {
            let class = ffi::Py_TYPE(object);
            if class == int {
                let mut overflow = 0;
                let number = ffi::PyLong_AsLongLongAndOverflow(object, &raw mut overflow);
                (overflow == 0).then_some(Message::Integer(number))
            } else if class == float {
                Some(Message::Float(ffi::PyFloat_AsDouble(object)))
            } else {
                None
            }
        };
        let is_number = message.is_some();
        messages.extend(message);
        is_number
    };
    (layout::all(list, is_number) == Some(true)).then_some(messages)
}

/// A number, as a message has it.
#[derive(Clone, Copy)]
pub(crate) enum Number {
    Integer(i64),
    Float(f64),
}

/// The numbers of messages; `None` if one of them is none.
pub(crate) fn of_messages(messages: &[Message]) -> Option<Vec<Number>> {
    let mut numbers = Vec::with_capacity(messages.len());
    for message in messages {
        numbers.push(match message {
            Message::Integer(number) => Number::Integer(*number),
            Message::Float(number) => Number::Float(*number),
            _ => return None,
        });
    }
    Some(numbers)
}

/// The list of these numbers.
pub(crate) fn to_list(py: Python<'_>, numbers: Vec<Number>) -> PyResult<Bound<'_, PyList>> {
    let object = |number| match number {
        Number::Integer(number) => PyInt::new(py, number).into_any(),
        Number::Float(number) => PyFloat::new(py, number).into_any(),
    };
    PyList::new(py, numbers.into_iter().map(object))
}
