//! `tpl_vec3_scale`.

use super::types::{Emit, vec3};
use crate::prelude::*;
use crate::read;

/// Multiplies a vector by a number.
///
/// `result` = `vector` × `scalar`. The scalar is an Integer, a Float, a decimal string or a JSON payload that is a
/// number; anything else counts as 1. One packet of each inport makes a set, in order of arrival. The result is an
/// Object `{x, y, z}` of Floats.
///
/// A vector is an Object `{x, y, z}` or a list of numbers, with 0 for what is missing or no number; a single number
/// stands for all three parts; anything else is the zero vector.
///
/// # Errors
///
/// An infinite or undefined result is the Error `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_vec3_scale", title = "Vector Scale", category = "vector", firing = all)]
#[inport(vector: "vec3 object", required, "The vector.")]
#[inport(scalar: number, required, "The factor.")]
#[outport(result: object, "The result.")]
#[outport(error: error, "Why there is no result.")]
#[example(
    steps = r#"[{"vector": {"x": 1, "y": 2, "z": 3}, "scalar": -0.5}]"#,
    outputs = r#"[{"result": [{"x": -0.5, "y": -1.0, "z": -1.5}]}]"#
)]
pub(super) struct Vec3Scale;

impl Actor for Vec3Scale {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let scalar = tick.input(Self::IN_SCALAR).and_then(read::number).unwrap_or(1.0);
        tick.emit_parts(Self::OUT_RESULT, Self::OUT_ERROR, vec3(tick, Self::IN_VECTOR).map(|part| part * scalar))
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
