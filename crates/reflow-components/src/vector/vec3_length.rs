//! `tpl_vec3_length`.

use reflow_component::vector::length;

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Gives the Euclidean length of a vector.
///
/// `result` = √(x² + y² + z²). The result is a Float.
#[derive(Component)]
#[component(id = "tpl_vec3_length", title = "Vector Length", category = "vector")]
#[inport(input: Vec3, required, "The vector.")]
#[outport(result: Float, "Its length.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(steps = r#"[{"input": {"x": 3, "y": 4, "z": 12}}]"#, outputs = r#"[{"result": [13.0]}]"#)]
pub(super) struct Vec3Length;

impl Actor for Vec3Length {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, length(tick.value(Self::IN_INPUT)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn parts_that_are_missing_are_zero() {
        let outputs = run::<Vec3Length>(
            json!({}),
            [json!({"input": {"z": -2}}), json!({"input": "text"}), json!({"input": [0, 5e200]})],
        );
        assert_eq!(outputs, [json!({"result": [2.0]}), json!({"result": [0.0]}), json!({"result": [5e200]})]);
    }
}
