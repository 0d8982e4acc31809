//! The tagged JSON form of a message, `{"type": KIND, "data": ...}`, both ways. JSON exists at the edges only.

use std::sync::Arc;

use crate::buffer::Buffer;
use crate::message::{AnyValue, Message, NetworkEvent, NetworkEventType, RemoteReference, byte_list};
use crate::stream::StreamHandle;
use crate::value::Value;

/// Why a tagged message could not be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WireError {
    /// The value is not an object, or `type` is not a string.
    #[error("a message is an object {{\"type\": KIND, \"data\": ...}}, not {found}")]
    NotAMessage {
        /// What stood there instead.
        found: String,
    },
    /// A field is not there.
    #[error("missing field `{field}` in a message of type {kind}")]
    MissingField {
        /// The kind that was read.
        kind: String,
        /// The field that it needs.
        field: &'static str,
    },
    /// `type` names no kind.
    #[error(
        "unknown message type `{kind}`, expected one of Flow, Boolean, Integer, Float, String, Object, Array, \
             Bytes, Error, StreamHandle, Optional, Event, Encoded, Any, RemoteReference, NetworkEvent"
    )]
    UnknownKind {
        /// The name that was read.
        kind: String,
    },
    /// `data` has not the shape that the kind asks for.
    #[error("{kind} message: expected {expected}, got {found}")]
    WrongData {
        /// The kind that was read.
        kind: String,
        /// The shape it needs.
        expected: &'static str,
        /// What stood there instead.
        found: String,
    },
}

/// The names of all message kinds.
pub const KINDS: [&str; 16] = [
    "Flow",
    "Boolean",
    "Integer",
    "Float",
    "String",
    "Object",
    "Array",
    "Bytes",
    "Error",
    "StreamHandle",
    "Optional",
    "Event",
    "Encoded",
    "Any",
    "RemoteReference",
    "NetworkEvent",
];

impl Message {
    /// The tagged form. A Flow has no `data` key.
    pub fn to_wire(&self) -> Value {
        let data = match self {
            Self::Flow => return Value::object([("type", "Flow")]),
            Self::Bytes(bytes) | Self::Encoded(bytes) => byte_list(bytes),
            Self::StreamHandle(handle) => {
                handle.pin();
                handle.to_value()
            }
            Self::Host(value) => {
                return match value.message() {
                    Ok(message) => message.to_wire(),
                    Err(_) => Value::object([("type", Value::from("Any")), ("data", value.describe().into())]),
                };
            }
            other => other.to_value(),
        };
        Value::object([("type", Value::from(self.kind())), ("data", data)])
    }

    /// Reads the tagged form. The kind is case-sensitive; keys besides `type` and `data` are ignored.
    ///
    /// # Errors
    /// [`WireError`] says what is missing or of the wrong shape.
    pub fn from_wire(wire: &Value) -> Result<Self, WireError> {
        let Some(members) = wire.as_object() else {
            return Err(WireError::NotAMessage { found: brief(wire) });
        };
        let kind = match members.get("type") {
            Some(Value::String(kind)) => Arc::clone(kind),
            Some(other) => {
                return Err(WireError::NotAMessage { found: format!("an object whose type is {}", brief(other)) });
            }
            None => return Err(WireError::MissingField { kind: "unknown".into(), field: "type" }),
        };
        Self::from_tagged(&kind, members.get("data"))
    }

    /// The message of the given kind around `data`.
    ///
    /// # Errors
    /// [`WireError`] when there is no such kind, or `data` does not fit it.
    pub fn from_tagged(kind: &str, data: Option<&Value>) -> Result<Self, WireError> {
        let required = || data.ok_or_else(|| WireError::MissingField { kind: kind.into(), field: "data" });
        let wrong = |expected, found: &Value| WireError::WrongData { kind: kind.into(), expected, found: brief(found) };
        Ok(match kind {
            "Flow" => match data {
                None | Some(Value::Null) => Self::Flow,
                Some(other) => return Err(wrong("no data", other)),
            },
            "Boolean" => match required()? {
                Value::Boolean(value) => Self::Boolean(*value),
                other => return Err(wrong("true or false", other)),
            },
            "Integer" => match required()? {
                Value::Integer(value) => Self::Integer(*value),
                other => return Err(wrong("a whole number from -2^63 to 2^63-1", other)),
            },
            "Float" => match required()? {
                value @ (Value::Integer(_) | Value::Unsigned(_) | Value::Float(_)) => {
                    Self::Float(value.as_number().unwrap_or(f64::NAN))
                }
                other => return Err(wrong("a number", other)),
            },
            "String" | "Error" => match required()? {
                Value::String(text) if kind == "String" => Self::String(Arc::clone(text)),
                Value::String(text) => Self::Error(Arc::clone(text)),
                other => return Err(wrong("a string", other)),
            },
            "Object" => Self::Object(required()?.clone()),
            "Event" => Self::Event(Box::new(required()?.clone())),
            "Any" => Self::Any(AnyValue::Value(Box::new(required()?.clone()))),
            "Array" => match required()? {
                Value::Array(items) => Self::Array(items.clone()),
                other => return Err(wrong("an array", other)),
            },
            "Bytes" => Self::Bytes(bytes_of(required()?).map_err(|found| wrong("integers from 0 to 255", &found))?),
            "Encoded" => Self::Encoded(bytes_of(required()?).map_err(|found| wrong("integers from 0 to 255", &found))?),
            "Optional" => match data {
                None | Some(Value::Null) => Self::Optional(None),
                Some(value) => Self::Optional(Some(Box::new(value.clone()))),
            },
            "StreamHandle" => Self::StreamHandle(Arc::new(stream_handle(required()?)?)),
            "RemoteReference" => {
                let data = required()?;
                Self::RemoteReference(Arc::new(RemoteReference {
                    network_id: text(kind, data, "network_id")?,
                    actor_id: text(kind, data, "actor_id")?,
                    port: text(kind, data, "port")?,
                }))
            }
            "NetworkEvent" => {
                let data = required()?;
                let name = text(kind, data, "event_type")?;
                let event_type = NetworkEventType::ALL
                    .into_iter()
                    .find(|event| event.name() == &*name)
                    .ok_or_else(|| wrong("an event_type such as ActorRegistered", &Value::String(name)))?;
                let inner = data.get("data").ok_or(WireError::MissingField { kind: kind.into(), field: "data" })?;
                Self::NetworkEvent(Arc::new(NetworkEvent { event_type, data: inner.clone() }))
            }
            other => return Err(WireError::UnknownKind { kind: other.into() }),
        })
    }

    /// Packs a message into the bytes of an Encoded message: its tagged form as JSON text.
    #[must_use]
    pub fn encode(&self) -> Self {
        Self::Encoded(self.to_wire().to_json_string().into_bytes().into())
    }
}

/// Unpacks the bytes of an Encoded message; `None` when they are in no encoding that we know.
pub fn decode(bytes: &[u8]) -> Option<Message> {
    Message::from_wire(&serde_json::from_slice(bytes).ok()?).ok()
}

fn stream_handle(data: &Value) -> Result<StreamHandle, WireError> {
    let kind = "StreamHandle";
    let wrong = |expected, found: &Value| WireError::WrongData { kind: kind.into(), expected, found: brief(found) };
    let whole = |field: &'static str| match data.get(field) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::Integer(number)) if *number >= 0 => Ok(Some(*number as u64)),
        Some(Value::Unsigned(number)) => Ok(Some(*number)),
        Some(other) => Err(wrong("a whole number from 0", other)),
    };
    if data.as_object().is_none() {
        return Err(wrong("an object", data));
    }
    let content_type = match data.get("content_type") {
        None | Some(Value::Null) => None,
        Some(Value::String(text)) => Some(Arc::clone(text)),
        Some(other) => return Err(wrong("a string or null for content_type", other)),
    };
    Ok(StreamHandle::from_parts(
        whole("stream_id")?.ok_or(WireError::MissingField { kind: kind.into(), field: "stream_id" })?,
        text(kind, data, "origin_actor")?,
        text(kind, data, "origin_port")?,
        content_type,
        whole("size_hint")?,
    ))
}

fn text(kind: &str, data: &Value, field: &'static str) -> Result<Arc<str>, WireError> {
    match data.get(field) {
        Some(Value::String(text)) => Ok(Arc::clone(text)),
        Some(other) => {
            Err(WireError::WrongData { kind: kind.into(), expected: "a string in every field", found: brief(other) })
        }
        None => Err(WireError::MissingField { kind: kind.into(), field }),
    }
}

fn bytes_of(data: &Value) -> Result<Buffer, Value> {
    let items = data.as_array().ok_or_else(|| data.clone())?;
    let bytes: Result<Vec<u8>, Value> = items
        .iter()
        .map(|item| item.as_integer().and_then(|byte| u8::try_from(byte).ok()).ok_or_else(|| item.clone()))
        .collect();
    bytes.map(Buffer::from)
}

/// A value cut to a length that fits an error message.
fn brief(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("an array of {} items", items.len()),
        Value::Object(members) => format!("an object of {} keys", members.len()),
        Value::String(text) if text.chars().count() > 40 => {
            format!("\"{}…\"", text.chars().take(40).collect::<String>())
        }
        other => other.to_json_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wire(text: &str) -> Value {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn every_kind_survives_the_way_out_and_in() {
        for text in [
            r#"{"type":"Flow"}"#,
            r#"{"data":true,"type":"Boolean"}"#,
            r#"{"data":-5,"type":"Integer"}"#,
            r#"{"data":2.0,"type":"Float"}"#,
            r#"{"data":"x","type":"String"}"#,
            r#"{"data":{"a":[1,null]},"type":"Object"}"#,
            r#"{"data":[1,"a"],"type":"Array"}"#,
            r#"{"data":[0,255],"type":"Bytes"}"#,
            r#"{"data":"bad","type":"Error"}"#,
            r#"{"data":null,"type":"Optional"}"#,
            r#"{"data":3,"type":"Optional"}"#,
            r#"{"data":{"k":1},"type":"Event"}"#,
            r#"{"data":[1,2],"type":"Encoded"}"#,
            r#"{"data":18446744073709551615,"type":"Any"}"#,
            r#"{"data":{"actor_id":"a","network_id":"n","port":"p"},"type":"RemoteReference"}"#,
            r#"{"data":{"data":1,"event_type":"HeartbeatMissed"},"type":"NetworkEvent"}"#,
            r#"{"data":{"content_type":null,"origin_actor":"a","origin_port":"p","size_hint":4,"stream_id":999999999},"type":"StreamHandle"}"#,
        ] {
            let message = Message::from_wire(&wire(text)).unwrap();
            assert_eq!(message.to_wire().to_json_string(), text);
            assert!(KINDS.contains(&message.kind()));
        }
    }

    #[test]
    fn wrong_shapes_say_what_would_be_right() {
        let cases = [
            (r"5", "a message is an object"),
            (r"{}", "missing field `type`"),
            (r#"{"type":"Integer"}"#, "missing field `data`"),
            (r#"{"type":"integer","data":1}"#, "unknown message type `integer`"),
            (r#"{"type":"Integer","data":1.0}"#, "expected a whole number"),
            (r#"{"type":"Integer","data":9223372036854775808}"#, "expected a whole number"),
            (r#"{"type":"Boolean","data":1}"#, "expected true or false"),
            (r#"{"type":"Float","data":null}"#, "expected a number"),
            (r#"{"type":"Flow","data":1}"#, "expected no data"),
            (r#"{"type":"Bytes","data":[256]}"#, "integers from 0 to 255"),
            (r#"{"type":"Bytes","data":"abc"}"#, "integers from 0 to 255"),
        ];
        for (text, expected) in cases {
            let error = Message::from_wire(&wire(text)).unwrap_err().to_string();
            assert!(error.contains(expected), "{text}: {error}");
        }
    }

    #[test]
    fn encoded_bytes_decode_or_stay_opaque() {
        let Message::Encoded(bytes) = Message::Integer(5).encode() else { panic!("not Encoded") };
        assert_eq!(decode(&bytes), Some(Message::Integer(5)));
        assert_eq!(decode(b"\xff\xfe"), None);
        assert_eq!(Message::Encoded(vec![1_u8].into()).to_value(), Value::Null);
    }
}
