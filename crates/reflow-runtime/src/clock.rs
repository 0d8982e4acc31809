//! `Clock`: what a node does with its time, right at any moment, also in the middle of a long tick.

use std::sync::atomic::{AtomicU8, AtomicU64, Ordering, fence};
use std::time::{Duration, Instant};

/// What a node is doing, as far as its time is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Phase {
    /// It waits for packets or for its turn.
    Resting,
    /// A tick is running.
    Busy,
    /// What a tick produced waits for room.
    Blocked,
}

/// The clock of one node. As a rule one thread at a time sets it: the one that the node's task, or its running tick, is on.
/// Where several threads of a tick wait for room at once, the times are a little off. Anybody reads it.
#[derive(Debug)]
pub(crate) struct Clock {
    origin: Instant,
    /// Grows when somebody begins to set it, and when that is done.
    version: AtomicU64,
    phase: AtomicU8,
    /// When the phase began, in nanoseconds after `origin`.
    since: AtomicU64,
    busy: AtomicU64,
    blocked: AtomicU64,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            origin: Instant::now(),
            version: AtomicU64::new(0),
            phase: AtomicU8::new(Phase::Resting as u8),
            since: AtomicU64::new(0),
            busy: AtomicU64::new(0),
            blocked: AtomicU64::new(0),
        }
    }
}

/// How long a node has been at work, and how long it has waited for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) busy: Duration,
    pub(crate) blocked: Duration,
}

impl Clock {
    /// A tick begins, or goes on.
    pub(crate) fn work(&self) {
        self.enter(Phase::Busy);
    }

    /// No tick is running any more.
    pub(crate) fn rest(&self) {
        self.enter(Phase::Resting);
    }

    /// What a running tick produced begins to wait for room.
    pub(crate) fn block(&self) {
        if self.is(Phase::Busy) {
            self.enter(Phase::Blocked);
        }
    }

    /// The wait for room is over.
    pub(crate) fn unblock(&self) {
        if self.is(Phase::Blocked) {
            self.enter(Phase::Busy);
        }
    }

    fn is(&self, phase: Phase) -> bool {
        self.phase.load(Ordering::Relaxed) == phase as u8
    }

    fn now(&self) -> u64 {
        self.origin.elapsed().as_nanos() as u64
    }

    fn enter(&self, phase: Phase) {
        self.version.fetch_add(1, Ordering::Relaxed);
        fence(Ordering::Release);
        // From here on readers wait: none has counted the old phase for longer than until now.
        let now = self.now();
        let passed = now.saturating_sub(self.since.load(Ordering::Relaxed));
        for (total, counted) in [(&self.busy, Phase::Busy), (&self.blocked, Phase::Blocked)] {
            if self.is(counted) {
                total.store(total.load(Ordering::Relaxed) + passed, Ordering::Relaxed);
            }
        }
        self.since.store(now, Ordering::Relaxed);
        self.phase.store(phase as u8, Ordering::Relaxed);
        self.version.fetch_add(1, Ordering::Release);
    }

    /// The times until now.
    pub(crate) fn read(&self) -> Times {
        loop {
            let version = self.version.load(Ordering::Acquire);
            let (phase, since) = (self.phase.load(Ordering::Relaxed), self.since.load(Ordering::Relaxed));
            let (mut busy, mut blocked) = (self.busy.load(Ordering::Relaxed), self.blocked.load(Ordering::Relaxed));
            // Before the version is looked at again: until then it is this phase that lasts.
            let now = self.now();
            fence(Ordering::Acquire);
            if version % 2 == 1 || self.version.load(Ordering::Relaxed) != version {
                std::hint::spin_loop();
                continue;
            }
            let passed = now.saturating_sub(since);
            busy += if phase == Phase::Busy as u8 { passed } else { 0 };
            blocked += if phase == Phase::Blocked as u8 { passed } else { 0 };
            return Times { busy: Duration::from_nanos(busy), blocked: Duration::from_nanos(blocked) };
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Waits until the clock shows something else.
    fn passes(clock: &Clock, part: impl Fn(Times) -> Duration) {
        let before = part(clock.read());
        while part(clock.read()) == before {}
    }

    #[test]
    fn work_and_waiting_are_told_apart_while_they_last() {
        let clock = Clock::default();
        clock.block();
        assert_eq!(clock.read(), Times { busy: Duration::ZERO, blocked: Duration::ZERO });
        clock.work();
        passes(&clock, |times| times.busy);
        clock.block();
        let busy = clock.read().busy;
        passes(&clock, |times| times.blocked);
        assert_eq!(clock.read().busy, busy);
        clock.unblock();
        let blocked = clock.read().blocked;
        passes(&clock, |times| times.busy);
        assert_eq!(clock.read().blocked, blocked);
        clock.rest();
        let rested = clock.read();
        std::thread::yield_now();
        assert_eq!(clock.read(), rested);
    }

    #[test]
    fn what_is_read_never_goes_back() {
        let clock = Clock::default();
        std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let mut last = clock.read();
                for _ in 0..100_000 {
                    let now = clock.read();
                    assert!(now.busy >= last.busy && now.blocked >= last.blocked, "{last:?} {now:?}");
                    last = now;
                }
            });
            while !reader.is_finished() {
                clock.work();
                clock.block();
                clock.unblock();
                clock.rest();
            }
        });
    }
}
