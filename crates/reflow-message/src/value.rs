//! `Value`: immutable, JSON-shaped data that is shared, never copied.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, Serializer};

/// How deeply a value that comes from outside may be nested.
///
/// Deeper data is refused at the border with a clear error, so that nothing behind the border has to fear for its stack.
pub const MAX_DEPTH: usize = 512;

/// The members of an object, sorted by key.
pub type Object = BTreeMap<Arc<str>, Value>;

/// JSON-shaped data: what `Object` and `Array` messages, configs and pools hold.
///
/// Cloning is cheap at every level (containers and strings are shared), and a value never changes after it was made, so
/// receivers cannot see each other's mutations. Differs from JSON in one point: floats may be NaN or infinite; those
/// become `null` only where real JSON text is written.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// JSON `null`.
    #[default]
    Null,
    /// A truth value.
    Boolean(bool),
    /// An integer that fits `i64`.
    Integer(i64),
    /// An integer above `i64::MAX`; smaller ones are always [`Value::Integer`].
    Unsigned(u64),
    /// A number written with a fraction or exponent.
    Float(f64),
    /// Text.
    String(Arc<str>),
    /// A list.
    Array(Arc<[Value]>),
    /// A mapping from text to values.
    Object(Arc<Object>),
}

impl Value {
    /// An object made of `members`; a later member replaces an earlier one of the same key.
    pub fn object<K: Into<Arc<str>>, V: Into<Value>>(members: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Object(Arc::new(members.into_iter().map(|(key, value)| (key.into(), value.into())).collect()))
    }

    /// An array made of `items`.
    pub fn array<V: Into<Value>>(items: impl IntoIterator<Item = V>) -> Self {
        Self::Array(items.into_iter().map(Into::into).collect())
    }

    /// The member `key` of an object; `None` for other kinds too.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_object()?.get(key)
    }

    /// The item at `index` of an array; `None` for other kinds too.
    pub fn at(&self, index: usize) -> Option<&Value> {
        self.as_array()?.get(index)
    }

    /// Whether this is `null`.
    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The truth value, for booleans only.
    pub fn as_boolean(&self) -> Option<bool> {
        match self {
            Self::Boolean(value) => Some(*value),
            _ => None,
        }
    }

    /// The integer, for integers that fit `i64` only.
    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(value) => Some(*value),
            _ => None,
        }
    }

    /// Any number as a float (large integers round).
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Integer(value) => Some(*value as f64),
            Self::Unsigned(value) => Some(*value as f64),
            Self::Float(value) => Some(*value),
            _ => None,
        }
    }

    /// The text, for strings only.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::String(value) => Some(value),
            _ => None,
        }
    }

    /// The items, for arrays only.
    pub fn as_array(&self) -> Option<&[Value]> {
        match self {
            Self::Array(items) => Some(items),
            _ => None,
        }
    }

    /// The members, for objects only.
    pub fn as_object(&self) -> Option<&Object> {
        match self {
            Self::Object(members) => Some(members),
            _ => None,
        }
    }

    /// What kind of data this is, in JSON's words ("null", "boolean", "number", "string", "array", "object").
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean(_) => "boolean",
            Self::Integer(_) | Self::Unsigned(_) | Self::Float(_) => "number",
            Self::String(_) => "string",
            Self::Array(_) => "array",
            Self::Object(_) => "object",
        }
    }

    /// The value as JSON text with sorted keys; NaN and infinities become `null`.
    pub fn to_json_string(&self) -> String {
        // Writing a `Value` into a `String` has no way to fail: keys are strings and nothing does I/O.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// The value with null for NaN and infinities, which JSON does not have.
    #[must_use]
    pub fn null_for_nan(self) -> Self {
        match self {
            Self::Float(number) if !number.is_finite() => Self::Null,
            Self::Array(items) => items.iter().cloned().map(Self::null_for_nan).collect::<Vec<_>>().into(),
            Self::Object(members) => {
                Self::object(members.iter().map(|(key, value)| (Arc::clone(key), value.clone().null_for_nan())))
            }
            other => other,
        }
    }

    /// This object overlaid with the members of `newer`; anything but two objects gives `newer`.
    #[must_use]
    pub fn merged_with(&self, newer: &Self) -> Self {
        match (self, newer) {
            (Self::Object(old), Self::Object(new)) => {
                let mut members = Object::clone(old);
                members.extend(new.iter().map(|(key, value)| (Arc::clone(key), value.clone())));
                Self::Object(Arc::new(members))
            }
            _ => newer.clone(),
        }
    }
}

/// Prints JSON text.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.to_json_string())
    }
}

macro_rules! value_from {
    ($($source:ty => $make:expr),+ $(,)?) => {
        $(impl From<$source> for Value {
            fn from(source: $source) -> Self {
                let make: fn($source) -> Self = $make;
                make(source)
            }
        })+
    };
}

value_from! {
    () => |()| Self::Null,
    bool => Self::Boolean,
    i64 => Self::Integer,
    i32 => |value| Self::Integer(value.into()),
    u32 => |value| Self::Integer(value.into()),
    u64 => |value| i64::try_from(value).map_or(Self::Unsigned(value), Self::Integer),
    usize => |value| Self::from(value as u64),
    f64 => Self::Float,
    f32 => |value| Self::Float(value.into()),
    &str => |text| Self::String(text.into()),
    String => |text| Self::String(text.into()),
    Arc<str> => Self::String,
    Object => |members| Self::Object(Arc::new(members)),
    Vec<Value> => |items| Self::Array(items.into()),
}

impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Null, Into::into)
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
        Ok(Value::Array(out.into()))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut out = Object::new();
        while let Some((key, value)) = members.next_entry::<String, Value>()? {
            out.insert(key.into(), value);
        }
        Ok(Value::Object(Arc::new(out)))
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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn any_json() -> impl Strategy<Value = serde_json::Value> {
        let leaf = prop_oneof![
            Just(serde_json::Value::Null),
            any::<bool>().prop_map(Into::into),
            any::<i64>().prop_map(Into::into),
            any::<u64>().prop_map(Into::into),
            any::<f64>().prop_filter("finite", |x| x.is_finite()).prop_map(Into::into),
            ".*".prop_map(serde_json::Value::String),
        ];
        leaf.prop_recursive(4, 32, 6, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..6).prop_map(serde_json::Value::Array),
                prop::collection::btree_map(".*", inner, 0..6)
                    .prop_map(|members| serde_json::Value::Object(members.into_iter().collect())),
            ]
        })
    }

    proptest! {
        #[test]
        fn json_survives_the_way_in_and_out(json in any_json()) {
            let value = Value::from(&json);
            prop_assert_eq!(&serde_json::Value::from(&value), &json);
            let text = value.to_json_string();
            prop_assert_eq!(&serde_json::from_str::<Value>(&text).unwrap(), &value);
        }
    }

    #[test]
    fn not_a_number_becomes_null_in_json_text_only() {
        let value = Value::array([f64::NAN, f64::INFINITY, 1.0]);
        assert_eq!(value.to_json_string(), "[null,null,1.0]");
        assert!(value.at(0).and_then(Value::as_number).is_some_and(f64::is_nan));
    }

    #[test]
    fn merging_overlays_the_newer_members() {
        let old = Value::object([("a", 1_i64), ("b", 2)]);
        let new = Value::object([("b", 3_i64)]);
        assert_eq!(old.merged_with(&new), Value::object([("a", 1_i64), ("b", 3)]));
        assert_eq!(old.merged_with(&Value::Null), Value::Null);
    }
}
