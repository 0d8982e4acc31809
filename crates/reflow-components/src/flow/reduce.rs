//! `tpl_reduce`.

use std::borrow::Cow;

use super::NOT_A_LIST;
use crate::prelude::*;
use crate::read;
use crate::size::Room;

/// Folds a list to one value.
///
/// | operation | gives | of an empty list |
/// | --- | --- | --- |
/// | `sum`, `product` | a Float, over the items that are numbers | 0.0, 1.0 |
/// | `min`, `max`, `average` | a Float, over the items that are numbers | an Error |
/// | `count` | an Integer, the number of all items | 0 |
/// | `concat` | the items that are texts, one after the other | an empty text |
/// | `join` | the items that are texts, numbers or truth values, with `separator` between them | an empty text |
/// | `first`, `last` | that item, as kind Object | an Optional without a value |
/// | `merge` | the items that are objects, laid over each other, the later ones on top | an empty object |
///
/// A list may also come as the JSON payload of an Object, Any or Optional message.
///
/// # Errors
///
/// `Expected Array on input port` for anything but a list, `Empty input` where there is no number to choose from, `Result is not a
/// finite number`, and `Unknown operation: NAME`.
#[derive(Component)]
#[component(id = "tpl_reduce", title = "Reduce", category = "flow")]
#[inport(input: List, required, "The list.")]
#[outport(output: Any, "What it was folded to.")]
#[outport(error: ErrorText, "Why there is no result.")]
#[example(steps = r#"[{"input": [3, 1.5, "x"]}]"#, outputs = r#"[{"output": [4.5]}]"#)]
#[example(
    config = r#"{"operation": "join", "separator": ", "}"#,
    steps = r#"[{"input": ["a", 1, true, null]}]"#,
    outputs = r#"[{"output": ["a, 1, true"]}]"#
)]
pub(super) struct Reduce {
    /// How to fold.
    #[config(default = Operation::Sum.into(), lenient)]
    operation: Word<Operation>,
    /// What stands between the texts that `join` joins.
    #[config(lenient)]
    separator: String,
}

/// How [`Reduce`] folds.
#[derive(Choice, Clone, Copy)]
enum Operation {
    /// The sum of the numbers.
    Sum,
    /// Their product.
    Product,
    /// The smallest number.
    Min,
    /// The largest number.
    Max,
    /// The mean of the numbers.
    Average,
    /// How many items there are.
    Count,
    /// The texts, one after the other.
    Concat,
    /// The texts, numbers and truth values, with the separator between them.
    Join,
    /// The first item.
    First,
    /// The last item.
    Last,
    /// The objects, laid over each other.
    Merge,
}

impl Reduce {
    fn fold(&self, items: &[Value]) -> Result<Message, String> {
        let numbers = || items.iter().filter_map(Value::as_number);
        let texts = || items.iter().filter_map(Value::as_str);
        let one = |item: Option<&Value>| item.map_or(Message::Optional(None), |item| Message::Object(item.clone()));
        let extreme = |of: fn(f64, f64) -> f64| numbers().reduce(of).ok_or("Empty input");
        let number = match self.operation.meaning("operation")? {
            Operation::Sum => numbers().fold(0.0, |sum, number| sum + number),
            Operation::Product => numbers().fold(1.0, |product, number| product * number),
            Operation::Min => extreme(f64::min)?,
            Operation::Max => extreme(f64::max)?,
            Operation::Average => {
                let count = numbers().count();
                if count == 0 {
                    return Err("Empty input".into());
                }
                // Divided one by one, so that the sum cannot overflow.
                numbers().map(|number| number / count as f64).sum()
            }
            Operation::Count => return Ok(Message::Integer(items.len() as i64)),
            Operation::Concat => {
                let (mut text, mut room) = (String::new(), Room::default());
                for piece in texts() {
                    room.add(&mut text, piece)?;
                }
                return Ok(Message::string(text));
            }
            Operation::Join => {
                let (mut text, mut room) = (String::new(), Room::default());
                for (index, piece) in items.iter().filter_map(joined).enumerate() {
                    room.add(&mut text, if index == 0 { "" } else { &self.separator })?;
                    room.add(&mut text, &piece)?;
                }
                return Ok(Message::string(text));
            }
            Operation::First => return Ok(one(items.first())),
            Operation::Last => return Ok(one(items.last())),
            Operation::Merge => {
                let mut members = Object::new();
                members.extend(items.iter().filter_map(Value::as_object).flat_map(Object::clone));
                return Ok(Message::Object(members.into()));
            }
        };
        if number.is_finite() { Ok(Message::Float(number)) } else { Err("Result is not a finite number".into()) }
    }
}

/// The text of an item for `join`.
fn joined(item: &Value) -> Option<Cow<'_, str>> {
    match item {
        Value::String(text) => Some(Cow::Borrowed(text)),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
        number_or_truth => Some(Cow::Owned(number_or_truth.to_json_string())),
    }
}

impl Actor for Reduce {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(message) = tick.take(Self::IN_INPUT) else { return Ok(()) };
        let Some(items) = read::list(&message) else { return tick.report(Self::OUT_ERROR, NOT_A_LIST) };
        match self.fold(items) {
            Ok(message) => tick.emit(Self::OUT_OUTPUT, message),
            Err(text) => return tick.report(Self::OUT_ERROR, text),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::{Value as Json, json};

    fn fold(operation: &str, items: &Json) -> Json {
        run::<Reduce>(json!({"operation": operation}), [json!({"input": items})])[0].clone()
    }

    #[test]
    fn empty_lists_have_a_neutral_value_or_none() {
        for (operation, expected) in [
            ("sum", json!(0.0)),
            ("product", json!(1.0)),
            ("count", json!(0)),
            ("concat", json!("")),
            ("last", json!({"type": "Optional", "data": null})),
            ("merge", json!({})),
        ] {
            assert_eq!(fold(operation, &json!([])), json!({"output": [expected]}), "{operation}");
        }
        let error = |text: &str| json!({"error": [{"type": "Error", "data": text}]});
        assert_eq!(fold("min", &json!(["a"])), error("Empty input"));
        assert_eq!(fold("average", &json!([])), error("Empty input"));
        assert_eq!(fold("median", &json!([1])), error("Unknown operation: median"));
        assert_eq!(fold("product", &json!([1e300, 1e300])), error("Result is not a finite number"));
    }

    #[test]
    fn other_operations() {
        assert_eq!(fold("average", &json!([1, "x", 2])), json!({"output": [1.5]}));
        assert_eq!(fold("merge", &json!([{"a": 1, "b": 1}, 5, {"b": 2}])), json!({"output": [{"a": 1, "b": 2}]}));
        assert_eq!(fold("join", &json!([1, 2.5, "x", [], null, false])), json!({"output": ["12.5xfalse"]}));
        assert_eq!(fold("concat", &json!([1, "x"])), json!({"output": ["x"]}));
        assert_eq!(fold("first", &json!([[1]])), json!({"output": [{"type": "Object", "data": [1]}]}));
    }
}
