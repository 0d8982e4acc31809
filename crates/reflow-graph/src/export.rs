//! The `GraphExport` format: a graph as JSON.
//!
//! These types are the file format, field by field. [`Graph`](crate::Graph) is the editable form. Keys the format does
//! not know are kept in `extra` on every level, so a file written by a newer program survives a round trip.

use std::sync::Arc;

use indexmap::IndexMap;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::workspace::{ExternalConnection, GraphDependency, InterfaceDefinition};
use crate::{Data, Extra, Map, Metadata, Name, PortType};

/// A whole graph as it is saved, sent and composed.
///
/// ```
/// use reflow_graph::GraphExport;
/// let export = GraphExport::from_json(r#"{"caseSensitive": false, "properties": {"name": "empty"}}"#)?;
/// assert_eq!(export.name(), "empty");
/// # Ok::<(), reflow_graph::Error>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GraphExport {
    /// Whether port names differ by case. If not, they are folded to lower case.
    pub case_sensitive: bool,
    /// Free properties; `name` is the graph's name.
    pub properties: Map,
    /// Ports through which packets enter the graph, by outer name.
    #[serde(default)]
    pub inports: IndexMap<Name, Edge>,
    /// Ports through which packets leave the graph, by outer name.
    #[serde(default)]
    pub outports: IndexMap<Name, Edge>,
    /// Named sets of nodes.
    #[serde(default)]
    pub groups: Vec<Group>,
    /// The nodes, by id.
    #[serde(default)]
    pub processes: IndexMap<Name, Process>,
    /// Connections, then initials: those that have data, or come from nowhere.
    #[serde(default)]
    pub connections: Vec<Connection>,
    /// Other graphs this one needs, in a workspace of several.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub graph_dependencies: Vec<GraphDependency>,
    /// Connections into other graphs of the workspace.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub external_connections: Vec<ExternalConnection>,
    /// Interfaces offered to other graphs of the workspace.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub provided_interfaces: IndexMap<Name, InterfaceDefinition>,
    /// Interfaces expected from other graphs of the workspace.
    #[serde(default, skip_serializing_if = "IndexMap::is_empty")]
    pub required_interfaces: IndexMap<Name, InterfaceDefinition>,
    /// Keys this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A node as it is saved: which component it runs, and its configuration.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Process {
    /// The node's id. On input the key under `processes` counts, and this may be missing.
    #[serde(default)]
    pub id: Name,
    /// Id of the component the node runs.
    pub component: Name,
    /// Configuration of the node.
    #[serde(default)]
    pub metadata: Metadata,
    /// Keys this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A connection between two nodes, or an initial packet for one.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Connection {
    /// The sending end; blank for an initial.
    pub from: Edge,
    /// The receiving end.
    pub to: Edge,
    /// Metadata of the connection.
    #[serde(default)]
    pub metadata: Metadata,
    /// The packet of an initial; null for a connection.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Value"))]
    pub data: Data,
    /// Keys this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// One end of a connection, or the inner end of a graph port.
///
/// Only `nodeId` and `portId` must be present on input.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct Edge {
    /// The node.
    pub node_id: Name,
    /// The port of the node; in a graph port, the outer name.
    pub port_id: Name,
    /// In a graph port, the port of the inner node. Blank elsewhere.
    #[serde(default)]
    pub port_name: Name,
    /// Whether the port is visible outside of the graph.
    #[serde(default)]
    pub expose: bool,
    /// Declared type of the port.
    #[serde(default)]
    pub port_type: PortType,
    /// Number of an initial.
    #[serde(default)]
    pub index: Option<u64>,
    /// Free value; null in every export written here.
    #[serde(default)]
    #[cfg_attr(feature = "schema", schemars(with = "Value"))]
    pub data: Data,
    /// Metadata of the port.
    #[serde(default)]
    pub metadata: Metadata,
    /// Keys this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A named set of nodes, drawn as a box.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct Group {
    /// The group's id.
    pub id: Name,
    /// Ids of its nodes.
    #[serde(default)]
    pub nodes: Vec<Name>,
    /// Metadata of the group.
    #[serde(default)]
    pub metadata: Metadata,
    /// Keys this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

impl GraphExport {
    /// An export without nodes.
    pub fn new(name: &str, case_sensitive: bool) -> Self {
        let properties = Map::from_iter([("name".to_owned(), Value::from(name))]);
        Self { case_sensitive, properties, ..Self::default() }
    }

    /// The graph's name: `properties.name`, or `""` if that is missing or no string.
    pub fn name(&self) -> &str {
        self.properties.get("name").and_then(Value::as_str).unwrap_or_default()
    }

    /// Connections between nodes, without initials.
    pub fn wires(&self) -> impl Iterator<Item = &Connection> {
        self.connections.iter().filter(|connection| !connection.is_initial())
    }

    /// Initial packets, in their order.
    pub fn initials(&self) -> impl Iterator<Item = &Connection> {
        self.connections.iter().filter(|connection| connection.is_initial())
    }
}

impl Process {
    /// A node without configuration.
    pub fn new(id: impl Into<Name>, component: impl Into<Name>) -> Self {
        Self { id: id.into(), component: component.into(), ..Self::default() }
    }
}

impl Connection {
    /// A connection between two ports.
    pub fn new(from: Edge, to: Edge) -> Self {
        Self { from, to, ..Self::default() }
    }

    /// An initial packet. A null packet is legal.
    pub fn initial(to: Edge, data: Value) -> Self {
        let data = (!data.is_null()).then(|| Arc::new(data));
        Self { to, data, ..Self::default() }
    }

    /// The inport of the target. The end of an initial that came through a graph inport names that one, and the port behind it.
    pub fn inport(&self) -> &Name {
        if self.is_initial() { self.to.inner_port() } else { &self.to.port_id }
    }

    /// Whether this is an initial packet: it has data, or comes from nowhere (a null packet).
    pub fn is_initial(&self) -> bool {
        self.data.is_some() || self.from.is_blank()
    }

    /// The packet of an initial.
    pub fn packet(&self) -> &Value {
        self.data.as_deref().unwrap_or(&Value::Null)
    }
}

impl Edge {
    /// One end of a connection: a port of a node.
    pub fn new(node_id: impl Into<Name>, port_id: impl Into<Name>) -> Self {
        Self { node_id: node_id.into(), port_id: port_id.into(), ..Self::default() }
    }

    /// Whether this end names no node and no port, as the sending end of an initial does.
    pub fn is_blank(&self) -> bool {
        self.node_id.is_empty() && self.port_id.is_empty() && self.port_name.is_empty()
    }

    /// The port of the inner node, when this is a graph port: `portName`, or `portId` where that is blank.
    pub fn inner_port(&self) -> &Name {
        if self.port_name.is_empty() { &self.port_id } else { &self.port_name }
    }
}
