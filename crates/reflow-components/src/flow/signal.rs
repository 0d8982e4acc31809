//! `tpl_signal`.

use std::sync::{Arc, LazyLock};

use crate::prelude::*;
use crate::read;

static KEYS: LazyLock<[Arc<str>; 2]> = LazyLock::new(|| ["data".into(), "id".into()]);

/// Turns a trigger into a named signal.
///
/// Every packet on `trigger` sends an Object `{"id": event, "data": data}`. When the packet is an object, its members
/// are laid over `data`; when `data` is no object, the packet takes its place. Nothing is kept from one packet to the
/// next.
#[derive(Component)]
#[component(id = "tpl_signal", title = "Signal", category = "flow", prepare, open_ports)]
#[inport(trigger: Any, required, "Whatever comes asks for a signal.")]
#[outport(signal: JsonObject, "The signal.")]
#[example(
    config = r#"{"event": "HOVER", "data": {"s": 1, "k": "a"}}"#,
    steps = r#"[{"trigger": {"s": 2}}]"#,
    outputs = r#"[{"signal": [{"id": "HOVER", "data": {"s": 2, "k": "a"}}]}]"#
)]
pub(super) struct Signal {
    /// Name of the signal.
    #[config(default = "signal".into(), lenient)]
    event: Arc<str>,
    /// What it carries.
    #[config(default = Object::new().into())]
    data: Value,
    /// The signal when the trigger has nothing to say.
    #[state]
    plain: Value,
}

impl Signal {
    fn prepare(&mut self) {
        self.plain = self.with(self.data.clone());
    }

    fn with(&self, data: Value) -> Value {
        let [data_key, id_key] = &*KEYS;
        let id = Value::String(Arc::clone(&self.event));
        Value::object([(Arc::clone(data_key), data), (Arc::clone(id_key), id)])
    }
}

impl Actor for Signal {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(trigger) = tick.input(Self::IN_TRIGGER) else { return Ok(()) };
        let signal = match read::payload(trigger) {
            Some(members @ Value::Object(_)) => self.with(self.data.merged_with(members)),
            _ => self.plain.clone(),
        };
        tick.emit(Self::OUT_SIGNAL, Message::Object(signal));
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn overlays_do_not_stay() {
        let steps = [json!({"trigger": {"t": 3}}), json!({"trigger": 1}), json!({"other": {"t": 3}})];
        let outputs = run::<Signal>(json!({}), steps);
        assert_eq!(outputs[0], json!({"signal": [{"id": "signal", "data": {"t": 3}}]}));
        assert_eq!(outputs[1], json!({"signal": [{"id": "signal", "data": {}}]}));
        assert_eq!(outputs[2], json!({}));
    }

    #[test]
    fn an_object_takes_the_place_of_other_data() {
        let outputs = run::<Signal>(json!({"data": 5}), [json!({"trigger": {"t": 3}}), json!({"trigger": 1})]);
        assert_eq!(outputs[0], json!({"signal": [{"id": "signal", "data": {"t": 3}}]}));
        assert_eq!(outputs[1], json!({"signal": [{"id": "signal", "data": 5}]}));
    }
}
