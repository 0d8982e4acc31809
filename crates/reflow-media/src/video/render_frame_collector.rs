//! `tpl_render_frame_collector`.

use reflow_component::prelude::*;
use reflow_runtime::{Begin, Frame, StreamWriter};

use crate::kernels::pixel::bytes_of;

/// Turns single RGBA frames into a stream of video.
///
/// The first frame begins a stream, which says `{width, height, fps, totalFrames}`; every later one is told by `progress` as `{frame,
/// totalFrames}`, counted from 1. The stream ends with frame number `totalFrames`, or when something true comes on `done` (a Flow, a number
/// that is not 0), and the next frame begins another one. When no frame can come any more, that counts as `done`, and as an error where
/// there were to be `totalFrames`. A stream holds as many frames as fit into 256 MiB, from 2 to 64; when it is full,
/// frames wait. `frame_number` is taken and not read.
///
/// A frame that does not have `width` · `height` · 4 bytes is left out, and the node's log says so.
#[derive(Component)]
#[component(
    id = "tpl_render_frame_collector",
    title = "Render Frame Collector",
    category = "media/video",
    asynchronous
)]
#[inport(frame: Bytes, "A frame.")]
#[inport(frame_number: Any, "Its number.")]
#[inport(done: Any, "Whether that was all.")]
#[outport(stream: Stream, "The video.")]
#[outport(progress: JsonObject, "How many frames there are so far.")]
#[outport(error: ErrorText, "Why there is no video.")]
#[example(
    config = r#"{"width": 1, "height": 1, "totalFrames": 2}"#,
    steps = r#"[{"frame": {"type": "Bytes", "data": [1, 2, 3, 255]}}, {"frame": {"type": "Bytes", "data": [4, 5, 6, 255]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "content_type": "video/raw-rgba", "size_hint": 8, "metadata": {"width": 1, "height": 1, "fps": 30, "totalFrames": 2}, "u8": [[1, 2, 3, 255], [4, 5, 6, 255]]}]}, {"progress": [{"frame": 2, "totalFrames": 2}]}]"#
)]
pub(super) struct RenderFrameCollector {
    /// Frames in a stream; 0 goes on until `done`.
    #[config(key = "totalFrames", lenient)]
    total_frames: u64,
    /// Pixels in a row.
    #[config(default = 512, unit = "pixels", lenient)]
    width: usize,
    /// Rows.
    #[config(default = 512, unit = "pixels", lenient)]
    height: usize,
    /// Frames a second.
    #[config(default = 30, lenient)]
    fps: u64,
    /// Whether the node's log tells every frame.
    #[config(key = "logProgress", lenient)]
    log_progress: bool,
    #[state]
    stream: Option<(StreamWriter, u64)>,
}

/// Bytes that wait in a stream.
const WAITING: usize = 1 << 28;

const CONTENT_TYPE: &str = "video/raw-rgba";

impl RenderFrameCollector {
    /// The stream that is being written and how many frames it has; a new one if there is none.
    async fn stream(&mut self, tick: &mut Tick<'_>, size: usize) -> Result<(StreamWriter, u64), String> {
        if let Some(stream) = self.stream.take() {
            return Ok(stream);
        }
        let frames = (WAITING / size.max(1)).clamp(2, 64);
        let writer = StreamWriter::new(frames, tick.node().id(), "stream", Some(CONTENT_TYPE));
        let size_hint = self.total_frames.checked_mul(size as u64).filter(|bytes| *bytes > 0);
        let handle = writer.handle(size_hint).map_err(|error| error.to_string())?;
        tick.write(Self::OUT_STREAM, handle);
        let metadata = Value::object([
            ("width", Value::from(self.width)),
            ("height", self.height.into()),
            ("fps", self.fps.into()),
            ("totalFrames", self.total_frames.into()),
        ]);
        let begin = Begin { content_type: Some(CONTENT_TYPE.into()), size_hint, metadata: Some(metadata) };
        // A reader that has gone already is found with the first frame.
        let _ = writer.write(Frame::Begin(begin)).await;
        Ok((writer, 0))
    }
}

#[async_trait]
impl AsyncActor for RenderFrameCollector {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some(data) = tick.read(Self::IN_FRAME) {
            let size = bytes_of(self.width, self.height, 4).unwrap_or(0);
            if data.is_empty() || data.len() != size {
                let text = format!("{} bytes are no frame of {} × {} pixels", data.len(), self.width, self.height);
                tick.node().log("warning", text.as_str());
            } else {
                let (writer, count) = self.stream(tick, size).await?;
                // Nobody may read it any more; frames are counted all the same.
                let _ = writer.write(Frame::Data(data)).await;
                let count = count + 1;
                if count > 1 {
                    let progress = [("frame", count), ("totalFrames", self.total_frames)];
                    tick.write(Self::OUT_PROGRESS, Value::object(progress));
                }
                if self.log_progress {
                    tick.node().log("info", format!("frame {count} of {}", self.total_frames).as_str());
                }
                if count == self.total_frames {
                    let _ = writer.write(Frame::End).await;
                } else {
                    self.stream = Some((writer, count));
                }
            }
        }
        let is_done = match tick.input(Self::IN_DONE) {
            Some(Message::Flow) => true,
            Some(Message::Boolean(value)) => *value,
            Some(Message::Integer(number)) => *number != 0,
            Some(Message::Float(number)) => *number != 0.0,
            _ => false,
        };
        if is_done && let Some((writer, _)) = self.stream.take() {
            let _ = writer.write(Frame::End).await;
        }
        Ok(())
    }

    async fn finalize(&mut self, _tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some((writer, count)) = self.stream.take() {
            let last = match self.total_frames {
                0 => Frame::End,
                total => Frame::Error(format!("{count} frames of {total} came").into()),
            };
            let _ = writer.write(last).await;
        }
        Ok(())
    }

    fn has_finalize(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::Entry;
    use reflow_component::testing::{Trial, frames_of, run};
    use serde_json::json;
    use std::sync::Arc;

    #[test]
    fn a_video_ends_when_no_frame_can_come_any_more() {
        for (total, last) in [(0, Frame::End), (3, Frame::Error("1 frames of 3 came".into()))] {
            let config = json!({"width": 1, "height": 1, "totalFrames": total});
            let entry = Arc::new(Entry::of::<RenderFrameCollector>());
            let mut trial = Trial::new(entry, (&config).into(), &["frame"], &[]).unwrap();
            let stream = trial.step([("frame".to_string(), Message::bytes(vec![0; 4]))]).remove("stream").unwrap();
            trial.finish();
            assert_eq!(frames_of(&stream[0]).last(), Some(&last));
        }
    }

    #[test]
    fn after_the_last_frame_another_stream_begins() {
        let frame = |byte: u8| json!({"frame": {"type": "Bytes", "data": [byte, 0, 0, 0]}});
        let config = json!({"width": 1, "height": 1, "totalFrames": 1});
        let outputs = run::<RenderFrameCollector>(config, [frame(1), frame(2)]);
        assert_eq!(outputs[0]["stream"][0]["u8"], json!([[1, 0, 0, 0]]));
        assert_eq!(outputs[1]["stream"][0]["u8"], json!([[2, 0, 0, 0]]));
    }
}
