//! The time of a run: that of the world, or a virtual clock that goes to the next thing that is due as soon as nothing is at work.
//!
//! A virtual clock is tokio's paused one, on a runtime of its own with one thread. It advances when that thread has nothing to
//! do, which counts native nodes, their background work and all timers. Whatever works elsewhere, for a host, holds the clock
//! meanwhile.

use std::future::poll_fn;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::task::{Context, Wake, Waker};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rustc_hash::FxHashSet;
use tokio::task::AbortHandle;

use crate::host::NodeTask;
use crate::native_host::NativeHost;

/// The moment, by the clock of the run that this thread works for.
pub(crate) fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

/// An attempt: node, number of the tick, number of the try.
type Key = (u32, u64, u32);

/// The virtual clock of a run.
pub struct VirtualTime {
    host: Weak<NativeHost>,
    start: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many hold the clock.
    busy: usize,
    /// Ends the blocking task that keeps tokio from advancing the clock.
    holder: Option<mpsc::Sender<()>>,
    /// Attempts that go on elsewhere and hold it.
    elsewhere: FxHashSet<Key>,
    /// Those whose host holds it for them as long as they are at work.
    hosted: FxHashSet<Key>,
}

static ALL: Mutex<Vec<Weak<VirtualTime>>> = Mutex::new(Vec::new());
static COUNT: AtomicUsize = AtomicUsize::new(0);

impl VirtualTime {
    pub(crate) fn new(host: &Arc<NativeHost>) -> Arc<Self> {
        let start = {
            let handle = host.handle();
            let _context = handle.enter();
            now()
        };
        let time = Arc::new(Self { host: Arc::downgrade(host), start, state: Mutex::default() });
        COUNT.fetch_add(1, Ordering::AcqRel);
        let mut all = ALL.lock();
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(&time));
        time
    }

    /// The moment.
    pub fn now(&self) -> Instant {
        let Some(host) = self.host.upgrade() else { return self.start };
        let handle = host.handle();
        let _context = handle.enter();
        now()
    }

    /// How long the run has been going on.
    pub fn elapsed(&self) -> Duration {
        self.now().saturating_duration_since(self.start)
    }

    /// Keeps the clock where it is, until [`leave`](Self::leave).
    pub fn enter(&self) {
        let mut state = self.state.lock();
        state.busy += 1;
        if state.busy == 1
            && let Some(host) = self.host.upgrade()
        {
            let (holder, held) = mpsc::channel::<()>();
            state.holder = Some(holder);
            // It ends when the holder is dropped.
            host.handle().spawn_blocking(move || held.recv().is_err());
        }
    }

    /// Lets go of the clock.
    pub fn leave(&self) {
        let mut state = self.state.lock();
        state.busy = state.busy.saturating_sub(1);
        if state.busy == 0 {
            state.holder = None;
        }
    }

    /// How many hold the clock.
    pub fn held(&self) -> usize {
        self.state.lock().busy
    }

    /// Calls `ring` at a moment.
    pub fn at(&self, moment: Duration, ring: impl FnOnce() + Send + 'static) -> Option<Alarm> {
        let host = self.host.upgrade()?;
        let until = tokio::time::Instant::from_std(self.start.checked_add(moment)?);
        let task = host.spawn(async move {
            tokio::time::sleep_until(until).await;
            ring();
        });
        Some(Alarm(task.abort_handle()))
    }

    /// An attempt goes on elsewhere.
    pub(crate) fn leave_open(&self, key: Key) {
        let counts = {
            let mut state = self.state.lock();
            !state.hosted.remove(&key) && state.elsewhere.insert(key)
        };
        if counts {
            self.enter();
        }
    }

    /// It has ended.
    pub(crate) fn close_open(&self, key: Key) {
        let counted = {
            let mut state = self.state.lock();
            state.hosted.remove(&key);
            state.elsewhere.remove(&key)
        };
        if counted {
            self.leave();
        }
    }

    /// From now on its host holds the clock while it works for the attempt.
    pub(crate) fn hand_to_host(&self, key: Key) {
        let counted = {
            let mut state = self.state.lock();
            let counted = state.elsewhere.remove(&key);
            if !counted {
                state.hosted.insert(key);
            }
            counted
        };
        if counted {
            self.leave();
        }
    }

    /// The task of a hosted node, which holds the clock while it has something to do.
    pub(crate) fn counted(self: &Arc<Self>, mut task: NodeTask) -> NodeTask {
        let (time, scheduled) = (Arc::clone(self), Scheduled::new(self));
        let waker = Waker::from(Arc::clone(&scheduled.0));
        Box::pin(poll_fn(move |cx| {
            time.enter();
            scheduled.0.begin(cx.waker());
            let polled = {
                let host = time.host.upgrade();
                let handle = host.as_ref().map(|host| host.handle());
                let _context = handle.as_ref().map(tokio::runtime::Handle::enter);
                task.as_mut().poll(&mut Context::from_waker(&waker))
            };
            if polled.is_ready() {
                scheduled.0.finish();
            }
            time.leave();
            polled
        }))
    }
}

impl Drop for VirtualTime {
    fn drop(&mut self) {
        COUNT.fetch_sub(1, Ordering::AcqRel);
    }
}

impl std::fmt::Debug for VirtualTime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("VirtualTime")
    }
}

/// A call that is due at a moment of a virtual clock.
pub struct Alarm(AbortHandle);

impl Alarm {
    /// It is not made any more.
    pub fn cancel(&self) {
        self.0.abort();
    }
}

/// Holds all virtual clocks of the process, for what is on its way from one thread to another. Without any it costs a load.
pub struct AllHeld(Vec<Arc<VirtualTime>>);

impl AllHeld {
    /// Holds them until it is dropped.
    pub fn new() -> Self {
        if COUNT.load(Ordering::Acquire) == 0 {
            return Self(Vec::new());
        }
        let all: Vec<_> = ALL.lock().iter().filter_map(Weak::upgrade).collect();
        all.iter().for_each(|time| time.enter());
        Self(all)
    }
}

impl Default for AllHeld {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for AllHeld {
    fn drop(&mut self) {
        self.0.iter().for_each(|time| time.leave());
    }
}

/// Whether a task has been woken and not polled since.
struct Scheduled(Arc<Wakes>);

struct Wakes {
    time: Arc<VirtualTime>,
    state: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

const RESTS: u8 = 0;
const WOKEN: u8 = 1;
const OVER: u8 = 2;

impl Scheduled {
    fn new(time: &Arc<VirtualTime>) -> Self {
        time.enter();
        Self(Arc::new(Wakes { time: Arc::clone(time), state: AtomicU8::new(WOKEN), waker: Mutex::new(None) }))
    }
}

impl Wakes {
    fn begin(&self, waker: &Waker) {
        *self.waker.lock() = Some(waker.clone());
        if self.state.compare_exchange(WOKEN, RESTS, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.time.leave();
        }
    }

    fn finish(&self) {
        if self.state.swap(OVER, Ordering::AcqRel) == WOKEN {
            self.time.leave();
        }
        self.waker.lock().take();
    }
}

impl Drop for Scheduled {
    fn drop(&mut self) {
        self.0.finish();
    }
}

impl Wake for Wakes {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.state.compare_exchange(RESTS, WOKEN, Ordering::AcqRel, Ordering::Acquire).is_ok() {
            self.time.enter();
        }
        let waker = self.waker.lock().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
