//! What becomes of attempts: what they send, and what is told when they fail.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use reflow_message::{Message, Parts, Value, make_hosted};

use super::{Driver, ERROR_PORT, Style, record};
use crate::assembler::Held;
use crate::attempt::{Attempt, Packets};
use crate::departures::Kept;
use crate::event::{Event, FailedAttempt, named};
use crate::failure::Failure;
use crate::join::Lone;
use crate::node::Node;
use crate::node_handle::NodeHandle;
use crate::node_state::NodeState;
use crate::origin::{Aside, Origin};
use crate::packet::Outgoing;
use crate::policy::OnError;
use crate::sender;
use crate::tick::Unread;

/// How large a packet may be that a report shows to those who do not take it as it is.
const SHOWN: u64 = 64 << 10;

/// The tagged form of a packet; of a large one that is no JSON-shaped data, its size.
fn shown_wire(message: &Message) -> Value {
    if message.is_more_than_data() && message.payload_bytes() > SHOWN {
        let text = message.described().to_value();
        return Value::object([("type", Value::from(message.kind())), ("data", text)]);
    }
    message.to_wire()
}

impl Driver {
    pub(super) fn tell_retry(&self, attempt: &Attempt, failure: &Failure, delay: Duration) {
        self.node().counters.retries.add(1);
        self.handle.run().events.emit(Event::ActorRetry {
            actor: Arc::clone(self.handle.id()),
            attempt: attempt.number + 1,
            delay_ms: delay.as_millis() as u64,
            error: Arc::clone(&failure.message),
        });
    }

    /// The last failure of a tick: tells, then does what the policy says. The answer is what is to be routed.
    pub(super) fn give_up(&mut self, attempt: &mut Attempt, failure: Failure) -> Option<Failure> {
        let on_error = self.policy().map(|policy| policy.on_error).unwrap_or_default();
        let routed = (on_error == OnError::Route).then(|| failure.clone());
        if self.recorded {
            attempt.failed = Some(Box::new(self.failed_attempt(attempt, failure.clone(), on_error == OnError::Stop)));
        }
        if !self.is_replay(attempt) {
            self.report_attempt(attempt, failure, false);
        }
        self.after_failure(on_error, NodeState::Running);
        routed
    }

    /// Whether the attempt is of a tick that an earlier process has ended: what became of it was told then.
    pub(super) fn is_replay(&self, attempt: &Attempt) -> bool {
        self.node().recorder.as_ref().is_some_and(|recorder| recorder.is_replay(attempt.sequence))
    }

    pub(super) fn after_failure(&mut self, on_error: OnError, state: NodeState) -> NodeState {
        if on_error == OnError::Stop {
            self.failed = true;
            self.handle.run().stop_failed(&format!("node `{}` failed", self.handle.id()));
        }
        // A source that fails would fail again at once, for ever.
        self.failed |= self.source && on_error != OnError::Route;
        state
    }

    /// What a tick that has failed leaves: the report that is to be routed.
    pub(super) fn leave_failed(&mut self, attempt: &mut Attempt, routed: Option<&Failure>) {
        let report = routed.and_then(|failure| self.failure_report(attempt, failure));
        if self.recorded {
            return self.record_failed(attempt, report);
        }
        if self.node().marks.are_used() {
            self.node().marks.forget(attempt.sequence);
        }
        self.node().awaited.over(attempt.sequence);
        if let Some((port, report)) = report {
            let origin = attempt.origin.as_ref();
            self.handle.node().address(port, report, origin, 0, |outgoing| self.outbox.push_back(outgoing));
        }
    }

    /// The error and the packets of the tick, for the outport `error`.
    fn failure_report(&self, attempt: &Attempt, failure: &Failure) -> Option<(u16, Message)> {
        let port = self.handle.outport(ERROR_PORT)?;
        let handle = &self.handle;
        let members = [
            ("error", Value::String(Arc::clone(&failure.message))),
            ("reason", Value::String(Arc::clone(&failure.reason))),
            ("node", Value::String(Arc::clone(handle.id()))),
            ("attempts", attempt.number.into()),
        ];
        let packets = attempt.inputs.iter().map(|(port, message)| (handle.inport_name(*port), shown_wire(message)));
        let packets = ("packets", Value::object(packets));
        let report = Message::Object(Value::object(members.clone().into_iter().chain([packets])));
        if !attempt.inputs.iter().any(|(_, message)| message.is_more_than_data()) {
            return Some((port, report));
        }
        // The packets themselves, for those who can take them: a report of them is read by others.
        let tagged = |message: &Message| {
            let kind = Parts::Value(message.kind().into());
            Parts::Members(vec![("type".into(), kind), ("data".into(), Parts::Message(message.clone()))])
        };
        let packets = attempt.inputs.iter().map(|(port, message)| (handle.inport_name(*port), tagged(message)));
        let packets = ("packets".into(), Parts::Members(packets.collect()));
        let members = members.into_iter().map(|(name, value)| (name.into(), Parts::Value(value)));
        let hosted = make_hosted(Parts::Members(members.chain([packets]).collect()), Some(report.clone()));
        Some((port, hosted.unwrap_or(report)))
    }

    pub(super) fn report(&self, failure: Failure, will_retry: bool) {
        self.report_attempt(&self.attempt, failure, will_retry);
    }

    pub(super) fn report_attempt(&self, attempt: &Attempt, failure: Failure, will_retry: bool) {
        let node = self.node();
        // An attempt that is tried again has not failed its tick.
        node.counters.failures.add(u64::from(!will_retry));
        if let Some(origin) = attempt.origin.as_ref().filter(|_| !will_retry) {
            origin.note_failure();
        }
        let followed = attempt.origin.as_ref().filter(|_| !will_retry && !self.routes_failures());
        let failed = self.failed_attempt(attempt, failure, will_retry);
        if let Some(origin) = followed {
            origin.tell_failure(&failed);
        }
        self.handle.run().fail(failed);
    }

    /// Whether failures leave by the outport `error`, and somebody is there.
    fn routes_failures(&self) -> bool {
        let node = self.node();
        let leads = |port: u16| {
            let routes = node.routes.get(usize::from(port)).is_some_and(|routes| !routes.is_empty());
            routes || node.answers.iter().any(|(at, _)| *at == port)
        };
        let routed = self.policy().is_some_and(|policy| policy.on_error == OnError::Route);
        routed && node.outport(ERROR_PORT).is_some_and(leads)
    }

    pub(super) fn failed_attempt(&self, attempt: &Attempt, failure: Failure, will_retry: bool) -> FailedAttempt {
        let node = self.node();
        FailedAttempt {
            actor: Arc::clone(&node.id),
            component: Arc::clone(&node.component),
            failure,
            attempt: attempt.number.max(1),
            tick: attempt.sequence,
            inputs: named(&attempt.inputs, |port| node.inport_name(port)),
            will_retry,
        }
    }

    /// Tells that a connection did not take what this node sent.
    pub(super) fn report_overflow(&self, refused: &Outgoing) {
        let run = self.handle.run();
        let to = run.nodes[refused.target as usize].place(refused.packet.link);
        let failure = Failure::new(format!(
            "the connection from outport `{}` to {to} is full, and its overflow is \"error\": a packet was not sent",
            self.node().outport_name(refused.port)
        ));
        self.report_attempt(&Attempt::default(), failure.with_reason("overflow"), false);
    }

    /// Lets go of packets that found no partner: by the outport that the rule names, and as an event.
    pub(super) fn release_lone(&mut self) {
        let Some(pairing) = self.assembler.pairing() else { return };
        let lone = std::mem::take(&mut pairing.lone);
        self.let_go(lone);
    }

    /// The same for these.
    pub(super) fn let_go(&mut self, lone: Vec<Lone>) {
        if lone.is_empty() {
            return;
        }
        let mut origins = Vec::new();
        for Lone { port, held, why } in lone {
            let Held { link, position, message, origin, aside, .. } = held;
            if held.credit {
                self.released[link as usize] += 1;
            }
            let node = self.handle.node();
            node.counters.unmatched.add(1);
            let origin = origin.or_else(|| aside.map(Aside::revive));
            if let Some(outport) = node.unmatched {
                let outbox = &mut self.outbox;
                let output = (outport, message.clone(), origin);
                let position = node.recorder.as_ref().map_or(0, |recorder| recorder.pass_on(&output, (link, position)));
                let (_, message, origin) = output;
                node.address(outport, message, origin.as_ref(), position, |outgoing| outbox.push_back(outgoing));
                origins.extend(origin);
            } else {
                origins.extend(origin);
                if self.recorded {
                    self.gone.push((link, position));
                }
            }
            self.handle.run().events.emit(Event::PacketUnmatched {
                actor: Arc::clone(&node.id),
                port: node.inport_name(port),
                reason: why.name(),
                message,
            });
        }
        self.submit_before_end();
    }

    /// Lets the first tick that is not over send at once, now that what those before it have sent is on its way; whether something
    /// was kept that is to be sent before.
    pub(super) fn pass_turn(&mut self) -> bool {
        let Some(departures) = &self.handle.node().departures else { return false };
        let first = if let Style::Concurrent(_) = self.style { self.open.first() } else { None };
        let kept = departures.pass(first.unwrap_or(u64::MAX));
        let some = !kept.is_empty();
        self.send_kept(kept);
        some
    }

    /// Moves into the outbox what the tick, or one before it, has sent before its turn.
    pub(super) fn leave_kept(&mut self, sequence: u64) {
        if let Some(departures) = &self.handle.node().departures {
            let kept = departures.take(sequence);
            self.send_kept(kept);
        }
    }

    fn send_kept(&mut self, kept: Vec<Kept>) {
        for Kept { sequence, packets, origin } in kept {
            // It can only be refused where a journal is kept, and there nothing is kept here.
            let _ = sender::address(
                &self.handle,
                Some(sequence),
                packets,
                origin.as_ref(),
                Unread::default(),
                &mut self.outbox,
            );
        }
    }

    /// Lets all ticks send at once, after what they have sent before their turn.
    pub(super) fn end_turns(&mut self) {
        loop {
            let Some(departures) = &self.handle.node().departures else { return };
            let kept = departures.pass(u64::MAX);
            if kept.is_empty() {
                return;
            }
            self.send_kept(kept);
        }
    }

    /// Moves what leaves whatever becomes of the attempt into the outbox.
    pub(super) fn route_sent(&mut self) {
        if self.attempt.sent.is_empty() {
            return;
        }
        route_sent(&self.handle, &mut self.attempt, &mut self.outbox);
    }

    /// The same for what an actor has yielded: it leaves together.
    pub(super) fn route_yielded(&mut self) {
        if !self.attempt.sent.is_empty() {
            if let Some(results) = &self.handle.node().results {
                for (port, message) in &self.attempt.sent {
                    results.note((self.attempt.sequence, self.attempt.number), *port, message);
                }
            }
            if self.recorded || self.node().cuts() {
                return self.record_yielded();
            }
            let mut sent: Packets = self.attempt.sent.drain(..).collect();
            if self.outbox.is_empty() {
                self.handle.run().hand_over_only(self.node(), self.attempt.origin.as_ref(), &mut sent);
            }
            together(self.handle.node(), self.attempt.origin.as_ref(), &mut sent, &mut self.outbox);
        }
    }

    /// Moves the outputs of the attempt into the outbox: it has committed.
    pub(super) fn commit_current(&mut self) {
        if let Err(failure) = commit(&self.handle, &mut self.attempt, &mut self.outbox) {
            let mut attempt = std::mem::take(&mut self.attempt);
            self.refuse(&mut attempt, failure);
        }
    }

    /// The outputs of an attempt cannot leave, so it has failed.
    pub(super) fn refuse(&mut self, attempt: &mut Attempt, failure: Failure) {
        attempt.emitted.clear();
        attempt.sent.clear();
        let routed = self.give_up(attempt, failure);
        self.leave_failed(attempt, routed.as_ref());
        self.submit_before_end();
    }

    /// Moves what was emitted into the outbox.
    pub(super) fn send_emitted(&mut self) {
        let origin = self.attempt.origin.clone();
        together(self.handle.node(), origin.as_ref(), &mut self.attempt.emitted, &mut self.outbox);
    }
}

/// Moves what leaves whatever becomes of the attempt into the outbox, one by one.
pub(super) fn route_sent(handle: &NodeHandle, attempt: &mut Attempt, outbox: &mut VecDeque<Outgoing>) {
    if attempt.sent.is_empty() {
        return;
    }
    if handle.node().recorder.is_some() || handle.node().cuts() {
        return record::send_each(handle, attempt, outbox);
    }
    let node = handle.node();
    for (port, message) in attempt.sent.drain(..) {
        if let Some(results) = &node.results {
            results.note((attempt.sequence, attempt.number), port, &message);
        }
        let new = if attempt.origin.is_none() { node.new_origin(std::iter::once(port)) } else { None };
        let departing = node.departing(attempt.origin.as_ref(), &[port]);
        let origin = match &departing {
            Some(departing) => departing.member.as_ref().or(departing.other.as_ref()),
            None => attempt.origin.as_ref().or(new.as_ref()),
        };
        node.address(port, message, origin, 0, |outgoing| outbox.push_back(outgoing));
    }
}

/// Moves the outputs of a committed attempt into the outbox.
///
/// # Errors
/// Only where a journal is kept: they cannot be written down, and nothing was moved.
pub(super) fn commit(
    handle: &NodeHandle,
    attempt: &mut Attempt,
    outbox: &mut VecDeque<Outgoing>,
) -> Result<(), Failure> {
    if handle.node().results.is_some() {
        super::cached::keep_result(handle, attempt);
    }
    let slowly = handle.node().recorder.is_some() || handle.node().cuts();
    if !slowly && !attempt.sent.is_empty() {
        route_sent(handle, attempt, outbox);
    }
    let (node, run) = (handle.node(), handle.run());
    if run.events.wants_completions() {
        run.events.emit(Event::ActorCompleted {
            actor: Arc::clone(&node.id),
            component: Arc::clone(&node.component),
            outputs: named(&attempt.emitted, |port| node.outport_name(port)),
        });
    }
    if slowly {
        return record::commit(handle, attempt, outbox);
    }
    node.tick_is_over(attempt.sequence);
    together(node, attempt.origin.as_ref(), &mut attempt.emitted, outbox);
    Ok(())
}

/// Hands the one packet of an attempt over at once where that is possible. Anything else goes by the outbox.
pub(super) fn commit_at_once(handle: &NodeHandle, attempt: &mut Attempt, outbox: &mut VecDeque<Outgoing>) {
    let (node, run) = (handle.node(), handle.run());
    node.tick_is_over(attempt.sequence);
    if attempt.sent.is_empty() && outbox.is_empty() && !run.events.wants_completions() {
        run.hand_over_only(node, attempt.origin.as_ref(), &mut attempt.emitted);
    }
    if !(attempt.emitted.is_empty() && attempt.sent.is_empty()) || run.events.wants_completions() {
        // It can only be refused where a journal is kept, and those go the long way.
        let _ = commit(handle, attempt, outbox);
    }
}

/// Moves packets that leave together into the outbox.
fn together(node: &Node, origin: Option<&Origin>, packets: &mut Packets, outbox: &mut VecDeque<Outgoing>) {
    let new = match origin {
        None if node.mint.is_some() && !packets.is_empty() => {
            node.new_origin(packets.iter().map(|(port, _)| *port).collect::<Vec<_>>().into_iter())
        }
        _ => None,
    };
    if node.scatter.is_some() {
        let ports: Vec<u16> = packets.iter().map(|(port, _)| *port).collect();
        if let Some(departing) = node.departing(origin, &ports) {
            for (port, message) in packets.drain(..) {
                let member = departing.member.as_ref().filter(|_| node.leads_to_gather(port));
                let origin = member.or(departing.other.as_ref());
                node.address(port, message, origin, 0, |outgoing| outbox.push_back(outgoing));
            }
            return;
        }
    }
    let origin = origin.or(new.as_ref());
    // Most ticks send one packet, for which a drain is a long way round.
    if packets.len() == 1 {
        let Some((port, message)) = packets.pop() else { return };
        return node.address(port, message, origin, 0, |outgoing| outbox.push_back(outgoing));
    }
    for (port, message) in packets.drain(..) {
        node.address(port, message, origin, 0, |outgoing| outbox.push_back(outgoing));
    }
}
