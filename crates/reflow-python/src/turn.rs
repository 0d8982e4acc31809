//! `Turn`: how a thread enters the `contextvars.Context` of a task to poll it.

use std::sync::{Mutex, PoisonError};

use pyo3::prelude::*;
use pyo3::sync::MutexExt;
use pyo3::types::PyTuple;

use crate::executor::{Runnable, lock};

/// The next turn of a thread, for `contextvars.Context.run`.
#[pyclass(name = "_Turn", module = "offbit_reflow._native", frozen)]
pub(crate) struct Turn(Mutex<Option<Runnable>>);

#[pymethods]
impl Turn {
    /// Bound methods without arguments are what the interpreter calls fastest.
    fn take(&self) {
        let runnable = lock(&self.0).take();
        if let Some(runnable) = runnable {
            runnable.run();
        }
    }
}

/// The turn of a thread, and the arguments that run it.
pub(crate) struct Entry<'py> {
    turn: Bound<'py, Turn>,
    arguments: Bound<'py, PyTuple>,
}

impl<'py> Entry<'py> {
    pub(crate) fn new(py: Python<'py>) -> PyResult<Self> {
        let turn = Bound::new(py, Turn(Mutex::new(None)))?;
        let arguments = PyTuple::new(py, [turn.getattr(crate::once::intern!(py, "take"))?])?;
        Ok(Self { turn, arguments })
    }

    pub(crate) fn py(&self) -> Python<'py> {
        self.turn.py()
    }

    /// For a thread that comes and goes.
    pub(crate) fn keep(self) -> KeptEntry {
        KeptEntry { turn: self.turn.unbind(), arguments: self.arguments.unbind() }
    }
}

/// An [`Entry`] that no thread is attached for.
pub(crate) struct KeptEntry {
    turn: Py<Turn>,
    arguments: Py<PyTuple>,
}

impl KeptEntry {
    pub(crate) fn bind<'py>(&self, py: Python<'py>) -> Entry<'py> {
        Entry { turn: self.turn.bind(py).clone(), arguments: self.arguments.bind(py).clone() }
    }
}

/// Runs a turn in the context whose `run` this is, as soon as the last one has left it.
pub(crate) fn run_in(run: &Py<PyAny>, inside: &Mutex<()>, entry: &Entry<'_>, runnable: Runnable) {
    let py = entry.turn.py();
    let _inside = inside.lock_py_attached(py).unwrap_or_else(PoisonError::into_inner);
    let turn = entry.turn.get();
    *lock(&turn.0) = Some(runnable);
    let ran = run.bind(py).call(&entry.arguments, None);
    // What a turn leaves is told by its node; an exception here was meant for the thread. If it kept the turn from beginning:
    drop(ran);
    turn.take();
}
