//! `EventStream` and `Listener`: what a network tells, and what leaves an outport, as iterators.

use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use pyo3::exceptions::PyStopIteration;
use pyo3::prelude::*;
use reflow_runtime::{Event, EventReader, EventRecord, Listener, Message, Received};

use crate::errors::EventsClosed;
use crate::json::{self, NotFinite};
use crate::message::PyMessage;
use crate::plain;
use crate::wait::{self, LoopWaker};

/// The events of a network, for one subscriber. Iterating ends with the run.
#[pyclass(name = "EventStream", module = "offbit_reflow", frozen)]
pub(crate) struct PyEventStream {
    reader: EventReader,
    waker: Arc<LoopWaker>,
}

impl PyEventStream {
    pub(crate) fn new(reader: EventReader) -> Self {
        Self { reader, waker: Arc::default() }
    }
}

fn event_to_python<'py>(py: Python<'py>, record: &EventRecord) -> PyResult<Bound<'py, PyAny>> {
    json::write(py, &record.to_value(), NotFinite::None)
}

/// What a log or a failure says, see [`PyEventStream::_poll_told`].
fn told<'py>(py: Python<'py>, event: &Event) -> PyResult<Option<Bound<'py, PyAny>>> {
    let told = match event {
        Event::ActorLog { actor, level, data } => {
            let data = json::value_to_python(py, data)?;
            (&**actor, &**level, data, py.None(), py.None(), py.None()).into_pyobject(py)?
        }
        Event::ActorFailed(failed) => {
            let failure = &failed.failure;
            let (text, reason, traceback) = (&*failure.message, &*failure.reason, failure.traceback.as_deref());
            (&*failed.actor, py.None(), text, reason, traceback, failed.will_retry).into_pyobject(py)?
        }
        _ => return Ok(None),
    };
    Ok(Some(told.into_any()))
}

#[pymethods]
impl PyEventStream {
    #[pyo3(signature = (timeout_ms=0))]
    fn recv<'py>(&self, py: Python<'py>, timeout_ms: u64) -> PyResult<Option<Bound<'py, PyAny>>> {
        let instead = "await events.recv_async(...)";
        let received = if timeout_ms == 0 {
            wait::block(py, None, instead, |cx| self.reader.poll_next(cx, false))?
        } else {
            // Whoever sets a limit waits through a shutdown: the network may be started again.
            let deadline = wait::deadline(timeout_ms as f64 / 1000.0);
            wait::block(py, deadline, instead, |cx| self.reader.poll_later(cx))?
        };
        match received {
            Some(Received::Event(record)) => event_to_python(py, &record).map(Some),
            Some(Received::Ended | Received::Closed) => {
                Err(EventsClosed::new_err("event channel closed: the network was shut down or is gone"))
            }
            None => Ok(None),
        }
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match wait::block(py, None, "async for event in events", |cx| self.reader.poll_next(cx, true))? {
            Some(Received::Event(record)) => event_to_python(py, &record),
            _ => Err(PyStopIteration::new_err(())),
        }
    }

    /// For asyncio: the next event in a list, an empty list at the end; `None` says that there is nothing yet, and that `wake`
    /// will be called once when it is worth asking again. With `until_end`, the end of the run is an end; with `later`, not
    /// even a shutdown is.
    #[pyo3(signature = (wake=None, until_end=true, later=false))]
    fn _poll<'py>(
        &self,
        py: Python<'py>,
        wake: Option<Py<PyAny>>,
        until_end: bool,
        later: bool,
    ) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
        let waker = self.waker.waker(wake);
        let cx = &mut Context::from_waker(&waker);
        match if later { self.reader.poll_later(cx) } else { self.reader.poll_next(cx, until_end) } {
            Poll::Ready(Received::Event(record)) => Ok(Some(vec![event_to_python(py, &record)?])),
            Poll::Ready(_) => Ok(Some(Vec::new())),
            Poll::Pending => Ok(None),
        }
    }

    /// For asyncio: whoever gave `wake` waits no more.
    fn _forget(&self, wake: Py<PyAny>) {
        self.waker.forget(&wake);
    }

    /// [`_poll`](Self::_poll) for streams of logs and failures: what is told, without the packets. A log is node, level, data
    /// and three times `None`; a failure is node, `None`, text, reason, traceback, and whether it will be tried again.
    fn _poll_told<'py>(&self, py: Python<'py>, wake: Py<PyAny>) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
        let read = |waker: &Waker| {
            loop {
                return match self.reader.poll_next(&mut Context::from_waker(waker), true) {
                    Poll::Ready(Received::Event(record)) => match told(py, &record.event)? {
                        Some(told) => Ok(Some(vec![told])),
                        None => continue,
                    },
                    Poll::Ready(_) => Ok(Some(Vec::new())),
                    Poll::Pending => Ok(None),
                };
            }
        };
        let mut answer: PyResult<_> = read(Waker::noop());
        if let Ok(None) = answer {
            self.waker.forget(&wake);
            answer = read(&self.waker.waker(Some(wake.clone_ref(py))));
            if !matches!(answer, Ok(None)) {
                // Nobody waits: what wakes would only be kept, and the threads that it takes.
                self.waker.forget(&wake);
            }
        }
        answer
    }

    /// How many events were dropped because nobody read them in time.
    #[getter]
    fn dropped(&self) -> u64 {
        self.reader.dropped()
    }

    fn __repr__(&self) -> String {
        format!("<EventStream dropped={}>", self.reader.dropped())
    }
}

/// The packets that leave an outport. Iterating ends when the node has ended.
#[pyclass(name = "Listener", module = "offbit_reflow", frozen)]
pub(crate) struct PyListener {
    listener: parking_lot::Mutex<Option<Arc<Listener>>>,
    waker: Arc<LoopWaker>,
}

impl PyListener {
    pub(crate) fn new(listener: Listener) -> Self {
        Self { listener: parking_lot::Mutex::new(Some(listener.into())), waker: Arc::default() }
    }

    fn listener(&self) -> Option<Arc<Listener>> {
        self.listener.lock().clone()
    }
}

#[pymethods]
impl PyListener {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Some(listener) = self.listener() else { return Err(PyStopIteration::new_err(())) };
        let received: Option<Option<Message>> =
            wait::block(py, None, "async for value in listener", |cx| listener.poll_next(cx))?;
        match received.flatten() {
            Some(mut message) => plain::give(py, &mut message),
            None => Err(PyStopIteration::new_err(())),
        }
    }

    /// The next packet as a `Message`; `None` when there was none in time, or the node has ended.
    #[pyo3(signature = (timeout=None))]
    fn recv(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<PyMessage>> {
        let Some(listener) = self.listener() else { return Ok(None) };
        let instead = "await listener.recv_async(...)";
        let received = wait::block(py, timeout.and_then(wait::deadline), instead, |cx| listener.poll_next(cx))?;
        Ok(received.flatten().map(Into::into))
    }

    /// See `EventStream._poll`; the packet is a `Message` if that is asked for.
    #[pyo3(signature = (wake=None, as_message=false))]
    fn _poll<'py>(
        &self,
        py: Python<'py>,
        wake: Option<Py<PyAny>>,
        as_message: bool,
    ) -> PyResult<Option<Vec<Bound<'py, PyAny>>>> {
        let Some(listener) = self.listener() else { return Ok(Some(Vec::new())) };
        let waker = self.waker.waker(wake);
        match listener.poll_next(&mut Context::from_waker(&waker)) {
            Poll::Ready(Some(message)) if as_message => Ok(Some(vec![PyMessage::object(py, message)?.into_any()])),
            Poll::Ready(Some(mut message)) => Ok(Some(vec![plain::give(py, &mut message)?])),
            Poll::Ready(None) => Ok(Some(Vec::new())),
            Poll::Pending => Ok(None),
        }
    }

    /// See `EventStream._forget`.
    fn _forget(&self, wake: Py<PyAny>) {
        self.waker.forget(&wake);
    }

    /// Stops listening; the node does not wait for this listener any more.
    fn close(&self) {
        self.listener.lock().take();
        // Who waits for a packet meanwhile sees the end.
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
}
