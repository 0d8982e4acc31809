//! `tpl_subscriber`.

use crate::prelude::*;
use crate::read;

/// Passes on signals with a certain name.
///
/// A signal is an Object `{"id": NAME, "data": …}`, or a String that is its name; an Object without an `id` has the empty
/// name. When `event` fits the name, Flow
/// leaves by `trigger`, and the data by `data`, unless it is null; it is sent as kind Object whatever it is. In
/// `event`, `*` stands for any characters: `*` fits all names, `ui.*` those that begin with `ui.`. Letter case
/// counts. Messages of other kinds are ignored.
#[derive(Component)]
#[component(id = "tpl_subscriber", title = "Subscriber", category = "flow")]
#[inport(signal: Either<JsonObject, Text>, required, "Signals.")]
#[outport(data: Any, "What a fitting signal carries.")]
#[outport(trigger: Flow, "That one came.")]
#[example(
    config = r#"{"event": "ui.*"}"#,
    steps = r#"[{"signal": {"id": "ui.click", "data": {"x": 1}}}, {"signal": "net.up"}]"#,
    outputs = r#"[{"data": [{"x": 1}], "trigger": [{"type": "Flow"}]}, {}]"#
)]
pub(super) struct Subscriber {
    /// Name of the signals to accept.
    #[config(default = "*".to_string(), lenient)]
    event: String,
}

/// Whether `pattern` fits `name` from end to end; `*` stands for any characters. Linear in practice and quadratic at
/// worst: the last star only ever moves forward.
fn fits(pattern: &str, name: &str) -> bool {
    let mut parts = pattern.split('*');
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else { return false };
    let Some(last) = parts.next_back() else { return rest.is_empty() };
    for part in parts {
        let Some(at) = rest.find(part) else { return false };
        rest = &rest[at + part.len()..];
    }
    rest.ends_with(last)
}

impl Actor for Subscriber {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(message) = tick.input(Self::IN_SIGNAL) else { return Ok(()) };
        let (name, data) = match (read::text(message), read::payload(message)) {
            (Some(name), _) => (name, None),
            (_, Some(signal @ Value::Object(_))) => {
                (signal.get("id").and_then(Value::as_str).unwrap_or_default(), signal.get("data"))
            }
            _ if matches!(message, Message::Object(_)) => ("", None),
            _ => return Ok(()),
        };
        if !fits(&self.event, name) {
            return Ok(());
        }
        if let Some(data) = data.filter(|data| !data.is_null()).cloned() {
            tick.emit(Self::OUT_DATA, Message::Object(data));
        }
        tick.emit(Self::OUT_TRIGGER, Message::Flow);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::json;

    #[test]
    fn patterns() {
        for (pattern, name, expected) in [
            ("*", "", true),
            ("HOVER", "HOVER", true),
            ("HOVER", "HOVERED", false),
            ("ui.*", "ui.click", true),
            ("ui.*", "gui.click", false),
            ("*.click", "ui.click", true),
            ("a*b*c", "a-b-b-c", true),
            ("a*b*c", "acb", false),
            ("ab*ba", "aba", false),
            ("**", "x", true),
        ] {
            assert_eq!(fits(pattern, name), expected, "{pattern} {name}");
        }
    }

    #[test]
    fn data_is_always_an_object_message() {
        let flow = json!({"type": "Flow"});
        let steps = [json!({"signal": {"id": "A", "data": 5}}), json!({"signal": {"no": "id"}}), json!({"signal": 1})];
        let outputs = run::<Subscriber>(json!({}), steps);
        assert_eq!(outputs[0], json!({"data": [{"type": "Object", "data": 5}], "trigger": [flow.clone()]}));
        assert_eq!(outputs[1], json!({"trigger": [flow]}));
        assert_eq!(outputs[2], json!({}));
    }

    #[test]
    fn an_object_without_a_name_has_the_empty_one() {
        for event in ["*", ""] {
            for data in [json!(5), json!([1, 2]), json!(null), json!(true), json!({})] {
                let signal = json!({"signal": {"type": "Object", "data": data}});
                let outputs = run::<Subscriber>(json!({"event": event}), [signal]);
                assert_eq!(outputs, [json!({"trigger": [{"type": "Flow"}]})], "{event} {data}");
            }
        }
        assert_eq!(run::<Subscriber>(json!({"event": ""}), [json!({"signal": [1]})]), [json!({})]);
    }
}
