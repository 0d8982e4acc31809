//! Writing a stream.

use std::sync::Arc;

use reflow_runtime::{Begin, Frame, NodeHandle, StreamHandle, StreamWriter};

use super::FRAMES;
use super::inlet::Opening;
use crate::kind::Stream;
use crate::port::Outport;

/// The writing end of a new stream, which holds [`FRAMES`] unread frames.
///
/// Dropping it closes the stream, which a reader takes for an error: say [`end`](Self::end) or [`fail`](Self::fail).
pub struct Outlet {
    writer: StreamWriter,
    is_read: bool,
}

impl Outlet {
    /// A new stream for an outport of `node`, and the handle to send.
    ///
    /// # Errors
    /// Never, in fact: a new stream has its handle.
    pub fn open(
        node: &NodeHandle,
        port: Outport<Stream>,
        opening: &Opening,
    ) -> Result<(Self, Arc<StreamHandle>), String> {
        let name = node.outport_name(port.index() as u16);
        let writer = StreamWriter::new(FRAMES, node.id(), &name, opening.content_type.as_deref());
        let handle = writer.handle(opening.size_hint).map_err(|error| error.to_string())?;
        Ok((Self { writer, is_read: true }, handle))
    }

    /// Whether somebody reads, or may yet.
    pub fn is_read(&self) -> bool {
        self.is_read
    }

    /// Writes a frame, waiting for room. `false` when nobody reads any more.
    pub async fn write(&mut self, frame: Frame) -> bool {
        self.is_read = self.is_read && self.writer.write(frame).await.is_ok();
        self.is_read
    }

    /// Writes what is known of the stream.
    pub async fn begin(&mut self, opening: Opening) -> bool {
        let Opening { content_type, size_hint, metadata, .. } = opening;
        self.write(Frame::Begin(Begin { content_type, size_hint, metadata })).await
    }

    /// Says that everything was written.
    pub async fn end(mut self) {
        self.write(Frame::End).await;
    }

    /// Says why there is no more.
    pub async fn fail(mut self, text: impl Into<Arc<str>>) {
        self.write(Frame::Error(text.into())).await;
    }
}
