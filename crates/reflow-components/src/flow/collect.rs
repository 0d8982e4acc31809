//! `tpl_collect`.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reflow_runtime::{NodeHandle, Unread};
use tokio::time::Instant;

use crate::config::expected;
use crate::prelude::*;
use crate::size::value_bytes;

/// Gathers messages into lists.
///
/// When `count` messages have come, they leave by `output` as one list, and their number by `count`. The items are
/// messages in the tagged form `{"type": KIND, "data": …}`, or plain values with `unwrap`. What is left over leaves
/// early when a packet comes to `flush`, when `timeoutMs` have passed since the first message of the batch, when the batch has
/// about `maxBytes` bytes, and when nothing more can come. Whoever goes on with a run that has a store gets the messages of an
/// incomplete batch again.
#[derive(Component)]
#[component(id = "tpl_collect", title = "Collect", category = "flow")]
#[inport(input: Any, required, "The messages.")]
#[inport(flush: Any, "Whatever comes sends what there is.")]
#[outport(output: List, "The messages of a batch.")]
#[outport(count: Integer, "How many there are.")]
#[example(
    config = r#"{"count": 2, "unwrap": true}"#,
    steps = r#"[{"input": 1}, {"input": "a"}]"#,
    outputs = r#"[{}, {"output": [[1, "a"]], "count": [2]}]"#
)]
pub(super) struct Collect {
    /// How many messages make a batch; 0 counts as 1.
    #[config(default = Size(10), range = 1..=10_000, lenient)]
    count: Size,
    /// Whether plain values are collected instead of tagged ones.
    #[config(lenient)]
    unwrap: bool,
    /// How long an incomplete batch waits, in milliseconds; for ever without it.
    #[config(key = "timeoutMs", unit = "ms", min = 1, lenient)]
    timeout_ms: Option<u64>,
    /// About how many bytes make a batch that leaves early.
    #[config(key = "maxBytes", default = 67_108_864, min = 1, unit = "bytes", lenient)]
    max_bytes: usize,
    #[state]
    batch: Arc<Mutex<Batch>>,
}

/// Milliseconds that no run lasts: a hundred years.
const LONGEST: u64 = 100 * 366 * 86_400_000;

/// How many messages make a batch. 2.0 is none: graphs that say so were made where it means the default.
struct Size(usize);

impl ConfigValue for Size {
    fn read(value: &Value) -> Result<Self, String> {
        match value {
            Value::Float(_) => Err(expected("a whole number, written without a point", value)),
            other => usize::read(other).map(Self),
        }
    }

    fn to_value(&self) -> Value {
        self.0.to_value()
    }

    fn schema() -> Value {
        usize::schema()
    }
}

/// The batch that is being gathered.
#[derive(Default)]
struct Batch {
    items: Vec<Value>,
    /// About how many bytes the items have.
    bytes: usize,
    /// The packets that they came in.
    unread: Unread,
    /// Counts batches, so that a timer knows its own.
    number: u64,
    /// When the batch is late.
    due: Option<Instant>,
    /// Whether a late batch waits for room. There is only one: what comes meanwhile joins the next.
    is_leaving: bool,
}

/// A batch that leaves: its items, how many they are, and the packets that they came in.
type Leaving = (Message, Message, Unread);

impl Batch {
    fn take(&mut self) -> Option<Leaving> {
        self.number += 1;
        (self.bytes, self.due) = (0, None);
        let (items, unread) = (std::mem::take(&mut self.items), std::mem::take(&mut self.unread));
        let count = Message::Integer(items.len() as i64);
        (!items.is_empty()).then(|| (items.into(), count, unread))
    }

    /// The batch, which is then on its way.
    fn take_late(&mut self) -> Option<Leaving> {
        let late = self.take();
        self.is_leaving = late.is_some();
        late
    }
}

impl Collect {
    fn emit(tick: &mut Tick<'_>, batch: Option<Leaving>) {
        if let Some((items, count, unread)) = batch {
            tick.emit(Self::OUT_OUTPUT, items);
            tick.emit(Self::OUT_COUNT, count);
            tick.release(unread);
        }
    }

    /// Sends the batch of this number when its time is up, if it is still incomplete then, and those that are late by then.
    fn start_timer(&self, tick: &Tick<'_>, due: Instant, number: u64) {
        let batch = Arc::clone(&self.batch);
        tick.spawn(move |node: NodeHandle| async move {
            tokio::time::sleep_until(due).await;
            let mut late = {
                let mut batch = batch.lock();
                if batch.number == number && !batch.is_leaving { batch.take_late() } else { None }
            };
            while let Some((items, count, unread)) = late {
                // Only a run that was stopped refuses them.
                let packets = [(Self::OUT_OUTPUT.index(), items), (Self::OUT_COUNT.index(), count)];
                let _ = node.send_releasing(unread, None, packets).await;
                let mut batch = batch.lock();
                batch.is_leaving = false;
                let is_late = batch.due.is_some_and(|due| due <= Instant::now());
                late = if is_late { batch.take_late() } else { None };
            }
        });
    }
}

impl Actor for Collect {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let mut complete = None;
        if let Some(message) = tick.take(Self::IN_INPUT) {
            let item = if self.unwrap { message.to_value() } else { message.to_wire() };
            let mut batch = self.batch.lock();
            batch.unread.add(tick.hold());
            batch.bytes = batch.bytes.saturating_add(value_bytes(&item));
            batch.items.push(item);
            if batch.items.len() >= self.count.0 || batch.bytes >= self.max_bytes {
                complete = batch.take();
            } else if let (1, Some(timeout)) = (batch.items.len(), self.timeout_ms) {
                let due = Instant::now() + Duration::from_millis(timeout.min(LONGEST));
                batch.due = Some(due);
                self.start_timer(tick, due, batch.number);
            }
        } else if tick.input(Self::IN_FLUSH).is_some() {
            complete = self.batch.lock().take();
        }
        Self::emit(tick, complete);
        Ok(())
    }

    fn finalize(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let rest = self.batch.lock().take();
        Self::emit(tick, rest);
        Ok(())
    }

    fn has_finalize(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Entry;
    use crate::testing::{Trial, run};
    use serde_json::json;

    #[test]
    fn batches_are_tagged_and_begin_anew() {
        let steps = [json!({"input": 1}), json!({"input": {"type": "Flow"}}), json!({"input": 2})];
        let outputs = run::<Collect>(json!({"count": 2}), steps);
        assert_eq!(outputs[1], json!({"output": [[{"type": "Integer", "data": 1}, {"type": "Flow"}]], "count": [2]}));
        assert_eq!(outputs[2], json!({}));
    }

    #[test]
    fn odd_sizes() {
        let batches = |count: serde_json::Value| {
            let steps = (0..12).map(|number| json!({"input": number}));
            let outputs = run::<Collect>(json!({"count": count, "unwrap": 1}), steps);
            outputs.iter().filter(|output| output.get("count").is_some()).count()
        };
        for (count, expected) in [(json!(0), 12), (json!(4), 3), (json!(4.0), 1), (json!(-1), 1), (json!("4"), 1)] {
            assert_eq!(batches(count.clone()), expected, "{count}");
        }
    }

    #[test]
    fn incomplete_batches_leave_when_asked_for_or_late() {
        let steps = [json!({"input": 1}), json!({"flush": true}), json!({"flush": true})];
        let outputs = run::<Collect>(json!({"unwrap": true}), steps);
        assert_eq!(outputs, [json!({}), json!({"output": [[1]], "count": [1]}), json!({})]);
        let outputs =
            run::<Collect>(json!({"unwrap": true, "timeoutMs": 5}), [json!({"input": 1}), json!({"input": 2})]);
        assert_eq!(outputs, [json!({"output": [[1]], "count": [1]}), json!({"output": [[2]], "count": [1]})]);
    }

    #[test]
    fn a_batch_of_many_bytes_leaves_early() {
        let steps = ["x".repeat(600), "y".repeat(600), "z".to_string()].map(|text| json!({"input": text}));
        let outputs = run::<Collect>(json!({"unwrap": true, "maxBytes": 1_000}), steps);
        assert_eq!((&outputs[0], &outputs[1]["count"], &outputs[2]), (&json!({}), &json!([2]), &json!({})));
    }

    #[test]
    fn late_batches_wait_together() {
        let component = Arc::new(Entry::of::<Collect>());
        let config = json!({"unwrap": true, "timeoutMs": 1, "count": 10_000});
        let mut trial = Trial::new(component, config.into(), &["input"], &[]).unwrap();
        let mut items = 0;
        for number in 0..50 {
            let outputs = trial.step([("input".to_string(), Message::Integer(number))]);
            for message in outputs.get("count").into_iter().flatten() {
                let Message::Integer(count) = message else { panic!("{message:?}") };
                items += count;
            }
        }
        assert_eq!(items, 50);
    }

    #[test]
    fn what_is_left_leaves_at_the_end() {
        let component = Arc::new(Entry::of::<Collect>());
        let mut trial = Trial::new(component, json!({"unwrap": true}).into(), &["input"], &[]).unwrap();
        assert!(trial.step([("input".to_string(), Message::Integer(7))]).is_empty());
        assert_eq!(trial.finish()["output"], [Message::from(vec![Value::Integer(7)])]);
    }
}
