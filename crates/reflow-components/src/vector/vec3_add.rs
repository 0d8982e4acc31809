//! `tpl_vec3_add`.

use reflow_component::vector::zip;

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Adds two vectors, part by part.
///
/// `result` = (a.x + b.x, a.y + b.y, a.z + b.z).
#[derive(Component)]
#[component(id = "tpl_vec3_add", title = "Vector Add", category = "vector", firing = all)]
#[inport(a: Vec3, required, "First vector.")]
#[inport(b: Vec3, required, "Second vector.")]
#[outport(result: Vec3, "The result.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"a": {"x": 1, "y": 2, "z": 3}, "b": {"x": 10, "y": 20, "z": 30}}]"#,
    outputs = r#"[{"result": [{"x": 11.0, "y": 22.0, "z": 33.0}]}]"#
)]
pub(super) struct Vec3Add;

impl Actor for Vec3Add {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (tick.value(Self::IN_A), tick.value(Self::IN_B));
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, zip(a, b, |a, b| a + b))
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
        assert_eq!(outputs, [json!({"error": [{"type": "Error", "data": crate::finite::NOT_FINITE}]})]);
    }
}
