//! The task of a node: takes packets, assembles ticks, runs the actor, sends what it produced.

use std::collections::VecDeque;
use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use futures_util::FutureExt;

use crate::activity::Sleeper;
use crate::actor::{Actor, AsyncActor, Instance, Signal};
use crate::attempt::{Attempt, Completion, Outcome, Packets};
use crate::event::{Event, FailedAttempt, named};
use crate::failure::Failure;
use crate::firing::Assembler;
use crate::host::{HostedActor, Step};
use crate::mailbox::{Control, Outgoing, Packet};
use crate::message::Message;
use crate::node::{Node, NodeHandle, NodeState, TAP};
use crate::policy::{OnError, Policy, TIMEOUT};
use crate::tick::Tick;
use crate::value::Value;

/// Ticks that a node runs, or packets that it produces, before others get a turn.
const TURN: usize = 128;
/// The outport that failures leave by under `on_error: route`.
pub(crate) const ERROR_PORT: &str = "error";

/// Runs one node to its end. Whatever happens inside, the run is told.
pub(crate) async fn drive(driver: Driver) {
    let mut end = EndOfNode { handle: driver.handle.clone(), state: NodeState::Cancelled, undelivered: 0 };
    match AssertUnwindSafe(driver.run()).catch_unwind().await {
        Ok((state, undelivered)) => (end.state, end.undelivered) = (state, undelivered),
        Err(_) => end.state = NodeState::Failed,
    }
}

/// Reports the end of a node, even when its task is dropped in the middle.
struct EndOfNode {
    handle: NodeHandle,
    state: NodeState,
    undelivered: usize,
}

impl Drop for EndOfNode {
    fn drop(&mut self) {
        // The task may be dropped while it sleeps; its end is an act of its own.
        self.handle.node().sleeper.rise();
        self.handle.run().node_ended(self.handle.index(), self.state, self.undelivered);
    }
}

/// The state of a node's task.
pub(crate) struct Driver {
    handle: NodeHandle,
    instance: Instance,
    assembler: Assembler,
    /// Runs without inputs until it says that it is finished.
    source: bool,
    style: Style,
    waker: LastWaker,
    batch: VecDeque<Packet>,
    control: VecDeque<Control>,
    link_ports: Vec<u16>,
    released: Vec<u32>,
    outbox: VecDeque<Outgoing>,
    attempt: Attempt,
    /// Attempts of a batch actor.
    attempts: Vec<Attempt>,
    sequence: u64,
    finish: bool,
    failed: bool,
}

/// How the node's ticks are run.
#[derive(Clone, Copy)]
enum Style {
    /// Back to back, outputs together: the actor never waits.
    Computes,
    /// One at a time, each delivered before the next.
    Single,
    /// The same without a policy: the actor is called directly, and only what does not end at once takes the long way.
    Hosted,
    /// Up to so many in one call.
    Batches(usize),
}

/// The waker that the node's sleeper was given last: a task keeps its waker, so it is handed over once.
#[derive(Default)]
struct LastWaker(Option<Waker>);

impl LastWaker {
    fn hand_to(&mut self, sleeper: &Sleeper, cx: &Context<'_>) {
        if !self.0.as_ref().is_some_and(|known| known.will_wake(cx.waker())) {
            self.0 = Some(cx.waker().clone());
            sleeper.set_waker(cx.waker());
        }
    }
}

/// What the next turn brings.
enum Turn {
    Work,
    Closed,
    Cancelled,
}

impl Driver {
    pub(crate) fn new(handle: NodeHandle, instance: Instance, assembler: Assembler, source: bool) -> Self {
        let link_ports = handle.node().mailbox.link_ports();
        let style = match &instance {
            Instance::Sync(_) if handle.node().policy.is_none() => Style::Computes,
            Instance::Hosted(actor) if actor.batch_limit() > 1 => Style::Batches(actor.batch_limit()),
            Instance::Hosted(_) if handle.node().policy.is_none() => Style::Hosted,
            _ => Style::Single,
        };
        Self {
            style,
            waker: LastWaker::default(),
            handle,
            instance,
            assembler,
            source,
            batch: VecDeque::new(),
            control: VecDeque::new(),
            released: vec![0; link_ports.len()],
            link_ports,
            outbox: VecDeque::new(),
            attempt: Attempt::default(),
            attempts: Vec::new(),
            sequence: 0,
            finish: false,
            failed: false,
        }
    }

    fn node(&self) -> &Node {
        self.handle.node()
    }

    fn is_cancelled(&self) -> bool {
        self.handle.run().is_cancelled()
    }

    fn policy(&self) -> Option<&Policy> {
        self.node().policy.as_deref()
    }

    async fn run(mut self) -> (NodeState, usize) {
        let state = self.live().await;
        self.teardown().await;
        self.outbox.clear();
        let held = self.batch.len() + self.assembler.held();
        for control in self.control.drain(..) {
            if control.is_counted() {
                self.handle.run().end_activity();
            }
        }
        (state, held)
    }

    async fn live(&mut self) -> NodeState {
        if let Err(failure) = self.call(Call::Setup).await {
            self.attempt.clear();
            self.report(failure, false);
            return self.after_failure(OnError::Continue, NodeState::Failed);
        }
        self.flush().await;
        let mut ran = false;
        let state = loop {
            match self.turn().await {
                Turn::Work => {}
                Turn::Closed => break NodeState::Finished,
                Turn::Cancelled => return NodeState::Cancelled,
            }
            if !ran {
                ran = true;
                self.handle.run().set_state(self.node(), NodeState::Running, true);
            } else {
                self.handle.run().set_state(self.node(), NodeState::Running, false);
            }
            self.signals().await;
            self.work().await;
            if self.failed {
                return if self.is_cancelled() { NodeState::Failed } else { self.close(NodeState::Failed).await };
            }
            if self.finish {
                break NodeState::Finished;
            }
        };
        self.close(state).await
    }

    /// The orderly end: finalize once, send what it sends.
    async fn close(&mut self, state: NodeState) -> NodeState {
        if self.is_cancelled() {
            return NodeState::Cancelled;
        }
        let ticks = self.sequence;
        if !self.has_finalize() {
            return if ticks == 0 && state == NodeState::Finished { NodeState::Skipped } else { state };
        }
        if state == NodeState::Failed {
            return state;
        }
        let result = self.call(Call::Finalize).await;
        self.flush().await;
        match result {
            Ok(()) => state,
            Err(failure) => {
                self.report(failure, false);
                NodeState::Failed
            }
        }
    }

    fn has_finalize(&self) -> bool {
        match &self.instance {
            Instance::Sync(actor) => actor.has_finalize(),
            Instance::Async(actor) => actor.has_finalize(),
            Instance::Hosted(actor) => actor.has_finalize(),
        }
    }

    async fn teardown(&mut self) {
        // A panic here has nobody left to tell but the trace.
        let panicked = match &mut self.instance {
            Instance::Sync(actor) => catch_unwind(AssertUnwindSafe(|| actor.teardown())).err(),
            Instance::Async(actor) => AssertUnwindSafe(actor.teardown()).catch_unwind().await.err(),
            Instance::Hosted(actor) => catch_unwind(AssertUnwindSafe(|| actor.teardown())).err(),
        };
        if let Some(payload) = panicked {
            self.report(Failure::from_panic(&*payload), false);
        }
    }

    // ---- waiting ------------------------------------------------------------------------------------------------------

    /// Waits until there is something to do.
    async fn turn(&mut self) -> Turn {
        poll_fn(|cx| self.poll_turn(cx)).await
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Turn> {
        let sleeper = &self.handle.node().sleeper;
        self.waker.hand_to(sleeper, cx);
        sleeper.rise();
        if self.handle.is_cancelled() {
            return Poll::Ready(Turn::Cancelled);
        }
        let busy = self.source || !self.batch.is_empty() || !self.control.is_empty();
        let mailbox = &self.handle.node().mailbox;
        let may_sleep = (!busy).then_some(sleeper);
        let taken = mailbox.exchange(&mut self.batch, &mut self.control, &mut self.released, may_sleep);
        let Some(asleep) = taken.asleep else { return Poll::Ready(Turn::Work) };
        self.handle.run().set_state(self.node(), NodeState::Waiting, false);
        let end = if self.is_cancelled() {
            Some(Turn::Cancelled)
        } else if self.is_exhausted(taken.open_links) {
            Some(Turn::Closed)
        } else {
            None
        };
        match end {
            Some(turn) => {
                if asleep {
                    sleeper.stay_awake();
                }
                Poll::Ready(turn)
            }
            None => {
                if asleep && sleeper.leave() {
                    self.handle.run().on_quiet();
                }
                Poll::Pending
            }
        }
    }

    /// Whether no further tick can come.
    fn is_exhausted(&self, open_links: usize) -> bool {
        let (node, run) = (self.node(), self.handle.run());
        if node.exhausted.load(Ordering::Acquire) {
            return true;
        }
        if node.holds.load(Ordering::Acquire) > 0 || run.outside_may_send(node) {
            return false;
        }
        if matches!(&self.instance, Instance::Hosted(actor) if run.keeps_retained() && actor.is_retained()) {
            return false;
        }
        if open_links == 0 {
            return true;
        }
        let mut closed = vec![true; node.declared_inports];
        node.mailbox.closed_ports(&mut closed);
        !matches!(self.assembler, Assembler::Any) && self.assembler.is_exhausted(&closed)
    }

    /// Hands everything in the outbox over, waiting for room. What the run's end leaves behind is counted.
    async fn flush(&mut self) {
        if !self.outbox.is_empty() {
            poll_fn(|cx| self.poll_flush(cx)).await;
        }
    }

    fn poll_flush(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let (run, node) = (self.handle.run(), self.handle.node());
        let sleeper = &node.sleeper;
        // A packet that finds no room registers the sleeper, so its waker has to be there before.
        self.waker.hand_to(sleeper, cx);
        sleeper.rise();
        let mut released = false;
        let mut delivered = 0;
        while let Some(front) = self.outbox.front() {
            if run.is_cancelled() {
                node.counters.undelivered.add(self.outbox.len() as u64);
                self.outbox.clear();
                break;
            }
            let target = front.target;
            let leave = if target & TAP == 0 {
                let target_node = &run.nodes[target as usize];
                let traced = run.events.wants_packets();
                let before = self.outbox.len();
                let mut trace = Vec::new();
                let offer = target_node.mailbox.offer_many(target, &mut self.outbox, sleeper, |outgoing| {
                    if traced {
                        trace.push((outgoing.port, outgoing.link, outgoing.message.clone()));
                    }
                });
                delivered += before - self.outbox.len() - offer.undelivered;
                node.counters.undelivered.add(offer.undelivered as u64);
                for (port, link, message) in trace {
                    run.trace_sent(node, port, target_node, link, message);
                }
                if offer.wake {
                    target_node.sleeper.wake();
                }
                offer.leave
            } else {
                match self.outbox.pop_front().map(|outgoing| run.deliver(node, outgoing, sleeper)) {
                    Some(Err((outgoing, leave))) => {
                        self.outbox.push_front(outgoing);
                        Some(leave)
                    }
                    _ => None,
                }
            };
            let Some(leave) = leave else { continue };
            if !released && self.released.iter().any(|count| *count > 0) {
                // A node that waits must not keep credits to itself: on a ring, giving them back may make the very room
                // that it waits for. So give them back, then look again.
                released = true;
                if leave {
                    sleeper.stay_awake();
                }
                node.mailbox.release(&mut self.released);
                continue;
            }
            node.counters.packets_out.add(delivered as u64);
            if leave && sleeper.leave() {
                run.on_quiet();
            }
            return Poll::Pending;
        }
        node.counters.packets_out.add(delivered as u64);
        Poll::Ready(())
    }

    // ---- working ------------------------------------------------------------------------------------------------------

    /// Hands signals to the actor. Stale completions and pokes only had to wake the node.
    async fn signals(&mut self) {
        while let Some(control) = self.control.pop_front() {
            match control {
                Control::Completion(_) => {}
                Control::Poke => self.handle.run().end_activity(),
                Control::Signal(signal) => {
                    let result = self.call(Call::Signal(&signal)).await;
                    if let Err(failure) = result {
                        self.report(failure, false);
                    }
                    self.flush().await;
                    self.handle.run().end_activity();
                }
            }
        }
    }

    /// Runs ticks for a turn.
    async fn work(&mut self) {
        let started = Instant::now();
        let (ticks, packets) = match self.style {
            Style::Computes => self.work_sync().await,
            Style::Single => self.work_single().await,
            Style::Hosted => self.work_hosted().await,
            Style::Batches(limit) => self.work_batch(limit).await,
        };
        let counters = &self.node().counters;
        counters.ticks.add(ticks);
        counters.packets_in.add(packets);
        counters.busy_ns.add(started.elapsed().as_nanos() as u64);
        if ticks as usize >= TURN {
            yield_now().await;
        }
    }

    /// The fast path: ticks back to back, their outputs together.
    async fn work_sync(&mut self) -> (u64, u64) {
        let (mut ticks, mut packets) = (0, 0);
        while (ticks as usize) < TURN && self.outbox.len() < TURN && !self.finish && !self.failed && self.assemble() {
            ticks += 1;
            packets += self.attempt.inputs.len() as u64;
            let Instance::Sync(actor) = &mut self.instance else { break };
            let result = run_sync(&mut **actor, &self.handle, &mut self.attempt);
            self.finish |= self.attempt.finish;
            self.route_sent();
            match result {
                Ok(()) => self.commit(),
                Err(failure) => self.give_up_tick(failure),
            }
        }
        self.flush().await;
        (ticks, packets)
    }

    /// One tick at a time, each delivered before the next, with everything a policy asks for.
    async fn work_single(&mut self) -> (u64, u64) {
        let (mut ticks, mut packets) = (0, 0);
        while (ticks as usize) < TURN && !self.finish && !self.failed && !self.is_cancelled() && self.assemble() {
            ticks += 1;
            packets += self.attempt.inputs.len() as u64;
            self.tick().await;
            self.flush().await;
            if !self.control.is_empty() {
                break;
            }
        }
        (ticks, packets)
    }

    /// [`work_single`](Self::work_single) for a hosted actor without a policy.
    async fn work_hosted(&mut self) -> (u64, u64) {
        let (mut ticks, mut packets) = (0, 0);
        while (ticks as usize) < TURN && !self.finish && !self.failed && !self.is_cancelled() && self.assemble() {
            ticks += 1;
            packets += self.attempt.inputs.len() as u64;
            let Instance::Hosted(actor) = &mut self.instance else { break };
            let tick = &mut Tick::new(&self.handle, &mut self.attempt);
            match contain_step(|| actor.run(tick, false)) {
                Step::Done => {
                    self.finish |= self.attempt.finish;
                    self.route_sent();
                    self.commit();
                }
                step => {
                    let result = self.settle(step).await;
                    self.route_sent();
                    self.finish_attempts(result, None).await;
                }
            }
            self.flush().await;
            if !self.control.is_empty() {
                break;
            }
        }
        (ticks, packets)
    }

    /// Many ticks in one call.
    async fn work_batch(&mut self, limit: usize) -> (u64, u64) {
        let mut attempts = std::mem::take(&mut self.attempts);
        let mut count = 0;
        let mut packets = 0;
        while count < limit && self.assemble() {
            if attempts.len() == count {
                attempts.push(Attempt::default());
            }
            std::mem::swap(&mut attempts[count], &mut self.attempt);
            packets += attempts[count].inputs.len() as u64;
            count += 1;
        }
        let held: Vec<Packets> = if self.policy().is_some_and(Policy::holds_packets) {
            attempts[..count].iter().map(|attempt| attempt.inputs.clone()).collect()
        } else {
            Vec::new()
        };
        let steps = if count == 0 {
            Vec::new()
        } else if let Instance::Hosted(actor) = &mut self.instance {
            let (handle, attempts) = (&self.handle, &mut attempts[..count]);
            catch_unwind(AssertUnwindSafe(|| actor.run_batch(handle, attempts))).unwrap_or_else(|payload| {
                attempts.iter().map(|_| Step::Failed(Failure::from_panic(&*payload))).collect()
            })
        } else {
            Vec::new()
        };
        for (at, step) in steps.into_iter().enumerate() {
            std::mem::swap(&mut attempts[at], &mut self.attempt);
            let held = held.get(at).cloned();
            let result = self.settle(step).await;
            self.finish_attempts(result, held).await;
            std::mem::swap(&mut attempts[at], &mut self.attempt);
        }
        self.attempts = attempts;
        self.flush().await;
        (count as u64, packets)
    }

    /// Puts the inputs of the next tick into the attempt, if a tick is complete.
    fn assemble(&mut self) -> bool {
        let attempt = &mut self.attempt;
        attempt.clear();
        attempt.number = 1;
        let complete = self.source
            || self.assembler.take_pair(&mut attempt.inputs, &mut self.released)
            || loop {
                let Some(Packet { link, message }) = self.batch.pop_front() else { break false };
                if link as usize >= self.link_ports.len() {
                    self.link_ports = self.handle.node().mailbox.link_ports();
                    self.released.resize(self.link_ports.len(), 0);
                }
                let port = self.link_ports[link as usize];
                if self.assembler.offer(link, port, message, &mut attempt.inputs, &mut self.released) {
                    break true;
                }
            };
        if complete {
            self.sequence += 1;
            attempt.sequence = self.sequence;
        }
        complete
    }

    /// Runs one tick to its commit or its last failure.
    async fn tick(&mut self) {
        let held = self.policy().is_some_and(Policy::holds_packets).then(|| self.attempt.inputs.clone());
        let result = self.call(Call::Run).await;
        self.finish_attempts(result, held).await;
    }

    /// Commits, or tries again as the policy says.
    async fn finish_attempts(&mut self, mut result: Result<(), Failure>, held: Option<Packets>) {
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

    async fn back_off(&mut self, failure: Failure) {
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
            let mut sleep = Box::pin(run.native().sleep(delay));
            let handle = self.handle.clone();
            poll_fn(|cx| {
                handle.node().sleeper.set_waker(cx.waker());
                if run.is_cancelled() { Poll::Ready(()) } else { sleep.as_mut().poll(cx) }
            })
            .await;
            run.set_state(self.node(), NodeState::Running, true);
        }
    }

    /// The last failure of a tick: tells, then does what the policy says.
    fn give_up_tick(&mut self, failure: Failure) {
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

    fn after_failure(&mut self, on_error: OnError, state: NodeState) -> NodeState {
        if on_error == OnError::Stop {
            self.failed = true;
            self.handle.run().stop_failed(&format!("node `{}` failed", self.handle.id()));
        }
        // A source that fails would fail again at once, for ever.
        self.failed |= self.source && on_error != OnError::Route;
        state
    }

    /// Sends the error and the packets of the tick from the outport `error`.
    fn route_failure(&mut self, failure: &Failure) {
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
        handle.node().address(port, Message::Object(report), &mut self.outbox);
    }

    fn report(&self, failure: Failure, will_retry: bool) {
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
    fn route_sent(&mut self) {
        let node = self.handle.node();
        for (port, message) in self.attempt.sent.drain(..) {
            node.address(port, message, &mut self.outbox);
        }
    }

    /// Moves the outputs of a committed attempt into the outbox.
    fn commit(&mut self) {
        let (node, run) = (self.handle.node(), self.handle.run());
        if run.events.wants_completions() {
            run.events.emit(Event::ActorCompleted {
                actor: Arc::clone(&node.id),
                component: Arc::clone(&node.component),
                outputs: named(&self.attempt.emitted, |port| node.outport_name(port)),
            });
        }
        for (port, message) in self.attempt.emitted.drain(..) {
            node.address(port, message, &mut self.outbox);
        }
    }

    // ---- calling the actor --------------------------------------------------------------------------------------------

    /// Calls the actor; outputs of calls other than `run` are committed here.
    async fn call(&mut self, call: Call<'_>) -> Result<(), Failure> {
        let is_run = matches!(call, Call::Run);
        if !is_run {
            self.attempt.clear();
        }
        let result = match &mut self.instance {
            Instance::Sync(actor) => {
                let tick = &mut Tick::new(&self.handle, &mut self.attempt);
                contain(|| call_sync(&mut **actor, tick, &call))
            }
            Instance::Async(_) => self.call_async(&call).await,
            Instance::Hosted(actor) => {
                let detached = self.handle.node().policy.as_ref().is_some_and(|policy| policy.timeout_ms.is_some());
                let tick = &mut Tick::new(&self.handle, &mut self.attempt);
                let step = contain_step(|| call_hosted(&mut **actor, tick, &call, detached));
                self.settle(step).await
            }
        };
        self.route_sent();
        if !is_run && result.is_ok() {
            self.finish |= self.attempt.finish;
            self.commit();
        }
        result
    }

    /// Runs an async actor with the limits of the run and of the policy.
    async fn call_async(&mut self, call: &Call<'_>) -> Result<(), Failure> {
        let limit = self.policy().and_then(|policy| policy.timeout_ms).filter(|_| matches!(call, Call::Run));
        let run = Arc::clone(self.handle.run());
        let mut sleep = limit.map(|limit| Box::pin(run.native().sleep(Duration::from_millis(limit))));
        let Instance::Async(actor) = &mut self.instance else { return Ok(()) };
        let tick = &mut Tick::new(&self.handle, &mut self.attempt);
        let mut future = Box::pin(AssertUnwindSafe(call_async(&mut **actor, tick, call)).catch_unwind());
        let node = self.handle.node();
        poll_fn(|cx| {
            node.sleeper.set_waker(cx.waker());
            if let Poll::Ready(result) = future.as_mut().poll(cx) {
                return Poll::Ready(result.unwrap_or_else(|payload| Err(Failure::from_panic(&*payload))));
            }
            if run.is_cancelled() {
                return Poll::Ready(Err(Failure::new("the run was cancelled").with_reason("cancelled")));
            }
            if let (Some(limit), Some(sleep)) = (limit, &mut sleep)
                && sleep.as_mut().poll(cx).is_ready()
            {
                return Poll::Ready(Err(timed_out(limit)));
            }
            Poll::Pending
        })
        .await
    }

    /// Follows a hosted call to its end.
    async fn settle(&mut self, mut step: Step) -> Result<(), Failure> {
        loop {
            match step {
                Step::Done => return Ok(()),
                Step::Failed(failure) => return Err(failure),
                Step::Yield => {
                    self.route_sent();
                    self.flush().await;
                    if self.is_cancelled() {
                        return Err(Failure::new("the run was cancelled").with_reason("cancelled"));
                    }
                    let Instance::Hosted(actor) = &mut self.instance else { return Ok(()) };
                    let tick = &mut Tick::new(&self.handle, &mut self.attempt);
                    step = contain_step(|| actor.resume(tick));
                }
                Step::Pending => return self.completion().await,
            }
        }
    }

    /// Waits for the end of an attempt that goes on elsewhere. The node counts as busy meanwhile.
    async fn completion(&mut self) -> Result<(), Failure> {
        // Nothing that earlier ticks produced may wait for it.
        self.flush().await;
        let limit = self.policy().and_then(|policy| policy.timeout_ms);
        let run = Arc::clone(self.handle.run());
        let mut sleep = limit.map(|limit| Box::pin(run.native().sleep(Duration::from_millis(limit))));
        let ended = poll_fn(|cx| {
            let handle = self.handle.clone();
            let node = handle.node();
            node.sleeper.set_waker(cx.waker());
            node.mailbox.exchange(&mut self.batch, &mut self.control, &mut self.released, None);
            let (sequence, number) = (self.attempt.sequence, self.attempt.number);
            let ours = |control: &Control| {
                matches!(control, Control::Completion(end) if end.sequence == sequence && end.number == number)
            };
            if let Some(at) = self.control.iter().position(ours)
                && let Some(Control::Completion(completion)) = self.control.remove(at)
            {
                return Poll::Ready(Ok(completion));
            }
            if run.is_cancelled() {
                return Poll::Ready(Err(Failure::new("the run was cancelled").with_reason("cancelled")));
            }
            if let (Some(limit), Some(sleep)) = (limit, &mut sleep)
                && sleep.as_mut().poll(cx).is_ready()
            {
                return Poll::Ready(Err(timed_out(limit)));
            }
            Poll::Pending
        })
        .await;
        match ended {
            Ok(Completion { outcome, finish, .. }) => {
                self.attempt.finish |= finish;
                match outcome {
                    Outcome::Done(packets) => {
                        self.attempt.emitted = packets;
                        Ok(())
                    }
                    Outcome::Failed(failure) => Err(failure),
                }
            }
            Err(failure) => {
                let (sequence, number) = (self.attempt.sequence, self.attempt.number);
                if let Instance::Hosted(actor) = &mut self.instance {
                    let _ = contain_step(|| {
                        actor.abandon(sequence, number);
                        Step::Done
                    });
                }
                Err(failure)
            }
        }
    }
}

/// Which method of the actor.
enum Call<'a> {
    Setup,
    Run,
    Signal(&'a Signal),
    Finalize,
}

fn run_sync(actor: &mut dyn Actor, handle: &NodeHandle, attempt: &mut Attempt) -> Result<(), Failure> {
    contain(|| actor.run(&mut Tick::new(handle, attempt)))
}

fn call_sync(actor: &mut dyn Actor, tick: &mut Tick<'_>, call: &Call<'_>) -> Result<(), Failure> {
    match call {
        Call::Setup => actor.setup(tick),
        Call::Run => actor.run(tick),
        Call::Signal(signal) => actor.on_signal(tick, signal),
        Call::Finalize => actor.finalize(tick),
    }
}

async fn call_async(actor: &mut dyn AsyncActor, tick: &mut Tick<'_>, call: &Call<'_>) -> Result<(), Failure> {
    match call {
        Call::Setup => actor.setup(tick).await,
        Call::Run => actor.run(tick).await,
        Call::Signal(signal) => actor.on_signal(tick, signal).await,
        Call::Finalize => actor.finalize(tick).await,
    }
}

fn call_hosted(actor: &mut dyn HostedActor, tick: &mut Tick<'_>, call: &Call<'_>, detached: bool) -> Step {
    match call {
        Call::Setup => actor.setup(tick),
        Call::Run => actor.run(tick, detached),
        Call::Signal(signal) => actor.on_signal(tick, signal),
        Call::Finalize => actor.finalize(tick),
    }
}

/// Keeps a panic inside the actor that caused it.
fn contain(call: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| Err(Failure::from_panic(&*payload)))
}

fn contain_step(call: impl FnOnce() -> Step) -> Step {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| Step::Failed(Failure::from_panic(&*payload)))
}

fn timed_out(limit_ms: u64) -> Failure {
    Failure::new(format!("the attempt took longer than its limit of {limit_ms} ms")).with_reason(TIMEOUT)
}

/// Lets other tasks of the host have a turn.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
