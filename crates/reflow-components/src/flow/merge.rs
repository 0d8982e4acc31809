//! `tpl_merge`.

use crate::prelude::*;

const NAMES: [&str; 4] = ["a", "b", "c", "d"];

/// A packet of each inport.
type Set = [Option<Message>; NAMES.len()];

/// Combines up to four inputs into one object or list.
///
/// With `wait` = `all`, one packet of each connected inport makes a set, in order of arrival, and each set makes one
/// output. With `any`, every packet makes one, out of the newest packet of each inport. `mode` = `object` gives
/// `{"a": …, "b": …}`, `array` the values in the order a, b, c, d. The values are messages in the tagged form
/// `{"type": KIND, "data": …}`, or plain ones with `unwrap`.
///
/// No set waits for an inport that nothing is connected to; what is sent there from outside is in every set from then on.
/// When nothing at all is connected, every packet is a set of its own.
#[derive(Component)]
#[component(id = "tpl_merge", title = "Merge", category = "flow", per_node)]
#[inport(a: Any, "First input.")]
#[inport(b: Any, "Second input.")]
#[inport(c: Any, "Third input.")]
#[inport(d: Any, "Fourth input.")]
#[outport(output: Either<JsonObject, List>, "The inputs, together.")]
#[example(
    config = r#"{"unwrap": true}"#,
    steps = r#"[{"a": 1, "b": "x"}]"#,
    outputs = r#"[{"output": [{"a": 1, "b": "x"}]}]"#
)]
pub(super) struct Merge {
    /// Shape of the output.
    #[config(default = Mode::Object, lenient)]
    mode: Mode,
    /// When an output is made.
    #[config(default = Wait::All, lenient)]
    wait: Wait,
    /// Whether plain values are given instead of tagged ones.
    #[config(lenient)]
    unwrap: bool,
    /// The newest packet of each inport, where every packet makes an output.
    #[state]
    newest: Set,
}

/// The shape of what [`Merge`] sends.
#[derive(Choice)]
enum Mode {
    /// An object with a member for each inport.
    Object,
    /// A list.
    Array,
}

/// When [`Merge`] sends.
#[derive(Choice)]
enum Wait {
    /// When every connected inport has a packet.
    All,
    /// For every packet.
    Any,
}

impl Merge {
    fn firing(&self, connected: &[&str]) -> Firing {
        let others = NAMES.into_iter().filter(|name| !connected.contains(name));
        match self.wait {
            Wait::All if !connected.is_empty() => {
                Firing::All { latest: Vec::new(), optional: others.map(Into::into).collect() }
            }
            Wait::All | Wait::Any => Firing::Any,
        }
    }

    fn merged(&self, set: &Set) -> Message {
        let value = |message: &Message| if self.unwrap { message.to_value() } else { message.to_wire() };
        let members = NAMES.into_iter().zip(set).filter_map(|(name, message)| Some((name, value(message.as_ref()?))));
        match self.mode {
            Mode::Object => Message::Object(Value::object(members)),
            Mode::Array => Message::Array(members.map(|(_, value)| value).collect()),
        }
    }
}

impl Actor for Merge {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let set: Set = std::array::from_fn(|port| tick.take(port));
        let merged = match self.wait {
            Wait::All => self.merged(&set),
            Wait::Any => {
                for (newest, message) in self.newest.iter_mut().zip(set) {
                    *newest = message.or(newest.take());
                }
                self.merged(&self.newest)
            }
        };
        tick.emit(Self::OUT_OUTPUT, merged);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entry;
    use crate::testing::{Trial, run};
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn connected_inports_are_paired_in_order() {
        let steps = [json!({"a": 1}), json!({"a": 2}), json!({"c": "x"}), json!({"c": {"type": "Flow"}})];
        let outputs = run::<Merge>(json!({"mode": "array"}), steps);
        assert_eq!(outputs[..2], [json!({}), json!({})]);
        let tagged = |a: i64, c| json!({"output": [[{"type": "Integer", "data": a}, c]]});
        assert_eq!(outputs[2], tagged(1, json!({"type": "String", "data": "x"})));
        assert_eq!(outputs[3], tagged(2, json!({"type": "Flow"})));
    }

    #[test]
    fn nothing_is_lost_however_far_one_inport_is_ahead() {
        const MANY: i64 = 70_000;
        let component = Arc::new(Entry::of::<Merge>());
        let mut trial = Trial::new(component, json!({}).into(), &["a", "b"], &[]).unwrap();
        let packets = |port: &'static str| (0..MANY).map(move |number| (port.to_string(), Message::Integer(number)));
        assert_eq!(trial.step(packets("a").chain(packets("b")))["output"].len(), MANY as usize);
        assert!(trial.end().failures.is_empty());
    }

    #[test]
    fn the_newest_of_each_for_every_packet() {
        let config = json!({"wait": "any", "unwrap": true});
        let outputs = run::<Merge>(config, [json!({"a": 1}), json!({"b": 2}), json!({"a": 3})]);
        assert_eq!(outputs[1], json!({"output": [{"a": 1, "b": 2}]}));
        assert_eq!(outputs[2], json!({"output": [{"a": 3, "b": 2}]}));
    }
}
