//! Plain Python values on their way between Python actors: they arrive as they were sent.

use std::num::NonZeroU64;
use std::sync::{Arc, OnceLock};

use pyo3::buffer::PyUntypedBuffer;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyList, PyModule, PySet, PyString, PyTuple};
use reflow_runtime::{HostValue, HostValueError, Message, Parts, Value};

use crate::borrowed::{self, Form};
use crate::classes;
use crate::convert;
use crate::errors::forgiven;
use crate::exit;
use crate::json;
use crate::message::PyMessage;
use crate::once::Once;
use crate::protect::{self, Held};

/// A plain value as Python has it.
pub(crate) struct PyPlain {
    object: Py<PyAny>,
    form: Form,
    /// The state in which a dict was found to hold no container.
    flat: Option<NonZeroU64>,
    /// What it is elsewhere.
    known: OnceLock<Result<Message, HostValueError>>,
    bytes: OnceLock<u64>,
}

impl PyPlain {
    fn new(object: Bound<'_, PyAny>) -> Self {
        let form = borrowed::form(&object);
        let flat = if form == Form::Dict { borrowed::flat_state(&object) } else { None };
        Self { object: object.unbind(), form, flat, known: OnceLock::new(), bytes: OnceLock::new() }
    }

    pub(crate) fn object<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.object.bind(py)
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.object)
    }

    /// What is known of its members is known of them where they are sent on, as long as they are the same.
    pub(crate) fn goes_on(&self) {
        if let Some(flat) = self.flat {
            borrowed::remember_flat(flat);
        }
    }

    pub(crate) fn is_container(&self) -> bool {
        self.form != Form::Leaf
    }

    /// Whether a leaf may be something else than itself elsewhere.
    fn may_convert(&self) -> bool {
        self.known.get().is_some() || exit::attach(|py| classes::may_convert(self.object(py)))
    }

    /// Whether it is a mapping or a sequence, whose tagged form is a dict around it.
    pub(crate) fn is_tagged_plainly(&self) -> bool {
        !matches!(self.form, Form::Leaf | Form::ByteArray)
    }
}

/// The message of a value that is none of the exact scalars: the value itself, its containers protected.
pub(crate) fn to_message(object: &Bound<'_, PyAny>, held: Held) -> PyResult<Message> {
    let own = protect::protected(object, held)?.unwrap_or_else(|| object.clone());
    Ok(Message::Host(Arc::new(PyPlain::new(own))))
}

/// The value of a message that nobody else has, for the reader, who may change it from now on; beside it what was made of it
/// before, to be dropped when nothing is held.
pub(crate) fn own<'py>(py: Python<'py>, message: &mut Message) -> Option<(Bound<'py, PyAny>, impl Sized + use<>)> {
    let plain = message.host_value_mut::<PyPlain>()?;
    let before = (std::mem::take(&mut plain.known), std::mem::take(&mut plain.bytes));
    Some((plain.object(py).clone(), before))
}

/// Gives the value of a message to the one who reads it. Where others have the message, too, the reader gets containers of its
/// own, and the message becomes one of its own with them: asked again, it gives the same.
pub(crate) fn give<'py>(py: Python<'py>, message: &mut Message) -> PyResult<Bound<'py, PyAny>> {
    if let Some((object, _)) = own(py, message) {
        return Ok(object);
    }
    let Some(plain) = message.host_value::<PyPlain>() else { return convert::plain_to_python(py, message) };
    let object = plain.object(py).clone();
    if !plain.is_container() {
        return Ok(object);
    }
    let own = protect::copied(&object)?;
    *message = Message::Host(Arc::new(PyPlain::new(own.clone())));
    Ok(own)
}

/// The message as it can be kept while somebody may change what it holds.
pub(crate) fn settled(py: Python<'_>, message: &Message) -> PyResult<Message> {
    let mut own = message.clone();
    settle(py, &mut own)?;
    Ok(own)
}

/// Makes a message one of containers of its own, if somebody else holds those that it has.
pub(crate) fn settle(py: Python<'_>, message: &mut Message) -> PyResult<()> {
    let Some(plain) = message.host_value::<PyPlain>().filter(|plain| plain.is_container()) else { return Ok(()) };
    let own = protect::protected(plain.object(py), Held::ByUs(1))?.filter(|own| !own.is(&plain.object));
    if let Some(own) = own {
        *message = Message::Host(Arc::new(PyPlain::new(own)));
    }
    Ok(())
}

/// The message of a container that may be somebody else's, too, until it is [settled](settle).
pub(crate) fn unsettled(object: &Bound<'_, PyAny>) -> Message {
    Message::Host(Arc::new(PyPlain::new(object.clone())))
}

impl HostValue for PyPlain {
    fn kind(&self) -> &'static str {
        match self.form {
            Form::Dict | Form::DictLike => "Object",
            Form::List | Form::ListLike | Form::Tuple | Form::Set | Form::Deque => "Array",
            Form::ByteArray => "Bytes",
            Form::Leaf if self.may_convert() => self.message().map_or("Any", Message::kind),
            Form::Leaf => "Any",
        }
    }

    fn message(&self) -> Result<&Message, HostValueError> {
        if self.known.get().is_none() {
            // Made outside of the cell: conversions run code of their own, and other threads.
            let made = exit::attach(|py| {
                elsewhere(self.object.bind(py)).map_err(|error| HostValueError(text_of(py, &error).into()))
            });
            let _ = self.known.set(made);
        }
        match self.known.get() {
            Some(Ok(message)) => Ok(message),
            Some(Err(error)) => Err(error.clone()),
            None => Err(HostValueError("it could not be converted".into())),
        }
    }

    fn describe(&self) -> String {
        exit::attach(|py| json::type_name(self.object.bind(py)))
    }

    fn member(&self, path: &[Arc<str>]) -> Option<Value> {
        exit::attach(|py| {
            static MEMBER_AT: Once<Py<PyAny>> = Once::new();
            let names = PyList::new(py, path.iter().map(|name| &**name)).ok()?;
            let found = MEMBER_AT
                .import(py, "offbit_reflow._join_key", "member_at")
                .and_then(|member_at| member_at.call1((self.object(py), names)));
            json::to_value(&forgiven(py, found)?).ok()
        })
    }

    fn form(&self) -> Option<Vec<u8>> {
        exit::attach(|py| {
            static FORM_OF: Once<Py<PyAny>> = Once::new();
            let form_of = FORM_OF.import(py, "offbit_reflow._cache_key", "form_of");
            let form = forgiven(py, form_of.and_then(|form_of| form_of.call1((self.object(py),))))?;
            form.cast_into::<PyBytes>().ok().map(|form| form.as_bytes().to_vec())
        })
    }

    fn packed(&self) -> Result<Option<Vec<u8>>, HostValueError> {
        pickled(PLAIN, &self.object).map(Some)
    }

    fn bytes(&self) -> u64 {
        estimated(&self.bytes, &self.object)
    }

    fn is_small(&self) -> bool {
        exit::attach(|py| {
            let object = self.object(py);
            if self.form == Form::Leaf {
                // What has no other form is told by its class alone.
                return classes::may_convert(object) && self.bytes() <= SMALL_BYTES;
            }
            object.len().is_ok_and(|len| len <= SMALL_LEN) && self.bytes() <= SMALL_BYTES
        })
    }

    fn merged_with(&self, newer: &dyn HostValue) -> Option<Message> {
        let newer = (newer as &dyn std::any::Any).downcast_ref::<Self>()?;
        exit::attach(|py| {
            let of = |plain: &Self| protect::copied(plain.object(py)).ok()?.cast_into::<PyDict>().ok();
            let (merged, newer) = (of(self)?, of(newer)?);
            merged.update(newer.as_mapping()).ok()?;
            Some(Message::Host(Arc::new(Self::new(merged.into_any()))))
        })
    }
}

/// What a pickled value was: one that travels as it is, or an object by reference.
const PLAIN: u8 = 0;
pub(crate) const OBJECT: u8 = 1;

/// The form in which a store keeps an object.
pub(crate) fn pickled(kind: u8, object: &Py<PyAny>) -> Result<Vec<u8>, HostValueError> {
    exit::attach(|py| {
        let dump = || {
            let pickle = py.import(crate::once::intern!(py, "pickle"))?;
            let bytes = pickle.call_method1(crate::once::intern!(py, "dumps"), (object, 5))?;
            let bytes = bytes.cast_into::<PyBytes>()?;
            let mut packed = Vec::with_capacity(bytes.as_bytes().len() + 1);
            packed.push(kind);
            packed.extend_from_slice(bytes.as_bytes());
            Ok(packed)
        };
        dump().map_err(|error: PyErr| {
            let name = json::type_name(object.bind(py));
            HostValueError(format!("a value of type {name} cannot be pickled: {}", text_of(py, &error)).into())
        })
    })
}

/// Values of this host can be made of parts from now on.
pub(crate) fn make_values() {
    reflow_runtime::set_maker(|parts, elsewhere| {
        exit::attach(|py| {
            let plain = PyPlain::new(forgiven(py, put_together(py, parts))?);
            if let Some(message) = elsewhere {
                let _ = plain.known.set(Ok(message));
            }
            Some(Message::Host(Arc::new(plain)))
        })
    });
}

fn put_together(py: Python<'_>, parts: Parts) -> PyResult<Bound<'_, PyAny>> {
    match parts {
        Parts::Value(value) => convert::value_to_python(py, &value),
        // A stream is taken from its message.
        Parts::Message(message @ Message::StreamHandle(_)) => Ok(Bound::new(py, PyMessage::from(message))?.into_any()),
        Parts::Message(mut message) => give(py, &mut message),
        Parts::List(items) => {
            let list = PyList::empty(py);
            for item in items {
                list.append(put_together(py, item)?)?;
            }
            Ok(list.into_any())
        }
        Parts::Members(members) => {
            let dict = PyDict::new(py);
            for (name, member) in members {
                dict.set_item(&*name, put_together(py, member)?)?;
            }
            Ok(dict.into_any())
        }
    }
}

/// Values of this host can be read from a store from now on.
pub(crate) fn read_stored_values() {
    reflow_runtime::set_unpacker(|packed| {
        let Some((kind, bytes)) = packed.split_first() else { return Err(HostValueError("it is empty".into())) };
        exit::attach(|py| {
            let load = || {
                let pickle = py.import(crate::once::intern!(py, "pickle"))?;
                pickle.call_method1(crate::once::intern!(py, "loads"), (PyBytes::new(py, bytes),))
            };
            let object = load().map_err(|error| HostValueError(text_of(py, &error).into()))?;
            Ok(match *kind {
                OBJECT => convert::object_message(&object),
                _ => Message::Host(Arc::new(PyPlain::new(object))),
            })
        })
    });
}

/// The text of an exception.
fn text_of(py: Python<'_>, error: &PyErr) -> String {
    error
        .value(py)
        .str()
        .map_or_else(|_| "it could not be converted".into(), |text| text.to_string_lossy().into_owned())
}

/// What a plain value is to components that know the kinds of messages only.
fn elsewhere(object: &Bound<'_, PyAny>) -> PyResult<Message> {
    if let Some(buffer) = convert::shared_bytes(object)? {
        return Ok(Message::Bytes(buffer));
    }
    match json::to_value(object)? {
        Value::Unsigned(_) => Err(convert::too_large(object)),
        value => Ok(Message::from_value(value)),
    }
}

/// How many items and bytes a small value has at most.
const SMALL_LEN: usize = 64;
const SMALL_BYTES: u64 = 4096;

/// How many values are looked at for an estimate.
const SAMPLE: usize = 1000;

/// [`size_of_object`], estimated once. It runs code of the object: nothing that other threads wait for may be held.
pub(crate) fn estimated(known: &OnceLock<u64>, object: &Py<PyAny>) -> u64 {
    if let Some(bytes) = known.get() {
        return *bytes;
    }
    let bytes = exit::attach(|py| size_of_object(object.bind(py)));
    *known.get_or_init(|| bytes)
}

/// The memory that an object takes, about: buffers and containers by what is in them, other objects by their attributes.
fn size_of_object(object: &Bound<'_, PyAny>) -> u64 {
    let mut open = vec![object.clone()];
    let (mut total, mut left) = (0_u64, SAMPLE);
    let py = object.py();
    while let Some(object) = open.pop() {
        let Some(rest) = left.checked_sub(1) else { break };
        left = rest;
        total = total.saturating_add(own_size(&object));
        let room = left.saturating_sub(open.len());
        let items: Vec<_> = if let Ok(dict) = object.cast::<PyDict>() {
            convert::pairs_of(dict).into_iter().map(|(_, value)| value).take(room).collect()
        } else if object.is_instance_of::<PyList>()
            || object.is_instance_of::<PyTuple>()
            || object.is_instance_of::<PySet>()
            || borrowed::form(&object) == Form::Deque
        {
            let items = forgiven(py, object.try_iter()).into_iter().flatten();
            items.map_while(|item| forgiven(py, item)).take(room).collect()
        } else {
            // What an object has, unless it is a module or a class.
            if !object.is_instance_of::<PyModule>() {
                open.extend(classes::members(&object).map(Bound::into_any));
            }
            continue;
        };
        // What is not looked at is taken to be like what is.
        let count = forgiven(py, object.len()).unwrap_or(0);
        if count > items.len() {
            let seen: u64 = items.iter().map(own_size).fold(0, u64::saturating_add);
            let others = (count - items.len()) as u64;
            total = total.saturating_add((seen / items.len().max(1) as u64).saturating_mul(others));
        }
        open.extend(items);
    }
    total
}

fn own_size(object: &Bound<'_, PyAny>) -> u64 {
    if let Ok(bytes) = object.cast::<PyBytes>() {
        return bytes.as_bytes().len() as u64;
    }
    if let Ok(text) = object.cast::<PyString>() {
        return text.len().unwrap_or(0) as u64;
    }
    let memory = || {
        let buffer = forgiven(object.py(), PyUntypedBuffer::get(object))?;
        Some(buffer.len_bytes() as u64)
    };
    let memory = if classes::has_buffer(object) { memory() } else { None };
    memory.or_else(|| classes::size(object)).unwrap_or(64)
}
