//! `tpl_asset_load`.

use std::sync::Arc;

use reflow_assets::Store;
use reflow_component::prelude::*;

use crate::database::{AssetDatabase, named};

/// Gets an asset by its id.
///
/// A packet of any kind asks for the asset of the config, or, where that names none, for the one that the packet names. `data` is
/// its content; of JSON that is its text, and `json_data` carries the value. Reading makes no database where there is none.
///
/// # Errors
///
/// Nothing but an Error leaves when there is no such asset (`Entity not found: ID`), nobody says which one, or the content cannot be
/// read.
#[derive(Component)]
#[component(id = "tpl_asset_load", title = "Asset Load", category = "assets", blocking)]
#[inport(asset_id: Text, "The id of the asset, or anything where the config has it.")]
#[outport(data: Bytes, "The content.")]
#[outport(json_data: Json, "The content, if it is JSON, as an Object message.")]
#[outport(metadata: JsonObject, "Id, name, type, stored size, tags and metadata of the asset.")]
#[outport(error: ErrorText, "Why there is no asset.")]
#[example(
    config = r#"{"$db": ":memory:docs"}"#,
    steps = r#"[{"asset_id": "ghost:mesh"}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "Entity not found: ghost:mesh"}]}]"#
)]
pub(super) struct AssetLoad {
    #[config(group)]
    database: AssetDatabase,
    /// The id of the asset; it counts before that of a packet.
    #[config(lenient)]
    id: Option<Arc<str>>,
}

impl Actor for AssetLoad {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(id) = self.id.clone().or_else(|| named(tick, Self::IN_ASSET_ID)) else {
            return tick.report(Self::OUT_ERROR, "Provide entity ID via config.id or asset_id inport");
        };
        let asset = match Store::open(&self.database.path).and_then(|store| store.get(&id)) {
            Ok(asset) => asset,
            Err(error) => return tick.report(Self::OUT_ERROR, error.to_string()),
        };
        let entry = asset.entry;
        let metadata = [
            ("id", Value::String(Arc::clone(&entry.id))),
            ("name", Value::String(Arc::clone(&entry.name))),
            ("type", entry.asset_type.name().into()),
            ("size", entry.size.into()),
            ("tags", Value::array(entry.tags.iter().cloned())),
            ("metadata", entry.metadata.clone()),
        ];
        tick.write(Self::OUT_DATA, asset.content);
        if let Some(value) = &entry.inline {
            tick.write(Self::OUT_JSON_DATA, value.clone());
        }
        tick.write(Self::OUT_METADATA, Value::object(metadata));
        Ok(())
    }
}
