//! Windows, on the one thread that may have an event loop. It lives as long as the process; windows live as long as the last node
//! that wants them.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use reflow_pack_sdk::{Bytes, Value};
use winit::application::ApplicationHandler;
use winit::dpi::{LogicalSize, PhysicalSize};
use winit::event::{ElementState, MouseButton, MouseScrollDelta, TouchPhase, WindowEvent};
use winit::event_loop::{ActiveEventLoop, ControlFlow, EventLoop, EventLoopProxy};
use winit::window::{Window, WindowId};

use crate::keys;
use crate::node::Settings;
use crate::queue::Queue;
use crate::reshape::Device;

/// Pixels of a line of a wheel.
const LINE: f64 = 40.0;
/// How long the thread may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// How a window is wanted.
#[derive(Clone, Debug)]
pub(crate) struct Wish {
    pub(crate) title: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) visible: bool,
    pub(crate) resizable: bool,
}

/// A picture for a window.
pub(crate) struct Frame {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels: Bytes,
}

/// What the thread is asked for.
enum Asked {
    Subscribe { key: String, wish: Wish, subscriber: Subscriber, reply: SyncSender<Result<(), String>> },
    Unsubscribe { number: u64, key: String },
    Draw { key: String, frame: Frame },
}

/// What the thread knows of a node that gets events.
struct Subscriber {
    number: u64,
    device: Device,
    /// Whether nothing more comes when the window was closed.
    ends: bool,
    queue: Arc<Queue>,
}

/// A node that gets events. Dropped, it gets no more.
pub(crate) struct Subscription {
    number: u64,
    key: String,
    queue: Arc<Queue>,
}

impl Subscription {
    pub(crate) fn draw(&self, frame: Frame) {
        if let Ok(thread) = event_thread() {
            let _ = thread.send_event(Asked::Draw { key: self.key.clone(), frame });
        }
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.queue.close();
        if let Ok(thread) = event_thread() {
            let _ = thread.send_event(Asked::Unsubscribe { number: self.number, key: self.key.clone() });
        }
    }
}

/// Gives a node the events of a device in a window.
pub(crate) fn subscribe(
    device: Device,
    key: String,
    settings: &Settings,
    queue: Arc<Queue>,
) -> Result<Subscription, String> {
    static NUMBER: Mutex<u64> = Mutex::new(0);
    let number = {
        let mut next = NUMBER.lock().unwrap_or_else(PoisonError::into_inner);
        *next += 1;
        *next
    };
    let thread = event_thread()?;
    let (reply, answer) = sync_channel(1);
    let subscriber = Subscriber { number, device, ends: settings.close_ends, queue: Arc::clone(&queue) };
    let asked = Asked::Subscribe { key: key.clone(), wish: settings.wish.clone(), subscriber, reply };
    thread.send_event(asked).map_err(|_| "the thread of windows has ended".to_string())?;
    answer.recv_timeout(PATIENCE).map_err(|_| "the window system does not answer".to_string())??;
    Ok(Subscription { number, key, queue })
}

/// The thread of windows; started when the first node asks.
fn event_thread() -> Result<EventLoopProxy<Asked>, String> {
    static THREAD: OnceLock<Result<Mutex<EventLoopProxy<Asked>>, String>> = OnceLock::new();
    let thread = THREAD.get_or_init(|| {
        if cfg!(target_os = "macos") {
            return Err("macOS lets only the main thread have windows, so `source` is `host` there".into());
        }
        let (reply, answer) = sync_channel(1);
        let started = thread::Builder::new().name("reflow-windows".into()).spawn(move || live(&reply));
        started.map_err(|error| format!("no thread for windows: {error}"))?;
        answer.recv_timeout(PATIENCE).map_err(|_| "the window system does not answer".to_string())?.map(Mutex::new)
    });
    match thread {
        Ok(proxy) => Ok(proxy.lock().unwrap_or_else(PoisonError::into_inner).clone()),
        Err(why) => Err(why.clone()),
    }
}

fn live(reply: &SyncSender<Result<EventLoopProxy<Asked>, String>>) {
    let mut builder = EventLoop::<Asked>::with_user_event();
    #[cfg(target_os = "linux")]
    {
        use winit::platform::x11::EventLoopBuilderExtX11;
        builder.with_any_thread(true);
    }
    #[cfg(target_os = "windows")]
    {
        use winit::platform::windows::EventLoopBuilderExtWindows;
        builder.with_any_thread(true);
    }
    // What is missing makes winit panic in places; that is an answer too.
    let made = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| builder.build()));
    let event_loop = match made {
        Ok(Ok(event_loop)) => event_loop,
        other => {
            let why = match other {
                Ok(Err(error)) => brief(&error.to_string()),
                _ => "a library is missing".to_string(),
            };
            let _ = reply.send(Err(format!(
                "no window can be opened: {why}. A display is needed (`DISPLAY`), and the Debian packages libx11-6, libx11-xcb1, libxcursor1, \
                 libxi6, libxrandr2, libxkbcommon-x11-0"
            )));
            return;
        }
    };
    event_loop.set_control_flow(ControlFlow::Wait);
    let _ = reply.send(Ok(event_loop.create_proxy()));
    let _ = event_loop.run_app(&mut Screen::default());
}

/// The text of an error without the place in a library where it was found.
fn brief(text: &str) -> String {
    let why = text.split_once(".rs:").and_then(|(_, rest)| rest.split_once(": ")).map_or(text, |(_, why)| why);
    why.trim_end_matches('.').to_string()
}

/// All windows.
#[derive(Default)]
struct Screen {
    windows: HashMap<String, Shown>,
    keys: HashMap<WindowId, String>,
}

/// A window with the nodes that get its events.
struct Shown {
    window: Rc<Window>,
    surface: Option<softbuffer::Surface<Rc<Window>, Rc<Window>>>,
    subscribers: Vec<Subscriber>,
    picture: Option<Frame>,
    pointer: (f64, f64),
    buttons: i64,
    /// alt, ctrl, shift, meta.
    modifiers: [bool; 4],
    touches: Vec<(u64, f64, f64, f64)>,
}

impl ApplicationHandler<Asked> for Screen {
    fn resumed(&mut self, _event_loop: &ActiveEventLoop) {}

    fn user_event(&mut self, event_loop: &ActiveEventLoop, asked: Asked) {
        match asked {
            Asked::Subscribe { key, wish, subscriber, reply } => {
                let _ = reply.send(self.subscribe(event_loop, key, &wish, subscriber));
            }
            Asked::Unsubscribe { number, key } => {
                let Some(shown) = self.windows.get_mut(&key) else { return };
                shown.subscribers.retain(|known| known.number != number);
                if shown.subscribers.is_empty() {
                    self.keys.remove(&shown.window.id());
                    self.windows.remove(&key);
                }
            }
            Asked::Draw { key, frame } => {
                if let Some(shown) = self.windows.get_mut(&key) {
                    shown.picture = Some(frame);
                    shown.draw();
                }
            }
        }
    }

    fn window_event(&mut self, _event_loop: &ActiveEventLoop, id: WindowId, event: WindowEvent) {
        if let Some(shown) = self.keys.get(&id).and_then(|key| self.windows.get_mut(key)) {
            shown.take(event);
        }
    }
}

impl Screen {
    fn subscribe(
        &mut self,
        event_loop: &ActiveEventLoop,
        key: String,
        wish: &Wish,
        subscriber: Subscriber,
    ) -> Result<(), String> {
        if !self.windows.contains_key(&key) {
            let attributes = Window::default_attributes()
                .with_title(&wish.title)
                .with_inner_size(LogicalSize::new(wish.width, wish.height))
                .with_visible(wish.visible)
                .with_resizable(wish.resizable);
            let window =
                event_loop.create_window(attributes).map_err(|error| format!("no window can be opened: {error}"))?;
            let window = Rc::new(window);
            self.keys.insert(window.id(), key.clone());
            let shown = Shown {
                window,
                surface: None,
                subscribers: Vec::new(),
                picture: None,
                pointer: (0.0, 0.0),
                buttons: 0,
                modifiers: [false; 4],
                touches: Vec::new(),
            };
            self.windows.insert(key.clone(), shown);
        }
        let shown = self.windows.get_mut(&key).ok_or("there is no window")?;
        if subscriber.device == Device::Window {
            subscriber.queue.push(shown.window_event("open", shown.size()));
        }
        shown.subscribers.push(subscriber);
        Ok(())
    }
}

type Members = Vec<(&'static str, Value)>;

impl Shown {
    fn scale(&self) -> f64 {
        self.window.scale_factor()
    }

    fn size(&self) -> Members {
        let PhysicalSize { width, height } = self.window.inner_size();
        let css = |pixels: u32| Value::from((f64::from(pixels) / self.scale()).round() as i64);
        vec![("width", css(width)), ("height", css(height))]
    }

    fn window_event(&self, kind: &str, more: Members) -> Value {
        let base = [("type", Value::from(kind)), ("devicePixelRatio", self.scale().into())];
        Value::object(base.into_iter().chain(more))
    }

    fn tell(&self, device: Device, event: Value) {
        for subscriber in self.subscribers.iter().filter(|known| known.device == device) {
            subscriber.queue.push(event.clone());
        }
    }

    fn with_modifiers(&self, members: Members) -> Value {
        let names = ["altKey", "ctrlKey", "shiftKey", "metaKey"];
        Value::object(members.into_iter().chain(names.into_iter().zip(self.modifiers.map(Value::from))))
    }

    fn mouse(&self, kind: &'static str, more: Members) {
        let (x, y) = self.pointer;
        let base =
            vec![("type", Value::from(kind)), ("x", x.into()), ("y", y.into()), ("buttons", self.buttons.into())];
        self.tell(Device::Mouse, self.with_modifiers(base.into_iter().chain(more).collect()));
    }

    fn take(&mut self, event: WindowEvent) {
        match event {
            WindowEvent::CloseRequested => {
                self.window.set_visible(false);
                self.tell(Device::Window, self.window_event("close", Vec::new()));
                self.subscribers.iter().filter(|known| known.ends).for_each(|known| known.queue.close());
            }
            WindowEvent::Resized(_) => {
                self.tell(Device::Window, self.window_event("resize", self.size()));
                self.draw();
            }
            WindowEvent::Moved(at) => {
                let more = vec![("x", i64::from(at.x).into()), ("y", i64::from(at.y).into())];
                self.tell(Device::Window, self.window_event("move", more));
            }
            WindowEvent::Focused(is_focused) => {
                let kind = if is_focused { "focus" } else { "blur" };
                self.tell(Device::Window, self.window_event(kind, Vec::new()));
            }
            WindowEvent::ScaleFactorChanged { .. } => {
                self.tell(Device::Window, self.window_event("dprchange", self.size()));
            }
            WindowEvent::ThemeChanged(theme) => {
                let theme = format!("{theme:?}").to_lowercase();
                self.tell(Device::Window, self.window_event("themechange", vec![("theme", theme.into())]));
            }
            WindowEvent::DroppedFile(path) => {
                let path = path.display().to_string();
                self.tell(Device::Window, self.window_event("drop", vec![("path", path.into())]));
            }
            WindowEvent::RedrawRequested => self.draw(),
            WindowEvent::ModifiersChanged(modifiers) => {
                let state = modifiers.state();
                self.modifiers = [state.alt_key(), state.control_key(), state.shift_key(), state.super_key()];
            }
            WindowEvent::KeyboardInput { event, is_synthetic, .. } => self.key(&event, is_synthetic),
            WindowEvent::CursorMoved { position, .. } => {
                self.pointer = (position.x / self.scale(), position.y / self.scale());
                self.mouse("mousemove", Vec::new());
            }
            WindowEvent::CursorEntered { .. } => self.mouse("mouseenter", Vec::new()),
            WindowEvent::CursorLeft { .. } => self.mouse("mouseleave", Vec::new()),
            WindowEvent::MouseInput { state, button, .. } => {
                let (number, bit) = match button {
                    MouseButton::Left => (0, 1),
                    MouseButton::Middle => (1, 4),
                    MouseButton::Right => (2, 2),
                    MouseButton::Back => (3, 8),
                    MouseButton::Forward => (4, 16),
                    MouseButton::Other(_) => return,
                };
                let is_down = state == ElementState::Pressed;
                self.buttons = if is_down { self.buttons | bit } else { self.buttons & !bit };
                self.mouse(if is_down { "mousedown" } else { "mouseup" }, vec![("button", Value::Integer(number))]);
            }
            WindowEvent::MouseWheel { delta, .. } => {
                // Down and to the right is more, as in DOM.
                let (x, y) = match delta {
                    MouseScrollDelta::LineDelta(x, y) => (-f64::from(x) * LINE, -f64::from(y) * LINE),
                    MouseScrollDelta::PixelDelta(at) => (-at.x / self.scale(), -at.y / self.scale()),
                };
                // No minus before a zero.
                self.mouse("wheel", vec![("deltaX", (x + 0.0).into()), ("deltaY", (y + 0.0).into())]);
            }
            WindowEvent::Touch(touch) => {
                let at = (touch.location.x / self.scale(), touch.location.y / self.scale());
                let force = touch.force.map_or(0.0, |force| force.normalized());
                self.touch(touch.phase, touch.id, at, force);
            }
            _ => {}
        }
    }

    fn key(&mut self, event: &winit::event::KeyEvent, is_synthetic: bool) {
        let is_down = event.state == ElementState::Pressed;
        // Keys that are held when the window gets the focus were pressed elsewhere.
        if is_synthetic && is_down {
            return;
        }
        let code = keys::code(event.physical_key);
        let modifier = match code.as_str() {
            "AltLeft" | "AltRight" => Some(0),
            "ControlLeft" | "ControlRight" => Some(1),
            "ShiftLeft" | "ShiftRight" => Some(2),
            "MetaLeft" | "MetaRight" => Some(3),
            _ => None,
        };
        if let Some(modifier) = modifier {
            self.modifiers[modifier] = is_down;
        }
        let members = vec![
            ("type", Value::from(if is_down { "keydown" } else { "keyup" })),
            ("key", keys::key(&event.logical_key).into()),
            ("code", code.into()),
            ("repeat", event.repeat.into()),
        ];
        self.tell(Device::Keyboard, self.with_modifiers(members));
    }

    fn touch(&mut self, phase: TouchPhase, id: u64, at: (f64, f64), force: f64) {
        self.touches.retain(|(known, ..)| *known != id);
        let (kind, word) = match phase {
            TouchPhase::Started => ("touchstart", "start"),
            TouchPhase::Moved => ("touchmove", "move"),
            TouchPhase::Ended => ("touchend", "end"),
            TouchPhase::Cancelled => ("touchcancel", "cancel"),
        };
        if matches!(phase, TouchPhase::Started | TouchPhase::Moved) {
            self.touches.push((id, at.0, at.1, force));
        }
        let touches = self.touches.iter().map(|(one, x, y, force)| {
            let phase = if *one == id { word } else { "move" };
            Value::object([
                ("id", Value::from(*one as i64)),
                ("phase", phase.into()),
                ("x", (*x).into()),
                ("y", (*y).into()),
                ("force", (*force).into()),
            ])
        });
        let touches = Value::array(touches);
        self.tell(
            Device::Touch,
            Value::object([("type", Value::from(kind)), ("touches", touches), ("changed", (id as i64).into())]),
        );
    }

    /// Draws the picture, as large as the window is.
    fn draw(&mut self) {
        let Some(frame) = &self.picture else { return };
        if self.surface.is_none() {
            let context = softbuffer::Context::new(Rc::clone(&self.window));
            self.surface = context.and_then(|context| softbuffer::Surface::new(&context, Rc::clone(&self.window))).ok();
        }
        let PhysicalSize { width, height } = self.window.inner_size();
        let (Some(surface), Some(w), Some(h)) = (&mut self.surface, NonZeroU32::new(width), NonZeroU32::new(height))
        else {
            return;
        };
        if surface.resize(w, h).is_err() {
            return;
        }
        let Ok(mut buffer) = surface.buffer_mut() else { return };
        for (y, row) in buffer.chunks_exact_mut(width as usize).enumerate().take(height as usize) {
            let from_y = y * frame.height as usize / height as usize;
            for (x, pixel) in row.iter_mut().enumerate() {
                let from = (from_y * frame.width as usize + x * frame.width as usize / width as usize) * 4;
                if let Some([red, green, blue, _]) = frame.pixels.get(from..from + 4) {
                    *pixel = u32::from(*red) << 16 | u32::from(*green) << 8 | u32::from(*blue);
                }
            }
        }
        let _ = buffer.present();
    }
}
