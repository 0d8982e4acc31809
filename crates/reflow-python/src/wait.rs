//! The one door for blocking: waits detached, looks at signals, and refuses to hold the asyncio loop of async actors. Beside
//! it, the way by which asyncio tasks wait: a waker that calls their loop back.

use std::cell::Cell;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::prelude::*;
use reflow_runtime::{AllHeld, block_until};

use crate::errors::ContextError;
use crate::executor::{self, Executor};
use crate::loop_host;

/// How long Ctrl-C may go unnoticed.
const SIGNAL_STEP: Duration = Duration::from_millis(50);

/// So many seconds; the longest time there is for those that no clock counts.
pub(crate) fn duration(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

/// The moment `seconds` from now; `None` when that is too far to matter.
pub(crate) fn deadline(seconds: f64) -> Option<Instant> {
    Duration::try_from_secs_f64(seconds.max(0.0)).ok().and_then(|wait| Instant::now().checked_add(wait))
}

thread_local! {
    static ON_LOOP: Cell<bool> = const { Cell::new(false) };
}

/// This thread runs the asyncio loop that all async actors share.
#[pyfunction]
#[pyo3(name = "_enter_loop")]
pub(crate) fn enter_loop() {
    ON_LOOP.set(true);
}

/// In a child: the thread that forked runs no loop of ours.
pub(crate) fn leave_loop() {
    ON_LOOP.set(false);
}

/// Whether this is the thread of the loop that all async actors share.
#[pyfunction]
#[pyo3(name = "_on_loop")]
pub(crate) fn on_loop() -> bool {
    ON_LOOP.get()
}

/// The error of a call that would hold the loop of all async actors; `instead` is what to write.
pub(crate) fn would_hold_the_loop(instead: &str) -> PyErr {
    ContextError::new_err(format!(
        "this call would have to wait, and hold the asyncio loop that all async actors share; write `{instead}` instead"
    ))
}

/// Calls `poll` until it is ready or the deadline has passed (`None`); detached, and open to Ctrl-C. On the loop of async
/// actors it does not wait: there it is an error that says what to write `instead`.
pub(crate) fn block<T: Send>(
    py: Python<'_>,
    deadline: Option<Instant>,
    instead: &str,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T> + Send,
) -> PyResult<Option<T>> {
    if on_loop() {
        return match poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(value) => Ok(Some(value)),
            Poll::Pending if deadline.is_some_and(|deadline| Instant::now() >= deadline) => Ok(None),
            Poll::Pending => Err(would_hold_the_loop(instead)),
        };
    }
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

/// Wakes asyncio tasks that wait for one native object. Whoever wakes need not attach: the calls are handed to a thread of the
/// Python host.
#[derive(Default)]
pub(crate) struct LoopWaker(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    callbacks: Vec<Py<PyAny>>,
    /// Its threads are kept while somebody waits.
    executor: Option<Arc<Executor>>,
}

impl LoopWaker {
    /// A waker that calls `callback` once, unless that is forgotten before. It is the same waker each time. Without a callback
    /// it wakes nobody.
    pub(crate) fn waker(self: &Arc<Self>, callback: Option<Py<PyAny>>) -> Waker {
        let Some(callback) = callback else { return Waker::noop().clone() };
        let mut waiting = self.0.lock();
        waiting.callbacks.push(callback);
        waiting.executor.get_or_insert_with(Executor::shared);
        drop(waiting);
        Waker::from(Arc::clone(self))
    }

    /// Whoever waited with `callback` does so no more.
    pub(crate) fn forget(&self, callback: &Py<PyAny>) {
        let _dropped_when_unlocked = {
            let mut waiting = self.0.lock();
            let at = waiting.callbacks.iter().position(|known| known.is(callback));
            let callback = at.map(|at| waiting.callbacks.swap_remove(at));
            (callback, if waiting.callbacks.is_empty() { waiting.executor.take() } else { None })
        };
    }
}

impl LoopWaker {
    /// Wakes whoever waits.
    pub(crate) fn wake_all(self: Arc<Self>) {
        Wake::wake(self);
    }
}

impl Wake for LoopWaker {
    fn wake(self: Arc<Self>) {
        let Waiting { callbacks, executor } = std::mem::take(&mut *self.0.lock());
        let Some(executor) = executor else { return };
        // Until they have heard of it, time stands still.
        if let Some(calls) = loop_host::call_after_poll((callbacks, AllHeld::new())) {
            executor.call_soon(calls);
        }
    }
}
