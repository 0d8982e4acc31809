//! Comparing JSON: equality that looks at the value of numbers, paths into data, and the operators of rules and guards.

use std::cmp::Ordering;

use reflow_runtime::{Message, Value};

use crate::read;

/// Equality of JSON, where equal numbers are equal however they are written: 1 and 1.0.
pub(crate) fn same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(&**b).all(|(a, b)| same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            a.len() == b.len() && a.iter().zip(&**b).all(|((k, a), (l, b))| k == l && same(a, b))
        }
        _ => a == b || order(a, b) == Some(Ordering::Equal),
    }
}

/// The order of two numbers; `None` for anything else, and for NaN. Integers are compared exactly.
pub(crate) fn order(a: &Value, b: &Value) -> Option<Ordering> {
    match (a, b) {
        (Value::Integer(a), Value::Integer(b)) => Some(a.cmp(b)),
        (Value::Unsigned(a), Value::Unsigned(b)) => Some(a.cmp(b)),
        _ => a.as_number()?.partial_cmp(&b.as_number()?),
    }
}

/// Whether a message equals a config value: its plain value does, or its tagged form `{"type": KIND, "data": …}`.
pub(crate) fn message_is(message: &Message, value: &Value) -> bool {
    if value.get("type").is_some_and(|kind| kind.as_str() == Some(message.kind())) {
        return same(&message.to_wire(), value) || plain(message).is_some_and(|plain| same(&plain, value));
    }
    plain(message).is_some_and(|plain| same(&plain, value))
}

/// The plain value of a message; `None` for kinds that have none. Never walks through bytes.
pub(crate) fn plain(message: &Message) -> Option<Value> {
    message.as_value()
}

/// What `path` leads to: the member of that very name, or the way `a.b[0].c` step by step.
pub(crate) fn find<'a>(value: &'a Value, path: &str) -> Option<&'a Value> {
    value.get(path).or_else(|| {
        let mut steps = path.split(['.', '[']).map(|step| step.strip_suffix(']').unwrap_or(step));
        let is_path = path.contains(['.', '[']);
        is_path.then(|| steps.try_fold(value, |value, step| member(value, step))).flatten()
    })
}

fn member<'a>(value: &'a Value, step: &str) -> Option<&'a Value> {
    match value {
        Value::Object(members) => members.get(step),
        Value::Array(items) => items.get(step.parse::<usize>().ok()?),
        _ => None,
    }
}

/// What `path` leads to in the JSON payload of a message.
pub(crate) fn find_in<'a>(message: &'a Message, path: &str) -> Option<&'a Value> {
    find(read::payload(message)?, path)
}

/// Whether a value counts as yes: not null, false, 0, `""`, NaN, nor an empty list or object.
pub(crate) fn is_truthy(value: &Value) -> bool {
    match value {
        Value::Boolean(truth) => *truth,
        Value::Integer(_) | Value::Unsigned(_) | Value::Float(_) => {
            value.as_number().is_some_and(|number| number != 0.0 && !number.is_nan())
        }
        other => !is_empty(other),
    }
}

/// Whether a value is null, `""`, `[]` or `{}`.
pub(crate) fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// How a rule compares a field with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    Is,
    IsNot,
    Contains,
    NotContains,
    Greater,
    Less,
    GreaterEqual,
    LessEqual,
    Empty,
    NotEmpty,
    In,
    NotIn,
    /// A word that means nothing; never holds.
    Unknown,
}

impl Operator {
    pub(crate) fn of(word: &str) -> Self {
        match word {
            "is" => Self::Is,
            "is_not" => Self::IsNot,
            "contains" => Self::Contains,
            "not_contains" => Self::NotContains,
            "greater_than" | "gt" => Self::Greater,
            "less_than" | "lt" => Self::Less,
            "greater_equal" | "gte" => Self::GreaterEqual,
            "less_equal" | "lte" => Self::LessEqual,
            "empty" => Self::Empty,
            "not_empty" => Self::NotEmpty,
            "in" => Self::In,
            "not_in" => Self::NotIn,
            _ => Self::Unknown,
        }
    }

    /// Whether `field` stands so to `value`.
    pub(crate) fn holds(self, field: &Value, value: &Value) -> bool {
        let ordered = |fits: fn(Ordering) -> bool| order(field, value).is_some_and(fits);
        match self {
            Self::Is => same(field, value),
            Self::IsNot => !same(field, value),
            Self::Contains => contains(field, value) == Some(true),
            Self::NotContains => contains(field, value) != Some(true),
            Self::Greater => ordered(Ordering::is_gt),
            Self::Less => ordered(Ordering::is_lt),
            Self::GreaterEqual => ordered(Ordering::is_ge),
            Self::LessEqual => ordered(Ordering::is_le),
            Self::Empty => is_empty(field),
            Self::NotEmpty => !is_empty(field),
            Self::In => contains(value, field).is_some_and(|found| found && value.as_array().is_some()),
            Self::NotIn => !Self::In.holds(field, value),
            Self::Unknown => false,
        }
    }
}

/// Whether a text contains a text, or a list an element; `None` for anything else.
fn contains(whole: &Value, part: &Value) -> Option<bool> {
    match (whole, part) {
        (Value::String(whole), Value::String(part)) => Some(whole.contains(&**part)),
        (Value::Array(items), part) => Some(items.iter().any(|item| same(item, part))),
        _ => None,
    }
}

/// `{field, operator, value}`: a condition on a member, or on the whole.
#[derive(Clone, Debug)]
pub(crate) struct Rule {
    pub(crate) field: Option<String>,
    pub(crate) operator: Operator,
    pub(crate) value: Value,
}

impl Rule {
    /// Reads a rule; what is missing or of the wrong kind has its default: the whole, `is`, null.
    pub(crate) fn of(value: &Value) -> Self {
        let text = |key| value.get(key).and_then(Value::as_str);
        Self {
            field: text("field").filter(|field| !field.is_empty()).map(Into::into),
            operator: Operator::of(text("operator").unwrap_or("is")),
            value: value.get("value").cloned().unwrap_or_default(),
        }
    }

    /// Whether the rule holds for data. A member that is missing is empty, and nothing else.
    pub(crate) fn holds(&self, data: &Value) -> bool {
        match &self.field {
            None => self.operator.holds(data, &self.value),
            Some(field) => match find(data, field) {
                Some(member) => self.operator.holds(member, &self.value),
                None => self.operator == Operator::Empty,
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(json: &str) -> Value {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn numbers_are_equal_by_value_at_every_depth() {
        assert!(same(&value(r#"{"a": [1, 2.0]}"#), &value(r#"{"a": [1.0, 2]}"#)));
        assert!(!same(&value("1"), &value(r#""1""#)));
        assert!(!same(&value("9007199254740993"), &value("9007199254740992")));
        assert_eq!(order(&Value::Float(f64::NAN), &value("1")), None);
    }

    #[test]
    fn paths_prefer_a_member_of_that_very_name() {
        let data = value(r#"{"a.b": 1, "a": {"b": 2, "c": [3, {"d": 4}]}}"#);
        assert_eq!(find(&data, "a.b"), Some(&value("1")));
        assert_eq!(find(&data, "a.c[1].d"), Some(&value("4")));
        assert_eq!(find(&data, "a.c[7]"), None);
        assert_eq!(find(&data, "zzz"), None);
        assert_eq!(find(&value("5"), ""), None);
    }

    #[test]
    fn operators() {
        for (field, operator, other, holds) in [
            ("[1, 2]", "contains", "2.0", true),
            ("5", "contains", "5", false),
            ("5", "not_contains", "5", true),
            (r#""6""#, "greater_than", "5", false),
            ("6", "gte", "6.0", true),
            ("0", "empty", "null", false),
            ("{}", "empty", "null", true),
            ("1", "in", "[1, 2]", true),
            (r#""a""#, "in", r#""abc""#, false),
            ("3", "not_in", "[1, 2]", true),
            ("1", "about", "1", false),
        ] {
            assert_eq!(Operator::of(operator).holds(&value(field), &value(other)), holds, "{field} {operator} {other}");
        }
    }
}
