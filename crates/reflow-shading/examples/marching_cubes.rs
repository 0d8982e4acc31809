//! How long a mesh of a field takes, for `compare/marching_cubes.py`: prints the milliseconds of each run.
//!
//! ```sh
//! cargo run --release -p reflow-shading --example marching_cubes -- CELLS RUNS THREADS
//! ```

use std::io::Write as _;
use std::num::NonZero;
use std::time::Instant;

use glam::{UVec3, Vec3};
use reflow_message::Value;
use reflow_shading::kernels::sdf::{Bounds, Evaluator, Tree, march};

/// A ring blended with a box, cut by a ball.
const FIELD: &str = r#"{
    "type": "operation", "op": "difference",
    "left": {"type": "operation", "op": "smoothUnion", "k": 0.3,
        "left": {"type": "primitive", "primitive": "torus", "major_radius": 1.0, "minor_radius": 0.3},
        "right": {"type": "primitive", "primitive": "box", "size": [0.5, 0.8, 0.5]}},
    "right": {"type": "primitive", "primitive": "sphere", "radius": 0.6}
}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let argument = |at: usize, default: usize| std::env::args().nth(at).map_or(Ok(default), |text| text.parse());
    let (cells, runs) = (argument(1, 128)? as u32, argument(2, 5)?);
    let threads = NonZero::new(argument(3, 1)?).unwrap_or(NonZero::<usize>::MIN);
    let tree = Tree::read(&Value::from_json(FIELD)?)?;
    let mut out = std::io::stdout();
    for _ in 0..runs {
        let begun = Instant::now();
        let field = Evaluator::new(&tree).map_err(|name| format!("the field refers to {name:?}"))?;
        let mesh = march(&field, Bounds::around(Vec3::splat(1.5)), UVec3::splat(cells), threads)?;
        let took = begun.elapsed().as_secs_f64() * 1e3;
        writeln!(out, "{took:.2} ms, {} triangles", mesh.indices.len() / 3)?;
    }
    Ok(())
}
