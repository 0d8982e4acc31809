//! The four optional sections of a `GraphExport` that tie several graphs into a workspace. They are carried, not used.

use serde::{Deserialize, Serialize};

use crate::{Extra, Metadata, Name};

/// Another graph this one needs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct GraphDependency {
    /// Name of the other graph.
    pub graph_name: Name,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Name>,
    /// Versions of it that will do.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version_constraint: Option<Name>,
    /// Whether this graph is useless without it.
    pub required: bool,
    /// Text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Name>,
    /// Keys this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A connection into another graph.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct ExternalConnection {
    /// Id of the connection.
    pub connection_id: Name,
    /// The other graph.
    pub target_graph: Name,
    /// Its namespace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target_namespace: Option<Name>,
    /// Sending node of this graph.
    pub from_process: Name,
    /// Its port.
    pub from_port: Name,
    /// Receiving node of the other graph.
    pub to_process: Name,
    /// Its port.
    pub to_port: Name,
    /// Text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Name>,
    /// Metadata of the connection.
    #[serde(default, skip_serializing_if = "Metadata::is_null")]
    pub metadata: Metadata,
    /// Keys this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}

/// A port of a node, described for other graphs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
#[serde(rename_all = "camelCase")]
pub struct InterfaceDefinition {
    /// Id of the interface.
    pub interface_id: Name,
    /// The node.
    pub process_name: Name,
    /// Its port.
    pub port_name: Name,
    /// Type of what passes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data_type: Option<Name>,
    /// Text for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<Name>,
    /// Whether the interface must be connected.
    pub required: bool,
    /// Metadata of the interface.
    #[serde(default, skip_serializing_if = "Metadata::is_null")]
    pub metadata: Metadata,
    /// Keys this version does not know.
    #[serde(flatten)]
    pub extra: Extra,
}
