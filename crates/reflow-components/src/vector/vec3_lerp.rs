//! `tpl_vec3_lerp`.

use reflow_component::vector::zip;

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Blends two vectors linearly.
///
/// `result` = a + (b - a)·t for each part. `t` is not clamped: 1.5 goes beyond `b`, -1 goes back from `a`. Anything but a
/// number counts as 0.5.
#[derive(Component)]
#[component(id = "tpl_vec3_lerp", title = "Vector Lerp", category = "vector", firing = all)]
#[inport(a: Vec3, required, "The vector at t = 0.")]
#[inport(b: Vec3, required, "The vector at t = 1.")]
#[inport(t: Number, required, "How far to go.")]
#[outport(result: Vec3, "The result.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"a": {"x": 0, "y": 0, "z": 0}, "b": {"x": 10, "y": 20, "z": 30}, "t": 0.25}]"#,
    outputs = r#"[{"result": [{"x": 2.5, "y": 5.0, "z": 7.5}]}]"#
)]
pub(super) struct Vec3Lerp;

impl Actor for Vec3Lerp {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (tick.value(Self::IN_A), tick.value(Self::IN_B));
        let t = tick.read(Self::IN_T).unwrap_or(0.5);
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, zip(a, b, |a, b| a + (b - a) * t))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn t_may_be_any_number() {
        let outputs = run::<Vec3Lerp>(
            json!({}),
            [json!({"a": [0, 0, 0], "b": [10, 0, -4], "t": 1}), json!({"a": [0, 0, 0], "b": [10, 0, -4], "t": "1.5"})],
        );
        assert_eq!(
            outputs,
            [
                json!({"result": [{"x": 10.0, "y": 0.0, "z": -4.0}]}),
                json!({"result": [{"x": 15.0, "y": 0.0, "z": -6.0}]})
            ]
        );
    }
}
