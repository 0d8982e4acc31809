//! `Message`: what travels over a connection.

use std::ffi::c_void;
use std::fmt;
use std::mem::ManuallyDrop;
use std::sync::Arc;

use crate::abi::{
    REFLOW_ARRAY, REFLOW_BOOLEAN, REFLOW_BYTES, REFLOW_ERROR, REFLOW_FLOAT, REFLOW_FLOW, REFLOW_INTEGER,
    REFLOW_NETWORK_EVENT, REFLOW_OBJECT, REFLOW_OPTIONAL, REFLOW_STRING, ReflowMessage, ReflowPayload,
};
use reflow_message::Value;

use crate::bytes::Bytes;
use crate::host::{self, borrowed, host};
use crate::stream::{StreamError, StreamReader};
use crate::value;

/// A typed datum. Numbers are held in place; everything else is shared with the runtime, so cloning never copies data.
#[repr(transparent)]
pub struct Message(ReflowMessage);

/// The kind of a [`Message`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Kind {
    /// A trigger without data.
    Flow,
    /// A truth value.
    Boolean,
    /// A signed integer.
    Integer,
    /// A float.
    Float,
    /// Text.
    String,
    /// JSON-shaped data, usually an object.
    Object,
    /// A list of JSON-shaped data.
    Array,
    /// Raw bytes.
    Bytes,
    /// An error that an actor reports as data.
    Error,
    /// The readable end of a stream.
    StreamHandle,
    /// Data that may be absent.
    Optional,
    /// JSON-shaped data that reports something.
    Event,
    /// Bytes in a private encoding.
    Encoded,
    /// Anything, also of kinds that a later runtime has added.
    Any,
    /// The address of a port in another network.
    RemoteReference,
    /// Something that happened to another network.
    NetworkEvent,
}

impl Kind {
    const ALL: [Self; 16] = [
        Self::Flow,
        Self::Boolean,
        Self::Integer,
        Self::Float,
        Self::String,
        Self::Object,
        Self::Array,
        Self::Bytes,
        Self::Error,
        Self::StreamHandle,
        Self::Optional,
        Self::Event,
        Self::Encoded,
        Self::Any,
        Self::RemoteReference,
        Self::NetworkEvent,
    ];
}

// SAFETY: handles are shared data of the runtime that may be used and given back from any thread.
unsafe impl Send for Message {}
// SAFETY: as above; nothing behind a handle changes.
unsafe impl Sync for Message {}

impl Message {
    pub(crate) const FLOW: Self = Self::number(REFLOW_FLOW, ReflowPayload { integer: 0 });

    const fn number(kind: u32, payload: ReflowPayload) -> Self {
        Self(ReflowMessage { kind, reserved: 0, payload })
    }

    /// A trigger without data.
    pub const fn flow() -> Self {
        Self::FLOW
    }

    /// A text message.
    pub fn string(text: impl AsRef<str>) -> Self {
        // SAFETY: the text is borrowed for the call; the message is ours.
        Self(unsafe { (host().message_of_text)(REFLOW_STRING, host::text(text.as_ref())) })
    }

    /// An error message.
    pub fn error(text: impl AsRef<str>) -> Self {
        // SAFETY: as in `string`.
        Self(unsafe { (host().message_of_text)(REFLOW_ERROR, host::text(text.as_ref())) })
    }

    /// A bytes message; `bytes` moves over as it is and is freed when its last reader is done.
    pub fn bytes(bytes: impl Into<Vec<u8>>) -> Self {
        Self::bytes_of(bytes.into())
    }

    /// A bytes message around anything that owns bytes; nothing is copied.
    pub fn bytes_of<T: AsRef<[u8]> + Send + Sync + 'static>(owner: T) -> Self {
        Self::of_owner(REFLOW_BYTES, owner)
    }

    pub(crate) fn of_owner<T: AsRef<[u8]> + Send + Sync + 'static>(kind: u32, owner: T) -> Self {
        unsafe extern "C" fn release<T>(owner: *mut c_void) {
            // SAFETY: made by `Box::into_raw` below; the runtime calls this once.
            let owner = unsafe { Box::from_raw(owner.cast::<T>()) };
            // A destructor that panics must not unwind into the runtime.
            let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| drop(owner)));
        }
        let owner = Box::into_raw(Box::new(owner));
        // SAFETY: the box stays where it is until `release`, and nobody changes it.
        unsafe {
            let bytes = host::bytes((*owner).as_ref());
            Self((host().message_of_bytes)(kind, bytes, owner.cast(), Some(release::<T>)))
        }
    }

    /// A message of kind Object around any JSON-shaped data (scalars and lists too).
    pub fn object(data: impl Into<Value>) -> Self {
        Self::of_value(REFLOW_OBJECT, &data.into())
    }

    /// The message that plain JSON data stands for: null is an empty Optional, a whole number that fits `i64` an
    /// Integer, any other number a Float.
    pub fn from_value(value: &Value) -> Self {
        match value {
            Value::Null => Self::of_value(REFLOW_OPTIONAL, value),
            Value::Boolean(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Unsigned(value) => (*value as f64).into(),
            Value::Float(value) => (*value).into(),
            Value::String(text) => Self::string(text),
            Value::Array(_) => Self::of_value(REFLOW_ARRAY, value),
            Value::Object(_) => Self::of_value(REFLOW_OBJECT, value),
        }
    }

    pub(crate) fn of_value(kind: u32, value: &Value) -> Self {
        // SAFETY: the value is ours and handed over.
        Self(unsafe { (host().message_of_value)(kind, value::to_owned_raw(value)) })
    }

    /// The kind; [`Kind::Any`] for one that this SDK does not know.
    pub fn kind(&self) -> Kind {
        Kind::ALL.get(self.0.kind as usize).copied().unwrap_or(Kind::Any)
    }

    /// The truth value of a Boolean.
    pub fn as_boolean(&self) -> Option<bool> {
        match self.0.kind {
            // SAFETY: the kind says what it holds.
            REFLOW_BOOLEAN => Some(unsafe { self.0.payload.integer } != 0),
            _ => None,
        }
    }

    /// The number of an Integer.
    pub fn as_integer(&self) -> Option<i64> {
        match self.0.kind {
            // SAFETY: the kind says what it holds.
            REFLOW_INTEGER => Some(unsafe { self.0.payload.integer }),
            _ => None,
        }
    }

    /// A number, read liberally: Integer, Float, or a JSON payload that is a number.
    pub fn as_number(&self) -> Option<f64> {
        match self.0.kind {
            // SAFETY: the kind says what it holds.
            REFLOW_INTEGER => Some(unsafe { self.0.payload.integer } as f64),
            // SAFETY: as above.
            REFLOW_FLOAT => Some(unsafe { self.0.payload.number }),
            kind if kind < REFLOW_STRING => None,
            _ => self.as_value()?.as_number(),
        }
    }

    /// Text, read liberally: String, Error, or a JSON payload that is a string. Nothing is copied.
    pub fn as_text(&self) -> Option<&str> {
        if self.0.kind < REFLOW_STRING {
            return None;
        }
        // SAFETY: the text lives as long as the message.
        unsafe { borrowed((host().message_text)(&raw const self.0)) }
    }

    /// The bytes of a Bytes or Encoded message. Nothing is copied.
    pub fn as_bytes(&self) -> Option<&[u8]> {
        if self.0.kind < REFLOW_STRING {
            return None;
        }
        // SAFETY: the bytes live as long as the message.
        unsafe {
            let bytes = (host().message_bytes)(&raw const self.0);
            (!bytes.ptr.is_null()).then(|| std::slice::from_raw_parts(bytes.ptr, bytes.len))
        }
    }

    /// The bytes of a Bytes or Encoded message, to keep. Nothing is copied.
    pub fn to_bytes(&self) -> Option<Bytes> {
        Bytes::of(self.clone())
    }

    /// A copy of the JSON-shaped payload of Object, Array, Optional, Event and Any, scalars as JSON, and of a stream what is known of
    /// it: `stream_id`, `origin_actor`, `origin_port`, `content_type`, `size_hint`. `None` for Flow, Bytes, Encoded and host objects.
    pub fn as_value(&self) -> Option<Value> {
        // SAFETY: the value is ours when it is there.
        unsafe {
            let value = (host().message_value)(&raw const self.0);
            (!value.is_null()).then(|| value::from_owned(value))
        }
    }

    /// Takes the readable end of a stream; the first one to ask gets it.
    ///
    /// # Errors
    /// [`StreamError::Taken`] when somebody else has it, or this is no stream.
    pub fn take_stream(&self) -> Result<StreamReader, StreamError> {
        if self.0.kind < REFLOW_STRING {
            return Err(StreamError::Taken);
        }
        // SAFETY: a reader that is not null is ours.
        unsafe { StreamReader::from_raw((host().message_take_stream)(&raw const self.0)).ok_or(StreamError::Taken) }
    }

    /// The message on the C side, handed over.
    pub(crate) fn into_raw(self) -> ReflowMessage {
        ManuallyDrop::new(self).0
    }

    /// A message that is handed over to us.
    ///
    /// # Safety
    /// Nobody else owns it.
    pub(crate) unsafe fn from_raw(message: ReflowMessage) -> Self {
        Self(message)
    }

    /// A message that the runtime lends.
    pub(crate) fn lend(message: &ReflowMessage) -> &Self {
        // SAFETY: the same layout, and a reference never drops it.
        unsafe { &*std::ptr::from_ref(message).cast() }
    }

    pub(crate) fn as_mut_raw(&mut self) -> *mut ReflowMessage {
        &raw mut self.0
    }

    /// Whether it is a number that needs no runtime.
    pub(crate) fn is_plain(message: &ReflowMessage) -> bool {
        message.kind < REFLOW_STRING
    }
}

impl Clone for Message {
    fn clone(&self) -> Self {
        if Self::is_plain(&self.0) {
            return Self(self.0);
        }
        // SAFETY: the answer is a message of our own.
        Self(unsafe { (host().message_clone)(&raw const self.0) })
    }
}

impl Drop for Message {
    #[inline]
    fn drop(&mut self) {
        if !Self::is_plain(&self.0) {
            // SAFETY: we own the message.
            unsafe { (host().message_drop)(&raw mut self.0) };
        }
    }
}

impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.kind())?;
        match self.0.kind {
            REFLOW_FLOW => Ok(()),
            REFLOW_BYTES..=REFLOW_NETWORK_EVENT if self.as_bytes().is_some() => {
                write!(f, "({} bytes)", self.as_bytes().map_or(0, <[u8]>::len))
            }
            _ => write!(f, "({:?})", self.as_value()),
        }
    }
}

macro_rules! message_from {
    ($($source:ty => $make:expr),+ $(,)?) => {
        $(impl From<$source> for Message {
            #[inline]
            fn from(source: $source) -> Self {
                let make: fn($source) -> Self = $make;
                make(source)
            }
        })+
    };
}

message_from! {
    () => |()| Self::FLOW,
    bool => |value| Self::number(REFLOW_BOOLEAN, ReflowPayload { integer: value.into() }),
    i64 => |value| Self::number(REFLOW_INTEGER, ReflowPayload { integer: value }),
    i32 => |value| Self::from(i64::from(value)),
    u32 => |value| Self::from(i64::from(value)),
    f64 => |value| Self::number(REFLOW_FLOAT, ReflowPayload { number: value }),
    f32 => |value| Self::from(f64::from(value)),
    &str => |text| Self::string(text),
    String => |text| Self::string(text),
    Arc<str> => |text| Self::string(text),
    Vec<u8> => |bytes| Self::bytes_of(bytes),
    Value => |value| Self::from_value(&value),
    Bytes => Bytes::into_message,
}
