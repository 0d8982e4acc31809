//! `Once`: what is made once and kept for good, without threads that wait for each other. A fork in the middle of it would leave
//! a child with a thread to wait for that it does not have.

use std::sync::OnceLock;

use pyo3::PyTypeCheck;
use pyo3::prelude::*;

/// A value that the first attached thread makes. Of several that come first at once, each makes one, and one is kept.
pub(crate) struct Once<T>(OnceLock<T>);

impl<T> Once<T> {
    pub(crate) const fn new() -> Self {
        Self(OnceLock::new())
    }

    pub(crate) fn get_or_init(&self, _py: Python<'_>, make: impl FnOnce() -> T) -> &T {
        match self.0.get() {
            Some(value) => value,
            None => self.keep(make()),
        }
    }

    pub(crate) fn get_or_try_init(&self, _py: Python<'_>, make: impl FnOnce() -> PyResult<T>) -> PyResult<&T> {
        match self.0.get() {
            Some(value) => Ok(value),
            None => Ok(self.keep(make()?)),
        }
    }

    fn keep(&self, value: T) -> &T {
        // Nothing in here lets another thread of the interpreter come in between.
        self.0.get_or_init(|| value)
    }
}

impl<T: PyTypeCheck> Once<Py<T>> {
    /// Something of a module.
    pub(crate) fn import<'py>(&self, py: Python<'py>, module: &str, name: &str) -> PyResult<&Bound<'py, T>> {
        let import = || Ok(py.import(module)?.getattr(name)?.cast_into::<T>()?.unbind());
        Ok(self.get_or_try_init(py, import)?.bind(py))
    }
}

/// A text as an interned Python string, made once.
macro_rules! intern {
    ($py:expr, $text:expr) => {{
        static TEXT: $crate::once::Once<pyo3::Py<pyo3::types::PyString>> = $crate::once::Once::new();
        let py: pyo3::Python<'_> = $py;
        TEXT.get_or_init(py, || pyo3::types::PyString::intern(py, $text).unbind()).bind(py)
    }};
}
pub(crate) use intern;
