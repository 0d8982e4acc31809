//! `tpl_asset_query`.

use reflow_assets::{Query, Store};
use reflow_component::prelude::*;

use crate::database::AssetDatabase;
use crate::values::object;

/// Searches the asset database; the config is the query.
///
/// The keys of the config beside the database, or an Object on `query` for that packet, say what assets must be. A value equals
/// the field, a list holds it (for `tags`: one of them), an object restricts it by operators: `type` and `name` take `$not`
/// and `$in`, `name` also `$contains` and `$startsWith` in any letter case, `tags` takes `$contains` and `$all`, `size` and
/// `metadata.PATH` take `$gt`, `$gte`, `$lt`, `$lte` and `$between`, `metadata.PATH` also `$not`, `$exists` and `$contains`, `id`
/// takes `$in`. A `type` that is none of the types is the text after the last colon of the id. `$sort` is `newest`, `oldest`,
/// `largest`, `smallest` or `name`, or a list of them, the first of which counts most; `$offset` and `$limit` cut the result.
#[derive(Component)]
#[component(id = "tpl_asset_query", title = "Asset Query", category = "assets", blocking)]
#[inport(trigger: Flow, "Whatever comes asks.")]
#[inport(query: JsonObject, "A query in place of that of the config.")]
#[outport(results: JsonObject, "How many assets there are, and what is known of each.")]
#[outport(stats: JsonObject, "What the whole database holds.")]
#[outport(error: ErrorText, "Why there is no result.")]
#[example(
    config = r#"{"$db": ":memory:no assets", "type": "mesh"}"#,
    steps = r#"[{"trigger": {"type": "Flow"}}]"#,
    outputs = r#"[{"results": [{"count": 0, "assets": []}], "stats": [{"assetCount": 0, "totalBytes": 0, "types": {}, "backend": "memory"}]}]"#
)]
pub(super) struct AssetQuery {
    #[config(group)]
    database: AssetDatabase,
    #[config(whole)]
    query: Value,
}

impl Actor for AssetQuery {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let query = Query::read(&tick.read(Self::IN_QUERY).unwrap_or_else(|| self.query.clone()));
        let found = Store::open(&self.database.path).and_then(|store| {
            let found = store.query(&query)?;
            Ok((found, store.stats()?))
        });
        let (found, stats) = match found {
            Ok(found) => found,
            Err(error) => return tick.report(Self::OUT_ERROR, error.to_string()),
        };
        let assets = Value::array(found.iter().map(|entry| entry.to_row()));
        tick.write(Self::OUT_RESULTS, object([("count", found.len().into()), ("assets", assets)]));
        let stats = object([
            ("assetCount", stats.assets.into()),
            ("totalBytes", stats.bytes.into()),
            ("types", Value::object(stats.types)),
            ("backend", stats.backend.into()),
        ]);
        tick.write(Self::OUT_STATS, stats);
        Ok(())
    }
}
