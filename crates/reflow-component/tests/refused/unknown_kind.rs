use reflow_component::prelude::*;

/// Adds.
#[derive(Component)]
#[component(id = "add", title = "Add", category = "math")]
#[inport(a: Vec33, required, "First summand.")]
struct Add;

impl Actor for Add {
    fn run(&mut self, _tick: &mut Tick<'_>) -> Result<(), Failure> {
        Ok(())
    }
}

fn main() {}
