//! Pools: named tables of values that belong to one node and persist over its ticks.

use reflow_message::Value;

use std::collections::BTreeMap;
use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

/// All pools of one node. They start empty with every run and take effect at once, whatever becomes of the tick.
#[derive(Debug, Default)]
pub struct Pools(Mutex<Tables>);

type Tables = FxHashMap<String, BTreeMap<Arc<str>, Value>>;

impl Pools {
    /// Puts `value` under `id`, in place of what was there.
    pub(crate) fn upsert(&self, pool: &str, id: &str, value: Value) {
        let mut pools = self.0.lock();
        match pools.get_mut(pool) {
            Some(entries) => entries.insert(id.into(), value),
            None => pools.entry(pool.into()).or_default().insert(id.into(), value),
        };
    }

    /// Takes the value under `id` out, if there is one.
    pub(crate) fn remove(&self, pool: &str, id: &str) -> Option<Value> {
        self.0.lock().get_mut(pool)?.remove(id)
    }

    /// The value under `id`.
    pub fn get(&self, pool: &str, id: &str) -> Option<Value> {
        self.0.lock().get(pool)?.get(id).cloned()
    }

    /// A copy of the whole pool, by id; empty when there is none.
    pub fn snapshot(&self, pool: &str) -> BTreeMap<Arc<str>, Value> {
        self.0.lock().get(pool).cloned().unwrap_or_default()
    }

    /// How many values the pool has.
    pub fn count(&self, pool: &str) -> usize {
        self.0.lock().get(pool).map_or(0, BTreeMap::len)
    }

    /// Empties the pool; whether there was one.
    pub(crate) fn clear(&self, pool: &str) -> bool {
        self.0.lock().remove(pool).is_some()
    }

    /// Begins with these values.
    pub(crate) fn restore(&self, values: impl IntoIterator<Item = (String, String, Value)>) {
        let mut pools = self.0.lock();
        for (pool, id, value) in values {
            pools.entry(pool).or_default().insert(id.into(), value);
        }
    }
}
