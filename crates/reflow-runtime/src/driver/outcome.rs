//! What becomes of an attempt: commit, another try, or giving up as the policy says.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use super::call::Call;
use super::{Driver, ERROR_PORT};
use reflow_message::{Message, Value};

use crate::attempt::{Attempt, Packets};
use crate::event::{Event, FailedAttempt, named};
use crate::failure::Failure;
use crate::mailbox::Outgoing;
use crate::node::{Node, NodeHandle, NodeState};
use crate::policy::OnError;

impl Driver {
    /// Commits, or tries again as the policy says.
    pub(super) async fn finish_attempts(&mut self, mut result: Result<(), Failure>, held: Option<Packets>) {
        loop {
            self.finish |= self.attempt.finish;
            let failure = match result {
                Ok(()) => return self.commit(),
                Err(failure) => failure,
            };
            let number = self.attempt.number;
            let retry = self.policy().is_some_and(|policy| policy.retries(number, &failure));
            self.attempt.emitted.clear();
            if self.is_cancelled() {
                return;
            }
            let Some(inputs) = held.as_ref().filter(|_| retry) else {
                if let Some(inputs) = held {
                    self.attempt.inputs = inputs;
                }
                return self.give_up_tick(failure);
            };
            self.attempt.inputs.clone_from(inputs);
            self.back_off(failure).await;
            if self.is_cancelled() {
                return;
            }
            self.attempt.number += 1;
            self.attempt.inputs.clone_from(inputs);
            result = self.call(Call::Run).await;
        }
    }

    pub(super) async fn back_off(&mut self, failure: Failure) {
        let delay = self.policy().map_or(Duration::ZERO, |policy| policy.delay(self.attempt.number, fastrand::f64()));
        self.node().counters.retries.add(1);
        self.handle.run().events.emit(Event::ActorRetry {
            actor: Arc::clone(self.handle.id()),
            attempt: self.attempt.number + 1,
            delay_ms: delay.as_millis() as u64,
            error: Arc::clone(&failure.message),
        });
        self.report(failure, true);
        // What earlier ticks sent must not wait for this one.
        self.flush().await;
        if !delay.is_zero() {
            let run = Arc::clone(self.handle.run());
            run.set_state(self.node(), NodeState::BackingOff, true);
            self.node().counters.clock.rest();
            let mut sleep = Box::pin(run.native().sleep(delay));
            let handle = self.handle.clone();
            poll_fn(|cx| {
                handle.node().sleeper.set_waker(cx.waker());
                if run.is_cancelled() { Poll::Ready(()) } else { sleep.as_mut().poll(cx) }
            })
            .await;
            self.node().counters.clock.work();
            run.set_state(self.node(), NodeState::Running, true);
        }
    }

    /// The last failure of a tick: tells, then does what the policy says.
    pub(super) fn give_up_tick(&mut self, failure: Failure) {
        if self.is_cancelled() {
            return;
        }
        let on_error = self.policy().map(|policy| policy.on_error).unwrap_or_default();
        if on_error == OnError::Route {
            self.route_failure(&failure);
        }
        self.report(failure, false);
        self.after_failure(on_error, NodeState::Running);
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

    /// Sends the error and the packets of the tick from the outport `error`.
    pub(super) fn route_failure(&mut self, failure: &Failure) {
        let Some(port) = self.handle.outport(ERROR_PORT) else { return };
        let handle = &self.handle;
        let packets = self.attempt.inputs.iter().map(|(port, message)| (handle.inport_name(*port), message.to_wire()));
        let report = Value::object([
            ("error", Value::String(Arc::clone(&failure.message))),
            ("reason", Value::String(Arc::clone(&failure.reason))),
            ("node", Value::String(Arc::clone(handle.id()))),
            ("attempts", self.attempt.number.into()),
            ("packets", Value::object(packets)),
        ]);
        handle.node().address(port, Message::Object(report), |outgoing| self.outbox.push_back(outgoing));
    }

    pub(super) fn report(&self, failure: Failure, will_retry: bool) {
        let node = self.node();
        node.counters.failures.add(1);
        let inputs = named(&self.attempt.inputs, |port| node.inport_name(port));
        self.handle.run().fail(FailedAttempt {
            actor: Arc::clone(&node.id),
            component: Arc::clone(&node.component),
            failure,
            attempt: self.attempt.number.max(1),
            tick: self.attempt.sequence,
            inputs,
            will_retry,
        });
    }

    /// Moves what leaves whatever becomes of the attempt into the outbox.
    pub(super) fn route_sent(&mut self) {
        send(self.handle.node(), self.attempt.sent.drain(..), &mut self.outbox);
    }

    /// Moves the outputs of a committed attempt into the outbox.
    pub(super) fn commit(&mut self) {
        commit(&self.handle, &mut self.attempt, &mut self.outbox);
    }

    /// Moves what was emitted into the outbox.
    pub(super) fn send_emitted(&mut self) {
        send(self.handle.node(), self.attempt.emitted.drain(..), &mut self.outbox);
    }
}

/// Moves the outputs of a committed attempt into the outbox.
pub(super) fn commit(handle: &NodeHandle, attempt: &mut Attempt, outbox: &mut VecDeque<Outgoing>) {
    let (node, run) = (handle.node(), handle.run());
    send(node, attempt.sent.drain(..), outbox);
    if run.events.wants_completions() {
        run.events.emit(Event::ActorCompleted {
            actor: Arc::clone(&node.id),
            component: Arc::clone(&node.component),
            outputs: named(&attempt.emitted, |port| node.outport_name(port)),
        });
    }
    send(node, attempt.emitted.drain(..), outbox);
}

fn send(node: &Node, messages: impl Iterator<Item = (u16, Message)>, outbox: &mut VecDeque<Outgoing>) {
    for (port, message) in messages {
        node.address(port, message, |outgoing| outbox.push_back(outgoing));
    }
}
