//! Edits of nodes and properties.

use std::sync::Arc;

use super::{Change, Graph};
use crate::{Error, Map, Metadata, Name, Process, Result};

impl Graph {
    /// Adds a node. An id that is taken is left alone.
    pub fn add_node(&mut self, id: &str, component: &str, metadata: Metadata) -> bool {
        if self.node(id).is_some() {
            return false;
        }
        let node = Process { metadata, ..Process::new(id, component) };
        let order = self.content.take_order();
        self.change(Change::AddNode { node, order })
    }

    /// Removes a node with its connections, initials, graph ports and memberships. A group left empty by that goes too.
    pub fn remove_node(&mut self, id: &str) -> bool {
        let Some(index) = self.content.index.get(id).copied() else { return false };
        let wires: Vec<_> = self
            .content
            .connections_at(index)
            .into_iter()
            .map(|wire| Change::RemoveConnection { connection: Box::new(wire.connection.clone()), order: wire.order })
            .collect();
        let node = &self.content.topology[index];
        let initials = node.initials();
        let initials: Vec<_> = initials
            .map(|(order, initial)| Change::RemoveInitial { initial: Box::new(initial.clone()), order })
            .collect();
        let ports = node.ports.clone();
        let last = Change::RemoveNode { node: node.process.clone(), order: node.order };
        self.step(|graph| {
            for change in wires.into_iter().chain(initials) {
                graph.change(change);
            }
            for (direction, name) in ports {
                graph.remove_port(direction, &name);
            }
            for group in graph.groups_of(id) {
                graph.remove_from_group(&group, id);
                graph.remove_group_if_empty(&group);
            }
            graph.change(last)
        })
    }

    /// Gives a node another id; connections, initials, graph ports and groups follow.
    ///
    /// # Errors
    ///
    /// [`Error::NodeExists`] if another node has that id.
    pub fn rename_node(&mut self, from: &str, to: &str) -> Result<bool> {
        if self.node(from).is_none() || from == to {
            return Ok(false);
        }
        let (from, to) = (Name::from(from), Name::from(to));
        if self.node(&to).is_some() {
            return Err(Error::NodeExists { from, to });
        }
        Ok(self.step(|graph| {
            for group in graph.groups_of(&from) {
                graph.replace_member(&group, &from, &to);
            }
            graph.change(Change::RenameNode { from, to })
        }))
    }

    /// Merges metadata into a node's by key. Null or an empty object clears it.
    pub fn set_node_metadata(&mut self, id: &str, metadata: &Metadata) -> bool {
        let Some(node) = self.node(id) else { return false };
        let before = node.metadata.clone();
        let after = if metadata.entries().is_empty() { Metadata::empty() } else { merged(&before, metadata) };
        let node = node.id.clone();
        before != after && self.change(Change::SetNodeMetadata { node, before, after })
    }

    /// Replaces the properties. The graph's name is not among them.
    pub fn set_properties(&mut self, properties: Map) -> bool {
        let (before, after) = (Arc::clone(&self.content.properties), Arc::new(properties));
        before != after && self.change(Change::SetProperties { before, after })
    }
}

/// `metadata` laid over `before`.
pub(super) fn merged(before: &Metadata, metadata: &Metadata) -> Metadata {
    let mut after = before.clone();
    after.merge(metadata.entries());
    after
}
