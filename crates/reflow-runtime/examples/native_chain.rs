//! Hops a second through a chain of native actors, beside the same chain out of bare tokio channels and out of threads with
//! crossbeam channels. Prints one JSON line a round and contender.
//!
//! ```text
//! cargo run --release -p reflow-runtime --example native_chain -- [nodes] [packets] [rounds]
//! ```
#![allow(clippy::print_stdout, clippy::unwrap_used, missing_docs, reason = "a program that reports to its user")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use reflow_runtime::{
    Actor, Component, ComponentSpec, Endpoint, Failure, Instance, Message, Network, NodeSpec, PortSpec, PortType,
    Source, Tick, Value,
};

const CAPACITY: usize = reflow_runtime::DEFAULT_CAPACITY;

struct Count {
    next: i64,
    end: i64,
}

impl Actor for Count {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        tick.emit(0, self.next);
        self.next += 1;
        if self.next == self.end {
            tick.finish();
        }
        Ok(())
    }
}

struct Add;

impl Actor for Add {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(Message::Integer(number)) = tick.take(0) else { return Err("expected an integer".into()) };
        tick.emit(0, number + 1);
        Ok(())
    }
}

/// A component that makes its actor of the network's packet count.
struct Template {
    spec: Arc<ComponentSpec>,
    packets: i64,
}

impl Template {
    fn new(source: Source, inports: &'static [&'static str], packets: i64) -> Arc<Self> {
        let inports = inports.iter().map(|name| PortSpec::new(*name, PortType::Integer)).collect();
        let outports = vec![PortSpec::new("out", PortType::Integer)];
        Arc::new(Self {
            spec: Arc::new(ComponentSpec { inports, outports, source, ..ComponentSpec::default() }),
            packets,
        })
    }
}

impl Component for Template {
    fn spec(&self) -> Arc<ComponentSpec> {
        Arc::clone(&self.spec)
    }

    fn instantiate(&self, _: &Value) -> Result<Instance, String> {
        Ok(if self.spec.source == Source::Yes {
            Instance::new(Count { next: 0, end: self.packets })
        } else {
            Instance::new(Add)
        })
    }
}

fn reflow(nodes: usize, packets: i64) -> Duration {
    let mut network = Network::new();
    network.register("count", Template::new(Source::Yes, &[], packets)).unwrap();
    network.register("add", Template::new(Source::No, &["in"], packets)).unwrap();
    network.add_node("0", NodeSpec::new("count", Value::Null));
    for node in 1..nodes {
        network.add_node(node.to_string(), NodeSpec::new("add", Value::Null));
        network.add_connection(
            Endpoint::new((node - 1).to_string(), "out"),
            Endpoint::new(node.to_string(), "in"),
            None,
        );
    }
    let started = Instant::now();
    let running = network.start_to_the_end(&[]).unwrap();
    assert!(running.wait(Some(Duration::from_secs(100))));
    let took = started.elapsed();
    let report = running.report();
    assert_eq!(report.nodes.last().unwrap().ticks, packets as u64);
    took
}

fn tokio_mpsc(nodes: usize, packets: i64) -> Duration {
    let runtime = tokio::runtime::Builder::new_multi_thread().build().unwrap();
    let started = Instant::now();
    runtime.block_on(async {
        let (first, mut input) = tokio::sync::mpsc::channel::<i64>(CAPACITY);
        tokio::spawn(async move {
            for number in 0..packets {
                first.send(number).await.unwrap();
            }
        });
        for _ in 1..nodes - 1 {
            let (output, next) = tokio::sync::mpsc::channel(CAPACITY);
            let mut from = std::mem::replace(&mut input, next);
            tokio::spawn(async move {
                while let Some(number) = from.recv().await {
                    output.send(number + 1).await.unwrap();
                }
            });
        }
        let last = tokio::spawn(async move {
            let mut count = 0;
            while input.recv().await.is_some() {
                count += 1;
            }
            count
        });
        assert_eq!(last.await.unwrap(), packets);
    });
    started.elapsed()
}

fn crossbeam_threads(nodes: usize, packets: i64) -> Duration {
    let started = Instant::now();
    std::thread::scope(|scope| {
        let (first, mut input) = crossbeam::channel::bounded::<i64>(CAPACITY);
        scope.spawn(move || {
            for number in 0..packets {
                first.send(number).unwrap();
            }
        });
        for _ in 1..nodes - 1 {
            let (output, next) = crossbeam::channel::bounded(CAPACITY);
            let from = std::mem::replace(&mut input, next);
            scope.spawn(move || {
                for number in from {
                    output.send(number + 1).unwrap();
                }
            });
        }
        assert_eq!(input.iter().count() as i64, packets);
    });
    started.elapsed()
}

type Contender = fn(usize, i64) -> Duration;

fn main() {
    let mut arguments = std::env::args().skip(1).map(|text| text.parse::<usize>().unwrap());
    let nodes = arguments.next().unwrap_or(8).max(2);
    let packets = arguments.next().unwrap_or(500_000);
    let rounds = arguments.next().unwrap_or(5);
    let contenders: [(&str, Contender); 3] =
        [("reflow", reflow), ("tokio_mpsc", tokio_mpsc), ("crossbeam_threads", crossbeam_threads)];
    for _ in 0..rounds {
        for (name, run) in contenders {
            let took = run(nodes, packets as i64);
            let hops = (nodes - 1) as f64 * packets as f64 / took.as_secs_f64();
            println!(r#"{{"contender":"{name}","nodes":{nodes},"packets":{packets},"hops_per_s":{hops:.0}}}"#);
        }
    }
}
