//! `Datum`: what an expression computes with.

use std::sync::Arc;

use indexmap::IndexMap;
use reflow_message::{SharedArray, SharedObject, Value};

use crate::ast::Arrow;
use crate::builtins::{Builtin, Native};

/// A value inside of an expression. Data from outside is looked into where it lies, never copied.
#[derive(Clone, Debug)]
pub(crate) enum Datum {
    Undefined,
    Null,
    Boolean(bool),
    Number(f64),
    /// An integer that a float cannot hold exactly; kept as long as nobody computes with it.
    Wide(i64),
    String(Arc<str>),
    Array(Items),
    Object(Members),
    Function(Function),
}

/// The items of a list.
#[derive(Clone, Debug)]
pub(crate) enum Items {
    /// From outside.
    Shared(SharedArray),
    /// Made by the expression.
    Made(Arc<Made<Vec<Datum>>>),
}

/// The members of an object.
#[derive(Clone, Debug)]
pub(crate) enum Members {
    /// From outside.
    Shared(SharedObject),
    /// Made by the expression, in the order they were written.
    Made(Arc<Made<IndexMap<Arc<str>, Datum>>>),
}

/// Something that holds data and was made by the expression.
#[derive(Debug)]
pub(crate) struct Made<T> {
    pub(crate) content: T,
    /// How many such things are inside of each other from here down; bounds the stack of whoever walks through.
    pub(crate) levels: u16,
}

#[derive(Clone, Debug)]
pub(crate) enum Function {
    Builtin(Builtin),
    Native(Native),
    Closure(Arc<Closure>),
}

/// A function of the expression, with the parameters of the functions around it.
#[derive(Debug)]
pub(crate) struct Closure {
    pub(crate) arrow: Arc<Arrow>,
    pub(crate) frame: Option<Arc<Frame>>,
}

/// The parameters of one call.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) values: Vec<Datum>,
    pub(crate) parent: Option<Arc<Self>>,
    pub(crate) levels: u16,
}

impl Datum {
    pub(crate) fn string(text: impl Into<Arc<str>>) -> Self {
        Self::String(text.into())
    }

    pub(crate) fn is_nullish(&self) -> bool {
        matches!(self, Self::Undefined | Self::Null)
    }

    /// How many things made by the expression are inside of each other.
    pub(crate) fn levels(&self) -> u16 {
        match self {
            Self::Array(Items::Made(made)) => made.levels,
            Self::Object(Members::Made(made)) => made.levels,
            Self::Function(Function::Closure(closure)) => closure.frame.as_ref().map_or(0, |frame| frame.levels),
            _ => 0,
        }
    }

    /// The word that `typeof` gives.
    pub(crate) fn type_word(&self) -> &'static str {
        match self {
            Self::Undefined => "undefined",
            Self::Null | Self::Array(_) | Self::Object(_) => "object",
            Self::Boolean(_) => "boolean",
            Self::Number(_) | Self::Wide(_) => "number",
            Self::String(_) => "string",
            Self::Function(_) => "function",
        }
    }

    /// What it is, for error texts.
    pub(crate) fn describe(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Array(_) => "an array",
            Self::Object(_) => "an object",
            Self::Undefined => "undefined",
            Self::Boolean(_) => "a boolean",
            Self::Number(_) | Self::Wide(_) => "a number",
            Self::String(_) => "a string",
            Self::Function(_) => "a function",
        }
    }
}

/// Above this, neighbouring integers share a float.
const EXACT: u64 = 1 << 53;

impl From<&Value> for Datum {
    fn from(value: &Value) -> Self {
        match value {
            Value::Null => Self::Null,
            Value::Boolean(value) => Self::Boolean(*value),
            Value::Integer(value) if value.unsigned_abs() <= EXACT => Self::Number(*value as f64),
            Value::Integer(value) => Self::Wide(*value),
            Value::Unsigned(value) => Self::Number(*value as f64),
            Value::Float(value) => Self::Number(*value),
            Value::String(text) => Self::String(Arc::clone(text)),
            Value::Array(items) => Self::Array(Items::Shared(items.clone())),
            Value::Object(members) => Self::Object(Members::Shared(members.clone())),
        }
    }
}

impl From<Value> for Datum {
    fn from(value: Value) -> Self {
        match value {
            Value::String(text) => Self::String(text),
            Value::Array(items) => Self::Array(Items::Shared(items)),
            Value::Object(members) => Self::Object(Members::Shared(members)),
            scalar => Self::from(&scalar),
        }
    }
}

impl Items {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Shared(items) => items.len(),
            Self::Made(made) => made.content.len(),
        }
    }

    pub(crate) fn get(&self, index: usize) -> Option<Datum> {
        match self {
            Self::Shared(items) => items.get(index).map(Datum::from),
            Self::Made(made) => made.content.get(index).cloned(),
        }
    }

    pub(crate) fn iter(&self) -> impl DoubleEndedIterator<Item = Datum> + '_ {
        (0..self.len()).map(|index| self.get(index).unwrap_or(Datum::Undefined))
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Shared(a), Self::Shared(b)) => a.is_same(b),
            (Self::Made(a), Self::Made(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Members {
    pub(crate) fn len(&self) -> usize {
        match self {
            Self::Shared(members) => members.len(),
            Self::Made(made) => made.content.len(),
        }
    }

    pub(crate) fn get(&self, key: &str) -> Option<Datum> {
        match self {
            Self::Shared(members) => members.get(key).map(Datum::from),
            Self::Made(made) => made.content.get(key).cloned(),
        }
    }

    /// The members in JavaScript's order: keys that are whole numbers first, by size; then the others as they were added
    /// (data from outside is sorted).
    pub(crate) fn entries(&self) -> Vec<(Arc<str>, Datum)> {
        let mut entries: Vec<(Arc<str>, Datum)> = match self {
            Self::Shared(members) => members.iter().map(|(key, value)| (Arc::clone(key), Datum::from(value))).collect(),
            Self::Made(made) => made.content.iter().map(|(key, value)| (Arc::clone(key), value.clone())).collect(),
        };
        if entries.iter().any(|(key, _)| index_key(key).is_some()) {
            entries.sort_by_key(|(key, _)| index_key(key).unwrap_or(u64::MAX));
        }
        entries
    }

    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Shared(a), Self::Shared(b)) => a.is_same(b),
            (Self::Made(a), Self::Made(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

impl Function {
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Builtin(a), Self::Builtin(b)) => a == b,
            (Self::Native(a), Self::Native(b)) => a.name == b.name,
            (Self::Closure(a), Self::Closure(b)) => Arc::ptr_eq(a, b),
            _ => false,
        }
    }
}

/// The list index that `key` is the canonical text of.
pub(crate) fn index_key(key: &str) -> Option<u64> {
    let plain = key.len() < 11 && key.bytes().all(|b| b.is_ascii_digit()) && (key == "0" || !key.starts_with('0'));
    if plain { key.parse().ok() } else { None }
}
