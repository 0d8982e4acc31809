//! `tpl_delay`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reflow_runtime::{NodeHandle, Origin, Unread};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::prelude::*;
use crate::size;

/// Messages that may be on their way; when so many are, the node takes no more until one has left.
const MAX_WAITING: usize = 1 << 16;

/// Bytes that may be on their way when the config does not say how many.
const MAX_BYTES: usize = 32 << 20;

/// Forwards each message after a pause.
///
/// Every message leaves unchanged `delayMs` after it came, in the order of arrival: a burst is shifted, not spread
/// out. A packet on any other inport only says that something came, and sends Flow. What has not left when the
/// network is stopped is dropped; whoever goes on with a run that has a store gets it again, and the pause begins
/// anew. While 65,536 messages are on their way, or `maxBytes` bytes of them, no further one is taken: producers wait.
#[derive(Component)]
#[component(id = "tpl_delay", title = "Delay", category = "flow", asynchronous, open_ports)]
#[inport(input: Any, required, "The message.")]
#[outport(output: Any, "The same message, later.")]
#[example(config = r#"{"delayMs": 20}"#, steps = r#"[{"input": 1}]"#, outputs = r#"[{"output": [1]}]"#)]
pub(super) struct Delay {
    /// The pause.
    #[config(key = "delayMs", default = 1000, range = 0..=60_000, unit = "ms", lenient)]
    pause_ms: u64,
    /// About how many bytes may be on their way; a single larger message is taken all the same.
    #[config(key = "maxBytes", default = MAX_BYTES, min = 1, unit = "bytes", lenient)]
    max_bytes: usize,
    #[state]
    line: Arc<Line>,
}

/// The messages on their way.
#[derive(Default)]
struct Line {
    waiting: Mutex<Waiting>,
    has_room: Notify,
}

#[derive(Default)]
struct Waiting {
    messages: VecDeque<OnItsWay>,
    /// How many bytes are on their way, with the message that is about to leave.
    bytes: usize,
    /// Whether somebody releases them.
    is_served: bool,
}

struct OnItsWay {
    arrived: Instant,
    bytes: usize,
    message: Message,
    origin: Option<Origin>,
    unread: Unread,
}

impl Waiting {
    /// Whether a message of so many bytes may join.
    fn has_room(&self, bytes: usize, max: usize) -> bool {
        self.messages.len() < MAX_WAITING && (self.bytes == 0 || self.bytes.saturating_add(bytes) <= max)
    }
}

impl Line {
    /// Releases the messages one after the other until there is none.
    async fn serve(&self, node: NodeHandle, delay: Duration) {
        loop {
            let next = {
                let mut waiting = self.waiting.lock();
                let next = waiting.messages.pop_front();
                waiting.is_served = next.is_some();
                next
            };
            let Some(OnItsWay { arrived, bytes, message, origin, unread }) = next else { return };
            tokio::time::sleep(delay.saturating_sub(arrived.elapsed())).await;
            // Only a run that was stopped refuses it.
            let packet = [(Delay::OUT_OUTPUT.index(), message)];
            let _ = node.send_releasing(unread, origin.as_ref(), packet).await;
            self.waiting.lock().bytes -= bytes;
            self.has_room.notify_one();
        }
    }
}

#[async_trait]
impl AsyncActor for Delay {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let message = tick.take(Self::IN_INPUT).unwrap_or(Message::Flow);
        let (arrived, bytes) = (Instant::now(), size::bytes(&message));
        while !self.line.waiting.lock().has_room(bytes, self.max_bytes) {
            self.line.has_room.notified().await;
        }
        let was_served = {
            let mut waiting = self.line.waiting.lock();
            waiting.bytes += bytes;
            let (origin, unread) = (tick.origin().cloned(), tick.hold());
            waiting.messages.push_back(OnItsWay { arrived, bytes, message, origin, unread });
            std::mem::replace(&mut waiting.is_served, true)
        };
        if !was_served {
            let (line, delay) = (Arc::clone(&self.line), Duration::from_millis(self.pause_ms));
            tick.spawn(move |node| async move { line.serve(node, delay).await });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entry;
    use crate::testing::{Trial, run};
    use serde_json::json;

    #[test]
    fn a_burst_is_shifted_in_order() {
        let component = Arc::new(Entry::of::<Delay>());
        let mut trial = Trial::new(component, json!({"delayMs": 150.0}).into(), &["input"], &[]).unwrap();
        let started = Instant::now();
        let outputs = trial.step((0..10).map(|number| ("input".to_string(), Message::Integer(number))));
        let elapsed = started.elapsed();
        assert_eq!(outputs["output"], (0..10).map(Message::Integer).collect::<Vec<_>>());
        assert!(elapsed >= Duration::from_millis(150), "{elapsed:?}");
        // One after the other would take ten times as long.
        assert!(elapsed < Duration::from_millis(1200), "{elapsed:?}");
    }

    #[test]
    fn bytes_on_their_way_are_bounded() {
        let mut waiting = Waiting::default();
        assert!(waiting.has_room(5_000, 4_000));
        waiting.bytes = 3_000;
        assert!(waiting.has_room(1_000, 4_000) && !waiting.has_room(1_001, 4_000));
        assert!(!waiting.has_room(usize::MAX, 4_000));
    }

    #[test]
    fn what_waits_for_room_comes_later_and_in_order() {
        let component = Arc::new(Entry::of::<Delay>());
        let config = json!({"delayMs": 2, "maxBytes": 400});
        let mut trial = Trial::new(component, config.into(), &["input"], &[]).unwrap();
        let messages: Vec<_> = (0..30_u8).map(|number| Message::bytes(vec![number; 100])).collect();
        let outputs = trial.step(messages.iter().map(|message| ("input".to_string(), message.clone())));
        assert_eq!(outputs["output"], messages);
    }

    #[test]
    fn a_message_larger_than_all_room_passes() {
        let config = json!({"delayMs": 0, "maxBytes": 10});
        let steps = [json!({"input": "long enough to fill all of it"}), json!({"input": "another one of those"})];
        let outputs = run::<Delay>(config, steps);
        assert_eq!(outputs[1], json!({"output": ["another one of those"]}));
    }

    #[test]
    fn other_inports_send_flow() {
        assert_eq!(run::<Delay>(json!({"delayMs": 0}), [json!({"x": 1})]), [json!({"output": [{"type": "Flow"}]})]);
    }
}
