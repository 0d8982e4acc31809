//! `tpl_math_power`.

use super::number::{Precision, number};
use crate::prelude::*;

/// Raises a number to a power.
///
/// `result` = `base` to the power of `exponent`: negative exponents give reciprocals, fractional ones roots. One packet of each inport makes a pair, in order of arrival. Integers, floats, decimal strings such as `-2.5e3` and JSON payloads that are numbers count as themselves, anything
/// else as 0. The result is a Float with `precision` decimals; halves are rounded away from zero.
///
/// # Errors
///
/// A negative base with a fractional exponent has no real power, nor has 0 with a negative one. /// An infinite or
/// undefined result is the Error `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_math_power", title = "Power", category = "math", firing = all)]
#[inport(base: number, required, "What is raised.")]
#[inport(exponent: number, required, "The exponent.")]
#[outport(result: float, "The power.")]
#[outport(error: error, "Why there is no result.")]
#[example(
    steps = r#"[{"base": 2, "exponent": 10}, {"base": 9, "exponent": 0.5}]"#,
    outputs = r#"[{"result": [1024.0]}, {"result": [3.0]}]"#
)]
pub(super) struct Power {
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

impl Actor for Power {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (base, exponent) = (number(tick, Self::IN_BASE), number(tick, Self::IN_EXPONENT));
        self.precision.emit(tick, Self::OUT_RESULT, Self::OUT_ERROR, base.powf(exponent))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn what_has_no_real_power_is_an_error() {
        let outputs = run::<Power>(
            json!({}),
            [
                json!({"base": -1, "exponent": 0.5}),
                json!({"base": 0, "exponent": -1}),
                json!({"base": 2, "exponent": -2}),
            ],
        );
        assert_eq!(
            outputs,
            [
                json!({"error": [{"type": "Error", "data": "Result is not a finite number"}]}),
                json!({"error": [{"type": "Error", "data": "Result is not a finite number"}]}),
                json!({"result": [0.25]})
            ]
        );
    }
}
