//! Reading streams beside the ticks of a node.

use std::sync::Arc;

use reflow_component::prelude::*;
use reflow_component::stream::{CLOSED, no_stream};
use reflow_runtime::{Frame, PortIndex, StreamHandle, StreamReader};
use tokio::sync::Semaphore;

/// How many streams a node reads at once; a further one waits.
const AT_ONCE: usize = 16;

/// Reads the streams of a node, several at once.
pub(crate) struct Readers(Arc<Semaphore>);

impl Default for Readers {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(AT_ONCE)))
    }
}

/// What a reading comes to: messages, each with the port it leaves by.
pub(crate) type Found = Result<Vec<(usize, Message)>, String>;

impl Readers {
    /// Lets `work` read the stream on `inport`, and sends what it finds. Anything else on the inport is told on `error`.
    pub(crate) async fn read<F>(
        &self,
        tick: &mut Tick<'_>,
        inport: impl PortIndex,
        error: impl PortIndex,
        work: impl FnOnce(Arc<StreamHandle>, StreamReader, NodeHandle) -> F + Send + 'static,
    ) -> Result<(), Failure>
    where
        F: Future<Output = Found> + Send,
    {
        let (inport, error) = (inport.index(), error.index());
        let Some(message) = tick.take(inport) else { return Ok(()) };
        let taken = match &message {
            Message::StreamHandle(handle) => handle.take().ok().map(|reader| (Arc::clone(handle), reader)),
            _ => None,
        };
        let Some((handle, reader)) = taken else {
            let name = tick.node().inport_name(inport as u16);
            return tick.report(error, no_stream(&name));
        };
        let place = Arc::clone(&self.0).acquire_owned().await;
        let origin = tick.origin().cloned();
        tick.spawn(move |node| async move {
            let _place = place;
            let found = work(handle, reader, node.clone()).await;
            let messages = found.unwrap_or_else(|text| vec![(error, said(&node, error, text))]);
            for (port, message) in messages {
                // A run that was stopped drops this work soon.
                let _ = node.send_from(origin.as_ref(), port, message).await;
            }
        });
        Ok(())
    }
}

/// An Error, which listeners hear even when nobody is connected to the port.
fn said(node: &NodeHandle, port: usize, text: String) -> Message {
    if !node.connected_outports().contains(&node.outport_name(port as u16)) {
        node.log("error", text.as_str());
    }
    Message::error(text)
}

/// All data of a stream, and what was said of it.
pub(crate) struct Whole {
    pub(crate) opening: Opening,
    /// The content type of its Begin frame, which that of the handle stands in for otherwise.
    pub(crate) told_type: Option<Arc<str>>,
    pub(crate) data: Vec<u8>,
}

/// Reads a stream of up to `most` bytes to its end.
///
/// # Errors
/// `Stream error: …` with the text of an Error frame, or that there is more.
pub(crate) async fn whole(handle: &StreamHandle, reader: &StreamReader, most: usize) -> Result<Whole, String> {
    let mut told_type = None;
    let mut opening =
        Opening { content_type: handle.content_type.clone(), size_hint: handle.size_hint, ..Opening::default() };
    let mut data = Vec::new();
    loop {
        match reader.read().await {
            Some(Frame::Begin(begin)) => {
                told_type = begin.content_type.clone();
                opening.content_type = begin.content_type.or(opening.content_type);
                opening.size_hint = begin.size_hint.or(opening.size_hint);
                opening.metadata = begin.metadata;
                opening.is_told = true;
            }
            Some(Frame::Data(piece)) => {
                if piece.len() > most - data.len() {
                    return Err(format!("Stream error: more than {most} bytes"));
                }
                data.extend_from_slice(&piece);
            }
            Some(Frame::End) => return Ok(Whole { opening, told_type, data }),
            Some(Frame::Error(text)) => return Err(format!("Stream error: {text}")),
            None => return Err(format!("Stream error: {CLOSED}")),
        }
    }
}
