//! Cutting an event into ports: what each of the five nodes makes of it.

use reflow_pack_sdk::{Message, Value};

/// The five nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Device {
    Keyboard,
    Mouse,
    Gamepad,
    Touch,
    Window,
}

impl Device {
    pub(crate) const ALL: [Self; 5] = [Self::Keyboard, Self::Mouse, Self::Gamepad, Self::Touch, Self::Window];

    /// Id, title and summary of its template.
    pub(crate) fn names(self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Keyboard => {
                ("tpl_keyboard_input", "Keyboard Input", "Splits a keyboard event (DOM names) into ports.")
            }
            Self::Mouse => ("tpl_mouse_input", "Mouse Input", "Splits a mouse event into ports."),
            Self::Gamepad => ("tpl_gamepad_input", "Gamepad Input", "Splits a gamepad state into ports."),
            Self::Touch => ("tpl_touch_input", "Touch Input", "Splits a touch event into ports."),
            Self::Window => ("tpl_window_event", "Window Event", "Splits a window event into ports."),
        }
    }

    /// Its outports, with a word and a line for each.
    pub(crate) fn outports(self) -> &'static [(&'static str, &'static str, &'static str)] {
        match self {
            Self::Keyboard => &[
                ("event", "object", "The event."),
                ("key", "string", "What the key stands for, as in DOM: `a`, `Enter`."),
                ("code", "string", "Which key it is, as in DOM: `KeyA`."),
                ("modifiers", "object", "`alt`, `ctrl`, `shift`, `meta`."),
                ("pressed", "array", "The codes of all keys that are held."),
            ],
            Self::Mouse => &[
                ("event", "object", "The event."),
                ("position", "object", "`x` and `y`."),
                ("button", "integer", "0 left, 1 middle, 2 right, 3 back, 4 forward."),
                ("delta", "object", "`x` and `y` of the wheel, in pixels."),
                ("buttons", "integer", "All buttons that are held, a bit each: 1 left, 2 right, 4 middle, 8, 16."),
                ("movement", "object", "`x` and `y` since the last position."),
            ],
            Self::Gamepad => &[
                ("event", "object", "The event."),
                ("axes", "array", "The axes, as numbers."),
                ("buttons", "object", "The buttons."),
                ("sticks", "object", "`left` and `right`, each with `x` and `y`."),
            ],
            Self::Touch => &[
                ("event", "object", "The event."),
                ("touches", "object", "Everything that touches."),
                ("count", "integer", "How many that are."),
                ("pressure", "float", "How hard the first one presses."),
            ],
            Self::Window => &[
                ("event", "object", "The event."),
                ("size", "object", "`x` and `y`: width and height."),
                ("dpr", "float", "Pixels of the screen in one of CSS."),
            ],
        }
    }
}

/// What a node remembers from event to event.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    pressed: Vec<String>,
    position: Option<(f64, f64)>,
}

fn text<'a>(event: &'a Value, key: &str, otherwise: &'a str) -> &'a str {
    event.get(key).and_then(Value::as_str).unwrap_or(otherwise)
}

fn flag(event: &Value, key: &str) -> bool {
    event.get(key) == Some(&Value::Boolean(true))
}

/// The number under a key, as it is; nothing for other kinds.
fn number(event: &Value, key: &str) -> Option<Value> {
    event.get(key).filter(|value| is_number(value)).cloned()
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Integer(_) | Value::Unsigned(_) | Value::Float(_))
}

fn zero() -> Value {
    Value::Integer(0)
}

fn point(x: Value, y: Value) -> Value {
    Value::object([("x", x), ("y", y)])
}

/// The packets of an event, by outport. `is_own` says that the event is of a window of our own.
pub(crate) fn reshape(device: Device, event: &Value, memory: &mut Memory, is_own: bool) -> Vec<(usize, Message)> {
    match device {
        Device::Keyboard => keyboard(event, memory),
        Device::Mouse => mouse(event, memory),
        Device::Gamepad => gamepad(event),
        Device::Touch => touch(event),
        Device::Window => window(event, is_own),
    }
}

fn keyboard(event: &Value, memory: &mut Memory) -> Vec<(usize, Message)> {
    let (kind, key, code) = (text(event, "type", "keydown"), text(event, "key", ""), text(event, "code", ""));
    let known = Value::object([
        ("type", Value::from(kind)),
        ("key", key.into()),
        ("code", code.into()),
        ("altKey", flag(event, "altKey").into()),
        ("ctrlKey", flag(event, "ctrlKey").into()),
        ("shiftKey", flag(event, "shiftKey").into()),
        ("metaKey", flag(event, "metaKey").into()),
        ("repeat", flag(event, "repeat").into()),
    ]);
    // What else the host tells is passed on.
    let others = event.as_object().into_iter().flatten().filter(|(name, _)| known.get(name).is_none());
    let whole = known.merged_with(&Value::object(others.map(|(name, value)| (name.to_string(), value.clone()))));
    let held = if code.is_empty() { key } else { code };
    memory.pressed.retain(|known| known != held);
    if kind == "keydown" && !held.is_empty() {
        memory.pressed.push(held.into());
    }
    let modifiers = [("alt", "altKey"), ("ctrl", "ctrlKey"), ("shift", "shiftKey"), ("meta", "metaKey")]
        .map(|(name, key)| (name, Value::from(flag(event, key))));
    vec![
        (0, Message::object(whole)),
        (1, Message::string(key)),
        (2, Message::string(code)),
        (3, Message::object(Value::object(modifiers))),
        (4, Message::from_value(&Value::array(memory.pressed.iter().map(String::as_str)))),
    ]
}

fn mouse(event: &Value, memory: &mut Memory) -> Vec<(usize, Message)> {
    // What is there but no number does not fall back to the other name.
    let at = |name: &str, other: &str| match event.get(name) {
        Some(value) if is_number(value) => value.clone(),
        Some(_) => zero(),
        None => number(event, other).unwrap_or_else(zero),
    };
    let (x, y) = (at("x", "clientX"), at("y", "clientY"));
    let here = (x.as_number().unwrap_or_default(), y.as_number().unwrap_or_default());
    let unsigned = |key: &str| event.get(key).and_then(Value::as_integer).filter(|number| *number >= 0).unwrap_or(0);
    let moved = |key: &str, from: Option<f64>, to: f64| {
        number(event, key).unwrap_or_else(|| Value::from(from.map_or(0.0, |from| to - from)))
    };
    let before = memory.position.replace(here);
    let movement =
        point(moved("movementX", before.map(|at| at.0), here.0), moved("movementY", before.map(|at| at.1), here.1));
    let delta = point(number(event, "deltaX").unwrap_or_else(zero), number(event, "deltaY").unwrap_or_else(zero));
    vec![
        (0, Message::object(event.clone())),
        (1, Message::object(point(x, y))),
        (2, unsigned("button").into()),
        (3, Message::object(delta)),
        (4, unsigned("buttons").into()),
        (5, Message::object(movement)),
    ]
}

fn gamepad(event: &Value) -> Vec<(usize, Message)> {
    let axes = event.get("axes").and_then(Value::as_array).unwrap_or_default();
    let axes: Vec<Value> = axes.iter().filter(|value| is_number(value)).cloned().collect();
    let axis = |index: usize| axes.get(index).cloned().unwrap_or_else(zero);
    let sticks = Value::object([("left", point(axis(0), axis(1))), ("right", point(axis(2), axis(3)))]);
    let buttons = event.get("buttons").cloned().unwrap_or_else(|| Value::Array(Vec::new().into()));
    vec![
        (0, Message::object(event.clone())),
        (1, Message::from_value(&Value::array(axes))),
        (2, Message::object(buttons)),
        (3, Message::object(sticks)),
    ]
}

fn touch(event: &Value) -> Vec<(usize, Message)> {
    let touches = event.get("touches").cloned().unwrap_or_else(|| Value::Array(Vec::new().into()));
    let first = touches.at(0).cloned();
    let of_first = |key: &str| first.as_ref().and_then(|touch| touch.get(key)).and_then(Value::as_number);
    let pressure = of_first("force").or_else(|| of_first("pressure")).unwrap_or(0.0);
    let count = touches.as_array().map_or(0, <[Value]>::len) as i64;
    vec![(0, Message::object(event.clone())), (1, Message::object(touches)), (2, count.into()), (3, pressure.into())]
}

fn window(event: &Value, is_own: bool) -> Vec<(usize, Message)> {
    let (width, height) = (number(event, "width"), number(event, "height"));
    let dpr = event.get("devicePixelRatio").and_then(Value::as_number).unwrap_or(1.0);
    let mut packets = vec![(0, Message::object(event.clone()))];
    // A window of our own says its size when that is news; a host always did.
    if !is_own || width.is_some() || height.is_some() {
        packets.push((1, Message::object(point(width.unwrap_or_else(zero), height.unwrap_or_else(zero)))));
    }
    packets.push((2, dpr.into()));
    packets
}
