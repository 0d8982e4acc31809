//! Forking: a child has one thread, and must neither wait for a lock that another one held nor take itself for a thread of the
//! executor or of the asyncio loop.

use pyo3::prelude::*;
use pyo3::types::PyDict;

use crate::executor;
use crate::exit;
use crate::loop_host;
use crate::wait;

/// Has Python call the hooks below around `os.fork`, where there is one.
pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    let py = module.py();
    let Ok(register) = py.import("os")?.getattr("register_at_fork") else { return Ok(()) };
    let hooks = PyDict::new(py);
    hooks.set_item("before", wrap_pyfunction!(before, module)?)?;
    hooks.set_item("after_in_parent", wrap_pyfunction!(after_in_parent, module)?)?;
    hooks.set_item("after_in_child", wrap_pyfunction!(after_in_child, module)?)?;
    register.call((), Some(&hooks)).map(drop)
}

#[pyfunction]
fn before() {
    executor::hold_locks();
}

#[pyfunction]
fn after_in_parent() {
    executor::release_locks();
}

#[pyfunction]
fn after_in_child() {
    executor::release_locks();
    executor::leave();
    loop_host::leave();
    wait::leave_loop();
    exit::forget_threads();
}
