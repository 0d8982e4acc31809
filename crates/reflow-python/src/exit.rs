//! The end of the process: a thread that waits in here must not come back to an interpreter that is going, which would end
//! it in the middle of native code and abort the process.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

/// Whether the interpreter is about to go.
static ENDING: AtomicBool = AtomicBool::new(false);
/// Threads that are on their way back to the interpreter.
static COMING_BACK: AtomicUsize = AtomicUsize::new(0);

/// How long threads that are on their way back get.
const PATIENCE: Duration = Duration::from_millis(500);

/// Runs `wait`, which blocks, detached. It does not return once the interpreter is about to go.
pub(crate) fn detached<T: Send>(py: Python<'_>, wait: impl FnOnce() -> T + Send) -> T {
    let value = py.detach(|| {
        let value = wait();
        COMING_BACK.fetch_add(1, Ordering::SeqCst);
        if ENDING.load(Ordering::SeqCst) {
            COMING_BACK.fetch_sub(1, Ordering::SeqCst);
            loop {
                std::thread::park();
            }
        }
        value
    });
    COMING_BACK.fetch_sub(1, Ordering::SeqCst);
    value
}

/// Keeps threads that wait in native code there for good. The last thing before the interpreter goes.
#[pyfunction]
#[pyo3(name = "_keep_waiting_threads")]
pub(crate) fn keep_waiting_threads(py: Python<'_>) {
    ENDING.store(true, Ordering::SeqCst);
    py.detach(|| {
        let until = Instant::now() + PATIENCE;
        while COMING_BACK.load(Ordering::SeqCst) > 0 && Instant::now() < until {
            std::thread::yield_now();
        }
    });
}
