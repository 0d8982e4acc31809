//! What a pack costs: a hop through a pack's actor against one through a built-in twin, and loading a bundle.
//!
//! `cargo bench -p reflow-pack` prints both; it needs no harness and no arguments.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program for people")]

#[path = "../tests/common/mod.rs"]
mod common;

use std::sync::Arc;
use std::time::{Duration, Instant};

use common::{ForwardTemplate, tool};
use reflow_pack::{LoadOptions, PackCatalog, load_pack};
use reflow_runtime::{Endpoint, Message, Network, NodeSpec, Value};

/// Packets of one run.
const PACKETS: i64 = 200_000;
/// Actors that each packet passes.
const HOPS: usize = 10;
/// Runs of which the fastest counts.
const RUNS: usize = 15;

fn main() {
    let directory = common::shared().join("bench");
    std::fs::create_dir_all(&directory).unwrap();
    let bundle = directory.join("kitchen.rflpack");
    let from = common::here("tests/packs/kitchen");
    tool(&["build", from.to_str().unwrap(), "--output", bundle.to_str().unwrap()]);
    let cache = directory.join(format!("cache-{}", std::process::id()));
    let options = LoadOptions { cache_directory: Some(cache.clone()), ..LoadOptions::default() };

    let started = Instant::now();
    load_pack(&bundle, &options).unwrap();
    println!("load, first time (unpacks):   {:?}", started.elapsed());
    let started = Instant::now();
    load_pack(&bundle, &options).unwrap();
    println!("load, already in the process: {:?}", started.elapsed());
    println!("load, new process, unpacked:  {:?}", load_in_new_process(&bundle, &cache));

    for (kind, message) in [("integer", Message::from(7_i64)), ("text", "a text".into()), ("object", object())] {
        let (mut built_in, mut pack) = (Duration::MAX, Duration::MAX);
        for _ in 0..RUNS {
            built_in = built_in.min(chain("built_in", &message));
            pack = pack.min(chain("kitchen_forward", &message));
        }
        let hop = |total: Duration| total.as_nanos() as f64 / (PACKETS as f64 * HOPS as f64);
        println!(
            "hop, {kind:8} built-in {:6.1} ns, pack {:6.1} ns, ratio {:.2}",
            hop(built_in),
            hop(pack),
            hop(pack) / hop(built_in)
        );
    }
    let _ = std::fs::remove_dir_all(cache);
}

fn object() -> Message {
    Message::Object(Value::object([("a", 1_i64), ("b", 2)]))
}

/// The time that the packets take through the chain.
fn chain(template: &str, message: &Message) -> Duration {
    let mut network = Network::new();
    network.set_catalog(Arc::new(PackCatalog));
    network.register("built_in", Arc::new(ForwardTemplate)).unwrap();
    network.register("repeat", Arc::new(repeat::Template(message.clone(), PACKETS))).unwrap();
    network.add_node("source", NodeSpec::new("repeat", Value::Null));
    let mut before = "source".to_string();
    for hop in 0..HOPS {
        let id = format!("hop{hop}");
        network.add_node(&id, NodeSpec::new(template, Value::Null));
        network.add_connection(Endpoint::new(&before, "out"), Endpoint::new(&id, "in"), None);
        before = id;
    }
    let started = Instant::now();
    let running = network.start_to_the_end(&[]).unwrap();
    assert!(running.wait(Some(Duration::from_mins(2))));
    started.elapsed()
}

/// The time that the tool says it takes in a process of its own, where the bundle is unpacked already.
fn load_in_new_process(bundle: &std::path::Path, cache: &std::path::Path) -> Duration {
    let load = || {
        let started = Instant::now();
        let output = std::process::Command::new(env!("CARGO_BIN_EXE_reflow-pack"))
            .arg("list")
            .arg(bundle)
            .env("REFLOW_PACK_CACHE", cache)
            .output()
            .unwrap();
        assert!(output.status.success());
        started.elapsed()
    };
    (0..RUNS).map(|_| load()).min().unwrap_or_default()
}

mod repeat {
    use std::sync::Arc;

    use reflow_runtime::{
        Actor, Component, ComponentSpec, Failure, Instance, Message, PortSpec, PortType, Source, Tick, Value,
    };

    /// Sends one message again and again.
    pub(crate) struct Template(pub(crate) Message, pub(crate) i64);

    struct Repeat(Message, i64);

    impl Component for Template {
        fn spec(&self) -> Arc<ComponentSpec> {
            let outports = vec![PortSpec::new("out", PortType::Any)];
            Arc::new(ComponentSpec { outports, source: Source::Yes, ..ComponentSpec::default() })
        }

        fn instantiate(&self, _config: &Value) -> Result<Instance, String> {
            Ok(Instance::new(Repeat(self.0.clone(), self.1)))
        }
    }

    impl Actor for Repeat {
        fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
            tick.emit(0, self.0.clone());
            self.1 -= 1;
            if self.1 == 0 {
                tick.finish();
            }
            Ok(())
        }
    }
}
