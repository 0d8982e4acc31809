use reflow_component::prelude::*;

/// Measures.
#[derive(Component)]
#[component(id = "measure", title = "Measure", category = "math")]
#[inport(input: Vec3, required, "The vector.")]
#[outport(length: Float, "Its length.")]
struct Measure;

impl Actor for Measure {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let input = tick.value(Self::IN_INPUT);
        tick.write(Self::OUT_LENGTH, input);
        Ok(())
    }
}

fn main() {}
