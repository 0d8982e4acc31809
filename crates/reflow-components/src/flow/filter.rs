//! `tpl_filter`.

use std::cmp::Ordering;

use regex::Regex;

use super::NOT_A_LIST;
use crate::conditions::{is_empty, is_truthy, order, same};
use crate::path::Field;
use crate::prelude::*;
use crate::read;

/// Keeps the items of a list that satisfy a condition.
///
/// Items that pass leave by `output`, the others by `rejected`: two lists in the order of the input, both sent for
/// every packet. With `field`, the member of that name (or path, `a.b[0]`) is tested, null where it is missing; the
/// whole item is kept. A list may also come as the JSON payload of an Object, Any or Optional message. Equal numbers
/// are equal however they are written (2 and 2.0); an item that is no number is neither greater nor less than anything, and a
/// `value` that is none counts as 0 there.
///
/// # Errors
///
/// Anything but a list is the Error `Expected Array on input port`.
#[derive(Component)]
#[component(id = "tpl_filter", title = "Filter", category = "flow", prepare)]
#[inport(input: List, required, "The list.")]
#[outport(output: List, "The items that pass.")]
#[outport(rejected: List, "The others.")]
#[outport(error: ErrorText, "Why there is no result.")]
#[example(
    config = r#"{"condition": "greater_than", "field": "v", "value": 2}"#,
    steps = r#"[{"input": [{"v": 1}, {"v": 3}, {"w": 5}]}]"#,
    outputs = r#"[{"output": [[{"v": 3}]], "rejected": [[{"v": 1}, {"w": 5}]]}]"#
)]
pub(super) struct Filter {
    /// The test.
    #[config(default = Condition::Truthy, lenient)]
    condition: Condition,
    /// Member of each item to test; the item itself when it is empty.
    #[config(lenient)]
    field: Field,
    /// What to compare with.
    #[config]
    value: Option<Value>,
    /// The compiled expression of `matches`.
    #[state]
    pattern: Option<Regex>,
}

/// What [`Filter`] asks of an item.
#[derive(Choice, Clone, Copy, PartialEq)]
enum Condition {
    /// Anything but null, false, 0 and the empty text.
    #[choice("truthy", ..)]
    Truthy,
    /// Anything but null.
    NotNull,
    /// The same as the value.
    Equals,
    /// Not the same as the value.
    NotEquals,
    /// A number above the value.
    GreaterThan,
    /// A number above the value, or the value.
    GreaterEqual,
    /// A number below the value.
    LessThan,
    /// A number below the value, or the value.
    LessEqual,
    /// A text that contains the value.
    Contains,
    /// One of the items of the value.
    In,
    /// A text that the regular expression in the value matches somewhere.
    Matches,
    /// The member is there, even if it is null.
    Exists,
}

impl Filter {
    fn prepare(&mut self) -> Result<(), String> {
        if self.condition == Condition::Matches {
            let source = self.value.as_ref().and_then(Value::as_str);
            let source = source.ok_or("`value` must be a regular expression for the condition `matches`")?;
            self.pattern = Some(Regex::new(source).map_err(|error| format!("`value`: {error}"))?);
        }
        Ok(())
    }

    fn passes(&self, item: &Value) -> bool {
        let found = if self.field.is_empty() { Some(item) } else { self.field.get(item) };
        let tested = found.unwrap_or(&Value::Null);
        let value = self.value.as_ref();
        let ordered = |fits: fn(Ordering) -> bool| {
            let limit = value.filter(|value| value.as_number().is_some());
            order(tested, limit.unwrap_or(&Value::Integer(0))).is_some_and(fits)
        };
        match self.condition {
            Condition::Truthy => {
                is_truthy(tested) || (is_empty(tested) && matches!(tested, Value::Array(_) | Value::Object(_)))
            }
            Condition::NotNull => !tested.is_null(),
            Condition::Equals => value.is_some_and(|value| same(tested, value)),
            Condition::NotEquals => !value.is_some_and(|value| same(tested, value)),
            Condition::GreaterThan => ordered(Ordering::is_gt),
            Condition::GreaterEqual => ordered(Ordering::is_ge),
            Condition::LessThan => ordered(Ordering::is_lt),
            Condition::LessEqual => ordered(Ordering::is_le),
            // What is no text counts as an empty one, on either side.
            Condition::Contains => {
                let part = value.and_then(Value::as_str).unwrap_or_default();
                tested.as_str().unwrap_or_default().contains(part)
            }
            Condition::In => {
                value.and_then(Value::as_array).is_some_and(|items| items.iter().any(|item| same(tested, item)))
            }
            Condition::Matches => {
                self.pattern.as_ref().zip(tested.as_str()).is_some_and(|(pattern, text)| pattern.is_match(text))
            }
            Condition::Exists => found.is_some(),
        }
    }
}

impl Actor for Filter {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(message) = tick.take(Self::IN_INPUT) else { return Ok(()) };
        let Some(items) = read::list(&message) else { return tick.report(Self::OUT_ERROR, NOT_A_LIST) };
        let (kept, rejected): (Vec<Value>, Vec<Value>) = items.iter().cloned().partition(|item| self.passes(item));
        tick.emit(Self::OUT_OUTPUT, kept);
        tick.emit(Self::OUT_REJECTED, rejected);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{problems, run};
    use serde_json::{Value as Json, json};

    fn kept(config: Json, items: &Json) -> Json {
        run::<Filter>(config, [json!({"input": items})])[0]["output"][0].clone()
    }

    #[test]
    fn conditions() {
        let items = json!([1, 2.0, "2", null, [], "banana", {"a": null}]);
        for (config, expected) in [
            (json!({}), json!([1, 2.0, "2", [], "banana", {"a": null}])),
            (json!({"condition": "equals", "value": 2}), json!([2.0])),
            (json!({"condition": "less_than", "value": 5}), json!([1, 2.0])),
            (json!({"condition": "greater_equal", "value": 2}), json!([2.0])),
            (json!({"condition": "greater_than"}), json!([1, 2.0])),
            (json!({"condition": "less_equal", "value": "x"}), json!([])),
            (json!({"condition": "contains", "value": "an"}), json!(["banana"])),
            (json!({"condition": "in", "value": [1, "2"]}), json!([1, "2"])),
            (json!({"condition": "matches", "value": "^[0-9]$"}), json!(["2"])),
            (json!({"condition": "exists", "field": "a"}), json!([{"a": null}])),
            (json!({"condition": "not_null", "field": "a"}), json!([])),
        ] {
            assert_eq!(kept(config.clone(), &items), expected, "{config}");
        }
    }

    #[test]
    fn a_pattern_is_checked_beforehand() {
        assert!(problems::<Filter>(json!({"condition": "matches", "value": "("}))[0].contains("`value`"));
        assert_eq!(problems::<Filter>(json!({"condition": "matches"})).len(), 1);
    }
}
