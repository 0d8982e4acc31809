//! Values and their way over the boundary.

use std::ffi::c_void;

use reflow_message::{Object, Value};

use crate::abi::{
    REFLOW_VALUE_ARRAY, REFLOW_VALUE_BOOLEAN, REFLOW_VALUE_FLOAT, REFLOW_VALUE_INTEGER, REFLOW_VALUE_NULL,
    REFLOW_VALUE_OBJECT, REFLOW_VALUE_STRING, REFLOW_VALUE_UNSIGNED, ReflowBuilder, ReflowDatum, ReflowScalar,
    ReflowStr, ReflowValue,
};
use crate::host::{borrowed, host, text};

/// Copies what the runtime lends.
///
/// # Safety
/// `value` is null or a value that the runtime keeps alive during the call.
pub(crate) unsafe fn from_raw(value: *const ReflowValue) -> Value {
    if value.is_null() {
        return Value::Null;
    }
    // SAFETY: as this function demands; the children live as long as their parent.
    unsafe {
        let datum = (host().value_read)(value);
        match datum.kind {
            REFLOW_VALUE_BOOLEAN => Value::Boolean(datum.scalar.integer != 0),
            REFLOW_VALUE_INTEGER => Value::Integer(datum.scalar.integer),
            REFLOW_VALUE_UNSIGNED => Value::Unsigned(datum.scalar.unsigned_integer),
            REFLOW_VALUE_FLOAT => Value::Float(datum.scalar.number),
            REFLOW_VALUE_STRING => Value::String(borrowed(datum.text).unwrap_or_default().into()),
            REFLOW_VALUE_ARRAY => {
                let mut items = Vec::with_capacity(datum.text.len);
                (host().value_each)(value, (&raw mut items).cast(), collect_item);
                Value::Array(items.into())
            }
            REFLOW_VALUE_OBJECT => {
                let mut members = Object::new();
                (host().value_each)(value, (&raw mut members).cast(), collect_member);
                members.into()
            }
            _ => Value::Null,
        }
    }
}

/// Copies an owned value and gives it back.
///
/// # Safety
/// `value` is null or owned by the caller, who may not use it any more.
pub(crate) unsafe fn from_owned(value: *mut ReflowValue) -> Value {
    // SAFETY: as this function demands.
    unsafe {
        let copy = from_raw(value);
        (host().value_drop)(value);
        copy
    }
}

/// The same value in the runtime, owned by the caller.
pub(crate) fn to_owned_raw(value: &Value) -> *mut ReflowValue {
    // SAFETY: the builder is ours alone, and `finish` ends it.
    unsafe {
        let builder = (host().builder_new)();
        build(value, builder);
        (host().builder_finish)(builder)
    }
}

/// Adds a value to what `builder` makes.
///
/// # Safety
/// `builder` is alive and ours alone.
unsafe fn build(value: &Value, builder: *mut ReflowBuilder) {
    let none = ReflowStr { ptr: std::ptr::null(), len: 0 };
    let datum = |kind, scalar| ReflowDatum { kind, reserved: 0, scalar, text: none };
    let integer = |integer| ReflowScalar { integer };
    let datum = match value {
        Value::Null => datum(REFLOW_VALUE_NULL, integer(0)),
        Value::Boolean(value) => datum(REFLOW_VALUE_BOOLEAN, integer((*value).into())),
        Value::Integer(value) => datum(REFLOW_VALUE_INTEGER, integer(*value)),
        Value::Unsigned(value) => datum(REFLOW_VALUE_UNSIGNED, ReflowScalar { unsigned_integer: *value }),
        Value::Float(value) => datum(REFLOW_VALUE_FLOAT, ReflowScalar { number: *value }),
        Value::String(value) => ReflowDatum { text: text(value), ..datum(REFLOW_VALUE_STRING, integer(0)) },
        Value::Array(_) => datum(REFLOW_VALUE_ARRAY, integer(0)),
        Value::Object(_) => datum(REFLOW_VALUE_OBJECT, integer(0)),
    };
    // SAFETY: as this function demands; texts are borrowed for each call.
    unsafe {
        (host().builder_add)(builder, &raw const datum);
        match value {
            Value::Array(items) => items.iter().for_each(|item| build(item, builder)),
            Value::Object(members) => members.iter().for_each(|(key, value)| {
                (host().builder_key)(builder, text(key));
                build(value, builder);
            }),
            _ => return,
        }
        (host().builder_close)(builder);
    }
}

unsafe extern "C" fn collect_item(context: *mut c_void, _key: ReflowStr, child: *const ReflowValue) -> bool {
    // SAFETY: `context` is the list in `from_raw`, which nobody else touches meanwhile.
    unsafe {
        let items: &mut Vec<Value> = &mut *context.cast();
        items.push(from_raw(child));
    }
    true
}

unsafe extern "C" fn collect_member(context: *mut c_void, key: ReflowStr, child: *const ReflowValue) -> bool {
    // SAFETY: `context` is the map in `from_raw`, which nobody else touches meanwhile.
    unsafe {
        let members: &mut Object = &mut *context.cast();
        members.insert(borrowed(key).unwrap_or_default().into(), from_raw(child));
    }
    true
}
