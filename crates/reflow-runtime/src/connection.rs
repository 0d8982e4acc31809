//! What the metadata of a connection says about it.

use serde::{Deserialize, Serialize};

use crate::rechunk::Rechunk;

/// What a connection does with a packet for which there is no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Overflow {
    /// Its producer waits.
    #[default]
    Wait,
    /// The newest packets are kept: the oldest one that waits is dropped and counted.
    Newest,
    /// The oldest packets are kept: it is dropped and counted.
    Oldest,
    /// It is not taken, and whoever sends it is told.
    Error,
}

impl Overflow {
    /// The words for them.
    pub const NAMES: [&str; 4] = ["wait", "newest", "oldest", "error"];

    /// What a word means.
    ///
    /// # Errors
    /// A text that names the words there are.
    pub fn from_word(word: &str) -> Result<Self, String> {
        match word {
            "wait" => Ok(Self::Wait),
            "newest" => Ok(Self::Newest),
            "oldest" => Ok(Self::Oldest),
            "error" => Ok(Self::Error),
            _ => Err(format!("overflow: expected one of {}, got \"{word}\"", Self::NAMES.join(", "))),
        }
    }

    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Wait => "wait",
            Self::Newest => "newest",
            Self::Oldest => "oldest",
            Self::Error => "error",
        }
    }
}

/// How many packets may wait on a connection, and what happens to the next one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// Packets that may wait; that of the network if there is none.
    pub capacity: Option<usize>,
    /// What follows when they do.
    pub overflow: Overflow,
    /// Whether it is a log: any number of packets may wait, in the store where there is one, and they stay there.
    pub log: bool,
    /// How it cuts lists, if it does.
    pub rechunk: Option<Rechunk>,
    /// What is wrong with what was said of it.
    pub(crate) problem: Option<String>,
}

impl From<Option<usize>> for ConnectionOptions {
    fn from(capacity: Option<usize>) -> Self {
        Self { capacity, ..Self::default() }
    }
}

impl ConnectionOptions {
    /// Reads the keys `capacity` and `overflow` of a connection's metadata. Others are not looked at, and what these do
    /// not understand is told by [`problems`](Self::problems).
    pub(crate) fn from_metadata(metadata: &reflow_graph::Metadata) -> Self {
        let capacity = metadata.get("capacity").and_then(serde_json::Value::as_u64).map(|capacity| capacity as usize);
        let overflow = metadata.get("overflow").and_then(serde_json::Value::as_str).map(Overflow::from_word);
        let mut options =
            Self { capacity, overflow: overflow.and_then(Result::ok).unwrap_or_default(), ..Self::default() };
        if let Some(log) = metadata.get("log") {
            options.set_log(log);
        }
        if let Some(rechunk) = metadata.get("rechunk") {
            options.set_rechunk(rechunk);
        }
        options
    }

    /// Makes it a log, as JSON says: true, or an object that may say how lists are cut under `rechunk`.
    pub fn set_log(&mut self, log: &serde_json::Value) {
        match log {
            serde_json::Value::Null => {}
            serde_json::Value::Bool(log) => self.log = *log,
            serde_json::Value::String(word) if word == "memory" || word == "store" => self.log = true,
            serde_json::Value::Object(members) => {
                self.log = true;
                if let Some(rechunk) = members.get("rechunk") {
                    self.set_rechunk(rechunk);
                }
                if let Some(key) = members.keys().find(|key| *key != "rechunk") {
                    self.problem = Some(format!("log: there is no key `{key}`; expected rechunk"));
                }
            }
            other => self.problem = Some(format!("log: expected true, false or an object, got {other}")),
        }
    }

    /// Says how it cuts lists, as JSON says: see [`Rechunk`]. Such a connection is a log.
    pub fn set_rechunk(&mut self, rechunk: &serde_json::Value) {
        if rechunk.is_null() {
            return;
        }
        match Rechunk::from_json(rechunk) {
            Ok(rechunk) => (self.log, self.rechunk) = (true, Some(rechunk)),
            Err(problem) => self.problem = Some(problem),
        }
    }

    /// What is wrong with what was said of it, if something is.
    pub fn problem(&self) -> Option<&str> {
        self.problem.as_deref()
    }

    /// The metadata that says the same.
    pub(crate) fn to_metadata(&self) -> reflow_graph::Metadata {
        let mut map = reflow_graph::Map::new();
        if let Some(capacity) = self.capacity {
            map.insert("capacity".into(), capacity.into());
        }
        if self.overflow != Overflow::Wait {
            map.insert("overflow".into(), self.overflow.name().into());
        }
        if self.log {
            map.insert("log".into(), true.into());
        }
        if let Some(rechunk) = &self.rechunk {
            map.insert("rechunk".into(), rechunk.to_json());
        }
        if map.is_empty() { reflow_graph::Metadata::NULL } else { map.into() }
    }
}
