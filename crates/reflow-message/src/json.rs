//! Values as JSON, in and out.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Error, Serialize, Serializer};

use crate::shared::DEEPEST;
use crate::value::{MAX_DEPTH, Object, Value};

/// How large a value may be that leaves the runtime as JSON, text, bytes or objects of a host, unless it was set otherwise.
pub const DEFAULT_MAX_BYTES: u64 = 256 << 20;

static MAX_BYTES: AtomicU64 = AtomicU64::new(DEFAULT_MAX_BYTES);

/// Sets how large a value may be that is written out, for the whole process; see [`Value::bytes`].
pub fn set_max_bytes(limit: u64) {
    MAX_BYTES.store(limit, Ordering::Relaxed);
}

/// How large a value may be that is written out.
pub fn max_bytes() -> u64 {
    MAX_BYTES.load(Ordering::Relaxed)
}

/// Why a value cannot be handed on or written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueError {
    /// It would hold more levels of containers than a value may have.
    #[error("a value is nested more than {MAX_DEPTH} levels deep")]
    TooDeep,
    /// It takes too much memory once it is written out.
    #[error(
        "a value would take about {} MiB once it is written out, more than the {} MiB allowed (parts that occur several \
         times count as often)",
        bytes >> 20, limit >> 20
    )]
    TooLarge {
        /// What it takes, about.
        bytes: u64,
        /// What is allowed.
        limit: u64,
    },
}

impl Value {
    /// Whether the value may be written out: it is neither too deep nor too large.
    ///
    /// # Errors
    /// [`ValueError`] says what it exceeds.
    pub fn check(&self) -> Result<(), ValueError> {
        let (weight, limit) = (self.weight(), max_bytes());
        match weight.bytes {
            _ if weight.depth > DEEPEST => Err(ValueError::TooDeep),
            bytes if bytes > limit => Err(ValueError::TooLarge { bytes, limit }),
            _ => Ok(()),
        }
    }

    /// The value as JSON text with sorted keys; NaN and infinities become `null`.
    ///
    /// # Errors
    /// [`ValueError`] when it is too deep or too large to be written.
    pub fn to_json(&self) -> Result<String, ValueError> {
        self.check()?;
        Ok(self.written())
    }

    /// [`to_json`](Self::to_json) for what is small by its nature, and for people: a value that cannot be written is
    /// replaced by a text that says so.
    pub fn to_json_string(&self) -> String {
        match self.check() {
            Ok(()) => self.written(),
            Err(error) => Self::from(format!("<{error}>")).written(),
        }
    }

    fn written(&self) -> String {
        let mut text = Vec::new();
        // Writing into memory has no way to fail, and everything that is written is UTF-8.
        let _ = self.write(&mut text);
        String::from_utf8(text).unwrap_or_default()
    }

    /// Writes JSON text without recursion.
    fn write(&self, out: &mut Vec<u8>) -> serde_json::Result<()> {
        let mut open = Vec::new();
        let mut value = self;
        loop {
            match value {
                Self::Array(items) => {
                    out.push(b'[');
                    open.push(Open::Array(items.iter(), true));
                }
                Self::Object(members) => {
                    out.push(b'{');
                    open.push(Open::Object(members.iter(), true));
                }
                scalar => serde_json::to_writer(&mut *out, scalar)?,
            }
            loop {
                let Some(container) = open.last_mut() else { return Ok(()) };
                let (next, first, close) = match container {
                    Open::Array(items, first) => (items.next().map(|item| (None, item)), first, b']'),
                    Open::Object(members, first) => {
                        (members.next().map(|(key, value)| (Some(key), value)), first, b'}')
                    }
                };
                let Some((key, inner)) = next else {
                    out.push(close);
                    open.pop();
                    continue;
                };
                if !std::mem::replace(first, false) {
                    out.push(b',');
                }
                if let Some(key) = key {
                    serde_json::to_writer(&mut *out, &**key)?;
                    out.push(b':');
                }
                value = inner;
                break;
            }
        }
    }
}

/// A container that is being written: what is left of it, and whether that is all of it.
enum Open<'a> {
    Array(std::slice::Iter<'a, Value>, bool),
    Object(std::collections::btree_map::Iter<'a, Arc<str>, Value>, bool),
}

/// Prints JSON text.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json_string())
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<&serde_json::Value> for Value {
    fn from(json: &serde_json::Value) -> Self {
        match json {
            serde_json::Value::Null => Self::Null,
            serde_json::Value::Bool(value) => Self::Boolean(*value),
            serde_json::Value::Number(number) => match (number.as_i64(), number.as_u64()) {
                (Some(integer), _) => Self::Integer(integer),
                (None, Some(unsigned)) => Self::Unsigned(unsigned),
                (None, None) => Self::Float(number.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(text) => Self::String(text.as_str().into()),
            serde_json::Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            serde_json::Value::Object(members) => {
                Self::object(members.iter().map(|(key, value)| (key.as_str(), Self::from(value))))
            }
        }
    }
}

impl From<serde_json::Value> for Value {
    fn from(json: serde_json::Value) -> Self {
        Self::from(&json)
    }
}

impl From<&Value> for serde_json::Value {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(value) => Self::Bool(*value),
            Value::Integer(value) => (*value).into(),
            Value::Unsigned(value) => (*value).into(),
            // `From<f64>` gives null for NaN and infinities.
            Value::Float(value) => (*value).into(),
            Value::String(text) => Self::String(text.to_string()),
            Value::Array(items) => Self::Array(items.iter().map(Self::from).collect()),
            Value::Object(members) => {
                Self::Object(members.iter().map(|(key, value)| (key.to_string(), Self::from(value))).collect())
            }
        }
    }
}

impl Serialize for Value {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if let Self::Array(_) | Self::Object(_) = self {
            self.check().map_err(S::Error::custom)?;
        }
        match self {
            Self::Null => serializer.serialize_unit(),
            Self::Boolean(value) => serializer.serialize_bool(*value),
            Self::Integer(value) => serializer.serialize_i64(*value),
            Self::Unsigned(value) => serializer.serialize_u64(*value),
            Self::Float(value) => serializer.serialize_f64(*value),
            Self::String(text) => serializer.serialize_str(text),
            Self::Array(items) => serializer.collect_seq(items.iter()),
            Self::Object(members) => serializer.collect_map(members.iter()),
        }
    }
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON data")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Boolean(value))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Integer(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(Value::from(value))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        Ok(Value::Float(value))
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::String(text.into()))
    }

    fn visit_bytes<E: serde::de::Error>(self, _: &[u8]) -> Result<Value, E> {
        Err(E::custom("raw bytes are not JSON data"))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut out = Vec::with_capacity(items.size_hint().unwrap_or(0).min(4096));
        while let Some(item) = items.next_element()? {
            out.push(item);
        }
        Ok(out.into())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut out = Object::new();
        while let Some((key, value)) = members.next_entry::<String, Value>()? {
            out.insert(key.into(), value);
        }
        Ok(out.into())
    }
}

/// Reads any `T` out of a value, by way of JSON: for configs and other edges, never for packets.
///
/// # Errors
/// The deserializer's own message when `value` has not the shape of a `T`.
pub fn from_value<T: serde::de::DeserializeOwned>(value: &Value) -> Result<T, serde_json::Error> {
    serde_json::from_value(value.into())
}

/// Writes anything serializable as a value.
///
/// # Errors
/// When `data` has no JSON form (a map with keys that are not strings, for example).
pub fn to_value<T: Serialize>(data: &T) -> Result<Value, serde_json::Error> {
    serde_json::to_value(data).map(Value::from)
}
