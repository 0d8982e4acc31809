//! Kinds of single things.

use std::borrow::Cow;
use std::sync::Arc;

use reflow_message::{Buffer, Message, PortType, StreamHandle, Value};

use super::{PortKind, decimal, payload};

/// Anything, as it is.
pub struct Any;

impl PortKind for Any {
    type Value = Message;

    fn port_type() -> PortType {
        PortType::Any
    }

    fn read(message: &Message) -> Option<Message> {
        Some(message.clone())
    }

    fn make(value: Message) -> Message {
        value
    }
}

/// That something happened; what arrives is of no matter.
pub struct Flow;

impl PortKind for Flow {
    type Value = ();

    fn port_type() -> PortType {
        PortType::Flow
    }

    fn read(_message: &Message) -> Option<()> {
        Some(())
    }

    fn make((): ()) -> Message {
        Message::Flow
    }
}

/// True or false.
pub struct Boolean;

impl PortKind for Boolean {
    type Value = bool;

    fn port_type() -> PortType {
        PortType::Boolean
    }

    fn also() -> Vec<PortType> {
        vec![PortType::object("")]
    }

    fn read(message: &Message) -> Option<bool> {
        match message {
            Message::Boolean(value) => Some(*value),
            other => payload(other)?.as_boolean(),
        }
    }

    fn make(value: bool) -> Message {
        Message::Boolean(value)
    }
}

/// A whole number.
pub struct Integer;

impl PortKind for Integer {
    type Value = i64;

    fn port_type() -> PortType {
        PortType::Integer
    }

    fn also() -> Vec<PortType> {
        vec![PortType::Float, PortType::object("")]
    }

    fn read(message: &Message) -> Option<i64> {
        match message {
            Message::Integer(number) => Some(*number),
            Message::Float(number) => crate::config::whole_number(&Value::Float(*number)),
            other => crate::config::whole_number(payload(other)?),
        }
    }

    fn make(value: i64) -> Message {
        Message::Integer(value)
    }
}

/// A number: an Integer, a Float, or JSON that is one.
pub struct Float;

impl PortKind for Float {
    type Value = f64;

    fn port_type() -> PortType {
        PortType::Float
    }

    fn also() -> Vec<PortType> {
        vec![PortType::object("")]
    }

    fn read(message: &Message) -> Option<f64> {
        message.as_number()
    }

    fn make(value: f64) -> Message {
        Message::Float(value)
    }
}

/// A number, read liberally.
pub struct Number;

impl PortKind for Number {
    type Value = f64;

    fn word() -> Cow<'static, str> {
        "number".into()
    }

    fn text() -> Cow<'static, str> {
        "an Integer, a Float, a decimal string such as `-2.5e3`, or a JSON payload that is a number".into()
    }

    fn port_type() -> PortType {
        PortType::Float
    }

    fn also() -> Vec<PortType> {
        vec![PortType::String, PortType::object("")]
    }

    fn read(message: &Message) -> Option<f64> {
        match message {
            Message::Integer(number) => Some(*number as f64),
            Message::Float(number) => Some(*number),
            Message::String(text) => decimal(text),
            other => payload(other)?.as_number(),
        }
    }

    fn make(value: f64) -> Message {
        Message::Float(value)
    }
}

/// A text. An Error is none: it is told from data wherever it flows.
pub struct Text;

impl PortKind for Text {
    type Value = Arc<str>;

    fn port_type() -> PortType {
        PortType::String
    }

    fn also() -> Vec<PortType> {
        vec![PortType::object("")]
    }

    fn read(message: &Message) -> Option<Arc<str>> {
        match message {
            Message::String(text) => Some(Arc::clone(text)),
            other => match payload(other)? {
                Value::String(text) => Some(Arc::clone(text)),
                _ => None,
            },
        }
    }

    fn make(value: Arc<str>) -> Message {
        Message::String(value)
    }
}

/// What went wrong, as data.
pub struct ErrorText;

impl PortKind for ErrorText {
    type Value = Arc<str>;

    fn word() -> Cow<'static, str> {
        "error".into()
    }

    fn port_type() -> PortType {
        PortType::Any
    }

    fn read(message: &Message) -> Option<Arc<str>> {
        match message {
            Message::Error(text) => Some(Arc::clone(text)),
            _ => None,
        }
    }

    fn make(value: Arc<str>) -> Message {
        Message::Error(value)
    }
}

/// Bytes.
pub struct Bytes;

impl PortKind for Bytes {
    type Value = Buffer;

    fn port_type() -> PortType {
        PortType::Bytes
    }

    fn read(message: &Message) -> Option<Buffer> {
        match message {
            Message::Bytes(bytes) => Some(bytes.clone()),
            _ => None,
        }
    }

    fn make(value: Buffer) -> Message {
        Message::Bytes(value)
    }
}

/// Any JSON. Errors, references to elsewhere and raw data carry something else, even though they can be written as JSON.
pub struct Json;

impl PortKind for Json {
    type Value = Value;

    fn port_type() -> PortType {
        PortType::Any
    }

    fn read(message: &Message) -> Option<Value> {
        match message {
            Message::Error(_) | Message::RemoteReference(_) | Message::NetworkEvent(_) => None,
            other => other.as_value(),
        }
    }

    fn make(value: Value) -> Message {
        Message::Object(value)
    }
}

/// An object of JSON.
pub struct JsonObject;

impl PortKind for JsonObject {
    type Value = Value;

    fn word() -> Cow<'static, str> {
        "object".into()
    }

    fn port_type() -> PortType {
        PortType::object("")
    }

    fn also() -> Vec<PortType> {
        vec![PortType::Event]
    }

    fn read(message: &Message) -> Option<Value> {
        payload(message).filter(|value| value.as_object().is_some()).cloned()
    }

    fn make(value: Value) -> Message {
        Message::Object(value)
    }
}

/// A stream of frames.
pub struct Stream;

impl PortKind for Stream {
    type Value = Arc<StreamHandle>;

    fn port_type() -> PortType {
        PortType::Stream
    }

    fn read(message: &Message) -> Option<Arc<StreamHandle>> {
        match message {
            Message::StreamHandle(handle) => Some(Arc::clone(handle)),
            _ => None,
        }
    }

    fn make(value: Arc<StreamHandle>) -> Message {
        Message::StreamHandle(value)
    }
}
