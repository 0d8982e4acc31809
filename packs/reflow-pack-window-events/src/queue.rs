//! Events on their way to one node.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use reflow_pack_sdk::Value;

/// How often a thread that waits looks whether the run is over.
const LOOK_AROUND: Duration = Duration::from_millis(100);

/// Events that wait. Of moves and states, only the newest in a row; anything else is kept.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    came: Condvar,
}

#[derive(Debug, Default)]
struct State {
    events: VecDeque<Value>,
    is_closed: bool,
}

/// Types of which a newer event says everything that an older one did.
const STATES: [&str; 5] = ["mousemove", "gamepadupdate", "touchmove", "move", "resize"];

fn kind(event: &Value) -> &str {
    event.get("type").and_then(Value::as_str).unwrap_or_default()
}

impl Queue {
    pub(crate) fn push(&self, event: Value) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = kind(&event);
        // Each gamepad has a state of its own.
        let is_same = |last: &Value| self::kind(last) == kind && last.get("index") == event.get("index");
        match state.events.back_mut().filter(|last| STATES.contains(&kind) && is_same(last)) {
            Some(last) => *last = event,
            None => state.events.push_back(event),
        }
        self.came.notify_one();
    }

    /// No more events come.
    pub(crate) fn close(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_closed = true;
        self.came.notify_all();
    }

    /// Whether no more events come.
    #[cfg(feature = "gamepad")]
    pub(crate) fn is_closed(&self) -> bool {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).is_closed
    }

    /// The next event; nothing when the queue is closed, or `is_over` says so.
    pub(crate) fn next(&self, is_over: impl Fn() -> bool) -> Option<Value> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(event) = state.events.pop_front() {
                return Some(event);
            }
            if state.is_closed || is_over() {
                return None;
            }
            (state, _) = self.came.wait_timeout(state, LOOK_AROUND).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_newest_state_in_a_row_is_kept() {
        let queue = Queue::default();
        let event = |kind: &str, x: i64| Value::object([("type", Value::from(kind)), ("x", x.into())]);
        for (kind, x) in
            [("mousemove", 1), ("mousemove", 2), ("mousedown", 3), ("mousemove", 4), ("mousedown", 5), ("mousedown", 6)]
        {
            queue.push(event(kind, x));
        }
        queue.close();
        let mut seen = Vec::new();
        while let Some(event) = queue.next(|| false) {
            seen.push(event.get("x").and_then(Value::as_integer).unwrap_or_default());
        }
        assert_eq!(seen, [2, 3, 4, 5, 6]);
    }
}
