//! `tpl_if_branch`.

use std::cmp::Ordering;

use crate::conditions::{Group, Operator, is_empty, is_truthy, message_is, order, rule_set_schema, same};
use crate::config::expected;
use crate::path::Field;
use crate::prelude::*;
use crate::read;

/// Sends each message down a true or a false outport.
///
/// The message leaves unchanged by `true-out` or by `false-out`; `true_output` and `false_output` are other names for
/// them.
///
/// A **rule set** in `decisionRules` decides where there is one: `{"type": "IF" | "OR", "groups": [{"connector":
/// "AND" | "OR", "rules": [{"field", "operator", "value"}]}]}`. With `IF` every group must match, with `OR` one is
/// enough; in a group all rules must hold, or one with the connector `OR`. A `field` is a member or a path such as
/// `a.b[0]`; without one the whole message counts. Operators: `is`, `is_not`, `contains`, `not_contains`,
/// `greater_than`, `less_than`, `greater_equal`, `less_equal`, `between` (`[low, high]`, both included), `in`, `not_in`,
/// `empty`, `not_empty`. A missing member is `empty` and nothing else. A rule that cannot be read is false.
///
/// Otherwise the **simple condition** does. `equals` compares the message, or its member `condition_field`, with
/// `condition_value`; a value may also be written in the tagged form `{"type": KIND, "data": …}`.
///
/// Equal numbers are equal however they are written (1 and 1.0); a number never equals a text.
#[derive(Component)]
#[component(id = "tpl_if_branch", title = "If Branch", category = "flow")]
#[inport(data: Any, required, "The message to send on.")]
#[outport("true-out": Any, "The message, when the condition holds.")]
#[outport("false-out": Any, "The message, when it does not.")]
#[outport(true_output: Any, "The same as `true-out`.")]
#[outport(false_output: Any, "The same as `false-out`.")]
#[example(
    config = r#"{"condition_type": "greater_than", "condition_value": 5}"#,
    steps = r#"[{"data": 6}, {"data": 5}]"#,
    outputs = r#"[{"true-out": [6], "true_output": [6]}, {"false-out": [5], "false_output": [5]}]"#
)]
#[example(
    config = r#"{"decisionRules": {"groups": [{"rules": [{"field": "user.age", "operator": "greater_equal", "value": 18}]}]}}"#,
    steps = r#"[{"data": {"user": {"age": 21}}}]"#,
    outputs = r#"[{"true-out": [{"user": {"age": 21}}], "true_output": [{"user": {"age": 21}}]}]"#
)]
pub(super) struct IfBranch {
    /// Rule set; when it holds a list of groups it takes the place of the simple condition.
    #[config(key = "decisionRules", lenient)]
    decision_rules: Option<Decision>,
    /// The simple condition.
    #[config(default = Condition::Equals, lenient)]
    condition_type: Condition,
    /// What to compare with.
    #[config(alias = "value")]
    condition_value: Option<Value>,
    /// Member of an object to compare, for `equals`.
    #[config(alias = "field", lenient)]
    condition_field: Option<Field>,
}

/// The simple condition of [`IfBranch`].
#[derive(Choice)]
enum Condition {
    /// The message, or a member of it, equals the value.
    Equals,
    /// A number that is greater than the value.
    GreaterThan,
    /// A number that is less than the value.
    LessThan,
    /// A text that contains the value, or a list that has it as an element.
    Contains,
    /// An empty text, list or object, or an Optional without a value.
    IsEmpty,
    /// Anything but false, 0, and what is empty.
    #[choice(..)]
    Truthy,
}

/// Groups of rules.
struct Decision {
    all_groups: bool,
    groups: Vec<Group>,
    source: Value,
}

impl ConfigValue for Decision {
    fn read(value: &Value) -> Result<Self, String> {
        let groups = value.get("groups").and_then(Value::as_array);
        let groups = groups.ok_or_else(|| expected("an object with a list of `groups`", value))?;
        let kind = value.get("type").map_or(Some("IF"), Value::as_str);
        let has_rules = |group: &&Value| group.get("rules").is_some_and(|rules| rules.as_array().is_some());
        let groups = groups.iter().filter(has_rules).map(Group::of);
        match kind {
            Some("IF") => Ok(Self { all_groups: true, groups: groups.collect(), source: value.clone() }),
            Some("OR") => Ok(Self { all_groups: false, groups: groups.collect(), source: value.clone() }),
            // Any other type never matches.
            _ => Ok(Self { all_groups: false, groups: Vec::new(), source: value.clone() }),
        }
    }

    fn to_value(&self) -> Value {
        self.source.clone()
    }

    fn schema() -> Value {
        rule_set_schema([])
    }
}

impl Decision {
    fn holds(&self, message: &Message) -> bool {
        let matches = |group: &Group| group.holds_for(message);
        if self.all_groups {
            !self.groups.is_empty() && self.groups.iter().all(matches)
        } else {
            self.groups.iter().any(matches)
        }
    }
}

impl IfBranch {
    fn decide(&self, message: &Message) -> bool {
        if let Some(decision) = &self.decision_rules {
            return decision.holds(message);
        }
        let ordered = |ordering: Ordering| {
            let value = self.condition_value.as_ref();
            value.zip(number(message)).is_some_and(|(value, number)| order(&number, value) == Some(ordering))
        };
        match self.condition_type {
            Condition::Equals => self.condition_value.as_ref().is_some_and(|value| match &self.condition_field {
                Some(field) => {
                    read::payload(message).and_then(|data| field.get(data)).is_some_and(|member| same(member, value))
                }
                None => message_is(message, value),
            }),
            Condition::GreaterThan => ordered(Ordering::Greater),
            Condition::LessThan => ordered(Ordering::Less),
            Condition::Contains => {
                let value = self.condition_value.as_ref();
                value.zip(read::json(message)).is_some_and(|(value, data)| Operator::Contains.holds(&data, value))
            }
            Condition::IsEmpty => read::json(message).is_some_and(|data| is_empty(&data)),
            Condition::Truthy => {
                matches!(message, Message::Optional(Some(_)))
                    || read::json(message).is_some_and(|data| is_truthy(&data))
            }
        }
    }
}

/// The number that a message is, without what a text might be read as.
fn number(message: &Message) -> Option<Value> {
    match message {
        Message::Integer(number) => Some(Value::Integer(*number)),
        Message::Float(number) => Some(Value::Float(*number)),
        other => read::payload(other).cloned(),
    }
}

impl Actor for IfBranch {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(message) = tick.take(Self::IN_DATA) else { return Ok(()) };
        let (port, alias) = if self.decide(&message) {
            (Self::OUT_TRUE_OUT, Self::OUT_TRUE_OUTPUT)
        } else {
            (Self::OUT_FALSE_OUT, Self::OUT_FALSE_OUTPUT)
        };
        tick.emit(alias, message.clone());
        tick.emit(port, message);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::{Value as Json, json};

    fn decisions(config: Json, inputs: &[Json]) -> Vec<bool> {
        let steps = inputs.iter().map(|input| json!({"data": input}));
        run::<IfBranch>(config, steps).iter().map(|outputs| outputs.get("true-out").is_some()).collect()
    }

    #[test]
    fn values_are_compared_plainly_or_in_the_tagged_form() {
        let inputs = [json!(5), json!(5.0), json!("5")];
        assert_eq!(decisions(json!({"condition_value": 5}), &inputs), [true, true, false]);
        let tagged = json!({"condition_value": {"type": "Integer", "data": 5}});
        assert_eq!(decisions(tagged, &inputs), [true, false, false]);
        assert_eq!(decisions(json!({"condition_type": "greater_than", "value": 5.5}), &[json!(6)]), [true]);
    }

    #[test]
    fn rules_without_a_field_look_at_the_message() {
        let rules = json!({"decisionRules": {"groups": [{"rules": [{"operator": "greater_than", "value": 3}]}]}});
        assert_eq!(decisions(rules, &[json!(4), json!(2), json!({"a": 4})]), [true, false, false]);
        let empty = json!({"decisionRules": {"groups": [{"rules": [{"field": "a.b", "operator": "empty"}]}]}});
        assert_eq!(decisions(empty, &[json!({}), json!({"a": {"b": 1}}), json!(1)]), [true, false, false]);
    }

    #[test]
    fn an_error_is_no_text() {
        let error = json!({"type": "Error", "data": "boom"});
        let empty = json!({"type": "Error", "data": ""});
        let event = json!({"type": "NetworkEvent", "data": {"event_type": "HeartbeatMissed", "data": {}}});
        for (kind, input) in [("contains", error.clone()), ("is_empty", empty), ("truthy", error), ("truthy", event)] {
            let config = json!({"condition_type": kind, "condition_value": "b"});
            assert_eq!(decisions(config, &[input]), [false], "{kind}");
        }
    }

    #[test]
    fn malformed_rules_are_false() {
        for rule in [json!("x"), json!(null)] {
            let config = json!({"decisionRules": {"groups": [{"rules": [rule]}]}});
            assert_eq!(decisions(config, &[json!({"type": "Optional", "data": null})]), [false]);
        }
    }

    #[test]
    fn any_other_word_asks_for_truth() {
        let inputs = [json!({"a": 1}), json!({}), json!([0]), json!(""), json!({"type": "Flow"})];
        assert_eq!(decisions(json!({"condition_type": "yes"}), &inputs), [true, false, true, false, false]);
    }
}
