use reflow_component::prelude::*;

/// Adds.
#[derive(Component)]
#[component(id = "add", title = "Add", category = "math", heavy, asynchronous)]
struct Add;

fn main() {}
