//! `Tick`: what an actor sees of one tick.

use std::future::Future;
use std::time::Duration;

use reflow_message::{Message, Value};
use smallvec::smallvec;

use crate::attempt::Attempt;
use crate::error::SendError;
use crate::journal::Op;
use crate::node_handle::NodeHandle;
use crate::origin::Origin;
use crate::port_table::number;
use crate::sender::{Caller, Sending};

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

/// Packets whose ticks are over, and that nothing has come of yet: see [`Tick::hold`].
#[derive(Debug, Default)]
pub struct Unread(Vec<(u32, u32)>);

impl Unread {
    /// These, too.
    pub fn add(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// That they are read.
    pub(crate) fn ops(self, node: u32) -> impl Iterator<Item = Op> {
        self.0.into_iter().map(move |(link, position)| Op::Read { node, link, position })
    }
}

/// One run of an actor on one set of inputs.
///
/// Ports are addressed by their position in the component's declaration, or by name with the `_named` twins; names also
/// reach ports that are not declared but connected.
pub struct Tick<'a> {
    pub(crate) node: &'a NodeHandle,
    pub(crate) attempt: &'a mut Attempt,
}

impl<'a> Tick<'a> {
    pub(crate) fn new(node: &'a NodeHandle, attempt: &'a mut Attempt) -> Self {
        Self { node, attempt }
    }

    /// The message on the inport at `port`, if this tick has one.
    pub fn input(&self, port: impl PortIndex) -> Option<&Message> {
        let port = port.index();
        self.attempt.inputs.iter().find(|(at, _)| usize::from(*at) == port).map(|(_, message)| message)
    }

    /// Takes the message on the inport at `port` out, so that it can be passed on without sharing.
    pub fn take(&mut self, port: impl PortIndex) -> Option<Message> {
        let port = port.index();
        let at = self.attempt.inputs.iter().position(|(at, _)| usize::from(*at) == port)?;
        Some(self.attempt.inputs.swap_remove(at).1)
    }

    /// The message on the inport called `name`.
    pub fn input_named(&self, name: &str) -> Option<&Message> {
        self.input(usize::from(self.node.inport(name)?))
    }

    /// All inputs of this tick, by name.
    pub fn inputs(&self) -> impl Iterator<Item = (std::sync::Arc<str>, &Message)> {
        self.attempt.inputs.iter().map(|(port, message)| (self.node.inport_name(*port), message))
    }

    /// Sends `message` from the outport at `port` when the tick commits; a second one for the port replaces the first.
    pub fn emit(&mut self, port: impl PortIndex, message: impl Into<Message>) {
        self.attempt.emit(number(port.index()), message.into());
    }

    /// [`emit`](Self::emit) by name. What is for a name that is neither declared nor connected is
    /// [`lost`](NodeHandle::lost).
    pub fn emit_named(&mut self, name: &str, message: impl Into<Message>) {
        match self.node.outport(name) {
            Some(port) => self.attempt.emit(port, message.into()),
            None => self.node.lost(name, 1),
        }
    }

    /// Sends `message` from the outport at `port` even if the tick fails later. Any number may be sent, in order; they
    /// leave at the end of the tick, before what was emitted. [`NodeHandle::send`] sends at once.
    pub fn send(&mut self, port: impl PortIndex, message: impl Into<Message>) {
        self.attempt.sent.push((number(port.index()), message.into()));
    }

    /// Hands over what a call has put out so far, if that can be done at once and nothing waits for its node: then the call may go
    /// on. Else it is to stop with [`Step::Yield`](crate::Step::Yield), and is resumed.
    pub fn hand_over(&mut self) -> bool {
        let (node, run) = (self.node.node(), self.node.run());
        if node.results.is_some() || node.mailbox.has_control() || self.attempt.sent.len() != 1 {
            return false;
        }
        let origin = self.attempt.origin.as_ref();
        if crate::run::Run::follows(node, origin) {
            return false;
        }
        let Some((port, message)) = self.attempt.sent.pop() else { return true };
        let left = run.hand_over(node, port, message, origin);
        self.attempt.sent.extend(left.map(|message| (port, message)));
        self.attempt.sent.is_empty()
    }

    /// [`send`](Self::send) by name.
    pub fn send_named(&mut self, name: &str, message: impl Into<Message>) {
        match self.node.outport(name) {
            Some(port) => self.attempt.sent.push((port, message.into())),
            None => self.node.lost(name, 1),
        }
    }

    /// What the packets of this tick descend from: the same for all packets that one packet from outside, or from a source,
    /// has led to. `None` for a source, and where no node needs it ([`Component::needs_origins`](crate::Component)).
    pub fn origin(&self) -> Option<&Origin> {
        self.attempt.origin.as_ref()
    }

    /// Sends `message` at once, before the tick ends, waiting for room; for async actors.
    ///
    /// # Errors
    /// [`SendError`] gives the message back when the run was stopped.
    pub async fn send_now(&mut self, port: impl PortIndex, message: impl Into<Message>) -> Result<(), SendError> {
        let (port, message) = (number(port.index()), message.into());
        self.note(port, &message);
        self.node.send_as(port, message, self.attempt.origin.as_ref(), self.caller()).await
    }

    /// [`send_now`](Self::send_now) for callers who poll: what it gives owns what it needs, and sends by being polled.
    ///
    /// # Errors
    /// As [`send_now`](Self::send_now).
    pub fn sending(&self, port: impl PortIndex, message: impl Into<Message>) -> Result<Sending, SendError> {
        let (port, message) = (number(port.index()), message.into());
        self.note(port, &message);
        self.node.sending(smallvec![(port, message)], self.attempt.origin.as_ref(), self.caller())
    }

    fn caller(&self) -> Caller {
        Caller::Tick { sequence: self.attempt.sequence }
    }

    /// What is sent at once is a part of the result, too.
    fn note(&self, port: u16, message: &Message) {
        if let Some(results) = &self.node.node().results {
            results.note((self.attempt.sequence, self.attempt.number), port, message);
        }
    }

    /// Keeps the packets of this tick unread in the journal of its run, where there is one, until they are released with what
    /// comes of them: whoever goes on with the run before that gets them again. For ticks that do not fail.
    pub fn hold(&mut self) -> Unread {
        if self.attempt.settled.is_some() {
            // A list that was gathered is read with its tick, as its group is settled.
            return Unread::default();
        }
        Unread(std::mem::take(&mut self.attempt.taken))
    }

    /// Packets that earlier ticks have held are read with what this tick, or this call, emits.
    pub fn release(&mut self, unread: Unread) {
        self.attempt.taken.extend(unread.0);
    }

    /// Ends the node after this tick: a source has no more to say, a filter wants no more.
    pub fn finish(&mut self) {
        self.attempt.finish = true;
    }

    /// The node: identity, config, pools, log, and sending from elsewhere.
    pub fn node(&self) -> &NodeHandle {
        self.node
    }

    /// The node's config; an empty object when it has none.
    pub fn config(&self) -> &Value {
        self.node.config()
    }

    /// Number of this try at the tick, from 1.
    pub fn attempt(&self) -> u32 {
        self.attempt.number
    }

    /// Number of the tick in its node, from 1.
    pub fn sequence(&self) -> u64 {
        self.attempt.sequence
    }

    /// Runs `work` beside the node's ticks: a timer, a server, a long read. The node stays alive until it ends, and it
    /// is dropped when the run is cancelled. The returned guard cancels it early.
    pub fn spawn<F>(&self, work: impl FnOnce(NodeHandle) -> F) -> crate::background::Background
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.spawn_with_farewell(Duration::ZERO, work)
    }

    /// [`spawn`](Self::spawn) for work that has something to bring to its end when the run is cancelled, which
    /// [`NodeHandle::cancelled`] tells it: it is dropped only after `farewell`, and the node waits for it so long.
    pub fn spawn_with_farewell<F>(
        &self,
        farewell: Duration,
        work: impl FnOnce(NodeHandle) -> F,
    ) -> crate::background::Background
    where
        F: Future<Output = ()> + Send + 'static,
    {
        crate::background::spawn(self.node, farewell, work)
    }

    /// The raw attempt, for hosts that move its packets into objects of their own.
    pub fn parts(&mut self) -> (&NodeHandle, &mut Attempt) {
        (self.node, self.attempt)
    }
}
