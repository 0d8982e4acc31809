//! `tpl_data_emit`.

use crate::prelude::*;

/// Sends a configured value when triggered.
///
/// A packet of any kind on any inport is a trigger. `data` leaves by `output` as kind Object, whatever JSON it is: 5 arrives as
/// Object 5. With `oneshot` only the first trigger brings it. Without `data` nothing is ever sent.
#[derive(Component)]
#[component(id = "tpl_data_emit", title = "Data Emit", category = "data", open_ports)]
#[inport(trigger: Any, "Whatever comes asks for the value.")]
#[outport(output: Any, "The value.")]
#[example(
    config = r#"{"data": {"a": 1}}"#,
    steps = r#"[{"trigger": {"type": "Flow"}}, {"trigger": {"type": "Flow"}}]"#,
    outputs = r#"[{"output": [{"a": 1}]}, {}]"#
)]
pub(super) struct DataEmit {
    /// The value to send; nothing is sent when it is left out.
    #[config]
    data: Option<Value>,
    /// Send it once only.
    #[config(default = true, lenient)]
    oneshot: bool,
    /// Send it once at the start, without a trigger.
    #[config(lenient)]
    autostart: bool,
    #[state]
    is_done: bool,
}

impl DataEmit {
    fn emit(&mut self, tick: &mut Tick<'_>) {
        if let Some(data) = self.data.as_ref().filter(|_| !(self.oneshot && self.is_done)) {
            self.is_done = true;
            tick.emit(Self::OUT_OUTPUT, Message::object(data.clone()));
        }
    }
}

impl Actor for DataEmit {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if self.autostart {
            self.emit(tick);
        }
        Ok(())
    }

    fn has_setup(&self) -> bool {
        self.autostart
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.emit(tick);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn null_is_a_value_and_nothing_is_not() {
        let trigger = || [json!({"trigger": 1})];
        assert_eq!(
            run::<DataEmit>(json!({"data": null}), trigger()),
            [json!({"output": [{"type": "Object", "data": null}]})]
        );
        assert_eq!(run::<DataEmit>(json!({}), trigger()), [json!({})]);
    }

    #[test]
    fn every_trigger_counts_without_oneshot() {
        let config = json!({"data": 5, "oneshot": false});
        let five = json!({"output": [{"type": "Object", "data": 5}]});
        assert_eq!(run::<DataEmit>(config, [json!({"trigger": 1}), json!({"other": 1})]), [five.clone(), five]);
    }

    #[test]
    fn autostart_needs_no_trigger() {
        let outputs = run::<DataEmit>(json!({"data": 5, "autostart": true}), [json!({"trigger": 1})]);
        assert_eq!(outputs, [json!({"output": [{"type": "Object", "data": 5}]})]);
    }
}
