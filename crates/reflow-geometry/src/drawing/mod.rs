//! Shapes in the plane, and shadows on it.

mod color;
mod shadow_map;
mod shape_2d;
mod vector_rasterize;

use reflow_component::Entry;
use reflow_component::prelude::Value;

pub(crate) fn components() -> Vec<Entry> {
    vec![
        Entry::of::<shadow_map::ShadowMap>(),
        Entry::of::<shape_2d::Shape2d>(),
        Entry::of::<vector_rasterize::VectorRasterize>(),
    ]
}

/// The schema of an object with these members and no others.
fn closed<const N: usize>(members: [(&'static str, Value); N]) -> Value {
    Value::object([
        ("type", Value::from("object")),
        ("properties", Value::object(members)),
        ("additionalProperties", false.into()),
    ])
}

/// The schema of a simple type.
fn typed(kind: &'static str) -> Value {
    Value::object([("type", kind)])
}
