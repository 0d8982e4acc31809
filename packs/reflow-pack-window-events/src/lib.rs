//! Keyboard, mouse, touch, gamepad and window events: of a host, or of a window of its own.

mod component;
mod keys;
mod node;
#[cfg(feature = "gamepad")]
mod pads;
mod queue;
mod reshape;
mod screen;

use reflow_pack_sdk::{Component, export_pack};

export_pack!(
    "reflow.pack.window_events",
    all = reshape::Device::ALL.map(|device| Box::new(component::InputComponent(device)) as Box<dyn Component>)
);
