//! Paths to a value of an entity: `entity:component.field.sub`.

use reflow_assets::{AssetError, Table, Transaction};
use reflow_message::{Object, Value};

use crate::values::empty;

/// The parts of a path: the asset, and the fields on the way.
fn parts(path: &str) -> (&str, Vec<&str>) {
    match path.split_once('.') {
        Some((id, fields)) => (id, fields.split('.').collect()),
        None => (path, Vec::new()),
    }
}

/// The value at a path.
pub(crate) fn read<'t>(table: &'t Table, path: &str) -> Option<&'t Value> {
    let (id, fields) = parts(path);
    fields.iter().try_fold(table.json(id)?, |value, field| step(value, field))
}

fn step<'v, S: AsRef<str> + ?Sized>(value: &'v Value, field: &S) -> Option<&'v Value> {
    match value {
        Value::Array(items) => items.get(index(field.as_ref(), items.len())?),
        value => value.get(field.as_ref()),
    }
}

/// The item of a list that a field names: by its number, or of short lists by the name of the axis.
fn index(field: &str, length: usize) -> Option<usize> {
    let axis = || ["x", "y", "z", "w"].iter().position(|axis| *axis == field).filter(|_| (2..=4).contains(&length));
    field.parse().ok().or_else(axis).filter(|index| *index < length)
}

/// Writes a value to a path. Without fields it replaces the component; a field of a component that there is not is left alone.
///
/// # Errors
/// When the database cannot take the value. Where something stands in the way of the path, the text says so and nothing is changed.
pub(crate) fn write(
    transaction: &mut Transaction<'_>,
    path: &str,
    value: Value,
) -> Result<Result<(), String>, AssetError> {
    let (id, fields) = parts(path);
    if fields.is_empty() {
        transaction.put_json(id, value, empty())?;
        return Ok(Ok(()));
    }
    let Some(old) = transaction.json(id) else { return Ok(Ok(())) };
    match replaced(old, &fields, value) {
        Ok(new) => {
            transaction.replace_json(id, new)?;
            Ok(Ok(()))
        }
        Err(problem) => Ok(Err(format!("{path}: {problem}"))),
    }
}

fn replaced(old: &Value, fields: &[&str], value: Value) -> Result<Value, String> {
    let Some((field, rest)) = fields.split_first() else { return Ok(value) };
    match old {
        Value::Array(items) => {
            let index =
                index(field, items.len()).ok_or_else(|| format!("a list of {} items has no `{field}`", items.len()))?;
            let mut items = items.to_vec();
            items[index] = replaced(&items[index], rest, value)?;
            Ok(items.into())
        }
        Value::Object(_) | Value::Null => {
            let mut members = old.as_object().map_or_else(Object::new, Clone::clone);
            let inner = members.get(*field).unwrap_or(&Value::Null);
            let inner = replaced(inner, rest, value)?;
            members.insert((*field).into(), inner);
            Ok(members.into())
        }
        other => Err(format!("a {} has no `{field}`", other.kind())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_assets::Store;

    #[test]
    fn paths_lead_through_objects_and_lists_and_destroy_nothing() {
        let store = Store::open(":memory:paths").unwrap();
        let value = |json: &str| Value::from_json(json).unwrap();
        store.put_json("a:t", value(r#"{"p": [1, 2, {"q": 3}], "s": "text"}"#), value(r#"{"m": 1}"#)).unwrap();
        let set = |path: &str| store.write(|transaction| write(transaction, path, 9.into())).unwrap();
        for path in ["a:t.p.0", "a:t.p.y", "a:t.p.2.q", "a:t.new.deep", "nobody:t.x"] {
            assert_eq!(set(path), Ok(()), "{path}");
        }
        assert_eq!(set("a:t.p.7"), Err("a:t.p.7: a list of 3 items has no `7`".to_string()));
        assert_eq!(set("a:t.s.x"), Err("a:t.s.x: a string has no `x`".to_string()));
        let found = store.json("a:t").unwrap().unwrap().to_json_string();
        assert_eq!(found, r#"{"new":{"deep":9},"p":[9,9,{"q":9}],"s":"text"}"#);
        assert_eq!(store.entry("a:t").unwrap().unwrap().metadata, value(r#"{"m": 1}"#));
        assert_eq!(store.read(|table| read(table, "a:t.p.z.q").cloned()).unwrap(), Some(9.into()));
        assert_eq!(store.entry("nobody:t").unwrap(), None);
    }
}
