//! What a graph holds, and the indices that make every edit cheap.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use indexmap::IndexMap;
use petgraph::Direction as Side;
use petgraph::stable_graph::{EdgeIndex, NodeIndex, StableDiGraph};
use petgraph::visit::{EdgeRef, IntoEdgeReferences};
use rustc_hash::{FxHashMap, FxHashSet};

use super::Direction;
use super::ordered::Ordered;
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

    pub(super) fn ports_mut(&mut self, direction: Direction) -> &mut Ordered<Edge> {
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
