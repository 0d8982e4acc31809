//! `tpl_vec3_length`.

use super::types::{Emit, length, vec3};
use crate::prelude::*;

/// Gives the Euclidean length of a vector.
///
/// `result` = √(x² + y² + z²). The result is a Float.
///
/// A vector is an Object `{x, y, z}` or a list of numbers, with 0 for what is missing or no number; a single number
/// stands for all three parts; anything else is the zero vector.
///
/// # Errors
///
/// An infinite or undefined result is the Error `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_vec3_length", title = "Vector Length", category = "vector")]
#[inport(input: "vec3 object", required, "The vector.")]
#[outport(result: float, "Its length.")]
#[outport(error: error, "Why there is no result.")]
#[example(steps = r#"[{"input": {"x": 3, "y": 4, "z": 12}}]"#, outputs = r#"[{"result": [13.0]}]"#)]
pub(super) struct Vec3Length;

impl Actor for Vec3Length {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        tick.emit_number(Self::OUT_RESULT, Self::OUT_ERROR, length(vec3(tick, Self::IN_INPUT)))
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
