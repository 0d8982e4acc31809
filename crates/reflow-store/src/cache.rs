//! Cached results: what ticks gave, by a hash of what they were made of.

use std::fmt;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use reflow_message::{Message, put_number, take_number};
use reflow_runtime::journal::JournalError;
use reflow_runtime::{CacheKey, CachedResult, MemoryCache, ResultCache};
use rusqlite::{OptionalExtension, params};
use rustc_hash::FxHashMap;

use crate::error::StoreError;
use crate::process::now;
use crate::store::Store;

/// Results that are too big for a row of the database.
const BIGGEST: usize = 64 << 20;

/// A result that was kept.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheEntry {
    /// What was put in.
    pub data: Vec<u8>,
    /// When, in seconds since 1970.
    pub created: f64,
    /// Until when it counts, in seconds since 1970; for ever without.
    pub expires: Option<f64>,
}

/// The results of one component.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheRow {
    /// Its template.
    pub component: String,
    /// How many there are.
    pub results: u64,
    /// What they hold.
    pub bytes: u64,
    /// When the last one was made, in seconds since 1970.
    pub newest: f64,
}

impl Store {
    /// The result under a key, if there is one that still counts at that moment, in seconds since 1970.
    pub fn cached(&self, key: &[u8], at: f64) -> Result<Option<CacheEntry>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT data, created, expires FROM cache WHERE key = ?1 AND (expires IS NULL OR expires > ?2)";
            let entry = |row: &rusqlite::Row<'_>| {
                Ok(CacheEntry { data: row.get(0)?, created: row.get(1)?, expires: row.get(2)? })
            };
            connection.prepare_cached(sql)?.query_row(params![key, at], entry).optional()
        })
    }

    /// Keeps a result, until a moment if one is given. It is there for other processes soon.
    /// The answer is its number among what is to be written.
    pub fn cache(&self, key: &[u8], component: &str, data: Vec<u8>, expires: Option<f64>) -> Result<u64, StoreError> {
        self.check_process()?;
        let (key, component, bytes) = (key.to_vec(), component.to_owned(), data.len());
        self.queue.aside(
            bytes,
            Box::new(move |writer| {
                let sql =
                    "INSERT OR REPLACE INTO cache (key, component, created, expires, data) VALUES (?1, ?2, ?3, ?4, ?5)";
                let row = params![key, component, now(), expires, data];
                let written = writer.connection().prepare_cached(sql).and_then(|mut insert| insert.execute(row));
                written.map(drop).map_err(|error| StoreError::of(writer.path(), &error))
            }),
        )
    }

    /// Forgets results: those of a component, or all; how many.
    pub fn clear_cache(&self, component: Option<&str>) -> Result<usize, StoreError> {
        let component = component.map(str::to_owned);
        self.write(move |connection| match component {
            Some(component) => connection.execute("DELETE FROM cache WHERE component = ?1", [component]),
            None => connection.execute("DELETE FROM cache", []),
        })
    }

    /// Forgets results whose time is over; how many.
    pub fn clear_expired(&self) -> Result<usize, StoreError> {
        self.write(|connection| connection.execute("DELETE FROM cache WHERE expires <= ?1", [now()]))
    }

    /// What results there are, by component.
    pub fn cache_rows(&self) -> Result<Vec<CacheRow>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT component, count(*), sum(length(data)), max(created) FROM cache
                       GROUP BY component ORDER BY component";
            let row = |row: &rusqlite::Row<'_>| {
                Ok(CacheRow {
                    component: row.get(0)?,
                    results: row.get::<_, i64>(1)? as u64,
                    bytes: row.get::<_, i64>(2)? as u64,
                    newest: row.get(3)?,
                })
            };
            connection.prepare(sql)?.query_map([], row)?.collect()
        })
    }

    /// Its results as networks use them.
    pub fn results(self: &Arc<Self>) -> Arc<StoredCache> {
        let mut known = self.results.lock();
        if let Some(results) = known.upgrade() {
            return results;
        }
        let results = Arc::new(StoredCache {
            store: Arc::clone(self),
            memory: MemoryCache::default(),
            pending: Mutex::default(),
        });
        *known = Arc::downgrade(&results);
        drop(known);
        // What nobody may use any more need not stay; if it does, it is passed over.
        let _ = self.queue.aside(
            0,
            Box::new(|writer| {
                let deleted = writer.connection().execute("DELETE FROM cache WHERE expires <= ?1", [now()]);
                deleted.map(drop).map_err(|error| StoreError::of(writer.path(), &error))
            }),
        );
        results
    }
}

/// The handle by which a store knows its results.
pub(crate) type KnownResults = Mutex<Weak<StoredCache>>;

/// The results of a store.
///
/// What cannot be kept there (an object that cannot be pickled, one that is too big) is kept in memory alone.
pub struct StoredCache {
    store: Arc<Store>,
    memory: MemoryCache,
    /// Results on their way into the store.
    pending: Mutex<FxHashMap<CacheKey, Pending>>,
}

/// A result that is not in the store yet, or has just come there.
struct Pending {
    component: Arc<str>,
    result: Arc<CachedResult>,
    until_ms: Option<u64>,
    /// Its number among what the writer has to do.
    number: u64,
}

impl StoredCache {
    /// Forgets what has come into the store meanwhile.
    fn settle(&self) {
        let done = self.store.queue.done();
        let gone: Vec<_> = {
            let mut pending = self.pending.lock();
            let keys: Vec<_> = pending.iter().filter(|(_, one)| one.number <= done).map(|(key, _)| *key).collect();
            keys.iter().filter_map(|key| pending.remove(key)).collect()
        };
        // Values of a host run code of their own when they go.
        drop(gone);
    }
}

impl ResultCache for StoredCache {
    fn get(&self, key: &CacheKey, now_ms: u64) -> Option<Arc<CachedResult>> {
        let counts = |until: Option<u64>| until.is_none_or(|until| until > now_ms);
        if let Some(one) = self.pending.lock().get(key) {
            return counts(one.until_ms).then(|| Arc::clone(&one.result));
        }
        if let Some(known) = self.memory.get(key, now_ms) {
            return Some(known);
        }
        let entry = self.store.cached(key, now_ms as f64 / 1000.0).ok().flatten()?;
        unpack(&entry.data).map(Arc::new)
    }

    fn put(&self, key: CacheKey, component: &str, result: Arc<CachedResult>, until_ms: Option<u64>) {
        self.settle();
        let Some(data) = pack(&result).filter(|data| data.len() <= BIGGEST) else {
            return self.memory.put(key, component, result, until_ms);
        };
        let until = until_ms.map(|until| until as f64 / 1000.0);
        // A store that cannot be written any more is told by the runs that are kept in it.
        let Ok(number) = self.store.cache(&key, component, data, until) else { return };
        let before = self.pending.lock().insert(key, Pending { component: component.into(), result, until_ms, number });
        drop(before);
    }

    fn clear(&self, component: Option<&str>) -> Result<usize, JournalError> {
        let in_memory = self.memory.clear(component)?;
        let in_store = self.store.clear_cache(component)?;
        let is_meant = |one: &Pending| component.is_none_or(|component| *one.component == *component);
        let gone: Vec<_> = {
            let mut pending = self.pending.lock();
            let keys: Vec<_> = pending.iter().filter(|(_, one)| is_meant(one)).map(|(key, _)| *key).collect();
            keys.iter().filter_map(|key| pending.remove(key)).collect()
        };
        drop(gone);
        Ok(in_memory + in_store)
    }

    fn size(&self) -> Result<(usize, u64), JournalError> {
        // What was put in a moment ago counts.
        self.store.queue.sync()?;
        let rows = self.store.cache_rows()?;
        let sum = |of: fn(&CacheRow) -> u64| rows.iter().map(of).sum::<u64>();
        let (results, bytes) = self.memory.size()?;
        Ok((results + sum(|row| row.results) as usize, bytes + sum(|row| row.bytes)))
    }
}

impl fmt::Debug for StoredCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "StoredCache({})", self.store.path().display())
    }
}

/// Both lists of a result: how many, then for each the port and the packed message, each with its length before it.
fn pack(result: &CachedResult) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut packed = Vec::new();
    for list in [&result.sent, &result.emitted] {
        put_number(list.len() as u64, &mut bytes);
        for (port, message) in list {
            packed.clear();
            message.pack(&mut packed).ok()?;
            for part in [port.as_bytes(), &packed] {
                put_number(part.len() as u64, &mut bytes);
                bytes.extend_from_slice(part);
            }
        }
    }
    Some(bytes)
}

fn unpack(mut bytes: &[u8]) -> Option<CachedResult> {
    fn part<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
        let len = take_number(bytes)?;
        let (part, rest) = bytes.split_at_checked(usize::try_from(len).ok()?)?;
        *bytes = rest;
        Some(part)
    }
    let mut list = || {
        let count = take_number(&mut bytes)?;
        (0..count)
            .map(|_| {
                let port = std::str::from_utf8(part(&mut bytes)?).ok()?;
                Some((Arc::from(port), Message::unpack(part(&mut bytes)?).ok()?))
            })
            .collect::<Option<Vec<_>>>()
    };
    Some(CachedResult { sent: list()?, emitted: list()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_packed_and_read_again() {
        let result = CachedResult {
            sent: vec![("out".into(), Message::Integer(1)), ("out".into(), Message::from("two"))],
            emitted: vec![("other".into(), Message::Bytes(vec![1, 2].into()))],
        };
        let bytes = pack(&result).unwrap();
        let again = unpack(&bytes).unwrap();
        assert_eq!((again.sent, again.emitted), (result.sent, result.emitted));
        for end in 0..bytes.len() {
            assert!(unpack(&bytes[..end]).is_none());
        }
    }
}
