//! What travels through a network: values, buffers, messages, their wire form, and streams. Nothing here runs anything.
#![forbid(unsafe_code)]

mod buffer;
mod json_reader;
mod message;
mod park;
mod stream;
mod value;
mod wire;

pub use buffer::{Buffer, BufferOwner};
pub use json_reader::{JsonError, JsonProblem};
pub use message::{AnyValue, HostObject, Message, NetworkEvent, NetworkEventType, RemoteReference};
pub use park::block_until;
pub use stream::{Begin, Frame, StreamError, StreamHandle, StreamReader, StreamWriter};
pub use value::{MAX_DEPTH, Object, Value, from_value, to_value};
pub use wire::{KINDS, WireError, decode};
