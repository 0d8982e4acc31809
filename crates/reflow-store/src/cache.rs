//! Cached results: what ticks gave, by a hash of what they were made of.

use rusqlite::{OptionalExtension, params};

use crate::error::StoreError;
use crate::process::now;
use crate::store::Store;

/// A result that was kept.
#[derive(Clone, Debug, PartialEq)]
pub struct CacheEntry {
    /// What was put in.
    pub data: Vec<u8>,
    /// When, in seconds since 1970.
    pub created: f64,
}

impl Store {
    /// The result under a key, if there is one that still holds.
    pub fn cached(&self, key: &[u8]) -> Result<Option<CacheEntry>, StoreError> {
        self.read(|connection| {
            let sql = "SELECT data, created FROM cache WHERE key = ?1 AND (expires IS NULL OR expires > ?2)";
            let entry = |row: &rusqlite::Row<'_>| Ok(CacheEntry { data: row.get(0)?, created: row.get(1)? });
            connection.prepare_cached(sql)?.query_row(params![key, now()], entry).optional()
        })
    }

    /// Keeps a result, for so many seconds if a time is given. It is there for other processes soon.
    pub fn cache(&self, key: &[u8], component: &str, data: Vec<u8>, ttl_s: Option<f64>) -> Result<(), StoreError> {
        self.check_process()?;
        let (key, component) = (key.to_vec(), component.to_owned());
        self.queue.call(Box::new(move |writer| {
            let sql =
                "INSERT OR REPLACE INTO cache (key, component, created, expires, data) VALUES (?1, ?2, ?3, ?4, ?5)";
            let (at, connection) = (now(), writer.connection());
            let row = params![key, component, at, ttl_s.map(|ttl| at + ttl), data];
            let written = connection.prepare_cached(sql).and_then(|mut insert| insert.execute(row));
            written.map(drop).map_err(|error| StoreError::of(writer.path(), &error))
        }))?;
        Ok(())
    }

    /// Forgets results: those of a component, or all; how many.
    pub fn clear_cache(&self, component: Option<&str>) -> Result<usize, StoreError> {
        let component = component.map(str::to_owned);
        self.write(move |connection| match component {
            Some(component) => connection.execute("DELETE FROM cache WHERE component = ?1", [component]),
            None => connection.execute("DELETE FROM cache", []),
        })
    }
}
