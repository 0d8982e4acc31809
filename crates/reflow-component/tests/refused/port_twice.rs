use reflow_component::prelude::*;

/// Adds.
#[derive(Component)]
#[component(id = "add", title = "Add", category = "math")]
#[inport(a: Number, required, "First summand.")]
#[inport(a: Number, required, "Second summand.")]
struct Add;

fn main() {}
