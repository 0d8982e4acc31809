//! `tpl_vec3_distance`.

use reflow_component::vector::{length, zip};

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Gives the Euclidean distance between two points.
///
/// `result` = |a - b|. The result is a Float.
#[derive(Component)]
#[component(id = "tpl_vec3_distance", title = "Distance", category = "vector", firing = all)]
#[inport(a: Vec3, required, "One point.")]
#[inport(b: Vec3, required, "The other point.")]
#[outport(result: Float, "The distance.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"a": {"x": 1, "y": 2, "z": 3}, "b": {"x": 4, "y": 6, "z": 3}}]"#,
    outputs = r#"[{"result": [5.0]}]"#
)]
pub(super) struct Vec3Distance;

impl Actor for Vec3Distance {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (tick.value(Self::IN_A), tick.value(Self::IN_B));
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, length(zip(a, b, |a, b| a - b)))
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
