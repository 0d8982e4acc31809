//! The actor: packets in, actions out, each to its end before the next.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reflow_pack_sdk::{Actor, Failure, Kind, Message, Tick, Value};
use serde_json::{Value as Json, json};

use crate::chrome::Chrome;
use crate::component::{ACTION, DONE, ERROR, FRAME, METADATA, RESULT, TICK, URL};
use crate::emitter::Emitter;
use crate::hold::{Held, Hold};
use crate::picture::{Picture, jpeg, png};
use crate::protocol::{Hear, Line, Talk};
use crate::settings::{Mode, Settings};
use crate::web_socket;

/// How long the browser may take to start.
const START: Duration = Duration::from_secs(60);
/// What Chromium says of a page that makes way for another.
const NO_PAGE: &str = "Not attached to an active page";
/// How long a page may take to answer that it begins to load.
const NAVIGATE: Duration = Duration::from_secs(30);
/// How much later than it was told the browser may end a script.
const GRACE: Duration = Duration::from_secs(1);

/// A node with a browser.
pub(crate) struct Browser {
    settings: Settings,
    session: Option<Session>,
}

/// A browser that runs, with its page.
struct Session {
    line: Arc<Line>,
    emitter: Arc<Emitter>,
    thread: Option<JoinHandle<()>>,
    hold: Arc<Hold>,
}

impl Drop for Session {
    fn drop(&mut self) {
        self.emitter.end();
        // The thread of pictures ends by itself, and may wait for room until the run is over.
        drop(self.thread.take());
        self.hold.let_go();
    }
}

type Goes<'a> = &'a dyn Fn() -> bool;

impl Session {
    fn start(settings: &Settings, tick: &mut Tick<'_>) -> Result<Self, String> {
        let (to, from, held): (Box<dyn Talk>, Box<dyn Hear>, _) = if let Some(address) = &settings.connect {
            let (to, from) = web_socket::connect(address, &settings.hosts, settings.timeout)?;
            (Box::new(to), Box::new(from), Held::Nothing)
        } else {
            let (chrome, (to, from)) = Chrome::start(settings)?;
            (Box::new(to), Box::new(from), Held::Browser(chrome))
        };
        let emitter = Arc::new(Emitter::default());
        let told = Arc::clone(&emitter);
        let line = Line::open(to, from, move |line, method, event| told.event(line, method, event))?;
        let hold = Hold::new(Arc::clone(&line), held);
        let mut session = Self { line, emitter, thread: None, hold };
        let node = tick.node().clone();
        session
            .prepare(settings, &|| !node.is_cancelled())
            .map_err(|why| format!("the browser does not start: {why}"))?;
        let background = tick.background().ok_or("the run was stopped")?;
        session.thread = Some(session.emitter.run(background, &session.line, &session.hold, settings)?);
        Ok(session)
    }

    /// Makes a page of the right size that tells what happens to it.
    fn prepare(&mut self, settings: &Settings, goes_on: Goes<'_>) -> Result<(), String> {
        let line = &self.line;
        let page = line.ask("Target.createTarget", json!({"url": "about:blank"}), START, goes_on)?["targetId"].clone();
        if settings.connect.is_some() {
            self.hold.keep(Held::Page(page.clone()));
        }
        let attached = line.ask("Target.attachToTarget", json!({"targetId": page, "flatten": true}), START, goes_on)?;
        line.attach(attached["sessionId"].as_str().ok_or("it gives no session")?.to_string());
        self.emitter.attach(page.as_str().unwrap_or_default());
        let downloads = match &settings.downloads {
            Some(folder) => json!({"behavior": "allow", "downloadPath": folder.display().to_string()}),
            None => json!({"behavior": "deny"}),
        };
        // In a browser that is not ours, for our page alone.
        let of = if settings.connect.is_some() { "Page.setDownloadBehavior" } else { "Browser.setDownloadBehavior" };
        let size = json!({"width": settings.width, "height": settings.height, "deviceScaleFactor": 1, "mobile": false});
        for (method, parameters) in [
            (of, downloads),
            ("Page.enable", json!({})),
            ("Page.setLifecycleEventsEnabled", json!({"enabled": true})),
            ("Runtime.enable", json!({})),
            ("Inspector.enable", json!({})),
            ("Emulation.setDeviceMetricsOverride", size),
        ] {
            line.ask(method, parameters, START, goes_on)?;
        }
        Ok(())
    }

    fn is_alive(&self) -> bool {
        !self.line.is_gone() && self.thread.as_ref().is_some_and(|thread| !thread.is_finished())
    }

    /// Opens a page, and waits until its document was read, so that what is done next finds it.
    fn navigate(&self, url: &str, timeout: Duration, goes_on: Goes<'_>) -> Result<(), String> {
        let not_opened = |why: &str| format!("{url} cannot be opened: {why}");
        let answer = self.line.ask("Page.navigate", json!({"url": url}), NAVIGATE, goes_on);
        let answer = answer.map_err(|why| not_opened(&why))?;
        match answer["errorText"].as_str() {
            // A download is no page.
            Some("net::ERR_ABORTED") => return Ok(()),
            Some(why) => return Err(not_opened(why)),
            None => {}
        }
        // Another place of the same document has no document to wait for.
        if let Some(document) = answer["loaderId"].as_str() {
            self.emitter.parsed(document, timeout, goes_on);
        }
        Ok(())
    }

    /// Runs a script, and gives what it answers, or what it throws. One that never ends is ended.
    fn evaluate(&self, expression: &str, timeout: Duration, goes_on: Goes<'_>) -> Result<Result<Json, String>, String> {
        let parameters = json!({"expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true,
            "timeout": timeout.as_millis() as u64});
        let began = Instant::now();
        // The browser ends it by itself, a little later than it was told, and calls that an internal error.
        let answer = self.line.ask("Runtime.evaluate", parameters, timeout + GRACE, goes_on).map_err(|why| {
            let is_late = began.elapsed() >= timeout && !self.line.is_gone();
            if is_late { format!("the script did not end within {} ms", timeout.as_millis()) } else { why }
        })?;
        if let Some(thrown) = answer.get("exceptionDetails") {
            let text = thrown["exception"]["description"].as_str().or(thrown["exception"]["value"].as_str());
            return Ok(Err(text.or(thrown["text"].as_str()).unwrap_or("the script threw something").to_string()));
        }
        let result = &answer["result"];
        let value = result.get("value").cloned();
        Ok(Ok(value.or_else(|| result["unserializableValue"].as_str().map(number)).unwrap_or_default()))
    }

    /// The middle of an element, once it has a place on the page; without one where it only has to be there.
    fn element(
        &self,
        selector: &str,
        is_placed: bool,
        timeout: Duration,
        goes_on: Goes<'_>,
    ) -> Result<(f64, f64), String> {
        let script = format!(
            "(() => {{ const e = document.querySelector({}); if (!e) return null; e.scrollIntoView({{block: 'center', inline: 'center'}}); \
             const r = e.getBoundingClientRect(); return e.getClientRects().length ? [r.x + r.width / 2, r.y + r.height / 2] : []; }})()",
            Json::from(selector)
        );
        let until = Instant::now() + timeout;
        let mut missing = "there is no element";
        loop {
            match self.evaluate(&script, timeout, goes_on) {
                Ok(Ok(Json::Array(at))) if is_placed && at.is_empty() => {
                    missing = "nothing is to be seen of the element"
                }
                Ok(Ok(Json::Array(at))) => {
                    let number = |index: usize| at.get(index).and_then(Json::as_f64).unwrap_or_default();
                    return Ok((number(0), number(1)));
                }
                Ok(Err(why)) => {
                    let why = why.lines().next().unwrap_or_default();
                    return Err(format!("the selector {selector:?}: {why}"));
                }
                Err(why) if self.line.is_gone() || !goes_on() => return Err(why),
                // A page that is just changing has no elements yet.
                _ => {}
            }
            if Instant::now() >= until {
                return Err(format!("{missing} {selector:?} within {} ms", timeout.as_millis()));
            }
            if !goes_on() {
                return Err("the run was stopped".into());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn mouse(&self, kind: &str, at: (f64, f64), more: &[(&str, Json)], goes_on: Goes<'_>) -> Result<(), String> {
        let mut parameters = json!({"type": kind, "x": at.0, "y": at.1});
        for (key, value) in more {
            parameters[*key] = value.clone();
        }
        self.line.ask("Input.dispatchMouseEvent", parameters, NAVIGATE, goes_on).map(drop)
    }

    fn click(&self, at: (f64, f64), button: &str, goes_on: Goes<'_>) -> Result<(), String> {
        let more = [("button", Json::from(button)), ("clickCount", 1.into())];
        self.mouse("mouseMoved", at, &[], goes_on)?;
        self.mouse("mousePressed", at, &more, goes_on)?;
        self.mouse("mouseReleased", at, &more, goes_on)
    }

    /// A picture of the page as it is.
    fn screenshot(
        &self,
        settings: &Settings,
        format: &str,
        is_full: bool,
        goes_on: Goes<'_>,
    ) -> Result<(Vec<u8>, Option<Picture>), String> {
        let mut parameters =
            json!({"format": if format == "jpeg" { "jpeg" } else { "png" }, "captureBeyondViewport": is_full});
        if format == "jpeg" {
            parameters["quality"] = settings.quality.into();
        }
        if is_full {
            let size = &self.line.ask("Page.getLayoutMetrics", json!({}), NAVIGATE, goes_on)?["cssContentSize"];
            parameters["clip"] = json!({"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1});
        }
        let until = Instant::now() + settings.timeout;
        let answer = loop {
            match self.line.ask("Page.captureScreenshot", parameters.clone(), NAVIGATE, goes_on) {
                // A page that is just changing has no picture yet.
                Err(why) if why.contains(NO_PAGE) && Instant::now() < until && goes_on() => {
                    std::thread::sleep(Duration::from_millis(20));
                }
                answer => break answer?,
            }
        };
        let bytes = STANDARD.decode(answer["data"].as_str().unwrap_or_default()).map_err(|error| error.to_string())?;
        let picture = match format {
            "jpeg" => Some(jpeg(&bytes)?),
            "png" => Some(png(&bytes)?),
            _ => return png(&bytes).map(|picture| (Vec::new(), Some(picture))),
        };
        Ok((bytes, picture))
    }
}

/// A number of JavaScript that JSON has no form for: a whole one without bounds (`12n`), as a text where it is too large, −0, and those that
/// `JSON.stringify` takes for nothing.
fn number(text: &str) -> Json {
    let whole = text.strip_suffix('n').unwrap_or(text);
    match whole.parse::<i64>() {
        Ok(number) => number.into(),
        Err(_) if whole.len() < text.len() => whole.into(),
        Err(_) => Json::Null,
    }
}

/// The number of a key on Windows, by its name in DOM. 0 where a key has none of its own: the codes of other signs than letters and
/// digits are those of keys that do something, `.` that of `Delete`.
fn key_code(key: &str) -> u32 {
    match key {
        "Backspace" => 8,
        "Tab" => 9,
        "Enter" => 13,
        "Shift" => 16,
        "Control" => 17,
        "Alt" => 18,
        "Escape" => 27,
        " " => 32,
        "PageUp" => 33,
        "PageDown" => 34,
        "End" => 35,
        "Home" => 36,
        "ArrowLeft" => 37,
        "ArrowUp" => 38,
        "ArrowRight" => 39,
        "ArrowDown" => 40,
        "Insert" => 45,
        "Delete" => 46,
        "Meta" => 91,
        key => match key.as_bytes() {
            [byte] if byte.is_ascii_alphanumeric() => byte.to_ascii_uppercase().into(),
            // F1 to F24.
            [b'F', number @ ..] => {
                let number = std::str::from_utf8(number).ok().and_then(|number| number.parse::<u32>().ok());
                number.filter(|number| (1..=24).contains(number)).map_or(0, |number| 111 + number)
            }
            _ => 0,
        },
    }
}

impl Browser {
    pub(crate) fn new(settings: Settings) -> Self {
        Self { settings, session: None }
    }

    fn act(&mut self, tick: &mut Tick<'_>, action: &Value) -> Result<(), String> {
        let node = tick.node().clone();
        let goes_on = || !node.is_cancelled();
        let settings = self.settings.clone();
        let Some(session) = &self.session else { return Ok(()) };
        let text = |key: &str| action.get(key).and_then(Value::as_str);
        let need = |key: &str| text(key).ok_or_else(|| format!("`{key}` is missing"));
        let number = |key: &str| action.get(key).and_then(Value::as_number);
        let coordinate = |key: &str| number(key).unwrap_or_default();
        let timeout = number("timeoutMs").map_or(settings.timeout, |wait| Duration::from_millis(wait.max(0.0) as u64));
        match need("type")? {
            "navigate" => session.navigate(need("url")?, timeout, &goes_on)?,
            "click" => {
                let at = match (text("selector"), number("x"), number("y")) {
                    (Some(selector), _, _) => session.element(selector, true, timeout, &goes_on)?,
                    (None, Some(x), Some(y)) => (x, y),
                    _ => return Err("`selector`, or `x` and `y`, are missing".into()),
                };
                session.click(at, text("button").unwrap_or("left"), &goes_on)?;
            }
            "mouse" => {
                let at = (coordinate("x"), coordinate("y"));
                let button = text("button").unwrap_or("left");
                let more = [("button", Json::from(button)), ("clickCount", 1.into())];
                match text("event").unwrap_or("move") {
                    "move" => session.mouse("mouseMoved", at, &[], &goes_on)?,
                    "press" => session.mouse("mousePressed", at, &more, &goes_on)?,
                    "release" => session.mouse("mouseReleased", at, &more, &goes_on)?,
                    "click" => session.click(at, button, &goes_on)?,
                    "wheel" => {
                        let delta = [("deltaX", coordinate("deltaX").into()), ("deltaY", coordinate("deltaY").into())];
                        session.mouse("mouseWheel", at, &delta, &goes_on)?;
                    }
                    other => {
                        return Err(format!("`event`: expected move, press, release, click or wheel, found {other:?}"));
                    }
                }
            }
            "scroll" => {
                let delta = [("deltaX", coordinate("x").into()), ("deltaY", coordinate("y").into())];
                session.mouse("mouseWheel", (0.0, 0.0), &delta, &goes_on)?;
            }
            "type" => {
                let (selector, text) = (need("selector")?, need("text")?);
                let at = session.element(selector, true, timeout, &goes_on)?;
                session.click(at, "left", &goes_on)?;
                let focus = format!("document.querySelector({}).focus()", Json::from(selector));
                let _ = session.evaluate(&focus, timeout, &goes_on)?;
                session.line.ask("Input.insertText", json!({"text": text}), timeout, &goes_on)?;
            }
            "insertText" => {
                session.line.ask("Input.insertText", json!({"text": need("text")?}), timeout, &goes_on)?;
            }
            "key" => {
                let key = need("key")?;
                let text = match key {
                    "Enter" => "\r",
                    key if key.chars().count() == 1 => key,
                    _ => "",
                };
                let code = key_code(key);
                for kind in ["keyDown", "keyUp"] {
                    let mut parameters = json!({"type": kind, "key": key, "windowsVirtualKeyCode": code});
                    if kind == "keyDown" && !text.is_empty() {
                        parameters["text"] = text.into();
                    }
                    session.line.ask("Input.dispatchKeyEvent", parameters, timeout, &goes_on)?;
                }
            }
            "wait" => drop(session.element(need("selector")?, false, timeout, &goes_on)?),
            "evaluate" => {
                let timeout = if number("timeoutMs").is_some() { timeout } else { NAVIGATE };
                let outcome = session.evaluate(need("expression")?, timeout, &goes_on)?;
                let id = action.get("id").filter(|id| !id.is_null()).cloned();
                let answer = match (outcome, id) {
                    (Ok(value), None) => Value::from(&value),
                    (Ok(value), Some(id)) => Value::object([("id", id), ("value", Value::from(&value))]),
                    (Err(why), id) => {
                        Value::object([("error", Value::from(why))].into_iter().chain(id.map(|id| ("id", id))))
                    }
                };
                let _ = tick.send_now_blocking(RESULT, Message::object(answer));
            }
            "screenshot" => {
                let format = text("format").unwrap_or("rgba");
                if !["rgba", "png", "jpeg"].contains(&format) {
                    return Err(format!("`format`: expected rgba, png or jpeg, found {format:?}"));
                }
                let is_full = action.get("fullPage") == Some(&Value::Boolean(true));
                let (bytes, picture) = session.screenshot(&settings, format, is_full, &goes_on)?;
                if let Some(picture) = picture {
                    let metadata = session.emitter.metadata(&picture).merged_with(&Value::object([("format", format)]));
                    let bytes = if format == "rgba" { picture.pixels } else { bytes };
                    tick.emit(FRAME, Message::bytes(bytes));
                    tick.emit(METADATA, Message::object(metadata));
                }
            }
            "stop" => self.stop(tick),
            other => {
                return Err(format!(
                    "there is no action {other:?}; there are navigate, click, mouse, scroll, type, insertText, key, wait, evaluate, screenshot, stop"
                ));
            }
        }
        Ok(())
    }

    fn stop(&mut self, tick: &mut Tick<'_>) {
        self.session = None;
        tick.emit(DONE, true);
    }

    fn picture(&self, tick: &mut Tick<'_>) -> Result<(), String> {
        let Some(session) = &self.session else { return Ok(()) };
        let node = tick.node().clone();
        let goes_on = || !node.is_cancelled();
        let picture = if self.settings.mode == Mode::Screenshot {
            session.screenshot(&self.settings, "rgba", false, &goes_on)?.1.map(Arc::new)
        } else {
            session.emitter.newest(self.settings.timeout + self.settings.wait, &goes_on)
        };
        let picture = picture.ok_or("the page gives no picture")?;
        let metadata = session.emitter.metadata(&picture);
        tick.emit(FRAME, Message::bytes(picture.pixels.clone()));
        tick.emit(METADATA, Message::object(metadata));
        Ok(())
    }

    fn handle(&mut self, tick: &mut Tick<'_>) -> Result<(), (String, Value)> {
        let shown = |why: String, kind: &str| (why, Value::object([("type", kind)]));
        let url = match tick.input(URL).map(|message| (message.as_text(), message.kind())) {
            Some((None, kind)) => return Err(shown(format!("expected a text on `url`, found {kind:?}"), "navigate")),
            Some((Some(url), _)) => Some(url.to_string()),
            None => None,
        };
        let action = tick.input(ACTION).map(|message| (message.kind(), message.as_value()));
        let wants_picture = tick.input(TICK).is_some();
        if self.session.as_ref().is_some_and(|session| !session.is_alive()) {
            self.session = None;
        }
        if self.session.is_none() {
            if matches!(action, Some((Kind::Flow, _))) {
                tick.emit(DONE, true);
                return Ok(());
            }
            let session = Session::start(&self.settings, tick).map_err(|why| shown(why, "launch"))?;
            self.session = Some(session);
            let first = url.clone().unwrap_or_else(|| self.settings.url.clone());
            self.open(tick, &first).map_err(|why| shown(why, "navigate"))?;
        } else if let Some(url) = &url {
            self.open(tick, url).map_err(|why| shown(why, "navigate"))?;
        }
        match action {
            Some((Kind::Flow, _)) => self.stop(tick),
            Some((_, Some(action))) => self.act(tick, &action).map_err(|why| (why, action.clone()))?,
            Some((_, None)) => return Err(shown("expected an object on `action`".into(), "unknown")),
            None => {}
        }
        if wants_picture {
            self.picture(tick).map_err(|why| shown(why, "tick"))?;
        }
        Ok(())
    }

    fn open(&self, tick: &Tick<'_>, url: &str) -> Result<(), String> {
        let node = tick.node().clone();
        let goes_on = || !node.is_cancelled();
        self.session.as_ref().map_or(Ok(()), |session| session.navigate(url, self.settings.timeout, &goes_on))
    }
}

impl Actor for Browser {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Err((why, action)) = self.handle(tick) else { return Ok(()) };
        if tick.node().is_cancelled() {
            return Ok(());
        }
        let told = Value::object([("message", Value::from(why.as_str())), ("action", action)]);
        tick.report(ERROR, Message::object(told), Failure::new(why).with_reason("browser"))
    }

    fn teardown(&mut self) {
        self.session = None;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_have_the_numbers_of_their_own() {
        for (key, code) in
            [("a", 65), ("Z", 90), ("7", 55), ("F1", 112), ("F24", 135), ("Delete", 46), ("Home", 36), (" ", 32)]
        {
            assert_eq!(key_code(key), code, "{key}");
        }
        for key in [".", "'", "(", "%", "-", "ä", "F0", "F25", "Hyper", ""] {
            assert_eq!(key_code(key), 0, "{key}");
        }
    }
}
