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
            assert!(warnings.iter().all(|text| text.contains(name) && text.ends_with("; the default counts")));
        }
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
    let (errors, warnings) = network.findings();
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
