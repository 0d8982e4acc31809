//! `Bell`: wakes asyncio tasks that wait for something native, with a single call of their loop for all that are ready by then.

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyWeakrefMethods, PyWeakrefReference};
use smallvec::SmallVec;

use crate::attached::Attached;
use crate::once::{Once, intern};

/// See the module.
#[pyclass(name = "_Bell", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyBell {
    /// The loop, weakly: it may be gone before whoever wakes.
    event_loop: Py<PyWeakrefReference>,
    state: Attached<State>,
}

#[derive(Default)]
struct State {
    /// Futures to resolve.
    ready: Vec<Py<PyAny>>,
    /// Whether the loop was told of them.
    is_rung: bool,
}

/// Wakes one future, when it is called, from any thread.
#[pyclass(name = "_Wake", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyWake {
    bell: Py<PyBell>,
    future: Py<PyAny>,
}

#[pymethods]
impl PyBell {
    /// Make the bell of a loop.
    #[new]
    fn new(event_loop: &Bound<'_, PyAny>) -> PyResult<Self> {
        let event_loop = PyWeakrefReference::new(event_loop)?.unbind();
        Ok(Self { event_loop, state: Attached::new(State::default()) })
    }

    /// What wakes a future of the loop.
    fn waker(slf: Bound<'_, Self>, future: Py<PyAny>) -> PyWake {
        PyWake { bell: slf.unbind(), future }
    }

    fn _tell(&self, py: Python<'_>) -> PyResult<()> {
        let ready = {
            let mut state = self.state.lock(py);
            state.is_rung = false;
            std::mem::take(&mut state.ready)
        };
        ready.iter().try_for_each(|future| settle(future.bind(py), intern!(py, "rung").as_any()))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Some(state) = self.state.seen_by(&visit) else { return Ok(()) };
        state.ready.iter().try_for_each(|future| visit.call(future))
    }
}

#[pymethods]
impl PyWake {
    fn __call__(&self, py: Python<'_>) -> PyResult<()> {
        self.note(py).map_or(Ok(()), PyBell::ring)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.bell)?;
        visit.call(&self.future)
    }
}

impl PyWake {
    /// Says that the future is ready; the answer is the bell, if it is to be rung for that.
    fn note<'py>(&self, py: Python<'py>) -> Option<&Bound<'py, PyBell>> {
        let bell = self.bell.bind(py);
        let mut state = bell.get().state.lock(py);
        state.ready.push(self.future.clone_ref(py));
        let is_rung = std::mem::replace(&mut state.is_rung, true);
        drop(state);
        // If it is rung, this future is told with the others.
        if is_rung { None } else { Some(bell) }
    }
}

/// Calls these, one after the other, and then rings each bell once. A loop that is told takes the interpreter at once: told of one
/// future after the other, it would come back for each.
pub(crate) fn call_all<'a>(py: Python<'_>, callbacks: impl IntoIterator<Item = &'a Py<PyAny>>) {
    let mut bells = SmallVec::<[_; 2]>::new();
    for callback in callbacks {
        // A loop that was closed meanwhile waits for nothing any more.
        match callback.bind(py).cast::<PyWake>() {
            Ok(wake) => bells.extend(wake.get().note(py)),
            Err(_) => drop(callback.bind(py).call0()),
        }
    }
    for bell in bells {
        let _ = PyBell::ring(bell);
    }
}

impl PyBell {
    /// Has the loop resolve the futures that are ready.
    fn ring(slf: &Bound<'_, Self>) -> PyResult<()> {
        static HERE: Once<Py<PyAny>> = Once::new();
        let (py, this) = (slf.py(), slf.get());
        let tell = slf.getattr(intern!(py, "_tell"))?;
        match this.event_loop.bind(py).upgrade() {
            Some(event_loop) if !event_loop.call_method0(intern!(py, "is_closed"))?.is_truthy()? => {
                let here = HERE.import(py, "asyncio", "_get_running_loop")?.call0()?;
                let call =
                    if here.is(&event_loop) { intern!(py, "call_soon") } else { intern!(py, "call_soon_threadsafe") };
                event_loop.call_method1(call, (tell,)).map(drop)
            }
            // Nobody waits any more.
            _ => {
                let ready = std::mem::take(&mut this.state.lock(py).ready);
                drop(ready);
                Ok(())
            }
        }
    }
}

/// Gives a future its result, unless it has one or was cancelled.
pub(crate) fn settle(future: &Bound<'_, PyAny>, result: &Bound<'_, PyAny>) -> PyResult<()> {
    let py = future.py();
    if !future.call_method0(intern!(py, "done"))?.is_truthy()? {
        future.call_method1(intern!(py, "set_result"), (result,))?;
    }
    Ok(())
}
