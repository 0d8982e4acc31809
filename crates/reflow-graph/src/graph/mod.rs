//! The editable graph.

mod apply;
mod change;
mod content;
mod edit_connections;
mod edit_groups;
mod edit_nodes;
mod edit_ports;
mod feed;
mod history;
mod journal;
mod load;
mod ordered;
mod snapshot;
#[cfg(test)]
mod tests;
mod undo;

use std::sync::Arc;

pub use change::{Change, ConnectionId, Direction};
pub use feed::Watch;
pub use journal::{Journal, replay};
pub use snapshot::Snapshot;

use content::Content;
use feed::Feed;
use history::History;

use crate::{Connection, Diagnostic, Edge, GraphExport, Group, Map, Name, Process, Result};

/// A graph under construction: nodes, connections, initials, graph ports and groups, with undo.
///
/// Every edit is O(1) or O(degree of the node), or logarithmic where order must be kept. Edits of unknown things, and
/// additions of things that are there already, do nothing and return `false`: an importer or an editor need not look
/// first. Port names are folded to lower case unless the graph is case-sensitive; ids are exact.
///
/// ```
/// use reflow_graph::{Graph, Metadata};
/// let mut graph = Graph::new("greeting", false);
/// graph.add_node("hello", "tpl_text", Metadata::NULL);
/// graph.add_node("show", "tpl_print", Metadata::NULL);
/// assert!(graph.add_connection("hello", "out", "show", "in", Metadata::NULL));
/// graph.remove_node("show");
/// assert_eq!(graph.connections().count(), 0);
/// graph.undo()?;
/// assert_eq!(graph.connections().count(), 1);
/// # Ok::<(), reflow_graph::Error>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Graph {
    content: Content,
    history: History,
    feed: Feed,
    dropped: Vec<Diagnostic>,
}

impl Graph {
    /// A graph without nodes.
    pub fn new(name: &str, case_sensitive: bool) -> Self {
        let content = Content { name: name.to_owned(), case_sensitive, ..Content::default() };
        Self { content, ..Self::default() }
    }

    /// The editable form of an export.
    ///
    /// Connections, initials and graph ports that refer to unknown nodes are left out, as are duplicates;
    /// [`dropped`](Self::dropped) tells which.
    pub fn from_export(export: &GraphExport) -> Self {
        let (content, dropped) = load(export);
        Self { content, dropped, ..Self::default() }
    }

    /// Reads JSON text: [`GraphExport::from_json`], then [`from_export`](Self::from_export).
    pub fn from_json(text: &str) -> Result<Self> {
        GraphExport::from_json(text).map(|export| Self::from_export(&export))
    }

    /// The saved form. Names, metadata and packets are shared with it, not copied.
    pub fn to_export(&self) -> GraphExport {
        self.content.export()
    }

    /// The saved form together with what undo needs to know about order.
    pub fn snapshot(&self) -> Snapshot {
        self.content.snapshot()
    }

    /// Replaces everything by an export, as one undoable step. Without `properties.name` the old name stays.
    pub fn import(&mut self, export: &GraphExport) {
        let named = export.properties.contains_key("name");
        let (mut content, dropped) = load(export);
        if !named {
            content.name.clone_from(&self.content.name);
        }
        let (before, after) = (Arc::new(self.snapshot()), Arc::new(content.snapshot()));
        self.dropped = dropped;
        self.change(Change::Replace { before, after });
    }

    /// What the last import left out: connections to unknown nodes, duplicates and the like.
    pub fn dropped(&self) -> &[Diagnostic] {
        &self.dropped
    }

    /// The graph's name.
    pub fn name(&self) -> &str {
        &self.content.name
    }

    /// Whether port names differ by case.
    pub fn is_case_sensitive(&self) -> bool {
        self.content.case_sensitive
    }

    /// The properties as they were set. The export lays the graph's name over them.
    pub fn properties(&self) -> &Map {
        &self.content.properties
    }

    /// Number of nodes.
    pub fn node_count(&self) -> usize {
        self.content.topology.node_count()
    }

    /// Number of connections, initials not counted.
    pub fn connection_count(&self) -> usize {
        self.content.topology.edge_count()
    }

    /// A node.
    pub fn node(&self, id: &str) -> Option<&Process> {
        self.content.node(id).map(|node| &node.process)
    }

    /// All nodes, in the order they were added.
    pub fn nodes(&self) -> impl Iterator<Item = &Process> {
        self.content.nodes().into_iter().map(|node| &node.process)
    }

    /// A connection.
    pub fn connection(&self, out_node: &str, out_port: &str, in_node: &str, in_port: &str) -> Option<&Connection> {
        let (out_port, in_port) = (self.content.fold(out_port), self.content.fold(in_port));
        let edge = self.content.wire(out_node, &out_port, in_node, &in_port)?;
        self.content.topology.edge_weight(edge).map(|wire| &wire.connection)
    }

    /// All connections, in the order they were added.
    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.content.connections().into_iter().map(|wire| &wire.connection)
    }

    /// Connections that start or end at a node.
    pub fn connections_at(&self, node: &str) -> impl Iterator<Item = &Connection> {
        let index = self.content.index.get(node);
        index.map(|index| self.content.connections_at(*index)).into_iter().flatten().map(|wire| &wire.connection)
    }

    /// All initials, in the order they were added.
    pub fn initials(&self) -> impl Iterator<Item = &Connection> {
        self.content.initials().into_iter().map(|(_, initial)| initial)
    }

    /// A graph port.
    pub fn port(&self, direction: Direction, name: &str) -> Option<&Edge> {
        self.content.ports(direction).get(&self.content.fold(name))
    }

    /// Graph inports with their outer names.
    pub fn inports(&self) -> impl Iterator<Item = (&Name, &Edge)> {
        self.content.inports.iter().map(|(_, name, edge)| (name, edge))
    }

    /// Graph outports with their outer names.
    pub fn outports(&self) -> impl Iterator<Item = (&Name, &Edge)> {
        self.content.outports.iter().map(|(_, name, edge)| (name, edge))
    }

    /// All groups.
    pub fn groups(&self) -> impl Iterator<Item = Group> {
        self.content.groups.iter().map(|(_, id, members)| members.to_group(id))
    }

    /// Carries out a change and writes it down. Returns whether it fit.
    fn change(&mut self, change: Change) -> bool {
        let fits = self.content.apply(&change);
        if fits {
            self.feed.push(&change);
            self.history.begin();
            self.history.open.push(change);
            self.history.commit();
        }
        fits
    }
}

impl From<&Graph> for GraphExport {
    fn from(graph: &Graph) -> Self {
        graph.to_export()
    }
}

impl From<&GraphExport> for Graph {
    fn from(export: &GraphExport) -> Self {
        Self::from_export(export)
    }
}

/// Two graphs are equal when their exports are. History does not count.
impl PartialEq for Graph {
    fn eq(&self, other: &Self) -> bool {
        self.to_export() == other.to_export()
    }
}

fn load(export: &GraphExport) -> (Content, Vec<Diagnostic>) {
    let loaded = Content::load(export);
    let dropped = if loaded.complete { Vec::new() } else { crate::check::dropped_by_loading(export) };
    (loaded.content, dropped)
}
