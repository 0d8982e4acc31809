//! `tpl_math_multiply`.

use super::number::{Precision, number};
use crate::prelude::*;

/// Multiplies two numbers.
///
/// `result` = `a` × `b`. One packet of each inport makes a pair, in order of arrival. Integers, floats, decimal strings such as `-2.5e3` and JSON payloads that are numbers count as themselves, anything
/// else as 0. The result is a Float with `precision` decimals; halves are rounded away from zero.
///
/// # Errors
///
/// An infinite or undefined result is the Error `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_math_multiply", title = "Multiply", category = "math", firing = all)]
#[inport(a: number, required, "First factor.")]
#[inport(b: number, required, "Second factor.")]
#[outport(result: float, "The product.")]
#[outport(error: error, "Why there is no result.")]
#[example(
    config = r#"{"precision": 4}"#,
    steps = r#"[{"a": 3.14159265, "b": 2}]"#,
    outputs = r#"[{"result": [6.2832]}]"#
)]
pub(super) struct Multiply {
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

impl Actor for Multiply {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (number(tick, Self::IN_A), number(tick, Self::IN_B));
        self.precision.emit(tick, Self::OUT_RESULT, Self::OUT_ERROR, a * b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn products_and_overflow() {
        let outputs = run::<Multiply>(json!({}), [json!({"a": "3", "b": "4"}), json!({"a": 1e200, "b": 1e200})]);
        assert_eq!(
            outputs,
            [json!({"result": [12.0]}), json!({"error": [{"type": "Error", "data": "Result is not a finite number"}]})]
        );
    }
}
