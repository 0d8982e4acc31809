//! `tpl_mat4_identity`.

use reflow_component::vector::IDENTITY;

use crate::finite::{NotFinite, WriteFinite};
use crate::prelude::*;

/// Gives the 4×4 identity matrix.
///
/// A packet of any kind on any inport gives one.
#[derive(Component)]
#[component(id = "tpl_mat4_identity", title = "Identity Matrix", category = "matrix", open_ports)]
#[inport(trigger: Any, "Whatever comes asks for a matrix.")]
#[outport(result: Matrix4, "The matrix.")]
#[outport(error: NotFinite, "Why there is no result.")]
#[example(
    steps = r#"[{"trigger": {"type": "Flow"}}]"#,
    outputs = r#"[{"result": [{"type": "Object", "data": [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]}]}]"#
)]
pub(super) struct Mat4Identity;

impl Actor for Mat4Identity {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        tick.write_finite(Self::OUT_RESULT, Self::OUT_ERROR, IDENTITY)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn any_inport_is_a_trigger() {
        let outputs = run::<Mat4Identity>(json!({}), [json!({"other": 5})]);
        assert_eq!(
            outputs,
            [
                json!({"result": [{"type": "Object", "data": [1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 1.0]}]})
            ]
        );
    }
}
