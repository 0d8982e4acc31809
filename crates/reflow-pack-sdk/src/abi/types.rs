//! What crosses the boundary: statuses, texts, messages, values, frames, wakers.

use std::ffi::{c_char, c_void};

/// How a call went.
pub type ReflowStatus = i32;
/// It went well.
pub const REFLOW_OK: ReflowStatus = 0;
/// It goes on later: the waker is woken when there is something to do.
pub const REFLOW_PENDING: ReflowStatus = 1;
/// It failed.
pub const REFLOW_FAILED: ReflowStatus = 2;
/// The other side is gone: the run was stopped, the node has ended, nobody reads the stream.
pub const REFLOW_CLOSED: ReflowStatus = 3;
/// There was no room, or no frame, in time.
pub const REFLOW_TIMED_OUT: ReflowStatus = 4;
/// An argument was not what the function takes.
pub const REFLOW_INVALID: ReflowStatus = 5;
/// A stream is full and was not handed over, so that nobody can make room.
pub const REFLOW_FULL: ReflowStatus = 6;

/// A time-out in milliseconds that never comes.
pub const REFLOW_FOREVER: u64 = u64::MAX;
/// In place of a size that nobody knows.
pub const REFLOW_UNKNOWN_SIZE: u64 = u64::MAX;
/// In place of the index of a port that does not exist.
pub const REFLOW_NO_PORT: u32 = u32::MAX;

/// A message without data.
pub const REFLOW_FLOW: u32 = 0;
/// A truth value, in `payload.integer` as 0 or 1.
pub const REFLOW_BOOLEAN: u32 = 1;
/// A whole number, in `payload.integer`.
pub const REFLOW_INTEGER: u32 = 2;
/// A float, in `payload.number`.
pub const REFLOW_FLOAT: u32 = 3;
/// Text: read it with `message_text`. From here on a message holds a handle.
pub const REFLOW_STRING: u32 = 4;
/// JSON-shaped data: read it with `message_value`.
pub const REFLOW_OBJECT: u32 = 5;
/// A list of JSON-shaped data: read it with `message_value`.
pub const REFLOW_ARRAY: u32 = 6;
/// Raw bytes: read them with `message_bytes`.
pub const REFLOW_BYTES: u32 = 7;
/// An error as data: read it with `message_text`.
pub const REFLOW_ERROR: u32 = 8;
/// The readable end of a stream: take it with `message_take_stream`.
pub const REFLOW_STREAM: u32 = 9;
/// JSON-shaped data that may be absent: read it with `message_value`.
pub const REFLOW_OPTIONAL: u32 = 10;
/// JSON-shaped data that reports something: read it with `message_value`.
pub const REFLOW_EVENT: u32 = 11;
/// Bytes in a private encoding: read them with `message_bytes`.
pub const REFLOW_ENCODED: u32 = 12;
/// Anything: `message_value` reads it when it is JSON-shaped; pass it on otherwise.
pub const REFLOW_ANY: u32 = 13;
/// The address of a port in another network.
pub const REFLOW_REMOTE_REFERENCE: u32 = 14;
/// Something that happened to another network.
pub const REFLOW_NETWORK_EVENT: u32 = 15;

/// JSON `null`.
pub const REFLOW_VALUE_NULL: u32 = 0;
/// A truth value, in `scalar.integer` as 0 or 1.
pub const REFLOW_VALUE_BOOLEAN: u32 = 1;
/// A whole number, in `scalar.integer`.
pub const REFLOW_VALUE_INTEGER: u32 = 2;
/// A whole number above the range of the signed ones, in `scalar.unsigned_integer`.
pub const REFLOW_VALUE_UNSIGNED: u32 = 3;
/// A float, in `scalar.number`; may be NaN or infinite.
pub const REFLOW_VALUE_FLOAT: u32 = 4;
/// Text, in `text`.
pub const REFLOW_VALUE_STRING: u32 = 5;
/// A list; `text.len` is the number of items.
pub const REFLOW_VALUE_ARRAY: u32 = 6;
/// An object; `text.len` is the number of members.
pub const REFLOW_VALUE_OBJECT: u32 = 7;

/// What follows in the stream: an Object message with `content_type`, `size_hint` and `metadata`, each optional.
pub const REFLOW_FRAME_BEGIN: u32 = 0;
/// A piece of the data: a Bytes message.
pub const REFLOW_FRAME_DATA: u32 = 1;
/// The writer has said everything: a Flow message.
pub const REFLOW_FRAME_END: u32 = 2;
/// The writer had to stop: a String message that says why.
pub const REFLOW_FRAME_ERROR: u32 = 3;

/// An actor that computes and never waits.
pub const REFLOW_SYNC: u32 = 0;
/// An actor whose calls may block; each runs on a thread made for waiting.
pub const REFLOW_BLOCKING: u32 = 1;
/// An actor whose calls may answer `REFLOW_PENDING` and go on in `resume`.
pub const REFLOW_ASYNC: u32 = 2;
/// Since 1.2. An actor that computes for long; each call runs on the compute pool of the runtime.
pub const REFLOW_HEAVY: u32 = 3;

/// Text in UTF-8, not terminated by a zero.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ReflowStr {
    /// The first byte; anything when `len` is 0.
    pub ptr: *const c_char,
    /// The number of bytes.
    pub len: usize,
}

/// Raw bytes.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ReflowBytes {
    /// The first byte; anything when `len` is 0.
    pub ptr: *const u8,
    /// The number of bytes.
    pub len: usize,
}

/// One tick, borrowed by the actor's function that it is given to. What follows these fields is private to the runtime.
#[repr(C)]
#[derive(Debug)]
pub struct ReflowTick {
    /// `sizeof(ReflowTick)` in the runtime.
    pub size: u32,
    /// How many inputs there are.
    pub input_count: u32,
    /// The inputs, lent for as long as the tick; one that was taken (`tick_take`) may not be looked at any more.
    pub inputs: *const ReflowInput,
    /// The node, lent for as long as the tick.
    pub node: *const ReflowNode,
}

/// A node of a running network. May be used from any thread.
pub struct ReflowNode {
    _opaque: (),
}

/// JSON-shaped data that never changes. May be used from any thread.
pub struct ReflowValue {
    _opaque: (),
}

/// A value in the making, for one thread at a time.
pub struct ReflowBuilder {
    _opaque: (),
}

/// The writing end of a stream. May be used from any thread.
pub struct ReflowWriter {
    _opaque: (),
}

/// The reading end of a stream, for one thread at a time.
pub struct ReflowReader {
    _opaque: (),
}

/// Where a pack registers its components while its entry point runs.
pub struct ReflowRegistry {
    _opaque: (),
}

/// The payload of a [`ReflowMessage`].
#[repr(C)]
#[derive(Clone, Copy)]
pub union ReflowPayload {
    /// Of a truth value or a whole number.
    pub integer: i64,
    /// Of a float.
    pub number: f64,
    /// Of every kind from `REFLOW_STRING` on: private to the runtime. It may be moved, as a whole.
    pub handle: [*mut c_void; 3],
}

/// A message: a kind, and a number or a handle that may be used from any thread. Copying it does not make another owner;
/// `message_clone` does.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ReflowMessage {
    /// `REFLOW_FLOW` … `REFLOW_NETWORK_EVENT`; a later minor may add more.
    pub kind: u32,
    /// 0.
    pub reserved: u32,
    /// The data.
    pub payload: ReflowPayload,
}

/// An input of a tick.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ReflowInput {
    /// The index of the inport.
    pub port: u32,
    /// 0.
    pub reserved: u32,
    /// The message; borrowed for as long as the tick.
    pub message: ReflowMessage,
}

/// The number in a [`ReflowDatum`].
#[repr(C)]
#[derive(Clone, Copy)]
pub union ReflowScalar {
    /// Of a truth value or a whole number.
    pub integer: i64,
    /// Of a large whole number.
    pub unsigned_integer: u64,
    /// Of a float.
    pub number: f64,
}

/// One level of a value: a scalar, a text, or the size of a list or object.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ReflowDatum {
    /// `REFLOW_VALUE_NULL` … `REFLOW_VALUE_OBJECT`.
    pub kind: u32,
    /// 0.
    pub reserved: u32,
    /// The number.
    pub scalar: ReflowScalar,
    /// The text, borrowed for as long as the value; the number of children of a list or object in `len`.
    pub text: ReflowStr,
}

/// One element of a stream.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct ReflowFrame {
    /// `REFLOW_FRAME_BEGIN` … `REFLOW_FRAME_ERROR`.
    pub kind: u32,
    /// 0.
    pub reserved: u32,
    /// What it holds.
    pub content: ReflowMessage,
}

/// Somebody to wake, owned. Both sides make them; `wake` may be called any number of times, from any thread.
#[repr(C)]
#[derive(Debug)]
pub struct ReflowWaker {
    /// What `wake` and `drop` are called with.
    pub data: *mut c_void,
    /// Wakes.
    pub wake: Option<unsafe extern "C" fn(data: *mut c_void)>,
    /// Gives `data` back.
    pub drop: Option<unsafe extern "C" fn(data: *mut c_void)>,
}
