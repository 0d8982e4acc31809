//! One graph out of several.

mod names;

use std::sync::Arc;

use indexmap::IndexMap;
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::suggest::did_you_mean;
use crate::{Connection, Edge, Error, GraphExport, Group, Map, Metadata, Name, Process, Result};
use names::{check_dependencies, prefixes};

/// What to compose. Every part may be left out.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct ComposeRequest {
    /// The graphs. The same one may stand here several times, and shares its memory then.
    pub graphs: Vec<Arc<GraphExport>>,
    /// Connections between them.
    pub connections: Vec<CrossConnection>,
    /// Nodes of the result that belong to none of them.
    pub shared_resources: Vec<SharedResource>,
    /// Properties of the result.
    pub properties: Map,
    /// Whether port names of the result differ by case.
    pub case_sensitive: bool,
}

/// A connection between two graphs of a composition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CrossConnection {
    /// The sending end.
    pub from: CrossEnd,
    /// The receiving end.
    pub to: CrossEnd,
    /// Metadata of the connection.
    #[serde(default)]
    pub metadata: Metadata,
}

/// A port of a node of the composition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct CrossEnd {
    /// The node, prefix included: `graph/node`.
    pub process: Name,
    /// Its port.
    pub port: Name,
}

/// A node added to a composition.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct SharedResource {
    /// Its id, without a prefix.
    pub name: Name,
    /// Its component.
    pub component: Name,
    /// Its metadata.
    #[serde(default)]
    pub metadata: Metadata,
}

impl ComposeRequest {
    /// Reads a request from a JSON value.
    ///
    /// # Errors
    ///
    /// [`Error::Shape`] with path, expected and found; [`Error::TooDeep`].
    pub fn from_value(value: &Value) -> Result<Self> {
        crate::read::from_value(value)
    }

    /// Reads a request from JSON text.
    ///
    /// # Errors
    ///
    /// [`Error::Syntax`], [`Error::Shape`], [`Error::TooDeep`].
    pub fn from_json(text: &str) -> Result<Self> {
        crate::read::from_json(text)
    }
}

/// Puts graphs into one: their nodes under a prefix each, with the requested connections and nodes added.
///
/// The prefix is the graph's `properties.namespace`, or its name made fit for ids; graphs of one name get `name/…`,
/// `name_1/…` and so on, in the order given. Names, metadata and packets are shared with the inputs, so a composition
/// costs little more than the ids of its nodes. Time and memory grow linearly.
///
/// # Errors
///
/// [`Error::Compose`] names the graph (which must have `properties.name`) and the thing in it that refers to nothing; [`Error::UnknownEndpoint`],
/// [`Error::ComposeClash`] where two sides want one id, [`Error::Dependencies`].
///
/// ```
/// use reflow_graph::{ComposeRequest, GraphExport, Process, compose};
/// let mut graph = GraphExport::new("part", false);
/// graph.processes.insert("a".into(), Process::new("a", "x"));
/// let graph = std::sync::Arc::new(graph);
/// let whole = compose(&ComposeRequest { graphs: vec![graph.clone(), graph], ..ComposeRequest::default() })?;
/// assert_eq!(whole.processes.keys().collect::<Vec<_>>(), ["part/a", "part_1/a"]);
/// # Ok::<(), reflow_graph::Error>(())
/// ```
pub fn compose(request: &ComposeRequest) -> Result<GraphExport> {
    check_dependencies(&request.graphs)?;
    let prefixes = prefixes(&request.graphs);
    let mut composition = Composition::new(request);
    for (graph, prefix) in request.graphs.iter().zip(&prefixes) {
        composition.add(graph, prefix).map_err(|stop| match stop {
            Stop::Error(error) => error,
            Stop::Clash { what, id } => clash(request, &prefixes, graph, prefix, what, id),
        })?;
    }
    composition.add_shared(&request.shared_resources);
    composition.connect(&request.connections)?;
    Ok(composition.finish())
}

/// A result under construction.
struct Composition {
    result: GraphExport,
    initials: Vec<Connection>,
    ports: FxHashMap<Name, Name>,
}

impl Composition {
    fn new(request: &ComposeRequest) -> Self {
        let mut result = GraphExport::new("", request.case_sensitive);
        result.properties.extend(request.properties.clone());
        let nodes = request.graphs.iter().map(|graph| graph.processes.len()).sum::<usize>();
        let connections = request.graphs.iter().map(|graph| graph.connections.len()).sum::<usize>();
        result.processes.reserve(nodes + request.shared_resources.len());
        result.connections.reserve(connections + request.connections.len());
        Self { result, initials: Vec::new(), ports: FxHashMap::default() }
    }

    fn add(&mut self, graph: &GraphExport, prefix: &str) -> Result<(), Stop> {
        let prefixed = |id: &str| Name::from([prefix, "/", id].concat());
        let mut ids: FxHashMap<&str, Name> = FxHashMap::default();
        ids.reserve(graph.processes.len());
        for (id, process) in &graph.processes {
            let new = prefixed(id);
            let node = Process { id: new.clone(), metadata: object(&process.metadata), ..process.clone() };
            if self.result.processes.insert(new.clone(), node).is_some() {
                return Err(Stop::Clash { what: "node", id: new });
            }
            ids.insert(id, new);
        }
        let inner = |edge: &Edge, what: &str, name: &str| {
            ids.get(&*edge.node_id).cloned().ok_or_else(|| Error::Compose {
                graph: format!("`{}`", graph.name()),
                message: format!("{what} {name} refers to unknown node `{}`", edge.node_id),
                hint: did_you_mean(&edge.node_id, graph.processes.keys().map(|id| &**id)),
            })
        };
        for connection in &graph.connections {
            let initial = connection.is_initial();
            let shown = || format!("`{}.{}`", connection.to.node_id, connection.to.port_id);
            let mut copy = Connection { metadata: object(&connection.metadata), ..connection.clone() };
            let what = if initial { "initial of" } else { "connection to" };
            copy.to.node_id = inner(&connection.to, what, &shown())?;
            copy.to.port_id = self.port(&connection.to.port_id);
            if initial {
                self.initials.push(copy);
            } else {
                copy.from.node_id = inner(&connection.from, "connection to", &shown())?;
                copy.from.port_id = self.port(&connection.from.port_id);
                self.result.connections.push(copy);
            }
        }
        for (what, from) in [("inport", &graph.inports), ("outport", &graph.outports)] {
            for (name, edge) in from {
                let new = self.port(&prefixed(name));
                let node_id = inner(edge, what, &format!("`{name}`"))?;
                let port_name = self.port(edge.inner_port());
                let edge = Edge { node_id, port_id: new.clone(), port_name, ..edge.clone() };
                let to = if what == "inport" { &mut self.result.inports } else { &mut self.result.outports };
                if to.insert(new.clone(), edge).is_some() {
                    return Err(Stop::Clash { what, id: new });
                }
            }
        }
        for group in &graph.groups {
            let member = |node: &Name| inner(&Edge::new(node.clone(), ""), "group", &format!("`{}`", group.id));
            let nodes = group.nodes.iter().map(member).collect::<Result<_>>()?;
            self.result.groups.push(Group { id: prefixed(&group.id), nodes, ..group.clone() });
        }
        Ok(())
    }

    fn add_shared(&mut self, resources: &[SharedResource]) {
        for SharedResource { name, component, metadata } in resources {
            let node = Process { metadata: metadata.clone(), ..Process::new(name, component) };
            self.result.processes.insert(name.clone(), node);
        }
    }

    fn connect(&mut self, connections: &[CrossConnection]) -> Result<()> {
        for CrossConnection { from, to, metadata } in connections {
            let end = |this: &mut Self, end: &CrossEnd| {
                let Some((id, _)) = this.result.processes.get_key_value(&end.process) else {
                    let hint = did_you_mean(&end.process, this.result.processes.keys().map(|id| &**id));
                    let [from_node, from_port, to_node, to_port] =
                        [&from.process, &from.port, &to.process, &to.port].map(Name::clone);
                    let connection = crate::ConnectionId { from_node, from_port, to_node, to_port };
                    return Err(Error::UnknownEndpoint {
                        connection: Box::new(connection),
                        node: end.process.clone(),
                        hint,
                    });
                };
                let id = id.clone();
                Ok(Edge::new(id, this.port(&end.port)))
            };
            let (from, to) = (end(self, from)?, end(self, to)?);
            let connection = Connection { metadata: metadata.clone(), ..Connection::new(from, to) };
            self.result.connections.push(connection);
        }
        Ok(())
    }

    /// The one shared copy of a port name, folded if the result does not tell case apart.
    fn port(&mut self, port: &Name) -> Name {
        if let Some(shared) = self.ports.get(port) {
            return shared.clone();
        }
        let shared = if self.result.case_sensitive { port.clone() } else { Name::from(port.to_lowercase()) };
        self.ports.insert(port.clone(), shared.clone());
        shared
    }

    fn finish(mut self) -> GraphExport {
        self.result.connections.append(&mut self.initials);
        self.result
    }
}

/// Null metadata becomes an empty object, shared by all.
fn object(metadata: &Metadata) -> Metadata {
    if metadata.is_null() { Metadata::empty() } else { metadata.clone() }
}

/// Why a graph cannot be added.
enum Stop {
    Error(Error),
    /// Another graph has a thing of that id already.
    Clash {
        what: &'static str,
        id: Name,
    },
}

impl From<Error> for Stop {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

/// Finds the other side of a clash: a graph whose prefix and a slash begin the id, and which has the rest.
fn clash(
    request: &ComposeRequest,
    prefixes: &[Name],
    graph: &GraphExport,
    prefix: &Name,
    what: &'static str,
    id: Name,
) -> Error {
    let has = |graph: &GraphExport, prefix: &str| {
        let Some(inner) = id.strip_prefix(prefix).and_then(|rest| rest.strip_prefix('/')) else { return false };
        match what {
            "node" => graph.processes.contains_key(inner),
            "inport" => graph.inports.keys().any(|name| name.to_lowercase() == inner.to_lowercase()),
            _ => graph.outports.keys().any(|name| name.to_lowercase() == inner.to_lowercase()),
        }
    };
    let mut sides = request.graphs.iter().zip(prefixes);
    let (first, first_prefix) = sides
        .find(|(other, prefix)| has(other, prefix))
        .map_or((graph, prefix), |(other, prefix)| (other.as_ref(), prefix));
    Error::ComposeClash {
        first: format!("`{}` (prefix `{first_prefix}`)", first.name()),
        second: format!("`{}` (prefix `{prefix}`)", graph.name()),
        what,
        id,
    }
}

/// Which of the graphs carries each name.
type ByName<'a> = IndexMap<&'a str, Vec<usize>>;

#[cfg(test)]
mod tests;
