//! What the file of a component needs: the derives, the kinds of ports, the runtime's words, and errors as data.

pub use reflow_runtime::{Actor, AsyncActor, Failure, Message, Nested, NodeHandle, Object, Tick, Value, async_trait};

pub use crate::declare::{Choice, Component, ConfigGroup, ConfigValue, Firing, Numbers, Shape, Shaped, Word};
pub use crate::entry::Entry;
pub use crate::kind::{
    Any, Boolean, Bytes, Either, ErrorText, Float, Flow, Integer, Json, JsonObject, List, ListOf, Matrix4, Number,
    Optional, PortKind, Quaternion, Stream, Text, Vec3,
};
pub use crate::report::Report;
pub use crate::stream::{Collector, Filter, Frames, Opening, Outputs, Producer};
pub use crate::typed::Typed;
