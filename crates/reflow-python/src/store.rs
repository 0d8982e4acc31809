//! `Store`: runs that outlive their process, as Python sees them.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use reflow_runtime::ResultCache;
use reflow_runtime::journal::Journal;
use reflow_store::{NewRun, RunFilter, RunJournal, RunRow, Store, StoreError};

use crate::cache::PyCache;
use crate::errors;
use crate::exit;
use crate::message::PyMessage;

/// A store of runs.
#[pyclass(name = "Store", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyStore(pub(crate) Arc<Store>);

/// The journal of one run, with its lease.
#[pyclass(name = "RunJournal", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyRunJournal(Arc<RunJournal>);

impl PyRunJournal {
    pub(crate) fn journal(&self) -> Arc<dyn Journal> {
        Arc::clone(&self.0) as _
    }

    /// The results that its store keeps.
    pub(crate) fn results(&self) -> Arc<dyn ResultCache> {
        self.0.store().results()
    }
}

fn in_store<T: Send>(py: Python<'_>, work: impl FnOnce() -> Result<T, StoreError> + Send) -> PyResult<T> {
    exit::detached(py, work).map_err(|error| errors::store(&error))
}

#[pymethods]
impl PyStore {
    #[new]
    fn new(py: Python<'_>, path: std::path::PathBuf) -> PyResult<Self> {
        in_store(py, || Store::open(&path)).map(Self)
    }

    #[getter]
    fn path(&self) -> std::path::PathBuf {
        self.0.path().to_path_buf()
    }

    /// Whether it can write no more.
    #[getter]
    fn _failed(&self) -> bool {
        self.0.has_failed()
    }

    /// Results of ticks that are kept in it.
    fn _cache(&self) -> PyCache {
        PyCache(self.0.results())
    }

    /// What results there are: component, count, bytes, and when the last one was made.
    fn _cache_rows(&self, py: Python<'_>) -> PyResult<Vec<(String, u64, u64, f64)>> {
        let rows = in_store(py, || self.0.cache_rows())?;
        Ok(rows.into_iter().map(|row| (row.component, row.results, row.bytes, row.newest)).collect())
    }

    /// Begins a run.
    #[pyo3(signature = (run_id, title, graph))]
    fn _create(&self, py: Python<'_>, run_id: Option<String>, title: String, graph: String) -> PyResult<PyRunJournal> {
        let run = NewRun { id: run_id, title, graph };
        in_store(py, || RunJournal::create(&self.0, run)).map(PyRunJournal)
    }

    /// Goes on with a run; with another graph if one is given.
    #[pyo3(signature = (run_id, graph=None))]
    fn _resume(&self, py: Python<'_>, run_id: &str, graph: Option<String>) -> PyResult<PyRunJournal> {
        in_store(py, || RunJournal::resume(&self.0, &self.0.run(run_id)?, graph)).map(PyRunJournal)
    }

    /// The graph of a run as JSON, and its state.
    fn _graph(&self, py: Python<'_>, run_id: &str) -> PyResult<(String, String)> {
        in_store(py, || self.0.run(run_id)).map(|run| (run.graph, run.state))
    }

    /// Whether there is such a run to go on with.
    fn _has(&self, py: Python<'_>, run_id: &str) -> PyResult<bool> {
        match exit::detached(py, || self.0.run(run_id)) {
            Ok(_) => Ok(true),
            Err(StoreError::NoRun { .. }) => Ok(false),
            Err(error) => Err(errors::store(&error)),
        }
    }

    #[pyo3(signature = (state=None, text=None, since=None, limit=None))]
    fn _runs<'py>(
        &self,
        py: Python<'py>,
        state: Option<String>,
        text: Option<String>,
        since: Option<f64>,
        limit: Option<usize>,
    ) -> PyResult<Bound<'py, PyList>> {
        let filter = RunFilter { state, text, since, limit };
        let rows = in_store(py, || self.0.runs(&filter))?;
        let list = PyList::empty(py);
        for row in &rows {
            list.append(run_row(py, row)?)?;
        }
        Ok(list)
    }

    fn _details<'py>(&self, py: Python<'py>, run_id: &str) -> PyResult<Bound<'py, PyDict>> {
        let details = in_store(py, || self.0.details(run_id))?;
        let dict = run_row(py, &details.run)?;
        dict.set_item("graph", &details.graph)?;
        let nodes = PyList::empty(py);
        for node in &details.nodes {
            let row = PyDict::new(py);
            row.set_item("node", &node.node)?;
            row.set_item("component", &node.component)?;
            row.set_item("state", &node.state)?;
            row.set_item("ticks", node.ticks)?;
            row.set_item("packets_in", node.packets_in)?;
            row.set_item("packets_out", node.packets_out)?;
            row.set_item("failures", node.failures)?;
            row.set_item("retries", node.retries)?;
            row.set_item("started", node.started)?;
            row.set_item("ended", node.ended)?;
            nodes.append(row)?;
        }
        dict.set_item("nodes", nodes)?;
        let failures = PyList::empty(py);
        for failure in details.failures {
            let row = PyDict::new(py);
            row.set_item("node", &failure.node)?;
            row.set_item("tick", failure.tick)?;
            row.set_item("attempt", failure.attempt)?;
            row.set_item("will_retry", failure.will_retry)?;
            row.set_item("error", &failure.error)?;
            row.set_item("reason", &failure.reason)?;
            row.set_item("traceback", failure.traceback.as_deref())?;
            let inputs = PyDict::new(py);
            for (port, message) in failure.inputs {
                inputs.set_item(port, PyMessage::object(py, message)?)?;
            }
            row.set_item("inputs", inputs)?;
            row.set_item("at", failure.at)?;
            failures.append(row)?;
        }
        dict.set_item("failures", failures)?;
        let timeline = PyList::empty(py);
        for moment in &details.timeline {
            timeline.append((moment.at, moment.node.as_deref(), &moment.what, moment.detail.as_deref()))?;
        }
        dict.set_item("timeline", timeline)?;
        Ok(dict)
    }

    #[pyo3(signature = (run_id=None, older_than_s=None, keep=None, interrupted=false))]
    fn _prune(
        &self,
        py: Python<'_>,
        run_id: Option<&str>,
        older_than_s: Option<f64>,
        keep: Option<usize>,
        interrupted: bool,
    ) -> PyResult<Vec<String>> {
        in_store(py, || self.0.prune(run_id, older_than_s, keep, interrupted))
    }
}

fn run_row<'py>(py: Python<'py>, row: &RunRow) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("run_id", &row.id)?;
    dict.set_item("title", &row.title)?;
    dict.set_item("state", &row.state)?;
    dict.set_item("reason", row.reason.as_deref())?;
    dict.set_item("created", row.created)?;
    dict.set_item("ended", row.ended)?;
    dict.set_item("starts", row.starts)?;
    dict.set_item("pid", row.pid)?;
    dict.set_item("ticks", row.ticks)?;
    dict.set_item("failed_ticks", row.failures)?;
    Ok(dict)
}

#[pymethods]
impl PyRunJournal {
    #[getter]
    fn run_id(&self) -> &str {
        self.0.run_id()
    }
}
