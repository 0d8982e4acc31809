//! `Nested`: an object that holds others of its language, shared and as deep as they come.

use std::sync::{Arc, OnceLock};

use crate::host::{HostValue, HostValueError};
use crate::message::{AnyValue, Message};
use crate::shared::SharedObject;
use crate::value::{MAX_DEPTH, Object, Value};

/// An object of a JSON language on its way between components of that language: its own members, and the objects in it.
///
/// Putting one around others costs the same however much is in them, and there is no limit of depth as [`Value`] has one. To
/// everybody else it is the Object that it stands for, written when somebody asks.
#[derive(Clone, Debug)]
pub struct Nested(Arc<Body>);

#[derive(Debug)]
struct Body {
    language: &'static str,
    own: SharedObject,
    inner: Vec<(&'static str, Nested)>,
    depth: usize,
    bytes: u64,
    known: OnceLock<Result<Message, HostValueError>>,
}

/// What is written down for somebody who may never ask. What is in it was written then, too, so that only its own members are new.
const SMALL: u64 = 16 << 20;

impl Nested {
    /// The object of `own` members and those around which it is; a member of both is that of `inner`.
    pub fn new(language: &'static str, own: impl Into<SharedObject>, inner: Vec<(&'static str, Self)>) -> Self {
        let own = own.into();
        let weight = own.weight();
        let depth = inner.iter().map(|(_, node)| node.0.depth + 1).max().unwrap_or(0).max(weight.depth);
        let bytes = inner.iter().fold(weight.bytes, |sum, (_, node)| sum.saturating_add(node.0.bytes));
        Self(Arc::new(Body { language, own, inner, depth, bytes, known: OnceLock::new() }))
    }

    /// The object that a message brings: as it is when it is one of the language, else with everything in its own members.
    pub fn of(language: &'static str, message: &Message) -> Option<Self> {
        if let Some(nested) = message.host_value::<Self>().filter(|nested| nested.0.language == language) {
            return Some(nested.clone());
        }
        match message.known().ok()? {
            Message::Object(Value::Object(own)) => Some(Self::new(language, own.clone(), Vec::new())),
            Message::Optional(Some(value)) | Message::Event(value) | Message::Any(AnyValue::Value(value)) => {
                match &**value {
                    Value::Object(own) => Some(Self::new(language, own.clone(), Vec::new())),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The one that a message is, if it is one of the language.
    pub fn ready<'a>(language: &str, message: &'a Message) -> Option<&'a Self> {
        message.host_value::<Self>().filter(|nested| nested.0.language == language)
    }

    /// The members that are its own.
    pub fn own(&self) -> &SharedObject {
        &self.0.own
    }

    /// How many levels of containers it has.
    pub fn depth(&self) -> usize {
        self.0.depth
    }

    /// The memory that it takes once it is written out, about; what is shared counts as often as it occurs.
    pub fn bytes(&self) -> u64 {
        self.0.bytes
    }

    /// The Object that it stands for.
    ///
    /// # Errors
    /// [`HostValueError`] when that is nested more deeply than a [`Value`] may be, or too large to be written.
    pub fn to_value(&self) -> Result<Value, HostValueError> {
        match self.message()? {
            Message::Object(value) => Ok(value.clone()),
            other => Ok(other.to_value()),
        }
    }

    /// Writes what is in it, then itself, without recursion; everything keeps its own message, for the next that asks.
    fn write(&self) {
        let mut open = vec![(self, false)];
        while let Some((node, is_ready)) = open.pop() {
            if node.0.known.get().is_some() {
                continue;
            }
            if !is_ready {
                open.push((node, true));
                open.extend(node.0.inner.iter().map(|(_, inner)| (inner, false)));
                continue;
            }
            let value = if node.0.inner.is_empty() {
                Value::Object(node.0.own.clone())
            } else {
                let mut members = Object::clone(&node.0.own);
                for (key, inner) in &node.0.inner {
                    if let Some(Ok(Message::Object(value))) = inner.0.known.get() {
                        members.insert((*key).into(), value.clone());
                    }
                }
                members.into()
            };
            let _ = node.0.known.set(Ok(Message::Object(value)));
        }
    }
}

impl HostValue for Nested {
    fn kind(&self) -> &'static str {
        "Object"
    }

    fn message(&self) -> Result<&Message, HostValueError> {
        let known = self.0.known.get().unwrap_or_else(|| {
            if self.0.depth > MAX_DEPTH {
                let problem = format!(
                    "the {} is nested {} levels deep: more than {MAX_DEPTH} can be handed on between its own components only",
                    self.0.language, self.0.depth
                );
                return self.0.known.get_or_init(|| Err(HostValueError(problem.into())));
            }
            self.write();
            self.0.known.get_or_init(|| Err(HostValueError("it could not be written".into())))
        });
        known.as_ref().map_err(Clone::clone)
    }

    fn describe(&self) -> String {
        format!("{}, {} levels deep", self.0.language, self.0.depth)
    }

    fn bytes(&self) -> u64 {
        self.0.bytes
    }

    fn is_small(&self) -> bool {
        self.0.bytes <= SMALL && self.0.depth <= MAX_DEPTH
    }

    fn is_of_components(&self) -> bool {
        true
    }
}

impl From<Nested> for Message {
    fn from(nested: Nested) -> Self {
        if nested.0.inner.is_empty() { Self::Object(nested.0.own.clone().into()) } else { Self::Host(Arc::new(nested)) }
    }
}

impl PartialEq for Nested {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || matches!((self.message(), other.message()), (Ok(a), Ok(b)) if a == b)
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        let mut open = std::mem::take(&mut self.inner);
        while let Some((_, Nested(node))) = open.pop() {
            if let Some(mut last) = Arc::into_inner(node) {
                open.append(&mut last.inner);
            }
        }
    }
}

/// An object that is being read: JSON, or one that is nested.
#[derive(Clone, Copy, Debug)]
pub enum Branch<'a> {
    /// JSON.
    Value(&'a Value),
    /// An object with others in it.
    Nested(&'a Nested),
}

impl<'a> From<&'a Value> for Branch<'a> {
    fn from(value: &'a Value) -> Self {
        Self::Value(value)
    }
}

impl<'a> From<&'a Nested> for Branch<'a> {
    fn from(nested: &'a Nested) -> Self {
        Self::Nested(nested)
    }
}

impl<'a> Branch<'a> {
    /// The members that are JSON; `None` for what is no object.
    pub fn own(self) -> Option<&'a SharedObject> {
        match self {
            Self::Value(Value::Object(object)) => Some(object),
            Self::Value(_) => None,
            Self::Nested(nested) => Some(nested.own()),
        }
    }

    /// A member.
    pub fn get(self, key: &str) -> Option<Self> {
        let inner = match self {
            Self::Nested(nested) => nested.0.inner.iter().find(|(name, _)| *name == key),
            Self::Value(_) => None,
        };
        match inner {
            Some((_, nested)) => Some(Self::Nested(nested)),
            None => self.own()?.get(key).map(Self::Value),
        }
    }

    /// What kind of data it is, in JSON's words.
    pub fn kind(self) -> &'static str {
        match self {
            Self::Value(value) => value.kind(),
            Self::Nested(_) => "object",
        }
    }

    /// The memory that it takes once it is written out, about.
    pub fn bytes(self) -> u64 {
        match self {
            Self::Value(value) => value.bytes(),
            Self::Nested(nested) => nested.bytes(),
        }
    }

    /// Where it is in memory: equal for the same object, and for no other one as long as that lives.
    pub fn address(self) -> usize {
        match self {
            Self::Value(Value::Object(object)) => object.address(),
            Self::Value(value) => std::ptr::from_ref(value).addr(),
            Self::Nested(nested) => Arc::as_ptr(&nested.0).addr(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chain(levels: usize) -> Nested {
        let leaf = Nested::new("test", Object::from([("leaf".into(), 1.into())]), Vec::new());
        (0..levels).fold(leaf, |inner, level| {
            Nested::new("test", Object::from([("level".into(), level.into())]), vec![("inner", inner)])
        })
    }

    #[test]
    fn it_is_the_object_that_it_stands_for() {
        let value = chain(2).to_value().unwrap();
        assert_eq!(value.to_json_string(), r#"{"inner":{"inner":{"leaf":1},"level":0},"level":1}"#);
        assert_eq!(chain(2).depth(), value.depth());
        let message = Message::from(chain(2));
        assert_eq!((message.kind(), message.to_value()), ("Object", value.clone()));
        assert_eq!(Nested::of("test", &message), Some(chain(2)));
        let other = Nested::of("other", &message).unwrap();
        assert_eq!(other.own().get("level"), Some(&1.into()));
        assert!(Nested::ready("other", &message).is_none() && Nested::ready("test", &message).is_some());
        assert_eq!(Branch::from(&chain(2)).get("inner").and_then(|inner| inner.get("level")?.own().cloned()), None);
    }

    #[test]
    fn any_depth_is_held_and_dropped_on_a_small_stack() {
        let work = || {
            let deep = chain(100_000);
            assert_eq!(deep.depth(), 100_001);
            let message = Message::from(deep.clone());
            assert!(message.known().unwrap_err().to_string().contains("100001 levels deep"));
            drop(message);
            let half = deep.clone();
            drop(deep);
            drop(half);
            assert!(chain(MAX_DEPTH - 1).to_value().is_ok() && chain(MAX_DEPTH).to_value().is_err());
        };
        std::thread::Builder::new().stack_size(256 << 10).spawn(work).unwrap().join().unwrap();
    }
}
