//! `tpl_math_clamp`.

use super::number::{Operand, Precision, Rounded};
use crate::finite::NotFinite;
use crate::prelude::*;

/// Limits a number to a range.
///
/// `result` is `min` where `input` is less, `max` where it is more, and `input` otherwise. Limits given the wrong way round
/// are swapped.
#[derive(Component)]
#[component(id = "tpl_math_clamp", title = "Clamp", category = "math", prepare)]
#[inport(input: Operand, required, "The number to limit.")]
#[outport(result: Rounded, "The limited number.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    config = r#"{"min": -10, "max": 10}"#,
    steps = r#"[{"input": 25}, {"input": 9.75}]"#,
    outputs = r#"[{"result": [10.0]}, {"result": [9.75]}]"#
)]
pub(super) struct Clamp {
    /// Lower limit.
    #[config(default = 0.0, lenient)]
    min: f64,
    /// Upper limit.
    #[config(default = 1.0, lenient)]
    max: f64,
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

impl Clamp {
    fn prepare(&mut self) {
        (self.min, self.max) = (self.min.min(self.max), self.min.max(self.max));
    }
}

impl Actor for Clamp {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let value = tick.value(Self::IN_INPUT).clamp(self.min, self.max);
        self.precision.emit(tick, Self::OUT_RESULT, Self::OUT_ERROR, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn each_limit_has_its_own_default() {
        let outputs = run::<Clamp>(json!({"min": -2}), [json!({"input": -5}), json!({"input": 5})]);
        assert_eq!(outputs, [json!({"result": [-2.0]}), json!({"result": [1.0]})]);
    }

    #[test]
    fn limits_the_wrong_way_round_are_swapped() {
        let outputs = run::<Clamp>(json!({"min": 3, "max": 1}), [json!({"input": 2}), json!({"input": 9})]);
        assert_eq!(outputs, [json!({"result": [2.0]}), json!({"result": [3.0]})]);
    }
}
