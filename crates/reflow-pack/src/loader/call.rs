//! `HostTick`: what a pack knows as a tick, and the calls into its actors.

use std::ffi::c_void;
use std::mem::MaybeUninit;
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::task::Waker;

use reflow_pack_sdk::abi::{
    REFLOW_INVALID, REFLOW_OK, REFLOW_PENDING, ReflowActorTable, ReflowInput, ReflowStatus, ReflowTick,
};
use reflow_runtime::{Attempt, Failure, Message, NodeHandle, Sending, Signal, Tick};
use tokio::sync::mpsc::UnboundedSender;

use super::node::HostNode;
use super::secret::Secrets;
use super::{foreign, message, value};

/// Inputs that are lent from the tick itself; a tick with more lends all of them from a list.
const IN_PLACE: usize = 2;

/// One call into an actor, for as long as it lasts. The pack sees `head`.
#[repr(C)]
pub(super) struct HostTick {
    pub(super) head: ReflowTick,
    in_place: [MaybeUninit<ReflowInput>; IN_PLACE],
    more: Vec<ReflowInput>,
    pub(super) attempt: *mut Attempt,
    pub(super) failure: Option<Failure>,
    pub(super) way: Way,
}

// SAFETY: the pointers lead to things of the call, which moves between threads as a whole.
unsafe impl Send for HostTick {}

/// What a tick can do depends on the style of its actor.
pub(super) enum Way {
    /// It computes.
    Sync { tick: *mut Tick<'static> },
    /// It waits: who wakes it, and what it is sending.
    Async { tick: *mut Tick<'static>, waker: Option<Waker>, sending: Option<Sending> },
    /// It blocks: how it asks for background work, and whether anybody waits for it still.
    Blocking { requests: UnboundedSender<Request>, is_abandoned: Arc<AtomicBool> },
}

/// Where the answer to a request for background work goes.
pub(super) type Request = std::sync::mpsc::SyncSender<Option<HostNode>>;

impl HostTick {
    #[inline]
    fn new(node: &HostNode, attempt: *mut Attempt, way: Way) -> Self {
        // SAFETY: every caller has the attempt for itself, for longer than the tick.
        let inputs = unsafe { &(*attempt).inputs };
        let lend = |(port, message): &(u16, Message)| ReflowInput {
            port: (*port).into(),
            reserved: 0,
            message: message::lend(message),
        };
        let mut in_place = [MaybeUninit::uninit(); IN_PLACE];
        let mut more = Vec::new();
        if inputs.len() <= IN_PLACE {
            for (place, input) in in_place.iter_mut().zip(inputs) {
                place.write(lend(input));
            }
        } else {
            more.extend(inputs.iter().map(lend));
        }
        let head = ReflowTick {
            size: size_of::<ReflowTick>() as u32,
            input_count: inputs.len() as u32,
            // Known when the tick has its place.
            inputs: ptr::null(),
            node: ptr::from_ref(node).cast(),
        };
        Self { head, in_place, more, attempt, failure: None, way }
    }

    /// A tick of an actor that computes.
    #[inline]
    pub(super) fn computing(node: &HostNode, tick: &mut Tick<'_>) -> Self {
        let (attempt, tick) = parts(tick);
        Self::new(node, attempt, Way::Sync { tick })
    }

    /// A tick of an actor that waits. Must be dropped before `tick`.
    pub(super) fn waiting(node: &HostNode, tick: &mut Tick<'_>) -> Self {
        let (attempt, tick) = parts(tick);
        Self::new(node, attempt, Way::Async { tick, waker: None, sending: None })
    }

    /// A tick of an actor that blocks. Must be dropped before `node` and `attempt`.
    pub(super) fn blocking(
        node: &HostNode,
        attempt: &mut Attempt,
        requests: UnboundedSender<Request>,
        is_abandoned: Arc<AtomicBool>,
    ) -> Self {
        Self::new(node, attempt, Way::Blocking { requests, is_abandoned })
    }

    /// What the pack is given.
    #[inline]
    pub(super) fn as_raw(&mut self) -> *mut ReflowTick {
        self.head.inputs = if self.more.is_empty() { self.in_place.as_ptr().cast() } else { self.more.as_ptr() };
        (&raw mut *self).cast()
    }

    /// The node that it is lent with.
    pub(super) fn node(&self) -> &HostNode {
        // SAFETY: every caller of `new` has lent the node for longer than the tick.
        unsafe { &*self.head.node.cast::<HostNode>() }
    }

    /// What the answer of a call means.
    #[inline]
    pub(super) fn outcome(&mut self, status: ReflowStatus) -> Result<(), Failure> {
        if status == REFLOW_OK { Ok(()) } else { Err(self.failed(status)) }
    }

    #[cold]
    fn failed(&mut self, status: ReflowStatus) -> Failure {
        let otherwise = || match status {
            REFLOW_PENDING => "the actor answered `pending` but is not an async one".into(),
            REFLOW_INVALID => "the actor could not be called".into(),
            status => format!("the actor failed (status {status}) and did not say why; `tick_fail` tells"),
        };
        self.failure.take().unwrap_or_else(|| Failure::new(otherwise()))
    }
}

/// The parts of a tick as pointers: they are used only while the call that borrows the tick lasts.
#[inline]
fn parts(tick: &mut Tick<'_>) -> (*mut Attempt, *mut Tick<'static>) {
    let attempt = ptr::from_mut(tick.parts().1);
    (attempt, ptr::from_mut(tick).cast())
}

/// The actor of one node: its data, owned, and its functions.
pub(super) struct ForeignActor {
    data: *mut c_void,
    table: ReflowActorTable,
    secrets: Secrets,
}

// SAFETY: the ABI says that an actor is called by one thread at a time, though not always the same.
unsafe impl Send for ForeignActor {}

/// Which function of an actor.
#[derive(Clone)]
pub(super) enum Method {
    Setup,
    Run,
    Finalize,
    Signal(Signal),
}

impl ForeignActor {
    /// # Safety
    /// `data` is owned by the caller and belongs to `table`, which is as the ABI says.
    pub(super) unsafe fn new(data: *mut c_void, table: ReflowActorTable, secrets: Secrets) -> Self {
        Self { data, table, secrets }
    }

    /// What must not be told about its node.
    pub(super) fn secrets(&self) -> &Secrets {
        &self.secrets
    }

    /// The node as this actor is to see it.
    pub(super) fn node(&self, handle: &NodeHandle) -> HostNode {
        HostNode::new(handle.clone(), self.secrets.clone())
    }

    pub(super) fn has_setup(&self) -> bool {
        self.table.setup.is_some()
    }

    pub(super) fn has_finalize(&self) -> bool {
        self.table.finalize.is_some()
    }

    /// Calls a function; one that is not there is as good as done.
    #[inline]
    pub(super) fn call(&mut self, method: &Method, tick: &mut HostTick) -> ReflowStatus {
        let tick = tick.as_raw();
        let function = match method {
            Method::Run => self.table.run,
            Method::Setup => self.table.setup,
            Method::Finalize => self.table.finalize,
            Method::Signal(signal) => {
                let Some(function) = self.table.on_signal else { return REFLOW_OK };
                // SAFETY: the data is ours, the tick lasts as long as the call, kind and data are lent for it.
                return unsafe { function(self.data, tick, foreign::lend(&signal.kind), value::lend(&signal.data)) };
            }
        };
        // SAFETY: the data is ours and the tick lasts as long as the call.
        function.map_or(REFLOW_OK, |function| unsafe { function(self.data, tick) })
    }

    /// Goes on with a call that is pending.
    pub(super) fn resume(&mut self, tick: &mut HostTick) -> ReflowStatus {
        // SAFETY: as in `call`.
        self.table.resume.map_or(REFLOW_INVALID, |resume| unsafe { resume(self.data, tick.as_raw()) })
    }

    /// Ends a call that is pending.
    pub(super) fn cancel(&mut self) {
        if let Some(cancel) = self.table.cancel {
            // SAFETY: the data is ours.
            unsafe { cancel(self.data) };
        }
    }
}

impl Drop for ForeignActor {
    fn drop(&mut self) {
        if let Some(destroy) = self.table.destroy {
            // SAFETY: the data is ours and not used any more.
            unsafe { destroy(self.data) };
        }
    }
}
