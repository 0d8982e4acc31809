//! Values over the boundary: a handle is the value itself when it is lent, and a box when the pack owns it.

use std::ffi::c_void;
use std::ptr;

use reflow_pack_sdk::abi::{
    REFLOW_VALUE_ARRAY, REFLOW_VALUE_BOOLEAN, REFLOW_VALUE_FLOAT, REFLOW_VALUE_INTEGER, REFLOW_VALUE_NULL,
    REFLOW_VALUE_OBJECT, REFLOW_VALUE_STRING, REFLOW_VALUE_UNSIGNED, ReflowDatum, ReflowMessage, ReflowScalar,
    ReflowStr, ReflowValue,
};
use reflow_runtime::{Message, Value};

use super::foreign::{self, guard};
use super::message;

const NULL: ReflowDatum = datum(REFLOW_VALUE_NULL, ReflowScalar { integer: 0 }, 0);

const fn datum(kind: u32, scalar: ReflowScalar, len: usize) -> ReflowDatum {
    ReflowDatum { kind, reserved: 0, scalar, text: ReflowStr { ptr: ptr::null(), len } }
}

/// The value for the pack, lent.
pub(super) fn lend(value: &Value) -> *const ReflowValue {
    ptr::from_ref(value).cast()
}

/// The value for the pack, owned by it.
pub(super) fn give(value: Value) -> *mut ReflowValue {
    Box::into_raw(Box::new(value)).cast()
}

/// The value that the pack hands over.
///
/// # Safety
/// `value` is null or owned by the pack.
pub(super) unsafe fn receive(value: *mut ReflowValue) -> Option<Value> {
    // SAFETY: what a pack owns is a box made by `give`.
    (!value.is_null()).then(|| unsafe { *Box::from_raw(value.cast::<Value>()) })
}

/// Looks at a value that the pack owns or was lent.
///
/// # Safety
/// `value` is null or alive for `'a`.
pub(super) unsafe fn look<'a>(value: *const ReflowValue) -> Option<&'a Value> {
    // SAFETY: behind every handle is a value.
    unsafe { value.cast::<Value>().as_ref() }
}

pub(super) unsafe extern "C" fn read(value: *const ReflowValue) -> ReflowDatum {
    let integer = |integer| ReflowScalar { integer };
    // SAFETY: the ABI says that the value is alive; texts belong to it.
    match unsafe { look(value) } {
        None | Some(Value::Null) => NULL,
        Some(Value::Boolean(value)) => datum(REFLOW_VALUE_BOOLEAN, integer((*value).into()), 0),
        Some(Value::Integer(value)) => datum(REFLOW_VALUE_INTEGER, integer(*value), 0),
        Some(Value::Unsigned(value)) => datum(REFLOW_VALUE_UNSIGNED, ReflowScalar { unsigned_integer: *value }, 0),
        Some(Value::Float(value)) => datum(REFLOW_VALUE_FLOAT, ReflowScalar { number: *value }, 0),
        Some(Value::String(text)) => ReflowDatum { kind: REFLOW_VALUE_STRING, text: foreign::lend(text), ..NULL },
        Some(Value::Array(items)) => datum(REFLOW_VALUE_ARRAY, integer(0), items.len()),
        Some(Value::Object(members)) => datum(REFLOW_VALUE_OBJECT, integer(0), members.len()),
    }
}

pub(super) unsafe extern "C" fn member(value: *const ReflowValue, key: ReflowStr) -> *const ReflowValue {
    // SAFETY: the ABI says that value and key are alive; the member belongs to the value.
    guard(ptr::null(), || unsafe {
        look(value).and_then(|value| value.get(&foreign::text(key))).map_or(ptr::null(), lend)
    })
}

pub(super) unsafe extern "C" fn item(value: *const ReflowValue, index: usize) -> *const ReflowValue {
    // SAFETY: the ABI says that the value is alive; the item belongs to it.
    guard(ptr::null(), || unsafe { look(value) }.and_then(|value| value.at(index)).map_or(ptr::null(), lend))
}

pub(super) unsafe extern "C" fn each(
    value: *const ReflowValue,
    context: *mut c_void,
    each: unsafe extern "C" fn(*mut c_void, ReflowStr, *const ReflowValue) -> bool,
) {
    // SAFETY: the ABI says that the value is alive and that `each` may be called with `context`.
    unsafe {
        match look(value) {
            Some(Value::Array(items)) => {
                let _ = items.iter().all(|item| each(context, foreign::lend(""), lend(item)));
            }
            Some(Value::Object(members)) => {
                let _ = members.iter().all(|(key, member)| each(context, foreign::lend(key), lend(member)));
            }
            _ => {}
        }
    }
}

pub(super) unsafe extern "C" fn parse(json: ReflowStr, error: *mut ReflowMessage) -> *mut ReflowValue {
    guard(ptr::null_mut(), || {
        // SAFETY: the ABI says that the text is valid for the call.
        match Value::from_json(&unsafe { foreign::text(json) }) {
            Ok(value) => give(value),
            Err(problem) => {
                if !error.is_null() {
                    // SAFETY: the ABI says that there is room for a message.
                    unsafe { error.write(message::give(Message::string(problem.to_string()))) };
                }
                ptr::null_mut()
            }
        }
    })
}

pub(super) unsafe extern "C" fn print(value: *const ReflowValue) -> ReflowMessage {
    guard(message::FLOW, || {
        // SAFETY: the ABI says that the value is alive.
        let text = unsafe { look(value) }.map_or_else(|| "null".into(), Value::to_json_string);
        message::give(Message::string(text))
    })
}

pub(super) unsafe extern "C" fn clone(value: *const ReflowValue) -> *mut ReflowValue {
    // SAFETY: the ABI says that the value is alive.
    guard(ptr::null_mut(), || unsafe { look(value) }.cloned().map_or(ptr::null_mut(), give))
}

pub(super) unsafe extern "C" fn drop_value(value: *mut ReflowValue) {
    // SAFETY: the ABI says that the pack owns the value.
    guard((), || drop(unsafe { receive(value) }));
}
