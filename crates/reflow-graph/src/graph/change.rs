//! A change of a graph as a value.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::graph::snapshot::Snapshot;
use crate::{Connection, Edge, Extra, Map, Metadata, Name, Process};

/// Which side of the graph a graph port is on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    /// Packets enter.
    In,
    /// Packets leave.
    Out,
}

/// The four names that say which connection is meant.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub struct ConnectionId {
    /// Sending node.
    pub from_node: Name,
    /// Its outport.
    pub from_port: Name,
    /// Receiving node.
    pub to_node: Name,
    /// Its inport.
    pub to_port: Name,
}

impl From<&Connection> for ConnectionId {
    fn from(connection: &Connection) -> Self {
        Self {
            from_node: connection.from.node_id.clone(),
            from_port: connection.from.port_id.clone(),
            to_node: connection.to.node_id.clone(),
            to_port: connection.to.port_id.clone(),
        }
    }
}

impl std::fmt::Display for ConnectionId {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { from_node, from_port, to_node, to_port } = self;
        write!(formatter, "{from_node}.{from_port} -> {to_node}.{to_port}")
    }
}

/// One elementary change.
///
/// Every change holds what is needed to take it back, so it has an [`inverse`](Self::inverse). Removals are elementary
/// too: a node is removed after its connections, initials, graph ports and memberships, each a change of its own, all in
/// one transaction. `order` is the place of the thing among its like; it makes undo restore the order as well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Change {
    /// A node appeared.
    AddNode {
        /// The node.
        node: Process,
        /// Its place.
        order: u64,
    },
    /// A node, by now without connections and memberships, went.
    RemoveNode {
        /// The node.
        node: Process,
        /// Its place.
        order: u64,
    },
    /// A node has another id; its connections, initials and graph ports follow. Memberships change by themselves.
    RenameNode {
        /// Old id.
        from: Name,
        /// New id.
        to: Name,
    },
    /// A node has other metadata.
    SetNodeMetadata {
        /// The node.
        node: Name,
        /// Metadata it had.
        before: Metadata,
        /// Metadata it has.
        after: Metadata,
    },
    /// A connection appeared.
    AddConnection {
        /// The connection.
        connection: Box<Connection>,
        /// Its place.
        order: u64,
    },
    /// A connection went.
    RemoveConnection {
        /// The connection.
        connection: Box<Connection>,
        /// Its place.
        order: u64,
    },
    /// A connection has other metadata.
    SetConnectionMetadata {
        /// The connection.
        connection: ConnectionId,
        /// Metadata it had.
        before: Metadata,
        /// Metadata it has.
        after: Metadata,
    },
    /// An initial appeared.
    AddInitial {
        /// The initial.
        initial: Box<Connection>,
        /// Its place.
        order: u64,
    },
    /// An initial went.
    RemoveInitial {
        /// The initial.
        initial: Box<Connection>,
        /// Its place.
        order: u64,
    },
    /// A graph port appeared.
    AddPort {
        /// Side of the graph.
        direction: Direction,
        /// Outer name.
        name: Name,
        /// Inner end.
        edge: Box<Edge>,
        /// Its place.
        order: u64,
    },
    /// A graph port went.
    RemovePort {
        /// Side of the graph.
        direction: Direction,
        /// Outer name.
        name: Name,
        /// Inner end.
        edge: Box<Edge>,
        /// Its place.
        order: u64,
    },
    /// A graph port has other metadata.
    SetPortMetadata {
        /// Side of the graph.
        direction: Direction,
        /// Outer name.
        name: Name,
        /// Metadata it had.
        before: Metadata,
        /// Metadata it has.
        after: Metadata,
    },
    /// A group without members appeared.
    AddGroup {
        /// The group.
        group: Name,
        /// Its metadata.
        metadata: Metadata,
        /// Unknown keys of it.
        extra: Extra,
        /// Its place.
        order: u64,
    },
    /// A group, by now without members, went.
    RemoveGroup {
        /// The group.
        group: Name,
        /// Its metadata.
        metadata: Metadata,
        /// Unknown keys of it.
        extra: Extra,
        /// Its place.
        order: u64,
    },
    /// A group has one more member.
    AddMember {
        /// The group.
        group: Name,
        /// The node.
        node: Name,
        /// Its place in the group.
        order: u64,
    },
    /// A group has one member less.
    RemoveMember {
        /// The group.
        group: Name,
        /// The node.
        node: Name,
        /// Its place in the group.
        order: u64,
    },
    /// A group has other metadata.
    SetGroupMetadata {
        /// The group.
        group: Name,
        /// Metadata it had.
        before: Metadata,
        /// Metadata it has.
        after: Metadata,
    },
    /// The graph has other properties.
    SetProperties {
        /// Properties it had.
        before: Arc<Map>,
        /// Properties it has.
        after: Arc<Map>,
    },
    /// Everything was replaced by an import.
    Replace {
        /// What there was.
        before: Arc<Snapshot>,
        /// What there is.
        after: Arc<Snapshot>,
    },
}

impl Change {
    /// The change that takes this one back.
    #[must_use]
    pub fn inverse(self) -> Self {
        match self {
            Self::AddNode { node, order } => Self::RemoveNode { node, order },
            Self::RemoveNode { node, order } => Self::AddNode { node, order },
            Self::RenameNode { from, to } => Self::RenameNode { from: to, to: from },
            Self::SetNodeMetadata { node, before, after } => {
                Self::SetNodeMetadata { node, before: after, after: before }
            }
            Self::AddConnection { connection, order } => Self::RemoveConnection { connection, order },
            Self::RemoveConnection { connection, order } => Self::AddConnection { connection, order },
            Self::SetConnectionMetadata { connection, before, after } => {
                Self::SetConnectionMetadata { connection, before: after, after: before }
            }
            Self::AddInitial { initial, order } => Self::RemoveInitial { initial, order },
            Self::RemoveInitial { initial, order } => Self::AddInitial { initial, order },
            Self::AddPort { direction, name, edge, order } => Self::RemovePort { direction, name, edge, order },
            Self::RemovePort { direction, name, edge, order } => Self::AddPort { direction, name, edge, order },
            Self::SetPortMetadata { direction, name, before, after } => {
                Self::SetPortMetadata { direction, name, before: after, after: before }
            }
            Self::AddGroup { group, metadata, extra, order } => Self::RemoveGroup { group, metadata, extra, order },
            Self::RemoveGroup { group, metadata, extra, order } => Self::AddGroup { group, metadata, extra, order },
            Self::AddMember { group, node, order } => Self::RemoveMember { group, node, order },
            Self::RemoveMember { group, node, order } => Self::AddMember { group, node, order },
            Self::SetGroupMetadata { group, before, after } => {
                Self::SetGroupMetadata { group, before: after, after: before }
            }
            Self::SetProperties { before, after } => Self::SetProperties { before: after, after: before },
            Self::Replace { before, after } => Self::Replace { before: after, after: before },
        }
    }
}
