//! Bodies of requests and answers.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use reflow_runtime::{Begin, Frame, Message, NodeHandle, StreamHandle, StreamWriter, Tick, Value};
use reqwest::header::CONTENT_TYPE;
use reqwest::{Body, Response};

use super::{Lost, detail};

/// The body that a message stands for, and its media type.
pub(super) fn request_body(message: Message) -> Result<(Option<Body>, &'static str), String> {
    Ok(match message {
        Message::Flow => (None, ""),
        Message::String(text) => (Some(text.to_string().into()), "text/plain; charset=utf-8"),
        Message::Bytes(bytes) | Message::Encoded(bytes) => (Some(bytes.to_bytes().into()), "application/octet-stream"),
        Message::StreamHandle(handle) => (Some(stream_of(&handle)), "application/octet-stream"),
        other => (Some(written(&other.to_value())?.into()), "application/json"),
    })
}

pub(super) fn written(body: &Value) -> Result<String, String> {
    body.to_json().map_err(|error| format!("the body: {error}"))
}

/// The data of a stream as a request body.
fn stream_of(handle: &StreamHandle) -> Body {
    let reader = handle.take().map_err(|error| error.to_string());
    Body::wrap_stream(stream::unfold(Some(reader), async |reader| {
        let reader = match reader? {
            Ok(reader) => reader,
            Err(text) => return Some((Err(text), None)),
        };
        loop {
            match reader.read().await? {
                Frame::Begin(_) => {}
                Frame::Data(data) => return Some((Ok(data.to_bytes()), Some(Ok(reader)))),
                Frame::Error(text) => return Some((Err(text.to_string()), None)),
                Frame::End => return None,
            }
        }
    }))
}

/// All of an answer's body, if it has no more than `max` bytes.
pub(super) async fn read_body(response: &mut Response, max: usize) -> Result<Vec<u8>, Lost> {
    let mut bytes = Vec::new();
    while let Some(piece) = response.chunk().await? {
        if bytes.len() + piece.len() > max {
            return Err(Lost::for_good(format!("the answer has more than {max} bytes")));
        }
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}

/// Pieces of a body that may wait for the reader.
const PIECES: usize = 16;

/// Reads the body into a stream that leaves by `port`, beside the node's ticks.
pub(super) fn stream_body(
    tick: &Tick<'_>,
    port: &str,
    mut response: Response,
    timeout: Duration,
) -> Result<Arc<StreamHandle>, String> {
    let content_type = response.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).map(str::to_string);
    let writer = StreamWriter::new(PIECES, tick.node().id(), port, content_type.as_deref());
    let handle = writer.handle(response.content_length()).map_err(|error| error.to_string())?;
    let begin =
        Begin { content_type: content_type.map(Into::into), size_hint: response.content_length(), metadata: None };
    tick.spawn(move |_: NodeHandle| async move {
        let mut frame = Frame::Begin(begin);
        // An error means that the reader wants no more.
        while writer.write(frame.clone()).await.is_ok() && !matches!(frame, Frame::End | Frame::Error(_)) {
            frame = match tokio::time::timeout(timeout, response.chunk()).await {
                Ok(Ok(Some(piece))) => Frame::Data(reflow_runtime::Buffer::new(piece)),
                Ok(Ok(None)) => Frame::End,
                Ok(Err(error)) => Frame::Error(detail(&error).into()),
                Err(_) => Frame::Error("no further data in time".into()),
            };
        }
    });
    Ok(handle)
}
