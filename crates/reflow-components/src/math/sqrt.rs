//! `tpl_math_sqrt`.

use super::number::{Operand, Precision, Rounded};
use crate::finite::NotFinite;
use crate::prelude::*;

/// Gives the non-negative square root of a number.
///
/// `result` = √`input`.
///
/// # Errors
///
/// A negative input is the Error `Square root of negative number`.
#[derive(Component)]
#[component(id = "tpl_math_sqrt", title = "Square Root", category = "math")]
#[inport(input: Operand, required, "The number.")]
#[outport(result: Rounded, "The root.")]
#[outport(error: NotFinite, "Why there is no result.")]
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
        let input = tick.value(Self::IN_INPUT);
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
