//! `tpl_math_sqrt`.

use super::number::{Precision, number};
use crate::prelude::*;

/// Gives the non-negative square root of a number.
///
/// `result` = √`input`. Integers, floats, decimal strings such as `-2.5e3` and JSON payloads that are numbers count as themselves, anything
/// else as 0. The result is a Float with `precision` decimals; halves are rounded away from zero.
///
/// # Errors
///
/// A negative input is the Error `Square root of negative number`. /// An infinite or undefined result is the Error
/// `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_math_sqrt", title = "Square Root", category = "math")]
#[inport(input: number, required, "The number.")]
#[outport(result: float, "The root.")]
#[outport(error: error, "Why there is no result.")]
#[example(
    steps = r#"[{"input": 9}, {"input": -1}]"#,
    outputs = r#"[{"result": [3.0]}, {"error": [{"type": "Error", "data": "Square root of negative number"}]}]"#
)]
pub(super) struct Sqrt {
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

impl Actor for Sqrt {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let input = number(tick, Self::IN_INPUT);
        if input < 0.0 {
            return tick.report(Self::OUT_ERROR, "Square root of negative number");
        }
        let value = input.sqrt();
        self.precision.emit(tick, Self::OUT_RESULT, Self::OUT_ERROR, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn roots() {
        let outputs =
            run::<Sqrt>(json!({"precision": 3}), [json!({"input": 10}), json!({"input": "16"}), json!({"input": [1]})]);
        assert_eq!(outputs, [json!({"result": [3.162]}), json!({"result": [4.0]}), json!({"result": [0.0]})]);
    }
}
