//! `tpl_math_min_max`.

use super::number::{Operand, Precision, Rounded};
use crate::finite::{NOT_FINITE, NotFinite};
use crate::prelude::*;

/// Gives the smaller and the larger of two numbers.
///
/// Both outports send for every pair.
#[derive(Component)]
#[component(id = "tpl_math_min_max", title = "Min / Max", category = "math", firing = all)]
#[inport(a: Operand, required, "One number.")]
#[inport(b: Operand, required, "The other number.")]
#[outport(min: Rounded, "The smaller one.")]
#[outport(max: Rounded, "The larger one.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(steps = r#"[{"a": 3, "b": 8}]"#, outputs = r#"[{"min": [3.0], "max": [8.0]}]"#)]
pub(super) struct MinMax {
    /// Decimals kept in the results.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

impl Actor for MinMax {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (tick.value(Self::IN_A), tick.value(Self::IN_B));
        if !(a.is_finite() && b.is_finite()) {
            return tick.report(Self::OUT_ERROR, NOT_FINITE);
        }
        tick.emit(Self::OUT_MIN, self.precision.round(a.min(b)));
        tick.emit(Self::OUT_MAX, self.precision.round(a.max(b)));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn both_sides_are_rounded() {
        let outputs = run::<MinMax>(json!({"precision": 1}), [json!({"a": 1.26, "b": "1.24"})]);
        assert_eq!(outputs, [json!({"min": [1.2], "max": [1.3]})]);
    }

    #[test]
    fn infinities_are_an_error() {
        let infinite = json!({"a": "1e999", "b": 1});
        let outputs = run::<MinMax>(json!({}), [infinite]);
        assert_eq!(outputs, [json!({"error": [{"type": "Error", "data": NOT_FINITE}]})]);
    }
}
