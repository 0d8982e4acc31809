//! Conditions that configs write as `{field, operator, value}`, alone or in groups.

use reflow_runtime::{Message, Value};

use super::path::Field;

/// One condition on a value or message.
#[derive(Clone, Debug)]
pub(crate) struct Condition {
    field: Option<Field>,
    operator: Operator,
    value: Value,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Is,
    IsNot,
    Contains,
    NotContains,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Between,
    In,
    NotIn,
    Empty,
    NotEmpty,
    /// A word that is no operator never holds.
    Never,
}

impl Operator {
    fn of(word: &str) -> Self {
        match word {
            "is" | "equals" => Self::Is,
            "is_not" | "not_equals" => Self::IsNot,
            "contains" => Self::Contains,
            "not_contains" => Self::NotContains,
            "greater_than" | "gt" => Self::Greater,
            "less_than" | "lt" => Self::Less,
            "greater_equal" | "gte" => Self::GreaterEqual,
            "less_equal" | "lte" => Self::LessEqual,
            "between" => Self::Between,
            "in" => Self::In,
            "not_in" => Self::NotIn,
            "empty" => Self::Empty,
            "not_empty" => Self::NotEmpty,
            _ => Self::Never,
        }
    }

    fn holds(self, found: &Value, value: &Value) -> bool {
        let order = || found.as_number()?.partial_cmp(&value.as_number()?);
        match self {
            Self::Is => equal(found, value),
            Self::IsNot => !equal(found, value),
            Self::Contains => contains(found, value) == Some(true),
            Self::NotContains => contains(found, value) != Some(true),
            Self::Greater => order().is_some_and(std::cmp::Ordering::is_gt),
            Self::Less => order().is_some_and(std::cmp::Ordering::is_lt),
            Self::GreaterEqual => order().is_some_and(std::cmp::Ordering::is_ge),
            Self::LessEqual => order().is_some_and(std::cmp::Ordering::is_le),
            Self::Between => is_between(found, value),
            Self::In => value.as_array().is_some_and(|items| items.iter().any(|item| equal(item, found))),
            Self::NotIn => !Self::In.holds(found, value),
            Self::Empty => is_empty(found),
            Self::NotEmpty => !is_empty(found),
            Self::Never => false,
        }
    }
}

impl Condition {
    /// Reads `{field, operator (default is), value}`. Nothing is refused: what cannot hold does not.
    pub(crate) fn read(rule: &Value) -> Self {
        Self {
            field: rule.get("field").and_then(Value::as_str).map(Field::new),
            operator: rule.get("operator").map_or(Operator::Is, |word| Operator::of(word.as_str().unwrap_or_default())),
            value: rule.get("value").cloned().unwrap_or_default(),
        }
    }

    /// Whether it holds for a message: for the member `field` of its payload, without a field for the payload itself.
    pub(crate) fn holds(&self, message: &Message) -> bool {
        let payload = message.as_value().unwrap_or_default();
        if self.field.is_some() {
            return self.holds_for(&payload);
        }
        // Graphs written for the tagged form keep working.
        let is_tagged = |value: &Value| value.get("type").is_some() && equal(&message.to_wire(), value);
        match self.operator {
            Operator::Is => equal(&payload, &self.value) || is_tagged(&self.value),
            Operator::IsNot => !equal(&payload, &self.value) && !is_tagged(&self.value),
            operator => operator.holds(&payload, &self.value),
        }
    }

    /// Whether it holds for a value. A member that is not there is only ever empty.
    pub(crate) fn holds_for(&self, value: &Value) -> bool {
        let found = self.field.as_ref().map_or(Some(value), |field| field.get(value));
        found.map_or(self.operator == Operator::Empty, |found| self.operator.holds(found, &self.value))
    }
}

/// A group of conditions, of which all or any must hold.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    any: bool,
    conditions: Vec<Condition>,
}

impl Group {
    /// Reads `{connector: AND (default) or anything else for any, rules}`.
    pub(crate) fn read(group: &Value) -> Self {
        let connector = group.get("connector").and_then(Value::as_str).unwrap_or("AND");
        let rules = group.get("rules").and_then(Value::as_array).unwrap_or_default();
        Self { any: connector != "AND", conditions: rules.iter().map(Condition::read).collect() }
    }

    /// Whether it holds. Of no conditions all hold, and none.
    pub(crate) fn holds(&self, message: &Message) -> bool {
        let mut conditions = self.conditions.iter();
        if self.any {
            conditions.any(|condition| condition.holds(message))
        } else {
            conditions.all(|condition| condition.holds(message))
        }
    }
}

/// Equality of data, where equal numbers are equal however they are written.
pub(crate) fn equal(left: &Value, right: &Value) -> bool {
    match (left, right) {
        (Value::Array(left), Value::Array(right)) => {
            left.len() == right.len() && left.iter().zip(right.iter()).all(|(left, right)| equal(left, right))
        }
        (Value::Object(left), Value::Object(right)) => {
            left.len() == right.len()
                && left.iter().zip(right.iter()).all(|(left, right)| left.0 == right.0 && equal(left.1, right.1))
        }
        (Value::Integer(left), Value::Integer(right)) => left == right,
        _ => match (left.as_number(), right.as_number()) {
            (Some(left), Some(right)) => left == right,
            _ => left == right,
        },
    }
}

fn contains(found: &Value, value: &Value) -> Option<bool> {
    match (found, value) {
        (Value::String(text), Value::String(part)) => Some(text.contains(&**part)),
        (Value::Array(items), _) => Some(items.iter().any(|item| equal(item, value))),
        _ => None,
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

pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        Value::Boolean(_) | Value::Integer(_) | Value::Unsigned(_) | Value::Float(_) => false,
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
