//! What became of the ports of subgraph nodes.

use std::sync::Arc;

use indexmap::IndexMap;
use reflow_graph::{Direction, Name};
use rustc_hash::FxHashMap;

use crate::error::NetworkError;
use crate::network::Endpoint;

/// What the ports of dissolved nodes lead to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Boundaries(pub(super) FxHashMap<String, Boundary>);

/// A node and one of its ports, as events name them.
pub(crate) type Shown = (Arc<str>, Arc<str>);

/// The ports of one subgraph node, and the node and port inside that each leads to.
#[derive(Clone, Debug, Default)]
pub(super) struct Boundary {
    component: Name,
    folds_ports: bool,
    inports: IndexMap<String, Endpoint>,
    outports: IndexMap<String, Endpoint>,
}

impl Boundary {
    pub(super) fn new(component: Name, folds_ports: bool) -> Self {
        Self { component, folds_ports, ..Self::default() }
    }

    pub(super) fn ports(&mut self, direction: Direction) -> &mut IndexMap<String, Endpoint> {
        match direction {
            Direction::In => &mut self.inports,
            Direction::Out => &mut self.outports,
        }
    }
}

impl Boundaries {
    /// The subgraph nodes, and what they are made of.
    pub(crate) fn nodes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(node, boundary)| (node.as_str(), boundary.component.as_str()))
    }

    /// How a port looks from `outside`, another node or the outside of the network: a node inside of a subgraph that the
    /// other one is not in is seen as that subgraph, and its port as that of the subgraph.
    pub(crate) fn shown(&self, direction: Direction, node: &Arc<str>, port: Arc<str>, outside: &str) -> Shown {
        let through = node.match_indices('/').find_map(|(at, _)| {
            let boundary = self.0.get(&node[..at])?;
            let is_inside = outside.strip_prefix(&node[..at]).is_some_and(|rest| rest.starts_with('/'));
            let ports = if direction == Direction::In { &boundary.inports } else { &boundary.outports };
            let (name, _) = ports.iter().find(|(_, end)| *end.node == **node && *end.port == *port)?;
            (!is_inside).then(|| (node[..at].into(), name.as_str().into()))
        });
        through.unwrap_or_else(|| (Arc::clone(node), port))
    }

    /// The node and port behind a node and port: inside, if the node is a subgraph.
    ///
    /// # Errors
    /// When the subgraph has no such port.
    pub(crate) fn behind<'a>(
        &'a self,
        direction: Direction,
        node: &'a str,
        port: &'a str,
    ) -> Result<(&'a str, &'a str), NetworkError> {
        let Some(boundary) = self.0.get(node) else { return Ok((node, port)) };
        let (side, ports) = match direction {
            Direction::In => ("inport", &boundary.inports),
            Direction::Out => ("outport", &boundary.outports),
        };
        let folded = || ports.iter().find(|(name, _)| name.to_lowercase() == port.to_lowercase()).map(|(_, end)| end);
        let end = ports.get(port).or_else(|| if boundary.folds_ports { folded() } else { None });
        end.map(|end| (&*end.node, &*end.port)).ok_or_else(|| {
            let known: Vec<_> = ports.keys().map(|name| format!("`{name}`")).collect();
            let known = if known.is_empty() { "none".into() } else { known.join(", ") };
            NetworkError::UnknownPort { node: node.into(), direction: side, port: port.into(), known }
        })
    }
}
