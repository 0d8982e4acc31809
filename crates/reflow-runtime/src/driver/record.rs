//! What a node does where a journal is kept, or where connections cut what goes over them: the long way of packets.

use std::collections::VecDeque;
use std::sync::Arc;

use reflow_message::{Message, Value};
use smallvec::SmallVec;

use super::Driver;
use super::call::Call;
use crate::attempt::{Attempt, Packets};
use crate::failure::Failure;
use crate::gather::{Settled, group_op};
use crate::journal::{Op, TickKey};
use crate::mailbox::{Load, Sleep, Taken, WINDOW};
use crate::node::{Departing, Node};
use crate::node_handle::NodeHandle;
use crate::origin::Origin;
use crate::packet::{Outgoing, Packet};
use crate::recorder::{Output, Recorder};

/// The pool that keeps what connections have left over.
pub(crate) const REST: &str = "\u{0}rest";

impl Driver {
    /// Takes what waits in the mailbox; [`Taken::asleep`].
    pub(super) fn exchange(&mut self, sleep: Sleep<'_>) -> Option<bool> {
        self.exchange_all(sleep).asleep
    }

    pub(super) fn exchange_all(&mut self, sleep: Sleep<'_>) -> Taken {
        let mailbox = &self.handle.node().mailbox;
        let before = self.batch.len();
        let taken = mailbox.exchange(&mut self.batch, &mut self.control, &mut self.released, sleep);
        if let Some(script) = &self.handle.run().script
            && (self.batch.len() > before || script.player_of().is_some())
        {
            self.note_arrivals(before);
        }
        if let Some(load) = taken.load {
            self.load(load);
        }
        taken
    }

    /// Reads packets of a log that wait in the journal.
    fn load(&self, load: Load) {
        let handle = self.handle.clone();
        let Some(journal) = handle.node().recorder.as_ref().map(|recorder| Arc::clone(&recorder.journal)) else {
            return;
        };
        // Until they are there, the run is not idle.
        handle.run().activity.begin();
        let host = handle.run().native().handle();
        host.spawn_blocking(move || {
            let run = handle.run();
            let kept = journal.read(load.stream, load.from, WINDOW);
            let kept = match kept {
                Ok(kept) => Some(kept),
                Err(error) => {
                    run.stop_failed(&error.to_string());
                    None
                }
            };
            let packets = kept.map(|kept| {
                // What descends from something does not wait there.
                let packet = |kept: crate::journal::Kept| {
                    let position = kept.position as u32;
                    let message = crate::restore::for_node(handle.node(), kept.message);
                    (kept.position, Packet { link: load.link, position, message, origin: None })
                };
                kept.into_iter().map(packet).collect()
            });
            let (gone, wake) = handle.node().mailbox.loaded(load, packets, WINDOW);
            if let Some(recorder) = &handle.node().recorder {
                recorder.drop_packets(gone.into_iter().map(|position| (load.link, position)));
            }
            if wake {
                handle.node().sleeper.wake();
            }
            run.end_activity();
        });
    }

    /// Hands what was written to the journal, before it is delivered.
    pub(super) fn submit(&mut self) {
        if !self.recorded {
            return;
        }
        let node = self.handle.node();
        let Some(recorder) = &node.recorder else { return };
        if !self.gone.is_empty() {
            recorder.drop_packets(self.gone.drain(..));
        }
        if let Err(error) = recorder.submit() {
            self.handle.run().stop_failed(&error.to_string());
        }
    }

    /// Records the end of a tick that failed, and sends what it has left.
    pub(super) fn record_failed(&mut self, attempt: &mut Attempt, report: Option<(u16, Message)>) {
        let handle = self.handle.clone();
        let node = handle.node();
        let Some(recorder) = &node.recorder else { return };
        let Some(failed) = attempt.failed.take() else {
            // Nobody wants to know what became of it, but what it has changed stays.
            let mut ops = Vec::new();
            recorder.changes.close(attempt.sequence, &mut ops);
            return recorder.note_all(ops);
        };
        if recorder.is_replay(attempt.sequence) {
            return end_replay(node, attempt);
        }
        if failed.will_retry {
            // The run stops for it. Whoever goes on with the run tries it again, from the beginning.
            send_each(&handle, attempt, &mut self.outbox);
            return recorder.retry(attempt, 0, 0, *failed, |_| None);
        }
        let mut outputs = taken_outputs(node, attempt, true);
        if let Some(report) = report {
            let report: Packets = [report].into_iter().collect();
            outputs.extend(match &attempt.origin {
                Some(origin) => Leaving::new(node, Some(origin), &report).outputs(node, report),
                None => report.into_iter().map(|(port, report)| (port, report, None)).collect(),
            });
        }
        let rests = cut(node, &mut outputs);
        let sequence = attempt.sequence;
        let group = scatter_op(attempt, None);
        let positions = recorder.fail(attempt, *failed, &outputs, |ops| {
            node.awaited.over_ops(handle.index(), sequence, ops);
            handle.run().settled_ops(handle.index(), attempt.settled.as_deref(), ops);
            ops.extend(group);
            rest_ops(&handle, rests, ops);
        });
        node.marks.forget(attempt.sequence);
        address_all(node, outputs, &positions, &mut self.outbox);
    }

    /// Sends what an actor has yielded: it leaves together, with the value to go on from.
    pub(super) fn record_yielded(&mut self) {
        let handle = self.handle.clone();
        let node = handle.node();
        let mut sent: Packets = self.attempt.sent.drain(..).collect();
        if let Some(recorder) = &node.recorder {
            leave_out(node, recorder, self.attempt.sequence, self.attempt.origin.as_ref(), &mut sent);
        }
        if sent.is_empty() {
            return;
        }
        let mut outputs = Leaving::new(node, self.attempt.origin.as_ref(), &sent).outputs(node, sent);
        let count = outputs.len() as u32;
        let rests = cut(node, &mut outputs);
        let Some(recorder) = &node.recorder else {
            return address_all(node, outputs, &[], &mut self.outbox);
        };
        let group = scatter_op(&self.attempt, Some(recorder.key(self.attempt.sequence)));
        let sent = recorder.send_together(self.attempt.sequence, &outputs, count, |ops| {
            ops.extend(group);
            rest_ops(&handle, rests, ops);
        });
        match sent {
            Ok(positions) => address_all(node, outputs, &positions, &mut self.outbox),
            Err(failure) => self.report(failure, false),
        }
    }

    /// Sends what a call beside `run` has put out, unless it has left before.
    pub(super) fn record_call(&mut self, call: &Call<'_>, is_ok: bool) {
        let handle = self.handle.clone();
        let node = handle.node();
        let is_setup = matches!(call, Call::Setup);
        if is_setup && node.recorder.as_ref().is_some_and(|recorder| recorder.is_set_up()) {
            return self.attempt.clear();
        }
        let mut outputs = taken_outputs(node, &mut self.attempt, false);
        if is_ok {
            let emitted = std::mem::take(&mut self.attempt.emitted);
            outputs.extend(Leaving::new(node, None, &emitted).outputs(node, emitted));
        }
        let Some(recorder) = &node.recorder else {
            cut(node, &mut outputs);
            return address_all(node, outputs, &[], &mut self.outbox);
        };
        let rests = cut(node, &mut outputs);
        let ends = matches!(call, Call::Finalize) && is_ok;
        let index = handle.index();
        let taken = if let Call::Signal(received) = call { received.number } else { None };
        let released = std::mem::take(&mut self.attempt.taken);
        let positions = recorder.append(&outputs, |ops| {
            ops.extend(taken.map(|number| Op::SignalTaken { number }));
            ops.extend(released.into_iter().map(|(link, position)| Op::Read { node: index, link, position }));
            rest_ops(&handle, rests, ops);
            if ends {
                ops.push(Op::State { node: index, state: "finished", ended: true });
            }
        });
        match positions {
            Ok(positions) => address_all(node, outputs, &positions, &mut self.outbox),
            Err(failure) => self.report(failure, false),
        }
        if is_setup && is_ok {
            recorder.note_set_up();
        }
    }

    /// Hands over what was written, before an origin may end: what comes of its end is written after that.
    pub(super) fn submit_before_end(&mut self) {
        if self.recorded && self.node().carries {
            self.submit();
        }
    }

    /// Deals with what the end of a group leaves beside its list.
    pub(super) fn settle_group(&mut self, gone: Vec<(u32, u32)>, settled: Option<&Settled>) {
        if !self.recorded {
            return;
        }
        if let Some(recorder) = &self.handle.node().recorder {
            let node = self.handle.index();
            let mut ops: Vec<Op> = gone.into_iter().map(|(link, position)| Op::Read { node, link, position }).collect();
            self.handle.run().settled_ops(node, settled, &mut ops);
            recorder.note_all(ops);
        }
        self.submit_before_end();
    }

    /// Sends what connections have left over, at the end of the node.
    pub(super) fn flush_rechunked(&mut self) {
        let handle = self.handle.clone();
        let node = handle.node();
        if !node.cuts() {
            return;
        }
        let last = |rechunker: &crate::rechunk::Rechunker| Some((rechunker.to, rechunker.last()?, None));
        let outputs: Vec<Output> = node.rechunkers.iter().filter_map(last).collect();
        let positions = match &node.recorder {
            Some(recorder) => recorder.append(&outputs, |ops| {
                ops.push(Op::Pool { node: handle.index(), pool: REST.into(), id: None, value: None });
            }),
            None => Ok(Vec::new()),
        };
        address_all(node, outputs, &positions.unwrap_or_default(), &mut self.outbox);
    }
}

/// What has left whatever becomes of the attempt, each with its own origin. Of those of a tick, what has left before is not among
/// them.
fn taken_outputs(node: &Node, attempt: &mut Attempt, of_tick: bool) -> Vec<Output> {
    let (origin, sequence) = (attempt.origin.clone(), attempt.sequence);
    let recorder = node.recorder.as_ref().filter(|_| of_tick);
    let own = |(port, message): (u16, Message)| {
        let departing = node.departing(origin.as_ref(), &[port]);
        // It counts in the group of its tick, but is no other turn of its outport.
        if recorder.is_some_and(|recorder| recorder.has_left(sequence)) {
            return None;
        }
        let own = match departing {
            Some(departing) => departing.member.or(departing.other),
            None => origin.clone().or_else(|| node.new_origin(std::iter::once(port))),
        };
        Some((port, message, own))
    };
    attempt.sent.drain(..).filter_map(own).collect()
}

/// Takes those out that have left before, of packets of a tick that leave together. They count in the group of the tick, but are no
/// other turn of their outports.
pub(crate) fn leave_out(
    node: &Node,
    recorder: &Recorder,
    sequence: u64,
    origin: Option<&Origin>,
    packets: &mut Packets,
) {
    let mut left: SmallVec<[u16; 4]> = SmallVec::new();
    packets.retain(|(port, _)| {
        let has_left = recorder.has_left(sequence);
        left.extend(has_left.then_some(*port));
        !has_left
    });
    if !left.is_empty() {
        drop(node.departing(origin, &left));
    }
}

/// A tick of a source has been run again for what it leaves in its actor: all else was written down when it ran first.
fn end_replay(node: &Node, attempt: &mut Attempt) {
    attempt.emitted.clear();
    attempt.sent.clear();
    if let Some(group) = attempt.origin.as_ref().and_then(Origin::scattered) {
        group.let_go();
    }
    if let Some(recorder) = &node.recorder {
        recorder.end_replay(attempt.sequence);
    }
}

/// What packets descend from that leave together.
pub(crate) enum Leaving<'a> {
    Known(&'a Origin),
    New(Option<Origin>),
    /// Some of them are gathered again.
    Departing(Departing),
}

impl<'a> Leaving<'a> {
    pub(crate) fn new(node: &Node, origin: Option<&'a Origin>, packets: &[(u16, Message)]) -> Self {
        let ports: SmallVec<[u16; 4]> = packets.iter().map(|(port, _)| *port).collect();
        if let Some(departing) = node.departing(origin, &ports) {
            return Self::Departing(departing);
        }
        let new = || if ports.is_empty() { None } else { node.new_origin(ports.iter().copied()) };
        origin.map_or_else(|| Self::New(new()), Self::Known)
    }

    pub(crate) fn origin(&self, node: &Node, port: u16) -> Option<&Origin> {
        match self {
            Self::Known(origin) => Some(origin),
            Self::New(origin) => origin.as_ref(),
            Self::Departing(departing) => {
                departing.member.as_ref().filter(|_| node.leads_to_gather(port)).or(departing.other.as_ref())
            }
        }
    }

    /// The packets, each with what it descends from.
    pub(crate) fn outputs(&self, node: &Node, packets: Packets) -> Vec<Output> {
        packets.into_iter().map(|(port, message)| (port, message, self.origin(node, port).cloned())).collect()
    }
}

/// Makes the packets of a tick those of the group that an earlier process has begun for it, if it has.
pub(super) fn go_on_with_group(node: &Node, attempt: &mut Attempt) {
    let (Some(scatter), Some(recorder)) = (&node.scatter, &node.recorder) else { return };
    let Some(begun) = scatter.begun.lock().remove(&recorder.key(attempt.sequence)) else { return };
    if let Some(group) = attempt.origin.as_ref().and_then(Origin::scattered) {
        group.let_go();
    }
    if recorder.sends_again(attempt.sequence)
        && let Some(group) = begun.scattered()
    {
        group.begin_again();
    }
    attempt.origin = Some(begun);
}

/// What a journal has to know of the group whose packets a tick gives; with `tick` while that is open.
fn scatter_op(attempt: &Attempt, tick: Option<TickKey>) -> Option<Op> {
    let group = attempt.origin.as_ref()?.scattered().filter(|group| group.is_news())?;
    Some(group_op(group, tick))
}

/// The same when the tick is tried again.
pub(super) fn retried_op(attempt: &Attempt, tick: TickKey) -> Option<Op> {
    let group = attempt.origin.as_ref()?.scattered()?;
    group.begin_another_try();
    (group.count() > 0 || group.is_fork() && group.is_news()).then(|| group_op(group, Some(tick)))
}

/// Adds the pieces that connections make of outputs; what is left over now, by place of the pieces.
pub(crate) fn cut(node: &Node, outputs: &mut Vec<Output>) -> Vec<(u16, Value)> {
    let mut rests = Vec::new();
    if !node.cuts() {
        return rests;
    }
    for at in 0..outputs.len() {
        let port = outputs[at].0;
        for rechunker in node.rechunkers.iter().filter(|rechunker| rechunker.from == port) {
            let (pieces, rest) = rechunker.cut(&outputs[at].1);
            let origin = outputs[at].2.clone();
            outputs.extend(pieces.into_iter().map(|piece| (rechunker.to, piece, origin.clone())));
            if let Some(rest) = rest {
                rests.retain(|(to, _)| *to != rechunker.to);
                rests.push((rechunker.to, rest));
            }
        }
    }
    rests
}

/// What connections have left over now.
pub(crate) fn rest_ops(handle: &NodeHandle, rests: Vec<(u16, Value)>, ops: &mut Vec<Op>) {
    let node = handle.index();
    for (to, rest) in rests {
        let id = Some(Arc::from(to.to_string()));
        ops.push(Op::Pool { node, pool: REST.into(), id, value: Some(rest) });
    }
}

/// Puts outputs into the outbox, with their positions.
pub(crate) fn address_all(node: &Node, outputs: Vec<Output>, positions: &[u32], outbox: &mut VecDeque<Outgoing>) {
    for (at, (port, message, origin)) in outputs.into_iter().enumerate() {
        let position = positions.get(at).copied().unwrap_or_default();
        node.address(port, message, origin.as_ref(), position, |outgoing| outbox.push_back(outgoing));
    }
}

/// Sends what has left whatever becomes of the attempt.
pub(super) fn send_each(handle: &NodeHandle, attempt: &mut Attempt, outbox: &mut VecDeque<Outgoing>) {
    let node = handle.node();
    let mut outputs = taken_outputs(node, attempt, true);
    if outputs.is_empty() {
        return;
    }
    let count = outputs.len() as u32;
    let rests = cut(node, &mut outputs);
    let positions = match &node.recorder {
        Some(recorder) => {
            let group = scatter_op(attempt, Some(recorder.key(attempt.sequence)));
            recorder.send_together(attempt.sequence, &outputs, count, |ops| {
                ops.extend(group);
                rest_ops(handle, rests, ops);
            })
        }
        None => Ok(Vec::new()),
    };
    match positions {
        Ok(positions) => address_all(node, outputs, &positions, outbox),
        Err(failure) => handle.log("error", &*failure.message),
    }
}

/// Commits an attempt.
pub(super) fn commit(
    handle: &NodeHandle,
    attempt: &mut Attempt,
    outbox: &mut VecDeque<Outgoing>,
) -> Result<(), Failure> {
    let node = handle.node();
    if node.recorder.as_ref().is_some_and(|recorder| recorder.is_replay(attempt.sequence)) {
        end_replay(node, attempt);
        return Ok(());
    }
    let mut outputs = taken_outputs(node, attempt, true);
    let emitted = std::mem::take(&mut attempt.emitted);
    outputs.extend(Leaving::new(node, attempt.origin.as_ref(), &emitted).outputs(node, emitted));
    let group = scatter_op(attempt, None);
    let rests = cut(node, &mut outputs);
    let positions = match &node.recorder {
        Some(recorder) => recorder.commit(attempt, &outputs, |ops| {
            node.awaited.over_ops(handle.index(), attempt.sequence, ops);
            handle.run().settled_ops(handle.index(), attempt.settled.as_deref(), ops);
            ops.extend(group);
            rest_ops(handle, rests, ops);
        })?,
        None => Vec::new(),
    };
    node.marks.forget(attempt.sequence);
    address_all(node, outputs, &positions, outbox);
    Ok(())
}
