//! `tpl_vec3_subtract`.

use reflow_component::vector::zip;

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Subtracts one vector from another, part by part.
///
/// `result` = (a.x - b.x, a.y - b.y, a.z - b.z).
#[derive(Component)]
#[component(id = "tpl_vec3_subtract", title = "Vector Subtract", category = "vector", firing = all)]
#[inport(a: Vec3, required, "What is subtracted from.")]
#[inport(b: Vec3, required, "What is subtracted.")]
#[outport(result: Vec3, "The result.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"a": {"x": 5, "y": 7, "z": 9}, "b": {"x": 1, "y": 2, "z": 3}}]"#,
    outputs = r#"[{"result": [{"x": 4.0, "y": 5.0, "z": 6.0}]}]"#
)]
pub(super) struct Vec3Subtract;

impl Actor for Vec3Subtract {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (tick.value(Self::IN_A), tick.value(Self::IN_B));
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, zip(a, b, |a, b| a - b))
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
