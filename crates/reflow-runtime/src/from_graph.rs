//! Networks made of graphs, and back.

use reflow_graph::{Connection, Edge, GraphExport, Map, Metadata, Name, Process};
use reflow_message::{KINDS, Message, Value, WireError, to_value};

use crate::connection::ConnectionOptions;
use crate::diagnose::{self, Structure};
use crate::error::NetworkError;
use crate::network::{Endpoint, Network, NodeSpec};
use crate::policy::Policy;

impl Network {
    /// A network of a graph's nodes, connections, initials and graph ports.
    ///
    /// # Errors
    /// As [`add_graph`](Self::add_graph).
    ///
    /// # Examples
    /// ```
    /// use reflow_graph::GraphExport;
    /// let graph = GraphExport::from_json(
    ///     r#"{"caseSensitive": true, "properties": {}, "processes": {"a": {"component": "tpl_math_add"}}}"#,
    /// ).unwrap();
    /// let network = reflow_runtime::Network::from_graph(&graph)?;
    /// assert_eq!(network.node_ids().collect::<Vec<_>>(), ["a"]);
    /// # Ok::<(), reflow_runtime::NetworkError>(())
    /// ```
    pub fn from_graph(export: &GraphExport) -> Result<Self, NetworkError> {
        let mut network = Self::new();
        network.add_graph(export)?;
        Ok(network)
    }

    /// Adds a graph's nodes, connections, initials and graph ports.
    ///
    /// A node's metadata is its config; the keys `policy` and `firing` of it are respected, and `capacity` and `overflow` in
    /// that of a connection. An initial that is a tagged message becomes that message, any other one by its kind of JSON.
    /// Components are looked up when the network starts.
    ///
    /// # Errors
    /// [`NetworkError::Refused`] with every mistake in the structure of the graph; nothing was added then.
    pub fn add_graph(&mut self, export: &GraphExport) -> Result<(), NetworkError> {
        diagnose::errors(export.check(&Structure))?;
        let initials = export.initials().map(initial).collect::<Result<Vec<_>, _>>()?;
        for (id, process) in &export.processes {
            self.add_node(&**id, node_of(id, process)?);
        }
        for wire in export.wires() {
            self.add_connection(end(&wire.from), end(&wire.to), ConnectionOptions::from_metadata(&wire.metadata));
        }
        for (to, message) in initials {
            self.add_initial(to, message);
        }
        for (name, edge) in &export.inports {
            self.add_inport(&**name, inner_end(edge));
        }
        for (name, edge) in &export.outports {
            self.add_outport(&**name, inner_end(edge));
        }
        self.plan.folds_ports |= !export.case_sensitive;
        self.plan.frame.properties.extend(export.properties.clone());
        self.plan.frame.groups.extend(export.groups.iter().cloned());
        Ok(())
    }

    /// The network as a graph: what [`from_graph`](Self::from_graph) makes the same network of.
    ///
    /// Packets that belong to this process (streams, host objects) are described only, and so is what is nested too deeply for
    /// a graph file.
    pub fn to_graph(&self) -> GraphExport {
        self.export(packet_of)
    }

    /// The network as a graph, with its packets written by `packet`.
    pub(crate) fn export(&self, packet: impl Fn(&Message) -> serde_json::Value) -> GraphExport {
        let mut export = diagnose::shape(&self.plan);
        export.properties = Map::from_iter([("name".into(), "".into())]);
        export.properties.extend(self.plan.frame.properties.clone());
        export.groups.clone_from(&self.plan.frame.groups);
        for (process, node) in export.processes.values_mut().zip(self.plan.nodes.values()) {
            process.metadata = metadata_of(node);
        }
        let blank = export.connections.iter_mut().filter(|connection| connection.is_initial());
        for ((index, connection), initial) in (0_u64..).zip(blank).zip(&self.plan.initials) {
            let to = Edge { index: Some(index), ..connection.to.clone() };
            *connection = Connection::initial(to, packet(&initial.message));
        }
        export
    }
}

/// The node that a process of a graph describes.
pub(crate) fn node_of(id: &Name, process: &Process) -> Result<NodeSpec, NetworkError> {
    let metadata = process.metadata.as_map().map_or(Value::Null, object);
    NodeSpec::from_metadata(&process.component, metadata).map_err(|problem| NetworkError::BadConfig {
        node: id.to_string(),
        component: process.component.to_string(),
        problem,
    })
}

/// Where an initial goes, and the message it stands for.
pub(crate) fn initial(initial: &Connection) -> Result<(Endpoint, Message), NetworkError> {
    let to = Endpoint::new(&initial.to.node_id, initial.inport());
    match message_of(initial.packet()) {
        Ok(message) => Ok((to, message)),
        Err(error) => {
            Err(NetworkError::BadInitial { node: to.node.into(), port: to.port.into(), problem: error.to_string() })
        }
    }
}

pub(crate) fn end(edge: &Edge) -> Endpoint {
    Endpoint::new(&edge.node_id, &edge.port_id)
}

pub(crate) fn inner_end(edge: &Edge) -> Endpoint {
    Endpoint::new(&edge.node_id, edge.inner_port())
}

/// The message that a packet in a graph stands for: a tagged one, or a plain value.
fn message_of(packet: &serde_json::Value) -> Result<Message, WireError> {
    let value = Value::from(packet);
    if is_tagged(&value) { Message::from_wire(&value) } else { Ok(Message::from_value(value)) }
}

/// Whether a value is an object of a known `type`, and at most `data` besides.
fn is_tagged(value: &Value) -> bool {
    let Some(members) = value.as_object() else { return false };
    let kind = members.get("type").and_then(Value::as_str);
    kind.is_some_and(|kind| KINDS.contains(&kind)) && members.keys().all(|key| matches!(&**key, "type" | "data"))
}

/// The packet that stands for a message: the plain value where that reads back as the same, else the tagged form.
fn packet_of(message: &Message) -> serde_json::Value {
    let plain = message.to_value();
    let same = !is_tagged(&plain) && Message::from_value(plain.clone()) == *message;
    json_of(&if same { plain } else { message.to_wire() })
}

/// A value as JSON of a graph. That is a tree which is walked by recursion, so what is too deep for a graph file is described.
pub(crate) fn json_of(value: &Value) -> serde_json::Value {
    // A file has the graph, a list, a connection or node, and an end around it.
    const LIMIT: usize = reflow_graph::MAX_DEPTH - 4;
    let depth = value.depth();
    if depth > LIMIT {
        format!("<{} nested {depth} levels deep, not shown>", value.kind()).into()
    } else {
        value.into()
    }
}

/// A node's config, with the policy and firing rule it was given beside it.
fn metadata_of(node: &NodeSpec) -> Metadata {
    let config = node.config.as_object().into_iter().flatten();
    let mut metadata: Map = config.map(|(key, value)| (key.to_string(), json_of(value))).collect();
    let policy = node.policy.as_ref().map(policy_of).filter(|policy| !policy.is_empty());
    if let Some(policy) = policy {
        metadata.entry("policy").or_insert(policy.into());
    }
    if let Some(firing) = &node.firing {
        metadata.entry("firing").or_insert(firing.into());
    }
    if let Some(start) = &node.start {
        metadata.entry("start").or_insert(start.into());
    }
    if metadata.is_empty() && node.config.is_null() { Metadata::NULL } else { metadata.into() }
}

/// The keys of a policy that differ from the default.
fn policy_of(policy: &Policy) -> Map {
    let keys = |policy: &Policy| match to_value(policy).map(|value| serde_json::Value::from(&value)) {
        Ok(serde_json::Value::Object(keys)) => keys,
        _ => Map::new(),
    };
    let default = keys(&Policy::default());
    keys(policy).into_iter().filter(|(key, value)| default.get(key) != Some(value)).collect()
}

fn object(map: &Map) -> Value {
    Value::object(map.iter().map(|(key, value)| (key.as_str(), Value::from(value))))
}
