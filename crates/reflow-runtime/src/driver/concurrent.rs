//! Several ticks of one node at once, for a policy with `concurrency`.

use std::future::{Future, poll_fn};
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Sleep;

use super::Driver;
use super::call::{contain_step, timed_out};
use crate::actor::{AsyncActor, Instance};
use crate::attempt::{Attempt, Completion, Outcome, Packets};
use crate::event::Event;
use crate::failure::Failure;
use crate::host::Step;
use crate::mailbox::Control;
use crate::tick::Tick;

/// An attempt that runs beside others of its node.
pub(super) struct Open {
    attempt: Attempt,
    /// What fired the tick, for another try.
    held: Packets,
    stage: Stage,
    limit: Option<Pin<Box<Sleep>>>,
}

enum Stage {
    /// It ends with a completion.
    Elsewhere,
    /// It is polled here.
    Here(Lane),
    /// It will be tried again.
    BackingOff,
}

/// A tick of one of the node's async actors; gives the actor back.
type Lane = Pin<Box<dyn Future<Output = (Box<dyn AsyncActor>, Attempt, Result<(), Failure>)> + Send>>;

impl Driver {
    /// Keeps up to `limit` attempts going until there is nothing left to start.
    pub(super) async fn work_concurrent(&mut self, limit: usize) -> usize {
        let mut ticks = 0;
        loop {
            while self.open.len() < limit && !self.finish && !self.failed && !self.is_cancelled() && self.assemble() {
                ticks += 1;
                self.count_tick();
                let attempt = std::mem::take(&mut self.attempt);
                let held = attempt.inputs.clone();
                self.begin(attempt, held);
            }
            self.flush().await;
            if self.is_cancelled() {
                self.abandon_all().await;
            }
            if self.open.is_empty() || !self.control.is_empty() {
                return ticks;
            }
            poll_fn(|cx| self.poll_open(cx, limit)).await;
        }
    }

    fn begin(&mut self, attempt: Attempt, held: Packets) {
        let limit = self.policy().and_then(|policy| policy.timeout_ms);
        let limit = limit.map(|limit| Box::pin(self.handle.run().native().sleep(Duration::from_millis(limit))));
        let stage = match &mut self.instance {
            Instance::Hosted(actor) => {
                self.attempt = attempt;
                let tick = &mut Tick::new(&self.handle, &mut self.attempt);
                let step = contain_step(|| actor.run(tick, true));
                let attempt = std::mem::take(&mut self.attempt);
                match step {
                    Step::Pending => {
                        self.open.push(Open { attempt, held, stage: Stage::Elsewhere, limit });
                    }
                    Step::Done | Step::Yield => self.end(attempt, held, Ok(())),
                    Step::Failed(failure) => self.end(attempt, held, Err(failure)),
                }
                return;
            }
            Instance::Async(_) | Instance::Sync(_) => {
                // There are as many actors as attempts may be open.
                let Some((actor, is_set_up)) = self.lanes.pop() else {
                    let failure = Failure::new("the component made no actor to replace one that took too long");
                    return self.end(attempt, held, Err(failure));
                };
                Stage::Here(self.lane(actor, is_set_up, &attempt))
            }
        };
        self.open.push(Open { attempt, held, stage, limit });
    }

    fn lane(&self, mut actor: Box<dyn AsyncActor>, is_set_up: bool, attempt: &Attempt) -> Lane {
        let handle = self.handle.clone();
        let mut own = Attempt {
            sequence: attempt.sequence,
            number: attempt.number,
            inputs: attempt.inputs.clone(),
            ..Attempt::default()
        };
        Box::pin(async move {
            let run = AssertUnwindSafe(async {
                let tick = &mut Tick::new(&handle, &mut own);
                if !is_set_up {
                    actor.setup(tick).await?;
                }
                actor.run(tick).await
            });
            let result = run.catch_unwind().await.unwrap_or_else(|payload| Err(Failure::from_panic(&*payload)));
            (actor, own, result)
        })
    }

    /// Ready when an attempt has ended or another one can start.
    fn poll_open(&mut self, cx: &mut Context<'_>, limit: usize) -> Poll<()> {
        let handle = self.handle.clone();
        let (node, run) = (handle.node(), handle.run());
        node.sleeper.set_waker(cx.waker());
        if self.is_cancelled() {
            return Poll::Ready(());
        }
        // Before looking: an end that comes later than this takes it back.
        let quiet = node.open.set_awaited(self.open.iter().all(Open::is_elsewhere), &run.activity);
        let look = self.look_around(cx, limit);
        if look.is_ready() {
            let _ = node.open.set_awaited(false, &run.activity);
        } else if quiet {
            run.on_quiet();
        }
        look
    }

    fn look_around(&mut self, cx: &mut Context<'_>, limit: usize) -> Poll<()> {
        self.handle.node().mailbox.exchange(&mut self.batch, &mut self.control, &mut self.released, None);
        let mut ended = false;
        for control in std::mem::take(&mut self.control) {
            match control {
                Control::Completion(completion) => ended |= self.complete(completion),
                other => self.control.push_back(other),
            }
        }
        let mut at = 0;
        while at < self.open.len() {
            match self.open[at].poll(cx) {
                Poll::Pending => at += 1,
                Poll::Ready(event) => {
                    ended = true;
                    let open = self.open.swap_remove(at);
                    self.follow(open, event);
                }
            }
        }
        let may_start = self.open.len() < limit && !self.batch.is_empty();
        if ended || may_start || !self.control.is_empty() { Poll::Ready(()) } else { Poll::Pending }
    }

    /// Whether the completion belongs to an open attempt.
    fn complete(&mut self, completion: Completion) -> bool {
        let Completion { sequence, number, outcome, finish } = completion;
        let ours = |open: &Open| open.attempt.sequence == sequence && open.attempt.number == number;
        let Some(at) = self.open.iter().position(ours) else { return false };
        let Open { mut attempt, held, .. } = self.open.swap_remove(at);
        attempt.finish |= finish;
        let result = match outcome {
            Outcome::Done(packets) => {
                attempt.emitted = packets;
                Ok(())
            }
            Outcome::Failed(failure) => Err(failure),
        };
        self.node().open.close((sequence, number), &self.handle.run().activity);
        self.end(attempt, held, result);
        true
    }

    fn follow(&mut self, open: Open, event: Ended) {
        let Open { mut attempt, held, stage, .. } = open;
        match event {
            Ended::Here(actor, attempt, result) => {
                self.lanes.push((actor, true));
                self.end(attempt, held, result);
            }
            Ended::Waited => {
                attempt.number += 1;
                attempt.inputs.clone_from(&held);
                self.begin(attempt, held);
            }
            Ended::TimedOut => {
                let limit = self.policy().and_then(|policy| policy.timeout_ms).unwrap_or_default();
                if let Stage::Here(_) = stage {
                    // The actor went with its future; another one takes its place.
                    self.lanes.extend((self.spare)().map(|actor| (actor, false)));
                } else {
                    self.abandon((attempt.sequence, attempt.number));
                }
                self.end(attempt, held, Err(timed_out(limit)));
            }
        }
    }

    /// Commits an attempt, or tries again as the policy says.
    fn end(&mut self, attempt: Attempt, held: Packets, result: Result<(), Failure>) {
        self.attempt = attempt;
        self.finish |= self.attempt.finish;
        self.route_sent();
        let Err(failure) = result else { return self.commit() };
        self.attempt.emitted.clear();
        self.attempt.inputs.clone_from(&held);
        let number = self.attempt.number;
        let delay = self
            .policy()
            .filter(|policy| policy.retries(number, &failure))
            .map(|policy| policy.delay(number, fastrand::f64()));
        let Some(delay) = delay else { return self.give_up_tick(failure) };
        self.node().counters.retries.add(1);
        self.handle.run().events.emit(Event::ActorRetry {
            actor: Arc::clone(self.handle.id()),
            attempt: number + 1,
            delay_ms: delay.as_millis() as u64,
            error: Arc::clone(&failure.message),
        });
        self.report(failure, true);
        let attempt = std::mem::take(&mut self.attempt);
        let limit = Some(Box::pin(self.handle.run().native().sleep(delay)));
        self.open.push(Open { attempt, held, stage: Stage::BackingOff, limit });
    }

    async fn abandon_all(&mut self) {
        let keys = std::mem::take(&mut self.open).into_iter().map(|open| (open.attempt.sequence, open.attempt.number));
        let unwinding: Vec<_> = keys.filter(|key| self.abandon(*key)).collect();
        for key in unwinding {
            self.unwound(key).await;
        }
        self.control.retain(|control| !matches!(control, Control::Completion(_)));
    }
}

/// What an open attempt has come to.
#[allow(clippy::large_enum_variant, reason = "made and taken apart at once, never kept")]
enum Ended {
    Here(Box<dyn AsyncActor>, Attempt, Result<(), Failure>),
    Waited,
    TimedOut,
}

impl Open {
    fn is_elsewhere(&self) -> bool {
        matches!(self.stage, Stage::Elsewhere)
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Ended> {
        if let Stage::Here(lane) = &mut self.stage
            && let Poll::Ready((actor, attempt, result)) = lane.as_mut().poll(cx)
        {
            return Poll::Ready(Ended::Here(actor, attempt, result));
        }
        let waited = self.limit.as_mut().is_some_and(|limit| limit.as_mut().poll(cx).is_ready());
        match (waited, &self.stage) {
            (false, _) => Poll::Pending,
            (true, Stage::BackingOff) => Poll::Ready(Ended::Waited),
            (true, _) => Poll::Ready(Ended::TimedOut),
        }
    }
}
