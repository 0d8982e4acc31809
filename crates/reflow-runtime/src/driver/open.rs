//! `Table`: the attempts of a node that are not over, in the order of their ticks.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use futures_util::stream::{AbortHandle, FuturesUnordered};
use tokio::time::Sleep;

use crate::actor::AsyncActor;
use crate::attempt::{Attempt, Packets};
use crate::failure::Failure;
use crate::origin::Origin;

/// Ended attempts that may wait for earlier ones to leave, and about how many bytes of what they put out.
const AHEAD: usize = 128;
const AHEAD_BYTES: u64 = 16 << 20;

/// An attempt that is not over.
pub(super) struct Open {
    pub(super) attempt: Attempt,
    /// What fired the tick, for another try and for the failure.
    pub(super) held: Packets,
    pub(super) stage: Stage,
    /// When its time is over, or its wait.
    pub(super) until: Option<Instant>,
}

impl Open {
    /// The bytes of what it has put out, if it waits for others to leave.
    fn bytes_ahead(&self) -> u64 {
        if !matches!(self.stage, Stage::Committed) {
            return 0;
        }
        self.attempt.sent.iter().chain(&self.attempt.emitted).map(|(_, message)| message.payload_bytes()).sum()
    }
}

/// Where an open attempt is.
pub(super) enum Stage {
    /// It runs in the node's own task.
    Here(AbortHandle),
    /// It ends with a completion.
    Elsewhere,
    /// It will be tried again.
    BackingOff,
    /// It has committed, and leaves after those before it.
    Committed,
    /// It was given up; its failure leaves after those before it, if it is routed.
    GivenUp(Option<Failure>),
}

impl Stage {
    fn is_active(&self) -> bool {
        matches!(self, Self::Here(_) | Self::Elsewhere)
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self, Self::Committed | Self::GivenUp(_))
    }
}

/// A call that has not returned although its attempt is over.
pub(super) struct Unwinding {
    pub(super) sequence: u64,
    pub(super) number: u32,
    /// Whether it was told that nobody waits for it. Else the attempt ended well, and the node goes on when the call has returned.
    pub(super) given_up: bool,
    /// Whether `run` has returned, and somebody else works for it.
    pub(super) deferred: bool,
    /// When its actor is to be replaced, if it can be.
    pub(super) until: Option<Instant>,
}

/// A tick on one of the node's async actors; gives the actor back, and no result when it was told to stop.
pub(super) type Lane = Pin<Box<dyn Future<Output = LaneEnd> + Send>>;

pub(super) struct LaneEnd {
    pub(super) actor: Box<dyn AsyncActor>,
    pub(super) attempt: Attempt,
    pub(super) result: Option<Result<(), Failure>>,
}

/// The attempts of a node that are not over.
pub(super) struct Table {
    limit: usize,
    ordered: bool,
    /// The order in which ticks leave, if a recording gives it.
    order: Option<VecDeque<u64>>,
    /// By number of the tick.
    entries: VecDeque<Open>,
    /// The tick that runs on the stack of the node's task.
    pub(super) here: Option<u64>,
    active: usize,
    backing_off: usize,
    /// Bytes of what those that are over have put out.
    ahead: u64,
    pub(super) lanes: Option<Box<FuturesUnordered<Lane>>>,
    pub(super) unwinding: Vec<Unwinding>,
    pub(super) timer: Option<(Instant, Pin<Box<Sleep>>)>,
}

impl Table {
    pub(super) fn new(limit: usize, ordered: bool, order: Option<VecDeque<u64>>) -> Self {
        Self {
            limit,
            ordered,
            order: order.filter(|_| !ordered),
            entries: VecDeque::new(),
            here: None,
            active: 0,
            backing_off: 0,
            ahead: 0,
            lanes: None,
            unwinding: Vec::new(),
            timer: None,
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.entries.is_empty() && !self.is_awaited()
    }

    /// Whether a call goes on after the end of its attempt.
    pub(super) fn is_awaited(&self) -> bool {
        self.unwinding.iter().any(|call| !call.given_up)
    }

    /// The first tick that is not over.
    pub(super) fn first(&self) -> Option<u64> {
        let open = self.entries.front().map(|entry| entry.attempt.sequence);
        open.into_iter().chain(self.here).min()
    }

    /// Attempts that run, here or elsewhere.
    pub(super) fn active(&self) -> usize {
        self.active
    }

    /// Whether another tick may start.
    pub(super) fn has_place(&self) -> bool {
        self.active + self.backing_off + self.unwinding.len() < self.limit
            && self.entries.len() < self.limit + AHEAD
            && self.ahead < AHEAD_BYTES
    }

    /// Whether an attempt that has waited may be tried again.
    pub(super) fn has_place_for_another_try(&self) -> bool {
        self.active + self.unwinding.len() < self.limit
    }

    /// Whether what ends now can leave now.
    pub(super) fn leaves_at_once(&self, sequence: u64) -> bool {
        if let Some(order) = &self.order {
            return order.front().is_none_or(|next| *next == sequence);
        }
        !self.ordered || self.entries.front().is_none_or(|first| first.attempt.sequence > sequence)
    }

    pub(super) fn put(&mut self, open: Open) {
        self.count(&open.stage, 1);
        self.ahead += open.bytes_ahead();
        let at = self.place(open.attempt.sequence);
        self.entries.insert(at, open);
    }

    /// The attempt of these numbers, if it is still active.
    pub(super) fn take(&mut self, sequence: u64, number: u32) -> Option<Open> {
        let at = self.place(sequence);
        let entry = self.entries.get(at)?;
        if !entry.attempt.is(sequence, number) || !entry.stage.is_active() {
            return None;
        }
        self.remove(at)
    }

    /// Whether ticks leave in their order.
    pub(super) fn is_ordered(&self) -> bool {
        self.ordered
    }

    /// A tick leaves.
    pub(super) fn note_left(&mut self, sequence: u64) {
        if let Some(order) = self.order.as_mut().filter(|order| order.front() == Some(&sequence)) {
            order.pop_front();
        }
    }

    /// The first attempt, if it is over.
    pub(super) fn take_over(&mut self) -> Option<Open> {
        if let Some(order) = &self.order {
            let is_next = |entry: &Open| order.front().is_none_or(|next| *next == entry.attempt.sequence);
            let at = self.entries.iter().position(|entry| is_next(entry) && entry.stage.is_over())?;
            return self.remove(at);
        }
        if !self.entries.front()?.stage.is_over() {
            return None;
        }
        self.remove(0)
    }

    /// The first one whose wait for another try is over.
    pub(super) fn take_due(&mut self, now: Instant) -> Option<Open> {
        let is_due =
            |entry: &Open| matches!(entry.stage, Stage::BackingOff) && entry.until.is_none_or(|until| until <= now);
        let at = self.entries.iter().position(is_due)?;
        self.remove(at)
    }

    /// Those whose time is over. Ones that run here are only told to stop.
    pub(super) fn take_late(&mut self, now: Instant) -> Vec<Open> {
        let mut late = Vec::new();
        let mut at = 0;
        while at < self.entries.len() {
            let entry = &mut self.entries[at];
            if entry.until.is_some_and(|until| until <= now) && entry.stage.is_active() {
                if let Stage::Here(abort) = &entry.stage {
                    abort.abort();
                    entry.until = None;
                } else if let Some(open) = self.remove(at) {
                    late.push(open);
                    continue;
                }
            }
            at += 1;
        }
        late
    }

    /// Those on packets of a question that was cancelled. Ones that run here are only told to stop.
    pub(super) fn take_cancelled(&mut self) -> Vec<Open> {
        let is_cancelled = |entry: &Open| entry.attempt.origin.as_ref().is_some_and(Origin::is_cancelled);
        let mut taken = Vec::new();
        let mut at = 0;
        while at < self.entries.len() {
            let entry = &self.entries[at];
            if is_cancelled(entry) && !entry.stage.is_over() {
                if let Stage::Here(abort) = &entry.stage {
                    abort.abort();
                } else {
                    taken.extend(self.remove(at));
                    continue;
                }
            }
            at += 1;
        }
        taken
    }

    pub(super) fn take_all(&mut self) -> Vec<Open> {
        (self.active, self.backing_off, self.ahead) = (0, 0, 0);
        self.entries.drain(..).collect()
    }

    /// Whether a call has not returned although its attempt is over.
    pub(super) fn is_unwinding(&self) -> bool {
        !self.unwinding.is_empty()
    }

    /// Whether some attempt waits for another try.
    pub(super) fn is_backing_off(&self) -> bool {
        self.backing_off > 0
    }

    /// When the next thing happens by itself.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let may_try = self.has_place_for_another_try();
        let waits = self.entries.iter().filter(|entry| match entry.stage {
            Stage::BackingOff => may_try,
            _ => entry.stage.is_active(),
        });
        let stuck = self.unwinding.iter().filter(|_| !may_try).filter_map(|call| call.until);
        waits.filter_map(|entry| entry.until).chain(stuck).min()
    }

    fn place(&self, sequence: u64) -> usize {
        self.entries.partition_point(|entry| entry.attempt.sequence < sequence)
    }

    fn remove(&mut self, at: usize) -> Option<Open> {
        let open = self.entries.remove(at)?;
        self.count(&open.stage, usize::MAX);
        self.ahead = self.ahead.saturating_sub(open.bytes_ahead());
        Some(open)
    }

    /// Counts an entry in, or out with `usize::MAX`.
    fn count(&mut self, stage: &Stage, change: usize) {
        let counter = match stage {
            stage if stage.is_active() => &mut self.active,
            Stage::BackingOff => &mut self.backing_off,
            _ => return,
        };
        *counter = counter.wrapping_add(change);
    }
}
