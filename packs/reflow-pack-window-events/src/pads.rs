//! Gamepads of this machine. Each node that reads them has a thread of its own, which ends with the node.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;
use std::time::Duration;

use gilrs::ev::filter::{Filter, axis_dpad_to_button};
use gilrs::{Axis, Button, Event, EventType, Gilrs, GilrsBuilder};
use reflow_pack_sdk::Value;

use crate::queue::Queue;

/// How often a thread that waits looks whether its node is there still.
const LOOK_AROUND: Duration = Duration::from_millis(100);
/// How long opening the devices may take.
const PATIENCE: Duration = Duration::from_secs(20);

/// Buttons in the order of W3C.
const BUTTONS: [Button; 17] = [
    Button::South,
    Button::East,
    Button::West,
    Button::North,
    Button::LeftTrigger,
    Button::RightTrigger,
    Button::LeftTrigger2,
    Button::RightTrigger2,
    Button::Select,
    Button::Start,
    Button::LeftThumb,
    Button::RightThumb,
    Button::DPadUp,
    Button::DPadDown,
    Button::DPadLeft,
    Button::DPadRight,
    Button::Mode,
];
/// A button that gives only how far it is down counts as pressed from here on.
const PRESSED: f32 = 0.5;

/// Puts what gamepads do into a queue until that is closed, beginning with those that are there.
///
/// # Errors
/// When the machine's gamepads cannot be read.
pub(crate) fn listen(queue: Arc<Queue>, deadzone: f64) -> Result<(), String> {
    let (reply, answer) = sync_channel(1);
    let started = thread::Builder::new().name("reflow-gamepads".into()).spawn(move || {
        // Its filter for dead zones goes by what drivers say; ours by the config.
        match GilrsBuilder::new().with_default_filters(false).build() {
            Ok(gilrs) => {
                let _ = reply.send(Ok(()));
                live(gilrs, &queue, deadzone);
            }
            Err(error) => {
                let _ = reply.send(Err(error.to_string()));
            }
        }
    });
    started.map_err(|error| format!("no thread for gamepads: {error}"))?;
    let opened = answer.recv_timeout(PATIENCE).unwrap_or_else(|_| Err("the system does not answer".into()));
    opened.map_err(|why| {
        format!(
            "gamepads cannot be read: {why}. On Linux that takes the library of udev (Debian package libudev1) and a readable /dev/input; `source`: `host` needs neither"
        )
    })
}

fn live(mut gilrs: Gilrs, queue: &Queue, deadzone: f64) {
    let mut pads: BTreeMap<usize, Pad> = BTreeMap::new();
    let there: Vec<_> = gilrs.gamepads().map(|(id, pad)| (usize::from(id), pad.name().to_string())).collect();
    for (index, name) in there {
        queue.push(pads.entry(index).or_insert_with(|| Pad::new(name)).event("gamepadconnected", index, deadzone));
    }
    while !queue.is_closed() {
        let event = gilrs.next_event_blocking(Some(LOOK_AROUND)).filter_ev(&axis_dpad_to_button, &mut gilrs);
        let Some(Event { id, event, .. }) = event else { continue };
        let index = usize::from(id);
        let pad = pads.entry(index).or_insert_with(|| Pad::new(gilrs.gamepad(id).name().to_string()));
        let kind = match event {
            EventType::Connected => {
                *pad = Pad::new(gilrs.gamepad(id).name().to_string());
                "gamepadconnected"
            }
            EventType::Disconnected => "gamepaddisconnected",
            EventType::ButtonPressed(button, _) => pad.press(button, true),
            EventType::ButtonReleased(button, _) => pad.press(button, false),
            EventType::ButtonChanged(button, value, _) => pad.push(button, value),
            EventType::AxisChanged(axis, value, _) => pad.lean(axis, value),
            _ => continue,
        };
        queue.push(pad.event(kind, index, deadzone));
    }
}

/// What is known of a gamepad.
struct Pad {
    name: String,
    /// Left x and y, right x and y, as the device gives them.
    axes: [f32; 4],
    buttons: [(bool, f32); BUTTONS.len()],
}

const UPDATE: &str = "gamepadupdate";

impl Pad {
    fn new(name: String) -> Self {
        Self { name, axes: [0.0; 4], buttons: [(false, 0.0); BUTTONS.len()] }
    }

    fn button(&mut self, button: Button) -> Option<&mut (bool, f32)> {
        let place = BUTTONS.iter().position(|known| *known == button)?;
        self.buttons.get_mut(place)
    }

    fn press(&mut self, button: Button, is_down: bool) -> &'static str {
        if let Some((pressed, value)) = self.button(button) {
            *pressed = is_down;
            *value = if is_down { value.max(PRESSED) } else { value.min(PRESSED) };
        }
        UPDATE
    }

    fn push(&mut self, button: Button, far: f32) -> &'static str {
        if let Some(button) = self.button(button) {
            *button = (far >= PRESSED, far);
        }
        UPDATE
    }

    fn lean(&mut self, axis: Axis, value: f32) -> &'static str {
        // Devices count upwards, the web counts downwards.
        let (place, value) = match axis {
            Axis::LeftStickX => (0, value),
            Axis::LeftStickY => (1, -value),
            Axis::RightStickX => (2, value),
            Axis::RightStickY => (3, -value),
            Axis::LeftZ => return self.push(Button::LeftTrigger2, value),
            Axis::RightZ => return self.push(Button::RightTrigger2, value),
            _ => return UPDATE,
        };
        self.axes[place] = value;
        UPDATE
    }

    /// What leaves: a stick that leans less than the dead zone stands still, and one at its end gives 1.
    fn event(&self, kind: &str, index: usize, deadzone: f64) -> Value {
        let stick = |at: usize| {
            let (x, y) = (f64::from(self.axes[at]), f64::from(self.axes[at + 1]));
            let far = x.hypot(y);
            if far <= deadzone {
                return [0.0, 0.0];
            }
            let scale = ((far - deadzone) / (1.0 - deadzone)).min(1.0) / far;
            [x * scale, y * scale]
        };
        let axes = [stick(0), stick(2)];
        let buttons = self.buttons.iter().map(|(pressed, value)| {
            Value::object([("pressed", Value::from(*pressed)), ("value", f64::from(*value).into())])
        });
        Value::object([
            ("type", Value::from(kind)),
            ("id", self.name.as_str().into()),
            ("index", (index as i64).into()),
            ("axes", Value::array(axes.as_flattened().iter().copied())),
            ("buttons", Value::array(buttons)),
        ])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn axes(pad: &Pad) -> Vec<f64> {
        let event = pad.event(UPDATE, 0, 0.1);
        event.get("axes").and_then(Value::as_array).unwrap().iter().filter_map(Value::as_number).collect()
    }

    #[test]
    fn sticks_are_told_as_the_web_tells_them() {
        let mut pad = Pad::new("pad".into());
        pad.lean(Axis::LeftStickX, 0.05);
        assert_eq!(axes(&pad), [0.0; 4]);
        pad.lean(Axis::LeftStickX, 1.0);
        pad.lean(Axis::RightStickY, 1.0);
        assert_eq!(axes(&pad), [1.0, 0.0, 0.0, -1.0]);
        pad.lean(Axis::LeftStickY, 1.0);
        let [x, y, ..] = axes(&pad)[..] else { panic!() };
        assert!((x.hypot(y) - 1.0).abs() < 1e-6 && y < 0.0, "{x} {y}");
    }

    #[test]
    fn buttons_are_told_in_their_order() {
        let mut pad = Pad::new("pad".into());
        pad.press(Button::West, true);
        pad.push(Button::RightTrigger2, 0.75);
        pad.press(Button::Unknown, true);
        let event = pad.event("gamepadconnected", 3, 0.1);
        let down = |at: usize| event.get("buttons").unwrap().at(at).unwrap().clone();
        assert_eq!(event.get("index"), Some(&Value::Integer(3)));
        assert_eq!(down(2).get("pressed"), Some(&Value::Boolean(true)));
        assert_eq!(down(7), Value::object([("pressed", Value::from(true)), ("value", 0.75.into())]));
        assert_eq!(event.get("buttons").unwrap().as_array().unwrap().len(), 17);
        pad.press(Button::West, false);
        assert!(!pad.buttons[2].0);
    }
}
