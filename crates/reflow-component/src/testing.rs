//! Running one component on steps of inputs, through a real network, for tests and examples.
//!
//! ```
//! use reflow_component::prelude::*;
//! use reflow_component::testing::run;
//! use serde_json::json;
//!
//! /// Doubles a number.
//! #[derive(Component)]
//! #[component(id = "tpl_double", title = "Double", category = "math")]
//! #[inport(input: Number, required, "The number.")]
//! #[outport(output: Float, "Twice the number.")]
//! struct Double;
//!
//! impl Actor for Double {
//!     fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
//!         let number = tick.need(Self::IN_INPUT)?;
//!         tick.write(Self::OUT_OUTPUT, number * 2.0);
//!         Ok(())
//!     }
//! }
//!
//! assert_eq!(run::<Double>(json!({}), [json!({"input": 5})]), [json!({"output": [10.0]})]);
//! ```
//!
//! Messages are written as plain JSON where that says everything (`5` is an Integer, `5.0` a Float, a list an Array, an
//! object an Object) and in the tagged form `{"type": KIND, "data": …}` where it does not.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reflow_runtime::{
    Actor, Begin, Component, ComponentSpec, Endpoint, Failure, Frame, Instance, Message, Network, NodeSpec, PortSpec,
    PortType, RunReport, Running, StreamWriter, Tick, Value,
};

use crate::entry::{Entry, Make};
use crate::stream::{Opening, Sample, collect};

/// How long a step may take before the trial gives up.
const PATIENCE: Duration = Duration::from_secs(20);

/// The messages of one step, by port.
pub type Messages = BTreeMap<String, Vec<Message>>;

/// Runs a declared component: for every set of inputs, what came out of each outport until nothing moved any more.
///
/// # Panics
/// When the config is refused, a step takes too long, or a tick fails.
pub fn run<D: Make>(
    config: impl Into<Value>,
    steps: impl IntoIterator<Item = serde_json::Value>,
) -> Vec<serde_json::Value> {
    run_component(Arc::new(Entry::of::<D>()), config.into(), steps).unwrap_or_else(|problem| panic!("{problem}"))
}

/// [`run`] for any component.
///
/// # Errors
/// When its config is refused or a tick fails.
pub fn run_component(
    component: Arc<dyn Component>,
    config: Value,
    steps: impl IntoIterator<Item = serde_json::Value>,
) -> Result<Vec<serde_json::Value>, String> {
    let steps: Vec<_> = steps.into_iter().map(|step| step_messages(&step)).collect();
    let inports: BTreeSet<&str> = steps.iter().flatten().map(|(port, _)| &**port).collect();
    let mut trial = Trial::new(component, config, &inports.into_iter().collect::<Vec<_>>(), &[])?;
    // Streams are read when everything was sent: what goes into a step may be the end of an earlier one.
    let outputs: Vec<Messages> = steps.into_iter().map(|step| trial.step(step)).collect();
    let outputs = outputs.iter().map(plain_step).collect();
    match trial.end().failures.first() {
        Some(attempt) => Err(attempt.failure.to_string()),
        None => Ok(outputs),
    }
}

/// The texts of the failures that one set of inputs brings, beside what comes out.
///
/// # Panics
/// When the config is refused or the step takes too long.
pub fn failures<D: Make>(config: impl Into<Value>, step: &serde_json::Value) -> Vec<String> {
    let component = Arc::new(Entry::of::<D>());
    let step = step_messages(step);
    let inports: Vec<&str> = step.iter().map(|(port, _)| &**port).collect();
    let mut trial = Trial::new(component, config.into(), &inports, &[]).unwrap_or_else(|problem| panic!("{problem}"));
    trial.step(step);
    trial.end().failures.into_iter().map(|attempt| attempt.failure.message.to_string()).collect()
}

/// What is wrong with a config of a declared component.
pub fn problems<D: Make>(config: impl Into<Value>) -> Vec<String> {
    Entry::of::<D>().check(&config.into())
}

/// A running network around one node.
pub struct Trial {
    running: Running,
    recorded: Recorded,
}

/// Ports and messages that came out.
type Recorded = Arc<Mutex<Vec<(String, Message)>>>;

impl Trial {
    /// Starts a network with one node of `component`, its `inports` being wired. Its declared outports are recorded,
    /// and those named in `outports`.
    ///
    /// # Errors
    /// What is wrong with the config.
    pub fn new(
        component: Arc<dyn Component>,
        config: Value,
        inports: &[&str],
        outports: &[&str],
    ) -> Result<Self, String> {
        let spec = component.spec();
        let recorded = Recorded::default();
        let mut network = Network::new();
        network.register("trial", component).map_err(|error| error.to_string())?;
        network.add_node("trial", NodeSpec::new("trial", config));
        let declared: Vec<String> = spec.outports.iter().map(|port| port.name.to_string()).collect();
        let more = outports.iter().map(ToString::to_string).filter(|name| !declared.contains(name));
        let ports: Vec<String> = declared.iter().cloned().chain(more).collect();
        for port in ports {
            let recorder = format!("recorder of {port}");
            let component = Recorder { port: port.clone(), recorded: Arc::clone(&recorded) };
            network.register(&*recorder, Arc::new(component)).map_err(|error| error.to_string())?;
            network.add_node(&*recorder, NodeSpec::new(&*recorder, Value::Null));
            // Room for everything, so that a step is over when nothing moves any more.
            network.add_connection(Endpoint::new("trial", port), Endpoint::new(recorder, "in"), Some(1 << 20));
        }
        // From outside, and not from a node: what a node sends by two ways is paired by what it comes from.
        for port in inports {
            network.add_inport(*port, Endpoint::new("trial", *port));
        }
        let running = network.start().map_err(|error| error.to_string())?;
        Ok(Self { running, recorded })
    }

    /// Sends one set of inputs, in order, and waits until nothing moves any more.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn step(&mut self, inputs: impl IntoIterator<Item = (String, Message)>) -> Messages {
        self.send(inputs);
        assert!(self.running.wait(Some(PATIENCE)), "not idle in time: {:#?}", self.running.stats());
        self.take()
    }

    /// Sends one set of inputs, in order, and waits for nothing but room.
    ///
    /// # Panics
    /// When there is no room in time.
    pub fn send(&mut self, inputs: impl IntoIterator<Item = (String, Message)>) {
        for (port, message) in inputs {
            let sending = self.running.sending("trial", &port, message);
            let sent = sending.unwrap_or_else(|error| panic!("{error}")).wait(PATIENCE);
            assert!(sent.is_some(), "no room on `{port}` in time: {:#?}", self.running.stats());
        }
    }

    /// Tells the node that nothing more comes and waits for its end; gives what it still sent.
    ///
    /// # Panics
    /// When that takes too long.
    pub fn finish(&mut self) -> Messages {
        self.running.close_inputs();
        assert!(self.running.wait(Some(PATIENCE)), "not ended in time: {:#?}", self.running.stats());
        self.take()
    }

    /// The running network.
    pub fn running(&self) -> &Running {
        &self.running
    }

    /// What came out since the last look.
    pub fn take(&mut self) -> Messages {
        let mut messages = Messages::new();
        for (port, message) in self.recorded.lock().drain(..) {
            messages.entry(port).or_default().push(message);
        }
        messages
    }

    /// Stops the network and tells how it went.
    pub fn end(self) -> RunReport {
        let report = self.running.report();
        self.running.shutdown(Duration::from_secs(5));
        report
    }
}

/// Keeps what arrives.
#[derive(Clone)]
struct Recorder {
    port: String,
    recorded: Recorded,
}

impl Component for Recorder {
    fn spec(&self) -> Arc<ComponentSpec> {
        Arc::new(ComponentSpec { inports: vec![PortSpec::new("in", PortType::Any)], ..ComponentSpec::default() })
    }

    fn instantiate(&self, _config: &Value) -> Result<Instance, String> {
        Ok(Instance::new(self.clone()))
    }
}

impl Actor for Recorder {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.recorded.lock().extend(tick.take(0).map(|message| (self.port.clone(), message)));
        Ok(())
    }
}

/// What is wrong with the examples of a component: that there is none, or that one does not do what it says.
pub fn example_problems(entry: &Arc<Entry>) -> Vec<String> {
    let declaration = entry.declaration();
    if declaration.examples.is_empty() {
        return vec![format!("{}: no example", declaration.id)];
    }
    let outcomes = declaration.examples.iter().map(|example| {
        let read =
            |text: &str| serde_json::from_str::<serde_json::Value>(text).map_err(|error| format!("{text}: {error}"));
        let config = read(&example.config)?;
        let steps = read(&example.steps)?.as_array().cloned().ok_or("`steps` is no list")?;
        let outputs = read(&example.outputs)?.as_array().cloned().ok_or("`outputs` is no list")?;
        let component: Arc<Entry> = Arc::clone(entry);
        let mut got = run_component(component, (&config).into(), steps)?;
        for (step, got) in outputs.iter().zip(&mut got) {
            for (port, messages) in step.as_object().into_iter().flatten().filter(|(_, messages)| messages.is_string())
            {
                // What is not shown is there all the same.
                let sent = got.as_object_mut().and_then(|ports| ports.insert(port.clone(), messages.clone()));
                sent.ok_or_else(|| format!("nothing came out of `{port}`"))?;
            }
        }
        let expected: Vec<_> = outputs.into_iter().map(shortest).collect();
        if got == expected { Ok(()) } else { Err(format!("\n  want {expected:?}\n  got  {got:?}")) }
    });
    outcomes
        .filter_map(|outcome: Result<(), String>| outcome.err())
        .map(|problem| format!("{}: {problem}", declaration.id))
        .collect()
}

/// A step whose messages are written in the shortest form.
fn shortest(step: serde_json::Value) -> serde_json::Value {
    let serde_json::Value::Object(ports) = step else { return step };
    let short = |message: &serde_json::Value| match message["type"].as_str() {
        Some("@stream") => message.clone(),
        _ => json_of(&message_of(&message.into())),
    };
    let ports = ports.into_iter().map(|(port, messages)| {
        let messages = match messages {
            serde_json::Value::Array(messages) => messages.iter().map(short).collect(),
            hidden => hidden,
        };
        (port, messages)
    });
    serde_json::Value::Object(ports.collect())
}

/// A stream of these frames, written and handed over.
///
/// # Panics
/// Never: a stream without a bound takes every frame.
pub fn stream_of(content_type: Option<&str>, frames: impl IntoIterator<Item = Frame>) -> Message {
    let writer = StreamWriter::new(0, "", "", content_type);
    for frame in frames {
        let mut frame = Some(frame);
        let written = reflow_runtime::block_until(None, |cx| writer.poll_write(cx, &mut frame));
        assert!(matches!(written, Some(Ok(()))), "a stream without a bound takes every frame");
    }
    Message::StreamHandle(writer.handle(None).unwrap_or_else(|error| panic!("{error}")))
}

/// All frames of a stream that came out.
///
/// # Panics
/// When the message is no stream, it was taken, or nothing comes for long.
pub fn frames_of(message: &Message) -> Vec<Frame> {
    let Message::StreamHandle(handle) = message else { panic!("{} is no stream", message.kind()) };
    let reader = handle.take().unwrap_or_else(|error| panic!("{error}"));
    let mut frames = Vec::new();
    loop {
        let deadline = std::time::Instant::now() + PATIENCE;
        match reflow_runtime::block_until(Some(deadline), |cx| reader.poll_read(cx)) {
            Some(Some(frame)) => frames.push(frame),
            Some(None) => return frames,
            None => panic!("no further frame in time, after {frames:?}"),
        }
    }
}

/// Data frames of these bytes, and an End.
pub fn frames<'a>(data: impl IntoIterator<Item = &'a [u8]>) -> Vec<Frame> {
    data.into_iter().map(|bytes| Frame::Data(bytes.into())).chain([Frame::End]).collect()
}

/// What a component with one stream in and one out makes of a stream: what is known of it, and its samples.
///
/// # Panics
/// When no stream comes out, or one that does not end as it should.
pub fn streamed<D: Make, S: Sample>(config: impl Into<Value>, input: Message) -> (Opening, Vec<S>) {
    let component = Arc::new(Entry::of::<D>());
    let trial = Trial::new(component, config.into(), &["stream"], &[]);
    let mut trial = trial.unwrap_or_else(|problem| panic!("{problem}"));
    let mut outputs = trial.step([("stream".to_string(), input)]);
    let output = outputs.remove("stream").and_then(|mut messages| messages.pop());
    let Some(Message::StreamHandle(handle)) = output else { panic!("no stream came out: {outputs:?}") };
    let mut collecting = std::pin::pin!(collect::<S>(&handle, usize::MAX));
    let collected =
        reflow_runtime::block_until(Some(std::time::Instant::now() + PATIENCE), |cx| collecting.as_mut().poll(cx));
    match collected {
        Some(Ok(collected)) => collected,
        Some(Err(text)) => panic!("{text}"),
        None => panic!("the stream does not end in time"),
    }
}

/// The messages that a set of inputs stands for.
pub fn step_messages(step: &serde_json::Value) -> Vec<(String, Message)> {
    let members = step.as_object().into_iter().flatten();
    members.map(|(port, message)| (port.clone(), message_of(&message.into()))).collect()
}

/// The message that plain or tagged JSON stands for. A stream is `{"type": "@stream", "u8": [[…], …]}` with the bytes of its frames,
/// and where it has them `content_type`, `size_hint`, `metadata`, and `error` in place of an end. A stream of sound has samples under
/// `f32`, and is `audio/raw-pcm-f32` unless it says otherwise.
pub fn message_of(json: &Value) -> Message {
    if json.get("type").and_then(Value::as_str) == Some("@stream") {
        return written_stream(json);
    }
    let tagged = json.as_object().is_some_and(|members| members.keys().all(|key| matches!(&**key, "type" | "data")));
    match Message::from_wire(json) {
        Ok(message) if tagged => message,
        _ => Message::from_value(json.clone()),
    }
}

/// The content type of streams of samples.
const SAMPLES: &str = "audio/raw-pcm-f32";

/// The stream that JSON stands for.
fn written_stream(json: &Value) -> Message {
    let text = |key| json.get(key).and_then(Value::as_str);
    let content_type = text("content_type").or(json.get("f32").map(|_| SAMPLES));
    let (size_hint, metadata) = (json.get("size_hint").and_then(Value::as_integer), json.get("metadata"));
    let mut frames = Vec::new();
    if size_hint.is_some() || metadata.is_some() {
        frames.push(Frame::Begin(Begin {
            content_type: content_type.map(Into::into),
            size_hint: size_hint.and_then(|size| size.try_into().ok()),
            metadata: metadata.cloned(),
        }));
    }
    let lists = |form| json.get(form).and_then(Value::as_array).into_iter().flatten();
    let numbers = |frame: &Value| -> Vec<f64> {
        let numbers = frame.as_array().into_iter().flatten();
        numbers.map(|number| number.as_number().unwrap_or(f64::NAN)).collect()
    };
    let samples = |frame| numbers(frame).into_iter().flat_map(|number| (number as f32).to_le_bytes()).collect();
    let bytes = |frame| numbers(frame).into_iter().map(|number| number as u8).collect();
    frames.extend(lists("f32").map(|frame| -> Vec<u8> { samples(frame) }).map(|data| Frame::Data(data.into())));
    frames.extend(lists("u8").map(|frame| -> Vec<u8> { bytes(frame) }).map(|data| Frame::Data(data.into())));
    frames.push(text("error").map_or(Frame::End, |error| Frame::Error(error.into())));
    stream_of(content_type, frames)
}

/// What a stream that came out is written as.
fn stream_json(message: &Message, content_type: Option<&str>) -> serde_json::Value {
    let mut json = serde_json::json!({"type": "@stream"});
    let is_sound = content_type.is_some_and(|content_type| content_type.starts_with("audio/"));
    if let Some(content_type) = content_type.filter(|content_type| *content_type != SAMPLES) {
        json["content_type"] = content_type.into();
    }
    let mut data = Vec::new();
    for frame in frames_of(message) {
        match frame {
            Frame::Begin(Begin { size_hint, metadata, .. }) => {
                size_hint.inspect(|size| json["size_hint"] = (*size).into());
                metadata.inspect(|metadata| json["metadata"] = metadata.into());
            }
            Frame::Data(bytes) if is_sound => {
                data.push(
                    bytes.as_chunks().0.iter().map(|sample| shortest_float(*sample)).collect::<serde_json::Value>(),
                );
            }
            Frame::Data(bytes) => data.push(bytes.to_vec().into()),
            Frame::End => {}
            Frame::Error(text) => json["error"] = text.as_ref().into(),
        }
    }
    json[if is_sound { "f32" } else { "u8" }] = data.into();
    json
}

/// A sample in as few digits as say which one it is.
fn shortest_float(bytes: [u8; 4]) -> serde_json::Value {
    let number = f32::from_le_bytes(bytes);
    number.to_string().parse::<f64>().map_or(serde_json::Value::Null, Into::into)
}

/// The shortest JSON that stands for a message: see [`message_of`].
pub fn json_of(message: &Message) -> serde_json::Value {
    if let Message::StreamHandle(handle) = message {
        return stream_json(message, handle.content_type.as_deref());
    }
    let plain = message.to_value();
    let same = message_of(&plain) == *message && serde_json::Value::from(&plain) != serde_json::Value::Null;
    if same { (&plain).into() } else { (&message.to_wire()).into() }
}

fn plain_step(messages: &Messages) -> serde_json::Value {
    messages
        .iter()
        .map(|(port, messages)| (port.clone(), messages.iter().map(json_of).collect::<Vec<_>>().into()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}
