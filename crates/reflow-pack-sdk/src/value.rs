//! `Value`: JSON-shaped data, and its way over the boundary.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::sync::Arc;

use crate::abi::{
    REFLOW_VALUE_ARRAY, REFLOW_VALUE_BOOLEAN, REFLOW_VALUE_FLOAT, REFLOW_VALUE_INTEGER, REFLOW_VALUE_NULL,
    REFLOW_VALUE_OBJECT, REFLOW_VALUE_STRING, REFLOW_VALUE_UNSIGNED, ReflowBuilder, ReflowDatum, ReflowScalar,
    ReflowStr, ReflowValue,
};
use crate::host::{borrowed, host, text};
use crate::message::Message;

/// The members of an object, sorted by key.
pub type Object = BTreeMap<Arc<str>, Value>;

/// JSON-shaped data: what Object and Array messages, configs and pools hold. Floats may be NaN or infinite.
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

    /// The value of a JSON text.
    ///
    /// # Errors
    /// The reader's own words when it is none.
    pub fn parse(json: &str) -> Result<Self, String> {
        let mut error = Message::FLOW;
        // SAFETY: `json` is borrowed for the call; on null `error` is an owned message.
        let value = unsafe { (host().value_parse)(text(json), error.as_mut_raw()) };
        if value.is_null() {
            return Err(error.as_text().unwrap_or("not JSON").to_string());
        }
        // SAFETY: the value is ours.
        Ok(unsafe { Self::from_owned(value) })
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
        let value = self.to_owned_raw();
        // SAFETY: the value is ours until it is dropped; the message is owned.
        let message = unsafe {
            let message = Message::from_raw((host().value_print)(value));
            (host().value_drop)(value);
            message
        };
        message.as_text().unwrap_or_default().to_string()
    }

    /// Copies what the runtime lends.
    ///
    /// # Safety
    /// `value` is null or a value that the runtime keeps alive during the call.
    pub(crate) unsafe fn from_raw(value: *const ReflowValue) -> Self {
        if value.is_null() {
            return Self::Null;
        }
        // SAFETY: as this function demands; the children live as long as their parent.
        unsafe {
            let datum = (host().value_read)(value);
            match datum.kind {
                REFLOW_VALUE_BOOLEAN => Self::Boolean(datum.scalar.integer != 0),
                REFLOW_VALUE_INTEGER => Self::Integer(datum.scalar.integer),
                REFLOW_VALUE_UNSIGNED => Self::Unsigned(datum.scalar.unsigned_integer),
                REFLOW_VALUE_FLOAT => Self::Float(datum.scalar.number),
                REFLOW_VALUE_STRING => Self::String(borrowed(datum.text).unwrap_or_default().into()),
                REFLOW_VALUE_ARRAY => {
                    let mut items = Vec::with_capacity(datum.text.len);
                    (host().value_each)(value, (&raw mut items).cast(), collect_item);
                    Self::Array(items.into())
                }
                REFLOW_VALUE_OBJECT => {
                    let mut members = Object::new();
                    (host().value_each)(value, (&raw mut members).cast(), collect_member);
                    Self::Object(Arc::new(members))
                }
                _ => Self::Null,
            }
        }
    }

    /// Copies an owned value and gives it back.
    ///
    /// # Safety
    /// `value` is null or owned by the caller, who may not use it any more.
    pub(crate) unsafe fn from_owned(value: *mut ReflowValue) -> Self {
        // SAFETY: as this function demands.
        unsafe {
            let copy = Self::from_raw(value);
            (host().value_drop)(value);
            copy
        }
    }

    /// The same value in the runtime, owned by the caller.
    pub(crate) fn to_owned_raw(&self) -> *mut ReflowValue {
        // SAFETY: the builder is ours alone, and `finish` ends it.
        unsafe {
            let builder = (host().builder_new)();
            self.build(builder);
            (host().builder_finish)(builder)
        }
    }

    /// Adds this value to what `builder` makes.
    ///
    /// # Safety
    /// `builder` is alive and ours alone.
    unsafe fn build(&self, builder: *mut ReflowBuilder) {
        let none = ReflowStr { ptr: std::ptr::null(), len: 0 };
        let datum = |kind, scalar| ReflowDatum { kind, reserved: 0, scalar, text: none };
        let integer = |integer| ReflowScalar { integer };
        let datum = match self {
            Self::Null => datum(REFLOW_VALUE_NULL, integer(0)),
            Self::Boolean(value) => datum(REFLOW_VALUE_BOOLEAN, integer((*value).into())),
            Self::Integer(value) => datum(REFLOW_VALUE_INTEGER, integer(*value)),
            Self::Unsigned(value) => datum(REFLOW_VALUE_UNSIGNED, ReflowScalar { unsigned_integer: *value }),
            Self::Float(value) => datum(REFLOW_VALUE_FLOAT, ReflowScalar { number: *value }),
            Self::String(value) => ReflowDatum { text: text(value), ..datum(REFLOW_VALUE_STRING, integer(0)) },
            Self::Array(_) => datum(REFLOW_VALUE_ARRAY, integer(0)),
            Self::Object(_) => datum(REFLOW_VALUE_OBJECT, integer(0)),
        };
        // SAFETY: as this function demands; texts are borrowed for each call.
        unsafe {
            (host().builder_add)(builder, &raw const datum);
            match self {
                Self::Array(items) => items.iter().for_each(|item| item.build(builder)),
                Self::Object(members) => members.iter().for_each(|(key, value)| {
                    (host().builder_key)(builder, text(key));
                    value.build(builder);
                }),
                _ => return,
            }
            (host().builder_close)(builder);
        }
    }
}

unsafe extern "C" fn collect_item(context: *mut c_void, _key: ReflowStr, child: *const ReflowValue) -> bool {
    // SAFETY: `context` is the list in `from_raw`, which nobody else touches meanwhile.
    unsafe {
        let items: &mut Vec<Value> = &mut *context.cast();
        items.push(Value::from_raw(child));
    }
    true
}

unsafe extern "C" fn collect_member(context: *mut c_void, key: ReflowStr, child: *const ReflowValue) -> bool {
    // SAFETY: `context` is the map in `from_raw`, which nobody else touches meanwhile.
    unsafe {
        let members: &mut Object = &mut *context.cast();
        members.insert(borrowed(key).unwrap_or_default().into(), Value::from_raw(child));
    }
    true
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
