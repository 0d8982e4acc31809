//! Messages as the kinds of ports read and make them: in memory of the pack, whatever the runtime holds.

use std::sync::Arc;

use reflow_message::{AnyValue, Buffer, BufferOwner, HostObject, Message as Portable, Value};

use crate::abi::{REFLOW_ANY, REFLOW_ARRAY, REFLOW_ENCODED, REFLOW_EVENT, REFLOW_OBJECT, REFLOW_OPTIONAL};
use crate::bytes::Bytes;
use crate::message::{Kind, Message};

impl BufferOwner for Bytes {
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// A message that only the runtime can look into: a stream, an object of a host.
struct Opaque(Message);

impl HostObject for Opaque {
    fn describe(&self) -> String {
        format!("{:?}", self.0.kind())
    }
}

impl Message {
    /// The message as a kind of port reads it. Text and JSON are copied, bytes are not.
    pub fn to_portable(&self) -> Portable {
        let text = || Arc::from(self.as_text().unwrap_or_default());
        let bytes = || self.to_bytes().map_or_else(|| Buffer::from(Vec::new()), Buffer::new);
        let opaque = || Portable::Any(AnyValue::Host(Arc::new(Opaque(self.clone()))));
        match self.kind() {
            Kind::Flow => Portable::Flow,
            Kind::Boolean => Portable::Boolean(self.as_boolean().unwrap_or_default()),
            Kind::Integer => Portable::Integer(self.as_integer().unwrap_or_default()),
            Kind::Float => Portable::Float(self.as_number().unwrap_or_default()),
            Kind::String => Portable::String(text()),
            Kind::Error => Portable::Error(text()),
            Kind::Bytes => Portable::Bytes(bytes()),
            Kind::Encoded => Portable::Encoded(bytes()),
            Kind::Object => Portable::Object(self.as_value().unwrap_or_default()),
            Kind::Event => Portable::Event(Box::new(self.as_value().unwrap_or_default())),
            Kind::Optional => Portable::Optional(self.as_value().filter(|value| !value.is_null()).map(Box::new)),
            Kind::Array => match self.as_value() {
                Some(Value::Array(items)) => Portable::Array(items),
                _ => opaque(),
            },
            Kind::Any => match self.as_value() {
                Some(value) => Portable::Any(AnyValue::Value(Box::new(value))),
                None => opaque(),
            },
            Kind::StreamHandle | Kind::RemoteReference | Kind::NetworkEvent => opaque(),
        }
    }
}

/// The message that a kind of port has made.
impl From<Portable> for Message {
    fn from(message: Portable) -> Self {
        match message {
            Portable::Flow => Self::flow(),
            Portable::Boolean(value) => value.into(),
            Portable::Integer(value) => value.into(),
            Portable::Float(value) => value.into(),
            Portable::String(text) => Self::string(&*text),
            Portable::Error(text) => Self::error(&*text),
            Portable::Bytes(bytes) => match bytes.owner::<Bytes>() {
                Some(bytes) => bytes.clone().into(),
                None => Self::bytes_of(bytes),
            },
            Portable::Encoded(bytes) => match bytes.owner::<Bytes>() {
                Some(bytes) => bytes.clone().into(),
                None => Self::of_owner(REFLOW_ENCODED, bytes),
            },
            Portable::Object(value) => Self::of_value(REFLOW_OBJECT, &value),
            Portable::Array(items) => Self::of_value(REFLOW_ARRAY, &Value::Array(items)),
            Portable::Event(value) => Self::of_value(REFLOW_EVENT, &value),
            Portable::Optional(value) => Self::of_value(REFLOW_OPTIONAL, value.as_deref().unwrap_or(&Value::Null)),
            Portable::Host(value) => value.message().map_or_else(|_| Self::flow(), |known| known.clone().into()),
            Portable::Any(any) => match any.host::<Opaque>() {
                Some(Opaque(message)) => message.clone(),
                None => Self::of_value(REFLOW_ANY, &any.to_value()),
            },
            // A pack cannot hold streams and references of a runtime but as what it got.
            Portable::StreamHandle(_) | Portable::RemoteReference(_) | Portable::NetworkEvent(_) => {
                Self::of_value(REFLOW_ANY, &message.to_value())
            }
        }
    }
}
