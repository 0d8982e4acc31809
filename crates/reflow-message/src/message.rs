//! `Message`: what travels over a connection.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use crate::buffer::Buffer;
use crate::host::HostValue;
use crate::shared::SharedArray;
use crate::stream::StreamHandle;
use crate::value::Value;

/// A typed datum. Every payload that can be large is shared, so cloning a message never copies data.
#[derive(Clone)]
pub enum Message {
    /// A trigger without data.
    Flow,
    /// A truth value.
    Boolean(bool),
    /// A signed integer.
    Integer(i64),
    /// A float; NaN and infinities travel unchanged.
    Float(f64),
    /// Text.
    String(Arc<str>),
    /// JSON-shaped data, usually an object.
    Object(Value),
    /// A list of JSON-shaped data.
    Array(SharedArray),
    /// Raw bytes, by reference.
    Bytes(Buffer),
    /// An error that an actor reports as data.
    Error(Arc<str>),
    /// The readable end of a stream of frames.
    StreamHandle(Arc<StreamHandle>),
    /// Data that may be absent.
    Optional(Option<Box<Value>>),
    /// JSON-shaped data that reports something.
    Event(Box<Value>),
    /// Bytes in a private encoding; carried unchanged.
    Encoded(Buffer),
    /// Anything: JSON-shaped data, or an object of a host that only this process can hold.
    Any(AnyValue),
    /// A plain value of a host, as it is; to others it is one of the other kinds: see [`Message::known`].
    Host(Arc<dyn HostValue>),
    /// The address of a port in another network.
    RemoteReference(Arc<RemoteReference>),
    /// Something that happened to another network.
    NetworkEvent(Arc<NetworkEvent>),
}

/// The payload of [`Message::Any`].
#[derive(Clone)]
pub enum AnyValue {
    /// JSON-shaped data.
    Value(Box<Value>),
    /// An object of a host, by reference.
    Host(Arc<dyn HostObject>),
}

/// An object that belongs to a host (a Python object, for example) and passes through the network by reference.
pub trait HostObject: Any + Send + Sync {
    /// A short text for people, shown in traces in place of the object.
    fn describe(&self) -> String;

    /// The memory that it holds, about.
    fn bytes(&self) -> u64 {
        0
    }

    /// The bytes that keep it in a store, in the form of its host.
    ///
    /// # Errors
    /// [`HostValueError`](crate::HostValueError) when it cannot be kept.
    fn packed(&self) -> Result<Vec<u8>, crate::HostValueError> {
        Err(crate::HostValueError(format!("{} cannot be kept in a store", self.describe()).into()))
    }
}

impl AnyValue {
    /// The host object, if it is a `T`.
    pub fn host<T: HostObject>(&self) -> Option<&T> {
        match self {
            Self::Host(object) => (&**object as &dyn Any).downcast_ref(),
            Self::Value(_) => None,
        }
    }

    pub(crate) fn bytes(&self) -> u64 {
        match self {
            Self::Value(value) => value.bytes(),
            Self::Host(object) => object.bytes(),
        }
    }

    /// The JSON-shaped form: the data itself, or the description of a host object.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Value(value) => Value::clone(value),
            Self::Host(object) => object.describe().into(),
        }
    }
}

impl fmt::Debug for AnyValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Value(value) => write!(f, "{value:?}"),
            Self::Host(object) => f.write_str(&object.describe()),
        }
    }
}

/// The payload of [`Message::RemoteReference`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteReference {
    /// The other network.
    pub network_id: Arc<str>,
    /// The node in it.
    pub actor_id: Arc<str>,
    /// The port of that node.
    pub port: Arc<str>,
}

/// The payload of [`Message::NetworkEvent`].
#[derive(Clone, Debug, PartialEq)]
pub struct NetworkEvent {
    /// What happened.
    pub event_type: NetworkEventType,
    /// Details, as the sender gave them.
    pub data: Value,
}

/// What a [`NetworkEvent`] reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NetworkEventType {
    /// An actor was announced.
    ActorRegistered,
    /// An actor was withdrawn.
    ActorUnregistered,
    /// A network came up.
    NetworkConnected,
    /// A network went away.
    NetworkDisconnected,
    /// A network did not answer in time.
    HeartbeatMissed,
}

impl NetworkEventType {
    /// Every type, in declaration order.
    pub const ALL: [Self; 5] = [
        Self::ActorRegistered,
        Self::ActorUnregistered,
        Self::NetworkConnected,
        Self::NetworkDisconnected,
        Self::HeartbeatMissed,
    ];

    /// The name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::ActorRegistered => "ActorRegistered",
            Self::ActorUnregistered => "ActorUnregistered",
            Self::NetworkConnected => "NetworkConnected",
            Self::NetworkDisconnected => "NetworkDisconnected",
            Self::HeartbeatMissed => "HeartbeatMissed",
        }
    }
}

impl Message {
    /// The name of the kind, as it stands on the wire.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Flow => "Flow",
            Self::Boolean(_) => "Boolean",
            Self::Integer(_) => "Integer",
            Self::Float(_) => "Float",
            Self::String(_) => "String",
            Self::Object(_) => "Object",
            Self::Array(_) => "Array",
            Self::Bytes(_) => "Bytes",
            Self::Error(_) => "Error",
            Self::StreamHandle(_) => "StreamHandle",
            Self::Optional(_) => "Optional",
            Self::Event(_) => "Event",
            Self::Encoded(_) => "Encoded",
            Self::Any(_) => "Any",
            Self::Host(value) => value.kind(),
            Self::RemoteReference(_) => "RemoteReference",
            Self::NetworkEvent(_) => "NetworkEvent",
        }
    }

    /// A text message.
    pub fn string(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    /// An error message.
    pub fn error(text: impl Into<Arc<str>>) -> Self {
        Self::Error(text.into())
    }

    /// A bytes message; the owner is shared, not copied.
    pub fn bytes(bytes: impl Into<Buffer>) -> Self {
        Self::Bytes(bytes.into())
    }

    /// A message of kind Object around any JSON-shaped data (scalars and lists too).
    pub fn object(data: impl Into<Value>) -> Self {
        Self::Object(data.into())
    }

    /// The message that plain JSON data stands for: null is an empty Optional, a whole number that fits `i64` an
    /// Integer, any other number a Float.
    pub fn from_value(value: Value) -> Self {
        match value {
            Value::Null => Self::Optional(None),
            Value::Boolean(value) => Self::Boolean(value),
            Value::Integer(value) => Self::Integer(value),
            Value::Unsigned(value) => Self::Float(value as f64),
            Value::Float(value) => Self::Float(value),
            Value::String(text) => Self::String(text),
            Value::Array(items) => Self::Array(items),
            Value::Object(_) => Self::Object(value),
        }
    }

    /// Whether its value is nested deeper than values may be, so that nobody may send it.
    #[inline]
    pub fn is_too_deep(&self) -> bool {
        !self.is_scalar() && self.nests_too_deeply()
    }

    /// Whether it is of a kind that holds no others, as the packets of most ticks are.
    #[inline]
    fn is_scalar(&self) -> bool {
        matches!(
            self,
            Self::Flow | Self::Boolean(_) | Self::Integer(_) | Self::Float(_) | Self::String(_) | Self::Bytes(_)
        )
    }

    fn nests_too_deeply(&self) -> bool {
        match self {
            Self::Object(value) => value.is_too_deep(),
            Self::Array(items) => items.weight().depth > crate::value::MAX_DEPTH,
            Self::Event(value) | Self::Optional(Some(value)) | Self::Any(AnyValue::Value(value)) => value.is_too_deep(),
            Self::NetworkEvent(event) => event.data.is_too_deep(),
            _ => false,
        }
    }

    /// The plain JSON form, without the tag: what events and components show. Floats keep NaN.
    pub fn to_value(&self) -> Value {
        match self {
            Self::Flow => "flow".into(),
            Self::Boolean(value) => (*value).into(),
            Self::Integer(value) => (*value).into(),
            Self::Float(value) => (*value).into(),
            Self::String(text) | Self::Error(text) => Value::String(Arc::clone(text)),
            Self::Object(value) => value.clone(),
            Self::Event(value) => Value::clone(value),
            Self::Array(items) => Value::Array(items.clone()),
            Self::Bytes(bytes) => byte_list(bytes),
            Self::Encoded(bytes) => crate::wire::decode(bytes).map_or(Value::Null, |inner| inner.to_value()),
            Self::StreamHandle(handle) => handle.to_value(),
            Self::Optional(value) => value.as_deref().cloned().unwrap_or_default(),
            Self::Any(any) => any.to_value(),
            Self::Host(value) => match value.message() {
                Ok(message) => message.to_value(),
                Err(_) => value.describe().into(),
            },
            Self::RemoteReference(reference) => reference.to_value(),
            Self::NetworkEvent(event) => event.to_value(),
        }
    }

    /// The JSON-shaped payload of Object, Array, Optional, Event and Any, and scalars as JSON: a liberal read for
    /// components that take "any JSON". `None` for Flow, Bytes, Encoded, streams and host objects.
    pub fn as_value(&self) -> Option<Value> {
        match self {
            Self::Flow | Self::Bytes(_) | Self::Encoded(_) | Self::StreamHandle(_) | Self::Any(AnyValue::Host(_)) => {
                None
            }
            Self::Host(value) => value.message().ok()?.as_value(),
            other => Some(other.to_value()),
        }
    }

    /// A number, read liberally: Integer, Float, or a JSON payload that is a number.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            Self::Object(value) => value.as_number(),
            Self::Optional(Some(value)) | Self::Any(AnyValue::Value(value)) => value.as_number(),
            Self::Host(value) => value.message().ok()?.as_number(),
            _ => None,
        }
    }

    /// Text, read liberally: String, Error, or a JSON payload that is a string.
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::String(text) | Self::Error(text) => Some(text),
            Self::Object(value) => value.as_str(),
            Self::Optional(Some(value)) | Self::Any(AnyValue::Value(value)) => value.as_str(),
            Self::Host(value) => value.message().ok()?.as_text(),
            _ => None,
        }
    }
}

impl RemoteReference {
    /// The dictionary shown under `data` on the wire.
    pub fn to_value(&self) -> Value {
        Value::object(
            [("network_id", &self.network_id), ("actor_id", &self.actor_id), ("port", &self.port)]
                .map(|(key, text)| (key, Value::String(Arc::clone(text)))),
        )
    }
}

impl NetworkEvent {
    /// The dictionary shown under `data` on the wire.
    pub fn to_value(&self) -> Value {
        Value::object([("event_type", self.event_type.name().into()), ("data", self.data.clone())])
    }
}

/// Bytes as the list of integers that the wire shape asks for.
pub(crate) fn byte_list(bytes: &[u8]) -> Value {
    bytes.iter().map(|&byte| Value::Integer(byte.into())).collect::<Vec<_>>().into()
}

/// Shows kind and payload, as plain data.
impl fmt::Debug for Message {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Flow => f.write_str("Flow"),
            Self::Bytes(bytes) | Self::Encoded(bytes) => write!(f, "{}({bytes:?})", self.kind()),
            Self::Host(value) => write!(f, "Host(<{}>)", value.describe()),
            other => write!(f, "{}({:?})", self.kind(), other.to_value()),
        }
    }
}

/// Two messages are equal when kind and payload are; host objects and streams by identity, plain values of a
/// host by what they are elsewhere.
impl PartialEq for Message {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Flow, Self::Flow) => true,
            (Self::Boolean(a), Self::Boolean(b)) => a == b,
            (Self::Integer(a), Self::Integer(b)) => a == b,
            (Self::Float(a), Self::Float(b)) => a == b,
            (Self::String(a), Self::String(b)) | (Self::Error(a), Self::Error(b)) => a == b,
            (Self::Object(a), Self::Object(b)) => a == b,
            (Self::Array(a), Self::Array(b)) => a == b,
            (Self::Bytes(a), Self::Bytes(b)) | (Self::Encoded(a), Self::Encoded(b)) => a == b,
            (Self::StreamHandle(a), Self::StreamHandle(b)) => a.stream_id == b.stream_id,
            (Self::Optional(a), Self::Optional(b)) => a == b,
            (Self::Event(a), Self::Event(b)) | (Self::Any(AnyValue::Value(a)), Self::Any(AnyValue::Value(b))) => a == b,
            (Self::Any(AnyValue::Host(a)), Self::Any(AnyValue::Host(b))) => Arc::ptr_eq(a, b),
            (Self::RemoteReference(a), Self::RemoteReference(b)) => a == b,
            (Self::NetworkEvent(a), Self::NetworkEvent(b)) => a == b,
            (Self::Host(a), Self::Host(b)) if Arc::ptr_eq(a, b) => true,
            (Self::Host(_), _) | (_, Self::Host(_)) => match (self.known(), other.known()) {
                (Ok(a), Ok(b)) => a == b,
                _ => false,
            },
            _ => false,
        }
    }
}

macro_rules! message_from {
    ($($source:ty => $variant:ident),+ $(,)?) => {
        $(impl From<$source> for Message {
            fn from(source: $source) -> Self {
                Self::$variant(source.into())
            }
        })+
    };
}

message_from! {
    bool => Boolean, i64 => Integer, i32 => Integer, u32 => Integer, f64 => Float, f32 => Float,
    &str => String, String => String, Arc<str> => String, Vec<Value> => Array, Vec<u8> => Bytes, bytes::Bytes => Bytes,
}

impl From<Value> for Message {
    fn from(value: Value) -> Self {
        Self::from_value(value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_three_words() {
        // Packets are moved by value on the hot path; a kind that needs more room goes behind a pointer.
        assert_eq!(std::mem::size_of::<Message>(), 24);
    }
}
