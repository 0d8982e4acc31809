//! `Life`: where a network is between a start and the end of what was started. Every change of state is here.
//!
//! ```text
//! Resting ──start──▶ Starting ──▶ Running ──shutdown──▶ Stopping ──▶ Resting
//! ```
//!
//! There is one run at a time: who starts a network that is being stopped waits for that. Who stops a network that is being
//! started waits for the start, or leaves word that its run is to stop before the first tick. Everybody works on the run that
//! they found, so that nobody stops, reads or replaces another one.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::task::{Context, Poll, Waker};
use std::thread::ThreadId;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use pyo3::prelude::*;

use crate::errors;
use crate::executor;
use crate::exit;
use crate::run::Run;
use crate::wait;

/// The life of one network.
pub(crate) struct Life {
    state: Mutex<State>,
    /// Starts that are under way or wait for their turn; grows on attached threads only.
    starts: AtomicUsize,
}

struct State {
    phase: Phase,
    /// The run that was started last.
    run: Option<Arc<Run>>,
    /// Runs before it that were told to stop and have ticks that go on.
    older: Vec<Arc<Run>>,
    /// Threads that are stopping it.
    stopping: usize,
    waiting: Vec<Waker>,
    process: u32,
}

#[derive(Clone, Copy)]
enum Phase {
    /// Nothing was started, or everything that was has been stopped.
    Resting,
    /// A thread makes the actors of a run; `stop` says that it is to be stopped at once.
    Starting { thread: ThreadId, stop: bool },
    /// A run goes on, or has ended by itself.
    Running,
    /// Threads wait for the end of a run that was told to stop.
    Stopping,
}

/// A start that is under way.
pub(crate) struct Starting<'a> {
    life: &'a Life,
    /// Whether its run is made: from then on the state is everybody's to change.
    made: AtomicBool,
    _counted: Counted<'a>,
}

/// Counts a start that is under way, or waits for its turn.
struct Counted<'a>(&'a AtomicUsize);

impl<'a> Counted<'a> {
    fn new(starts: &'a AtomicUsize) -> Self {
        starts.fetch_add(1, Ordering::AcqRel);
        Self(starts)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

/// A thread that stops a run.
struct Stopping<'a>(&'a Life);

/// What a shutdown has to do.
enum Stop {
    Nothing,
    Runs {
        last: Arc<Run>,
        older: Vec<Arc<Run>>,
    },
    /// A start has to come to its end first; whether this is the thread that starts.
    Later {
        own: bool,
    },
}

impl Life {
    pub(crate) fn new() -> Self {
        let state = State {
            phase: Phase::Resting,
            run: None,
            older: Vec::new(),
            stopping: 0,
            waiting: Vec::new(),
            process: std::process::id(),
        };
        Self { state: Mutex::new(state), starts: AtomicUsize::new(0) }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock();
        if state.process != std::process::id() {
            // A forked child: the run and who waits for it belong to the parent, and cannot be taken down here.
            let older = std::mem::take(&mut state.older);
            std::mem::forget((state.run.take(), older, std::mem::take(&mut state.waiting)));
            (state.phase, state.stopping, state.process) = (Phase::Resting, 0, std::process::id());
        }
        state
    }

    /// The last run, running or not.
    pub(crate) fn run(&self) -> PyResult<Arc<Run>> {
        self.lock().run.clone().ok_or_else(|| errors::network_text("the network is not running; call start() first"))
    }

    /// Whether a run goes on that nobody has told to stop.
    pub(crate) fn is_running(&self) -> bool {
        let state = self.lock();
        matches!(state.phase, Phase::Running) && state.run.as_ref().is_some_and(|run| run.goes_on())
    }

    /// Whether a start is under way, which copies what the network has.
    pub(crate) fn is_starting(&self) -> bool {
        self.starts.load(Ordering::Acquire) > 0
    }

    /// Begins a start, after the end of a shutdown that is under way.
    pub(crate) fn begin_start(&self, py: Python<'_>) -> PyResult<Starting<'_>> {
        if exit::is_ending() {
            return Err(errors::network_text("the interpreter is about to end: no run can begin any more"));
        }
        let counted = Counted::new(&self.starts);
        let instead = "await net.shutdown_async(), then net.start()";
        if wait::block(py, None, instead, |cx| self.poll_start(cx))? == Some(true) {
            return Ok(Starting { life: self, made: AtomicBool::new(false), _counted: counted });
        }
        Err(errors::network_text("the network is running already; shut it down before starting it again"))
    }

    fn poll_start(&self, cx: &mut Context<'_>) -> Poll<bool> {
        let mut state = self.lock();
        match state.phase {
            Phase::Starting { .. } => return Poll::Ready(false),
            Phase::Running if state.run.as_ref().is_some_and(|run| run.goes_on()) => return Poll::Ready(false),
            Phase::Stopping => return state.wait(cx),
            Phase::Resting | Phase::Running => {}
        }
        state.phase = Phase::Starting { thread: std::thread::current().id(), stop: false };
        Poll::Ready(true)
    }

    /// The run to listen to; `None` before a start. Waits for a start by another thread.
    pub(crate) fn run_to_listen_to(&self, py: Python<'_>) -> PyResult<Option<Arc<Run>>> {
        let here = std::thread::current().id();
        let found = wait::block(py, None, "net.listen(...) after net.start()", |cx| {
            let mut state = self.lock();
            match state.phase {
                Phase::Starting { thread, .. } if thread != here => state.wait(cx),
                Phase::Starting { .. } | Phase::Resting => Poll::Ready(None),
                Phase::Running | Phase::Stopping => Poll::Ready(state.run.clone()),
            }
        })?;
        Ok(found.flatten())
    }

    /// Stops the run and waits for its end, for `grace` seconds at most; the nodes that would not stop. `announce` is called
    /// when there was nothing to stop.
    pub(crate) fn shutdown(&self, py: Python<'_>, grace: f64, announce: impl FnOnce()) -> PyResult<Vec<String>> {
        let deadline = wait::deadline(grace);
        let (last, older) = loop {
            match self.begin_stop() {
                Stop::Nothing => {
                    announce();
                    return Ok(Vec::new());
                }
                Stop::Runs { last, older } => break (last, older),
                // The start finds the word that was left for it.
                Stop::Later { own } if own || executor::on_worker() || wait::on_loop() => return Ok(Vec::new()),
                Stop::Later { .. } => {
                    let instead = "await net.shutdown_async()";
                    if wait::block(py, deadline, instead, |cx| self.poll_started(cx))?.is_none() {
                        return Ok(Vec::new());
                    }
                }
            }
        };
        let _stopping = Stopping(self);
        let mut left = last.stop(py, deadline)?;
        for run in older {
            let others = run.settle(py, deadline)?;
            left.extend(others.into_iter().filter(|node| !left.contains(node)).collect::<Vec<_>>());
        }
        Ok(left)
    }

    fn begin_stop(&self) -> Stop {
        let mut state = self.lock();
        state.older.retain(|run| !run.is_over());
        let over = state.older.is_empty() && state.run.as_ref().is_none_or(|run| run.is_over());
        match &mut state.phase {
            Phase::Starting { thread, stop } => {
                *stop = true;
                return Stop::Later { own: *thread == std::thread::current().id() };
            }
            // A tick that took longer than an earlier grace may still be there.
            Phase::Resting if over => return Stop::Nothing,
            Phase::Resting | Phase::Running | Phase::Stopping => {}
        }
        let Some(last) = state.run.clone() else { return Stop::Nothing };
        state.phase = Phase::Stopping;
        state.stopping += 1;
        Stop::Runs { last, older: state.older.clone() }
    }

    fn poll_started(&self, cx: &mut Context<'_>) -> Poll<()> {
        let mut state = self.lock();
        if matches!(state.phase, Phase::Starting { .. }) { state.wait(cx) } else { Poll::Ready(()) }
    }

    /// Lets a run go that came to its end by itself.
    pub(crate) fn release(&self, run: &Arc<Run>) {
        let waiting = {
            let mut state = self.lock();
            let current = state.run.as_ref().is_some_and(|current| Arc::ptr_eq(current, run));
            if !current || !matches!(state.phase, Phase::Running) {
                return;
            }
            state.rest()
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Asks a run to stop without waiting or looking at the interpreter; for the end of the process.
    pub(crate) fn abandon(&self) {
        let run = self.lock().run.clone();
        if let Some(run) = run.filter(|run| run.goes_on()) {
            run.running().begin_shutdown("the process ends", Duration::ZERO);
        }
    }
}

impl State {
    fn wait<T>(&mut self, cx: &Context<'_>) -> Poll<T> {
        if !self.waiting.iter().any(|known| known.will_wake(cx.waker())) {
            self.waiting.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// Nothing is under way any more; who is to be told.
    fn rest(&mut self) -> Vec<Waker> {
        self.phase = Phase::Resting;
        std::mem::take(&mut self.waiting)
    }
}

impl Starting<'_> {
    /// The run is made, and its first tick is still to come; whether it is to be stopped at once.
    pub(crate) fn ready(&self, run: Arc<Run>) -> bool {
        self.made.store(true, Ordering::Release);
        let (stop, before, waiting) = {
            let mut state = self.life.state.lock();
            let stop = matches!(state.phase, Phase::Starting { stop: true, .. });
            if stop {
                run.running().begin_shutdown("shutdown", Duration::ZERO);
            }
            let before = state.run.replace(run);
            state.older.retain(|run| !run.running().is_ended());
            state.older.extend(before.clone().filter(|before| !before.running().is_ended()));
            state.phase = Phase::Running;
            (stop, before, std::mem::take(&mut state.waiting))
        };
        drop(before);
        waiting.into_iter().for_each(Waker::wake);
        stop
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.life.state.lock();
            if self.made.load(Ordering::Acquire) { Vec::new() } else { state.rest() }
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        let waiting = {
            let mut state = self.0.state.lock();
            state.stopping = state.stopping.saturating_sub(1);
            if state.stopping > 0 || !matches!(state.phase, Phase::Stopping) {
                return;
            }
            state.rest()
        };
        waiting.into_iter().for_each(Waker::wake);
    }
}
