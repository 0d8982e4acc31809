//! `tpl_mat4_perspective`.

use super::scalars;
use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Builds the matrix of a perspective projection.
///
/// With g = 1 / tan(fov / 2) and n = 1 / (near - far): element 0 = g / aspect, 5 = g, 10 = (far + near)·n, 11 = -1, 14 =
/// 2·far·near·n, and 0 elsewhere. Right-handed, looking down -z, depths from -1 to 1.
///
/// A packet on any inport gives a result. Each inport remembers its newest packet; one that has had none, or none that is a
/// number, stands for the config key of its name.
///
/// `near` = `far`, an `aspect` of 0 and a `fov` of 0 have no projection.
#[derive(Component)]
#[component(id = "tpl_mat4_perspective", title = "Perspective Matrix", category = "matrix", firing = required())]
#[inport(fov: Optional<Float>, "Vertical field of view, in degrees.")]
#[inport(aspect: Optional<Float>, "Width divided by height.")]
#[inport(near: Optional<Float>, "Distance of the near plane.")]
#[inport(far: Optional<Float>, "Distance of the far plane.")]
#[outport(result: Matrix4, "The matrix.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    config = r#"{"fov": 90, "aspect": 2, "near": 1, "far": 3}"#,
    steps = r#"[{"fov": {"type": "Flow"}}]"#,
    outputs = r#"[{"result": [{"type": "Object", "data": [0.5000000000000001, 0.0, 0.0, 0.0, 0.0, 1.0000000000000002, 0.0, 0.0, 0.0, 0.0, -2.0, -1.0, 0.0, 0.0, -3.0, 0.0]}]}]"#
)]
pub(super) struct Mat4Perspective {
    /// Vertical field of view.
    #[config(default = 45.0, lenient, unit = "°")]
    fov: f64,
    /// Width divided by height.
    #[config(default = 1.0, lenient)]
    aspect: f64,
    /// Distance of the near plane.
    #[config(default = 0.1, lenient)]
    near: f64,
    /// Distance of the far plane.
    #[config(default = 100.0, lenient)]
    far: f64,
}

impl Actor for Mat4Perspective {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let [fov, aspect, near, far] = scalars(
            tick,
            [
                (Self::IN_FOV, self.fov),
                (Self::IN_ASPECT, self.aspect),
                (Self::IN_NEAR, self.near),
                (Self::IN_FAR, self.far),
            ],
        );
        let focal = 1.0 / (fov.to_radians() / 2.0).tan();
        let depth = 1.0 / (near - far);
        let mut matrix = [0.0; 16];
        (matrix[0], matrix[5]) = (focal / aspect, focal);
        (matrix[10], matrix[11], matrix[14]) = ((far + near) * depth, -1.0, 2.0 * far * near * depth);
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, matrix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn what_has_no_projection_is_an_error() {
        let outputs = run::<Mat4Perspective>(json!({"near": 1}), [json!({"far": 1}), json!({"aspect": 0})]);
        assert_eq!(
            outputs,
            [
                json!({"error": [{"type": "Error", "data": crate::finite::NOT_FINITE}]}),
                json!({"error": [{"type": "Error", "data": crate::finite::NOT_FINITE}]})
            ]
        );
    }
}
