//! How time and memory grow with the size of a graph: `cargo run --release -p reflow-graph --example scale`.
//!
//! Each line is one size; a cost that grows linearly shows as a steady time per node.

use std::fmt::Write as _;
use std::io::Write as _;
use std::sync::Arc;
use std::time::Instant;

use reflow_graph::{
    AnyComponent, ComposeRequest, Connection, CrossConnection, CrossEnd, Edge, Graph, GraphExport, Metadata, Process,
    Topology, compose,
};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

fn main() -> Outcome {
    for nodes in [10_000, 30_000, 100_000] {
        let line = measured(nodes)?;
        writeln!(std::io::stdout(), "{line}")?;
    }
    writeln!(std::io::stdout(), "{}", composed(2_000, 1_000)?)?;
    Ok(())
}

/// Edits, saves, loads, checks and undoes a graph with three connections a node.
fn measured(nodes: usize) -> Outcome<String> {
    let mut line = format!("{nodes} nodes, {} connections:", nodes * 3);
    let mut stage = |name: &str, start: Instant| {
        let time = start.elapsed();
        let _ = write!(
            line,
            " {name} {:.0} ms ({:.2} µs/node)",
            time.as_secs_f64() * 1e3,
            time.as_secs_f64() * 1e6 / nodes as f64
        );
    };
    let id = |node: usize| format!("node_{node}");

    let start = Instant::now();
    let mut graph = Graph::new("scale", false);
    for node in 0..nodes {
        graph.add_node(&id(node), "tpl_passthrough", Metadata::NULL);
    }
    for node in 0..nodes {
        for step in [1, 7, 1_001] {
            graph.add_connection(&id(node), "out", &id((node + step) % nodes), "in", Metadata::NULL);
        }
    }
    stage("build", start);

    let start = Instant::now();
    let text = graph.to_export().to_json();
    stage("save", start);

    let start = Instant::now();
    let mut graph = Graph::from_json(&text)?;
    stage("load", start);

    let start = Instant::now();
    let steps = nodes / 10;
    for node in 0..steps {
        graph.remove_node(&id(node * 3));
        graph.rename_node(&id(node * 3 + 1), &format!("renamed_{node}"))?;
    }
    stage("edit", start);

    let start = Instant::now();
    while graph.undo()? {}
    stage("undo", start);

    let export = graph.to_export();
    let start = Instant::now();
    let found = export.check(&AnyComponent).len();
    stage("check", start);

    let start = Instant::now();
    let layers = Topology::new(&export).layers().len();
    stage("layers", start);
    let _ = write!(line, " [{found} findings, {layers} layers]");
    Ok(line)
}

/// Composes one graph many times into a chain of its copies.
fn composed(copies: usize, nodes: usize) -> Outcome<String> {
    let mut part = GraphExport::new("part", false);
    for node in 0..nodes {
        let id = format!("node_{node}");
        part.processes.insert(id.as_str().into(), Process::new(id, "tpl_passthrough"));
        if node > 0 {
            let from = Edge::new(format!("node_{}", node - 1), "out");
            part.connections.push(Connection::new(from, Edge::new(format!("node_{node}"), "in")));
        }
    }
    let part = Arc::new(part);
    let prefix = |copy: usize| if copy == 0 { "part".to_owned() } else { format!("part_{copy}") };
    let end = |copy: usize, node: usize, port: &str| CrossEnd {
        process: format!("{}/node_{node}", prefix(copy)).into(),
        port: port.into(),
    };
    let link = |copy: usize| CrossConnection {
        from: end(copy - 1, nodes - 1, "out"),
        to: end(copy, 0, "in"),
        metadata: Metadata::NULL,
    };
    let request = ComposeRequest {
        graphs: vec![part; copies],
        connections: (1..copies).map(link).collect(),
        ..ComposeRequest::default()
    };
    let before = resident_megabytes();
    let start = Instant::now();
    let whole = compose(&request)?;
    let time = start.elapsed();
    let memory = resident_megabytes() - before;
    Ok(format!(
        "composed {} nodes, {} connections: {:.2} s, {memory:.0} MB resident ({:.0} bytes/node with its connection)",
        whole.processes.len(),
        whole.connections.len(),
        time.as_secs_f64(),
        memory * 1e6 / whole.processes.len() as f64
    ))
}

/// Resident memory of this process; zero where the system does not tell.
fn resident_megabytes() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok()).unwrap_or(0.0) / 1e3
}
