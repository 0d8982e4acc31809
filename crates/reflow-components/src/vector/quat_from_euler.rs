//! `tpl_quat_from_euler`.

use super::types::{Emit, scalars};
use crate::prelude::*;

/// Builds a quaternion from three angles.
///
/// The angles are in degrees, about fixed axes: first x, then y, then z, q = qz·qy·qx. A packet on any inport gives a
/// result. Each inport remembers its newest packet; one that has had none, or none that is a number, stands for the
/// config key of its name. The result is an Object `{x, y, z, w}` of Floats.
///
/// # Errors
///
/// An infinite or undefined result is the Error `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_quat_from_euler", title = "Quaternion From Euler", category = "quaternion", firing = required())]
#[inport(x: number, "Angle about x, in degrees.")]
#[inport(y: number, "Angle about y, in degrees.")]
#[inport(z: number, "Angle about z, in degrees.")]
#[outport(result: object, "The quaternion.")]
#[outport(error: error, "Why there is no result.")]
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
        let [x, y, z] = scalars(tick, [self.x, self.y, self.z]);
        let [(sx, cx), (sy, cy), (sz, cz)] = [x, y, z].map(|angle| (angle.to_radians() / 2.0).sin_cos());
        let quaternion = [
            sx * cy * cz - cx * sy * sz,
            cx * sy * cz + sx * cy * sz,
            cx * cy * sz - sx * sy * cz,
            cx * cy * cz + sx * sy * sz,
        ];
        tick.emit_parts(Self::OUT_RESULT, Self::OUT_ERROR, quaternion)
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
