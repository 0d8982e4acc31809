//! What a node does where a journal is kept, or where connections cut what goes over them: the long way of packets.

use std::collections::VecDeque;
use std::sync::Arc;

use reflow_message::{Message, Value};
use smallvec::SmallVec;

use super::Driver;
use super::call::Call;
use crate::attempt::Attempt;
use crate::failure::Failure;
use crate::gather::{Settled, group_op};
use crate::journal::{Op, TickKey};
use crate::mailbox::{Load, Sleep, Taken, WINDOW};
use crate::node::{Departing, Node};
use crate::node_handle::NodeHandle;
use crate::origin::Origin;
use crate::packet::{Outgoing, Packet};
use crate::recorder::Output;

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
                let packet = |kept: crate::journal::Kept| {
                    let origin = run.known_origin(kept.origin);
                    let position = kept.position as u32;
                    let message = crate::restore::for_node(handle.node(), kept.message);
                    (kept.position, Packet { link: load.link, position, message, origin })
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
            return ops.into_iter().for_each(|op| recorder.note(op));
        };
        if recorder.is_replay(attempt.sequence) {
            return end_replay(node, attempt);
        }
        if failed.will_retry {
            // The run stops for it. Whoever goes on with the run tries it again, from the beginning.
            send_each(&handle, attempt, &mut self.outbox);
            return recorder.retry(attempt, 0, 0, *failed);
        }
        let mut outputs = taken_outputs(node, attempt, true);
        outputs.extend(report.map(|(port, report)| (port, report, attempt.origin.clone())));
        let rests = cut(node, &mut outputs);
        let (sequence, settled) = (attempt.sequence, attempt.settled.take());
        let group = scatter_op(attempt, None);
        let positions = recorder.fail(attempt, *failed, &outputs, |ops| {
            node.awaited.over_ops(handle.index(), sequence, ops);
            handle.run().settled_ops(handle.index(), settled, ops);
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
        let mut sent = std::mem::take(&mut self.attempt.sent);
        leave_out(node, &self.attempt, &mut sent);
        if sent.is_empty() {
            return;
        }
        let leaving = Leaving::new(node, self.attempt.origin.as_ref(), &sent);
        let own = |(port, message)| (port, message, leaving.origin(node, port));
        let mut outputs: Vec<Output> = sent.into_iter().map(own).collect();
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
            let emitted: Vec<_> = self.attempt.emitted.drain(..).collect();
            let leaving = Leaving::new(node, None, &emitted);
            outputs.extend(emitted.into_iter().map(|(port, message)| (port, message, leaving.origin(node, port))));
        }
        let Some(recorder) = &node.recorder else {
            cut(node, &mut outputs);
            return address_all(node, outputs, &[], &mut self.outbox);
        };
        let rests = cut(node, &mut outputs);
        let ends = matches!(call, Call::Finalize) && is_ok;
        let index = handle.index();
        let taken = if let Call::Signal(received) = call { received.number } else { None };
        let positions = recorder.append(&outputs, |ops| {
            ops.extend(taken.map(|number| Op::SignalTaken { number }));
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
    pub(super) fn settle_group(&mut self, gone: Vec<(u32, u32)>, settled: Option<Box<Settled>>) {
        if !self.recorded {
            return;
        }
        self.gone.extend(gone);
        if let Some(recorder) = &self.handle.node().recorder {
            let mut ops = Vec::new();
            self.handle.run().settled_ops(self.handle.index(), settled, &mut ops);
            ops.into_iter().for_each(|op| recorder.note(op));
        }
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
fn leave_out(node: &Node, attempt: &Attempt, sent: &mut Vec<(u16, Message)>) {
    let Some(recorder) = &node.recorder else { return };
    let mut left: SmallVec<[u16; 4]> = SmallVec::new();
    sent.retain(|(port, _)| {
        let has_left = recorder.has_left(attempt.sequence);
        left.extend(has_left.then_some(*port));
        !has_left
    });
    if !left.is_empty() {
        drop(node.departing(attempt.origin.as_ref(), &left));
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
enum Leaving {
    Origin(Option<Origin>),
    /// Some of them are gathered again.
    Departing(Departing),
}

impl Leaving {
    fn new(node: &Node, origin: Option<&Origin>, packets: &[(u16, Message)]) -> Self {
        let ports: SmallVec<[u16; 4]> = packets.iter().map(|(port, _)| *port).collect();
        if let Some(departing) = node.departing(origin, &ports) {
            return Self::Departing(departing);
        }
        let new = || if ports.is_empty() { None } else { node.new_origin(ports.iter().copied()) };
        Self::Origin(origin.cloned().or_else(new))
    }

    fn origin(&self, node: &Node, port: u16) -> Option<Origin> {
        match self {
            Self::Origin(origin) => origin.clone(),
            Self::Departing(departing) => {
                departing.member.clone().filter(|_| node.leads_to_gather(port)).or_else(|| departing.other.clone())
            }
        }
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
    attempt.origin.as_ref()?.scattered().map(|group| group_op(group, tick))
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
    let emitted: Vec<(u16, Message)> = attempt.emitted.drain(..).collect();
    let leaving = Leaving::new(node, attempt.origin.as_ref(), &emitted);
    outputs.extend(emitted.into_iter().map(|(port, message)| (port, message, leaving.origin(node, port))));
    let (group, settled) = (scatter_op(attempt, None), attempt.settled.take());
    let rests = cut(node, &mut outputs);
    let positions = match &node.recorder {
        Some(recorder) => recorder.commit(attempt, &outputs, |ops| {
            node.awaited.over_ops(handle.index(), attempt.sequence, ops);
            handle.run().settled_ops(handle.index(), settled, ops);
            ops.extend(group);
            rest_ops(handle, rests, ops);
        })?,
        None => Vec::new(),
    };
    node.marks.forget(attempt.sequence);
    address_all(node, outputs, &positions, outbox);
    Ok(())
}
