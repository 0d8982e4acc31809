//! What actors have from the house: things they share, secrets, hooks at the end, templates that come and go.

use std::fs::OpenOptions;
use std::io::Write;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use reflow_pack_sdk::{
    Actor, Adaptation, AsyncActor, AtExit, Component, ComponentSpec, Failure, Firing, Instance, Message, PortSpec, PortType,
    Shared, TemplateSource, Tick, Value,
};

/// A template out of its description.
struct Described {
    spec: ComponentSpec,
    make: fn(&Value) -> Instance,
    adapt: fn(&Value, &[&str]) -> Adaptation,
}

impl Component for Described {
    fn spec(&self) -> ComponentSpec {
        self.spec.clone()
    }

    fn instantiate(&self, config: &Value) -> Result<Instance, String> {
        match config.get("refuse").and_then(Value::as_str) {
            Some(word) => Err(format!("no {word} here, {}", config.to_json_string())),
            None => Ok((self.make)(config)),
        }
    }

    fn adapt(&self, config: &Value, connected: &[&str]) -> Adaptation {
        (self.adapt)(config, connected)
    }
}

fn port(name: &str) -> PortSpec {
    PortSpec::new(name, PortType::Any)
}

fn spec(id: &str, inports: &[&str], outports: &[&str]) -> ComponentSpec {
    ComponentSpec {
        id: id.into(),
        inports: inports.iter().map(|name| port(name)).collect(),
        outports: outports.iter().map(|name| port(name)).collect(),
        ..ComponentSpec::default()
    }
}

fn described(spec: ComponentSpec, make: fn(&Value) -> Instance) -> Box<dyn Component> {
    Box::new(Described { spec, make, adapt: |_, _| Adaptation::default() })
}

/// Something that there is one of.
struct Oven;

static OVEN: Shared<Oven> = Shared::new();
static OVENS: AtomicI64 = AtomicI64::new(0);

impl Drop for Oven {
    fn drop(&mut self) {
        OVENS.fetch_sub(1, Ordering::SeqCst);
    }
}

struct Baker(Arc<Oven>);

impl Actor for Baker {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        // This node, the other one, and this look.
        let oven = OVEN.get(|| Err::<Oven, _>("nobody has one"))?;
        tick.emit(0, (OVENS.load(Ordering::SeqCst) == 1 && Arc::ptr_eq(&oven, &self.0)).then_some(Arc::strong_count(&oven) as i64).unwrap_or(-1));
        Ok(())
    }
}

fn baker(_config: &Value) -> Instance {
    let oven = OVEN.get(|| {
        OVENS.fetch_add(1, Ordering::SeqCst);
        Ok::<_, ()>(Oven)
    });
    Instance::new(Baker(oven.unwrap_or_else(|()| unreachable!())))
}

/// Answers how many ovens there are.
struct Count;

impl Actor for Count {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        tick.emit(0, OVENS.load(Ordering::SeqCst));
        Ok(())
    }
}

/// Emits pairs, outside of any tick.
struct Pairs(i64);

impl Actor for Pairs {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let node = tick.background().ok_or("stopped already")?;
        let count = self.0;
        thread::spawn(move || {
            for number in 0..count {
                if node.emit_blocking([(0, number.into()), (1, (-number).into())], None).is_err() {
                    return;
                }
            }
        });
        Ok(())
    }

    fn run(&mut self, _tick: &mut Tick<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

/// Adds what belongs together.
struct Sum;

impl Actor for Sum {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let sum: i64 = tick.inputs().filter_map(|(_, message)| message.as_integer()).sum();
        tick.emit(0, sum);
        Ok(())
    }
}

/// Tells its secrets wherever it can.
struct Gossip;

impl Actor for Gossip {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let key = tick.config().get("key").and_then(Value::as_str).unwrap_or_default().to_string();
        let node = tick.node();
        node.keep_secret("found/later");
        node.log("info", Value::object([("told", format!("{key} and found/later"))]));
        node.progress(0.5, &format!("{key}, found%2Flater"));
        Err(Failure::new(format!("https://host/?key={key}&token=found%2Flater")))
    }
}

/// Writes a line to a file at its end, whatever that is.
struct Witness {
    file: String,
    _at_exit: Option<AtExit>,
}

fn write(file: &str, line: &str) {
    if let Ok(mut file) = OpenOptions::new().create(true).append(true).open(file) {
        let _ = writeln!(file, "{line}");
    }
}

impl Witness {
    fn new(config: &Value) -> Self {
        let file = config.get("file").and_then(Value::as_str).unwrap_or_default().to_string();
        let last = file.clone();
        Self { file, _at_exit: Some(AtExit::new(move || write(&last, "exit"))) }
    }
}

impl Actor for Witness {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if tick.config().get("fail").is_some() { Err("no start".into()) } else { Ok(()) }
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        tick.emit(0, "seen");
        Ok(())
    }

    fn teardown(&mut self) {
        write(&self.file, "teardown");
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        write(&self.file, "drop");
    }
}

/// Answers when a second one of it runs: alone it would wait for ever.
struct Meet;

static MEETING: Mutex<i64> = Mutex::new(0);

impl AsyncActor for Meet {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        *MEETING.lock().unwrap() += 1;
        while *MEETING.lock().unwrap() < 2 {
            tick.sleep(std::time::Duration::from_millis(1)).await;
        }
        let number = tick.input(0).and_then(Message::as_integer).unwrap_or_default();
        // The first one ends last.
        tick.sleep(std::time::Duration::from_millis(if number == 0 { 50 } else { 1 })).await;
        tick.emit(0, number);
        Ok(())
    }
}

pub(crate) fn templates() -> Vec<Box<dyn Component>> {
    let secret = r#"{"type":"object","properties":{"key":{"type":"string","maxLength":30,"writeOnly":true}}}"#;
    let secret = Value::from_json(secret).unwrap_or_default();
    vec![
        described(spec("kitchen_baker", &["in"], &["out"]), baker),
        described(spec("kitchen_ovens", &["in"], &["out"]), |_| Instance::new(Count)),
        described(spec("kitchen_pairs", &[], &["a", "b"]), |_| Instance::new(Pairs(500))),
        described(
            ComponentSpec { firing: Firing::all(), ..spec("kitchen_sum", &["a", "b"], &["out"]) },
            |_| Instance::new(Sum),
        ),
        described(
            ComponentSpec { config_schema: secret, ..spec("kitchen_gossip", &["in"], &["out"]) },
            |_| Instance::new(Gossip),
        ),
        described(spec("kitchen_reporter", &["in", "other"], &["error"]), |_| Instance::new(Reporter)),
        described(spec("kitchen_witness", &["in"], &["out"]), |config| Instance::new(Witness::new(config))),
        described(
            ComponentSpec {
                inports: vec![PortSpec { latest: true, ..port("in") }],
                ..spec("kitchen_newest", &[], &["out"])
            },
            |_| Instance::new_blocking(Slowly),
        ),
        described(
            ComponentSpec { open_ports: true, ..spec("kitchen_open", &[], &["out"]) },
            |_| Instance::new(First),
        ),
        Box::new(Described {
            spec: spec("kitchen_adapting", &["a", "b", "c"], &["out"]),
            make: |_| Instance::new(Sum),
            adapt: |config, connected| {
                let waits = |name: &&str| !connected.contains(name) || config.get("optional").and_then(Value::as_str) == Some(name);
                let optional = ["a", "b", "c"].into_iter().filter(waits).map(Into::into).collect();
                Adaptation { firing: Some(Firing::All { latest: Vec::new(), optional }), concurrency: None }
            },
        }),
        Box::new(Described {
            spec: spec("kitchen_meet", &["in"], &["out"]),
            make: |_| Instance::new_async(Meet),
            adapt: |_, _| Adaptation { firing: None, concurrency: Some(2) },
        }),
    ]
}

/// Reports whatever comes, and whether it may come.
struct Reporter;

impl Actor for Reporter {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let is_fed = tick.node().is_inport_connected(1);
        tick.report(0, Message::error("told"), if is_fed { "told, and fed" } else { "told" })
    }
}

/// Passes on what came, wherever it came.
struct First;

impl Actor for First {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let first = tick.inputs().next().map(|(_, message)| message.clone());
        tick.emit(0, first.unwrap_or(Message::flow()));
        Ok(())
    }
}

/// Takes its time over each packet.
struct Slowly;

impl Actor for Slowly {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        thread::sleep(std::time::Duration::from_millis(20));
        let message = tick.take(0).unwrap_or(Message::flow());
        tick.emit(0, message);
        Ok(())
    }
}

/// Templates that nobody knows beforehand.
pub(crate) struct Cookbook;

static DISHES: Mutex<Vec<String>> = Mutex::new(Vec::new());

impl TemplateSource for Cookbook {
    fn ids(&self) -> Vec<String> {
        let mut ids = DISHES.lock().unwrap().clone();
        ids.push("kitchen_soup".into());
        ids
    }

    fn find(&self, id: &str) -> Option<Box<dyn Component>> {
        let id = self.ids().into_iter().find(|known| known == id)?;
        Some(described(spec(&id, &["in"], &["out"]), |_| Instance::new(First)))
    }
}

/// Adds a dish to the cookbook.
pub(crate) fn cook(arguments: &Value) -> Result<Value, String> {
    let dish = arguments.get("dish").and_then(Value::as_str).ok_or("`dish` is missing; it names what to cook")?;
    let mut dishes = DISHES.lock().unwrap();
    dishes.push(format!("kitchen_{dish}"));
    Ok(Value::object([("dishes", dishes.len() as i64)]))
}
