//! Running one component on steps of inputs, through a real network, for tests and examples.
//!
//! ```
//! use reflow_components::testing::run_id;
//! use serde_json::json;
//!
//! let outputs = run_id("tpl_passthrough", json!({}), [json!({"input": 5})]).unwrap();
//! assert_eq!(outputs, [json!({"output": [5]})]);
//! ```
//!
//! Messages are written as plain JSON where that says everything (`5` is an Integer, `5.0` a Float, a list an Array, an
//! object an Object) and in the tagged form `{"type": KIND, "data": …}` where it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reflow_runtime::{
    Actor, Component, ComponentSpec, Endpoint, Failure, Instance, Message, Network, NodeSpec, PortSpec, RunReport,
    Running, Signal, Tick, Value,
};

use crate::catalog::{Entry, catalog, entry};
use crate::declare::Declare;

/// How long a step may take before the trial gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// The messages of one step, by port.
pub type Messages = BTreeMap<String, Vec<Message>>;

/// Runs a declared component: for every set of inputs, what came out of each outport until nothing moved any more.
///
/// # Panics
/// When the config is refused, a step takes too long, or a tick fails.
pub fn run<D: Declare>(
    config: impl Into<Value>,
    steps: impl IntoIterator<Item = serde_json::Value>,
) -> Vec<serde_json::Value> {
    run_component(Arc::new(Entry::of::<D>()), config.into(), steps).unwrap_or_else(|problem| panic!("{problem}"))
}

/// [`run`] for a component of the catalog, by its id.
///
/// # Errors
/// When there is no such component, its config is refused, or a tick fails.
pub fn run_id(
    id: &str,
    config: impl Into<Value>,
    steps: impl IntoIterator<Item = serde_json::Value>,
) -> Result<Vec<serde_json::Value>, String> {
    let component = entry(id).ok_or_else(|| format!("no component `{id}`"))?;
    run_component(Arc::<Entry>::clone(component), config.into(), steps)
}

fn run_component(
    component: Arc<dyn Component>,
    config: Value,
    steps: impl IntoIterator<Item = serde_json::Value>,
) -> Result<Vec<serde_json::Value>, String> {
    let steps: Vec<_> = steps.into_iter().map(|step| step_messages(&step)).collect();
    let inports: BTreeSet<&str> = steps.iter().flatten().map(|(port, _)| &**port).collect();
    let mut trial = Trial::new(component, config, &inports.into_iter().collect::<Vec<_>>(), &[])?;
    let outputs = steps.into_iter().map(|step| plain_step(&trial.step(step))).collect();
    match trial.end().failures.first() {
        Some(attempt) => Err(attempt.failure.to_string()),
        None => Ok(outputs),
    }
}

/// The texts of the failures that one set of inputs brings, beside what comes out.
///
/// # Panics
/// When the config is refused or the step takes too long.
pub fn failures<D: Declare>(config: impl Into<Value>, step: &serde_json::Value) -> Vec<String> {
    let component = Arc::new(Entry::of::<D>());
    let step = step_messages(step);
    let inports: Vec<&str> = step.iter().map(|(port, _)| &**port).collect();
    let mut trial = Trial::new(component, config.into(), &inports, &[]).unwrap_or_else(|problem| panic!("{problem}"));
    trial.step(step);
    trial.end().failures.into_iter().map(|attempt| attempt.failure.message.to_string()).collect()
}

/// What is wrong with a config of a declared component.
pub fn problems<D: Declare>(config: impl Into<Value>) -> Vec<String> {
    Entry::of::<D>().check(&config.into())
}

/// A running network around one node.
pub struct Trial {
    running: Running,
    feed: Feed,
    recorded: Feed,
}

/// Ports and messages, on their way in or out.
type Feed = Arc<Mutex<Vec<(String, Message)>>>;

impl Trial {
    /// Starts a network with one node of `component`, its `inports` being wired. Its declared outports are recorded,
    /// and those named in `outports`.
    ///
    /// # Errors
    /// What is wrong with the config.
    pub fn new(
        component: Arc<dyn Component>,
        config: Value,
        inports: &[&str],
        outports: &[&str],
    ) -> Result<Self, String> {
        let spec = component.spec();
        let recorded = Feed::default();
        let mut network = Network::new();
        network.set_catalog(catalog());
        network.register("trial", component).map_err(|error| error.to_string())?;
        network.add_node("trial", NodeSpec::new("trial", config));
        let declared: Vec<String> = spec.outports.iter().map(|port| port.name.to_string()).collect();
        let more = outports.iter().map(ToString::to_string).filter(|name| !declared.contains(name));
        let ports: Vec<String> = declared.iter().cloned().chain(more).collect();
        for port in ports {
            let recorder = format!("recorder of {port}");
            let component = Recorder { port: port.clone(), recorded: Arc::clone(&recorded) };
            network.register(&*recorder, Arc::new(component)).map_err(|error| error.to_string())?;
            network.add_node(&*recorder, NodeSpec::new(&*recorder, Value::Null));
            // Room for everything, so that a step is over when nothing moves any more.
            network.add_connection(Endpoint::new("trial", port), Endpoint::new(recorder, "in"), Some(1 << 20));
        }
        let feed = Feed::default();
        network.register("feeder", Arc::new(Feeder(Arc::clone(&feed)))).map_err(|error| error.to_string())?;
        network.add_node("feeder", NodeSpec::new("feeder", Value::Null));
        for port in inports {
            network.add_connection(Endpoint::new("feeder", *port), Endpoint::new("trial", *port), None);
        }
        let running = network.start().map_err(|error| error.to_string())?;
        Ok(Self { running, feed, recorded })
    }

    /// Sends one set of inputs, in order, and waits until nothing moves any more.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn step(&mut self, inputs: impl IntoIterator<Item = (String, Message)>) -> Messages {
        self.send(inputs);
        assert!(self.running.wait(Some(PATIENCE)), "not idle in time: {:#?}", self.running.stats());
        self.take()
    }

    /// Sends one set of inputs, in order, and waits for nothing.
    pub fn send(&mut self, inputs: impl IntoIterator<Item = (String, Message)>) {
        self.feed.lock().extend(inputs);
        // The feeder is a node of this very network, so there is nobody who could not be found.
        let _ = self.running.signal("feeder", "step", Value::Null);
    }

    /// Tells the node that nothing more comes and waits for its end; gives what it still sent.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn finish(&mut self) -> Messages {
        self.running.close_inputs();
        assert!(self.running.wait(Some(PATIENCE)), "not ended in time: {:#?}", self.running.stats());
        self.take()
    }

    /// The running network.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// What came out since the last look.
    pub fn take(&mut self) -> Messages {
        let mut messages = Messages::new();
        for (port, message) in self.recorded.lock().drain(..) {
            messages.entry(port).or_default().push(message);
        }
        messages
    }

    /// Stops the network and tells how it went.
    pub fn end(self) -> RunReport {
        let report = self.running.report();
        self.running.shutdown(Duration::from_secs(5));
        report
    }
}

/// Keeps what arrives.
#[derive(Clone)]
struct Recorder {
    port: String,
    recorded: Feed,
}

impl Component for Recorder {
    fn spec(&self) -> Arc<ComponentSpec> {
        Arc::new(ComponentSpec { inports: vec![PortSpec::new("in", "any")], ..ComponentSpec::default() })
    }

    fn instantiate(&self, _config: &Value) -> Result<Instance, String> {
        Ok(Instance::new(self.clone()))
    }
}

impl Actor for Recorder {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.recorded.lock().extend(tick.take(0).map(|message| (self.port.clone(), message)));
        Ok(())
    }
}

/// Sends what lies ready whenever it is told to.
#[derive(Clone)]
struct Feeder(Feed);

impl Component for Feeder {
    fn spec(&self) -> Arc<ComponentSpec> {
        Arc::default()
    }

    fn instantiate(&self, _config: &Value) -> Result<Instance, String> {
        Ok(Instance::new(self.clone()))
    }
}

impl Actor for Feeder {
    fn run(&mut self, _tick: &mut Tick<'_>) -> Result<(), Failure> {
        Ok(())
    }

    fn on_signal(&mut self, tick: &mut Tick<'_>, _signal: &Signal) -> Result<(), Failure> {
        for (port, message) in self.0.lock().drain(..) {
            tick.send_named(&port, message);
        }
        Ok(())
    }
}

/// The messages that a set of inputs stands for.
pub fn step_messages(step: &serde_json::Value) -> Vec<(String, Message)> {
    let members = step.as_object().into_iter().flatten();
    members.map(|(port, message)| (port.clone(), message_of(&message.into()))).collect()
}

/// The message that plain or tagged JSON stands for.
pub fn message_of(json: &Value) -> Message {
    let tagged = json.as_object().is_some_and(|members| members.keys().all(|key| matches!(&**key, "type" | "data")));
    match Message::from_wire(json) {
        Ok(message) if tagged => message,
        _ => Message::from_value(json.clone()),
    }
}

/// The shortest JSON that stands for a message: see [`message_of`].
pub fn json_of(message: &Message) -> serde_json::Value {
    let plain = message.to_value();
    let same = message_of(&plain) == *message && serde_json::Value::from(&plain) != serde_json::Value::Null;
    if same { (&plain).into() } else { (&message.to_wire()).into() }
}

fn plain_step(messages: &Messages) -> serde_json::Value {
    messages
        .iter()
        .map(|(port, messages)| (port.clone(), messages.iter().map(json_of).collect::<Vec<_>>().into()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
