//! Edits of connections and initials.

use std::sync::Arc;

use serde_json::Value;

use super::edit_nodes::merged;
use super::{Change, ConnectionId, Direction, Graph};
use crate::{Connection, Edge, Metadata};

impl Graph {
    /// Connects an outport of a node with an inport of a node. Both nodes must exist; a connection that is there already
    /// stays as it is.
    pub fn add_connection(
        &mut self,
        out_node: &str,
        out_port: &str,
        in_node: &str,
        in_port: &str,
        metadata: Metadata,
    ) -> bool {
        let exists = |id: &str| self.content.node(id).map(|node| node.process.id.clone());
        let (Some(from), Some(to)) = (exists(out_node), exists(in_node)) else { return false };
        if self.connection(out_node, out_port, in_node, in_port).is_some() {
            return false;
        }
        let (from, to) = (Edge::new(from, self.content.port(out_port)), Edge::new(to, self.content.port(in_port)));
        let connection = Box::new(Connection { metadata, ..Connection::new(from, to) });
        let order = self.content.take_order();
        self.change(Change::AddConnection { connection, order })
    }

    /// Removes a connection.
    pub fn remove_connection(&mut self, out_node: &str, out_port: &str, in_node: &str, in_port: &str) -> bool {
        let (out_port, in_port) = (self.content.fold(out_port), self.content.fold(in_port));
        let Some(edge) = self.content.wire(out_node, &out_port, in_node, &in_port) else { return false };
        let wire = &self.content.topology[edge];
        let change = Change::RemoveConnection { connection: Box::new(wire.connection.clone()), order: wire.order };
        self.change(change)
    }

    /// Merges metadata into a connection's by key. Null or an empty object changes nothing.
    pub fn set_connection_metadata(
        &mut self,
        out_node: &str,
        out_port: &str,
        in_node: &str,
        in_port: &str,
        metadata: &Metadata,
    ) -> bool {
        let Some(connection) = self.connection(out_node, out_port, in_node, in_port) else { return false };
        let before = connection.metadata.clone();
        let connection = ConnectionId::from(connection);
        let after = merged_unless_empty(&before, metadata);
        before != after && self.change(Change::SetConnectionMetadata { connection, before, after })
    }

    /// Adds an initial packet for a port. Several may wait for one port; they are numbered in the order of addition.
    pub fn add_initial(&mut self, node: &str, port: &str, data: Value, metadata: Metadata) -> bool {
        self.add_initial_numbered(node, port, data, None, metadata)
    }

    /// Adds an initial packet with a number of its own.
    pub fn add_initial_index(&mut self, node: &str, port: &str, data: Value, index: u64, metadata: Metadata) -> bool {
        self.add_initial_numbered(node, port, data, Some(index), metadata)
    }

    /// Removes all initials of a port.
    pub fn remove_initial(&mut self, node: &str, port: &str) -> bool {
        let port = self.content.fold(port).into_owned();
        self.remove_initials(node, |to| to.port_name.is_empty() && *to.port_id == *port)
    }

    fn remove_initials(&mut self, node: &str, goes: impl Fn(&Edge) -> bool) -> bool {
        let Some(node) = self.content.node(node) else { return false };
        let initials = node.initials().filter(|(_, initial)| goes(&initial.to));
        let changes: Vec<_> = initials
            .map(|(order, initial)| Change::RemoveInitial { initial: Box::new(initial.clone()), order })
            .collect();
        let any = !changes.is_empty();
        self.step(|graph| {
            for change in changes {
                graph.change(change);
            }
        });
        any
    }

    /// Adds an initial packet through a graph inport, for the node behind it.
    pub fn add_graph_initial(&mut self, inport: &str, data: Value, metadata: Metadata) -> bool {
        self.add_initial_through(inport, data, None, metadata)
    }

    /// Adds an initial packet through a graph inport with a number of its own.
    pub fn add_graph_initial_index(&mut self, inport: &str, data: Value, index: u64, metadata: Metadata) -> bool {
        self.add_initial_through(inport, data, Some(index), metadata)
    }

    /// Removes the initials that were added through a graph inport.
    pub fn remove_graph_initial(&mut self, inport: &str) -> bool {
        let Some(edge) = self.port(Direction::In, inport) else { return false };
        let (node, port) = (edge.node_id.clone(), edge.port_id.clone());
        self.remove_initials(&node, |to| to.port_id == port && !to.port_name.is_empty())
    }

    /// The end of an initial that goes through a graph inport names both: that port, and the port of the node behind it.
    fn add_initial_through(&mut self, inport: &str, data: Value, index: Option<u64>, metadata: Metadata) -> bool {
        let Some(edge) = self.port(Direction::In, inport) else { return false };
        let to = Edge { port_name: edge.inner_port().clone(), ..Edge::new(edge.node_id.clone(), edge.port_id.clone()) };
        self.insert_initial(to, data, index, metadata)
    }

    fn add_initial_numbered(
        &mut self,
        node: &str,
        port: &str,
        data: Value,
        index: Option<u64>,
        metadata: Metadata,
    ) -> bool {
        let Some(node) = self.node(node) else { return false };
        let to = Edge::new(node.id.clone(), self.content.port(port));
        self.insert_initial(to, data, index, metadata)
    }

    fn insert_initial(&mut self, to: Edge, data: Value, index: Option<u64>, metadata: Metadata) -> bool {
        let index = Some(index.unwrap_or(self.content.initial_count));
        let to = Edge { index, ..to };
        let data = (!data.is_null()).then(|| Arc::new(data));
        let initial = Box::new(Connection { to, metadata, data, ..Connection::default() });
        let order = self.content.take_order();
        self.change(Change::AddInitial { initial, order })
    }
}

/// `metadata` laid over `before`; nothing laid over null leaves null.
pub(super) fn merged_unless_empty(before: &Metadata, metadata: &Metadata) -> Metadata {
    if metadata.entries().is_empty() { before.clone() } else { merged(before, metadata) }
}
