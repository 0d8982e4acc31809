//! Who is busy: the count that tells when a network is idle, and the sleepers that leave and enter it.
//!
//! A node's task counts as busy from the moment somebody gives it a reason to run until it goes to sleep without one.
//! Whoever wakes a sleeper counts it as busy *before* waking it and is busy itself (or holds a count for the call), so
//! the count reaches zero exactly when nothing can happen any more without the outside. It changes once a wake-up, not
//! once a packet.

use std::task::Waker;

use crossbeam::utils::CachePadded;

use crate::sync::{Arc, AtomicBool, AtomicUsize, Mutex, Ordering};

/// The number of busy tasks, open attempts and calls from outside of one run.
#[derive(Debug, Default)]
pub(crate) struct Activity {
    busy: CachePadded<AtomicUsize>,
    /// Sleepers that wait for room in some mailbox.
    blocked: AtomicUsize,
}

impl Activity {
    pub(crate) fn begin(&self) {
        self.busy.fetch_add(1, Ordering::AcqRel);
    }

    /// Whether this was the last one.
    #[must_use]
    pub(crate) fn end(&self) -> bool {
        self.busy.fetch_sub(1, Ordering::AcqRel) == 1
    }

    pub(crate) fn is_quiet(&self) -> bool {
        self.busy.load(Ordering::Acquire) == 0
    }

    pub(crate) fn blocked(&self) -> usize {
        self.blocked.load(Ordering::Acquire)
    }
}

/// Something that goes to sleep and is woken: a node's task, or a thread that waits for room.
#[derive(Debug)]
pub(crate) struct Sleeper {
    activity: Arc<Activity>,
    asleep: AtomicBool,
    /// Whether it sleeps because a target is full.
    blocked: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

impl Sleeper {
    pub(crate) fn new(activity: Arc<Activity>) -> Arc<Self> {
        Arc::new(Self {
            activity,
            asleep: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            waker: Mutex::new(None),
        })
    }

    /// Remembers whom to wake. Before [`fall_asleep`](Self::fall_asleep).
    pub(crate) fn set_waker(&self, waker: &Waker) {
        let mut slot = self.waker.lock();
        if !slot.as_ref().is_some_and(|known| known.will_wake(waker)) {
            *slot = Some(waker.clone());
        }
    }

    /// Marks it asleep. Call this under the lock that guards the condition it waits for, and
    /// [`leave`](Self::leave) after releasing it when the answer is `true`.
    #[must_use]
    pub(crate) fn fall_asleep(&self, blocked: bool) -> bool {
        if blocked && !self.blocked.swap(true, Ordering::AcqRel) {
            self.activity.blocked.fetch_add(1, Ordering::AcqRel);
        }
        !self.asleep.swap(true, Ordering::AcqRel)
    }

    /// Takes it out of the count; whether nobody is busy any more.
    #[must_use]
    pub(crate) fn leave(&self) -> bool {
        self.activity.end()
    }

    /// Takes a [`fall_asleep`](Self::fall_asleep) back that was answered with `true`, in place of leaving.
    pub(crate) fn stay_awake(&self) {
        if self.blocked.swap(false, Ordering::AcqRel) {
            self.activity.blocked.fetch_sub(1, Ordering::AcqRel);
        }
        if !self.asleep.swap(false, Ordering::AcqRel) {
            // Somebody woke it meanwhile and counted it a second time. It is awake, so the count does not reach zero.
            let _ = self.activity.end();
        }
    }

    /// Whether it sleeps because somebody has no room for what it brings.
    pub(crate) fn is_blocked(&self) -> bool {
        self.blocked.load(Ordering::Acquire)
    }

    /// Back to work: on its own account, or because somebody woke it.
    pub(crate) fn rise(&self) {
        if self.asleep.load(Ordering::Acquire) {
            // Counted first: whoever sees it awake may put it to sleep again, and must not take away a count that is not
            // there yet.
            self.activity.begin();
            if !self.asleep.swap(false, Ordering::AcqRel) {
                // Somebody else was faster and counts it, so the count does not reach zero.
                let _ = self.activity.end();
            }
        }
        if self.blocked.load(Ordering::Acquire) && self.blocked.swap(false, Ordering::AcqRel) {
            self.activity.blocked.fetch_sub(1, Ordering::AcqRel);
        }
    }

    pub(crate) fn wake(&self) {
        self.rise();
        let waker = self.waker.lock().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
