//! `LoopHost`: the asyncio loop of async actors as a host. The task of a node whose ticks are coroutines is polled on the thread of
//! the loop that runs them, so that a tick that waits for nothing changes no thread.
//!
//! It keeps to two rules. What may block its thread (`setup`, signals, `finalize`, `teardown`) runs on the executor, to which the
//! task goes back before: see [`Seat::leave`]. And when a coroutine holds the loop, the tasks that wait for it go on there as well.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use pyo3::prelude::*;

use crate::executor::{self, Calls, Executor, Runnable, lock};
use crate::turn::{Entry, KeptEntry};

/// How long tasks are polled before the loop looks for events.
const TURN: Duration = Duration::from_millis(1);

thread_local! {
    /// The host that polls on this thread right now, and until when.
    static POLLING: RefCell<Option<(Arc<LoopHost>, Instant)>> = const { RefCell::new(None) };
}

/// Looks at the host that polls on this thread right now.
fn look<T>(at: impl FnOnce(&LoopHost, Instant) -> T) -> Option<T> {
    // A thread that ends may still wake tasks.
    POLLING.try_with(|polling| polling.borrow().as_ref().map(|(host, until)| at(host, *until))).ok().flatten()
}

/// Whether a loop polls on this thread.
pub(crate) fn polls_here() -> bool {
    look(|_, _| ()).is_some()
}

/// Whether it does, and has done so for long enough.
pub(crate) fn is_time_over() -> bool {
    look(|_, until| Instant::now() >= until) == Some(true)
}

/// Calls these after the tasks that are ready, when no lock is held, if a loop polls on this thread that nobody holds; else it gives
/// them back.
pub(crate) fn call_after_poll(calls: Calls) -> Option<Calls> {
    let mut left = Some(calls);
    look(|host, _| {
        let mut queue = lock(&host.queue);
        if !queue.is_held {
            queue.calls.extend(left.take());
        }
    });
    left
}

/// In a child: nobody polls on the thread that forked.
pub(crate) fn leave() {
    std::mem::forget(POLLING.take());
}

/// Where the task of a node is polled: by the executor, or by the loop that runs its ticks.
#[derive(Default)]
pub(crate) struct Seat {
    host: OnceLock<Arc<LoopHost>>,
    on_loop: AtomicBool,
}

impl Seat {
    /// From its next turn on, the task is polled by `host`. It is the same one whenever it is asked for.
    pub(crate) fn take(&self, host: impl FnOnce() -> Option<Arc<LoopHost>>) {
        if self.host.get().is_none()
            && let Some(host) = host()
        {
            // Only the thread that polls the task comes here.
            let _ = self.host.set(host);
        }
        self.on_loop.store(self.host.get().is_some(), Ordering::Release);
    }

    /// From its next turn on, the task is polled by the executor. Whether this one is on the thread of a loop.
    pub(crate) fn leave(&self) -> bool {
        self.on_loop.store(false, Ordering::Release);
        polls_here()
    }

    /// The loop that polls the task.
    pub(crate) fn host(&self) -> Option<&Arc<LoopHost>> {
        if self.on_loop.load(Ordering::Acquire) { self.host.get() } else { None }
    }
}

/// See the module.
pub(crate) struct LoopHost {
    queue: Mutex<Queue>,
    bell: Bell,
    /// Whether native code is on the stack of the thread of the loop.
    is_polling: AtomicBool,
}

#[derive(Default)]
struct Queue {
    ready: VecDeque<Runnable>,
    /// What to call when the tasks have had their turn.
    calls: Vec<Calls>,
    /// Whether the loop was told that there is something to poll.
    is_told: bool,
    /// Whether a coroutine holds the loop.
    is_held: bool,
}

impl LoopHost {
    /// Takes a task to poll, from any thread, attached or not. It gives it back while the loop is held.
    pub(crate) fn schedule(self: &Arc<Self>, runnable: Runnable) -> Option<Runnable> {
        let mut queue = lock(&self.queue);
        if queue.is_held {
            return Some(runnable);
        }
        queue.ready.push_back(runnable);
        // Whoever polls on this thread looks into the queue again.
        let looks_again = look(|host, _| std::ptr::eq(host, &raw const **self)) == Some(true);
        if !looks_again && !std::mem::replace(&mut queue.is_told, true) {
            drop(queue);
            self.bell.ring();
        }
        None
    }

    /// Whether it polls right now, and a coroutine may take its first step inside of that.
    pub(crate) fn is_polling(&self) -> bool {
        self.is_polling.load(Ordering::SeqCst)
    }

    /// Does `first`, and polls what is ready, for a turn.
    fn poll_ready(self: &Arc<Self>, entry: &Entry<'_>, first: impl FnOnce()) {
        if polls_here() {
            // It is about to look into the queue.
            return first();
        }
        let until = Instant::now() + TURN;
        POLLING.set(Some((Arc::clone(self), until)));
        let polling = Polling { host: self, run: executor::enter_run_for_now(0) };
        self.is_polling.store(true, Ordering::SeqCst);
        first();
        loop {
            let next = if Instant::now() < until { lock(&self.queue).ready.pop_front() } else { None };
            if let Some(runnable) = next {
                let info = Arc::clone(runnable.metadata());
                info.poll(Some(entry), runnable);
                continue;
            }
            // Once for all: another loop that is told takes the interpreter at once, and this one has to wait for it.
            let calls = std::mem::take(&mut lock(&self.queue).calls);
            if calls.is_empty() {
                break;
            }
            executor::call_all(entry.py(), calls);
        }
        drop(polling);
        let mut queue = lock(&self.queue);
        if !queue.ready.is_empty() && !std::mem::replace(&mut queue.is_told, true) {
            drop(queue);
            self.bell.ring();
        }
    }
}

/// Leaves the thread as it was before it polled, whatever happens.
struct Polling<'a> {
    host: &'a LoopHost,
    run: u64,
}

impl Drop for Polling<'_> {
    fn drop(&mut self) {
        self.host.is_polling.store(false, Ordering::SeqCst);
        POLLING.set(None);
        executor::enter_run(self.run);
    }
}

/// The [`LoopHost`] of a loop, for the loop.
#[pyclass(name = "_LoopHost", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyLoopHost {
    pub(crate) host: Arc<LoopHost>,
    entry: KeptEntry,
}

impl PyLoopHost {
    /// Does `first`, and polls what comes of it.
    pub(crate) fn poll_after(&self, py: Python<'_>, first: impl FnOnce()) {
        self.host.poll_ready(&self.entry.bind(py), first);
    }
}

#[pymethods]
impl PyLoopHost {
    /// Make one, where loops look at file descriptors.
    #[staticmethod]
    fn open(py: Python<'_>) -> PyResult<Option<Self>> {
        let Some(bell) = Bell::new()? else { return Ok(None) };
        let host = LoopHost { queue: Mutex::default(), bell, is_polling: AtomicBool::new(false) };
        Ok(Some(Self { host: Arc::new(host), entry: Entry::new(py)?.keep() }))
    }

    /// The file descriptor that is readable when there is something to poll.
    fn fileno(&self) -> i32 {
        self.host.bell.fileno()
    }

    /// Poll what is ready.
    fn poll(&self, py: Python<'_>) {
        self.host.bell.hush();
        lock(&self.host.queue).is_told = false;
        self.host.poll_ready(&self.entry.bind(py), || ());
    }

    /// Let the executor poll, for as long as a coroutine holds the loop.
    fn give_away(&self) {
        let (ready, calls) = {
            let mut queue = lock(&self.host.queue);
            queue.is_held = true;
            (std::mem::take(&mut queue.ready), std::mem::take(&mut queue.calls))
        };
        let executor = Executor::shared();
        ready.into_iter().for_each(|runnable| executor.schedule(runnable));
        calls.into_iter().for_each(|calls| executor.call_soon(calls));
    }

    /// The loop goes on.
    fn take_back(&self) {
        lock(&self.host.queue).is_held = false;
    }
}

/// Wakes a loop that waits for events. Whoever rings need not be attached, and may hold any lock.
#[cfg(unix)]
struct Bell {
    rope: std::os::unix::net::UnixStream,
    ear: std::os::unix::net::UnixStream,
}

#[cfg(unix)]
impl Bell {
    fn new() -> std::io::Result<Option<Self>> {
        let (rope, ear) = std::os::unix::net::UnixStream::pair()?;
        rope.set_nonblocking(true)?;
        ear.set_nonblocking(true)?;
        Ok(Some(Self { rope, ear }))
    }

    fn fileno(&self) -> i32 {
        std::os::fd::AsRawFd::as_raw_fd(&self.ear)
    }

    fn ring(&self) {
        // Where there is no room, the loop has yet to hear of what was written before.
        let _ = std::io::Write::write(&mut &self.rope, &[1]);
    }

    fn hush(&self) {
        let _ = std::io::Read::read(&mut &self.ear, &mut [0; 64]);
    }
}

/// The loop of such a machine looks at no file descriptors: there is none.
#[cfg(not(unix))]
enum Bell {}

#[cfg(not(unix))]
impl Bell {
    fn new() -> std::io::Result<Option<Self>> {
        Ok(None)
    }

    fn fileno(&self) -> i32 {
        match *self {}
    }

    fn ring(&self) {
        match *self {}
    }

    fn hush(&self) {
        match *self {}
    }
}
