//! The one way of attempts: from their start, over retries and time-outs, to the moment they leave.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures_util::future::{AbortHandle, Abortable};
use futures_util::{FutureExt, StreamExt};
use smallvec::smallvec;

use super::body::Body;
use super::call::{Call, cancelled, contain_step, run_sync};
use super::open::{Lane, LaneEnd, Open, Stage, Unwinding};
use super::{Driver, Style};
use crate::actor::Instance;
use crate::assembler::Pairing;
use crate::attempt::{Attempt, Completion, Outcome, Packets};
use crate::departures::{Departures, Kept};
use crate::failure::Failure;
use crate::host::{AtWork, Step};
use crate::node::Node;
use crate::node_state::NodeState;
use crate::origin::Origin;
use crate::policy::{Policy, TIMEOUT};
use crate::tick::Tick;
use crate::time::now;

impl Driver {
    /// Starts the attempt that was assembled.
    pub(super) async fn start(&mut self) {
        if self.recorded && !self.begin_recorded() {
            return;
        }
        self.open.here = Some(self.attempt.sequence);
        self.start_here().await;
        self.open.here = None;
    }

    async fn start_here(&mut self) {
        let held = self.hold();
        let limit = self.limit();
        let known = self.handle.node().results.is_some() && {
            let mut attempt = std::mem::take(&mut self.attempt);
            let known = self.is_known(&mut attempt);
            self.attempt = attempt;
            known
        };
        let detached = limit.is_some() || matches!(self.style, Style::Concurrent(_));
        let step = match &mut self.body {
            _ if known => Step::Done,
            Body::Sync(actor) => match run_sync(&mut **actor, &self.handle, &mut self.attempt) {
                Ok(()) => Step::Done,
                Err(failure) => Step::Failed(failure),
            },
            Body::Hosted(actor, ..) => {
                let tick = &mut Tick::new(&self.handle, &mut self.attempt);
                contain_step(|| actor.run(tick, detached))
            }
            Body::Async(..) => return self.start_lane(held, limit),
        };
        self.follow_attempt(step, held, limit).await;
    }

    /// Runs the attempt that was assembled, where nothing has to be kept for it, and ends it if it ends at once, as most do. Else
    /// the answer is how it goes on.
    pub(super) fn run_at_once(&mut self) -> Option<Step> {
        let Body::Hosted(actor, ..) = &mut self.body else { return None };
        let tick = &mut Tick::new(&self.handle, &mut self.attempt);
        let step = contain_step(|| actor.run(tick, false));
        if !matches!(step, Step::Done) || !self.open.is_empty() {
            return Some(step);
        }
        self.finish |= self.attempt.finish;
        super::outcome::commit_at_once(&self.handle, &mut self.attempt, &mut self.outbox);
        self.attempt.origin = None;
        None
    }

    /// Follows the attempt that has just begun to its end, or leaves it open.
    pub(super) async fn follow_attempt(&mut self, step: Step, held: Packets, limit: Option<Instant>) {
        if matches!(step, Step::Yield) {
            // A box a tick, and no room in the task of every node.
            return Box::pin(self.follow_yielding(held, limit)).await;
        }
        self.settle(step, held, limit);
    }

    /// The same for one that puts out what it has so far, and goes on.
    async fn follow_yielding(&mut self, held: Packets, limit: Option<Instant>) {
        let step = loop {
            match self.resume().await {
                Some(Step::Yield) => {}
                Some(step) => break step,
                None => break Step::Failed(cancelled()),
            }
        };
        self.settle(step, held, limit);
    }

    /// Ends the attempt that has just begun, or leaves it open.
    fn settle(&mut self, step: Step, held: Packets, limit: Option<Instant>) {
        match step {
            Step::Done if self.open.leaves_at_once(self.attempt.sequence) => {
                self.finish |= self.attempt.finish;
                self.note_leave(self.attempt.sequence);
                if !self.recorded {
                    self.route_sent();
                }
                self.commit_current();
                self.submit_before_end();
                self.attempt.origin = None;
                self.let_followers_leave();
            }
            Step::Pending => {
                let attempt = std::mem::take(&mut self.attempt);
                self.leave_open(Open { attempt, held, stage: Stage::Elsewhere, until: limit });
            }
            Step::Done | Step::Yield => self.end_current(held, Ok(())),
            Step::Failed(failure) => self.end_current(held, Err(failure)),
        }
    }

    /// Notes that the attempt begins; whether it begins now. One that an earlier process has begun goes on as it was: with the
    /// number of its try, and after its wait.
    fn begin_recorded(&mut self) -> bool {
        let wait = go_on(self.handle.node(), &mut self.attempt);
        if !wait.is_zero() {
            let attempt = std::mem::take(&mut self.attempt);
            self.leave_waiting(attempt, wait);
            return false;
        }
        true
    }

    /// Leaves an attempt open that an earlier process has begun, for the rest of its wait.
    fn leave_waiting(&mut self, mut attempt: Attempt, wait: Duration) {
        // It gets the next number when its wait is over.
        attempt.number -= 1;
        let held = attempt.inputs.clone();
        self.leave_open(Open { attempt, held, stage: Stage::BackingOff, until: now().checked_add(wait) });
    }

    /// What another try, or the report of a failure, needs of the inputs.
    fn hold(&self) -> Packets {
        if self.policy().is_some_and(Policy::holds_packets) { self.attempt.inputs.clone() } else { Packets::new() }
    }

    /// When the time of an attempt that starts now is over.
    fn limit(&self) -> Option<Instant> {
        let limit = self.policy()?.timeout_ms?;
        now().checked_add(Duration::from_millis(limit))
    }

    fn end_current(&mut self, held: Packets, result: Result<(), Failure>) {
        let attempt = std::mem::take(&mut self.attempt);
        self.end(attempt, held, result, &When::now());
        self.let_followers_leave();
    }

    /// An open attempt is activity of its own: the node's task may sleep meanwhile.
    pub(super) fn leave_open(&mut self, open: Open) {
        let (sequence, number) = (open.attempt.sequence, open.attempt.number);
        self.node().open.open((sequence, number), &self.handle.run().activity);
        if let Some(time) = self.handle.run().time.as_ref().filter(|_| matches!(open.stage, Stage::Elsewhere)) {
            time.leave_open((self.handle.index(), sequence, number));
        }
        self.open.put(open);
    }

    fn close_open(&self, sequence: u64, number: u32) {
        self.node().open.close((sequence, number), &self.handle.run().activity);
        if let Some(time) = &self.handle.run().time {
            time.close_open((self.handle.index(), sequence, number));
        }
    }

    fn start_lane(&mut self, held: Packets, until: Option<Instant>) {
        let attempt = std::mem::take(&mut self.attempt);
        let Body::Async(actors, _) = &mut self.body else { return };
        let Some(mut actor) = actors.pop() else {
            let failure = Failure::new("the component made too few actors");
            return self.end(attempt, held, Err(failure), &When::now());
        };
        let handle = self.handle.clone();
        let mut own = Attempt {
            sequence: attempt.sequence,
            number: attempt.number,
            inputs: attempt.inputs,
            taken: attempt.taken,
            settled: attempt.settled,
            origin: attempt.origin.clone(),
            ..Attempt::default()
        };
        let known =
            Attempt { sequence: own.sequence, number: own.number, origin: attempt.origin, ..Attempt::default() };
        let (abort, registration) = AbortHandle::new_pair();
        let lane: Lane = Box::pin(async move {
            let run = AssertUnwindSafe(async {
                let tick = &mut Tick::new(&handle, &mut own);
                tick.attempt.meet_component(tick.node.node())?;
                let result = actor.run(tick).await;
                tick.attempt.refuse_too_deep().and(result)
            });
            let result = Abortable::new(run.catch_unwind(), registration).await.ok();
            let result = result.map(|ended| ended.unwrap_or_else(|payload| Err(Failure::from_panic(&*payload))));
            LaneEnd { actor, attempt: own, result }
        });
        self.open.lanes.get_or_insert_default().push(lane);
        self.leave_open(Open { attempt: known, held, stage: Stage::Here(abort), until });
    }

    /// Runs attempts of a batch actor in one call.
    pub(super) fn start_batch(&mut self, attempts: &mut Vec<Attempt>, mut held: Vec<Packets>) {
        if self.recorded && held.is_empty() {
            let handle = self.handle.clone();
            for mut attempt in std::mem::take(attempts) {
                let wait = go_on(handle.node(), &mut attempt);
                if wait.is_zero() {
                    attempts.push(attempt);
                } else {
                    self.leave_waiting(attempt, wait);
                }
            }
            if attempts.is_empty() {
                return;
            }
        }
        if self.handle.node().results.is_some() && held.is_empty() {
            self.leave_known(attempts);
            if attempts.is_empty() {
                return self.let_followers_leave();
            }
        }
        let count = attempts.len();
        if held.is_empty() && self.policy().is_some_and(Policy::holds_packets) {
            held = attempts.iter().map(|attempt| attempt.inputs.clone()).collect();
        }
        let numbers: Vec<_> = attempts
            .iter()
            .map(|attempt| {
                (attempt.sequence, attempt.number, if self.recorded { attempt.taken.clone() } else { Vec::new() })
            })
            .collect();
        let Body::Hosted(actor, ..) = &mut self.body else { return };
        let others = catch_unwind(AssertUnwindSafe(|| actor.run_batch(&self.handle, attempts)));
        let others = others.unwrap_or_else(|payload| {
            attempts.resize_with(count, Attempt::default);
            for (attempt, (sequence, number, taken)) in attempts.iter_mut().zip(numbers) {
                (attempt.sequence, attempt.number, attempt.taken) = (sequence, number, taken);
            }
            Step::failed_each(count, &Failure::from_panic(&*payload))
        });
        self.end_batch(attempts, others, held);
    }

    /// Ends the attempts of a batch: those that are not named are done.
    pub(super) fn end_batch(
        &mut self,
        attempts: &mut Vec<Attempt>,
        others: Vec<(usize, Step)>,
        mut held: Vec<Packets>,
    ) {
        let mut others = others.into_iter().peekable();
        // What fails together is tried again together.
        let when = When::now();
        for (at, attempt) in attempts.iter_mut().enumerate() {
            let step = others.next_if(|(other, _)| *other == at).map_or(Step::Done, |(_, step)| step);
            if matches!(step, Step::Done) && self.open.leaves_at_once(attempt.sequence) {
                self.finish |= attempt.finish;
                self.note_leave(attempt.sequence);
                if let Err(failure) = super::outcome::commit(&self.handle, attempt, &mut self.outbox) {
                    let mut attempt = std::mem::take(attempt);
                    self.refuse(&mut attempt, failure);
                }
                continue;
            }
            let attempt = std::mem::take(attempt);
            let held = held.get_mut(at).map(std::mem::take).unwrap_or_default();
            match step {
                Step::Pending => self.leave_open(Open { attempt, held, stage: Stage::Elsewhere, until: None }),
                Step::Failed(failure) => self.end(attempt, held, Err(failure), &when),
                Step::Done | Step::Yield => self.end(attempt, held, Ok(()), &when),
            }
        }
        self.submit_before_end();
        attempts.clear();
        self.let_followers_leave();
    }

    /// Starts the attempts again whose wait is over.
    pub(super) async fn start_again(&mut self) {
        // What a try has left comes before what the next one sends.
        self.flush().await;
        if !self.open.is_backing_off() || self.is_cancelled() {
            return;
        }
        let now = now();
        if let Style::Batches(limit) = self.style {
            let due = (0..limit).map_while(|_| self.open.take_due(now)).collect::<Vec<_>>();
            let again = due.into_iter().map(|open| self.another(open));
            let (mut attempts, held): (Vec<_>, Vec<_>) = again.unzip();
            if !attempts.is_empty() {
                self.start_batch(&mut attempts, held);
            }
            return;
        }
        while self.open.has_place_for_another_try()
            && let Some(open) = self.open.take_due(now)
        {
            if self.style == Style::Single {
                self.handle.run().set_state(self.node(), NodeState::Running, true);
            }
            (self.attempt, _) = self.another(open);
            self.start().await;
        }
    }

    /// The next try of an attempt whose wait is over, with what it holds.
    fn another(&self, open: Open) -> (Attempt, Packets) {
        let Open { mut attempt, held, .. } = open;
        self.close_open(attempt.sequence, attempt.number);
        attempt.number += 1;
        attempt.inputs.clone_from(&held);
        (attempt, held)
    }

    /// Takes the end of an attempt that went on elsewhere.
    pub(super) fn complete(&mut self, completion: Completion) {
        let Completion { sequence, number, outcome, finish, goes_on } = completion;
        let Some(Open { mut attempt, held, .. }) = self.open.take(sequence, number) else {
            // One that is over has nothing more to say; the call of one that was given up has returned now, unless it says that
            // it goes on: it was on its way when it was given up.
            if !goes_on {
                self.unwound(sequence, number);
            }
            return;
        };
        if goes_on {
            let until = self.limit();
            self.open.unwinding.push(Unwinding { sequence, number, given_up: false, deferred: false, until });
        } else {
            self.close_open(sequence, number);
        }
        attempt.finish |= finish;
        let result = match outcome {
            Outcome::Done(packets) => {
                attempt.emitted = packets;
                Ok(())
            }
            Outcome::Failed(failure) => Err(failure),
        };
        self.end(attempt, held, result, &When::now());
        self.let_followers_leave();
    }

    /// Commits an attempt, waits for another try as the policy says, or gives it up. Those that waited for it leave when all
    /// that ended with it have been dealt with, see [`let_followers_leave`](Self::let_followers_leave).
    fn end(&mut self, mut attempt: Attempt, held: Packets, result: Result<(), Failure>, when: &When) {
        self.finish |= attempt.finish;
        if !self.recorded || result.is_err() {
            self.leave_sent(&mut attempt);
        }
        let (stage, until) = match result {
            Ok(()) => (Stage::Committed, None),
            Err(_) if self.is_cancelled() => return self.forget_result(&attempt),
            Err(_) if attempt.origin.as_ref().is_some_and(Origin::is_cancelled) => (Stage::GivenUp(None), None),
            Err(failure) => {
                attempt.emitted.clear();
                self.forget_result(&attempt);
                if !held.is_empty() {
                    attempt.inputs.clone_from(&held);
                }
                match self.another_try(&attempt, &failure, when) {
                    Some(until) => {
                        let is_replay = self.is_replay(&attempt);
                        if let Some(recorder) = self.handle.node().recorder.as_ref().filter(|_| !is_replay) {
                            let wait = until.saturating_duration_since(when.now).as_millis() as u64;
                            let failed = self.failed_attempt(&attempt, failure.clone(), true);
                            let group = |key| super::record::retried_op(&attempt, key);
                            recorder.retry(&attempt, attempt.number, wait, failed, group);
                        }
                        self.report_attempt(&attempt, failure, true);
                        return self.leave_open(Open { attempt, held, stage: Stage::BackingOff, until: Some(until) });
                    }
                    None => (Stage::GivenUp(self.give_up(&mut attempt, failure)), None),
                }
            }
        };
        let open = Open { attempt, held, stage, until };
        if self.open.leaves_at_once(open.attempt.sequence) {
            self.leave(open);
        } else {
            self.open.put(open);
        }
    }

    /// Sends what leaves whatever becomes of the attempt, in the turn of its tick.
    fn leave_sent(&mut self, attempt: &mut Attempt) {
        let node = self.handle.node();
        let is_early = |departures: &&Departures| !self.recorded && !departures.is_turn(attempt.sequence);
        let Some(departures) = node.departures.as_deref().filter(is_early) else {
            return super::outcome::route_sent(&self.handle, attempt, &mut self.outbox);
        };
        for packet in attempt.sent.drain(..) {
            if let Some(results) = &node.results {
                results.note((attempt.sequence, attempt.number), packet.0, &packet.1);
            }
            let origin = attempt.origin.clone();
            departures.put(Kept { sequence: attempt.sequence, packets: smallvec![packet], origin });
        }
    }

    /// When the attempt is tried again, if it is.
    fn another_try(&mut self, attempt: &Attempt, failure: &Failure, when: &When) -> Option<Instant> {
        let policy = self.policy().filter(|policy| policy.retries(attempt.number, failure))?;
        let delay = policy.delay(attempt.number, when.chance);
        self.tell_retry(attempt, failure, delay);
        if self.style == Style::Single && !delay.is_zero() {
            self.handle.run().set_state(self.node(), NodeState::BackingOff, true);
        }
        Some(when.now.checked_add(delay).unwrap_or(when.now))
    }

    /// Sends what those have to send that waited for what has left now.
    pub(super) fn let_followers_leave(&mut self) {
        while let Some(next) = self.open.take_over() {
            self.leave(next);
        }
    }

    /// Sends what an attempt that is over has to send.
    pub(super) fn leave(&mut self, open: Open) {
        let Open { mut attempt, stage, .. } = open;
        self.note_leave(attempt.sequence);
        match stage {
            Stage::Committed => {
                if let Err(failure) = super::outcome::commit(&self.handle, &mut attempt, &mut self.outbox) {
                    self.refuse(&mut attempt, failure);
                }
            }
            Stage::GivenUp(failure) => self.leave_failed(&mut attempt, failure.as_ref()),
            _ => {}
        }
        self.submit_before_end();
    }

    /// Follows attempts that run here, and what time brings; whether there is something to do now.
    pub(super) fn poll_open(&mut self, cx: &mut Context<'_>) -> bool {
        let mut changed = false;
        while let Some(lanes) = self.open.lanes.as_mut().filter(|lanes| !lanes.is_empty())
            && let Poll::Ready(Some(LaneEnd { actor, attempt, result })) = lanes.poll_next_unpin(cx)
        {
            changed = true;
            if let Body::Async(actors, _) = &mut self.body {
                actors.push(actor);
            }
            let Some(open) = self.open.take(attempt.sequence, attempt.number) else { continue };
            self.close_open(attempt.sequence, attempt.number);
            let result = result.unwrap_or_else(|| Err(self.timed_out()));
            self.end(attempt, open.held, result, &When::now());
            self.let_followers_leave();
        }
        let timed = self.open.deadline().into_iter().chain(self.assembler.pairing().and_then(Pairing::deadline));
        let Some(deadline) = timed.min() else {
            self.open.timer = None;
            return changed;
        };
        if deadline <= now() {
            self.on_time();
            return true;
        }
        if self.open.timer.as_ref().is_none_or(|(until, _)| *until != deadline) {
            let wait = deadline.saturating_duration_since(now());
            self.open.timer = Some((deadline, Box::pin(self.handle.run().native().sleep(wait))));
        }
        let rings = self.open.timer.as_mut().is_some_and(|(_, timer)| timer.as_mut().poll(cx).is_ready());
        if rings {
            self.open.timer = None;
            self.on_time();
        }
        changed || rings
    }

    fn on_time(&mut self) {
        // What has ended in time is not late.
        self.look();
        let now = now();
        if let Some(pairing) = self.assembler.pairing() {
            pairing.expire(now);
            self.release_lone();
        }
        for open in self.open.take_late(now) {
            let (sequence, number) = (open.attempt.sequence, open.attempt.number);
            self.abandon_open(sequence, number);
            let failure = self.timed_out();
            self.end(open.attempt, open.held, Err(failure), &When::now());
        }
        self.let_followers_leave();
    }

    /// Nobody waits for the end of an open attempt any more.
    pub(super) fn abandon_open(&mut self, sequence: u64, number: u32) {
        // It has as long again to return.
        let limit = self.limit();
        let deferred = match self.abandon(sequence, number) {
            AtWork::Call => false,
            AtWork::Deferral if limit.is_some() => true,
            AtWork::Deferral | AtWork::Nobody => return self.close_open(sequence, number),
        };
        let until = Some(limit.unwrap_or_else(now));
        self.open.unwinding.push(Unwinding { sequence, number, given_up: true, deferred, until });
    }

    fn timed_out(&self) -> Failure {
        let limit = self.policy().and_then(|policy| policy.timeout_ms).unwrap_or_default();
        Failure::new(format!("the attempt took longer than its limit of {limit} ms")).with_reason(TIMEOUT)
    }

    fn unwound(&mut self, sequence: u64, number: u32) {
        let before = self.open.unwinding.len();
        self.open.unwinding.retain(|call| (call.sequence, call.number) != (sequence, number));
        if self.open.unwinding.len() < before {
            self.close_open(sequence, number);
        }
    }

    /// Puts a fresh actor in the place of one that is still inside a call that was given up, if there can be one. Ticks of
    /// one actor do not overlap.
    pub(super) async fn replace_stuck(&mut self) {
        let now = now();
        let stuck = self.open.unwinding.iter().any(|call| call.until.is_some_and(|until| until <= now));
        if !stuck || self.open.has_place_for_another_try() {
            return;
        }
        let Body::Hosted(actor, replaced, spare) = &mut self.body else { return };
        let fresh = catch_unwind(AssertUnwindSafe(spare)).ok().flatten();
        let Some(Instance::Hosted(fresh)) = fresh.filter(|fresh| fresh.identity() != Some(actor.identity())) else {
            // There is only this one, so its next tick waits for calls. Who was to end a tick may never do so.
            self.close_deferred();
            self.open.unwinding.iter_mut().for_each(|call| call.until = None);
            return;
        };
        replaced.push(std::mem::replace(actor, fresh));
        for call in std::mem::take(&mut self.open.unwinding) {
            self.close_open(call.sequence, call.number);
        }
        if let Err(failure) = self.call(Call::Setup).await
            && !self.was_interrupted(&failure)
        {
            self.report(failure, false);
            self.failed = true;
        }
    }

    /// Tells an attempt that nobody waits for its outcome any more; who is still at work for it.
    pub(super) fn abandon(&mut self, sequence: u64, number: u32) -> AtWork {
        let Body::Hosted(actor, ..) = &mut self.body else { return AtWork::Nobody };
        catch_unwind(AssertUnwindSafe(|| actor.abandon(sequence, number))).unwrap_or(AtWork::Nobody)
    }

    /// Waits no longer for ticks that somebody was to end.
    fn close_deferred(&mut self) {
        for call in self.open.unwinding.extract_if(.., |call| call.deferred).collect::<Vec<_>>() {
            self.close_open(call.sequence, call.number);
        }
    }

    /// Gives up what is open, because the run was stopped or the node has failed, and waits until all of it has returned. Who was
    /// to end a tick has as long as the one who stopped the run waits.
    pub(super) async fn give_up_open(&mut self) {
        self.end_turns();
        if !self.open.is_empty() {
            // What has ended is not given up.
            self.look();
        }
        let grace = if self.is_cancelled() { self.handle.run().patience() } else { Duration::ZERO };
        for open in self.open.take_all() {
            let (sequence, number) = (open.attempt.sequence, open.attempt.number);
            match &open.stage {
                // It may end within the grace.
                Stage::Elsewhere if !grace.is_zero() && self.ends_by_itself(sequence, number) => {
                    self.open.put(open);
                    continue;
                }
                Stage::Elsewhere => {
                    let at_work = self.abandon(sequence, number);
                    let deferred = at_work == AtWork::Deferral;
                    if at_work == AtWork::Call || deferred && !grace.is_zero() {
                        let call = Unwinding { sequence, number, given_up: true, deferred, until: None };
                        self.open.unwinding.push(call);
                        continue;
                    }
                }
                Stage::Here(abort) => abort.abort(),
                _ => {}
            }
            if !open.stage.is_over() {
                self.close_open(sequence, number);
            }
        }
        if !self.open.unwinding.is_empty() || !self.open.is_empty() {
            let patience = self.policy().and_then(|policy| policy.timeout_ms).unwrap_or_default();
            let native = std::sync::Arc::clone(self.handle.run().native());
            let mut sleep = Box::pin(native.sleep_if_possible(Duration::from_millis(patience)));
            let mut grace = Box::pin(native.sleep_if_possible(grace)).fuse();
            poll_fn(|cx| {
                self.node().sleeper.set_waker(cx.waker());
                self.look();
                if self.is_cancelled() {
                    self.give_up_awaited();
                }
                let may_end = self.open.active() > 0 || self.open.unwinding.iter().any(|call| call.deferred);
                if may_end && grace.poll_unpin(cx).is_ready() {
                    self.give_up_rest();
                    self.close_deferred();
                }
                let is_over = self.open.unwinding.is_empty() && self.open.active() == 0;
                // Whoever stops a run says how long it waits; a node that comes to its end by itself does not wait for ever.
                let may_go = !self.is_cancelled() && !self.open.is_awaited();
                if is_over || may_go && sleep.as_mut().poll(cx).is_ready() { Poll::Ready(()) } else { Poll::Pending }
            })
            .await;
            for call in std::mem::take(&mut self.open.unwinding) {
                self.close_open(call.sequence, call.number);
            }
        }
        self.flush().await;
        let Some(mut lanes) = self.open.lanes.take() else { return };
        while let Some(LaneEnd { actor, .. }) = lanes.next().await {
            if let Body::Async(actors, _) = &mut self.body {
                actors.push(actor);
            }
        }
    }

    /// Gives up attempts that have not ended within the grace.
    fn give_up_rest(&mut self) {
        for open in self.open.take_all() {
            let (sequence, number) = (open.attempt.sequence, open.attempt.number);
            if self.abandon(sequence, number) == AtWork::Call {
                let call = Unwinding { sequence, number, given_up: true, deferred: false, until: None };
                self.open.unwinding.push(call);
            } else if !open.stage.is_over() {
                self.close_open(sequence, number);
            }
        }
    }

    fn ends_by_itself(&self, sequence: u64, number: u32) -> bool {
        let Body::Hosted(actor, ..) = &self.body else { return false };
        catch_unwind(AssertUnwindSafe(|| actor.ends_by_itself(sequence, number))).unwrap_or(false)
    }

    /// Tells calls that go on after the end of their attempts that nobody waits for them.
    fn give_up_awaited(&mut self) {
        let calls = std::mem::take(&mut self.open.unwinding);
        for mut call in calls {
            if call.given_up || self.abandon(call.sequence, call.number) != AtWork::Nobody {
                call.given_up = true;
                self.open.unwinding.push(call);
            } else {
                self.close_open(call.sequence, call.number);
            }
        }
    }
}

/// Notes that an attempt begins. One that an earlier process has begun goes on as it was, with the number of its try; the rest of the
/// wait before that.
fn go_on(node: &Node, attempt: &mut Attempt) -> Duration {
    let Some(recorder) = node.recorder.as_ref().filter(|_| attempt.number == 1) else { return Duration::ZERO };
    let known = recorder.begin(attempt);
    super::record::go_on_with_group(node, attempt);
    let Some(known) = known else { return Duration::ZERO };
    if let Some(checkpoint) = known.checkpoint {
        node.marks.set(attempt.sequence, checkpoint);
    }
    attempt.number = known.number + 1;
    Duration::from_millis(known.wait_ms)
}

/// The moment of an end, and the chance that its wait is left to.
struct When {
    now: Instant,
    chance: f64,
}

impl When {
    fn now() -> Self {
        Self { now: now(), chance: fastrand::f64() }
    }
}
