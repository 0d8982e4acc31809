//! `tpl_gate`.

use crate::prelude::*;
use crate::read;

/// Lets a message through or diverts it, as a control signal says.
///
/// One packet of each inport makes a pair, in order of arrival; the message leaves unchanged by `output` when the
/// control opens the gate, and by `blocked` when it does not. With `sticky`, the newest control counts for all
/// messages until another one comes; messages that come before the first control wait for it.
///
/// The gate is closed by false, 0, the texts `false`, `0`, `no`, `off` and the empty one, null, and an Optional
/// without a value; any other control opens it. `invert` turns that round.
#[derive(Component)]
#[component(id = "tpl_gate", title = "Gate", category = "flow", firing = all, per_node)]
#[inport(input: Any, required, "The message.")]
#[inport(control: Either<Boolean, Number>, required, "Whether it may pass.")]
#[outport(output: Any, "Messages that may pass.")]
#[outport(blocked: Any, "Messages that may not.")]
#[example(
    steps = r#"[{"input": "a", "control": true}, {"input": "b", "control": 0}]"#,
    outputs = r#"[{"output": ["a"]}, {"blocked": ["b"]}]"#
)]
pub(super) struct Gate {
    /// Whether the gate is open when the control says closed.
    #[config(lenient)]
    invert: bool,
    /// Whether a control counts until the next one comes.
    #[config(lenient)]
    sticky: bool,
}

impl Gate {
    fn firing(&self, _connected: &[&str]) -> Firing {
        let latest = if self.sticky { vec!["control".into()] } else { Vec::new() };
        Firing::All { latest, optional: Vec::new() }
    }
}

/// Whether a control opens the gate.
fn opens(control: &Message) -> bool {
    match control {
        Message::Boolean(open) => *open,
        Message::Integer(number) => *number != 0,
        Message::Float(number) => *number != 0.0,
        Message::String(text) => is_yes(text),
        Message::Optional(None) => false,
        other => match read::payload(other) {
            Some(Value::Null) => false,
            Some(Value::Boolean(open)) => *open,
            Some(Value::String(text)) => is_yes(text),
            Some(value) => value.as_number() != Some(0.0),
            None => true,
        },
    }
}

fn is_yes(text: &str) -> bool {
    !["", "false", "0", "no", "off"].iter().any(|no| text.trim().eq_ignore_ascii_case(no))
}

impl Actor for Gate {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let is_open = tick.input(Self::IN_CONTROL).is_some_and(opens) != self.invert;
        let port = if is_open { Self::OUT_OUTPUT } else { Self::OUT_BLOCKED };
        if let Some(message) = tick.take(Self::IN_INPUT) {
            tick.emit(port, message);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn messages_and_controls_are_paired_in_order() {
        let steps = [json!({"input": 1}), json!({"input": 2}), json!({"control": "off"}), json!({"control": {"x": 1}})];
        let outputs = run::<Gate>(json!({}), steps);
        assert_eq!(outputs, [json!({}), json!({}), json!({"blocked": [1]}), json!({"output": [2]})]);
    }

    #[test]
    fn a_sticky_control_counts_until_the_next() {
        let steps = [
            json!({"input": 1}),
            json!({"control": 0}),
            json!({"input": 2}),
            json!({"control": 1}),
            json!({"input": 3}),
        ];
        let outputs = run::<Gate>(json!({"sticky": true, "invert": true}), steps);
        let expected = [json!({}), json!({"output": [1]}), json!({"output": [2]}), json!({}), json!({"blocked": [3]})];
        assert_eq!(outputs, expected);
    }

    #[test]
    fn a_wrong_kind_of_config_is_the_default() {
        let steps = [json!({"input": 1, "control": true})];
        assert_eq!(run::<Gate>(json!({"invert": 1, "sticky": "yes"}), steps), [json!({"output": [1]})]);
    }

    #[test]
    fn what_closes_the_gate() {
        for control in [json!(false), json!(0.0), json!("No"), json!(""), json!({"type": "Optional", "data": null})] {
            let outputs = run::<Gate>(json!({}), [json!({"input": 1, "control": control.clone()})]);
            assert_eq!(outputs, [json!({"blocked": [1]})], "{control}");
        }
    }
}
