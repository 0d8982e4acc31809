use reflow_component::prelude::*;

/// Adds.
#[derive(Component)]
#[component(id = "add", title = "Add", category = "math")]
struct Add {
    /// What is added.
    more: f64,
}

fn main() {}
