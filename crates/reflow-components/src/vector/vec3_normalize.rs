//! `tpl_vec3_normalize`.

use reflow_component::vector::{length, normalized};

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Scales a vector to length 1 and tells its old length.
///
/// `length` = √(x² + y² + z²), `result` = `input` / `length`; a vector no longer than 10⁻¹⁰ becomes the zero vector. Both
/// outports send for every packet.
#[derive(Component)]
#[component(id = "tpl_vec3_normalize", title = "Normalize", category = "vector")]
#[inport(input: Vec3, required, "The vector.")]
#[outport(result: Vec3, "The vector with length 1.")]
#[outport(length: Float, "Its length before.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"input": {"x": 3, "y": 4, "z": 0}}]"#,
    outputs = r#"[{"result": [{"x": 0.6, "y": 0.8, "z": 0.0}], "length": [5.0]}]"#
)]
pub(super) struct Vec3Normalize;

impl Actor for Vec3Normalize {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let input = tick.value(Self::IN_INPUT);
        let length = length(input);
        if length.is_finite() {
            tick.emit(Self::OUT_LENGTH, length);
        }
        let result = if length.is_finite() { normalized(input).unwrap_or_default() } else { [f64::NAN; 3] };
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn nothing_has_no_direction_and_huge_vectors_have_one() {
        let outputs = run::<Vec3Normalize>(json!({}), [json!({"input": {}}), json!({"input": [1e200, 0, 0]})]);
        assert_eq!(
            outputs,
            [
                json!({"length": [0.0], "result": [{"x": 0.0, "y": 0.0, "z": 0.0}]}),
                json!({"length": [1e200], "result": [{"x": 1.0, "y": 0.0, "z": 0.0}]})
            ]
        );
    }
}
