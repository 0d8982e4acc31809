//! Rust errors as Python exceptions. The classes live in `offbit_reflow.exceptions`, where each can have the builtin bases
//! that existing `except` clauses name.

use pyo3::exceptions::PyKeyboardInterrupt;
use pyo3::prelude::*;
use reflow_runtime::{NetworkError, NodeHandle, SendError, StreamError, WireError};

mod imported {
    #![allow(missing_docs, reason = "documented where they are defined, in Python")]
    pyo3::import_exception!(offbit_reflow.exceptions, AssetError);
    pyo3::import_exception!(offbit_reflow.exceptions, AssetNotFoundError);
    pyo3::import_exception!(offbit_reflow.exceptions, ContextError);
    pyo3::import_exception!(offbit_reflow.exceptions, ConversionError);
    pyo3::import_exception!(offbit_reflow.exceptions, ConfigError);
    pyo3::import_exception!(offbit_reflow.exceptions, EventsClosed);
    pyo3::import_exception!(offbit_reflow.exceptions, GraphCheckError);
    pyo3::import_exception!(offbit_reflow.exceptions, GraphError);
    pyo3::import_exception!(offbit_reflow.exceptions, MessageError);
    pyo3::import_exception!(offbit_reflow.exceptions, NetworkError);
    pyo3::import_exception!(offbit_reflow.exceptions, PackError);
    pyo3::import_exception!(offbit_reflow.exceptions, RunTimeout);
    pyo3::import_exception!(offbit_reflow.exceptions, StoreError);
    pyo3::import_exception!(offbit_reflow.exceptions, StreamError);
    pyo3::import_exception!(offbit_reflow.exceptions, UnknownComponentError);
    pyo3::import_exception!(offbit_reflow.exceptions, UnknownComponentsError);
    pyo3::import_exception!(offbit_reflow.exceptions, UnknownRunError);
}

pub(crate) use imported::{
    ConfigError, ContextError, ConversionError, EventsClosed, GraphCheckError, GraphError, MessageError, RunTimeout,
    UnknownComponentsError,
};

/// Imports all of them: who raises one while the interpreter goes can import nothing any more.
pub(crate) fn import_all(py: Python<'_>) {
    use pyo3::PyTypeInfo;
    imported::AssetError::type_object(py);
    imported::AssetNotFoundError::type_object(py);
    imported::ContextError::type_object(py);
    imported::ConversionError::type_object(py);
    imported::ConfigError::type_object(py);
    imported::EventsClosed::type_object(py);
    imported::GraphCheckError::type_object(py);
    imported::GraphError::type_object(py);
    imported::MessageError::type_object(py);
    imported::NetworkError::type_object(py);
    imported::PackError::type_object(py);
    imported::RunTimeout::type_object(py);
    imported::StoreError::type_object(py);
    imported::StreamError::type_object(py);
    imported::UnknownComponentError::type_object(py);
    imported::UnknownComponentsError::type_object(py);
    imported::UnknownRunError::type_object(py);
}

/// What code of a user gave, if it did not raise: where only that counts. Ctrl-C that came meanwhile is not for such code, and is
/// raised where signals are looked at next.
pub(crate) fn forgiven<T>(py: Python<'_>, result: PyResult<T>) -> Option<T> {
    let hand_on = |error: &PyErr| {
        if error.is_instance_of::<PyKeyboardInterrupt>(py) {
            let told = py.import("_thread").and_then(|thread| thread.call_method0("interrupt_main"));
            drop(told);
        }
    };
    result.inspect_err(hand_on).ok()
}

/// What an exception says: names and texts from outside command no terminal, wherever it is shown.
fn text(error: &impl ToString) -> String {
    reflow_graph::printable(&error.to_string()).into_owned()
}

/// A message of the wrong shape.
pub(crate) fn wire(error: &WireError) -> PyErr {
    MessageError::new_err(text(error))
}

/// A stream that cannot be used as asked.
pub(crate) fn stream(error: &StreamError) -> PyErr {
    imported::StreamError::new_err(text(error))
}

/// A message that could not be sent.
pub(crate) fn send(error: &SendError) -> PyErr {
    match error {
        SendError::TimedOut { .. } => RunTimeout::new_err(text(error)),
        SendError::Unstorable { .. } => ConversionError::new_err(text(error)),
        _ => imported::NetworkError::new_err(text(error)),
    }
}

/// A network that cannot do what was asked.
pub(crate) fn network(error: &NetworkError) -> PyErr {
    match error {
        NetworkError::UnknownComponent { .. } => imported::UnknownComponentError::new_err(text(error)),
        NetworkError::BadValue { .. } => ConversionError::new_err(text(error)),
        NetworkError::Journal(error) => imported::StoreError::new_err(text(error)),
        NetworkError::BadConfig { .. } | NetworkError::BadConnection { .. } => ConfigError::new_err(text(error)),
        NetworkError::Refused(diagnostics) => crate::graph::refusal(text(error), diagnostics),
        NetworkError::BadInitial { .. } | NetworkError::Graph(_) => GraphError::new_err(text(error)),
        _ => imported::NetworkError::new_err(text(error)),
    }
}

/// A store of runs that cannot do what was asked.
pub(crate) fn store(error: &reflow_store::StoreError) -> PyErr {
    match error {
        reflow_store::StoreError::NoRun { .. } => imported::UnknownRunError::new_err(text(error)),
        _ => imported::StoreError::new_err(text(error)),
    }
}

/// A pack that was refused.
pub(crate) fn pack(error: &reflow_pack::PackError) -> PyErr {
    imported::PackError::new_err(text(error))
}

/// A store of assets that cannot do what was asked.
pub(crate) fn asset(error: &reflow_assets::AssetError) -> PyErr {
    use reflow_assets::AssetError;
    match error {
        AssetError::EntityNotFound(_) | AssetError::AssetNotFound(_) => {
            imported::AssetNotFoundError::new_err(text(error))
        }
        AssetError::NoId | AssetError::TooDeep { .. } | AssetError::TooLarge { .. } => {
            ConversionError::new_err(text(error))
        }
        _ => imported::AssetError::new_err(text(error)),
    }
}

/// A template id that no catalog has.
pub(crate) fn unknown_template(id: &str, known: &[String]) -> PyErr {
    let hint = reflow_runtime::suggestion(id, known.iter().map(String::as_str));
    let hint = hint.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    imported::UnknownComponentError::new_err(text(&format!("there is no template `{id}`{hint}")))
}

/// A component that no catalog has.
pub(crate) fn unknown_component(node: &str, component: &str) -> PyErr {
    let (node, component) = (node.to_owned(), component.to_owned());
    network(&NetworkError::UnknownComponent { node, component, suggestion: None })
}

/// A graph that is not as it should be.
pub(crate) fn graph(error: &reflow_graph::Error) -> PyErr {
    match error {
        reflow_graph::Error::Refused { diagnostics } => crate::graph::refusal(text(error), diagnostics),
        reflow_graph::Error::Io(error) => pyo3::exceptions::PyOSError::new_err(text(error)),
        _ => GraphError::new_err(text(error)),
    }
}

/// A graph that is not as it should be, in a call of the given name.
pub(crate) fn graph_in(call: &str, error: &reflow_graph::Error) -> PyErr {
    GraphError::new_err(text(&format!("{call}: {error}")))
}

/// A plain state error of the network.
pub(crate) fn network_text(said: impl Into<String>) -> PyErr {
    let said: String = said.into();
    imported::NetworkError::new_err(text(&said))
}

/// An outport that the actor of a node does not have.
pub(crate) fn unknown_outport(node: &NodeHandle, port: &str) -> PyErr {
    let names = node.outports().iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let meant = node.similar_outport(port).map(|name| format!("; did you mean `{name}`?")).unwrap_or_default();
    let known = format!("{}{meant}", if names.is_empty() { "none" } else { &names });
    let (node, port) = (node.id().to_string(), reflow_graph::printable_line(port).into_owned());
    network(&NetworkError::UnknownPort { node, direction: "outport", port, known })
}

/// Whether an exception is a `NetworkError`.
pub(crate) fn is_network_error(py: Python<'_>, error: &PyErr) -> bool {
    error.is_instance_of::<imported::NetworkError>(py)
}
