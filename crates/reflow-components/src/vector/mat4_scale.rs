//! `tpl_mat4_scale`.

use super::types::{Emit, IDENTITY, scalars};
use crate::prelude::*;

/// Builds the matrix of a scaling.
///
/// `result` = diagonal (x, y, z, 1). A packet on any inport gives a result. Each inport remembers its newest packet;
/// one that has had none, or none that is a number, stands for the config key of its name. The result is an Object
/// message that carries the list of 16 Floats, column by column: a translation stands in elements 12, 13 and 14.
///
/// # Errors
///
/// An infinite or undefined result is the Error `Result is not a finite number`.
#[derive(Component)]
#[component(id = "tpl_mat4_scale", title = "Scale Matrix", category = "matrix", firing = required())]
#[inport(x: number, "The x part.")]
#[inport(y: number, "The y part.")]
#[inport(z: number, "The z part.")]
#[outport(result: object, "The matrix.")]
#[outport(error: error, "Why there is no result.")]
#[example(
    config = r#"{"x": 2, "y": 3, "z": 0.5}"#,
    steps = r#"[{"x": {"type": "Flow"}}]"#,
    outputs = r#"[{"result": [{"type": "Object", "data": [2.0, 0.0, 0.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 1.0]}]}]"#
)]
pub(super) struct Mat4Scale {
    /// `x` where the inport has no number.
    #[config(default = 1.0, lenient)]
    x: f64,
    /// `y` where the inport has no number.
    #[config(default = 1.0, lenient)]
    y: f64,
    /// `z` where the inport has no number.
    #[config(default = 1.0, lenient)]
    z: f64,
}

impl Actor for Mat4Scale {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let [x, y, z] = scalars(tick, [self.x, self.y, self.z]);
        let mut matrix = IDENTITY;
        (matrix[0], matrix[5], matrix[10]) = (x, y, z);
        tick.emit_matrix(Self::OUT_RESULT, Self::OUT_ERROR, matrix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn keys_that_are_no_numbers_are_one() {
        let outputs = run::<Mat4Scale>(json!({"y": "2"}), [json!({"x": 4})]);
        assert_eq!(
            outputs,
            [
                json!({"result": [{"type": "Object", "data": [4.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]}]})
            ]
        );
    }
}
