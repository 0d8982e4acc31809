//! `Clock`: what a node does with its time, right at any moment, also in the middle of a long tick.

use std::fmt;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reflow_message::{End, Holder};

/// How long a node has been at work, and how long it has waited for room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Times {
    pub(crate) busy: Duration,
    pub(crate) blocked: Duration,
}

/// The clock of one node, told by whoever works for it. It holds the ends of the streams that the node writes and reads.
pub(crate) struct Clock(Mutex<State>);

struct State {
    times: Times,
    /// Until when they count.
    until: Instant,
    /// Ticks that go on.
    ticks: usize,
    /// Pieces of work beside the ticks that run at this moment.
    pieces: usize,
    /// Waits for room.
    for_room: usize,
    /// Waits for frames.
    for_frames: usize,
}

impl State {
    /// Counts the time that has passed; what changes now counts from here.
    fn pass(&mut self) -> &mut Self {
        let now = Instant::now();
        let passed = now.saturating_duration_since(self.until);
        self.until = now;
        if self.pieces > 0 || self.ticks > self.for_room + self.for_frames {
            self.times.busy += passed;
        } else if self.for_room > 0 {
            self.times.blocked += passed;
        }
        self
    }
}

impl Default for Clock {
    fn default() -> Self {
        let (times, until) = (Times::default(), Instant::now());
        Self(Mutex::new(State { times, until, ticks: 0, pieces: 0, for_room: 0, for_frames: 0 }))
    }
}

impl Clock {
    /// So many ticks go on from now.
    pub(crate) fn set_ticks(&self, ticks: usize) {
        self.0.lock().pass().ticks = ticks;
    }

    /// A piece of work beside the ticks runs as long as this lives.
    pub(crate) fn piece(&self) -> Piece<'_> {
        self.0.lock().pass().pieces += 1;
        Piece(self)
    }

    /// The times until now.
    pub(crate) fn read(&self) -> Times {
        self.0.lock().pass().times
    }
}

impl Holder for Clock {
    fn begin_wait(&self, end: End) {
        let mut state = self.0.lock();
        *state.pass().waits(end) += 1;
    }

    fn end_wait(&self, end: End) {
        let mut state = self.0.lock();
        *state.pass().waits(end) -= 1;
    }
}

impl State {
    fn waits(&mut self, end: End) -> &mut usize {
        match end {
            End::Writing => &mut self.for_room,
            End::Reading => &mut self.for_frames,
        }
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.read().fmt(f)
    }
}

/// See [`Clock::piece`].
pub(crate) struct Piece<'a>(&'a Clock);

impl Drop for Piece<'_> {
    fn drop(&mut self) {
        self.0.0.lock().pass().pieces -= 1;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use reflow_message::Waiting;

    use super::*;

    /// What a clock counts at the moment.
    #[derive(Debug, PartialEq)]
    enum Counts {
        Nothing,
        Busy,
        Blocked,
    }

    fn counts(clock: &Clock) -> Counts {
        let before = clock.read();
        let begin = Instant::now();
        while begin.elapsed() < Duration::from_micros(10) {}
        let after = clock.read();
        match (after.busy > before.busy, after.blocked > before.blocked) {
            (false, false) => Counts::Nothing,
            (true, false) => Counts::Busy,
            (false, true) => Counts::Blocked,
            (true, true) => panic!("both: {before:?} {after:?}"),
        }
    }

    fn wait(clock: &Arc<Clock>, end: End) -> Waiting {
        Waiting::begin(Some(Arc::clone(clock) as _), end)
    }

    #[test]
    fn work_and_waits_of_a_tick_are_told_apart_while_they_last() {
        let clock = Arc::new(Clock::default());
        assert_eq!(counts(&clock), Counts::Nothing);
        clock.set_ticks(1);
        assert_eq!(counts(&clock), Counts::Busy);
        let room = wait(&clock, End::Writing);
        assert_eq!(counts(&clock), Counts::Blocked);
        drop(room);
        assert_eq!(counts(&clock), Counts::Busy);
        let frames = wait(&clock, End::Reading);
        assert_eq!(counts(&clock), Counts::Nothing);
        drop(frames);
        clock.set_ticks(0);
        assert_eq!(counts(&clock), Counts::Nothing);
    }

    #[test]
    fn one_tick_that_waits_does_not_hide_the_work_of_another() {
        let clock = Arc::new(Clock::default());
        clock.set_ticks(2);
        let _first = wait(&clock, End::Writing);
        assert_eq!(counts(&clock), Counts::Busy);
        let _second = wait(&clock, End::Writing);
        assert_eq!(counts(&clock), Counts::Blocked);
    }

    #[test]
    fn work_beside_the_ticks_counts_while_it_runs() {
        let clock = Arc::new(Clock::default());
        let piece = clock.piece();
        assert_eq!(counts(&clock), Counts::Busy);
        drop(piece);
        let _frames = wait(&clock, End::Reading);
        assert_eq!(counts(&clock), Counts::Nothing);
        let _room = wait(&clock, End::Writing);
        assert_eq!(counts(&clock), Counts::Blocked);
    }
}
