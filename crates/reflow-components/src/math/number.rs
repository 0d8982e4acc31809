//! Numbers in and out of the components of this family.

use std::borrow::Cow;

use reflow_component::declare::Outport;
use reflow_runtime::{Failure, Message, PortType, Tick, Value};

use crate::config::expected;
use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::{ConfigValue, List, Number, PortKind};
use crate::read;

/// How many decimals a result keeps; halves are rounded away from zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Precision {
    decimals: i64,
    /// 10 to the power of `decimals`; infinite when that is no `f64`, which means that nothing is rounded.
    scale: f64,
}

impl Precision {
    pub(super) fn of(decimals: i64) -> Self {
        Self { decimals, scale: i32::try_from(decimals).map_or(f64::INFINITY, |decimals| 10_f64.powi(decimals)) }
    }

    /// `value` with so many decimals; as it is when it is too large for decimals to matter.
    pub(super) fn round(self, value: f64) -> f64 {
        let scaled = value * self.scale;
        if scaled.is_finite() { scaled.round() / self.scale } else { value }
    }

    /// Sends the rounded result, or an error when it is no finite number.
    pub(super) fn emit(
        self,
        tick: &mut Tick<'_>,
        result: Outport<Rounded>,
        error: Outport<NotFinite>,
        value: f64,
    ) -> Result<(), Failure> {
        // What is finite stays so when it is rounded.
        tick.write_finite(result, error, self.round(value))
    }
}

impl Default for Precision {
    fn default() -> Self {
        Self::of(10)
    }
}

impl ConfigValue for Precision {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Integer(decimals) if *decimals >= 0 => Ok(Self::of(*decimals)),
            other => Err(expected("a whole number of at least 0", other)),
        }
    }

    fn to_value(&self) -> Value {
        self.decimals.into()
    }

    fn schema() -> Value {
        Value::object([("type", Value::from("integer")), ("minimum", 0.into())])
    }
}

/// A number to calculate with.
pub(super) struct Operand;

impl PortKind for Operand {
    type Value = f64;

    fn word() -> Cow<'static, str> {
        Number::word()
    }

    fn text() -> Cow<'static, str> {
        format!("{}; anything else counts as 0", Number::text()).into()
    }

    fn port_type() -> PortType {
        Number::port_type()
    }

    fn also() -> Vec<PortType> {
        Number::also()
    }

    fn read(message: &Message) -> Option<f64> {
        Some(Number::read(message).unwrap_or(0.0))
    }

    fn make(value: f64) -> Message {
        Number::make(value)
    }
}

/// A list of numbers to calculate with.
pub(super) struct Numbers;

impl PortKind for Numbers {
    type Value = Vec<f64>;

    fn word() -> Cow<'static, str> {
        List::word()
    }

    fn text() -> Cow<'static, str> {
        "a list, also as the JSON payload of an Object, Any or Optional message; an item that is no number counts as 0, and \
         anything but a list as an empty one"
            .into()
    }

    fn port_type() -> PortType {
        List::port_type()
    }

    fn also() -> Vec<PortType> {
        List::also()
    }

    fn read(message: &Message) -> Option<Vec<f64>> {
        let items = read::list(message).unwrap_or_default();
        Some(items.iter().map(|item| item.as_number().unwrap_or(0.0)).collect())
    }

    fn make(value: Vec<f64>) -> Message {
        Message::Array(value.into_iter().map(Value::Float).collect())
    }
}

/// A result of this family.
pub(super) struct Rounded;

impl PortKind for Rounded {
    type Value = f64;

    fn made() -> Cow<'static, str> {
        "a Float with `precision` decimals; halves are rounded away from zero".into()
    }

    fn port_type() -> PortType {
        PortType::Float
    }

    fn read(message: &Message) -> Option<f64> {
        message.as_number()
    }

    fn make(value: f64) -> Message {
        Message::Float(value)
    }
}

/// The sum of `values`; of none it is 0.
pub(super) fn sum(values: &[f64]) -> f64 {
    values.iter().fold(0.0, |sum, value| sum + value)
}

/// The mean of `values`, also where their sum would overflow; of none it is 0.
pub(super) fn mean(values: &[f64]) -> f64 {
    let count = values.len().max(1) as f64;
    let total = sum(values);
    if total.is_finite() { total / count } else { values.iter().map(|value| value / count).sum() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn rounding_moves_by_half_a_step_at_most(value in -1e12..1e12_f64, decimals in 0..4_i64) {
            let step = 10_f64.powi(-(decimals as i32));
            let rounded = Precision::of(decimals).round(value);
            prop_assert!((rounded - value).abs() <= step / 2.0 + value.abs() * 1e-15);
            // What is printed with so many decimals reads back as the same number: there are no further ones.
            prop_assert_eq!(format!("{rounded:.*}", decimals as usize).parse::<f64>().unwrap(), rounded);
        }

        #[test]
        fn rounding_never_makes_a_finite_number_infinite(value: f64, decimals in 0..2_000_i64) {
            prop_assert_eq!(Precision::of(decimals).round(value).is_finite(), value.is_finite());
        }

        #[test]
        fn the_mean_lies_between_the_extremes(values in prop::collection::vec(-1.7e308..1.7e308_f64, 1..40)) {
            let mean = mean(&values);
            let (low, high) = values.iter().fold((f64::MAX, f64::MIN), |(low, high), v| (low.min(*v), high.max(*v)));
            let slack = high.abs().max(low.abs()) * 1e-12;
            prop_assert!(mean >= low - slack && mean <= high + slack, "{low} {mean} {high}");
        }
    }

    #[test]
    fn halves_are_rounded_away_from_zero() {
        assert_eq!(Precision::of(2).round(0.125), 0.13);
        assert_eq!(Precision::of(0).round(-2.5), -3.0);
        assert_eq!(Precision::of(10).round(1.7e308), 1.7e308);
    }
}
