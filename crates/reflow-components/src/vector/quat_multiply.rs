//! `tpl_quat_multiply`.

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Gives the Hamilton product of two quaternions.
///
/// `result` = a·b: the rotation `b`, then the rotation `a`. Nothing is normalized.
#[derive(Component)]
#[component(id = "tpl_quat_multiply", title = "Quaternion Multiply", category = "quaternion", firing = all)]
#[inport(a: Quaternion, required, "What is applied last.")]
#[inport(b: Quaternion, required, "What is applied first.")]
#[outport(result: Quaternion, "The product.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"a": {"x": 1, "y": 0, "z": 0, "w": 0}, "b": {"x": 0, "y": 1, "z": 0, "w": 0}}]"#,
    outputs = r#"[{"result": [{"x": 0.0, "y": 0.0, "z": 1.0, "w": 0.0}]}]"#
)]
pub(super) struct QuatMultiply;

impl Actor for QuatMultiply {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let ([ax, ay, az, aw], [bx, by, bz, bw]) = (tick.value(Self::IN_A), tick.value(Self::IN_B));
        let product = [
            aw * bx + ax * bw + ay * bz - az * by,
            aw * by - ax * bz + ay * bw + az * bx,
            aw * bz + ax * by - ay * bx + az * bw,
            aw * bw - ax * bx - ay * by - az * bz,
        ];
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn an_empty_object_is_the_identity_and_lists_are_read() {
        let outputs =
            run::<QuatMultiply>(json!({}), [json!({"a": {}, "b": [1, 2, 3, 4]}), json!({"a": 5, "b": [1, 2, 3, 4]})]);
        assert_eq!(
            outputs,
            [
                json!({"result": [{"x": 1.0, "y": 2.0, "z": 3.0, "w": 4.0}]}),
                json!({"result": [{"x": 0.0, "y": 0.0, "z": 0.0, "w": 0.0}]})
            ]
        );
    }
}
