//! `Entry`: what the manifest says of an asset.

use std::sync::Arc;

use jiff::Timestamp;
use reflow_message::{Object, Value};
use serde::{Deserialize, Deserializer, Serialize};

/// What an asset is, by the text after the last colon of its id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AssetType {
    /// A mesh.
    Mesh,
    /// A texture.
    Texture,
    /// A skeleton.
    Skeleton,
    /// An animation.
    Animation,
    /// Weights that bind vertices to bones.
    SkinWeights,
    /// A material.
    Material,
    /// A scene.
    Scene,
    /// Sound.
    Audio,
    /// Video.
    Video,
    /// Anything else.
    Generic,
}

impl AssetType {
    /// The type that a word stands for, in any letter case; `None` for words that are none of the types.
    pub fn known(word: &str) -> Option<Self> {
        Some(match word.to_lowercase().as_str() {
            "mesh" => Self::Mesh,
            "texture" | "image" => Self::Texture,
            "skeleton" => Self::Skeleton,
            "animation" | "clip" => Self::Animation,
            "skinweights" | "skin_weights" | "skin" => Self::SkinWeights,
            "material" => Self::Material,
            "scene" => Self::Scene,
            "audio" => Self::Audio,
            "video" => Self::Video,
            "generic" => Self::Generic,
            _ => return None,
        })
    }

    /// The type of the asset with this id.
    pub fn of_id(id: &str) -> Self {
        component_of(id).and_then(Self::known).unwrap_or(Self::Generic)
    }

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Mesh => "mesh",
            Self::Texture => "texture",
            Self::Skeleton => "skeleton",
            Self::Animation => "animation",
            Self::SkinWeights => "skinweights",
            Self::Material => "material",
            Self::Scene => "scene",
            Self::Audio => "audio",
            Self::Video => "video",
            Self::Generic => "generic",
        }
    }
}

/// The entity that an id belongs to: what stands before the last colon, or all of it.
pub fn entity_of(id: &str) -> &str {
    id.rsplit_once(':').map_or(id, |(entity, _)| entity)
}

/// The component that an id names: what stands after the last colon.
pub fn component_of(id: &str) -> Option<&str> {
    id.rsplit_once(':').map(|(_, component)| component)
}

/// What the manifest says of an asset.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// The id.
    pub id: Arc<str>,
    /// The entity.
    pub name: Arc<str>,
    /// What it is.
    pub asset_type: AssetType,
    /// The hash of the content.
    pub hash: Arc<str>,
    /// The length of the content as it is stored.
    pub size: u64,
    /// What whoever stored it says of it.
    pub metadata: Value,
    /// Its tags.
    pub tags: Vec<Arc<str>>,
    /// When it was first stored, `YYYY-MM-DDTHH:MM:SSZ`.
    pub created_at: Arc<str>,
    /// When it was last changed.
    pub updated_at: Arc<str>,
    /// The content, when it is JSON.
    pub inline: Option<Value>,
    /// Whether the blob is compressed.
    pub compressed: bool,
    /// The length of the content.
    pub raw_size: u64,
    /// What else the manifest says, which is kept.
    pub unknown: Object,
}

impl Entry {
    /// The component, if the id names one.
    pub fn component(&self) -> Option<&str> {
        component_of(&self.id)
    }

    /// The row that queries answer with.
    pub fn to_row(&self) -> Value {
        Value::object([
            ("id", Value::String(Arc::clone(&self.id))),
            ("name", Value::String(Arc::clone(&self.name))),
            ("type", self.asset_type.name().into()),
            ("size", self.size.into()),
            ("tags", Value::array(self.tags.iter().cloned())),
            ("metadata", self.metadata.clone()),
            ("createdAt", Value::String(Arc::clone(&self.created_at))),
        ])
    }
}

/// This moment as entries write it.
pub(crate) fn now() -> Arc<str> {
    let seconds = Timestamp::now().as_second();
    Timestamp::from_second(seconds).map_or_else(|_| "".into(), |time| time.to_string().into())
}

/// An entry as it stands in the manifest, its keys in this order.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    id: Arc<str>,
    #[serde(default)]
    name: Option<Arc<str>>,
    #[serde(default)]
    asset_type: Arc<str>,
    #[serde(default)]
    blob_hash: Arc<str>,
    #[serde(default)]
    blob_size: u64,
    #[serde(default)]
    metadata: Value,
    #[serde(default)]
    tags: Vec<Arc<str>>,
    #[serde(default)]
    created_at: Arc<str>,
    #[serde(default)]
    updated_at: Arc<str>,
    #[serde(rename = "inline_data", default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    inline: Option<Value>,
    #[serde(default)]
    compressed: bool,
    #[serde(default, skip_serializing_if = "is_zero")]
    raw_size: u64,
    #[serde(flatten)]
    unknown: Object,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes fields by reference")]
fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A member that is there, `null` too.
fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    Value::deserialize(deserializer).map(Some)
}

/// The key under which a type that is none of ours is kept until the entry is written again.
const FOREIGN_TYPE: &str = "\u{0}assetType";

impl<'de> Deserialize<'de> for Entry {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut record = Record::deserialize(deserializer)?;
        let known = AssetType::known(&record.asset_type);
        if known.is_none() {
            record.unknown.insert(FOREIGN_TYPE.into(), Value::String(record.asset_type));
        }
        Ok(Self {
            name: record.name.unwrap_or_else(|| entity_of(&record.id).into()),
            id: record.id,
            asset_type: known.unwrap_or(AssetType::Generic),
            hash: record.blob_hash,
            size: record.blob_size,
            metadata: record.metadata,
            tags: record.tags,
            created_at: record.created_at,
            updated_at: record.updated_at,
            inline: record.inline,
            compressed: record.compressed,
            raw_size: record.raw_size,
            unknown: record.unknown,
        })
    }
}

impl Serialize for Entry {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut unknown = self.unknown.clone();
        let asset_type = match unknown.remove(FOREIGN_TYPE) {
            Some(Value::String(word)) => word,
            _ => self.asset_type.name().into(),
        };
        let record = Record {
            id: Arc::clone(&self.id),
            name: Some(Arc::clone(&self.name)),
            asset_type,
            blob_hash: Arc::clone(&self.hash),
            blob_size: self.size,
            metadata: self.metadata.clone(),
            tags: self.tags.clone(),
            created_at: Arc::clone(&self.created_at),
            updated_at: Arc::clone(&self.updated_at),
            inline: self.inline.clone(),
            compressed: self.compressed,
            raw_size: self.raw_size,
            unknown,
        };
        record.serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_cut_at_the_last_colon() {
        assert_eq!((entity_of("a:b:mesh"), component_of("a:b:mesh")), ("a:b", Some("mesh")));
        assert_eq!((entity_of("cfg"), component_of("cfg")), ("cfg", None));
        assert_eq!(AssetType::of_id("x:Image"), AssetType::Texture);
        assert_eq!(AssetType::of_id("mesh"), AssetType::Generic);
    }

    #[test]
    fn entries_survive_the_way_in_and_out() {
        let text = r#"{"id":"a:b","name":"a","assetType":"hologram","blobHash":"00","blobSize":4,"metadata":{"n":24.0},"tags":["t"],"createdAt":"2025-01-03T00:00:00Z","updatedAt":"2025-01-03T00:00:00Z","inline_data":null,"compressed":false,"rawSize":9,"later":[1]}"#;
        let entry: Entry = serde_json::from_str(text).unwrap();
        assert_eq!((entry.asset_type, entry.inline.as_ref()), (AssetType::Generic, Some(&Value::Null)));
        assert_eq!(serde_json::to_string(&entry).unwrap(), text);
    }

    #[test]
    fn missing_members_have_their_defaults() {
        let entry: Entry = serde_json::from_str(r#"{"id":"a:mesh","name":"a","assetType":"mesh","blobHash":"0","blobSize":1,"createdAt":"","updatedAt":""}"#).unwrap();
        assert_eq!((entry.metadata.is_null(), entry.tags.len(), entry.compressed, entry.raw_size), (true, 0, false, 0));
        assert_eq!(entry.inline, None);
        assert_eq!(now().len(), "2025-01-03T00:00:00Z".len());
    }
}
