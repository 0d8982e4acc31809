//! `Message`, as Python sees it.

use std::hash::{DefaultHasher, Hash, Hasher};

use pyo3::exceptions::{PyOverflowError, PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString, PyTuple};
use reflow_runtime::{AnyValue, Message, Value};

use crate::convert::{self, PyHostObject};
use crate::errors::{self, ConversionError};
use crate::plain::PyPlain;
use crate::protect::Held;
use crate::stream::PyStreamReader;

/// A typed datum that travels over a connection. Made by the static methods; immutable.
///
/// Examples
/// --------
/// >>> from offbit_reflow import Message
/// >>> message = Message.integer(3)
/// >>> message.kind, message.data()
/// ('Integer', 3)
#[pyclass(name = "Message", module = "offbit_reflow", frozen)]
pub(crate) struct PyMessage {
    pub(crate) message: Message,
}

impl PyMessage {
    pub(crate) fn object(py: Python<'_>, message: Message) -> PyResult<Bound<'_, Self>> {
        Bound::new(py, Self { message })
    }
}

impl PyMessage {
    /// The message in a kind of its own, where it has one.
    fn known(&self) -> &Message {
        self.message.known().unwrap_or(&self.message)
    }
}

impl From<Message> for PyMessage {
    fn from(message: Message) -> Self {
        Self { message }
    }
}

#[pymethods]
impl PyMessage {
    /// Makes a packet that says only that something happened.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.flow().kind
    /// 'Flow'
    #[staticmethod]
    fn flow() -> Self {
        Message::Flow.into()
    }

    /// Makes a truth value.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.boolean(True).data()
    /// True
    #[staticmethod]
    fn boolean(v: &Bound<'_, PyAny>) -> PyResult<Self> {
        // NumPy's truth values too.
        Ok(Message::Boolean(v.extract().map_err(|_| convert::wrong_type("a bool", v))?).into())
    }

    /// Makes a whole number of 64 bits.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.integer(3).as_integer()
    /// 3
    #[staticmethod]
    fn integer(v: &Bound<'_, PyAny>) -> PyResult<Self> {
        // Whatever counts as an index: NumPy's integers too.
        let refused = |error: PyErr| {
            if error.is_instance_of::<PyOverflowError>(v.py()) {
                return PyOverflowError::new_err("an Integer message holds -2**63 to 2**63-1");
            }
            convert::wrong_type("an int", v)
        };
        Ok(Message::Integer(v.extract().map_err(refused)?).into())
    }

    /// Makes a number of 64 bits with a fraction.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.float(0.5).as_float()
    /// 0.5
    #[staticmethod]
    fn float(v: f64) -> Self {
        Message::Float(v).into()
    }

    /// Makes a text.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.string("a").as_string()
    /// 'a'
    #[staticmethod]
    fn string(v: &Bound<'_, PyString>) -> PyResult<Self> {
        Ok(Message::String(v.to_str()?.into()).into())
    }

    /// Makes bytes of any buffer; `bytes` objects are not copied.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.bytes(b"ab").as_bytes()
    /// b'ab'
    #[staticmethod]
    fn bytes(v: &Bound<'_, PyAny>) -> PyResult<Self> {
        match convert::bytes_like(v)? {
            Some(buffer) => Ok(Message::Bytes(buffer).into()),
            None => Err(convert::wrong_type("bytes or another object with the buffer protocol", v)),
        }
    }

    /// Makes an error as data, with its text.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.error("no").kind
    /// 'Error'
    #[staticmethod]
    fn error(v: &Bound<'_, PyString>) -> PyResult<Self> {
        Ok(Message::Error(v.to_str()?.into()).into())
    }

    /// Makes a JSON value, of a dict in most cases.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.object({"a": 1}).data()
    /// {'a': 1}
    #[staticmethod]
    #[pyo3(name = "object")]
    fn object_message(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Message::Object(convert::to_value(value)?).into())
    }

    /// Makes a list of JSON values.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.array([1, 2]).data()
    /// [1, 2]
    #[staticmethod]
    fn array(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        match convert::to_value(value)? {
            Value::Array(items) => Ok(Message::Array(items).into()),
            other => Err(ConversionError::new_err(format!(
                "python → json: an Array message needs a list, got {}",
                other.kind()
            ))),
        }
    }

    /// Makes a JSON value that the receiver has to look at.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.any([1]).kind
    /// 'Any'
    #[staticmethod]
    fn any(value: &Bound<'_, PyAny>) -> Self {
        Message::Any(AnyValue::Host(std::sync::Arc::new(PyHostObject::new(value)))).into()
    }

    /// Makes a message of its wire form, `{"type": KIND, "data": ...}`.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.from_json({"type": "Integer", "data": 3}).data()
    /// 3
    #[staticmethod]
    fn from_json(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        convert::from_json(value).map(Into::into)
    }

    /// Makes the message that a plain value is sent as.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.from_value(3).kind
    /// 'Integer'
    #[staticmethod]
    fn from_value(value: &Bound<'_, PyAny>) -> PyResult<Self> {
        convert::to_message(value, Held::ByOthers).map(Into::into)
    }

    /// The kind of the message, such as `Integer` or `Object`.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.string("a").kind
    /// 'String'
    #[getter]
    fn kind(&self) -> &'static str {
        self.message.kind()
    }

    /// Gives the wire form, `{"type": KIND, "data": ...}`.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.integer(3).as_json()
    /// {'data': 3, 'type': 'Integer'}
    fn as_json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::wire_to_python(py, &self.message)
    }

    /// Gives a truth value; None if it is of another kind.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.boolean(False).as_boolean()
    /// False
    fn as_boolean(&self) -> Option<bool> {
        match self.known() {
            Message::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// Gives a whole number; None if it is of another kind.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.integer(3).as_integer()
    /// 3
    fn as_integer(&self) -> Option<i64> {
        match self.known() {
            Message::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// Gives a number; None if it is of another kind.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.float(0.5).as_float()
    /// 0.5
    fn as_float(&self) -> Option<f64> {
        match self.known() {
            Message::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// Gives a text, also of an error; None if it is of another kind.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.string("a").as_string()
    /// 'a'
    fn as_string(&self) -> Option<&str> {
        match self.known() {
            Message::String(text) | Message::Error(text) => Some(text),
            _ => None,
        }
    }

    /// Gives bytes; None if it is of another kind.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.bytes(b"a").as_bytes()
    /// b'a'
    fn as_bytes<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyBytes>> {
        match self.known() {
            Message::Bytes(buffer) => Some(convert::buffer_to_python(py, buffer)),
            _ => None,
        }
    }

    /// Gives the plain value.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Message
    /// >>> Message.object({"a": 1}).data()
    /// {'a': 1}
    fn data<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::data_to_python(py, &self.message)
    }

    /// Takes the reading end of a stream; it can be taken once.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create()
    /// >>> reader = stream.into_message().take_stream()
    /// >>> stream.send_bytes(b"ab")
    /// >>> stream.close()
    /// >>> reader.read_all(timeout=5)
    /// b'ab'
    fn take_stream(&self) -> PyResult<PyStreamReader> {
        match &self.message {
            Message::StreamHandle(handle) => {
                handle.take().map(PyStreamReader::new).map_err(|error| errors::stream(&error))
            }
            other => Err(PyValueError::new_err(format!("a {} message carries no stream", other.kind()))),
        }
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        convert::traverse(&self.message, &visit)
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> bool {
        let plain = |message: &'_ Message| message.host_value::<PyPlain>().map(|plain| plain.object(py).clone());
        match (plain(&self.message), plain(&other.message)) {
            // What cannot be compared (arrays) is equal to itself.
            (Some(a), Some(b)) if self.message.kind() == other.message.kind() => {
                a.is(&b) || errors::forgiven(py, a.eq(&b)) == Some(true)
            }
            (Some(_), Some(_)) => false,
            _ => self.message == other.message,
        }
    }

    fn __hash__(&self) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.message.kind().hash(&mut hasher);
        match self.known() {
            Message::Boolean(value) => value.hash(&mut hasher),
            Message::Integer(value) => value.hash(&mut hasher),
            // 0.0 and -0.0 are equal and must hash alike.
            Message::Float(value) => (value + 0.0).to_bits().hash(&mut hasher),
            Message::String(text) | Message::Error(text) => text.hash(&mut hasher),
            Message::Bytes(bytes) | Message::Encoded(bytes) => bytes.len().hash(&mut hasher),
            _ => {}
        }
        hasher.finish()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        let shown = match &self.message {
            Message::Flow => return Ok("Message.flow()".into()),
            Message::Bytes(bytes) | Message::Encoded(bytes) => format!("<{} bytes>", bytes.len()),
            Message::StreamHandle(handle) => format!("<stream {}>", handle.stream_id),
            other => {
                let text = convert::data_to_python(py, other)?.repr()?.to_string();
                if text.chars().count() > 80 {
                    format!("{}…", text.chars().take(79).collect::<String>())
                } else {
                    text
                }
            }
        };
        Ok(format!("<Message {} {shown}>", self.message.kind()))
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        match &self.message {
            Message::StreamHandle(_) | Message::Any(AnyValue::Host(_)) => Err(PyTypeError::new_err(format!(
                "a {} message belongs to this process and cannot be pickled",
                self.message.kind()
            ))),
            message if message.host_value::<PyPlain>().is_some() => {
                let rebuild = py.get_type::<Self>().getattr("from_value")?;
                (rebuild, (convert::data_to_python(py, message)?,)).into_pyobject(py)
            }
            message => {
                let rebuild = py.get_type::<Self>().getattr("_unpickle")?;
                let data = match message {
                    Message::Bytes(buffer) | Message::Encoded(buffer) => {
                        convert::buffer_to_python(py, buffer).into_any()
                    }
                    other => convert::data_to_python(py, other)?,
                };
                (rebuild, (message.kind(), data)).into_pyobject(py)
            }
        }
    }

    #[staticmethod]
    fn _unpickle(kind: &str, data: &Bound<'_, PyAny>) -> PyResult<Self> {
        let dict = PyDict::new(data.py());
        dict.set_item("type", kind)?;
        dict.set_item("data", data)?;
        convert::from_json(dict.as_any()).map(Into::into)
    }
}
