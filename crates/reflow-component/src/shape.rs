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

/// A list of numbers.
#[derive(Debug)]
pub struct Numbers;

impl Shape for Numbers {
    fn schema() -> Value {
        Vec::<f64>::schema()
    }
}

impl Shaped<Numbers> {
    /// The number at a place of the list, when there is one.
    pub fn number(&self, place: usize) -> Option<f64> {
        self.at(place)?.as_number().filter(|number| number.is_finite())
    }

    /// As many numbers as there are defaults. A default counts where there is no number.
    pub fn or<const N: usize>(&self, defaults: [f64; N]) -> [f64; N] {
        std::array::from_fn(|place| self.number(place).unwrap_or(defaults[place]))
    }
}

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_default_counts_where_there_is_no_number() {
        let numbers = |json: &str| Shaped::<Numbers>::from(serde_json::from_str::<Value>(json).unwrap());
        assert_eq!(numbers(r#"[4, "x", null, 1.5]"#).or([1.0, 2.0, 3.0, 0.0, 5.0]), [4.0, 2.0, 3.0, 1.5, 5.0]);
        assert_eq!(numbers("7").or([1.0]), [1.0]);
        assert_eq!(Shaped::<Numbers>::default().number(0), None);
    }
}
