//! Python data as parts of a graph, and back.
//!
//! The way in is that of every config, so the same values are accepted. The way out is JSON text, which `json.loads` reads
//! faster than anything could build the same dicts one by one, and which keeps the order of keys.

use crate::exit;
use crate::once::intern;
use indexmap::IndexMap;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString};
use reflow_graph::{Error, GraphExport, MAX_DEPTH, Map, Metadata, Name, PortType};
use reflow_runtime::Value;
use rustc_hash::FxHashMap;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;

use super::view::PyGraphView;
use crate::convert;
use crate::errors::{self, ConversionError, GraphError};
use crate::message::PyMessage;

/// How deep a part of a graph may be: with what is around it in a file (graph, list, connection, end), it can be read back.
const MAX_PART_DEPTH: usize = MAX_DEPTH - 4;

/// Anything of a graph as plain dicts and lists.
pub(crate) fn to_python<'py>(py: Python<'py>, part: &(impl Serialize + Sync)) -> PyResult<Bound<'py, PyAny>> {
    let text =
        exit::detached(py, || serde_json::to_string(part)).map_err(|error| GraphError::new_err(error.to_string()))?;
    py.import(intern!(py, "json"))?.call_method1(intern!(py, "loads"), (text,))
}

/// JSON-shaped data.
pub(crate) fn json_of(object: &Bound<'_, PyAny>) -> PyResult<Json> {
    part_of(&convert::to_value(object)?)
}

/// The JSON of a part of a graph.
fn part_of(value: &Value) -> PyResult<Json> {
    json_within(value, MAX_PART_DEPTH)
}

/// JSON of a graph is a tree that is walked by recursion, so what is too deep for one never becomes one.
fn json_within(value: &Value, limit: usize) -> PyResult<Json> {
    if value.depth() > limit {
        return Err(errors::graph(&Error::TooDeep { limit }));
    }
    Ok(Json::from(value))
}

/// The JSON of a packet: of a plain value, a message, or bytes.
pub(crate) fn packet_of(object: &Bound<'_, PyAny>) -> PyResult<Json> {
    if let Ok(message) = object.cast_exact::<PyMessage>() {
        return part_of(&message.get().message.to_wire());
    }
    match convert::bytes_like(object)? {
        Some(bytes) => part_of(&reflow_runtime::Message::Bytes(bytes).to_wire()),
        None => json_of(object),
    }
}

/// A mapping argument; nothing for `None`.
pub(crate) fn map_of(name: &str, object: Option<&Bound<'_, PyAny>>) -> PyResult<Option<Map>> {
    Ok(match part_of(&convert::mapping_to_value(name, object)?)? {
        Json::Object(map) => Some(map),
        _ => None,
    })
}

/// A `metadata` argument.
pub(crate) fn metadata_of(object: Option<&Bound<'_, PyAny>>) -> PyResult<Metadata> {
    map_of("metadata", object).map(Metadata::from)
}

/// A `port_type` argument: `{"type": "integer"}`, or the word alone.
pub(crate) fn port_type_of(object: Option<&Bound<'_, PyAny>>) -> PyResult<PortType> {
    match object.map(json_of).transpose()? {
        None | Some(Json::Null) => Ok(PortType::Any),
        Some(Json::String(word)) => read("port_type", serde_json::json!({ "type": word })),
        Some(json) => read("port_type", json),
    }
}

/// Reads any part of a graph.
pub(crate) fn read<T: DeserializeOwned>(name: &str, json: Json) -> PyResult<T> {
    serde_json::from_value(json).map_err(|error| GraphError::new_err(format!("{name}: {error}")))
}

/// The graph that a `Graph`, a `GraphExport` dict or JSON text stands for.
pub(crate) fn export_of(object: &Bound<'_, PyAny>) -> PyResult<GraphExport> {
    let py = object.py();
    if let Ok(view) = object.cast::<PyGraphView>() {
        return Ok(view.get().export(py));
    }
    let read = if let Ok(text) = object.cast::<PyString>() {
        let text = text.to_str()?;
        exit::detached(py, || GraphExport::from_json(text))
    } else {
        let value = convert::to_value(object)?;
        if value.as_object().is_none() {
            let found = value.kind();
            return Err(GraphError::new_err(format!("expected a Graph, a GraphExport dict or JSON text, got {found}")));
        }
        let json = json_within(&value, MAX_DEPTH)?;
        exit::detached(py, || GraphExport::from_value(&json))
    };
    let mut export = read.map_err(|error: Error| errors::graph(&error))?;
    if let Ok(dict) = object.cast::<PyDict>() {
        order_by(&mut export.processes, dict, "processes")?;
        order_by(&mut export.inports, dict, "inports")?;
        order_by(&mut export.outports, dict, "outports")?;
    }
    Ok(export)
}

/// Puts entries into the order they have in Python; on the way they were sorted by key.
fn order_by<T>(entries: &mut IndexMap<Name, T>, dict: &Bound<'_, PyDict>, key: &str) -> PyResult<()> {
    let Some(given) = dict.get_item(key)? else { return Ok(()) };
    let keys = given.try_iter()?.map(|key| key?.extract::<String>()).collect::<PyResult<Vec<_>>>()?;
    let places: FxHashMap<&str, usize> = keys.iter().map(String::as_str).zip(0..).collect();
    entries.sort_by_cached_key(|name, _| places.get(name.as_str()).copied());
    Ok(())
}

/// What is said about a request that is no mapping.
pub(crate) fn expected_mapping(what: &str, object: &Bound<'_, PyAny>) -> PyErr {
    let found = object.get_type().name().map_or_else(|_| "?".into(), |name| name.to_string());
    ConversionError::new_err(format!("{what} must be a mapping, got {found}"))
}
