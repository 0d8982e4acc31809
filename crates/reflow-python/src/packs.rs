//! Actor packs: loading and inspecting `.rflpack` files.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use reflow_pack::{LoadOptions, LoadedPack, PackError, Trust};
use reflow_runtime::Value;

use crate::convert;
use crate::errors;

/// Loads a pack; the ids of its templates, and where its Python part was unpacked with the class of each template.
#[pyfunction]
#[pyo3(signature = (path, allow_python, trusted_keys=None))]
pub(crate) fn _load_pack(
    py: Python<'_>,
    path: PathBuf,
    allow_python: bool,
    trusted_keys: Option<Vec<String>>,
) -> PyResult<Bound<'_, PyDict>> {
    let keys = trusted_keys.map(|keys| keys.iter().map(|key| key.parse()).collect::<Result<Vec<_>, PackError>>());
    let trust = keys.transpose().map_err(|error| errors::pack(&error))?.map_or(Trust::Any, Trust::SignedBy);
    let options = LoadOptions { trust, allow_python, cache_directory: None };
    let pack = py.detach(|| reflow_pack::load_pack(&path, &options)).map_err(|error| errors::pack(&error))?;
    let dict = describe(py, &pack)?;
    if let Some((directory, classes)) = &pack.python {
        dict.set_item("python", (directory, classes))?;
    }
    Ok(dict)
}

/// The manifest of a pack; no code of it is run.
#[pyfunction]
pub(crate) fn inspect_pack(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyAny>> {
    let manifest = reflow_pack::inspect_pack(&path).map_err(|error| errors::pack(&error))?;
    convert::value_to_python(py, &Value::from(&manifest))
}

/// The packs that are loaded: name, version, file and templates of each.
#[pyfunction]
pub(crate) fn list_packs(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let packs = PyList::empty(py);
    for pack in reflow_pack::list_packs() {
        packs.append(describe(py, &pack)?)?;
    }
    Ok(packs)
}

/// The version of the binary interface between packs and this release, as one number.
#[pyfunction]
pub(crate) fn pack_abi_version() -> u32 {
    reflow_pack::pack_abi_version()
}

/// Runs one `reflow pack` command line; what it said, and the error it ended with.
#[pyfunction]
pub(crate) fn _pack_command(py: Python<'_>, arguments: Vec<String>) -> (String, Option<String>) {
    py.detach(|| {
        let mut said = String::new();
        let error = reflow_pack::tool::run(arguments, &mut said).err();
        (said, error.map(|error| error.to_string()))
    })
}

fn describe<'py>(py: Python<'py>, pack: &LoadedPack) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("name", &pack.name)?;
    dict.set_item("version", &pack.version)?;
    dict.set_item("source_path", pack.source_path.to_string_lossy())?;
    dict.set_item("templates", &pack.templates)?;
    Ok(dict)
}
