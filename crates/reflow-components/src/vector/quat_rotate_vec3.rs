//! `tpl_quat_rotate_vec3`.

use super::types::{Emit, cross, quaternion, vec3, zip};
use crate::prelude::*;

/// Rotates a vector by a quaternion.
///
/// With q = (x, y, z) and t = 2·(q × v): `result` = v + w·t + q × t. The quaternion is used as it is; only one of
/// length 1 is a pure rotation. One packet of each inport makes a set, in order of arrival. The result is an Object
/// `{x, y, z}` of Floats.
///
/// A quaternion is an Object `{x, y, z, w}` or a list of four numbers, with 0 for what is missing or no number; `{}`
/// is the identity, and anything but an object or a list is all zero.
///
/// A vector is an Object `{x, y, z}` or a list of numbers, with 0 for what is missing or no number; a single number
/// stands for all three parts; anything else is the zero vector.
///
/// # Errors
///
/// An infinite or undefined result is the Error `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_quat_rotate_vec3", title = "Rotate Vector", category = "quaternion", firing = all)]
#[inport(quaternion: "quat object", required, "The rotation.")]
#[inport(vector: "vec3 object", required, "The vector.")]
#[outport(result: object, "The vector, rotated.")]
#[outport(error: error, "Why there is no result.")]
#[example(
    steps = r#"[{"quaternion": {"x": 0, "y": 0, "z": 1, "w": 0}, "vector": {"x": 1, "y": 2, "z": 3}}]"#,
    outputs = r#"[{"result": [{"x": -1.0, "y": -2.0, "z": 3.0}]}]"#
)]
pub(super) struct QuatRotateVec3;

impl Actor for QuatRotateVec3 {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let ([x, y, z, w], vector) = (quaternion(tick, Self::IN_QUATERNION), vec3(tick, Self::IN_VECTOR));
        let axis = [x, y, z];
        let turn = cross(axis, vector).map(|part| 2.0 * part);
        let around = zip(turn, cross(axis, turn), |turn, second| w * turn + second);
        tick.emit_parts(Self::OUT_RESULT, Self::OUT_ERROR, zip(vector, around, |vector, around| vector + around))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn a_quaternion_of_another_length_scales() {
        let outputs = run::<QuatRotateVec3>(
            json!({}),
            [json!({"quaternion": [0, 2, 0, 1], "vector": [1, 0, 0]}), json!({"quaternion": {}, "vector": [1, 2, 3]})],
        );
        assert_eq!(
            outputs,
            [
                json!({"result": [{"x": -7.0, "y": 0.0, "z": -4.0}]}),
                json!({"result": [{"x": 1.0, "y": 2.0, "z": 3.0}]})
            ]
        );
    }
}
