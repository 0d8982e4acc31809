//! The JSON Schema of the `GraphExport` format.

use serde_json::Value;

use crate::GraphExport;

impl GraphExport {
    /// A JSON Schema (draft 2020-12) of the format as it is read, generated from these types.
    ///
    /// # Panics
    ///
    /// Never: a schema is JSON.
    pub fn json_schema() -> Value {
        let mut schema = schemars::schema_for!(GraphExport).to_value();
        if let Some(map) = schema.as_object_mut() {
            map.insert("title".to_owned(), "GraphExport".into());
        }
        schema
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const COMMITTED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/reference/graph-export.schema.json");

    /// Fails when the committed file is not what the types say. Run with `UPDATE_SCHEMA=1` to write it.
    #[test]
    fn the_committed_schema_is_up_to_date() {
        let schema = serde_json::to_string_pretty(&GraphExport::json_schema()).expect("a schema is JSON") + "\n";
        if std::env::var_os("UPDATE_SCHEMA").is_some() {
            std::fs::write(COMMITTED, &schema).expect("the folder is there");
        }
        let committed = std::fs::read_to_string(COMMITTED).expect("the file is there");
        assert!(committed == schema, "run `UPDATE_SCHEMA=1 cargo test -p reflow-graph --features schema`");
    }

    #[test]
    fn only_what_reading_needs_is_required() {
        let schema = GraphExport::json_schema();
        assert_eq!(schema["required"], serde_json::json!(["caseSensitive", "properties"]));
        assert_eq!(schema["$defs"]["Edge"]["required"], serde_json::json!(["nodeId", "portId"]));
        assert_eq!(schema["$defs"]["Process"]["required"], serde_json::json!(["component"]));
    }
}
