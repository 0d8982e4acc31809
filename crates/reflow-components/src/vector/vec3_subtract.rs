//! `tpl_vec3_subtract`.

use super::types::{Emit, vec3, zip};
use crate::prelude::*;

/// Subtracts one vector from another, part by part.
///
/// `result` = (a.x - b.x, a.y - b.y, a.z - b.z). One packet of each inport makes a set, in order of arrival. The
/// result is an Object `{x, y, z}` of Floats.
///
/// A vector is an Object `{x, y, z}` or a list of numbers, with 0 for what is missing or no number; a single number
/// stands for all three parts; anything else is the zero vector.
///
/// # Errors
///
/// An infinite or undefined result is the Error `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_vec3_subtract", title = "Vector Subtract", category = "vector", firing = all)]
#[inport(a: "vec3 object", required, "What is subtracted from.")]
#[inport(b: "vec3 object", required, "What is subtracted.")]
#[outport(result: object, "The result.")]
#[outport(error: error, "Why there is no result.")]
#[example(
    steps = r#"[{"a": {"x": 5, "y": 7, "z": 9}, "b": {"x": 1, "y": 2, "z": 3}}]"#,
    outputs = r#"[{"result": [{"x": 4.0, "y": 5.0, "z": 6.0}]}]"#
)]
pub(super) struct Vec3Subtract;

impl Actor for Vec3Subtract {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (vec3(tick, Self::IN_A), vec3(tick, Self::IN_B));
        tick.emit_parts(Self::OUT_RESULT, Self::OUT_ERROR, zip(a, b, |a, b| a - b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn a_number_stands_for_all_parts() {
        let outputs = run::<Vec3Subtract>(json!({}), [json!({"a": 1.0, "b": [1, 2, 3]})]);
        assert_eq!(outputs, [json!({"result": [{"x": 0.0, "y": -1.0, "z": -2.0}]})]);
    }
}
