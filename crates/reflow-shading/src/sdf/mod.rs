//! The family `sdf`: shapes as signed distance fields. A distance is negative inside a shape; y is up.

mod primitives;

use std::borrow::Cow;

use reflow_component::Entry;
use reflow_component::declare::PortType;
use reflow_component::kind::{PortKind, payload};
use reflow_component::prelude::{Message, Value};
use reflow_component::table::{Language, components as of_table};

pub(crate) fn components() -> Vec<Entry> {
    of_table::<Sdf>(primitives::TABLE)
}

/// A node of the language: a shape.
pub(crate) struct Sdf;

impl PortKind for Sdf {
    type Value = Value;

    fn word() -> Cow<'static, str> {
        "sdf".into()
    }

    fn text() -> Cow<'static, str> {
        "a node of the SDF language".into()
    }

    fn made() -> Cow<'static, str> {
        "an Object with a node of the SDF language, whose numbers are 32-bit floats".into()
    }

    fn port_type() -> PortType {
        PortType::object("Sdf")
    }

    fn read(message: &Message) -> Option<Value> {
        payload(message).filter(|node| node.get("type").and_then(Value::as_str).is_some()).cloned()
    }

    fn make(node: Value) -> Message {
        Message::Object(node)
    }
}

impl Language for Sdf {
    const CATEGORY: &'static str = "sdf";
    const OUTPORT: (&'static str, &'static str) = ("sdf", "The shape.");

    fn number(value: f64) -> Value {
        Value::Float(f64::from(value as f32))
    }

    fn specimen() -> Value {
        let sphere = [("type", Value::from("primitive")), ("primitive", "sphere".into()), ("radius", 1.0.into())];
        Value::object(sphere)
    }
}
