//! Finding every mistake in a graph before anything runs.

mod components;
mod liveness;
mod references;
#[cfg(test)]
mod tests;

use rustc_hash::FxHashMap;

use crate::{Catalog, Code, ComponentInfo, Diagnostic, Graph, GraphExport, Name, PortInfo, Severity};

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
        let mut check = Check::new(self, catalog);
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
    let mut check = Check::new(export, &crate::AnyComponent);
    check.references();
    check.found.retain(|diagnostic| diagnostic.code != Code::UnknownMember);
    for diagnostic in &mut check.found {
        diagnostic.severity = Severity::Warning;
        diagnostic.message.push_str("; left out");
    }
    check.found
}

/// A check under way.
struct Check<'a> {
    export: &'a GraphExport,
    catalog: &'a dyn Catalog,
    /// Each component in use, looked up once.
    components: FxHashMap<&'a str, Option<ComponentInfo>>,
    found: Vec<Diagnostic>,
}

impl<'a> Check<'a> {
    fn new(export: &'a GraphExport, catalog: &'a dyn Catalog) -> Self {
        let mut components = FxHashMap::default();
        for process in export.processes.values() {
            let component = &*process.component;
            components.entry(component).or_insert_with(|| catalog.component(component));
        }
        Self { export, catalog, components, found: Vec::new() }
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.found.push(diagnostic);
    }

    /// What is known about a node's component.
    fn component_of(&self, node: &str) -> Option<&ComponentInfo> {
        let process = self.export.processes.get(node)?;
        self.components.get(&*process.component)?.as_ref()
    }

    /// A declared port by the name a connection uses.
    fn declared<'p>(&self, ports: &'p [PortInfo], name: &str) -> Option<&'p PortInfo> {
        ports.iter().find(|port| self.same_port(&port.name, name))
    }

    fn same_port(&self, one: &str, other: &str) -> bool {
        one == other || (!self.export.case_sensitive && one.to_lowercase() == other.to_lowercase())
    }

    /// A port name as the graph compares it.
    fn folded(&self, port: &Name) -> Name {
        if self.export.case_sensitive || !port.chars().any(char::is_uppercase) {
            return port.clone();
        }
        Name::from(port.to_lowercase())
    }
}
