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
use reflow_component::prelude::{Message, Nested, Object, Value};
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
    type Value = Nested;
    const AS_IS: bool = true;

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

    fn read(message: &Message) -> Option<Nested> {
        if let Some(node) = Nested::ready(Self::NAME, message) {
            return Some(node.clone());
        }
        // The normal form: 32-bit floats, every default in its place.
        let tree = Tree::read(payload(message.known().ok()?)?).ok()?;
        nested(tree.to_value())
    }

    fn make(node: Nested) -> Message {
        node.into()
    }
}

impl Language for Sdf {
    const NAME: &'static str = "sdf";
    const CATEGORY: &'static str = "sdf";
    const OUTPORT: (&'static str, &'static str) = ("sdf", "The shape.");

    fn number(value: f64) -> Value {
        // What is finite stays so.
        Value::Float(f64::from((value as f32).clamp(f32::MIN, f32::MAX)))
    }

    fn refusal(port: &str, message: Option<&Message>) -> String {
        let message = match message.map(Message::known) {
            Some(Err(error)) => return format!("invalid SDF on {port}: {error}"),
            Some(Ok(known)) => Some(known),
            None => None,
        };
        let problem = match message.map(|message| (payload(message), message.kind())) {
            None => "there is none".into(),
            Some((None, kind)) => format!("expected an Object, found {kind}"),
            Some((Some(node), _)) => Tree::read(node).err().map_or_else(String::new, |error| error.to_string()),
        };
        format!("invalid SDF on {port}: {problem}")
    }

    fn specimen() -> Value {
        primitive("sphere", [("radius", 1.0.into())]).own().clone().into()
    }
}

/// The shape that a packet brings.
fn shape(port: &str, message: Option<&Message>) -> Result<Nested, String> {
    message.and_then(Sdf::read).ok_or_else(|| Sdf::refusal(port, message))
}

/// A node of its own members and the nodes in it.
fn node(own: impl IntoIterator<Item = (&'static str, Value)>, inner: Vec<(&'static str, Nested)>) -> Nested {
    Nested::new(Sdf::NAME, own.into_iter().map(|(key, value)| (key.into(), value)).collect::<Object>(), inner)
}

/// A node that is in normal form already.
fn nested(value: Value) -> Option<Nested> {
    match value {
        Value::Object(own) => Some(Nested::new(Sdf::NAME, own, Vec::new())),
        _ => None,
    }
}

fn primitive(name: &str, fields: impl IntoIterator<Item = (&'static str, Value)>) -> Nested {
    let tags = [("type", "primitive".into()), ("primitive", name.into()), ("material", Value::Null)];
    node(tags.into_iter().chain(fields), Vec::new())
}

fn transform(name: &str, fields: impl IntoIterator<Item = (&'static str, Value)>, child: Nested) -> Nested {
    let tags = [("type", "transform".into()), ("transform", name.into())];
    node(tags.into_iter().chain(fields), vec![("child", child)])
}

fn vector(values: impl IntoIterator<Item = f64>) -> Value {
    Value::array(values.into_iter().map(Sdf::number))
}
