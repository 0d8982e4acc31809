//! `tpl_math_average`.

use super::number::{Numbers, Precision, Rounded, mean};
use crate::finite::NotFinite;
use crate::prelude::*;

/// Gives the arithmetic mean of a list.
///
/// `result` is the sum divided by the number of items, and 0 for an empty list.
#[derive(Component)]
#[component(id = "tpl_math_average", title = "Average", category = "math")]
#[inport(values: Numbers, required, "The numbers.")]
#[outport(result: Rounded, "The mean.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"values": [1, 2, 2]}, {"values": []}]"#,
    outputs = r#"[{"result": [1.6666666667]}, {"result": [0.0]}]"#
)]
pub(super) struct Average {
    /// Decimals kept in the result.
    #[config(default = Precision::default(), lenient)]
    precision: Precision,
}

impl Actor for Average {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let value = mean(&tick.value(Self::IN_VALUES));
        self.precision.emit(tick, Self::OUT_RESULT, Self::OUT_ERROR, value)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn lists_in_other_kinds_and_items_of_other_kinds() {
        let outputs = run::<Average>(
            json!({}),
            [
                json!({"values": {"type": "Object", "data": [1.5, 2.5]}}),
                json!({"values": [3, "a", null]}),
                json!({"values": "x"}),
            ],
        );
        assert_eq!(outputs, [json!({"result": [2.0]}), json!({"result": [1.0]}), json!({"result": [0.0]})]);
    }

    #[test]
    fn a_sum_that_overflows_still_has_a_mean() {
        let outputs = run::<Average>(json!({}), [json!({"values": [1.7e308, 1.7e308]})]);
        assert_eq!(outputs, [json!({"result": [1.7e308]})]);
    }
}
