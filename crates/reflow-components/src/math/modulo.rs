//! `tpl_math_modulo`.

use super::number::{Operand, Precision, Rounded};
use crate::finite::NotFinite;
use crate::prelude::*;

/// Gives the remainder of a division.
///
/// `result` = `a` - `b` × trunc(`a` / `b`), the truncated remainder: its sign is that of `a`.
///
/// # Errors
///
/// A divisor of 0, or one that is read as 0, is the Error `Modulo by zero`.
#[derive(Component)]
#[component(id = "tpl_math_modulo", title = "Modulo", category = "math", firing = all)]
#[inport(a: Operand, required, "The dividend.")]
#[inport(b: Operand, required, "The divisor.")]
#[outport(result: Rounded, "The remainder.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(steps = r#"[{"a": -7, "b": 3}, {"a": 5.5, "b": 2}]"#, outputs = r#"[{"result": [-1.0]}, {"result": [1.5]}]"#)]
pub(super) struct Modulo {
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

impl Actor for Modulo {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (tick.value(Self::IN_A), tick.value(Self::IN_B));
        if b == 0.0 {
            return tick.report(Self::OUT_ERROR, "Modulo by zero");
        }
        self.precision.emit(tick, Self::OUT_RESULT, Self::OUT_ERROR, a % b)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn the_sign_follows_the_dividend() {
        let outputs = run::<Modulo>(json!({}), [json!({"a": 7, "b": -3}), json!({"a": 5, "b": 0})]);
        assert_eq!(
            outputs,
            [json!({"result": [1.0]}), json!({"error": [{"type": "Error", "data": "Modulo by zero"}]})]
        );
    }
}
