//! `compose_graphs`.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyMapping};
use reflow_graph::{ComposeRequest, GraphExport};
use rustc_hash::FxHashMap;

use super::json;
use crate::errors::{self, GraphError};
use crate::exit;

/// Puts several graphs into one; the result is a `GraphExport` dict.
#[pyfunction]
pub(crate) fn compose_graphs<'py>(py: Python<'py>, composition: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
    let request = request_of(composition)?;
    let composed = exit::detached(py, || reflow_graph::compose(&request));
    json::to_python(py, &composed.map_err(|error| errors::graph_in("compose_graphs", &error))?)
}

fn request_of(request: &Bound<'_, PyAny>) -> PyResult<ComposeRequest> {
    let mapping =
        request.cast::<PyMapping>().map_err(|_| json::expected_mapping("composition parse: the request", request))?;
    let rest = PyDict::new(request.py());
    rest.update(mapping)?;
    let graphs = rest.get_item("graphs")?;
    if graphs.is_some() {
        rest.del_item("graphs")?;
    }
    let read = ComposeRequest::from_value(&json::json_of(rest.as_any())?);
    let read = read.map_err(|error| errors::graph_in("composition parse", &error))?;
    Ok(ComposeRequest { graphs: graphs.map(|graphs| graphs_of(&graphs)).transpose()?.unwrap_or_default(), ..read })
}

/// The graphs of a request. One that stands there several times is read once.
fn graphs_of(graphs: &Bound<'_, PyAny>) -> PyResult<Vec<Arc<GraphExport>>> {
    let mut known: FxHashMap<usize, Arc<GraphExport>> = FxHashMap::default();
    let not_a_list = |_| GraphError::new_err("composition parse: graphs must be a list");
    let graphs = graphs.try_iter().map_err(not_a_list)?.collect::<PyResult<Vec<_>>>()?;
    let export = |graph: &Bound<'_, PyAny>| {
        if let Some(export) = known.get(&(graph.as_ptr() as usize)) {
            return Ok(Arc::clone(export));
        }
        let export = Arc::new(json::export_of(graph)?);
        known.insert(graph.as_ptr() as usize, Arc::clone(&export));
        Ok(export)
    };
    graphs.iter().map(export).collect()
}
