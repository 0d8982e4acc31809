//! What a pack hands to the runtime: its name, components, actors, failures.

use std::ffi::c_void;

use super::types::{ReflowMessage, ReflowStatus, ReflowStr, ReflowTick, ReflowValue};

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
    /// `text`, `open_ports`. A property of `config_schema` that is `writeOnly` holds a secret: its value is kept out of everything
    /// that the runtime tells.
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

    /// Since 1.3. What depends on the config of a node and on its connections, asked when a network starts: an owned object with
    /// `firing` (as in the descriptor) and `concurrency` (how many ticks of the node run at once), each optional; or null.
    /// `connected` is the list of the inports that packets can come to. May be null.
    pub adapt: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            config: *const ReflowValue,
            connected: *const ReflowValue,
        ) -> *mut ReflowValue,
    >,
    /// Since 1.3. Gives `context` back, for a component that a source has found. May be null.
    pub release: Option<unsafe extern "C" fn(context: *mut c_void)>,
}

/// Since 1.3. Templates that a pack knows only at run time, or has too many of to describe all of them beforehand.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ReflowSource {
    /// `sizeof(ReflowSource)` where the pack was built.
    pub size: u32,
    /// 0.
    pub reserved: u32,
    /// What the functions are called with. They may be called from several threads at once, at any time.
    pub context: *mut c_void,
    /// The ids, an owned list of texts. It may grow and shrink while the pack is loaded.
    pub list: Option<unsafe extern "C" fn(context: *mut c_void) -> *mut ReflowValue>,
    /// Describes the template with an id: fills `component`, and `descriptor` with an owned String message, which stands for the
    /// descriptor of the component. `REFLOW_FAILED` when there is none.
    pub find: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            id: ReflowStr,
            component: *mut ReflowComponent,
            descriptor: *mut ReflowMessage,
        ) -> ReflowStatus,
    >,
}

/// Since 1.3. Something that a pack does for programs, outside of any network.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
pub struct ReflowCommand {
    /// `sizeof(ReflowCommand)` where the pack was built.
    pub size: u32,
    /// 0.
    pub reserved: u32,
    /// The name that it is called by.
    pub name: ReflowStr,
    /// What `call` is called with.
    pub context: *mut c_void,
    /// Does it: an owned value, or null after telling why with `create_fail`. May be called from several threads at once.
    pub call: Option<
        unsafe extern "C" fn(
            context: *mut c_void,
            arguments: *const ReflowValue,
            errors: *mut c_void,
        ) -> *mut ReflowValue,
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
