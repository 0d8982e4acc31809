//! `tpl_stream_throttle`.

use std::sync::Arc;
use std::time::Duration;

use reflow_component::prelude::*;
use reflow_component::stream::no_stream;
use reflow_runtime::Frame;
use tokio::time::{Instant, sleep, sleep_until};

use super::relay::{USUAL, copy_of, is_last, next};

/// Slows a stream down.
///
/// Frames pass unchanged. After each frame of data there is a pause of `delayMs`; with a `bytesPerSecond` above 0 there is one until as
/// much time has passed since the first frame as all the bytes so far take at that rate. What comes before the data and what ends it does
/// not wait.
#[derive(Component)]
#[component(id = "tpl_stream_throttle", title = "Stream Throttle", category = "stream/plumbing")]
#[inport(stream: Stream, required, "The stream to slow down.")]
#[outport(stream: Stream, "The same stream, slower.")]
#[outport(error: ErrorText, "Why there is no stream.")]
#[example(
    config = r#"{"delayMs": 1}"#,
    steps = r#"[{"stream": {"type": "@stream", "u8": [[1], [2]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "u8": [[1], [2]]}]}]"#
)]
pub(super) struct StreamThrottle {
    /// The pause after each frame.
    #[config(key = "delayMs", default = 10, range = 0..=5_000, unit = "ms", lenient)]
    delay_ms: u64,
    /// The rate; 0 leaves it to `delayMs`.
    #[config(key = "bytesPerSecond", range = 0..=100_000_000, unit = "bytes", lenient)]
    bytes_per_second: Option<u64>,
}

/// No pause is longer.
const LONGEST: Duration = Duration::from_hours(24);

impl Actor for StreamThrottle {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let taken = match tick.input(Self::IN_STREAM) {
            Some(Message::StreamHandle(handle)) => handle.take().ok().map(|reader| (Arc::clone(handle), reader)),
            Some(_) => None,
            None => return Ok(()),
        };
        let Some((handle, reader)) = taken else { return tick.report(Self::OUT_ERROR, no_stream("stream")) };
        let (writer, copy) = copy_of(&handle, tick.node(), Self::OUT_STREAM, USUAL)?;
        tick.write(Self::OUT_STREAM, copy);
        let delay = Duration::from_millis(self.delay_ms).min(LONGEST);
        let rate = self.bytes_per_second.filter(|rate| *rate > 0);
        tick.spawn(move |_node| async move {
            let (mut start, mut bytes) = (None, 0_u64);
            loop {
                let frame = next(&reader).await;
                let length = if let Frame::Data(data) = &frame { Some(data.len() as u64) } else { None };
                let start = *start.get_or_insert_with(Instant::now);
                if is_last(&frame) | writer.write(frame).await.is_err() {
                    break;
                }
                match (length, rate) {
                    (None, _) => {}
                    (Some(_), None) => sleep(delay).await,
                    (Some(length), Some(rate)) => {
                        bytes += length;
                        let due = Duration::try_from_secs_f64(bytes as f64 / rate as f64).unwrap_or(LONGEST);
                        sleep_until(start + due.min(start.elapsed() + LONGEST)).await;
                    }
                }
            }
        });
        Ok(())
    }
}
