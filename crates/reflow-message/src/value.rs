//! `Value`: immutable, JSON-shaped data that is shared, never copied.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::shared::{SharedArray, SharedObject};

/// How deeply a value may be nested, in levels of containers.
///
/// It holds for every value however it is made: see [`SharedArray`]. Deeper data is refused at the border with a clear error.
pub const MAX_DEPTH: usize = 512;

/// The members of an object, sorted by key.
pub type Object = BTreeMap<Arc<str>, Value>;

/// JSON-shaped data: what `Object` and `Array` messages, configs and pools hold.
///
/// Cloning is cheap at every level (containers and strings are shared), and a value never changes after it was made, so
/// receivers cannot see each other's mutations. Differs from JSON in one point: floats may be NaN or infinite; those
/// become `null` only where real JSON text is written.
// The wide tag (of `Message`, too, which keeps its own in it) leaves no payload in the odd bytes beside it: those would be copied
// one by one at every move, and each packet moves a dozen times.
#[derive(Clone, Default)]
#[repr(u64)]
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
    Array(SharedArray),
    /// A mapping from text to values.
    Object(SharedObject),
}

impl Value {
    /// An object made of `members`; a later member replaces an earlier one of the same key.
    pub fn object<K: Into<Arc<str>>, V: Into<Value>>(members: impl IntoIterator<Item = (K, V)>) -> Self {
        Self::Object(members.into_iter().map(|(key, value)| (key.into(), value.into())).collect())
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

    /// This object overlaid with the members of `newer`; anything but two objects gives `newer`.
    #[must_use]
    pub fn merged_with(&self, newer: &Self) -> Self {
        match (self, newer) {
            (Self::Object(old), Self::Object(new)) => {
                let mut members = Object::clone(old);
                members.extend(new.iter().map(|(key, value)| (Arc::clone(key), value.clone())));
                members.into()
            }
            _ => newer.clone(),
        }
    }
}

/// Equal data of the same kinds. A container is equal to itself, whatever it holds.
impl PartialEq for Value {
    fn eq(&self, other: &Self) -> bool {
        let mut open = Vec::new();
        let mut pair = Some((self, other));
        while let Some((a, b)) = pair {
            let equal = match (a, b) {
                (Self::Null, Self::Null) => true,
                (Self::Boolean(a), Self::Boolean(b)) => a == b,
                (Self::Integer(a), Self::Integer(b)) => a == b,
                (Self::Unsigned(a), Self::Unsigned(b)) => a == b,
                (Self::Float(a), Self::Float(b)) => a == b,
                (Self::String(a), Self::String(b)) => a == b,
                (Self::Array(a), Self::Array(b)) => {
                    let alike = a.is_same(b) || (a.weight() == b.weight() && a.len() == b.len());
                    if alike && !a.is_same(b) {
                        open.extend(a.iter().zip(b.iter()));
                    }
                    alike
                }
                (Self::Object(a), Self::Object(b)) => {
                    let alike = a.is_same(b) || (a.weight() == b.weight() && a.keys().eq(b.keys()));
                    if alike && !a.is_same(b) {
                        open.extend(a.values().zip(b.values()));
                    }
                    alike
                }
                _ => false,
            };
            if !equal {
                return false;
            }
            pair = open.pop();
        }
        true
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
    Object => |members| Self::Object(members.into()),
    Vec<Value> => |items| Self::Array(items.into()),
    SharedArray => Self::Array,
    SharedObject => Self::Object,
}

impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
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
