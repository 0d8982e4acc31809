//! Kinds of ports that carry poses, meshes and skin weights.

use std::borrow::Cow;

use glam::Mat4;
use reflow_component::kind::PortKind;
use reflow_message::{Buffer, Message, PortType, Value};

use crate::kernels::pose;

macro_rules! bytes_kind {
    ($(#[$doc:meta])* $name:ident, $word:literal, $text:literal) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl PortKind for $name {
            type Value = Buffer;

            fn word() -> Cow<'static, str> {
                $word.into()
            }

            fn text() -> Cow<'static, str> {
                $text.into()
            }

            fn made() -> Cow<'static, str> {
                $text.into()
            }

            fn port_type() -> PortType {
                PortType::Bytes
            }

            fn read(message: &Message) -> Option<Buffer> {
                match message {
                    Message::Bytes(bytes) => Some(bytes.clone()),
                    _ => None,
                }
            }

            fn make(value: Buffer) -> Message {
                Message::Bytes(value)
            }
        }
    };
}

bytes_kind! {
    /// A mesh.
    Mesh, "mesh",
    "the vertices of triangles as Bytes, `stride` of them each: a position of 3 little-endian f32, usually a normal of 3 more"
}

bytes_kind! {
    /// The weights of vertices.
    SkinWeights, "skin weights",
    "Bytes: for every vertex so many records of a bone (u16) and its weight (f32), little-endian"
}

/// A pose.
pub(crate) struct Pose;

impl PortKind for Pose {
    type Value = Vec<Mat4>;

    fn word() -> Cow<'static, str> {
        "pose".into()
    }

    fn text() -> Cow<'static, str> {
        "Bytes: a 4×4 matrix of 16 little-endian f32 for each bone, column by column".into()
    }

    fn made() -> Cow<'static, str> {
        Self::text()
    }

    fn port_type() -> PortType {
        PortType::Bytes
    }

    fn read(message: &Message) -> Option<Vec<Mat4>> {
        match message {
            Message::Bytes(bytes) => Some(pose::read(bytes)),
            _ => None,
        }
    }

    fn make(value: Vec<Mat4>) -> Message {
        Message::bytes(pose::write(&value))
    }
}

/// A result that is JSON: numbers are sent as Floats, anything else as Objects.
pub(crate) struct Plain;

impl PortKind for Plain {
    type Value = Value;

    fn word() -> Cow<'static, str> {
        "value".into()
    }

    fn made() -> Cow<'static, str> {
        "a Float for a number, or else an Object message that carries the value".into()
    }

    fn port_type() -> PortType {
        PortType::Any
    }

    fn read(message: &Message) -> Option<Value> {
        message.as_value()
    }

    fn make(value: Value) -> Message {
        match value.as_number() {
            Some(number) => Message::Float(number),
            None => Message::Object(value),
        }
    }
}

/// A list that is sent as an Object message.
pub(crate) struct ListObject;

impl PortKind for ListObject {
    type Value = Value;

    fn word() -> Cow<'static, str> {
        "list".into()
    }

    fn text() -> Cow<'static, str> {
        "an Array, or an Object message that carries a list".into()
    }

    fn made() -> Cow<'static, str> {
        "an Object message that carries a list".into()
    }

    fn port_type() -> PortType {
        PortType::object("")
    }

    fn also() -> Vec<PortType> {
        vec![PortType::array(PortType::Any)]
    }

    fn read(message: &Message) -> Option<Value> {
        match message {
            Message::Array(items) => Some(Value::Array(items.clone())),
            other => reflow_component::kind::payload(other).filter(|value| value.as_array().is_some()).cloned(),
        }
    }

    fn make(value: Value) -> Message {
        Message::Object(value)
    }
}
