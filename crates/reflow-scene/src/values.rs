//! Reading JSON as components keep it, and writing it.

use reflow_component::config::{ConfigValue, expected};
use reflow_message::{Object, Value};

/// The number under a key.
pub(crate) fn number(value: &Value, key: &str) -> Option<f64> {
    value.get(key)?.as_number()
}

/// The number under a key, or else this one.
pub(crate) fn number_or(value: &Value, key: &str, default: f64) -> f64 {
    number(value, key).unwrap_or(default)
}

/// The same as an f32.
pub(crate) fn float_or(value: &Value, key: &str, default: f32) -> f32 {
    number(value, key).map_or(default, |number| number as f32)
}

/// The text under a key, or else this one.
pub(crate) fn text_or<'v>(value: &'v Value, key: &str, default: &'v str) -> &'v str {
    value.get(key).and_then(Value::as_str).unwrap_or(default)
}

/// The truth under a key, or else this one.
pub(crate) fn truth_or(value: &Value, key: &str, default: bool) -> bool {
    value.get(key).and_then(Value::as_boolean).unwrap_or(default)
}

/// A count: a whole number that is not negative, and not written as a float.
pub(crate) fn count(value: &Value) -> Option<u64> {
    match value {
        Value::Integer(number) => u64::try_from(*number).ok(),
        Value::Unsigned(number) => Some(*number),
        _ => None,
    }
}

/// A whole number of a config that has to be a [`count`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Count<T>(pub(crate) T);

impl<T: ConfigValue> ConfigValue for Count<T> {
    fn read(value: &Value) -> Result<Self, String> {
        count(value).ok_or_else(|| expected("a whole number from 0 on, written without a point", value))?;
        T::read(value).map(Self)
    }

    fn to_value(&self) -> Value {
        self.0.to_value()
    }

    fn schema() -> Value {
        T::schema()
    }
}

/// A list of numbers; what is missing or none is that of `default` in its place.
pub(crate) fn vector<const N: usize>(value: Option<&Value>, default: [f64; N]) -> [f64; N] {
    std::array::from_fn(|at| value.and_then(|value| value.at(at)?.as_number()).unwrap_or(default[at]))
}

/// The same as f32s.
pub(crate) fn floats<const N: usize>(value: Option<&Value>, default: [f32; N]) -> [f32; N] {
    vector(value, default.map(f64::from)).map(|number| number as f32)
}

/// A vector under a key, as `{x, y, z}` or as a list.
pub(crate) fn place(value: &Value, default: [f64; 3]) -> Option<[f64; 3]> {
    match value {
        Value::Array(_) => Some(vector(Some(value), default)),
        Value::Object(_) => Some([("x", 0), ("y", 1), ("z", 2)].map(|(key, at)| number_or(value, key, default[at]))),
        _ => None,
    }
}

/// Numbers as a list of floats.
pub(crate) fn list(numbers: impl IntoIterator<Item = f32>) -> Value {
    Value::array(numbers)
}

/// `{x, y, z}`.
pub(crate) fn xyz(parts: [f32; 3]) -> Value {
    Value::object(["x", "y", "z"].into_iter().zip(parts))
}

/// Members of several kinds as an object.
pub(crate) fn object<const N: usize>(members: [(&str, Value); N]) -> Value {
    Value::object(members)
}

/// An object with some members set anew.
pub(crate) fn with<const N: usize>(value: &Value, members: [(&str, Value); N]) -> Value {
    let mut all = value.as_object().map_or_else(Object::new, Clone::clone);
    all.extend(members.into_iter().map(|(key, value)| (key.into(), value)));
    all.into()
}

/// An object without members.
pub(crate) fn empty() -> Value {
    Value::object::<&str, Value>([])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_not_written_as_floats() {
        let read = |json: &str| Count::<u32>::read(&serde_json::from_str(json).unwrap());
        assert_eq!(read("4"), Ok(Count(4)));
        let problem = "expected a whole number from 0 on, written without a point, found 4.0";
        assert_eq!(read("4.0"), Err(problem.to_string()));
        assert!(read("-1").is_err() && read("4294967296").is_err() && read("null").is_err());
    }
}
