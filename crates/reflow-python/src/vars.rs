//! `Vars`: the variables of a run, as Python sees them.

use pyo3::exceptions::{PyKeyError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use reflow_runtime::{NodeHandle, Running, Value, VarChange};

use crate::convert;
use crate::exit;

/// Who asks: an actor, or somebody outside.
pub(crate) enum Asker {
    /// With the number of the tick that changes belong to.
    Node(NodeHandle, u64),
    Outside(Running),
}

/// The variables of a run: a tree of values that all its nodes share. A name may be a path, `"a.b"`. Every call is atomic.
///
/// Examples
/// --------
/// >>> from offbit_reflow import Network
/// >>> net = Network()
/// >>> net.add_node("a", "tpl_passthrough")
/// >>> with net:
/// ...     net.start()
/// ...     net.vars.incr("seen.total", 2)
/// ...     net.vars.all()
/// 2
/// {'seen': {'total': 2}}
#[pyclass(name = "Vars", module = "offbit_reflow._native", frozen)]
pub(crate) struct PyVars(pub(crate) Asker);

impl PyVars {
    fn change(&self, py: Python<'_>, change: VarChange) -> PyResult<Value> {
        exit::detached(py, || match &self.0 {
            Asker::Node(node, tick) => node.change_var(*tick, change),
            Asker::Outside(running) => running.change_var(change),
        })
        .map_err(PyValueError::new_err)
    }

    fn find(&self, path: &str) -> PyResult<Option<Value>> {
        let vars = match &self.0 {
            Asker::Node(node, _) => node.vars(),
            Asker::Outside(running) => running.vars(),
        };
        vars.get(path).map_err(PyValueError::new_err)
    }
}

#[pymethods]
impl PyVars {
    /// The value of a variable, or `default`.
    #[pyo3(signature = (name, default=None))]
    fn get<'py>(
        &self,
        py: Python<'py>,
        name: &str,
        default: Option<Bound<'py, PyAny>>,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self.find(name)? {
            Some(value) => convert::value_to_python(py, &value).map(Some),
            None => Ok(default),
        }
    }

    /// Sets a variable, or all those of a mapping.
    #[pyo3(signature = (name, value=None))]
    fn set(&self, py: Python<'_>, name: &Bound<'_, PyAny>, value: Option<&Bound<'_, PyAny>>) -> PyResult<()> {
        if let Ok(values) = name.cast::<PyDict>() {
            for (name, value) in convert::pairs_of(values) {
                let name: String = name.extract()?;
                self.change(py, VarChange::Set(name.into(), convert::to_value(&value)?))?;
            }
            return Ok(());
        }
        let name: String = name.extract()?;
        let value = value.map(convert::to_value).transpose()?.unwrap_or_default();
        self.change(py, VarChange::Set(name.into(), value)).map(drop)
    }

    /// Merges a mapping into a variable, member by member; into all of them without a name.
    #[pyo3(signature = (name, values=None))]
    fn merge<'py>(
        &self,
        py: Python<'py>,
        name: &Bound<'py, PyAny>,
        values: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let (path, values) = match values {
            Some(values) => (name.extract::<String>()?, convert::to_value(values)?),
            None => (String::new(), convert::to_value(name)?),
        };
        if values.as_object().is_none() {
            return Err(PyValueError::new_err("merge() takes a mapping"));
        }
        let merged = self.change(py, VarChange::Merge(path.into(), values))?;
        convert::value_to_python(py, &merged)
    }

    /// Counts a variable up, from 0 if there is none; the answer is its new value.
    #[pyo3(signature = (name, by=None))]
    fn incr<'py>(&self, py: Python<'py>, name: &str, by: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyAny>> {
        let by = by.map(convert::to_value).transpose()?.unwrap_or(Value::Integer(1));
        let sum = self.change(py, VarChange::Add(name.into(), by))?;
        convert::value_to_python(py, &sum)
    }

    /// Takes variables away; the answer is the value of the last.
    #[pyo3(signature = (*names))]
    fn unset<'py>(&self, py: Python<'py>, names: Vec<String>) -> PyResult<Bound<'py, PyAny>> {
        let mut last = Value::Null;
        for name in names {
            last = self.change(py, VarChange::Unset(name.into()))?;
        }
        convert::value_to_python(py, &last)
    }

    /// All of them.
    fn all<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let all = match &self.0 {
            Asker::Node(node, _) => node.vars().all(),
            Asker::Outside(running) => running.vars().all(),
        };
        convert::value_to_python(py, &all)
    }

    fn __getitem__<'py>(&self, py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyAny>> {
        let value = self.find(name)?.ok_or_else(|| PyKeyError::new_err(name.to_owned()))?;
        convert::value_to_python(py, &value)
    }

    fn __setitem__(&self, py: Python<'_>, name: &str, value: &Bound<'_, PyAny>) -> PyResult<()> {
        self.change(py, VarChange::Set(name.into(), convert::to_value(value)?)).map(drop)
    }

    fn __delitem__(&self, py: Python<'_>, name: &str) -> PyResult<()> {
        if self.find(name)?.is_none() {
            return Err(PyKeyError::new_err(name.to_owned()));
        }
        self.change(py, VarChange::Unset(name.into())).map(drop)
    }

    fn __contains__(&self, name: &str) -> PyResult<bool> {
        Ok(self.find(name)?.is_some())
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("<Vars {}>", self.all(py)?.repr()?))
    }
}
