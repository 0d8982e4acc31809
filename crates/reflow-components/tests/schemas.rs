//! The JSON Schemas of configs offer what editors show, and allow the rest.

use reflow_component::declare::config_schema;
use reflow_components::entry;
use reflow_runtime::Value;

fn property(id: &str, key: &str) -> Value {
    let schema = config_schema(entry(id).unwrap().declaration());
    schema.get("properties").and_then(|properties| properties.get(key)).unwrap().clone()
}

#[test]
fn words_are_offered_and_others_allowed() {
    for (id, key, default) in [
        ("tpl_generator", "type", "range"),
        ("tpl_data_transformer", "transform_type", "passthrough"),
        ("tpl_date_time", "operation", "now"),
        ("tpl_reduce", "operation", "sum"),
        ("tpl_interval_trigger", "intervalUnit", "milliseconds"),
        ("tpl_cron_trigger", "commonSchedules", "Custom"),
    ] {
        let property = property(id, key);
        let words = property.get("examples").and_then(Value::as_array).unwrap();
        assert!(words.contains(&default.into()) && words.len() > 4, "{id} {key}: {words:?}");
        assert_eq!((property.get("default"), property.get("enum")), (Some(&default.into()), None), "{id} {key}");
        assert_eq!(property.get("x-options").and_then(Value::as_object).unwrap().len(), words.len(), "{id} {key}");
    }
}

#[test]
fn ranges_are_offered_and_other_numbers_allowed() {
    let property = property("tpl_collect", "count");
    assert_eq!(property.get("x-range"), Some(&Value::array([1, 10_000])));
    assert_eq!((property.get("minimum"), property.get("maximum")), (Some(&0.into()), None));
}
