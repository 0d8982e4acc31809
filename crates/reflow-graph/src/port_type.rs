//! What a port says about the packets it carries.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Name;

/// The declared type of a port, written `{"type": …}` or `{"type": …, "value": …}`.
///
/// Types describe; nothing on the way of a packet is refused by them. A check of the graph compares them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(tag = "type", content = "value", rename_all = "lowercase")]
pub enum PortType {
    /// Anything.
    #[default]
    Any,
    /// A signal without a value.
    Flow,
    /// An event.
    Event,
    /// True or false.
    Boolean,
    /// A whole number.
    Integer,
    /// A floating-point number.
    Float,
    /// Text.
    String,
    /// Bytes.
    Bytes,
    /// A handle of a stream of frames.
    Stream,
    /// A message in an encoded form.
    Encoded,
    /// A named kind of object.
    Object(Name),
    /// A list of one element type.
    Array(Box<PortType>),
    /// A value or nothing.
    Option(Box<PortType>),
}

impl PortType {
    /// Whether a packet of type `from` may enter a port of this type.
    ///
    /// `any` fits everything on either side, `flow` takes every packet as a signal, an integer is taken as a float, and
    /// an option takes what its inner type takes. An unnamed object fits every object.
    ///
    /// ```
    /// use reflow_graph::PortType;
    /// assert!(PortType::Float.accepts(&PortType::Integer));
    /// assert!(!PortType::Integer.accepts(&PortType::Float));
    /// ```
    pub fn accepts(&self, from: &Self) -> bool {
        match (self, from) {
            (Self::Any | Self::Flow | Self::Encoded, _)
            | (_, Self::Any | Self::Encoded)
            | (Self::Float, Self::Integer) => true,
            (Self::Object(to), Self::Object(from)) => to == from || to.is_empty() || from.is_empty(),
            (Self::Array(to), Self::Array(from)) | (Self::Option(to), Self::Option(from)) => to.accepts(from),
            (Self::Option(to), from) => to.accepts(from),
            (to, from) => to == from,
        }
    }
}

/// Short form for people: `integer`, `array<string>`, `object<Point>`.
impl fmt::Display for PortType {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self {
            Self::Any => "any",
            Self::Flow => "flow",
            Self::Event => "event",
            Self::Boolean => "boolean",
            Self::Integer => "integer",
            Self::Float => "float",
            Self::String => "string",
            Self::Bytes => "bytes",
            Self::Stream => "stream",
            Self::Encoded => "encoded",
            Self::Object(name) if name.is_empty() => "object",
            Self::Object(name) => return write!(formatter, "object<{name}>"),
            Self::Array(inner) => return write!(formatter, "array<{inner}>"),
            Self::Option(inner) => return write!(formatter, "option<{inner}>"),
        };
        formatter.write_str(word)
    }
}
