//! Loading libraries and everything that crosses the C ABI on the runtime's side: the only unsafe code of this crate.
#![allow(unsafe_code, reason = "this module is the boundary to foreign code")]

mod actor_async;
mod actor_blocking;
mod actor_sync;
mod builder;
mod call;
mod component;
mod exit;
mod foreign;
mod library;
mod message;
mod node;
mod registry;
mod secret;
mod source;
mod stream;
mod table;
mod tick;
mod value;

use std::path::Path;

use library::Library;
use reflow_pack_sdk::abi::{REFLOW_OK, ReflowHost, ReflowRegistry, ReflowStatus};
use registry::Registry;

use crate::abi_version::AbiVersion;
use crate::error::PackError;

pub(crate) use component::PackComponent;
pub(crate) use source::{PackCommand, PackSource};

/// What a library has registered.
pub(crate) struct Registered {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) components: Vec<PackComponent>,
    pub(crate) sources: Vec<PackSource>,
    pub(crate) commands: Vec<PackCommand>,
}

type AskVersion = unsafe extern "C" fn() -> u32;
type Register = unsafe extern "C" fn(*const ReflowHost, *mut ReflowRegistry) -> ReflowStatus;

/// Loads the library at `library`, which belongs to the pack at `path`, and lets it register. It stays loaded.
pub(crate) fn load(path: &Path, library: &Path, entrypoint: &str) -> Result<Registered, PackError> {
    let library = Library::open(library).map_err(|problem| PackError::Library { path: path.into(), problem })?;
    let symbol = |name: &str| {
        library.symbol(name).ok_or_else(|| PackError::MissingSymbol { path: path.into(), symbol: name.into() })
    };
    let (ask_version, register) = (symbol("reflow_pack_abi_version")?, symbol(entrypoint)?);
    // SAFETY: a library with these names is a pack, and the ABI says what their types are in every version.
    let (version, register) = unsafe {
        let ask_version: AskVersion = std::mem::transmute(ask_version);
        (AbiVersion(ask_version()), std::mem::transmute::<*const (), Register>(register))
    };
    if !version.is_supported() {
        return Err(PackError::Abi { path: path.into(), pack: version });
    }
    let mut registry = Registry::default();
    // SAFETY: the table lives as long as the process, the registry as long as the call.
    let status = unsafe { register(&raw const table::HOST, (&raw mut registry).cast()) };
    registry.finish(status == REFLOW_OK).map_err(|problem| PackError::Registration { path: path.into(), problem })
}

/// The user that this process runs as.
#[cfg(unix)]
pub(crate) fn own_uid() -> u32 {
    // SAFETY: has no preconditions and cannot fail.
    unsafe { libc::geteuid() }
}
