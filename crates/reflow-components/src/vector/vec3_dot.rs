//! `tpl_vec3_dot`.

use super::types::{Emit, dot, vec3};
use crate::prelude::*;

/// Gives the scalar product of two vectors.
///
/// `result` = a.x·b.x + a.y·b.y + a.z·b.z. One packet of each inport makes a set, in order of arrival. The result is a
/// Float.
///
/// A vector is an Object `{x, y, z}` or a list of numbers, with 0 for what is missing or no number; a single number
/// stands for all three parts; anything else is the zero vector.
///
/// # Errors
///
/// An infinite or undefined result is the Error `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_vec3_dot", title = "Dot Product", category = "vector", firing = all)]
#[inport(a: "vec3 object", required, "First vector.")]
#[inport(b: "vec3 object", required, "Second vector.")]
#[outport(result: float, "The product.")]
#[outport(error: error, "Why there is no result.")]
#[example(
    steps = r#"[{"a": {"x": 1, "y": 2, "z": 3}, "b": {"x": 4, "y": -5, "z": 6}}]"#,
    outputs = r#"[{"result": [12.0]}]"#
)]
pub(super) struct Vec3Dot;

impl Actor for Vec3Dot {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (vec3(tick, Self::IN_A), vec3(tick, Self::IN_B));
        tick.emit_number(Self::OUT_RESULT, Self::OUT_ERROR, dot(a, b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn orthogonal_vectors_and_single_numbers() {
        let outputs =
            run::<Vec3Dot>(json!({}), [json!({"a": [1, 0, 0], "b": [0, 1, 0]}), json!({"a": 2, "b": [1, 2, 3]})]);
        assert_eq!(outputs, [json!({"result": [0.0]}), json!({"result": [12.0]})]);
    }
}
