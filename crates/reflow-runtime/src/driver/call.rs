//! Calling an actor, in whatever form it comes, and following the call to its end.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Sleep;

use super::Driver;
use crate::actor::{Actor, AsyncActor, Instance, Signal};
use crate::attempt::{Attempt, Completion, Outcome};
use crate::failure::Failure;
use crate::host::{HostedActor, Step};
use crate::mailbox::Control;
use crate::node::NodeHandle;
use crate::open::AttemptKey;
use crate::policy::TIMEOUT;
use crate::tick::Tick;

impl Driver {
    /// Calls the actor; outputs of calls other than `run` are committed here.
    pub(super) async fn call(&mut self, call: Call<'_>) -> Result<(), Failure> {
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
            self.send_emitted();
        }
        result
    }

    /// Runs an async actor with the limits of the run and of the policy.
    pub(super) async fn call_async(&mut self, call: &Call<'_>) -> Result<(), Failure> {
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
    pub(super) async fn settle(&mut self, mut step: Step) -> Result<(), Failure> {
        loop {
            match step {
                Step::Done => return Ok(()),
                Step::Failed(failure) => return Err(failure),
                Step::Yield => {
                    self.route_sent();
                    self.flush().await;
                    self.handle.node().mailbox.exchange(&mut self.batch, &mut self.control, &mut self.released, None);
                    if !self.control.is_empty() {
                        self.signals_within().await;
                    }
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

    /// Hands signals to an actor that yields its outputs: its tick may be the only one it ever has.
    fn signals_within(&mut self) -> Pin<Box<dyn Future<Output = ()> + Send + '_>> {
        Box::pin(async move {
            let attempt = std::mem::take(&mut self.attempt);
            self.signals().await;
            self.attempt = attempt;
        })
    }

    /// Waits for the end of an attempt that goes on elsewhere. The node counts as busy meanwhile.
    pub(super) async fn completion(&mut self) -> Result<(), Failure> {
        // Nothing that earlier ticks produced may wait for it.
        self.flush().await;
        let limit = self.policy().and_then(|policy| policy.timeout_ms);
        let run = Arc::clone(self.handle.run());
        let mut sleep = limit.map(|limit| Box::pin(run.native().sleep(Duration::from_millis(limit))));
        let key = (self.attempt.sequence, self.attempt.number);
        let ended = poll_fn(|cx| {
            let handle = self.handle.clone();
            let node = handle.node();
            node.sleeper.set_waker(cx.waker());
            // Before looking: an end that comes later than this takes it back.
            let quiet = node.open.set_awaited(true, &run.activity);
            let look = self.look_for_end(cx, key, limit.zip(sleep.as_mut()));
            if look.is_ready() {
                let _ = node.open.set_awaited(false, &run.activity);
            } else if quiet {
                run.on_quiet();
            }
            look
        })
        .await;
        if ended.is_err() && self.abandon(key) {
            self.unwound(key).await;
        }
        self.node().open.close(key, &run.activity);
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
            Err(failure) => Err(failure),
        }
    }

    /// The end of an open attempt, or what ends the wait for it.
    fn look_for_end(
        &mut self,
        cx: &mut Context<'_>,
        key: AttemptKey,
        limit: Option<(u64, &mut Pin<Box<Sleep>>)>,
    ) -> Poll<Result<Completion, Failure>> {
        self.handle.node().mailbox.exchange(&mut self.batch, &mut self.control, &mut self.released, None);
        let ours = |control: &Control| matches!(control, Control::Completion(end) if (end.sequence, end.number) == key);
        if let Some(at) = self.control.iter().position(ours)
            && let Some(Control::Completion(completion)) = self.control.remove(at)
        {
            return Poll::Ready(Ok(completion));
        }
        if self.is_cancelled() {
            return Poll::Ready(Err(Failure::new("the run was cancelled").with_reason("cancelled")));
        }
        let Some((limit, sleep)) = limit else { return Poll::Pending };
        sleep.as_mut().poll(cx).map(|()| Err(timed_out(limit)))
    }

    /// Tells an open attempt that its outcome is of no interest any more; whether it has yet to unwind.
    pub(super) fn abandon(&mut self, (sequence, number): AttemptKey) -> bool {
        let Instance::Hosted(actor) = &mut self.instance else { return false };
        let unwinds = catch_unwind(AssertUnwindSafe(|| actor.abandon(sequence, number))).unwrap_or(false);
        if !unwinds {
            self.handle.node().open.close((sequence, number), &self.handle.run().activity);
        }
        unwinds
    }

    /// Waits until an abandoned attempt has unwound.
    pub(super) async fn unwound(&mut self, key: AttemptKey) {
        let node = self.handle.node();
        poll_fn(|cx| {
            node.sleeper.set_waker(cx.waker());
            if node.open.is_open(key) { Poll::Pending } else { Poll::Ready(()) }
        })
        .await;
    }
}

/// Which method of the actor.
pub(super) enum Call<'a> {
    Setup,
    Run,
    Signal(&'a Signal),
    Finalize,
}

pub(super) fn run_sync(actor: &mut dyn Actor, handle: &NodeHandle, attempt: &mut Attempt) -> Result<(), Failure> {
    attempt.meet_component(handle.node())?;
    let result = contain(|| actor.run(&mut Tick::new(handle, attempt)));
    attempt.refuse_too_deep().and(result)
}

pub(super) fn call_sync(actor: &mut dyn Actor, tick: &mut Tick<'_>, call: &Call<'_>) -> Result<(), Failure> {
    tick.attempt.meet_component(tick.node.node())?;
    let result = match call {
        Call::Setup => actor.setup(tick),
        Call::Run => actor.run(tick),
        Call::Signal(signal) => actor.on_signal(tick, signal),
        Call::Finalize => actor.finalize(tick),
    };
    tick.attempt.refuse_too_deep().and(result)
}

pub(super) async fn call_async(
    actor: &mut dyn AsyncActor,
    tick: &mut Tick<'_>,
    call: &Call<'_>,
) -> Result<(), Failure> {
    tick.attempt.meet_component(tick.node.node())?;
    let result = match call {
        Call::Setup => actor.setup(tick).await,
        Call::Run => actor.run(tick).await,
        Call::Signal(signal) => actor.on_signal(tick, signal).await,
        Call::Finalize => actor.finalize(tick).await,
    };
    tick.attempt.refuse_too_deep().and(result)
}

pub(super) fn call_hosted(actor: &mut dyn HostedActor, tick: &mut Tick<'_>, call: &Call<'_>, detached: bool) -> Step {
    match call {
        Call::Setup => actor.setup(tick),
        Call::Run => actor.run(tick, detached),
        Call::Signal(signal) => actor.on_signal(tick, signal),
        Call::Finalize => actor.finalize(tick),
    }
}

/// Keeps a panic inside the actor that caused it.
pub(super) fn contain(call: impl FnOnce() -> Result<(), Failure>) -> Result<(), Failure> {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| Err(Failure::from_panic(&*payload)))
}

pub(super) fn contain_step(call: impl FnOnce() -> Step) -> Step {
    catch_unwind(AssertUnwindSafe(call)).unwrap_or_else(|payload| Step::Failed(Failure::from_panic(&*payload)))
}

pub(super) fn timed_out(limit_ms: u64) -> Failure {
    Failure::new(format!("the attempt took longer than its limit of {limit_ms} ms")).with_reason(TIMEOUT)
}
