//! `OpenAttempts`: attempts whose work goes on elsewhere, in threads and asyncio tasks, and whether all of it waits for room.
//!
//! A node counts as busy while an attempt of it is open. A sender that works for an attempt and finds no room says so here:
//! when every open attempt of a node has such a sender, the node's count is given up, and taken back before one of them goes
//! on. So a stall is noticed whoever sends: the tick itself, a coroutine, a thread beside it.

use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::activity::Activity;

/// Which attempt of a node: the number of its tick, and of the try.
pub(crate) type AttemptKey = (u64, u32);

/// The open attempts of one node.
#[derive(Debug, Default)]
pub(crate) struct OpenAttempts {
    state: Mutex<State>,
    /// Whether a sender beside a running tick ever had to wait.
    has_run: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    attempts: SmallVec<[Entry; 1]>,
    /// The node's task does nothing but wait for them.
    awaited: bool,
    /// The node's count was given up.
    given_up: bool,
}

#[derive(Debug)]
struct Entry {
    key: AttemptKey,
    /// The node's task knows that it goes on elsewhere.
    open: bool,
    /// Senders that wait for room.
    waiting: u32,
    /// Those of them that said that `run` has not returned: the node's task is on the stack of the tick.
    running: u32,
}

impl State {
    fn entry(&mut self, key: AttemptKey) -> &mut Entry {
        let at = self.attempts.iter().position(|entry| entry.key == key).unwrap_or_else(|| {
            self.attempts.push(Entry { key, open: false, waiting: 0, running: 0 });
            self.attempts.len() - 1
        });
        &mut self.attempts[at]
    }

    /// Gives the node's count up or takes it back; whether nobody is busy any more.
    fn settle(&mut self, activity: &Activity) -> bool {
        self.attempts.retain(|entry| entry.open || entry.waiting > 0);
        let mut open = self.attempts.iter().filter(|entry| entry.open).peekable();
        let all_wait = self.awaited && open.peek().is_some() && open.all(|entry| entry.waiting > 0);
        let all_wait = all_wait || self.attempts.iter().any(|entry| entry.running > 0);
        if std::mem::replace(&mut self.given_up, all_wait) == all_wait {
            return false;
        }
        if all_wait {
            return activity.end();
        }
        activity.begin();
        false
    }
}

impl OpenAttempts {
    /// An attempt goes on elsewhere.
    pub(crate) fn open(&self, key: AttemptKey) {
        self.state.lock().entry(key).open = true;
    }

    pub(crate) fn is_open(&self, key: AttemptKey) -> bool {
        self.state.lock().attempts.iter().any(|entry| entry.open && entry.key == key)
    }

    /// It has ended, or nobody waits for it any more.
    pub(crate) fn close(&self, key: AttemptKey, activity: &Activity) {
        let mut state = self.state.lock();
        state.entry(key).open = false;
        // One that is left may wait for room; the node's task looks at the end of this one and waits for it again then.
        state.awaited = false;
        let _ = state.settle(activity);
    }

    /// The node's task begins or ends to do nothing but wait; whether nobody is busy any more.
    #[must_use]
    pub(crate) fn set_awaited(&self, awaited: bool, activity: &Activity) -> bool {
        let mut state = self.state.lock();
        state.awaited = awaited;
        state.settle(activity)
    }

    /// A sender of the attempt waits for room. It has a count of its own, so the last one cannot go here.
    pub(crate) fn begin_wait(&self, key: AttemptKey, running: bool, activity: &Activity) {
        let mut state = self.state.lock();
        let entry = state.entry(key);
        entry.waiting += 1;
        entry.running += u32::from(running);
        if running {
            self.has_run.store(true, Ordering::Release);
        }
        let _ = state.settle(activity);
    }

    /// `run` has returned, so the node's task goes on, whoever waits for the attempt. Whether anything changed.
    pub(crate) fn returned(&self, key: AttemptKey, activity: &Activity) -> bool {
        if !self.has_run.load(Ordering::Acquire) {
            return false;
        }
        let mut state = self.state.lock();
        let Some(entry) = state.attempts.iter_mut().find(|entry| entry.key == key && entry.running > 0) else {
            return false;
        };
        entry.running = 0;
        let _ = state.settle(activity);
        true
    }

    /// It waits no more.
    pub(crate) fn end_wait(&self, key: AttemptKey, running: bool, activity: &Activity) {
        let mut state = self.state.lock();
        let entry = state.entry(key);
        entry.waiting = entry.waiting.saturating_sub(1);
        entry.running = entry.running.saturating_sub(u32::from(running));
        let _ = state.settle(activity);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy() -> Activity {
        let activity = Activity::default();
        activity.begin(); // the node
        activity
    }

    #[test]
    fn a_node_is_quiet_when_every_open_attempt_waits_and_its_task_does_nothing_else() {
        let (activity, open) = (busy(), OpenAttempts::default());
        open.open((1, 1));
        open.open((2, 1));
        assert!(!open.set_awaited(true, &activity));
        for (key, quiet) in [((1, 1), false), ((2, 1), true)] {
            activity.begin();
            open.begin_wait(key, false, &activity);
            let _ = activity.end();
            assert_eq!(activity.is_quiet(), quiet);
        }
        open.end_wait((1, 1), false, &activity);
        assert!(!activity.is_quiet());
    }

    #[test]
    fn the_end_of_an_attempt_brings_the_count_back_before_its_task_looks() {
        let (activity, open) = (busy(), OpenAttempts::default());
        open.open((1, 1));
        let _ = open.set_awaited(true, &activity);
        activity.begin();
        open.begin_wait((1, 1), false, &activity);
        let _ = activity.end();
        assert!(activity.is_quiet());
        open.close((1, 1), &activity);
        assert!(!activity.is_quiet());
        // A straggler of the attempt changes nothing any more.
        open.end_wait((1, 1), false, &activity);
        assert!(activity.end());
    }

    #[test]
    fn a_thread_beside_a_tick_that_still_runs_gives_the_count_up_alone() {
        let (activity, open) = (busy(), OpenAttempts::default());
        activity.begin();
        open.begin_wait((1, 1), true, &activity);
        assert!(activity.end());
        activity.begin();
        open.end_wait((1, 1), true, &activity);
        let _ = activity.end();
        assert!(!activity.is_quiet());
    }
}
