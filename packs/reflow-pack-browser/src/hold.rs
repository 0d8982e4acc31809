//! What a session has of a browser.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::{Value, json};

use crate::chrome::Chrome;
use crate::protocol::Line;

/// How long a page may take to go.
const CLOSE: Duration = Duration::from_secs(2);

/// What is there until it is let go.
pub(crate) enum Held {
    Nothing,
    /// A browser of our own.
    Browser(#[expect(dead_code, reason = "it ends when it is dropped")] Chrome),
    /// A page in one that goes on without us.
    Page(Value),
}

/// What a session has, and the line to it. It is let go by whoever comes first: who holds the session, or who hands out its pictures.
pub(crate) struct Hold {
    line: Arc<Line>,
    held: Mutex<Held>,
}

impl Hold {
    pub(crate) fn new(line: Arc<Line>, held: Held) -> Arc<Self> {
        Arc::new(Self { line, held: Mutex::new(held) })
    }

    pub(crate) fn keep(&self, held: Held) {
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held;
    }

    /// Waits until nothing is left, also where another one lets go.
    pub(crate) fn let_go(&self) {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        if let Held::Page(page) = &*held {
            let _ = self.line.ask("Target.closeTarget", json!({"targetId": page}), CLOSE, &|| true);
        }
        self.line.close();
        *held = Held::Nothing;
    }
}
