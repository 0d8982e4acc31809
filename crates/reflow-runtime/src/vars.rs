//! `Vars`: the variables of a run, a tree of values that all its nodes share.

use std::sync::Arc;

use parking_lot::RwLock;
use reflow_message::{Object, Value};

/// The variables of a run. A name may be a path: `"a.b"` is the member `b` of `a`. Every call is atomic.
#[derive(Debug, Default)]
pub struct Vars(RwLock<Value>);

/// A change of a variable, as a journal keeps it.
#[derive(Clone, Debug, PartialEq)]
pub enum VarChange {
    /// It has a new value.
    Set(Arc<str>, Value),
    /// A number was added to it.
    Add(Arc<str>, Value),
    /// An object was merged into it, member by member.
    Merge(Arc<str>, Value),
    /// It is gone.
    Unset(Arc<str>),
}

impl VarChange {
    /// The variable.
    pub(crate) fn path(&self) -> &Arc<str> {
        match self {
            Self::Set(path, _) | Self::Add(path, _) | Self::Merge(path, _) | Self::Unset(path) => path,
        }
    }

    /// Makes the change in a tree.
    ///
    /// # Errors
    /// A text that says why it cannot be made.
    pub fn apply(&self, tree: &mut Value) -> Result<Value, String> {
        match self {
            Self::Set(path, value) => {
                put(tree, &parts(path)?, value.clone());
                Ok(value.clone())
            }
            Self::Add(path, by) => {
                let parts = parts(path)?;
                let sum = sum(get(tree, &parts), by).map_err(|problem| format!("variable `{path}`: {problem}"))?;
                put(tree, &parts, sum.clone());
                Ok(sum)
            }
            Self::Merge(path, value) => {
                let parts = if path.is_empty() { Vec::new() } else { parts(path)? };
                let merged = merged(get(tree, &parts), value);
                put(tree, &parts, merged.clone());
                Ok(merged)
            }
            Self::Unset(path) => {
                let parts = parts(path)?;
                Ok(remove(tree, &parts).unwrap_or_default())
            }
        }
    }
}

impl Vars {
    /// Begins with these.
    pub(crate) fn load(&self, tree: Value) {
        *self.0.write() = tree;
    }

    /// All of them.
    pub fn all(&self) -> Value {
        let tree = self.0.read().clone();
        if tree.is_null() { Value::Object(Object::new().into()) } else { tree }
    }

    /// The value at a path, if there is one.
    ///
    /// # Errors
    /// A text that says what is wrong with the path.
    pub fn get(&self, path: &str) -> Result<Option<Value>, String> {
        Ok(get(&self.0.read(), &parts(path)?).cloned())
    }

    /// Makes a change; the answer is the new value, or the one that was taken away.
    ///
    /// # Errors
    /// A text that says why it cannot be made; nothing has changed then.
    pub fn change(&self, change: &VarChange) -> Result<Value, String> {
        change.apply(&mut self.0.write())
    }
}

/// The longest path, and the most parts that it may have.
const LONGEST: usize = 512;
const DEEPEST: usize = 16;

fn parts(path: &str) -> Result<Vec<&str>, String> {
    let parts: Vec<_> = path.split('.').collect();
    if parts.iter().any(|part| part.is_empty()) {
        return Err(format!("variable `{path}`: a name is text, and its parts are divided by single dots"));
    }
    if path.len() > LONGEST || parts.len() > DEEPEST {
        return Err(format!("variable `{path:.60}`: a name has at most {LONGEST} bytes and {DEEPEST} parts"));
    }
    Ok(parts)
}

fn get<'a>(tree: &'a Value, parts: &[&str]) -> Option<&'a Value> {
    parts.iter().try_fold(tree, |value, part| value.get(part))
}

fn members(tree: &Value) -> Object {
    tree.as_object().cloned().unwrap_or_default()
}

fn put(tree: &mut Value, parts: &[&str], value: Value) {
    let Some((first, rest)) = parts.split_first() else {
        *tree = value;
        return;
    };
    let mut members = members(tree);
    let mut inner = members.remove(*first).unwrap_or_default();
    put(&mut inner, rest, value);
    members.insert((*first).into(), inner);
    *tree = Value::Object(members.into());
}

/// Takes a value out, and parents that are empty then.
fn remove(tree: &mut Value, parts: &[&str]) -> Option<Value> {
    let (first, rest) = parts.split_first()?;
    let mut members = members(tree);
    let removed = if rest.is_empty() {
        members.remove(*first)
    } else {
        let mut inner = members.get(*first)?.clone();
        let removed = remove(&mut inner, rest)?;
        if inner.as_object().is_some_and(Object::is_empty) {
            members.remove(*first);
        } else {
            members.insert((*first).into(), inner);
        }
        Some(removed)
    };
    *tree = Value::Object(members.into());
    removed
}

/// What two whole numbers that are added one after the other add together.
pub(crate) fn added(one: &Value, other: &Value) -> Option<Value> {
    match (one, other) {
        (Value::Integer(one), Value::Integer(other)) => one.checked_add(*other).map(Value::Integer),
        _ => None,
    }
}

fn sum(before: Option<&Value>, by: &Value) -> Result<Value, String> {
    let before = before.filter(|value| !value.is_null()).cloned().unwrap_or(Value::Integer(0));
    if let (Value::Integer(a), Value::Integer(b)) = (&before, by)
        && let Some(sum) = a.checked_add(*b)
    {
        return Ok(Value::Integer(sum));
    }
    match (before.as_number(), by.as_number()) {
        (Some(a), Some(b)) => Ok(Value::Float(a + b)),
        (None, _) => Err(format!("only a number can be counted up, this is of kind {}", before.kind())),
        (_, None) => Err(format!("it can be counted up by a number, not by one of kind {}", by.kind())),
    }
}

fn merged(before: Option<&Value>, newer: &Value) -> Value {
    match (before.and_then(Value::as_object), newer.as_object()) {
        (Some(before), Some(newer)) => {
            let mut members = before.clone();
            for (key, value) in newer {
                let value = merged(members.get(key), value);
                members.insert(Arc::clone(key), value);
            }
            Value::Object(members.into())
        }
        _ => newer.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_reach_into_the_tree() {
        let vars = Vars::default();
        vars.change(&VarChange::Set("a.b".into(), 1.into())).unwrap();
        assert_eq!(vars.change(&VarChange::Add("a.b".into(), 2.into())).unwrap(), Value::Integer(3));
        assert_eq!(vars.change(&VarChange::Add("n".into(), Value::Float(0.5))).unwrap(), Value::Float(0.5));
        vars.change(&VarChange::Merge("a".into(), Value::object([("c", 4)]))).unwrap();
        assert_eq!(vars.get("a").unwrap(), Some(Value::object([("b", 3), ("c", 4)])));
        assert_eq!(vars.change(&VarChange::Unset("a.b".into())).unwrap(), Value::Integer(3));
        vars.change(&VarChange::Unset("a.c".into())).unwrap();
        assert_eq!(vars.get("a").unwrap(), None);
        vars.change(&VarChange::Set("t".into(), "x".into())).unwrap();
        assert!(vars.change(&VarChange::Add("t".into(), 1.into())).unwrap_err().contains("only a number"));
        assert!(vars.change(&VarChange::Set("a..b".into(), 1.into())).is_err());
    }
}
