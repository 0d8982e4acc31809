//! The JSON Schema of a component's config.

use reflow_message::Value;

use crate::declaration::{Declaration, Key};

/// JSON Schema (2020-12) of the config. Keys that are not named are allowed: tools keep notes of their own in configs.
pub fn config_schema(declaration: &Declaration) -> Value {
    let properties = Value::object(declaration.keys.iter().map(|key| (key.rule.name, key_schema(key))));
    let required: Vec<Value> =
        declaration.keys.iter().filter(|key| key.rule.required).map(|key| key.rule.name.into()).collect();
    let mut schema = vec![
        ("$schema", "https://json-schema.org/draft/2020-12/schema".into()),
        ("title", format!("Config of {}", declaration.id).into()),
        ("type", "object".into()),
        ("properties", properties),
    ];
    if !required.is_empty() {
        schema.push(("required", required.into()));
    }
    Value::object(schema)
}

fn key_schema(key: &Key) -> Value {
    let mut schema = key.schema.as_object().cloned().unwrap_or_default();
    schema.insert("description".into(), key.summary.into());
    let bounds = [("minimum", key.rule.min), ("maximum", key.rule.max)];
    schema.extend(bounds.into_iter().filter_map(|(name, bound)| Some((name.into(), number(bound?)))));
    if let Some(default) = key.default.as_ref().filter(|default| !default.is_null()) {
        schema.insert("default".into(), default.clone());
    }
    if let Some(range) = key.range {
        schema.insert("x-range".into(), Value::array(range.map(number)));
    }
    if !key.unit.is_empty() {
        schema.insert("x-unit".into(), key.unit.into());
    }
    if !key.rule.aliases.is_empty() {
        schema.insert("x-aliases".into(), Value::array(key.rule.aliases.iter().copied()));
    }
    schema.into()
}

/// A bound as people write it: without a fraction when it has none.
fn number(bound: f64) -> Value {
    crate::config::whole_number(&Value::Float(bound)).map_or(Value::Float(bound), Value::Integer)
}
