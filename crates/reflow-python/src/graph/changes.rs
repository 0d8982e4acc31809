//! `GraphChanges`: what happens to a graph, for one subscriber.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::exceptions::PyStopIteration;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use reflow_graph::{Change, Watch};

use super::json;
use super::view::PyGraphView;

/// The changes of a graph since the subscription, oldest first. Iterating ends when none is left to read.
///
/// Examples
/// --------
/// >>> from offbit_reflow import Graph
/// >>> graph = Graph("g")
/// >>> changes = graph.subscribe()
/// >>> graph.add_node("a", "x")
/// >>> len(list(changes))
/// 1
#[pyclass(name = "GraphChanges", module = "offbit_reflow", frozen)]
pub(crate) struct PyChanges {
    graph: Py<PyGraphView>,
    watch: Mutex<Option<Watch>>,
    unread: Mutex<VecDeque<Arc<Change>>>,
}

impl PyChanges {
    pub(crate) fn new(graph: &Bound<'_, PyGraphView>) -> Self {
        let watch = Mutex::new(Some(graph.get().graph.lock().watch()));
        Self { graph: graph.clone().unbind(), watch, unread: Mutex::default() }
    }

    fn fetch(&self) {
        if let Some(watch) = &*self.watch.lock() {
            self.unread.lock().extend(self.graph.get().graph.lock().drain(watch));
        }
    }

    fn end(&self) {
        if let Some(watch) = self.watch.lock().take() {
            self.graph.get().graph.lock().unwatch(watch);
        }
    }
}

#[pymethods]
impl PyChanges {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.graph)
    }

    /// Everything that was not read yet.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> changes = graph.subscribe()
    /// >>> graph.add_node("a", "x")
    /// >>> len(changes.drain()), len(changes.drain())
    /// (1, 0)
    fn drain<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        self.fetch();
        let changes: Vec<Arc<Change>> = self.unread.lock().drain(..).collect();
        json::to_python(py, &changes)
    }

    /// Ends the subscription.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> changes = graph.subscribe()
    /// >>> graph.add_node("a", "x")
    /// >>> changes.close()
    fn close(&self) {
        self.end();
    }

    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        if self.unread.lock().is_empty() {
            self.fetch();
        }
        let next = self.unread.lock().pop_front();
        next.map_or_else(|| Err(PyStopIteration::new_err(())), |change| json::to_python(py, &change))
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exc))]
    fn __exit__(&self, _exc: &Bound<'_, PyAny>) {
        self.end();
    }
}

impl Drop for PyChanges {
    fn drop(&mut self) {
        self.end();
    }
}
