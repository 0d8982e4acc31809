//! A pack of everything: well-behaved actors and ones that misbehave.

mod house;

use std::mem;
use std::thread;
use std::time::Duration;

use reflow_pack_sdk::{
    Actor, AsyncActor, Begin, Component, ComponentSpec, Failure, Frame, Instance, Kind, Message, Pack, PortSpec, PortType, Signal,
    Source, StreamWriter, Tick, Value, export_pack,
};

type Make = fn(&Value) -> Result<Instance, String>;

/// A template out of its parts.
struct Template {
    id: &'static str,
    inports: &'static [&'static str],
    outports: &'static [&'static str],
    source: Source,
    make: Make,
}

impl Component for Template {
    fn spec(&self) -> ComponentSpec {
        let ports = |names: &[&str]| names.iter().map(|name| PortSpec::new(*name, PortType::Any)).collect();
        ComponentSpec {
            id: self.id.into(),
            inports: ports(self.inports),
            outports: ports(self.outports),
            source: self.source,
            config_schema: Value::from_json(r#"{"type":"object","properties":{"count":{"type":"integer","minimum":0}}}"#)
                .unwrap_or_default(),
            ..ComponentSpec::default()
        }
    }

    fn instantiate(&self, config: &Value) -> Result<Instance, String> {
        (self.make)(config)
    }
}

fn template(id: &'static str, make: Make) -> Box<dyn Component> {
    Box::new(Template { id, inports: &["in"], outports: &["out"], source: Source::No, make })
}

fn count(config: &Value) -> i64 {
    config.get("count").and_then(Value::as_integer).unwrap_or(10)
}

fn integer(tick: &Tick<'_>) -> Result<i64, Failure> {
    tick.input(0).and_then(Message::as_integer).ok_or_else(|| "expected an integer".into())
}

struct Forward;

impl Actor for Forward {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some(message) = tick.take(0) {
            tick.emit(0, message);
        }
        Ok(())
    }
}

/// Reads every kind, and makes it anew from what it read.
struct Remake;

impl Actor for Remake {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let input = tick.input(0).ok_or("nothing came")?;
        let made = match input.kind() {
            Kind::String => Message::string(input.as_text().ok_or("no text")?),
            Kind::Error => Message::error(input.as_text().ok_or("no text")?),
            Kind::Bytes => Message::bytes(input.as_bytes().ok_or("no bytes")?.to_vec()),
            Kind::Object => Message::object(input.as_value().ok_or("no value")?),
            _ => input.as_value().map_or_else(Message::flow, Message::from),
        };
        tick.emit(0, made);
        Ok(())
    }
}

struct Slow;

impl AsyncActor for Slow {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        tick.sleep(Duration::from_millis(1)).await;
        for _ in 0..3 {
            let number = integer(tick)?;
            tick.send_now(0, number).await?;
        }
        Ok(())
    }
}

/// Blocks its thread, sends at once, and tells what it did.
struct Block {
    seen: i64,
}

impl Actor for Block {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        thread::sleep(Duration::from_millis(1));
        let number = integer(tick)?;
        self.seen += 1;
        tick.send_now_blocking(0, number)?;
        tick.emit(0, -number);
        Ok(())
    }

    fn has_finalize(&self) -> bool {
        true
    }

    fn finalize(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        tick.send(0, self.seen * 1000);
        Ok(())
    }
}

/// Sleeps for longer than anybody waits, whatever happens.
struct Hang;

impl Actor for Hang {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        for _ in 0..100 {
            thread::sleep(Duration::from_millis(10));
        }
        let _ = tick.send_now_blocking(0, 1);
        let _ = tick.background();
        tick.emit(0, 2);
        Ok(())
    }
}

/// Writes a stream while somebody reads it.
struct Pages;

impl Actor for Pages {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let pages = integer(tick)?;
        let writer = StreamWriter::new(tick.node(), "out", Some("text/plain"), 2);
        let handle = writer.handle(None)?;
        tick.send_now_blocking(0, handle)?;
        let metadata = Some(Value::object([("pages", pages)]));
        writer.write_blocking(Frame::Begin(Begin { metadata, ..Begin::default() }), None)?;
        for page in 0..pages {
            writer.write_blocking(Frame::Data(vec![page as u8; 1000].into()), Some(Duration::from_secs(10)))?;
        }
        writer.write_blocking(Frame::End, None)?;
        Ok(())
    }
}

/// Reads a stream, and copies it into another.
struct Copy;

impl AsyncActor for Copy {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let mut reader = tick.input(0).ok_or("nothing came")?.take_stream()?;
        let writer = StreamWriter::new(tick.node(), "out", None, 1);
        tick.send_now(0, writer.handle(None)?).await?;
        while let Some(frame) = reader.read().await {
            writer.write(frame).await?;
        }
        Ok(())
    }
}

struct Measure;

impl AsyncActor for Measure {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let mut reader = tick.input(0).ok_or("nothing came")?.take_stream()?;
        let (mut bytes, mut pages) = (0, Value::Null);
        while let Some(frame) = reader.read().await {
            match frame {
                Frame::Begin(begin) => pages = begin.metadata.and_then(|data| data.get("pages").cloned()).into(),
                Frame::Data(data) => bytes += data.len(),
                Frame::End => {}
                Frame::Error(text) => return Err(text.into()),
            }
        }
        tick.emit(0, Value::object([("bytes", bytes.into()), ("pages", pages)]));
        Ok(())
    }
}

/// Sends from a thread of its own, which keeps the node alive.
struct Threaded {
    count: i64,
}

impl Actor for Threaded {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let node = tick.background().ok_or("stopped already")?;
        let count = self.count;
        thread::spawn(move || {
            for number in 0..count {
                if node.send_blocking(0, number, None).is_err() {
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

/// Keeps sending from a thread of its own long after the run is over.
struct Haunt;

impl Actor for Haunt {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let node = tick.node().clone();
        let writer = StreamWriter::new(&node, "out", None, 1);
        thread::spawn(move || {
            for number in 0..200 {
                thread::sleep(Duration::from_millis(2));
                let _ = node.send_blocking(0, number, Some(Duration::from_millis(1)));
                let _ = node.send_blocking(77, Value::array([number]), None);
                let _ = writer.write_blocking(Frame::Data(vec![1].into()), Some(Duration::from_millis(1)));
                node.log("info", number);
                node.pool_upsert("ghosts", "one", number);
            }
        });
        Ok(())
    }

    fn run(&mut self, _tick: &mut Tick<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

struct Panic;

impl Actor for Panic {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let number = integer(tick)?;
        tick.emit(0, number);
        assert!(number != 5, "five!");
        Ok(())
    }

    fn teardown(&mut self) {
        panic!("at the end");
    }
}

impl Drop for Panic {
    fn drop(&mut self) {
        panic!("and once more");
    }
}

struct AsyncPanic;

impl AsyncActor for AsyncPanic {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        tick.sleep(Duration::from_millis(1)).await;
        assert!(integer(tick)? != 5, "five!");
        let number = integer(tick)?;
        tick.emit(0, number);
        Ok(())
    }
}

/// Loses everything it is given.
struct Leak;

impl Actor for Leak {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let message = tick.take(0).unwrap_or(Message::flow());
        tick.emit(0, message.clone());
        mem::forget(message);
        mem::forget(tick.node().clone());
        mem::forget(Message::bytes(vec![0; 16]));
        mem::forget(StreamWriter::new(tick.node(), "out", None, 1));
        Ok(())
    }
}

/// Uses everything a node has.
struct Housekeeper;

impl Actor for Housekeeper {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let node = tick.node();
        let name = node.inport_name(0);
        node.pool_upsert("pantry", "bread", Value::object([("slices", 8_i64)]));
        node.pool_upsert("pantry", "milk", 1.5);
        let milk = node.pool_remove("pantry", "milk");
        let bread = node.pool_get("pantry", "bread");
        let pool = node.pool("pantry");
        node.pool_clear("pantry");
        node.log("info", "tidy");
        node.progress(0.5, "half");
        let report = Value::object([
            ("id", Value::from(node.id())),
            ("component", node.component().into()),
            ("inport", name.into()),
            ("outport", node.outport("out").into()),
            ("nowhere", node.outport("nowhere").into()),
            ("config", tick.config()),
            ("milk", milk.into()),
            ("bread", bread.into()),
            ("pool", pool),
            ("left", node.pool("pantry")),
            ("attempt", tick.attempt().into()),
            ("sequence", tick.sequence().into()),
            ("cancelled", node.is_cancelled().into()),
        ]);
        tick.emit(0, report);
        Ok(())
    }

    fn on_signal(&mut self, tick: &mut Tick<'_>, signal: &Signal) -> Result<(), Failure> {
        tick.emit(0, Value::object([("signal", signal.kind.as_str().into()), ("data", signal.data.clone())]));
        Ok(())
    }
}

/// Fails in all the ways that a failure can be told.
struct Fail;

impl Actor for Fail {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        tick.send(0, "sent");
        tick.emit(0, "emitted");
        Err(Failure::new("no luck").with_reason("luck").with_permanent(true))
    }
}

/// Sends 0, 1, … and finishes.
struct Numbers {
    next: i64,
    count: i64,
}

impl Actor for Numbers {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if self.next < self.count {
            tick.emit(0, self.next);
        }
        self.next += 1;
        if self.next >= self.count {
            tick.finish();
        }
        Ok(())
    }
}

fn templates() -> Vec<Box<dyn Component>> {
    let mut templates = house::templates();
    templates.extend([
        template("kitchen_forward", |_| Ok(Instance::new(Forward))),
        template("kitchen_heavy", |_| Ok(Instance::new_heavy(Forward))),
        template("kitchen_remake", |_| Ok(Instance::new(Remake))),
        template("kitchen_slow", |_| Ok(Instance::new_async(Slow))),
        template("kitchen_block", |_| Ok(Instance::new_blocking(Block { seen: 0 }))),
        template("kitchen_hang", |_| Ok(Instance::new_blocking(Hang))),
        template("kitchen_pages", |_| Ok(Instance::new_blocking(Pages))),
        template("kitchen_copy", |_| Ok(Instance::new_async(Copy))),
        template("kitchen_measure", |_| Ok(Instance::new_async(Measure))),
        template("kitchen_threaded", |config| Ok(Instance::new(Threaded { count: count(config) }))),
        template("kitchen_haunt", |_| Ok(Instance::new(Haunt))),
        template("kitchen_panic", |_| Ok(Instance::new(Panic))),
        template("kitchen_async_panic", |_| Ok(Instance::new_async(AsyncPanic))),
        template("kitchen_leak", |_| Ok(Instance::new(Leak))),
        template("kitchen_housekeeper", |_| Ok(Instance::new(Housekeeper))),
        template("kitchen_fail", |_| Ok(Instance::new(Fail))),
        template("kitchen_picky", |config| match config.get("mood") {
            Some(mood) if mood.as_str() == Some("panic") => panic!("in a mood"),
            Some(mood) => Err(format!("`mood` is {}, which nobody is in", mood.to_json_string())),
            None => Ok(Instance::new(Forward)),
        }),
        Box::new(Template {
            id: "kitchen_numbers",
            inports: &[],
            outports: &["out"],
            source: Source::Yes,
            make: |config| Ok(Instance::new(Numbers { next: 0, count: count(config) })),
        }) as Box<dyn Component>,
    ]);
    templates
}

export_pack!(
    "kitchen",
    pack = Pack::new()
        .with_components(templates())
        .with_source(house::Cookbook)
        .with_command("cook", house::cook)
        .with_command("burn", |_| panic!("it burns"))
);
