//! `OpenAttempts`: attempts whose work goes on elsewhere, in threads and asyncio tasks, and which of them wait for room.
//!
//! Each open attempt is counted in the run's activity. A sender that works for one and finds no room says so here, and the
//! count is given up until it goes on: so a stall is noticed whoever sends, the tick itself, a coroutine, a thread beside it.

use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::activity::Activity;

/// Which attempt of a node: the number of its tick, and of the try.
pub(crate) type AttemptKey = (u64, u32);

/// The open attempts of one node, and those that have a sender waiting for room.
#[derive(Debug, Default)]
pub(crate) struct OpenAttempts {
    entries: Mutex<FxHashMap<AttemptKey, Counts>>,
    /// Whether a sender beside a running tick ever had to wait.
    has_run: AtomicBool,
}

#[derive(Debug, Default)]
struct Counts {
    /// It is counted by itself: the node's task does not stand on its stack.
    open: bool,
    /// Senders that wait for room.
    waiting: u32,
    /// Those of them that said that `run` has not returned: the node's task is on the stack of the tick.
    running: u32,
    /// Counts that were given up.
    given_up: u32,
}

impl Counts {
    /// Gives counts up or takes them back.
    fn settle(&mut self, activity: &Activity) {
        let due = u32::from(self.open && self.waiting > 0 || self.running > 0);
        while self.given_up < due {
            self.given_up += 1;
            // Whoever waits has a count of its own, so this is not the last one.
            let _ = activity.end();
        }
        while self.given_up > due {
            self.given_up -= 1;
            activity.begin();
        }
    }
}

impl OpenAttempts {
    fn change(&self, key: AttemptKey, activity: &Activity, change: impl FnOnce(&mut Counts)) {
        let mut entries = self.entries.lock();
        let mut entry = match entries.entry(key) {
            Entry::Occupied(entry) => entry,
            Entry::Vacant(place) => place.insert_entry(Counts::default()),
        };
        change(entry.get_mut());
        entry.get_mut().settle(activity);
        if !entry.get().open && entry.get().waiting == 0 {
            entry.remove();
        }
    }

    /// The attempt goes on elsewhere, and is counted.
    pub(crate) fn open(&self, key: AttemptKey, activity: &Activity) {
        activity.begin();
        self.change(key, activity, |entry| entry.open = true);
    }

    /// It has ended, or nobody waits for it any more. The node's task is busy.
    pub(crate) fn close(&self, key: AttemptKey, activity: &Activity) {
        self.change(key, activity, |entry| entry.open = false);
        let _ = activity.end();
    }

    /// A sender of the attempt waits for room. It has a count of its own.
    pub(crate) fn begin_wait(&self, key: AttemptKey, running: bool, activity: &Activity) {
        if running {
            self.has_run.store(true, Ordering::Release);
        }
        self.change(key, activity, |entry| {
            entry.waiting += 1;
            entry.running += u32::from(running);
        });
    }

    /// `run` has returned, so the node's task goes on, whoever waits for the attempt. Whether anything changed.
    pub(crate) fn returned(&self, key: AttemptKey, activity: &Activity) -> bool {
        if !self.has_run.load(Ordering::Acquire) {
            return false;
        }
        let mut entries = self.entries.lock();
        let Some(entry) = entries.get_mut(&key).filter(|entry| entry.running > 0) else { return false };
        entry.running = 0;
        entry.settle(activity);
        true
    }

    /// It waits no more.
    pub(crate) fn end_wait(&self, key: AttemptKey, running: bool, activity: &Activity) {
        self.change(key, activity, |entry| {
            entry.waiting = entry.waiting.saturating_sub(1);
            entry.running = entry.running.saturating_sub(u32::from(running));
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The activity of a run in which one node is busy.
    fn busy() -> Activity {
        let activity = Activity::default();
        activity.begin();
        activity
    }

    #[test]
    fn the_count_of_an_open_attempt_is_given_up_while_a_sender_of_it_waits() {
        let (activity, open) = (busy(), OpenAttempts::default());
        open.open((1, 1), &activity);
        open.open((2, 1), &activity);
        assert!(!activity.end(), "two attempts are open");
        for (key, quiet) in [((1, 1), false), ((2, 1), true)] {
            activity.begin();
            open.begin_wait(key, false, &activity);
            assert_eq!(activity.end(), quiet);
        }
        open.end_wait((1, 1), false, &activity);
        assert!(!activity.is_quiet());
    }

    #[test]
    fn the_end_of_an_attempt_leaves_no_count_behind() {
        let (activity, open) = (busy(), OpenAttempts::default());
        open.open((1, 1), &activity);
        open.begin_wait((1, 1), false, &activity);
        open.close((1, 1), &activity);
        // A straggler of the attempt changes nothing any more.
        open.end_wait((1, 1), false, &activity);
        assert!(activity.end());
        assert!(open.entries.lock().is_empty());
    }

    #[test]
    fn a_thread_beside_a_tick_that_still_runs_gives_the_count_of_the_node_up() {
        let (activity, open) = (busy(), OpenAttempts::default());
        activity.begin();
        open.begin_wait((1, 1), true, &activity);
        assert!(activity.end());
        activity.begin();
        assert!(open.returned((1, 1), &activity));
        open.end_wait((1, 1), true, &activity);
        assert!(!activity.end());
        assert!(activity.end());
    }
}
