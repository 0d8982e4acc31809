//! Hostile configs and inputs for every component of the catalog: a clear error or a failure, never a panic.

use std::sync::Arc;
use std::time::Duration;

use reflow_components::testing::Trial;
use reflow_components::{Entry, entries};
use reflow_runtime::{AnyValue, HostObject, MAX_DEPTH, Message, Value};

/// Families that would reach for files, the network and the clock; their configs are tested, but not run.
const OUTSIDE: [&str; 3] = ["integration", "io", "trigger"];

fn deep() -> Value {
    (1..MAX_DEPTH).fold(Value::Null, |inner, level| match level % 2 {
        0 => Value::array([inner]),
        _ => Value::object([("a", inner)]),
    })
}

fn hostile_values() -> Vec<Value> {
    let mut values: Vec<Value> = vec![
        Value::Null,
        true.into(),
        0.into(),
        (-1).into(),
        i64::MAX.into(),
        i64::MIN.into(),
        u64::MAX.into(),
        0.5.into(),
        1e308.into(),
        (-1e308).into(),
        5e-324.into(),
        f64::NAN.into(),
        f64::INFINITY.into(),
        f64::NEG_INFINITY.into(),
        "".into(),
        "x".into(),
        "((((".into(),
        "\u{0}\u{10ffff}é$${".into(),
        "9".repeat(100_000).into(),
        Value::object::<&str, Value>([]),
        Value::array::<Value>([]),
        deep(),
    ];
    values.push(Value::array(values.clone()));
    let wild = values.clone().into_iter().enumerate().map(|(index, value)| (format!("k{index}"), value));
    values.push(Value::object(wild));
    let known =
        ["x", "y", "z", "w", "id", "data", "type", "payload", "value", "field", "rules", "groups", "states", "on"];
    values.extend(
        [f64::NAN.into(), "x".into(), deep()].map(|value: Value| Value::object(known.map(|key| (key, value.clone())))),
    );
    values
}

struct Opaque;

impl HostObject for Opaque {
    fn describe(&self) -> String {
        "opaque".into()
    }
}

fn hostile_messages() -> Vec<Message> {
    let mut messages = vec![
        Message::Flow,
        Message::error(""),
        Message::Optional(None),
        Message::bytes(vec![0_u8, 255]),
        Message::bytes(Vec::new()),
        Message::Encoded(vec![0xff_u8].into()),
        Message::Any(AnyValue::Host(Arc::new(Opaque))),
    ];
    for value in hostile_values() {
        messages.extend([
            Message::from_value(value.clone()),
            Message::Object(value.clone()),
            Message::Optional(Some(Box::new(value.clone()))),
            Message::Any(AnyValue::Value(Box::new(value.clone()))),
            Message::Event(Box::new(value)),
        ]);
    }
    messages
}

/// Feeds every inport with everything, and gives the panics.
fn panics(entry: &Arc<Entry>, config: &Value, messages: &[Message], patience: Duration) -> Vec<String> {
    let inports: Vec<&str> = entry.declaration().inports.iter().map(|port| &*port.name).chain(["undeclared"]).collect();
    let component = Arc::<Entry>::clone(entry);
    let Ok(mut trial) = Trial::new(component, config.clone(), &inports, &[]) else { return Vec::new() };
    for message in messages {
        trial.send(inports.iter().map(|port| (port.to_string(), message.clone())));
    }
    // Timers may take longer than anybody waits; what counts is that the network can be stopped then.
    trial.running().wait(Some(patience));
    let stuck = trial.running().shutdown(Duration::from_secs(10));
    let report = trial.running().report();
    let failures = report.failures;
    // A machine that is busy may not come to it while nobody waits long.
    let was_tried = report.nodes.iter().any(|node| node.node == "trial" && node.ticks > 0);
    assert!(was_tried || patience < Duration::from_secs(1), "{config}: nothing was tried");
    let id = entry.declaration().id;
    let told = failures.iter().filter(|attempt| &*attempt.failure.reason == "panic").take(1);
    told.map(|attempt| format!("{id} with {config}: {}", attempt.failure))
        .chain(stuck.iter().map(|node| format!("{id} with {config}: `{node}` does not stop")))
        .collect()
}

#[test]
fn inputs_never_make_a_component_panic() {
    let messages = hostile_messages();
    let inside = entries().iter().filter(|entry| !OUTSIDE.contains(&entry.declaration().category));
    let found: Vec<_> =
        inside.flat_map(|entry| panics(entry, &Value::Null, &messages, Duration::from_secs(2))).collect();
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn configs_are_refused_with_a_text_or_work() {
    let messages = [
        Message::Flow,
        Message::Integer(3),
        Message::object(Value::object([("x", 1)])),
        Message::from(vec![Value::from(1)]),
    ];
    let mut found = Vec::new();
    for entry in entries() {
        let declaration = entry.declaration();
        let alone = hostile_values();
        let by_key = declaration
            .keys
            .iter()
            .flat_map(|key| hostile_values().into_iter().map(|value| Value::object([(key.rule.name, value)])));
        for config in alone.into_iter().chain(by_key) {
            let problems = entry.check(&config);
            assert!(problems.iter().all(|problem| problem.contains("config")), "{}: {problems:?}", declaration.id);
            if problems.is_empty() && !OUTSIDE.contains(&declaration.category) {
                found.extend(panics(entry, &config, &messages, Duration::from_millis(30)));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
