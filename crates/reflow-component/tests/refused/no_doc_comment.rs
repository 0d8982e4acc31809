use reflow_component::prelude::*;

#[derive(Component)]
#[component(id = "add", title = "Add", category = "math")]
struct Add;

fn main() {}
