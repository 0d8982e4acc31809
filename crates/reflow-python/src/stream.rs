//! `Stream` and `StreamReader`: the two ends of a stream.

use parking_lot::Mutex;
use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use reflow_runtime::{Begin, Frame, Message, StreamReader, StreamWriter};

use crate::convert;
use crate::errors::{self, RunTimeout};
use crate::message::PyMessage;
use crate::wait;

/// The writing end of a stream of frames.
#[pyclass(name = "Stream", module = "offbit_reflow", frozen)]
pub(crate) struct PyStream {
    writer: Mutex<Option<std::sync::Arc<StreamWriter>>>,
    id: u64,
}

impl PyStream {
    fn write(&self, py: Python<'_>, frame: Frame, timeout: Option<f64>) -> PyResult<()> {
        let writer = self.writer.lock().clone();
        let Some(writer) = writer else {
            return Err(errors::network_text(format!("stream {} is closed", self.id)));
        };
        let mut frame = Some(frame);
        // The first look needs no detaching: there is room most of the time.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        let written = match writer.poll_write(&mut context, &mut frame) {
            std::task::Poll::Ready(result) => Some(result),
            std::task::Poll::Pending => {
                wait::block(py, timeout.and_then(wait::deadline), |cx| writer.poll_write(cx, &mut frame))?
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

    #[getter]
    fn stream_id(&self) -> u64 {
        self.id
    }

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

    #[pyo3(signature = (data, *, timeout=None))]
    fn send_bytes(&self, py: Python<'_>, data: &Bound<'_, PyAny>, timeout: Option<f64>) -> PyResult<()> {
        match convert::bytes_like(data)? {
            Some(buffer) => self.write(py, Frame::Data(buffer), timeout),
            None => Err(convert::wrong_type("bytes or another object with the buffer protocol", data)),
        }
    }

    fn end(&self, py: Python<'_>) -> PyResult<()> {
        self.write(py, Frame::End, None)
    }

    fn error(&self, py: Python<'_>, message: &str) -> PyResult<()> {
        self.write(py, Frame::Error(message.into()), None)
    }

    #[pyo3(signature = (size_hint=None))]
    fn into_message(&self, size_hint: Option<u64>) -> PyResult<PyMessage> {
        let writer = self.writer.lock().clone();
        let Some(writer) = writer else {
            return Err(errors::network_text(format!("stream {} is closed", self.id)));
        };
        let handle = writer.handle(size_hint).map_err(|error| errors::stream(&error))?;
        Ok(Message::StreamHandle(handle).into())
    }

    /// Closes the stream without an end frame; the reader sees what was written, then the close.
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
        let ended = if kind.is_none() { self.end(py) } else { self.error(py, &value.str()?.to_string_lossy()) };
        self.close();
        // A reader that is gone has no use for the end.
        let _ = ended;
        Ok(())
    }

    fn __repr__(&self) -> String {
        format!("<Stream {}>", self.id)
    }
}

/// The reading end of a stream.
#[pyclass(name = "StreamReader", module = "offbit_reflow", frozen)]
pub(crate) struct PyStreamReader {
    reader: Mutex<Option<std::sync::Arc<StreamReader>>>,
    id: u64,
}

impl PyStreamReader {
    pub(crate) fn new(reader: StreamReader) -> Self {
        Self { id: reader.id(), reader: Mutex::new(Some(reader.into())) }
    }

    fn next(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<Option<Frame>>> {
        let reader = self.reader.lock().clone();
        let Some(reader) = reader else { return Ok(Some(None)) };
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        if let std::task::Poll::Ready(frame) = reader.poll_read(&mut context) {
            return Ok(Some(frame));
        }
        wait::block(py, timeout.and_then(wait::deadline), |cx| reader.poll_read(cx))
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
            dict.set_item(pyo3::intern!(py, "kind"), pyo3::intern!(py, "data"))?;
            dict.set_item(pyo3::intern!(py, "data"), convert::buffer_to_python(py, buffer))?;
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
    #[getter]
    fn stream_id(&self) -> u64 {
        self.id
    }

    fn recv<'py>(&self, py: Python<'py>, timeout_ms: u64) -> PyResult<Bound<'py, PyDict>> {
        let only = |kind: &str| {
            let dict = PyDict::new(py);
            dict.set_item("kind", kind).map(|()| dict)
        };
        match self.next(py, Some(timeout_ms as f64 / 1000.0))? {
            Some(Some(frame)) => frame_to_dict(py, &frame),
            Some(None) => only("closed"),
            None => only("timeout"),
        }
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// The next frame; the iteration stops after the end of the stream.
    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        match self.next(py, None)? {
            Some(Some(frame)) => frame_to_dict(py, &frame),
            _ => Err(PyStopIteration::new_err(())),
        }
    }

    /// The data of all frames that are left, joined.
    #[pyo3(signature = (timeout=None))]
    fn read_all<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Bound<'py, PyBytes>> {
        let mut all = Vec::new();
        loop {
            match self.next(py, timeout)? {
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

    /// Stops reading; the writer is told.
    fn close(&self) {
        self.reader.lock().take();
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (kind, value, traceback))]
    fn __exit__(&self, kind: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>, traceback: &Bound<'_, PyAny>) {
        let _ = (kind, value, traceback);
        self.close();
    }

    fn __repr__(&self) -> String {
        format!("<StreamReader {}>", self.id)
    }
}
