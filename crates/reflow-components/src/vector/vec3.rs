//! `tpl_vec3`.

use super::scalars;
use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Builds a vector from numbers.
///
/// A packet on any inport gives a result. Each inport remembers its newest packet; one that has had none, or none that is a
/// number, stands for the config key of its name.
#[derive(Component)]
#[component(id = "tpl_vec3", title = "Vector3", category = "vector", firing = required())]
#[inport(x: Optional<Float>, "The x part.")]
#[inport(y: Optional<Float>, "The y part.")]
#[inport(z: Optional<Float>, "The z part.")]
#[outport(result: Vec3, "The result.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    config = r#"{"y": 2, "z": -1.5}"#,
    steps = r#"[{"x": 5}]"#,
    outputs = r#"[{"result": [{"x": 5.0, "y": 2.0, "z": -1.5}]}]"#
)]
pub(super) struct Vector3 {
    /// `x` where the inport has no number.
    #[config(default = 0.0, lenient)]
    x: f64,
    /// `y` where the inport has no number.
    #[config(default = 0.0, lenient)]
    y: f64,
    /// `z` where the inport has no number.
    #[config(default = 0.0, lenient)]
    z: f64,
}

impl Actor for Vector3 {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let parts = scalars(tick, [(Self::IN_X, self.x), (Self::IN_Y, self.y), (Self::IN_Z, self.z)]);
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn inports_remember_their_newest_number() {
        let outputs =
            run::<Vector3>(json!({"z": 9}), [json!({"x": 1}), json!({"y": 2}), json!({"x": {"type": "Flow"}})]);
        assert_eq!(
            outputs,
            [
                json!({"result": [{"x": 1.0, "y": 0.0, "z": 9.0}]}),
                json!({"result": [{"x": 1.0, "y": 2.0, "z": 9.0}]}),
                json!({"result": [{"x": 0.0, "y": 2.0, "z": 9.0}]})
            ]
        );
    }
}
