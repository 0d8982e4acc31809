//! `tpl_delay`.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use reflow_runtime::NodeHandle;
use tokio::sync::Notify;

use crate::prelude::*;

/// Messages that may be on their way; when so many are, the node takes no more until one has left.
const MAX_WAITING: usize = 1 << 16;

/// Forwards each message after a pause.
///
/// Every message leaves unchanged `delayMs` after it came, in the order of arrival: a burst is shifted, not spread
/// out. A packet on any other inport only says that something came, and sends Flow. What has not left when the
/// network is stopped is dropped.
#[derive(Component)]
#[component(id = "tpl_delay", title = "Delay", category = "flow", asynchronous)]
#[inport(input: any, required, "The message.")]
#[outport(output: any, "The same message, later.")]
#[example(config = r#"{"delayMs": 20}"#, steps = r#"[{"input": 1}]"#, outputs = r#"[{"output": [1]}]"#)]
pub(super) struct Delay {
    /// The pause.
    #[config(key = "delayMs", default = 1000, range = 0..=60_000, unit = "ms", lenient)]
    delay_ms: u64,
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
    messages: VecDeque<(Instant, Message)>,
    /// Whether somebody releases them.
    is_served: bool,
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
            let Some((arrived, message)) = next else { return };
            self.has_room.notify_one();
            tokio::time::sleep(delay.saturating_sub(arrived.elapsed())).await;
            // Only a run that was stopped refuses it.
            let _ = node.send(Delay::OUT_OUTPUT, message).await;
        }
    }
}

#[async_trait]
impl AsyncActor for Delay {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let message = tick.take(Self::IN_INPUT).unwrap_or(Message::Flow);
        let arrived = Instant::now();
        while self.line.waiting.lock().messages.len() >= MAX_WAITING {
            self.line.has_room.notified().await;
        }
        let was_served = {
            let mut waiting = self.line.waiting.lock();
            waiting.messages.push_back((arrived, message));
            std::mem::replace(&mut waiting.is_served, true)
        };
        if !was_served {
            let (line, delay) = (Arc::clone(&self.line), Duration::from_millis(self.delay_ms));
            tick.spawn(move |node| async move { line.serve(node, delay).await });
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Entry;
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
    fn other_inports_send_flow() {
        assert_eq!(run::<Delay>(json!({"delayMs": 0}), [json!({"x": 1})]), [json!({"output": [{"type": "Flow"}]})]);
    }
}
