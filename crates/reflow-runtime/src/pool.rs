//! Pools: named tables of values that belong to one node and persist over its ticks.

use reflow_message::Value;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

/// All pools of one node. They start empty with every run and take effect at once, whatever becomes of the tick.
#[derive(Debug, Default)]
pub struct Pools(Mutex<Tables>);

/// A change of a pool: its name, the id (none: it was emptied) and the value (none: it was removed).
pub(crate) type PoolChange = (Arc<str>, Option<Arc<str>>, Option<Value>);

#[derive(Debug, Default)]
struct Tables {
    pools: FxHashMap<String, BTreeMap<Arc<str>, Value>>,
    /// What changed, where a journal wants to know.
    changes: Option<Vec<PoolChange>>,
}

impl Tables {
    fn note(&mut self, change: impl FnOnce() -> PoolChange) {
        if let Some(changes) = &mut self.changes {
            changes.push(change());
        }
    }
}

impl Pools {
    /// Puts `value` under `id`, in place of what was there.
    pub fn upsert(&self, pool: &str, id: &str, value: Value) {
        let mut tables = self.0.lock();
        tables.note(|| (pool.into(), Some(id.into()), Some(value.clone())));
        let pools = &mut tables.pools;
        match pools.get_mut(pool) {
            Some(entries) => entries.insert(id.into(), value),
            None => pools.entry(pool.into()).or_default().insert(id.into(), value),
        };
    }

    /// Takes the value under `id` out, if there is one.
    pub fn remove(&self, pool: &str, id: &str) -> Option<Value> {
        let mut tables = self.0.lock();
        let removed = tables.pools.get_mut(pool)?.remove(id)?;
        tables.note(|| (pool.into(), Some(id.into()), None));
        Some(removed)
    }

    /// The value under `id`.
    pub fn get(&self, pool: &str, id: &str) -> Option<Value> {
        self.0.lock().pools.get(pool)?.get(id).cloned()
    }

    /// A copy of the whole pool, by id; empty when there is none.
    pub fn snapshot(&self, pool: &str) -> BTreeMap<Arc<str>, Value> {
        self.0.lock().pools.get(pool).cloned().unwrap_or_default()
    }

    /// How many values the pool has.
    pub fn count(&self, pool: &str) -> usize {
        self.0.lock().pools.get(pool).map_or(0, BTreeMap::len)
    }

    /// Empties the pool.
    pub fn clear(&self, pool: &str) {
        let mut tables = self.0.lock();
        if tables.pools.remove(pool).is_some() {
            tables.note(|| (pool.into(), None, None));
        }
    }

    /// Begins with these values, and notes what changes from now on.
    pub(crate) fn record(&self, values: impl IntoIterator<Item = (String, String, Value)>) {
        let mut tables = self.0.lock();
        tables.changes = Some(Vec::new());
        for (pool, id, value) in values {
            tables.pools.entry(pool).or_default().insert(id.into(), value);
        }
    }

    /// What changed since this was asked last.
    pub(crate) fn take_changes(&self) -> Vec<PoolChange> {
        self.0.lock().changes.as_mut().map(std::mem::take).unwrap_or_default()
    }
}
