//! `Shaped`: JSON in a config that is taken as it is, with a schema by which checks find slips in it.

use std::marker::PhantomData;
use std::ops::Deref;

use reflow_message::Value;

use crate::config::ConfigValue;

/// What JSON in a config looks like.
pub trait Shape: Send + 'static {
    /// Its JSON Schema. Objects with `"additionalProperties": false` have no further keys.
    fn schema() -> Value;
}

/// JSON of some shape. Nothing is refused: what has another shape is told by checks.
#[derive(Debug)]
pub struct Shaped<S>(Value, PhantomData<fn() -> S>);

impl<S> Default for Shaped<S> {
    fn default() -> Self {
        Value::Null.into()
    }
}

impl<S> From<Value> for Shaped<S> {
    fn from(value: Value) -> Self {
        Self(value, PhantomData)
    }
}

impl<S> Deref for Shaped<S> {
    type Target = Value;

    fn deref(&self) -> &Value {
        &self.0
    }
}

impl<S: Shape> ConfigValue for Shaped<S> {
    const TAKES_NULL: bool = true;

    fn read(value: &Value) -> Result<Self, String> {
        Ok(value.clone().into())
    }

    fn to_value(&self) -> Value {
        self.0.clone()
    }

    fn schema() -> Value {
        S::schema()
    }
}
