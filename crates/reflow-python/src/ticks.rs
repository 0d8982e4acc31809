//! `Ticks`: the ticks of async actors on one asyncio loop, which makes them tasks and lets their nodes go on.
//!
//! Nodes go on outside of tasks, so the loop is asked for that, once for all ticks that end meanwhile.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PySet};

use crate::attached::Attached;
use crate::context::PyContext;
use crate::exit;
use crate::loop_host::{self, PyLoopHost};
use crate::once::intern;
use crate::tick::PyTick;
use crate::wait;

/// How often a tick whose time is over is asked whether its threads have ended, in seconds.
const LOOK: f64 = 0.01;

/// The ticks that are on one loop.
#[pyclass(name = "_Ticks", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyTicks {
    event_loop: Py<PyAny>,
    /// What polls nodes on the loop, if something does.
    host: Option<Py<PyLoopHost>>,
    /// How a tick becomes a task.
    maker: Maker,
    /// How long one step may hold the loop.
    limit: Duration,
    live: Py<PySet>,
    /// What asks the loop to call back later, in no `contextvars.Context` of anybody.
    in_nobodys_context: Py<PyDict>,
    state: Attached<State>,
    /// Whether a coroutine takes a step inside of native code.
    steps: AtomicBool,
}

#[derive(Default)]
struct State {
    /// Ticks that are to begin, and whether the loop was told.
    waiting: VecDeque<Py<PyTick>>,
    is_told: bool,
    /// Ticks whose nodes are to be told the end, and whether the loop will come back for that.
    ended: Vec<Py<PyTick>>,
    comes_back: bool,
}

enum Maker {
    /// The loop makes tasks itself, and says when they take their first step.
    Loop,
    /// `asyncio.Task` takes the first step at once.
    Eager(Py<PyAny>),
    /// Python 3.11 knows no eager tasks. What it has just put at the end of this queue of the loop is the first step.
    Queue(Py<PyAny>, Py<PyAny>),
}

impl PyTicks {
    /// What polls nodes on the loop, if something does.
    pub(crate) fn host(&self) -> Option<&Py<PyLoopHost>> {
        self.host.as_ref()
    }

    pub(crate) fn event_loop<'py>(&self, py: Python<'py>) -> &Bound<'py, PyAny> {
        self.event_loop.bind(py)
    }

    pub(crate) fn limit(&self) -> Duration {
        self.limit
    }

    /// The tick has ended.
    pub(crate) fn forget(&self, tick: &Bound<'_, PyTick>) {
        let _ = self.live.bind(tick.py()).discard(tick);
    }

    /// Starts a tick; the answer cancels it. `here` says that this is the thread of the loop, outside of its tasks: its first
    /// step is taken, and the answer is `None` if it has ended with that.
    pub(crate) fn start<'py>(
        slf: &Bound<'py, Self>,
        coroutine: Bound<'py, PyAny>,
        context: &Bound<'py, PyContext>,
        ended: Option<Py<PyAny>>,
        here: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let (py, this) = (slf.py(), slf.get());
        let tick = PyTick::new(slf, coroutine, context, ended)?;
        this.live.bind(py).add(&tick)?;
        if here {
            // Those that were there before.
            this.begin_waiting(py);
            return if PyTick::begin(&tick) { Ok(None) } else { tick.getattr(intern!(py, "cancel")).map(Some) };
        }
        let is_told = {
            let mut state = this.state.lock(py);
            state.waiting.push_back(tick.clone().unbind());
            std::mem::replace(&mut state.is_told, true)
        };
        if !is_told {
            let begin = slf.getattr(intern!(py, "_begin"))?;
            this.event_loop.bind(py).call_method1(intern!(py, "call_soon_threadsafe"), (begin,))?;
        }
        if matches!(this.maker, Maker::Loop) {
            context.get().hand_to_loop(py);
        }
        tick.getattr(intern!(py, "cancel")).map(Some)
    }

    /// Lets the ticks begin that wait for it, on the loop and outside of its tasks.
    fn begin_waiting(&self, py: Python<'_>) {
        loop {
            let Some(tick) = self.state.lock(py).waiting.pop_front() else { break };
            PyTick::begin(tick.bind(py));
        }
    }

    /// Takes a step of a coroutine on this thread, which the end of the interpreter must not cut off inside of native code.
    pub(crate) fn working<T>(&self, step: impl FnOnce() -> T) -> T {
        let step = || {
            self.steps.store(true, Ordering::SeqCst);
            let next = step();
            self.steps.store(false, Ordering::SeqCst);
            next
        };
        // Who polls is at work already.
        if loop_host::polls_here() { step() } else { exit::working(step) }
    }

    pub(crate) fn make_task<'py>(
        &self,
        tick: &Bound<'py, PyTick>,
        variables: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = tick.py();
        let options = PyDict::new(py);
        if let Some(node) = tick.get().node_id(py) {
            options.set_item(intern!(py, "name"), &*node)?;
        }
        options.set_item(intern!(py, "context"), variables)?;
        match &self.maker {
            Maker::Loop => self.event_loop.bind(py).call_method(intern!(py, "create_task"), (tick,), Some(&options)),
            Maker::Eager(class) => {
                options.set_item(intern!(py, "loop"), &self.event_loop)?;
                options.set_item(intern!(py, "eager_start"), true)?;
                class.bind(py).call((tick,), Some(&options))
            }
            Maker::Queue(class, queue) => {
                options.set_item(intern!(py, "loop"), &self.event_loop)?;
                let task = class.bind(py).call((tick,), Some(&options))?;
                let queue = queue.bind(py);
                let handle = queue.call_method0(intern!(py, "pop"))?;
                let step = handle.getattr(intern!(py, "_callback"))?;
                if step.getattr(intern!(py, "__self__")).is_ok_and(|of| of.is(&task)) {
                    variables.call_method1(intern!(py, "run"), (step,))?;
                } else {
                    // A loop in debug mode, say, that somebody has changed.
                    queue.call_method1(intern!(py, "append"), (handle,))?;
                }
                Ok(task)
            }
        }
    }

    /// Has the loop tell the node of a tick, which has just ended inside of its task.
    pub(crate) fn conclude_soon(slf: &Bound<'_, Self>, tick: &Bound<'_, PyTick>) {
        let (py, this) = (slf.py(), slf.get());
        let comes_back = {
            let mut state = this.state.lock(py);
            state.ended.push(tick.clone().unbind());
            std::mem::replace(&mut state.comes_back, true)
        };
        if comes_back {
            return;
        }
        let call = || {
            let conclude = slf.getattr(intern!(py, "_conclude"))?;
            let call_soon = this.event_loop.bind(py).getattr(intern!(py, "call_soon"))?;
            call_soon.call((conclude,), Some(this.in_nobodys_context.bind(py)))
        };
        if let Err(error) = call() {
            error.write_unraisable(py, Some(slf));
        }
    }

    fn look_again_later(&self, tick: &Bound<'_, PyTick>) -> PyResult<()> {
        let py = tick.py();
        let look_again = tick.getattr(intern!(py, "_look_again"))?;
        let call_later = self.event_loop.bind(py).getattr(intern!(py, "call_later"))?;
        call_later.call((LOOK, look_again), Some(self.in_nobodys_context.bind(py))).map(drop)
    }

    /// Tells the nodes of ticks that these have ended, outside of tasks, and lets them go on.
    pub(crate) fn conclude(&self, py: Python<'_>, ended: Vec<Py<PyTick>>) {
        let conclude = || ended.iter().for_each(|tick| PyTick::conclude(tick.bind(py)));
        match &self.host {
            Some(host) => host.get().poll_after(py, conclude),
            None => conclude(),
        }
    }
}

#[pymethods]
impl PyTicks {
    /// Make what has the ticks of an asyncio loop.
    #[new]
    fn new(
        py: Python<'_>,
        event_loop: Bound<'_, PyAny>,
        host: Option<Py<PyLoopHost>>,
        limit: f64,
        keeps_time: bool,
    ) -> PyResult<Self> {
        let task = || PyResult::Ok(py.import("asyncio")?.getattr("Task")?.unbind());
        let maker = if keeps_time {
            Maker::Loop
        } else if py.version_info() >= (3, 12) {
            Maker::Eager(task()?)
        } else {
            Maker::Queue(task()?, event_loop.getattr("_ready")?.unbind())
        };
        let in_nobodys_context = PyDict::new(py);
        in_nobodys_context.set_item("context", py.import("contextvars")?.getattr("Context")?.call0()?)?;
        Ok(Self {
            event_loop: event_loop.unbind(),
            host,
            maker,
            limit: wait::duration(limit),
            live: PySet::empty(py)?.unbind(),
            in_nobodys_context: in_nobodys_context.unbind(),
            state: Attached::new(State::default()),
            steps: AtomicBool::new(false),
        })
    }

    /// Start a tick.
    #[pyo3(name = "start", signature = (coroutine, context, ended=None, here=false))]
    fn start_one<'py>(
        slf: &Bound<'py, Self>,
        coroutine: Bound<'py, PyAny>,
        context: &Bound<'py, PyContext>,
        ended: Option<Py<PyAny>>,
        here: bool,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        Self::start(slf, coroutine, context, ended, here)
    }

    /// End all without the loop, which has ended.
    fn drop(&self, py: Python<'_>) -> PyResult<()> {
        // A copy: other threads may end theirs meanwhile.
        let live = self.live.bind(py).call_method0(intern!(py, "copy"))?.cast_into::<PySet>()?;
        self.conclude(py, live.iter().filter_map(|tick| tick.extract().ok()).collect());
        Ok(())
    }

    /// Whether a coroutine takes a step right now, inside of native code.
    fn is_stepping(&self) -> bool {
        self.steps.load(Ordering::SeqCst) || self.host.as_ref().is_some_and(|host| host.get().host.is_polling())
    }

    fn _begin(&self, py: Python<'_>) {
        self.state.lock(py).is_told = false;
        self.begin_waiting(py);
    }

    fn _conclude(&self, py: Python<'_>) {
        let ended = {
            let mut state = self.state.lock(py);
            state.comes_back = false;
            std::mem::take(&mut state.ended)
        };
        let (at_work, mut ended): (Vec<_>, Vec<_>) = ended.into_iter().partition(|tick| tick.get().is_at_work(py));
        for tick in at_work {
            if let Err(error) = self.look_again_later(tick.bind(py)) {
                error.write_unraisable(py, Some(tick.bind(py)));
                ended.push(tick);
            }
        }
        self.conclude(py, ended);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.event_loop)?;
        visit.call(&self.host)?;
        visit.call(&self.live)?;
        visit.call(&self.in_nobodys_context)?;
        let Some(state) = self.state.seen_by(&visit) else { return Ok(()) };
        state.waiting.iter().chain(&state.ended).try_for_each(|tick| visit.call(tick))
    }
}
