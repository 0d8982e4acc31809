//! What the file of a component needs: the derives, the kinds of ports, and the words of the SDK.

pub use reflow_component::kind::{
    Any, Boolean, Bytes, Either, ErrorText, Float, Flow, Integer, Json, JsonObject, List, ListOf, Matrix4, Number,
    Optional, PortKind, Quaternion, Stream, Text, Vec3,
};

pub use crate::declare::{Choice, Component, ConfigGroup, ConfigValue, Firing, Shape, Shaped, Word, component};
pub use crate::{
    Actor, AsyncActor, Begin, Failure, Frame, Kind, Message, NodeHandle, Object, StreamReader, StreamWriter, Tick,
    Value,
};
