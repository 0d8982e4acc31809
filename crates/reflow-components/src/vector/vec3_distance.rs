//! `tpl_vec3_distance`.

use super::types::{Emit, length, vec3, zip};
use crate::prelude::*;

/// Gives the Euclidean distance between two points.
///
/// `result` = |a - b|. One packet of each inport makes a set, in order of arrival. The result is a Float.
///
/// A vector is an Object `{x, y, z}` or a list of numbers, with 0 for what is missing or no number; a single number
/// stands for all three parts; anything else is the zero vector.
///
/// # Errors
///
/// An infinite or undefined result is the Error `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_vec3_distance", title = "Distance", category = "vector", firing = all)]
#[inport(a: "vec3 object", required, "One point.")]
#[inport(b: "vec3 object", required, "The other point.")]
#[outport(result: float, "The distance.")]
#[outport(error: error, "Why there is no result.")]
#[example(
    steps = r#"[{"a": {"x": 1, "y": 2, "z": 3}, "b": {"x": 4, "y": 6, "z": 3}}]"#,
    outputs = r#"[{"result": [5.0]}]"#
)]
pub(super) struct Vec3Distance;

impl Actor for Vec3Distance {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (vec3(tick, Self::IN_A), vec3(tick, Self::IN_B));
        tick.emit_number(Self::OUT_RESULT, Self::OUT_ERROR, length(zip(a, b, |a, b| a - b)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn a_number_stands_for_all_parts() {
        let outputs =
            run::<Vec3Distance>(json!({}), [json!({"a": 0.0, "b": [2, 3, 6]}), json!({"a": [1, 1, 1], "b": 1})]);
        assert_eq!(outputs, [json!({"result": [7.0]}), json!({"result": [0.0]})]);
    }
}
