//! Networks made of graphs, and subgraphs in them, without Python.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use indexmap::IndexMap;
use reflow_graph::{Connection, Edge, GraphExport, Process};
use reflow_runtime::{Component, Endpoint, Network, NetworkError, NodeSpec, Subgraph, Value};

/// `first -> second`, both of the component `forward`, open at both ends.
fn pair() -> GraphExport {
    let mut graph = GraphExport::new("pair", true);
    for id in ["first", "second"] {
        graph.processes.insert(id.into(), Process::new(id, "forward"));
    }
    graph.connections.push(Connection::new(Edge::new("first", "out"), Edge::new("second", "in")));
    graph.inports.insert("enter".into(), Edge { port_name: "in".into(), ..Edge::new("first", "enter") });
    graph.outports.insert("leave".into(), Edge { port_name: "out".into(), ..Edge::new("second", "leave") });
    graph
}

fn components(component: Arc<dyn Component>) -> IndexMap<String, Arc<dyn Component>> {
    IndexMap::from_iter([("forward".to_owned(), component)])
}

#[test]
fn a_graph_becomes_a_network_and_back() {
    let mut graph = pair();
    graph.connections.push(Connection::initial(Edge::new("first", "in"), 5.into()));
    let mut network = Network::from_graph(&graph).unwrap();
    network.register("forward", forward()).unwrap();
    assert!(network.check().is_empty());
    let back = network.to_graph();
    assert!(graph.diff(&back).is_empty(), "{}", graph.diff(&back));
    let running = network.start_to_the_end(&[]).unwrap();
    assert!(running.wait(Some(Duration::from_secs(5))));
    assert_eq!(running.take_outputs()["leave"], [5.into()]);
}

#[test]
fn a_subgraph_is_dissolved_at_any_depth() {
    let inner = Subgraph::new(pair(), components(forward())).unwrap();
    let outer = Subgraph::new(
        {
            let mut graph = pair();
            graph.connections[0].from.port_id = "leave".into();
            graph.connections[0].to.port_id = "enter".into();
            graph.inports["enter"].port_name = "enter".into();
            graph.outports["leave"].port_name = "leave".into();
            graph
        },
        components(Arc::new(inner)),
    )
    .unwrap();
    let mut network = Network::new();
    network.register("sub", Arc::new(outer)).unwrap();
    network.add_node("s", NodeSpec::new("sub", Value::Null));
    network.add_initial(Endpoint::new("s", "enter"), 7);
    network.add_outport("end", Endpoint::new("s", "leave"));
    let running = network.start_to_the_end(&[]).unwrap();
    assert!(running.wait(Some(Duration::from_secs(5))));
    assert_eq!(running.take_outputs()["end"], [7.into()]);
    let nodes: Vec<_> = running.stats().into_iter().map(|node| node.node).collect();
    assert_eq!(nodes, ["s/first/first", "s/first/second", "s/second/first", "s/second/second"]);
    assert!(matches!(running.send("s", "nowhere", 1.into()), Err(NetworkError::UnknownPort { .. })));
    assert!(network.to_text(Some(&running)).contains("finished"));
}

#[test]
fn a_subgraph_with_mistakes_is_not_made() {
    let mut graph = pair();
    graph.connections[0].to.node_id = "nobody".into();
    graph.processes["first"].component = "unknown".into();
    let Err(NetworkError::Refused(found)) = Subgraph::new(graph, components(forward())) else { panic!("made") };
    let codes: Vec<_> = found.iter().map(|diagnostic| diagnostic.code.name()).collect();
    assert_eq!(codes, ["unknown-component", "unknown-node"]);
}

#[test]
fn undeclared_ports_of_native_components_are_refused() {
    let mut graph = pair();
    graph.connections[0].to.port_id = "inn".into();
    let mut network = Network::from_graph(&graph).unwrap();
    network.register("forward", forward()).unwrap();
    let found = network.check_graph(&graph);
    assert_eq!(found[0].code.name(), "unknown-port");
    assert_eq!(found[0].hint.as_deref(), Some("did you mean `in`?"));
    assert!(matches!(network.start_to_the_end(&[]), Err(NetworkError::Refused(refused)) if refused == found));
    assert!(matches!(&network.check()[..], [NetworkError::Refused(refused)] if *refused == found));
}
