//! What travels through a network: values, buffers, messages, their wire form, and streams. Nothing here runs anything.
#![forbid(unsafe_code)]

mod buffer;
mod host;
mod json;
mod json_reader;
mod message;
mod nested;
mod pack;
mod park;
mod port_type;
mod shared;
mod stream;
mod value;
mod wire;

pub use buffer::{Buffer, BufferOwner};
pub use host::{HostValue, HostValueError, Maker, Parts, make_hosted, set_maker};
pub use json::{DEFAULT_MAX_BYTES, ValueError, from_value, max_bytes, set_max_bytes, to_value};
pub use json_reader::{JsonError, JsonProblem};
pub use message::{AnyValue, HostObject, Message, NetworkEvent, NetworkEventType, RemoteReference};
pub use nested::{Branch, Nested};
pub use pack::{UnpackError, Unpacker, put_number, set_unpacker, take_number};
pub use park::block_until;
pub use port_type::PortType;
pub use shared::{SharedArray, SharedObject};
pub use stream::{Begin, End, Frame, Holder, StreamError, StreamHandle, StreamReader, StreamWriter, Waiting};
pub use value::{MAX_DEPTH, Object, Value};
pub use wire::{KINDS, WireError, decode};
