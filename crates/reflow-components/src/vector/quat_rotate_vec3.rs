//! `tpl_quat_rotate_vec3`.

use reflow_component::vector::{cross, zip};

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Rotates a vector by a quaternion.
///
/// With q = (x, y, z) and t = 2·(q × v): `result` = v + w·t + q × t. The quaternion is used as it is; only one of length 1
/// is a pure rotation.
#[derive(Component)]
#[component(id = "tpl_quat_rotate_vec3", title = "Rotate Vector", category = "quaternion", firing = all)]
#[inport(quaternion: Quaternion, required, "The rotation.")]
#[inport(vector: Vec3, required, "The vector.")]
#[outport(result: Vec3, "The vector, rotated.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"quaternion": {"x": 0, "y": 0, "z": 1, "w": 0}, "vector": {"x": 1, "y": 2, "z": 3}}]"#,
    outputs = r#"[{"result": [{"x": -1.0, "y": -2.0, "z": 3.0}]}]"#
)]
pub(super) struct QuatRotateVec3;

impl Actor for QuatRotateVec3 {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let ([x, y, z, w], vector) = (tick.value(Self::IN_QUATERNION), tick.value(Self::IN_VECTOR));
        let axis = [x, y, z];
        let turn = cross(axis, vector).map(|part| 2.0 * part);
        let around = zip(turn, cross(axis, turn), |turn, second| w * turn + second);
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, zip(vector, around, |vector, around| vector + around))
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
