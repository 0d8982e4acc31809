use reflow_component::prelude::*;

/// Adds.
#[derive(Component)]
#[component(id = "add", category = "math")]
struct Add;

fn main() {}
