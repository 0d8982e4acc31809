//! `TickBatch`: many ticks in one call of `run`.

use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::exceptions::{PyIndexError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyInt, PyList, PyString};
use reflow_runtime::{Attempt, Message, NodeHandle, Packets, Step};

use crate::context::{Conclusion, PyContext, Start};
use crate::convert;
use crate::errors::ContextError;
use crate::names::PortNames;

struct Slot {
    inputs: Packets,
    emitted: Packets,
    sequence: u64,
    number: u32,
    context: Option<Py<PyContext>>,
}

struct State {
    slots: Vec<Slot>,
    done: bool,
    over: bool,
}

/// The ticks of one call, as a sequence of contexts and as columns: `batch["in"]` is the list of all values of a port, and
/// `done({"out": [...]})` answers all ticks at once.
#[pyclass(name = "TickBatch", module = "offbit_reflow", frozen)]
pub(crate) struct PyBatch {
    node: NodeHandle,
    names: Arc<PortNames>,
    state: Mutex<State>,
}

/// An attempt that goes on elsewhere: tick, try and context.
type Held = (u64, u32, Py<PyContext>);

impl PyBatch {
    /// Calls `run` with a batch of all attempts.
    pub(crate) fn run(
        py: Python<'_>,
        node: &NodeHandle,
        names: &Arc<PortNames>,
        run: &Bound<'_, PyAny>,
        attempts: &mut [Attempt],
    ) -> PyResult<(Vec<Step>, Vec<Held>)> {
        let slots = attempts
            .iter_mut()
            .map(|attempt| Slot {
                inputs: std::mem::take(&mut attempt.inputs),
                emitted: Packets::new(),
                sequence: attempt.sequence,
                number: attempt.number,
                context: None,
            })
            .collect();
        let batch = Bound::new(
            py,
            Self {
                node: node.clone(),
                names: Arc::clone(names),
                state: Mutex::new(State { slots, done: false, over: false }),
            },
        )?;
        let result = run.call1((&batch,)).and_then(|value| batch.get().accept(&value));
        let failure = result.err().map(|error| crate::actor::failure_of(py, error));
        let mut state = batch.get().state.lock();
        state.over = true;
        let done = state.done;
        let mut held = Vec::new();
        let mut steps = Vec::with_capacity(attempts.len());
        for (slot, attempt) in state.slots.iter_mut().zip(attempts) {
            attempt.emitted = std::mem::take(&mut slot.emitted);
            let step = match slot.context.take() {
                Some(context) => conclude(py, context, attempt, done, &mut held),
                None if done => Step::Done,
                None => Step::Failed(crate::actor::unresolved()),
            };
            steps.push(match (step, &failure) {
                (Step::Failed(_), Some(failure)) => Step::Failed(failure.clone()),
                (step, _) => step,
            });
            if attempt.inputs.is_empty() {
                attempt.inputs = std::mem::take(&mut slot.inputs);
            }
        }
        Ok((steps, held))
    }

    /// What `run` returned: a dict of columns, or a list of one dict a tick.
    fn accept(&self, value: &Bound<'_, PyAny>) -> PyResult<()> {
        if let Ok(columns) = value.cast::<PyDict>() {
            return if self.state.lock().done { Ok(()) } else { self.done(Some(columns)) };
        }
        let Ok(rows) = value.cast::<PyList>() else { return Ok(()) };
        for (index, row) in rows.iter().enumerate() {
            let context = self.context(value.py(), index)?;
            if !row.is_none() {
                context.bind(value.py()).get().done_with(&row)?;
            }
        }
        Ok(())
    }

    fn context(&self, py: Python<'_>, index: usize) -> PyResult<Py<PyContext>> {
        let mut state = self.state.lock();
        let over = state.over;
        let count = state.slots.len();
        let Some(slot) = state.slots.get_mut(index) else {
            return Err(PyIndexError::new_err(format!("tick {index} of a batch of {count}")));
        };
        if let Some(context) = &slot.context {
            return Ok(context.clone_ref(py));
        }
        if over {
            return Err(ContextError::new_err("this batch is over; keep the ticks that are to be resolved later"));
        }
        let context = Py::new(py, PyContext::new(self.node.clone(), Arc::clone(&self.names)))?;
        let (inputs, sequence, number) = (slot.inputs.clone(), slot.sequence, slot.number);
        context.get().begin(py, Start { inputs, sequence, number, ..Start::default() });
        slot.context = Some(context.clone_ref(py));
        Ok(context)
    }
}

fn conclude(py: Python<'_>, context: Py<PyContext>, attempt: &mut Attempt, done: bool, held: &mut Vec<Held>) -> Step {
    let this = context.get();
    match this.conclude(py) {
        Conclusion::Done { emitted, finish, .. } => {
            attempt.emitted.extend(emitted);
            attempt.finish |= finish;
            Step::Done
        }
        Conclusion::Failed { failure, finish } => {
            attempt.finish |= finish;
            Step::Failed(failure)
        }
        Conclusion::Unresolved if done => Step::Done,
        Conclusion::Unresolved if this.is_deferred(py) || crate::references::count(context.bind(py)) > 1 => {
            this.leave_open(py);
            held.push((attempt.sequence, attempt.number, context));
            Step::Pending
        }
        Conclusion::Unresolved => Step::Failed(crate::actor::unresolved()),
    }
}

#[pymethods]
impl PyBatch {
    fn __len__(&self) -> usize {
        self.state.lock().slots.len()
    }

    fn __getitem__<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(port) = key.cast::<PyString>() {
            return self.column(py, port).map(Bound::into_any);
        }
        let index = key.cast::<PyInt>().map_err(|_| convert::wrong_type("a tick number or a port name", key))?;
        let index: isize = index.extract()?;
        let at = if index < 0 { index + self.__len__() as isize } else { index };
        let at = usize::try_from(at).map_err(|_| PyIndexError::new_err(format!("tick {index} of the batch")))?;
        Ok(self.context(py, at)?.into_bound(py).into_any())
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let contexts = (0..self.__len__()).map(|index| self.context(py, index)).collect::<PyResult<Vec<_>>>()?;
        Ok(PyList::new(py, contexts)?.try_iter()?.into_any())
    }

    #[pyo3(signature = (outputs=None))]
    fn done(&self, outputs: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        let count = self.__len__();
        let mut columns = Vec::new();
        for (port, values) in outputs.into_iter().flat_map(PyDictMethods::iter) {
            let name = port.cast::<PyString>().map_err(|_| convert::wrong_type("a port name (str)", &port))?;
            let mut column = Vec::with_capacity(count);
            if let Ok(list) = values.cast::<PyList>() {
                for value in list.iter() {
                    column.push(convert::to_message(&value)?);
                }
            } else {
                for value in values.try_iter()? {
                    column.push(convert::to_message(&value?)?);
                }
            }
            if column.len() != count {
                return Err(PyValueError::new_err(format!(
                    "outputs for port '{name}': expected one value a tick ({count}), got {}",
                    column.len()
                )));
            }
            columns.extend(self.names.outport(&self.node, name)?.map(|port| (port, column)));
        }
        let mut state = self.state.lock();
        if state.done || state.over {
            return Err(ContextError::new_err("this batch is already resolved"));
        }
        state.done = true;
        for (port, column) in columns {
            for (slot, message) in state.slots.iter_mut().zip(column) {
                slot.emitted.push((port, message));
            }
        }
        Ok(())
    }

    fn __repr__(&self) -> String {
        format!("<TickBatch node={:?} ticks={}>", self.node.id(), self.__len__())
    }
}

impl PyBatch {
    fn column<'py>(&self, py: Python<'py>, port: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyList>> {
        let index = self.names.inport(&self.node, port)?;
        // Copied out first: making Python objects may run other code, which must not meet the lock.
        let messages: Vec<Option<Message>> = {
            let state = self.state.lock();
            let find =
                |slot: &Slot| slot.inputs.iter().find(|(at, _)| Some(*at) == index).map(|(_, message)| message.clone());
            state.slots.iter().map(find).collect()
        };
        let list = PyList::empty(py);
        for message in &messages {
            match message {
                Some(message) => list.append(convert::plain_to_python(py, message)?)?,
                None => list.append(py.None())?,
            }
        }
        Ok(list)
    }
}
