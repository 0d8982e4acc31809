//! What leaves outside of ticks: pictures, and words about the page.

use std::collections::VecDeque;
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reflow_pack_sdk::{Begin, Bytes, Frame, Message, NodeHandle, StreamWriter, Value};
use serde_json::json;

use crate::component::{DONE, ERROR, FRAME, LOADED, METADATA, READY, STREAM};
use crate::hold::Hold;
use crate::picture::{Picture, jpeg};
use crate::protocol::Line;
use crate::settings::{Mode, Settings};

/// How often the thread looks around.
const LOOK_AROUND: Duration = Duration::from_millis(50);

/// How long the end of the stream may wait for room when the run is over.
const LAST: Duration = Duration::from_millis(500);

/// Loads and downloads that wait for a reader; a page that loads itself again and again fills no memory.
const MOST_LOADS: usize = 1024;

/// What waits to leave.
#[derive(Default)]
struct State {
    /// The newest picture of the screencast, as it came, and what is to be acknowledged.
    cast: Option<(String, i64)>,
    said: VecDeque<Said>,
    newest: Option<Arc<Picture>>,
    number: i64,
    last_load: Option<Instant>,
    /// The document of the page, not of a frame in it, that was read to its end last.
    parsed: Option<String>,
    is_over: bool,
}

enum Said {
    Loaded,
    Download,
    Error(String),
}

/// Takes what the browser tells, and hands it out as fast as it is taken.
#[derive(Default)]
pub(crate) struct Emitter {
    state: Mutex<State>,
    came: Condvar,
    /// The page itself among its frames.
    page: OnceLock<String>,
}

impl Emitter {
    /// From now on events are those of this page.
    pub(crate) fn attach(&self, page: &str) {
        let _ = self.page.set(page.to_string());
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An event of the browser.
    pub(crate) fn event(&self, line: &Arc<Line>, method: &str, told: &serde_json::Value) {
        let mut state = self.lock();
        match method {
            "Page.screencastFrame" => {
                let data = told["data"].as_str().unwrap_or_default().to_string();
                let session = told["sessionId"].as_i64().unwrap_or_default();
                if let Some((_, unseen)) = state.cast.replace((data, session)) {
                    let _ = line.tell("Page.screencastFrameAck", json!({"sessionId": unseen}));
                }
            }
            "Page.loadEventFired" => {
                state.last_load = Some(Instant::now());
                if state.said.len() < MOST_LOADS {
                    state.said.push_back(Said::Loaded);
                }
            }
            "Page.downloadWillBegin" if state.said.len() < MOST_LOADS => state.said.push_back(Said::Download),
            "Page.lifecycleEvent" if told["name"] == "DOMContentLoaded" => {
                if told["frameId"].as_str() == self.page.get().map(String::as_str) {
                    state.parsed = told["loaderId"].as_str().map(Into::into);
                }
            }
            // Nobody is there to answer it.
            "Page.javascriptDialogOpening" => {
                let _ = line.tell("Page.handleJavaScriptDialog", json!({"accept": true}));
            }
            "Inspector.targetCrashed" => state.said.push_back(Said::Error("the page crashed".into())),
            "" if !state.is_over => state.said.push_back(Said::Error("the browser has ended".into())),
            _ => return,
        }
        self.came.notify_all();
    }

    /// Nothing leaves any more.
    pub(crate) fn end(&self) {
        self.lock().is_over = true;
        self.came.notify_all();
    }

    /// The newest picture, waiting for the first one.
    pub(crate) fn newest(&self, timeout: Duration, goes_on: &dyn Fn() -> bool) -> Option<Arc<Picture>> {
        self.wait(timeout, goes_on, |state| state.newest.clone())
    }

    /// Waits until a document was read to its end, or the one that it has made way for. One that takes longer is there as it is.
    pub(crate) fn parsed(&self, document: &str, timeout: Duration, goes_on: &dyn Fn() -> bool) {
        let before = self.lock().parsed.clone();
        let is_there =
            |state: &State| (state.parsed.as_deref() == Some(document) || state.parsed != before).then_some(());
        let _ = self.wait(timeout, goes_on, is_there);
    }

    fn wait<T>(
        &self,
        timeout: Duration,
        goes_on: &dyn Fn() -> bool,
        is_there: impl Fn(&State) -> Option<T>,
    ) -> Option<T> {
        let until = Instant::now() + timeout;
        let mut state = self.lock();
        loop {
            if let Some(found) = is_there(&state) {
                return Some(found);
            }
            if state.is_over || Instant::now() >= until || !goes_on() {
                return None;
            }
            (state, _) = self.came.wait_timeout(state, LOOK_AROUND).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// What is told beside a picture.
    pub(crate) fn metadata(&self, picture: &Picture) -> Value {
        let mut state = self.lock();
        state.number += 1;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64());
        Value::object([
            ("width", Value::from(i64::from(picture.width))),
            ("height", i64::from(picture.height).into()),
            ("format", "rgba".into()),
            ("frameNumber", state.number.into()),
            ("timestamp", now.into()),
        ])
    }

    /// Starts the thread that hands out.
    pub(crate) fn run(
        self: &Arc<Self>,
        node: NodeHandle,
        line: &Arc<Line>,
        hold: &Arc<Hold>,
        settings: &Settings,
    ) -> Result<JoinHandle<()>, String> {
        let this = Arc::clone(self);
        let (line, hold, settings) = (Arc::clone(line), Arc::clone(hold), settings.clone());
        let thread = thread::Builder::new().name("reflow-browser-out".into());
        thread
            .spawn(move || this.live(&node, &line, &hold, &settings))
            .map_err(|error| format!("no thread for pictures: {error}"))
    }

    fn live(&self, node: &NodeHandle, line: &Arc<Line>, hold: &Arc<Hold>, settings: &Settings) {
        let mut stream: Option<StreamWriter> = None;
        let last = self.hand_out(node, line, hold, settings, &mut stream);
        if let Some(stream) = stream {
            let _ = stream.write_blocking(last, node.is_cancelled().then_some(LAST));
        }
    }

    /// Hands out until the session is over; the frame that the stream ends with.
    fn hand_out(
        &self,
        node: &NodeHandle,
        line: &Arc<Line>,
        hold: &Arc<Hold>,
        settings: &Settings,
        stream: &mut Option<StreamWriter>,
    ) -> Frame {
        let began = Instant::now();
        let mut is_capturing = false;
        let mut last_load = None;
        loop {
            if node.is_cancelled() {
                return Frame::End;
            }
            if !is_capturing && began.elapsed() >= settings.wait {
                is_capturing = true;
                if settings.mode != Mode::Screenshot {
                    let _ = line.tell(
                        "Page.startScreencast",
                        json!({"format": "jpeg", "quality": settings.quality, "maxWidth": settings.width,
                            "maxHeight": settings.height, "everyNthFrame": settings.every_nth}),
                    );
                }
                if node.send_blocking(READY, "LOADED", None).is_err() {
                    return Frame::End;
                }
            }
            let (said, cast) = {
                let mut state = self.lock();
                if state.is_over {
                    return Frame::End;
                }
                if state.said.is_empty() && state.cast.is_none() {
                    (state, _) = self.came.wait_timeout(state, LOOK_AROUND).unwrap_or_else(PoisonError::into_inner);
                }
                last_load = state.last_load.or(last_load);
                (state.said.pop_front(), state.cast.take())
            };
            let sent = match said {
                Some(Said::Loaded) => node.send_blocking(LOADED, "PAGE_LOADED", None),
                Some(Said::Download) => {
                    if settings.downloads.is_none() {
                        node.log("warning", "a download was refused; `downloads` names a folder for them");
                    }
                    Ok(())
                }
                Some(Said::Error(why)) => {
                    // There is nothing more to tell; the next packet starts another.
                    self.end();
                    hold.let_go();
                    node.log("error", Value::object([("message", why.as_str())]));
                    let _ =
                        node.send_blocking(ERROR, Message::object(Value::object([("message", why.as_str())])), None);
                    return Frame::Error(why);
                }
                None => Ok(()),
            };
            if sent.is_err() {
                return Frame::End;
            }
            if let Some((data, session)) = cast {
                let is_taken = self.picture(&data, node, settings, stream);
                // Only now does the browser make another one.
                let _ = line.tell("Page.screencastFrameAck", json!({"sessionId": session}));
                if !is_taken {
                    return Frame::End;
                }
            }
            let settled =
                settings.settle.is_some_and(|settle| last_load.is_some_and(|load: Instant| load.elapsed() >= settle));
            if settled || settings.longest.is_some_and(|longest| began.elapsed() >= longest) {
                self.end();
                hold.let_go();
                let _ = node.send_blocking(DONE, true, None);
                return Frame::End;
            }
        }
    }

    /// Hands a picture out; `false` when nobody takes any more.
    fn picture(&self, data: &str, node: &NodeHandle, settings: &Settings, stream: &mut Option<StreamWriter>) -> bool {
        let decoded = STANDARD.decode(data).map_err(|error| error.to_string()).and_then(|bytes| jpeg(&bytes));
        let picture = match decoded {
            Ok(picture) => Arc::new(picture.resized(settings.width, settings.height)),
            Err(why) => {
                node.log("warning", why);
                return true;
            }
        };
        self.lock().newest = Some(Arc::clone(&picture));
        self.came.notify_all();
        if settings.mode != Mode::Screencast {
            return true;
        }
        let metadata = self.metadata(&picture);
        let bytes = Bytes::from(picture.pixels.clone());
        if node.is_outport_heard(STREAM) && !write(node, &picture, &bytes, stream) {
            return false;
        }
        node.emit_blocking([(FRAME, Message::from(bytes)), (METADATA, Message::object(metadata))], None).is_ok()
    }
}

/// Writes a picture into the stream, which begins with the first one.
fn write(node: &NodeHandle, picture: &Picture, bytes: &Bytes, stream: &mut Option<StreamWriter>) -> bool {
    if stream.is_none() {
        let writer = StreamWriter::new(node, "stream", Some("video/raw-rgba"), 2);
        let Ok(handle) = writer.handle(None) else { return true };
        if node.send_blocking(STREAM, handle, None).is_err() {
            return false;
        }
        let metadata = Value::object([
            ("width", Value::from(i64::from(picture.width))),
            ("height", i64::from(picture.height).into()),
            ("format", "rgba".into()),
            ("fps", 30_i64.into()),
        ]);
        let begin = Begin { content_type: Some("video/raw-rgba".into()), size_hint: None, metadata: Some(metadata) };
        let _ = writer.write_blocking(Frame::Begin(begin), None);
        *stream = Some(writer);
    }
    // Who has stopped reading the stream does not stop the pictures.
    let _ = stream.as_ref().map(|writer| writer.write_blocking(Frame::Data(bytes.clone()), None));
    true
}
