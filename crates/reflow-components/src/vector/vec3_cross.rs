//! `tpl_vec3_cross`.

use reflow_component::vector::cross;

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Gives the right-handed vector product: x × y = z.
///
/// `result` = (a.y·b.z - a.z·b.y, a.z·b.x - a.x·b.z, a.x·b.y - a.y·b.x).
#[derive(Component)]
#[component(id = "tpl_vec3_cross", title = "Cross Product", category = "vector", firing = all)]
#[inport(a: Vec3, required, "First vector.")]
#[inport(b: Vec3, required, "Second vector.")]
#[outport(result: Vec3, "The result.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"a": {"x": 1, "y": 0, "z": 0}, "b": {"x": 0, "y": 1, "z": 0}}]"#,
    outputs = r#"[{"result": [{"x": 0.0, "y": 0.0, "z": 1.0}]}]"#
)]
pub(super) struct Vec3Cross;

impl Actor for Vec3Cross {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (tick.value(Self::IN_A), tick.value(Self::IN_B));
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, cross(a, b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn the_order_matters() {
        let outputs = run::<Vec3Cross>(
            json!({}),
            [json!({"a": [1, 2, 3], "b": [4, 5, 6]}), json!({"a": [4, 5, 6], "b": [1, 2, 3]})],
        );
        assert_eq!(
            outputs,
            [
                json!({"result": [{"x": -3.0, "y": 6.0, "z": -3.0}]}),
                json!({"result": [{"x": 3.0, "y": -6.0, "z": 3.0}]})
            ]
        );
    }
}
