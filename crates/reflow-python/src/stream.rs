//! `Stream` and `StreamReader`: the two ends of a stream.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use reflow_runtime::{Begin, Frame, Message, StreamReader, StreamWriter, Waiting};

use crate::clock;
use crate::convert;
use crate::errors::{self, RunTimeout};
use crate::message::PyMessage;
use crate::wait::LoopWaker;

/// The writing end of a stream of frames.
///
/// Examples
/// --------
/// >>> from offbit_reflow import Stream
/// >>> stream = Stream.create()
/// >>> reader = stream.into_message().take_stream()
/// >>> with stream:
/// ...     stream.send_bytes(b"ab")
/// >>> reader.read_all(timeout=5)
/// b'ab'
#[pyclass(name = "Stream", module = "offbit_reflow", frozen)]
pub(crate) struct PyStream {
    writer: Mutex<Option<Arc<StreamWriter>>>,
    id: u64,
}

impl PyStream {
    fn writer(&self) -> PyResult<Arc<StreamWriter>> {
        let writer = self.writer.lock().clone();
        writer.ok_or_else(|| errors::network_text(format!("stream {} is closed", self.id)))
    }

    fn write(&self, py: Python<'_>, frame: Frame, timeout: Option<f64>) -> PyResult<()> {
        let writer = self.writer()?;
        let mut frame = Some(frame);
        // The first look needs no detaching: there is room most of the time.
        let mut context = Context::from_waker(Waker::noop());
        let written = match writer.poll_write(&mut context, &mut frame) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => {
                let instead = "await stream.send(...)";
                let _waiting = writer.waiting();
                clock::block(py, clock::held_here().as_ref(), timeout, instead, |cx| writer.poll_write(cx, &mut frame))?
            }
        };
        match written {
            Some(result) => result.map_err(|error| errors::stream(&error)),
            None => Err(RunTimeout::new_err(format!("stream {}: no room within the time limit", self.id))),
        }
    }
}

#[pymethods]
impl PyStream {
    /// Makes a stream. Up to `buffer_size` frames wait for the reader (0 means the default); the others are told to the reader.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create(content_type="text/plain")
    /// >>> stream.close()
    #[staticmethod]
    #[pyo3(signature = (buffer_size=0, origin_actor=None, origin_port=None, content_type=None))]
    fn create(
        buffer_size: usize,
        origin_actor: Option<&str>,
        origin_port: Option<&str>,
        content_type: Option<&str>,
    ) -> Self {
        let (actor, port) = (origin_actor.unwrap_or_default(), origin_port.unwrap_or_default());
        let writer = StreamWriter::new(buffer_size, actor, port, content_type);
        Self { id: writer.id(), writer: Mutex::new(Some(writer.into())) }
    }

    /// The number of the stream in this process: the same at both ends.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create()
    /// >>> reader = stream.into_message().take_stream()
    /// >>> reader.stream_id == stream.stream_id
    /// True
    #[getter]
    fn stream_id(&self) -> u64 {
        self.id
    }

    /// Sends the frame that begins a stream: what it holds, how long it is if known, and metadata.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create()
    /// >>> reader = stream.into_message().take_stream()
    /// >>> stream.send_begin("text/plain", metadata={"name": "a.txt"})
    /// >>> stream.close()
    #[pyo3(signature = (content_type=None, size_hint=None, metadata=None, *, timeout=None))]
    fn send_begin(
        &self,
        py: Python<'_>,
        content_type: Option<&str>,
        size_hint: Option<u64>,
        metadata: Option<&Bound<'_, PyAny>>,
        timeout: Option<f64>,
    ) -> PyResult<()> {
        let metadata = metadata.filter(|metadata| !metadata.is_none()).map(convert::to_value).transpose()?;
        let begin = Begin { content_type: content_type.map(Into::into), size_hint, metadata };
        self.write(py, Frame::Begin(begin), timeout)
    }

    /// Sends a piece of data, and waits for room; `timeout` in seconds makes the wait end with a RunTimeout.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create()
    /// >>> reader = stream.into_message().take_stream()
    /// >>> stream.send_bytes(b"ab", timeout=1)
    /// >>> stream.close()
    #[pyo3(signature = (data, *, timeout=None))]
    fn send_bytes(&self, py: Python<'_>, data: &Bound<'_, PyAny>, timeout: Option<f64>) -> PyResult<()> {
        match convert::bytes_like(data)? {
            Some(buffer) => self.write(py, Frame::Data(buffer), timeout),
            None => Err(convert::wrong_type("bytes or another object with the buffer protocol", data)),
        }
    }

    /// Ends the stream well.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create()
    /// >>> reader = stream.into_message().take_stream()
    /// >>> stream.end()
    /// >>> reader.read_all(timeout=5)
    /// b''
    fn end(&self, py: Python<'_>) -> PyResult<()> {
        self.write(py, Frame::End, None)
    }

    /// Ends the stream with an error, which the reader gets.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create()
    /// >>> reader = stream.into_message().take_stream()
    /// >>> stream.error("no more")
    fn error(&self, py: Python<'_>, message: &str) -> PyResult<()> {
        self.write(py, Frame::Error(message.into()), None)
    }

    /// Gives the message that brings the reading end to another actor; it can be given once.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Stream
    /// >>> Stream.create().into_message().kind
    /// 'StreamHandle'
    #[pyo3(signature = (size_hint=None))]
    fn into_message(&self, size_hint: Option<u64>) -> PyResult<PyMessage> {
        let handle = self.writer()?.handle(size_hint).map_err(|error| errors::stream(&error))?;
        Ok(Message::StreamHandle(handle).into())
    }

    /// Writes a frame, data or a dict as a reader gives it, and waits for room without holding the asyncio loop.
    ///
    /// Examples
    /// --------
    /// >>> import asyncio
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create()
    /// >>> reader = stream.into_message().take_stream()
    /// >>> asyncio.run(stream.send(b"ab"))
    /// >>> stream.close()
    fn send<'py>(slf: &Bound<'py, Self>, frame: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        asyncio(slf.py(), "send_frame", (slf, frame))
    }

    /// `send_bytes` for asyncio.
    ///
    /// Examples
    /// --------
    /// >>> import asyncio
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create()
    /// >>> reader = stream.into_message().take_stream()
    /// >>> asyncio.run(stream.send_bytes_async(b"ab"))
    /// >>> stream.close()
    fn send_bytes_async<'py>(slf: &Bound<'py, Self>, data: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        asyncio(slf.py(), "send_frame", (slf, data))
    }

    /// `send_begin` for asyncio.
    ///
    /// Examples
    /// --------
    /// >>> import asyncio
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create()
    /// >>> reader = stream.into_message().take_stream()
    /// >>> asyncio.run(stream.send_begin_async("text/plain"))
    /// >>> stream.close()
    #[pyo3(signature = (content_type=None, size_hint=None, metadata=None))]
    fn send_begin_async<'py>(
        slf: &Bound<'py, Self>,
        content_type: Option<Bound<'py, PyAny>>,
        size_hint: Option<Bound<'py, PyAny>>,
        metadata: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let frame = kind(slf.py(), "begin")?;
        frame.set_item("content_type", content_type)?;
        frame.set_item("size_hint", size_hint)?;
        frame.set_item("metadata", metadata)?;
        asyncio(slf.py(), "send_frame", (slf, frame))
    }

    /// A frame on its way, for an asyncio task to poll.
    fn _writing(&self, frame: &Bound<'_, PyAny>) -> PyResult<PyWriting> {
        let frame = frame_from_python(frame)?;
        let write = Write { writer: self.writer()?, frame: Some(frame), waiting: None };
        Ok(PyWriting { write: Mutex::new(Some(write)), waker: Arc::default() })
    }

    /// Closes the stream without an end frame; the reader sees what was written, then the close.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create()
    /// >>> reader = stream.into_message().take_stream()
    /// >>> stream.close()
    fn close(&self) {
        self.writer.lock().take();
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (kind, value, traceback))]
    fn __exit__(
        &self,
        py: Python<'_>,
        kind: &Bound<'_, PyAny>,
        value: &Bound<'_, PyAny>,
        traceback: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let _ = traceback;
        // End and error find room at once, in an asyncio task too.
        let ended = if kind.is_none() { self.end(py) } else { self.error(py, &value.str()?.to_string_lossy()) };
        self.close();
        // A reader that is gone has no use for the end.
        let _ = ended;
        Ok(())
    }

    fn __aenter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        asyncio(slf.py(), "give", (slf,))
    }

    #[pyo3(signature = (kind, value, traceback))]
    fn __aexit__<'py>(
        slf: &Bound<'py, Self>,
        kind: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        traceback: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.get().__exit__(slf.py(), kind, value, traceback)?;
        asyncio(slf.py(), "give", (slf.py().None(),))
    }

    fn __repr__(&self) -> String {
        format!("<Stream {}>", self.id)
    }
}

/// A frame that an asyncio task writes. Dropping it gives it up.
#[pyclass(name = "_Writing", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyWriting {
    write: Mutex<Option<Write>>,
    waker: Arc<LoopWaker>,
}

/// A frame, until it is written.
struct Write {
    writer: Arc<StreamWriter>,
    frame: Option<Frame>,
    waiting: Option<Waiting>,
}

#[pymethods]
impl PyWriting {
    /// See `EventStream._poll`: an empty list when it is written.
    #[pyo3(signature = (wake=None))]
    fn _poll(&self, wake: Option<Py<PyAny>>) -> PyResult<Option<[u8; 0]>> {
        let waker = self.waker.waker(wake);
        let mut place = self.write.lock();
        let Some(Write { writer, frame, waiting }) = &mut *place else { return Ok(Some([])) };
        match writer.poll_write(&mut Context::from_waker(&waker), frame) {
            Poll::Ready(written) => {
                *place = None;
                written.map(|()| Some([])).map_err(|error| errors::stream(&error))
            }
            Poll::Pending => {
                waiting.get_or_insert_with(|| writer.waiting());
                Ok(None)
            }
        }
    }

    /// See `EventStream._forget`; a frame that was not written yet is given up.
    fn _forget(&self, wake: Py<PyAny>) {
        *self.write.lock() = None;
        self.waker.forget(&wake);
    }
}

/// Calls the asyncio form of something, a coroutine function.
fn asyncio<'py>(
    py: Python<'py>,
    name: &str,
    arguments: impl pyo3::call::PyCallArgs<'py>,
) -> PyResult<Bound<'py, PyAny>> {
    py.import("offbit_reflow._waiting")?.getattr(name)?.call1(arguments)
}

fn kind<'py>(py: Python<'py>, kind: &str) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("kind", kind)?;
    Ok(dict)
}

/// A frame as a reader gives it, or its data alone.
fn frame_from_python(frame: &Bound<'_, PyAny>) -> PyResult<Frame> {
    let wrong = || convert::wrong_type("bytes, or a frame as a reader gives it ({'kind': ...})", frame);
    let Ok(dict) = frame.cast::<PyDict>() else {
        return convert::bytes_like(frame)?.map(Frame::Data).ok_or_else(wrong);
    };
    let get = |key: &str| PyResult::Ok(dict.get_item(key)?.filter(|value| !value.is_none()));
    let text = |key: &str| get(key)?.map(|value| value.extract::<String>()).transpose();
    match text("kind")?.as_deref() {
        Some("data") => match get("data")?.map(|data| convert::bytes_like(&data)).transpose()?.flatten() {
            Some(buffer) => Ok(Frame::Data(buffer)),
            None => Err(wrong()),
        },
        Some("begin") => Ok(Frame::Begin(Begin {
            content_type: text("content_type")?.map(Into::into),
            size_hint: get("size_hint")?.map(|size| size.extract()).transpose()?,
            metadata: get("metadata")?.map(|metadata| convert::to_value(&metadata)).transpose()?,
        })),
        Some("end") => Ok(Frame::End),
        Some("error") => Ok(Frame::Error(text("error")?.unwrap_or_default().into())),
        _ => Err(wrong()),
    }
}

/// The reading end of a stream.
///
/// Examples
/// --------
/// >>> from offbit_reflow import Stream
/// >>> stream = Stream.create()
/// >>> reader = stream.into_message().take_stream()
/// >>> stream.send_bytes(b"ab")
/// >>> stream.end()
/// >>> [frame["data"] for frame in reader if "data" in frame]
/// [b'ab']
#[pyclass(name = "StreamReader", module = "offbit_reflow", frozen)]
pub(crate) struct PyStreamReader {
    reader: Mutex<Option<Arc<StreamReader>>>,
    id: u64,
    waker: Arc<LoopWaker>,
    /// As long as an asyncio task waits for a frame.
    waiting: Mutex<Option<Waiting>>,
}

impl PyStreamReader {
    pub(crate) fn new(reader: StreamReader) -> Self {
        Self {
            id: reader.id(),
            reader: Mutex::new(Some(reader.into())),
            waker: Arc::default(),
            waiting: Mutex::default(),
        }
    }

    fn next(&self, py: Python<'_>, timeout: Option<f64>, instead: &str) -> PyResult<Option<Option<Frame>>> {
        let reader = self.reader.lock().clone();
        let Some(reader) = reader else { return Ok(Some(None)) };
        let mut context = Context::from_waker(Waker::noop());
        if let Poll::Ready(frame) = reader.poll_read(&mut context) {
            return Ok(Some(frame));
        }
        let _waiting = reader.waiting();
        clock::block(py, clock::held_here().as_ref(), timeout, instead, |cx| reader.poll_read(cx))
    }
}

fn frame_to_dict<'py>(py: Python<'py>, frame: &Frame) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    match frame {
        Frame::Begin(begin) => {
            dict.set_item("kind", "begin")?;
            if let Some(content_type) = &begin.content_type {
                dict.set_item("content_type", &**content_type)?;
            }
            if let Some(size_hint) = begin.size_hint {
                dict.set_item("size_hint", size_hint)?;
            }
            if let Some(metadata) = &begin.metadata {
                dict.set_item("metadata", convert::value_to_python(py, metadata)?)?;
            }
        }
        Frame::Data(buffer) => {
            dict.set_item(crate::once::intern!(py, "kind"), crate::once::intern!(py, "data"))?;
            dict.set_item(crate::once::intern!(py, "data"), convert::buffer_to_python(py, buffer))?;
        }
        Frame::End => dict.set_item("kind", "end")?,
        Frame::Error(text) => {
            dict.set_item("kind", "error")?;
            dict.set_item("error", &**text)?;
        }
    }
    Ok(dict)
}

#[pymethods]
impl PyStreamReader {
    /// The number of the stream in this process: the same at both ends.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create()
    /// >>> reader = stream.into_message().take_stream()
    /// >>> reader.stream_id == stream.stream_id
    /// True
    #[getter]
    fn stream_id(&self) -> u64 {
        self.id
    }

    /// Waits for a frame, so many milliseconds; a RuntimeError if none comes.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create()
    /// >>> reader = stream.into_message().take_stream()
    /// >>> stream.send_bytes(b"ab")
    /// >>> stream.end()
    /// >>> reader.recv(1000)["data"]
    /// b'ab'
    fn recv<'py>(&self, py: Python<'py>, timeout_ms: u64) -> PyResult<Bound<'py, PyDict>> {
        match self.next(py, Some(timeout_ms as f64 / 1000.0), "await reader.recv_async(...)")? {
            Some(Some(frame)) => frame_to_dict(py, &frame),
            Some(None) => kind(py, "closed"),
            None => kind(py, "timeout"),
        }
    }

    /// `recv` for asyncio; waits for ever by default.
    ///
    /// Examples
    /// --------
    /// >>> import asyncio
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create()
    /// >>> reader = stream.into_message().take_stream()
    /// >>> stream.send_bytes(b"ab")
    /// >>> asyncio.run(reader.recv_async())["data"]
    /// b'ab'
    #[pyo3(signature = (timeout_ms=None))]
    fn recv_async<'py>(slf: &Bound<'py, Self>, timeout_ms: Option<u64>) -> PyResult<Bound<'py, PyAny>> {
        asyncio(slf.py(), "next_frame", (slf, timeout_ms))
    }

    /// See `EventStream._poll`.
    #[pyo3(signature = (wake=None))]
    fn _poll<'py>(&self, py: Python<'py>, wake: Option<Py<PyAny>>) -> PyResult<Option<Vec<Bound<'py, PyDict>>>> {
        let reader = self.reader.lock().clone();
        let Some(reader) = reader else { return Ok(Some(Vec::new())) };
        let waker = self.waker.waker(wake);
        let frame = reader.poll_read(&mut Context::from_waker(&waker));
        let mut waiting = self.waiting.lock();
        match frame {
            Poll::Ready(frame) => {
                *waiting = None;
                drop(waiting);
                frame.map(|frame| frame_to_dict(py, &frame)).into_iter().collect::<PyResult<_>>().map(Some)
            }
            Poll::Pending => {
                waiting.get_or_insert_with(|| reader.waiting());
                Ok(None)
            }
        }
    }

    /// See `EventStream._forget`.
    fn _forget(&self, wake: Py<PyAny>) {
        self.waker.forget(&wake);
        *self.waiting.lock() = None;
    }

    fn __aiter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __anext__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        asyncio(slf.py(), "next_item", (slf,))
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// The next frame; the iteration stops after the end of the stream.
    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        match self.next(py, None, "async for frame in reader")? {
            Some(Some(frame)) => frame_to_dict(py, &frame),
            _ => Err(PyStopIteration::new_err(())),
        }
    }

    /// The data of all frames that are left, joined.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create()
    /// >>> reader = stream.into_message().take_stream()
    /// >>> stream.send_bytes(b"ab")
    /// >>> stream.end()
    /// >>> reader.read_all(timeout=5)
    /// b'ab'
    #[pyo3(signature = (timeout=None))]
    fn read_all<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyBytes>> {
        let mut all = Vec::new();
        loop {
            match self.next(py, timeout, "async for frame in reader")? {
                Some(Some(Frame::Data(buffer))) => all.extend_from_slice(&buffer),
                Some(Some(Frame::Begin(_))) => {}
                Some(Some(Frame::Error(text))) => {
                    return Err(errors::network_text(format!(
                        "stream {}: the writer reported an error: {text}",
                        self.id
                    )));
                }
                Some(Some(Frame::End) | None) => return Ok(PyBytes::new(py, &all)),
                None => return Err(RunTimeout::new_err(format!("stream {}: no frame within the time limit", self.id))),
            }
        }
    }

    /// Stops reading; the writer is told, and so is who waits for a frame.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Stream
    /// >>> stream = Stream.create()
    /// >>> reader = stream.into_message().take_stream()
    /// >>> reader.close()
    fn close(&self) {
        self.reader.lock().take();
        Arc::clone(&self.waker).wake();
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (kind, value, traceback))]
    fn __exit__(&self, kind: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, traceback: &Bound<'_, PyAny>) {
        let _ = (kind, value, traceback);
        self.close();
    }

    fn __aenter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        asyncio(slf.py(), "give", (slf,))
    }

    #[pyo3(signature = (kind, value, traceback))]
    fn __aexit__<'py>(
        &self,
        py: Python<'py>,
        kind: &Bound<'py, PyAny>,
        value: &Bound<'py, PyAny>,
        traceback: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let _ = (kind, value, traceback);
        self.close();
        asyncio(py, "give", (py.None(),))
    }

    fn __repr__(&self) -> String {
        format!("<StreamReader {}>", self.id)
    }
}
