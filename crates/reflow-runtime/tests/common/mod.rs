//! Actors and shorthands for the integration tests.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "each test file uses its own part")]

use std::sync::Arc;

use parking_lot::Mutex;
use reflow_runtime::{
    Actor, AsyncActor, Component, ComponentSpec, Endpoint, Failure, Firing, Instance, Message, Network, NodeSpec,
    PortSpec, PortType, Source, Tick, Value,
};

/// A component out of a closure that makes instances.
pub struct Made {
    pub spec: Arc<ComponentSpec>,
    pub make: Box<dyn Fn(&Value) -> Instance + Send + Sync>,
}

impl Component for Made {
    fn spec(&self) -> Arc<ComponentSpec> {
        Arc::clone(&self.spec)
    }

    fn instantiate(&self, config: &Value) -> Result<Instance, String> {
        Ok((self.make)(config))
    }
}

pub fn ports(names: &'static [&'static str]) -> Vec<PortSpec> {
    names.iter().map(|name| PortSpec::new(*name, PortType::Any)).collect()
}

pub fn spec(inports: &'static [&'static str], outports: &'static [&'static str]) -> ComponentSpec {
    ComponentSpec { inports: ports(inports), outports: ports(outports), ..ComponentSpec::default() }
}

/// Runs a closure a tick.
pub struct Each<F>(pub F);

impl<F: FnMut(&mut Tick<'_>) -> Result<(), Failure> + Send + 'static> Actor for Each<F> {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        (self.0)(tick)
    }
}

pub fn made(spec: ComponentSpec, make: impl Fn(&Value) -> Instance + Send + Sync + 'static) -> Arc<Made> {
    Arc::new(Made { spec: Arc::new(spec), make: Box::new(make) })
}

/// A component that calls `run` a tick.
pub fn each<F>(spec: ComponentSpec, run: F) -> Arc<Made>
where
    F: FnMut(&mut Tick<'_>) -> Result<(), Failure> + Clone + Send + Sync + 'static,
{
    made(spec, move |_| Instance::new(Each(run.clone())))
}

/// Passes its input on.
pub fn forward() -> Arc<Made> {
    each(spec(&["in"], &["out"]), |tick| {
        if let Some(message) = tick.take(0) {
            tick.emit(0, message);
        }
        Ok(())
    })
}

/// Sends 0, 1, … up to `count` and finishes.
pub fn count_to(count: i64) -> Arc<Made> {
    made(ComponentSpec { source: Source::Yes, ..spec(&[], &["out"]) }, move |_| {
        let mut next = 0;
        Instance::new(Each(move |tick: &mut Tick<'_>| {
            if next < count {
                tick.emit(0, next);
            }
            next += 1;
            if next >= count {
                tick.finish();
            }
            Ok(())
        }))
    })
}

/// Keeps what arrives.
#[derive(Clone, Default)]
pub struct Sink(pub Arc<Mutex<Vec<Message>>>);

impl Sink {
    pub fn component(&self) -> Arc<Made> {
        let seen = Arc::clone(&self.0);
        each(spec(&["in"], &[]), move |tick| {
            seen.lock().extend(tick.take(0));
            Ok(())
        })
    }

    pub fn integers(&self) -> Vec<i64> {
        self.0
            .lock()
            .iter()
            .map(|message| match message {
                Message::Integer(number) => *number,
                other => panic!("not an integer: {other:?}"),
            })
            .collect()
    }
}

pub fn node(network: &mut Network, id: &str, component: Arc<dyn Component>) {
    network.register(id, component).unwrap();
    network.add_node(id, NodeSpec::new(id, Value::Null));
}

pub fn wire(network: &mut Network, from: &str, to: &str) {
    let (from, to) = (from.split_once('.').unwrap(), to.split_once('.').unwrap());
    network.add_connection(Endpoint::new(from.0, from.1), Endpoint::new(to.0, to.1), None);
}

/// Runs a network to its end within ten seconds.
pub fn run(network: &Network) -> reflow_runtime::RunReport {
    let running = network.start_to_the_end(&[]).unwrap();
    assert!(running.wait(Some(std::time::Duration::from_secs(10))), "not finished in time: {:#?}", running.stats());
    assert!(running.is_ended(), "idle but not ended: {:#?}", running.stats());
    running.report()
}

pub use reflow_runtime::async_trait;

/// Waits a little, then passes its input on.
pub struct Slow(pub std::time::Duration);

#[async_trait]
impl AsyncActor for Slow {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        tokio::time::sleep(self.0).await;
        if let Some(message) = tick.take(0) {
            tick.emit(0, message);
        }
        Ok(())
    }
}

pub fn all(spec: ComponentSpec) -> ComponentSpec {
    ComponentSpec { firing: Firing::all(), ..spec }
}
