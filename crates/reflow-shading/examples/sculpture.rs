//! A sculpture of distance fields as a mesh, an STL file and a picture:
//!
//! ```sh
//! cargo run --release -p reflow-shading --example sculpture -- FOLDER
//! ```

use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::num::NonZero;
use std::path::PathBuf;
use std::thread::available_parallelism;

use glam::{UVec3, Vec3};
use reflow_message::Value;
use reflow_shading::kernels::picture::Picture;
use reflow_shading::kernels::sdf::{Evaluator, Mesh, Settings, Tree, march, preview};

/// A twisted column on a base, with a ball cut out and a ring around: what `tpl_sdf_*` nodes put together, as JSON.
const SCULPTURE: &str = r#"{
    "type": "operation", "op": "smoothUnion", "k": 0.15,
    "left": {
        "type": "material", "material": {"color": [0.9, 0.75, 0.4], "metallic": 0.6, "roughness": 0.3},
        "child": {
            "type": "operation", "op": "smoothDifference", "k": 0.1,
            "left": {"type": "transform", "transform": "twist", "strength": 1.2,
                "child": {"type": "primitive", "primitive": "roundBox", "size": [0.45, 1.2, 0.45], "radius": 0.1}},
            "right": {"type": "transform", "transform": "translate", "offset": [0, 1.2, 0],
                "child": {"type": "primitive", "primitive": "sphere", "radius": 0.6}}
        }
    },
    "right": {
        "type": "operation", "op": "union",
        "left": {"type": "transform", "transform": "translate", "offset": [0, -1.4, 0], "child": {"type": "primitive",
            "primitive": "cylinder", "radius": 1.1, "height": 0.15, "material": {"color": [0.25, 0.3, 0.4], "roughness": 0.6}}},
        "right": {"type": "transform", "transform": "rotate", "angles": [25, 0, 15], "child": {"type": "primitive",
            "primitive": "torus", "major_radius": 1.0, "minor_radius": 0.08, "material": {"color": [0.7, 0.15, 0.2]}}}
    }
}"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let threads = available_parallelism().unwrap_or(NonZero::<usize>::MIN);
    let tree = Tree::read(&Value::from_json(SCULPTURE)?)?;

    let field = Evaluator::new(&tree).map_err(|name| format!("the field refers to {name:?}"))?;
    let bounds = tree.bounds().grown(Vec3::splat(0.05));
    let mesh = march(&field, bounds, UVec3::splat(128), threads)?;
    write_stl(&mesh, &folder.join("sculpture.stl"))?;

    let settings = Settings {
        width: 640,
        height: 640,
        soft_shadows: true,
        light_dir: Vec3::new(0.6, 0.8, 0.5),
        ..Settings::default()
    };
    write_ppm(&preview(&tree, &settings, threads)?, &folder.join("sculpture.ppm"))?;

    let mut out = std::io::stdout();
    writeln!(out, "{} triangles, {} vertices, in {}", mesh.indices.len() / 3, mesh.positions.len(), folder.display())?;
    Ok(())
}

/// The mesh as binary STL.
fn write_stl(mesh: &Mesh, path: &std::path::Path) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    file.write_all(&[0; 80])?;
    file.write_all(&(mesh.indices.len() as u32 / 3).to_le_bytes())?;
    for triangle in mesh.indices.chunks_exact(3) {
        let [a, b, c] = [0, 1, 2].map(|at| mesh.positions[triangle[at] as usize]);
        let normal = (b - a).cross(c - a).normalize_or_zero();
        for number in [normal, a, b, c].iter().flat_map(Vec3::to_array) {
            file.write_all(&number.to_le_bytes())?;
        }
        file.write_all(&[0, 0])?;
    }
    file.flush()
}

/// The picture as PPM, which every picture viewer knows.
fn write_ppm(picture: &Picture, path: &std::path::Path) -> std::io::Result<()> {
    let mut file = BufWriter::new(File::create(path)?);
    write!(file, "P6\n{} {}\n255\n", picture.width, picture.height)?;
    for pixel in picture.pixels.chunks_exact(4) {
        file.write_all(&pixel[..3])?;
    }
    file.flush()
}
