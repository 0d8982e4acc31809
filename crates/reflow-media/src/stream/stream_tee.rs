//! `tpl_stream_tee`.

use std::sync::Arc;

use reflow_component::prelude::*;
use reflow_component::stream::no_stream;

use super::relay::{copy_of, is_last, next};

/// Copies a stream to two outputs.
///
/// Every frame, the first and the last included, goes to both, by reference. Neither output loses any: the slower reader is waited for when
/// `bufferSize` frames are unread, and when one reader has gone the other goes on.
#[derive(Component)]
#[component(id = "tpl_stream_tee", title = "Stream Tee", category = "stream/plumbing")]
#[inport(stream: Stream, required, "The stream to copy.")]
#[outport(stream_a: Stream, "One copy.")]
#[outport(stream_b: Stream, "The other one.")]
#[outport(error: ErrorText, "Why there is no copy.")]
#[example(
    steps = r#"[{"stream": {"type": "@stream", "u8": [[1], [2, 3]]}}]"#,
    outputs = r#"[{"stream_a": [{"type": "@stream", "u8": [[1], [2, 3]]}], "stream_b": [{"type": "@stream", "u8": [[1], [2, 3]]}]}]"#
)]
pub(super) struct StreamTee {
    /// Frames that each output holds; 0 counts as 1.
    #[config(key = "bufferSize", default = 64, range = 1..=4_096, lenient)]
    buffer_size: usize,
}

impl Actor for StreamTee {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let taken = match tick.input(Self::IN_STREAM) {
            Some(Message::StreamHandle(handle)) => handle.take().ok().map(|reader| (Arc::clone(handle), reader)),
            Some(_) => None,
            None => return Ok(()),
        };
        let Some((handle, reader)) = taken else { return tick.report(Self::OUT_ERROR, no_stream("stream")) };
        let frames = self.buffer_size.max(1);
        let (a, handle_a) = copy_of(&handle, tick.node(), Self::OUT_STREAM_A, frames)?;
        let (b, handle_b) = copy_of(&handle, tick.node(), Self::OUT_STREAM_B, frames)?;
        tick.write(Self::OUT_STREAM_A, handle_a);
        tick.write(Self::OUT_STREAM_B, handle_b);
        tick.spawn(move |_node| async move {
            loop {
                let frame = next(&reader).await;
                let written = tokio::join!(a.write(frame.clone()), b.write(frame.clone()));
                if is_last(&frame) || matches!(written, (Err(_), Err(_))) {
                    break;
                }
            }
        });
        Ok(())
    }
}
