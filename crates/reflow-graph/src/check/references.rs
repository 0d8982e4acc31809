//! Names that lead nowhere, and things that are there twice.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Check;
use crate::{Code, Connection, ConnectionId, Diagnostic, Direction, Edge, Place};

impl Check<'_> {
    /// Looks at everything that refers to nodes by id.
    pub(super) fn references(&mut self) {
        let export = self.export;
        let mut seen = FxHashMap::default();
        for connection in &export.connections {
            if connection.is_initial() {
                let place = initial_place(connection);
                self.node_exists(&connection.to, Code::UnknownNode, &place);
                continue;
            }
            let id = ConnectionId::from(connection);
            let place = Place::Connection(id.clone());
            self.node_exists(&connection.from, Code::UnknownNode, &place);
            self.node_exists(&connection.to, Code::UnknownNode, &place);
            let key = ConnectionId { from_port: self.folded(&id.from_port), to_port: self.folded(&id.to_port), ..id };
            let times: &mut usize = seen.entry(key).or_default();
            *times += 1;
            if *times == 2 {
                let message = "the same two ports are connected more than once";
                let hint = Some("one connection carries every packet; remove the others");
                self.report(Diagnostic::new(Code::DuplicateConnection, place, message).with_hint(hint));
            }
        }
        for (direction, ports) in [(Direction::In, &export.inports), (Direction::Out, &export.outports)] {
            for (name, edge) in ports {
                let place = Place::GraphPort { direction, port: name.clone() };
                self.node_exists(edge, Code::GraphPortToUnknownNode, &place);
            }
        }
        let mut groups = FxHashSet::default();
        for group in &export.groups {
            let place = Place::Group { group: group.id.clone() };
            if !groups.insert(&group.id) {
                self.report(Diagnostic::new(Code::DuplicateGroup, place.clone(), "another group has this id already"));
            }
            for node in &group.nodes {
                self.node_exists(&Edge::new(node.clone(), ""), Code::UnknownMember, &place);
            }
        }
    }

    fn node_exists(&mut self, edge: &Edge, code: Code, place: &Place) {
        let nodes = &self.export.processes;
        if nodes.contains_key(&edge.node_id) {
            return;
        }
        let hint = self.hint(&edge.node_id, nodes.keys().map(|id| &**id));
        let message = if edge.node_id.is_empty() {
            "the node id is empty".to_owned()
        } else {
            format!("there is no node `{}`", edge.node_id)
        };
        self.report(Diagnostic::new(code, place.clone(), message).with_hint(hint));
    }
}

pub(super) fn initial_place(initial: &Connection) -> Place {
    Place::Initial { node: initial.to.node_id.clone(), port: initial.inport().clone() }
}
