//! `tpl_passthrough`.

use crate::prelude::*;

/// Forwards messages untouched.
///
/// Every packet on `input` leaves by `output` as it is, whatever its kind: bytes, errors and stream handles too.
/// Useful as a named place in a graph. A packet on any other inport only says that something came, and sends Flow.
#[derive(Component)]
#[component(id = "tpl_passthrough", title = "Passthrough", category = "flow", open_ports)]
#[inport(input: Any, required, "Anything.")]
#[outport(output: Any, "The same message.")]
#[example(
    steps = r#"[{"input": 5}, {"input": {"x": [1, null]}}]"#,
    outputs = r#"[{"output": [5]}, {"output": [{"x": [1, null]}]}]"#
)]
pub(super) struct Passthrough;

impl Actor for Passthrough {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let message = tick.take(Self::IN_INPUT).unwrap_or(Message::Flow);
        tick.emit(Self::OUT_OUTPUT, message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn every_kind_passes_and_other_ports_send_flow() {
        let steps = [
            json!({"input": {"type": "Bytes", "data": [1, 2]}}),
            json!({"input": {"type": "Optional", "data": null}}),
            json!({"other": 1}),
        ];
        let outputs = run::<Passthrough>(json!({}), steps);
        assert_eq!(outputs[0], json!({"output": [{"type": "Bytes", "data": [1, 2]}]}));
        assert_eq!(outputs[1], json!({"output": [{"type": "Optional", "data": null}]}));
        assert_eq!(outputs[2], json!({"output": [{"type": "Flow"}]}));
    }
}
