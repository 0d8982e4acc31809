//! `_native.Actor`: a handle on a component, whatever it is made of.

use std::sync::Arc;

use pyo3::gc::{PyTraverseError, PyVisit};
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use reflow_runtime::{Component, PortSpec};

use crate::attached::Attached;
use crate::convert;
use crate::exit;
use crate::template::{Declaration, PythonComponent};

/// A component that nodes can be made of: a catalog template, a subgraph, or a Python actor.
#[pyclass(name = "Actor", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyComponent {
    pub(crate) component: Arc<dyn Component>,
    origin: Origin,
}

/// What the component is made of, as far as the garbage collector is concerned.
enum Origin {
    Native,
    Python(Arc<PythonComponent>),
    /// A subgraph, with the handles of the components in it.
    Subgraph(Attached<Vec<Py<PyComponent>>>),
}

impl PyComponent {
    pub(crate) fn new(component: Arc<dyn Component>) -> Self {
        Self { component, origin: Origin::Native }
    }

    pub(crate) fn subgraph(component: Arc<dyn Component>, inner: Vec<Py<PyComponent>>) -> Self {
        Self { component, origin: Origin::Subgraph(Attached::new(inner)) }
    }
}

#[pymethods]
impl PyComponent {
    /// A component whose nodes call `make()` once for the object that they run.
    #[staticmethod]
    fn _from_python(py: Python<'_>, make: Py<PyAny>, declaration: Declaration) -> PyResult<Self> {
        let component = Arc::new(PythonComponent::new(py, make, declaration)?);
        Ok(Self { component: Arc::clone(&component) as Arc<dyn Component>, origin: Origin::Python(component) })
    }

    /// A component whose ticks call `callable(ctx)`.
    #[staticmethod]
    #[pyo3(signature = (component, inports, outports, callable, await_all_inports=false))]
    fn from_callback<'py>(
        py: Python<'py>,
        component: &str,
        inports: Vec<String>,
        outports: Vec<String>,
        callable: Py<PyAny>,
        await_all_inports: bool,
    ) -> PyResult<Bound<'py, Self>> {
        let helper = py.import("offbit_reflow._actor")?.getattr("_from_callback")?;
        let built = helper.call1((component, inports, outports, callable, await_all_inports))?;
        Ok(built.cast_into::<Self>()?)
    }

    /// Ports, config schema and documentation, as a dict.
    pub(crate) fn info<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let spec = self.component.spec();
        let info = PyDict::new(py);
        info.set_item("id", &*spec.id)?;
        info.set_item("title", &*spec.documentation.title)?;
        info.set_item("category", &*spec.documentation.category)?;
        info.set_item("summary", &*spec.documentation.summary)?;
        info.set_item("documentation", &*spec.documentation.text)?;
        info.set_item("inports", ports(py, &spec.inports)?)?;
        info.set_item("outports", ports(py, &spec.outports)?)?;
        info.set_item("config_schema", convert::value_to_python(py, &spec.config_schema)?)?;
        Ok(info)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.origin {
            Origin::Native => Ok(()),
            Origin::Python(component) => component.traverse(&visit),
            Origin::Subgraph(inner) => {
                let inner = inner.seen_by(&visit);
                inner.iter().flat_map(|inner| inner.iter()).try_for_each(|component| visit.call(component))
            }
        }
    }

    fn __clear__(&self) {
        exit::attach(|py| match &self.origin {
            Origin::Native => {}
            Origin::Python(component) => component.clear(py),
            Origin::Subgraph(inner) => drop(std::mem::take(&mut *inner.lock(py))),
        });
    }

    fn __repr__(&self) -> String {
        format!("<Actor {}>", self.component.spec().id)
    }
}

fn ports<'py>(py: Python<'py>, specs: &[PortSpec]) -> PyResult<Bound<'py, PyList>> {
    let list = PyList::empty(py);
    for spec in specs {
        let port = PyDict::new(py);
        port.set_item("name", &*spec.name)?;
        port.set_item("type", spec.port_type.to_string())?;
        port.set_item("summary", &*spec.summary)?;
        port.set_item("required", spec.required)?;
        list.append(port)?;
    }
    Ok(list)
}
