//! Numbers in and out of the components of this family.

use reflow_runtime::{Failure, Tick, Value};

use crate::config::expected;
use crate::prelude::{ConfigValue, Report};
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
    pub(super) fn emit(self, tick: &mut Tick<'_>, result: usize, error: usize, value: f64) -> Result<(), Failure> {
        if !value.is_finite() {
            return tick.report(error, NOT_FINITE);
        }
        tick.emit(result, self.round(value));
        Ok(())
    }
}

/// What is said of infinities and NaN.
pub(super) const NOT_FINITE: &str = "Result is not a finite number";

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

/// The number on an inport; 0 when what is there is none.
pub(super) fn number(tick: &Tick<'_>, port: usize) -> f64 {
    tick.input(port).and_then(read::number).unwrap_or(0.0)
}

/// The numbers of the list on an inport; an item that is no number counts as 0, and so many items count.
pub(super) fn numbers(tick: &Tick<'_>, port: usize) -> Vec<f64> {
    let items = tick.input(port).and_then(read::list).unwrap_or_default();
    items.iter().map(|item| item.as_number().unwrap_or(0.0)).collect()
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
