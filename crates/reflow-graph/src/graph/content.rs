//! What a graph holds, and the indices that make every edit cheap.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use petgraph::Direction as Side;
use petgraph::stable_graph::{EdgeIndex, NodeIndex, StableDiGraph};
use petgraph::visit::{EdgeRef, IntoEdgeReferences};
use rustc_hash::{FxHashMap, FxHashSet};

use super::ordered::Ordered;
use super::{Change, ConnectionId, Direction};
use crate::{Connection, Edge, Extra, GraphExport, Map, Metadata, Name, Process};

/// A node with what belongs to it alone.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub(crate) process: Process,
    pub(crate) order: u64,
    pub(crate) initials: BTreeMap<u64, Connection>,
    /// Graph ports that lead to this node.
    pub(crate) ports: Vec<(Direction, Name)>,
}

impl Node {
    pub(crate) fn initials(&self) -> impl Iterator<Item = (u64, &Connection)> {
        self.initials.iter().map(|(order, initial)| (*order, initial))
    }
}

/// A connection with its place among all.
#[derive(Clone, Debug)]
pub(crate) struct Wire {
    pub(crate) connection: Connection,
    pub(crate) order: u64,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Members {
    pub(crate) metadata: Metadata,
    pub(crate) extra: Extra,
    pub(crate) nodes: Ordered<()>,
}

/// Above every number an edit can reach; only a forged journal has greater ones.
pub(crate) const LAST_ORDER: u64 = u64::MAX >> 1;

type WireKey = (NodeIndex, Name, NodeIndex, Name);

/// The state of a graph. It changes through [`apply`](Self::apply) only.
#[derive(Clone, Debug, Default)]
pub(crate) struct Content {
    pub(crate) name: String,
    pub(crate) case_sensitive: bool,
    pub(crate) properties: Arc<Map>,
    pub(crate) topology: StableDiGraph<Node, Wire>,
    pub(crate) index: FxHashMap<Name, NodeIndex>,
    pub(crate) wires: FxHashMap<WireKey, EdgeIndex>,
    pub(crate) initial_count: u64,
    pub(crate) inports: Ordered<Edge>,
    pub(crate) outports: Ordered<Edge>,
    pub(crate) groups: Ordered<Members>,
    /// Groups of each node that is in one, known node or not.
    pub(crate) memberships: FxHashMap<Name, FxHashSet<Name>>,
    /// One shared copy of each port name and component id.
    pub(crate) names: FxHashSet<Name>,
    /// Workspace sections and unknown keys; the other fields are empty.
    pub(crate) carried: Arc<GraphExport>,
    /// Number of the next thing added.
    pub(crate) next: u64,
}

impl Content {
    pub(crate) fn node(&self, id: &str) -> Option<&Node> {
        self.topology.node_weight(*self.index.get(id)?)
    }

    pub(crate) fn ports(&self, direction: Direction) -> &Ordered<Edge> {
        match direction {
            Direction::In => &self.inports,
            Direction::Out => &self.outports,
        }
    }

    fn ports_mut(&mut self, direction: Direction) -> &mut Ordered<Edge> {
        match direction {
            Direction::In => &mut self.inports,
            Direction::Out => &mut self.outports,
        }
    }

    /// A port name as this graph writes it.
    pub(crate) fn fold<'name>(&self, port: &'name str) -> Cow<'name, str> {
        if self.case_sensitive || !port.chars().any(char::is_uppercase) {
            Cow::Borrowed(port)
        } else {
            Cow::Owned(port.to_lowercase())
        }
    }

    /// The shared copy of a folded port name.
    pub(crate) fn port(&mut self, port: &str) -> Name {
        let folded = self.fold(port).into_owned();
        self.share(Name::from(folded))
    }

    /// The shared copy of a name.
    pub(crate) fn share(&mut self, name: Name) -> Name {
        if let Some(shared) = self.names.get(&name) {
            return shared.clone();
        }
        self.names.insert(name.clone());
        name
    }

    pub(crate) fn take_order(&mut self) -> u64 {
        let order = self.next;
        self.next = order.saturating_add(1);
        order
    }

    /// The connection between two ports whose names are folded already.
    pub(crate) fn wire(&self, from_node: &str, from_port: &str, to_node: &str, to_port: &str) -> Option<EdgeIndex> {
        let key = (
            *self.index.get(from_node)?,
            self.names.get(from_port)?.clone(),
            *self.index.get(to_node)?,
            self.names.get(to_port)?.clone(),
        );
        self.wires.get(&key).copied()
    }

    /// Nodes in order.
    pub(crate) fn nodes(&self) -> Vec<&Node> {
        let mut nodes: Vec<_> = self.topology.node_weights().collect();
        nodes.sort_unstable_by_key(|node| node.order);
        nodes
    }

    /// Connections in order.
    pub(crate) fn connections(&self) -> Vec<&Wire> {
        let mut wires: Vec<_> = self.topology.edge_references().map(|edge| edge.weight()).collect();
        wires.sort_unstable_by_key(|wire| wire.order);
        wires
    }

    /// Initials in order.
    pub(crate) fn initials(&self) -> Vec<(u64, &Connection)> {
        let mut initials: Vec<_> = self.topology.node_weights().flat_map(Node::initials).collect();
        initials.sort_unstable_by_key(|(order, _)| *order);
        initials
    }

    /// Connections at a node in order; one from the node to itself comes once.
    pub(crate) fn connections_at(&self, index: NodeIndex) -> Vec<&Wire> {
        let incoming = self.topology.edges_directed(index, Side::Incoming).filter(|edge| edge.source() != index);
        let outgoing = self.topology.edges_directed(index, Side::Outgoing);
        let mut wires: Vec<_> = outgoing.chain(incoming).map(|edge| edge.weight()).collect();
        wires.sort_unstable_by_key(|wire| wire.order);
        wires
    }

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

    /// The properties with the graph's name over them, as an export shows them.
    pub(crate) fn named_properties(&self) -> Map {
        let mut properties = (*self.properties).clone();
        properties.insert("name".to_owned(), self.name.clone().into());
        properties
    }

    /// The graph in its saved form.
    pub(crate) fn export(&self) -> GraphExport {
        let port = |(_, name, edge): (u64, &Name, &Edge)| (name.clone(), edge.clone());
        let wires = self.connections().into_iter().map(|wire| wire.connection.clone());
        let initials = self.initials().into_iter().map(|(_, initial)| initial.clone());
        let processes: IndexMap<_, _> =
            self.nodes().into_iter().map(|node| (node.process.id.clone(), node.process.clone())).collect();
        GraphExport {
            case_sensitive: self.case_sensitive,
            properties: self.named_properties(),
            inports: self.inports.iter().map(port).collect(),
            outports: self.outports.iter().map(port).collect(),
            groups: self.groups.iter().map(|(_, id, members)| members.to_group(id)).collect(),
            processes,
            connections: wires.chain(initials).collect(),
            ..(*self.carried).clone()
        }
    }
}

impl Members {
    pub(crate) fn to_group(&self, id: &Name) -> crate::Group {
        crate::Group {
            id: id.clone(),
            nodes: self.nodes.iter().map(|(_, node, ())| node.clone()).collect(),
            metadata: self.metadata.clone(),
            extra: self.extra.clone(),
        }
    }
}
