//! `tpl_math_absolute`.

use super::number::{Operand, Precision, Rounded};
use crate::finite::NotFinite;
use crate::prelude::*;

/// Gives the magnitude of a number.
///
/// `result` = |`input`|.
#[derive(Component)]
#[component(id = "tpl_math_absolute", title = "Absolute Value", category = "math")]
#[inport(input: Operand, required, "The number.")]
#[outport(result: Rounded, "Its magnitude.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(steps = r#"[{"input": -5}, {"input": 2.25}]"#, outputs = r#"[{"result": [5.0]}, {"result": [2.25]}]"#)]
pub(super) struct Absolute {
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

impl Actor for Absolute {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let value = tick.value(Self::IN_INPUT).abs();
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
