//! Calling an actor, in whatever form it comes: its methods beside `run`, and the ends of hosted calls.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Poll;

use futures_util::FutureExt;

use super::Driver;
use super::body::Body;
use super::open::Unwinding;
use crate::actor::{Actor, AsyncActor};
use crate::attempt::{Attempt, Completion, Outcome};
use crate::awaited::Received;
use crate::failure::Failure;
use crate::host::{AtWork, HostedActor, Step};
use crate::mailbox::Sleep;
use crate::node_handle::NodeHandle;
use crate::packet::Control;
use crate::tick::Tick;

/// Which method of the actor, beside `run`.
pub(super) enum Call<'a> {
    Setup,
    Signal(&'a Received),
    Finalize,
}

impl Driver {
    /// Calls a method of every actor of the node and sends what it put out.
    pub(super) async fn call(&mut self, call: Call<'_>) -> Result<(), Failure> {
        self.leave_thread().await;
        self.attempt.clear();
        let result = match &mut self.body {
            Body::Sync(actor) => {
                let tick = &mut Tick::new(&self.handle, &mut self.attempt);
                contain(|| call_sync(&mut **actor, tick, &call))
            }
            Body::Async(..) => return self.call_async(&call).await,
            Body::Hosted(actor, ..) => {
                let tick = &mut Tick::new(&self.handle, &mut self.attempt);
                let step = contain_step(|| call_hosted(&mut **actor, tick, &call));
                self.follow(step).await
            }
        };
        self.commit_call(&call, &result);
        result
    }

    /// Goes to a thread that a call may block.
    pub(super) async fn leave_thread(&mut self) {
        if let Body::Hosted(actor, ..) = &mut self.body
            && actor.leave_thread()
        {
            super::work::yield_now().await;
        }
    }

    fn commit_call(&mut self, call: &Call<'_>, result: &Result<(), Failure>) {
        if self.recorded || self.node().cuts() {
            self.finish |= result.is_ok() && self.attempt.finish;
            return self.record_call(call, result.is_ok());
        }
        self.route_sent();
        if result.is_ok() {
            self.finish |= self.attempt.finish;
            self.send_emitted();
        }
    }

    async fn call_async(&mut self, call: &Call<'_>) -> Result<(), Failure> {
        let Body::Async(actors, _) = &mut self.body else { return Ok(()) };
        let mut actors = std::mem::take(actors);
        let mut result = Ok(());
        for actor in &mut actors {
            self.attempt.clear();
            let run = self.handle.run();
            let node = self.handle.node();
            let tick = &mut Tick::new(&self.handle, &mut self.attempt);
            let mut future = Box::pin(AssertUnwindSafe(call_async(&mut **actor, tick, call)).catch_unwind());
            let called = poll_fn(|cx| {
                node.sleeper.set_waker(cx.waker());
                match future.as_mut().poll(cx) {
                    Poll::Ready(result) => {
                        Poll::Ready(result.unwrap_or_else(|payload| Err(Failure::from_panic(&*payload))))
                    }
                    Poll::Pending if run.is_cancelled() => Poll::Ready(Err(cancelled())),
                    Poll::Pending => Poll::Pending,
                }
            })
            .await;
            drop(future);
            self.commit_call(call, &called);
            if called.is_err() {
                result = called;
                break;
            }
        }
        if let Body::Async(idle, _) = &mut self.body {
            idle.append(&mut actors);
        }
        result
    }

    /// Follows a hosted call beside `run` to its end. The node does nothing else meanwhile.
    async fn follow(&mut self, mut step: Step) -> Result<(), Failure> {
        loop {
            match step {
                Step::Done => return Ok(()),
                Step::Failed(failure) => return Err(failure),
                Step::Pending => return self.completion().await,
                Step::Yield => match self.resume().await {
                    Some(next) => step = next,
                    None => return Err(cancelled()),
                },
            }
        }
    }

    /// Delivers what a call has put out so far, and goes on with it; `None` if the run was stopped.
    pub(super) async fn resume(&mut self) -> Option<Step> {
        self.route_yielded();
        self.flush().await;
        if self.handle.node().mailbox.has_control() || self.released.iter().any(|count| *count > 0) {
            self.look();
        }
        if !self.signals.is_empty() {
            let attempt = std::mem::take(&mut self.attempt);
            // A tick that yields its outputs may be the only one there ever is.
            Box::pin(self.hand_signals()).await;
            self.attempt = attempt;
        }
        if self.is_cancelled() {
            return None;
        }
        let Body::Hosted(actor, ..) = &mut self.body else { return Some(Step::Done) };
        let tick = &mut Tick::new(&self.handle, &mut self.attempt);
        Some(contain_step(|| actor.resume(tick)))
    }

    /// Waits for the end of a call that goes on elsewhere. The node counts as busy meanwhile.
    async fn completion(&mut self) -> Result<(), Failure> {
        // Nothing that earlier ticks produced may wait for it.
        self.flush().await;
        let handle = self.handle.clone();
        let (sequence, number) = (self.attempt.sequence, self.attempt.number);
        let mut first = None;
        let ended = poll_fn(|cx| {
            handle.node().sleeper.set_waker(cx.waker());
            self.exchange(Sleep::No);
            let ours = |control: &Control| {
                matches!(control, Control::Completion(end) if (end.sequence, end.number) == (sequence, number))
            };
            while let Some(at) = self.control.iter().position(ours)
                && let Some(Control::Completion(completion)) = self.control.remove(at)
            {
                if !completion.goes_on {
                    // The first one says how it ended.
                    return Poll::Ready(Some(first.take().unwrap_or(completion)));
                }
                first = Some(completion);
            }
            if handle.is_cancelled() { Poll::Ready(None) } else { Poll::Pending }
        })
        .await;
        match ended {
            Some(Completion { outcome, finish, .. }) => {
                self.attempt.finish |= finish;
                match outcome {
                    Outcome::Done(packets) => {
                        self.attempt.emitted = packets;
                        Ok(())
                    }
                    Outcome::Failed(failure) => Err(failure),
                }
            }
            None => {
                if self.abandon(sequence, number) == AtWork::Call {
                    self.node().open.open((sequence, number), &self.handle.run().activity);
                    let call = Unwinding { sequence, number, given_up: true, deferred: false, until: None };
                    self.open.unwinding.push(call);
                }
                Err(cancelled())
            }
        }
    }
}

pub(super) fn run_sync(actor: &mut dyn Actor, handle: &NodeHandle, attempt: &mut Attempt) -> Result<(), Failure> {
    attempt.meet_component(handle.node())?;
    let result = contain(|| actor.run(&mut Tick::new(handle, attempt)));
    attempt.refuse_too_deep().and(result)
}

fn call_sync(actor: &mut dyn Actor, tick: &mut Tick<'_>, call: &Call<'_>) -> Result<(), Failure> {
    tick.attempt.meet_component(tick.node.node())?;
    let result = match call {
        Call::Setup => actor.setup(tick),
        Call::Signal(received) => actor.on_signal(tick, &received.signal),
        Call::Finalize => actor.finalize(tick),
    };
    tick.attempt.refuse_too_deep().and(result)
}

async fn call_async(actor: &mut dyn AsyncActor, tick: &mut Tick<'_>, call: &Call<'_>) -> Result<(), Failure> {
    tick.attempt.meet_component(tick.node.node())?;
    let result = match call {
        Call::Setup => actor.setup(tick).await,
        Call::Signal(received) => actor.on_signal(tick, &received.signal).await,
        Call::Finalize => actor.finalize(tick).await,
    };
    tick.attempt.refuse_too_deep().and(result)
}

fn call_hosted(actor: &mut dyn HostedActor, tick: &mut Tick<'_>, call: &Call<'_>) -> Step {
    match call {
        Call::Setup => actor.setup(tick),
        Call::Signal(received) => actor.on_signal(tick, &received.signal),
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

pub(super) fn cancelled() -> Failure {
    Failure::new("the run was cancelled").with_reason("cancelled")
}
