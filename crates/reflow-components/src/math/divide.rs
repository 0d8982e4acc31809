//! `tpl_math_divide`.

use super::number::{Operand, Precision, Rounded};
use crate::finite::NotFinite;
use crate::prelude::*;

/// Divides one number by another.
///
/// `result` = `a` / `b`.
///
/// # Errors
///
/// A divisor of 0, or one that is read as 0, is the Error `Division by zero`.
#[derive(Component)]
#[component(id = "tpl_math_divide", title = "Divide", category = "math", firing = all)]
#[inport(a: Operand, required, "The dividend.")]
#[inport(b: Operand, required, "The divisor.")]
#[outport(result: Rounded, "The quotient.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"a": 7, "b": 2}, {"a": 5, "b": 0}]"#,
    outputs = r#"[{"result": [3.5]}, {"error": [{"type": "Error", "data": "Division by zero"}]}]"#
)]
pub(super) struct Divide {
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

impl Actor for Divide {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (tick.value(Self::IN_A), tick.value(Self::IN_B));
        if b == 0.0 {
            return tick.report(Self::OUT_ERROR, "Division by zero");
        }
        self.precision.emit(tick, Self::OUT_RESULT, Self::OUT_ERROR, a / b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn zero_and_what_is_read_as_zero() {
        let outputs = run::<Divide>(
            json!({"precision": 3}),
            [json!({"a": 2, "b": 3}), json!({"a": 1, "b": -0.0}), json!({"a": 1, "b": "oops"})],
        );
        assert_eq!(
            outputs,
            [
                json!({"result": [0.667]}),
                json!({"error": [{"type": "Error", "data": "Division by zero"}]}),
                json!({"error": [{"type": "Error", "data": "Division by zero"}]})
            ]
        );
    }
}
