//! The family `sdf`: shapes as signed distance fields. A distance is negative inside a shape; y is up.

mod inf_repeat;
mod material;
mod operations;
mod path;
mod primitives;
mod puddle;
mod scale;
mod scene;
mod shade_slot;
mod stamp_compose;
mod transforms;
mod tube_path;

use std::borrow::Cow;

use reflow_component::Entry;
use reflow_component::declare::PortType;
use reflow_component::kind::{PortKind, payload};
use reflow_component::prelude::{Message, Value};
use reflow_component::table::{Language, components as of_table};

use crate::kernels::sdf::Tree;

pub(crate) fn components() -> Vec<Entry> {
    let tables = [primitives::TABLE, operations::TABLE, transforms::TABLE].into_iter().flat_map(of_table::<Sdf>);
    let others = [
        Entry::of::<inf_repeat::InfRepeat>(),
        Entry::of::<material::SdfMaterial>(),
        Entry::of::<path::SdfPath>(),
        Entry::of::<puddle::Puddle>(),
        Entry::of::<scale::Scale>(),
        Entry::of::<scene::Scene>(),
        Entry::of::<shade_slot::ShadeSlot>(),
        Entry::of::<stamp_compose::StampCompose>(),
        Entry::of::<tube_path::TubePath>(),
    ];
    tables.chain(others).collect()
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
        // What is finite stays so.
        Value::Float(f64::from((value as f32).clamp(f32::MIN, f32::MAX)))
    }

    fn refusal(port: &str, message: Option<&Message>) -> String {
        let problem = match message.map(|message| (payload(message), message.kind())) {
            None => "there is none".into(),
            Some((None, kind)) => format!("expected an Object, found {kind}"),
            Some((Some(node), _)) => Tree::read(node).err().map_or_else(String::new, |error| error.to_string()),
        };
        format!("invalid SDF on {port}: {problem}")
    }

    fn specimen() -> Value {
        primitive("sphere", [("radius", 1.0.into())])
    }
}

/// The shape that a packet brings.
fn shape(port: &str, message: Option<&Message>) -> Result<Value, String> {
    message.and_then(Sdf::read).ok_or_else(|| Sdf::refusal(port, message))
}

fn primitive(name: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Value {
    let tags = [("type", "primitive".into()), ("primitive", name.into()), ("material", Value::Null)];
    Value::object(tags.into_iter().chain(fields))
}

fn transform(name: &str, fields: impl IntoIterator<Item = (&'static str, Value)>, child: Value) -> Value {
    let tags = [("type", "transform".into()), ("transform", name.into()), ("child", child)];
    Value::object(tags.into_iter().chain(fields))
}

fn vector(values: impl IntoIterator<Item = f64>) -> Value {
    Value::array(values.into_iter().map(Sdf::number))
}
