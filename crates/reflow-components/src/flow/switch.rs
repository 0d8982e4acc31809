//! `tpl_switch`.

use crate::conditions::{message_is, same};
use crate::path::Field;
use crate::prelude::*;
use crate::read;

/// Routes a message to one of several case ports, or to `default`.
///
/// The message leaves unchanged by the first `caseN` whose `caseN_value` it equals, otherwise by `default`: exactly
/// one message out for one in. With `switch_field`, the member of that name (or path, `a.b[0]`) is compared instead
/// of the whole message, and a message without it goes to `default`. A value of null is a value. More than four cases
/// are allowed: `case5_value` leads to `case5`, and so on.
///
/// Equal numbers are equal however they are written (2 and 2.0). A value may also be written in the tagged form
/// `{"type": KIND, "data": …}`.
#[derive(Component)]
#[component(id = "tpl_switch", title = "Switch", category = "flow", prepare, open_ports)]
#[inport(data: Any, required, "The message to send on.")]
#[outport(case1: Any, "The message, when it equals `case1_value`.")]
#[outport(case2: Any, "The message, when it equals `case2_value`.")]
#[outport(case3: Any, "The message, when it equals `case3_value`.")]
#[outport(case4: Any, "The message, when it equals `case4_value`.")]
#[outport(default: Any, "The message, when no case fits.")]
#[example(
    config = r#"{"switch_field": "kind", "case1_value": "a", "case2_value": 2}"#,
    steps = r#"[{"data": {"kind": "a"}}, {"data": {"kind": 2.0}}, {"data": 7}]"#,
    outputs = r#"[{"case1": [{"kind": "a"}]}, {"case2": [{"kind": 2.0}]}, {"default": [7]}]"#
)]
pub(super) struct Switch {
    /// Member of an object to compare; the whole message without it.
    #[config(key = "switch_field", alias = "field", lenient)]
    field: Option<Field>,
    /// What selects `case1`.
    #[config]
    case1_value: Option<Value>,
    /// What selects `case2`.
    #[config]
    case2_value: Option<Value>,
    /// What selects `case3`.
    #[config]
    case3_value: Option<Value>,
    /// What selects `case4`.
    #[config]
    case4_value: Option<Value>,
    #[config(whole)]
    config: Value,
    /// Numbers of the cases, in order, with their values.
    #[state]
    cases: Vec<(u32, Value)>,
    /// The outport of each case; none where it is neither declared nor connected.
    #[state]
    ports: Vec<Option<usize>>,
}

impl Switch {
    fn prepare(&mut self) {
        let declared = [&mut self.case1_value, &mut self.case2_value, &mut self.case3_value, &mut self.case4_value];
        self.cases = (1..).zip(declared).filter_map(|(number, value)| Some((number, value.take()?))).collect();
        let further = self.config.as_object().into_iter().flatten().filter_map(|(key, value)| {
            let number: u32 = key.strip_prefix("case")?.strip_suffix("_value")?.parse().ok()?;
            (number > 4).then(|| (number, value.clone()))
        });
        self.cases.extend(further);
        self.cases.sort_by_key(|(number, _)| *number);
    }
}

impl Actor for Switch {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let port = |(number, _): &(u32, Value)| tick.node().outport(&format!("case{number}")).map(usize::from);
        self.ports = self.cases.iter().map(port).collect();
        Ok(())
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(message) = tick.take(Self::IN_DATA) else { return Ok(()) };
        let fits = |(_, value): &(u32, Value)| match &self.field {
            Some(field) => {
                read::payload(&message).and_then(|data| field.get(data)).is_some_and(|member| same(member, value))
            }
            None => message_is(&message, value),
        };
        match self.cases.iter().position(fits) {
            Some(case) => {
                if let Some(port) = self.ports[case] {
                    tick.emit(port, message);
                }
            }
            None => tick.emit(Self::OUT_DEFAULT, message),
        }
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
    fn the_whole_message_is_compared_plainly_or_in_the_tagged_form() {
        let config = json!({"case1_value": 5, "case2_value": {"type": "Flow"}, "case3_value": null});
        let steps = [
            json!({"data": 5}),
            json!({"data": {"type": "Flow"}}),
            json!({"data": {"type": "Optional", "data": null}}),
        ];
        let outputs = run::<Switch>(config, steps);
        assert_eq!(outputs[0], json!({"case1": [5]}));
        assert_eq!(outputs[1], json!({"case2": [{"type": "Flow"}]}));
        assert_eq!(outputs[2], json!({"case3": [{"type": "Optional", "data": null}]}));
    }

    #[test]
    fn more_than_four_cases() {
        let config = json!({"field": "a.b", "case12_value": 1, "case5_value": 1});
        let component = Arc::new(Entry::of::<Switch>());
        let mut trial = Trial::new(component, config.into(), &["data"], &["case5", "case12"]).unwrap();
        let data = Message::object(json!({"a": {"b": 1}}));
        let outputs = trial.step([("data".to_string(), data)]);
        assert_eq!(outputs.keys().collect::<Vec<_>>(), ["case5"]);
    }
}
