//! `tpl_mat4_rotate_y`.

use reflow_component::vector::rotation;

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Builds the matrix of a rotation about the y axis.
///
/// With c and s the cosine and sine of `angle` in degrees: the identity with elements 0 = c, 2 = -s, 8 = s, 10 = c
/// (right-handed, counter-clockwise looking down the axis towards the origin). Small numbers are left as they come: cos 90°
/// is about 6.1·10⁻¹⁷.
///
/// A packet on any inport gives a result. Where no number comes the config key counts.
#[derive(Component)]
#[component(id = "tpl_mat4_rotate_y", title = "Rotate Y Matrix", category = "matrix")]
#[inport(angle: Optional<Number>, "The angle, in degrees.")]
#[outport(result: Matrix4, "The matrix.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    config = r#"{"angle": 90}"#,
    steps = r#"[{"angle": {"type": "Flow"}}]"#,
    outputs = r#"[{"result": [{"type": "Object", "data": [6.123233995736766e-17, 0.0, -1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0, 6.123233995736766e-17, 0.0, 0.0, 0.0, 0.0, 1.0]}]}]"#
)]
pub(super) struct Mat4RotateY {
    /// The angle where the inport has no number.
    #[config(default = 0.0, unit = "°", lenient)]
    angle: f64,
}

impl Actor for Mat4RotateY {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let angle = tick.read(Self::IN_ANGLE).flatten().unwrap_or(self.angle);
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, rotation(angle, [2, 0]))
    }
}
