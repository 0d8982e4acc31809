//! Reading messages liberally: many components send any JSON as kind Object, so wherever a list, a number or a text is
//! expected, a message that carries one as JSON is taken too. Ports that are read one way only have a
//! [`kind`](crate::kind) that does it.

use reflow_message::{Message, Value};

pub use crate::kind::{decimal, payload};

/// A list: an Array, or a JSON payload that is one.
pub fn list(message: &Message) -> Option<&[Value]> {
    match message {
        Message::Array(items) => Some(items),
        other => payload(other)?.as_array(),
    }
}

/// What a message carries as JSON, scalars and lists of their own kind included. Errors, references to elsewhere and raw data
/// carry something else, even though they can be written as JSON.
pub fn json(message: &Message) -> Option<Value> {
    match message {
        Message::Error(_) | Message::RemoteReference(_) | Message::NetworkEvent(_) => None,
        other => other.as_value(),
    }
}

/// A text: a String, or a JSON payload that is one. An Error is none: it is told from data wherever it flows.
pub fn text(message: &Message) -> Option<&str> {
    match message {
        Message::String(text) => Some(text),
        other => payload(other)?.as_str(),
    }
}

/// A number: Integer, Float, a JSON number, or a String that is a decimal number and nothing else.
pub fn number(message: &Message) -> Option<f64> {
    match message {
        Message::Integer(number) => Some(*number as f64),
        Message::Float(number) => Some(*number),
        Message::String(text) => decimal(text),
        other => payload(other)?.as_number(),
    }
}
