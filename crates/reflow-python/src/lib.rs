//! The Python host and the `offbit_reflow._native` module: conversions, errors, and what polls Python nodes; nothing else.
#![allow(
    clippy::doc_markdown,
    clippy::doc_link_with_quotes,
    reason = "what is said of classes and methods is their docstring in Python, with examples in Python"
)]
#![deny(unsafe_code)]
#![allow(
    clippy::needless_pass_by_value,
    clippy::wrong_self_convention,
    clippy::option_option,
    reason = "signatures follow Python's calls: arguments come by value, names are the public ones, and None has a meaning"
)]

mod actor;
mod assets;
mod attached;
mod batch;
mod bell;
mod borrowed;
mod cache;
mod catalog;
mod classes;
mod clock;
mod component;
mod context;
mod convert;
mod errors;
mod events;
mod executor;
mod exit;
mod failures;
mod fork;
mod graph;
#[cfg(guarded)]
mod guarded;
mod inputs;
mod json;
mod last_call;
mod layout;
mod life;
mod loop_host;
mod message;
mod names;
mod network;
mod numbers;
mod once;
mod packs;
#[cfg(feature = "families")]
mod pictures;
mod plain;
mod protect;
mod question;
mod references;
mod run;
mod script;
mod sending;
mod settings;
mod store;
mod stream;
mod template;
mod tick;
mod ticks;
mod turn;
mod vars;
mod wait;

/// The native half of `offbit_reflow`.
#[pyo3::pymodule]
mod _native {
    #[pymodule_export]
    use crate::assets::{_flush_assets, PyAssetStore, PyAssetWatch};
    #[pymodule_export]
    use crate::batch::PyBatch;
    #[pymodule_export]
    use crate::bell::{PyBell, PyWake};
    #[pymodule_export]
    use crate::cache::PyCache;
    #[pymodule_export]
    use crate::catalog::{template_actor, template_info, template_list};
    #[pymodule_export]
    use crate::clock::{PyAlarm, PyClock, PySignalWait};
    #[pymodule_export]
    use crate::component::PyComponent;
    #[pymodule_export]
    use crate::context::PyContext;
    #[pymodule_export]
    use crate::events::{PyEventStream, PyListener};
    #[pymodule_export]
    use crate::executor::{enter_pool, enter_run, worker_threads};
    #[pymodule_export]
    use crate::exit::{busy_workers, keep_thread, keep_waiting_threads};
    #[pymodule_export]
    use crate::graph::{PyChanges, PyGraph, PyGraphView, PyJournal, PySubgraphBuilder, compose_graphs};
    #[pymodule_export]
    use crate::loop_host::PyLoopHost;
    #[pymodule_export]
    use crate::message::PyMessage;
    #[pymodule_export]
    use crate::network::PyNetwork;
    #[pymodule_export]
    use crate::packs::{_call_pack, _open_pack, _pack_command, OpenPack, inspect_pack, list_packs, pack_abi_version};
    #[cfg(feature = "families")]
    #[pymodule_export]
    use crate::pictures::{_draw_mesh, _png_of};
    #[pymodule_export]
    use crate::question::PyQuestion;
    #[pymodule_export]
    use crate::run::{PyEnding, PyRun};
    #[pymodule_export]
    use crate::script::PyScript;
    #[pymodule_export]
    use crate::sending::PySending;
    #[pymodule_export]
    use crate::store::{PyRunJournal, PyStore};
    #[pymodule_export]
    use crate::stream::{PyStream, PyStreamReader, PyWriting};
    #[pymodule_export]
    use crate::tick::PyTick;
    #[pymodule_export]
    use crate::ticks::PyTicks;
    #[pymodule_export]
    use crate::turn::Turn;
    #[pymodule_export]
    use crate::vars::PyVars;
    #[pymodule_export]
    use crate::wait::{enter_loop, on_loop};

    #[pymodule_init]
    fn init(module: &pyo3::Bound<'_, pyo3::types::PyModule>) -> pyo3::PyResult<()> {
        use pyo3::types::PyModuleMethods;
        module.add("__version__", env!("CARGO_PKG_VERSION"))?;
        crate::errors::import_all(module.py());
        crate::plain::read_stored_values();
        crate::plain::make_values();
        crate::fork::register(module)
    }
}
