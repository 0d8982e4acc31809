//! The end of the process: a thread that waits in here must not come back to an interpreter that is going, which would end
//! it in the middle of native code and abort the process.

use std::cell::Cell;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// Whether the interpreter is about to go.
static ENDING: AtomicBool = AtomicBool::new(false);
/// Threads that are attached for a moment, or on their way to be.
static PASSING: AtomicUsize = AtomicUsize::new(0);
/// Threads of the host that are inside a task.
static WORKING: AtomicUsize = AtomicUsize::new(0);

thread_local! {
    /// Whether this is the thread that ends the interpreter, which nothing keeps.
    static ENDS: Cell<bool> = const { Cell::new(false) };
    /// Whether this thread is inside a task of the host.
    static AT_WORK: Cell<bool> = const { Cell::new(false) };
}

/// How long threads get that are attached for a moment, or inside a task.
const PATIENCE: Duration = Duration::from_secs(1);

/// Counts a thread.
struct Counted(&'static AtomicUsize);

impl Counted {
    /// Counts this thread, unless it is to stay where it is. Counted first: either it sees that the end has begun, or the end sees it.
    fn new(counter: &'static AtomicUsize) -> Option<Self> {
        counter.fetch_add(1, Ordering::SeqCst);
        let counted = Self(counter);
        (!ENDING.load(Ordering::SeqCst) || ENDS.get()).then_some(counted)
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        // A forked child has not counted what its parent was at.
        let _ = self.0.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1));
    }
}

/// Runs a task of the host on this thread, unless the interpreter is about to go: then it does not return.
pub(crate) fn working<T>(task: impl FnOnce() -> T) -> T {
    struct Working(bool);
    impl Drop for Working {
        fn drop(&mut self) {
            AT_WORK.set(self.0);
        }
    }
    let Some(_counted) = Counted::new(&WORKING) else { stay() };
    let _working = Working(AT_WORK.replace(true));
    task()
}

/// Attaches this thread, wherever it comes from, unless the interpreter is about to go: then it does not return.
#[inline]
#[allow(clippy::disallowed_methods, reason = "this is the one to use")]
pub(crate) fn attach<T>(task: impl FnOnce(Python<'_>) -> T) -> T {
    // The end waits for tasks of the host, and most of all attaching is done there.
    let _counted = if AT_WORK.get() || ENDS.get() { None } else { Some(pass()) };
    Python::attach(task)
}

/// Counts a thread that is about to be attached for a moment.
#[cold]
fn pass() -> Counted {
    let counted = Counted::new(&PASSING).unwrap_or_else(|| stay());
    // The end has waited, but not for ever.
    if is_gone() { sleep_for_good() } else { counted }
}

/// Whether the interpreter takes no thread any more.
#[allow(unsafe_code, reason = "there is no safe accessor")]
fn is_gone() -> bool {
    // SAFETY: both may be called at any time, by any thread.
    unsafe {
        #[cfg(all(Py_3_13, not(Py_LIMITED_API)))]
        if pyo3::ffi::Py_IsFinalizing() != 0 {
            return true;
        }
        pyo3::ffi::Py_IsInitialized() == 0
    }
}

/// Whether the interpreter is about to go: no run can begin any more.
pub(crate) fn is_ending() -> bool {
    ENDING.load(Ordering::SeqCst)
}

/// How many threads of this process are inside a task.
#[pyfunction]
#[pyo3(name = "_busy_workers")]
pub(crate) fn busy_workers() -> usize {
    WORKING.load(Ordering::SeqCst)
}

/// The threads that were counted stayed in the parent process.
pub(crate) fn forget_threads() {
    WORKING.store(0, Ordering::SeqCst);
    PASSING.store(0, Ordering::SeqCst);
}

/// Runs `work`, which may take its time, detached. It does not return once the interpreter is about to go.
#[allow(clippy::disallowed_methods, reason = "this is the one to use")]
pub(crate) fn detached<T: Send>(py: Python<'_>, work: impl FnOnce() -> T + Send) -> T {
    let (value, _counted) = py.detach(|| {
        let value = work();
        let counted = Counted::new(&PASSING).unwrap_or_else(|| sleep_for_good());
        (value, counted)
    });
    value
}

/// Keeps threads that wait in native code there for good. The last thing before the interpreter goes.
#[pyfunction]
#[pyo3(name = "_keep_waiting_threads")]
pub(crate) fn keep_waiting_threads(py: Python<'_>) {
    ENDS.set(true);
    ENDING.store(true, Ordering::SeqCst);
    detached(py, || {
        let until = Instant::now() + PATIENCE;
        let is_busy = || PASSING.load(Ordering::SeqCst) > 0 || WORKING.load(Ordering::SeqCst) > 0;
        while is_busy() && Instant::now() < until {
            std::thread::sleep(Duration::from_micros(100));
        }
    });
}

/// Keeps this thread in native code for good: the interpreter is about to go.
#[pyfunction]
#[pyo3(name = "_keep_thread")]
#[allow(clippy::disallowed_methods, reason = "it does not come back")]
pub(crate) fn keep_thread(py: Python<'_>) {
    py.detach(|| sleep_for_good());
}

/// The same, for a thread that may be attached.
#[allow(clippy::disallowed_methods, reason = "it does not come back")]
fn stay() -> ! {
    // Whoever is attached already has to let go.
    let _ = Python::try_attach(keep_thread);
    sleep_for_good()
}

/// Keeps this thread for good.
pub(crate) fn sleep_for_good() -> ! {
    loop {
        std::thread::park();
    }
}
