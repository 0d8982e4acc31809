//! `Table`: all entries of a database in memory, in the order in which they came, with indexes.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use reflow_message::Value;
use rustc_hash::FxHashMap;

use crate::entry::{AssetType, Entry, component_of, entity_of};

/// What is known of the content behind a hash.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    /// How many entries have it.
    uses: usize,
    /// How it is stored.
    pub(crate) compressed: bool,
    pub(crate) size: u64,
    pub(crate) raw_size: u64,
    /// The content itself, in a database without files.
    pub(crate) content: Option<Arc<[u8]>>,
}

/// All entries of a database.
#[derive(Debug, Default)]
pub struct Table {
    /// By the order in which they came.
    entries: BTreeMap<u64, Arc<Entry>>,
    next: u64,
    places: FxHashMap<Arc<str>, u64>,
    /// Ids in order, to find all that begin alike.
    sorted: BTreeSet<Arc<str>>,
    components: BTreeMap<Arc<str>, BTreeSet<u64>>,
    blobs: FxHashMap<Arc<str>, Blob>,
    /// Hashes that lost their last use.
    unused: Vec<Arc<str>>,
    counts: BTreeMap<&'static str, usize>,
    bytes: u64,
}

impl Table {
    /// A table of these entries, made at once: what is in order is sorted once and not entry by entry. Of several with one id the last
    /// one counts.
    pub(crate) fn of(entries: Vec<Entry>) -> Self {
        let mut table = Self::default();
        table.places.reserve(entries.len());
        let mut kept: Vec<(u64, Arc<Entry>)> = Vec::with_capacity(entries.len());
        for entry in entries {
            let entry = Arc::new(entry);
            let place = kept.len() as u64;
            match table.places.get(&entry.id) {
                Some(first) => kept[*first as usize].1 = entry,
                None => {
                    table.places.insert(Arc::clone(&entry.id), place);
                    kept.push((place, entry));
                }
            }
        }
        let mut components: FxHashMap<&str, Vec<u64>> = FxHashMap::default();
        for (place, entry) in &kept {
            table.keep_blob(entry, None);
            table.bytes = table.bytes.saturating_add(entry.size);
            *table.counts.entry(entry.asset_type.name()).or_default() += 1;
            if let Some(component) = component_of(&entry.id) {
                components.entry(component).or_default().push(*place);
            }
        }
        table.components =
            components.into_iter().map(|(name, places)| (name.into(), places.into_iter().collect())).collect();
        table.sorted = kept.iter().map(|(_, entry)| Arc::clone(&entry.id)).collect();
        table.next = kept.len() as u64;
        table.entries = kept.into_iter().collect();
        table
    }

    /// The number of assets.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The bytes that all content takes as it is stored.
    pub fn total_bytes(&self) -> u64 {
        self.bytes
    }

    /// How many assets there are of each type.
    pub fn types(&self) -> impl Iterator<Item = (&'static str, usize)> {
        self.counts.iter().map(|(name, count)| (*name, *count))
    }

    /// The entry with this id.
    pub fn entry(&self, id: &str) -> Option<&Arc<Entry>> {
        self.entries.get(self.places.get(id)?)
    }

    /// The entry with this id and its place.
    pub(crate) fn entry_at(&self, id: &str) -> Option<(u64, &Arc<Entry>)> {
        let place = *self.places.get(id)?;
        Some((place, self.entries.get(&place)?))
    }

    /// All entries, in the order in which they came.
    pub fn entries(&self) -> impl Iterator<Item = &Arc<Entry>> {
        self.entries.values()
    }

    /// The JSON of a component; `None` where there is none, or where it is binary.
    pub fn json(&self, id: &str) -> Option<&Value> {
        self.entry(id)?.inline.as_ref()
    }

    /// The JSON of the component of an entity.
    pub fn component(&self, entity: &str, component: &str) -> Option<&Value> {
        self.json(&format!("{entity}:{component}"))
    }

    /// Entries whose id is `ENTITY:…`, in the order in which they came.
    pub fn of_entity(&self, entity: &str) -> Vec<Arc<Entry>> {
        let prefix = format!("{entity}:");
        let from = (Bound::Included(prefix.as_str()), Bound::Unbounded);
        let ids = self.sorted.range::<str, _>(from).take_while(|id| id.starts_with(&prefix));
        let places: BTreeSet<u64> = ids.filter_map(|id| self.places.get(id)).copied().collect();
        places.iter().filter_map(|place| self.entries.get(place)).cloned().collect()
    }

    /// The names of the components of an entity, in the order in which they came.
    pub fn components_of(&self, entity: &str) -> Vec<Arc<str>> {
        let skipped = entity.len() + 1;
        self.of_entity(entity).iter().filter_map(|entry| entry.id.get(skipped..).map(Into::into)).collect()
    }

    /// Entries that are components of one of these names, or of a name that begins with `prefix` if one is given, in the
    /// order in which they came.
    pub fn with_component(&self, names: &[&str], prefix: Option<&str>) -> Vec<Arc<Entry>> {
        let mut places = BTreeSet::new();
        places.extend(names.iter().filter_map(|name| self.components.get(*name)).flatten());
        if let Some(prefix) = prefix {
            let from = (Bound::Included(prefix), Bound::Unbounded);
            let names = self.components.range::<str, _>(from).take_while(|(name, _)| name.starts_with(prefix));
            places.extend(names.flat_map(|(_, places)| places));
        }
        places.iter().filter_map(|place| self.entries.get(place)).cloned().collect()
    }

    /// The entities that have all of these components, in the order in which their first one came.
    pub fn entities_with(&self, components: &[&str]) -> Vec<Arc<str>> {
        let Some((first, others)) = components.split_first() else { return Vec::new() };
        let has = |entity: &str, component: &&str| self.places.contains_key(format!("{entity}:{component}").as_str());
        let found = self.with_component(&[first], None).into_iter().map(|entry| entity_of(&entry.id).into());
        found.filter(|entity: &Arc<str>| others.iter().all(|component| has(entity, component))).collect()
    }

    /// The entities that have at least one of these components, in the order in which their first one came.
    pub fn entities_with_any(&self, components: &[&str]) -> Vec<Arc<str>> {
        let mut seen = rustc_hash::FxHashSet::default();
        let found = self.with_component(components, None);
        let entities = found.iter().map(|entry| Arc::<str>::from(entity_of(&entry.id)));
        entities.filter(|entity| seen.insert(Arc::clone(entity))).collect()
    }

    /// The components of an entity and their JSON; of binary ones how large they are.
    pub fn snapshot(&self, entity: &str) -> Value {
        let skipped = entity.len() + 1;
        let members = self.of_entity(entity).into_iter().filter_map(|entry| {
            let content = entry.inline.clone().unwrap_or_else(|| {
                Value::object([
                    ("$binary", true.into()),
                    ("size", entry.size.into()),
                    ("metadata", entry.metadata.clone()),
                ])
            });
            Some((entry.id.get(skipped..)?.to_string(), content))
        });
        Value::object(members)
    }

    /// Puts an entry in the place of the one with its id, or behind all others. Gives what was there, and its place.
    pub(crate) fn insert(&mut self, entry: Arc<Entry>, content: Option<Arc<[u8]>>) -> Option<(u64, Arc<Entry>)> {
        let place = self.places.get(&entry.id).copied().unwrap_or(self.next);
        // The new use is counted before the old one is given up: they may be of the same content.
        self.keep_blob(&entry, content);
        let old = self.entries.remove(&place);
        if let Some(old) = &old {
            self.forget(old);
        }
        self.place(place, entry);
        old.map(|old| (place, old))
    }

    /// Puts an entry back where it was.
    pub(crate) fn restore(&mut self, place: u64, entry: Arc<Entry>, content: Option<Arc<[u8]>>) {
        self.keep_blob(&entry, content);
        self.remove(&entry.id);
        self.place(place, entry);
    }

    fn place(&mut self, place: u64, entry: Arc<Entry>) {
        self.next = self.next.max(place + 1);
        self.bytes = self.bytes.saturating_add(entry.size);
        *self.counts.entry(entry.asset_type.name()).or_default() += 1;
        if let Some(component) = component_of(&entry.id) {
            match self.components.get_mut(component) {
                Some(places) => _ = places.insert(place),
                None => _ = self.components.insert(component.into(), BTreeSet::from([place])),
            }
        }
        if self.places.insert(Arc::clone(&entry.id), place).is_none() {
            self.sorted.insert(Arc::clone(&entry.id));
        }
        self.entries.insert(place, entry);
    }

    /// Takes an entry out.
    pub(crate) fn remove(&mut self, id: &str) -> Option<(u64, Arc<Entry>)> {
        let place = self.places.remove(id)?;
        self.sorted.remove(id);
        let entry = self.entries.remove(&place)?;
        self.forget(&entry);
        if let Some(component) = component_of(id)
            && let Some(places) = self.components.get_mut(component)
        {
            places.remove(&place);
            if places.is_empty() {
                self.components.remove(component);
            }
        }
        Some((place, entry))
    }

    /// Counts out what an entry that goes was counted in.
    fn forget(&mut self, entry: &Entry) {
        self.bytes = self.bytes.saturating_sub(entry.size);
        let name = entry.asset_type.name();
        if let Some(count) = self.counts.get_mut(name) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(name);
            }
        }
        if entry.inline.is_some() {
            return;
        }
        if let Some(blob) = self.blobs.get_mut(&entry.hash) {
            blob.uses -= 1;
            if blob.uses == 0 {
                self.blobs.remove(&entry.hash);
                self.unused.push(Arc::clone(&entry.hash));
            }
        }
    }

    fn keep_blob(&mut self, entry: &Entry, content: Option<Arc<[u8]>>) {
        if entry.inline.is_none() {
            let (compressed, size, raw_size) = (entry.compressed, entry.size, entry.raw_size);
            let fresh = Blob { uses: 0, compressed, size, raw_size, content };
            self.blobs.entry(Arc::clone(&entry.hash)).or_insert(fresh).uses += 1;
        }
    }

    /// What is known of the content behind a hash.
    pub(crate) fn blob(&self, hash: &str) -> Option<&Blob> {
        self.blobs.get(hash)
    }

    /// Hashes that lost their last use since this was asked the last time. Some may be in use again.
    pub(crate) fn take_unused(&mut self) -> Vec<Arc<str>> {
        std::mem::take(&mut self.unused)
    }

    /// The type that entries of this id have.
    pub(crate) fn type_of(id: &str) -> AssetType {
        AssetType::of_id(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn entry(id: &str, hash: &str, size: u64) -> Entry {
        let json = serde_json::json!({
            "id": id, "name": entity_of(id), "assetType": "mesh", "blobHash": hash, "blobSize": size, "createdAt": "",
            "updatedAt": "", "compressed": false,
        });
        serde_json::from_value(json).unwrap()
    }

    proptest! {
        #[test]
        fn made_at_once_it_is_as_made_one_by_one(ids in prop::collection::vec(("[abc]:[xy]", "[pq]"), 0..20)) {
            let entries = || ids.iter().zip(1..).map(|((id, hash), size)| entry(id, hash, size));
            let whole = Table::of(entries().collect());
            let mut grown = Table::default();
            for entry in entries() {
                grown.insert(Arc::new(entry), None);
            }
            prop_assert_eq!(
                whole.entries().map(|entry| (&entry.id, entry.size)).collect::<Vec<_>>(),
                grown.entries().map(|entry| (&entry.id, entry.size)).collect::<Vec<_>>()
            );
            prop_assert_eq!((whole.total_bytes(), &whole.sorted), (grown.total_bytes(), &grown.sorted));
            prop_assert_eq!(whole.with_component(&["x"], None).len(), grown.with_component(&["x"], None).len());
            prop_assert_eq!(whole.types().collect::<Vec<_>>(), grown.types().collect::<Vec<_>>());
            for hash in ["p", "q"] {
                prop_assert_eq!(whole.blob(hash).map(|blob| blob.uses), grown.blob(hash).map(|blob| blob.uses));
            }
        }
    }
}
