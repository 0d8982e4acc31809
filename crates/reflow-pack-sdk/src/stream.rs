//! Streams: bounded sequences of frames, written by one side and read by the other while the network runs.
//!
//! The `_blocking` calls are for blocking actors and threads of a pack's own; the others are for async actors.

use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::abi::{
    REFLOW_CLOSED, REFLOW_FOREVER, REFLOW_FRAME_BEGIN, REFLOW_FRAME_DATA, REFLOW_FRAME_END, REFLOW_FRAME_ERROR,
    REFLOW_FULL, REFLOW_OK, REFLOW_PENDING, REFLOW_TIMED_OUT, REFLOW_UNKNOWN_SIZE, ReflowFrame, ReflowReader,
    ReflowStatus, ReflowWriter,
};
use crate::bytes::Bytes;
use crate::host::{host, text};
use crate::message::Message;
use crate::node::NodeHandle;
use crate::waker;
use reflow_message::Value;

/// One element of a stream.
#[derive(Clone, Debug)]
pub enum Frame {
    /// What follows, as far as the writer says.
    Begin(Begin),
    /// A piece of the data.
    Data(Bytes),
    /// The writer has said everything.
    End,
    /// The writer had to stop.
    Error(String),
}

/// What a writer may tell about a stream before its data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Begin {
    /// Media type of the data.
    pub content_type: Option<String>,
    /// Expected size of the data in bytes.
    pub size_hint: Option<u64>,
    /// Anything else.
    pub metadata: Option<Value>,
}

/// Why a stream could not be read, written or taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamError {
    /// The other end is gone.
    Closed,
    /// There was no room, or no frame, in time.
    TimedOut,
    /// The buffer is full and the handle was not handed over, so nobody can make room.
    FullBeforeHandOver,
    /// The handle was handed over before, the readable end was taken before, or the message is no stream.
    Taken,
}

impl fmt::Display for StreamError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Closed => "the other end of the stream is gone",
            Self::TimedOut => "the stream was not ready in time",
            Self::FullBeforeHandOver => {
                "the stream is full and its handle was not handed over yet, so nobody can make room; hand it over first"
            }
            Self::Taken => "not a stream that is still to be taken",
        })
    }
}

impl std::error::Error for StreamError {}

impl From<StreamError> for crate::Failure {
    fn from(error: StreamError) -> Self {
        Self::new(error.to_string()).with_reason("stream")
    }
}

fn outcome(status: ReflowStatus) -> Result<(), StreamError> {
    match status {
        REFLOW_OK => Ok(()),
        REFLOW_TIMED_OUT => Err(StreamError::TimedOut),
        REFLOW_FULL => Err(StreamError::FullBeforeHandOver),
        REFLOW_CLOSED => Err(StreamError::Closed),
        _ => Err(StreamError::Taken),
    }
}

fn milliseconds(timeout: Option<Duration>) -> u64 {
    timeout.map_or(REFLOW_FOREVER, |timeout| timeout.as_millis().try_into().unwrap_or(REFLOW_FOREVER))
}

/// The writing end of a stream. Dropping it closes the stream: the reader sees what was written, then the close.
#[derive(Debug)]
pub struct StreamWriter(*mut ReflowWriter);

// SAFETY: the ABI says that a writer may be used from any thread.
unsafe impl Send for StreamWriter {}
// SAFETY: as above.
unsafe impl Sync for StreamWriter {}

impl StreamWriter {
    /// A new stream that holds at most `capacity` unread frames (0: no limit), for the outport `port` of `node`.
    pub fn new(node: &NodeHandle, port: &str, content_type: Option<&str>, capacity: usize) -> Self {
        // SAFETY: everything is borrowed for the call; the writer is ours.
        Self(unsafe {
            (host().stream_new)(node.as_raw(), text(port), text(content_type.unwrap_or_default()), capacity)
        })
    }

    /// The message to send to a reader. Writing may go on afterwards.
    ///
    /// # Errors
    /// [`StreamError::Taken`] the second time.
    pub fn handle(&self, size_hint: Option<u64>) -> Result<Message, StreamError> {
        let mut message = Message::FLOW;
        let size = size_hint.unwrap_or(REFLOW_UNKNOWN_SIZE);
        // SAFETY: the writer is ours; the message is written when the answer is OK.
        outcome(unsafe { (host().writer_handle)(self.0, size, message.as_mut_raw()) }).map(|()| message)
    }

    /// Writes a frame, blocking the thread while there is no room.
    ///
    /// # Errors
    /// When nobody reads, there was no room in time, or waiting could never end.
    pub fn write_blocking(&self, frame: Frame, timeout: Option<Duration>) -> Result<(), StreamError> {
        let frame = frame.into_raw();
        // SAFETY: the writer is ours; the content is taken, unless it timed out.
        let status = unsafe { (host().writer_write)(self.0, &raw const frame, milliseconds(timeout)) };
        if status == REFLOW_TIMED_OUT {
            // SAFETY: as above, so the content is still ours.
            drop(unsafe { Message::from_raw(frame.content) });
        }
        outcome(status)
    }

    /// Writes a frame, waiting for room. Cancel safe: a dropped call has written nothing.
    ///
    /// # Errors
    /// When nobody reads, or waiting could never end.
    pub async fn write(&self, frame: Frame) -> Result<(), StreamError> {
        let mut unsent = Unsent { frame: frame.into_raw(), is_taken: false };
        poll_fn(|cx| unsent.poll(self, cx)).await
    }
}

/// A frame that waits for room; its content is ours until it is taken.
struct Unsent {
    frame: ReflowFrame,
    is_taken: bool,
}

impl Unsent {
    fn poll(&mut self, writer: &StreamWriter, cx: &mut Context<'_>) -> Poll<Result<(), StreamError>> {
        let waker = waker::into_raw(cx.waker().clone());
        // SAFETY: the writer is alive; waker and, unless pending, content are taken.
        let status = unsafe { (host().writer_poll)(writer.0, &raw const self.frame, waker) };
        if status == REFLOW_PENDING {
            return Poll::Pending;
        }
        self.is_taken = true;
        Poll::Ready(outcome(status))
    }
}

// SAFETY: a frame is a number and a message, which may be used from any thread.
unsafe impl Send for Unsent {}
// SAFETY: as above.
unsafe impl Sync for Unsent {}

impl Drop for Unsent {
    fn drop(&mut self) {
        if !self.is_taken {
            // SAFETY: the content is ours and not used any more.
            drop(unsafe { Message::from_raw(self.frame.content) });
        }
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        // SAFETY: the writer is ours and not used any more.
        unsafe { (host().writer_drop)(self.0) };
    }
}

/// The reading end of a stream. Dropping it closes the stream for the writer.
#[derive(Debug)]
pub struct StreamReader(*mut ReflowReader);

// SAFETY: a reader may move between threads; the calls take it by `&mut`.
unsafe impl Send for StreamReader {}

impl StreamReader {
    /// # Safety
    /// `reader` is null or owned by the caller.
    pub(crate) unsafe fn from_raw(reader: *mut ReflowReader) -> Option<Self> {
        (!reader.is_null()).then_some(Self(reader))
    }

    /// The next frame, blocking the thread until there is one; `None` once the stream is closed and everything was read.
    ///
    /// # Errors
    /// [`StreamError::TimedOut`].
    pub fn read_blocking(&mut self, timeout: Option<Duration>) -> Result<Option<Frame>, StreamError> {
        let mut frame = Frame::empty();
        // SAFETY: the reader is ours; the frame is written when the answer is OK.
        let status = unsafe { (host().reader_read)(self.0, &raw mut frame, milliseconds(timeout)) };
        match status {
            // SAFETY: the content is owned by us.
            REFLOW_OK => Ok(Some(unsafe { Frame::from_raw(frame) })),
            REFLOW_TIMED_OUT => Err(StreamError::TimedOut),
            _ => Ok(None),
        }
    }

    /// The next frame; `None` once the stream is closed and everything was read. Cancel safe.
    pub async fn read(&mut self) -> Option<Frame> {
        poll_fn(|cx| self.poll_read(cx)).await
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<Option<Frame>> {
        let mut frame = Frame::empty();
        let waker = waker::into_raw(cx.waker().clone());
        // SAFETY: the reader is ours, the waker is taken; the frame is written when the answer is OK.
        match unsafe { (host().reader_poll)(self.0, &raw mut frame, waker) } {
            REFLOW_PENDING => Poll::Pending,
            // SAFETY: the content is owned by us.
            REFLOW_OK => Poll::Ready(Some(unsafe { Frame::from_raw(frame) })),
            _ => Poll::Ready(None),
        }
    }
}

impl Drop for StreamReader {
    fn drop(&mut self) {
        // SAFETY: the reader is ours and not used any more.
        unsafe { (host().reader_drop)(self.0) };
    }
}

impl Frame {
    fn empty() -> ReflowFrame {
        ReflowFrame { kind: REFLOW_FRAME_END, reserved: 0, content: Message::FLOW.into_raw() }
    }

    fn into_raw(self) -> ReflowFrame {
        let (kind, content) = match self {
            Self::Begin(begin) => {
                let members = [
                    ("content_type", Value::from(begin.content_type)),
                    ("size_hint", begin.size_hint.into()),
                    ("metadata", begin.metadata.into()),
                ];
                (REFLOW_FRAME_BEGIN, Message::object(Value::object(members)))
            }
            Self::Data(bytes) => (REFLOW_FRAME_DATA, bytes.into_message()),
            Self::End => (REFLOW_FRAME_END, Message::FLOW),
            Self::Error(text) => (REFLOW_FRAME_ERROR, Message::string(text)),
        };
        ReflowFrame { kind, reserved: 0, content: content.into_raw() }
    }

    /// # Safety
    /// The content is owned by the caller.
    unsafe fn from_raw(frame: ReflowFrame) -> Self {
        // SAFETY: as this function demands.
        let content = unsafe { Message::from_raw(frame.content) };
        match frame.kind {
            REFLOW_FRAME_BEGIN => {
                let data = content.as_value().unwrap_or_default();
                Self::Begin(Begin {
                    content_type: data.get("content_type").and_then(Value::as_str).map(Into::into),
                    size_hint: data.get("size_hint").and_then(Value::as_integer).and_then(|size| size.try_into().ok()),
                    metadata: data.get("metadata").filter(|metadata| !metadata.is_null()).cloned(),
                })
            }
            REFLOW_FRAME_DATA => Bytes::of(content).map_or(Self::End, Self::Data),
            REFLOW_FRAME_ERROR => Self::Error(content.as_text().unwrap_or_default().to_string()),
            _ => Self::End,
        }
    }
}
