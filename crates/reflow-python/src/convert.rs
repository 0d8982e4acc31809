//! Python values as messages and JSON-shaped data, and back.
//!
//! Numbers, texts and `None` convert at once; `bytes` travel by reference both ways; everything else travels as it is
//! (`plain.rs`) until it meets something that is not Python.

use std::sync::OnceLock;

use crate::once::Once;
use pyo3::buffer::PyUntypedBuffer;
use pyo3::exceptions::PyTypeError;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMemoryView, PyString, PyTuple, PyType,
};
use reflow_runtime::{AnyValue, Buffer, BufferOwner, HostObject, KINDS, Message, Value};
use smallvec::SmallVec;

use crate::borrowed::{self, Form};
use crate::classes;
use crate::errors::{self, ConversionError};
use crate::json::{NotFinite, items_to_python, write};
pub(crate) use crate::json::{to_value, value_to_python};
use crate::message::PyMessage;
use crate::plain::{self, PyPlain};
use crate::protect::{self, Held};

/// A Python `bytes` object as the owner of a buffer: nothing is copied on either way.
pub(crate) struct PyBytesOwner {
    object: Py<PyBytes>,
    /// The object's own memory, seen without being attached.
    view: pyo3::pybacked::PyBackedBytes,
}

impl BufferOwner for PyBytesOwner {
    fn bytes(&self) -> &[u8] {
        &self.view
    }
}

/// Any Python object, passed by reference in a `Message.any`.
pub(crate) struct PyHostObject {
    pub(crate) object: Py<PyAny>,
    description: String,
    /// Estimated when somebody asks.
    bytes: OnceLock<u64>,
}

impl PyHostObject {
    pub(crate) fn new(object: &Bound<'_, PyAny>) -> Self {
        let name = object.get_type().name().map_or_else(|_| "object".into(), |name| name.to_string());
        Self { object: object.clone().unbind(), description: format!("<{name} object>"), bytes: OnceLock::new() }
    }
}

/// A message that passes an object by reference.
pub(crate) fn object_message(object: &Bound<'_, PyAny>) -> Message {
    Message::Any(AnyValue::Host(std::sync::Arc::new(PyHostObject::new(object))))
}

impl HostObject for PyHostObject {
    fn packed(&self) -> Result<Vec<u8>, reflow_runtime::HostValueError> {
        crate::plain::pickled(crate::plain::OBJECT, &self.object)
    }

    fn describe(&self) -> String {
        self.description.clone()
    }

    fn bytes(&self) -> u64 {
        plain::estimated(&self.bytes, &self.object)
    }
}

/// Shows the garbage collector the Python objects that only this message holds. Others are held by somebody it cannot know.
pub(crate) fn traverse(message: &Message, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
    if let Message::Any(any) = message
        && let AnyValue::Host(shared) = any
        && std::sync::Arc::strong_count(shared) == 1
        && let Some(host) = any.host::<PyHostObject>()
    {
        visit.call(&host.object)?;
    }
    if let Message::Host(shared) = message
        && std::sync::Arc::strong_count(shared) == 1
        && let Some(plain) = message.host_value::<PyPlain>()
    {
        plain.traverse(visit)?;
    }
    Ok(())
}

/// The message that a Python value stands for: a `Message`, a tagged dict, or a plain value.
pub(crate) fn to_message(object: &Bound<'_, PyAny>, held: Held) -> PyResult<Message> {
    if let Ok(integer) = object.cast_exact::<PyInt>() {
        return match integer.extract() {
            Ok(integer) => Ok(Message::Integer(integer)),
            Err(_) => plain::to_message(object, held),
        };
    }
    if let Ok(message) = object.cast_exact::<PyMessage>() {
        return Ok(message.get().message.clone());
    }
    if let Ok(float) = object.cast_exact::<PyFloat>() {
        return Ok(Message::Float(float.value()));
    }
    if let Ok(text) = object.cast_exact::<PyString>() {
        return Ok(Message::String(text.to_str()?.into()));
    }
    if let Ok(dict) = object.cast::<PyDict>() {
        return dict_to_message(dict, held);
    }
    if object.is_none() {
        return Ok(Message::Optional(None));
    }
    if let Ok(boolean) = object.cast_exact::<PyBool>() {
        return Ok(Message::Boolean(boolean.is_true()));
    }
    if let Ok(bytes) = object.cast_exact::<PyBytes>() {
        return Ok(Message::Bytes(buffer_of(bytes)));
    }
    plain::to_message(object, held)
}

/// Says that an integer has no message of its own.
pub(crate) fn too_large(object: &Bound<'_, PyAny>) -> PyErr {
    let text = object.str().map_or_else(|_| String::new(), |text| text.to_string());
    let shown = if text.is_empty() || text.len() > 40 { "a larger one".into() } else { text };
    ConversionError::new_err(format!("an Integer message holds -2**63 to 2**63-1, got {shown}"))
}

/// A dict with a known kind as `type` and nothing besides it but `data` is a tagged message, every other one a plain value.
fn dict_to_message(dict: &Bound<'_, PyDict>, held: Held) -> PyResult<Message> {
    let py = dict.py();
    if let Some(message) = port_value_message(dict.as_any())? {
        return Ok(message);
    }
    if dict.len() <= 2
        && let Some(kind) = dict.get_item(crate::once::intern!(py, "type"))?
        && let Ok(kind) = kind.cast::<PyString>()
    {
        let data = dict.get_item(crate::once::intern!(py, "data"))?;
        if let Some(number) = data.as_ref().and_then(|data| tagged_number(kind, data)) {
            return Ok(number);
        }
        let name = kind.to_str()?;
        if (dict.len() == 1 || data.is_some()) && KINDS.contains(&name) {
            return tagged(name, data.as_ref());
        }
    }
    plain::to_message(dict.as_any(), held)
}

/// The message of a number whose kind is written as a literal, which Python interns: the most common form, read first.
fn tagged_number(kind: &Bound<'_, PyString>, data: &Bound<'_, PyAny>) -> Option<Message> {
    let py = kind.py();
    if kind.as_ptr() == crate::once::intern!(py, "Integer").as_ptr() {
        return data.cast_exact::<PyInt>().ok()?.extract().ok().map(Message::Integer);
    }
    if kind.as_ptr() == crate::once::intern!(py, "Float").as_ptr() {
        return data.cast_exact::<PyFloat>().ok().map(|float| Message::Float(float.value()));
    }
    None
}

/// The message that a `PortValue` stands for, if its data says less than that.
fn port_value_message(object: &Bound<'_, PyAny>) -> PyResult<Option<Message>> {
    let py = object.py();
    if object.is_exact_instance_of::<PyDict>() || !classes::derives(object, port_value_type(py)?) {
        return Ok(None);
    }
    if let Ok(message) = object.getattr(crate::once::intern!(py, "_message"))
        && let Ok(message) = message.cast_exact::<PyMessage>()
    {
        return Ok(Some(message.get().message.clone()));
    }
    let dict = object.cast::<PyDict>()?;
    let (Some(kind), Some(data)) =
        (dict.get_item(crate::once::intern!(py, "type"))?, dict.get_item(crate::once::intern!(py, "data"))?)
    else {
        return Ok(None);
    };
    if borrowed::form(&data) == Form::Leaf || dict.len() != 2 {
        return Ok(None);
    }
    // Containers go on as they came.
    let message = plain::to_message(&data, Held::ByOthers)?;
    Ok(Some(message).filter(|message| kind.extract::<&str>().is_ok_and(|kind| kind == message.kind())))
}

/// The kind and the data of a `PortValue` around a container.
pub(crate) fn container_in<'py>(value: &Bound<'py, PyAny>) -> Option<(Bound<'py, PyString>, Bound<'py, PyAny>)> {
    let py = value.py();
    if !value.get_type().is(port_value_type(py).ok()?) {
        return None;
    }
    let dict = value.cast::<PyDict>().ok().filter(|dict| dict.len() == 2)?;
    let data = dict.get_item(crate::once::intern!(py, "data")).ok()??;
    let kind = dict.get_item(crate::once::intern!(py, "type")).ok()??.cast_into().ok()?;
    (borrowed::form(&data) != Form::Leaf).then_some((kind, data))
}

/// The message of a kind around Python data; raw bytes may be given as bytes.
fn tagged(kind: &str, data: Option<&Bound<'_, PyAny>>) -> PyResult<Message> {
    if let ("Bytes" | "Encoded", Some(data)) = (kind, data)
        && let Some(buffer) = bytes_like(data)?
    {
        return Ok(if kind == "Bytes" { Message::Bytes(buffer) } else { Message::Encoded(buffer) });
    }
    if let ("Any", Some(object)) = (kind, data) {
        // Whatever it is may be passed on by reference.
        return Ok(Message::Any(match to_value(object) {
            Ok(value) => AnyValue::Value(Box::new(value)),
            Err(_) => AnyValue::Host(std::sync::Arc::new(PyHostObject::new(object))),
        }));
    }
    let data = data.map(to_value).transpose()?;
    Message::from_tagged(kind, data.as_ref()).map_err(|error| errors::wire(&error))
}

/// Reads the tagged form, as `Message.from_json` does.
pub(crate) fn from_json(object: &Bound<'_, PyAny>) -> PyResult<Message> {
    if let Ok(message) = object.cast_exact::<PyMessage>() {
        return Ok(message.get().message.clone());
    }
    if let Some(message) = port_value_message(object)? {
        return Ok(message);
    }
    if let Ok(dict) = object.cast::<PyDict>()
        && let Some(kind) = dict.get_item("type")?
        && let Ok(kind) = kind.cast::<PyString>()
    {
        return tagged(kind.to_str()?, dict.get_item("data")?.as_ref());
    }
    Message::from_wire(&to_value(object)?).map_err(|error| errors::wire(&error))
}

/// The memory of an object with the buffer protocol, seen where it lies.
struct PyBufferOwner {
    /// Keeps the memory where it is.
    _view: Py<PyMemoryView>,
    memory: *const u8,
    len: usize,
}

#[allow(unsafe_code, reason = "the memory belongs to the object behind the view, which the compiler cannot know")]
// SAFETY: the pointer is only read through, and letting go of the view is deferred to a thread that is attached.
unsafe impl Send for PyBufferOwner {}
#[allow(unsafe_code, reason = "as above")]
// SAFETY: as above.
unsafe impl Sync for PyBufferOwner {}

impl BufferOwner for PyBufferOwner {
    fn bytes(&self) -> &[u8] {
        if self.len == 0 {
            return &[];
        }
        #[allow(unsafe_code, reason = "as above")]
        // SAFETY: the view exports that many bytes from there on as long as it lives, and it is nobody else's.
        unsafe {
            std::slice::from_raw_parts(self.memory, self.len)
        }
    }
}

fn buffer_of(bytes: &Bound<'_, PyBytes>) -> Buffer {
    Buffer::new(PyBytesOwner { object: bytes.clone().unbind(), view: bytes.clone().into() })
}

/// The bytes of a bytes-like object: shared for `bytes`, copied for what may change (bytearray, memoryview, arrays).
pub(crate) fn bytes_like(object: &Bound<'_, PyAny>) -> PyResult<Option<Buffer>> {
    let bytes = shared_bytes(object)?;
    Ok(bytes.map(|bytes| if bytes.owner::<PyBufferOwner>().is_some() { bytes.to_vec().into() } else { bytes }))
}

/// What a dict holds right now. Whoever runs Python code between its pairs takes them out first: that may change the dict, and where
/// threads run Python side by side, others may be at it.
pub(crate) fn pairs_of<'py>(dict: &Bound<'py, PyDict>) -> SmallVec<[(Bound<'py, PyAny>, Bound<'py, PyAny>); 4]> {
    if cfg!(Py_GIL_DISABLED) {
        return dict.items().iter().filter_map(|pair| pair.extract().ok()).collect();
    }
    dict.iter().collect()
}

/// Calls `one` for each pair of a dict, which it may change.
pub(crate) fn each_pair<'py>(
    dict: &Bound<'py, PyDict>,
    mut one: impl FnMut(&Bound<'py, PyAny>, &Bound<'py, PyAny>) -> PyResult<()>,
) -> PyResult<()> {
    // As most outputs are.
    if cfg!(not(Py_GIL_DISABLED))
        && dict.len() == 1
        && let Some((key, value)) = dict.iter().next()
    {
        return one(&key, &value);
    }
    pairs_of(dict).iter().try_for_each(|(key, value)| one(key, value))
}

/// The bytes of a bytes-like object where they lie; only those of a bytearray, which may become longer and shorter, are copied.
pub(crate) fn shared_bytes(object: &Bound<'_, PyAny>) -> PyResult<Option<Buffer>> {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return Ok(Some(buffer_of(bytes)));
    }
    if object.is_instance_of::<PyList>() || object.is_instance_of::<PyTuple>() || object.is_instance_of::<PyString>() {
        return Ok(None);
    }
    if let Ok(bytes) = object.cast::<PyByteArray>() {
        return Ok(Some(bytes.to_vec().into()));
    }
    // One view, held for as long as its memory is looked at: an object may give another one each time.
    let Some(view) = errors::forgiven(object.py(), PyMemoryView::from(object)) else { return Ok(None) };
    let Some(raw) = errors::forgiven(object.py(), PyUntypedBuffer::get(&view)) else { return Ok(None) };
    if raw.dimensions() == 0 {
        return Ok(None);
    }
    // The names of fields stand between colons.
    if raw.format().to_bytes().split(|byte| *byte == b':').step_by(2).any(|kinds| kinds.contains(&b'O')) {
        // Its memory holds pointers.
        return Err(ConversionError::new_err("bytes: an array of Python objects has no bytes; send it as a list"));
    }
    if !raw.is_c_contiguous() {
        return Err(ConversionError::new_err("bytes: the buffer is not C-contiguous; copy it into one that is"));
    }
    let (memory, len) = (raw.buf_ptr().cast_const().cast(), raw.len_bytes());
    Ok(Some(Buffer::new(PyBufferOwner { _view: view.unbind(), memory, len })))
}

/// The bytes as a Python `bytes` object: the very object that was sent, where it came from Python.
pub(crate) fn buffer_to_python<'py>(py: Python<'py>, buffer: &Buffer) -> Bound<'py, PyBytes> {
    match buffer.owner::<PyBytesOwner>() {
        Some(owner) => owner.object.bind(py).clone(),
        None => PyBytes::new(py, buffer),
    }
}

/// What `Message.data()` gives.
pub(crate) fn data_to_python<'py>(py: Python<'py>, message: &Message) -> PyResult<Bound<'py, PyAny>> {
    Ok(match message {
        Message::Flow | Message::Bytes(_) | Message::Optional(None) => py.None().into_bound(py),
        Message::Boolean(value) => PyBool::new(py, *value).to_owned().into_any(),
        Message::Integer(value) => value.into_pyobject(py)?.into_any(),
        Message::Float(value) => PyFloat::new(py, *value).into_any(),
        Message::String(text) | Message::Error(text) => PyString::new(py, text).into_any(),
        Message::Object(value) => value_to_python(py, value)?,
        Message::Array(items) => items_to_python(py, items)?,
        Message::Optional(Some(value)) | Message::Event(value) | Message::Any(AnyValue::Value(value)) => {
            value_to_python(py, value)?
        }
        Message::Any(any) => match any.host::<PyHostObject>() {
            Some(host) => host.object.bind(py).clone(),
            None => value_to_python(py, &any.to_value())?,
        },
        Message::Host(_) => match message.host_value::<PyPlain>() {
            Some(plain) => protect::copied(plain.object(py))?,
            None => data_to_python(py, known(message)?)?,
        },
        Message::Encoded(bytes) => match reflow_runtime::decode(bytes) {
            Some(inner) => data_to_python(py, &inner)?,
            None => py.None().into_bound(py),
        },
        other => value_to_python(py, &other.to_value())?,
    })
}

/// What `ctx[port]` and listeners give: the plain value; bytes as `bytes`, streams as their `PortValue`.
pub(crate) fn plain_to_python<'py>(py: Python<'py>, message: &Message) -> PyResult<Bound<'py, PyAny>> {
    match message {
        Message::Bytes(buffer) => Ok(buffer_to_python(py, buffer).into_any()),
        Message::StreamHandle(_) => Ok(port_value(py, message, None)?),
        other => data_to_python(py, other),
    }
}

/// The tagged form `{"type": ..., "data": ...}` as a plain dict.
pub(crate) fn wire_to_python<'py>(py: Python<'py>, message: &Message) -> PyResult<Bound<'py, PyAny>> {
    write(py, &known(message)?.to_wire(), NotFinite::None)
}

/// The message in a kind that has a wire form.
pub(crate) fn known(message: &Message) -> PyResult<&Message> {
    message.known().map_err(|error| ConversionError::new_err(error.to_string()))
}

pub(crate) fn port_value_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static PORT_VALUE: Once<Py<PyType>> = Once::new();
    PORT_VALUE.import(py, "offbit_reflow._values", "PortValue")
}

fn lazy_value_type(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static LAZY_VALUE: Once<Py<PyType>> = Once::new();
    LAZY_VALUE.import(py, "offbit_reflow._values", "LazyPortValue")
}

/// The name of the kind, made once.
fn kind_to_python<'py>(py: Python<'py>, message: &Message) -> Bound<'py, PyString> {
    macro_rules! interned {
        ($($pattern:pat => $name:literal),+ $(,)?) => {
            match message {
                $($pattern => crate::once::intern!(py, $name),)+
            }
        };
    }
    if let Message::Host(value) = message {
        return match value.kind() {
            "Object" => crate::once::intern!(py, "Object").clone(),
            "Array" => crate::once::intern!(py, "Array").clone(),
            kind => PyString::intern(py, kind),
        };
    }
    let name: &Bound<'py, PyString> = interned! {
        Message::Flow => "Flow", Message::Boolean(_) => "Boolean", Message::Integer(_) => "Integer",
        Message::Float(_) => "Float", Message::String(_) => "String", Message::Object(_) => "Object",
        Message::Array(_) => "Array", Message::Bytes(_) => "Bytes", Message::Error(_) => "Error",
        Message::StreamHandle(_) => "StreamHandle", Message::Optional(_) => "Optional", Message::Event(_) => "Event",
        Message::Encoded(_) => "Encoded", Message::Any(_) => "Any", Message::RemoteReference(_) => "RemoteReference",
        Message::NetworkEvent(_) => "NetworkEvent", Message::Host(_) => "Any",
    };
    name.clone()
}

/// What `ctx.inputs[port]` gives: a dict of the tagged form that also knows its message. `data` is what the reader was given
/// of a plain value.
pub(crate) fn port_value<'py>(
    py: Python<'py>,
    message: &Message,
    data: Option<Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyAny>> {
    let has_lazy_data = matches!(message, Message::Bytes(_) | Message::Encoded(_));
    // To know what an object would be elsewhere, it is converted.
    let has_lazy_kind = message.host_value::<PyPlain>().is_some_and(|plain| !plain.is_container());
    let class = if has_lazy_data || has_lazy_kind { lazy_value_type(py)? } else { port_value_type(py)? };
    let object = class.call0()?;
    let dict = object.cast::<PyDict>()?;
    if !has_lazy_kind {
        dict.set_item(crate::once::intern!(py, "type"), kind_to_python(py, message))?;
    }
    if !has_lazy_data && !matches!(message, Message::Flow) {
        let data = data.map_or_else(|| data_to_python(py, message), Ok)?;
        dict.set_item(crate::once::intern!(py, "data"), data)?;
    }
    // Only what the dict cannot say itself: everything else may be changed in the dict and sent on.
    let by_reference = match message {
        Message::Bytes(_) | Message::Encoded(_) | Message::StreamHandle(_) | Message::Any(AnyValue::Host(_)) => true,
        other => other.host_value::<PyPlain>().is_some_and(|plain| !plain.is_tagged_plainly()),
    };
    // Without one, it says so: a look at an attribute that is not there would make an exception.
    let message = if by_reference { Some(PyMessage::object(py, message.clone())?) } else { None };
    object.setattr(crate::once::intern!(py, "_message"), message)?;
    Ok(object)
}

/// Makes an old `PortValue` one of another number; whether it is one now.
pub(crate) fn refill_port_value(value: &Bound<'_, PyAny>, message: &Message) -> bool {
    let py = value.py();
    let refill = || -> PyResult<bool> {
        if !value.get_type().is(port_value_type(py)?) {
            return Ok(false);
        }
        let dict = value.cast::<PyDict>()?;
        dict.set_item(crate::once::intern!(py, "type"), kind_to_python(py, message))?;
        dict.set_item(crate::once::intern!(py, "data"), data_to_python(py, message)?)?;
        // An actor may have put in something of its own.
        Ok(dict.len() == 2)
    };
    refill().unwrap_or(false)
}

/// A config, metadata or properties argument: a mapping or `None`.
pub(crate) fn mapping_to_value(name: &str, object: Option<&Bound<'_, PyAny>>) -> PyResult<Value> {
    match object {
        None => Ok(Value::Null),
        Some(object) if object.is_none() => Ok(Value::Null),
        Some(object) => match to_value(object)? {
            value @ Value::Object(_) => Ok(value),
            other => Err(ConversionError::new_err(format!("{name} must be a mapping or None, got {}", other.kind()))),
        },
    }
}

/// A clear refusal for an argument of the wrong type.
pub(crate) fn wrong_type(expected: &str, object: &Bound<'_, PyAny>) -> PyErr {
    let found = object.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
    PyTypeError::new_err(format!("expected {expected}, got {found}"))
}
