//! The one actor of all devices.

use std::sync::Arc;
use std::thread;

use reflow_pack_sdk::{Actor, Failure, Message, NodeHandle, Tick, Value};

use crate::queue::Queue;
use crate::reshape::{Device, Memory, reshape};
use crate::screen::{self, Frame, Subscription, Wish};

/// What a config says.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) is_source: bool,
    pub(crate) window: String,
    pub(crate) wish: Wish,
    filter: Vec<String>,
    /// Of gamepads: what a stick that leans less than this does not say.
    #[cfg_attr(not(feature = "gamepad"), allow(dead_code, reason = "gamepads are not read"))]
    deadzone: f64,
    pub(crate) close_ends: bool,
    frame: (u32, u32),
}

impl Settings {
    pub(crate) fn read(device: Device, config: &Value) -> Result<Self, String> {
        let text = |key: &str| config.get(key).and_then(Value::as_str);
        let source = text("source").unwrap_or("host");
        let is_source = match (source, device) {
            ("host", _) => false,
            ("device", Device::Gamepad) => true,
            ("window", device) if device != Device::Gamepad => true,
            ("device", _) => return Err("config `source`: only gamepads have `device`; `window` is right here".into()),
            _ => return Err("config `source`: gamepads belong to no window; `device` is right here".into()),
        };
        let size = |key: &str, default: u32| match config.get(key).filter(|_| is_source) {
            None | Some(Value::Null) => Ok(default),
            Some(value) => value
                .as_number()
                .filter(|number| (1.0..=16384.0).contains(number))
                .map(|number| number as u32)
                .ok_or_else(|| {
                    format!("config `{key}`: expected from 1 to 16384 pixels, found {}", value.to_json_string())
                }),
        };
        let wrong = |key: &str, expected: &str, found: &Value| {
            format!("config `{key}`: expected {expected}, found {}", found.to_json_string())
        };
        let flag = |key: &str, default: bool| match config.get(key).filter(|_| is_source) {
            None | Some(Value::Null) => Ok(default),
            Some(Value::Boolean(flag)) => Ok(*flag),
            Some(found) => Err(wrong(key, "true or false", found)),
        };
        let (width, height) = (size("width", 800)?, size("height", 600)?);
        let filter = match config.get("filter") {
            None | Some(Value::Null) => Some(Vec::new()),
            Some(Value::String(one)) => Some(vec![one.to_string()]),
            Some(found) => {
                found.as_array().and_then(|items| items.iter().map(|item| item.as_str().map(Into::into)).collect())
            }
        };
        let filter = filter.ok_or_else(|| {
            wrong("filter", "a text or a list of texts", config.get("filter").unwrap_or(&Value::Null))
        })?;
        let deadzone = match config.get("deadzone").filter(|_| is_source) {
            None | Some(Value::Null) => 0.1,
            Some(value) => value.as_number().filter(|number| (0.0..1.0).contains(number)).ok_or_else(|| {
                format!("config `deadzone`: expected from 0 to below 1, found {}", value.to_json_string())
            })?,
        };
        Ok(Self {
            is_source,
            deadzone,
            window: text("window").unwrap_or("main").to_string(),
            wish: Wish {
                title: text("title").filter(|_| is_source).unwrap_or("offbit-reflow").to_string(),
                width,
                height,
                visible: flag("visible", true)?,
                resizable: flag("resizable", true)?,
            },
            filter,
            close_ends: config.get("closeEndsNetwork") == Some(&Value::Boolean(true)),
            frame: (size("frameWidth", width)?, size("frameHeight", height)?),
        })
    }

    /// Whether an event is one that counts.
    pub(crate) fn passes(&self, device: Device, event: &Value) -> bool {
        let of = |key: &str| event.get(key).and_then(Value::as_str).unwrap_or_default();
        let words: &[&str] = if device == Device::Keyboard { &["key", "code"] } else { &["type"] };
        self.filter.is_empty() || words.iter().any(|key| self.filter.iter().any(|known| known == of(key)))
    }
}

/// A node with the events of one device.
pub(crate) struct InputNode {
    device: Device,
    settings: Settings,
    memory: Memory,
    /// What a source puts its events into.
    queue: Option<Arc<Queue>>,
    subscription: Option<Subscription>,
}

impl InputNode {
    pub(crate) fn new(device: Device, settings: Settings) -> Self {
        Self { device, settings, memory: Memory::default(), queue: None, subscription: None }
    }

    /// The event of a packet: the first object in it, else the config.
    fn event(tick: &Tick<'_>) -> Value {
        let objects = tick.inputs().filter_map(|(_, message)| message.as_value());
        objects.into_iter().find(|value| value.as_object().is_some()).unwrap_or_else(|| tick.config())
    }

    fn draw(&self, tick: &Tick<'_>) -> Result<(), Failure> {
        let Some(subscription) = &self.subscription else {
            return Err("a picture can be shown only in a window: set `source` to `window`".into());
        };
        let bytes = tick.input(1_usize).and_then(Message::to_bytes).ok_or("`frame`: expected bytes of RGBA")?;
        let (width, height) = self.settings.frame;
        let expected = width as usize * height as usize * 4;
        if bytes.len() != expected {
            let found = bytes.len();
            return Err(Failure::new(format!(
                "`frame`: expected {width} × {height} pixels of RGBA, {expected} bytes, found {found}; `frameWidth` and `frameHeight` say the size"
            ))
            .with_reason("bad_input"));
        }
        subscription.draw(Frame { width, height, pixels: bytes });
        Ok(())
    }
}

#[cfg(feature = "gamepad")]
fn listen(settings: &Settings, queue: Arc<Queue>) -> Result<(), String> {
    crate::pads::listen(queue, settings.deadzone)
}

#[cfg(not(feature = "gamepad"))]
fn listen(_settings: &Settings, _queue: Arc<Queue>) -> Result<(), String> {
    Err("gamepads are not read by this build of the pack: let a host send their events (`source`: `host`)".into())
}

/// Sends what comes into the queue, until that is closed or the run is over.
fn pump(device: Device, settings: &Settings, queue: &Queue, node: &NodeHandle) {
    let mut memory = Memory::default();
    while let Some(event) = queue.next(|| node.is_cancelled()) {
        let passes = settings.passes(device, &event);
        if passes && node.emit_blocking(reshape(device, &event, &mut memory, true), None).is_err() {
            return;
        }
        let is_close = event.get("type").and_then(Value::as_str) == Some("close");
        if is_close && settings.close_ends {
            return;
        }
    }
}

impl Actor for InputNode {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if !self.settings.is_source {
            return Ok(());
        }
        let Some(node) = tick.background() else { return Ok(()) };
        let queue = Arc::new(Queue::default());
        self.queue = Some(Arc::clone(&queue));
        let opened = if self.device == Device::Gamepad {
            listen(&self.settings, Arc::clone(&queue))
        } else {
            let key = format!("{}\n{}", node.run_id(), self.settings.window);
            let subscribed = screen::subscribe(self.device, key, &self.settings, Arc::clone(&queue));
            subscribed.map(|subscription| self.subscription = Some(subscription))
        };
        let reason = if self.device == Device::Gamepad { "no_device" } else { "no_window" };
        opened.map_err(|why| Failure::new(why).with_reason(reason).with_permanent(true))?;
        let (device, settings) = (self.device, self.settings.clone());
        let sender = thread::Builder::new().name("reflow-input".into());
        let started = sender.spawn(move || pump(device, &settings, &queue, &node));
        started.map(|_| ()).map_err(|error| Failure::new(format!("no thread for events: {error}")))
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if self.device == Device::Window && tick.input(1_usize).is_some() {
            return self.draw(tick);
        }
        let event = Self::event(tick);
        if self.settings.passes(self.device, &event) {
            for (port, message) in reshape(self.device, &event, &mut self.memory, false) {
                tick.emit(port, message);
            }
        }
        Ok(())
    }

    fn teardown(&mut self) {
        // Closes the queue, which ends the threads, and the window with its last node.
        self.subscription = None;
        if let Some(queue) = self.queue.take() {
            queue.close();
        }
    }
}
