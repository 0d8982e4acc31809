//! Kinds made of other kinds.

use std::borrow::Cow;
use std::marker::PhantomData;

use reflow_message::{Message, PortType, SharedArray, Value};

use super::{PortKind, payload};

/// A list of anything.
pub struct List;

impl PortKind for List {
    type Value = SharedArray;

    fn word() -> Cow<'static, str> {
        "array".into()
    }

    fn port_type() -> PortType {
        PortType::array(PortType::Any)
    }

    fn also() -> Vec<PortType> {
        vec![PortType::object("")]
    }

    fn read(message: &Message) -> Option<SharedArray> {
        items(message).cloned()
    }

    fn make(value: SharedArray) -> Message {
        Message::Array(value)
    }
}

/// The items of an Array, or of a JSON payload that is one.
fn items(message: &Message) -> Option<&SharedArray> {
    match message {
        Message::Array(items) => Some(items),
        other => match payload(other)? {
            Value::Array(items) => Some(items),
            _ => None,
        },
    }
}

/// A list whose items are all of the kind `K`.
pub struct ListOf<K>(PhantomData<fn() -> K>);

impl<K: PortKind> PortKind for ListOf<K> {
    type Value = Vec<K::Value>;

    fn word() -> Cow<'static, str> {
        format!("array of {}", K::word()).into()
    }

    fn text() -> Cow<'static, str> {
        if K::text().is_empty() { Cow::Borrowed("") } else { format!("a list; each item is {}", K::text()).into() }
    }

    fn port_type() -> PortType {
        PortType::array(K::port_type())
    }

    fn also() -> Vec<PortType> {
        let items = K::also().into_iter().map(PortType::array);
        items.chain([PortType::object("")]).collect()
    }

    fn read(message: &Message) -> Option<Vec<K::Value>> {
        items(message)?.iter().map(|item| K::read(&Message::from_value(item.clone()))).collect()
    }

    fn make(value: Vec<K::Value>) -> Message {
        Message::Array(value.into_iter().map(|item| K::make(item).to_value()).collect())
    }
}

/// A value of the kind `K`, or nothing.
pub struct Optional<K>(PhantomData<fn() -> K>);

impl<K: PortKind> PortKind for Optional<K> {
    type Value = Option<K::Value>;

    fn word() -> Cow<'static, str> {
        format!("optional {}", K::word()).into()
    }

    fn text() -> Cow<'static, str> {
        K::text()
    }

    fn port_type() -> PortType {
        PortType::Option(Box::new(K::port_type()))
    }

    fn also() -> Vec<PortType> {
        K::also()
    }

    fn read(message: &Message) -> Option<Option<K::Value>> {
        match message {
            Message::Optional(None) | Message::Flow => Some(None),
            other => K::read(other).map(Some),
        }
    }

    fn make(value: Option<K::Value>) -> Message {
        value.map_or(Message::Optional(None), K::make)
    }
}

/// Either of two kinds; the first one that can read a message does.
pub struct Either<A, B>(PhantomData<fn() -> (A, B)>);

/// A value of one of two kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OneOf<A, B> {
    /// Of the first.
    First(A),
    /// Of the second.
    Second(B),
}

impl<A: PortKind, B: PortKind> PortKind for Either<A, B> {
    type Value = OneOf<A::Value, B::Value>;

    fn word() -> Cow<'static, str> {
        format!("{} or {}", A::word(), B::word()).into()
    }

    fn text() -> Cow<'static, str> {
        match (A::text(), B::text()) {
            (a, b) if a.is_empty() => b,
            (a, b) if b.is_empty() => a,
            (a, b) => format!("{a}; or {b}").into(),
        }
    }

    fn port_type() -> PortType {
        A::port_type()
    }

    fn also() -> Vec<PortType> {
        A::also().into_iter().chain([B::port_type()]).chain(B::also()).collect()
    }

    fn read(message: &Message) -> Option<Self::Value> {
        A::read(message).map(OneOf::First).or_else(|| B::read(message).map(OneOf::Second))
    }

    fn make(value: Self::Value) -> Message {
        match value {
            OneOf::First(value) => A::make(value),
            OneOf::Second(value) => B::make(value),
        }
    }
}
