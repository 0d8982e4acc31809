use reflow_component::prelude::*;

/// Adds.
#[derive(Component)]
#[component(id = "add", title = "Add", category = "math", firing = required(b))]
#[inport(a: Number, required, "First summand.")]
struct Add;

fn main() {}
