//! Sending at once, from a thread or a future of one's own: a packet that waits for room at every target of a port.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use reflow_message::{Message, Waiting, block_until};

use crate::activity::Sleeper;
use crate::delivery::Delivery;
use crate::driver::record::{address_all, cut, rest_ops};
use crate::error::SendError;
use crate::gather::group_op;
use crate::node_handle::NodeHandle;
use crate::open_attempts::AttemptKey;
use crate::origin::Origin;
use crate::packet::Outgoing;
use crate::recorder::Output;
use crate::time::{Rest, VirtualTime};

/// Who sends a message at once, and what waits with it when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody who is counted in the run's activity already and does nothing else meanwhile: the node's own task, or
    /// background work that holds it.
    Counted,
    /// A thread or a foreign task that works for an attempt; `running` says that the attempt's `run` has not returned yet.
    Attempt {
        /// Number of the tick.
        sequence: u64,
        /// Number of the try.
        number: u32,
        /// Whether `run` has not returned yet.
        running: bool,
    },
    /// Anybody else.
    Other,
}

/// A message on its way to every target of a port.
pub(crate) struct Sender<N: Borrow<NodeHandle>> {
    node: N,
    pending: VecDeque<Outgoing>,
    original: Option<Message>,
    /// The first place that had no room and does not let anybody wait.
    refused: Option<String>,
    pub(crate) sleeper: Arc<Sleeper>,
    caller: Caller,
    /// From the first time on that it had to wait: its node is told, and it counts by itself, where its caller does not.
    waiting: Option<Waiting>,
}

impl<N: Borrow<NodeHandle>> Sender<N> {
    pub(crate) fn new(
        node: N,
        port: u16,
        message: Message,
        origin: Option<&Origin>,
        caller: Caller,
    ) -> Result<Self, SendError> {
        let handle = node.borrow();
        if handle.is_cancelled() {
            return Err(SendError::Stopped { node: Arc::clone(handle.id()), message });
        }
        if handle.node().state().is_ended() {
            return Err(SendError::Ended { node: Arc::clone(handle.id()), message });
        }
        if message.is_too_deep() {
            return Err(SendError::TooDeep { node: Arc::clone(handle.id()), message });
        }
        let mut pending = VecDeque::with_capacity(1);
        let original = Some(message.clone());
        let sleeper = Sleeper::new(Arc::clone(&handle.run().activity));
        if let (Some(results), Caller::Attempt { sequence, number, .. }) = (&handle.node().results, caller) {
            results.note((sequence, number), port, &message);
        }
        let departing = handle.node().departing(origin, &[port]);
        if has_left(handle, caller) {
            // It counts in the group of its tick, but is no other turn of its outport.
            return Ok(Self { node, pending, original, refused: None, sleeper, caller, waiting: None });
        }
        let new = if origin.is_none() { handle.node().new_origin(std::iter::once(port)) } else { None };
        let origin = match &departing {
            Some(departing) => departing.member.as_ref().or(departing.other.as_ref()),
            None => origin.or(new.as_ref()),
        };
        if handle.node().recorder.is_some() || handle.node().cuts() {
            record(handle, caller, (port, message, origin.cloned()), &mut pending)?;
        } else {
            handle.node().address(port, message, origin, 0, |outgoing| pending.push_back(outgoing));
        }
        Ok(Self { node, pending, original, refused: None, sleeper, caller, waiting: None })
    }

    pub(crate) fn poll(&mut self) -> Poll<Result<(), SendError>> {
        self.sleeper.rise();
        let handle = self.node.borrow();
        let run = handle.run();
        if run.is_cancelled() && !self.pending.is_empty() {
            let node = Arc::clone(handle.id());
            return Poll::Ready(Err(SendError::Stopped { node, message: self.give_back() }));
        }
        let delivery = loop {
            match run.deliver(Some(handle.node()), &mut self.pending, &self.sleeper) {
                // The others get it all the same.
                Delivery::Refused(refused) => {
                    let place = || run.nodes[refused.target as usize].place(refused.packet.link);
                    self.refused.get_or_insert_with(place);
                }
                other => break other,
            }
        };
        match delivery {
            Delivery::Done { .. } | Delivery::Refused(_) => Poll::Ready(match self.refused.take() {
                None => Ok(()),
                Some(to) => {
                    let node = Arc::clone(handle.id());
                    Err(SendError::Overflow { node, to, message: self.give_back() })
                }
            }),
            Delivery::Full { leave } => {
                self.begin_wait();
                if leave && self.sleeper.leave() {
                    self.node.borrow().run().on_quiet();
                }
                Poll::Pending
            }
        }
    }

    /// What waits here: the node, the attempt that this works for, and a count of its own where the caller has none.
    fn begin_wait(&mut self) {
        if self.waiting.is_some() {
            return;
        }
        let handle = self.node.borrow();
        self.waiting = Some(handle.node().waiting_for_room());
        if self.caller == Caller::Counted {
            return;
        }
        handle.run().activity.begin();
        if let Some((key, running)) = self.attempt() {
            handle.node().open.begin_wait(key, running, &handle.run().activity);
        }
    }

    fn attempt(&self) -> Option<(AttemptKey, bool)> {
        match self.caller {
            Caller::Attempt { sequence, number, running } => Some(((sequence, number), running)),
            Caller::Counted | Caller::Other => None,
        }
    }

    fn give_back(&mut self) -> Message {
        self.original.take().unwrap_or(Message::Flow)
    }
}

impl<N: Borrow<NodeHandle>> Drop for Sender<N> {
    fn drop(&mut self) {
        let handle = self.node.borrow();
        if let Some(outgoing) = self.pending.front() {
            handle.run().forget_waiting(outgoing, &self.sleeper);
            if handle.node().recorder.is_some() && !handle.is_cancelled() {
                // What was given up is not there any more for anybody.
                handle.run().record_gone(self.pending.iter());
            }
        }
        self.sleeper.rise();
        if self.waiting.take().is_some() && self.caller != Caller::Counted {
            if let Some((key, running)) = self.attempt() {
                handle.node().open.end_wait(key, running, &handle.run().activity);
            }
            handle.run().end_activity();
        }
    }
}

/// Whether an earlier process has sent the message.
fn has_left(handle: &NodeHandle, caller: Caller) -> bool {
    let (Some(recorder), Caller::Attempt { sequence, .. }) = (&handle.node().recorder, caller) else { return false };
    recorder.has_left(sequence)
}

/// The long way: the message is written down, and connections may cut it.
fn record(
    handle: &NodeHandle,
    caller: Caller,
    output: Output,
    pending: &mut VecDeque<Outgoing>,
) -> Result<(), SendError> {
    let node = handle.node();
    let message = output.1.clone();
    let mut outputs = vec![output];
    let Some(recorder) = &node.recorder else {
        cut(node, &mut outputs);
        address_all(node, outputs, &[], pending);
        return Ok(());
    };
    let sequence = match caller {
        Caller::Attempt { sequence, .. } => Some(sequence),
        Caller::Counted | Caller::Other => None,
    };
    let group = outputs
        .first()
        .and_then(|(_, _, origin)| origin.as_ref()?.group())
        .filter(|group| group.node == handle.index())
        .cloned();
    let tick = sequence.map(|sequence| recorder.key(sequence));
    let written = recorder.send(sequence, &mut outputs, node.cuts(), |outputs, ops| {
        ops.extend(group.map(|group| group_op(&group, tick)));
        let rests = cut(node, outputs);
        rest_ops(handle, rests, ops);
    });
    let positions = written.map_err(|failure| {
        let problem = failure.message.to_string();
        if &*failure.reason == "store" {
            handle.run().stop_failed(&problem);
        }
        SendError::Unstorable { node: Arc::clone(handle.id()), problem, message }
    })?;
    address_all(node, outputs, &positions, pending);
    Ok(())
}

/// A message on its way that owns what it needs, see [`NodeHandle::sending`].
pub struct Sending(pub(crate) Sender<NodeHandle>);

impl Sending {
    /// Delivers as much as there is room for; ready when all of it is delivered.
    ///
    /// # Errors
    /// [`SendError`] gives the message back when the run was stopped.
    pub fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), SendError>> {
        self.0.sleeper.set_waker(cx.waker());
        self.0.poll()
    }
}

/// A send that found no room and waits for it when it is told to.
pub struct BlockingSend<'a> {
    sender: Sender<&'a NodeHandle>,
    deadline: Option<Instant>,
    /// Somebody who works for an attempt holds a virtual clock, but not while he waits.
    rest: Option<Rest>,
}

impl<'a> BlockingSend<'a> {
    pub(crate) fn new(sender: Sender<&'a NodeHandle>, deadline: Option<Instant>) -> Self {
        Self { sender, deadline, rest: None }
    }

    /// Blocks the thread until there is room. Called again after a time-out of `step` (answer `None`), so that a host can
    /// look at signals in between.
    pub fn wait(&mut self, step: Option<Duration>) -> Option<Result<(), SendError>> {
        let until = step.map(|step| Instant::now() + step).into_iter().chain(self.deadline).min();
        let sender = &mut self.sender;
        if self.rest.is_none() && matches!(sender.caller, Caller::Attempt { .. }) {
            self.rest = sender.node.run().time.as_ref().map(VirtualTime::rest);
        }
        let mut poll = |cx: &mut Context<'_>| {
            sender.sleeper.set_waker(cx.waker());
            sender.poll()
        };
        let sent = block_until(until, |cx| match &mut self.rest {
            Some(rest) => rest.poll(cx, &mut poll),
            None => poll(cx),
        });
        if sent.is_none() && self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            let node = Arc::clone(self.sender.node.id());
            return Some(Err(SendError::TimedOut { node, message: self.sender.give_back() }));
        }
        sent
    }
}
