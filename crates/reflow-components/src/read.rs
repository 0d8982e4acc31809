//! Reading messages liberally: many components send any JSON as kind Object, so wherever a list, a number or a text is
//! expected, a message that carries one as JSON is taken too.

use reflow_runtime::{AnyValue, Message, Value};

/// The JSON payload of kinds that carry one; `None` for scalars of their own kind.
pub(crate) fn payload(message: &Message) -> Option<&Value> {
    match message {
        Message::Object(value) => Some(value),
        Message::Optional(Some(value)) | Message::Event(value) | Message::Any(AnyValue::Value(value)) => Some(value),
        _ => None,
    }
}

/// A list: an Array, or a JSON payload that is one.
pub(crate) fn list(message: &Message) -> Option<&[Value]> {
    match message {
        Message::Array(items) => Some(items),
        other => payload(other)?.as_array(),
    }
}

/// What a message carries as JSON, scalars and lists of their own kind included. Errors, references to elsewhere and raw data
/// carry something else, even though they can be written as JSON.
pub(crate) fn json(message: &Message) -> Option<Value> {
    match message {
        Message::Error(_) | Message::RemoteReference(_) | Message::NetworkEvent(_) => None,
        other => other.as_value(),
    }
}

/// A text: a String, or a JSON payload that is one. An Error is none: it is told from data wherever it flows.
pub(crate) fn text(message: &Message) -> Option<&str> {
    match message {
        Message::String(text) => Some(text),
        other => payload(other)?.as_str(),
    }
}

/// A number: Integer, Float, a JSON number, or a String that is a decimal number and nothing else.
pub(crate) fn number(message: &Message) -> Option<f64> {
    match message {
        Message::Integer(number) => Some(*number as f64),
        Message::Float(number) => Some(*number),
        Message::String(text) => decimal(text),
        other => payload(other)?.as_number(),
    }
}

/// A decimal number: an optional sign, digits with an optional point, an optional exponent. Not the words `inf` and
/// `nan` that [`str::parse`] would take.
pub(crate) fn decimal(text: &str) -> Option<f64> {
    let is_decimal = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if is_decimal { text.parse().ok() } else { None }
}
