//! What a pack hands to the runtime: its name, components, actors, failures.

use std::ffi::c_void;

use super::types::{ReflowStatus, ReflowStr, ReflowTick, ReflowValue};

/// Who a pack is.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ReflowPackInfo {
    /// `sizeof(ReflowPackInfo)` where the pack was built.
    pub size: u32,
    /// `REFLOW_PACK_ABI_VERSION` where the pack was built.
    pub abi_version: u32,
    /// The name; the manifest's wins when there is one.
    pub name: ReflowStr,
    /// The version, likewise.
    pub version: ReflowStr,
}

/// A template that nodes are made from.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ReflowComponent {
    /// `sizeof(ReflowComponent)` where the pack was built.
    pub size: u32,
    /// 0.
    pub reserved: u32,
    /// A JSON object: `id`, `inports`, `outports`, `firing`, `source`, `config_schema`, `title`, `category`, `summary`,
    /// `text`.
    pub descriptor: ReflowStr,
    /// What `create` is called with.
    pub context: *mut c_void,
    /// Makes the actor of one node into `actor`. When `config` is not what the component needs, answers
    /// `REFLOW_FAILED` after telling why with `create_fail`. May be called from several threads at once.
    pub create: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            config: *const ReflowValue,
            actor: *mut ReflowActor,
            errors: *mut c_void,
        ) -> ReflowStatus,
    >,
}

/// The actor of one node.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ReflowActor {
    /// What the functions are called with.
    pub data: *mut c_void,
    /// The functions; valid for as long as the process.
    pub table: *const ReflowActorTable,
}

/// The functions of an actor. They are called one at a time, though not always from the same thread.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ReflowActorTable {
    /// `sizeof(ReflowActorTable)` where the pack was built.
    pub size: u32,
    /// `REFLOW_SYNC`, `REFLOW_BLOCKING`, `REFLOW_ASYNC` or `REFLOW_HEAVY`.
    pub style: u32,
    /// Once, before the first tick. May be null.
    pub setup: Option<unsafe extern "C" fn(data: *mut c_void, tick: *mut ReflowTick) -> ReflowStatus>,
    /// One tick. `REFLOW_OK` commits: what was emitted leaves together. Everything but `REFLOW_OK` and
    /// `REFLOW_PENDING` is a failure; `tick_fail` tells which.
    pub run: Option<unsafe extern "C" fn(data: *mut c_void, tick: *mut ReflowTick) -> ReflowStatus>,
    /// Once, when no further tick can come; may still send. May be null.
    pub finalize: Option<unsafe extern "C" fn(data: *mut c_void, tick: *mut ReflowTick) -> ReflowStatus>,
    /// Goes on with a call that answered `REFLOW_PENDING`; for async actors.
    pub resume: Option<unsafe extern "C" fn(data: *mut c_void, tick: *mut ReflowTick) -> ReflowStatus>,
    /// Ends a call that answered `REFLOW_PENDING` without going on: its tick is gone. For async actors; may be null.
    pub cancel: Option<unsafe extern "C" fn(data: *mut c_void)>,
    /// Once, at the very end, however the run ended: frees `data`.
    pub destroy: Option<unsafe extern "C" fn(data: *mut c_void)>,

    /// Since 1.1. A signal from outside, between ticks. May be null.
    pub on_signal: Option<
        unsafe extern "C" fn(
            data: *mut c_void,
            tick: *mut ReflowTick,
            kind: ReflowStr,
            value: *const ReflowValue,
        ) -> ReflowStatus,
    >,
}

/// Why a tick did not succeed.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ReflowFailure {
    /// `sizeof(ReflowFailure)` where the pack was built.
    pub size: u32,
    /// 1: another attempt is pointless. 0: it is worth one. −1: the node's policy decides.
    pub permanent: i32,
    /// What went wrong, for people.
    pub message: ReflowStr,
    /// A short stable word for programs; `failed` when empty.
    pub reason: ReflowStr,
}
