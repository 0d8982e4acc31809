//! What Python sees of a virtual clock, and waiting by the clock of a run.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use parking_lot::Mutex;
use pyo3::prelude::*;
use reflow_runtime::{Alarm, NodeHandle, Running, SignalWait, Value, VirtualTime};

use crate::convert;
use crate::errors::RunTimeout;
use crate::executor;
use crate::exit;
use crate::wait::{self, LoopWaker};

/// The virtual clock of a run, for the asyncio loop of its actors.
#[pyclass(name = "_Clock", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyClock(pub(crate) Arc<VirtualTime>);

#[pymethods]
impl PyClock {
    /// Seconds since the run began.
    fn time(&self) -> f64 {
        self.0.elapsed().as_secs_f64()
    }

    /// Keeps the clock where it is.
    fn enter(&self) {
        self.0.enter();
    }

    /// Lets go of it.
    fn leave(&self) {
        self.0.leave();
    }

    fn __repr__(&self) -> String {
        format!("<_Clock {:?}, held {} times>", self.0.elapsed(), self.0.held())
    }

    /// Calls `ring` so many seconds after the run began.
    fn at(&self, moment: f64, ring: Py<PyAny>) -> Option<PyAlarm> {
        let moment = Duration::try_from_secs_f64(moment.max(0.0)).ok()?;
        let alarm = self.0.at(moment, move || {
            exit::attach(|py| {
                // A loop that was closed meanwhile waits for nothing any more.
                let _ = ring.bind(py).call0();
            });
        })?;
        Some(PyAlarm(alarm))
    }
}

/// A call that is due at a moment of a virtual clock.
#[pyclass(name = "_Alarm", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyAlarm(Alarm);

#[pymethods]
impl PyAlarm {
    fn cancel(&self) {
        self.0.cancel();
    }
}

/// A signal that a tick waits for, for an asyncio task to poll.
#[pyclass(name = "_SignalWait", module = "offbit_reflow._native", frozen)]
pub(crate) struct PySignalWait {
    wait: Mutex<Option<SignalWait>>,
    waker: Arc<LoopWaker>,
}

impl PySignalWait {
    pub(crate) fn new(node: &NodeHandle, kind: &str, id: Option<Value>, tick: (u64, u32), limited: bool) -> Self {
        Self { wait: Mutex::new(Some(node.wait_signal(kind, id, tick, limited))), waker: Arc::default() }
    }
}

#[pymethods]
impl PySignalWait {
    /// How long it has been going on in earlier processes, in seconds.
    #[getter]
    fn waited(&self) -> f64 {
        self.wait.lock().as_ref().map_or(0.0, |wait| wait.waited().as_secs_f64())
    }

    /// See `EventStream._poll`: a list with the payload.
    #[pyo3(signature = (wake=None))]
    fn _poll<'py>(&self, py: Python<'py>, wake: Option<Py<PyAny>>) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
        let waker = self.waker.waker(wake);
        let polled = self.wait.lock().as_ref().map(|wait| wait.poll(&mut Context::from_waker(&waker)));
        match polled {
            Some(Poll::Ready(data)) => Ok(Some(vec![convert::value_to_python(py, &data)?])),
            Some(Poll::Pending) => Ok(None),
            None => Ok(Some(Vec::new())),
        }
    }

    /// See `EventStream._forget`.
    fn _forget(&self, wake: Py<PyAny>) {
        self.waker.forget(&wake);
    }

    /// Waits no more.
    fn close(&self) {
        let wait = self.wait.lock().take();
        drop(wait);
    }
}

/// Waits for a signal on this thread.
pub(crate) fn wait_signal<'py>(
    py: Python<'py>,
    node: &NodeHandle,
    kind: &str,
    id: Option<Value>,
    tick: (u64, u32),
    timeout: Option<f64>,
) -> PyResult<Bound<'py, PyAny>> {
    let wait = node.wait_signal(kind, id, tick, timeout.is_some());
    let mut limit = timeout.and_then(|timeout| sleep_of(node, timeout - wait.waited().as_secs_f64()));
    let instead = "await ctx.wait_signal_async(...)";
    // Counted by the clock of the run, whichever thread this is.
    let got = block(py, node.virtual_time(), None, instead, |cx| match wait.poll(cx) {
        Poll::Ready(data) => Poll::Ready(Some(data)),
        Poll::Pending if is_over(&mut limit, cx) => Poll::Ready(None),
        Poll::Pending => Poll::Pending,
    });
    drop(wait);
    match got?.flatten() {
        Some(data) => convert::value_to_python(py, &data),
        None => Err(RunTimeout::new_err(format!(
            "node `{}`: no signal `{kind}` within {} s",
            node.id(),
            timeout.unwrap_or_default()
        ))),
    }
}

/// Sleeps on this thread, by the clock of the run.
pub(crate) fn sleep(py: Python<'_>, node: &NodeHandle, seconds: f64) -> PyResult<()> {
    let mut limit = sleep_of(node, seconds);
    block(py, node.virtual_time(), None, "await asyncio.sleep(...)", |cx| {
        if is_over(&mut limit, cx) { Poll::Ready(()) } else { Poll::Pending }
    })?;
    Ok(())
}

type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

fn sleep_of(node: &NodeHandle, seconds: f64) -> Option<Sleep> {
    let time = Duration::try_from_secs_f64(seconds.max(0.0)).ok()?;
    Some(Box::pin(node.sleep(time)))
}

fn is_over(sleep: &mut Option<Sleep>, cx: &mut Context<'_>) -> bool {
    sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready())
}

/// The virtual clock that this thread holds, since it works for its run.
pub(crate) fn held_here() -> Option<Arc<VirtualTime>> {
    match executor::run_here() {
        0 => None,
        run => VirtualTime::of_run(run),
    }
}

/// The same, if it is that of this run.
pub(crate) fn held_for(running: &Running) -> Option<&Arc<VirtualTime>> {
    running.virtual_time().filter(|_| executor::run_here() == running.number())
}

/// [`wait::block`] for what the run itself brings, for at most so many seconds: a virtual clock of this thread goes on meanwhile,
/// and counts them.
pub(crate) fn block<T: Send>(
    py: Python<'_>,
    time: Option<&Arc<VirtualTime>>,
    timeout: Option<f64>,
    instead: &str,
    mut poll: impl FnMut(&mut Context<'_>) -> Poll<T> + Send,
) -> PyResult<Option<T>> {
    let Some(time) = time.filter(|_| !wait::on_loop()) else {
        return wait::block(py, timeout.and_then(wait::deadline), instead, poll);
    };
    let mut limit = timeout.and_then(|timeout| time.sleep(wait::duration(timeout)));
    let mut rest = time.rest();
    let got = wait::block(py, None, instead, |cx| {
        rest.poll(cx, |cx| match poll(cx) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending if is_over(&mut limit, cx) => Poll::Ready(None),
            Poll::Pending => Poll::Pending,
        })
    });
    got.map(Option::flatten)
}
