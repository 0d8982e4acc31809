use reflow_component::prelude::*;

/// Adds.
#[derive(Component)]
#[component(id = "add", title = "Add", category = "math")]
#[inport(a: "vec3 object", required, "First summand.")]
struct Add;

fn main() {}
