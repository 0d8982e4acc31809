//! The DevTools protocol: questions with answers, and events, over whatever carries texts.

use std::collections::HashMap;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

type Answer = Result<Value, String>;

/// What takes texts to a browser. Dropped, it ends the connection.
pub(crate) trait Talk: Send {
    fn say(&mut self, text: &[u8]) -> io::Result<()>;
}

/// What brings texts from a browser.
pub(crate) trait Hear: Send {
    /// The next one; nothing when there are no more.
    fn hear(&mut self) -> Option<Vec<u8>>;
}

/// JSON in which every `\uD800` to `\uDFFF` that is no half of a pair, as JavaScript may have in its texts and JSON may not, is the sign for
/// what cannot be shown, `\uFFFD`.
fn with_whole_characters(mut text: Vec<u8>) -> Vec<u8> {
    let unit = |text: &[u8], at: usize| {
        let digits = text.get(at..at + 6).filter(|escape| escape.starts_with(b"\\u"))?;
        u16::from_str_radix(std::str::from_utf8(&digits[2..]).ok()?, 16).ok()
    };
    let mut at = 0;
    while at < text.len() {
        if text[at] != b'\\' {
            at += 1;
            continue;
        }
        at += match (unit(&text, at), unit(&text, at + 6)) {
            (Some(0xD800..=0xDBFF), Some(0xDC00..=0xDFFF)) => 12,
            (Some(0xD800..=0xDFFF), _) => {
                text[at..at + 6].copy_from_slice(b"\\uFFFD");
                6
            }
            _ => 2,
        };
    }
    text
}

/// The line to a browser.
pub(crate) struct Line {
    to: Mutex<Option<Box<dyn Talk>>>,
    waiting: Mutex<HashMap<u64, SyncSender<Answer>>>,
    number: AtomicU64,
    is_gone: AtomicBool,
    session: Mutex<Option<String>>,
}

impl Line {
    /// Begins to listen; `on_event` is called with the method and the parameters of every event, and with an empty method at the end.
    pub(crate) fn open(
        to: Box<dyn Talk>,
        mut from: Box<dyn Hear>,
        on_event: impl Fn(&Arc<Line>, &str, &Value) + Send + 'static,
    ) -> Result<Arc<Self>, String> {
        let line = Arc::new(Self {
            to: Mutex::new(Some(to)),
            waiting: Mutex::default(),
            number: AtomicU64::new(1),
            is_gone: AtomicBool::new(false),
            session: Mutex::default(),
        });
        let listening = Arc::clone(&line);
        let thread = thread::Builder::new().name("reflow-browser".into());
        let started = thread.spawn(move || {
            while let Some(text) = from.hear() {
                let message = serde_json::from_slice::<Value>(&text);
                let Ok(message) = message.or_else(|_| serde_json::from_slice(&with_whole_characters(text))) else {
                    continue;
                };
                match message.get("id").and_then(Value::as_u64) {
                    Some(id) => listening.answered(id, &message),
                    None => {
                        let method = message.get("method").and_then(Value::as_str).unwrap_or_default();
                        on_event(&listening, method, &message["params"]);
                    }
                }
            }
            listening.is_gone.store(true, Ordering::SeqCst);
            listening.waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
            on_event(&listening, "", &Value::Null);
        });
        started.map(|_| line).map_err(|error| format!("no thread for the browser: {error}"))
    }

    fn answered(&self, id: u64, message: &Value) {
        let waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        if let Some(waiting) = waiting {
            let answer = match message.get("error") {
                Some(error) => Err(error["message"].as_str().unwrap_or("the browser refused it").to_string()),
                None => Ok(message["result"].clone()),
            };
            let _ = waiting.send(answer);
        }
    }

    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::SeqCst)
    }

    /// From now on the page is meant, not the browser.
    pub(crate) fn attach(&self, session: String) {
        *self.session.lock().unwrap_or_else(PoisonError::into_inner) = Some(session);
    }

    /// Ends the line, and with it a browser of ours.
    pub(crate) fn close(&self) {
        *self.to.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// Says something and waits for no answer.
    pub(crate) fn tell(&self, method: &str, parameters: Value) -> Result<u64, String> {
        let id = self.number.fetch_add(1, Ordering::Relaxed);
        self.write(id, method, parameters).map(|()| id)
    }

    fn write(&self, id: u64, method: &str, parameters: Value) -> Result<(), String> {
        let mut message = json!({"id": id, "method": method, "params": parameters});
        let is_of_page = !method.starts_with("Target.") && !method.starts_with("Browser.");
        if let Some(session) =
            self.session.lock().unwrap_or_else(PoisonError::into_inner).as_ref().filter(|_| is_of_page)
        {
            message["sessionId"] = session.as_str().into();
        }
        let text = message.to_string();
        let mut to = self.to.lock().unwrap_or_else(PoisonError::into_inner);
        let gone = || "the browser is gone".to_string();
        to.as_mut().ok_or_else(gone)?.say(text.as_bytes()).map_err(|_| gone())
    }

    /// Asks, and waits for the answer, as long as `goes_on` says so.
    pub(crate) fn ask(&self, method: &str, parameters: Value, timeout: Duration, goes_on: &dyn Fn() -> bool) -> Answer {
        let id = self.number.fetch_add(1, Ordering::Relaxed);
        let (reply, answer) = sync_channel(1);
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id, reply);
        let until = Instant::now() + timeout;
        let outcome = self.write(id, method, parameters).and_then(|()| {
            loop {
                match answer.recv_timeout(Duration::from_millis(50)) {
                    Ok(answer) => break answer,
                    Err(RecvTimeoutError::Disconnected) => break Err("the browser is gone".into()),
                    Err(RecvTimeoutError::Timeout) if self.is_gone() => break Err("the browser is gone".into()),
                    Err(RecvTimeoutError::Timeout) if !goes_on() => break Err("the run was stopped".into()),
                    Err(RecvTimeoutError::Timeout) if Instant::now() >= until => {
                        break Err(format!("the browser did not answer within {} ms", timeout.as_millis()));
                    }
                    Err(RecvTimeoutError::Timeout) => {}
                }
            }
        });
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
        outcome
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_characters_are_told_apart_from_whole_ones() {
        let whole = |text: &str| String::from_utf8(with_whole_characters(text.into())).unwrap();
        assert_eq!(whole(r#""\ud800""#), r#""\uFFFD""#);
        assert_eq!(whole(r#""\ud83d\ude00 \ude00\ud83d \u00e4""#), r#""\ud83d\ude00 \uFFFD\uFFFD \u00e4""#);
        // A backslash that is meant as one is followed by no number.
        assert_eq!(whole(r#""\\ud800 \""#), r#""\\ud800 \""#);
        assert_eq!(whole(r#""\ud8"#), r#""\ud8"#);
    }
}
