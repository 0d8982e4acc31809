//! How each elementary change is carried out.

use std::collections::BTreeMap;
use std::sync::Arc;

use petgraph::Direction as Side;

use super::content::{Content, LAST_ORDER, Members, Node, Wire};
use super::ordered::Ordered;
use super::{Change, ConnectionId, Direction};
use crate::{Connection, Edge, Name, Process};

impl Content {
    /// Carries out one elementary change. Returns false, and changes nothing, if it does not fit this state.
    pub(crate) fn apply(&mut self, change: &Change) -> bool {
        self.apply_fitting(change).is_some()
    }

    fn apply_fitting(&mut self, change: &Change) -> Option<()> {
        match change {
            Change::AddNode { node, order } => self.add_node(node.clone(), *order),
            Change::RemoveNode { node, .. } => self.remove_node(&node.id),
            Change::RenameNode { from, to } => self.rename_node(from, to),
            Change::SetNodeMetadata { node, after, .. } => {
                let index = *self.index.get(node)?;
                self.topology.node_weight_mut(index)?.process.metadata = after.clone();
                Some(())
            }
            Change::AddConnection { connection, order } => self.add_connection((**connection).clone(), *order),
            Change::RemoveConnection { connection, .. } => self.remove_connection(&ConnectionId::from(&**connection)),
            Change::SetConnectionMetadata { connection: id, after, .. } => {
                let edge = self.wire(&id.from_node, &id.from_port, &id.to_node, &id.to_port)?;
                self.topology.edge_weight_mut(edge)?.connection.metadata = after.clone();
                Some(())
            }
            Change::AddInitial { initial, order } => self.add_initial((**initial).clone(), *order),
            Change::RemoveInitial { initial, order } => self.remove_initial(initial, *order),
            Change::AddPort { direction, name, edge, order } => {
                self.add_port(*direction, name, (**edge).clone(), *order)
            }
            Change::RemovePort { direction, name, .. } => self.remove_port(*direction, name),
            Change::SetPortMetadata { direction, name, after, .. } => {
                self.ports_mut(*direction).get_mut(name)?.metadata = after.clone();
                Some(())
            }
            Change::AddGroup { group, metadata, extra, order } => {
                let members = Members { metadata: metadata.clone(), extra: extra.clone(), nodes: Ordered::default() };
                self.groups.insert(group, *order, members).then(|| self.seen(*order))
            }
            Change::RemoveGroup { group, .. } => {
                self.groups.get(group).filter(|members| members.nodes.is_empty())?;
                self.groups.remove(group).map(drop)
            }
            Change::AddMember { group, node, order } => {
                self.groups.get_mut(group)?.nodes.insert(node, *order, ()).then_some(())?;
                self.memberships.entry(node.clone()).or_default().insert(group.clone());
                self.seen(*order);
                Some(())
            }
            Change::RemoveMember { group, node, .. } => {
                self.groups.get_mut(group)?.nodes.remove(node)?;
                let groups = self.memberships.get_mut(node)?;
                groups.remove(group);
                if groups.is_empty() {
                    self.memberships.remove(node);
                }
                Some(())
            }
            Change::SetGroupMetadata { group, after, .. } => {
                self.groups.get_mut(group)?.metadata = after.clone();
                Some(())
            }
            Change::SetProperties { after, .. } => {
                self.properties = Arc::clone(after);
                Some(())
            }
            Change::Replace { after, .. } => {
                *self = Self::restore(after);
                Some(())
            }
        }
    }

    /// Numbers given from now on are above `order`.
    pub(crate) fn seen(&mut self, order: u64) {
        self.next = self.next.max(order.min(LAST_ORDER) + 1);
    }

    pub(crate) fn add_node(&mut self, mut process: Process, order: u64) -> Option<()> {
        if self.index.contains_key(&process.id) {
            return None;
        }
        process.component = self.share(process.component);
        let id = process.id.clone();
        let index = self.topology.add_node(Node { process, order, initials: BTreeMap::new(), ports: Vec::new() });
        self.index.insert(id, index);
        self.seen(order);
        Some(())
    }

    fn remove_node(&mut self, id: &str) -> Option<()> {
        let index = *self.index.get(id)?;
        let node = self.topology.node_weight(index)?;
        let bare = node.initials.is_empty()
            && node.ports.is_empty()
            && self.topology.neighbors_undirected(index).next().is_none();
        bare.then_some(())?;
        self.topology.remove_node(index);
        self.index.remove(id);
        Some(())
    }

    fn rename_node(&mut self, from: &Name, to: &Name) -> Option<()> {
        if self.index.contains_key(to) {
            return None;
        }
        let index = self.index.remove(from)?;
        self.index.insert(to.clone(), index);
        for side in [Side::Outgoing, Side::Incoming] {
            let mut edges = self.topology.neighbors_directed(index, side).detach();
            while let Some(edge) = edges.next_edge(&self.topology) {
                let connection = &mut self.topology[edge].connection;
                let end = if side == Side::Outgoing { &mut connection.from } else { &mut connection.to };
                end.node_id = to.clone();
            }
        }
        let node = &mut self.topology[index];
        node.process.id = to.clone();
        for initial in node.initials.values_mut() {
            initial.to.node_id = to.clone();
        }
        for (direction, port) in node.ports.clone() {
            if let Some(edge) = self.ports_mut(direction).get_mut(&port) {
                edge.node_id = to.clone();
            }
        }
        Some(())
    }

    pub(crate) fn add_connection(&mut self, mut connection: Connection, order: u64) -> Option<()> {
        let (from, to) = (*self.index.get(&connection.from.node_id)?, *self.index.get(&connection.to.node_id)?);
        connection.from.port_id = self.share(connection.from.port_id);
        connection.to.port_id = self.share(connection.to.port_id);
        // One string for each node id, however the connection came in.
        connection.from.node_id = self.topology[from].process.id.clone();
        connection.to.node_id = self.topology[to].process.id.clone();
        let key = (from, connection.from.port_id.clone(), to, connection.to.port_id.clone());
        if self.wires.contains_key(&key) {
            return None;
        }
        let edge = self.topology.add_edge(from, to, Wire { connection, order });
        self.wires.insert(key, edge);
        self.seen(order);
        Some(())
    }

    fn remove_connection(&mut self, id: &ConnectionId) -> Option<()> {
        let edge = self.wire(&id.from_node, &id.from_port, &id.to_node, &id.to_port)?;
        let (from, to) = self.topology.edge_endpoints(edge)?;
        self.topology.remove_edge(edge);
        self.wires.remove(&(from, id.from_port.clone(), to, id.to_port.clone()));
        Some(())
    }

    pub(crate) fn add_initial(&mut self, mut initial: Connection, order: u64) -> Option<()> {
        let index = *self.index.get(&initial.to.node_id)?;
        initial.to.port_id = self.share(initial.to.port_id);
        let node = &mut self.topology[index];
        initial.to.node_id = node.process.id.clone();
        node.initials.insert(order, initial);
        self.initial_count += 1;
        self.seen(order);
        Some(())
    }

    fn remove_initial(&mut self, initial: &Connection, order: u64) -> Option<()> {
        let index = *self.index.get(&initial.to.node_id)?;
        self.topology[index].initials.remove(&order)?;
        self.initial_count -= 1;
        Some(())
    }

    pub(crate) fn add_port(&mut self, direction: Direction, name: &Name, mut edge: Edge, order: u64) -> Option<()> {
        let index = *self.index.get(&edge.node_id)?;
        edge.node_id = self.topology[index].process.id.clone();
        self.ports_mut(direction).insert(name, order, edge).then_some(())?;
        self.topology[index].ports.push((direction, name.clone()));
        self.seen(order);
        Some(())
    }

    fn remove_port(&mut self, direction: Direction, name: &Name) -> Option<()> {
        let edge = self.ports_mut(direction).remove(name)?;
        let index = *self.index.get(&edge.node_id)?;
        self.topology[index].ports.retain(|(side, port)| *side != direction || port != name);
        Some(())
    }
}
