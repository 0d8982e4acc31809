//! `Tick`: a tick of an async actor as its asyncio task runs it.
//!
//! It is what the task drives in place of the coroutine of the actor: it measures the steps and keeps the exception, because asyncio
//! would end its loop on SystemExit and KeyboardInterrupt. Its node is told its end exactly once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use pyo3::exceptions::{PyRuntimeError, PyStopIteration};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::iterator::PySendResult;
use pyo3::types::{PyIterator, PyTuple, PyType};

use crate::attached::Attached;
use crate::bell::settle;
use crate::context::PyContext;
use crate::exit;
use crate::once::{Once, intern};
use crate::ticks::PyTicks;

/// See the module.
#[pyclass(name = "_Tick", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyTick {
    ticks: Py<PyTicks>,
    coroutine: Py<PyAny>,
    run_number: u64,
    /// How many threads of `asyncio.to_thread` work for it.
    threads: AtomicUsize,
    state: Attached<TickState>,
}

struct TickState {
    /// What is told the end; there until then.
    context: Option<Py<PyContext>>,
    /// What is called after that.
    ended: Option<Py<PyAny>>,
    /// The `contextvars.Context` of its task, until that is there.
    variables: Option<Py<PyAny>>,
    task: Option<Py<PyAny>>,
    /// What its coroutine came to, until its node is told.
    outcome: Option<Outcome>,
    /// Whether its first step is taken by who looks at the outcome himself.
    begins: bool,
    is_cancelled: bool,
    /// Who waits for the cancellation.
    doomed: Vec<Py<PyAny>>,
    /// Until when (of `time.perf_counter()`) it was told that the tick holds the loop.
    told_until: f64,
}

enum Outcome {
    Returned(Py<PyAny>),
    Raised(PyErr),
    Cancelled(&'static str),
}

#[pymethods]
impl PyTick {
    #[getter]
    fn run_number(&self) -> u64 {
        self.run_number
    }

    #[getter]
    fn get_threads(&self) -> usize {
        self.threads.load(Ordering::SeqCst)
    }

    #[setter]
    fn set_threads(&self, threads: usize) {
        self.threads.store(threads, Ordering::SeqCst);
    }

    #[getter]
    fn get_told_until(&self, py: Python<'_>) -> f64 {
        self.state.lock(py).told_until
    }

    #[setter]
    fn set_told_until(&self, py: Python<'_>, until: f64) {
        self.state.lock(py).told_until = until;
    }

    fn __await__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.coroutine.bind(py).call_method0(intern!(py, "__await__"))
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// Go on; for a task this is the way.
    fn __next__<'py>(slf: &Bound<'py, Self>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let none = slf.py().None();
        Self::send(slf, none.bind(slf.py()))
    }

    /// Go on.
    fn send<'py>(slf: &Bound<'py, Self>, value: &Bound<'py, PyAny>) -> PyResult<Option<Bound<'py, PyAny>>> {
        Self::step(slf, |coroutine| send_to(coroutine, value))
    }

    /// Go on with an exception.
    #[pyo3(signature = (*error))]
    fn throw<'py>(slf: &Bound<'py, Self>, error: &Bound<'py, PyTuple>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let py = slf.py();
        Self::step(slf, |coroutine| match coroutine.getattr(intern!(py, "throw"))?.call(error, None) {
            Err(stop) if stop.is_instance_of::<PyStopIteration>(py) => {
                Ok(PySendResult::Return(stop.value(py).getattr(intern!(py, "value"))?))
            }
            next => next.map(PySendResult::Next),
        })
    }

    /// End the coroutine.
    fn close(&self, py: Python<'_>) -> PyResult<()> {
        self.coroutine.bind(py).call_method0(intern!(py, "close")).map(drop)
    }

    /// Show the frame of the coroutine, and its name, to whoever looks at the task.
    fn __getattr__<'py>(&self, name: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        self.coroutine.bind(name.py()).getattr(name.cast::<pyo3::types::PyString>()?)
    }

    /// Cancel it, from any thread; whether it has yet to end.
    fn cancel(slf: &Bound<'_, Self>) -> PyResult<bool> {
        let py = slf.py();
        let cancel = slf.getattr(intern!(py, "_cancel"))?;
        match slf.get().ticks.get().event_loop(py).call_method1(intern!(py, "call_soon_threadsafe"), (cancel,)) {
            Ok(_) => Ok(true),
            // The loop was closed, and the tick dropped.
            Err(error) if error.is_instance_of::<PyRuntimeError>(py) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Cancel it, on the loop.
    fn _cancel(&self, py: Python<'_>) -> PyResult<()> {
        let (task, doomed) = {
            let mut state = self.state.lock(py);
            state.is_cancelled = true;
            (state.task.as_ref().map(|task| task.clone_ref(py)), std::mem::take(&mut state.doomed))
        };
        if let Some(task) = task {
            task.bind(py).call_method0(intern!(py, "cancel"))?;
        }
        for future in doomed {
            settle(future.bind(py), py.None().bind(py))?;
        }
        Ok(())
    }

    /// A future that is there when it was cancelled, on the loop.
    fn cancellation<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let future = self.ticks.get().event_loop(py).call_method0(intern!(py, "create_future"))?;
        let is_cancelled = {
            let mut state = self.state.lock(py);
            if !state.is_cancelled {
                state.doomed.push(future.clone().unbind());
            }
            state.is_cancelled
        };
        if is_cancelled {
            settle(&future, py.None().bind(py))?;
        }
        Ok(future)
    }

    /// Look again whether its node can be told the end.
    fn _look_again(slf: &Bound<'_, Self>) {
        PyTicks::conclude_soon(slf.get().ticks.bind(slf.py()), slf);
    }

    /// Warn about the node of the tick.
    fn log(&self, py: Python<'_>, text: &str) -> PyResult<()> {
        let context = self.state.lock(py).context.as_ref().map(|context| context.clone_ref(py));
        if let Some(context) = context {
            context.bind(py).call_method1(intern!(py, "log"), (text, "warning"))?;
        }
        Ok(())
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.ticks)?;
        visit.call(&self.coroutine)?;
        let Some(state) = self.state.seen_by(&visit) else { return Ok(()) };
        visit.call(&state.context)?;
        visit.call(&state.ended)?;
        visit.call(&state.variables)?;
        visit.call(&state.task)?;
        if let Some(Outcome::Returned(value)) = &state.outcome {
            visit.call(value)?;
        }
        state.doomed.iter().try_for_each(|future| visit.call(future))
    }

    fn __clear__(&self) {
        let held = exit::attach(|py| {
            let mut state = self.state.lock(py);
            (state.context.take(), state.ended.take(), state.variables.take(), state.task.take(), state.outcome.take())
        });
        drop(held);
    }
}

/// Sends a coroutine a value.
#[allow(unsafe_code, reason = "pyo3 does this for iterators only")]
fn send_to<'py>(coroutine: &Bound<'py, PyAny>, value: &Bound<'py, PyAny>) -> PyResult<PySendResult<'py>> {
    // SAFETY: sending takes any two objects, and nothing else is asked of this iterator.
    unsafe { coroutine.cast_unchecked::<PyIterator>() }.send(value)
}

impl PyTick {
    pub(crate) fn new<'py>(
        ticks: &Bound<'py, PyTicks>,
        coroutine: Bound<'py, PyAny>,
        context: &Bound<'py, PyContext>,
        ended: Option<Py<PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let state = TickState {
            context: Some(context.clone().unbind()),
            ended,
            variables: None,
            task: None,
            outcome: None,
            begins: false,
            is_cancelled: false,
            doomed: Vec::new(),
            told_until: 0.0,
        };
        let tick = Self {
            ticks: ticks.clone().unbind(),
            coroutine: coroutine.unbind(),
            run_number: context.get().run_number(),
            threads: AtomicUsize::new(0),
            state: Attached::new(state),
        };
        let tick = Bound::new(ticks.py(), tick)?;
        let variables = variables_of(&tick)?;
        tick.get().state.lock(ticks.py()).variables = Some(variables.unbind());
        Ok(tick)
    }

    /// The node that it works for, until that is told the end.
    pub(crate) fn node_id(&self, py: Python<'_>) -> Option<Arc<str>> {
        self.state.lock(py).context.as_ref().map(|context| Arc::clone(context.get().node().id()))
    }

    /// Takes a step of the coroutine. What it raises is kept, but for the cancellation of its task.
    fn step<'py>(
        slf: &Bound<'py, Self>,
        go_on: impl FnOnce(&Bound<'py, PyAny>) -> PyResult<PySendResult<'py>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, this) = (slf.py(), slf.get());
        let begun = Instant::now();
        let next = this.ticks.get().working(|| go_on(this.coroutine.bind(py)));
        let taken = begun.elapsed();
        if taken > this.ticks.get().limit()
            && let Err(error) = tell_held(slf, taken)
        {
            error.write_unraisable(py, Some(slf));
        }
        match next {
            Ok(PySendResult::Next(value)) => Ok(Some(value)),
            Ok(PySendResult::Return(value)) => {
                Self::end(slf, Outcome::Returned(value.clone().unbind()));
                // The result of the task, for whoever looks at that.
                if value.is_none() { Ok(None) } else { Err(PyStopIteration::new_err((value.unbind(),))) }
            }
            Err(error) if is_cancellation(py, &error) => {
                Self::end(slf, Outcome::Cancelled("the tick was cancelled"));
                Err(error)
            }
            Err(error) => {
                Self::end(slf, Outcome::Raised(error));
                Ok(None)
            }
        }
    }

    /// Notes what the coroutine came to. Its node is told soon.
    fn end(slf: &Bound<'_, Self>, outcome: Outcome) {
        let py = slf.py();
        let (begins, _old) = {
            let mut state = slf.get().state.lock(py);
            (state.begins, state.outcome.replace(outcome))
        };
        if !begins {
            PyTicks::conclude_soon(slf.get().ticks.bind(py), slf);
        }
    }

    /// Starts its task, on the loop and outside of its tasks, and in real time takes its first step; whether it has ended.
    pub(crate) fn begin(slf: &Bound<'_, Self>) -> bool {
        let (py, this) = (slf.py(), slf.get());
        let ticks = this.ticks.get();
        let variables = {
            let mut state = this.state.lock(py);
            state.begins = true;
            if state.is_cancelled { None } else { state.variables.take() }
        };
        let task = variables.map(|variables| ticks.make_task(slf, variables.bind(py)));
        let is_over = {
            let mut state = this.state.lock(py);
            state.begins = false;
            match task {
                None => state.outcome = Some(Outcome::Cancelled("the tick was cancelled before it began")),
                Some(Ok(task)) => state.task = Some(task.unbind()),
                Some(Err(error)) => state.outcome = Some(Outcome::Raised(error)),
            }
            state.outcome.is_some()
        };
        if is_over {
            ticks.conclude(py, vec![slf.clone().unbind()]);
        }
        is_over
    }

    /// Whether its time is over while threads still work for it: another attempt must not meet them on the same instance. A run that
    /// is stopped does not wait for them.
    pub(crate) fn is_at_work(&self, py: Python<'_>) -> bool {
        let state = self.state.lock(py);
        let goes_on = state.context.as_ref().is_some_and(|context| !context.get().node().is_cancelled());
        goes_on && state.is_cancelled && self.get_threads() > 0
    }

    /// Tells its node what the coroutine came to.
    pub(crate) fn conclude(slf: &Bound<'_, Self>) {
        let (py, this) = (slf.py(), slf.get());
        // The task holds what the tick gave, and its variables hold the tick: without this a circle would keep every packet.
        let (context, ended, variables, task, outcome) = {
            let mut state = this.state.lock(py);
            let TickState { context, ended, variables, task, outcome, .. } = &mut *state;
            (context.take(), ended.take(), variables.take(), task.take(), outcome.take())
        };
        drop(variables);
        this.ticks.get().forget(slf);
        let Some(context) = context else { return };
        if task.is_none() {
            let _ = this.close(py);
        }
        // It may have cancelled itself in its last step.
        let is_cancelled = |task: &Py<PyAny>| {
            task.bind(py).call_method0(intern!(py, "cancelled")).and_then(|is| is.is_truthy()).unwrap_or(false)
        };
        let cancelled = |text: &str| (None, cancellation(py, text));
        let (result, error) = match outcome {
            _ if task.as_ref().is_some_and(is_cancelled) => cancelled("the tick was cancelled"),
            Some(Outcome::Returned(value)) => (Some(value), None),
            Some(Outcome::Raised(error)) => (None, Some(error)),
            Some(Outcome::Cancelled(text)) => cancelled(text),
            None => cancelled("the loop of async actors has ended"),
        };
        context.get().conclude_async(py, result.as_ref().map(|value| value.bind(py)), error);
        if let Some(ended) = ended
            && let Err(error) = ended.bind(py).call0()
        {
            error.write_unraisable(py, Some(slf));
        }
    }
}

fn cancelled_error(py: Python<'_>) -> PyResult<&Bound<'_, PyType>> {
    static CANCELLED: Once<Py<PyType>> = Once::new();
    CANCELLED.import(py, "asyncio", "CancelledError")
}

fn is_cancellation(py: Python<'_>, error: &PyErr) -> bool {
    cancelled_error(py).is_ok_and(|cancelled| error.is_instance(py, cancelled))
}

fn cancellation(py: Python<'_>, text: &str) -> Option<PyErr> {
    Some(cancelled_error(py).map_or_else(|error| error, |class| PyErr::from_type(class.clone(), text.to_owned())))
}

fn tell_held(tick: &Bound<'_, PyTick>, taken: Duration) -> PyResult<()> {
    let module = tick.py().import("offbit_reflow._watch")?;
    module.call_method1("tell_step", (tick, taken.as_secs_f64())).map(drop)
}

/// A copy of the `contextvars` that are set on this thread, in which the tick is the current one.
fn variables_of<'py>(tick: &Bound<'py, PyTick>) -> PyResult<Bound<'py, PyAny>> {
    static COPY: Once<Py<PyAny>> = Once::new();
    static SET: Once<Py<PyAny>> = Once::new();
    let py = tick.py();
    let set = || Ok(py.import("offbit_reflow._loop")?.getattr("current_tick")?.getattr("set")?.unbind());
    let variables = COPY.import(py, "contextvars", "copy_context")?.call0()?;
    variables.call_method1(intern!(py, "run"), (SET.get_or_try_init(py, set)?, tick))?;
    Ok(variables)
}
