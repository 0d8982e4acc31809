//! `tpl_math_multiply`.

use super::number::{Operand, Precision, Rounded};
use crate::finite::NotFinite;
use crate::prelude::*;

/// Multiplies two numbers.
///
/// `result` = `a` × `b`.
#[derive(Component)]
#[component(id = "tpl_math_multiply", title = "Multiply", category = "math", firing = all)]
#[inport(a: Operand, required, "First factor.")]
#[inport(b: Operand, required, "Second factor.")]
#[outport(result: Rounded, "The product.")]
#[outport(error: NotFinite, "Why there is no result.")]
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
        let (a, b) = (tick.value(Self::IN_A), tick.value(Self::IN_B));
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
