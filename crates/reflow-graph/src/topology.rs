//! The bare shape of a graph, for algorithms: nodes by position, connections as arrows.

use std::collections::VecDeque;

use petgraph::Direction as Side;
use petgraph::graph::{DiGraph, NodeIndex};
use petgraph::visit::EdgeRef;
use rustc_hash::FxHashMap;

use crate::{Edge, GraphExport, Name};

/// Nodes and connections of an export as a directed graph, and what can be asked of its shape.
///
/// Initials and connections to unknown nodes are left out. Answers list nodes in the order of the export, so they are
/// the same each time.
///
/// ```
/// use reflow_graph::{Connection, Edge, GraphExport, Process, Topology};
/// let mut export = GraphExport::new("", true);
/// for id in ["a", "b"] {
///     export.processes.insert(id.into(), Process::new(id, "x"));
/// }
/// export.connections.push(Connection::new(Edge::new("a", "out"), Edge::new("b", "in")));
/// assert_eq!(Topology::new(&export).layers(), [["a"], ["b"]]);
/// ```
#[derive(Clone, Debug)]
pub struct Topology {
    pub(crate) index: FxHashMap<Name, NodeIndex>,
    /// Weights: node ids, and positions in `connections` of the export.
    pub(crate) graph: DiGraph<Name, usize>,
}

/// The nodes that a connection leaves and reaches.
#[derive(Clone, Copy)]
pub(crate) struct Ends {
    pub(crate) from: Option<NodeIndex>,
    pub(crate) to: Option<NodeIndex>,
}

impl Topology {
    /// The shape of an export.
    pub fn new(export: &GraphExport) -> Self {
        Self::with_ends(export).0
    }

    /// The shape, and the nodes at both ends of each connection and initial, as far as there are such nodes.
    pub(crate) fn with_ends(export: &GraphExport) -> (Self, Vec<Ends>) {
        let mut graph = DiGraph::with_capacity(export.processes.len(), export.connections.len());
        let index: FxHashMap<_, _> =
            export.processes.keys().map(|id| (id.clone(), graph.add_node(id.clone()))).collect();
        let mut ends = Vec::with_capacity(export.connections.len());
        for (position, connection) in export.connections.iter().enumerate() {
            let end = |edge: &Edge| index.get(&edge.node_id).copied();
            let of_this = Ends { from: end(&connection.from), to: end(&connection.to) };
            if let (false, Ends { from: Some(from), to: Some(to) }) = (connection.is_initial(), of_this) {
                graph.add_edge(from, to, position);
            }
            ends.push(of_this);
        }
        (Self { index, graph }, ends)
    }

    /// Ids of the given positions, in order.
    pub(crate) fn names(&self, mut nodes: Vec<NodeIndex>) -> Vec<Name> {
        nodes.sort_unstable();
        nodes.into_iter().map(|node| self.graph[node].clone()).collect()
    }

    /// Nodes without incoming connections.
    pub fn sources(&self) -> Vec<Name> {
        self.names(self.graph.externals(Side::Incoming).collect())
    }

    /// Nodes without outgoing connections.
    pub fn sinks(&self) -> Vec<Name> {
        self.names(self.graph.externals(Side::Outgoing).collect())
    }

    /// Everything that can be reached from the given nodes along connections, themselves included.
    pub fn reachable<'a>(&self, from: impl IntoIterator<Item = &'a str>) -> Vec<Name> {
        let start = from.into_iter().filter_map(|id| self.index.get(id).copied());
        self.names(self.walk(start, Side::Outgoing))
    }

    /// What is affected when a node changes or fails: everything downstream of it, itself left out.
    pub fn impact(&self, node: &str) -> Vec<Name> {
        self.others(node, Side::Outgoing)
    }

    /// What a node depends on: everything upstream of it, itself left out.
    pub fn dependencies(&self, node: &str) -> Vec<Name> {
        self.others(node, Side::Incoming)
    }

    fn others(&self, node: &str, side: Side) -> Vec<Name> {
        let Some(&start) = self.index.get(node) else { return Vec::new() };
        let mut found = self.walk([start], side);
        found.retain(|index| *index != start);
        self.names(found)
    }

    fn walk(&self, start: impl IntoIterator<Item = NodeIndex>, side: Side) -> Vec<NodeIndex> {
        let mut seen = vec![false; self.graph.node_count()];
        let mut queue: VecDeque<_> = start.into_iter().collect();
        let mut found = Vec::new();
        while let Some(node) = queue.pop_front() {
            if std::mem::replace(&mut seen[node.index()], true) {
                continue;
            }
            found.push(node);
            queue.extend(self.graph.neighbors_directed(node, side).filter(|next| !seen[next.index()]));
        }
        found
    }

    /// Whether a connection leads from the node to itself.
    pub(crate) fn has_loop(&self, node: NodeIndex) -> bool {
        self.graph.edges(node).any(|edge| edge.target() == node)
    }
}
