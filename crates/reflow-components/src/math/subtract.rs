//! `tpl_math_subtract`.

use super::number::{Precision, number};
use crate::prelude::*;

/// Subtracts one number from another.
///
/// `result` = `a` - `b`. One packet of each inport makes a pair, in order of arrival. Integers, floats, decimal strings such as `-2.5e3` and JSON payloads that are numbers count as themselves, anything
/// else as 0. The result is a Float with `precision` decimals; halves are rounded away from zero.
///
/// # Errors
///
/// An infinite or undefined result is the Error `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_math_subtract", title = "Subtract", category = "math", firing = all)]
#[inport(a: number, required, "What is subtracted from.")]
#[inport(b: number, required, "What is subtracted.")]
#[outport(result: float, "The difference.")]
#[outport(error: error, "Why there is no result.")]
#[example(steps = r#"[{"a": 10, "b": 4}]"#, outputs = r#"[{"result": [6.0]}]"#)]
pub(super) struct Subtract {
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

impl Actor for Subtract {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (number(tick, Self::IN_A), number(tick, Self::IN_B));
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
