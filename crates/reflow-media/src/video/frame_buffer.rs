//! `tpl_frame_buffer`.

use std::collections::VecDeque;

use reflow_component::prelude::*;
use reflow_runtime::Buffer;

/// Keeps frames until a tick asks for them.
///
/// A frame is stored; when there are `bufferSize` of them, the oldest goes. A packet on `tick` takes the oldest one out and sends it; when
/// there is none, the last one that came is sent again, and nothing before the first. Every node has a store of its own.
///
/// # Errors
///
/// A `bufferSize` of 0 is refused with the first frame. A number on `frame` with a `framePool` names a place in a pool that processes share
/// with a renderer; there is none in this build, and the node's log says so.
#[derive(Component)]
#[component(id = "tpl_frame_buffer", title = "Frame Buffer", category = "media/video")]
#[inport(frame: Either<Bytes, Integer>, "A frame to store.")]
#[inport(tick: Any, "Asks for a frame.")]
#[outport(frame: Bytes, "The frame whose turn it is.")]
#[outport(metadata: JsonObject, "Nothing so far.")]
#[example(
    config = r#"{"bufferSize": 1}"#,
    steps = r#"[{"frame": {"type": "Bytes", "data": [1]}}, {"frame": {"type": "Bytes", "data": [2]}}, {"tick": {"type": "Flow"}}, {"tick": {"type": "Flow"}}]"#,
    outputs = r#"[{}, {}, {"frame": [{"type": "Bytes", "data": [2]}]}, {"frame": [{"type": "Bytes", "data": [2]}]}]"#
)]
pub(super) struct FrameBuffer {
    /// Frames that are kept.
    #[config(key = "bufferSize", default = 60, lenient)]
    buffer_size: usize,
    /// The pool that numbers on `frame` stand for places in.
    #[config(key = "framePool", lenient)]
    frame_pool: String,
    #[state]
    frames: VecDeque<Buffer>,
    #[state]
    last: Option<Buffer>,
}

impl Actor for FrameBuffer {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match tick.input(Self::IN_FRAME) {
            Some(Message::Bytes(frame)) => {
                if self.buffer_size == 0 {
                    return Err(Failure::new("`bufferSize` must be at least 1, not 0")
                        .with_reason("bad_config")
                        .with_permanent(true));
                }
                if self.frames.len() >= self.buffer_size {
                    self.frames.pop_front();
                }
                self.frames.push_back(frame.clone());
                self.last = Some(frame.clone());
            }
            Some(Message::Integer(place)) if !self.frame_pool.is_empty() => {
                let text =
                    format!("there is no frame pool `{}` here; frame {place} of it is left out", self.frame_pool);
                tick.node().log("warning", text.as_str());
            }
            _ => {}
        }
        if tick.input(Self::IN_TICK).is_some()
            && let Some(frame) = self.frames.pop_front().or_else(|| self.last.clone())
        {
            tick.write(Self::OUT_FRAME, frame);
        }
        Ok(())
    }
}
