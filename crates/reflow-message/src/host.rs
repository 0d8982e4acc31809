//! `HostValue`: a plain value of a host, on its way between actors of that host.

use std::any::Any;
use std::sync::{Arc, OnceLock};

use crate::message::Message;
use crate::value::Value;

/// A value as its host has it: it travels as it is between actors of that host, and becomes a message of another kind where it
/// meets anything else.
pub trait HostValue: Any + Send + Sync {
    /// The kind of the message that it stands for elsewhere, "Any" where there is none.
    fn kind(&self) -> &'static str;

    /// The message that it stands for elsewhere; made once and kept.
    ///
    /// # Errors
    /// [`HostValueError`] when it has no other form than its own.
    fn message(&self) -> Result<&Message, HostValueError>;

    /// A short text for people, shown in place of what has no other form.
    fn describe(&self) -> String;

    /// The memory that it holds, about.
    fn bytes(&self) -> u64;

    /// Whether it is worth writing down for somebody who may never ask; cheap to tell.
    fn is_small(&self) -> bool;

    /// Whether it is one of components, and not of a foreign host: those that know it take it as it is.
    fn is_of_components(&self) -> bool {
        false
    }

    /// What a join knows it by: the member at a path of names, in a form that is equal for equal members.
    fn member(&self, path: &[Arc<str>]) -> Option<Value> {
        let whole = self.message().ok()?.to_value();
        path.iter().try_fold(whole, |value, name| value.get(name).cloned())
    }

    /// What tells it from others that stand for the same message: empty for nothing; `None` when that cannot be said.
    fn form(&self) -> Option<Vec<u8>> {
        Some(Vec::new())
    }

    /// The bytes that keep it in a store, in the form of its host; `None` when its message says everything.
    ///
    /// # Errors
    /// [`HostValueError`] when it cannot be kept.
    fn packed(&self) -> Result<Option<Vec<u8>>, HostValueError> {
        Ok(None)
    }

    /// This mapping overlaid with the members of a newer one of the same host; `None` for what is no mapping.
    fn merged_with(&self, _newer: &dyn HostValue) -> Option<Message> {
        None
    }
}

/// What a host is to make one value of.
#[derive(Clone, Debug)]
pub enum Parts {
    /// JSON-shaped data.
    Value(Value),
    /// What a message stands for.
    Message(Message),
    /// A list.
    List(Vec<Self>),
    /// A mapping.
    Members(Vec<(Arc<str>, Self)>),
}

/// Makes a value of a host, and says what it is elsewhere, where that is not what the value itself would become.
pub type Maker = fn(Parts, Option<Message>) -> Option<Message>;

static MAKER: OnceLock<Maker> = OnceLock::new();

/// Says how values of the host of this process are made. The first one counts.
pub fn set_maker(maker: Maker) {
    let _ = MAKER.set(maker);
}

/// A value of the host of this process; `None` where there is no host, or it cannot.
pub fn make_hosted(parts: Parts, elsewhere: Option<Message>) -> Option<Message> {
    MAKER.get()?(parts, elsewhere)
}

/// Why a value of a host cannot leave it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct HostValueError(pub Arc<str>);

impl Message {
    /// Whether its host has more of it than JSON-shaped data can hold.
    pub fn is_more_than_data(&self) -> bool {
        use crate::message::AnyValue;
        matches!(
            self,
            Self::Host(_) | Self::Bytes(_) | Self::Encoded(_) | Self::StreamHandle(_) | Self::Any(AnyValue::Host(_))
        )
    }

    /// The value of a host, if it is one of a `T`.
    pub fn host_value<T: HostValue>(&self) -> Option<&T> {
        match self {
            Self::Host(value) => (&**value as &dyn Any).downcast_ref(),
            _ => None,
        }
    }

    /// The value of a host, to be changed, if it is one of a `T` and nobody else has this message.
    pub fn host_value_mut<T: HostValue>(&mut self) -> Option<&mut T> {
        match self {
            Self::Host(value) => (Arc::get_mut(value)? as &mut dyn Any).downcast_mut(),
            _ => None,
        }
    }

    /// The same in a kind that every component knows.
    ///
    /// # Errors
    /// [`HostValueError`] when it is a value of a host that has no other form.
    pub fn known(&self) -> Result<&Self, HostValueError> {
        match self {
            Self::Host(value) => value.message(),
            known => Ok(known),
        }
    }

    /// The memory that its payload holds, about.
    pub fn payload_bytes(&self) -> u64 {
        match self {
            Self::String(text) | Self::Error(text) => text.len() as u64,
            Self::Object(value) => value.bytes(),
            Self::Array(items) => items.weight().bytes,
            Self::Bytes(bytes) | Self::Encoded(bytes) => bytes.len() as u64,
            Self::Event(value) | Self::Optional(Some(value)) => value.bytes(),
            Self::Any(any) => any.bytes(),
            Self::NetworkEvent(event) => event.data.bytes(),
            Self::Host(value) => value.bytes(),
            _ => 0,
        }
    }

    /// What is kept of the message where it must not be owned: kind and size in words.
    #[must_use]
    pub fn described(&self) -> Self {
        let text = match self {
            Self::Host(value) => format!("<{} of {} bytes, not kept>", value.describe(), value.bytes()),
            other => format!("<{} of {} bytes, not kept>", other.kind(), other.payload_bytes()),
        };
        Self::String(text.into())
    }
}
