//! Edits of groups.

use super::edit_connections::merged_unless_empty;
use super::{Change, Graph};
use crate::{Extra, Metadata, Name};

impl Graph {
    /// Adds a group. An id that is taken is left alone; members need not exist.
    pub fn add_group<N: AsRef<str>>(
        &mut self,
        id: &str,
        nodes: impl IntoIterator<Item = N>,
        metadata: Metadata,
    ) -> bool {
        if self.content.groups.contains(id) {
            return false;
        }
        let group = Name::from(id);
        self.step(|graph| {
            let order = graph.content.take_order();
            graph.change(Change::AddGroup { group, metadata, extra: Extra::default(), order });
            for node in nodes {
                graph.add_to_group(id, node.as_ref());
            }
        });
        true
    }

    /// Removes a group. Its nodes stay.
    pub fn remove_group(&mut self, id: &str) -> bool {
        let Some(members) = self.content.groups.get(id) else { return false };
        let nodes: Vec<Name> = members.nodes.iter().map(|(_, node, ())| node.clone()).collect();
        self.step(|graph| {
            for node in nodes {
                graph.remove_from_group(id, &node);
            }
            graph.remove_group_if_empty(id)
        })
    }

    /// Adds a node, known or not, to a group that exists.
    pub fn add_to_group(&mut self, group: &str, node: &str) -> bool {
        let Some(members) = self.content.groups.get(group) else { return false };
        if members.nodes.contains(node) {
            return false;
        }
        let node = self.node(node).map_or_else(|| Name::from(node), |known| known.id.clone());
        let order = self.content.take_order();
        self.change(Change::AddMember { group: Name::from(group), node, order })
    }

    /// Takes a node out of a group. A group left empty stays.
    pub fn remove_from_group(&mut self, group: &str, node: &str) -> bool {
        let order = self.content.groups.get(group).and_then(|members| members.nodes.order(node));
        let Some(order) = order else { return false };
        self.change(Change::RemoveMember { group: Name::from(group), node: Name::from(node), order })
    }

    /// Merges metadata into a group's by key. Null or an empty object changes nothing.
    pub fn set_group_metadata(&mut self, group: &str, metadata: &Metadata) -> bool {
        let Some(members) = self.content.groups.get(group) else { return false };
        let before = members.metadata.clone();
        let after = merged_unless_empty(&before, metadata);
        before != after && self.change(Change::SetGroupMetadata { group: Name::from(group), before, after })
    }

    /// Ids of the groups a node is in, sorted.
    pub fn groups_of(&self, node: &str) -> Vec<Name> {
        let mut groups: Vec<Name> = self.content.memberships.get(node).into_iter().flatten().cloned().collect();
        groups.sort_unstable();
        groups
    }

    /// Puts a node into the place another has in a group. If it is in the group already, it stays where it is.
    pub(super) fn replace_member(&mut self, group: &Name, from: &Name, to: &Name) {
        let order = self.content.groups.get(group).and_then(|members| members.nodes.order(from));
        let Some(order) = order else { return };
        self.change(Change::RemoveMember { group: group.clone(), node: from.clone(), order });
        self.change(Change::AddMember { group: group.clone(), node: to.clone(), order });
    }

    pub(super) fn remove_group_if_empty(&mut self, id: &str) -> bool {
        let Some(members) = self.content.groups.get(id).filter(|members| members.nodes.is_empty()) else {
            return false;
        };
        let Some(order) = self.content.groups.order(id) else { return false };
        let (metadata, extra) = (members.metadata.clone(), members.extra.clone());
        self.change(Change::RemoveGroup { group: Name::from(id), metadata, extra, order })
    }
}
