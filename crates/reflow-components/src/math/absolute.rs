//! `tpl_math_absolute`.

use super::number::{Precision, number};
use crate::prelude::*;

/// Gives the magnitude of a number.
///
/// `result` = |`input`|. Integers, floats, decimal strings such as `-2.5e3` and JSON payloads that are numbers count as themselves, anything
/// else as 0. The result is a Float with `precision` decimals; halves are rounded away from zero.
///
/// # Errors
///
/// An infinite or undefined result is the Error `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_math_absolute", title = "Absolute Value", category = "math")]
#[inport(input: number, required, "The number.")]
#[outport(result: float, "Its magnitude.")]
#[outport(error: error, "Why there is no result.")]
#[example(steps = r#"[{"input": -5}, {"input": 2.25}]"#, outputs = r#"[{"result": [5.0]}, {"result": [2.25]}]"#)]
pub(super) struct Absolute {
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

impl Actor for Absolute {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let value = number(tick, Self::IN_INPUT).abs();
        self.precision.emit(tick, Self::OUT_RESULT, Self::OUT_ERROR, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn strings_and_other_kinds() {
        let outputs = run::<Absolute>(
            json!({"precision": 1}),
            [json!({"input": "-3.5e2"}), json!({"input": -1.26}), json!({"input": {"type": "Flow"}})],
        );
        assert_eq!(outputs, [json!({"result": [350.0]}), json!({"result": [1.3]}), json!({"result": [0.0]})]);
    }
}
