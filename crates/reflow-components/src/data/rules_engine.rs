//! `tpl_rules_engine`.

use std::sync::Arc;

use crate::conditions::{Group, any_of, closed, list_of, rule_set_schema, typed};
use crate::prelude::*;
use crate::read;

/// Judges each message by a set of rules and acts on the ones that match.
///
/// `rules` is `{type, groups, actions}`. A group is `{connector, rules}`: with the connector `AND` (the default) all of its
/// rules must hold, with any other word one is enough. With the type `OR` one group is enough, with any other (`IF` is the
/// default) every group must match; so no groups match under `IF` and not under `OR`. A list of such rule sets is tried in
/// order, and the first that matches acts.
///
/// A rule is `{field, operator, value}`. `field` names a member of the payload (`a.b[0]` leads further down); without it the
/// payload itself is meant. Operators: `is` (the default), `is_not`, `contains`, `not_contains` (text in text, item in list),
/// `greater_than`, `less_than`, `greater_equal`, `less_equal`, `between` (`[low, high]`, both included), `in`, `not_in`, `empty`
/// and `not_empty` (null, `""`, `[]`, `{}`). Numbers are equal however they are written; text is never converted to a number. A
/// member that is missing is `empty` and nothing else.
///
/// When the rules match, `actions.setOutput`, a list of `{port, value}`, sends each value from the outport of that name, whatever
/// name that is, and the message leaves by `matched`; an object, of whatever kind the message is, has the members of
/// `actions.setProperty`, a list of `{key, value}`, set and leaves as kind Object. When they do not match it leaves by `unmatched`
/// as it is. Without rules everything leaves by `output`. What is malformed is ignored; a malformed rule never holds.
#[derive(Component)]
#[component(id = "tpl_rules_engine", title = "Rules Engine", category = "logic", prepare, open_ports)]
#[inport(data: Any, required, "The message to judge.")]
#[outport(output: Any, "The message, when no rules are configured.")]
#[outport(matched: Any, "The message that matched, with its new members.")]
#[outport(unmatched: Any, "The message that did not match.")]
#[example(
    config = r#"{"rules": {"groups": [{"rules": [{"field": "age", "operator": "greater_equal", "value": 18}]}],
                 "actions": {"setProperty": [{"key": "adult", "value": true}]}}}"#,
    steps = r#"[{"data": {"age": 20}}, {"data": {"age": 3}}]"#,
    outputs = r#"[{"matched": [{"age": 20, "adult": true}]}, {"unmatched": [{"age": 3}]}]"#
)]
pub(super) struct RulesEngine {
    /// The rule set, or a list of rule sets.
    #[config(alias = "propertyRules")]
    rules: Shaped<RuleSets>,
    #[state]
    sets: Option<Vec<RuleSet>>,
}

struct RuleSet {
    any: bool,
    groups: Vec<Group>,
    properties: Vec<(Arc<str>, Value)>,
    outputs: Vec<(Arc<str>, Value)>,
}

/// A rule set, or a list of rule sets.
struct RuleSets;

impl Shape for RuleSets {
    fn schema() -> Value {
        let pair = |name| list_of(closed([(name, typed("string")), ("value", Value::object::<&str, Value>([]))]));
        let actions = closed([("setOutput", pair("port")), ("setProperty", pair("key"))]);
        let set = rule_set_schema([("actions", actions)]);
        any_of([set.clone(), list_of(set)])
    }
}

impl RuleSet {
    fn read(set: &Value) -> Self {
        let groups = set.get("groups").and_then(Value::as_array).unwrap_or_default();
        let pairs = |action: &str, name: &str| {
            let entries = set.get("actions").and_then(|actions| actions.get(action)).and_then(Value::as_array);
            let pair = |entry: &Value| match entry.get(name)? {
                Value::String(name) => Some((Arc::clone(name), entry.get("value")?.clone())),
                _ => None,
            };
            entries.unwrap_or_default().iter().filter_map(pair).collect()
        };
        Self {
            any: set.get("type").and_then(Value::as_str) == Some("OR"),
            groups: groups.iter().map(Group::of).collect(),
            properties: pairs("setProperty", "key"),
            outputs: pairs("setOutput", "port"),
        }
    }

    fn matches(&self, message: &Message) -> bool {
        let mut groups = self.groups.iter();
        if self.any {
            groups.any(|group| group.holds_for(message))
        } else {
            groups.all(|group| group.holds_for(message))
        }
    }

    fn apply(&self, message: Message) -> Message {
        match read::payload(&message).and_then(Value::as_object) {
            Some(members) if !self.properties.is_empty() => {
                let mut members = members.clone();
                members.extend(self.properties.iter().cloned());
                Message::object(members)
            }
            _ => message,
        }
    }
}

impl RulesEngine {
    fn prepare(&mut self) {
        self.sets = match &*self.rules {
            Value::Object(_) => Some(vec![RuleSet::read(&self.rules)]),
            Value::Array(sets) if !sets.is_empty() => Some(sets.iter().map(RuleSet::read).collect()),
            _ => None,
        };
    }
}

impl Actor for RulesEngine {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(message) = tick.take(Self::IN_DATA) else { return Ok(()) };
        let Some(sets) = &self.sets else {
            tick.emit(Self::OUT_OUTPUT, message);
            return Ok(());
        };
        match sets.iter().find(|set| set.matches(&message)) {
            Some(set) => {
                for (port, value) in &set.outputs {
                    tick.send_named(port, Message::from_value(value.clone()));
                }
                tick.emit(Self::OUT_MATCHED, set.apply(message));
            }
            None => tick.emit(Self::OUT_UNMATCHED, message),
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
    fn the_first_set_that_matches_acts() {
        let set = |limit: i64, size: &str| {
            json!({"groups": [{"rules": [{"operator": "less_than", "value": limit}]}],
                   "actions": {"setOutput": [{"port": "output", "value": size}]}})
        };
        let config = json!({"rules": [set(10, "small"), set(100, "large")]});
        let outputs = run::<RulesEngine>(config, [json!({"data": 5}), json!({"data": 50}), json!({"data": 500})]);
        assert_eq!(outputs[0], json!({"output": ["small"], "matched": [5]}));
        assert_eq!(outputs[1], json!({"output": ["large"], "matched": [50]}));
        assert_eq!(outputs[2], json!({"unmatched": [500]}));
    }

    #[test]
    fn malformed_parts_are_ignored() {
        let config = json!({"rules": {"groups": [7, {"rules": "x"}], "actions": {"setProperty": [{"key": 1}, 5]}}});
        assert_eq!(run::<RulesEngine>(config, [json!({"data": {"a": 1}})]), [json!({"matched": [{"a": 1}]})]);
        for rules in [json!(5), json!([]), json!(null)] {
            assert_eq!(run::<RulesEngine>(json!({"rules": rules}), [json!({"data": 1})]), [json!({"output": [1]})]);
        }
        let actions = json!({"setProperty": [{"key": "k"}], "setOutput": [{"port": "output"}]});
        let config = json!({"rules": {"actions": actions}});
        assert_eq!(run::<RulesEngine>(config, [json!({"data": {"a": 1}})]), [json!({"matched": [{"a": 1}]})]);
    }

    #[test]
    fn properties_are_set_on_every_kind_that_holds_an_object() {
        let config = json!({"rules": {"actions": {"setProperty": [{"key": "z", "value": 1}]}}});
        for kind in ["Object", "Any", "Event", "Optional"] {
            let data = json!({"type": kind, "data": {"a": 1}});
            let outputs = run::<RulesEngine>(config.clone(), [json!({"data": data})]);
            assert_eq!(outputs, [json!({"matched": [{"a": 1, "z": 1}]})], "{kind}");
        }
        assert_eq!(run::<RulesEngine>(config, [json!({"data": [1]})]), [json!({"matched": [[1]]})]);
    }
}
