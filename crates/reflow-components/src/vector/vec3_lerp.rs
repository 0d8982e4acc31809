//! `tpl_vec3_lerp`.

use super::types::{Emit, vec3, zip};
use crate::prelude::*;
use crate::read;

/// Blends two vectors linearly.
///
/// `result` = a + (b - a)·t for each part. `t` is not clamped: 1.5 goes beyond `b`, -1 goes back from `a`. It may be
/// an Integer, a Float, a decimal string or a JSON payload that is a number; anything else counts as 0.5. One packet
/// of each inport makes a set, in order of arrival. The result is an Object `{x, y, z}` of Floats.
///
/// A vector is an Object `{x, y, z}` or a list of numbers, with 0 for what is missing or no number; a single number
/// stands for all three parts; anything else is the zero vector.
///
/// # Errors
///
/// An infinite or undefined result is the Error `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_vec3_lerp", title = "Vector Lerp", category = "vector", firing = all)]
#[inport(a: "vec3 object", required, "The vector at t = 0.")]
#[inport(b: "vec3 object", required, "The vector at t = 1.")]
#[inport(t: float, required, "How far to go.")]
#[outport(result: object, "The result.")]
#[outport(error: error, "Why there is no result.")]
#[example(
    steps = r#"[{"a": {"x": 0, "y": 0, "z": 0}, "b": {"x": 10, "y": 20, "z": 30}, "t": 0.25}]"#,
    outputs = r#"[{"result": [{"x": 2.5, "y": 5.0, "z": 7.5}]}]"#
)]
pub(super) struct Vec3Lerp;

impl Actor for Vec3Lerp {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (vec3(tick, Self::IN_A), vec3(tick, Self::IN_B));
        let t = tick.input(Self::IN_T).and_then(read::number).unwrap_or(0.5);
        tick.emit_parts(Self::OUT_RESULT, Self::OUT_ERROR, zip(a, b, |a, b| a + (b - a) * t))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn t_may_be_any_number() {
        let outputs = run::<Vec3Lerp>(
            json!({}),
            [json!({"a": [0, 0, 0], "b": [10, 0, -4], "t": 1}), json!({"a": [0, 0, 0], "b": [10, 0, -4], "t": "1.5"})],
        );
        assert_eq!(
            outputs,
            [
                json!({"result": [{"x": 10.0, "y": 0.0, "z": -4.0}]}),
                json!({"result": [{"x": 15.0, "y": 0.0, "z": -6.0}]})
            ]
        );
    }
}
