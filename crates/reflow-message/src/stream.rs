//! Streams: bounded sequences of frames, written by one side and read by the other while the network runs.
//!
//! A stream is made by its writer. Its readable end travels as a [`Message::StreamHandle`](crate::Message) and can be
//! taken once. Either end wakes the other when it closes or is dropped; frames are passed by reference. Who has an end can be told
//! when that waits ([`Holder`]).

use std::collections::VecDeque;
use std::fmt::Debug;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock, Weak};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;
use rustc_hash::FxHashMap;

use crate::buffer::Buffer;
use crate::value::Value;

/// One element of a stream.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// What follows, as far as the writer says.
    Begin(Begin),
    /// A piece of the data.
    Data(Buffer),
    /// The writer has said everything.
    End,
    /// The writer had to stop.
    Error(Arc<str>),
}

/// What a writer may tell about a stream before its data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Begin {
    /// Media type of the data.
    pub content_type: Option<Arc<str>>,
    /// Expected size of the data in bytes.
    pub size_hint: Option<u64>,
    /// Anything else.
    pub metadata: Option<Value>,
}

/// Why a stream could not be written or taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StreamError {
    /// Nobody can read any more.
    #[error("stream {0}: the reader is gone")]
    ReaderGone(u64),
    /// The buffer is full and no reader can exist yet.
    #[error(
        "stream {stream} is full ({capacity} frames) and its handle was not handed over yet, so nobody can make room; \
         hand it over first or give it a larger buffer"
    )]
    FullBeforeHandOver {
        /// The stream.
        stream: u64,
        /// Its bound.
        capacity: usize,
    },
    /// The handle was already made.
    #[error("stream {0} was already handed over")]
    HandedOver(u64),
    /// The readable end was taken before.
    #[error("stream {0} was already taken by another reader")]
    Taken(u64),
    /// There is no such stream in this process (any more).
    #[error("there is no stream {0} here: it was never made in this process, or it was freed because nobody took it")]
    Unknown(u64),
}

/// How many streams whose id was written out as plain data are kept until somebody takes them.
const PINNED: usize = 64;

static NEXT_ID: AtomicU64 = AtomicU64::new(1);
static OPEN: LazyLock<Mutex<FxHashMap<u64, Weak<ReadEnd>>>> = LazyLock::new(Mutex::default);
static PINS: LazyLock<Mutex<VecDeque<Arc<ReadEnd>>>> = LazyLock::new(Mutex::default);

#[derive(Debug)]
struct Channel {
    id: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    frames: VecDeque<Frame>,
    /// How many it may hold; 0 is no limit.
    capacity: usize,
    writer_gone: bool,
    reader_gone: bool,
    ended: bool,
    waiting_writers: Vec<Waker>,
    waiting_readers: Vec<Waker>,
    writes: Option<Arc<dyn Holder>>,
    reads: Option<Arc<dyn Holder>>,
}

/// One side of a bounded way.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It waits for room.
    Writing,
    /// It waits for what is written.
    Reading,
}

/// Who has an end of a stream, and wants to know for how long that waits.
pub trait Holder: Debug + Send + Sync {
    /// An end of its begins to wait.
    fn begin_wait(&self, end: End);
    /// One that waited does so no more.
    fn end_wait(&self, end: End);
}

/// A wait that a holder is told of; dropping it ends it.
#[derive(Debug)]
pub struct Waiting(Option<(Arc<dyn Holder>, End)>);

impl Waiting {
    /// Tells the holder, if there is one, that its end waits from now on.
    pub fn begin(holder: Option<Arc<dyn Holder>>, end: End) -> Self {
        Self(holder.map(|holder| {
            holder.begin_wait(end);
            (holder, end)
        }))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some((holder, end)) = self.0.take() {
            holder.end_wait(end);
        }
    }
}

impl Channel {
    fn close_reader(&self) {
        let (writers, frames) = {
            let mut state = self.state.lock();
            state.reader_gone = true;
            (std::mem::take(&mut state.waiting_writers), std::mem::take(&mut state.frames))
        };
        drop(frames);
        writers.into_iter().for_each(Waker::wake);
    }
}

/// The right to read a stream, while nobody has used it. Dropping the last one unused closes the stream.
#[derive(Debug)]
struct ReadEnd {
    channel: Arc<Channel>,
    taken: Mutex<bool>,
}

impl Drop for ReadEnd {
    fn drop(&mut self) {
        OPEN.lock().remove(&self.channel.id);
        if !*self.taken.get_mut() {
            self.channel.close_reader();
        }
    }
}

/// What a [`Message::StreamHandle`](crate::Message) carries: the description of a stream and the right to take it.
#[derive(Debug)]
pub struct StreamHandle {
    /// Process-wide number of the stream, from 1 upward.
    pub stream_id: u64,
    /// The node that made it, or "".
    pub origin_actor: Arc<str>,
    /// The port it was made for, or "".
    pub origin_port: Arc<str>,
    /// Media type of the data.
    pub content_type: Option<Arc<str>>,
    /// Expected size in bytes.
    pub size_hint: Option<u64>,
    end: Option<Arc<ReadEnd>>,
}

impl StreamHandle {
    /// The handle that a plain description stands for; it finds the stream when that is open in this process.
    pub fn from_parts(
        stream_id: u64,
        origin_actor: Arc<str>,
        origin_port: Arc<str>,
        content_type: Option<Arc<str>>,
        size_hint: Option<u64>,
    ) -> Self {
        let end = OPEN.lock().get(&stream_id).and_then(Weak::upgrade);
        Self { stream_id, origin_actor, origin_port, content_type, size_hint, end }
    }

    /// The same description without the right to read: what looks at a stream must not keep its writer waiting.
    #[must_use]
    pub fn without_end(&self) -> Self {
        Self {
            stream_id: self.stream_id,
            origin_actor: Arc::clone(&self.origin_actor),
            origin_port: Arc::clone(&self.origin_port),
            content_type: self.content_type.clone(),
            size_hint: self.size_hint,
            end: None,
        }
    }

    /// Takes the readable end; the first one to ask gets it.
    ///
    /// # Errors
    /// [`StreamError::Taken`] or [`StreamError::Unknown`].
    pub fn take(&self) -> Result<StreamReader, StreamError> {
        let end = self.end.as_ref().ok_or(StreamError::Unknown(self.stream_id))?;
        let mut taken = end.taken.lock();
        if std::mem::replace(&mut *taken, true) {
            return Err(StreamError::Taken(self.stream_id));
        }
        PINS.lock().retain(|pinned| pinned.channel.id != self.stream_id);
        Ok(StreamReader { channel: Arc::clone(&end.channel) })
    }

    /// Lets the stream hold any number of frames: nobody will read it before its writer has ended.
    pub fn lift_limit(&self) {
        let Some(end) = &self.end else { return };
        let writers = {
            let mut state = end.channel.state.lock();
            state.capacity = 0;
            std::mem::take(&mut state.waiting_writers)
        };
        writers.into_iter().for_each(Waker::wake);
    }

    /// `holder` sends the handle on. It is the one who writes, unless somebody does already, or it was sent to it.
    pub fn sent_by(&self, holder: &Arc<impl Holder + 'static>) {
        let Some(end) = &self.end else { return };
        let mut state = end.channel.state.lock();
        if state.writes.is_none() && state.reads.is_none() {
            state.writes = Some(Arc::clone(holder) as _);
        }
    }

    /// `holder` got the handle, and is the one who reads until somebody else gets it.
    pub fn sent_to(&self, holder: &Arc<impl Holder + 'static>) {
        let Some(end) = &self.end else { return };
        let before = end.channel.state.lock().reads.replace(Arc::clone(holder) as _);
        drop(before);
    }

    /// Keeps an untaken stream open although its id leaves the runtime as plain data. The oldest of many such streams
    /// are let go, so that what nobody takes cannot pile up.
    pub(crate) fn pin(&self) {
        let Some(end) = &self.end else { return };
        if *end.taken.lock() {
            return;
        }
        let evicted = {
            let mut pins = PINS.lock();
            if pins.iter().any(|pinned| Arc::ptr_eq(pinned, end)) {
                return;
            }
            pins.push_back(Arc::clone(end));
            if pins.len() > PINNED { pins.pop_front() } else { None }
        };
        drop(evicted);
    }

    /// The dictionary shown under `data` on the wire.
    pub fn to_value(&self) -> Value {
        Value::object([
            ("stream_id", Value::from(self.stream_id)),
            ("origin_actor", Value::String(Arc::clone(&self.origin_actor))),
            ("origin_port", Value::String(Arc::clone(&self.origin_port))),
            ("content_type", self.content_type.clone().into()),
            ("size_hint", self.size_hint.into()),
        ])
    }
}

/// The writing end of a stream. Dropping it closes the stream: the reader sees what was written, then the close.
#[derive(Debug)]
pub struct StreamWriter {
    channel: Arc<Channel>,
    origin_actor: Arc<str>,
    origin_port: Arc<str>,
    content_type: Option<Arc<str>>,
    /// Held until the handle is made.
    end: Mutex<Option<Arc<ReadEnd>>>,
}

impl StreamWriter {
    /// A new stream that holds at most `capacity` unread frames (0: no limit).
    pub fn new(capacity: usize, origin_actor: &str, origin_port: &str, content_type: Option<&str>) -> Self {
        let id = NEXT_ID.fetch_add(1, Ordering::Relaxed);
        let channel = Arc::new(Channel { id, state: Mutex::new(State { capacity, ..State::default() }) });
        let end = Arc::new(ReadEnd { channel: Arc::clone(&channel), taken: Mutex::new(false) });
        OPEN.lock().insert(id, Arc::downgrade(&end));
        Self {
            channel,
            origin_actor: origin_actor.into(),
            origin_port: origin_port.into(),
            content_type: content_type.map(Into::into),
            end: Mutex::new(Some(end)),
        }
    }

    /// The process-wide number of the stream.
    pub fn id(&self) -> u64 {
        self.channel.id
    }

    /// The handle to send to a reader. Writing may go on afterwards.
    ///
    /// # Errors
    /// [`StreamError::HandedOver`] the second time.
    pub fn handle(&self, size_hint: Option<u64>) -> Result<Arc<StreamHandle>, StreamError> {
        let end = self.end.lock().take().ok_or(StreamError::HandedOver(self.id()))?;
        Ok(Arc::new(StreamHandle {
            stream_id: self.id(),
            origin_actor: Arc::clone(&self.origin_actor),
            origin_port: Arc::clone(&self.origin_port),
            content_type: self.content_type.clone(),
            size_hint,
            end: Some(end),
        }))
    }

    /// Writes a frame as soon as there is room. On success `frame` is taken out; while pending it stays.
    ///
    /// # Errors
    /// [`StreamError::ReaderGone`], or [`StreamError::FullBeforeHandOver`] when waiting could never end.
    pub fn poll_write(&self, cx: &mut Context<'_>, frame: &mut Option<Frame>) -> Poll<Result<(), StreamError>> {
        let mut state = self.channel.state.lock();
        if state.reader_gone {
            return Poll::Ready(Err(StreamError::ReaderGone(self.id())));
        }
        let capacity = state.capacity;
        // End and Error always fit, so that a writer can finish without waiting.
        let closing = matches!(frame, Some(Frame::End | Frame::Error(_)));
        if capacity > 0 && state.frames.len() >= capacity && !closing {
            // A reader may also have found the stream by its number.
            if self.end.lock().as_ref().is_some_and(|end| !*end.taken.lock()) {
                return Poll::Ready(Err(StreamError::FullBeforeHandOver { stream: self.id(), capacity }));
            }
            if !state.waiting_writers.iter().any(|waiting| waiting.will_wake(cx.waker())) {
                state.waiting_writers.push(cx.waker().clone());
            }
            return Poll::Pending;
        }
        let Some(frame) = frame.take() else { return Poll::Ready(Ok(())) };
        state.ended |= matches!(frame, Frame::End | Frame::Error(_));
        state.frames.push_back(frame);
        let readers = std::mem::take(&mut state.waiting_readers);
        drop(state);
        readers.into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(()))
    }

    /// The writer begins to wait for room, after [`poll_write`](Self::poll_write) has found none.
    pub fn waiting(&self) -> Waiting {
        let writes = self.channel.state.lock().writes.clone();
        Waiting::begin(writes, End::Writing)
    }

    /// Writes a frame, waiting for room. Cancel safe: a dropped call has written nothing.
    ///
    /// # Errors
    /// As [`poll_write`](Self::poll_write).
    pub async fn write(&self, frame: Frame) -> Result<(), StreamError> {
        let (mut frame, mut waiting) = (Some(frame), None);
        std::future::poll_fn(|cx| {
            let written = self.poll_write(cx, &mut frame);
            if written.is_pending() {
                waiting.get_or_insert_with(|| self.waiting());
            }
            written
        })
        .await
    }
}

impl Drop for StreamWriter {
    fn drop(&mut self) {
        let readers = {
            let mut state = self.channel.state.lock();
            state.writer_gone = true;
            std::mem::take(&mut state.waiting_readers)
        };
        readers.into_iter().for_each(Waker::wake);
    }
}

/// The reading end of a stream. Dropping it closes the stream for the writer.
#[derive(Debug)]
pub struct StreamReader {
    channel: Arc<Channel>,
}

impl StreamReader {
    /// The process-wide number of the stream.
    pub fn id(&self) -> u64 {
        self.channel.id
    }

    /// The next frame; `None` once the writer has ended or is gone and everything was read.
    pub fn poll_read(&self, cx: &mut Context<'_>) -> Poll<Option<Frame>> {
        let mut state = self.channel.state.lock();
        if let Some(frame) = state.frames.pop_front() {
            let writers = std::mem::take(&mut state.waiting_writers);
            drop(state);
            writers.into_iter().for_each(Waker::wake);
            return Poll::Ready(Some(frame));
        }
        if state.writer_gone || state.ended {
            return Poll::Ready(None);
        }
        if !state.waiting_readers.iter().any(|waiting| waiting.will_wake(cx.waker())) {
            state.waiting_readers.push(cx.waker().clone());
        }
        Poll::Pending
    }

    /// The reader begins to wait for a frame, after [`poll_read`](Self::poll_read) has found none.
    pub fn waiting(&self) -> Waiting {
        let reads = self.channel.state.lock().reads.clone();
        Waiting::begin(reads, End::Reading)
    }

    /// The next frame; `None` once the stream is closed and everything was read. Cancel safe.
    pub async fn read(&self) -> Option<Frame> {
        let mut waiting = None;
        std::future::poll_fn(|cx| {
            let read = self.poll_read(cx);
            if read.is_pending() {
                waiting.get_or_insert_with(|| self.waiting());
            }
            read
        })
        .await
    }
}

impl Drop for StreamReader {
    fn drop(&mut self) {
        self.channel.close_reader();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::park::block_until;
    use std::time::{Duration, Instant};

    fn write(writer: &StreamWriter, frame: Frame) -> Result<(), StreamError> {
        let mut frame = Some(frame);
        block_until(None, |cx| writer.poll_write(cx, &mut frame)).unwrap()
    }

    fn read(reader: &StreamReader) -> Option<Frame> {
        block_until(Some(Instant::now() + Duration::from_secs(5)), |cx| reader.poll_read(cx)).expect("a frame in time")
    }

    #[test]
    fn a_writer_waits_for_room_and_the_reader_sees_everything_in_order() {
        let writer = StreamWriter::new(2, "a", "out", Some("text/plain"));
        let reader = writer.handle(None).unwrap().take().unwrap();
        let writing = std::thread::spawn(move || {
            for byte in 0..100_u8 {
                write(&writer, Frame::Data(vec![byte].into())).unwrap();
            }
            write(&writer, Frame::End).unwrap();
        });
        for byte in 0..100_u8 {
            assert_eq!(read(&reader), Some(Frame::Data(vec![byte].into())));
        }
        assert_eq!(read(&reader), Some(Frame::End));
        assert_eq!(read(&reader), None);
        writing.join().unwrap();
    }

    #[test]
    fn a_writer_does_not_wait_any_more_when_the_limit_is_lifted() {
        let writer = StreamWriter::new(1, "", "", None);
        let handle = writer.handle(None).unwrap();
        write(&writer, Frame::Data(vec![1].into())).unwrap();
        std::thread::scope(|scope| {
            let writing = scope.spawn(|| write(&writer, Frame::Data(vec![2].into())));
            handle.lift_limit();
            writing.join().unwrap().unwrap();
        });
        write(&writer, Frame::Data(vec![3].into())).unwrap();
    }

    #[test]
    fn dropping_the_reader_wakes_a_waiting_writer() {
        let writer = StreamWriter::new(1, "", "", None);
        let reader = writer.handle(None).unwrap().take().unwrap();
        write(&writer, Frame::Data(vec![1].into())).unwrap();
        let dropping = std::thread::spawn(move || drop(reader));
        let error = loop {
            match write(&writer, Frame::Data(vec![2].into())) {
                Ok(()) => {}
                Err(error) => break error,
            }
        };
        assert_eq!(error, StreamError::ReaderGone(writer.id()));
        dropping.join().unwrap();
    }

    #[test]
    fn a_handle_nobody_takes_closes_the_stream() {
        let writer = StreamWriter::new(1, "", "", None);
        drop(writer.handle(None).unwrap());
        assert_eq!(write(&writer, Frame::End), Err(StreamError::ReaderGone(writer.id())));
    }

    #[test]
    fn full_before_hand_over_is_an_error_and_not_a_hang() {
        let writer = StreamWriter::new(1, "", "", None);
        write(&writer, Frame::Data(vec![1].into())).unwrap();
        assert!(matches!(write(&writer, Frame::Data(vec![2].into())), Err(StreamError::FullBeforeHandOver { .. })));
        write(&writer, Frame::End).unwrap();
    }

    #[test]
    fn only_the_first_taker_gets_it() {
        let writer = StreamWriter::new(0, "", "", None);
        let handle = writer.handle(Some(4)).unwrap();
        assert_eq!(writer.handle(None).unwrap_err(), StreamError::HandedOver(writer.id()));
        let copy = StreamHandle::from_parts(writer.id(), "".into(), "".into(), None, None);
        let reader = copy.take().unwrap();
        assert_eq!(handle.take().unwrap_err(), StreamError::Taken(writer.id()));
        drop(writer);
        assert_eq!(read(&reader), None);
        let unknown = StreamHandle::from_parts(u64::MAX, "".into(), "".into(), None, None);
        assert_eq!(unknown.take().unwrap_err(), StreamError::Unknown(u64::MAX));
    }
}
