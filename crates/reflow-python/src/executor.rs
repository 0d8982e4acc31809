//! The Python host: a small executor whose threads stay attached to the interpreter over many ticks.
//!
//! At most `slots` threads poll tasks at a time: one where there is an interpreter lock, one a core where there is none. A
//! monitor notices a thread that stays inside one tick (it sleeps, does I/O, runs NumPy without the lock) and gives its slot
//! to another thread, so that blocking actors overlap and fast ones never contend for the lock. A task that was caught
//! blocking gives its slot away by itself from then on, as long as it goes on blocking.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use reflow_runtime::{AllHeld, Host, NodeTask};

use crate::bell;
use crate::exit;
use crate::loop_host::Seat;
use crate::turn::{Entry, run_in};

/// How long a thread may stay inside one tick before its slot is given away.
const PATIENCE: Duration = Duration::from_millis(1);
/// How long a thread without work stays around.
const LINGER: Duration = Duration::from_secs(5);
/// How long a thread without work looks for some before it sleeps: about what waking it would take.
const SPIN: Duration = Duration::from_micros(50);

// The locks and condition variables of the standard library: their waiters are known to the kernel only. Those of other
// libraries keep a table of waiting threads in the process, which a forked child inherits although its threads are gone.
static SHARED: Mutex<Weak<Executor>> = Mutex::new(Weak::new());

thread_local! {
    static WORKER: RefCell<Option<Arc<Worker>>> = const { RefCell::new(None) };
}

/// What the executor knows about a task.
#[derive(Default)]
pub(crate) struct TaskInfo {
    /// Whether its last turn blocked.
    blocks: AtomicBool,
    /// The `run` of the `contextvars.Context` that it runs in.
    context: Option<Arc<Py<PyAny>>>,
    /// Held by the thread that is in `context`. Where threads run Python side by side, the next turn of the task can be on
    /// another one before the last one has left.
    inside: Mutex<()>,
    /// Where it is polled.
    seat: Arc<Seat>,
}

impl TaskInfo {
    /// Polls the task, whose this is, on this thread.
    pub(crate) fn poll(&self, entry: Option<&Entry<'_>>, runnable: Runnable) {
        exit::working(|| match (&self.context, entry) {
            (Some(context), Some(entry)) => run_in(context, &self.inside, entry, runnable),
            _ => drop(runnable.run()),
        });
    }
}

pub(crate) type Runnable = async_task::Runnable<Arc<TaskInfo>>;

/// What is to be called, and what holds the clocks of virtual time until then.
pub(crate) type Calls = (Vec<Py<PyAny>>, AllHeld);

/// Calls these, one after the other; then time may go on.
pub(crate) fn call_all(py: Python<'_>, calls: Vec<Calls>) {
    bell::call_all(py, calls.iter().flat_map(|(callbacks, _)| callbacks));
}

/// The executor. Its threads start with the first work and end when the last network lets go of it.
pub(crate) struct Executor {
    core: Arc<Core>,
}

struct Core {
    state: Mutex<State>,
    /// What is to be called soon.
    calls: Mutex<Vec<Calls>>,
    work: Condvar,
    /// Tells the monitor that somebody polls, and waiters that a thread has ended.
    changed: Condvar,
    queued: AtomicUsize,
    slots: usize,
    process: u32,
    /// How many forks led here. In a child of its process its threads are gone, and one of them may have had a lock.
    forks: u32,
}

#[derive(Default)]
struct State {
    queue: VecDeque<Runnable>,
    /// Threads that hold a slot.
    polling: Vec<Arc<Worker>>,
    idle: usize,
    /// Threads that were called and are not attached yet. Who wakes thousands at once calls no thread for each.
    coming: usize,
    threads: usize,
    /// Python's numbers of the threads.
    numbers: Vec<u64>,
    monitor: bool,
    stopping: bool,
}

/// One thread, as the monitor sees it.
struct Worker {
    core: Arc<Core>,
    /// Grows at each tick; odd while a task is being polled.
    beat: AtomicU64,
    has_slot: AtomicBool,
}

impl Executor {
    /// The executor of this process. After a fork the child gets one of its own: threads do not survive a fork.
    pub(crate) fn shared() -> Arc<Self> {
        let mut shared = lock(&SHARED);
        if let Some(executor) = shared.upgrade().filter(|executor| executor.core.process == std::process::id()) {
            return executor;
        }
        let cores = std::thread::available_parallelism().map_or(1, Into::into);
        let core = Core {
            state: Mutex::default(),
            calls: Mutex::default(),
            work: Condvar::new(),
            changed: Condvar::new(),
            queued: AtomicUsize::new(0),
            slots: if cfg!(Py_GIL_DISABLED) { cores } else { 1 },
            process: std::process::id(),
            forks: FORKS.load(Ordering::Relaxed),
        };
        let executor = Arc::new(Self { core: Arc::new(core) });
        *shared = Arc::downgrade(&executor);
        executor
    }

    /// Runs `job` attached, on a thread of the executor.
    pub(crate) fn submit(&self, job: impl FnOnce() + Send + 'static) {
        self.spawn(Box::pin(async move { job() }), TaskInfo::default());
    }

    /// Calls these soon, on a thread of the executor: all that come until then in one go.
    pub(crate) fn call_soon(&self, calls: Calls) {
        if !self.core.is_here() {
            return std::mem::forget(calls);
        }
        let is_told = {
            let mut known = lock(&self.core.calls);
            known.push(calls);
            known.len() > 1
        };
        if is_told {
            return;
        }
        let core = Arc::clone(&self.core);
        self.submit(move || {
            let calls = std::mem::take(&mut *lock(&core.calls));
            exit::attach(|py| call_all(py, calls));
        });
    }

    /// The host of a task that runs in a `contextvars.Context` of its own, whose `run` this is: what it sets, no other sees.
    pub(crate) fn host(self: &Arc<Self>, context: Option<Arc<Py<PyAny>>>, seat: Arc<Seat>) -> Arc<dyn Host> {
        Arc::new(InContext { executor: Arc::clone(self), context, seat })
    }

    /// Polls a task on its own threads.
    pub(crate) fn schedule(&self, runnable: Runnable) {
        self.core.queue(runnable);
    }

    fn spawn(&self, task: NodeTask, info: TaskInfo) {
        let core = Arc::clone(&self.core);
        let (runnable, task) = async_task::Builder::new()
            .metadata(Arc::new(info))
            .spawn(|_| task, move |runnable| core.schedule(runnable));
        task.detach();
        runnable.schedule();
    }

    /// Waits until all threads have ended, after the last user let go; whether that came in time.
    pub(crate) fn wait_gone(core: &ExecutorEnd, timeout: Duration) -> bool {
        let deadline = Instant::now() + timeout;
        let mut state = core.0.lock();
        while state.stopping && state.threads > 0 {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            state = wait(&core.0.changed, state, left);
        }
        true
    }

    /// What [`wait_gone`](Self::wait_gone) needs after the executor itself is gone.
    pub(crate) fn end(&self) -> ExecutorEnd {
        ExecutorEnd(Arc::clone(&self.core))
    }
}

/// See [`Executor::wait_gone`].
#[derive(Clone)]
pub(crate) struct ExecutorEnd(Arc<Core>);

/// See [`Executor::host`].
struct InContext {
    executor: Arc<Executor>,
    context: Option<Arc<Py<PyAny>>>,
    seat: Arc<Seat>,
}

impl Host for InContext {
    fn spawn(&self, task: NodeTask) {
        let (context, seat) = (self.context.clone(), Arc::clone(&self.seat));
        self.executor.spawn(task, TaskInfo { context, seat, ..TaskInfo::default() });
    }
}

impl Drop for Executor {
    fn drop(&mut self) {
        if self.core.process != std::process::id() {
            return;
        }
        self.core.lock().stopping = true;
        self.core.work.notify_all();
        self.core.changed.notify_all();
    }
}

/// Locks; a panic elsewhere leaves nothing half done here.
pub(crate) fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn wait<'a>(condvar: &Condvar, state: MutexGuard<'a, State>, time: Duration) -> MutexGuard<'a, State> {
    condvar.wait_timeout(state, time).unwrap_or_else(PoisonError::into_inner).0
}

impl Core {
    fn lock(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// Whether its threads are in this process.
    fn is_here(&self) -> bool {
        self.forks == FORKS.load(Ordering::Relaxed)
    }

    /// Gives the task to whoever polls it.
    fn schedule(self: &Arc<Self>, runnable: Runnable) {
        if !self.is_here() {
            return std::mem::forget(runnable);
        }
        let host = runnable.metadata().seat.host().map(Arc::clone);
        let left = match host {
            Some(host) => host.schedule(runnable),
            None => Some(runnable),
        };
        if let Some(runnable) = left {
            self.queue(runnable);
        }
    }

    fn queue(self: &Arc<Self>, runnable: Runnable) {
        let mut state = self.lock();
        state.queue.push_back(runnable);
        self.queued.fetch_add(1, Ordering::Release);
        if state.polling.len() < self.slots {
            self.call_thread(&mut state);
        }
    }

    /// Gets a thread to take a free slot.
    fn call_thread(self: &Arc<Self>, state: &mut State) {
        if state.idle > 0 {
            self.work.notify_one();
            return;
        }
        if state.polling.len() + state.coming >= self.slots {
            return;
        }
        state.threads += 1;
        state.coming += 1;
        let core = Arc::clone(self);
        let name = format!("reflow-python-{}", state.threads);
        let started = std::thread::Builder::new().name(name.clone()).spawn(move || Worker::run(core, &name));
        if started.is_err() {
            // The machine gives no more threads; those that exist go on, one after the other.
            state.threads -= 1;
            state.coming -= 1;
        } else if !state.monitor {
            state.monitor = true;
            state.threads += 1;
            let core = Arc::clone(self);
            if std::thread::Builder::new().name("reflow-monitor".into()).spawn(move || core.monitor()).is_err() {
                state.monitor = false;
                state.threads -= 1;
            }
        }
    }

    /// Takes slots from threads that stay inside one tick while there is other work.
    fn monitor(self: Arc<Self>) {
        let mut last: Vec<(Arc<Worker>, u64)> = Vec::new();
        let mut state = self.lock();
        while !(state.stopping && state.threads == 1) {
            if state.polling.is_empty() {
                last.clear();
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
                continue;
            }
            state = wait(&self.changed, state, PATIENCE);
            let beats: Vec<_> =
                state.polling.iter().map(|worker| (Arc::clone(worker), worker.beat.load(Ordering::Acquire))).collect();
            for (worker, beat) in &beats {
                let stuck =
                    beat % 2 == 1 && last.iter().any(|(known, before)| Arc::ptr_eq(known, worker) && before == beat);
                if stuck && !state.queue.is_empty() {
                    self.depose(&mut state, worker);
                }
            }
            last = beats;
        }
        state.threads -= 1;
        self.changed.notify_all();
    }

    /// Takes the slot of `worker`, if it has one, and gives it to another thread.
    fn depose(self: &Arc<Self>, state: &mut State, worker: &Arc<Worker>) {
        if worker.has_slot.swap(false, Ordering::AcqRel) {
            state.polling.retain(|known| !Arc::ptr_eq(known, worker));
            if !state.queue.is_empty() {
                self.call_thread(state);
            }
        }
    }
}

impl Worker {
    fn run(core: Arc<Core>, name: &str) {
        let worker =
            Arc::new(Self { core: Arc::clone(&core), beat: AtomicU64::new(0), has_slot: AtomicBool::new(false) });
        WORKER.set(Some(Arc::clone(&worker)));
        // One attachment for the life of the thread: detaching to sleep keeps its Python thread state.
        let mut number = 0;
        let mut coming = 1;
        let _ = Python::try_attach(|py| {
            number = enter_thread(py, name);
            {
                let mut state = core.lock();
                state.coming -= std::mem::take(&mut coming);
                state.numbers.push(number);
            }
            let entry = Entry::new(py).ok();
            while let Some(runnable) = worker.next(py) {
                worker.poll(entry.as_ref(), runnable);
            }
        });
        WORKER.set(None);
        let mut state = core.lock();
        state.coming -= coming;
        state.threads -= 1;
        state.numbers.retain(|known| *known != number);
        core.changed.notify_all();
    }

    fn poll(self: &Arc<Self>, entry: Option<&Entry<'_>>, runnable: Runnable) {
        let info = Arc::clone(runnable.metadata());
        let given_away = info.blocks.load(Ordering::Relaxed);
        let started = given_away.then(Instant::now);
        if given_away {
            self.give_slot_away();
        }
        self.beat.fetch_add(1, Ordering::AcqRel);
        info.poll(entry, runnable);
        // Even again; ticks in between have added two each.
        self.beat.fetch_add(1, Ordering::AcqRel);
        let blocked = match started {
            Some(started) => started.elapsed() > PATIENCE,
            None => !self.has_slot.load(Ordering::Acquire),
        };
        if blocked != given_away {
            info.blocks.store(blocked, Ordering::Relaxed);
        }
    }

    /// The next task, as soon as there is one and a slot to poll it with; `None` when the thread should end.
    fn next(self: &Arc<Self>, py: Python<'_>) -> Option<Runnable> {
        let core = &self.core;
        if self.has_slot.load(Ordering::Acquire)
            && let Some(runnable) = self.take(&mut core.lock())
        {
            return Some(runnable);
        }
        let next = exit::detached(py, || {
            let spin = Instant::now() + SPIN;
            while self.has_slot.load(Ordering::Acquire)
                && core.queued.load(Ordering::Acquire) == 0
                && Instant::now() < spin
            {
                std::hint::spin_loop();
            }
            let mut state = core.lock();
            let deadline = Instant::now() + LINGER;
            loop {
                if state.stopping && state.queue.is_empty() {
                    break;
                }
                if let Some(runnable) = self.take(&mut state) {
                    return Some(runnable);
                }
                if self.has_slot.swap(false, Ordering::AcqRel) {
                    state.polling.retain(|known| !Arc::ptr_eq(known, self));
                }
                let left = deadline.saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                state.idle += 1;
                state = wait(&core.work, state, left);
                state.idle -= 1;
            }
            if self.has_slot.swap(false, Ordering::AcqRel) {
                state.polling.retain(|known| !Arc::ptr_eq(known, self));
            }
            None
        });
        if next.is_some() {
            // `threading.settrace` may have been called while it slept.
            follow_tracing(py);
        }
        next
    }

    /// Takes a task, and a slot for it if it has none.
    fn take(self: &Arc<Self>, state: &mut State) -> Option<Runnable> {
        if state.queue.is_empty() {
            return None;
        }
        if !self.has_slot.load(Ordering::Acquire) {
            if state.polling.len() >= self.core.slots {
                return None;
            }
            self.has_slot.store(true, Ordering::Release);
            state.polling.push(Arc::clone(self));
            if state.polling.len() == 1 {
                self.core.changed.notify_all();
            }
        }
        self.core.queued.fetch_sub(1, Ordering::AcqRel);
        state.queue.pop_front()
    }

    fn give_slot_away(self: &Arc<Self>) {
        let mut state = self.core.lock();
        self.core.depose(&mut state, self);
    }
}

/// Makes this a thread that `threading` knows, and gives Python's number of it; 0 if it will not say.
fn enter_thread(py: Python<'_>, name: &str) -> u64 {
    let enter = || py.import("offbit_reflow._threads")?.call_method1("enter", (name,))?.extract();
    enter().unwrap_or(0)
}

/// Gives this thread the trace functions that `threading` has now.
fn follow_tracing(py: Python<'_>) {
    let follow = || {
        py.import(crate::once::intern!(py, "offbit_reflow._threads"))?
            .call_method0(crate::once::intern!(py, "follow_tracing"))
    };
    // Without it, actors go on untraced.
    let _ = follow();
}

/// Python's numbers of the threads that run actors.
#[pyfunction]
#[pyo3(name = "_worker_threads")]
pub(crate) fn worker_threads() -> Vec<u64> {
    lock(&SHARED).upgrade().map_or_else(Vec::new, |executor| executor.core.lock().numbers.clone())
}

/// Runs that were asked to stop, whose ticks and threads may still block: the latest so many.
static STOPPED: Mutex<VecDeque<u64>> = Mutex::new(VecDeque::new());
const STOPPED_KEPT: usize = 1024;

thread_local! {
    /// The run whose tick is on this thread.
    static RUN: std::cell::Cell<u64> = const { std::cell::Cell::new(0) };
}

/// Tells whoever works for a run and blocks in something else than a send that the run was stopped.
pub(crate) fn note_stopped(run: u64) {
    let mut stopped = lock(&STOPPED);
    if stopped.contains(&run) {
        return;
    }
    if stopped.len() >= STOPPED_KEPT {
        stopped.pop_front();
    }
    stopped.push_back(run);
}

/// Whether the run that this thread works for was stopped.
pub(crate) fn is_stopped_here() -> bool {
    RUN.get() != 0 && lock(&STOPPED).contains(&RUN.get())
}

/// The run that this thread works for; 0 is none.
pub(crate) fn run_here() -> u64 {
    RUN.get()
}

/// This thread works for a run for a while; the answer is the one that it worked for.
pub(crate) fn enter_run_for_now(run: u64) -> u64 {
    RUN.replace(run)
}

/// This thread works for a run now; 0 is none.
#[pyfunction]
#[pyo3(name = "_enter_run")]
pub(crate) fn enter_run(run: u64) {
    RUN.set(run);
}

thread_local! {
    /// What the pool of this thread wants to know: whether the thread waits in here.
    static POOL: RefCell<Option<Py<PyAny>>> = const { RefCell::new(None) };
}

/// This thread belongs to a pool; `tell(True)` is called when it begins to wait in native code, `tell(False)` afterwards.
#[pyfunction]
#[pyo3(name = "_enter_pool")]
pub(crate) fn enter_pool(tell: Py<PyAny>) {
    POOL.set(Some(tell));
}

fn tell_pool(py: Python<'_>, waits: bool) {
    let tell = POOL.with_borrow(|tell| tell.as_ref().map(|tell| tell.clone_ref(py)));
    if let Some(tell) = tell {
        // It only counts, and starts threads; where that fails, the pool stays as it is.
        let _ = tell.call1(py, (waits,));
    }
}

/// Tells the monitor that this thread has come to its next tick, one of `run`.
pub(crate) fn beat(run: u64) {
    RUN.set(run);
    WORKER.with_borrow(|worker| {
        if let Some(worker) = worker {
            // Only this thread writes it while it polls.
            worker.beat.store(worker.beat.load(Ordering::Relaxed) + 2, Ordering::Release);
        }
    });
}

/// Whether this is a thread of the executor, inside a task.
pub(crate) fn on_worker() -> bool {
    WORKER.with_borrow(Option::is_some)
}

/// Runs `wait`, which blocks, detached and without holding a slot.
pub(crate) fn blocking<T: Send>(py: Python<'_>, wait: impl FnOnce() -> T + Send) -> T {
    WORKER.with_borrow(|worker| {
        if let Some(worker) = worker {
            worker.give_slot_away();
        }
    });
    tell_pool(py, true);
    let value = exit::detached(py, wait);
    tell_pool(py, false);
    value
}

/// How many forks led to this process.
static FORKS: AtomicU32 = AtomicU32::new(0);

/// The locks of the process, held by the thread that forks.
type Locks = (MutexGuard<'static, Weak<Executor>>, MutexGuard<'static, VecDeque<u64>>);

thread_local! {
    static HELD: RefCell<Option<Locks>> = const { RefCell::new(None) };
}

/// Takes the locks of the process before this thread forks, so that no other thread has them then.
pub(crate) fn hold_locks() {
    HELD.set(Some((lock(&SHARED), lock(&STOPPED))));
}

/// Gives them back, in the parent and in the child.
pub(crate) fn release_locks() {
    HELD.set(None);
}

/// In a child: the thread that forked is none of the executor's. What it had belongs to the parent and is left alone.
pub(crate) fn leave() {
    FORKS.fetch_add(1, Ordering::Relaxed);
    WORKER.with_borrow_mut(|worker| std::mem::forget(worker.take()));
    RUN.set(0);
}
