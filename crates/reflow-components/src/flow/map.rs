//! `tpl_map`.

use super::NOT_A_LIST;
use crate::path::Field;
use crate::prelude::*;
use crate::read;
use crate::size::Room;

/// Applies one operation to every item of a list.
///
/// The output is a list of the same length and in the same order. A list may also come as the JSON payload of an
/// Object, Any or Optional message.
///
/// # Errors
///
/// Anything but a list is the Error `Expected Array on input port`, and so is a list whose texts would have more than 256 MiB (`The text
/// would have …`).
#[derive(Component)]
#[component(id = "tpl_map", title = "Map", category = "flow", prepare)]
#[inport(input: List, required, "The list.")]
#[outport(output: List, "What became of its items.")]
#[outport(error: ErrorText, "Why there is no result.")]
#[example(
    config = r#"{"operation": "extract_field", "field": "a"}"#,
    steps = r#"[{"input": [{"a": 1}, {"b": 2}]}]"#,
    outputs = r#"[{"output": [[1, null]]}]"#
)]
#[example(
    config = r#"{"operation": "template", "template": "${index}: ${name}"}"#,
    steps = r#"[{"input": [{"name": "Ada"}, {"name": "Bo"}]}]"#,
    outputs = r#"[{"output": [["0: Ada", "1: Bo"]]}]"#
)]
pub(super) struct Map {
    /// What is done with each item.
    #[config(default = Operation::Identity, lenient)]
    operation: Operation,
    /// Member for `extract_field`, or the path to one (`a.b[0]`).
    #[config(lenient)]
    field: Field,
    /// Text for `template`: `${value}` stands for the item, `${index}` for its number from 0, any other `${name}` for
    /// its member.
    #[config(default = "${value}".to_string(), lenient)]
    template: String,
    #[state]
    parts: Vec<Part>,
}

/// What [`Map`] does with an item.
#[derive(Choice, Clone, Copy)]
enum Operation {
    /// Nothing.
    #[choice("identity", ..)]
    Identity,
    /// Its JSON text, without spaces and with sorted keys.
    ToString,
    /// A Float: numbers, texts that are decimal numbers, true as 1 and false as 0; anything else is 0.
    ToNumber,
    /// One member of it, or null.
    ExtractField,
    /// A text with parts of it filled in.
    Template,
}

/// A piece of a template.
enum Part {
    Text(String),
    Item,
    Index,
    Member(Field),
}

impl Map {
    fn prepare(&mut self) {
        let mut rest = self.template.as_str();
        while let Some((before, after)) = rest.split_once("${") {
            let Some((name, after)) = after.split_once('}') else { break };
            self.parts.push(Part::Text(before.to_string()));
            self.parts.push(match name {
                "value" => Part::Item,
                "index" => Part::Index,
                name => Part::Member(Field::new(name)),
            });
            rest = after;
        }
        self.parts.push(Part::Text(rest.to_string()));
    }

    fn fill(&self, index: usize, item: &Value, room: &mut Room) -> Result<String, String> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Text(fixed) => room.add(&mut text, fixed)?,
                Part::Item => show(&mut text, item, room)?,
                Part::Index => room.add(&mut text, &index.to_string())?,
                Part::Member(field) => {
                    if let Some(member) = field.get(item) {
                        show(&mut text, member, room)?;
                    }
                }
            }
        }
        Ok(text)
    }

    fn apply(&self, index: usize, item: &Value, room: &mut Room) -> Result<Value, String> {
        Ok(match self.operation {
            Operation::Identity => item.clone(),
            Operation::ToString => {
                let mut text = String::new();
                room.add_json(&mut text, item)?;
                text.into()
            }
            Operation::ToNumber => to_number(item).into(),
            Operation::ExtractField => self.field.get(item).cloned().unwrap_or_default(),
            Operation::Template => self.fill(index, item, room)?.into(),
        })
    }
}

/// Texts as they are, anything else as JSON.
fn show(text: &mut String, value: &Value, room: &mut Room) -> Result<(), String> {
    match value {
        Value::String(piece) => room.add(text, piece),
        other => room.add_json(text, other),
    }
}

fn to_number(item: &Value) -> f64 {
    let number = match item {
        Value::Boolean(truth) => f64::from(u8::from(*truth)),
        Value::String(text) => read::decimal(text.trim()).unwrap_or(0.0),
        other => other.as_number().unwrap_or(0.0),
    };
    if number.is_finite() { number } else { 0.0 }
}

impl Actor for Map {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(message) = tick.take(Self::IN_INPUT) else { return Ok(()) };
        let Some(items) = read::list(&message) else { return tick.report(Self::OUT_ERROR, NOT_A_LIST) };
        let mut room = Room::default();
        let mapped = items.iter().enumerate().map(|(index, item)| self.apply(index, item, &mut room));
        match mapped.collect::<Result<Vec<_>, _>>() {
            Ok(mapped) => tick.emit(Self::OUT_OUTPUT, mapped),
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

    fn mapped(config: Json, items: &Json) -> Json {
        run::<Map>(config, [json!({"input": items})])[0]["output"][0].clone()
    }

    #[test]
    fn operations() {
        let texts = mapped(json!({"operation": "to_string"}), &json!([2.5, "a", {"b": 1, "a": null}]));
        assert_eq!(texts, json!(["2.5", "\"a\"", "{\"a\":null,\"b\":1}"]));
        let numbers = mapped(json!({"operation": "to_number"}), &json!([1, "2e1", true, "x", null, "1e999"]));
        assert_eq!(numbers, json!([1.0, 20.0, 1.0, 0.0, 0.0, 0.0]));
        let fields = mapped(json!({"operation": "extract_field", "field": "a[1]"}), &json!([{"a": [1, 2]}, 5]));
        assert_eq!(fields, json!([2, null]));
    }

    #[test]
    fn templates() {
        let config = json!({"operation": "template", "template": "<${value}> ${a.b}${missing} ${open"});
        assert_eq!(
            mapped(config, &json!(["x", {"a": {"b": 1}}])),
            json!(["<x>  ${open", "<{\"a\":{\"b\":1}}> 1 ${open"])
        );
    }
}
