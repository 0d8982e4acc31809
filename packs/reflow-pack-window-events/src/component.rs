//! The templates.

use reflow_pack_sdk::{Component, ComponentSpec, Documentation, Firing, Instance, PortSpec, PortType, Source, Value};

use crate::node::{InputNode, Settings};
use crate::reshape::Device;

/// The template of a device.
pub(crate) struct InputComponent(pub(crate) Device);

const TEXT: &str = "A host sends events to `_event`, with the names and values of DOM; a packet that is no object means the config. With \
    `source` (`window`, of gamepads `device`) the events are those of a window of this process: all nodes that name the same `window` share one. \
    Moves are told as fast as they are taken, the newest wins; keys, buttons and the close are never lost.";

impl Component for InputComponent {
    fn spec(&self) -> ComponentSpec {
        let (id, title, summary) = self.0.names();
        let mut inports = vec![PortSpec::new("_event", PortType::Any).with_summary("An event of a host.")];
        if self.0 == Device::Window {
            let text = "A picture for the window: bytes of RGBA, `frameWidth` times `frameHeight`.";
            inports.push(PortSpec { latest: true, ..PortSpec::new("frame", PortType::Any).with_summary(text) });
        }
        let outports = self.0.outports().iter().map(|(name, kind, text)| PortSpec {
            kind: (*kind).to_string(),
            ..PortSpec::new(*name, PortType::from_word(kind).unwrap_or_default()).with_summary(*text)
        });
        ComponentSpec {
            id: id.into(),
            inports,
            outports: outports.collect(),
            firing: Firing::Any,
            source: Source::No,
            open_ports: true,
            config_schema: Value::from_json(SCHEMA).unwrap_or_default(),
            documentation: Documentation {
                title: title.into(),
                category: "input".into(),
                summary: summary.into(),
                text: TEXT.into(),
            },
        }
    }

    fn instantiate(&self, config: &Value) -> Result<Instance, String> {
        Ok(Instance::new(InputNode::new(self.0, Settings::read(self.0, config)?)))
    }
}

const SCHEMA: &str = r#"{"type": "object", "properties": {
    "source": {"enum": ["host", "window", "device"], "default": "host", "description": "Whose events: those that a host sends, those of a window, those of gamepads."},
    "window": {"type": "string", "default": "main", "description": "The window; nodes that name the same one share it."},
    "title": {"type": "string", "description": "The title of the window."},
    "width": {"default": 800, "description": "The width of the window, in pixels of CSS."},
    "height": {"default": 600, "description": "The height of the window, in pixels of CSS."},
    "visible": {"default": true, "description": "Whether the window is seen."},
    "resizable": {"default": true, "description": "Whether people can resize the window."},
    "frameWidth": {"description": "The width of pictures on `frame`; that of the window when not given."},
    "frameHeight": {"description": "The height of pictures on `frame`; that of the window when not given."},
    "deadzone": {"type": "number", "default": 0.1, "minimum": 0, "exclusiveMaximum": 1, "description": "Of gamepads: how far a stick leans before that is told, of 1."},
    "filter": {"description": "Of keyboards: the only keys or codes that count; of others: the only types of events."},
    "closeEndsNetwork": {"type": "boolean", "default": false, "description": "Whether the nodes of a window end when it is closed."}
}}"#;
