//! `tpl_mat4_translate`.

use reflow_component::vector::IDENTITY;

use super::scalars;
use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Builds the matrix of a translation.
///
/// A packet on any inport gives a result. Each inport remembers its newest packet; one that has had none, or none that is a
/// number, stands for the config key of its name.
#[derive(Component)]
#[component(id = "tpl_mat4_translate", title = "Translation Matrix", category = "matrix", firing = required())]
#[inport(x: Optional<Float>, "The x part.")]
#[inport(y: Optional<Float>, "The y part.")]
#[inport(z: Optional<Float>, "The z part.")]
#[outport(result: Matrix4, "The matrix.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    config = r#"{"y": 2}"#,
    steps = r#"[{"x": 7.5}]"#,
    outputs = r#"[{"result": [{"type": "Object", "data": [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 7.5, 2.0, 0.0, 1.0]}]}]"#
)]
pub(super) struct Mat4Translate {
    /// `x` where the inport has no number.
    #[config(default = 0.0, lenient)]
    x: f64,
    /// `y` where the inport has no number.
    #[config(default = 0.0, lenient)]
    y: f64,
    /// `z` where the inport has no number.
    #[config(default = 0.0, lenient)]
    z: f64,
}

impl Actor for Mat4Translate {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let mut matrix = IDENTITY;
        matrix[12..15]
            .copy_from_slice(&scalars(tick, [(Self::IN_X, self.x), (Self::IN_Y, self.y), (Self::IN_Z, self.z)]));
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, matrix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn inports_remember_their_newest_number() {
        let outputs = run::<Mat4Translate>(json!({}), [json!({"x": 1}), json!({"z": 3})]);
        assert_eq!(
            outputs,
            [
                json!({"result": [{"type": "Object", "data": [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 0.0, 1.0]}]}),
                json!({"result": [{"type": "Object", "data": [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0, 3.0, 1.0]}]})
            ]
        );
    }
}
