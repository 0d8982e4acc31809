//! `GraphJournal`: a graph's changes in a file.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use parking_lot::Mutex;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use reflow_graph::Journal;

use super::view::PyGraphView;
use crate::errors::{self, GraphError};

/// Writes what happens to a graph into a file, one JSON line a change.
///
/// Examples
/// --------
/// >>> import pathlib, tempfile
/// >>> from offbit_reflow import Graph
/// >>> path = pathlib.Path(tempfile.mkdtemp()) / "changes.jsonl"
/// >>> graph = Graph("g")
/// >>> journal = graph.journal(path)
/// >>> graph.add_node("a", "x")
/// >>> journal.close()
/// >>> "x" in path.read_text()
/// True
#[pyclass(name = "GraphJournal", module = "offbit_reflow", frozen)]
pub(crate) struct PyJournal {
    graph: Py<PyGraphView>,
    journal: Mutex<Option<Journal<BufWriter<File>>>>,
}

impl PyJournal {
    pub(crate) fn start(graph: &Bound<'_, PyGraphView>, path: &Path) -> PyResult<Self> {
        let file = BufWriter::new(File::create(path)?);
        let journal = Journal::start(&mut graph.get().graph.lock(), file).map_err(|error| errors::graph(&error))?;
        Ok(Self { graph: graph.clone().unbind(), journal: Mutex::new(Some(journal)) })
    }

    fn finish(&self) -> reflow_graph::Result<()> {
        let Some(journal) = self.journal.lock().take() else { return Ok(()) };
        journal.finish(&mut self.graph.get().graph.lock())?;
        Ok(())
    }
}

#[pymethods]
impl PyJournal {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.graph)
    }

    /// Writes the changes since the last call; how many there were.
    ///
    /// Examples
    /// --------
    /// >>> import pathlib, tempfile
    /// >>> from offbit_reflow import Graph
    /// >>> path = pathlib.Path(tempfile.mkdtemp()) / "changes.jsonl"
    /// >>> graph = Graph("g")
    /// >>> journal = graph.journal(path)
    /// >>> graph.add_node("a", "x")
    /// >>> journal.record()
    /// 1
    /// >>> journal.close()
    fn record(&self) -> PyResult<usize> {
        let mut journal = self.journal.lock();
        let journal = journal.as_mut().ok_or_else(|| GraphError::new_err("the journal is closed"))?;
        journal.record(&mut self.graph.get().graph.lock()).map_err(|error| errors::graph(&error))
    }

    /// Writes what is left and closes the file.
    ///
    /// Examples
    /// --------
    /// >>> import pathlib, tempfile
    /// >>> from offbit_reflow import Graph
    /// >>> path = pathlib.Path(tempfile.mkdtemp()) / "changes.jsonl"
    /// >>> graph = Graph("g")
    /// >>> journal = graph.journal(path)
    /// >>> graph.add_node("a", "x")
    /// >>> journal.close()
    /// >>> "x" in path.read_text()
    /// True
    fn close(&self) -> PyResult<()> {
        self.finish().map_err(|error| errors::graph(&error))
    }

    fn __enter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    #[pyo3(signature = (*_exc))]
    fn __exit__(&self, _exc: &Bound<'_, PyAny>) -> PyResult<()> {
        self.close()
    }
}

impl Drop for PyJournal {
    fn drop(&mut self) {
        // Nobody is left to hear of a disk that is full.
        let _ = self.finish();
    }
}
