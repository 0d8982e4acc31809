//! `tpl_stream_stats`.

use std::sync::Arc;
use tokio::time::Instant;

use reflow_component::prelude::*;
use reflow_component::stream::no_stream;
use reflow_runtime::Frame;

use super::relay::{USUAL, copy_of, is_last, next};

/// Passes a stream on and counts it.
///
/// Frames pass unchanged as they come. When the stream has ended, well or not, `stats` is `{totalBytes, dataFrames, durationMs,
/// throughputBytesPerSec, avgFrameBytes, sizeHint, contentType}`: whole numbers, from the first frame to the last, 0 where a division by
/// 0 would be. It counts also when nobody reads what it passes on.
#[derive(Component)]
#[component(id = "tpl_stream_stats", title = "Stream Stats", category = "stream/plumbing")]
#[inport(stream: Stream, required, "The stream to count.")]
#[outport(stream: Stream, "The same stream.")]
#[outport(stats: JsonObject, "What was counted.")]
#[outport(error: ErrorText, "Why there is no stream.")]
#[example(
    steps = r#"[{"stream": 1}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "No StreamHandle on stream port"}]}]"#
)]
pub(super) struct StreamStats;

#[derive(Default)]
struct Count {
    bytes: u64,
    frames: u64,
    size_hint: Option<u64>,
    content_type: Option<Arc<str>>,
}

impl Count {
    fn frame(&mut self, frame: &Frame) {
        match frame {
            Frame::Begin(begin) => {
                self.size_hint = begin.size_hint;
                self.content_type = begin.content_type.clone().or(self.content_type.take());
            }
            Frame::Data(data) => {
                self.bytes += data.len() as u64;
                self.frames += 1;
            }
            Frame::End | Frame::Error(_) => {}
        }
    }

    fn told(self, start: Instant) -> Value {
        let duration = start.elapsed().as_millis() as u64;
        Value::object([
            ("totalBytes", Value::from(self.bytes)),
            ("dataFrames", self.frames.into()),
            ("durationMs", duration.into()),
            ("throughputBytesPerSec", self.bytes.saturating_mul(1000).checked_div(duration).unwrap_or(0).into()),
            ("avgFrameBytes", self.bytes.checked_div(self.frames).unwrap_or(0).into()),
            ("sizeHint", self.size_hint.into()),
            ("contentType", self.content_type.into()),
        ])
    }
}

impl Actor for StreamStats {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let taken = match tick.input(Self::IN_STREAM) {
            Some(Message::StreamHandle(handle)) => handle.take().ok().map(|reader| (Arc::clone(handle), reader)),
            Some(_) => None,
            None => return Ok(()),
        };
        let Some((handle, reader)) = taken else { return tick.report(Self::OUT_ERROR, no_stream("stream")) };
        let (writer, copy) = copy_of(&handle, tick.node(), Self::OUT_STREAM, USUAL)?;
        tick.write(Self::OUT_STREAM, copy);
        let mut count = Count { content_type: handle.content_type.clone(), ..Count::default() };
        let (origin, start) = (tick.origin().cloned(), Instant::now());
        tick.spawn(move |node| async move {
            loop {
                let frame = next(&reader).await;
                count.frame(&frame);
                let is_last = is_last(&frame);
                // Nobody may read it; then it is only counted.
                let _ = writer.write(frame).await;
                if is_last {
                    break;
                }
            }
            // A run that was stopped drops this work soon.
            let _ = node.send_from(origin.as_ref(), Self::OUT_STATS, Message::object(count.told(start))).await;
        });
        Ok(())
    }
}
