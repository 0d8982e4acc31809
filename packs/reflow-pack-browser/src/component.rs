//! `tpl_browser_screencast`.

use reflow_pack_sdk::{Component, ComponentSpec, Documentation, Firing, Instance, PortSpec, PortType, Source, Value};

use crate::settings::{SCHEMA, Settings};

pub(crate) const FRAME: usize = 0;
pub(crate) const METADATA: usize = 1;
pub(crate) const RESULT: usize = 2;
pub(crate) const DONE: usize = 3;
pub(crate) const READY: usize = 4;
pub(crate) const LOADED: usize = 5;
pub(crate) const ERROR: usize = 6;
pub(crate) const STREAM: usize = 7;

pub(crate) const URL: usize = 0;
pub(crate) const TICK: usize = 1;
pub(crate) const ACTION: usize = 2;

/// The template.
pub(crate) struct Screencast;

const TEXT: &str = "The first packet on any port starts the browser; the text on `url`, or `url` of the config, is opened, and the packet takes \
    effect too. A later text on `url` opens that. Actions are objects with a `type`: `navigate` (`url`), `click` (`selector`, or `x` and `y`), \
    `mouse` (`event`: move, press, release, click, wheel), `scroll` (`x`, `y`), `type` (`selector`, `text`), `insertText`, `key`, `wait` (`selector`), \
    `evaluate` (`expression`), `screenshot` (`format`: rgba, png, jpeg; `fullPage`), `stop`. A flow on `action` stops too.\n\n\
    Pictures are raw RGBA, and the browser makes the next one only when the last one was taken. The browser runs until `stop`, the end of the \
    run, or `settleMs` and `maxDurationMs`; nothing of it is left, however this process ends. What fails leaves on `error` with the action.";

impl Component for Screencast {
    fn spec(&self) -> ComponentSpec {
        let port = |name: &str, kind: &str, text: &str| PortSpec {
            kind: kind.into(),
            ..PortSpec::new(name, PortType::Any).with_summary(text)
        };
        ComponentSpec {
            id: "tpl_browser_screencast".into(),
            inports: vec![
                port("url", "string", "The page to open."),
                port("tick", "any", "Asks for a picture."),
                port("action", "object", "What to do; a flow ends the session."),
            ],
            outports: vec![
                port("frame", "bytes", "A picture: RGBA, the first row on top."),
                port("metadata", "object", "`width`, `height`, `format`, `frameNumber`, `timestamp` of the picture."),
                port("result", "object", "What a script answers."),
                port("done", "boolean", "The session has ended."),
                port("ready", "string", "Pictures begin."),
                port("loaded", "string", "A page is there."),
                port("error", "object", "What failed, and why."),
                port("stream", "stream", "All pictures as one stream of raw RGBA."),
            ],
            firing: Firing::Any,
            source: Source::No,
            open_ports: false,
            config_schema: Value::from_json(SCHEMA).unwrap_or_default(),
            documentation: Documentation {
                title: "Browser Screencast".into(),
                category: "integration".into(),
                summary:
                    "Drives a Chromium: navigation, clicks, typing, scripts, and pictures of the page as RGBA frames."
                        .into(),
                text: TEXT.into(),
            },
        }
    }

    #[cfg(unix)]
    fn instantiate(&self, config: &Value) -> Result<Instance, String> {
        Ok(Instance::new_blocking(crate::actions::Browser::new(Settings::read(config)?)))
    }

    #[cfg(not(unix))]
    fn instantiate(&self, config: &Value) -> Result<Instance, String> {
        Settings::read(config)?;
        Err("this pack drives browsers on Linux and macOS only".into())
    }
}
