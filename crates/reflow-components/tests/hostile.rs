//! Hostile configs and inputs for every component of the catalog: a clear error, a failure or nothing, never a panic and
//! never a node that cannot be stopped.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use reflow_components::testing::Trial;
use reflow_components::{Entry, entries};
use reflow_runtime::{AnyValue, Frame, HostObject, MAX_DEPTH, Message, StreamWriter, Value, block_until};

/// How long a component may be busy with everything that it is sent.
const PATIENCE: Duration = Duration::from_secs(30);

/// The folder that relative paths lead to, so that files of any name may be written.
static FOLDER: LazyLock<PathBuf> = LazyLock::new(|| {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("hostile");
    std::fs::create_dir_all(&folder).unwrap();
    std::env::set_current_dir(&folder).unwrap();
    folder
});

/// An address where nobody listens.
fn closed() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}/", listener.local_addr().unwrap())
}

/// Configs to try a component with: none, and one each with which it reaches for files, the network and the clock.
fn configs(id: &str) -> Vec<Value> {
    // Relative paths, those of databases for example, lead there from the first component on.
    let folder = &*FOLDER;
    let path = |name: &str| folder.join(name).to_str().unwrap().into();
    let more: Vec<(&str, Value)> = match id {
        "tpl_file_load" => vec![("path", path("."))],
        "tpl_file_save" => vec![("path", path("saved"))],
        "tpl_http_request" => vec![("url", closed().into()), ("timeout", 5_000.into())],
        "tpl_interval_trigger" => vec![("interval", 1.into()), ("maxExecutions", 3.into()), ("restart", true.into())],
        "tpl_cron_trigger" => vec![("cronExpression", "* * * * * *".into()), ("maxExecutions", 1.into())],
        "tpl_server_request" => vec![("port", 0.into())],
        "tpl_delay" => return vec![Value::object([("delayMs", 1)])],
        // Small, so that there is time for all that is sent.
        "tpl_noise_generator" | "tpl_voronoi" | "tpl_canvas_2d" | "tpl_vector_rasterize" => {
            return vec![Value::object([("width", 4), ("height", 4)])];
        }
        "tpl_shadow_map" => return vec![Value::object([("resolution", 4)])],
        "tpl_tube_mesh" => return vec![Value::object([("segments", 3), ("rings", 4)])],
        _ => Vec::new(),
    };
    std::iter::once(Value::Null).chain((!more.is_empty()).then(|| Value::object(more))).collect()
}

/// Whether a node goes on by itself, so that only stopping it ends it: a timer that runs or is far off, a server.
fn goes_on(id: &str, config: &Value) -> bool {
    let number = |key| config.get(key).and_then(Value::as_number);
    let delays = id == "tpl_delay" && number("delayMs") != Some(1.0)
        || id == "tpl_stream_throttle" && !config.is_null()
        || id == "tpl_camera_capture" && !config.is_null();
    id.ends_with("_trigger") || delays || config.get("port").is_some() || number("timeoutMs").is_some_and(|ms| ms > 1e3)
}

/// A stream of these bytes, without an end when `ends` is false: its writer is gone.
fn stream(bytes: &[u8], ends: bool) -> Message {
    let writer = StreamWriter::new(0, "", "", None);
    for frame in std::iter::once(Frame::Data(bytes.to_vec().into())).chain(ends.then_some(Frame::End)) {
        let mut frame = Some(frame);
        block_until(None, |cx| writer.poll_write(cx, &mut frame)).unwrap().unwrap();
    }
    Message::StreamHandle(writer.handle(None).unwrap())
}

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
        Message::error("broken"),
        Message::Optional(None),
        Message::bytes(vec![0_u8, 255]),
        Message::bytes(Vec::new()),
        Message::Encoded(vec![0xff_u8].into()),
        Message::Any(AnyValue::Host(Arc::new(Opaque))),
        stream(&[], true),
        stream(&f32::NAN.to_le_bytes(), true),
        stream(&[1, 2, 3], false),
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

/// Sends each set of inputs, and tells what must not be: panics, errors without words, nodes that never rest or cannot be
/// stopped.
fn misbehaviour(entry: &Arc<Entry>, config: &Value, inports: &[&str], sets: &[Vec<Message>]) -> Vec<String> {
    let id = entry.declaration().id;
    let component = Arc::<Entry>::clone(entry);
    let Ok(mut trial) = Trial::new(component, config.clone(), inports, &[]) else { return Vec::new() };
    for set in sets {
        trial.send(inports.iter().map(ToString::to_string).zip(set.iter().cloned()));
    }
    let mut found = Vec::new();
    if goes_on(id, config) {
        // What counts is that it can be stopped.
        trial.running().wait(Some(Duration::from_millis(5)));
    } else if !trial.running().wait(Some(PATIENCE)) {
        found.push("it never rests".to_string());
    }
    let stuck = trial.running().shutdown(Duration::from_secs(10));
    found.extend(stuck.iter().map(|node| format!("`{node}` does not stop")));
    let report = trial.running().report();
    let was_tried = report.nodes.iter().any(|node| node.node == "trial" && node.ticks > 0);
    if !was_tried && report.failures.is_empty() && !inports.is_empty() && !goes_on(id, config) {
        found.push("nothing was tried".to_string());
    }
    let failures = report.failures.iter().map(|attempt| &attempt.failure);
    found.extend(failures.filter(|failure| &*failure.reason == "panic").map(ToString::to_string));
    let failed = report.failures.iter().map(|attempt| attempt.failure.message.to_string());
    let sent = trial.take().into_values().flatten().filter_map(|message| match message {
        Message::Error(text) => Some(text.to_string()),
        _ => None,
    });
    if failed.chain(sent).any(|text| text.trim().is_empty()) {
        found.push("an error says nothing".to_string());
    }
    found.truncate(3);
    found.into_iter().map(|problem| format!("{id} with {config} on {inports:?}: {problem}")).collect()
}

#[test]
fn inputs_never_make_a_component_panic_or_hang() {
    let messages = hostile_messages();
    // The same message on every inport at once, then another one on each.
    let sets = |inports: &[&str], step: usize| -> Vec<Vec<Message>> {
        let message = |number: usize| messages[number % messages.len()].clone();
        let set = |number: usize| (0..inports.len()).map(|port| message(number + port * step)).collect();
        (0..messages.len()).map(set).collect()
    };
    LazyLock::force(&FOLDER);
    let mut found = Vec::new();
    for entry in entries() {
        let declared: Vec<&str> = entry.declaration().inports.iter().map(|port| port.name).collect();
        for config in configs(entry.declaration().id) {
            let all: Vec<&str> = declared.iter().copied().chain(["undeclared"]).collect();
            found.extend(misbehaviour(entry, &config, &all, &sets(&all, 0)));
            found.extend(misbehaviour(entry, &config, &declared, &sets(&declared, 7)));
        }
    }
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
    LazyLock::force(&FOLDER);
    let mut found = Vec::new();
    for entry in entries() {
        let declaration = entry.declaration();
        let inports: Vec<&str> = declaration.inports.iter().map(|port| port.name).chain(["undeclared"]).collect();
        let sets = messages.clone().map(|message| vec![message; inports.len()]);
        let base = configs(declaration.id).pop().unwrap_or_default();
        let by_key = declaration.keys.iter().flat_map(|key| {
            let name = key.rule.name;
            hostile_values().into_iter().map({
                let base = base.clone();
                move |value| base.merged_with(&Value::object([(name, value)]))
            })
        });
        for config in hostile_values().into_iter().chain(by_key) {
            let problems = entry.check(&config);
            assert!(problems.iter().all(|problem| problem.contains("config")), "{}: {problems:?}", declaration.id);
            assert!(entry.warnings(&config).iter().all(|warning| warning.contains("config")));
            if problems.is_empty() {
                found.extend(misbehaviour(entry, &config, &inports, &sets));
            }
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}
