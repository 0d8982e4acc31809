use reflow_component::prelude::*;

#[derive(Choice)]
enum Mode {
    Fast(u32),
}

fn main() {}
