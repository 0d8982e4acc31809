//! `Tick`: what an actor sees of one tick.

use std::future::{Future, poll_fn};
use std::marker::PhantomData;
use std::slice;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Poll, Wake, Waker};
use std::time::Duration;

use reflow_component::declare::{Inport, Outport};
use reflow_component::kind::PortKind;
use reflow_message::Value;

use crate::abi::{REFLOW_FAILED, REFLOW_PENDING, ReflowFailure, ReflowInput, ReflowStatus, ReflowTick};
use crate::failure::Failure;
use crate::host::{host, text};
use crate::message::Message;
use crate::node::{NodeHandle, SendError, sent};
use crate::waker;

/// Inputs whose taking is remembered; later ones are copied when they are taken.
const PLACES: usize = u64::BITS as usize;

/// A port by its position in the component's declaration: a number, or a constant that knows what the port carries.
pub trait PortIndex: Copy + Send {
    /// The position.
    fn index(&self) -> usize;
}

impl PortIndex for usize {
    fn index(&self) -> usize {
        *self
    }
}

impl<K> PortIndex for Inport<K> {
    fn index(&self) -> usize {
        Self::index(*self)
    }
}

impl<K> PortIndex for Outport<K> {
    fn index(&self) -> usize {
        Self::index(*self)
    }
}

/// One run of an actor on one set of inputs.
///
/// Ports are addressed by their position in the component's declaration, or by name with the `_named` twins.
pub struct Tick<'a> {
    raw: *mut ReflowTick,
    /// Which inputs were taken, by their place.
    taken: u64,
    borrowed: PhantomData<&'a mut ReflowTick>,
}

// SAFETY: a tick may move between threads with the call that it belongs to.
unsafe impl Send for Tick<'_> {}
// SAFETY: what `&Tick` can call only reads, or may be called from any thread.
unsafe impl Sync for Tick<'_> {}

impl Tick<'_> {
    /// # Safety
    /// `raw` is alive for as long as the answer.
    #[inline]
    pub(crate) unsafe fn new(raw: *mut ReflowTick) -> Self {
        Self { raw, taken: 0, borrowed: PhantomData }
    }

    /// What the runtime lends, taken ones included.
    #[inline]
    fn lent(&self) -> &[ReflowInput] {
        // SAFETY: the runtime lends this many for as long as the tick.
        unsafe {
            let tick = &*self.raw;
            if tick.input_count == 0 { &[] } else { slice::from_raw_parts(tick.inputs, tick.input_count as usize) }
        }
    }

    /// The inputs that are there still, with their places.
    #[inline]
    fn present(&self) -> impl Iterator<Item = (usize, &ReflowInput)> {
        let is_taken = |at: usize| at < PLACES && self.taken & (1 << at) != 0;
        self.lent().iter().enumerate().filter(move |(at, _)| !is_taken(*at))
    }

    /// The message on the inport at `port`, if this tick has one.
    #[inline]
    pub fn input(&self, port: impl PortIndex) -> Option<&Message> {
        let port = port.index();
        let (_, input) = self.present().find(|(_, input)| input.port as usize == port)?;
        Some(Message::lend(&input.message))
    }

    /// The message on the inport called `name`.
    pub fn input_named(&self, name: &str) -> Option<&Message> {
        self.input(self.node().inport(name)?)
    }

    /// All inputs of this tick, by the index of their port.
    pub fn inputs(&self) -> impl Iterator<Item = (usize, &Message)> {
        self.present().map(|(_, input)| (input.port as usize, Message::lend(&input.message)))
    }

    /// Takes the message on the inport at `port` out, to pass it on or to keep it.
    #[inline]
    pub fn take(&mut self, port: impl PortIndex) -> Option<Message> {
        let port = port.index();
        let (at, input) = self.present().find(|(_, input)| input.port as usize == port)?;
        if at >= PLACES {
            return Some(Message::lend(&input.message).clone());
        }
        let lent = input.message;
        self.taken |= 1 << at;
        if Message::is_plain(&lent) {
            // SAFETY: a plain number belongs to whoever has it.
            return Some(unsafe { Message::from_raw(lent) });
        }
        let mut message = Message::FLOW;
        // SAFETY: the tick is alive; the message is written when the answer is true.
        unsafe { (host().tick_take)(self.raw, port as u32, message.as_mut_raw()) }.then_some(message)
    }

    /// Sends `message` from the outport at `port` when the tick commits; a second one for the port replaces the first.
    #[inline]
    pub fn emit(&mut self, port: impl PortIndex, message: impl Into<Message>) {
        // SAFETY: the tick is alive and the message handed over.
        unsafe { (host().tick_emit)(self.raw, port.index() as u32, message.into().into_raw()) };
    }

    /// [`emit`](Self::emit) by name. A name that nobody is connected to and nobody declared is dropped.
    pub fn emit_named(&mut self, name: &str, message: impl Into<Message>) {
        if let Some(port) = self.node().outport(name) {
            self.emit(port, message);
        }
    }

    /// Sends `message` from the outport at `port` even if the tick fails later. Any number may be sent, in order; they
    /// leave at the end of the tick, before what was emitted.
    pub fn send(&mut self, port: impl PortIndex, message: impl Into<Message>) {
        // SAFETY: the tick is alive and the message handed over.
        unsafe { (host().tick_send)(self.raw, port.index() as u32, message.into().into_raw()) };
    }

    /// [`send`](Self::send) by name.
    pub fn send_named(&mut self, name: &str, message: impl Into<Message>) {
        if let Some(port) = self.node().outport(name) {
            self.send(port, message);
        }
    }

    /// Sends `message` at once, before the tick ends, waiting for room; for async actors.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the run was stopped.
    pub async fn send_now(&mut self, port: impl PortIndex, message: impl Into<Message>) -> Result<(), SendError> {
        let (port, mut message) = (port.index(), Some(message.into()));
        poll_fn(|_| self.poll_send(port, &mut message)).await
    }

    /// Hands the message over the first time, and asks how it goes after that. The runtime wakes the whole tick.
    fn poll_send(&mut self, port: usize, message: &mut Option<Message>) -> Poll<Result<(), SendError>> {
        let message = message.take().unwrap_or(Message::FLOW).into_raw();
        // SAFETY: the tick is alive and the message handed over.
        match unsafe { (host().tick_poll_send)(self.raw, port as u32, message) } {
            REFLOW_PENDING => Poll::Pending,
            status => Poll::Ready(sent(status)),
        }
    }

    /// Sends `message` at once, before the tick ends, blocking the thread while there is no room; for blocking actors.
    ///
    /// # Errors
    /// [`SendError::Closed`] when the run was stopped.
    pub fn send_now_blocking(&mut self, port: impl PortIndex, message: impl Into<Message>) -> Result<(), SendError> {
        // SAFETY: the tick is alive and the message handed over.
        sent(unsafe { (host().tick_send_now)(self.raw, port.index() as u32, message.into().into_raw()) })
    }

    /// What the packet on an inport carries; `None` without a packet, or when it is none of the port's kind.
    pub fn read<K: PortKind>(&self, port: Inport<K>) -> Option<K::Value> {
        self.input(port).and_then(|message| K::read(&message.to_portable()))
    }

    /// What the packet on an inport carries, or the default value.
    pub fn value<K: PortKind<Value: Default>>(&self, port: Inport<K>) -> K::Value {
        self.read(port).unwrap_or_default()
    }

    /// [`read`](Self::read) for what the tick cannot do without.
    ///
    /// # Errors
    /// The failure that says what was expected on which port, and what came.
    pub fn need<K: PortKind>(&self, port: Inport<K>) -> Result<K::Value, Failure> {
        self.read(port).ok_or_else(|| {
            let name = self.node().inport_name(port.index());
            let found = self.input(port).map_or("nothing".to_string(), |message| format!("{:?}", message.kind()));
            let text = format!("expected {} on `{name}`, found {found}", K::word());
            Failure::new(text).with_reason("bad_input").with_permanent(true)
        })
    }

    /// Sends a value when the tick commits; a second one for the port replaces the first.
    pub fn write<K: PortKind>(&mut self, port: Outport<K>, value: impl Into<K::Value>) {
        self.emit(port, K::make(value.into()));
    }

    /// Tells an error: as a packet on the outport at `port`, and as the failure of this tick if that leads nowhere. Listeners
    /// outside of the network see the packet either way.
    ///
    /// # Errors
    /// The failure, for the actor to return.
    pub fn report(
        &mut self,
        port: impl PortIndex,
        message: impl Into<Message>,
        failure: impl Into<Failure>,
    ) -> Result<(), Failure> {
        let is_heard = self.node().is_outport_connected(port);
        self.send(port, message);
        if is_heard { Ok(()) } else { Err(failure.into()) }
    }

    /// Ends the node after this tick: a source has no more to say, a filter wants no more.
    pub fn finish(&mut self) {
        // SAFETY: the tick is alive.
        unsafe { (host().tick_finish)(self.raw) };
    }

    /// The node: identity, config, pools, log, and sending from elsewhere.
    pub fn node(&self) -> &NodeHandle {
        // SAFETY: the same layout; the runtime lends the node for as long as the tick, and a reference does not give it back.
        unsafe { &*(&raw const (*self.raw).node).cast::<NodeHandle>() }
    }

    /// A copy of the node's config; an empty object when it has none.
    pub fn config(&self) -> Value {
        self.node().config()
    }

    /// Number of this try at the tick, from 1.
    pub fn attempt(&self) -> u32 {
        // SAFETY: the tick is alive.
        unsafe { (host().tick_attempt)(self.raw) }
    }

    /// Number of the tick in its node, from 1.
    pub fn sequence(&self) -> u64 {
        // SAFETY: the tick is alive.
        unsafe { (host().tick_sequence)(self.raw) }
    }

    /// The node for work that goes on beside its ticks, on a thread of the pack's own: the node stays alive until the
    /// handle is dropped. `None` when the run was stopped.
    pub fn background(&mut self) -> Option<NodeHandle> {
        // SAFETY: the tick is alive; a node that is not null is ours.
        unsafe {
            let node = (host().tick_background)(self.raw);
            (!node.is_null()).then(|| NodeHandle::from_raw(node))
        }
    }

    /// Waits; for async actors.
    pub fn sleep(&self, duration: Duration) -> impl Future<Output = ()> + Send + use<> {
        struct Over {
            is_over: AtomicBool,
            waker: std::sync::Mutex<Option<Waker>>,
        }
        impl Wake for Over {
            fn wake(self: Arc<Self>) {
                self.is_over.store(true, Ordering::Release);
                if let Some(waker) = self.waker.lock().ok().and_then(|mut waker| waker.take()) {
                    waker.wake();
                }
            }
        }
        let over = Arc::new(Over { is_over: AtomicBool::new(false), waker: std::sync::Mutex::new(None) });
        let milliseconds = duration.as_millis().try_into().unwrap_or(u64::MAX);
        // SAFETY: the tick is alive and the waker handed over.
        unsafe { (host().tick_wake_after)(self.raw, milliseconds, waker::into_raw(Arc::clone(&over).into())) };
        poll_fn(move |cx| {
            if let Ok(mut waker) = over.waker.lock() {
                *waker = Some(cx.waker().clone());
            }
            // Looked at last, so that an end in between is not missed.
            if over.is_over.load(Ordering::Acquire) { Poll::Ready(()) } else { Poll::Pending }
        })
    }

    /// Tells the runtime that the tick failed, and answers what the call is to answer.
    pub(crate) fn fail(raw: *mut ReflowTick, failure: &Failure) -> ReflowStatus {
        let failure = ReflowFailure {
            size: size_of::<ReflowFailure>() as u32,
            permanent: failure.permanent.map_or(-1, i32::from),
            message: text(&failure.message),
            reason: text(&failure.reason),
        };
        // SAFETY: the tick is alive and the failure borrowed for the call.
        unsafe { (host().tick_fail)(raw, &raw const failure) };
        REFLOW_FAILED
    }
}
