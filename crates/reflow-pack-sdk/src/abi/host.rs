//! What the runtime hands to a pack: the table of its functions.

use std::ffi::c_void;

use super::actor::{ReflowCommand, ReflowComponent, ReflowFailure, ReflowPackInfo, ReflowSource};
use super::types::{
    ReflowBuilder, ReflowBytes, ReflowDatum, ReflowFrame, ReflowMessage, ReflowNode, ReflowReader, ReflowRegistry,
    ReflowStatus, ReflowStr, ReflowTick, ReflowValue, ReflowWaker, ReflowWriter,
};

/// The functions of the runtime. The table lives as long as the process; every function may be called from any thread,
/// but what a tick, builder or reader belongs to may not be used from two threads at once.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ReflowHost {
    /// `sizeof(ReflowHost)` in the runtime.
    pub size: u32,
    /// `REFLOW_PACK_ABI_VERSION` of the runtime; its minor is the pack's or later.
    pub abi_version: u32,

    // Registration, in the entry point.
    /// Says who the pack is. Call it first.
    pub registry_identify:
        unsafe extern "C" fn(registry: *mut ReflowRegistry, info: *const ReflowPackInfo) -> ReflowStatus,
    /// Registers a component; `component` and its texts are copied, `context` is kept.
    pub registry_add:
        unsafe extern "C" fn(registry: *mut ReflowRegistry, component: *const ReflowComponent) -> ReflowStatus,
    /// Tells why the entry point is about to answer `REFLOW_FAILED`.
    pub registry_fail: unsafe extern "C" fn(registry: *mut ReflowRegistry, message: ReflowStr),
    /// Tells why `create` is about to answer `REFLOW_FAILED`; `errors` is what `create` was given.
    pub create_fail: unsafe extern "C" fn(errors: *mut c_void, message: ReflowStr),

    // Ticks.
    /// Takes the message of an inport out, owned. `false` when there is none.
    pub tick_take: unsafe extern "C" fn(tick: *mut ReflowTick, port: u32, message: *mut ReflowMessage) -> bool,
    /// Sends when the tick commits; a second message for the port replaces the first. Takes the message.
    pub tick_emit: unsafe extern "C" fn(tick: *mut ReflowTick, port: u32, message: ReflowMessage),
    /// Sends even if the tick fails later, in order, at the end of the tick. Takes the message.
    pub tick_send: unsafe extern "C" fn(tick: *mut ReflowTick, port: u32, message: ReflowMessage),
    /// Sends at once, blocking while there is no room; for blocking actors. Takes the message.
    pub tick_send_now: unsafe extern "C" fn(tick: *mut ReflowTick, port: u32, message: ReflowMessage) -> ReflowStatus,
    /// Sends at once; for async actors. On `REFLOW_PENDING` the message is taken and the tick is woken when there may be
    /// room: call again with a Flow until the answer is another. One such send at a time.
    pub tick_poll_send: unsafe extern "C" fn(tick: *mut ReflowTick, port: u32, message: ReflowMessage) -> ReflowStatus,
    /// Tells why the tick is about to fail.
    pub tick_fail: unsafe extern "C" fn(tick: *mut ReflowTick, failure: *const ReflowFailure),
    /// Ends the node after this tick.
    pub tick_finish: unsafe extern "C" fn(tick: *mut ReflowTick),
    /// Who wakes this tick, owned; for async actors.
    pub tick_waker: unsafe extern "C" fn(tick: *mut ReflowTick) -> ReflowWaker,
    /// Wakes `waker` after so many milliseconds; takes it. For async actors.
    pub tick_wake_after: unsafe extern "C" fn(tick: *mut ReflowTick, milliseconds: u64, waker: ReflowWaker),
    /// The node, owned, for work that goes on beside its ticks: the node stays alive until it is dropped. Null when the
    /// run was stopped.
    pub tick_background: unsafe extern "C" fn(tick: *mut ReflowTick) -> *mut ReflowNode,

    // Nodes.
    /// Another owner of the node, which does not keep it alive.
    pub node_clone: unsafe extern "C" fn(node: *const ReflowNode) -> *mut ReflowNode,
    /// Gives an owned node back.
    pub node_drop: unsafe extern "C" fn(node: *mut ReflowNode),
    /// The id, borrowed for as long as the node.
    pub node_id: unsafe extern "C" fn(node: *const ReflowNode) -> ReflowStr,
    /// The template id, borrowed for as long as the node.
    pub node_component: unsafe extern "C" fn(node: *const ReflowNode) -> ReflowStr,
    /// A text that tells this run from others, borrowed for as long as the node.
    pub node_run_id: unsafe extern "C" fn(node: *const ReflowNode) -> ReflowStr,
    /// The config, borrowed for as long as the node.
    pub node_config: unsafe extern "C" fn(node: *const ReflowNode) -> *const ReflowValue,
    /// The index of an inport, or `REFLOW_NO_PORT`.
    pub node_inport: unsafe extern "C" fn(node: *const ReflowNode, name: ReflowStr) -> u32,
    /// The index of an outport, or `REFLOW_NO_PORT` when it is neither declared nor connected.
    pub node_outport: unsafe extern "C" fn(node: *const ReflowNode, name: ReflowStr) -> u32,
    /// The name of an inport, as an owned String message.
    pub node_inport_name: unsafe extern "C" fn(node: *const ReflowNode, port: u32) -> ReflowMessage,
    /// Sends at once from any thread, waiting for room for so many milliseconds. Takes the message.
    pub node_send: unsafe extern "C" fn(
        node: *const ReflowNode,
        port: u32,
        message: ReflowMessage,
        timeout_ms: u64,
    ) -> ReflowStatus,
    /// Whether the run was asked to stop. Look often in long work.
    pub node_is_cancelled: unsafe extern "C" fn(node: *const ReflowNode) -> bool,
    /// Tells listeners something; `level` is `debug`, `info`, `warning` or `error`.
    pub node_log: unsafe extern "C" fn(node: *const ReflowNode, level: ReflowStr, data: *const ReflowValue),
    /// Puts a value into a pool of the node; the value stays the caller's.
    pub pool_upsert:
        unsafe extern "C" fn(node: *const ReflowNode, pool: ReflowStr, id: ReflowStr, value: *const ReflowValue),
    /// A value of a pool, owned, or null.
    pub pool_get: unsafe extern "C" fn(node: *const ReflowNode, pool: ReflowStr, id: ReflowStr) -> *mut ReflowValue,
    /// Takes a value out of a pool, owned, or null.
    pub pool_remove: unsafe extern "C" fn(node: *const ReflowNode, pool: ReflowStr, id: ReflowStr) -> *mut ReflowValue,
    /// The whole pool as an object by id, owned.
    pub pool_snapshot: unsafe extern "C" fn(node: *const ReflowNode, pool: ReflowStr) -> *mut ReflowValue,
    /// Empties a pool.
    pub pool_clear: unsafe extern "C" fn(node: *const ReflowNode, pool: ReflowStr),

    // Messages.
    /// Another owner of the same message; data is shared.
    pub message_clone: unsafe extern "C" fn(message: *const ReflowMessage) -> ReflowMessage,
    /// Gives an owned message back, which becomes a Flow.
    pub message_drop: unsafe extern "C" fn(message: *mut ReflowMessage),
    /// A message with text: `kind` is `REFLOW_STRING` or `REFLOW_ERROR`. The text is copied.
    pub message_of_text: unsafe extern "C" fn(kind: u32, text: ReflowStr) -> ReflowMessage,
    /// A message with bytes: `kind` is `REFLOW_BYTES` or `REFLOW_ENCODED`. With `release` nothing is copied: the bytes
    /// stay as they are until `release(owner)` is called, from any thread. Without, they are copied.
    pub message_of_bytes: unsafe extern "C" fn(
        kind: u32,
        bytes: ReflowBytes,
        owner: *mut c_void,
        release: Option<unsafe extern "C" fn(owner: *mut c_void)>,
    ) -> ReflowMessage,
    /// A message with JSON-shaped data, `REFLOW_OBJECT`, `REFLOW_ARRAY` (of a list), `REFLOW_OPTIONAL` (of null: absent),
    /// `REFLOW_EVENT` or `REFLOW_ANY`. Takes the value. Of another kind, or a list that is none: a Flow.
    pub message_of_value: unsafe extern "C" fn(kind: u32, value: *mut ReflowValue) -> ReflowMessage,
    /// The text of a String or Error, or of JSON-shaped data that is text, borrowed for as long as the message; a null
    /// `ptr` for others.
    pub message_text: unsafe extern "C" fn(message: *const ReflowMessage) -> ReflowStr,
    /// The bytes of a Bytes or Encoded, borrowed for as long as the message; a null `ptr` for others.
    pub message_bytes: unsafe extern "C" fn(message: *const ReflowMessage) -> ReflowBytes,
    /// The message as JSON-shaped data, owned; of a stream what is known of it; null for Flow, Bytes, Encoded and what only a host can hold.
    pub message_value: unsafe extern "C" fn(message: *const ReflowMessage) -> *mut ReflowValue,
    /// Takes the readable end of a stream, owned; null when the message holds none or it was taken before.
    pub message_take_stream: unsafe extern "C" fn(message: *const ReflowMessage) -> *mut ReflowReader,

    // Values.
    /// One level of a value.
    pub value_read: unsafe extern "C" fn(value: *const ReflowValue) -> ReflowDatum,
    /// A member of an object, borrowed for as long as the object, or null.
    pub value_member: unsafe extern "C" fn(value: *const ReflowValue, key: ReflowStr) -> *const ReflowValue,
    /// An item of a list, borrowed for as long as the list, or null.
    pub value_item: unsafe extern "C" fn(value: *const ReflowValue, index: usize) -> *const ReflowValue,
    /// Calls `each` for every child, with an empty key in a list, until it answers `false`.
    pub value_each: unsafe extern "C" fn(
        value: *const ReflowValue,
        context: *mut c_void,
        each: unsafe extern "C" fn(context: *mut c_void, key: ReflowStr, child: *const ReflowValue) -> bool,
    ),
    /// The value of a JSON text, owned; null when it is none, then `error` (may be null) is an owned String message.
    pub value_parse: unsafe extern "C" fn(json: ReflowStr, error: *mut ReflowMessage) -> *mut ReflowValue,
    /// The value as JSON text, an owned String message.
    pub value_print: unsafe extern "C" fn(value: *const ReflowValue) -> ReflowMessage,
    /// Another owner of a value; data is shared.
    pub value_clone: unsafe extern "C" fn(value: *const ReflowValue) -> *mut ReflowValue,
    /// Gives an owned value back; null is fine.
    pub value_drop: unsafe extern "C" fn(value: *mut ReflowValue),
    /// A value in the making, owned.
    pub builder_new: unsafe extern "C" fn() -> *mut ReflowBuilder,
    /// Names the member that comes next in an object.
    pub builder_key: unsafe extern "C" fn(builder: *mut ReflowBuilder, key: ReflowStr),
    /// Adds a scalar or text; a list or object is opened, and lasts until `builder_close`.
    pub builder_add: unsafe extern "C" fn(builder: *mut ReflowBuilder, datum: *const ReflowDatum),
    /// Adds a value that is there already; it stays the caller's.
    pub builder_share: unsafe extern "C" fn(builder: *mut ReflowBuilder, value: *const ReflowValue),
    /// Ends the innermost open list or object.
    pub builder_close: unsafe extern "C" fn(builder: *mut ReflowBuilder),
    /// The value, owned, and the end of the builder; null when it is not one whole value.
    pub builder_finish: unsafe extern "C" fn(builder: *mut ReflowBuilder) -> *mut ReflowValue,

    // Streams.
    /// A new stream, owned, that holds at most `capacity` unread frames (0: no limit). `node` and `content_type` may be
    /// null or empty.
    pub stream_new: unsafe extern "C" fn(
        node: *const ReflowNode,
        port: ReflowStr,
        content_type: ReflowStr,
        capacity: usize,
    ) -> *mut ReflowWriter,
    /// The message to send to a reader; once. `size_hint` may be `REFLOW_UNKNOWN_SIZE`.
    pub writer_handle:
        unsafe extern "C" fn(writer: *const ReflowWriter, size_hint: u64, message: *mut ReflowMessage) -> ReflowStatus,
    /// Writes a frame, waiting for room for so many milliseconds. Takes the content, unless it timed out.
    pub writer_write:
        unsafe extern "C" fn(writer: *const ReflowWriter, frame: *const ReflowFrame, timeout_ms: u64) -> ReflowStatus,
    /// Writes a frame if there is room; if not, `REFLOW_PENDING`, and `waker` is woken when there may be. Takes the waker,
    /// and the content unless pending.
    pub writer_poll: unsafe extern "C" fn(
        writer: *const ReflowWriter,
        frame: *const ReflowFrame,
        waker: ReflowWaker,
    ) -> ReflowStatus,
    /// Closes an owned writer: the reader sees what was written, then the close.
    pub writer_drop: unsafe extern "C" fn(writer: *mut ReflowWriter),
    /// The next frame, its content owned, waiting for so many milliseconds; `REFLOW_CLOSED` when there are no more.
    pub reader_read:
        unsafe extern "C" fn(reader: *mut ReflowReader, frame: *mut ReflowFrame, timeout_ms: u64) -> ReflowStatus,
    /// The next frame if there is one; if not, `REFLOW_PENDING`, and `waker` is woken when there may be. Takes the waker.
    pub reader_poll:
        unsafe extern "C" fn(reader: *mut ReflowReader, frame: *mut ReflowFrame, waker: ReflowWaker) -> ReflowStatus,
    /// Closes an owned reader.
    pub reader_drop: unsafe extern "C" fn(reader: *mut ReflowReader),

    /// Since 1.1. Number of the tick in its node, from 1.
    pub tick_sequence: unsafe extern "C" fn(tick: *mut ReflowTick) -> u64,
    /// Since 1.1. Number of this try at the tick, from 1.
    pub tick_attempt: unsafe extern "C" fn(tick: *mut ReflowTick) -> u32,
    /// Since 1.1. Tells listeners how far the actor is, from 0 to 1, and in words.
    pub node_progress: unsafe extern "C" fn(node: *const ReflowNode, fraction: f64, text: ReflowStr),

    /// Since 1.3. Registers templates that are known only at run time, in the entry point. The source is copied, its context is
    /// kept.
    pub registry_add_source:
        unsafe extern "C" fn(registry: *mut ReflowRegistry, source: *const ReflowSource) -> ReflowStatus,
    /// Since 1.3. Registers something that programs may call, in the entry point. The command is copied, its context is kept.
    pub registry_add_command:
        unsafe extern "C" fn(registry: *mut ReflowRegistry, command: *const ReflowCommand) -> ReflowStatus,
    /// Since 1.3. Sends several messages at once from any thread, each by its port, as one emission: what joins by origin takes
    /// them together. Waits for room for so many milliseconds. Takes the messages.
    pub node_emit: unsafe extern "C" fn(
        node: *const ReflowNode,
        ports: *const u32,
        messages: *const ReflowMessage,
        count: usize,
        timeout_ms: u64,
    ) -> ReflowStatus,
    /// Since 1.3. Keeps a text out of everything that the runtime tells for this node from now on: failures, logs, progress.
    pub node_secret: unsafe extern "C" fn(node: *const ReflowNode, secret: ReflowStr),
    /// Since 1.3. Calls `callback(data)` when the process ends in order, unless `exit_forget` is called with the answer before.
    pub exit_call: unsafe extern "C" fn(callback: unsafe extern "C" fn(data: *mut c_void), data: *mut c_void) -> u64,
    /// Since 1.3. Forgets what `exit_call` has noted; `false` when it was called, or is being called, already.
    pub exit_forget: unsafe extern "C" fn(number: u64) -> bool,
    /// Since 1.3. Whether packets can come to an inport: over a connection, as an initial, or from outside by its name.
    pub node_inport_connected: unsafe extern "C" fn(node: *const ReflowNode, port: u32) -> bool,
    /// Since 1.3. Whether an outport leads to a node.
    pub node_outport_connected: unsafe extern "C" fn(node: *const ReflowNode, port: u32) -> bool,
    /// Since 1.3. Whether somebody takes what leaves by an outport: a node, an outport of the network, or a listener.
    pub node_outport_heard: unsafe extern "C" fn(node: *const ReflowNode, port: u32) -> bool,
}
