use reflow_component::prelude::*;

/// Adds.
#[derive(Component)]
#[component(id = "add", title = "Add", category = "math")]
#[inport(a: Number, required)]
struct Add;

fn main() {}
