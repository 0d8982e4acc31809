//! Subgraphs: nodes that stand for graphs of their own, dissolved into one flat graph.

mod flatten;
mod level;
#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::{GraphExport, Metadata, Name, Result};

/// Which components are subgraphs.
pub trait Subgraphs {
    /// The graph behind a component; `None` if the component is an ordinary one, or unknown.
    fn subgraph(&self, component: &str) -> Option<SubgraphDefinition>;
}

/// Any function from component ids will do.
impl<F: Fn(&str) -> Option<SubgraphDefinition>> Subgraphs for F {
    fn subgraph(&self, component: &str) -> Option<SubgraphDefinition> {
        self(component)
    }
}

/// The graph a component stands for.
#[derive(Clone)]
pub struct SubgraphDefinition {
    /// The graph.
    pub export: Arc<GraphExport>,
    /// Where components of its nodes are looked up, as a key of the caller's: nodes from inside are listed with it in
    /// [`Flat::scopes`]. Blank if they are looked up where the outer graph's are.
    pub scope: Name,
    /// Which components are subgraphs inside; `None` if the same as outside.
    pub subgraphs: Option<Arc<dyn Subgraphs + Send + Sync>>,
}

impl SubgraphDefinition {
    /// A subgraph that uses the components of the graph around it.
    pub fn new(export: impl Into<Arc<GraphExport>>) -> Self {
        Self { export: export.into(), scope: Name::default(), subgraphs: None }
    }
}

impl fmt::Debug for SubgraphDefinition {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("SubgraphDefinition")
            .field("name", &self.export.name())
            .field("scope", &self.scope)
            .finish_non_exhaustive()
    }
}

/// A graph whose subgraphs are dissolved.
#[derive(Clone, Debug, Default)]
pub struct Flat {
    /// The graph. A node `n` inside of a subgraph node `s` is called `s/n`.
    pub export: GraphExport,
    /// The subgraph nodes that were dissolved, outer ones first.
    pub instances: Vec<Instance>,
    /// Scope of each node that is not in the blank one: see [`SubgraphDefinition::scope`].
    pub scopes: FxHashMap<Name, Name>,
}

/// A subgraph node that was dissolved.
#[derive(Clone, Debug, PartialEq)]
pub struct Instance {
    /// Its path: `outer/inner`.
    pub path: Name,
    /// Its component.
    pub component: Name,
    /// Its metadata, which the nodes inside do not see.
    pub metadata: Metadata,
}

/// Dissolves all subgraphs, nested to any depth.
///
/// Connections and initials that end at a subgraph node are led on to the node inside that its graph port stands for,
/// through as many levels as there are. An inner port that is exposed may be used inside too; both get every packet.
/// Inner initials are kept. Groups become `s/group`; a subgraph node in a group stands for all nodes in it.
///
/// # Errors
///
/// [`Error::Refused`](crate::Error::Refused) with everything found: ports of subgraphs that lead nowhere, inner
/// references to unknown nodes, a subgraph that contains itself.
///
/// ```
/// use reflow_graph::{Connection, Edge, GraphExport, Process, SubgraphDefinition, flatten};
/// let mut inner = GraphExport::new("double", true);
/// inner.processes.insert("times".into(), Process::new("times", "tpl_math_multiply"));
/// inner.inports.insert("number".into(), Edge { port_name: "a".into(), ..Edge::new("times", "number") });
/// let inner = SubgraphDefinition::new(inner);
///
/// let mut outer = GraphExport::new("", true);
/// outer.processes.insert("twice".into(), Process::new("twice", "double"));
/// outer.connections.push(Connection::initial(Edge::new("twice", "number"), 21.into()));
/// let flat = flatten(&outer, &|component: &str| (component == "double").then(|| inner.clone()))?;
/// assert_eq!(flat.export.connections[0].to, Edge::new("twice/times", "a"));
/// # Ok::<(), reflow_graph::Error>(())
/// ```
pub fn flatten(export: &GraphExport, subgraphs: &dyn Subgraphs) -> Result<Flat> {
    flatten::flatten(export, subgraphs)
}
