//! `Network`: building, starting, feeding, watching and stopping, as Python sees it.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::PyList;
use reflow_runtime::{
    ConnectionOptions, Endpoint, Event, EventFilter, MemoryCache, Network, NodeSpec, Overflow, Policy, Running, Start,
    StartRule, suggestion,
};

use crate::attached::Attached;
use crate::cache::PyCache;
use crate::component::PyComponent;
use crate::convert;
use crate::errors::{self, ConfigError};
use crate::events::{PyEventStream, PyListener};
use crate::executor::Executor;
use crate::exit;
use crate::graph;
use crate::life::Life;
use crate::protect::Held;
use crate::run::{PyRun, Run};
use crate::script::PyScript;
use crate::store::PyRunJournal;
use crate::template;
use crate::vars::{Asker, PyVars};

/// How long a start that was told to stop meanwhile waits for the end of its run, in seconds.
const STOPPED_START: f64 = 0.1;

/// A network: its description, and its life.
#[pyclass(name = "Network", module = "offbit_reflow._native", subclass, frozen, weakref)]
pub(crate) struct PyNetwork {
    network: Mutex<Network>,
    life: Life,
    /// The handles of the registered components: what the garbage collector can follow.
    components: Attached<Vec<Py<PyComponent>>>,
}

impl PyNetwork {
    fn running(&self) -> PyResult<Running> {
        self.life.run().map(|run| run.running().clone())
    }

    fn launch(&self, py: Python<'_>, start: &Start<'_>, kept: Option<&PyRunJournal>) -> PyResult<PyRun> {
        let starting = self.life.begin_start(py)?;
        let executor = Executor::shared();
        // Starting makes Python instances, whose code may use this very network: nothing of it stays locked meanwhile.
        let mut blueprint = self.network.lock().blueprint();
        if let Some(kept) = kept {
            blueprint.set_cache(kept.results());
        }
        let mut stop = false;
        let mut made = None;
        let ready = |running: &Running| {
            let run = Run::new(running.clone(), Arc::clone(&executor));
            stop = starting.ready(Arc::clone(&run));
            made = Some(run);
        };
        let started = exit::detached(py, || blueprint.start(start, ready).map(drop));
        let interrupt = template::take_interrupt();
        started.map_err(|error| interrupt.unwrap_or_else(|| errors::network(&error)))?;
        if stop {
            self.shutdown(py, STOPPED_START)?;
        }
        let run = made.ok_or_else(|| errors::network_text("the network has not started"))?;
        Ok(PyRun(run))
    }

    fn shutdown(&self, py: Python<'_>, grace: f64) -> PyResult<Vec<String>> {
        self.life.shutdown(py, grace, || self.network.lock().announce_shutdown())
    }
}

#[pymethods]
impl PyNetwork {
    #[new]
    /// `store` and `run_id` are for the Python half.
    #[pyo3(signature = (config=None, *, store=None, run_id=None, clock="real"))]
    fn new(
        config: Option<&Bound<'_, PyAny>>,
        store: Option<&Bound<'_, PyAny>>,
        run_id: Option<&Bound<'_, PyAny>>,
        clock: &str,
    ) -> PyResult<Self> {
        let _ = (store, run_id);
        let mut network = Network::new();
        if let Some(config) = config.filter(|config| !config.is_none()) {
            let settings = crate::settings::read(&convert::to_value(config)?).map_err(ConfigError::new_err)?;
            if let Some(capacity) = settings.capacity {
                network.set_capacity(capacity);
            }
            if let Some(bytes) = settings.cache_bytes {
                network.set_cache(Arc::new(MemoryCache::new(bytes)));
            }
            if let Some(bytes) = settings.kept_bytes {
                network.set_kept_bytes(bytes);
            }
            if let Some(bytes) = settings.max_value_bytes {
                reflow_runtime::set_max_bytes(bytes);
            }
        }
        match clock {
            "real" => {}
            "virtual" => network.set_virtual_time(true),
            other => {
                return Err(ConfigError::new_err(format!("clock: expected \"real\" or \"virtual\", got {other:?}")));
            }
        }
        crate::catalog::attach(&mut network);
        Ok(Self { network: Mutex::new(network), life: Life::new(), components: Attached::new(Vec::new()) })
    }

    /// Registers a native handle under a template id, in place of another if asked for.
    #[pyo3(signature = (template_id, actor, replace = false))]
    fn _register(&self, template_id: &str, actor: &Bound<'_, PyAny>, replace: bool) -> PyResult<()> {
        let Ok(component) = actor.cast::<PyComponent>() else {
            return Err(PyTypeError::new_err(format!(
                "register_actor() needs an Actor class, an Actor instance or a native handle, got {}",
                actor.get_type().name()?
            )));
        };
        let made = Arc::clone(&component.get().component);
        let before = if replace {
            self.network.lock().replace(template_id, made)
        } else {
            // An exception is made when nothing is locked: that runs Python code, and the garbage collector may come by.
            let registered = self.network.lock().register(template_id, made);
            registered.map_err(|error| errors::network(&error))?;
            None
        };
        let mut components = self.components.lock(actor.py());
        let at = before.and_then(|before| components.iter().position(|one| Arc::ptr_eq(&one.get().component, &before)));
        let replaced = at.map(|at| components.swap_remove(at));
        components.push(component.clone().unbind());
        drop(components);
        drop(replaced); // which may run what Python has for that
        Ok(())
    }

    /// Gives its next runs a script, or none.
    fn _set_script(&self, script: Option<&PyScript>) {
        self.network.lock().set_script(script.map(|script| Arc::clone(&script.0)));
    }

    /// Gives its next runs a virtual clock, or that of the world.
    fn _set_virtual_time(&self, on: bool) {
        self.network.lock().set_virtual_time(on);
    }

    /// Results of ticks that are kept, see `policy.cache`.
    #[getter]
    fn cache(&self) -> PyCache {
        PyCache(Arc::clone(self.network.lock().cache()))
    }

    fn _has_component(&self, template_id: &str) -> bool {
        self.network.lock().component(template_id).is_some()
    }

    #[pyo3(signature = (id, template_id, config=None, policy=None, firing=None, start=None))]
    fn _add_node(
        &self,
        id: &str,
        template_id: &str,
        config: Option<&Bound<'_, PyAny>>,
        policy: Option<&Bound<'_, PyAny>>,
        firing: Option<&Bound<'_, PyAny>>,
        start: Option<&Bound<'_, PyAny>>,
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
        let start = start.filter(|start| !start.is_none()).map(convert::to_value).transpose()?;
        if let Some(start) = start {
            StartRule::from_value(&start).map_err(bad)?;
            spec.start = Some(start);
        }
        self.network.lock().add_node(id, spec);
        Ok(())
    }

    /// Connects an outport with an inport.
    ///
    /// `capacity` packets may wait on it (that of the network by default); `overflow` says what happens to the next one: `wait`,
    /// `newest`, `oldest` or `error`. With `log`, any number may wait, and nobody is held up; `rechunk` cuts lists into
    /// pieces: `{"size": 10, "key": "rows", "across": False}`.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Network
    /// >>> net = Network()
    /// >>> net.add_node("a", "tpl_passthrough")
    /// >>> net.add_node("b", "tpl_passthrough")
    /// >>> net.add_connection("a", "output", "b", "input", capacity=16)
    #[pyo3(signature = (from_actor, from_port, to_actor, to_port, capacity=None, *, overflow="wait", log=None, rechunk=None))]
    #[allow(clippy::too_many_arguments, reason = "keywords of a Python call")]
    fn add_connection(
        &self,
        from_actor: &str,
        from_port: &str,
        to_actor: &str,
        to_port: &str,
        capacity: Option<usize>,
        overflow: &str,
        log: Option<&Bound<'_, PyAny>>,
        rechunk: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<()> {
        let overflow = Overflow::from_word(overflow).map_err(ConfigError::new_err)?;
        if capacity == Some(0) {
            return Err(ConfigError::new_err("capacity must be at least 1"));
        }
        let (from, to) = (Endpoint::new(from_actor, from_port), Endpoint::new(to_actor, to_port));
        let mut options = ConnectionOptions::from(capacity);
        options.overflow = overflow;
        if let Some(log) = log {
            options.set_log(&(&convert::to_value(log)?).into());
        }
        if let Some(rechunk) = rechunk {
            options.set_rechunk(&(&convert::to_value(rechunk)?).into());
        }
        if let Some(problem) = options.problem() {
            return Err(ConfigError::new_err(problem.to_owned()));
        }
        self.network.lock().add_connection(from, to, options);
        Ok(())
    }

    /// Adds a packet that is at an inport when the network starts.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Network
    /// >>> net = Network()
    /// >>> net.add_node("a", "tpl_passthrough")
    /// >>> net.add_initial("a", "input", 3)
    fn add_initial(&self, actor: &str, port: &str, message: &Bound<'_, PyAny>) -> PyResult<()> {
        let message = convert::to_message(message, Held::ByOthers)?;
        self.network.lock().add_initial(Endpoint::new(actor, port), message);
        Ok(())
    }

    /// Names an inport of the network as a whole.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Network
    /// >>> net = Network()
    /// >>> net.add_node("a", "tpl_passthrough")
    /// >>> net.add_inport("number", "a", "input")
    fn add_inport(&self, name: &str, node: &str, port: &str) {
        self.network.lock().add_inport(name, Endpoint::new(node, port));
    }

    /// Names an outport of the network as a whole, whose packets `run()` collects.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Network
    /// >>> net = Network()
    /// >>> net.add_node("a", "tpl_passthrough")
    /// >>> net.add_outport("result", "a", "output")
    /// >>> net.run(inputs={"a.input": 3}).outputs
    /// {'result': [3]}
    fn add_outport(&self, name: &str, node: &str, port: &str) {
        self.network.lock().add_outport(name, Endpoint::new(node, port));
    }

    fn _inports(&self) -> Vec<(String, String, String)> {
        let network = self.network.lock();
        network.inports().iter().map(|(name, end)| (name.clone(), end.node.to_string(), end.port.to_string())).collect()
    }

    fn _outports(&self) -> Vec<(String, String, String)> {
        let network = self.network.lock();
        network
            .outports()
            .iter()
            .map(|(name, end)| (name.clone(), end.node.to_string(), end.port.to_string()))
            .collect()
    }

    fn _nodes(&self) -> Vec<String> {
        self.network.lock().node_ids().map(Into::into).collect()
    }

    /// Adds the nodes, connections, initials and graph ports of a graph.
    fn _add_graph(&self, graph: &Bound<'_, PyAny>) -> PyResult<()> {
        let export = graph::export_of(graph)?;
        let added = self.network.lock().add_graph(&export);
        added.map_err(|error| errors::network(&error))
    }

    /// The network as JSON text of a graph.
    fn _to_graph(&self, py: Python<'_>) -> String {
        exit::detached(py, || self.network.lock().to_graph().to_json())
    }

    /// Findings in a graph, with the components that this network knows.
    fn _check_graph<'py>(&self, py: Python<'py>, graph: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyList>> {
        let export = graph::export_of(graph)?;
        let found = exit::detached(py, || self.network.lock().check_graph(&export));
        graph::diagnostics_to_python(py, &found)
    }

    #[pyo3(signature = (*, theme="auto", max_nodes=2000, fold=None))]
    fn to_svg(&self, py: Python<'_>, theme: &str, max_nodes: usize, fold: Option<bool>) -> PyResult<String> {
        let (run, theme) = (self.running().ok(), graph::theme_of(theme)?);
        Ok(exit::detached(py, || self.network.lock().to_svg(run.as_ref(), theme, max_nodes, fold)))
    }

    /// Draws the network for a page that writes into the drawing what the nodes do.
    fn _to_live_svg(&self, py: Python<'_>) -> PyResult<String> {
        let theme = graph::theme_of("auto")?;
        Ok(exit::detached(py, || self.network.lock().to_live_svg(theme)))
    }

    fn to_text(&self, py: Python<'_>) -> String {
        let run = self.running().ok();
        exit::detached(py, || self.network.lock().to_text(run.as_ref()))
    }

    fn to_mermaid(&self, py: Python<'_>) -> String {
        exit::detached(py, || self.network.lock().to_mermaid())
    }

    /// Everything that is wrong, and everything that is odd, as texts; `inputs` are all ports that packets come to from
    /// outside, if that is known.
    #[pyo3(signature = (inputs=None))]
    fn _findings(&self, py: Python<'_>, inputs: Option<Vec<(String, String)>>) -> (Vec<String>, Vec<String>) {
        let inputs = inputs.map(|inputs| inputs.into_iter().map(|(node, port)| Endpoint::new(node, port)));
        let inputs: Option<Vec<_>> = inputs.map(Iterator::collect);
        let (errors, warnings) = exit::detached(py, || self.network.lock().findings(inputs.as_deref()));
        (errors.iter().map(ToString::to_string).collect(), warnings.iter().map(ToString::to_string).collect())
    }

    /// Starts a run, which ends by itself once these inputs are closed; without inputs it stays open for packets from outside. It is in
    /// `begun` before anything can be raised here: a signal that has come meanwhile is, and the run is somebody's to stop.
    #[pyo3(signature = (begun, inputs, *, collect, journal=None))]
    fn _start(
        &self,
        begun: &Bound<'_, PyList>,
        inputs: Option<Vec<(String, String)>>,
        collect: bool,
        journal: Option<&PyRunJournal>,
    ) -> PyResult<()> {
        let kept = journal.map(PyRunJournal::journal);
        let inputs: Option<Vec<_>> =
            inputs.map(|inputs| inputs.into_iter().map(|(node, port)| Endpoint::new(node, port)).collect());
        let start = Start { inputs: inputs.as_deref(), collect, journal: kept.as_ref() };
        begun.append(self.launch(begun.py(), &start, journal)?)
    }

    /// The last run.
    #[getter]
    fn _run(&self) -> PyResult<PyRun> {
        self.life.run().map(PyRun)
    }

    /// Sends a packet into the running network, and waits for room.
    ///
    /// `timeout` in seconds makes the wait end with a RunTimeout.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Network
    /// >>> net = Network()
    /// >>> net.add_node("a", "tpl_passthrough")
    /// >>> with net:
    /// ...     net.start()
    /// ...     net.send("a", "input", 3, timeout=5)
    #[pyo3(signature = (node, port, value, *, timeout=None))]
    fn send(
        &self,
        py: Python<'_>,
        node: &str,
        port: &str,
        value: &Bound<'_, PyAny>,
        timeout: Option<f64>,
    ) -> PyResult<()> {
        let sent = self.life.run()?.send(py, node, port, value, timeout)?;
        sent.map_err(|error| errors::send(&error))?;
        // Who has sent something to a run that is kept may go: it is there.
        let running = self.running()?;
        exit::detached(py, || running.sync_outside()).map_err(|error| errors::network(&error.into()))
    }

    /// The variables of the run, which all nodes share.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Network
    /// >>> net = Network()
    /// >>> net.add_node("a", "tpl_passthrough")
    /// >>> with net:
    /// ...     net.start()
    /// ...     net.vars["limit"] = 3
    /// ...     net.vars.all()
    /// {'limit': 3}
    #[getter]
    fn vars(&self) -> PyResult<PyVars> {
        Ok(PyVars(Asker::Outside(self.running()?)))
    }

    /// Tells the network that nothing more comes from outside.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Network
    /// >>> net = Network()
    /// >>> net.add_node("a", "tpl_passthrough")
    /// >>> with net:
    /// ...     net.start()
    /// ...     net.close_inputs()
    /// ...     net.wait(timeout=5).state
    /// 'finished'
    fn close_inputs(&self) -> PyResult<()> {
        self.running()?.close_inputs();
        Ok(())
    }

    /// Sends a signal to the actor of a node, which takes it between two ticks; see `Actor.on_signal`.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Network
    /// >>> net = Network()
    /// >>> net.add_node("a", "tpl_passthrough")
    /// >>> with net:
    /// ...     net.start()
    /// ...     net.signal("a", "note", {"n": 1})
    #[pyo3(signature = (node, kind, data=None))]
    fn signal(&self, py: Python<'_>, node: &str, kind: &str, data: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let data = data.map(convert::to_value).transpose()?.unwrap_or_default();
        let running = self.running()?;
        running.signal(node, kind, data).map_err(|error| errors::network(&error))?;
        exit::detached(py, || running.sync_outside()).map_err(|error| errors::network(&error.into()))
    }

    /// Listens to the run, or before a start to the next one.
    #[pyo3(signature = (node, port, *, capacity=reflow_runtime::DEFAULT_LISTENER_CAPACITY))]
    fn _listen(&self, py: Python<'_>, node: &str, port: &str, capacity: usize) -> PyResult<PyListener> {
        let listener = match self.life.run_to_listen_to(py)? {
            Some(run) => run.running().listen(node, port, capacity),
            None => self.network.lock().listen(node, port, capacity),
        };
        listener.map(PyListener::new).map_err(|error| errors::network(&error))
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

    /// Whether the network was started and has not ended.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Network
    /// >>> Network().is_running
    /// False
    #[getter]
    fn is_running(&self) -> bool {
        self.life.is_running()
    }

    /// Stops the run; the nodes that would not stop within `grace` seconds.
    fn _shutdown(&self, py: Python<'_>, grace: f64) -> PyResult<Vec<String>> {
        self.shutdown(py, grace)
    }

    /// Lets a run go that came to its end by itself, without announcing a shutdown.
    fn _release(&self, py: Python<'_>, run: &PyRun) {
        run.release(py);
        self.life.release(&run.0);
    }

    /// Asks a run to stop without waiting or looking at the interpreter; for the end of the process.
    fn _abandon(&self) {
        self.life.abandon();
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        for component in self.components.seen_by(&visit).iter().flat_map(|components| components.iter()) {
            visit.call(component)?;
        }
        if self.life.is_starting() {
            // Its initials are being copied, so what one look sees the next may not.
            return Ok(());
        }
        // Whoever has the lock needs no interpreter to give it back, and runs no Python code before.
        self.network.lock().initials().try_for_each(|message| convert::traverse(message, &visit))
    }

    fn __clear__(&self) {
        let components = exit::attach(|py| std::mem::take(&mut *self.components.lock(py)));
        let description = std::mem::take(&mut *self.network.lock());
        drop((components, description));
    }
}
