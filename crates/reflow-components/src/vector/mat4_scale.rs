//! `tpl_mat4_scale`.

use reflow_component::vector::IDENTITY;

use super::scalars;
use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Builds the matrix of a scaling.
///
/// `result` = diagonal (x, y, z, 1). A packet on any inport gives a result. Each inport remembers its newest packet; one
/// that has had none, or none that is a number, stands for the config key of its name.
#[derive(Component)]
#[component(id = "tpl_mat4_scale", title = "Scale Matrix", category = "matrix", firing = required())]
#[inport(x: Optional<Float>, "The x part.")]
#[inport(y: Optional<Float>, "The y part.")]
#[inport(z: Optional<Float>, "The z part.")]
#[outport(result: Matrix4, "The matrix.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    config = r#"{"x": 2, "y": 3, "z": 0.5}"#,
    steps = r#"[{"x": {"type": "Flow"}}]"#,
    outputs = r#"[{"result": [{"type": "Object", "data": [2.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 1.0]}]}]"#
)]
pub(super) struct Mat4Scale {
    /// `x` where the inport has no number.
    #[config(default = 1.0, lenient)]
    x: f64,
    /// `y` where the inport has no number.
    #[config(default = 1.0, lenient)]
    y: f64,
    /// `z` where the inport has no number.
    #[config(default = 1.0, lenient)]
    z: f64,
}

impl Actor for Mat4Scale {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let [x, y, z] = scalars(tick, [(Self::IN_X, self.x), (Self::IN_Y, self.y), (Self::IN_Z, self.z)]);
        let mut matrix = IDENTITY;
        (matrix[0], matrix[5], matrix[10]) = (x, y, z);
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, matrix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn keys_that_are_no_numbers_are_one() {
        let outputs = run::<Mat4Scale>(json!({"y": "2"}), [json!({"x": 4})]);
        assert_eq!(
            outputs,
            [
                json!({"result": [{"type": "Object", "data": [4.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]}]})
            ]
        );
    }
}
