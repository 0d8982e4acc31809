//! `tpl_vec3_add`.

use super::types::{Emit, vec3, zip};
use crate::prelude::*;

/// Adds two vectors, part by part.
///
/// `result` = (a.x + b.x, a.y + b.y, a.z + b.z). One packet of each inport makes a set, in order of arrival. The
/// result is an Object `{x, y, z}` of Floats.
///
/// A vector is an Object `{x, y, z}` or a list of numbers, with 0 for what is missing or no number; a single number
/// stands for all three parts; anything else is the zero vector.
///
/// # Errors
///
/// An infinite or undefined result is the Error `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_vec3_add", title = "Vector Add", category = "vector", firing = all)]
#[inport(a: "vec3 object", required, "First vector.")]
#[inport(b: "vec3 object", required, "Second vector.")]
#[outport(result: object, "The result.")]
#[outport(error: error, "Why there is no result.")]
#[example(
    steps = r#"[{"a": {"x": 1, "y": 2, "z": 3}, "b": {"x": 10, "y": 20, "z": 30}}]"#,
    outputs = r#"[{"result": [{"x": 11.0, "y": 22.0, "z": 33.0}]}]"#
)]
pub(super) struct Vec3Add;

impl Actor for Vec3Add {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (vec3(tick, Self::IN_A), vec3(tick, Self::IN_B));
        tick.emit_parts(Self::OUT_RESULT, Self::OUT_ERROR, zip(a, b, |a, b| a + b))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn lists_and_single_numbers_are_vectors_too() {
        let outputs = run::<Vec3Add>(
            json!({}),
            [
                json!({"a": [1, 2], "b": 10}),
                json!({"a": {"type": "Object", "data": [1, 2, 3]}, "b": {"type": "Any", "data": 0.5}}),
                json!({"a": {"x": "1", "y": true, "z": null}, "b": {"z": 7, "w": 1}}),
            ],
        );
        assert_eq!(
            outputs,
            [
                json!({"result": [{"x": 11.0, "y": 12.0, "z": 10.0}]}),
                json!({"result": [{"x": 1.5, "y": 2.5, "z": 3.5}]}),
                json!({"result": [{"x": 0.0, "y": 0.0, "z": 7.0}]})
            ]
        );
    }

    #[test]
    fn overflow_is_an_error() {
        let outputs = run::<Vec3Add>(json!({}), [json!({"a": 1e308, "b": 1e308})]);
        assert_eq!(outputs, [json!({"error": [{"type": "Error", "data": super::super::types::NOT_FINITE}]})]);
    }
}
