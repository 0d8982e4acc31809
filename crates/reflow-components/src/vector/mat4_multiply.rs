//! `tpl_mat4_multiply`.

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Multiplies two 4×4 matrices.
///
/// `result` = a·b for column vectors: `b` is applied first, then `a`.
#[derive(Component)]
#[component(id = "tpl_mat4_multiply", title = "Matrix Multiply", category = "matrix", firing = all)]
#[inport(a: Matrix4, required, "What is applied last.")]
#[inport(b: Matrix4, required, "What is applied first.")]
#[outport(result: Matrix4, "The matrix.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"a": [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 1, 2, 3, 1], "b": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 5, 6, 7, 1]}]"#,
    outputs = r#"[{"result": [{"type": "Object", "data": [2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 0.0, 2.0, 0.0, 11.0, 14.0, 17.0, 1.0]}]}]"#
)]
pub(super) struct Mat4Multiply;

impl Actor for Mat4Multiply {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (a, b) = (tick.value(Self::IN_A), tick.value(Self::IN_B));
        let product = std::array::from_fn(|at| {
            let (column, row) = (at / 4, at % 4);
            (0..4).fold(0.0, |sum, k| sum + a[k * 4 + row] * b[column * 4 + k])
        });
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn short_lists_are_filled_with_zeros_and_other_kinds_are_the_identity() {
        let outputs = run::<Mat4Multiply>(json!({}), [json!({"a": "x", "b": {"type": "Object", "data": [1, 2, 3]}})]);
        assert_eq!(
            outputs,
            [
                json!({"result": [{"type": "Object", "data": [1.0, 2.0, 3.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0]}]})
            ]
        );
    }
}
