//! `SubgraphBuilder`.

use std::sync::Arc;

use indexmap::IndexMap;
use parking_lot::Mutex;
use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use reflow_graph::GraphExport;
use reflow_runtime::{Component, Network, Subgraph};

use super::json;
use crate::attached::Attached;
use crate::component::PyComponent;
use crate::convert;
use crate::errors;
use crate::exit;

/// Makes a component of a graph and the components of its nodes.
#[pyclass(name = "SubgraphBuilder", module = "offbit_reflow._native", subclass, frozen)]
pub(crate) struct PySubgraphBuilder {
    export: Arc<GraphExport>,
    components: Mutex<IndexMap<String, Arc<dyn Component>>>,
    /// The handles of those that were registered: what the garbage collector can follow.
    handles: Attached<IndexMap<String, Py<PyComponent>>>,
}

#[pymethods]
impl PySubgraphBuilder {
    #[new]
    fn new(export: &Bound<'_, PyAny>) -> PyResult<Self> {
        Ok(Self {
            export: Arc::new(json::export_of(export)?),
            components: Mutex::default(),
            handles: Attached::new(IndexMap::new()),
        })
    }

    /// Registers a native handle under a component name, in place of what had it.
    fn _register(&self, component_name: &str, actor: &Bound<'_, PyAny>) -> PyResult<()> {
        let handle = actor.cast::<PyComponent>().map_err(|_| convert::wrong_type("a native handle", actor))?;
        self.components.lock().insert(component_name.to_owned(), Arc::clone(&handle.get().component));
        let before = self.handles.lock(actor.py()).insert(component_name.to_owned(), handle.clone().unbind());
        drop(before);
        Ok(())
    }

    fn fill_from_catalog(&self) -> PyResult<()> {
        let mut catalog = Network::new();
        crate::catalog::attach(&mut catalog);
        let mut components = self.components.lock();
        for (node, process) in &self.export.processes {
            if components.contains_key(&*process.component) {
                continue;
            }
            let unknown = || errors::unknown_component(node, &process.component);
            let component = catalog.component(&process.component).ok_or_else(unknown)?;
            components.insert(process.component.to_string(), component);
        }
        Ok(())
    }

    fn build(&self, py: Python<'_>) -> PyResult<PyComponent> {
        let components = self.components.lock().clone();
        let subgraph = exit::detached(py, || Subgraph::new(Arc::clone(&self.export), components));
        let subgraph = subgraph.map_err(|error| errors::network(&error))?;
        let inner = self.handles.lock(py).values().map(|handle| handle.clone_ref(py)).collect();
        Ok(PyComponent::subgraph(Arc::new(subgraph), inner))
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let handles = self.handles.seen_by(&visit);
        handles.iter().flat_map(|handles| handles.values()).try_for_each(|handle| visit.call(handle))
    }

    fn __clear__(&self) {
        let handles = exit::attach(|py| std::mem::take(&mut *self.handles.lock(py)));
        drop(handles);
    }

    fn __repr__(&self) -> String {
        let registered = self.components.lock().len();
        format!(
            "<SubgraphBuilder {:?}: {} nodes, {registered} components>",
            self.export.name(),
            self.export.processes.len()
        )
    }
}
