//! `tpl_data_transformer`.

use crate::path::{Field, Path};
use crate::prelude::*;
use crate::read;
use crate::size::Room;

/// One transformation of a field or text.
///
/// `transform_type` says which. What it does not apply to passes as it is: a number that should become upper case, an Error that
/// should be read, a text that should lose a member. A field may be a path such as `a.b[0]`, unless the object has a member of
/// exactly that name.
///
/// # Errors
///
/// Nothing but an Error leaves for text that is no JSON (`JSON parse error: …`, with line and column) or no number (`Not a
/// number: …`), and for a template that would become more than 256 MiB (`The text would have …`).
#[derive(Component)]
#[component(id = "tpl_data_transformer", title = "Data Transformer", category = "data", prepare)]
#[inport(input: Any, required, "What to transform.")]
#[outport(output: Any, "The result.")]
#[outport(error: ErrorText, "Why there is none.")]
#[example(
    config = r#"{"transform_type": "extract_field", "field_name": "user.name"}"#,
    steps = r#"[{"input": {"user": {"name": "ada"}}}]"#,
    outputs = r#"[{"output": ["ada"]}]"#
)]
#[example(
    config = r#"{"transform_type": "template", "template": "Hello ${value}!"}"#,
    steps = r#"[{"input": "ada"}]"#,
    outputs = r#"[{"output": ["Hello ada!"]}]"#
)]
pub(super) struct DataTransformer {
    /// The transformation.
    #[config(alias = "operation", default = Operation::Passthrough, lenient)]
    transform_type: Operation,
    /// The member that is meant.
    #[config(alias = "field", lenient)]
    field_name: Option<String>,
    /// What `set_field` sets.
    #[config(alias = "value")]
    field_value: Option<Value>,
    /// What `rename_field` calls the member.
    #[config(lenient)]
    new_name: Option<String>,
    /// What `pick` keeps and `omit` drops; `field_name` when there are none.
    #[config(lenient)]
    fields: Vec<String>,
    /// The text of `template`.
    #[config(default = "${value}".to_string(), lenient)]
    template: String,
    /// Whether `to_json` and `template` take the value itself instead of its tagged form.
    #[config(lenient)]
    plain: bool,
    #[state]
    transform: Transform,
}

/// What [`DataTransformer`] does.
#[derive(Choice)]
enum Operation {
    /// Nothing.
    #[choice("passthrough", ..)]
    Passthrough,
    /// Text in upper case, with the full Unicode mapping.
    ToUppercase,
    /// Text in lower case.
    ToLowercase,
    /// JSON text of the tagged form `{"data": …, "type": …}`, or with `plain` of the value itself; keys are sorted.
    ToJson,
    /// What a JSON text says.
    FromJson,
    /// The number that a text is, or the object with the text in its member `field_name` as a number.
    ParseNumber,
    /// The member `field_name` of an object or list, or of whatever an Object carries; null when it is missing.
    ExtractField,
    /// The object with the member `field_name` set to `field_value`; an object with just that member when the input is none.
    SetField,
    /// The object with the member `field_name` under the name `new_name`.
    RenameField,
    /// The object without the member `field_name`.
    DeleteField,
    /// The object without the members `fields`, or without `field_name` alone.
    Omit,
    /// The object with only the members `fields`, or with `field_name` alone.
    Pick,
    /// The text `template` in which each `${value}` is the input, text as it is and anything else as JSON of its tagged form (with
    /// `plain` of the value), and `${a.b}` is the member at that path; a path that leads nowhere stays as it is.
    Template,
}

#[derive(Default)]
enum Transform {
    #[default]
    Pass,
    Upper,
    Lower,
    ToJson,
    FromJson,
    ParseNumber(Option<Field>),
    Extract(Field),
    Set(Field, Value),
    Rename(Field, Field),
    Delete(Vec<Field>),
    Pick(Vec<Field>),
    Template(Vec<Piece>),
}

enum Piece {
    Text(String),
    Value,
    /// A path, and how it was written.
    Member(Path, String),
}

impl DataTransformer {
    fn prepare(&mut self) {
        let field = self.field_name.as_deref().map(Field::new);
        let fields = || {
            let named = if self.fields.is_empty() { self.field_name.as_slice() } else { &self.fields };
            named.iter().map(|name| Field::new(name)).collect()
        };
        let named = |make: fn(Field) -> Transform| field.clone().map(make);
        self.transform = match self.transform_type {
            Operation::ToUppercase => Some(Transform::Upper),
            Operation::ToLowercase => Some(Transform::Lower),
            Operation::ToJson => Some(Transform::ToJson),
            Operation::FromJson => Some(Transform::FromJson),
            Operation::ParseNumber => Some(Transform::ParseNumber(field)),
            Operation::ExtractField => named(Transform::Extract),
            Operation::SetField => {
                field.zip(self.field_value.clone()).map(|(field, value)| Transform::Set(field, value))
            }
            Operation::RenameField => {
                field.zip(self.new_name.as_deref().map(Field::new)).map(|(old, new)| Transform::Rename(old, new))
            }
            Operation::DeleteField | Operation::Omit => Some(Transform::Delete(fields())),
            Operation::Pick => Some(Transform::Pick(fields())),
            Operation::Template => Some(Transform::Template(pieces(&self.template))),
            Operation::Passthrough => None,
        }
        .unwrap_or_default();
    }

    fn apply(&self, message: Message) -> Result<Message, String> {
        let object = || read::payload(&message).filter(|payload| payload.as_object().is_some());
        let changed = |change: &dyn Fn(&Value) -> Value| object().map(|value| Message::object(change(value)));
        Ok(match &self.transform {
            Transform::Pass => None,
            Transform::Upper => read::text(&message).map(|text| text.to_uppercase().into()),
            Transform::Lower => read::text(&message).map(|text| text.to_lowercase().into()),
            Transform::ToJson => {
                let value = if self.plain { message.to_value() } else { message.to_wire() };
                Some(value.to_json().map_err(|error| error.to_string())?.into())
            }
            Transform::FromJson => match read::text(&message) {
                Some(text) => {
                    let value = Value::from_json(text).map_err(|error| format!("JSON parse error: {error}"))?;
                    Some(Message::from_value(value))
                }
                None => None,
            },
            Transform::ParseNumber(field) => match field.as_ref().zip(object()) {
                Some((field, object)) => match field.get(object).and_then(Value::as_str) {
                    Some(text) => Some(Message::object(field.set(object, Some(parsed_number(text)?)))),
                    None => None,
                },
                None => read::text(&message).map(parsed_number).transpose()?.map(Message::from_value),
            },
            Transform::Extract(field) => {
                let holder = match &message {
                    Message::Array(items) => Some(Value::Array(items.clone())),
                    Message::Object(payload) => Some(payload.clone()),
                    other => read::payload(other).filter(|payload| is_container(payload)).cloned(),
                };
                holder.map(|holder| Message::from_value(field.get(&holder).cloned().unwrap_or_default()))
            }
            Transform::Set(field, value) => match &message {
                // Data in the Object kind that is no object stays as it is.
                Message::Object(payload) if payload.as_object().is_none() => None,
                _ => {
                    let empty = Value::object::<&str, Value>([]);
                    let base = object().unwrap_or(&empty);
                    Some(Message::object(field.set(base, Some(value.clone()))))
                }
            },
            Transform::Rename(old, new) => changed(&|value| match old.get(value) {
                Some(member) => new.set(&old.set(value, None), Some(member.clone())),
                None => value.clone(),
            }),
            Transform::Delete(fields) => {
                changed(&|value| fields.iter().fold(value.clone(), |value, field| field.set(&value, None)))
            }
            Transform::Pick(fields) => changed(&|value| {
                let empty = Value::object::<&str, Value>([]);
                fields.iter().fold(empty, |picked, field| match field.get(value) {
                    Some(member) => field.set(&picked, Some(member.clone())),
                    None => picked,
                })
            }),
            Transform::Template(pieces) => Some(self.fill_in(pieces, &message)?.into()),
        }
        .unwrap_or(message))
    }

    fn fill_in(&self, pieces: &[Piece], message: &Message) -> Result<String, String> {
        let (mut text, mut room) = (String::new(), Room::default());
        let payload = message.as_value().unwrap_or_default();
        let shown = std::cell::OnceCell::new();
        for piece in pieces {
            match piece {
                Piece::Text(piece) => room.add(&mut text, piece)?,
                Piece::Value => {
                    let shown: &Result<String, String> = shown.get_or_init(|| self.shown(message));
                    room.add(&mut text, shown.as_ref().map_err(String::clone)?)?;
                }
                Piece::Member(path, written) => match path.get(&payload) {
                    Some(Value::String(member)) => room.add(&mut text, member)?,
                    Some(member) => room.add_json(&mut text, member)?,
                    None => room.add(&mut text, written)?,
                },
            }
        }
        Ok(text)
    }

    fn shown(&self, message: &Message) -> Result<String, String> {
        let json = |value: Value| value.to_json().map_err(|error| error.to_string());
        match message {
            Message::String(text) => Ok(text.to_string()),
            Message::Flow if !self.plain => Ok(r#"{"type":"Flow"}"#.to_string()),
            other if self.plain => match other.to_value() {
                Value::String(text) => Ok(text.to_string()),
                value => json(value),
            },
            other => Ok(format!(r#"{{"type":"{}","data":{}}}"#, other.kind(), json(other.to_value())?)),
        }
    }
}

fn parsed_number(text: &str) -> Result<Value, String> {
    let text = text.trim();
    let whole = text.parse().map(Value::Integer).ok();
    let number = whole.or_else(|| read::decimal(text).filter(|number| number.is_finite()).map(Value::Float));
    number.ok_or_else(|| format!("Not a number: {}", crate::config::brief(&text.into())))
}

fn is_container(value: &Value) -> bool {
    matches!(value, Value::Object(_) | Value::Array(_))
}

/// The text and the places to fill in of a template.
fn pieces(template: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        let Some((inside, after)) = after.split_once('}') else { break };
        pieces.push(Piece::Text(before.to_string()));
        pieces.push(match (inside, Path::parse(inside)) {
            ("value", _) => Piece::Value,
            ("", _) | (_, None) => Piece::Text(format!("${{{inside}}}")),
            (_, Some(path)) => Piece::Member(path, format!("${{{inside}}}")),
        });
        rest = after;
    }
    pieces.push(Piece::Text(rest.to_string()));
    pieces
}

impl Actor for DataTransformer {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(message) = tick.take(Self::IN_INPUT) else { return Ok(()) };
        match self.apply(message) {
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

    fn transform(config: Json, input: &Json) -> Json {
        run::<DataTransformer>(config, [json!({"input": input})]).remove(0)
    }

    #[test]
    fn objects_are_reshaped() {
        let input = json!({"a": 1, "b": {"c": 2}, "d": 3});
        for (config, expected) in [
            (
                json!({"operation": "rename_field", "field": "b.c", "new_name": "e"}),
                json!({"a": 1, "b": {}, "d": 3, "e": 2}),
            ),
            (json!({"operation": "delete_field", "field": "a"}), json!({"b": {"c": 2}, "d": 3})),
            (json!({"operation": "pick", "fields": ["a", "b.c", "x"]}), json!({"a": 1, "b": {"c": 2}})),
            (json!({"operation": "omit", "fields": ["a", "b.c"]}), json!({"b": {}, "d": 3})),
            (
                json!({"operation": "set_field", "field": "b.x", "value": null}),
                json!({"a": 1, "b": {"c": 2, "x": null}, "d": 3}),
            ),
            (json!({"operation": "rename_field", "field": "a"}), input.clone()),
            (json!({"operation": "pick", "field": "b.c"}), json!({"b": {"c": 2}}).clone()),
            (json!({"operation": "omit", "field": "b"}), json!({"a": 1, "d": 3})),
        ] {
            assert_eq!(transform(config.clone(), &input), json!({"output": [expected]}), "{config}");
        }
    }

    #[test]
    fn plain_values_and_members_in_text() {
        let config = json!({"operation": "template", "template": "${a.b} ${value} ${x} ${", "plain": true});
        assert_eq!(transform(config, &json!({"a": {"b": "q"}})), json!({"output": [r#"q {"a":{"b":"q"}} ${x} ${"#]}));
        assert_eq!(
            transform(json!({"operation": "to_json", "plain": true}), &json!([1, 2.0])),
            json!({"output": ["[1,2.0]"]})
        );
    }

    #[test]
    fn numbers_are_read_or_refused() {
        let config = || json!({"operation": "parse_number"});
        assert_eq!(transform(config(), &json!(" 12 ")), json!({"output": [12]}));
        assert_eq!(transform(config(), &json!("1.5e1")), json!({"output": [15.0]}));
        assert_eq!(
            transform(config(), &json!("inf")),
            json!({"error": [{"type": "Error", "data": "Not a number: \"inf\""}]})
        );
        assert_eq!(transform(config(), &json!(true)), json!({"output": [true]}));
        let member = || json!({"operation": "parse_number", "field": "a.n"});
        let input = json!({"a": {"n": "12", "m": "x"}});
        assert_eq!(transform(member(), &input), json!({"output": [{"a": {"n": 12, "m": "x"}}]}));
        assert_eq!(transform(member(), &json!({"a": 1})), json!({"output": [{"a": 1}]}));
        let wrong = transform(member(), &json!({"a": {"n": "y"}}));
        assert_eq!(wrong["error"][0]["data"], "Not a number: \"y\"");
    }

    #[test]
    fn a_template_of_one_large_text_many_times_is_refused() {
        let config = json!({"operation": "template", "template": "${value}".repeat(300)});
        let outputs = transform(config, &json!("x".repeat(1 << 20)));
        assert_eq!(outputs["error"][0]["data"], "The text would have more than 268435456 bytes");
    }

    #[test]
    fn errors_pass_as_they_are() {
        let error = json!({"type": "Error", "data": "5"});
        for operation in ["to_uppercase", "to_lowercase", "from_json", "parse_number", "extract_field"] {
            let config = json!({"operation": operation, "field": "a"});
            assert_eq!(transform(config, &error), json!({"output": [error]}), "{operation}");
        }
    }

    #[test]
    fn an_object_without_members_misses_them() {
        let config = json!({"operation": "extract_field", "field": "a"});
        for data in [json!(5), json!("s"), json!(null)] {
            let outputs = transform(config.clone(), &json!({"type": "Object", "data": data}));
            assert_eq!(outputs, json!({"output": [{"type": "Optional", "data": null}]}), "{data}");
        }
        assert_eq!(transform(config, &json!(5)), json!({"output": [5]}));
    }

    #[test]
    fn lists_have_items_to_extract() {
        let config = json!({"operation": "extract_field", "field": "[1].x"});
        assert_eq!(transform(config, &json!([1, {"x": 2}])), json!({"output": [2]}));
    }
}
