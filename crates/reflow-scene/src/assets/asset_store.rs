//! `tpl_asset_store`.

use std::sync::Arc;

use reflow_assets::{AssetError, Store};
use reflow_component::kind::payload;
use reflow_component::prelude::*;

use crate::database::{AssetDatabase, close};
use crate::values::empty;

/// Puts bytes, text or JSON into the asset database under a fixed id.
///
/// Every packet replaces the asset: Bytes and text on `data` are kept as binary content, what an Object or Array on `json_data`
/// carries as JSON. The text behind the last colon of the id is the component, and says what the asset is: `snake:mesh`. Tags are
/// added to those that the asset has.
///
/// # Errors
///
/// Nothing but an Error leaves for other packets, without an id, and when the database cannot be written.
#[derive(Component)]
#[component(id = "tpl_asset_store", title = "Asset Store", category = "assets", blocking)]
#[inport(data: Either<Bytes, Text>, "Binary content, or text.")]
#[inport(json_data: Json, "Content that is kept as JSON.")]
#[outport(asset_id: Text, "The id of the asset.")]
#[outport(metadata: JsonObject, "The id, and the database under `dbPath`.")]
#[outport(error: ErrorText, "Why nothing was stored.")]
#[example(
    config = r#"{"$db": ":memory:docs", "id": "gold:material"}"#,
    steps = r#"[{"json_data": {"metallic": 1}}]"#,
    outputs = r#"[{"asset_id": ["gold:material"], "metadata": [{"id": "gold:material", "dbPath": ":memory:docs"}]}]"#
)]
pub(super) struct AssetStore {
    #[config(group)]
    database: AssetDatabase,
    /// The id of the asset, `name:type`.
    #[config(lenient)]
    id: Option<Arc<str>>,
    /// What is said of the asset; it replaces what was said before.
    #[config(default = empty())]
    metadata: Value,
    /// Tags to add.
    #[config(lenient)]
    tags: Vec<Arc<str>>,
}

enum Content {
    Binary(Message),
    Json(Value),
}

impl AssetStore {
    fn content(tick: &Tick<'_>) -> Option<Content> {
        if let Some(message) = tick.input(Self::IN_JSON_DATA) {
            return match message {
                Message::Array(items) => Some(Content::Json(Value::Array(items.clone()))),
                other => payload(other).cloned().map(Content::Json),
            };
        }
        let message = tick.input(Self::IN_DATA)?;
        matches!(message, Message::Bytes(_) | Message::String(_)).then(|| Content::Binary(message.clone()))
    }

    fn store(&self, content: Content) -> Result<Arc<str>, String> {
        let id = self.id.clone().ok_or("Missing 'id' in config")?;
        let metadata = self.metadata.clone();
        let put = || -> Result<(), AssetError> {
            Store::open(&self.database.path)?.write(|transaction| {
                match content {
                    Content::Json(value) => transaction.put_json(&id, value, metadata)?,
                    Content::Binary(Message::Bytes(bytes)) => transaction.put(&id, &bytes, metadata)?,
                    Content::Binary(other) => {
                        transaction.put(&id, other.as_text().unwrap_or_default().as_bytes(), metadata)?;
                    }
                }
                transaction.tag(&id, &self.tags)
            })
        };
        put().map_err(|error| error.to_string())?;
        Ok(id)
    }
}

impl Actor for AssetStore {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(content) = Self::content(tick) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on data or Object on json_data");
        };
        match self.store(content) {
            Ok(id) => {
                let path = self.database.path.as_str();
                tick.write(Self::OUT_METADATA, Value::object([("id", &*id), ("dbPath", path)]));
                tick.write(Self::OUT_ASSET_ID, id);
                Ok(())
            }
            Err(text) => tick.report(Self::OUT_ERROR, text),
        }
    }

    fn teardown(&mut self) {
        close(&self.database.path);
    }
}
