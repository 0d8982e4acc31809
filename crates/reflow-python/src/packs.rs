//! Actor packs: loading and inspecting `.rflpack` files.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use parking_lot::Mutex;
use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use reflow_pack::{LoadOptions, LoadedPack, PackError, Trust};
use reflow_runtime::Value;

use crate::catalog;
use crate::component::PyComponent;
use crate::convert;
use crate::errors;
use crate::exit;

type Texts = BTreeMap<String, String>;

/// A pack that is checked and unpacked, but not there yet: its Python part is to be imported first.
#[pyclass(module = "offbit_reflow._native", frozen)]
pub(crate) struct OpenPack(Mutex<Option<reflow_pack::OpenPack>>);

#[pymethods]
impl OpenPack {
    /// The name of the pack.
    #[getter]
    fn name(&self) -> String {
        self.0.lock().as_ref().map_or_else(String::new, |pack| pack.name().to_owned())
    }

    /// Where its Python part was unpacked, the class of each template, and the SHA-256 of each file; None if there is none,
    /// or if the pack is there already.
    #[getter]
    fn python(&self) -> Option<(PathBuf, Texts, Texts)> {
        let opened = self.0.lock();
        let python = opened.as_ref()?.python()?;
        Some((python.directory.clone(), python.classes.clone(), python.files.clone()))
    }

    /// Makes the pack available, with a handle on each of its Python templates; the ids of all its templates.
    fn register(&self, py: Python<'_>, handles: BTreeMap<String, Py<PyComponent>>) -> PyResult<Vec<String>> {
        let opened = self.0.lock().take().ok_or_else(|| PyRuntimeError::new_err("the pack is registered already"))?;
        let handles = handles.into_iter().map(|(id, handle)| (id, Arc::clone(&handle.get().component))).collect();
        let pack = exit::detached(py, || catalog::register(opened, handles)).map_err(|error| errors::pack(&error))?;
        Ok(pack.templates.clone())
    }

    /// Forgets the pack; nothing of it is left.
    fn discard(&self, py: Python<'_>) {
        let opened = self.0.lock().take();
        exit::detached(py, || drop(opened));
    }
}

/// Checks and unpacks a pack.
#[pyfunction]
#[pyo3(signature = (path, allow_python, trusted_keys=None))]
pub(crate) fn _open_pack(
    py: Python<'_>,
    path: PathBuf,
    allow_python: bool,
    trusted_keys: Option<Vec<String>>,
) -> PyResult<OpenPack> {
    let keys = trusted_keys.map(|keys| keys.iter().map(|key| key.parse()).collect::<Result<Vec<_>, PackError>>());
    let trust = keys.transpose().map_err(|error| errors::pack(&error))?.map_or(Trust::Any, Trust::SignedBy);
    let reserved = catalog::bundled_ids().into_iter().collect();
    let options = LoadOptions { trust, allow_python, reserved, ..LoadOptions::default() };
    let opened =
        exit::detached(py, || reflow_pack::open_pack(&path, &options)).map_err(|error| errors::pack(&error))?;
    Ok(OpenPack(Mutex::new(Some(opened))))
}

/// The manifest of a pack; no code of it is run.
///
/// Examples
/// --------
/// >>> from offbit_reflow import inspect_pack
/// >>> inspect_pack("acme-words.rflpack")["templates"]  # doctest: +SKIP
/// ['acme_words_shout']
#[pyfunction]
pub(crate) fn inspect_pack(py: Python<'_>, path: PathBuf) -> PyResult<Bound<'_, PyAny>> {
    let manifest = exit::detached(py, || reflow_pack::inspect_pack(&path).map(|manifest| Value::from(&manifest)));
    convert::value_to_python(py, &manifest.map_err(|error| errors::pack(&error))?)
}

/// The packs that are loaded: name, version, file and templates of each.
///
/// Examples
/// --------
/// >>> from offbit_reflow import list_packs
/// >>> sorted(pack["name"] for pack in list_packs())  # doctest: +SKIP
/// ['acme-words']
#[pyfunction]
pub(crate) fn list_packs(py: Python<'_>) -> PyResult<Bound<'_, PyList>> {
    let packs = PyList::empty(py);
    for pack in reflow_pack::list_packs() {
        packs.append(describe(py, &pack)?)?;
    }
    Ok(packs)
}

/// The version of the binary interface between packs and this release, as one number.
///
/// Examples
/// --------
/// >>> from offbit_reflow import pack_abi_version
/// >>> hex(pack_abi_version())
/// '0x10003'
#[pyfunction]
pub(crate) fn pack_abi_version() -> u32 {
    reflow_pack::pack_abi_version()
}

/// Runs one `reflow pack` command line; what it said, and the error it ended with.
#[pyfunction]
pub(crate) fn _pack_command(py: Python<'_>, arguments: Vec<String>) -> (String, Option<String>) {
    exit::detached(py, || {
        let mut said = String::new();
        let error = reflow_pack::tool::run(arguments, &mut said).err();
        (said, error.map(|error| error.to_string()))
    })
}

/// Calls a command of a loaded pack, something that it does outside of networks; what it answers.
#[pyfunction]
pub(crate) fn _call_pack<'py>(
    py: Python<'py>,
    pack: &str,
    command: &str,
    arguments: &Bound<'py, PyAny>,
) -> PyResult<Bound<'py, PyAny>> {
    let arguments = convert::to_value(arguments)?;
    let answer = exit::detached(py, || reflow_pack::call_pack(pack, command, &arguments));
    convert::value_to_python(py, &answer.map_err(|error| errors::pack(&error))?)
}

fn describe<'py>(py: Python<'py>, pack: &LoadedPack) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    dict.set_item("name", &pack.name)?;
    dict.set_item("version", &pack.version)?;
    dict.set_item("source_path", pack.source_path.to_string_lossy())?;
    dict.set_item("templates", &pack.templates)?;
    Ok(dict)
}
