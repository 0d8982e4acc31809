//! `tpl_math_round`.

use super::number::{Operand, Precision, Rounded};
use crate::finite::NotFinite;
use crate::prelude::*;

/// Rounds a number by a chosen rule.
///
/// `mode` chooses the rule. `round` keeps `precision` decimals, so that with the default of 10 a 2.5 stays 2.5: rounding to
/// whole numbers takes a precision of 0.
#[derive(Component)]
#[component(id = "tpl_math_round", title = "Round", category = "math")]
#[inport(input: Operand, required, "The number.")]
#[outport(result: Rounded, "The rounded number.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    config = r#"{"precision": 0}"#,
    steps = r#"[{"input": 2.5}, {"input": -2.5}]"#,
    outputs = r#"[{"result": [3.0]}, {"result": [-3.0]}]"#
)]
#[example(
    config = r#"{"mode": "floor"}"#,
    steps = r#"[{"input": 2.9}, {"input": -2.1}]"#,
    outputs = r#"[{"result": [2.0]}, {"result": [-3.0]}]"#
)]
pub(super) struct Round {
    /// The rounding rule.
    #[config(default = Mode::Round, lenient)]
    mode: Mode,
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

/// How [`Round`] rounds.
#[derive(Choice)]
enum Mode {
    /// To `precision` decimals.
    Round,
    /// To the largest whole number that is not larger.
    Floor,
    /// To the smallest whole number that is not smaller.
    Ceil,
    /// Drops the fraction.
    Trunc,
}

impl Actor for Round {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let input = tick.value(Self::IN_INPUT);
        let value = match self.mode {
            Mode::Round => input,
            Mode::Floor => input.floor(),
            Mode::Ceil => input.ceil(),
            Mode::Trunc => input.trunc(),
        };
        self.precision.emit(tick, Self::OUT_RESULT, Self::OUT_ERROR, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn ceil() {
        let outputs = run::<Round>(json!({"mode": "ceil"}), [json!({"input": 2.1}), json!({"input": -2.9})]);
        assert_eq!(outputs, [json!({"result": [3.0]}), json!({"result": [-2.0]})]);
    }

    #[test]
    fn trunc() {
        let outputs = run::<Round>(json!({"mode": "trunc"}), [json!({"input": 2.9}), json!({"input": -2.9})]);
        assert_eq!(outputs, [json!({"result": [2.0]}), json!({"result": [-2.0]})]);
    }

    #[test]
    fn an_unknown_rule_means_round() {
        let outputs = run::<Round>(json!({"mode": "sideways"}), [json!({"input": 2.5})]);
        assert_eq!(outputs, [json!({"result": [2.5]})]);
    }
}
