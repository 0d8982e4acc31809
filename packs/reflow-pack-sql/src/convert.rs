//! Rows and parameters: SQLite's values as JSON-shaped data and back.
//!
//! NULL, INTEGER, REAL and TEXT are null, integers, floats and text. A BLOB is `{"hex": "00ff"}`, both ways; a Bytes
//! message is a BLOB as it is. True and false are 1 and 0, lists and other objects become JSON text.

use std::sync::Arc;

use reflow_pack_sdk::{Failure, Kind, Message, Object, Value};
use rusqlite::types::{Value as Sql, ValueRef};
use rusqlite::{Row, Statement};

/// A row as an object. Of columns with the same name the last one counts.
pub(crate) fn row(row: &Row<'_>, columns: &[Arc<str>]) -> rusqlite::Result<Value> {
    let mut members = Object::new();
    for (index, column) in columns.iter().enumerate() {
        members.insert(Arc::clone(column), value(row.get_ref(index)?));
    }
    Ok(members.into())
}

/// The names of a statement's columns.
pub(crate) fn columns(statement: &Statement<'_>) -> Vec<Arc<str>> {
    statement.column_names().map(Into::into).collect()
}

fn value(value: ValueRef<'_>) -> Value {
    match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => number.into(),
        ValueRef::Real(number) => number.into(),
        ValueRef::Text(text) => String::from_utf8_lossy(text).into_owned().into(),
        ValueRef::Blob(bytes) => Value::object([("hex", to_hex(bytes))]),
    }
}

/// One parameter.
pub(crate) fn parameter(value: &Value) -> Result<Sql, Failure> {
    Ok(match value {
        Value::Null => Sql::Null,
        Value::Boolean(value) => Sql::Integer((*value).into()),
        Value::Integer(number) => Sql::Integer(*number),
        Value::Unsigned(number) => {
            return Err(format!("{number} is larger than SQLite's integers; send it as text").as_str().into());
        }
        Value::Float(number) => Sql::Real(*number),
        Value::String(text) => Sql::Text(text.to_string()),
        Value::Object(members) if members.len() == 1 && members.contains_key("hex") => {
            let bytes = members.get("hex").and_then(Value::as_str).and_then(from_hex);
            Sql::Blob(bytes.ok_or_else(|| Failure::new(format!("{} is no hexadecimal text", value.to_json_string())))?)
        }
        Value::Array(_) | Value::Object(_) => Sql::Text(value.to_json_string()),
    })
}

/// Binds what a packet or config says: a list by position, an object by name, null nothing, anything else as the one
/// parameter there is.
pub(crate) fn bind(statement: &mut Statement<'_>, parameters: &Value) -> Result<(), Failure> {
    let expected = statement.parameter_count();
    let error = |error: rusqlite::Error| crate::database::failure(&error);
    statement.clear_bindings();
    let items: Vec<&Value> = match parameters {
        Value::Null => Vec::new(),
        Value::Array(items) => items.iter().collect(),
        Value::Object(members) if !members.contains_key("hex") => {
            for index in 1..=expected {
                let name = statement.parameter_name(index).unwrap_or("?").to_string();
                let member = members.get(name.trim_start_matches([':', '@', '$']));
                let member = member.ok_or_else(|| Failure::new(format!("the statement needs a parameter `{name}`")))?;
                statement.raw_bind_parameter(index, parameter(member)?).map_err(error)?;
            }
            return Ok(());
        }
        one => vec![one],
    };
    if items.len() != expected {
        return Err(Failure::new(format!("the statement takes {expected} parameters, and there are {}", items.len())));
    }
    for (index, item) in items.into_iter().enumerate() {
        statement.raw_bind_parameter(index + 1, parameter(item)?).map_err(error)?;
    }
    Ok(())
}

/// The parameters that a packet brings; those of the config when it brings none.
pub(crate) fn parameters(message: Option<&Message>, otherwise: &Value) -> Result<Value, Failure> {
    let Some(message) = message.filter(|message| message.kind() != Kind::Flow) else { return Ok(otherwise.clone()) };
    if let Some(bytes) = message.as_bytes() {
        return Ok(Value::object([("hex", to_hex(bytes))]));
    }
    message.as_value().ok_or_else(|| Failure::new(format!("parameters cannot be a {:?}", message.kind())))
}

fn to_hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn from_hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u32> = text.chars().map(|digit| digit.to_digit(16)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| (pair[0] * 16 + pair[1]) as u8).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_goes_both_ways() {
        assert_eq!(to_hex(&[0, 255, 16]), "00ff10");
        assert_eq!(from_hex("00fF10"), Some(vec![0, 255, 16]));
        assert_eq!(from_hex("0"), None);
        assert_eq!(from_hex("zz"), None);
    }

    #[test]
    fn parameters_become_what_sqlite_has() {
        assert_eq!(parameter(&true.into()).unwrap(), Sql::Integer(1));
        assert_eq!(parameter(&Value::object([("hex", "0a")])).unwrap(), Sql::Blob(vec![10]));
        assert!(parameter(&Value::object([("hex", "0")])).is_err());
        assert!(parameter(&u64::MAX.into()).is_err());
    }
}
