//! The rules of the rules engine: conditions written as `{field, operator, value}`, and groups of them.

use reflow_runtime::{Message, Value};

use super::path::Field;
use crate::conditions::{Operator, same};

/// One condition on a message.
#[derive(Clone, Debug)]
struct Condition {
    field: Option<Field>,
    test: Test,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Test {
    Operator(Operator),
    /// A number from the first to the second item of a list.
    Between,
}

impl Test {
    fn holds(self, found: &Value, value: &Value) -> bool {
        match self {
            Self::Operator(operator) => operator.holds(found, value),
            Self::Between => is_between(found, value),
        }
    }
}

impl Condition {
    /// Reads `{field, operator (default is), value}`. Nothing is refused: what cannot hold does not.
    fn read(rule: &Value) -> Self {
        let test = match rule.get("operator").map(|word| word.as_str().unwrap_or_default()) {
            None => Test::Operator(Operator::Is),
            Some("between") => Test::Between,
            Some(word) => Test::Operator(Operator::of(word)),
        };
        Self {
            field: rule.get("field").and_then(Value::as_str).map(Field::new),
            test,
            value: rule.get("value").cloned().unwrap_or_default(),
        }
    }

    /// Whether it holds for the member `field` of the payload, or without a field for the payload itself. A member that is
    /// not there is only ever empty.
    fn holds(&self, message: &Message) -> bool {
        let payload = message.as_value().unwrap_or_default();
        if let Some(field) = &self.field {
            return match field.get(&payload) {
                Some(found) => self.test.holds(found, &self.value),
                None => self.test == Test::Operator(Operator::Empty),
            };
        }
        // Graphs written for the tagged form keep working.
        let is_tagged = || self.value.get("type").is_some() && same(&message.to_wire(), &self.value);
        match self.test {
            Test::Operator(Operator::Is) => same(&payload, &self.value) || is_tagged(),
            Test::Operator(Operator::IsNot) => !same(&payload, &self.value) && !is_tagged(),
            test => test.holds(&payload, &self.value),
        }
    }
}

/// A group of conditions, of which all or any must hold.
#[derive(Clone, Debug)]
pub(super) struct Group {
    any: bool,
    conditions: Vec<Condition>,
}

impl Group {
    /// Reads `{connector: AND (default) or anything else for any, rules}`.
    pub(super) fn read(group: &Value) -> Self {
        let connector = group.get("connector").and_then(Value::as_str).unwrap_or("AND");
        let rules = group.get("rules").and_then(Value::as_array).unwrap_or_default();
        Self { any: connector != "AND", conditions: rules.iter().map(Condition::read).collect() }
    }

    /// Whether it holds. Of no conditions all hold, and none.
    pub(super) fn holds(&self, message: &Message) -> bool {
        let mut conditions = self.conditions.iter();
        if self.any {
            conditions.any(|condition| condition.holds(message))
        } else {
            conditions.all(|condition| condition.holds(message))
        }
    }
}

/// `[low, high]`; a bound that is no number is none.
fn is_between(found: &Value, value: &Value) -> bool {
    match (found.as_number(), value.as_array()) {
        (Some(number), Some([low, high])) => {
            low.as_number().is_none_or(|low| low <= number) && high.as_number().is_none_or(|high| number <= high)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn holds(rule: serde_json::Value, message: impl Into<Message>) -> bool {
        Condition::read(&rule.into()).holds(&message.into())
    }

    #[test]
    fn without_a_field_the_plain_or_the_tagged_value_counts() {
        assert!(holds(json!({"value": 5}), 5));
        assert!(holds(json!({"value": 5.0}), 5));
        assert!(holds(json!({"value": {"type": "Integer", "data": 5}}), 5));
        assert!(!holds(json!({"operator": "is_not", "value": {"type": "Integer", "data": 5}}), 5));
        assert!(holds(json!({"value": {"type": "Flow"}}), Message::Flow));
        assert!(holds(json!({"operator": "greater_than", "value": 4.5}), 5));
        assert!(!holds(json!({"value": "5"}), 5));
    }

    #[test]
    fn missing_members_are_only_empty() {
        let object = || Message::object(Value::object([("a", Value::object([("b", 1_i64)]))]));
        assert!(holds(json!({"field": "a.b", "value": 1}), object()));
        assert!(holds(json!({"field": "x", "operator": "empty"}), object()));
        for operator in ["is", "is_not", "not_contains", "not_empty", "not_in", "nonsense"] {
            assert!(!holds(json!({"field": "x", "operator": operator, "value": 1}), object()), "{operator}");
        }
    }

    #[test]
    fn operators_on_other_kinds() {
        assert!(holds(json!({"operator": "not_contains", "value": 1}), 5));
        assert!(!holds(json!({"operator": "contains", "value": 1}), "1"));
        assert!(holds(json!({"operator": "between", "value": [null, 5]}), 5));
        assert!(!holds(json!({"operator": "between", "value": [1]}), 5));
        assert!(holds(json!({"operator": "in", "value": [1, 5.0]}), 5));
        assert!(holds(json!({"operator": "not_empty"}), 0));
        assert!(!holds(json!({"operator": "less_than", "value": "9"}), 5));
        assert!(!holds(json!({"operator": 7, "value": 5}), 5));
        assert!(!holds(json!({"operator": "less_equal", "value": 5}), f64::NAN));
    }
}
