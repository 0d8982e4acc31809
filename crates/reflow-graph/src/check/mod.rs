//! Finding every mistake in a graph before anything runs.

mod components;
mod known;
mod liveness;
mod references;
#[cfg(test)]
mod tests;

use known::Components;
use petgraph::graph::NodeIndex;

use crate::suggest::did_you_mean;
use crate::topology::{Ends, Topology};
use crate::{Catalog, Code, Connection, Diagnostic, Graph, GraphExport, Name, Severity};

impl GraphExport {
    /// Checks the graph against a catalog and returns all findings: errors and warnings, by kind, then in the order of
    /// the export. Takes time linear in the size of the graph.
    ///
    /// ```
    /// use reflow_graph::{AnyComponent, Connection, Edge, GraphExport};
    /// let mut export = GraphExport::new("", false);
    /// export.connections.push(Connection::new(Edge::new("a", "out"), Edge::new("b", "in")));
    /// let found = export.check(&AnyComponent);
    /// assert_eq!(found[0].code.name(), "unknown-node");
    /// ```
    pub fn check(&self, catalog: &dyn Catalog) -> Vec<Diagnostic> {
        let resolved = Resolved::of(self, catalog);
        let mut check = Check::new(self, catalog, &resolved);
        check.references();
        check.components();
        check.connections();
        check.liveness();
        let mut found = check.found;
        found.sort_by_key(|diagnostic| diagnostic.code);
        found
    }
}

impl Graph {
    /// Checks the graph against a catalog: see [`GraphExport::check`]. What an import left out is among the findings, as
    /// warnings.
    pub fn check(&self, catalog: &dyn Catalog) -> Vec<Diagnostic> {
        let mut found = self.to_export().check(catalog);
        found.extend_from_slice(self.dropped());
        found.sort_by_key(|diagnostic| diagnostic.code);
        found
    }
}

/// What loading an export into a [`Graph`] leaves out.
pub(crate) fn dropped_by_loading(export: &GraphExport) -> Vec<Diagnostic> {
    let resolved = Resolved::of(export, &crate::AnyComponent);
    let mut check = Check::new(export, &crate::AnyComponent, &resolved);
    check.references();
    check.found.retain(|diagnostic| diagnostic.code != Code::UnknownMember);
    for diagnostic in &mut check.found {
        diagnostic.severity = Severity::Warning;
        diagnostic.message.push_str("; left out");
    }
    check.found
}

/// What the names in an export stand for, each looked up once.
struct Resolved {
    components: Components,
    topology: Topology,
    /// The nodes at the ends of connections and initials, in the order of the export.
    ends: Vec<Ends>,
}

impl Resolved {
    fn of(export: &GraphExport, catalog: &dyn Catalog) -> Self {
        let (topology, ends) = Topology::with_ends(export);
        Self { components: Components::of(export, catalog), topology, ends }
    }

    /// Where a node is, if there is one.
    fn node(&self, id: &str) -> Option<NodeIndex> {
        self.topology.index.get(id).copied()
    }
}

/// A check under way.
struct Check<'a> {
    export: &'a GraphExport,
    catalog: &'a dyn Catalog,
    resolved: &'a Resolved,
    found: Vec<Diagnostic>,
    /// Hints that were looked for.
    hints: usize,
}

/// Looking for a hint at every mistake would be quadratic in a graph full of them.
const ENOUGH_HINTS: usize = 100;

impl<'a> Check<'a> {
    fn new(export: &'a GraphExport, catalog: &'a dyn Catalog, resolved: &'a Resolved) -> Self {
        Self { export, catalog, resolved, found: Vec::new(), hints: 0 }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// A hint what may have been meant, as long as there were few.
    fn hint<'n>(&mut self, word: &str, names: impl IntoIterator<Item = &'n str> + Clone) -> Option<String> {
        self.hints += 1;
        if self.hints <= ENOUGH_HINTS { did_you_mean(word, names) } else { None }
    }

    /// Connections and initials, and the nodes at their ends.
    fn connections_with_ends(&self) -> impl Iterator<Item = (&'a Connection, Ends)> + use<'a> {
        self.export.connections.iter().zip(self.resolved.ends.iter().copied())
    }

    /// A port name as the graph compares it.
    fn folded(&self, port: &Name) -> Name {
        known::folded(self.export, port)
    }
}
