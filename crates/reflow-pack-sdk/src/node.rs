//! `NodeHandle`: a node of a running network, for its actor and for threads that send later.

use std::fmt;
use std::mem::offset_of;
use std::time::Duration;

use reflow_message::Value;

use crate::abi::{
    REFLOW_CLOSED, REFLOW_FOREVER, REFLOW_NO_PORT, REFLOW_OK, REFLOW_TIMED_OUT, ReflowHost, ReflowNode, ReflowStatus,
    ReflowStr,
};
use crate::host::{borrowed, host, text};
use crate::message::Message;
use crate::tick::PortIndex;
use crate::value;

/// A node of a running network. A clone may go to any thread and outlive the run; it does not keep the node alive.
#[repr(transparent)]
pub struct NodeHandle(*mut ReflowNode);

// SAFETY: the ABI says that a node may be used from any thread.
unsafe impl Send for NodeHandle {}
// SAFETY: as above.
unsafe impl Sync for NodeHandle {}

/// Why a message could not be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SendError {
    /// The run was stopped or the node has ended.
    Closed,
    /// There was no room in time.
    TimedOut,
    /// Not possible from here: a blocking send in an actor that is not blocking, for example.
    NotHere,
}

impl fmt::Display for SendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the run was stopped or the node has ended, so nothing can be sent any more",
            Self::TimedOut => "there was no room for the message in time",
            Self::NotHere => "this actor cannot send at once; use `send`, or make it a blocking or async actor",
        })
    }
}

impl std::error::Error for SendError {}

impl From<SendError> for crate::Failure {
    fn from(error: SendError) -> Self {
        Self::new(error.to_string()).with_reason("send")
    }
}

pub(crate) fn sent(status: ReflowStatus) -> Result<(), SendError> {
    match status {
        REFLOW_OK => Ok(()),
        REFLOW_CLOSED => Err(SendError::Closed),
        REFLOW_TIMED_OUT => Err(SendError::TimedOut),
        _ => Err(SendError::NotHere),
    }
}

impl NodeHandle {
    /// # Safety
    /// `node` is owned by the caller, or the handle is never dropped and not used longer than `node` lives.
    pub(crate) unsafe fn from_raw(node: *mut ReflowNode) -> Self {
        Self(node)
    }

    pub(crate) fn as_raw(&self) -> *const ReflowNode {
        self.0
    }

    fn lent(&self, read: unsafe extern "C" fn(*const ReflowNode) -> ReflowStr) -> &str {
        // SAFETY: the text lives as long as the node.
        unsafe { borrowed(read(self.0)) }.unwrap_or_default()
    }

    /// The node's id.
    pub fn id(&self) -> &str {
        self.lent(host().node_id)
    }

    /// The template id of the node.
    pub fn component(&self) -> &str {
        self.lent(host().node_component)
    }

    /// A text that tells this run from others.
    pub fn run_id(&self) -> &str {
        self.lent(host().node_run_id)
    }

    /// A copy of the node's config; an empty object when it has none.
    pub fn config(&self) -> Value {
        // SAFETY: the config lives as long as the node.
        unsafe { value::from_raw((host().node_config)(self.0)) }
    }

    /// Whether the run was asked to stop. Look often in long work.
    pub fn is_cancelled(&self) -> bool {
        // SAFETY: the node is alive.
        unsafe { (host().node_is_cancelled)(self.0) }
    }

    /// The index of the inport called `name`.
    pub fn inport(&self, name: &str) -> Option<usize> {
        // SAFETY: the node is alive and the name is borrowed for the call.
        port(unsafe { (host().node_inport)(self.0, text(name)) })
    }

    /// The index of the outport called `name`; `None` when it is neither declared nor connected.
    pub fn outport(&self, name: &str) -> Option<usize> {
        // SAFETY: as in `inport`.
        port(unsafe { (host().node_outport)(self.0, text(name)) })
    }

    /// Whether packets can come to an inport: over a connection, as an initial, or from outside by its name.
    pub fn is_inport_connected(&self, port: impl PortIndex) -> bool {
        // The table of a runtime may be shorter than it is known here; what is not there is not asked.
        if (host().size as usize) <= offset_of!(ReflowHost, node_inport_connected) {
            return false;
        }
        // SAFETY: the node is alive.
        unsafe { (host().node_inport_connected)(self.0, port.index() as u32) }
    }

    /// Whether an outport leads to a node, which is what an outport for errors is asked: who only watches handles none.
    pub fn is_outport_connected(&self, port: impl PortIndex) -> bool {
        if (host().size as usize) <= offset_of!(ReflowHost, node_outport_connected) {
            return false;
        }
        // SAFETY: the node is alive.
        unsafe { (host().node_outport_connected)(self.0, port.index() as u32) }
    }

    /// Whether somebody takes what leaves by an outport: a node, an outport of the network, or a listener. What nobody takes
    /// need not be made.
    pub fn is_outport_heard(&self, port: impl PortIndex) -> bool {
        // Where the runtime does not know, it is made.
        if (host().size as usize) <= offset_of!(ReflowHost, node_outport_heard) {
            return true;
        }
        // SAFETY: the node is alive.
        unsafe { (host().node_outport_heard)(self.0, port.index() as u32) }
    }

    /// The name of an inport.
    pub fn inport_name(&self, port: impl PortIndex) -> String {
        // SAFETY: the node is alive; the message is ours.
        let name = unsafe { Message::from_raw((host().node_inport_name)(self.0, port.index() as u32)) };
        name.as_text().unwrap_or_default().to_string()
    }

    /// Sends a message at once from any thread, blocking it while there is no room; without a time-out until the run is
    /// stopped. Not inside ticks of sync and async actors, whose threads must not block.
    ///
    /// # Errors
    /// [`SendError`] says why it was not sent.
    pub fn send_blocking(
        &self,
        port: impl PortIndex,
        message: impl Into<Message>,
        timeout: Option<Duration>,
    ) -> Result<(), SendError> {
        let timeout = milliseconds(timeout);
        // SAFETY: the node is alive and the message handed over.
        sent(unsafe { (host().node_send)(self.0, port.index() as u32, message.into().into_raw(), timeout) })
    }

    /// Sends several messages at once from any thread, each by its port, as one emission: a node that joins by origin takes them
    /// together. Blocks the thread while there is no room, as [`send_blocking`](Self::send_blocking) does.
    ///
    /// # Errors
    /// [`SendError`] says why the first of them that was not sent was not; the ones before it were.
    pub fn emit_blocking(
        &self,
        messages: impl IntoIterator<Item = (usize, Message)>,
        timeout: Option<Duration>,
    ) -> Result<(), SendError> {
        let (ports, messages): (Vec<u32>, Vec<_>) =
            messages.into_iter().map(|(port, message)| (port as u32, message.into_raw())).unzip();
        // SAFETY: the node is alive; as many ports as messages are lent, and the messages are handed over.
        sent(unsafe {
            (host().node_emit)(self.0, ports.as_ptr(), messages.as_ptr(), ports.len(), milliseconds(timeout))
        })
    }

    /// Keeps a text out of everything that the runtime tells for this node from now on: failures, logs, progress.
    pub fn keep_secret(&self, secret: &str) {
        // SAFETY: the node is alive and the text borrowed for the call.
        unsafe { (host().node_secret)(self.0, text(secret)) }
    }

    /// Tells listeners something; `level` is `debug`, `info`, `warning` or `error`.
    pub fn log(&self, level: &str, data: impl Into<Value>) {
        lend(&data.into(), |data| {
            // SAFETY: everything is borrowed for the call.
            unsafe { (host().node_log)(self.0, text(level), data) }
        });
    }

    /// Tells listeners how far the actor is, from 0 to 1, and in words.
    pub fn progress(&self, fraction: f64, words: &str) {
        // SAFETY: everything is borrowed for the call.
        unsafe { (host().node_progress)(self.0, fraction, text(words)) }
    }

    /// Puts a value into a pool of the node, in place of what was there under `id`.
    pub fn pool_upsert(&self, pool: &str, id: &str, value: impl Into<Value>) {
        lend(&value.into(), |value| {
            // SAFETY: everything is borrowed for the call.
            unsafe { (host().pool_upsert)(self.0, text(pool), text(id), value) }
        });
    }

    /// A copy of a value of a pool.
    pub fn pool_get(&self, pool: &str, id: &str) -> Option<Value> {
        // SAFETY: the names are borrowed for the call; the value is ours.
        unsafe { owned((host().pool_get)(self.0, text(pool), text(id))) }
    }

    /// Takes a value out of a pool.
    pub fn pool_remove(&self, pool: &str, id: &str) -> Option<Value> {
        // SAFETY: as in `pool_get`.
        unsafe { owned((host().pool_remove)(self.0, text(pool), text(id))) }
    }

    /// A copy of a whole pool, an object by id.
    pub fn pool(&self, pool: &str) -> Value {
        // SAFETY: as in `pool_get`.
        unsafe { owned((host().pool_snapshot)(self.0, text(pool))) }.unwrap_or_default()
    }

    /// Empties a pool.
    pub fn pool_clear(&self, pool: &str) {
        // SAFETY: the name is borrowed for the call.
        unsafe { (host().pool_clear)(self.0, text(pool)) }
    }
}

fn milliseconds(timeout: Option<Duration>) -> u64 {
    timeout.map_or(REFLOW_FOREVER, |timeout| timeout.as_millis().try_into().unwrap_or(REFLOW_FOREVER))
}

fn port(index: u32) -> Option<usize> {
    (index != REFLOW_NO_PORT).then_some(index as usize)
}

/// # Safety
/// `value` is null or owned by the caller.
unsafe fn owned(value: *mut crate::abi::ReflowValue) -> Option<Value> {
    // SAFETY: as this function demands.
    (!value.is_null()).then(|| unsafe { value::from_owned(value) })
}

/// Lends `value` to the runtime for a call.
fn lend(value: &Value, call: impl FnOnce(*const crate::abi::ReflowValue)) {
    let value = value::to_owned_raw(value);
    call(value);
    // SAFETY: it is ours and not used any more.
    unsafe { (host().value_drop)(value) };
}

impl Clone for NodeHandle {
    fn clone(&self) -> Self {
        // SAFETY: the answer is an owner of its own.
        Self(unsafe { (host().node_clone)(self.0) })
    }
}

impl Drop for NodeHandle {
    fn drop(&mut self) {
        // SAFETY: we own it and do not use it any more.
        unsafe { (host().node_drop)(self.0) };
    }
}

impl fmt::Debug for NodeHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NodeHandle({})", self.id())
    }
}
