//! One graph within the graph.

use std::borrow::Cow;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{SubgraphDefinition, Subgraphs};
use crate::{Connection, ConnectionId, Direction, Edge, GraphExport, Name, Place};

/// What a node of an instance became.
#[derive(Clone)]
pub(super) enum Became {
    /// A node of the flat graph.
    Node(Name),
    /// An instance, by position.
    Instance(usize),
}

/// One graph within the graph.
pub(super) struct Level {
    pub(super) export: Arc<GraphExport>,
    /// Path with a slash at the end; empty for the outermost.
    pub(super) prefix: String,
    pub(super) component: Name,
    pub(super) parent: Option<usize>,
    pub(super) depth: usize,
    pub(super) scope: Name,
    pub(super) subgraphs: Option<Arc<dyn Subgraphs + Send + Sync>>,
    pub(super) nodes: FxHashMap<Name, Became>,
}

impl Level {
    pub(super) fn new(definition: SubgraphDefinition) -> Self {
        Self {
            export: definition.export,
            prefix: String::new(),
            component: Name::default(),
            parent: None,
            depth: 0,
            scope: definition.scope,
            subgraphs: definition.subgraphs,
            nodes: FxHashMap::default(),
        }
    }

    pub(super) fn path(&self, inner: &str) -> Name {
        if self.prefix.is_empty() { Name::from(inner) } else { Name::from([&self.prefix, inner].concat()) }
    }

    pub(super) fn fold<'n>(&self, port: &'n str) -> Cow<'n, str> {
        if self.export.case_sensitive { Cow::Borrowed(port) } else { Cow::Owned(port.to_lowercase()) }
    }

    /// The graph port of the given outer name.
    pub(super) fn port(&self, direction: Direction, name: &str) -> Option<&Edge> {
        let ports = match direction {
            Direction::In => &self.export.inports,
            Direction::Out => &self.export.outports,
        };
        ports.get(name).or_else(|| {
            let name = self.fold(name);
            ports.iter().find(|(port, _)| self.fold(port) == name).map(|(_, edge)| edge)
        })
    }

    pub(super) fn place(&self, connection: &Connection) -> Place {
        let id = ConnectionId::from(connection);
        if connection.is_initial() {
            return Place::Initial { node: self.path(&id.to_node), port: id.to_port };
        }
        Place::Connection(ConnectionId { from_node: self.path(&id.from_node), to_node: self.path(&id.to_node), ..id })
    }

    /// A port name as this graph writes it.
    pub(super) fn folded(&self, port: &Name) -> Name {
        match self.fold(port) {
            Cow::Borrowed(_) => port.clone(),
            Cow::Owned(folded) if *folded == **port => port.clone(),
            Cow::Owned(folded) => Name::from(folded),
        }
    }
}
