//! `Network`: building, starting, feeding, watching and stopping, as Python sees it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use parking_lot::Mutex;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use reflow_runtime::{
    Endpoint, Event, EventFilter, FailedAttempt, Listener, Network, NodeSpec, Policy, RunReport, Running, SendError,
    suggestion,
};

use crate::component::PyComponent;
use crate::convert;
use crate::errors::{self, ConfigError, RunTimeout};
use crate::events::{PyEventStream, PyListener};
use crate::executor::{self, Executor, ExecutorEnd};
use crate::graph;
use crate::sending::PySending;
use crate::wait::{self, LoopWaker};

/// A network: its description, and the run that was started last.
#[pyclass(name = "Network", module = "offbit_reflow._native", subclass, frozen, weakref)]
pub(crate) struct PyNetwork {
    network: Mutex<Network>,
    run: Mutex<Option<Run>>,
    /// Whether a thread is starting it: that makes actors, which takes a while.
    starting: AtomicBool,
}

/// Says that a start has come to its end, however it did.
struct Starting<'a>(&'a AtomicBool);

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Release);
    }
}

/// A run and what has to outlive it.
struct Run {
    running: Running,
    /// Keeps the Python threads from one node's end to the next node's start.
    executor: Option<Arc<Executor>>,
    threads: ExecutorEnd,
    process: u32,
}

impl PyNetwork {
    /// The run, if there is one in this process.
    fn running(&self) -> PyResult<Running> {
        let run = self.run.lock();
        match run.as_ref().filter(|run| run.process == std::process::id()) {
            Some(run) => Ok(run.running.clone()),
            None => Err(errors::network_text("the network is not running; call start() first")),
        }
    }

    fn launch(&self, py: Python<'_>, inputs: Option<&[Endpoint]>) -> PyResult<()> {
        let busy = "the network is running already; shut it down before starting it again";
        if self.starting.swap(true, Ordering::AcqRel) {
            return Err(errors::network_text(busy));
        }
        let _starting = Starting(&self.starting);
        if self.is_running() {
            return Err(errors::network_text(busy));
        }
        let executor = Executor::shared();
        // Starting makes Python instances, whose code may use this very network: nothing of it stays locked meanwhile.
        let blueprint = self.network.lock().blueprint();
        let keep = |running: &Running| {
            let threads = executor.end();
            let run = Run {
                running: running.clone(),
                executor: Some(Arc::clone(&executor)),
                threads,
                process: std::process::id(),
            };
            let previous = self.run.lock().replace(run);
            forget_if_foreign(previous);
        };
        py.detach(|| blueprint.start(inputs, keep)).map_err(|error| errors::network(&error))?;
        Ok(())
    }
}

/// A run of the parent process cannot be taken down after a fork: its threads are not here.
fn forget_if_foreign(run: Option<Run>) {
    if let Some(run) = run
        && run.process != std::process::id()
    {
        std::mem::forget(run);
    }
}

#[pymethods]
impl PyNetwork {
    #[new]
    #[pyo3(signature = (config=None))]
    fn new(config: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let mut network = Network::new();
        if let Some(config) = config.filter(|config| !config.is_none()) {
            let settings = crate::settings::read(&convert::to_value(config)?).map_err(ConfigError::new_err)?;
            if let Some(capacity) = settings.capacity {
                network.set_capacity(capacity);
            }
        }
        crate::catalog::attach(&mut network);
        Ok(Self { network: Mutex::new(network), run: Mutex::new(None), starting: AtomicBool::new(false) })
    }

    /// Registers a native handle under a template id.
    fn _register(&self, template_id: &str, actor: &Bound<'_, PyAny>) -> PyResult<()> {
        let Ok(component) = actor.cast::<PyComponent>() else {
            return Err(PyTypeError::new_err(format!(
                "register_actor() needs an Actor class, an Actor instance or a native handle, got {}",
                actor.get_type().name()?
            )));
        };
        let component = Arc::clone(&component.get().component);
        self.network.lock().register(template_id, component).map_err(|error| errors::network(&error))
    }

    fn _has_component(&self, template_id: &str) -> bool {
        self.network.lock().component(template_id).is_some()
    }

    #[pyo3(signature = (id, template_id, config=None, policy=None, firing=None))]
    fn _add_node(
        &self,
        id: &str,
        template_id: &str,
        config: Option<&Bound<'_, PyAny>>,
        policy: Option<&Bound<'_, PyAny>>,
        firing: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let config = convert::mapping_to_value("config", config)?;
        let policy = policy.filter(|policy| !policy.is_none());
        let policy = policy.map(|policy| convert::mapping_to_value("policy", Some(policy))).transpose()?;
        let firing = firing.filter(|firing| !firing.is_none()).map(convert::to_value).transpose()?;
        let bad = |problem: String| ConfigError::new_err(format!("node `{id}`: {problem}"));
        let mut spec = NodeSpec::from_metadata(template_id, config).map_err(bad)?;
        if let Some(policy) = policy {
            spec.policy = Some(Policy::from_value(&policy).map_err(bad)?);
        }
        spec.firing = firing.or(spec.firing);
        self.network.lock().add_node(id, spec);
        Ok(())
    }

    #[pyo3(signature = (from_actor, from_port, to_actor, to_port, capacity=None))]
    fn add_connection(
        &self,
        from_actor: &str,
        from_port: &str,
        to_actor: &str,
        to_port: &str,
        capacity: Option<usize>,
    ) -> PyResult<()> {
        if capacity == Some(0) {
            return Err(ConfigError::new_err("capacity must be at least 1"));
        }
        let (from, to) = (Endpoint::new(from_actor, from_port), Endpoint::new(to_actor, to_port));
        self.network.lock().add_connection(from, to, capacity);
        Ok(())
    }

    fn add_initial(&self, actor: &str, port: &str, message: &Bound<'_, PyAny>) -> PyResult<()> {
        let message = convert::to_message(message)?;
        self.network.lock().add_initial(Endpoint::new(actor, port), message);
        Ok(())
    }

    /// Names an inport of the network as a whole.
    fn add_inport(&self, name: &str, node: &str, port: &str) {
        self.network.lock().add_inport(name, Endpoint::new(node, port));
    }

    /// Names an outport of the network as a whole, whose packets `run()` collects.
    fn add_outport(&self, name: &str, node: &str, port: &str) {
        self.network.lock().add_outport(name, Endpoint::new(node, port));
    }

    fn _inports(&self) -> Vec<(String, String, String)> {
        let network = self.network.lock();
        network.inports().iter().map(|(name, end)| (name.clone(), end.node.clone(), end.port.clone())).collect()
    }

    fn _nodes(&self) -> Vec<String> {
        self.network.lock().node_ids().map(Into::into).collect()
    }

    /// Adds the nodes, connections, initials and graph ports of a graph.
    fn _add_graph(&self, graph: &Bound<'_, PyAny>) -> PyResult<()> {
        let export = graph::export_of(graph)?;
        self.network.lock().add_graph(&export).map_err(|error| errors::network(&error))
    }

    /// The network as JSON text of a graph.
    fn _to_graph(&self, py: Python<'_>) -> String {
        py.detach(|| self.network.lock().to_graph().to_json())
    }

    /// Findings in a graph, with the components that this network knows.
    fn _check_graph<'py>(&self, py: Python<'py>, graph: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let export = graph::export_of(graph)?;
        let found = py.detach(|| self.network.lock().check_graph(&export));
        graph::diagnostics_to_python(py, &found)
    }

    #[pyo3(signature = (*, theme="auto", max_nodes=2000))]
    fn to_svg(&self, py: Python<'_>, theme: &str, max_nodes: usize) -> PyResult<String> {
        let (run, theme) = (self.running().ok(), graph::theme_of(theme)?);
        Ok(py.detach(|| self.network.lock().to_svg(run.as_ref(), theme, max_nodes)))
    }

    fn to_text(&self, py: Python<'_>) -> String {
        let run = self.running().ok();
        py.detach(|| self.network.lock().to_text(run.as_ref()))
    }

    fn to_mermaid(&self, py: Python<'_>) -> String {
        py.detach(|| self.network.lock().to_mermaid())
    }

    /// Everything that is wrong, and everything that is odd, as texts.
    fn _findings(&self) -> (Vec<String>, Vec<String>) {
        let (errors, warnings) = self.network.lock().findings();
        (errors.iter().map(ToString::to_string).collect(), warnings.iter().map(ToString::to_string).collect())
    }

    fn start(&self, py: Python<'_>) -> PyResult<()> {
        self.launch(py, None)
    }

    fn _start_to_the_end(&self, py: Python<'_>, inputs: Vec<(String, String)>) -> PyResult<()> {
        let inputs: Vec<_> = inputs.into_iter().map(|(node, port)| Endpoint::new(node, port)).collect();
        self.launch(py, Some(&inputs))
    }

    #[pyo3(signature = (node, port, value, *, timeout=None))]
    fn send(
        &self,
        py: Python<'_>,
        node: &str,
        port: &str,
        value: &Bound<'_, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<()> {
        let message = convert::to_message(value)?;
        let deadline = timeout.and_then(wait::deadline);
        let mut interrupted = None;
        let sent = self.running()?.send_with(node, port, message, |mut send| {
            if wait::on_loop() {
                interrupted = Some(wait::would_hold_the_loop("await net.send_async(...)"));
                return Ok(());
            }
            loop {
                let step = std::time::Duration::from_millis(50);
                if let Some(result) = executor::blocking(py, || send.wait(step)) {
                    return result;
                }
                if let Err(error) = py.check_signals() {
                    interrupted = Some(error);
                    return Ok(());
                }
                if deadline.is_some_and(|deadline| std::time::Instant::now() >= deadline) {
                    return Err(send.give_up());
                }
            }
        });
        if let Some(error) = interrupted {
            return Err(error);
        }
        let sent: Result<(), SendError> = sent.map_err(|error| errors::network(&error))?;
        sent.map_err(|error| errors::send(&error))
    }

    /// A packet on its way, for an asyncio task to poll.
    fn _sending(&self, node: &str, port: &str, value: &Bound<'_, PyAny>) -> PyResult<PySending> {
        let message = convert::to_message(value)?;
        let send = self.running()?.sending(node, port, message).map_err(|error| errors::network(&error))?;
        Ok(PySending::from_outside(send))
    }

    /// Tells the network that nothing more comes from outside.
    fn close_inputs(&self) -> PyResult<()> {
        self.running()?.close_inputs();
        Ok(())
    }

    #[pyo3(signature = (node, kind, data=None))]
    fn signal(&self, node: &str, kind: &str, data: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let data = data.map(convert::to_value).transpose()?.unwrap_or_default();
        self.running()?.signal(node, kind, data).map_err(|error| errors::network(&error))
    }

    #[pyo3(signature = (node, port, *, capacity=reflow_runtime::DEFAULT_LISTENER_CAPACITY))]
    fn _listen(&self, node: &str, port: &str, capacity: usize) -> PyResult<PyListener> {
        let listener: Listener =
            self.running()?.listen(node, port, capacity).map_err(|error| errors::network(&error))?;
        Ok(PyListener::new(listener))
    }

    #[pyo3(signature = (types=None, nodes=None, *, capacity=reflow_runtime::DEFAULT_EVENT_CAPACITY))]
    fn _events(
        &self,
        types: Option<Vec<String>>,
        nodes: Option<Vec<String>>,
        capacity: usize,
    ) -> PyResult<PyEventStream> {
        let filter = EventFilter { types: types.unwrap_or_default(), nodes: nodes.unwrap_or_default() };
        if let Some(unknown) = filter.types.iter().find(|name| !Event::NAMES.contains(&name.as_str())) {
            let meant = suggestion(unknown, Event::NAMES).map(|name| format!("; did you mean `{name}`?"));
            let text = format!("events: there is no event type `{unknown}`{}", meant.unwrap_or_default());
            return Err(PyValueError::new_err(text));
        }
        Ok(PyEventStream::new(self.network.lock().events(filter, capacity)))
    }

    fn _stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let stats = self.running()?.stats();
        node_stats(py, &stats)
    }

    #[getter]
    fn is_running(&self) -> bool {
        self.running().is_ok_and(|running| !running.is_ended() && !running.is_cancelled())
    }

    /// Waits until the run has ended or is idle; whether that came in time.
    #[pyo3(signature = (timeout=None))]
    fn _wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<bool> {
        let running = self.running()?;
        let deadline = timeout.and_then(wait::deadline);
        Ok(wait::block(py, deadline, "await net.wait_async()", |cx| running.poll_end(cx, true))?.is_some())
    }

    /// For asyncio: waits for the end of the run; with `idle_is_enough`, for idleness too.
    fn _ending(&self, idle_is_enough: bool) -> PyResult<PyEnding> {
        Ok(PyEnding { running: self.running()?, idle_is_enough, waker: Arc::default() })
    }

    /// How the run stands: state, reason, nodes, failures.
    fn _report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        report(py, &self.running()?.report())
    }

    /// Takes what came out of the network's outports.
    fn _outputs<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let outputs = PyDict::new(py);
        for (name, messages) in self.running()?.take_outputs() {
            let values = PyList::empty(py);
            for message in &messages {
                values.append(convert::plain_to_python(py, message)?)?;
            }
            outputs.set_item(name, values)?;
        }
        Ok(outputs)
    }

    /// Asks the run to stop; false when there is none.
    fn _begin_cancel(&self, reason: &str) -> bool {
        let Ok(running) = self.running() else { return false };
        executor::note_stopped(running.number());
        running.cancel(reason);
        true
    }

    #[pyo3(signature = (reason, grace))]
    fn _cancel(&self, py: Python<'_>, reason: &str, grace: f64) -> PyResult<Vec<String>> {
        let running = self.running()?;
        executor::note_stopped(running.number());
        running.cancel(reason);
        wait_end(py, &running, grace)?;
        let left = running.end_cancel();
        if left.is_empty() {
            executor::forget_stopped(running.number());
        }
        Ok(left.iter().map(ToString::to_string).collect())
    }

    /// Stops the run; the nodes that would not stop within `grace` seconds.
    #[pyo3(signature = (grace))]
    fn _shutdown(&self, py: Python<'_>, grace: f64) -> PyResult<Vec<String>> {
        let run = self.run.lock().take();
        let Some(run) = run else {
            self.network.lock().announce_shutdown();
            return Ok(Vec::new());
        };
        if run.process != std::process::id() {
            std::mem::forget(run);
            return Ok(Vec::new());
        }
        let Run { running, executor, threads, .. } = run;
        let number = running.number();
        executor::note_stopped(number);
        running.begin_shutdown("shutdown");
        let waited = wait_end(py, &running, grace);
        let left: Vec<String> = running.end_shutdown().iter().map(ToString::to_string).collect();
        if left.is_empty() {
            executor::forget_stopped(number);
        }
        // What can still be asked about the ended run stays; its threads go.
        *self.run.lock() = Some(Run { running, executor: None, threads: threads.clone(), process: std::process::id() });
        drop(executor);
        waited?;
        if left.is_empty() && !executor::on_worker() && !wait::on_loop() {
            py.detach(|| Executor::wait_gone(&threads, std::time::Duration::from_millis(500)));
        }
        Ok(left)
    }

    /// Lets the threads of an ended run go, without announcing a shutdown.
    fn _release(&self, py: Python<'_>) {
        let (executor, threads) = {
            let mut run = self.run.lock();
            let Some(run) = run.as_mut().filter(|run| run.process == std::process::id()) else { return };
            (run.executor.take(), run.threads.clone())
        };
        drop(executor);
        if !executor::on_worker() && !wait::on_loop() {
            py.detach(|| Executor::wait_gone(&threads, std::time::Duration::from_millis(500)));
        }
    }

    /// Nodes that have not ended.
    fn _unfinished(&self) -> Vec<String> {
        self.running().map_or_else(
            |_| Vec::new(),
            |running| {
                let live = running
                    .stats()
                    .into_iter()
                    .filter(|node| !["finished", "failed", "skipped", "cancelled"].contains(&node.state));
                live.map(|node| node.node).collect()
            },
        )
    }

    /// Asks a run to stop without waiting or looking at the interpreter; for the end of the process.
    fn _abandon(&self) {
        if let Ok(running) = self.running() {
            running.begin_shutdown("the process ends");
        }
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

/// Waits for the nodes to end, unless this is one of their threads.
fn wait_end(py: Python<'_>, running: &Running, grace: f64) -> PyResult<()> {
    if executor::on_worker() || wait::on_loop() {
        return Ok(());
    }
    wait::block(py, wait::deadline(grace), "await net.shutdown_async()", |cx| running.poll_end(cx, false))?;
    Ok(())
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

fn failure<'py>(py: Python<'py>, failed: &FailedAttempt) -> PyResult<Bound<'py, PyDict>> {
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
        inputs.set_item(&**port, crate::message::PyMessage::object(py, message.clone())?)?;
    }
    dict.set_item("inputs", inputs)?;
    Ok(dict)
}
