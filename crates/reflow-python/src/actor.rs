//! Python actors: what runs the ticks of a node whose actor is a Python object.

mod detached;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::exit;
use crate::once::Once;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyIterator, PyTuple, PyType, PyWeakrefReference};
use reflow_runtime::{AtWork, Attempt, Column, ColumnEnd, Host, HostedActor, NodeHandle, Signal, Step, Tick};

use crate::batch::PyBatch;
use crate::classes::{derives, is_awaitable};
use crate::context::{Conclusion, PyContext, Start};
use crate::convert;
use crate::executor::{self, Executor};
use crate::failures::{failure_of, unresolved};
use crate::loop_host::{self, Seat};
use crate::names::PortNames;
use crate::references;
use crate::template::Methods;
use crate::ticks::PyTicks;

/// What a generator yields at most before its node looks around.
const YIELDS: usize = 64;

/// A call that yields its outputs.
struct Yielding {
    generator: Py<PyAny>,
    context: Py<PyContext>,
    /// Whether it is `run`, and not `setup` or one of its kind.
    is_run: bool,
}

/// What a finished tick leaves for the next one, because nobody else holds it.
struct Spare {
    context: Py<PyContext>,
    /// The tuple of arguments that the context is passed in.
    arguments: Py<PyTuple>,
}

/// The actor of one node: a Python object, and what is kept between its ticks.
pub(crate) struct PythonActor {
    object: Py<PyAny>,
    run: Py<PyAny>,
    /// The function that `run` is with the actor as its first argument: calling that saves the interpreter a step a tick.
    function: Option<(Py<PyAny>, Py<PyAny>)>,
    batch_size: usize,
    methods: Methods,
    executor: Arc<Executor>,
    /// Where the task of the node is polled.
    seat: Arc<Seat>,
    /// The `contextvars.Context` of the node, a copy of its starter's.
    variables: Option<Arc<Py<PyAny>>>,
    spare: Option<Spare>,
    /// The `ctx.inputs` of the last tick; somebody else may hold it.
    inputs_dict: Option<Py<PyDict>>,
    names: Option<Arc<PortNames>>,
    /// Attempts that go on elsewhere.
    open: Vec<(u64, u32, Py<PyWeakrefReference>)>,
    /// At how many of them it is looked which have ended.
    open_limit: usize,
    /// Calls that yield their outputs: `run`, and on top of it an `on_signal` in between.
    generators: Vec<Yielding>,
    /// How many contexts outlive their ticks, once one has.
    retained: Option<Arc<AtomicUsize>>,
    /// The number of the loop, if it uses one.
    uses_loop: Option<u64>,
    /// The ticks of that, if the node may be polled there.
    ticks: Option<Py<PyTicks>>,
}

/// A method, and its arguments.
type Called<'py> = (Bound<'py, PyAny>, Bound<'py, PyTuple>);

impl PythonActor {
    /// The actor of a node whose `run` is bound to `object`; made on the thread of whoever starts the network.
    pub(crate) fn new(py: Python<'_>, object: Py<PyAny>, run: Py<PyAny>, batch_size: usize, methods: Methods) -> Self {
        Self {
            object,
            function: function_of(run.bind(py)),
            run,
            batch_size,
            methods,
            executor: Executor::shared(),
            seat: Arc::default(),
            // It has none only where `contextvars` is broken.
            variables: copy_variables(py).ok(),
            spare: None,
            inputs_dict: None,
            names: None,
            open: Vec::new(),
            open_limit: 0,
            generators: Vec::new(),
            retained: None,
            uses_loop: None,
            ticks: None,
        }
    }

    fn names(&mut self, py: Python<'_>, node: &NodeHandle) -> Arc<PortNames> {
        let outports = self.methods.outports;
        Arc::clone(self.names.get_or_insert_with(|| Arc::new(PortNames::new(py, node, outports))))
    }

    /// A context for the next attempt, and the arguments to call with.
    fn context<'py>(
        &mut self,
        py: Python<'py>,
        node: &NodeHandle,
    ) -> PyResult<(Bound<'py, PyContext>, Bound<'py, PyTuple>)> {
        if let Some(Spare { context, arguments }) = self.spare.take() {
            return Ok((context.into_bound(py), arguments.into_bound(py)));
        }
        let names = self.names(py, node);
        let context = Bound::new(py, PyContext::new(node.clone(), names))?;
        let arguments = self.arguments(&context)?;
        Ok((context, arguments))
    }

    /// What `run` is called with.
    fn arguments<'py>(&self, context: &Bound<'py, PyContext>) -> PyResult<Bound<'py, PyTuple>> {
        let py = context.py();
        match &self.function {
            Some((_, object)) => PyTuple::new(py, [object.bind(py), context.as_any()]),
            None => PyTuple::new(py, [context]),
        }
    }

    /// Keeps the context for the next tick if nobody else holds it or the arguments; else it lives on as a retained one.
    fn recycle(&mut self, (context, arguments): (Bound<'_, PyContext>, Bound<'_, PyTuple>)) {
        if references::count(&context) == 2 && references::count(&arguments) == 1 {
            context.get().let_go(context.py());
            self.spare = Some(Spare { context: context.unbind(), arguments: arguments.unbind() });
        } else {
            drop(arguments);
            if references::count(&context) > 1 {
                context.get().retain(context.py(), self.retained.get_or_insert_default());
            }
        }
    }

    /// Calls a method for one attempt and follows what it returns. `what` gives the method and its arguments; of those it is given, the
    /// second are the arguments of `run`.
    fn call<'py>(
        &mut self,
        py: Python<'py>,
        tick: &mut Tick<'_>,
        is_run: bool,
        what: impl FnOnce(&Bound<'py, PyContext>, &Bound<'py, PyTuple>) -> PyResult<Called<'py>>,
    ) -> Step {
        let (node, attempt) = tick.parts();
        executor::beat(node.run_number());
        let (context, arguments) = match self.context(py, node) {
            Ok(made) => made,
            Err(error) => return Step::Failed(failure_of(py, error)),
        };
        let limit = node.policy().filter(|_| is_run).and_then(|policy| policy.timeout_ms);
        let deadline = limit.and_then(|limit| node.now().checked_add(Duration::from_millis(limit)));
        let dict = self.inputs_dict.take();
        let inputs_dict = dict.and_then(|dict| context.get().refill_inputs(py, dict, &attempt.inputs));
        context.get().begin(py, attempt, Start { inputs_dict, deadline, detached: false });
        if !is_run {
            context.get().allow_quiet_end(py);
        }
        let result = what(&context, &arguments).and_then(|(method, arguments)| method.call(arguments, None));
        self.conclude(py, (context, arguments), result, attempt, is_run)
    }

    /// What the return value, or the exception, of a call makes of its attempt.
    fn conclude(
        &mut self,
        py: Python<'_>,
        called: (Bound<'_, PyContext>, Bound<'_, PyTuple>),
        result: PyResult<Bound<'_, PyAny>>,
        attempt: &mut Attempt,
        is_run: bool,
    ) -> Step {
        let context = &called.0;
        match result {
            Ok(value) if value.is_none() => {}
            Ok(value) if value.is_instance_of::<PyDict>() => {
                if let Err(error) = context.get().done_with(&value) {
                    context.get().fail_with(py, failure_of(py, error));
                }
            }
            Ok(value) => match Kind::of(py, &value) {
                Ok(Kind::Generator) => {
                    let (generator, context) = (value.unbind(), context.clone().unbind());
                    self.generators.push(Yielding { generator, context, is_run });
                    return self.step_generator(py, attempt);
                }
                Ok(Kind::Awaitable(kind)) => return self.start_async(py, called, value, kind, attempt, is_run),
                Ok(Kind::Other) => {
                    // Somebody who holds the context, here and in the arguments aside, will end the attempt.
                    let open = references::count(context) > 2 || context.get().is_deferred(py);
                    if is_run
                        && !open
                        && let Err(error) = context.get().returned(&value)
                    {
                        context.get().fail_with(py, failure_of(py, error));
                    }
                }
                Err(error) => context.get().fail_with(py, failure_of(py, error)),
            },
            Err(error) => {
                let failure = failure_of(py, error);
                context.get().fail_with(py, failure);
            }
        }
        self.settle(py, called, attempt, is_run)
    }

    fn settle(
        &mut self,
        py: Python<'_>,
        called: (Bound<'_, PyContext>, Bound<'_, PyTuple>),
        attempt: &mut Attempt,
        is_run: bool,
    ) -> Step {
        let context = &called.0;
        match context.get().conclude(py, attempt) {
            Conclusion::Done { inputs_dict } => {
                self.inputs_dict = inputs_dict;
                self.recycle(called);
                Step::Done
            }
            Conclusion::Failed(failure) => {
                attempt.inputs = context.get().inputs_copy(py);
                self.recycle(called);
                Step::Failed(failure)
            }
            Conclusion::Unresolved => {
                attempt.finish |= context.get().asks_to_finish(py);
                // One reference here, one in the arguments.
                let held = references::count(context) > 2;
                if !is_run || (attempt.finish && !held) {
                    // `setup` and its kind need no answer, and neither does a tick that ends its node.
                    attempt.emitted = context.get().take_emitted(py);
                    context.get().close(py);
                    self.recycle(called);
                    return Step::Done;
                }
                attempt.inputs = context.get().inputs_copy(py);
                if held || context.get().is_deferred(py) {
                    return self.leave_open(py, context, attempt);
                }
                context.get().close(py);
                Step::Failed(unresolved())
            }
        }
    }

    /// The attempt goes on elsewhere; only a weak reference is kept, so that a context which is dropped tells the node.
    fn leave_open(&mut self, py: Python<'_>, context: &Bound<'_, PyContext>, attempt: &Attempt) -> Step {
        match PyWeakrefReference::new(context.as_any()) {
            Ok(weak) => self.remember_open(py, (attempt.sequence, attempt.number, weak.unbind())),
            Err(error) => return Step::Failed(failure_of(py, error)),
        }
        context.get().leave_open(py);
        Step::Pending
    }

    /// Keeps a weak reference, and drops those that lead nowhere any more whenever there are twice as many as were left the last time.
    fn remember_open(&mut self, py: Python<'_>, open: (u64, u32, Py<PyWeakrefReference>)) {
        if self.open.len() >= self.open_limit {
            self.open.retain(|(_, _, weak)| weak.bind(py).call0().is_ok_and(|object| !object.is_none()));
            self.open_limit = 2 * self.open.len() + 1;
        }
        self.open.push(open);
    }

    /// Lets something awaitable run on the loop. Where its node is polled there, a coroutine takes its first step at once, and one
    /// that waits for nothing has ended then.
    fn start_async(
        &mut self,
        py: Python<'_>,
        called: (Bound<'_, PyContext>, Bound<'_, PyTuple>),
        awaitable: Bound<'_, PyAny>,
        kind: &'static str,
        attempt: &mut Attempt,
        is_run: bool,
    ) -> Step {
        static START: Once<Py<PyAny>> = Once::new();
        let context = &called.0;
        context.get().enter(py);
        let here = is_run && loop_host::polls_here();
        let mut step = None;
        if !here {
            attempt.inputs = context.get().inputs_copy(py);
            step = Some(self.leave_open(py, context, attempt));
        }
        let start = || {
            if self.uses_loop.is_none() {
                self.uses_loop = Some(loop_module(py)?.call_method1("acquire", (context,))?.extract()?);
            }
            if is_run && self.methods.is_coroutine && context.get().may_be_polled_on_loop() {
                if self.ticks.is_none() {
                    self.ticks = loop_module(py)?.call_method0("shared_ticks")?.extract()?;
                }
                // There is no host where loops look at no file descriptors.
                let host = || Some(Arc::clone(&self.ticks.as_ref()?.get().host()?.get().host));
                self.seat.take(host);
            }
            match &self.ticks {
                Some(ticks) if here && kind == "coroutine" => {
                    PyTicks::start(ticks.bind(py), awaitable, context, None, true)
                }
                _ => START
                    .import(py, "offbit_reflow._loop", "start")?
                    .call1((kind, awaitable, context, py.None(), here))
                    .map(|cancel| Some(cancel).filter(|cancel| !cancel.is_none())),
            }
        };
        match start() {
            // It has ended in its first step.
            Ok(None) => {}
            Ok(Some(cancel)) => {
                if here {
                    context.get().step(py, false);
                    attempt.inputs = context.get().inputs_copy(py);
                    step = Some(self.leave_open(py, context, attempt));
                }
                context.get().set_task(py, cancel.unbind());
            }
            Err(error) => {
                context.get().unwound(py);
                context.get().fail_with(py, failure_of(py, error));
            }
        }
        match step {
            Some(step) => step,
            None => self.settle(py, called, attempt, is_run),
        }
    }

    /// Takes the next outputs from the generator; the node delivers them and comes back.
    fn step_generator(&mut self, py: Python<'_>, attempt: &mut Attempt) -> Step {
        let Some(Yielding { generator, context, is_run }) = self.generators.pop() else { return Step::Done };
        let context = context.into_bound(py);
        context.get().step(py, true);
        let next = generator.bind(py).cast::<PyIterator>().map_err(PyErr::from).and_then(|generator| {
            let Some(value) = generator.clone().next().transpose()? else { return Ok(false) };
            let before = attempt.sent.len();
            if !value.is_none() {
                let sent = context.get().take_outputs(&value, |port, message| attempt.sent.push((port, message)));
                sent.inspect_err(|_| attempt.sent.truncate(before))?;
            }
            let emitted = context.get().take_emitted(py);
            if !emitted.is_empty() {
                attempt.sent.splice(before..before, emitted);
            }
            Ok(true)
        });
        match next {
            Ok(true) => {
                context.get().step(py, false);
                self.generators.push(Yielding { generator, context: context.unbind(), is_run });
                return Step::Yield;
            }
            Ok(false) => {
                // A source that has yielded everything has nothing more to say.
                attempt.finish |= is_run && context.get().inputs_copy(py).is_empty();
                if !context.get().is_resolved(py) {
                    // It is open, so it can be resolved.
                    let _ = context.get().done_with(PyDict::new(py).as_any());
                }
            }
            Err(error) => {
                let _ = generator.bind(py).call_method0("close");
                context.get().fail_with(py, failure_of(py, error));
            }
        }
        drop(generator);
        match self.arguments(&context) {
            Ok(arguments) => self.settle(py, (context, arguments), attempt, is_run),
            Err(error) => Step::Failed(failure_of(py, error)),
        }
    }

    fn method<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        self.object.bind(py).getattr(name)
    }

    fn call_method(&mut self, tick: &mut Tick<'_>, name: &'static str) -> Step {
        exit::attach(|py| {
            let method = self.method(py, name);
            self.call(py, tick, false, |context, _| Ok((method?, PyTuple::new(py, [context])?)))
        })
    }
}

impl HostedActor for PythonActor {
    fn host(&self) -> Arc<dyn Host> {
        self.executor.host(self.variables.clone(), Arc::clone(&self.seat))
    }

    fn setup(&mut self, tick: &mut Tick<'_>) -> Step {
        if self.methods.setup { self.call_method(tick, "setup") } else { Step::Done }
    }

    fn has_setup(&self) -> bool {
        self.methods.setup
    }

    fn run(&mut self, tick: &mut Tick<'_>, detached: bool) -> Step {
        exit::attach(|py| {
            // An async `run` needs no thread of its own: it goes on on its loop.
            if detached && !self.methods.is_async {
                return self.run_detached(py, tick);
            }
            let run = self.function.as_ref().map_or(&self.run, |(function, _)| function).clone_ref(py);
            self.call(py, tick, true, |_, arguments| Ok((run.into_bound(py), arguments.clone())))
        })
    }

    fn resume(&mut self, tick: &mut Tick<'_>) -> Step {
        exit::attach(|py| {
            // Others get a turn now and then.
            for _ in 0..YIELDS {
                executor::beat(tick.node().run_number());
                let step = self.step_generator(py, tick.parts().1);
                if !matches!(step, Step::Yield) || !tick.hand_over() {
                    return step;
                }
            }
            Step::Yield
        })
    }

    fn leave_thread(&mut self) -> bool {
        self.seat.leave()
    }

    fn gives_way(&self) -> bool {
        loop_host::is_time_over()
    }

    fn batch_limit(&self) -> usize {
        self.batch_size
    }

    fn run_column(&mut self, node: &NodeHandle, column: Column) -> ColumnEnd {
        executor::beat(node.run_number());
        let (first, count) = (column.first, column.messages.len());
        exit::attach(|py| match PyBatch::run_column(py, node, &self.names(py, node), self.run.bind(py), column) {
            Ok((end, held)) => {
                self.keep_open(py, held);
                end
            }
            Err(error) => {
                let failed = Step::failed_each(count, &failure_of(py, error));
                ColumnEnd::Apart(Attempt::first_tries(first, count), failed)
            }
        })
    }

    fn run_batch(&mut self, node: &NodeHandle, attempts: &mut Vec<Attempt>) -> Vec<(usize, Step)> {
        executor::beat(node.run_number());
        exit::attach(|py| match PyBatch::run(py, node, &self.names(py, node), self.run.bind(py), attempts) {
            Ok((others, held)) => {
                self.keep_open(py, held);
                others
            }
            Err(error) => Step::failed_each(attempts.len(), &failure_of(py, error)),
        })
    }

    fn abandon(&mut self, sequence: u64, number: u32) -> AtWork {
        exit::attach(|py| {
            let at = self.open.iter().position(|(s, n, _)| (*s, *n) == (sequence, number));
            let context = at.and_then(|at| self.open.swap_remove(at).2.bind(py).call0().ok());
            context
                .and_then(|object| object.cast_into::<PyContext>().ok())
                .map_or(AtWork::Nobody, |context| context.get().abandon(py))
        })
    }

    fn ends_by_itself(&self, sequence: u64, number: u32) -> bool {
        exit::attach(|py| {
            let open = self.open.iter().find(|(s, n, _)| (*s, *n) == (sequence, number));
            let Some(context) = open.and_then(|(.., context)| context.bind(py).call0().ok()) else { return false };
            match context.cast_into::<PyContext>() {
                Ok(context) => context.get().ends_by_itself(py, self.methods.is_async),
                // Whoever was at work for it has let go of its context: it has ended, and the node is about to hear of that.
                Err(_) => true,
            }
        })
    }

    fn identity(&self) -> usize {
        // An instance that all nodes share is there once.
        self.object.as_ptr() as usize
    }

    fn hears_signals(&self) -> bool {
        self.methods.on_signal
    }

    fn on_signal(&mut self, tick: &mut Tick<'_>, signal: &Signal) -> Step {
        if !self.methods.on_signal {
            return Step::Done;
        }
        exit::attach(|py| {
            let arguments = || {
                let class = py.import("offbit_reflow._values")?.getattr("Signal")?;
                let signal = class.call1((&signal.kind, convert::value_to_python(py, &signal.data)?))?;
                PyResult::Ok((self.method(py, "on_signal")?, signal))
            };
            let prepared = arguments();
            self.call(py, tick, false, |context, _| {
                let (method, signal) = prepared?;
                Ok((method, PyTuple::new(py, [context.as_any(), &signal])?))
            })
        })
    }

    fn finalize(&mut self, tick: &mut Tick<'_>) -> Step {
        self.call_method(tick, "finalize")
    }

    fn has_finalize(&self) -> bool {
        self.methods.finalize
    }

    fn is_retained(&self) -> bool {
        self.retained.as_ref().is_some_and(|retained| retained.load(Ordering::Acquire) > 0)
    }

    fn teardown(&mut self) {
        // After the interpreter has begun to end, there is nobody left to tear down for.
        let _ = Python::try_attach(|py| {
            for (_, _, weak) in self.open.drain(..) {
                if let Ok(object) = weak.bind(py).call0()
                    && let Ok(context) = object.cast::<PyContext>()
                {
                    context.get().abandon(py);
                }
            }
            for Yielding { generator, .. } in std::mem::take(&mut self.generators) {
                // Closing runs the generator's own `finally`; what that raises has nowhere to go but the hook.
                if let Err(error) = generator.bind(py).call_method0("close") {
                    error.write_unraisable(py, Some(self.object.bind(py)));
                }
            }
            if self.methods.teardown
                && let Err(error) = self.tear_down(py)
            {
                error.write_unraisable(py, Some(self.object.bind(py)));
            }
            if let Some(number) = self.uses_loop.take() {
                // The loop's thread ends with its last user.
                let _ = loop_module(py).and_then(|module| module.call_method1("release", (number,)));
            }
            (self.spare, self.inputs_dict, self.ticks) = (None, None, None);
        });
    }
}

impl PythonActor {
    /// Remembers the contexts of ticks that go on after their batch.
    fn keep_open(&mut self, py: Python<'_>, held: Vec<(u64, u32, Py<PyContext>)>) {
        for (sequence, number, context) in held {
            if let Ok(weak) = PyWeakrefReference::new(context.bind(py).as_any()) {
                self.remember_open(py, (sequence, number, weak.unbind()));
            }
        }
    }

    fn tear_down(&mut self, py: Python<'_>) -> PyResult<()> {
        let result = self.method(py, "teardown")?.call0()?;
        if matches!(Kind::of(py, &result)?, Kind::Awaitable(_)) {
            let module = loop_module(py)?;
            let number = match self.uses_loop {
                Some(number) => number,
                None => *self.uses_loop.insert(module.call_method0("acquire")?.extract()?),
            };
            module.call_method1("finish", (result, number))?;
        }
        Ok(())
    }
}

/// What a call returned, as far as it matters.
enum Kind {
    Generator,
    /// Something for the asyncio loop, and what it calls that.
    Awaitable(&'static str),
    Other,
}

impl Kind {
    fn of(py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Self> {
        static TYPES: Once<[Py<PyType>; 3]> = Once::new();
        let [generator, coroutine, async_generator] = TYPES.get_or_try_init(py, || {
            let types = py.import("types")?;
            let named = |name: &str| PyResult::Ok(types.getattr(name)?.cast_into::<PyType>()?.unbind());
            PyResult::Ok([named("GeneratorType")?, named("CoroutineType")?, named("AsyncGeneratorType")?])
        })?;
        Ok(if value.is_none() {
            Self::Other
        } else if derives(value, generator.bind(py)) {
            Self::Generator
        } else if derives(value, coroutine.bind(py)) {
            Self::Awaitable("coroutine")
        } else if derives(value, async_generator.bind(py)) {
            Self::Awaitable("generator")
        } else if is_awaitable(value) {
            Self::Awaitable("awaitable")
        } else {
            Self::Other
        })
    }
}

/// The function of a plain method, and its object.
fn function_of(run: &Bound<'_, PyAny>) -> Option<(Py<PyAny>, Py<PyAny>)> {
    static METHOD: Once<Py<PyType>> = Once::new();
    let py = run.py();
    let method = METHOD.import(py, "types", "MethodType").ok()?;
    if !run.is_exact_instance(method) {
        return None;
    }
    let part = |name| Some(run.getattr(name).ok()?.unbind());
    Some((part(crate::once::intern!(py, "__func__"))?, part(crate::once::intern!(py, "__self__"))?))
}

/// The `run` of a copy of the `contextvars` that are set on this thread. It is shared without being attached.
fn copy_variables(py: Python<'_>) -> PyResult<Arc<Py<PyAny>>> {
    static COPY: Once<Py<PyAny>> = Once::new();
    let context = COPY.import(py, "contextvars", "copy_context")?.call0()?;
    Ok(Arc::new(context.getattr(crate::once::intern!(py, "run"))?.unbind()))
}

fn loop_module(py: Python<'_>) -> PyResult<Bound<'_, PyModule>> {
    py.import("offbit_reflow._loop")
}
