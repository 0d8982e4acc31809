//! Templates made of Python classes, instances and functions.

use std::cell::Cell;
use std::sync::Arc;

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use reflow_runtime::{Component, ComponentSpec, Documentation, Firing, Instance, PortSpec, PortType, Source, Value};

use crate::actor::PythonActor;
use crate::attached::Attached;
use crate::convert;
use crate::errors::{self, ConfigError};
use crate::exit;
use crate::failures::failure_of;

/// What a Python class says about its actors, read when it is registered.
#[derive(FromPyObject)]
pub(crate) struct Declaration {
    component: String,
    inports: Vec<String>,
    outports: Vec<String>,
    /// The firing rule, as JSON-shaped data.
    firing: Py<PyAny>,
    latest_inports: Vec<String>,
    /// `no`, `to_the_end`, `yes`.
    source: String,
    batch_size: usize,
    setup: bool,
    finalize: bool,
    teardown: bool,
    on_signal: bool,
    is_async: bool,
    is_coroutine: bool,
    open_ports: bool,
    gives_one: bool,
    summary: String,
    version: String,
}

/// A template made of Python: `make` gives the object whose `run` a node calls.
pub(crate) struct PythonComponent {
    /// None once the garbage collector has found that nobody can ask for it.
    make: Attached<Option<Py<PyAny>>>,
    spec: Arc<ComponentSpec>,
    batch_size: usize,
    open_ports: bool,
    gives_one: bool,
    methods: Methods,
}

/// Which optional methods there are, and what else its ticks need to know of a class.
#[derive(Clone, Copy)]
pub(crate) struct Methods {
    pub(crate) setup: bool,
    pub(crate) finalize: bool,
    pub(crate) teardown: bool,
    pub(crate) on_signal: bool,
    /// Whether `run` is a coroutine function or an async generator.
    pub(crate) is_async: bool,
    /// Whether calling `run` only makes a coroutine, or an async generator: nothing of it has run then.
    pub(crate) is_coroutine: bool,
    /// How many outports are declared.
    pub(crate) outports: usize,
}

impl PythonComponent {
    /// # Errors
    /// When the firing rule is none.
    pub(crate) fn new(py: Python<'_>, make: Py<PyAny>, declaration: Declaration) -> PyResult<Self> {
        let ports = |names: Vec<String>| names.into_iter().map(|name| PortSpec::new(name, PortType::Any)).collect();
        let firing = Firing::from_value(&convert::to_value(declaration.firing.bind(py))?);
        let firing = firing.map_err(|error| ConfigError::new_err(format!("{}: {error}", declaration.component)))?;
        let source = match &*declaration.source {
            "yes" => Source::Yes,
            "to_the_end" => Source::ToTheEnd,
            _ => Source::No,
        };
        let outports = declaration.outports.len();
        // Without a rule that remembers them, they keep their newest packet all the same.
        let newest = if firing == Firing::Any { declaration.latest_inports } else { Vec::new() };
        let inport = |name: String| PortSpec { latest: newest.contains(&name), ..PortSpec::new(name, PortType::Any) };
        let inports = declaration.inports.into_iter().map(inport).collect();
        let spec = ComponentSpec {
            id: declaration.component.into(),
            version: declaration.version.into(),
            inports,
            outports: ports(declaration.outports),
            firing,
            source,
            config_schema: Value::Null,
            documentation: Documentation { summary: declaration.summary.into(), ..Documentation::default() },
        };
        let Declaration { setup, finalize, teardown, on_signal, is_async, is_coroutine, batch_size, .. } = declaration;
        Ok(Self {
            make: Attached::new(Some(make)),
            spec: Arc::new(spec),
            batch_size,
            open_ports: declaration.open_ports,
            gives_one: declaration.gives_one,
            methods: Methods { setup, finalize, teardown, on_signal, is_async, is_coroutine, outports },
        })
    }
}

impl PythonComponent {
    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self.make.seen_by(visit) {
            Some(make) => visit.call(&*make),
            None => Ok(()),
        }
    }

    pub(crate) fn clear(&self, py: Python<'_>) {
        let make = self.make.lock(py).take();
        drop(make);
    }
}

impl Component for PythonComponent {
    fn spec(&self) -> Arc<ComponentSpec> {
        Arc::clone(&self.spec)
    }

    fn check_config(&self, _config: &Value) -> Vec<String> {
        // Making an instance to look at a config would run user code.
        Vec::new()
    }

    fn open_ports(&self) -> bool {
        self.open_ports
    }

    fn gives_one(&self) -> bool {
        self.gives_one
    }

    fn instantiate(&self, _config: &Value) -> Result<Instance, String> {
        exit::attach(|py| {
            let make = || {
                let make = self.make.lock(py).as_ref().map(|make| make.clone_ref(py));
                let make = make.ok_or_else(|| errors::network_text("its network is gone"))?;
                let object = make.bind(py).call0()?;
                let run = object.getattr(crate::once::intern!(py, "run"))?;
                PyResult::Ok((object.unbind(), run.unbind()))
            };
            let failed = |error: PyErr| {
                keep_interrupt(py, &error);
                format!("making an instance of {} failed: {}", self.spec.id, failure_of(py, error))
            };
            let (object, run) = make().map_err(failed)?;
            Ok(Instance::Hosted(Box::new(PythonActor::new(py, object, run, self.batch_size, self.methods))))
        })
    }
}

thread_local! {
    /// Ctrl-C that came while this thread made an instance.
    static INTERRUPT: Cell<Option<PyErr>> = const { Cell::new(None) };
}

fn keep_interrupt(py: Python<'_>, error: &PyErr) {
    if error.is_instance_of::<PyKeyboardInterrupt>(py) {
        INTERRUPT.set(Some(error.clone_ref(py)));
    }
}

/// Ctrl-C that came while this thread made instances for a start: it is for whoever starts, and no fault of the class.
pub(crate) fn take_interrupt() -> Option<PyErr> {
    INTERRUPT.take()
}
