//! `tpl_math_subtract`.

use super::number::{Operand, Precision, Rounded};
use crate::finite::NotFinite;
use crate::prelude::*;

/// Subtracts one number from another.
///
/// `result` = `a` - `b`.
#[derive(Component)]
#[component(id = "tpl_math_subtract", title = "Subtract", category = "math", firing = all)]
#[inport(a: Operand, required, "What is subtracted from.")]
#[inport(b: Operand, required, "What is subtracted.")]
#[outport(result: Rounded, "The difference.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(steps = r#"[{"a": 10, "b": 4}]"#, outputs = r#"[{"result": [6.0]}]"#)]
pub(super) struct Subtract {
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

impl Actor for Subtract {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (tick.value(Self::IN_A), tick.value(Self::IN_B));
        self.precision.emit(tick, Self::OUT_RESULT, Self::OUT_ERROR, a - b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn order_and_precision() {
        let outputs =
            run::<Subtract>(json!({"precision": 1}), [json!({"a": 5.57, "b": 1.2}), json!({"a": "x", "b": 3})]);
        assert_eq!(outputs, [json!({"result": [4.4]}), json!({"result": [-3.0]})]);
    }
}
