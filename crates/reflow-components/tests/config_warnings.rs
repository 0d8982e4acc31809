//! Config that has no effect is told by checks and keeps nothing from running.

use std::time::Duration;

use reflow_components::{catalog, entries};
use reflow_runtime::{Message, Network, NodeSpec, Value};

#[test]
fn every_lenient_key_warns_of_a_value_that_it_does_not_take() {
    for entry in entries() {
        let lenient = entry.declaration().keys.iter().filter(|key| key.rule.lenient);
        for name in lenient.map(|key| key.rule.name) {
            // No key takes each of these.
            let odd = [Value::array([Value::Null]), true.into(), Value::object([("odd", 1)])];
            let warnings: Vec<_> = odd
                .iter()
                .flat_map(|value| {
                    let config = Value::object([(name, value.clone())]);
                    assert!(entry.check(&config).is_empty(), "{}: {config}", entry.declaration().id);
                    entry.warnings(&config)
                })
                .collect();
            assert!(!warnings.is_empty(), "{}: {name}", entry.declaration().id);
            assert!(warnings.iter().all(|text| text.contains(name)));
            assert!(warnings.iter().any(|text| text.ends_with("; the default counts")));
        }
    }
}

/// Values with one slip each, for every word and every key that a schema knows, on all levels.
fn slips(schema: &Value) -> Vec<Value> {
    let list = |name: &str| schema.get(name).and_then(Value::as_array).unwrap_or_default();
    let words = list("enum").iter().chain(list("examples")).filter_map(Value::as_str);
    let is_choice = schema.get("x-options").is_some();
    let word = words.take(1).filter(|_| is_choice).map(|word| Value::from(format!("{word}x")));
    let mut found: Vec<Value> = word.collect();
    found.extend(list("anyOf").iter().flat_map(slips));
    found.extend(schema.get("items").into_iter().flat_map(slips).map(|slip| Value::array([slip])));
    found.extend(
        schema.get("additionalProperties").into_iter().flat_map(slips).map(|slip| Value::object([("any", slip)])),
    );
    for (key, property) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
        if key.len() > 2 {
            found.push(Value::object([(format!("{key}x"), 1)]));
        }
        found.extend(slips(property).into_iter().map(|slip| Value::object([(key.to_string(), slip)])));
    }
    found
}

#[test]
fn every_word_that_is_none_and_every_misspelt_key_is_told_on_every_level() {
    let mut tried = 0;
    for entry in entries() {
        for key in &entry.declaration().keys {
            let name = key.rule.name;
            let misspelt = (name.len() > 2).then(|| Value::object([(format!("{name}x"), 1)]));
            let values = slips(&key.schema).into_iter().map(|slip| Value::object([(name, slip)]));
            for config in values.chain(misspelt) {
                let mut texts = entry.check(&config);
                texts.extend(entry.warnings(&config));
                let told = texts.iter().any(|text| text.contains("did you mean"));
                assert!(told, "{} with {config}: {texts:?}", entry.declaration().id);
                tried += 1;
            }
        }
    }
    assert!(tried > 200, "{tried}");
}

#[test]
fn examples_have_no_slips() {
    for entry in entries() {
        for example in &entry.declaration().examples {
            let warnings = entry.warnings(&Value::from_json(&example.config).unwrap());
            assert!(warnings.is_empty(), "{}: {warnings:?}", entry.declaration().id);
        }
    }
}

#[test]
fn slips_deep_inside_name_their_place() {
    for (id, config, text) in [
        (
            "tpl_data_operations",
            r#"{"dataOperations": [{"operations": [{"type": "sort", "sortFeild": "x"}]}]}"#,
            "config `dataOperations[0].operations[0].sortFeild`: no such key; did you mean `sortField`?",
        ),
        (
            "tpl_data_operations",
            r#"{"dataOperations": [{"operations": [{"type": "agregate"}]}]}"#,
            "config `dataOperations[0].operations[0].type`: expected one of \"transform\", \"filter\", \"sort\", \"group\", \"aggregate\", \"map\", \
             found \"agregate\" (did you mean \"aggregate\"?)",
        ),
        (
            "tpl_rules_engine",
            r#"{"rules": {"groups": [{"connector": "and", "rules": []}]}}"#,
            "config `rules.groups[0].connector`: expected one of \"AND\", \"OR\", found \"and\" (did you mean \"AND\"?)",
        ),
        (
            "tpl_if_branch",
            r#"{"decisionRules": {"groups": [{"rules": [{"feild": "x", "operator": "is"}]}]}}"#,
            "config `decisionRules.groups[0].rules[0].feild`: no such key; did you mean `field`?",
        ),
        (
            "tpl_fsm",
            r#"{"states": {"a": {"on": {"GO": [{"target": "b", "gaurd": "g"}]}}}}"#,
            "config `states.a.on.GO[0].gaurd`: no such key; did you mean `guard`?",
        ),
        // The default does not count: the component refuses the word.
        (
            "tpl_mesh_import",
            r#"{"format": "GLB"}"#,
            "config `format`: expected one of \"auto\", \"glb\", \"gltf\", \"stl\", \"obj\", \"ply\", \"fbx\", found \"GLB\" (did you mean \"glb\"?)",
        ),
        (
            "tpl_switch",
            r#"{"case1_valu": 1, "case7_value": 2}"#,
            "config `case1_valu`: no such key; did you mean `case1_value`?",
        ),
    ] {
        let entry = reflow_components::entry(id).unwrap();
        assert_eq!(entry.warnings(&Value::from_json(config).unwrap()), [text], "{id}");
    }
}

#[test]
fn a_warning_stops_no_run() {
    let mut network = Network::new();
    network.set_catalog(catalog());
    let metadata = Value::object([
        ("angle", Value::from("steep")),
        ("angel", 3.into()),
        ("firing", "any".into()),
        ("x", 10.into()),
        ("label", "Turn".into()),
    ]);
    network.add_node("turn", NodeSpec::from_metadata("tpl_mat4_rotate_x", metadata).unwrap());
    network.add_initial(reflow_runtime::Endpoint::new("turn", "angle"), Message::Flow);
    let (errors, warnings) = network.findings(None);
    assert!(errors.is_empty());
    let texts: Vec<_> = warnings.iter().map(ToString::to_string).collect();
    assert_eq!(
        texts,
        [
            "warning G017 ignored-config at node `turn`: config `angle`: expected a number, found \"steep\"; the default counts"
        ],
        "`angel` may be somebody else's: `angle` is there"
    );
    assert_eq!(network.check_graph(&network.to_graph()), warnings);
    let running = network.start_to_the_end(&[]).unwrap();
    assert!(running.wait(Some(Duration::from_secs(10))));
    assert!(running.report().failures.is_empty());
}
