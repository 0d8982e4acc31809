//! `tpl_mat4_transform`.

use reflow_component::vector::TINY;

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Applies a 4×4 matrix to a point.
///
/// The vector is the point (x, y, z, 1), and the result is divided by w = m3·x + m7·y + m11·z + m15, unless |w| is at most
/// 10⁻¹⁰. With `direction` it is a direction instead: no translation, no division.
#[derive(Component)]
#[component(id = "tpl_mat4_transform", title = "Matrix Transform Point", category = "matrix", firing = all)]
#[inport(matrix: Matrix4, required, "The matrix.")]
#[inport(vector: Vec3, required, "The point.")]
#[outport(result: Vec3, "The point it becomes.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"matrix": [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 1, 2, 3, 1], "vector": {"x": 1, "y": 1, "z": 1}}]"#,
    outputs = r#"[{"result": [{"x": 3.0, "y": 4.0, "z": 5.0}]}]"#
)]
pub(super) struct Mat4Transform {
    /// Whether the vector is a direction rather than a point.
    #[config(lenient)]
    direction: bool,
}

impl Actor for Mat4Transform {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (matrix, [x, y, z]) = (tick.value(Self::IN_MATRIX), tick.value(Self::IN_VECTOR));
        let point = [x, y, z, if self.direction { 0.0 } else { 1.0 }];
        let row = |row: usize| (0..4).fold(0.0, |sum, column| sum + matrix[column * 4 + row] * point[column]);
        let scale = if self.direction || row(3).abs() <= TINY { 1.0 } else { row(3) };
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, [row(0) / scale, row(1) / scale, row(2) / scale])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn directions_are_not_moved() {
        let outputs = run::<Mat4Transform>(
            json!({"direction": true}),
            [json!({"matrix": [2, 0, 0, 0, 0, 2, 0, 0, 0, 0, 2, 0, 1, 2, 3, 1], "vector": [1, 1, 1]})],
        );
        assert_eq!(outputs, [json!({"result": [{"x": 2.0, "y": 2.0, "z": 2.0}]})]);
    }

    #[test]
    fn perspective_divides() {
        let outputs = run::<Mat4Transform>(
            json!({}),
            [json!({"matrix": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, -1, 0, 0, 0, 0], "vector": [2, 4, -2]})],
        );
        assert_eq!(outputs, [json!({"result": [{"x": 1.0, "y": 2.0, "z": -1.0}]})]);
    }
}
