//! Nodes over the boundary.

use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reflow_pack_sdk::abi::{
    REFLOW_CLOSED, REFLOW_FOREVER, REFLOW_INVALID, REFLOW_NO_PORT, REFLOW_OK, REFLOW_TIMED_OUT, ReflowMessage,
    ReflowNode, ReflowStatus, ReflowStr, ReflowValue,
};
use reflow_runtime::{BlockingSend, Caller, Message, NodeHandle, Origin, Packets, SendError, Tick, Value};
use tokio::sync::oneshot;

use super::foreign::{self, guard};
use super::secret::Secrets;
use super::{message, value};

/// How often a blocked thread looks around.
const LOOK_AROUND: Duration = Duration::from_millis(100);

/// What a pack knows as a node.
pub(super) struct HostNode {
    pub(super) handle: NodeHandle,
    pub(super) secrets: Secrets,
    hold: Option<Hold>,
}

/// Keeps the node alive for work beside its ticks.
struct Hold {
    /// Dropped with this, which ends the background work.
    _end: oneshot::Sender<()>,
    /// Whether a thread is sending on the account of this hold; a second one needs an account of its own.
    is_sending: AtomicBool,
}

impl HostNode {
    pub(super) fn new(handle: NodeHandle, secrets: Secrets) -> Self {
        Self { handle, secrets, hold: None }
    }

    /// A node that its run counts as busy until this is dropped; `None` when the run was stopped.
    pub(super) fn background(tick: &Tick<'_>, secrets: &Secrets) -> Option<Self> {
        if tick.node().is_cancelled() {
            return None;
        }
        let (end, ended) = oneshot::channel::<()>();
        let mut handle = None;
        tick.spawn(|node| {
            handle = Some(node);
            async move {
                // An error means that the pack dropped its end, which is what ends the work.
                let _ = ended.await;
            }
        });
        let hold = Some(Hold { _end: end, is_sending: AtomicBool::new(false) });
        Some(Self { handle: handle?, secrets: secrets.clone(), hold })
    }

    pub(super) fn give(self) -> *mut ReflowNode {
        Box::into_raw(Box::new(self)).cast()
    }

    /// Sends messages as packets that belong together.
    fn send(&self, messages: Vec<(u32, Message)>, timeout_ms: u64) -> ReflowStatus {
        let hold = self.hold.as_ref().filter(|hold| !hold.is_sending.swap(true, Ordering::AcqRel));
        let caller = if hold.is_some() { Caller::Counted } else { Caller::Other };
        let packets: Option<Packets> =
            messages.into_iter().map(|(port, message)| Some((u16::try_from(port).ok()?, message))).collect();
        let status = match packets {
            Some(packets) => send_blocking(&self.handle, packets, None, caller, timeout_ms, || false),
            None => REFLOW_INVALID,
        };
        if let Some(hold) = hold {
            hold.is_sending.store(false, Ordering::Release);
        }
        status
    }
}

/// Sends packets together, blocking the thread; gives up when `is_abandoned` says so.
pub(super) fn send_blocking(
    node: &NodeHandle,
    packets: Packets,
    origin: Option<&Origin>,
    caller: Caller,
    timeout_ms: u64,
    is_abandoned: impl Fn() -> bool,
) -> ReflowStatus {
    let timeout = (timeout_ms != REFLOW_FOREVER).then(|| Duration::from_millis(timeout_ms));
    let wait = |mut send: BlockingSend<'_>| {
        loop {
            if let Some(result) = send.wait(Some(LOOK_AROUND)) {
                return result;
            }
            if is_abandoned() {
                return Err(SendError::Stopped { node: node.id().clone(), message: Message::Flow });
            }
        }
    };
    match node.send_blocking(packets, origin, caller, timeout, wait) {
        Ok(()) => REFLOW_OK,
        Err(SendError::TimedOut { .. }) => REFLOW_TIMED_OUT,
        Err(_) => REFLOW_CLOSED,
    }
}

/// Looks at a node that the pack owns or was lent.
///
/// # Safety
/// `node` is null or alive for `'a`.
pub(super) unsafe fn look<'a>(node: *const ReflowNode) -> Option<&'a HostNode> {
    // SAFETY: behind every node is one of ours.
    unsafe { node.cast::<HostNode>().as_ref() }
}

/// Calls `body` with the node.
///
/// # Safety
/// `node` is null or alive.
unsafe fn with<T>(node: *const ReflowNode, otherwise: T, body: impl FnOnce(&NodeHandle) -> T) -> T {
    // SAFETY: as this function demands.
    unsafe { with_host(node, otherwise, |node| body(&node.handle)) }
}

/// Calls `body` with the node as the pack knows it.
///
/// # Safety
/// As [`with`].
unsafe fn with_host<T>(node: *const ReflowNode, otherwise: T, body: impl FnOnce(&HostNode) -> T) -> T {
    // SAFETY: as this function demands.
    guard(None, || unsafe { look(node) }.map(body)).unwrap_or(otherwise)
}

pub(super) unsafe extern "C" fn clone(node: *const ReflowNode) -> *mut ReflowNode {
    // SAFETY: the ABI says that the node is alive.
    let node = unsafe { look(node) };
    guard(ptr::null_mut(), || {
        node.map_or(ptr::null_mut(), |node| HostNode::new(node.handle.clone(), node.secrets.clone()).give())
    })
}

pub(super) unsafe extern "C" fn drop_node(node: *mut ReflowNode) {
    guard((), || {
        if !node.is_null() {
            // SAFETY: the ABI says that the pack owns the node, so it is a box made by `give`.
            drop(unsafe { Box::from_raw(node.cast::<HostNode>()) });
        }
    });
}

const NO_TEXT: ReflowStr = ReflowStr { ptr: ptr::null(), len: 0 };

pub(super) unsafe extern "C" fn id(node: *const ReflowNode) -> ReflowStr {
    // SAFETY: the ABI says that the node is alive; the text belongs to it.
    unsafe { with(node, NO_TEXT, |node| foreign::lend(node.id())) }
}

pub(super) unsafe extern "C" fn component(node: *const ReflowNode) -> ReflowStr {
    // SAFETY: as in `id`.
    unsafe { with(node, NO_TEXT, |node| foreign::lend(node.component())) }
}

pub(super) unsafe extern "C" fn run_id(node: *const ReflowNode) -> ReflowStr {
    // SAFETY: as in `id`.
    unsafe { with(node, NO_TEXT, |node| foreign::lend(node.run_id())) }
}

pub(super) unsafe extern "C" fn config(node: *const ReflowNode) -> *const ReflowValue {
    // SAFETY: as in `id`.
    unsafe { with(node, ptr::null(), |node| value::lend(node.config())) }
}

pub(super) unsafe extern "C" fn inport(node: *const ReflowNode, name: ReflowStr) -> u32 {
    // SAFETY: the ABI says that node and name are valid for the call.
    unsafe { with(node, REFLOW_NO_PORT, |node| node.inport(&foreign::text(name)).map_or(REFLOW_NO_PORT, Into::into)) }
}

pub(super) unsafe extern "C" fn outport(node: *const ReflowNode, name: ReflowStr) -> u32 {
    // SAFETY: the ABI says that node and name are valid for the call.
    unsafe { with(node, REFLOW_NO_PORT, |node| node.outport(&foreign::text(name)).map_or(REFLOW_NO_PORT, Into::into)) }
}

pub(super) unsafe extern "C" fn inport_name(node: *const ReflowNode, port: u32) -> ReflowMessage {
    let name = |node: &NodeHandle| {
        let name = u16::try_from(port).map_or_else(|_| "?".into(), |port| node.inport_name(port));
        message::give(Message::String(name))
    };
    // SAFETY: the ABI says that the node is alive.
    unsafe { with(node, message::FLOW, name) }
}

pub(super) unsafe extern "C" fn inport_connected(node: *const ReflowNode, port: u32) -> bool {
    let is_connected = |node: &NodeHandle| {
        u16::try_from(port).is_ok_and(|port| node.inports_connected_at_start().contains(&node.inport_name(port)))
    };
    // SAFETY: the ABI says that the node is alive.
    unsafe { with(node, false, is_connected) }
}

pub(super) unsafe extern "C" fn outport_connected(node: *const ReflowNode, port: u32) -> bool {
    let is_connected = |node: &NodeHandle| {
        u16::try_from(port).is_ok_and(|port| node.connected_outports().contains(&node.outport_name(port)))
    };
    // SAFETY: the ABI says that the node is alive.
    unsafe { with(node, false, is_connected) }
}

pub(super) unsafe extern "C" fn outport_heard(node: *const ReflowNode, port: u32) -> bool {
    let is_heard = |node: &NodeHandle| u16::try_from(port).is_ok_and(|port| node.heard_outports().contains(&port));
    // SAFETY: the ABI says that the node is alive.
    unsafe { with(node, false, is_heard) }
}

pub(super) unsafe extern "C" fn send(
    node: *const ReflowNode,
    port: u32,
    message: ReflowMessage,
    timeout_ms: u64,
) -> ReflowStatus {
    guard(REFLOW_INVALID, || {
        // SAFETY: the ABI says that the node is alive and the message handed over.
        let (node, message) = unsafe { (look(node), message::receive(message)) };
        node.map_or(REFLOW_INVALID, |node| node.send(vec![(port, message)], timeout_ms))
    })
}

pub(super) unsafe extern "C" fn emit(
    node: *const ReflowNode,
    ports: *const u32,
    messages: *const ReflowMessage,
    count: usize,
    timeout_ms: u64,
) -> ReflowStatus {
    guard(REFLOW_INVALID, || {
        if count == 0 {
            return REFLOW_OK;
        }
        // SAFETY: the ABI says that the node is alive, that there are so many of both, and that the messages are handed over.
        let (node, messages) = unsafe {
            let (ports, messages) =
                (std::slice::from_raw_parts(ports, count), std::slice::from_raw_parts(messages, count));
            let messages = messages.iter().map(|message| message::receive(*message));
            (look(node), ports.iter().copied().zip(messages).collect())
        };
        node.map_or(REFLOW_INVALID, |node| node.send(messages, timeout_ms))
    })
}

pub(super) unsafe extern "C" fn secret(node: *const ReflowNode, secret: ReflowStr) {
    guard((), || {
        // SAFETY: the ABI says that node and text are valid for the call.
        if let Some(node) = unsafe { look(node) } {
            // SAFETY: as above.
            node.secrets.add(&unsafe { foreign::text(secret) });
        }
    });
}

pub(super) unsafe extern "C" fn is_cancelled(node: *const ReflowNode) -> bool {
    // SAFETY: the ABI says that the node is alive.
    unsafe { with(node, true, NodeHandle::is_cancelled) }
}

pub(super) unsafe extern "C" fn log(node: *const ReflowNode, level: ReflowStr, data: *const ReflowValue) {
    // SAFETY: the ABI says that everything is valid for the call.
    unsafe {
        with_host(node, (), |node| {
            let data = value::look(data).cloned().unwrap_or_default();
            node.handle.log(&foreign::text(level), node.secrets.mask_value(data));
        });
    }
}

pub(super) unsafe extern "C" fn progress(node: *const ReflowNode, fraction: f64, text: ReflowStr) {
    // SAFETY: the ABI says that everything is valid for the call.
    unsafe {
        with_host(node, (), |node| node.handle.progress(fraction, &node.secrets.mask(foreign::text(text))));
    }
}

pub(super) unsafe extern "C" fn pool_upsert(
    node: *const ReflowNode,
    pool: ReflowStr,
    id: ReflowStr,
    data: *const ReflowValue,
) {
    // SAFETY: the ABI says that everything is valid for the call.
    unsafe {
        with(node, (), |node| {
            let data = value::look(data).cloned().unwrap_or_default();
            node.pool_upsert(0, &foreign::text(pool), &foreign::text(id), data);
        });
    }
}

fn give(found: Option<Value>) -> *mut ReflowValue {
    found.map_or(ptr::null_mut(), value::give)
}

pub(super) unsafe extern "C" fn pool_get(node: *const ReflowNode, pool: ReflowStr, id: ReflowStr) -> *mut ReflowValue {
    // SAFETY: the ABI says that everything is valid for the call.
    unsafe { with(node, ptr::null_mut(), |node| give(node.pools().get(&foreign::text(pool), &foreign::text(id)))) }
}

pub(super) unsafe extern "C" fn pool_remove(
    node: *const ReflowNode,
    pool: ReflowStr,
    id: ReflowStr,
) -> *mut ReflowValue {
    // SAFETY: the ABI says that everything is valid for the call.
    unsafe { with(node, ptr::null_mut(), |node| give(node.pool_remove(0, &foreign::text(pool), &foreign::text(id)))) }
}

pub(super) unsafe extern "C" fn pool_snapshot(node: *const ReflowNode, pool: ReflowStr) -> *mut ReflowValue {
    // SAFETY: the ABI says that everything is valid for the call.
    unsafe { with(node, ptr::null_mut(), |node| value::give(node.pools().snapshot(&foreign::text(pool)).into())) }
}

pub(super) unsafe extern "C" fn pool_clear(node: *const ReflowNode, pool: ReflowStr) {
    // SAFETY: the ABI says that everything is valid for the call.
    unsafe { with(node, (), |node| node.pool_clear(0, &foreign::text(pool))) };
}
