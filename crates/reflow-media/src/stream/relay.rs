//! Passing frames on as they are.

use std::sync::Arc;

use reflow_component::stream::{CLOSED, FRAMES};
use reflow_runtime::{Frame, NodeHandle, PortIndex, StreamHandle, StreamReader, StreamWriter};

/// A stream that is made of the frames of another one, for an outport of a node; it holds at most `frames`.
pub(super) fn copy_of(
    handle: &StreamHandle,
    node: &NodeHandle,
    port: impl PortIndex,
    frames: usize,
) -> Result<(StreamWriter, Arc<StreamHandle>), String> {
    let name = node.outport_name(port.index() as u16);
    let writer = StreamWriter::new(frames, node.id(), &name, handle.content_type.as_deref());
    let copy = writer.handle(handle.size_hint).map_err(|error| error.to_string())?;
    Ok((writer, copy))
}

/// As many frames as every stream holds.
pub(super) const USUAL: usize = FRAMES;

/// The next frame; a stream that closes without an end gives an Error.
pub(super) async fn next(reader: &StreamReader) -> Frame {
    reader.read().await.unwrap_or_else(|| Frame::Error(CLOSED.into()))
}

/// Whether a frame is the last of its stream.
pub(super) fn is_last(frame: &Frame) -> bool {
    matches!(frame, Frame::End | Frame::Error(_))
}
