//! `tpl_math_add`.

use super::number::{Operand, Precision, Rounded};
use crate::finite::NotFinite;
use crate::prelude::*;

/// Adds two numbers.
///
/// `result` = `a` + `b`.
#[derive(Component)]
#[component(id = "tpl_math_add", title = "Add", category = "math", firing = all)]
#[inport(a: Operand, required, "First summand.")]
#[inport(b: Operand, required, "Second summand.")]
#[outport(result: Rounded, "The sum.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"a": 2, "b": 3}, {"a": "1e3", "b": -0.5}]"#,
    outputs = r#"[{"result": [5.0]}, {"result": [999.5]}]"#
)]
pub(super) struct Add {
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

impl Actor for Add {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (tick.value(Self::IN_A), tick.value(Self::IN_B));
        self.precision.emit(tick, Self::OUT_RESULT, Self::OUT_ERROR, a + b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn numbers_are_read_liberally() {
        let outputs = run::<Add>(
            json!({}),
            [json!({"a": {"type": "Object", "data": 4}, "b": " 4 "}), json!({"a": true, "b": 1})],
        );
        assert_eq!(outputs, [json!({"result": [4.0]}), json!({"result": [1.0]})]);
    }

    #[test]
    fn precision_and_overflow() {
        let outputs =
            run::<Add>(json!({"precision": 2}), [json!({"a": 0.125, "b": 0}), json!({"a": f64::MAX, "b": f64::MAX})]);
        assert_eq!(
            outputs,
            [json!({"result": [0.13]}), json!({"error": [{"type": "Error", "data": "Result is not a finite number"}]})]
        );
    }
}
