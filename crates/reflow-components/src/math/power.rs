//! `tpl_math_power`.

use super::number::{Operand, Precision, Rounded};
use crate::finite::NotFinite;
use crate::prelude::*;

/// Raises a number to a power.
///
/// `result` = `base` to the power of `exponent`: negative exponents give reciprocals, fractional ones roots.
///
/// # Errors
///
/// A negative base with a fractional exponent has no real power, nor has 0 with a negative one.
#[derive(Component)]
#[component(id = "tpl_math_power", title = "Power", category = "math", firing = all)]
#[inport(base: Operand, required, "What is raised.")]
#[inport(exponent: Operand, required, "The exponent.")]
#[outport(result: Rounded, "The power.")]
#[outport(error: NotFinite, "Why there is no result.")]
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
        let (base, exponent) = (tick.value(Self::IN_BASE), tick.value(Self::IN_EXPONENT));
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
