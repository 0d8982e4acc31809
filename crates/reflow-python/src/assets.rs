//! The store of assets.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict};
use reflow_assets::{AssetError, Delta, Entry, Query, Store, Watch};
use reflow_runtime::{Buffer, Value};

use crate::convert::{bytes_like, to_value, value_to_python};
use crate::errors;
use crate::executor;
use crate::exit;
use crate::wait::deadline;

/// A database of assets, as `offbit_reflow.AssetStore` uses it.
#[pyclass(frozen, name = "_AssetStore", module = "offbit_reflow._native")]
pub(crate) struct PyAssetStore(Arc<Store>);

/// Content that is to be stored.
enum Content {
    Binary(Buffer),
    Json(Value),
}

fn content(object: &Bound<'_, PyAny>) -> PyResult<Content> {
    match bytes_like(object)? {
        Some(bytes) => Ok(Content::Binary(bytes)),
        None => to_value(object).map(Content::Json),
    }
}

/// What is known of an asset.
fn facts(entry: &Entry) -> Value {
    Value::object([
        ("id", Value::String(Arc::clone(&entry.id))),
        ("name", Value::String(Arc::clone(&entry.name))),
        ("type", entry.asset_type.name().into()),
        ("size", entry.size.into()),
        ("hash", Value::String(Arc::clone(&entry.hash))),
        ("tags", Value::array(entry.tags.iter().cloned())),
        ("metadata", entry.metadata.clone()),
        ("createdAt", Value::String(Arc::clone(&entry.created_at))),
        ("updatedAt", Value::String(Arc::clone(&entry.updated_at))),
        ("isJson", entry.inline.is_some().into()),
    ])
}

fn texts(list: Vec<String>) -> Vec<Arc<str>> {
    list.into_iter().map(Into::into).collect()
}

impl PyAssetStore {
    /// Works on the store without holding the interpreter.
    fn detached<T: Send>(
        &self,
        py: Python<'_>,
        work: impl FnOnce(&Store) -> Result<T, AssetError> + Send,
    ) -> PyResult<T> {
        exit::detached(py, || work(&self.0)).map_err(|error| errors::asset(&error))
    }
}

#[pymethods]
impl PyAssetStore {
    #[new]
    fn new(path: &str) -> PyResult<Self> {
        Store::open(path).map(Self).map_err(|error| errors::asset(&error))
    }

    #[getter]
    fn path(&self) -> String {
        self.0.path().display().to_string()
    }

    /// The content of an asset, as bytes or as the JSON value, and what is known of it.
    fn get<'py>(&self, py: Python<'py>, id: &str) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyAny>)> {
        let asset = self.detached(py, |store| store.get(id))?;
        let content = match &asset.entry.inline {
            Some(value) => value_to_python(py, value)?,
            None => PyBytes::new(py, &asset.content).into_any(),
        };
        Ok((content, value_to_python(py, &facts(&asset.entry))?))
    }

    /// What is known of an asset, if there is one.
    fn entry<'py>(&self, py: Python<'py>, id: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let entry = self.detached(py, |store| store.entry(id))?;
        entry.map(|entry| value_to_python(py, &facts(&entry))).transpose()
    }

    fn contains(&self, py: Python<'_>, id: &str) -> PyResult<bool> {
        self.detached(py, |store| Ok(store.entry(id)?.is_some()))
    }

    fn ids(&self, py: Python<'_>) -> PyResult<Vec<String>> {
        self.detached(py, |store| store.read(|table| table.entries().map(|entry| entry.id.to_string()).collect()))
    }

    fn put(
        &self,
        py: Python<'_>,
        id: &str,
        data: &Bound<'_, PyAny>,
        metadata: Option<&Bound<'_, PyDict>>,
        tags: Vec<String>,
    ) -> PyResult<()> {
        let (content, tags) = (content(data)?, texts(tags));
        let metadata = metadata.map_or_else(|| Ok(Value::object::<&str, Value>([])), |metadata| to_value(metadata))?;
        self.detached(py, |store| {
            store.write(|transaction| {
                match &content {
                    Content::Binary(bytes) => transaction.put(id, bytes, metadata)?,
                    Content::Json(value) => transaction.put_json(id, value.clone(), metadata)?,
                }
                transaction.tag(id, &tags)
            })
        })
    }

    /// Replaces JSON by what `change` makes of it. `change` runs outside of the store, which it may use, and again when somebody
    /// else has changed the asset meanwhile.
    fn update<'py>(&self, py: Python<'py>, id: &str, change: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        loop {
            let before = self.detached(py, |store| store.entry(id))?;
            let old = before.as_ref().and_then(|entry| entry.inline.as_ref());
            let old = old.map_or_else(|| Ok(py.None().into_bound(py)), |value| value_to_python(py, value))?;
            let changed = change.call1((old,))?;
            let value = to_value(&changed)?;
            let is_done = self.detached(py, |store| {
                store.write(|transaction| {
                    let is_same = transaction.entry(id) == before.as_ref();
                    if is_same {
                        transaction.replace_json(id, value)?;
                    }
                    Ok(is_same)
                })
            })?;
            if is_done {
                return Ok(changed);
            }
            py.check_signals()?;
        }
    }

    fn delete(&self, py: Python<'_>, id: &str) -> PyResult<()> {
        self.detached(py, |store| store.delete(id))
    }

    fn tag(&self, py: Python<'_>, id: &str, tags: Vec<String>, replace: bool) -> PyResult<()> {
        let tags = texts(tags);
        self.detached(py, |store| {
            store.write(|transaction| if replace { transaction.set_tags(id, tags) } else { transaction.tag(id, &tags) })
        })
    }

    fn set_metadata(&self, py: Python<'_>, id: &str, metadata: &Bound<'_, PyDict>) -> PyResult<()> {
        let metadata = to_value(metadata)?;
        self.detached(py, |store| store.write(|transaction| transaction.set_metadata(id, metadata)))
    }

    fn query<'py>(&self, py: Python<'py>, query: &Bound<'py, PyDict>) -> PyResult<Bound<'py, PyAny>> {
        let query = Query::read(&to_value(query)?);
        let found = self.detached(py, |store| store.query(&query))?;
        value_to_python(py, &Value::array(found.iter().map(|entry| entry.to_row())))
    }

    fn components_of(&self, py: Python<'_>, entity: &str) -> PyResult<Vec<String>> {
        let names = self.detached(py, |store| store.read(|table| table.components_of(entity)))?;
        Ok(names.iter().map(ToString::to_string).collect())
    }

    fn entities_with(&self, py: Python<'_>, components: Vec<String>, any: bool) -> PyResult<Vec<String>> {
        let names = self.detached(py, |store| {
            let components: Vec<&str> = components.iter().map(String::as_str).collect();
            store.read(
                |table| {
                    if any { table.entities_with_any(&components) } else { table.entities_with(&components) }
                },
            )
        })?;
        Ok(names.iter().map(ToString::to_string).collect())
    }

    fn snapshot<'py>(&self, py: Python<'py>, entity: &str) -> PyResult<Bound<'py, PyAny>> {
        let snapshot = self.detached(py, |store| store.read(|table| table.snapshot(entity)))?;
        value_to_python(py, &snapshot)
    }

    fn spawn(&self, py: Python<'_>, template: &str, new: &str) -> PyResult<usize> {
        self.detached(py, |store| store.write(|transaction| Ok(transaction.spawn(template, new))))
    }

    fn destroy(&self, py: Python<'_>, entity: &str) -> PyResult<usize> {
        self.detached(py, |store| store.write(|transaction| Ok(transaction.destroy(entity))))
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let stats = self.detached(py, Store::stats)?;
        let stats = Value::object([
            ("assetCount", Value::from(stats.assets)),
            ("totalBytes", stats.bytes.into()),
            ("types", Value::object(stats.types)),
            ("backend", stats.backend.into()),
        ]);
        value_to_python(py, &stats)
    }

    fn flush(&self, py: Python<'_>) -> PyResult<()> {
        self.detached(py, Store::flush)
    }

    fn watch(&self, capacity: usize) -> PyAssetWatch {
        let waiting = Arc::new((Mutex::new(Waiting { capacity, ..Waiting::default() }), Condvar::new()));
        let heard = Arc::clone(&waiting);
        let watch = self.0.watch(move |delta| {
            let mut waiting = heard.0.lock();
            if waiting.deltas.len() >= waiting.capacity {
                waiting.deltas.pop_front();
                waiting.dropped += 1;
            }
            waiting.deltas.push_back(delta.clone());
            heard.1.notify_all();
        });
        PyAssetWatch { store: Arc::clone(&self.0), waiting, watch: Mutex::new(Some(watch)) }
    }
}

/// Brings all databases of the process to the disk.
#[pyfunction]
pub(crate) fn _flush_assets(py: Python<'_>) -> PyResult<()> {
    exit::detached(py, Store::flush_all).map_err(|error| errors::asset(&error))
}

#[derive(Default)]
struct Waiting {
    deltas: VecDeque<Delta>,
    capacity: usize,
    dropped: u64,
}

/// Changes of a database, as they happen.
#[pyclass(frozen, name = "_AssetWatch", module = "offbit_reflow._native")]
pub(crate) struct PyAssetWatch {
    store: Arc<Store>,
    waiting: Arc<(Mutex<Waiting>, Condvar)>,
    watch: Mutex<Option<Watch>>,
}

/// How often the changes of other processes are looked for, and Ctrl-C.
const LOOK: Duration = Duration::from_millis(50);

impl PyAssetWatch {
    /// The next change, if there is one by then.
    fn next_until(&self, until: Instant) -> Result<Option<Delta>, AssetError> {
        // Others may have changed something: looking tells.
        self.store.read(|_| ())?;
        let mut waiting = self.waiting.0.lock();
        if waiting.deltas.is_empty() {
            self.waiting.1.wait_until(&mut waiting, until);
        }
        Ok(waiting.deltas.pop_front())
    }
}

#[pymethods]
impl PyAssetWatch {
    #[getter]
    fn dropped(&self) -> u64 {
        self.waiting.0.lock().dropped
    }

    fn recv<'py>(&self, py: Python<'py>, timeout: Option<f64>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let end = timeout.and_then(deadline);
        loop {
            if self.watch.lock().is_none() {
                return Ok(None);
            }
            let step = Instant::now() + LOOK;
            let until = end.map_or(step, |end| end.min(step));
            let found = executor::blocking(py, || self.next_until(until)).map_err(|error| errors::asset(&error))?;
            if let Some(delta) = found {
                return value_to_python(py, &delta.to_value()).map(Some);
            }
            py.check_signals()?;
            if end.is_some_and(|end| Instant::now() >= end) {
                return Ok(None);
            }
        }
    }

    fn close(&self) {
        let watch = self.watch.lock().take();
        drop(watch);
    }
}
