//! `tpl_quat_from_euler`.

use super::scalars;
use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Builds a quaternion from three angles.
///
/// The angles are in degrees, about fixed axes: first x, then y, then z, q = qz·qy·qx. A packet on any inport gives a
/// result. Each inport remembers its newest packet; one that has had none, or none that is a number, stands for the config
/// key of its name.
#[derive(Component)]
#[component(id = "tpl_quat_from_euler", title = "Quaternion From Euler", category = "quaternion", firing = required())]
#[inport(x: Optional<Float>, "Angle about x, in degrees.")]
#[inport(y: Optional<Float>, "Angle about y, in degrees.")]
#[inport(z: Optional<Float>, "Angle about z, in degrees.")]
#[outport(result: Quaternion, "The quaternion.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"x": 180}]"#,
    outputs = r#"[{"result": [{"x": 1.0, "y": 0.0, "z": 0.0, "w": 6.123233995736766e-17}]}]"#
)]
pub(super) struct QuatFromEuler {
    /// Angle about x where the inport has no number.
    #[config(default = 0.0, lenient, unit = "°")]
    x: f64,
    /// Angle about y where the inport has no number.
    #[config(default = 0.0, lenient, unit = "°")]
    y: f64,
    /// Angle about z where the inport has no number.
    #[config(default = 0.0, lenient, unit = "°")]
    z: f64,
}

impl Actor for QuatFromEuler {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let [x, y, z] = scalars(tick, [(Self::IN_X, self.x), (Self::IN_Y, self.y), (Self::IN_Z, self.z)]);
        let [(sx, cx), (sy, cy), (sz, cz)] = [x, y, z].map(|angle| (angle.to_radians() / 2.0).sin_cos());
        let quaternion = [
            sx * cy * cz - cx * sy * sz,
            cx * sy * cz + sx * cy * sz,
            cx * cy * sz - sx * sy * cz,
            cx * cy * cz + sx * sy * sz,
        ];
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, quaternion)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn nothing_turned_is_the_identity() {
        let outputs = run::<QuatFromEuler>(json!({}), [json!({"y": {"type": "Flow"}})]);
        assert_eq!(outputs, [json!({"result": [{"x": 0.0, "y": 0.0, "z": 0.0, "w": 1.0}]})]);
    }
}
