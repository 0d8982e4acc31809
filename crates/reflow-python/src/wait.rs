//! The one door for blocking: waits detached, looks at signals, and tells asyncio loops.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use pyo3::prelude::*;
use reflow_runtime::block_until;

use crate::errors::ContextError;
use crate::executor::{self, Executor};

/// How long Ctrl-C may go unnoticed.
const SIGNAL_STEP: Duration = Duration::from_millis(50);

/// The moment `seconds` from now; `None` when that is too far to matter.
pub(crate) fn deadline(seconds: f64) -> Option<Instant> {
    Duration::try_from_secs_f64(seconds.max(0.0)).ok().and_then(|wait| Instant::now().checked_add(wait))
}

/// Calls `poll` until it is ready or the deadline has passed (`None`); detached, and open to Ctrl-C.
pub(crate) fn block<T: Send>(
    py: Python<'_>,
    deadline: Option<Instant>,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T> + Send,
) -> PyResult<Option<T>> {
    loop {
        let step = Instant::now() + SIGNAL_STEP;
        let until = deadline.map_or(step, |deadline| deadline.min(step));
        if let Some(value) = executor::blocking(py, || block_until(Some(until), &mut poll)) {
            return Ok(Some(value));
        }
        py.check_signals()?;
        if executor::is_stopped_here() {
            return Err(ContextError::new_err("the run was stopped"));
        }
        if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Ok(None);
        }
    }
}

/// Wakes an asyncio future: hands the call to a thread of the Python host, so that nobody who wakes has to attach.
struct CallbackWaker {
    callback: parking_lot::Mutex<Option<Py<PyAny>>>,
    executor: Arc<Executor>,
}

impl Wake for CallbackWaker {
    fn wake(self: Arc<Self>) {
        let Some(callback) = self.callback.lock().take() else { return };
        self.executor.submit(move || {
            Python::attach(|py| {
                // A loop that was closed meanwhile waits for nothing any more.
                let _ = callback.bind(py).call0();
            });
        });
    }
}

/// A waker that calls `callback` once, from a thread of the Python host.
pub(crate) fn callback_waker(executor: &Arc<Executor>, callback: Py<PyAny>) -> Waker {
    let callback = parking_lot::Mutex::new(Some(callback));
    Waker::from(Arc::new(CallbackWaker { callback, executor: Arc::clone(executor) }))
}
