//! `tpl_math_statistics`.

use super::number::{Numbers, Precision, Rounded, mean};
use crate::finite::{NOT_FINITE, NotFinite};
use crate::prelude::*;

/// Describes a list of numbers: mean, median, standard deviation, extremes and count.
///
/// `median` is the middle one of the sorted values, or the mean of the two in the middle. `stddev` is that of a population:
/// √(Σ(v - mean)² / n). An empty list only sends `count`.
///
/// # Errors
///
/// When one of the results is infinite or undefined, the Error `Result is not a finite number` comes in place of all.
#[derive(Component)]
#[component(id = "tpl_math_statistics", title = "Statistics", category = "math")]
#[inport(values: Numbers, required, "The numbers.")]
#[outport(mean: Rounded, "Arithmetic mean.")]
#[outport(median: Rounded, "Median.")]
#[outport(stddev: Rounded, "Standard deviation of the population.")]
#[outport(min: Rounded, "The smallest value.")]
#[outport(max: Rounded, "The largest value.")]
#[outport(count: Integer, "How many values there are.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"values": [4, 1, 3, 2]}]"#,
    outputs = r#"[{"mean": [2.5], "median": [2.5], "stddev": [1.1180339887], "min": [1.0], "max": [4.0], "count": [4]}]"#
)]
pub(super) struct Statistics {
    /// Decimals kept in the results.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

impl Actor for Statistics {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let mut values = tick.value(Self::IN_VALUES);
        let count = values.len();
        if count > 0 {
            values.sort_by(f64::total_cmp);
            let mean = mean(&values);
            let median = f64::midpoint(values[(count - 1) / 2], values[count / 2]);
            let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
            let results = [
                (Self::OUT_MEAN, mean),
                (Self::OUT_MEDIAN, median),
                (Self::OUT_STDDEV, (squares / count as f64).sqrt()),
                (Self::OUT_MIN, values[0]),
                (Self::OUT_MAX, values[count - 1]),
            ];
            if results.iter().any(|(_, value)| !value.is_finite()) {
                return tick.report(Self::OUT_ERROR, NOT_FINITE);
            }
            for (port, value) in results {
                tick.emit(port, self.precision.round(value));
            }
        }
        tick.emit(Self::OUT_COUNT, count as i64);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn odd_counts_single_values_and_nothing() {
        let outputs = run::<Statistics>(
            json!({}),
            [json!({"values": [1, 2, 3]}), json!({"values": {"type": "Object", "data": [7]}}), json!({"values": 5})],
        );
        let described = |mean, median, stddev, min, max, count: i64| json!({"mean": [mean], "median": [median], "stddev": [stddev], "min": [min], "max": [max], "count": [count]});
        assert_eq!(outputs[0], described(2.0, 2.0, 0.816_496_580_9, 1.0, 3.0, 3));
        assert_eq!(outputs[1], described(7.0, 7.0, 0.0, 7.0, 7.0, 1));
        assert_eq!(outputs[2], json!({"count": [0]}));
    }

    #[test]
    fn what_overflows_is_an_error() {
        let outputs = run::<Statistics>(json!({}), [json!({"values": [1e300, -1e300]})]);
        assert_eq!(outputs, [json!({"error": [{"type": "Error", "data": NOT_FINITE}]})]);
    }
}
