//! The names of a node's ports as interned Python strings: programs write port names as literals, which Python interns, so
//! that most look-ups are one comparison of pointers.

use pyo3::prelude::*;
use pyo3::types::PyString;
use reflow_runtime::NodeHandle;

use crate::errors;

/// The names of a node's ports when it was started.
pub(crate) struct PortNames {
    inports: Vec<Py<PyString>>,
    outports: Vec<Py<PyString>>,
    /// How many outports the actor declares; others are there because something is connected to them.
    declared_outports: usize,
}

impl PortNames {
    pub(crate) fn new(py: Python<'_>, node: &NodeHandle, declared_outports: usize) -> Self {
        let interned = |name: &std::sync::Arc<str>| PyString::intern(py, name).unbind();
        Self {
            inports: node.inports().iter().map(interned).collect(),
            outports: node.outports().iter().map(interned).collect(),
            declared_outports,
        }
    }

    /// The outport of an actor that declares just one. The declared ones come first.
    pub(crate) fn only_outport(&self) -> Option<u16> {
        (self.declared_outports == 1).then_some(0)
    }

    /// The outport that `packets` packets are for; `None` if they are lost, since it is neither declared nor connected.
    ///
    /// # Errors
    /// When the actor may use no such port.
    pub(crate) fn outport(
        &self,
        node: &NodeHandle,
        name: &Bound<'_, PyString>,
        packets: usize,
    ) -> PyResult<Option<u16>> {
        if let Some(port) = same(&self.outports, name) {
            return Ok(Some(port));
        }
        let name = name.to_str()?;
        let port = node.outport(name);
        if port.is_none() {
            if !node.has_open_ports() {
                return Err(errors::unknown_outport(node, name));
            }
            node.lost(name, packets);
        }
        Ok(port)
    }

    pub(crate) fn inport(&self, node: &NodeHandle, name: &Bound<'_, PyString>) -> PyResult<Option<u16>> {
        match same(&self.inports, name) {
            Some(port) => Ok(Some(port)),
            None => Ok(node.inport(name.to_str()?)),
        }
    }

    /// The name of an inport; ports that came up later are not in the table.
    pub(crate) fn inport_name<'py>(&self, py: Python<'py>, node: &NodeHandle, port: u16) -> Bound<'py, PyString> {
        match self.inports.get(usize::from(port)) {
            Some(name) => name.bind(py).clone(),
            None => PyString::new(py, &node.inport_name(port)),
        }
    }
}

fn same(names: &[Py<PyString>], name: &Bound<'_, PyString>) -> Option<u16> {
    names.iter().position(|known| known.as_ptr() == name.as_ptr()).map(|port| port as u16)
}
