//! `tpl_vec3_dot`.

use reflow_component::vector::dot;

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Gives the scalar product of two vectors.
///
/// `result` = a.x·b.x + a.y·b.y + a.z·b.z. The result is a Float.
#[derive(Component)]
#[component(id = "tpl_vec3_dot", title = "Dot Product", category = "vector", firing = all)]
#[inport(a: Vec3, required, "First vector.")]
#[inport(b: Vec3, required, "Second vector.")]
#[outport(result: Float, "The product.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"a": {"x": 1, "y": 2, "z": 3}, "b": {"x": 4, "y": -5, "z": 6}}]"#,
    outputs = r#"[{"result": [12.0]}]"#
)]
pub(super) struct Vec3Dot;

impl Actor for Vec3Dot {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (tick.value(Self::IN_A), tick.value(Self::IN_B));
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, dot(a, b))
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
