//! The values of parameters: where they come from, and that they are of the right type.

use bytes::Bytes;
use reflow_pack_sdk::{Kind, Message};
use serde_json::Value;

use crate::model::{Operation, Parameter, Place, Type};

/// A value on its way into a request.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Json(Value),
    Bytes(Bytes),
}

/// The values of an operation's parameters, by their place in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Values(Vec<Option<Part>>);

impl Values {
    pub(crate) fn new(operation: &Operation) -> Self {
        Self(vec![None; operation.parameters.len()])
    }

    pub(crate) fn get(&self, index: usize) -> Option<&Part> {
        self.0.get(index).and_then(Option::as_ref)
    }

    pub(crate) fn set(&mut self, index: usize, part: Part) {
        if let Some(place) = self.0.get_mut(index) {
            *place = Some(part);
        }
    }

    /// The parameters in some places that have a value, in order.
    pub(crate) fn of<'a>(
        &'a self,
        operation: &'a Operation,
        wanted: impl Fn(Place) -> bool + 'a,
    ) -> impl Iterator<Item = (&'a Parameter, &'a Part)> + 'a {
        let parameters = operation.parameters.iter().enumerate();
        parameters
            .filter(move |(_, parameter)| wanted(parameter.place))
            .filter_map(|(index, parameter)| Some((parameter, self.get(index)?)))
    }
}

/// What a packet holds; nothing when it is empty.
pub(crate) fn of_message(message: &Message) -> Option<Part> {
    if let Some(bytes) = message.to_bytes() {
        return Some(Part::Bytes(Bytes::from_owner(Owned(bytes))));
    }
    match message.kind() {
        Kind::Flow => None,
        _ => message
            .as_value()
            .map(|value| serde_json::Value::from(&value))
            .filter(|value| !value.is_null())
            .map(Part::Json),
    }
}

struct Owned(reflow_pack_sdk::Bytes);

impl AsRef<[u8]> for Owned {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// The value as the parameter takes it; the error says what is wrong.
pub(crate) fn checked(parameter: &Parameter, part: Part) -> Result<Part, String> {
    let value = match part {
        Part::Bytes(bytes) => {
            let takes_bytes = parameter.kind == Type::File || matches!(parameter.place, Place::Form | Place::Raw);
            if takes_bytes {
                return Ok(Part::Bytes(bytes));
            }
            // Text may come as bytes.
            match std::str::from_utf8(&bytes) {
                Ok(text) => Value::from(text),
                Err(_) => return Err(format!("`{}`: expected {}, found bytes", parameter.port, parameter.kind.word())),
            }
        }
        Part::Json(value) => value,
    };
    let wrong = |value: &Value| {
        Err(format!("`{}`: expected {}, found {}", parameter.port, parameter.kind.word(), brief(value)))
    };
    let value = match (parameter.kind, value) {
        (Type::Integer, Value::String(text)) => match text.trim().parse::<i64>() {
            Ok(number) => number.into(),
            Err(_) => return wrong(&text.into()),
        },
        (Type::Integer, Value::Number(number)) => {
            let whole = number.as_f64().filter(|value| value.fract() == 0.0 && value.abs() < 9.1e15);
            match (number.is_i64() || number.is_u64(), whole) {
                (true, _) => Value::Number(number),
                (false, Some(whole)) => (whole as i64).into(),
                _ => return wrong(&Value::Number(number)),
            }
        }
        (Type::Number, Value::String(text)) => {
            match text.trim().parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
                Some(number) => text.trim().parse::<i64>().map_or(Value::Number(number), Value::from),
                None => return wrong(&text.into()),
            }
        }
        (Type::Boolean, Value::String(text)) => match text.trim() {
            "true" => true.into(),
            "false" => false.into(),
            _ => return wrong(&text.into()),
        },
        (Type::Number, value @ Value::Number(_)) | (Type::Boolean, value @ Value::Bool(_)) => value,
        (Type::Array, value @ Value::Array(_)) | (Type::Object, value @ Value::Object(_)) => value,
        (Type::Array, Value::String(text)) => match serde_json::from_str(&text) {
            Ok(list @ Value::Array(_)) => list,
            _ => vec![Value::from(text)].into(),
        },
        (Type::Array, value @ (Value::Number(_) | Value::Bool(_))) => vec![value].into(),
        (Type::Object, Value::String(text)) => match serde_json::from_str(&text) {
            Ok(object @ Value::Object(_)) => object,
            _ => return wrong(&text.into()),
        },
        (Type::Text, value @ (Value::Number(_) | Value::Bool(_))) => plain(&value).into(),
        (Type::Any | Type::Text | Type::File, value) => value,
        (_, value) => return wrong(&value),
    };
    Ok(Part::Json(value))
}

/// A scalar as text, in its shortest form; anything else as JSON.
pub(super) fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Number(number) if number.is_f64() => number.as_f64().unwrap_or_default().to_string(),
        other => other.to_string(),
    }
}

/// A value for people, not too long.
fn brief(value: &Value) -> String {
    let text = value.to_string();
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text,
    }
}
