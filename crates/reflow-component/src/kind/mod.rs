//! Kinds: what ports carry, how a message is read as it, and how one is made of it.
//!
//! A kind is a type that implements [`PortKind`]. Here are those that every family needs; a family that has one of its own
//! (an SDF node, a mesh) implements the trait beside its components.

mod container;
mod scalar;

use std::borrow::Cow;

use reflow_message::{AnyValue, Message, PortType, Value};

pub use container::{Either, List, ListOf, OneOf, Optional};
pub use scalar::{Any, Boolean, Bytes, ErrorText, Float, Flow, Integer, Json, JsonObject, Number, Stream, Text};

pub use crate::vector::{Matrix4, Quaternion, Vec3};

/// What a port carries.
///
/// ```
/// use std::borrow::Cow;
///
/// use reflow_component::kind::PortKind;
/// use reflow_message::{Message, PortType, Value};
///
/// /// An angle in degrees.
/// struct Degrees;
///
/// impl PortKind for Degrees {
///     type Value = f64;
///
///     fn word() -> Cow<'static, str> {
///         "degrees".into()
///     }
///
///     fn text() -> Cow<'static, str> {
///         "a number of degrees; a text such as `90°` is one too".into()
///     }
///
///     fn port_type() -> PortType {
///         PortType::Float
///     }
///
///     fn also() -> Vec<PortType> {
///         vec![PortType::String]
///     }
///
///     fn read(message: &Message) -> Option<f64> {
///         match message {
///             Message::String(text) => text.trim_end_matches('°').parse().ok(),
///             other => other.as_number(),
///         }
///     }
///
///     fn make(value: f64) -> Message {
///         Message::Float(value)
///     }
/// }
///
/// assert_eq!(Degrees::read(&Message::string("90°")), Some(90.0));
/// ```
pub trait PortKind: 'static {
    /// What the body of a component works with.
    type Value;

    /// Whether [`read`](Self::read) takes a [`Nested`](reflow_message::Nested) as it is, and not as the Object that it stands for.
    const AS_IS: bool = false;

    /// A short name for people: `number`, `vec3`.
    fn word() -> Cow<'static, str> {
        Self::port_type().to_string().into()
    }

    /// One line that says how a message is read as this: it stands on the page of every component with such an inport.
    fn text() -> Cow<'static, str> {
        Cow::Borrowed("")
    }

    /// One line that says how a message is made of a value: it stands on the page of every component with such an outport.
    fn made() -> Cow<'static, str> {
        Cow::Borrowed("")
    }

    /// The type that connections are checked by.
    fn port_type() -> PortType;

    /// Types that can be read too: what is not named here and does not fit [`port_type`](Self::port_type) cannot be meant.
    fn also() -> Vec<PortType> {
        Vec::new()
    }

    /// The value that a message carries; `None` when it is none of this kind. Cheap: data is shared, not copied.
    fn read(message: &Message) -> Option<Self::Value>;

    /// The message that carries a value.
    fn make(value: Self::Value) -> Message;
}

/// The JSON payload of kinds that carry one; `None` for scalars of their own kind.
pub fn payload(message: &Message) -> Option<&Value> {
    match message {
        Message::Object(value) => Some(value),
        Message::Optional(Some(value)) | Message::Event(value) | Message::Any(AnyValue::Value(value)) => Some(value),
        _ => None,
    }
}

/// A decimal number: an optional sign, digits with an optional point, an optional exponent. Not the words `inf` and
/// `nan` that [`str::parse`] would take.
pub fn decimal(text: &str) -> Option<f64> {
    let is_decimal = text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
    if is_decimal { text.parse().ok() } else { None }
}
