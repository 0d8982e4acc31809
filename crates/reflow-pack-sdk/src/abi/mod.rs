//! The C ABI between a runtime and a pack, as Rust definitions; `include/reflow_pack.h` is generated from them.
//!
//! Rules of the house: a minor version only adds, at the end of a struct or as a new constant; every struct that may grow
//! begins with its size; whoever reads a struct of an older minor takes what is not there as absent. Functions never
//! unwind. Text is UTF-8 with a length. Everything that is "borrowed" is valid until the function that got it returns,
//! unless it says otherwise; everything "owned" is given back with its `_drop` function.

mod actor;
mod host;
mod types;

pub use actor::{
    ReflowActor, ReflowActorTable, ReflowCommand, ReflowComponent, ReflowFailure, ReflowPackInfo, ReflowSource,
};
pub use host::ReflowHost;
pub use types::{
    REFLOW_ANY, REFLOW_ARRAY, REFLOW_ASYNC, REFLOW_BLOCKING, REFLOW_BOOLEAN, REFLOW_BYTES, REFLOW_CLOSED,
    REFLOW_ENCODED, REFLOW_ERROR, REFLOW_EVENT, REFLOW_FAILED, REFLOW_FLOAT, REFLOW_FLOW, REFLOW_FOREVER,
    REFLOW_FRAME_BEGIN, REFLOW_FRAME_DATA, REFLOW_FRAME_END, REFLOW_FRAME_ERROR, REFLOW_FULL, REFLOW_HEAVY,
    REFLOW_INTEGER, REFLOW_INVALID, REFLOW_NETWORK_EVENT, REFLOW_NO_PORT, REFLOW_OBJECT, REFLOW_OK, REFLOW_OPTIONAL,
    REFLOW_PENDING, REFLOW_REMOTE_REFERENCE, REFLOW_STREAM, REFLOW_STRING, REFLOW_SYNC, REFLOW_TIMED_OUT,
    REFLOW_UNKNOWN_SIZE, REFLOW_VALUE_ARRAY, REFLOW_VALUE_BOOLEAN, REFLOW_VALUE_FLOAT, REFLOW_VALUE_INTEGER,
    REFLOW_VALUE_NULL, REFLOW_VALUE_OBJECT, REFLOW_VALUE_STRING, REFLOW_VALUE_UNSIGNED, ReflowBuilder, ReflowBytes,
    ReflowDatum, ReflowFrame, ReflowInput, ReflowMessage, ReflowNode, ReflowPayload, ReflowReader, ReflowRegistry,
    ReflowScalar, ReflowStatus, ReflowStr, ReflowTick, ReflowValue, ReflowWaker, ReflowWriter,
};

/// The major version of the ABI: both sides must have the same.
pub const REFLOW_PACK_ABI_MAJOR: u32 = 1;
/// The minor version of the ABI: the runtime's must be the pack's or later.
pub const REFLOW_PACK_ABI_MINOR: u32 = 3;
/// Both in one number: `major << 16 | minor`, as a manifest and `reflow_pack_abi_version()` say it.
pub const REFLOW_PACK_ABI_VERSION: u32 = REFLOW_PACK_ABI_MAJOR << 16 | REFLOW_PACK_ABI_MINOR;
