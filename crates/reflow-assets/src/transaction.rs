//! `Transaction`: changes that take place together or not at all.

use std::ops::Deref;
use std::sync::Arc;

use reflow_message::Value;
use rustc_hash::FxHashSet;

use crate::blob;
use crate::delta::Delta;
use crate::disk::Disk;
use crate::entry::{Entry, component_of, entity_of, now};
use crate::error::AssetError;
use crate::hash::content_hash;
use crate::journal::Change;
use crate::table::Table;

/// How deep data may be nested, so that every reader can read the manifest.
const DEEPEST: usize = 100;

/// Changes that take place together or not at all. Everything that a [`Table`] tells includes them.
pub struct Transaction<'a> {
    table: &'a mut Table,
    disk: Option<&'a mut Disk>,
    now: Arc<str>,
    /// What was there before, in the order of the first change of each id.
    before: Vec<(Arc<str>, Option<Before>)>,
    changed: FxHashSet<Arc<str>>,
    deltas: Vec<Delta>,
    is_done: bool,
}

/// An entry that was there, its place, and its content in a database without files.
type Before = (u64, Arc<Entry>, Option<Arc<[u8]>>);

impl Deref for Transaction<'_> {
    type Target = Table;

    fn deref(&self) -> &Table {
        self.table
    }
}

impl<'a> Transaction<'a> {
    pub(crate) fn new(table: &'a mut Table, disk: Option<&'a mut Disk>) -> Self {
        let (before, changed, deltas) = (Vec::new(), FxHashSet::default(), Vec::new());
        Self { table, disk, now: now(), before, changed, deltas, is_done: false }
    }

    /// Stores bytes.
    ///
    /// # Errors
    /// When they cannot be written.
    pub fn put(&mut self, id: &str, content: &[u8], metadata: Value) -> Result<(), AssetError> {
        let id = checked(id, &metadata)?;
        let hash = content_hash(content);
        let known = self.table.blob(&hash).map(|blob| (blob.compressed, blob.size, blob.raw_size));
        let asset_type = Table::type_of(&id);
        let mut kept = None;
        let (compressed, size, raw_size) = if let Some(known) = known {
            known
        } else {
            let (stored, compressed) = match self.disk {
                Some(_) => blob::encode(content, asset_type),
                None => (content.into(), false),
            };
            match &mut self.disk {
                Some(disk) => disk.write_blob(&hash, &stored)?,
                None => kept = Some(content.into()),
            }
            (compressed, stored.len() as u64, content.len() as u64)
        };
        let entry = Entry { hash, size, compressed, raw_size, metadata: metadata.clone(), ..self.fresh(&id) };
        self.set(Arc::new(entry), kept);
        self.tell("put", &id, None, Some(metadata));
        Ok(())
    }

    /// Stores JSON.
    ///
    /// # Errors
    /// When it is nested too deep or too large.
    pub fn put_json(&mut self, id: &str, value: Value, metadata: Value) -> Result<(), AssetError> {
        let id = checked(id, &metadata)?;
        let (value, text) = storable(&id, value)?;
        let (hash, size) = (content_hash(text.as_bytes()), text.len() as u64);
        let inline = Some(value.clone());
        self.set(Arc::new(Entry { hash, size, inline, metadata: metadata.clone(), ..self.fresh(&id) }), None);
        self.tell("put", &id, Some(value), Some(metadata));
        Ok(())
    }

    /// Stores JSON in place of JSON that is there, whose metadata stays.
    ///
    /// # Errors
    /// As [`put_json`](Self::put_json).
    pub fn replace_json(&mut self, id: &str, value: Value) -> Result<(), AssetError> {
        let metadata = self.table.entry(id).map_or_else(empty, |entry| entry.metadata.clone());
        self.put_json(id, value, metadata)
    }

    /// Stores a component of an entity. If it and `patch` are objects, `patch` is laid over it.
    ///
    /// # Errors
    /// As [`put_json`](Self::put_json).
    pub fn merge(&mut self, entity: &str, component: &str, patch: &Value, metadata: Value) -> Result<(), AssetError> {
        let id = format!("{entity}:{component}");
        let value = self.table.json(&id).map_or_else(|| patch.clone(), |old| old.merged_with(patch));
        self.put_json(&id, value, metadata)
    }

    /// Adds tags.
    ///
    /// # Errors
    /// When there is no such asset.
    pub fn tag(&mut self, id: &str, tags: &[Arc<str>]) -> Result<(), AssetError> {
        let mut all = self.found(id)?.tags.clone();
        for tag in tags {
            if !all.contains(tag) {
                all.push(Arc::clone(tag));
            }
        }
        self.set_tags(id, all)
    }

    /// Replaces the tags.
    ///
    /// # Errors
    /// When there is no such asset.
    pub fn set_tags(&mut self, id: &str, tags: Vec<Arc<str>>) -> Result<(), AssetError> {
        let old = self.found(id)?;
        if old.tags == tags {
            return Ok(());
        }
        let data = Value::array(tags.iter().cloned());
        self.set(Arc::new(Entry { tags, updated_at: Arc::clone(&self.now), ..Entry::clone(&old) }), None);
        self.tell("tag", &old.id, Some(data), None);
        Ok(())
    }

    /// Replaces the metadata.
    ///
    /// # Errors
    /// When there is no such asset.
    pub fn set_metadata(&mut self, id: &str, metadata: Value) -> Result<(), AssetError> {
        checked(id, &metadata)?;
        let old = self.found(id)?;
        self.set(Arc::new(Entry { metadata, updated_at: Arc::clone(&self.now), ..Entry::clone(&old) }), None);
        Ok(())
    }

    /// Removes an asset.
    ///
    /// # Errors
    /// When there is no such asset.
    pub fn delete(&mut self, id: &str) -> Result<(), AssetError> {
        let old = self.found(id)?;
        self.take_out(&old.id);
        self.tell("delete", &old.id, None, None);
        Ok(())
    }

    /// Copies all components of an entity to another one, over those that it has. Gives their number.
    pub fn spawn(&mut self, template: &str, new: &str) -> usize {
        let originals = self.table.of_entity(template);
        for original in &originals {
            let Some(component) = original.id.get(template.len() + 1..) else { continue };
            let id: Arc<str> = format!("{new}:{component}").into();
            let fresh = self.fresh(&id);
            let copy = Entry {
                name: fresh.name,
                asset_type: fresh.asset_type,
                created_at: fresh.created_at,
                updated_at: fresh.updated_at,
                id,
                ..Entry::clone(original)
            };
            self.set(Arc::new(copy), None);
        }
        let data = Value::object([("template", template)]);
        self.tell("spawn", &new.into(), Some(data), None);
        originals.len()
    }

    /// Removes all components of an entity. Gives their number.
    pub fn destroy(&mut self, entity: &str) -> usize {
        let components = self.table.of_entity(entity);
        components.iter().for_each(|entry| self.take_out(&entry.id));
        self.tell("destroy", &entity.into(), None, None);
        components.len()
    }

    fn found(&self, id: &str) -> Result<Arc<Entry>, AssetError> {
        self.table.entry(id).cloned().ok_or_else(|| AssetError::AssetNotFound(id.into()))
    }

    /// An entry without content in the place of the one with this id.
    fn fresh(&self, id: &Arc<str>) -> Entry {
        let old = self.table.entry(id);
        Entry {
            id: Arc::clone(id),
            name: entity_of(id).into(),
            asset_type: Table::type_of(id),
            hash: "".into(),
            size: 0,
            metadata: Value::Null,
            tags: old.map(|old| old.tags.clone()).unwrap_or_default(),
            created_at: Arc::clone(old.map_or(&self.now, |old| &old.created_at)),
            updated_at: Arc::clone(&self.now),
            inline: None,
            compressed: false,
            raw_size: 0,
            unknown: old.map(|old| old.unknown.clone()).unwrap_or_default(),
        }
    }

    fn set(&mut self, entry: Arc<Entry>, content: Option<Arc<[u8]>>) {
        self.remember(&entry.id);
        self.table.insert(entry, content);
    }

    fn take_out(&mut self, id: &Arc<str>) {
        self.remember(id);
        self.table.remove(id);
    }

    fn remember(&mut self, id: &Arc<str>) {
        if self.changed.insert(Arc::clone(id)) {
            let before = self.table.entry_at(id).map(|(place, entry)| {
                let content = self.table.blob(&entry.hash).and_then(|blob| blob.content.clone());
                (place, Arc::clone(entry), content)
            });
            self.before.push((Arc::clone(id), before));
        }
    }

    fn tell(&mut self, op: &'static str, id: &Arc<str>, data: Option<Value>, metadata: Option<Value>) {
        let timestamp = Arc::clone(&self.now);
        self.deltas.push(Delta { op, id: Arc::clone(id), data, metadata, timestamp });
    }

    /// Writes the changes. Gives what listeners are to be told.
    pub(crate) fn commit(mut self) -> Result<Vec<Delta>, AssetError> {
        let mut changes = Vec::new();
        for (id, before) in &self.before {
            let place = before.as_ref().map(|(place, ..)| *place);
            let after = self.table.entry_at(id);
            // An asset that went and came again stands behind the others.
            if place.is_some() && after.is_none_or(|(now, _)| Some(now) != place) {
                changes.push(Change::Delete(Arc::clone(id)));
            }
            changes.extend(after.map(|(_, entry)| Change::Put(Arc::clone(entry))));
        }
        if !changes.is_empty()
            && let Some(disk) = &mut self.disk
        {
            disk.append(Arc::clone(&self.now), changes)?;
        }
        self.is_done = true;
        Ok(std::mem::take(&mut self.deltas))
    }
}

impl Drop for Transaction<'_> {
    /// Takes back what was not committed.
    fn drop(&mut self) {
        if self.is_done {
            return;
        }
        for (id, before) in std::mem::take(&mut self.before) {
            match before {
                Some((place, entry, content)) => self.table.restore(place, entry, content),
                None => _ = self.table.remove(&id),
            }
        }
    }
}

pub(crate) fn empty() -> Value {
    Value::object::<&str, Value>([])
}

/// An id that an asset may have, with metadata that it may have.
fn checked(id: &str, metadata: &Value) -> Result<Arc<str>, AssetError> {
    if id.is_empty() || component_of(id) == Some("") && entity_of(id).is_empty() {
        return Err(AssetError::NoId);
    }
    storable(&id.into(), metadata.clone())?;
    Ok(id.into())
}

/// A value as it comes back when it was written, and its text.
fn storable(id: &Arc<str>, value: Value) -> Result<(Value, String), AssetError> {
    if value.depth() > DEEPEST {
        return Err(AssetError::TooDeep { id: Arc::clone(id), limit: DEEPEST });
    }
    let text = value.to_json().map_err(|source| AssetError::TooLarge { id: Arc::clone(id), source })?;
    // JSON has no NaN and no infinity: what was stored and what is read are the same.
    let value = if is_finite(&value) { value } else { Value::from_json(&text).unwrap_or_default() };
    Ok((value, text))
}

fn is_finite(value: &Value) -> bool {
    match value {
        Value::Float(number) => number.is_finite(),
        Value::Array(items) => items.iter().all(is_finite),
        Value::Object(members) => members.values().all(is_finite),
        _ => true,
    }
}
