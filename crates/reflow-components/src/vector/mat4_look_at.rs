//! `tpl_mat4_look_at`.

use reflow_component::vector::{cross, dot, normalized, zip};

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Builds the view matrix of an eye that looks at a target.
///
/// With f = normalize(target - eye), or (0, 0, -1) where they coincide, r = normalize(f × up), or (1, 0, 0) where that has
/// no length, and u = r × f, the columns are (r.x, u.x, -f.x, 0), (r.y, u.y, -f.y, 0), (r.z, u.z, -f.z, 0) and (-r·eye,
/// -u·eye, f·eye, 1): right-handed, looking down -z. One packet of each connected inport makes a set, in order of arrival;
/// with nothing connected to `up`, it is (0, 1, 0).
#[derive(Component)]
#[component(id = "tpl_mat4_look_at", title = "Look-At Matrix", category = "matrix", per_node)]
#[inport(eye: Vec3, required, "Where the eye is.")]
#[inport(target: Vec3, required, "What it looks at.")]
#[inport(up: Vec3, "Which way is up; (0, 1, 0) while nothing is connected.")]
#[outport(result: Matrix4, "The matrix.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"eye": {"z": 5}, "target": {}, "up": {"y": 1}}]"#,
    outputs = r#"[{"result": [{"type": "Object", "data": [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, -5.0, 1.0]}]}]"#
)]
pub(super) struct Mat4LookAt;

impl Mat4LookAt {
    fn firing(&self, connected: &[&str]) -> Firing {
        let optional = if connected.contains(&"up") { Vec::new() } else { vec!["up".into()] };
        Firing::All { latest: Vec::new(), optional }
    }
}

impl Actor for Mat4LookAt {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (eye, target) = (tick.value(Self::IN_EYE), tick.value(Self::IN_TARGET));
        let up = tick.read(Self::IN_UP).unwrap_or([0.0, 1.0, 0.0]);
        let forward = normalized(zip(target, eye, |target, eye| target - eye)).unwrap_or([0.0, 0.0, -1.0]);
        let right = normalized(cross(forward, up)).unwrap_or([1.0, 0.0, 0.0]);
        let up = cross(right, forward);
        let column = |axis: usize| [right[axis], up[axis], -forward[axis], 0.0];
        let place = [-dot(right, eye), -dot(up, eye), dot(forward, eye), 1.0];
        let mut matrix = [0.0; 16];
        for (cells, values) in matrix.chunks_exact_mut(4).zip([column(0), column(1), column(2), place]) {
            cells.copy_from_slice(&values);
        }
        // Adding 0 makes the negative zeros positive, which reads better.
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, matrix.map(|element| element + 0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn up_is_not_needed() {
        let with = run::<Mat4LookAt>(json!({}), [json!({"eye": [3, 4, 5], "target": [0, 1, 0], "up": [0, 1, 0]})]);
        let without = run::<Mat4LookAt>(json!({}), [json!({"eye": [3, 4, 5], "target": [0, 1, 0]})]);
        assert_eq!(with, without);
        assert_eq!(with[0]["result"][0]["data"][15], 1.0);
    }

    #[test]
    fn sets_are_made_in_order() {
        let steps = [json!({"eye": [0, 0, 5]}), json!({"eye": [0, 0, 7]}), json!({"target": 0}), json!({"target": 0})];
        let outputs = run::<Mat4LookAt>(json!({}), steps);
        assert_eq!(outputs[..2], [json!({}), json!({})]);
        assert_eq!(outputs[2]["result"][0]["data"][14], -5.0);
        assert_eq!(outputs[3]["result"][0]["data"][14], -7.0);
    }
}
