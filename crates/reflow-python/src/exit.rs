//! The end of the process: a thread that waits in here must not come back to an interpreter that is going, which would end
//! it in the middle of native code and abort the process.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// Whether the interpreter is about to go.
static ENDING: AtomicBool = AtomicBool::new(false);
/// Threads that are on their way back to the interpreter.
static COMING_BACK: AtomicUsize = AtomicUsize::new(0);

/// Threads of the host that are inside a task.
static WORKING: AtomicUsize = AtomicUsize::new(0);

/// How long threads get that are on their way back, or inside a task.
const PATIENCE: Duration = Duration::from_secs(1);

/// Runs a task of the host on this thread, unless the interpreter is about to go: then it does not return.
pub(crate) fn working<T>(task: impl FnOnce() -> T) -> T {
    struct Working;
    impl Drop for Working {
        fn drop(&mut self) {
            count_down(&WORKING);
        }
    }
    // Counted first: either this sees that the end has begun, or the end sees this.
    WORKING.fetch_add(1, Ordering::SeqCst);
    let working = Working;
    if ENDING.load(Ordering::SeqCst) {
        drop(working);
        Python::attach(keep_thread);
    }
    task()
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

fn count_down(counter: &AtomicUsize) {
    // A forked child has not counted what its parent was at.
    let _ = counter.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |count| count.checked_sub(1));
}

/// The threads that were counted stayed in the parent process.
pub(crate) fn forget_threads() {
    WORKING.store(0, Ordering::SeqCst);
    COMING_BACK.store(0, Ordering::SeqCst);
}

/// Runs `wait`, which blocks, detached. It does not return once the interpreter is about to go.
pub(crate) fn detached<T: Send>(py: Python<'_>, wait: impl FnOnce() -> T + Send) -> T {
    let value = py.detach(|| {
        let value = wait();
        COMING_BACK.fetch_add(1, Ordering::SeqCst);
        if ENDING.load(Ordering::SeqCst) {
            count_down(&COMING_BACK);
            sleep_for_good();
        }
        value
    });
    count_down(&COMING_BACK);
    value
}

/// Keeps threads that wait in native code there for good. The last thing before the interpreter goes.
#[pyfunction]
#[pyo3(name = "_keep_waiting_threads")]
pub(crate) fn keep_waiting_threads(py: Python<'_>) {
    ENDING.store(true, Ordering::SeqCst);
    py.detach(|| {
        let until = Instant::now() + PATIENCE;
        let is_busy = || COMING_BACK.load(Ordering::SeqCst) > 0 || WORKING.load(Ordering::SeqCst) > 0;
        while is_busy() && Instant::now() < until {
            std::thread::sleep(Duration::from_micros(100));
        }
    });
}

/// Keeps this thread in native code for good: the interpreter is about to go.
#[pyfunction]
#[pyo3(name = "_keep_thread")]
pub(crate) fn keep_thread(py: Python<'_>) {
    py.detach(|| sleep_for_good());
}

/// Keeps this thread for good.
pub(crate) fn sleep_for_good() -> ! {
    loop {
        std::thread::park();
    }
}
