//! What the metadata of a connection says about it.

use serde::{Deserialize, Serialize};

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
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionOptions {
    /// Packets that may wait; that of the network if there is none.
    pub capacity: Option<usize>,
    /// What follows when they do.
    pub overflow: Overflow,
}

impl From<Option<usize>> for ConnectionOptions {
    fn from(capacity: Option<usize>) -> Self {
        Self { capacity, overflow: Overflow::Wait }
    }
}

impl ConnectionOptions {
    /// Reads the keys `capacity` and `overflow` of a connection's metadata. Others are not looked at, and what these do
    /// not understand is told by [`problems`](Self::problems).
    pub(crate) fn from_metadata(metadata: &reflow_graph::Metadata) -> Self {
        let capacity = metadata.get("capacity").and_then(serde_json::Value::as_u64).map(|capacity| capacity as usize);
        let overflow = metadata.get("overflow").and_then(serde_json::Value::as_str).map(Overflow::from_word);
        Self { capacity, overflow: overflow.and_then(Result::ok).unwrap_or_default() }
    }

    /// The metadata that says the same.
    pub(crate) fn to_metadata(self) -> reflow_graph::Metadata {
        let mut map = reflow_graph::Map::new();
        if let Some(capacity) = self.capacity {
            map.insert("capacity".into(), capacity.into());
        }
        if self.overflow != Overflow::Wait {
            map.insert("overflow".into(), self.overflow.name().into());
        }
        if map.is_empty() { reflow_graph::Metadata::NULL } else { map.into() }
    }
}
