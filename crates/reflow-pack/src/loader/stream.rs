//! Streams over the boundary.

use std::ptr;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use reflow_pack_sdk::abi::{
    REFLOW_CLOSED, REFLOW_FOREVER, REFLOW_FRAME_BEGIN, REFLOW_FRAME_DATA, REFLOW_FRAME_END, REFLOW_FRAME_ERROR,
    REFLOW_FULL, REFLOW_INVALID, REFLOW_OK, REFLOW_PENDING, REFLOW_TIMED_OUT, REFLOW_UNKNOWN_SIZE, ReflowFrame,
    ReflowMessage, ReflowNode, ReflowReader, ReflowStatus, ReflowStr, ReflowWaker, ReflowWriter,
};
use reflow_pack_sdk::waker;
use reflow_runtime::{Begin, Frame, Message, StreamError, StreamReader, StreamWriter, Value, block_until};

use super::foreign::{self, guard};
use super::{message, node};

/// When a time-out of so many milliseconds is over.
pub(super) fn deadline(timeout_ms: u64) -> Option<Instant> {
    (timeout_ms != REFLOW_FOREVER).then(|| Instant::now().checked_add(Duration::from_millis(timeout_ms))).flatten()
}

fn status(error: &StreamError) -> ReflowStatus {
    match error {
        StreamError::FullBeforeHandOver { .. } => REFLOW_FULL,
        _ => REFLOW_CLOSED,
    }
}

/// A copy of the frame that a pack lends.
///
/// # Safety
/// `frame` is null or alive.
unsafe fn copy(frame: *const ReflowFrame) -> Option<Frame> {
    // SAFETY: as this function demands.
    let (kind, content) = unsafe {
        let frame = frame.as_ref()?;
        (frame.kind, message::copy(&raw const frame.content))
    };
    Some(match (kind, content) {
        (REFLOW_FRAME_BEGIN, content) => {
            let data = content.as_value().unwrap_or_default();
            let size = data.get("size_hint").and_then(Value::as_integer);
            Frame::Begin(Begin {
                content_type: data.get("content_type").and_then(Value::as_str).map(Into::into),
                size_hint: size.and_then(|size| size.try_into().ok()),
                metadata: data.get("metadata").filter(|metadata| !metadata.is_null()).cloned(),
            })
        }
        (REFLOW_FRAME_DATA, Message::Bytes(bytes) | Message::Encoded(bytes)) => Frame::Data(bytes),
        (REFLOW_FRAME_END, _) => Frame::End,
        (REFLOW_FRAME_ERROR, content) => {
            Frame::Error(content.as_text().unwrap_or("the writer does not say why").into())
        }
        _ => return None,
    })
}

/// The frame for the pack, its content owned by it.
fn give(frame: Frame) -> ReflowFrame {
    let (kind, content) = match frame {
        Frame::Begin(begin) => {
            let members = [
                ("content_type", Value::from(begin.content_type)),
                ("size_hint", begin.size_hint.into()),
                ("metadata", begin.metadata.into()),
            ];
            (REFLOW_FRAME_BEGIN, Message::Object(Value::object(members)))
        }
        Frame::Data(bytes) => (REFLOW_FRAME_DATA, Message::Bytes(bytes)),
        Frame::End => (REFLOW_FRAME_END, Message::Flow),
        Frame::Error(text) => (REFLOW_FRAME_ERROR, Message::String(text)),
    };
    ReflowFrame { kind, reserved: 0, content: message::give(content) }
}

pub(super) unsafe extern "C" fn new(
    node: *const ReflowNode,
    port: ReflowStr,
    content_type: ReflowStr,
    capacity: usize,
) -> *mut ReflowWriter {
    guard(ptr::null_mut(), || {
        // SAFETY: the ABI says that everything is valid for the call.
        let (origin, port, kind) = unsafe { (node::look(node), foreign::text(port), foreign::text(content_type)) };
        let origin = origin.map(|node| node.handle.id().to_string()).unwrap_or_default();
        let writer = StreamWriter::new(capacity, &origin, &port, Some(&*kind).filter(|kind| !kind.is_empty()));
        Box::into_raw(Box::new(writer)).cast()
    })
}

pub(super) unsafe extern "C" fn handle(
    writer: *const ReflowWriter,
    size_hint: u64,
    message: *mut ReflowMessage,
) -> ReflowStatus {
    guard(REFLOW_INVALID, || {
        // SAFETY: the ABI says that the writer is alive and that there is room for a message.
        let (Some(writer), false) = (unsafe { writer.cast::<StreamWriter>().as_ref() }, message.is_null()) else {
            return REFLOW_INVALID;
        };
        match writer.handle(Some(size_hint).filter(|size| *size != REFLOW_UNKNOWN_SIZE)) {
            Ok(handle) => {
                // SAFETY: as above.
                unsafe { message.write(message::give(Message::StreamHandle(handle))) };
                REFLOW_OK
            }
            Err(_) => REFLOW_INVALID,
        }
    })
}

pub(super) unsafe extern "C" fn write(
    writer: *const ReflowWriter,
    frame: *const ReflowFrame,
    timeout_ms: u64,
) -> ReflowStatus {
    let until = deadline(timeout_ms);
    let write = |writer: &StreamWriter, frame: &mut Option<Frame>| {
        block_until(until, |cx| writer.poll_write(cx, frame)).map_or(REFLOW_TIMED_OUT, |result| match result {
            Ok(()) => REFLOW_OK,
            Err(error) => status(&error),
        })
    };
    // SAFETY: the ABI says that writer and frame are alive.
    unsafe { write_with(writer, frame, write) }
}

pub(super) unsafe extern "C" fn poll_write(
    writer: *const ReflowWriter,
    frame: *const ReflowFrame,
    waker: ReflowWaker,
) -> ReflowStatus {
    // SAFETY: the ABI says that the waker is handed over.
    let waker = unsafe { waker::from_raw(waker) };
    let write = |writer: &StreamWriter, frame: &mut Option<Frame>| match writer
        .poll_write(&mut Context::from_waker(&waker), frame)
    {
        Poll::Pending => REFLOW_PENDING,
        Poll::Ready(Ok(())) => REFLOW_OK,
        Poll::Ready(Err(error)) => status(&error),
    };
    // SAFETY: the ABI says that writer and frame are alive.
    unsafe { write_with(writer, frame, write) }
}

/// Writes a copy of the frame, and takes the content when the frame is done with.
///
/// # Safety
/// Writer and frame are null or alive, and the pack owns the frame's content.
unsafe fn write_with(
    writer: *const ReflowWriter,
    frame: *const ReflowFrame,
    write: impl FnOnce(&StreamWriter, &mut Option<Frame>) -> ReflowStatus,
) -> ReflowStatus {
    guard(REFLOW_INVALID, || {
        // SAFETY: as this function demands.
        unsafe {
            let (Some(writer), Some(lent)) = (writer.cast::<StreamWriter>().as_ref(), frame.as_ref()) else {
                return REFLOW_INVALID;
            };
            let mut copied = copy(frame);
            let status = if copied.is_some() { write(writer, &mut copied) } else { REFLOW_INVALID };
            if ![REFLOW_PENDING, REFLOW_TIMED_OUT].contains(&status) {
                drop(message::receive(lent.content));
            }
            status
        }
    })
}

pub(super) unsafe extern "C" fn drop_writer(writer: *mut ReflowWriter) {
    guard((), || {
        if !writer.is_null() {
            // SAFETY: the ABI says that the pack owns the writer, so it is the box made by `new`.
            drop(unsafe { Box::from_raw(writer.cast::<StreamWriter>()) });
        }
    });
}

pub(super) unsafe extern "C" fn read(
    reader: *mut ReflowReader,
    frame: *mut ReflowFrame,
    timeout_ms: u64,
) -> ReflowStatus {
    let until = deadline(timeout_ms);
    // SAFETY: the ABI says that the reader is alive and that there is room for a frame.
    unsafe { read_with(reader, frame, |reader| block_until(until, |cx| reader.poll_read(cx)), REFLOW_TIMED_OUT) }
}

pub(super) unsafe extern "C" fn poll_read(
    reader: *mut ReflowReader,
    frame: *mut ReflowFrame,
    waker: ReflowWaker,
) -> ReflowStatus {
    // SAFETY: the ABI says that the waker is handed over.
    let waker: Waker = unsafe { waker::from_raw(waker) };
    let poll = |reader: &StreamReader| match reader.poll_read(&mut Context::from_waker(&waker)) {
        Poll::Pending => None,
        Poll::Ready(frame) => Some(frame),
    };
    // SAFETY: as in `read`.
    unsafe { read_with(reader, frame, poll, REFLOW_PENDING) }
}

/// # Safety
/// The reader is null or alive, and `frame` null or room for a frame.
unsafe fn read_with(
    reader: *mut ReflowReader,
    frame: *mut ReflowFrame,
    read: impl FnOnce(&StreamReader) -> Option<Option<Frame>>,
    not_yet: ReflowStatus,
) -> ReflowStatus {
    guard(REFLOW_INVALID, || {
        // SAFETY: as this function demands.
        let (Some(reader), false) = (unsafe { reader.cast::<StreamReader>().as_ref() }, frame.is_null()) else {
            return REFLOW_INVALID;
        };
        match read(reader) {
            None => not_yet,
            Some(None) => REFLOW_CLOSED,
            Some(Some(next)) => {
                // SAFETY: as this function demands.
                unsafe { frame.write(give(next)) };
                REFLOW_OK
            }
        }
    })
}

pub(super) unsafe extern "C" fn drop_reader(reader: *mut ReflowReader) {
    guard((), || {
        if !reader.is_null() {
            // SAFETY: the ABI says that the pack owns the reader, so it is a box made by `message_take_stream`.
            drop(unsafe { Box::from_raw(reader.cast::<StreamReader>()) });
        }
    });
}
