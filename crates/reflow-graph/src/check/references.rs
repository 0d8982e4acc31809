//! Names that lead nowhere, and things that are there twice.

use petgraph::graph::NodeIndex;
use rustc_hash::{FxHashMap, FxHashSet};

use super::Check;
use crate::{Code, Connection, ConnectionId, Diagnostic, Direction, Edge, Place};

impl<'a> Check<'a> {
    /// Looks at everything that refers to nodes by id.
    pub(super) fn references(&mut self) {
        let export = self.export;
        let mut seen = FxHashMap::default();
        for (connection, ends) in self.connections_with_ends() {
            let (from, to) = (&connection.from, &connection.to);
            if connection.is_initial() {
                self.node_exists(ends.to, to, Code::UnknownNode, || initial_place(connection));
                continue;
            }
            let place = || Place::Connection(ConnectionId::from(connection));
            self.node_exists(ends.from, from, Code::UnknownNode, place);
            self.node_exists(ends.to, to, Code::UnknownNode, place);
            let end = |edge: &'a Edge| (&*edge.node_id, self.folded(&edge.port_id));
            let times: &mut usize = seen.entry((end(from), end(to))).or_default();
            *times += 1;
            if *times == 2 {
                let message = "the same two ports are connected more than once";
                let hint = Some("one connection carries every packet; remove the others");
                self.report(Diagnostic::new(Code::DuplicateConnection, place(), message).with_hint(hint));
            }
        }
        for (direction, ports) in [(Direction::In, &export.inports), (Direction::Out, &export.outports)] {
            for (name, edge) in ports {
                let place = || Place::GraphPort { direction, port: name.clone() };
                self.node_exists(self.resolved.node(&edge.node_id), edge, Code::GraphPortToUnknownNode, place);
            }
        }
        let mut groups = FxHashSet::default();
        for group in &export.groups {
            let place = Place::Group { group: group.id.clone() };
            if !groups.insert(&group.id) {
                self.report(Diagnostic::new(Code::DuplicateGroup, place.clone(), "another group has this id already"));
            }
            for node in &group.nodes {
                let member = Edge::new(node.clone(), "");
                self.node_exists(self.resolved.node(node), &member, Code::UnknownMember, || place.clone());
            }
        }
    }

    fn node_exists(&mut self, node: Option<NodeIndex>, edge: &Edge, code: Code, place: impl Fn() -> Place) {
        if node.is_some() {
            return;
        }
        let nodes = &self.export.processes;
        let hint = self.hint(&edge.node_id, nodes.keys().map(|id| &**id));
        let message = if edge.node_id.is_empty() {
            "the node id is empty".to_owned()
        } else {
            format!("there is no node `{}`", edge.node_id)
        };
        self.report(Diagnostic::new(code, place(), message).with_hint(hint));
    }
}

pub(super) fn initial_place(initial: &Connection) -> Place {
    Place::Initial { node: initial.to.node_id.clone(), port: initial.inport().clone() }
}
