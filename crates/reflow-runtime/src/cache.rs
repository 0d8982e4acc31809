//! The result cache: what a tick gave for its inputs is given again for the same ones, without running it.
//!
//! A key is a hash of all that a result depends on: component, version, config and inputs. A cache is anything that keeps values
//! under keys ([`ResultCache`]); the one in memory is bounded in bytes.

use std::collections::VecDeque;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use blake2::{Blake2b256, Digest};
use parking_lot::Mutex;
use reflow_message::{AnyValue, Message, Value};
use rustc_hash::FxHashMap;
use serde::{Deserialize, Serialize};

use crate::attempt::Packets;
use crate::journal::JournalError;

/// What a result is kept under.
pub type CacheKey = [u8; 32];

/// How the results of a node are kept. The keys are those of `policy.cache` in a node's metadata.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CachePolicy {
    /// How long a result counts, in seconds; for ever when null.
    pub ttl_s: Option<f64>,
    /// What of the inputs counts: paths that begin with an inport (`order`, `order.id`); all of them when null.
    pub key: Option<Paths>,
}

/// One path, or several.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Paths {
    /// One path.
    One(String),
    /// Several.
    Several(Vec<String>),
}

impl Paths {
    fn iter(&self) -> impl Iterator<Item = &str> {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Several(paths) => paths.as_slice(),
        }
        .iter()
        .map(String::as_str)
    }
}

/// What a tick gave: its packets by outport, in order, and those that left together at its end.
#[derive(Clone, Debug)]
pub struct CachedResult {
    /// What was sent one by one, in order.
    pub sent: Vec<(Arc<str>, Message)>,
    /// What left together.
    pub emitted: Vec<(Arc<str>, Message)>,
}

impl CachedResult {
    /// The memory that it holds, about.
    pub fn bytes(&self) -> u64 {
        self.sent
            .iter()
            .chain(&self.emitted)
            .map(|(port, message)| 64 + port.len() as u64 + message.payload_bytes())
            .sum()
    }
}

/// Keeps results under keys.
pub trait ResultCache: Send + Sync {
    /// The result under this key, unless its time is over. `now` is in milliseconds since 1970 by the clock of the run.
    fn get(&self, key: &CacheKey, now_ms: u64) -> Option<Arc<CachedResult>>;

    /// Keeps a result of a component, until a moment if one is given.
    fn put(&self, key: CacheKey, component: &str, result: Arc<CachedResult>, until_ms: Option<u64>);

    /// Lets go of the results of a component, or of all; how many those were.
    ///
    /// # Errors
    /// When they are in a store that cannot be written.
    fn clear(&self, component: Option<&str>) -> Result<usize, JournalError>;

    /// How many results there are, and what they hold in bytes, about.
    ///
    /// # Errors
    /// When they are in a store that cannot be read.
    fn size(&self) -> Result<(usize, u64), JournalError>;
}

/// Bytes that the cache in memory may hold unless it is told otherwise.
pub const DEFAULT_CACHE_BYTES: u64 = 64 << 20;

/// A cache in memory. When it is full, results go that were not asked for since it last looked.
pub struct MemoryCache {
    limit: u64,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    entries: FxHashMap<CacheKey, Entry>,
    /// Keys by age; some have no entry any more.
    ages: VecDeque<CacheKey>,
    bytes: u64,
}

struct Entry {
    component: Arc<str>,
    result: Arc<CachedResult>,
    bytes: u64,
    until_ms: Option<u64>,
    used: bool,
}

impl MemoryCache {
    /// One that holds so many bytes at most.
    pub fn new(limit: u64) -> Self {
        Self { limit, inner: Mutex::default() }
    }
}

impl Default for MemoryCache {
    fn default() -> Self {
        Self::new(DEFAULT_CACHE_BYTES)
    }
}

impl Inner {
    fn remove(&mut self, key: &CacheKey) -> Option<Entry> {
        let entry = self.entries.remove(key)?;
        self.bytes -= entry.bytes;
        Some(entry)
    }
}

impl ResultCache for MemoryCache {
    fn get(&self, key: &CacheKey, now_ms: u64) -> Option<Arc<CachedResult>> {
        let mut inner = self.inner.lock();
        let entry = inner.entries.get_mut(key)?;
        if entry.until_ms.is_some_and(|until| until <= now_ms) {
            let old = inner.remove(key);
            drop(inner);
            drop(old);
            return None;
        }
        entry.used = true;
        Some(Arc::clone(&entry.result))
    }

    fn put(&self, key: CacheKey, component: &str, result: Arc<CachedResult>, until_ms: Option<u64>) {
        let bytes = result.bytes() + 128;
        if bytes > self.limit {
            return;
        }
        let mut gone = Vec::new();
        let mut inner = self.inner.lock();
        match inner.remove(&key) {
            Some(old) => gone.push(old),
            None => inner.ages.push_back(key),
        }
        inner.bytes += bytes;
        inner.entries.insert(key, Entry { component: component.into(), result, bytes, until_ms, used: false });
        while inner.bytes > self.limit {
            let Some(oldest) = inner.ages.pop_front() else { break };
            let Some(entry) = inner.entries.get_mut(&oldest) else { continue };
            if std::mem::take(&mut entry.used) || oldest == key {
                inner.ages.push_back(oldest);
            } else {
                gone.extend(inner.remove(&oldest));
            }
        }
        drop(inner);
        // Values of a host run code of their own when they go.
        drop(gone);
    }

    fn clear(&self, component: Option<&str>) -> Result<usize, JournalError> {
        let mut inner = self.inner.lock();
        let is_meant = |entry: &Entry| component.is_none_or(|component| *entry.component == *component);
        let keys: Vec<CacheKey> =
            inner.entries.iter().filter(|(_, entry)| is_meant(entry)).map(|(key, _)| *key).collect();
        let gone: Vec<_> = keys.iter().filter_map(|key| inner.remove(key)).collect();
        let Inner { entries, ages, .. } = &mut *inner;
        ages.retain(|key| entries.contains_key(key));
        drop(inner);
        Ok(gone.len())
    }

    fn size(&self) -> Result<(usize, u64), JournalError> {
        let inner = self.inner.lock();
        Ok((inner.entries.len(), inner.bytes))
    }
}

impl fmt::Debug for MemoryCache {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let inner = self.inner.lock();
        write!(f, "MemoryCache({} results, {} bytes)", inner.entries.len(), inner.bytes)
    }
}

/// What a node keeps of its open attempts for its cache.
pub(crate) struct Results {
    policy: CachePolicy,
    /// What does not change from tick to tick: component, version, config.
    prefix: CacheKey,
    open: Mutex<FxHashMap<(u64, u32), Recording>>,
}

/// What one attempt has sent so far.
struct Recording {
    key: CacheKey,
    sent: Vec<(u16, Message)>,
}

impl fmt::Debug for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Results")
    }
}

impl Results {
    pub(crate) fn new(policy: &CachePolicy, component: &str, version: &str, config: &Value) -> Self {
        let mut hash = Hash::default();
        hash.text(env!("CARGO_PKG_VERSION"));
        hash.text(component);
        hash.text(version);
        hash.value(config);
        Self { policy: policy.clone(), prefix: hash.end(), open: Mutex::default() }
    }

    /// The key of a tick with these inputs; `None` when they cannot be compared: a stream, or an object of a host.
    pub(crate) fn key(&self, inputs: &Packets, name: impl Fn(u16) -> Arc<str>) -> Option<CacheKey> {
        if inputs.is_empty() {
            return None;
        }
        let mut hash = Hash::default();
        hash.0.update(self.prefix);
        let mut named: Vec<_> = inputs.iter().map(|(port, message)| (name(*port), message)).collect();
        named.sort_by(|one, other| one.0.cmp(&other.0));
        match &self.policy.key {
            None => {
                for (port, message) in named {
                    hash.text(&port);
                    hash.message(message)?;
                }
            }
            Some(paths) => {
                for path in paths.iter() {
                    let (port, rest) = path.split_once('.').unwrap_or((path, ""));
                    let message = named.iter().find(|(name, _)| **name == *port).map(|(_, message)| *message);
                    hash.text(path);
                    match message {
                        None => hash.value(&Value::Null),
                        Some(message) if rest.is_empty() => hash.message(message)?,
                        Some(message) => {
                            let mut value = message.known().ok()?.to_value();
                            for name in rest.split('.') {
                                value = value.get(name).cloned().unwrap_or_default();
                            }
                            hash.value(&value);
                        }
                    }
                }
            }
        }
        Some(hash.end())
    }

    /// How long a result counts.
    pub(crate) fn ttl(&self) -> Option<Duration> {
        self.policy.ttl_s.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
    }

    /// An attempt begins whose result is to be kept.
    pub(crate) fn begin(&self, attempt: (u64, u32), key: CacheKey) {
        self.open.lock().insert(attempt, Recording { key, sent: Vec::new() });
    }

    /// An open attempt has sent something.
    pub(crate) fn note(&self, attempt: (u64, u32), port: u16, message: &Message) {
        if let Some(recording) = self.open.lock().get_mut(&attempt) {
            recording.sent.push((port, message.clone()));
        }
    }

    /// The attempt has ended: its key, and what it has sent, if it is to be kept.
    pub(crate) fn end(&self, attempt: (u64, u32)) -> Option<(CacheKey, Vec<(u16, Message)>)> {
        let recording = self.open.lock().remove(&attempt)?;
        Some((recording.key, recording.sent))
    }
}

/// Whether a message can be given a second time.
pub(crate) fn is_lasting(message: &Message) -> bool {
    match message {
        Message::StreamHandle(_) | Message::Any(AnyValue::Host(_)) => false,
        Message::Host(value) => value.message().is_ok_and(is_lasting),
        _ => true,
    }
}

/// A canonical hash: the same data have the same one, in every process; members of objects in any order.
#[derive(Default)]
struct Hash(Blake2b256);

impl Hash {
    fn end(self) -> CacheKey {
        self.0.finalize().into()
    }

    fn text(&mut self, text: &str) {
        self.bytes(b's', text.as_bytes());
    }

    fn bytes(&mut self, kind: u8, bytes: &[u8]) {
        self.0.update([kind]);
        self.0.update((bytes.len() as u64).to_le_bytes());
        self.0.update(bytes);
    }

    fn message(&mut self, message: &Message) -> Option<()> {
        let known = message.known().ok()?;
        if let Message::Host(value) = message {
            let form = value.form()?;
            if !form.is_empty() {
                self.bytes(b'h', &form);
            }
        }
        match known {
            Message::StreamHandle(_) | Message::Any(AnyValue::Host(_)) | Message::Host(_) => return None,
            Message::Bytes(bytes) | Message::Encoded(bytes) => {
                self.text(known.kind());
                self.bytes(b'b', bytes);
            }
            other => {
                self.text(other.kind());
                self.value(&other.to_value());
            }
        }
        Some(())
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.0.update(b"n"),
            Value::Boolean(value) => self.0.update([b'?', u8::from(*value)]),
            Value::Integer(number) => self.bytes(b'i', &number.to_le_bytes()),
            Value::Unsigned(number) => self.bytes(b'u', &number.to_le_bytes()),
            Value::Float(number) => {
                // All zeros are one number, and so is everything that is none.
                let number = if *number == 0.0 { 0.0 } else { *number };
                let number = if number.is_nan() { f64::NAN } else { number };
                self.bytes(b'f', &number.to_bits().to_le_bytes());
            }
            Value::String(text) => self.text(text),
            Value::Array(items) => {
                self.bytes(b'a', &(items.len() as u64).to_le_bytes());
                items.iter().for_each(|item| self.value(item));
            }
            Value::Object(members) => {
                let mut sorted: Vec<_> = members.iter().collect();
                sorted.sort_by(|one, other| one.0.cmp(other.0));
                self.bytes(b'o', &(sorted.len() as u64).to_le_bytes());
                for (key, member) in sorted {
                    self.text(key);
                    self.value(member);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use smallvec::smallvec;

    use super::*;

    fn result(text: &str) -> Arc<CachedResult> {
        Arc::new(CachedResult { sent: Vec::new(), emitted: vec![("out".into(), Message::from(text))] })
    }

    fn key(number: u8) -> CacheKey {
        [number; 32]
    }

    fn hash(json: &str) -> CacheKey {
        let mut hash = Hash::default();
        hash.value(&serde_json::from_str(json).unwrap());
        hash.end()
    }

    #[test]
    fn equal_data_have_one_hash_and_others_another() {
        assert_eq!(hash(r#"{"a":[1,{"b":2,"c":null}],"d":0.0}"#), hash(r#"{"d":-0.0,"a":[1,{"c":null,"b":2}]}"#));
        let all =
            ["1", "1.0", "\"1\"", "[1]", "[[1]]", "[1,1]", "{\"a\":1}", "{\"a\":[1]}", "null", "true", "[]", "{}"];
        for (at, one) in all.iter().enumerate() {
            assert!(all[at + 1..].iter().all(|other| hash(one) != hash(other)), "{one}");
        }
    }

    #[test]
    fn a_key_takes_what_the_policy_names() {
        let results = |key: Option<&str>| {
            let policy = CachePolicy { ttl_s: None, key: key.map(|key| Paths::One(key.into())) };
            Results::new(&policy, "c", "1", &Value::Null)
        };
        let inputs = |id: i64, other: i64| -> Packets {
            let order = Value::object([("id", Value::from(id)), ("other", other.into())]);
            smallvec![(0, Message::Object(order))]
        };
        let name = |_: u16| Arc::from("order");
        let (all, own) = (results(None), results(Some("order.id")));
        assert_ne!(all.key(&inputs(1, 1), name), all.key(&inputs(1, 2), name));
        assert_eq!(own.key(&inputs(1, 1), name), own.key(&inputs(1, 2), name));
        assert_ne!(own.key(&inputs(1, 1), name), own.key(&inputs(2, 1), name));
        let other = Results::new(&CachePolicy::default(), "c", "2", &Value::Null);
        assert_ne!(all.key(&inputs(1, 1), name), other.key(&inputs(1, 1), name));
    }

    #[test]
    fn results_go_with_their_time_and_when_there_is_no_room() {
        let cache = MemoryCache::new(1000);
        cache.put(key(1), "a", result("x"), Some(10));
        assert!(cache.get(&key(1), 9).is_some());
        assert!(cache.get(&key(1), 10).is_none());
        for number in 0..50 {
            cache.put(key(number), if number % 2 == 0 { "even" } else { "odd" }, result("x"), None);
            assert!(cache.get(&key(0), 0).is_some(), "what is asked for stays");
        }
        let (count, bytes) = cache.size().unwrap();
        assert!(bytes <= 1000 && count > 2, "{count} {bytes}");
        let even = cache.clear(Some("even")).unwrap();
        assert!(even > 0);
        assert_eq!(cache.clear(None).unwrap(), count - even);
        assert_eq!(cache.size().unwrap(), (0, 0));
        cache.put(key(9), "a", result(&"x".repeat(5000)), None);
        assert_eq!(cache.size().unwrap(), (0, 0), "what is larger than all of it is not kept");
    }
}
