//! A turn of a node: ticks, in the style that its actor and its policy ask for.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use super::call::{Call, contain_step, run_sync};
use super::outcome::commit;
use super::{Driver, Style, TURN};
use crate::actor::Instance;
use crate::attempt::{Attempt, Packets};
use crate::failure::Failure;
use crate::host::Step;
use crate::mailbox::{Control, Packet};
use crate::policy::Policy;
use crate::tick::Tick;

/// Ticks after which credits are given back, where connections have room for many packets.
const RELEASE_EVERY: usize = 32;

impl Driver {
    /// Hands signals to the actor. Stale completions and pokes only had to wake the node.
    pub(super) async fn signals(&mut self) {
        while let Some(control) = self.control.pop_front() {
            match control {
                Control::Completion(_) | Control::Poke => {}
                Control::Signal(signal) => {
                    let result = self.call(Call::Signal(&signal)).await;
                    if let Err(failure) = result {
                        self.report(failure, false);
                    }
                    self.flush().await;
                }
            }
        }
    }

    /// Runs ticks for a turn.
    pub(super) async fn work(&mut self) {
        self.node().counters.clock.work();
        let ticks = match self.style {
            Style::Computes => self.work_sync().await,
            Style::Single => self.work_single().await,
            Style::Hosted => self.work_hosted().await,
            Style::Concurrent(limit) => self.work_concurrent(limit).await,
            Style::Batches(limit) => self.work_batch(limit).await,
        };
        self.node().counters.clock.rest();
        // A node that feeds itself finds its next packet at once, turn after turn, and others wait for its thread.
        self.since_pause += ticks;
        if self.since_pause >= TURN {
            self.since_pause = 0;
            yield_now().await;
        }
    }

    /// The fast path: ticks back to back, their outputs together.
    pub(super) async fn work_sync(&mut self) -> usize {
        let mut ticks = 0;
        while ticks < TURN && self.outbox.len() < TURN && !self.finish && !self.failed && self.assemble() {
            ticks += 1;
            self.count_tick();
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
        ticks
    }

    /// Counts a tick when it starts: it may take long, and somebody may be watching.
    pub(super) fn count_tick(&self) {
        let counters = &self.node().counters;
        counters.ticks.tally(1);
        counters.packets_in.tally(self.attempt.inputs.len() as u64);
    }

    /// One tick at a time, each delivered before the next, with everything a policy asks for.
    pub(super) async fn work_single(&mut self) -> usize {
        let mut ticks = 0;
        while ticks < TURN && !self.finish && !self.failed && !self.is_cancelled() && self.assemble() {
            ticks += 1;
            self.count_tick();
            self.release_while_working(ticks);
            self.tick().await;
            self.flush().await;
            if !self.control.is_empty() {
                break;
            }
        }
        ticks
    }

    /// Gives credits back in the middle of a turn: its ticks may take long, and producers need not wait for all of them.
    fn release_while_working(&mut self, ticks: usize) {
        if self.tight || ticks.is_multiple_of(RELEASE_EVERY) {
            self.handle.node().mailbox.release(&mut self.released);
        }
    }

    /// [`work_single`](Self::work_single) for a hosted actor without a policy.
    pub(super) async fn work_hosted(&mut self) -> usize {
        let mut ticks = 0;
        while ticks < TURN && !self.finish && !self.failed && !self.is_cancelled() && self.assemble() {
            ticks += 1;
            self.count_tick();
            self.release_while_working(ticks);
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
        ticks
    }

    /// Many ticks in one call.
    pub(super) async fn work_batch(&mut self, limit: usize) -> usize {
        let mut attempts = std::mem::take(&mut self.attempts);
        while attempts.len() < limit && self.assemble() {
            self.count_tick();
            attempts.push(std::mem::take(&mut self.attempt));
        }
        let count = attempts.len();
        let held: Vec<Packets> = if self.policy().is_some_and(Policy::holds_packets) {
            attempts.iter().map(|attempt| attempt.inputs.clone()).collect()
        } else {
            Vec::new()
        };
        let others = match &mut self.instance {
            Instance::Hosted(actor) if count > 0 => {
                catch_unwind(AssertUnwindSafe(|| actor.run_batch(&self.handle, &mut attempts))).unwrap_or_else(
                    |payload| {
                        attempts.resize_with(count, Attempt::default);
                        let failure = Failure::from_panic(&*payload);
                        (0..count).map(|at| (at, Step::Failed(failure.clone()))).collect()
                    },
                )
            }
            _ => Vec::new(),
        };
        let mut others = others.into_iter().peekable();
        for (at, attempt) in attempts.iter_mut().enumerate() {
            let Some((_, step)) = others.next_if(|(other, _)| *other == at) else {
                self.finish |= attempt.finish;
                commit(&self.handle, attempt, &mut self.outbox);
                continue;
            };
            std::mem::swap(attempt, &mut self.attempt);
            let held = held.get(at).cloned();
            let result = self.settle(step).await;
            self.finish_attempts(result, held).await;
            std::mem::swap(attempt, &mut self.attempt);
        }
        attempts.clear();
        self.attempts = attempts;
        self.flush().await;
        count
    }

    /// Puts the inputs of the next tick into the attempt, if a tick is complete.
    pub(super) fn assemble(&mut self) -> bool {
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
                    self.tight = self.handle.node().mailbox.is_tight();
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
    pub(super) async fn tick(&mut self) {
        let held = self.policy().is_some_and(Policy::holds_packets).then(|| self.attempt.inputs.clone());
        let result = self.call(Call::Run).await;
        self.finish_attempts(result, held).await;
    }
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
