//! `tpl_math_sum`.

use super::number::{Numbers, Precision, Rounded, sum};
use crate::finite::NotFinite;
use crate::prelude::*;

/// Adds up a list.
///
/// `result` is the sum of the items, and 0 for an empty list.
#[derive(Component)]
#[component(id = "tpl_math_sum", title = "Sum", category = "math")]
#[inport(values: Numbers, required, "The numbers.")]
#[outport(result: Rounded, "The sum.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"values": [1, 2, 3]}, {"values": [1.5, 2]}]"#,
    outputs = r#"[{"result": [6.0]}, {"result": [3.5]}]"#
)]
pub(super) struct Sum {
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

impl Actor for Sum {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let value = sum(&tick.value(Self::IN_VALUES));
        self.precision.emit(tick, Self::OUT_RESULT, Self::OUT_ERROR, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn empty_is_a_positive_zero_and_overflow_an_error() {
        let outputs = run::<Sum>(json!({}), [json!({"values": []}), json!({"values": [1e308, 1e308]})]);
        assert_eq!(
            outputs,
            [json!({"result": [0.0]}), json!({"error": [{"type": "Error", "data": "Result is not a finite number"}]})]
        );
    }
}
