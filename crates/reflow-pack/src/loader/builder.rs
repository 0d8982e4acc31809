//! Values in the making.

use std::ptr;
use std::sync::Arc;

use reflow_pack_sdk::abi::{
    REFLOW_VALUE_ARRAY, REFLOW_VALUE_BOOLEAN, REFLOW_VALUE_FLOAT, REFLOW_VALUE_INTEGER, REFLOW_VALUE_NULL,
    REFLOW_VALUE_OBJECT, REFLOW_VALUE_STRING, REFLOW_VALUE_UNSIGNED, ReflowBuilder, ReflowDatum, ReflowStr,
    ReflowValue,
};
use reflow_runtime::{MAX_DEPTH, Object, Value};

use super::foreign::{self, guard};
use super::value;

/// What was said so far.
#[derive(Default)]
struct Builder {
    open: Vec<Open>,
    key: Option<Arc<str>>,
    whole: Option<Value>,
    /// Something was said that no value is made of.
    is_broken: bool,
}

/// A list or object that is not closed yet, with the key that it will have.
struct Open {
    key: Option<Arc<str>>,
    children: Children,
}

enum Children {
    Items(Vec<Value>),
    Members(Object),
}

impl Builder {
    fn add(&mut self, value: Value) {
        let key = self.key.take();
        self.put(key, value);
    }

    fn put(&mut self, key: Option<Arc<str>>, value: Value) {
        match (self.open.last_mut().map(|open| &mut open.children), key) {
            (Some(Children::Items(items)), None) => items.push(value),
            (Some(Children::Members(members)), Some(key)) => drop(members.insert(key, value)),
            (None, None) if self.whole.is_none() => self.whole = Some(value),
            _ => self.is_broken = true,
        }
    }

    fn open(&mut self, children: Children) {
        self.is_broken |= self.open.len() >= MAX_DEPTH;
        let key = self.key.take();
        self.open.push(Open { key, children });
    }

    fn close(&mut self) {
        let Some(open) = self.open.pop() else {
            self.is_broken = true;
            return;
        };
        let value = match open.children {
            Children::Items(items) => items.into(),
            Children::Members(members) => members.into(),
        };
        self.is_broken |= self.key.take().is_some();
        self.put(open.key, value);
    }

    fn finish(self) -> Option<Value> {
        self.whole.filter(|_| self.open.is_empty() && self.key.is_none() && !self.is_broken)
    }
}

/// # Safety
/// `builder` is null or owned by the pack, which does not use it elsewhere meanwhile.
unsafe fn with(builder: *mut ReflowBuilder, call: impl FnOnce(&mut Builder)) {
    // SAFETY: as this function demands.
    guard((), || unsafe { builder.cast::<Builder>().as_mut() }.map_or((), call));
}

pub(super) unsafe extern "C" fn new() -> *mut ReflowBuilder {
    guard(ptr::null_mut(), || Box::into_raw(Box::<Builder>::default()).cast())
}

pub(super) unsafe extern "C" fn key(builder: *mut ReflowBuilder, key: ReflowStr) {
    // SAFETY: the ABI says that the builder is the caller's and the key valid for the call.
    unsafe { with(builder, |builder| builder.key = Some(foreign::text(key).into())) };
}

pub(super) unsafe extern "C" fn add(builder: *mut ReflowBuilder, datum: *const ReflowDatum) {
    // SAFETY: the ABI says that builder and datum are the caller's; the kind says which field holds the data.
    unsafe {
        with(builder, |builder| {
            let Some(datum) = datum.as_ref() else { return builder.is_broken = true };
            builder.add(match datum.kind {
                REFLOW_VALUE_NULL => Value::Null,
                REFLOW_VALUE_BOOLEAN => Value::Boolean(datum.scalar.integer != 0),
                REFLOW_VALUE_INTEGER => Value::Integer(datum.scalar.integer),
                REFLOW_VALUE_UNSIGNED => Value::from(datum.scalar.unsigned_integer),
                REFLOW_VALUE_FLOAT => Value::Float(datum.scalar.number),
                REFLOW_VALUE_STRING => Value::String(foreign::text(datum.text).into()),
                REFLOW_VALUE_ARRAY => return builder.open(Children::Items(Vec::new())),
                REFLOW_VALUE_OBJECT => return builder.open(Children::Members(Object::new())),
                _ => return builder.is_broken = true,
            });
        });
    }
}

pub(super) unsafe extern "C" fn share(builder: *mut ReflowBuilder, shared: *const ReflowValue) {
    // SAFETY: the ABI says that builder and value are alive.
    unsafe {
        with(builder, |builder| match value::look(shared) {
            Some(value) => builder.add(value.clone()),
            None => builder.is_broken = true,
        });
    }
}

pub(super) unsafe extern "C" fn close(builder: *mut ReflowBuilder) {
    // SAFETY: the ABI says that the builder is the caller's.
    unsafe { with(builder, Builder::close) };
}

pub(super) unsafe extern "C" fn finish(builder: *mut ReflowBuilder) -> *mut ReflowValue {
    guard(ptr::null_mut(), || {
        if builder.is_null() {
            return ptr::null_mut();
        }
        // SAFETY: the ABI says that the builder is handed over, so it is the box made by `new`.
        let builder = unsafe { Box::from_raw(builder.cast::<Builder>()) };
        builder.finish().map_or(ptr::null_mut(), value::give)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_whole_value_comes_out() {
        let mut builder = Builder::default();
        builder.open(Children::Members(Object::new()));
        builder.key = Some("a".into());
        builder.open(Children::Items(Vec::new()));
        builder.add(1_i64.into());
        builder.close();
        builder.close();
        assert_eq!(builder.finish(), Some(Value::object([("a", Value::array([1_i64]))])));

        let spoil: [fn(&mut Builder); 5] = [
            |_| {},
            |builder| builder.open(Children::Items(Vec::new())),
            Builder::close,
            |builder| (0..2).for_each(|_| builder.add(Value::Null)),
            |builder| {
                builder.open(Children::Members(Object::new()));
                builder.add(Value::Null);
                builder.close();
            },
        ];
        for spoil in spoil {
            let mut builder = Builder::default();
            spoil(&mut builder);
            assert_eq!(builder.finish(), None);
        }
    }
}
