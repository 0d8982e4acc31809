//! The family `sdf`: shapes as signed distance fields. A distance is negative inside a shape; y is up.

mod operations;
mod primitives;
mod transforms;

use std::borrow::Cow;

use reflow_component::Entry;
use reflow_component::declare::PortType;
use reflow_component::kind::{PortKind, payload};
use reflow_component::prelude::{Message, Value};
use reflow_component::table::{Language, components as of_table};

use crate::kernels::sdf::Tree;

pub(crate) fn components() -> Vec<Entry> {
    [primitives::TABLE, operations::TABLE, transforms::TABLE].into_iter().flat_map(of_table::<Sdf>).collect()
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
        // The normal form: 32-bit floats, every default in its place.
        payload(message).and_then(|node| Tree::read(node).ok()).map(|tree| tree.to_value())
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
        Value::object([
            ("type", Value::from("primitive")),
            ("primitive", "sphere".into()),
            ("radius", 1.0.into()),
            ("material", Value::Null),
        ])
    }
}
