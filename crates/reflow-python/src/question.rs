//! `Question`: what is asked of a running network, and its answer, as Python sees it.

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use reflow_runtime::{Message, Question, QuestionEnd, Running};

use crate::clock;
use crate::convert;
use crate::errors;
use crate::exit;
use crate::plain;
use crate::protect::Held;
use crate::run;
use crate::sending::PySending;
use crate::wait::LoopWaker;

/// Packets from outside that are followed to their end, with all that comes of them.
#[pyclass(name = "Question", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyQuestion {
    running: Running,
    question: Arc<Question>,
    waker: Arc<LoopWaker>,
}

impl PyQuestion {
    pub(crate) fn new(running: &Running, inports: usize, capacity: Option<usize>) -> Self {
        let question = Arc::new(running.question(inports, capacity));
        Self { running: running.clone(), question, waker: Arc::default() }
    }
}

impl PyQuestion {
    /// Asks with these messages, if they are plain ones: an iterator, say, is none. What finds no room is on its way, for an
    /// asyncio task to poll.
    pub(crate) fn ask(running: &Running, inputs: &Bound<'_, PyDict>) -> PyResult<Option<(Self, Vec<PySending>)>> {
        if inputs.is_empty() || !inputs.iter().all(|(_, value)| is_single(&value)) {
            return Ok(None);
        }
        let question = Self::new(running, inputs.len(), None);
        let mut on_way = Vec::new();
        for (name, value) in inputs {
            on_way.extend(question.sending(name.cast::<PyString>()?.to_str()?, &value)?);
        }
        if on_way.is_empty() {
            question.sent();
        }
        Ok(Some((question, on_way)))
    }
}

/// Whether it is one message by its type alone, and nothing else.
fn is_single(value: &Bound<'_, PyAny>) -> bool {
    value.is_none()
        || value.is_exact_instance_of::<PyInt>()
        || value.is_exact_instance_of::<PyString>()
        || value.is_exact_instance_of::<PyDict>()
        || value.is_exact_instance_of::<PyList>()
        || value.is_exact_instance_of::<PyFloat>()
        || value.is_exact_instance_of::<PyTuple>()
        || value.is_exact_instance_of::<PyBytes>()
        || value.is_exact_instance_of::<PyBool>()
}

fn part(py: Python<'_>, (port, mut message): (String, Message)) -> PyResult<(String, Bound<'_, PyAny>)> {
    Ok((port, plain::give(py, &mut message)?))
}

#[pymethods]
impl PyQuestion {
    /// Sends a packet of it, if there is room. If not, it is on its way, for an asyncio task to poll.
    fn sending(&self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<Option<PySending>> {
        let message = convert::to_message(value, Held::ByOthers)?;
        let mut send = self.running.asking(&self.question, name, message).map_err(|error| errors::network(&error))?;
        match send.poll_send(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(sent) => sent.map(|()| None).map_err(|error| errors::send(&error)),
            Poll::Pending => Ok(Some(PySending::from_outside(send))),
        }
    }

    /// Sends a packet of it, waiting for room until the time (of `time.monotonic()`, from now) has passed; whether it did.
    #[pyo3(signature = (name, value, timeout=None))]
    fn send(&self, py: Python<'_>, name: &str, value: &Bound<'_, PyAny>, timeout: Option<f64>) -> PyResult<bool> {
        let message = convert::to_message(value, Held::ByOthers)?;
        let mut send = self.running.asking(&self.question, name, message).map_err(|error| errors::network(&error))?;
        let time = clock::held_for(&self.running);
        match clock::block(py, time, timeout, "await net.ask_async(...)", |cx| send.poll_send(cx))? {
            Some(sent) => sent.map(|()| true).map_err(|error| errors::send(&error)),
            None => Ok(false),
        }
    }

    /// Everything is sent: it ends when nothing of it is left. Attached: whoever asks thousands of questions would have to
    /// wait for the interpreter after each.
    fn sent(&self) {
        self.question.sent();
    }

    /// Wants no answer any more.
    fn cancel(&self, py: Python<'_>) {
        if self.question.is_over() {
            return self.question.sent();
        }
        exit::detached(py, || self.question.cancel());
        Arc::clone(&self.waker).wake_all();
    }

    /// Waits for its end; the word for that, or `None` if it did not come in time.
    #[pyo3(signature = (timeout=None))]
    fn wait(&self, py: Python<'_>, timeout: Option<f64>) -> PyResult<Option<&'static str>> {
        let time = clock::held_for(&self.running);
        let ended = clock::block(py, time, timeout, "await net.ask_async(...)", |cx| self.question.poll_end(cx))?;
        Ok(ended.map(word))
    }

    /// See `EventStream._poll`: the end of it, or with `parts` the next part of the answer and an empty list at the end.
    #[pyo3(signature = (wake=None, parts=false))]
    fn _poll<'py>(
        &self,
        py: Python<'py>,
        wake: Option<Py<PyAny>>,
        parts: bool,
    ) -> PyResult<Option<Bound<'py, PyList>>> {
        let waker = self.waker.waker(wake);
        let cx = &mut Context::from_waker(&waker);
        if parts {
            return match self.question.poll_part(cx) {
                Poll::Ready(Some(next)) => Ok(Some(PyList::new(py, [part(py, next)?])?)),
                Poll::Ready(None) => Ok(Some(PyList::empty(py))),
                Poll::Pending => Ok(None),
            };
        }
        match self.question.poll_end(cx) {
            Poll::Ready(end) => Ok(Some(PyList::new(py, [word(end)])?)),
            Poll::Pending => Ok(None),
        }
    }

    /// See `EventStream._forget`.
    fn _forget(&self, wake: Py<PyAny>) {
        self.waker.forget(&wake);
    }

    /// Takes the outputs by outport, if it was answered and nothing failed.
    fn outputs<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyDict>>> {
        if !self.question.is_answered() {
            return Ok(None);
        }
        outputs(py, self.question.take().outputs).map(Some)
    }

    /// Takes what came of it: the outputs by outport, the failures, and how many more of those there were.
    fn take<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyDict>, Bound<'py, PyList>, u64)> {
        let answer = self.question.take();
        let failures = PyList::empty(py);
        for failed in &answer.failures {
            failures.append(run::failure(py, failed)?)?;
        }
        Ok((outputs(py, answer.outputs)?, failures, answer.failures_dropped))
    }
}

fn outputs(py: Python<'_>, ports: impl IntoIterator<Item = (String, Vec<Message>)>) -> PyResult<Bound<'_, PyDict>> {
    let outputs = PyDict::new(py);
    for (name, messages) in ports {
        let values = PyList::empty(py);
        for mut message in messages {
            values.append(plain::give(py, &mut message)?)?;
        }
        outputs.set_item(name, values)?;
    }
    Ok(outputs)
}

fn word(end: QuestionEnd) -> &'static str {
    match end {
        QuestionEnd::Answered => "answered",
        QuestionEnd::Cancelled => "cancelled",
        QuestionEnd::Stopped => "stopped",
    }
}
