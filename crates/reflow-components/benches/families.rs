//! Packets a second through chains of catalog components, beside a chain of bare actors.
//!
//! ```text
//! cargo bench -p reflow-components [-- FAMILY]
//! ```

#![expect(clippy::print_stdout, reason = "that is what it is for")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use reflow_components::catalog;
use reflow_runtime::{
    Actor, Component, ComponentSpec, Endpoint, Failure, Instance, Message, Network, NodeSpec, PortSpec, PortType,
    Source, Tick, Value,
};

/// Components in one chain, where they can stand in a row.
const LENGTH: usize = 4;

/// A chain: its family, its component with its ports and config, and what is sent through.
struct Chain {
    family: &'static str,
    component: &'static str,
    ports: (&'static str, &'static str),
    config: &'static str,
    packet: &'static str,
    packets: usize,
    /// Nodes in a row; one where what comes out is nothing that goes in.
    length: usize,
}

const CHAINS: [Chain; 15] = [
    Chain {
        family: "bare",
        component: "bare",
        ports: ("in", "out"),
        config: "{}",
        packet: "1.5",
        packets: 1_000_000,
        length: LENGTH,
    },
    Chain {
        family: "math",
        component: "tpl_math_absolute",
        ports: ("input", "result"),
        config: "{}",
        packet: "-1.5",
        packets: 1_000_000,
        length: LENGTH,
    },
    Chain {
        family: "math",
        component: "tpl_math_expression",
        ports: ("input", "result"),
        config: r#"{"expression": "clamp($x * 2 - 1, 0, 10)"}"#,
        packet: "1.5",
        packets: 1_000_000,
        length: LENGTH,
    },
    Chain {
        family: "vector",
        component: "tpl_vec3_normalize",
        ports: ("input", "result"),
        config: "{}",
        packet: r#"{"x": 1.0, "y": 2.0, "z": 3.0}"#,
        packets: 500_000,
        length: LENGTH,
    },
    Chain {
        family: "flow",
        component: "tpl_passthrough",
        ports: ("input", "output"),
        config: "{}",
        packet: "1.5",
        packets: 1_000_000,
        length: LENGTH,
    },
    Chain {
        family: "flow",
        component: "tpl_if_branch",
        ports: ("data", "true-out"),
        config: r#"{"condition_type": "greater_than", "condition_value": 1}"#,
        packet: "1.5",
        packets: 1_000_000,
        length: LENGTH,
    },
    Chain {
        family: "flow",
        component: "tpl_switch",
        ports: ("data", "case2"),
        config: r#"{"switch_field": "kind", "case1_value": "a", "case2_value": "b"}"#,
        packet: r#"{"kind": "b"}"#,
        packets: 1_000_000,
        length: LENGTH,
    },
    Chain {
        family: "flow",
        component: "tpl_map",
        ports: ("input", "output"),
        config: r#"{"operation": "to_number"}"#,
        packet: "[1, 2, 3, 4, 5, 6, 7, 8]",
        packets: 500_000,
        length: LENGTH,
    },
    Chain {
        family: "data",
        component: "tpl_json_parser",
        ports: ("input", "output"),
        config: r#"{"path": "users[1].name"}"#,
        packet: r#""{\"users\": [{\"name\": \"a\"}, {\"name\": \"b\"}]}""#,
        packets: 200_000,
        length: 1,
    },
    Chain {
        family: "data",
        component: "tpl_regex_matcher",
        ports: ("input", "matched"),
        config: r#"{"pattern": "(?<key>\\w+)=(\\d+)"}"#,
        packet: r#""some words and a=1, b=2""#,
        packets: 200_000,
        length: 1,
    },
    Chain {
        family: "data",
        component: "tpl_rules_engine",
        ports: ("data", "matched"),
        config: r#"{"rules": {"groups": [{"rules": [
            {"field": "user.age", "operator": "between", "value": [18, 65]}, {"field": "tags", "operator": "contains", "value": "b"}]}]}}"#,
        packet: r#"{"user": {"age": 20}, "tags": ["a", "b"]}"#,
        packets: 500_000,
        length: LENGTH,
    },
    Chain {
        family: "data",
        component: "tpl_data_transformer",
        ports: ("input", "output"),
        config: r#"{"transform_type": "template", "template": "Hello ${user.name}!"}"#,
        packet: r#"{"user": {"name": "Ada"}}"#,
        packets: 500_000,
        length: 1,
    },
    Chain {
        family: "data",
        component: "tpl_data_operations",
        ports: ("data", "output"),
        config: r#"{"dataOperations": [{"operations": [
            {"type": "filter", "filterExpression": "item.price > 1"}, {"type": "sort", "sortField": "data.price"}]}]}"#,
        packet: r#"[{"price": 2.5}, {"price": 0.5}, {"price": 1.5}]"#,
        packets: 100_000,
        length: 1,
    },
    Chain {
        family: "integration",
        component: "tpl_server_response",
        ports: ("body", "response"),
        config: "{}",
        packet: r#"{"id": 7}"#,
        packets: 500_000,
        length: LENGTH,
    },
    Chain {
        family: "integration",
        component: "tpl_file_load",
        ports: ("trigger", "output"),
        config: r#"{"path": "Cargo.toml"}"#,
        packet: "1",
        packets: 20_000,
        length: 1,
    },
];

fn main() {
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    println!("{:<12} {:<22} {:>12} {:>14}", "family", "component", "packets/s", "ns/packet/node");
    for chain in CHAINS.iter().filter(|chain| wanted.as_deref().is_none_or(|wanted| wanted == chain.family)) {
        // The first run warms up; the best of the others is what the machine can do.
        let best = (0..4).map(|_| run(chain)).skip(1).min().unwrap_or_default().as_secs_f64();
        let rate = chain.packets as f64 / best;
        let each = best * 1e9 / (chain.packets * chain.length) as f64;
        println!("{:<12} {:<22} {rate:>12.0} {each:>14.0}", chain.family, chain.component);
    }
}

/// The time that all packets take through the chain.
fn run(chain: &Chain) -> Duration {
    let json = |text| serde_json::from_str::<Value>(text).unwrap_or_default();
    let mut network = Network::new();
    network.set_catalog(catalog());
    let arrived = Arc::new(AtomicUsize::new(0));
    let parts: [(&str, Made); 3] = [
        ("source", Made::Source(Message::from_value(json(chain.packet)), chain.packets)),
        ("sink", Made::Sink(Arc::clone(&arrived))),
        ("bare", Made::Bare),
    ];
    for (id, part) in parts {
        if network.register(id, Arc::new(part)).is_err() {
            return Duration::MAX;
        }
    }
    network.add_node("source", NodeSpec::new("source", Value::Null));
    network.add_node("sink", NodeSpec::new("sink", Value::Null));
    let mut from = Endpoint::new("source", "out");
    for index in 0..chain.length {
        let id = format!("node{index}");
        network.add_node(&*id, NodeSpec::new(chain.component, json(chain.config)));
        network.add_connection(from, Endpoint::new(&*id, chain.ports.0), None);
        from = Endpoint::new(id, chain.ports.1);
    }
    network.add_connection(from, Endpoint::new("sink", "in"), None);
    let started = Instant::now();
    let running = match network.start_to_the_end(&[]) {
        Ok(running) => running,
        Err(error) => panic!("{error}"),
    };
    assert!(running.wait(Some(Duration::from_mins(2))), "not ended in time");
    let elapsed = started.elapsed();
    assert_eq!(arrived.load(Ordering::Relaxed), chain.packets, "{}: packets were lost", chain.component);
    elapsed
}

/// The ends of a chain, and a bare actor to compare with.
enum Made {
    Source(Message, usize),
    Sink(Arc<AtomicUsize>),
    Bare,
}

impl Component for Made {
    fn spec(&self) -> Arc<ComponentSpec> {
        let source = if matches!(self, Self::Source(..)) { Source::Yes } else { Source::No };
        let inports = if source == Source::Yes { Vec::new() } else { vec![PortSpec::new("in", PortType::Any)] };
        Arc::new(ComponentSpec {
            inports,
            outports: vec![PortSpec::new("out", PortType::Any)],
            source,
            ..ComponentSpec::default()
        })
    }

    fn instantiate(&self, _config: &Value) -> Result<Instance, String> {
        Ok(match self {
            Self::Source(message, left) => Instance::new(Repeat(message.clone(), *left)),
            Self::Sink(count) => Instance::new(Count(Arc::clone(count))),
            Self::Bare => Instance::new(Forward),
        })
    }
}

struct Repeat(Message, usize);

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

struct Count(Arc<AtomicUsize>);

impl Actor for Count {
    fn run(&mut self, _tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

struct Forward;

impl Actor for Forward {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some(message) = tick.take(0) {
            tick.emit(0, message);
        }
        Ok(())
    }
}
