//! The dissolving of subgraphs: a network's plan becomes one graph, which is flattened and becomes a plan again.

use std::sync::Arc;

use indexmap::IndexMap;
use reflow_graph::{Connection, Direction, Edge, Extra, Flat, GraphExport, Map, Name, flatten};
use rustc_hash::FxHashMap;

use super::Subgraph;
use super::boundary::{Boundaries, Boundary};
use crate::connection::ConnectionOptions;
use crate::diagnose;
use crate::error::NetworkError;
use crate::from_graph::{end, initial, inner_end, node_of};
use crate::network::Endpoint;
use crate::plan::{ConnectionSpec, InitialSpec, Plan};

/// A plan without subgraphs, and where the ports of those went; `None` if it has none.
///
/// # Errors
/// Connections and initials to ports that a subgraph does not have; nodes that clash with the path of an inner one.
pub(crate) fn dissolved(plan: &Plan) -> Result<Option<(Plan, Boundaries)>, NetworkError> {
    let subgraphs = subgraphs_of(plan);
    if subgraphs.is_empty() {
        return Ok(None);
    }
    let mut doors = Doors::default();
    let mut export = diagnose::shape(plan);
    export.case_sensitive = true;
    number_initials(&mut export);
    doors.replace(&mut export, plan, &subgraphs);
    let flat = flatten(&export, &|id: &str| plan.component(id)?.subgraph().map(Subgraph::definition))?;
    let mut scopes = FxHashMap::default();
    subgraphs.values().for_each(|subgraph| subgraph.scopes(&mut scopes));
    let folds_ports = plan.folds_ports || scopes.values().any(|subgraph| !subgraph.export().case_sensitive);
    let (components, catalog, capacity) = (plan.components.clone(), plan.catalog.clone(), plan.capacity);
    let mut new = Plan { components, catalog, capacity, folds_ports, ..Plan::default() };
    add_nodes(&mut new, plan, &flat, &scopes)?;
    add_connections(&mut new, plan, &flat)?;
    let boundaries = doors.open(&mut new, plan, &subgraphs, &flat.export);
    Ok(Some((new, boundaries)))
}

fn subgraphs_of(plan: &Plan) -> IndexMap<Name, Subgraph> {
    let mut known: FxHashMap<&str, Option<Subgraph>> = FxHashMap::default();
    let nodes = plan.nodes.iter().filter_map(|(id, node)| {
        let find = || plan.component(&node.component).and_then(|component| component.subgraph().cloned());
        let subgraph = known.entry(&node.component).or_insert_with(find).clone();
        subgraph.map(|subgraph| (id.clone(), subgraph))
    });
    nodes.collect()
}

/// Key under which an initial of the outermost network carries its number; those from inside carry their packet.
const NUMBER: &str = "number";

fn number_initials(export: &mut GraphExport) {
    let initials = export.connections.iter_mut().filter(|connection| connection.is_initial());
    for (number, initial) in initials.enumerate() {
        initial.extra = Extra::from(Map::from_iter([(NUMBER.to_owned(), number.into())]));
    }
}

fn add_nodes(new: &mut Plan, plan: &Plan, flat: &Flat, scopes: &FxHashMap<Name, Subgraph>) -> Result<(), NetworkError> {
    for (path, process) in &flat.export.processes {
        let inside = flat.scopes.get(path).and_then(|scope| scopes.get(scope));
        let spec = match (inside, plan.nodes.get(&**path)) {
            (Some(_), Some(_)) => return Err(NetworkError::PathClash { node: path.to_string() }),
            (None, Some(spec)) => spec.clone(),
            (_, None) => node_of(path, process)?,
        };
        if let Some(component) = inside.and_then(|subgraph| subgraph.0.components.get(&*process.component)) {
            new.inner.insert(path.to_string(), Arc::clone(component));
        }
        new.nodes.insert(path.clone(), spec);
    }
    Ok(())
}

fn add_connections(new: &mut Plan, plan: &Plan, flat: &Flat) -> Result<(), NetworkError> {
    for connection in &flat.export.connections {
        let number = connection.extra.entries().get(NUMBER).and_then(serde_json::Value::as_u64);
        let outer = number.and_then(|number| plan.initials.get(number as usize));
        let Connection { from, to, metadata, .. } = connection;
        if let Some(InitialSpec { message, .. }) = outer {
            new.initials.push(InitialSpec { to: end(to), message: message.clone() });
        } else if connection.is_initial() {
            let (to, message) = initial(connection)?;
            new.initials.push(InitialSpec { to, message });
        } else {
            let (from, to) = (end(from), end(to));
            let options = ConnectionOptions::from_metadata(metadata);
            new.connections.push(ConnectionSpec { from, to, options });
        }
    }
    Ok(())
}

/// Graph ports that stand for something else while the graph is dissolved: the network's own ports, and each port of a
/// subgraph node. They are numbered, so that no two names can clash.
#[derive(Default)]
struct Doors(Vec<Door>);

struct Door {
    direction: Direction,
    /// The node that is dissolved; `None` for a port of the network as a whole.
    node: Option<Name>,
    port: String,
}

impl Doors {
    fn replace(&mut self, export: &mut GraphExport, plan: &Plan, subgraphs: &IndexMap<Name, Subgraph>) {
        export.inports.clear();
        export.outports.clear();
        for (direction, ports) in [(Direction::In, &plan.inports), (Direction::Out, &plan.outports)] {
            for (name, end) in ports {
                self.add(export, Door { direction, node: None, port: name.clone() }, end);
            }
        }
        for (node, subgraph) in subgraphs {
            let inner = subgraph.export();
            for (direction, ports) in [(Direction::In, &inner.inports), (Direction::Out, &inner.outports)] {
                for port in ports.keys() {
                    let door = Door { direction, node: Some(node.clone()), port: port.to_string() };
                    self.add(export, door, &Endpoint::new(node, port));
                }
            }
        }
    }

    fn add(&mut self, export: &mut GraphExport, door: Door, end: &Endpoint) {
        let number = Name::from(self.0.len().to_string());
        let edge = Edge { port_name: Name::from(&end.port), ..Edge::new(&end.node, number.clone()) };
        let ports = if door.direction == Direction::In { &mut export.inports } else { &mut export.outports };
        ports.insert(number, edge);
        self.0.push(door);
    }

    /// Reads from the flat graph what each of them leads to.
    fn open(self, new: &mut Plan, plan: &Plan, subgraphs: &IndexMap<Name, Subgraph>, flat: &GraphExport) -> Boundaries {
        let mut boundaries = Boundaries::default();
        for (node, subgraph) in subgraphs {
            let boundary = Boundary::new(plan.nodes[node].component.clone(), !subgraph.export().case_sensitive);
            boundaries.0.insert(node.to_string(), boundary);
        }
        for (number, Door { direction, node, port }) in self.0.into_iter().enumerate() {
            let ports = if direction == Direction::In { &flat.inports } else { &flat.outports };
            let Some(end) = ports.get(number.to_string().as_str()).map(inner_end) else { continue };
            match node.and_then(|node| boundaries.0.get_mut(&*node)) {
                Some(boundary) => boundary.ports(direction).insert(port, end),
                None if direction == Direction::In => new.inports.insert(port, end),
                None => new.outports.insert(port, end),
            };
        }
        boundaries
    }
}
