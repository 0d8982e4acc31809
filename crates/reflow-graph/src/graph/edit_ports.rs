//! Edits of graph ports.

use super::edit_connections::merged_unless_empty;
use super::{Change, Direction, Graph};
use crate::{Edge, Metadata, PortType};

impl Graph {
    /// Opens a port of a node to the outside of the graph under the name `port_id`, replacing a graph port of that name.
    /// The node must exist.
    pub fn add_port(
        &mut self,
        direction: Direction,
        port_id: &str,
        node: &str,
        port_key: &str,
        port_type: PortType,
        metadata: Metadata,
    ) -> bool {
        let Some(node) = self.node(node) else { return false };
        let node_id = node.id.clone();
        let (name, port_name) = (self.content.port(port_id), self.content.port(port_key));
        let port_id = name.clone();
        let edge = Edge { node_id, port_id, port_name, port_type, metadata, ..Edge::default() };
        self.step(|graph| {
            graph.remove_port(direction, &name);
            let order = graph.content.take_order();
            graph.change(Change::AddPort { direction, name, edge: Box::new(edge), order })
        })
    }

    /// A graph inport: see [`add_port`](Self::add_port).
    pub fn add_inport(
        &mut self,
        port_id: &str,
        node: &str,
        port_key: &str,
        port_type: PortType,
        metadata: Metadata,
    ) -> bool {
        self.add_port(Direction::In, port_id, node, port_key, port_type, metadata)
    }

    /// A graph outport: see [`add_port`](Self::add_port).
    pub fn add_outport(
        &mut self,
        port_id: &str,
        node: &str,
        port_key: &str,
        port_type: PortType,
        metadata: Metadata,
    ) -> bool {
        self.add_port(Direction::Out, port_id, node, port_key, port_type, metadata)
    }

    /// Closes a graph port.
    pub fn remove_port(&mut self, direction: Direction, name: &str) -> bool {
        let name = self.content.port(name);
        let ports = self.content.ports(direction);
        let (Some(edge), Some(order)) = (ports.get(&name), ports.order(&name)) else { return false };
        let edge = Box::new(edge.clone());
        self.change(Change::RemovePort { direction, name, edge, order })
    }

    /// Gives a graph port another outer name in the same place. A graph port that has that name is replaced.
    pub fn rename_port(&mut self, direction: Direction, from: &str, to: &str) -> bool {
        let (from, to) = (self.content.port(from), self.content.port(to));
        let ports = self.content.ports(direction);
        let (Some(edge), Some(order)) = (ports.get(&from), ports.order(&from)) else { return false };
        if from == to {
            return false;
        }
        let renamed = Edge { port_id: to.clone(), port_name: edge.inner_port().clone(), ..edge.clone() };
        self.step(|graph| {
            graph.remove_port(direction, &to);
            graph.remove_port(direction, &from);
            graph.change(Change::AddPort { direction, name: to, edge: Box::new(renamed), order })
        })
    }

    /// Merges metadata into a graph port's by key. Null or an empty object changes nothing.
    pub fn set_port_metadata(&mut self, direction: Direction, name: &str, metadata: &Metadata) -> bool {
        let name = self.content.port(name);
        let Some(edge) = self.content.ports(direction).get(&name) else { return false };
        let before = edge.metadata.clone();
        let after = merged_unless_empty(&before, metadata);
        before != after && self.change(Change::SetPortMetadata { direction, name, before, after })
    }
}
