//! Comparing JSON: equality that looks at the value of numbers, and the rules of branches, rule sets and guards.

use std::cmp::Ordering;

use reflow_runtime::{Message, Value};

use crate::declare::{Choice, ConfigValue};
use crate::path::Field;
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
    let is_tagged = value.get("type").is_some_and(|kind| kind.as_str() == Some(message.kind()));
    (is_tagged && same(&message.to_wire(), value)) || message.as_value().is_some_and(|plain| same(&plain, value))
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
#[derive(Choice, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Operator {
    /// The same as the value.
    Is,
    /// Not the same as the value.
    IsNot,
    /// A text that contains the value, or a list that has it as an item.
    Contains,
    /// Anything that does not contain the value.
    NotContains,
    /// A number above the value.
    #[choice("greater_than", "gt")]
    Greater,
    /// A number below the value.
    #[choice("less_than", "lt")]
    Less,
    /// A number above the value, or the value.
    #[choice("greater_equal", "gte")]
    GreaterEqual,
    /// A number below the value, or the value.
    #[choice("less_equal", "lte")]
    LessEqual,
    /// Null, `""`, `[]` or `{}`.
    Empty,
    /// Anything else.
    NotEmpty,
    /// One of the items of the value.
    In,
    /// None of the items of the value.
    NotIn,
    /// A number from the first to the second item of a list; a bound that is no number is none.
    Between,
}

impl Operator {
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
            Self::Between => is_between(field, value),
        }
    }
}

fn is_between(field: &Value, value: &Value) -> bool {
    match (field.as_number(), value.as_array()) {
        (Some(number), Some([low, high])) => {
            low.as_number().is_none_or(|low| low <= number) && high.as_number().is_none_or(|high| number <= high)
        }
        _ => false,
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
    field: Option<Field>,
    /// None never holds.
    operator: Option<Operator>,
    value: Value,
}

impl Rule {
    /// Reads a rule. Nothing is refused: what is missing or of a wrong kind has its default (the whole, `is`, null), and what is
    /// no rule or has an operator that is none never holds.
    pub(crate) fn of(rule: &Value) -> Self {
        let operator = match rule.get("operator").and_then(Value::as_str) {
            Some(word) => Operator::from_word(word),
            None => rule.as_object().map(|_| Operator::Is),
        };
        let field = rule.get("field").and_then(Value::as_str).map(Field::new);
        Self {
            field: field.filter(|field| !field.is_empty()),
            operator,
            value: rule.get("value").cloned().unwrap_or_default(),
        }
    }

    /// Whether the rule holds for data. A member that is missing is empty, and nothing else.
    pub(crate) fn holds(&self, data: &Value) -> bool {
        let Some(operator) = self.operator else { return false };
        match &self.field {
            None => operator.holds(data, &self.value),
            Some(field) => match field.get(data) {
                Some(member) => operator.holds(member, &self.value),
                None => operator == Operator::Empty,
            },
        }
    }

    /// Whether the rule holds for a message: for its plain value, and without a field for its tagged form too, since graphs
    /// were written for that and some kinds have no other. Only an object can miss a member.
    pub(crate) fn holds_for(&self, message: &Message) -> bool {
        match (&self.field, self.operator) {
            (None, Some(Operator::Is)) => message_is(message, &self.value),
            (None, Some(Operator::IsNot)) => !message_is(message, &self.value),
            (None, _) => self.holds(&message.as_value().unwrap_or_else(|| message.to_wire())),
            (Some(field), _) => read::json(message).is_some_and(|data| {
                let can_miss = data.as_object().is_some();
                (can_miss || field.get(&data).is_some()) && self.holds(&data)
            }),
        }
    }
}

/// The JSON Schema of a rule.
pub(crate) fn rule_schema() -> Value {
    closed([("field", typed("string")), ("operator", Operator::schema()), ("value", Value::object::<&str, Value>([]))])
}

/// How the rules of a group combine.
#[derive(Choice, Clone, Copy)]
enum Connector {
    /// All must hold.
    #[choice("AND")]
    And,
    /// One is enough.
    #[choice("OR", ..)]
    Or,
}

/// How the groups of a rule set combine.
#[derive(Choice, Clone, Copy)]
enum SetType {
    /// Every group must match.
    #[choice("IF", ..)]
    If,
    /// One is enough.
    #[choice("OR")]
    Or,
}

/// The JSON Schema of a rule set, with further members.
pub(crate) fn rule_set_schema(more: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let group = closed([("connector", Connector::schema()), ("rules", list_of(rule_schema()))]);
    closed([("type", SetType::schema()), ("groups", list_of(group))].into_iter().chain(more))
}

/// The JSON Schema of an object without further keys.
pub(crate) fn closed(properties: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let properties = Value::object(properties);
    Value::object([("type", "object".into()), ("properties", properties), ("additionalProperties", false.into())])
}

/// The JSON Schema of a list.
pub(crate) fn list_of(items: Value) -> Value {
    Value::object([("type", "array".into()), ("items", items)])
}

/// The JSON Schema of an object with any keys.
pub(crate) fn map_of(members: Value) -> Value {
    Value::object([("type", "object".into()), ("additionalProperties", members)])
}

/// The JSON Schema of a value that is one of several.
pub(crate) fn any_of(schemas: impl IntoIterator<Item = Value>) -> Value {
    Value::object([("anyOf", Value::array(schemas))])
}

/// The JSON Schema of a plain value.
pub(crate) fn typed(kind: &str) -> Value {
    Value::object([("type", kind)])
}

/// Rules of which all or any must hold.
#[derive(Clone, Debug)]
pub(crate) struct Group {
    any: bool,
    rules: Vec<Rule>,
}

impl Group {
    /// Reads `{connector, rules}`: all must hold with the connector `AND`, which is the default, any with another.
    pub(crate) fn of(group: &Value) -> Self {
        let rules = group.get("rules").and_then(Value::as_array).unwrap_or_default();
        let connector = group.get("connector").map(|word| word.as_str().and_then(Connector::from_word));
        let any = connector.is_some_and(|connector| !matches!(connector, Some(Connector::And)));
        Self { any, rules: rules.iter().map(Rule::of).collect() }
    }

    /// Whether it holds for a message. Of no rules all hold, and none.
    pub(crate) fn holds_for(&self, message: &Message) -> bool {
        let mut rules = self.rules.iter();
        let holds = |rule: &Rule| rule.holds_for(message);
        if self.any { rules.any(holds) } else { rules.all(holds) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

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
        ] {
            let compares = Operator::from_word(operator).unwrap();
            assert_eq!(compares.holds(&value(field), &value(other)), holds, "{field} {operator} {other}");
        }
    }

    fn holds(rule: serde_json::Value, message: impl Into<Message>) -> bool {
        Rule::of(&rule.into()).holds_for(&message.into())
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
    fn only_objects_miss_members() {
        let empty = || json!({"field": "a", "operator": "empty"});
        let list = || Message::from(vec![Value::Integer(7)]);
        let others = [5.into(), "s".into(), Message::Flow, Message::Optional(None), Message::object(5), list()];
        for message in others {
            assert!(!holds(empty(), message.clone()), "{message:?}");
        }
        assert!(holds(json!({"field": "[0]", "value": 7}), list()));
        assert!(!holds(json!({"field": "type", "value": "Flow"}), Message::Flow));
    }

    #[test]
    fn kinds_without_a_plain_value_are_judged_by_their_tagged_form() {
        for message in [Message::Flow, Message::Bytes(vec![104_u8].into())] {
            assert!(holds(json!({"operator": "not_empty"}), message.clone()), "{message:?}");
            assert!(holds(json!({"operator": "not_contains", "value": "x"}), message.clone()), "{message:?}");
            assert!(!holds(json!({"operator": "empty"}), message.clone()), "{message:?}");
            assert!(!holds(json!({"value": null}), message.clone()), "{message:?}");
        }
    }

    #[test]
    fn what_is_no_rule_never_holds() {
        for rule in [json!("x"), json!(null), json!([]), json!(5)] {
            assert!(!holds(rule.clone(), Message::Optional(None)), "{rule}");
        }
    }

    #[test]
    fn an_operator_that_is_none_never_holds() {
        assert_eq!(Operator::from_word("about"), None);
        assert!(!holds(json!({"operator": "about", "value": 5}), 5));
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
        assert!(holds(json!({"operator": 7, "value": 5}), 5));
        assert!(!holds(json!({"operator": "less_equal", "value": 5}), f64::NAN));
    }
}
