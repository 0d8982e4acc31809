//! `Run`: one run of a network, from its start on, as Python sees it.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use reflow_runtime::{FailedAttempt, Listener, RunReport, Running, SendError};

use crate::clock;
use crate::convert;
use crate::errors::{self, RunTimeout};
use crate::events::PyListener;
use crate::executor::{self, Executor, ExecutorEnd};
use crate::exit;
use crate::message::PyMessage;
use crate::plain;
use crate::protect::Held;
use crate::question::PyQuestion;
use crate::sending::PySending;
use crate::wait::{self, LoopWaker};

/// How long the threads of the Python host get to end after the last network has let go of them.
const THREADS_END: Duration = Duration::from_millis(500);

/// A run and what has to outlive it.
pub(crate) struct Run {
    running: Running,
    /// Keeps the Python threads from one node's end to the next node's start.
    executor: Mutex<Option<Arc<Executor>>>,
    threads: ExecutorEnd,
    process: u32,
}

impl Run {
    pub(crate) fn new(running: Running, executor: Arc<Executor>) -> Arc<Self> {
        let threads = executor.end();
        Arc::new(Self { running, executor: Mutex::new(Some(executor)), threads, process: std::process::id() })
    }

    pub(crate) fn running(&self) -> &Running {
        &self.running
    }

    /// Whether it goes on, and nobody has told it to stop.
    pub(crate) fn goes_on(&self) -> bool {
        !self.running.is_ended() && !self.running.is_cancelled()
    }

    /// Whether nothing of it is left but what can be asked about it.
    pub(crate) fn is_over(&self) -> bool {
        self.running.is_ended() && self.executor.lock().is_none()
    }

    /// Tells it to stop and waits for its nodes; those that would not stop in time.
    pub(crate) fn stop(&self, py: Python<'_>, deadline: Option<Instant>) -> PyResult<Vec<String>> {
        executor::note_stopped(self.running.number());
        let grace = deadline.map_or(Duration::MAX, |deadline| deadline.saturating_duration_since(Instant::now()));
        self.running.begin_shutdown("shutdown", grace);
        let waited = self.wait_end(py, deadline);
        let left = self.running.end_shutdown();
        // What can still be asked about the ended run stays; its threads go.
        self.let_go(py, left.is_empty());
        waited?;
        Ok(left.iter().map(ToString::to_string).collect())
    }

    /// Waits for the nodes of a run that was told to stop; those that would not stop in time.
    pub(crate) fn settle(&self, py: Python<'_>, deadline: Option<Instant>) -> PyResult<Vec<String>> {
        self.wait_end(py, deadline)?;
        let left = self.running.end_cancel();
        self.let_go(py, left.is_empty());
        Ok(left.iter().map(ToString::to_string).collect())
    }

    /// Waits for the nodes to end, unless this is one of their threads.
    fn wait_end(&self, py: Python<'_>, deadline: Option<Instant>) -> PyResult<()> {
        if !executor::on_worker() && !wait::on_loop() {
            wait::block(py, deadline, "await net.shutdown_async()", |cx| self.running.poll_end(cx, false))?;
        }
        Ok(())
    }

    /// Lets the threads of the Python host go, and waits for their end if nothing keeps them.
    fn let_go(&self, py: Python<'_>, nothing_left: bool) {
        let executor = self.executor.lock().take();
        drop(executor);
        if nothing_left && !executor::on_worker() && !wait::on_loop() {
            exit::detached(py, || Executor::wait_gone(&self.threads, THREADS_END));
        }
    }

    pub(crate) fn send(
        &self,
        py: Python<'_>,
        node: &str,
        port: &str,
        value: &Bound<'_, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<Result<(), SendError>> {
        let message = convert::to_message(value, Held::ByOthers)?;
        let mut interrupted = None;
        let sent = self.running.send_with(node, port, message, |mut send| {
            let time = clock::held_for(&self.running);
            match clock::block(py, time, timeout, "await net.send_async(...)", |cx| send.poll_send(cx)) {
                Ok(Some(sent)) => sent,
                Ok(None) => Err(send.give_up()),
                Err(error) => {
                    interrupted = Some(error);
                    Ok(())
                }
            }
        });
        match interrupted {
            Some(error) => Err(error),
            None => sent.map_err(|error| errors::network(&error)),
        }
    }
}

/// The handle on a run, for whoever started it.
#[pyclass(name = "Run", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyRun(pub(crate) Arc<Run>);

impl PyRun {
    fn running(&self) -> PyResult<&Running> {
        if self.0.process == std::process::id() {
            return Ok(&self.0.running);
        }
        Err(errors::network_text("the network is not running in this process; call start() first"))
    }
}

#[pymethods]
impl PyRun {
    /// Sends what comes from outside as long as its node takes it; whether it did.
    fn feed(&self, py: Python<'_>, node: &str, port: &str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
        self.running()?;
        match self.0.send(py, node, port, value, None)? {
            Ok(()) => Ok(true),
            Err(_) => {
                self.0.running.note_undelivered(node);
                Ok(false)
            }
        }
    }

    fn close_inputs(&self) -> PyResult<()> {
        self.running()?.close_inputs();
        Ok(())
    }

    #[pyo3(signature = (node, port, *, capacity))]
    fn listen(&self, node: &str, port: &str, capacity: usize) -> PyResult<PyListener> {
        let listener: Listener =
            self.running()?.listen(node, port, capacity).map_err(|error| errors::network(&error))?;
        Ok(PyListener::new(listener))
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        node_stats(py, &self.running()?.stats())
    }

    fn info<'py>(&self, py: Python<'py>, node: &str) -> PyResult<Bound<'py, PyAny>> {
        let info = self.running()?.facts(node).map_err(|error| errors::network(&error))?;
        convert::value_to_python(py, &info)
    }

    /// Waits until the run has ended, or (`idle`) nothing can move without the outside; whether that came in time.
    #[pyo3(signature = (timeout=None, *, idle=true))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>, idle: bool) -> PyResult<bool> {
        let running = self.running()?;
        let deadline = timeout.and_then(wait::deadline);
        Ok(wait::block(py, deadline, "await net.wait_async()", |cx| running.poll_end(cx, idle))?.is_some())
    }

    /// For asyncio: waits for the end of the run; with `idle_is_enough`, for idleness too.
    fn ending(&self, idle_is_enough: bool) -> PyResult<PyEnding> {
        Ok(PyEnding { running: self.running()?.clone(), idle_is_enough, waker: Arc::default() })
    }

    /// A packet on its way, for an asyncio task to poll.
    fn sending(&self, node: &str, port: &str, value: &Bound<'_, PyAny>) -> PyResult<PySending> {
        let message = convert::to_message(value, Held::ByOthers)?;
        let send = self.running()?.sending(node, port, message).map_err(|error| errors::network(&error))?;
        Ok(PySending::from_outside(send))
    }

    /// Begins a question that comes in by that many inports, of whose answer `capacity` parts may wait to be read.
    #[pyo3(signature = (inports, capacity=None))]
    fn question(&self, inports: usize, capacity: Option<usize>) -> PyResult<PyQuestion> {
        Ok(PyQuestion::new(self.running()?, inports, capacity))
    }

    /// See `PyQuestion::ask`.
    fn ask(&self, inputs: &Bound<'_, PyDict>) -> PyResult<Option<(PyQuestion, Vec<PySending>)>> {
        PyQuestion::ask(self.running()?, inputs)
    }

    /// Lets so many ticks of a recording start.
    fn allow(&self, py: Python<'_>, limit: u64) -> PyResult<()> {
        let running = self.running()?.clone();
        exit::detached(py, || running.allow(limit));
        Ok(())
    }

    /// Says that everything was sent that a recording has from outside.
    fn note_fed(&self, py: Python<'_>) -> PyResult<()> {
        let running = self.running()?.clone();
        exit::detached(py, || running.note_fed());
        Ok(())
    }

    /// Ids of the nodes, by place, those of subgraphs inside.
    fn node_ids(&self) -> PyResult<Vec<String>> {
        Ok(self.running()?.node_ids())
    }

    /// Questions that have not ended.
    #[getter]
    fn open_questions(&self) -> PyResult<usize> {
        Ok(self.running()?.open_questions())
    }

    /// Whether what leaves by the outports of the network is kept.
    #[getter]
    fn collects(&self) -> bool {
        self.0.running.collects()
    }

    /// How the run stands: state, reason, nodes, failures.
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        report(py, &self.running()?.report())
    }

    /// Takes what came out of the network's outports.
    fn outputs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let outputs = PyDict::new(py);
        for (name, messages) in self.running()?.take_outputs() {
            let values = PyList::empty(py);
            for mut message in messages {
                values.append(plain::give(py, &mut message)?)?;
            }
            outputs.set_item(name, values)?;
        }
        Ok(outputs)
    }

    /// The run has got what it begins with.
    fn begun(&self) -> PyResult<()> {
        self.running()?.note_begun();
        Ok(())
    }

    /// Waits until everything that the run has done is on the disk.
    fn sync(&self, py: Python<'_>) -> PyResult<()> {
        let running = self.running()?.clone();
        exit::detached(py, || running.sync()).map_err(|error| errors::network(&error.into()))
    }

    /// Waits until what came from outside so far is on the disk.
    fn sync_outside(&self, py: Python<'_>) -> PyResult<()> {
        let running = self.running()?.clone();
        exit::detached(py, || running.sync_outside()).map_err(|error| errors::network(&error.into()))
    }

    /// Whether it is kept in a store.
    #[getter]
    fn is_kept(&self) -> PyResult<bool> {
        Ok(self.running()?.is_kept())
    }

    /// Packets that earlier processes have taken for an inport from outside.
    fn known_inputs(&self, node: &str, port: &str) -> PyResult<u64> {
        self.running()?.known_inputs(node, port).map_err(|error| errors::network(&error))
    }

    /// Whether inputs had not all come when the process before this one ended.
    #[getter]
    fn lacks_inputs(&self) -> PyResult<bool> {
        Ok(self.running()?.lacks_inputs())
    }

    #[getter]
    fn id(&self) -> PyResult<String> {
        Ok(self.running()?.id().to_owned())
    }

    /// Asks the run to stop.
    fn begin_cancel(&self, reason: &str, grace: f64) -> PyResult<()> {
        let running = self.running()?;
        executor::note_stopped(running.number());
        running.cancel(reason, wait::duration(grace));
        Ok(())
    }

    /// Stops the run; the nodes that would not stop within `grace` seconds.
    fn cancel(&self, py: Python<'_>, reason: &str, grace: f64) -> PyResult<Vec<String>> {
        let running = self.running()?;
        executor::note_stopped(running.number());
        running.cancel(reason, wait::duration(grace));
        self.0.wait_end(py, wait::deadline(grace))?;
        let left = running.end_cancel();
        Ok(left.iter().map(ToString::to_string).collect())
    }

    /// Lets the threads of an ended run go, without announcing a shutdown.
    pub(crate) fn release(&self, py: Python<'_>) {
        if self.0.process == std::process::id() {
            self.0.let_go(py, true);
        }
    }

    /// Nodes that have not ended.
    fn unfinished(&self) -> PyResult<Vec<String>> {
        let ended = ["finished", "failed", "skipped", "cancelled"];
        let live = self.running()?.stats().into_iter().filter(|node| !ended.contains(&node.state));
        Ok(live.map(|node| node.node).collect())
    }
}

/// The end of a run, as an asyncio task waits for it.
#[pyclass(name = "_Ending", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyEnding {
    running: Running,
    idle_is_enough: bool,
    waker: Arc<LoopWaker>,
}

#[pymethods]
impl PyEnding {
    /// See `EventStream._poll`: an empty list when it has come.
    #[pyo3(signature = (wake=None))]
    fn _poll(&self, wake: Option<Py<PyAny>>) -> Option<[u8; 0]> {
        let waker = self.waker.waker(wake);
        let end = self.running.poll_end(&mut Context::from_waker(&waker), self.idle_is_enough);
        (end == Poll::Ready(())).then_some([])
    }

    /// See `EventStream._forget`.
    fn _forget(&self, wake: Py<PyAny>) {
        self.waker.forget(&wake);
    }
}

fn node_stats<'py>(py: Python<'py>, stats: &[reflow_runtime::NodeStats]) -> PyResult<Bound<'py, PyDict>> {
    let nodes = PyDict::new(py);
    for node in stats {
        let value = reflow_runtime::to_value(node).map_err(|error| RunTimeout::new_err(error.to_string()))?;
        nodes.set_item(&node.node, convert::value_to_python(py, &value)?)?;
    }
    Ok(nodes)
}

fn report<'py>(py: Python<'py>, report: &RunReport) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("state", report.state.name())?;
    dict.set_item("reason", report.reason.as_deref())?;
    dict.set_item("nodes", node_stats(py, &report.nodes)?)?;
    let failures = PyList::empty(py);
    for failed in &report.failures {
        failures.append(failure(py, failed)?)?;
    }
    dict.set_item("failures", failures)?;
    dict.set_item("failures_dropped", report.failures_dropped)?;
    Ok(dict)
}

pub(crate) fn failure<'py>(py: Python<'py>, failed: &FailedAttempt) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("node", &*failed.actor)?;
    dict.set_item("component", &*failed.component)?;
    dict.set_item("error", &*failed.failure.message)?;
    dict.set_item("reason", &*failed.failure.reason)?;
    dict.set_item("traceback", failed.failure.traceback.as_deref())?;
    dict.set_item("attempt", failed.attempt)?;
    dict.set_item("tick", failed.tick)?;
    let inputs = PyDict::new(py);
    for (port, message) in &failed.inputs {
        inputs.set_item(&**port, PyMessage::object(py, message.clone())?)?;
    }
    dict.set_item("inputs", inputs)?;
    Ok(dict)
}
