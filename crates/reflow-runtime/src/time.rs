//! The time of a run: that of the world, or a virtual clock that goes to the next thing that is due as soon as nothing is at work.
//!
//! A virtual clock is tokio's paused one, on a runtime of its own with one thread. It advances when that thread has nothing to
//! do, which counts native nodes, their background work and all timers. Whatever works elsewhere, for a host, holds the clock
//! meanwhile.

use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Weak, mpsc};
use std::task::{Context, Poll, Wake, Waker};
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
    /// The number of the run in its process.
    run: u64,
    host: Weak<NativeHost>,
    start: Instant,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// How many hold the clock, less those who wait in the name of one of them.
    busy: isize,
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
    pub(crate) fn new(host: &Arc<NativeHost>, run: u64) -> Arc<Self> {
        let start = {
            let handle = host.handle();
            let _context = handle.enter();
            now()
        };
        let time = Arc::new(Self { run, host: Arc::downgrade(host), start, state: Mutex::default() });
        COUNT.fetch_add(1, Ordering::AcqRel);
        let mut all = ALL.lock();
        all.retain(|known| known.strong_count() > 0);
        all.push(Arc::downgrade(&time));
        time
    }

    /// The clock of the run of that number, if it has one of its own.
    pub fn of_run(run: u64) -> Option<Arc<Self>> {
        if COUNT.load(Ordering::Acquire) == 0 {
            return None;
        }
        ALL.lock().iter().filter_map(Weak::upgrade).find(|time| time.run == run)
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
        state.busy -= 1;
        if state.busy <= 0 {
            state.holder = None;
        }
    }

    /// How many hold the clock.
    pub fn held(&self) -> usize {
        self.state.lock().busy.max(0).unsigned_abs()
    }

    /// Lets go of the clock for a thread that holds it and begins to wait.
    pub fn rest(self: &Arc<Self>) -> Rest {
        let scheduled = Scheduled::new(self);
        self.leave();
        Rest { waker: Waker::from(Arc::clone(&scheduled.0)), scheduled }
    }

    /// Ends when so much time of the clock has passed.
    pub fn sleep(&self, time: Duration) -> Option<Pin<Box<dyn Future<Output = ()> + Send>>> {
        Some(Box::pin(self.host.upgrade()?.sleep(time)))
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
            match polled {
                Poll::Ready(()) => scheduled.0.finish(),
                Poll::Pending => scheduled.0.end(false),
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

/// A wait of a thread that otherwise holds a virtual clock: time goes on until the thread is woken, and not until it has heard of
/// that. From the end of it on the thread holds the clock again.
pub struct Rest {
    waker: Waker,
    scheduled: Scheduled,
}

impl Rest {
    /// Looks at what the thread waits for.
    pub fn poll<T>(&mut self, cx: &mut Context<'_>, poll: impl FnOnce(&mut Context<'_>) -> Poll<T>) -> Poll<T> {
        let wakes = &self.scheduled.0;
        wakes.time.enter();
        wakes.begin(cx.waker());
        let polled = poll(&mut Context::from_waker(&self.waker));
        wakes.end(polled.is_ready());
        wakes.time.leave();
        polled
    }
}

impl Drop for Rest {
    fn drop(&mut self) {
        self.scheduled.0.time.enter();
    }
}

/// Whether a task has been woken and not polled since. It holds the clock then; while it is polled, whoever does that holds it, or lets
/// go of it to wait, whatever is to come afterwards.
struct Scheduled(Arc<Wakes>);

struct Wakes {
    time: Arc<VirtualTime>,
    state: AtomicU8,
    waker: Mutex<Option<Waker>>,
}

const RESTS: u8 = 0;
const WOKEN: u8 = 1;
const POLLED: u8 = 2;
const POLLED_AND_WOKEN: u8 = 3;
const OVER: u8 = 4;

impl Scheduled {
    fn new(time: &Arc<VirtualTime>) -> Self {
        time.enter();
        Self(Arc::new(Wakes { time: Arc::clone(time), state: AtomicU8::new(WOKEN), waker: Mutex::new(None) }))
    }
}

impl Wakes {
    fn begin(&self, waker: &Waker) {
        *self.waker.lock() = Some(waker.clone());
        if self.state.swap(POLLED, Ordering::AcqRel) == WOKEN {
            self.time.leave();
        }
    }

    /// It is polled no more; whether it has something to do all the same, if it was not woken.
    fn end(&self, has_more: bool) {
        if has_more || self.state.compare_exchange(POLLED, RESTS, Ordering::AcqRel, Ordering::Acquire).is_err() {
            self.time.enter();
            self.state.store(WOKEN, Ordering::Release);
        }
    }

    fn note_woken(&self) {
        let woken = self.state.fetch_update(Ordering::AcqRel, Ordering::Acquire, |state| match state {
            RESTS => Some(WOKEN),
            POLLED => Some(POLLED_AND_WOKEN),
            _ => None,
        });
        if woken == Ok(RESTS) {
            self.time.enter();
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
        self.note_woken();
        let waker = self.waker.lock().clone();
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}
