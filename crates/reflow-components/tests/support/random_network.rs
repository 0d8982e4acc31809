//! Random networks of catalog components, loops included: whatever the components, their configs and the packets, the process
//! lives, a node beside them goes on, and time and memory stay within bounds.

use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use reflow_components::{Entry, catalog, entries};
use reflow_runtime::{Endpoint, Message, Network, NodeSpec, Value};

/// How long the network may keep the node beside it waiting, and how long it may take to stop.
const PATIENCE: Duration = Duration::from_mins(1);

/// How long a network runs that does not come to rest.
const RUNS_FOR: Duration = Duration::from_millis(150);

/// Memory that may be in use, more than before the network began.
const MEMORY: u64 = 1 << 30;

/// Packets that the node beside the network gets.
const BESIDE: u64 = 10;

/// Decisions, taken out of bytes; when there are no more, each is the first.
pub(crate) struct Choices<'a> {
    bytes: &'a [u8],
}

impl<'a> Choices<'a> {
    /// Decisions out of these bytes.
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    fn byte(&mut self) -> usize {
        let Some((first, rest)) = self.bytes.split_first() else { return 0 };
        self.bytes = rest;
        usize::from(*first)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.byte() << 8 | self.byte()) % end.max(1)
    }

    fn one<'b, T>(&mut self, of: &'b [T]) -> Option<&'b T> {
        let at = self.below(of.len());
        of.get(at)
    }

    fn happens(&mut self, in_ten: usize) -> bool {
        self.below(10) < in_ten
    }
}

/// An address where nobody listens, and a folder for files of any name.
static SURROUNDINGS: LazyLock<(String, PathBuf)> = LazyLock::new(|| {
    let address = TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr());
    let address = address.map_or_else(|_| "http://127.0.0.1:1/".to_string(), |address| format!("http://{address}/"));
    let folder = std::env::temp_dir().join(format!("random-networks-{}", std::process::id()));
    std::fs::create_dir_all(&folder).expect("a folder for temporary files can be made");
    (address, folder)
});

fn value(choices: &mut Choices<'_>, depth: usize) -> Value {
    let plain = 12;
    match choices.below(if depth > 3 { plain } else { plain + 4 }) {
        0 => Value::Null,
        1 => true.into(),
        2 => Value::Integer(choices.byte() as i64 - 128),
        3 => i64::MAX.into(),
        4 => Value::Float(choices.byte() as f64 / 7.0 - 9.0),
        5 => f64::NAN.into(),
        6 => "".into(),
        7 => "x".into(),
        8 => "é😀${value} $${ (.*)".into(),
        9 => "a".repeat(choices.below(5_000)).into(),
        10 => Value::from(["0", "GO", "2024-03-31", "{\"a\": [1]}", "item.x + 1", "1e400", "reset"][choices.below(7)]),
        11 => 0.into(),
        12 | 13 => Value::array((0..choices.below(5)).map(|_| value(choices, depth + 1)).collect::<Vec<_>>()),
        14 => Value::array((0..choices.below(300) as i64).collect::<Vec<_>>()),
        _ => {
            let keys = ["a", "b", "x", "type", "data", "field", "on", "op", "value", "rules"];
            let count = choices.below(5);
            Value::object(
                (0..count).map(|_| (keys[choices.below(keys.len())], value(choices, depth + 1))).collect::<Vec<_>>(),
            )
        }
    }
}

/// A value that a schema asks for, often.
fn fitting(choices: &mut Choices<'_>, schema: &Value, depth: usize) -> Value {
    if depth > 6 || choices.happens(1) {
        return value(choices, 2);
    }
    let list = |name: &str| schema.get(name).and_then(Value::as_array).unwrap_or_default();
    let words: Vec<&Value> = list("enum").iter().chain(list("examples")).collect();
    if let Some(word) = choices.one(&words) {
        return (*word).clone();
    }
    if let Some(alternative) = choices.one(list("anyOf")) {
        return fitting(choices, alternative, depth + 1);
    }
    match schema.get("type").and_then(Value::as_str) {
        Some("boolean") => choices.happens(5).into(),
        Some("integer") => [0, 1, 2, 3, 5, 17, 1000, -1][choices.below(8)].into(),
        Some("number") => [0.0, 1.0, -1.5, 3.0, 1e9][choices.below(5)].into(),
        Some("array") => {
            let items = schema.get("items").cloned().unwrap_or_default();
            Value::array((0..choices.below(4)).map(|_| fitting(choices, &items, depth + 1)).collect::<Vec<_>>())
        }
        Some("object") => {
            let properties = schema.get("properties").and_then(Value::as_object).into_iter().flatten();
            let mut members = Vec::new();
            for (key, property) in properties {
                if choices.happens(6) {
                    members.push((key.to_string(), fitting(choices, property, depth + 1)));
                }
            }
            if let Some(others) = schema.get("additionalProperties").filter(|others| others.as_object().is_some()) {
                for key in ["a", "GO", "b"] {
                    members.push((key.to_string(), fitting(choices, others, depth + 1)));
                }
            }
            Value::object(members)
        }
        _ => value(choices, 1),
    }
}

fn config(choices: &mut Choices<'_>, entry: &Entry) -> Value {
    let declaration = entry.declaration();
    let mut members = Vec::new();
    for key in &declaration.keys {
        if choices.happens(5) {
            members.push((key.rule.name, fitting(choices, &key.schema, 0)));
        }
    }
    // No server of somebody else's, no file outside of the folder, and no wait of an hour.
    let (address, folder) = &*SURROUNDINGS;
    let set = |members: &mut Vec<(&'static str, Value)>, key, value: Value| {
        members.retain(|(name, _)| *name != key);
        members.push((key, value));
    };
    match declaration.id {
        "tpl_http_request" => set(&mut members, "url", address.as_str().into()),
        "tpl_file_load" | "tpl_file_save" => {
            set(&mut members, "path", folder.join("file").to_string_lossy().as_ref().into());
        }
        "tpl_server_request" => {
            set(&mut members, "port", 0.into());
            set(&mut members, "host", "127.0.0.1".into());
        }
        "tpl_delay" => set(&mut members, "delayMs", (choices.byte() % 5).into()),
        _ => {}
    }
    Value::object(members)
}

/// A network out of decisions, and what was put together, for whoever looks for the reason of a failure.
fn network(choices: &mut Choices<'_>) -> (Network, String) {
    let mut network = Network::new();
    network.set_catalog(catalog());
    network.set_capacity([1, 2, 16, 128][choices.below(4)]);
    let mut story = Vec::new();
    let mut nodes = Vec::new();
    for index in 0..=choices.below(8) {
        let Some(entry) = choices.one(entries()) else { continue };
        let config = config(choices, entry);
        // Relative paths on inports lead nowhere, but a packet may name any file.
        if matches!(entry.declaration().id, "tpl_file_save" | "tpl_file_load") && choices.happens(7) {
            continue;
        }
        let id = format!("n{index}");
        story.push(format!("{id}: {} {config}", entry.declaration().id));
        network.add_node(&*id, NodeSpec::new(entry.declaration().id, config));
        nodes.push((id, entry.declaration()));
    }
    for _ in 0..choices.below(3 * nodes.len() + 1) {
        let (Some(from), Some(to)) = (choices.one(&nodes).cloned(), choices.one(&nodes).cloned()) else { continue };
        let (Some(out), Some(inport)) = (choices.one(&from.1.outports), choices.one(&to.1.inports)) else { continue };
        if inport.name == "path" {
            continue;
        }
        story.push(format!("{}.{} -> {}.{}", from.0, out.name, to.0, inport.name));
        let capacity = choices.happens(3).then(|| 1 + choices.byte());
        network.add_connection(
            Endpoint::new(from.0, out.name.to_string()),
            Endpoint::new(to.0, inport.name.to_string()),
            capacity,
        );
    }
    for _ in 0..choices.below(12) {
        let Some(to) = choices.one(&nodes).cloned() else { continue };
        let Some(inport) = choices.one(&to.1.inports).filter(|inport| inport.name != "path") else { continue };
        let value = value(choices, 0);
        let message = match choices.below(4) {
            0 => Message::Flow,
            1 => Message::Object(value),
            2 => Message::error("broken"),
            _ => Message::from_value(value),
        };
        let shown: String = format!("{message:?}").chars().take(300).collect();
        story.push(format!("{shown} -> {}.{}", to.0, inport.name));
        network.add_initial(Endpoint::new(to.0, inport.name.to_string()), message);
    }
    for number in 0..BESIDE {
        network.add_initial(Endpoint::new("beside", "input"), Message::Integer(number as i64));
    }
    for id in ["beside", "behind"] {
        network.add_node(id, NodeSpec::new("tpl_passthrough", Value::Null));
    }
    network.add_connection(Endpoint::new("beside", "output"), Endpoint::new("behind", "input"), None);
    (network, story.join("\n"))
}

/// Memory of this process in use, in bytes; 0 where that cannot be known.
fn memory() -> u64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    text.split_whitespace().nth(1).and_then(|pages| pages.parse::<u64>().ok()).map_or(0, |pages| pages * 4096)
}

/// Runs the network that the bytes stand for.
///
/// # Panics
/// When something is as it must not be.
pub(crate) fn run(bytes: &[u8]) {
    let (network, story) = network(&mut Choices::new(bytes));
    let before = memory();
    let running = match network.start() {
        Ok(running) => running,
        Err(error) => {
            assert!(!error.to_string().is_empty(), "refused without a word:\n{story}");
            return;
        }
    };
    running.wait(Some(RUNS_FOR));
    let deadline = Instant::now() + PATIENCE;
    let arrived = || running.stats().iter().find(|node| node.node == "behind").map_or(0, |node| node.packets_in);
    while arrived() < BESIDE && Instant::now() < deadline {
        running.wait(Some(Duration::from_millis(5)));
    }
    let states = running.stats().into_iter().map(|node| {
        format!(
            "{}: {}, {} ticks, {} in, {} out, {} wait",
            node.node, node.state, node.ticks, node.packets_in, node.packets_out, node.queued
        )
    });
    let story = format!("{story}\n{}", states.collect::<Vec<_>>().join("\n"));
    let (arrived, used) = (arrived(), memory().saturating_sub(before));
    let stuck = running.shutdown(PATIENCE);
    let report = running.report();
    let panics = report.failures.iter().filter(|attempt| &*attempt.failure.reason == "panic");
    let panics: Vec<_> = panics.map(|attempt| format!("{}: {}", attempt.actor, attempt.failure)).collect();
    assert!(panics.is_empty(), "{panics:?}\n{story}");
    assert!(stuck.is_empty(), "{stuck:?} do not stop\n{story}");
    assert_eq!(arrived, BESIDE, "the node beside was kept waiting\n{story}");
    assert!(used < MEMORY, "{} MiB in use\n{story}", used >> 20);
}
