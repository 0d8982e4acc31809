//! From the saved form to the editable one and back.

use std::sync::Arc;

use super::content::{Content, LAST_ORDER, Members};
use super::ordered::Ordered;
use super::{Change, Direction, Snapshot};
use crate::{Edge, GraphExport, Name, Process};

/// A loaded graph, and whether parts of the export were left out because they refer to nothing.
pub(crate) struct Loaded {
    pub(crate) content: Content,
    pub(crate) complete: bool,
}

impl Content {
    /// Builds the state from an export. What refers to unknown nodes, or is there twice, is left out.
    pub(crate) fn load(export: &GraphExport) -> Loaded {
        Self::load_numbered(export, 0..)
    }

    /// Brings back exactly the state that [`snapshot`](Self::snapshot) took.
    pub(crate) fn restore(snapshot: &Snapshot) -> Self {
        let last = snapshot.orders.iter().max().map_or(0, |order| order.saturating_add(1)).min(LAST_ORDER);
        let numbers = snapshot.orders.iter().copied().chain(last..);
        let mut content = Self::load_numbered(&snapshot.graph, numbers).content;
        content.next = content.next.max(snapshot.next.min(LAST_ORDER));
        content
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        let nodes = self.nodes().into_iter().map(|node| node.order);
        let wires = self.connections().into_iter().map(|wire| wire.order);
        let initials = self.initials().into_iter().map(|(order, _)| order);
        let ports = self.inports.iter().chain(self.outports.iter()).map(|(order, ..)| order);
        let groups = self.groups.iter().flat_map(|(order, _, members)| {
            std::iter::once(order).chain(members.nodes.iter().map(|(order, ..)| order))
        });
        let orders = nodes.chain(wires).chain(initials).chain(ports).chain(groups).collect();
        Snapshot { graph: self.export(), orders, next: self.next }
    }

    fn load_numbered(export: &GraphExport, mut numbers: impl Iterator<Item = u64>) -> Loaded {
        let mut number = || numbers.next().unwrap_or(LAST_ORDER);
        let mut properties = export.properties.clone();
        properties.remove("name");
        let (name, properties) = (export.name().to_owned(), Arc::new(properties));
        let mut content = Self { name, case_sensitive: export.case_sensitive, properties, ..Self::default() };
        let mut complete = true;

        content.topology.reserve_exact_nodes(export.processes.len());
        content.topology.reserve_exact_edges(export.connections.len());
        content.index.reserve(export.processes.len());
        content.wires.reserve(export.connections.len());
        for (id, process) in &export.processes {
            let node = Process { id: id.clone(), ..process.clone() };
            complete &= content.add_node(node, number()).is_some();
        }
        for mut wire in export.wires().cloned() {
            wire.from.port_id = content.port(&wire.from.port_id);
            wire.to.port_id = content.port(&wire.to.port_id);
            complete &= content.add_connection(wire, number()).is_some();
        }
        for mut initial in export.initials().cloned() {
            initial.to.port_id = content.port(&initial.to.port_id);
            complete &= content.add_initial(initial, number()).is_some();
        }
        for (direction, ports) in [(Direction::In, &export.inports), (Direction::Out, &export.outports)] {
            for (name, edge) in ports {
                let (name, edge) = content.fold_port(name, edge.clone());
                complete &= content.add_port(direction, &name, edge, number()).is_some();
            }
        }
        for group in &export.groups {
            let order = number();
            let members =
                Members { metadata: group.metadata.clone(), extra: group.extra.clone(), nodes: Ordered::default() };
            complete &= content.groups.insert(&group.id, order, members);
            content.seen(order);
            for node in group.nodes.iter().cloned() {
                let change = Change::AddMember { group: group.id.clone(), node, order: number() };
                complete &= content.apply(&change);
            }
        }
        content.carried = Arc::new(GraphExport {
            graph_dependencies: export.graph_dependencies.clone(),
            external_connections: export.external_connections.clone(),
            provided_interfaces: export.provided_interfaces.clone(),
            required_interfaces: export.required_interfaces.clone(),
            extra: export.extra.clone(),
            ..GraphExport::default()
        });
        Loaded { content, complete }
    }

    fn fold_port(&mut self, name: &str, mut edge: Edge) -> (Name, Edge) {
        edge.port_id = self.port(&edge.port_id);
        edge.port_name = self.port(&edge.port_name);
        (self.port(name), edge)
    }
}

impl From<Snapshot> for GraphExport {
    fn from(snapshot: Snapshot) -> Self {
        snapshot.graph
    }
}
