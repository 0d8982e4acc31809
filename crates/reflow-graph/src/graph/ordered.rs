//! A map that remembers the order in which its entries were added, also across undo.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use crate::Name;

/// Named values in the order of their numbers.
///
/// Each entry has a number given by the graph, which only ever counts up. An entry that is removed and brought back by
/// undo comes back under its old number, and so in its old place. Nothing moves on removal.
#[derive(Clone, Debug)]
pub(crate) struct Ordered<V> {
    index: FxHashMap<Name, u64>,
    items: BTreeMap<u64, (Name, V)>,
}

impl<V> Default for Ordered<V> {
    fn default() -> Self {
        Self { index: FxHashMap::default(), items: BTreeMap::new() }
    }
}

impl<V> Ordered<V> {
    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.index.contains_key(name)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&V> {
        self.items.get(self.index.get(name)?).map(|(_, value)| value)
    }

    pub(crate) fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        self.items.get_mut(self.index.get(name)?).map(|(_, value)| value)
    }

    pub(crate) fn order(&self, name: &str) -> Option<u64> {
        self.index.get(name).copied()
    }

    /// Adds an entry under a number nothing else has. Returns false, and changes nothing, if the name is taken.
    pub(crate) fn insert(&mut self, name: &Name, order: u64, value: V) -> bool {
        if self.contains(name) || self.items.contains_key(&order) {
            return false;
        }
        self.index.insert(name.clone(), order);
        self.items.insert(order, (name.clone(), value));
        true
    }

    pub(crate) fn remove(&mut self, name: &str) -> Option<V> {
        let order = self.index.remove(name)?;
        self.items.remove(&order).map(|(_, value)| value)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (u64, &Name, &V)> {
        self.items.iter().map(|(order, (name, value))| (*order, name, value))
    }
}
