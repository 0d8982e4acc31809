//! The examples that components declare do what they say.

use reflow_components::entries;
use reflow_components::testing::{json_of, message_of, run_id};
use serde_json::Value as Json;

#[test]
fn every_component_has_examples_and_they_hold() {
    let mut wrong = Vec::new();
    for entry in entries() {
        let declaration = entry.declaration();
        if declaration.examples.is_empty() {
            wrong.push(format!("{}: no example", declaration.id));
        }
        for example in &declaration.examples {
            let read = |text: &str| serde_json::from_str::<Json>(text).map_err(|error| format!("{text}: {error}"));
            let outcome = read(example.config).and_then(|config| {
                let steps = read(example.steps)?.as_array().cloned().ok_or("`steps` is no list")?;
                let outputs = read(example.outputs)?.as_array().cloned().ok_or("`outputs` is no list")?;
                let expected: Vec<Json> = outputs.into_iter().map(normal).collect();
                let got = run_id(declaration.id, config, steps)?;
                if got == expected { Ok(()) } else { Err(format!("\n  want {expected:?}\n  got  {got:?}")) }
            });
            wrong.extend(outcome.err().map(|problem| format!("{}: {problem}", declaration.id)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// A step whose messages are written in the shortest form.
fn normal(step: Json) -> Json {
    let Json::Object(ports) = step else { return step };
    let short = |message: &Json| json_of(&message_of(&message.into()));
    let ports = ports.into_iter().map(|(port, messages)| {
        let messages = messages.as_array().map(|messages| messages.iter().map(short).collect());
        (port, Json::Array(messages.unwrap_or_default()))
    });
    Json::Object(ports.collect())
}
