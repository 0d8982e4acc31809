//! Sending at once, from a thread or a future of one's own: a packet that waits for room at every target of a port.

use std::borrow::Borrow;
use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use reflow_message::{Message, Waiting, block_until};

use crate::activity::Sleeper;
use crate::attempt::Packets;
use crate::delivery::Delivery;
use crate::departures::{Departure, Departures, Kept};
use crate::driver::record::{Leaving, address_all, cut, leave_out, rest_ops};
use crate::error::SendError;
use crate::gather::group_op;
use crate::node_handle::NodeHandle;
use crate::open_attempts::AttemptKey;
use crate::origin::Origin;
use crate::packet::Outgoing;
use crate::recorder::Output;
use crate::tick::Unread;
use crate::time::Rest;

/// Who sends a message at once, and what waits with it when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Caller {
    /// Somebody who is counted in the run's activity already and does nothing else meanwhile: the node's own task, or
    /// background work that holds it.
    Counted,
    /// The same for one of its ticks.
    Tick {
        /// Number of the tick.
        sequence: u64,
    },
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

impl Caller {
    /// The tick that it works for.
    pub(crate) fn tick(self) -> Option<u64> {
        match self {
            Self::Tick { sequence } | Self::Attempt { sequence, .. } => Some(sequence),
            Self::Counted | Self::Other => None,
        }
    }

    fn is_counted(self) -> bool {
        matches!(self, Self::Counted | Self::Tick { .. })
    }
}

/// Messages that leave together, on their way to every target of their ports.
pub(crate) struct Sender<N: Borrow<NodeHandle>> {
    node: N,
    /// What has to wait for the turn of its tick, or to be kept until then.
    early: Option<Box<Kept>>,
    pending: VecDeque<Outgoing>,
    original: Option<Message>,
    /// The places that had no room and do not let anybody wait.
    refused: Vec<String>,
    pub(crate) sleeper: Arc<Sleeper>,
    caller: Caller,
    /// From the first time on that it had to wait: its node is told, and it counts by itself, where its caller does not.
    waiting: Option<Waiting>,
}

impl<N: Borrow<NodeHandle>> Sender<N> {
    pub(crate) fn new(node: N, packets: Packets, origin: Option<&Origin>, caller: Caller) -> Result<Self, SendError> {
        Self::releasing(node, packets, origin, caller, Unread::default())
    }

    /// The same for packets with which others are read, that an earlier tick has held.
    pub(crate) fn releasing(
        node: N,
        packets: Packets,
        origin: Option<&Origin>,
        caller: Caller,
        unread: Unread,
    ) -> Result<Self, SendError> {
        let handle = node.borrow();
        let original = packets.first().map(|(_, message)| message.clone());
        let given_back = || original.clone().unwrap_or(Message::Flow);
        if handle.is_cancelled() {
            return Err(SendError::Stopped { node: Arc::clone(handle.id()), message: given_back() });
        }
        if handle.node().state().is_ended() {
            return Err(SendError::Ended { node: Arc::clone(handle.id()), message: given_back() });
        }
        if packets.iter().any(|(_, message)| message.is_too_deep()) {
            return Err(SendError::TooDeep { node: Arc::clone(handle.id()), message: given_back() });
        }
        if let (Some(results), Caller::Attempt { sequence, number, .. }) = (&handle.node().results, caller) {
            packets.iter().for_each(|(port, message)| results.note((sequence, number), *port, message));
        }
        let mut pending = VecDeque::with_capacity(packets.len());
        let waits = |departures: &Departures| caller.tick().filter(|sequence| !departures.is_turn(*sequence));
        let early = match handle.node().departures.as_deref().and_then(waits) {
            Some(sequence) => Some(Box::new(Kept { sequence, packets, origin: origin.cloned() })),
            None => {
                address(handle, caller.tick(), packets, origin, unread, &mut pending)?;
                None
            }
        };
        let sleeper = Sleeper::new(Arc::clone(&handle.run().activity));
        Ok(Self { node, early, pending, original, refused: Vec::new(), sleeper, caller, waiting: None })
    }

    pub(crate) fn poll(&mut self) -> Poll<Result<(), SendError>> {
        self.sleeper.rise();
        let handle = self.node.borrow();
        let run = handle.run();
        if run.is_cancelled() && !(self.pending.is_empty() && self.early.is_none()) {
            let node = Arc::clone(handle.id());
            return Poll::Ready(Err(SendError::Stopped { node, message: self.give_back() }));
        }
        if let (Some(early), Some(departures)) = (self.early.take(), &handle.node().departures) {
            // What is written down is so when it leaves, with what its tick has to go on from then.
            let keep = handle.node().recorder.is_none();
            match departures.offer(*early, keep, &self.sleeper) {
                Departure::Now(Kept { sequence, packets, origin }) => {
                    let unread = Unread::default();
                    address(handle, Some(sequence), packets, origin.as_ref(), unread, &mut self.pending)?;
                }
                Departure::Later => return Poll::Ready(Ok(())),
                Departure::Full { kept, leave } => {
                    self.early = Some(Box::new(kept));
                    return self.wait(leave);
                }
            }
        }
        let delivery = loop {
            match run.deliver(Some(handle.node()), &mut self.pending, &self.sleeper) {
                // The others get it all the same.
                Delivery::Refused(refused) => {
                    self.refused.push(run.nodes[refused.target as usize].place(refused.packet.link));
                }
                other => break other,
            }
        };
        match delivery {
            Delivery::Done { .. } | Delivery::Refused(_) if self.refused.is_empty() => Poll::Ready(Ok(())),
            Delivery::Done { .. } | Delivery::Refused(_) => {
                let (node, to) = (Arc::clone(handle.id()), std::mem::take(&mut self.refused).join("` and `"));
                Poll::Ready(Err(SendError::Overflow { node, to, message: self.give_back() }))
            }
            Delivery::Full { leave } => self.wait(leave),
        }
    }

    fn wait(&mut self, leave: bool) -> Poll<Result<(), SendError>> {
        self.begin_wait();
        if leave && self.sleeper.leave() {
            self.node.borrow().run().on_quiet();
        }
        Poll::Pending
    }

    /// What waits here: the node, the attempt that this works for, and a count of its own where the caller has none.
    fn begin_wait(&mut self) {
        if self.waiting.is_some() {
            return;
        }
        let handle = self.node.borrow();
        self.waiting = Some(handle.node().waiting_for_room());
        if self.caller.is_counted() {
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
            Caller::Counted | Caller::Tick { .. } | Caller::Other => None,
        }
    }

    fn give_back(&mut self) -> Message {
        self.original.take().unwrap_or(Message::Flow)
    }
}

impl<N: Borrow<NodeHandle>> Drop for Sender<N> {
    fn drop(&mut self) {
        let handle = self.node.borrow();
        if let (Some(_), Some(departures)) = (&self.early, &handle.node().departures) {
            departures.forget_waiting(&self.sleeper);
        }
        if let Some(outgoing) = self.pending.front() {
            handle.run().forget_waiting(outgoing, &self.sleeper);
            if handle.node().recorder.is_some() && !handle.is_cancelled() {
                // What was given up is not there any more for anybody.
                handle.run().record_gone(self.pending.iter());
            }
        }
        self.sleeper.rise();
        if self.waiting.take().is_some() && !self.caller.is_counted() {
            if let Some((key, running)) = self.attempt() {
                handle.node().open.end_wait(key, running, &handle.run().activity);
            }
            handle.run().end_activity();
        }
    }
}

/// Addresses packets that leave together, of a tick if they are of one. Those that an earlier process has sent are left out.
pub(crate) fn address(
    handle: &NodeHandle,
    tick: Option<u64>,
    mut packets: Packets,
    origin: Option<&Origin>,
    unread: Unread,
    pending: &mut VecDeque<Outgoing>,
) -> Result<(), SendError> {
    let node = handle.node();
    if let (Some(recorder), Some(sequence)) = (&node.recorder, tick) {
        leave_out(node, recorder, sequence, origin, &mut packets);
    }
    if packets.is_empty() {
        return Ok(());
    }
    let leaving = Leaving::new(node, origin, &packets);
    if node.recorder.is_some() || node.cuts() {
        return record(handle, tick, leaving.outputs(node, packets), unread, pending);
    }
    for (port, message) in packets {
        let origin = leaving.origin(node, port);
        node.address(port, message, origin, 0, |outgoing| pending.push_back(outgoing));
    }
    Ok(())
}

/// The long way: the messages are written down, together, and connections may cut them.
fn record(
    handle: &NodeHandle,
    tick: Option<u64>,
    mut outputs: Vec<Output>,
    unread: Unread,
    pending: &mut VecDeque<Outgoing>,
) -> Result<(), SendError> {
    let node = handle.node();
    let Some(recorder) = &node.recorder else {
        cut(node, &mut outputs);
        address_all(node, outputs, &[], pending);
        return Ok(());
    };
    let message = outputs.first().map_or(Message::Flow, |(_, message, _)| message.clone());
    let of_node = |(_, _, origin): &Output| {
        let group = origin.as_ref()?.group()?;
        (group.node == handle.index()).then(|| Arc::clone(group))
    };
    let group = outputs.iter().find_map(of_node);
    let key = tick.map(|sequence| recorder.key(sequence));
    let written = recorder.send(tick, &mut outputs, node.cuts(), |outputs, ops| {
        ops.extend(group.map(|group| group_op(&group, key)));
        ops.extend(unread.ops(handle.index()));
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

/// Messages on their way that own what they need, see [`NodeHandle::sending`].
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
    patience: Patience,
}

/// How long a send waits.
enum Patience {
    Until(Option<Instant>),
    /// Somebody who works for an attempt holds a virtual clock, but not while he waits: it counts his time.
    Virtual(Rest, Option<Pin<Box<dyn Future<Output = ()> + Send>>>),
}

impl<'a> BlockingSend<'a> {
    pub(crate) fn new(sender: Sender<&'a NodeHandle>, timeout: Option<Duration>) -> Self {
        let time = sender.node.run().time.as_ref().filter(|_| matches!(sender.caller, Caller::Attempt { .. }));
        let patience = match time {
            Some(time) => Patience::Virtual(time.rest(), timeout.and_then(|timeout| time.sleep(timeout))),
            None => Patience::Until(timeout.and_then(|timeout| Instant::now().checked_add(timeout))),
        };
        Self { sender, patience }
    }

    /// Blocks the thread until there is room. Called again after a time-out of `step` (answer `None`), so that a host can
    /// look at signals in between.
    pub fn wait(&mut self, step: Option<Duration>) -> Option<Result<(), SendError>> {
        let sender = &mut self.sender;
        let mut poll = |cx: &mut Context<'_>| {
            sender.sleeper.set_waker(cx.waker());
            sender.poll()
        };
        let step = step.map(|step| Instant::now() + step);
        let (sent, is_over) = match &mut self.patience {
            Patience::Until(deadline) => {
                let sent = block_until(step.into_iter().chain(*deadline).min(), &mut poll);
                (sent, deadline.is_some_and(|deadline| Instant::now() >= deadline))
            }
            Patience::Virtual(rest, limit) => {
                let mut is_over = false;
                let sent = block_until(step, |cx| {
                    rest.poll(cx, |cx| {
                        let polled = poll(cx).map(Some);
                        is_over = polled.is_pending()
                            && limit.as_mut().is_some_and(|limit| limit.as_mut().poll(cx).is_ready());
                        if is_over { Poll::Ready(None) } else { polled }
                    })
                });
                (sent.flatten(), is_over)
            }
        };
        if sent.is_none() && is_over {
            let node = Arc::clone(self.sender.node.id());
            return Some(Err(SendError::TimedOut { node, message: self.sender.give_back() }));
        }
        sent
    }
}
