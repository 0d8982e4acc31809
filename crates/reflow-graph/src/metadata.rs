//! JSON carried along with the parts of a graph.

use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::Value;

/// A JSON object.
pub type Map = serde_json::Map<String, Value>;

/// A JSON value that is absent when null. Copies share it.
pub type Data = Option<Arc<Value>>;

static EMPTY: LazyLock<Arc<Map>> = LazyLock::new(Arc::default);

/// Metadata of a node, connection, port or group: a JSON object, or null. Copies share the object.
///
/// Null and `{}` are different on the wire and both survive a round trip. The runtime reads a node's metadata as its
/// configuration, with the keys `policy` and `firing` reserved, and `capacity` in that of a connection.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(inline))]
#[serde(transparent)]
pub struct Metadata(Option<Arc<Map>>);

impl Metadata {
    /// No metadata: null.
    pub const NULL: Self = Self(None);

    /// An object without entries.
    pub fn empty() -> Self {
        Self(Some(Arc::clone(&EMPTY)))
    }

    /// Whether there is none at all (null). `{}` is not null.
    pub fn is_null(&self) -> bool {
        self.0.is_none()
    }

    /// The object, or `None` for null.
    pub fn as_map(&self) -> Option<&Map> {
        self.0.as_deref()
    }

    /// The object, empty for null.
    pub fn entries(&self) -> &Map {
        self.as_map().unwrap_or(&EMPTY)
    }

    /// The value of a key; `None` for null metadata.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.as_map()?.get(key)
    }

    /// Adds the entries of `other`, replacing those of the same key.
    pub fn merge(&mut self, other: &Map) {
        let map = Arc::make_mut(self.0.get_or_insert_default());
        map.extend(other.iter().map(|(key, value)| (key.clone(), value.clone())));
    }
}

impl From<Map> for Metadata {
    fn from(map: Map) -> Self {
        Self(Some(Arc::new(map)))
    }
}

impl From<Option<Map>> for Metadata {
    fn from(map: Option<Map>) -> Self {
        Self(map.map(Arc::new))
    }
}

/// Keys a reader of the format does not know, kept so that nothing is lost in a round trip.
#[derive(Clone, Debug, Default, PartialEq)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema), schemars(with = "Map"))]
pub struct Extra(Option<Arc<Map>>);

impl Extra {
    /// The unknown keys with their values.
    pub fn entries(&self) -> &Map {
        self.0.as_deref().unwrap_or(&EMPTY)
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

impl From<Map> for Extra {
    fn from(map: Map) -> Self {
        Self((!map.is_empty()).then(|| Arc::new(map)))
    }
}

impl Serialize for Extra {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.entries())
    }
}

impl<'de> Deserialize<'de> for Extra {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Map::deserialize(deserializer).map(Self::from)
    }
}
