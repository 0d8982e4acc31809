//! What a port says about the packets it carries.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

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
    Object(Arc<str>),
    /// A list of one element type.
    Array(Box<PortType>),
    /// A value or nothing.
    Option(Box<PortType>),
}

impl PortType {
    /// A kind of object; the empty name stands for every kind.
    pub fn object(name: &str) -> Self {
        Self::Object(name.into())
    }

    /// A list of `element`.
    pub fn array(element: Self) -> Self {
        Self::Array(Box::new(element))
    }

    /// Whether a packet of type `from` may enter a port of this type.
    ///
    /// `any` fits everything on either side, `flow` takes every packet as a signal, an integer is taken as a float, an
    /// option takes what its inner type takes and a signal for nothing, and may carry what its inner type is. An unnamed object fits every object.
    ///
    /// ```
    /// use reflow_message::PortType;
    /// assert!(PortType::Float.accepts(&PortType::Integer));
    /// assert!(!PortType::Integer.accepts(&PortType::Float));
    /// ```
    pub fn accepts(&self, from: &Self) -> bool {
        match (self, from) {
            (Self::Any | Self::Flow | Self::Encoded, _)
            | (Self::Option(_), Self::Flow)
            | (_, Self::Any | Self::Encoded)
            | (Self::Float, Self::Integer) => true,
            (Self::Object(to), Self::Object(from)) => to == from || to.is_empty() || from.is_empty(),
            (Self::Array(to), Self::Array(from)) | (Self::Option(to), Self::Option(from)) => to.accepts(from),
            (Self::Option(to), from) => to.accepts(from),
            (to, Self::Option(from)) => to.accepts(from),
            (to, from) => to == from,
        }
    }

    /// The type that its short form stands for: see [`Display`](fmt::Display). `object` and `array` alone are those of
    /// anything.
    ///
    /// ```
    /// use reflow_message::PortType;
    /// let points = PortType::array(PortType::object("Point"));
    /// assert_eq!(PortType::from_word("array<object<Point>>"), Some(points.clone()));
    /// assert_eq!(points.to_string(), "array<object<Point>>");
    /// assert_eq!(PortType::from_word("number"), None);
    /// ```
    pub fn from_word(word: &str) -> Option<Self> {
        if let Some((outer, inner)) = word.strip_suffix('>').and_then(|word| word.split_once('<')) {
            return match outer {
                "object" => Some(Self::object(inner)),
                "array" => Self::from_word(inner).map(Self::array),
                "option" => Self::from_word(inner).map(|inner| Self::Option(Box::new(inner))),
                _ => None,
            };
        }
        Some(match word {
            "any" => Self::Any,
            "flow" => Self::Flow,
            "event" => Self::Event,
            "boolean" => Self::Boolean,
            "integer" => Self::Integer,
            "float" => Self::Float,
            "string" => Self::String,
            "bytes" => Self::Bytes,
            "stream" => Self::Stream,
            "encoded" => Self::Encoded,
            "object" => Self::object(""),
            "array" => Self::array(Self::Any),
            "option" => Self::Option(Box::default()),
            _ => return None,
        })
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn types() -> impl Strategy<Value = PortType> {
        let leaf = prop_oneof![
            Just(PortType::Any),
            Just(PortType::Float),
            Just(PortType::Stream),
            "[A-Za-z0-9]{0,4}".prop_map(|name| PortType::object(&name)),
        ];
        leaf.prop_recursive(4, 8, 1, |inner| {
            prop_oneof![
                inner.clone().prop_map(PortType::array),
                inner.prop_map(|inner| PortType::Option(Box::new(inner))),
            ]
        })
    }

    proptest! {
        #[test]
        fn the_short_form_and_the_json_form_go_both_ways(port_type in types()) {
            prop_assert_eq!(PortType::from_word(&port_type.to_string()), Some(port_type.clone()));
            let json = serde_json::to_string(&port_type).unwrap();
            prop_assert_eq!(serde_json::from_str::<PortType>(&json).unwrap(), port_type);
        }

        #[test]
        fn every_type_fits_itself_any_and_an_option_of_itself(port_type in types()) {
            prop_assert!(port_type.accepts(&port_type));
            prop_assert!(port_type.accepts(&PortType::Any) && PortType::Any.accepts(&port_type));
            let option = PortType::Option(Box::new(port_type.clone()));
            prop_assert!(option.accepts(&port_type) && port_type.accepts(&option));
        }
    }

    #[test]
    fn what_cannot_meet_does_not_fit() {
        for (to, from) in [
            ("integer", "string"),
            ("string", "bytes"),
            ("object<Point>", "object<Size>"),
            ("array<integer>", "array<string>"),
            ("stream", "bytes"),
            ("option<float>", "string"),
        ] {
            let read = |word| PortType::from_word(word).unwrap();
            assert!(!read(to).accepts(&read(from)), "{from} into {to}");
        }
    }
}
