//! `tpl_vec3_scale`.

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Multiplies a vector by a number.
///
/// `result` = `vector` × `scalar`. Anything but a number counts as 1.
#[derive(Component)]
#[component(id = "tpl_vec3_scale", title = "Vector Scale", category = "vector", firing = all)]
#[inport(vector: Vec3, required, "The vector.")]
#[inport(scalar: Number, required, "The factor.")]
#[outport(result: Vec3, "The result.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"vector": {"x": 1, "y": 2, "z": 3}, "scalar": -0.5}]"#,
    outputs = r#"[{"result": [{"x": -0.5, "y": -1.0, "z": -1.5}]}]"#
)]
pub(super) struct Vec3Scale;

impl Actor for Vec3Scale {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let scalar = tick.read(Self::IN_SCALAR).unwrap_or(1.0);
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, tick.value(Self::IN_VECTOR).map(|part| part * scalar))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn what_is_no_number_counts_as_one() {
        let outputs = run::<Vec3Scale>(
            json!({}),
            [json!({"vector": [1, 2, 3], "scalar": "2"}), json!({"vector": [1, 2, 3], "scalar": true})],
        );
        assert_eq!(
            outputs,
            [json!({"result": [{"x": 2.0, "y": 4.0, "z": 6.0}]}), json!({"result": [{"x": 1.0, "y": 2.0, "z": 3.0}]})]
        );
    }
}
