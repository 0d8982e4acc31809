//! What a node's config says.

use std::path::PathBuf;
use std::time::Duration;

use reflow_pack_sdk::Value;

use crate::address::Address;

/// Where pictures come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Whenever the page changes.
    Screencast,
    /// The newest one, for each tick.
    Tick,
    /// A new one, for each tick.
    Screenshot,
}

#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) url: String,
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) quality: u32,
    pub(crate) every_nth: u32,
    pub(crate) wait: Duration,
    pub(crate) mode: Mode,
    pub(crate) settle: Option<Duration>,
    pub(crate) longest: Option<Duration>,
    pub(crate) timeout: Duration,
    /// A browser that runs already, in place of one of our own.
    pub(crate) connect: Option<Address>,
    /// Other machines that it may run on.
    pub(crate) hosts: Vec<String>,
    pub(crate) executable: Option<PathBuf>,
    pub(crate) arguments: Vec<String>,
    pub(crate) is_headless: bool,
    pub(crate) has_sandbox: bool,
    pub(crate) profile: Option<PathBuf>,
    pub(crate) downloads: Option<PathBuf>,
}

impl Settings {
    pub(crate) fn read(config: &Value) -> Result<Self, String> {
        let get = |key: &str| config.get(key).filter(|value| !value.is_null());
        let text = |key: &str| get(key).and_then(Value::as_str);
        let number = |key: &str, least: u32, most: u32, default: u32| match get(key) {
            None => Ok(default),
            Some(value) => value
                .as_number()
                .filter(|number| (f64::from(least)..=f64::from(most)).contains(number))
                .map(|number| number as u32)
                .ok_or_else(|| {
                    format!("config `{key}`: expected from {least} to {most}, found {}", value.to_json_string())
                }),
        };
        let wait = |key: &str| {
            Ok::<_, String>(if get(key).is_some() {
                Some(Duration::from_millis(number(key, 0, u32::MAX, 0)?.into()))
            } else {
                None
            })
        };
        let texts = |key: &str| match get(key) {
            None => Ok(Vec::new()),
            Some(value) => {
                let items =
                    value.as_array().map(|items| items.iter().map(Value::as_str).map(|text| text.map(Into::into)));
                let items: Option<Vec<String>> = items.and_then(Iterator::collect);
                items.ok_or_else(|| format!("config `{key}`: expected a list of texts"))
            }
        };
        let connect = text("connectUrl").map(Address::parse).transpose()?;
        if connect.is_some() {
            let of_ours = ["executable", "args", "headless", "noSandbox", "userDataDir"];
            if let Some(key) = of_ours.into_iter().find(|key| get(key).is_some()) {
                return Err(format!(
                    "config `{key}` is for a browser that is started; `connectUrl` names one that runs"
                ));
            }
        }
        let mode = match text("mode") {
            None | Some("screencast") => Mode::Screencast,
            Some("tick") => Mode::Tick,
            Some("screenshot") => Mode::Screenshot,
            Some(other) => {
                return Err(format!("config `mode`: expected screencast, tick or screenshot, found {other:?}"));
            }
        };
        Ok(Self {
            url: text("url").unwrap_or("about:blank").to_string(),
            width: number("width", 1, 8192, 1280)?,
            height: number("height", 1, 8192, 720)?,
            quality: number("quality", 0, 100, 80)?,
            every_nth: number("everyNthFrame", 1, 1_000_000, 1)?,
            wait: Duration::from_millis(number("waitBeforeCapture", 0, 3_600_000, 2000)?.into()),
            mode,
            settle: wait("settleMs")?,
            longest: wait("maxDurationMs")?,
            timeout: Duration::from_millis(number("timeoutMs", 1, 3_600_000, 10_000)?.into()),
            connect,
            hosts: texts("connectHosts")?,
            executable: text("executable").map(Into::into),
            arguments: texts("args")?,
            is_headless: get("headless") != Some(&Value::Boolean(false)),
            has_sandbox: match get("noSandbox") {
                Some(Value::Boolean(without)) => !without,
                _ => !is_root(),
            },
            profile: text("userDataDir").map(Into::into),
            downloads: text("downloads").map(Into::into),
        })
    }
}

#[cfg(unix)]
fn is_root() -> bool {
    // SAFETY: has no preconditions and cannot fail.
    unsafe { libc::geteuid() == 0 }
}

#[cfg(not(unix))]
fn is_root() -> bool {
    false
}

pub(crate) const SCHEMA: &str = r#"{"type": "object", "properties": {
    "url": {"type": "string", "default": "about:blank", "description": "The page that is opened first, when the first packet is no text on `url`."},
    "width": {"type": "integer", "minimum": 1, "default": 1280, "description": "Width of the page in pixels."},
    "height": {"type": "integer", "minimum": 1, "default": 720, "description": "Height of the page in pixels."},
    "quality": {"type": "integer", "minimum": 0, "maximum": 100, "default": 80, "description": "How well pictures are kept on their way."},
    "everyNthFrame": {"type": "integer", "minimum": 1, "default": 1, "description": "Only every so many pictures."},
    "waitBeforeCapture": {"type": "integer", "minimum": 0, "default": 2000, "description": "Milliseconds between opening the page and the first picture."},
    "mode": {"enum": ["screencast", "tick", "screenshot"], "default": "screencast", "description": "Pictures whenever the page changes; the newest for each tick; a new one for each tick."},
    "settleMs": {"type": ["integer", "null"], "description": "Ends the session so long after the last page load; never by default."},
    "maxDurationMs": {"type": ["integer", "null"], "description": "Ends the session after so long; never by default."},
    "timeoutMs": {"type": "integer", "minimum": 1, "default": 10000, "description": "How long an action waits for its element."},
    "connectUrl": {"type": ["string", "null"], "description": "The DevTools address of a browser that runs already: http://127.0.0.1:9222, or its ws:// address. It is not ended with the session, its page is."},
    "connectHosts": {"type": ["array", "null"], "items": {"type": "string"}, "description": "Other machines that `connectUrl` may name; only this one without."},
    "executable": {"type": ["string", "null"], "description": "The browser; found by itself otherwise."},
    "args": {"type": ["array", "null"], "items": {"type": "string"}, "description": "More words for its command line."},
    "headless": {"type": "boolean", "default": true, "description": "Whether it has no window."},
    "noSandbox": {"type": ["boolean", "null"], "description": "Whether it runs without its sandbox; by default for root only, who cannot have it."},
    "userDataDir": {"type": ["string", "null"], "description": "A profile to use and to keep; a fresh one otherwise, which goes with the session."},
    "downloads": {"type": ["string", "null"], "description": "The folder for downloads; without it they are refused."}
}}"#;
