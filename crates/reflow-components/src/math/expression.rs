//! `tpl_math_expression`.

use super::formula::{Formula, Mistake};
use super::number::{Operand, Precision, Rounded};
use crate::finite::NotFinite;
use crate::prelude::*;
use crate::read;

/// Evaluates an arithmetic expression over a number.
///
/// `$input` and `$x` stand for the input; a bare name stands for the number of that name in an Object input. There are `+ - * /`,
/// `%` (the remainder, with the sign of the left side), `^` (to the power of, right to left) and parentheses. One minus may
/// stand before an operand, and it binds tighter than `^`: `-2^2` is 4. Functions: `sin cos tan asin acos atan atan2
/// abs floor ceil round sqrt pow min max clamp lerp mix mod sign step smoothstep fract log log2 exp deg rad`, with
/// GLSL's arguments and meaning; constants: `pi tau e`.
///
/// The expression is parsed once.
///
/// # Errors
///
/// Nothing but an Error leaves when the expression cannot be read (`Unexpected end of expression`, `Expected number at
/// position N`, `Unexpected character at position N`, `Invalid number: TEXT`, `Unknown function: NAME`; N counts characters
/// from 0, white space left out and the input in place of `$input` and `$x`), for `Division by zero`, `Modulo by zero`,
/// `Unknown variable: NAME`, and for `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_math_expression", title = "Expression", category = "math", prepare)]
#[inport(input: Operand, required, "The number, or an object of numbers.")]
#[outport(result: Rounded, "The value of the expression.")]
#[outport(error: NotFinite, "Why there is none.")]
#[example(
    config = r#"{"expression": "2 * $input ^ 2 - 1"}"#,
    steps = r#"[{"input": 3}]"#,
    outputs = r#"[{"result": [17.0]}]"#
)]
#[example(
    config = r#"{"expression": "sqrt(width^2 + height^2)"}"#,
    steps = r#"[{"input": {"width": 3, "height": 4}}]"#,
    outputs = r#"[{"result": [5.0]}]"#
)]
pub(super) struct Expression {
    /// The expression.
    #[config(key = "expression", default = "0".to_string(), lenient)]
    source: String,
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
    #[state(Ok(Formula::Number(0.0)))]
    formula: Result<Formula, Mistake>,
}

impl Expression {
    /// A mistake in the expression is told for every packet, as the packets would be lost otherwise.
    fn prepare(&mut self) {
        self.formula = Formula::parse(&self.source);
    }
}

impl Actor for Expression {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let input = tick.value(Self::IN_INPUT);
        let fields = tick.input(Self::IN_INPUT).and_then(read::payload);
        let value = self.formula.as_ref().map_err(|mistake| mistake.told(input)).and_then(|formula| {
            formula.evaluate(input, &|name| fields.and_then(|fields| fields.get(name)).and_then(Value::as_number))
        });
        match value {
            Ok(value) => self.precision.emit(tick, Self::OUT_RESULT, Self::OUT_ERROR, value),
            Err(text) => tick.report(Self::OUT_ERROR, text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn negative_inputs_and_strings() {
        let config = json!({"expression": "5 - $x + -$input"});
        let outputs = run::<Expression>(config, [json!({"input": -3}), json!({"input": "1.5"})]);
        assert_eq!(outputs, [json!({"result": [11.0]}), json!({"result": [2.0]})]);
    }

    #[test]
    fn errors_come_for_every_packet() {
        let outputs = run::<Expression>(json!({"expression": "1/$x"}), [json!({"input": 0}), json!({"input": 4})]);
        assert_eq!(outputs[0], json!({"error": [{"type": "Error", "data": "Division by zero"}]}));
        assert_eq!(outputs[1], json!({"result": [0.25]}));
        let outputs = run::<Expression>(json!({"expression": "1+"}), [json!({"input": 0})]);
        assert_eq!(outputs, [json!({"error": [{"type": "Error", "data": "Unexpected end of expression"}]})]);
        let outputs = run::<Expression>(json!({"expression": "$x)"}), [json!({"input": 3}), json!({"input": 12.5})]);
        assert_eq!(outputs[0]["error"][0]["data"], "Unexpected character at position 1");
        assert_eq!(outputs[1]["error"][0]["data"], "Unexpected character at position 4");
    }
}
