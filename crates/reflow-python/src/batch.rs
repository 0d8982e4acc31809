//! `TickBatch`: many ticks in one call of `run`.

use std::collections::BTreeMap;
use std::sync::Arc;

use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyString, PyTuple};
use reflow_runtime::{Attempt, Column, ColumnEnd, Columns, Message, NodeHandle, Step};

use crate::attached::Attached;
use crate::borrowed::{self, Form};
use crate::context::{Conclusion, PyContext, Start, route};
use crate::convert;
use crate::errors::ContextError;
use crate::exit;
use crate::names::PortNames;
use crate::numbers;
use crate::plain::{self, PyPlain};
use crate::protect::{self, Held};
use crate::references;

struct State {
    /// The ticks, until somebody looks at them one by one, and what leaves when all are done.
    column: Option<(Column, Columns)>,
    attempts: Vec<Attempt>,
    /// Contexts of the ticks that were looked at one by one.
    contexts: BTreeMap<usize, Py<PyContext>>,
    done: bool,
    over: bool,
}

impl State {
    fn of(column: Option<(Column, Columns)>, attempts: Vec<Attempt>) -> Self {
        Self { column, attempts, contexts: BTreeMap::new(), done: false, over: false }
    }

    /// The ticks one by one.
    fn apart(&mut self) -> &mut Vec<Attempt> {
        if let Some((column, outputs)) = self.column.take() {
            self.attempts = column.apart();
            emit(&mut self.attempts, outputs);
        }
        &mut self.attempts
    }

    /// The packet of a tick on an inport.
    fn packet(&mut self, index: usize, port: u16) -> Option<&mut Message> {
        match &mut self.column {
            Some((column, _)) => column.messages.get_mut(index).filter(|_| column.port == port),
            None => {
                let inputs = self.attempts.get_mut(index).map(|attempt| &mut attempt.inputs);
                inputs?.iter_mut().find(|(at, _)| *at == port).map(|(_, message)| message)
            }
        }
    }
}

/// Puts out columns: a message of each tick.
fn emit(attempts: &mut [Attempt], columns: Columns) {
    for (port, column) in columns {
        for (attempt, message) in attempts.iter_mut().zip(column) {
            attempt.emitted.push((port, message));
        }
    }
}

/// The ticks of one call, as a sequence of contexts and as columns: `batch["in"]` is the list of all values of a port, and
/// `done({"out": [...]})` answers all ticks at once.
///
/// Examples
/// --------
/// >>> from offbit_reflow import Actor, node
/// >>> class Double(Actor):
/// ...     inports = ["x"]
/// ...     outports = ["out"]
/// ...     batch_size = 64
/// ...
/// ...     def run(self, batch):
/// ...         batch.done({"out": [2 * x for x in batch["x"]]})
/// >>> node(Double).run({"x": iter([1, 2])}).outputs
/// {'Double': [2, 4]}
#[pyclass(name = "TickBatch", module = "offbit_reflow", frozen)]
pub(crate) struct PyBatch {
    node: NodeHandle,
    names: Arc<PortNames>,
    count: usize,
    state: Attached<State>,
}

/// Ticks of a batch that are not done, by their place in it.
type Others = Vec<(usize, Step)>;
/// An attempt that goes on elsewhere: tick, try and context.
type Open = (u64, u32, Py<PyContext>);

impl PyBatch {
    /// Calls `run` with a batch of all attempts; the answer names those that are not done by their place.
    pub(crate) fn run(
        py: Python<'_>,
        node: &NodeHandle,
        names: &Arc<PortNames>,
        run: &Bound<'_, PyAny>,
        attempts: &mut Vec<Attempt>,
    ) -> PyResult<(Others, Vec<Open>)> {
        let batch = Self::of(node, names, attempts.len(), State::of(None, std::mem::take(attempts)));
        let (batch, failure) = batch.call(py, run)?;
        Ok(batch.get().end(py, failure.as_ref(), attempts))
    }

    /// [`run`](Self::run) for a column: what leaves, if all of it is done together.
    pub(crate) fn run_column(
        py: Python<'_>,
        node: &NodeHandle,
        names: &Arc<PortNames>,
        run: &Bound<'_, PyAny>,
        column: Column,
    ) -> PyResult<(ColumnEnd, Vec<Open>)> {
        let count = column.messages.len();
        let batch = Self::of(node, names, count, State::of(Some((column, Vec::new())), Vec::new()));
        let (batch, failure) = batch.call(py, run)?;
        let mut attempts = {
            let mut state = batch.get().state.lock(py);
            let done = state.done;
            match state.column.take_if(|_| done) {
                Some((column, outputs)) => {
                    state.over = true;
                    drop(state);
                    drop(column);
                    batch.get().tell_late(failure.as_ref());
                    return Ok((ColumnEnd::Done(outputs), Vec::new()));
                }
                None => std::mem::take(state.apart()),
            }
        };
        batch.get().state.lock(py).attempts = std::mem::take(&mut attempts);
        let (others, open) = batch.get().end(py, failure.as_ref(), &mut attempts);
        Ok((ColumnEnd::Apart(attempts, others), open))
    }

    fn of(node: &NodeHandle, names: &Arc<PortNames>, count: usize, state: State) -> Self {
        Self { node: node.clone(), names: Arc::clone(names), count, state: Attached::new(state) }
    }

    /// Calls `run`, and takes what it returns.
    fn call<'py>(
        self,
        py: Python<'py>,
        run: &Bound<'py, PyAny>,
    ) -> PyResult<(Bound<'py, Self>, Option<reflow_runtime::Failure>)> {
        let batch = Bound::new(py, self)?;
        let arguments = PyTuple::new(py, [&batch])?;
        let result = run.call(&arguments, None).and_then(|value| batch.get().accept(&value));
        let failure = result.err().map(|error| crate::failures::failure_of(py, error));
        Ok((batch, failure))
    }

    /// Ends the batch: gives the attempts back, and tells those that are not done.
    fn end(
        &self,
        py: Python<'_>,
        failure: Option<&reflow_runtime::Failure>,
        attempts: &mut Vec<Attempt>,
    ) -> (Others, Vec<Open>) {
        let (done, mut contexts) = {
            let mut state = self.state.lock(py);
            state.over = true;
            *attempts = std::mem::take(&mut state.attempts);
            (state.done, std::mem::take(&mut state.contexts))
        };
        let (mut others, mut held) = (Vec::new(), Vec::new());
        if done && contexts.is_empty() {
            self.tell_late(failure);
            return (others, held);
        }
        for (at, attempt) in attempts.iter_mut().enumerate() {
            let step = match contexts.remove(&at) {
                Some(context) => conclude(py, context, attempt, done, &mut held),
                None if done => Step::Done,
                None => Step::Failed(crate::failures::unresolved()),
            };
            match (step, failure) {
                (Step::Done, _) => {}
                (Step::Failed(_), Some(failure)) => others.push((at, Step::Failed(failure.clone()))),
                (step, _) => others.push((at, step)),
            }
        }
        if others.is_empty() {
            self.tell_late(failure);
        }
        (others, held)
    }

    /// A call that failed after all of its ticks had been ended changes nothing, but is told.
    fn tell_late(&self, failure: Option<&reflow_runtime::Failure>) {
        if let Some(failure) = failure {
            self.node.tell_late("a batch failed after its ticks had been ended", &format!(": {failure}"));
        }
    }

    /// What `run` returned: a dict of columns, or for each tick what it would have returned alone.
    fn accept(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = value.py();
        if value.is_none() || self.state.lock(py).done {
            return Ok(());
        }
        if let Ok(columns) = value.cast::<PyDict>() {
            // The columns were returned: the caller has the one reference to them.
            return self.resolve(py, Some(columns), 1);
        }
        let rows = value.try_iter().map_err(|_| {
            convert::wrong_type("None, a dict of columns, or one value a tick, as what run(batch) returns,", value)
        })?;
        let rows = rows.collect::<PyResult<Vec<_>>>()?;
        if rows.len() != self.count {
            return Err(PyValueError::new_err(format!(
                "run(batch) returned {} values for {} ticks",
                rows.len(),
                self.count
            )));
        }
        for (index, row) in rows.iter().enumerate() {
            self.context(py, index)?.bind(py).get().returned(row)?;
        }
        Ok(())
    }

    fn context(&self, py: Python<'_>, index: usize) -> PyResult<Py<PyContext>> {
        if index >= self.count {
            return Err(PyIndexError::new_err(format!("tick {index} of a batch of {}", self.count)));
        }
        let mut own = {
            let mut state = self.state.lock(py);
            if let Some(context) = state.contexts.get(&index) {
                return Ok(context.clone_ref(py));
            }
            let Some(attempt) = state.apart().get_mut(index) else { return Err(over()) };
            // The context has the packets from now on.
            let inputs = std::mem::take(&mut attempt.inputs);
            attempt.of_inputs(inputs)
        };
        let context = Py::new(py, PyContext::new(self.node.clone(), Arc::clone(&self.names)))?;
        context.get().begin(py, &mut own, Start::default());
        self.state.lock(py).contexts.insert(index, context.clone_ref(py));
        Ok(context)
    }
}

fn over() -> PyErr {
    ContextError::new_err("this batch is over; keep the ticks that are to be resolved later")
}

fn conclude(py: Python<'_>, context: Py<PyContext>, attempt: &mut Attempt, done: bool, held: &mut Vec<Open>) -> Step {
    let this = context.get();
    attempt.inputs = this.inputs_copy(py);
    let mut own = Attempt::default();
    let conclusion = this.conclude(py, &mut own);
    attempt.finish |= own.finish;
    match conclusion {
        Conclusion::Done { .. } => {
            attempt.emitted.extend(own.emitted);
            Step::Done
        }
        Conclusion::Failed(failure) => Step::Failed(failure),
        Conclusion::Unresolved if done => {
            this.close(py);
            Step::Done
        }
        Conclusion::Unresolved if this.is_deferred(py) || crate::references::count(context.bind(py)) > 1 => {
            this.leave_open(py);
            held.push((attempt.sequence, attempt.number, context));
            Step::Pending
        }
        Conclusion::Unresolved => {
            this.close(py);
            Step::Failed(crate::failures::unresolved())
        }
    }
}

#[pymethods]
impl PyBatch {
    fn __len__(&self) -> usize {
        self.count
    }

    fn __getitem__<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(port) = key.cast::<PyString>() {
            return self.column(py, port).map(Bound::into_any);
        }
        let index = key.cast::<PyInt>().map_err(|_| convert::wrong_type("a tick number or a port name", key))?;
        let index: isize = index.extract()?;
        let at = if index < 0 { index + self.count as isize } else { index };
        let at = usize::try_from(at).map_err(|_| PyIndexError::new_err(format!("tick {index} of the batch")))?;
        Ok(self.context(py, at)?.into_bound(py).into_any())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let contexts = (0..self.count).map(|index| self.context(py, index)).collect::<PyResult<Vec<_>>>()?;
        Ok(PyList::new(py, contexts)?.try_iter()?.into_any())
    }

    /// Ends all ticks of the batch: `outputs` has a list for each outport, with a value for each tick.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Actor
    /// >>> class Double(Actor):
    /// ...     inports = ["x"]
    /// ...     outports = ["out"]
    /// ...     batch_size = 64
    /// ...
    /// ...     def run(self, batch):
    /// ...         batch.done({"out": [2 * x for x in batch["x"]]})
    #[pyo3(signature = (outputs=None))]
    fn done(&self, py: Python<'_>, outputs: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        self.resolve(py, outputs, references::of_argument(py))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Some(state) = self.state.seen_by(&visit) else { return Ok(()) };
        state.contexts.values().try_for_each(|context| visit.call(context))?;
        let packets = state.attempts.iter().flat_map(|attempt| attempt.inputs.iter().chain(&attempt.emitted));
        let columns = state.column.iter().flat_map(|(column, outputs)| {
            column.messages.iter().chain(outputs.iter().flat_map(|(_, messages)| messages))
        });
        packets.map(|(_, message)| message).chain(columns).try_for_each(|message| convert::traverse(message, &visit))
    }

    fn __clear__(&self) {
        let contexts = exit::attach(|py| std::mem::take(&mut self.state.lock(py).contexts));
        drop(contexts);
    }

    fn __repr__(&self) -> String {
        format!("<TickBatch node={:?} ticks={}>", self.node.id(), self.count)
    }
}

impl PyBatch {
    /// Answers all ticks with columns, of which `ours` references are the runtime's own.
    fn resolve(&self, py: Python<'_>, outputs: Option<&Bound<'_, PyDict>>, ours: isize) -> PyResult<()> {
        let count = self.count;
        let mut columns = Vec::new();
        let exclusive = outputs.is_some_and(|outputs| Held::ByUs(ours).exclusively(outputs));
        for (port, values) in outputs.map(convert::pairs_of).unwrap_or_default() {
            let name = port.cast::<PyString>().map_err(|_| convert::wrong_type("a port name (str)", &port))?;
            let at = self.names.outport(&self.node, name, count)?;
            let numbers = values.cast::<PyList>().ok().filter(|list| list.len() == count).and_then(numbers::of_list);
            if let Some(column) = numbers {
                columns.extend(at.map(|port| (port, column)));
                continue;
            }
            let mut column = Vec::with_capacity(count);
            let mut add = |value: &Bound<'_, PyAny>, held: Held| -> PyResult<()> {
                let message = self.message_of(column.len(), value, held)?;
                column.push(match at {
                    Some(port) => route(&self.node, port, message)?,
                    None => message,
                });
                Ok(())
            };
            if let Ok(list) = values.cast::<PyList>() {
                // The outputs have the list, the list has the value, and each is looked at here.
                let held = if exclusive { Held::ByUs(2) } else { Held::ByOthers };
                let held = if held.exclusively(list) { Held::ByUs(2) } else { Held::ByOthers };
                for value in list.iter() {
                    add(&value, held)?;
                }
            } else {
                for value in values.try_iter()? {
                    add(&value?, Held::ByOthers)?;
                }
            }
            if column.len() != count {
                return Err(PyValueError::new_err(format!(
                    "outputs for port '{name}': expected one value a tick ({count}), got {}",
                    column.len()
                )));
            }
            columns.extend(at.map(|port| (port, column)));
        }
        let mut state = self.state.lock(py);
        if state.done || state.over {
            return Err(ContextError::new_err("this batch is already resolved"));
        }
        state.done = true;
        match &mut state.column {
            Some((_, outputs)) => *outputs = columns,
            None => emit(&mut state.attempts, columns),
        }
        Ok(())
    }

    /// The message to send for a value. One that the tick itself was given goes on as the message that it came in.
    fn message_of(&self, index: usize, value: &Bound<'_, PyAny>, held: Held) -> PyResult<Message> {
        if let (Held::ByUs(ours), true) = (held, borrowed::form(value) != Form::Leaf) {
            let py = value.py();
            let is_it =
                |message: &&Message| message.host_value::<PyPlain>().is_some_and(|plain| plain.object(py).is(value));
            let came_in = {
                let state = self.state.lock(py);
                match &state.column {
                    Some((column, _)) => column.messages.get(index).filter(is_it).cloned(),
                    None => {
                        let inputs = state.attempts.get(index).map(|attempt| &attempt.inputs);
                        inputs.and_then(|inputs| inputs.iter().map(|(_, message)| message).find(is_it).cloned())
                    }
                }
            };
            if let Some(message) = came_in
                && let Some(own) = protect::protected(value, Held::ByUs(ours + 1))?
            {
                return if own.is(value) { Ok(message) } else { convert::to_message(&own, Held::ByUs(1)) };
            }
        }
        convert::to_message(value, held)
    }

    /// What tick `index` was given on an inport, or `None`.
    fn given<'py>(&self, py: Python<'py>, index: usize, port: u16) -> PyResult<Option<Bound<'py, PyAny>>> {
        // Copied out first: making Python objects may run other code, which must not meet the lock.
        let (mut message, context) = {
            let mut state = self.state.lock(py);
            if state.over {
                return Err(over());
            }
            let context = state.contexts.get(&index).map(|context| context.clone_ref(py));
            match state.packet(index, port) {
                Some(message) => match plain::own(py, message) {
                    Some((object, before)) => {
                        drop(state);
                        drop(before);
                        return Ok(Some(object));
                    }
                    None => (Some(message.clone()), context),
                },
                None => (None, context),
            }
        };
        if let Some(context) = context {
            return context.get().given(py, port)?.map(|given| given.plain(py)).transpose();
        }
        let Some(message) = &mut message else { return Ok(None) };
        let object = plain::give(py, message)?;
        if message.host_value::<PyPlain>().is_some() {
            let own = message.clone();
            let before = {
                let mut state = self.state.lock(py);
                state.packet(index, port).map(|packet| std::mem::replace(packet, own))
            };
            drop(before);
        }
        Ok(Some(object))
    }

    /// The values of a port, if nobody has looked at the ticks one by one and all are numbers.
    fn numbers<'py>(&self, py: Python<'py>, port: Option<u16>) -> PyResult<Option<Bound<'py, PyList>>> {
        let numbers = {
            let state = self.state.lock(py);
            let column = state.column.as_ref().filter(|(column, _)| Some(column.port) == port && !state.over);
            column.and_then(|(column, _)| numbers::of_messages(&column.messages))
        };
        numbers.map(|numbers| numbers::to_list(py, numbers)).transpose()
    }

    fn column<'py>(&self, py: Python<'py>, port: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyList>> {
        let port = self.names.inport(&self.node, port)?;
        if let Some(numbers) = self.numbers(py, port)? {
            return Ok(numbers);
        }
        let list = PyList::empty(py);
        for index in 0..self.count {
            let given = match port {
                Some(port) => self.given(py, index, port)?,
                None => None,
            };
            list.append(given)?;
        }
        Ok(list)
    }
}
