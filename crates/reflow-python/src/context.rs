//! `ActorCallContext`: one attempt, as a Python actor sees it.

mod lifecycle;
mod packets;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use pyo3::exceptions::{PyBaseException, PyKeyError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use reflow_runtime::{Completion, Failure, LateOrigin, Message, NetworkError, NodeHandle, Origin, Outcome, Packets};
use smallvec::SmallVec;

use self::packets::put;
pub(crate) use self::packets::route;
use crate::attached::Attached;
use crate::clock::{self, PyClock, PySignalWait};
use crate::convert;
use crate::errors::{self, ContextError, ConversionError};
use crate::exit;
use crate::failures::described;
use crate::names::PortNames;
use crate::plain;
use crate::protect::Held;
use crate::references;
use crate::sending::{PySending, SendQueue};
use crate::vars::{Asker, PyVars};
use crate::wait;

/// How far the attempt is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// `run` is on its thread's stack.
    Running,
    /// It is not, and the node has not decided yet what that means: a generator has yielded, a call has just returned.
    Between,
    /// `run` has returned without resolving; the node waits.
    Pending,
    /// Its end was delivered, or nobody waits for it any more.
    Over,
}

struct State {
    phase: Phase,
    inputs: Packets,
    emitted: Packets,
    /// Whether what was emitted is to be settled when `run` has returned.
    unsettled: bool,
    outcome: Option<Result<(), Failure>>,
    sequence: u64,
    number: u32,
    finish: bool,
    deferred: bool,
    /// Whether returning without an answer is fine (`setup`, `finalize`, `on_signal`, exhausted generators).
    quiet_end: bool,
    abandoned: bool,
    /// Whether that was because the run was stopped.
    stopped: bool,
    deadline: Option<Instant>,
    /// What its packets descend from: held while it is open, remembered for what is sent later.
    origin: Option<Origin>,
    late_origin: Option<LateOrigin>,
    inputs_dict: Option<Py<PyDict>>,
    /// What cancels the asyncio task that runs the attempt.
    task: Option<Py<PyAny>>,
    /// Sends that wait in asyncio tasks.
    queue: Option<Arc<SendQueue>>,
    /// Whether a thread or a task of its own is, or will be, inside `run`.
    inside: bool,
    /// Whether `run` has returned there, and what it gave is being looked at.
    returning: bool,
    /// Whether it was ended meanwhile, and the node waits for the return of `run`.
    outlived: bool,
}

/// One attempt at one tick: its inputs, and the ways to end it.
///
/// Examples
/// --------
/// >>> from offbit_reflow import Actor
/// >>> class Step(Actor):
/// ...     inports = ["x"]
/// ...     outports = ["out"]
/// ...
/// ...     def run(self, ctx):
/// ...         ctx.log("doubling")
/// ...         ctx.done({"out": 2 * ctx["x"]})
/// >>> from offbit_reflow import node
/// >>> node(Step).run(x=4).outputs
/// {'Step': [8]}
#[pyclass(name = "ActorCallContext", module = "offbit_reflow", frozen, weakref)]
pub(crate) struct PyContext {
    node: NodeHandle,
    names: Arc<PortNames>,
    state: Attached<State>,
    /// Finished attempts of the node that somebody still holds; `None` while the node itself holds this one.
    retained: Attached<Option<Arc<AtomicUsize>>>,
}

/// What an attempt begins with, beside what fired it.
#[derive(Default)]
pub(crate) struct Start {
    /// The inputs as a dict, if there is one already.
    pub(crate) inputs_dict: Option<Py<PyDict>>,
    pub(crate) deadline: Option<Instant>,
    /// Whether the call is answered by a completion in any case.
    pub(crate) detached: bool,
}

/// What an actor gets of a packet.
pub(crate) enum Given<'py> {
    Object(Bound<'py, PyAny>),
    Message(Message),
}

impl<'py> Given<'py> {
    pub(crate) fn plain(self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        match self {
            Self::Object(object) => Ok(object),
            Self::Message(message) => convert::plain_to_python(py, &message),
        }
    }
}

/// How a finished call leaves its attempt.
pub(crate) enum Conclusion {
    Done { inputs_dict: Option<Py<PyDict>> },
    Failed(Failure),
    Unresolved,
}

impl PyContext {
    pub(crate) fn new(node: NodeHandle, names: Arc<PortNames>) -> Self {
        let state = State {
            phase: Phase::Over,
            inputs: Packets::new(),
            emitted: Packets::new(),
            unsettled: false,
            outcome: None,
            sequence: 0,
            number: 1,
            finish: false,
            deferred: false,
            quiet_end: false,
            abandoned: false,
            stopped: false,
            deadline: None,
            origin: None,
            late_origin: None,
            inputs_dict: None,
            task: None,
            queue: None,
            inside: false,
            returning: false,
            outlived: false,
        };
        Self { node, names, state: Attached::new(state), retained: Attached::new(None) }
    }
}

#[pymethods]
impl PyContext {
    /// The packets that fired the tick by inport, each as a `PortValue`: its tagged form, `{"type": KIND, "data": ...}`, that also
    /// knows the message. `ctx[port]` gives the plain value.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.done({"out": sorted(ctx.inputs)})
    #[getter]
    fn inputs<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyDict>> {
        let py = slf.py();
        let this = slf.get();
        let packets = {
            let state = this.state.lock(py);
            if let Some(dict) = &state.inputs_dict {
                return Ok(dict.bind(py).clone());
            }
            state.inputs.iter().map(|(port, _)| *port).collect::<SmallVec<[u16; 4]>>()
        };
        let dict = this.inputs_as_dict(py, &packets)?;
        this.state.lock(py).inputs_dict = Some(dict.clone().unbind());
        Ok(dict)
    }

    fn __getitem__<'py>(&self, py: Python<'py>, port: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        let at = self.names.inport(&self.node, port)?;
        match at.map(|at| self.given(py, at)).transpose()?.flatten() {
            Some(given) => given.plain(py),
            None => Err(self.no_packet(port)),
        }
    }

    fn __contains__(&self, port: &Bound<'_, PyString>) -> PyResult<bool> {
        Ok(self.find(port).is_some())
    }

    /// Gives the plain value of an inport, or `default` if no packet is there.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.done({"out": ctx.get("y", 0)})
    #[pyo3(signature = (port, default=None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        port: &Bound<'py, PyString>,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let at = self.names.inport(&self.node, port)?;
        match at.map(|at| self.given(py, at)).transpose()?.flatten() {
            Some(given) => given.plain(py).map(Some),
            None => Ok(default),
        }
    }

    /// Gives the packet of an inport as a `Message`; a KeyError if there is none.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.done({"out": ctx.message("x").kind})
    fn message(&self, port: &Bound<'_, PyString>) -> PyResult<crate::message::PyMessage> {
        let message = self.find(port).ok_or_else(|| self.no_packet(port))?;
        // The actor may have been given what is in it.
        Ok(plain::settled(port.py(), &message)?.into())
    }

    /// The config of the node: what `Network.add_node` was given, as plain data.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.done({"out": ctx["x"] * ctx.config.get("factor", 1)})
    #[getter]
    fn config<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        convert::value_to_python(py, self.node.config())
    }

    /// Keeps a packet for an outport until `done`; a second one for the same port replaces it. A tick that fails sends none.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.emit("out", 2 * ctx["x"])
    /// ...         ctx.done()
    fn emit(&self, py: Python<'_>, port: &Bound<'_, PyString>, message: &Bound<'_, PyAny>) -> PyResult<()> {
        let message = self.message_of(message, Held::ByUs(references::of_argument(py)))?;
        let Some(port) = self.names.outport(&self.node, port, 1)? else { return Ok(()) };
        let message = route(&self.node, port, message)?;
        let mut state = self.state.lock(py);
        if state.outcome.is_none() && state.phase != Phase::Over {
            let replaced = put(&mut state.emitted, port, message);
            drop((state, replaced));
            return Ok(());
        }
        let is_lost = !state.abandoned;
        drop(state);
        if is_lost {
            self.node.tell_late("a packet was emitted after the tick had been ended: it is not sent", "");
        }
        Ok(())
    }

    /// Sends packets now, one for each outport named, and waits for room; what was sent stays sent if the tick fails later.
    ///
    /// `timeout` in seconds makes the wait end with a RunTimeout. In an async actor, write `await ctx.send_async(...)`.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         for number in range(ctx["x"]):
    /// ...             ctx.send({"out": number})
    /// ...         ctx.done()
    #[pyo3(signature = (messages, timeout=None))]
    fn send(&self, py: Python<'_>, messages: &Bound<'_, PyAny>, timeout: Option<f64>) -> PyResult<()> {
        let packets = self.packets(messages, references::of_argument(py))?;
        self.refuse_if_given_up(py)?;
        if wait::on_loop() {
            let waits = self.state.lock(py).queue.as_ref().is_some_and(|queue| queue.is_waiting());
            if waits || packets.iter().any(|(port, _)| !self.node.has_room(*port)) {
                return Err(wait::would_hold_the_loop("await ctx.send_async(...)"));
            }
        }
        let origin = self.origin(py, &packets);
        self.deliver(py, packets, origin.as_ref(), timeout.map(wait::duration))
    }

    /// `send` for async actors: waits for room without holding the loop.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     async def run(self, ctx):
    /// ...         for number in range(ctx["x"]):
    /// ...             await ctx.send_async({"out": number})
    /// ...         ctx.done()
    fn send_async<'py>(slf: &Bound<'py, Self>, messages: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("offbit_reflow._waiting")?.call_method1("send_async", (slf, messages))
    }

    /// Sends what there is room for. What has to wait is in the answer, for an asyncio task to poll.
    #[pyo3(signature = (messages, yielded=false))]
    fn _sending(&self, py: Python<'_>, messages: &Bound<'_, PyAny>, yielded: bool) -> PyResult<Option<PySending>> {
        let packets =
            if yielded { self.outputs(messages)? } else { self.packets(messages, references::of_argument(py))? };
        self.refuse_if_given_up(py)?;
        let caller = self.caller(py);
        let queue = Arc::clone(self.state.lock(py).queue.get_or_insert_default());
        let origin = self.origin(py, &packets);
        let sending = PySending::from_context(self.node.clone(), caller, origin, packets, yielded, queue);
        Ok(if sending.sends_at_once()? { None } else { Some(sending) })
    }

    /// Ends the tick well: its packets are released, and `outputs` leave together with what was emitted.
    ///
    /// A second end is a ContextError. Returning a dict from `run` is the same.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.done({"out": ctx["x"] + 1})
    #[pyo3(signature = (outputs=None))]
    fn done(&self, py: Python<'_>, outputs: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        let packets = match outputs {
            Some(outputs) if !outputs.is_none() => {
                Some(self.last_packets(outputs, references::of_argument(py)).or_else(|error| {
                    let deferred = self.state.lock(py).deferred;
                    if deferred && errors::is_network_error(py, &error) {
                        // Nobody else would hear of it: the exception goes to a thread of the actor's.
                        self.resolve(py, Err(Failure::new(error.value(py).to_string())), None)?;
                    }
                    Err(error)
                })?)
            }
            _ => None,
        };
        self.resolve(py, Ok(()), packets)
    }

    /// Ends the tick as failed; the policy of the node says what happens next.
    ///
    /// `message` is a text, or an exception, which fails the tick as if `run` had raised it: with its class as the reason, and its
    /// traceback. `reason` is a stable word for programs; with `permanent` it is not tried again.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         if ctx["x"] < 0:
    /// ...             ctx.fail("must not be negative", reason="negative", permanent=True)
    /// ...         else:
    /// ...             ctx.done({"out": ctx["x"]})
    #[pyo3(signature = (message, reason=None, permanent=None))]
    fn fail(
        &self,
        py: Python<'_>,
        message: &Bound<'_, PyAny>,
        reason: Option<&str>,
        permanent: Option<bool>,
    ) -> PyResult<()> {
        let mut failure = if message.is_instance_of::<PyBaseException>() {
            described(py, &PyErr::from_value(message.clone()))
        } else {
            let text =
                message.cast::<PyString>().map_err(|_| convert::wrong_type("a text or an exception", message))?;
            Failure::new(text.to_str()?)
        };
        if let Some(reason) = reason {
            failure = failure.with_reason(reason);
        }
        failure.permanent = permanent;
        self.resolve(py, Err(failure), None)
    }

    /// Leaves the tick open after `run` has returned; the answer is the handle to end it with.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         import threading
    /// ...         ctx.defer()
    /// ...         threading.Thread(target=lambda: ctx.done({"out": ctx["x"]})).start()
    fn defer(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        if slf.get().is_resolved(slf.py()) {
            return Err(ContextError::new_err("this tick is already resolved and cannot be deferred"));
        }
        slf.get().state.lock(slf.py()).deferred = true;
        Ok(slf)
    }

    /// Says that this node is finished once the tick has ended; it takes no more packets.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         if ctx["x"] == "last":
    /// ...             ctx.finish()
    /// ...         ctx.done({"out": ctx["x"]})
    fn finish(&self, py: Python<'_>) {
        self.finish_node(py);
    }

    /// Keeps a value to go on from, in the next try of this tick and, in a run with a store, after a restart. It is written together
    /// with what leaves next: a send, a yield, or the end of the tick. For a source it holds over all its ticks.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor, Network
    /// >>> class Numbers(Actor):
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         for number in range(ctx.last_checkpoint or 0, 3):
    /// ...             ctx.checkpoint(number + 1)
    /// ...             yield {"out": number}
    /// >>> net = Network()
    /// >>> net.register_actor("numbers", Numbers)
    /// >>> net.add_node("n", "numbers")
    /// >>> net.add_outport("out", "n", "out")
    /// >>> net.run().outputs
    /// {'out': [0, 1, 2]}
    fn checkpoint(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let message = convert::to_message(value, Held::ByOthers)?;
        let sequence = self.state.lock(py).sequence;
        self.node.checkpoint(sequence, message).map_err(|failure| ConversionError::new_err(failure.message.to_string()))
    }

    /// The value to go on from: what `checkpoint` kept last, or None.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor, Network
    /// >>> class Step(Actor):
    /// ...     inports, outports = ["x"], ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.checkpoint({"done": ctx["x"]})
    /// ...         ctx.done({"out": ctx.last_checkpoint})
    /// >>> net = Network()
    /// >>> net.register_actor("step", Step)
    /// >>> net.add_node("s", "step")
    /// >>> net.add_outport("out", "s", "out")
    /// >>> net.run(inputs={"s.x": 1}).outputs
    /// {'out': [{'done': 1}]}
    #[getter]
    fn last_checkpoint<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let sequence = self.state.lock(py).sequence;
        let Some(mut message) = self.node.last_checkpoint(sequence) else { return Ok(None) };
        plain::give(py, &mut message).map(Some)
    }

    /// A text for the world outside that stands for this tick: the same in all its tries, and after a restart. In a run with a store
    /// it is there as soon as what the tick took is on the disk.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor, Network
    /// >>> class Step(Actor):
    /// ...     inports, outports = ["x"], ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         key = ctx.idempotency_key
    /// ...         ctx.done({"out": key.endswith("/s/1")})
    /// >>> net = Network()
    /// >>> net.register_actor("step", Step)
    /// >>> net.add_node("s", "step")
    /// >>> net.add_outport("out", "s", "out")
    /// >>> net.run(inputs={"s.x": 1}).outputs
    /// {'out': [True]}
    #[getter]
    fn idempotency_key(&self, py: Python<'_>) -> PyResult<String> {
        let sequence = self.state.lock(py).sequence;
        let key = exit::detached(py, || self.node.idempotency_key(sequence));
        key.map_err(|error| errors::network(&NetworkError::Journal(error)))
    }

    /// The variables of the run, see `Vars`. In a run with a store a change is written when the tick commits.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor, Network
    /// >>> class Step(Actor):
    /// ...     inports, outports = ["x"], ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.vars.incr("seen")
    /// ...         ctx.done({"out": ctx.vars["seen"]})
    /// >>> net = Network()
    /// >>> net.register_actor("step", Step)
    /// >>> net.add_node("s", "step")
    /// >>> net.add_outport("out", "s", "out")
    /// >>> net.run(inputs={"s.x": 1}).outputs
    /// {'out': [1]}
    #[getter]
    fn vars(&self, py: Python<'_>) -> PyVars {
        PyVars(Asker::Node(self.node.clone(), self.state.lock(py).sequence))
    }

    /// Says something: an event `ActorLog`, and a record in `logging`. `level` is debug, info, warning or error.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.log({"seen": ctx["x"]}, level="debug")
    /// ...         ctx.done()
    #[pyo3(signature = (data, level="info"))]
    fn log(&self, data: &Bound<'_, PyAny>, level: &str) -> PyResult<()> {
        let value = match convert::to_value(data) {
            Ok(value) => value,
            Err(_) => data.str()?.to_str()?.into(),
        };
        self.node.log(level, value);
        Ok(())
    }

    /// Says how far the node is, from 0 to 1, with a word for people: an event `ActorProgress`, shown by `reflow run`.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.progress(0.5, "half way")
    /// ...         ctx.done()
    #[pyo3(signature = (fraction, text=""))]
    fn progress(&self, fraction: f64, text: &str) {
        self.node.progress(fraction, text);
    }

    /// Waits for a signal of this kind and gives its payload; with `id`, for one whose payload has this `id`. A wait that takes longer than
    /// `timeout` seconds raises `TimeoutError`; in a durable run they count from its first beginning, over restarts.
    ///
    /// What the tick is given stays its own until it commits: another try, and the tick that is run again after a restart, get
    /// it again. A signal that comes before anybody waits for it is kept for who will, unless the actor has `on_signal`.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Approval(Actor):
    /// ...     inports = ["order"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         answer = ctx.wait_signal("approval", timeout=3600)
    /// ...         ctx.done({"out": answer})
    #[pyo3(signature = (kind, *, id=None, timeout=None))]
    fn wait_signal<'py>(
        &self,
        py: Python<'py>,
        kind: &str,
        id: Option<&Bound<'py, PyAny>>,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let id = id.filter(|id| !id.is_none()).map(convert::to_value).transpose()?;
        clock::wait_signal(py, &self.node, kind, id, self.tick_and_try(py), timeout)
    }

    /// `wait_signal` for async actors: it holds no thread while it waits.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Approval(Actor):
    /// ...     inports = ["order"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     async def run(self, ctx):
    /// ...         answer = await ctx.wait_signal_async("approval", timeout=3600)
    /// ...         ctx.done({"out": answer})
    #[pyo3(signature = (kind, *, id=None, timeout=None))]
    fn wait_signal_async<'py>(
        slf: &Bound<'py, Self>,
        kind: &str,
        id: Option<&Bound<'py, PyAny>>,
        timeout: Option<f64>,
    ) -> PyResult<Bound<'py, PyAny>> {
        slf.py().import("offbit_reflow._waiting")?.call_method1("wait_signal", (slf, kind, id, timeout))
    }

    /// A wait for a signal, for an asyncio task to poll.
    fn _waiting_signal(
        &self,
        py: Python<'_>,
        kind: &str,
        id: Option<&Bound<'_, PyAny>>,
        limited: bool,
    ) -> PyResult<PySignalWait> {
        let id = id.filter(|id| !id.is_none()).map(convert::to_value).transpose()?;
        Ok(PySignalWait::new(&self.node, kind, id, self.tick_and_try(py), limited))
    }

    /// Sleeps for so many seconds by the clock of the run: with a virtual clock it takes no time.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Hourly(Actor):
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.sleep(3600)
    /// ...         ctx.done({"out": ctx.tick})
    fn sleep(&self, py: Python<'_>, seconds: f64) -> PyResult<()> {
        clock::sleep(py, &self.node, seconds)
    }

    /// The virtual clock of the run, if it has one.
    #[getter]
    fn _clock(&self) -> Option<PyClock> {
        self.node.virtual_time().map(|time| PyClock(Arc::clone(time)))
    }

    /// The number of the run in its process.
    #[getter]
    fn _run_number(&self) -> u64 {
        self.node.run_number()
    }

    /// Publishes a fact of the node, such as the address of its server, for `Network.info`.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.publish("address", "127.0.0.1:8080")
    /// ...         ctx.done()
    fn publish(&self, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.node.publish(name, convert::to_value(value)?).map_err(errors::network_text)
    }

    /// The name of the node.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.done({"out": ctx.node_id})
    #[getter]
    fn node_id(&self) -> String {
        self.node.id().to_string()
    }

    /// The component that the node was made of.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.done({"out": ctx.component})
    #[getter]
    fn component(&self) -> String {
        self.node.component().to_string()
    }

    /// A name of this run of the network, new at every start.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.done({"out": ctx.run_id})
    #[getter]
    fn run_id(&self) -> &str {
        self.node.run_id()
    }

    /// The number of this try of the tick, from 1.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         if ctx.attempt < 3:
    /// ...             raise OSError("not yet")
    /// ...         ctx.done({"out": ctx["x"]})
    #[getter]
    fn attempt(&self, py: Python<'_>) -> u32 {
        self.state.lock(py).number
    }

    /// The number of this tick in its node, from 1.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.done({"out": ctx.tick})
    #[getter]
    fn tick(&self, py: Python<'_>) -> u64 {
        self.state.lock(py).sequence
    }

    /// Whether the tick has been ended, by `done` or `fail`.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.done()
    /// ...         assert ctx.resolved
    #[getter]
    fn resolved(&self, py: Python<'_>) -> bool {
        self.is_resolved(py)
    }

    /// Whether the asyncio task of the attempt was cancelled or is about to be, because the run was stopped or its time is over.
    #[getter]
    fn _doomed(&self, py: Python<'_>) -> bool {
        let state = self.state.lock(py);
        // In its first step it may still be on the stack of its node.
        state.abandoned || ((state.phase == Phase::Pending || state.inside) && self.node.is_cancelled())
    }

    /// Whether `defer` was called.
    #[getter]
    fn _deferred(&self, py: Python<'_>) -> bool {
        self.is_deferred(py)
    }

    /// Whether the tick is to end: the run was stopped, or its time limit has passed.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         while not ctx.cancelled and ctx["x"].poll():
    /// ...             pass
    /// ...         ctx.done()
    #[getter]
    fn cancelled(&self, py: Python<'_>) -> bool {
        self.node.is_cancelled() || self.state.lock(py).abandoned
    }

    /// Raises if the tick is to end; see `cancelled`. For long loops.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         for number in range(10**6):
    /// ...             ctx.check_cancelled()
    /// ...         ctx.done()
    fn check_cancelled(&self, py: Python<'_>) -> PyResult<()> {
        if self.cancelled(py) {
            return Err(ContextError::new_err("the run was stopped, or the time limit of this attempt has passed"));
        }
        Ok(())
    }

    /// The time that the policy leaves this attempt, in milliseconds; None without a limit.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.done({"out": ctx.remaining_ms})
    #[getter]
    fn remaining_ms(&self, py: Python<'_>) -> Option<f64> {
        let deadline = self.state.lock(py).deadline?;
        Some(deadline.saturating_duration_since(self.node.now()).as_secs_f64() * 1000.0)
    }

    /// Names the inports of the node that something is connected to.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.done({"out": ctx.connected_inports()})
    fn connected_inports(&self) -> Vec<String> {
        self.node.connected_inports().iter().map(ToString::to_string).collect()
    }

    /// Names the outports of the node whose packets somebody takes: nodes, an outport of the network, or a listener.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.done({"out": ctx.connected_outports()})
    fn connected_outports(&self) -> Vec<String> {
        self.node.heard_outports().into_iter().map(|port| self.node.outport_name(port).to_string()).collect()
    }

    /// Puts a value into a pool of the node, a dict by name that lasts for the run.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.pool_upsert("seen", str(ctx["x"]), {"tick": ctx.tick})
    /// ...         ctx.done({"out": ctx.pool_count("seen")})
    fn pool_upsert(&self, py: Python<'_>, pool_name: &str, id: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let value = convert::to_value(value)?;
        let sequence = self.state.lock(py).sequence;
        self.node.pool_upsert(sequence, pool_name, id, value);
        Ok(())
    }

    /// Takes a value out of a pool; nothing happens if it is not there.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.pool_remove("seen", str(ctx["x"]))
    /// ...         ctx.done()
    fn pool_remove(&self, py: Python<'_>, pool_name: &str, id: &str) {
        let sequence = self.state.lock(py).sequence;
        self.node.pool_remove(sequence, pool_name, id);
    }

    /// Gives all of a pool, as a dict; empty if there is none.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.done({"out": ctx.pool("seen")})
    fn pool<'py>(&self, py: Python<'py>, pool_name: &str) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for (id, value) in self.node.pools().snapshot(pool_name) {
            dict.set_item(PyString::new(py, &id), convert::value_to_python(py, &value)?)?;
        }
        Ok(dict)
    }

    /// Counts the values in a pool.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.done({"out": ctx.pool_count("seen")})
    fn pool_count(&self, pool_name: &str) -> usize {
        self.node.pools().count(pool_name)
    }

    /// Empties a pool.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Step(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...
    /// ...     def run(self, ctx):
    /// ...         ctx.pool_clear("seen")
    /// ...         ctx.done()
    fn pool_clear(&self, py: Python<'_>, pool_name: &str) {
        let sequence = self.state.lock(py).sequence;
        self.node.pool_clear(sequence, pool_name);
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Some(state) = self.state.seen_by(&visit) else { return Ok(()) };
        visit.call(&state.inputs_dict)?;
        visit.call(&state.task)?;
        let packets = state.inputs.iter().chain(&state.emitted);
        packets.map(|(_, message)| message).try_for_each(|message| convert::traverse(message, &visit))
    }

    fn __clear__(&self) {
        let held = exit::attach(|py| {
            let mut state = self.state.lock(py);
            (state.inputs_dict.take(), state.task.take(), std::mem::take(&mut state.inputs))
        });
        drop(held);
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        let state = self.state.lock(py);
        format!("<ActorCallContext node={:?} tick={} attempt={}>", self.node.id(), state.sequence, state.number)
    }
}

impl PyContext {
    /// The end of an async `run`: its return value or its exception.
    pub(crate) fn conclude_async(&self, py: Python<'_>, result: Option<&Bound<'_, PyAny>>, error: Option<PyErr>) {
        self.unwound(py);
        if let Some(error) = error {
            return self.fail_with(py, crate::failures::failure_of(py, error));
        }
        if let Some(result) = result
            && !self.is_deferred(py)
            && let Err(error) = self.returned(result)
        {
            self.fail_with(py, crate::failures::failure_of(py, error));
        }
        if !self.is_resolved(py) && !self.is_deferred(py) {
            if self.quiet_end(py) {
                // An attempt that is over meanwhile needs no end.
                let _ = self.resolve(py, Ok(()), None);
            } else {
                self.fail_with(py, crate::failures::unresolved());
            }
        }
    }

    fn find(&self, name: &Bound<'_, PyString>) -> Option<Message> {
        let at = self.names.inport(&self.node, name).ok().flatten()?;
        let state = self.state.lock(name.py());
        state.inputs.iter().find(|(index, _)| *index == at).map(|(_, message)| message.clone())
    }

    fn no_packet(&self, name: &Bound<'_, PyString>) -> PyErr {
        let state = self.state.lock(name.py());
        let ports: Vec<_> =
            state.inputs.iter().map(|(port, _)| format!("'{}'", self.node.inport_name(*port))).collect();
        PyKeyError::new_err(format!("no packet on port '{name}' in this tick; it has {}", ports.join(", ")))
    }

    /// The packets as a new dict.
    fn inputs_as_dict<'py>(&self, py: Python<'py>, ports: &[u16]) -> PyResult<Bound<'py, PyDict>> {
        let dict = PyDict::new(py);
        for port in ports {
            let value = match self.given(py, *port)? {
                Some(Given::Message(message)) => convert::port_value(py, &message, None)?,
                Some(Given::Object(object)) => {
                    let message = {
                        let state = self.state.lock(py);
                        state.inputs.iter().find(|(at, _)| at == port).map(|(_, message)| message.clone())
                    };
                    let Some(message) = message else { continue };
                    convert::port_value(py, &message, Some(object))?
                }
                None => continue,
            };
            dict.set_item(self.names.inport_name(py, &self.node, *port), value)?;
        }
        Ok(dict)
    }
}

impl Drop for PyContext {
    fn drop(&mut self) {
        let open = {
            let state = self.state.get_mut();
            (state.phase == Phase::Pending && state.outcome.is_none()).then_some((
                state.sequence,
                state.number,
                state.finish,
            ))
        };
        let state = self.state.get_mut();
        if state.abandoned && state.outlived && !state.inside {
            self.node.complete(state.given_up());
        }
        if let Some((sequence, number, finish)) = open {
            self.node.complete(Completion {
                sequence,
                number,
                outcome: Outcome::Failed(crate::failures::unresolved()),
                finish,
                goes_on: false,
            });
        }
        if let Some(retained) = self.retained.get_mut().take() {
            retained.fetch_sub(1, Ordering::AcqRel);
            self.node.poke();
        }
    }
}
