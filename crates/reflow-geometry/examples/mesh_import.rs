//! How long reading a mesh takes, for `compare/mesh_import.py`: prints the milliseconds of each run.
//!
//! ```sh
//! cargo run --release -p reflow-geometry --example mesh_import -- FILE RUNS
//! ```

use std::io::Write as _;
use std::time::Instant;

use reflow_geometry::kernels::mesh::gltf::{File, mesh::Choice};
use reflow_geometry::kernels::mesh::sniff::{Format, format};
use reflow_geometry::kernels::mesh::soup::Soup;
use reflow_geometry::kernels::mesh::{obj, ply, stl};

fn read(bytes: &[u8]) -> Result<Soup, Box<dyn std::error::Error>> {
    Ok(match format(bytes).ok_or("the format is unknown")? {
        Format::Glb | Format::Gltf => {
            let file = File::read(bytes)?;
            file.triangles(&file.instances(Choice::default())?, false)?
        }
        Format::Stl => stl::read(bytes)?,
        Format::Obj => obj::read(bytes, obj::Keep::default())?.soup,
        Format::Ply => ply::read(bytes)?,
        Format::Fbx => return Err("FBX is not compared".into()),
    })
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let bytes = std::fs::read(arguments.next().ok_or("which file?")?)?;
    let runs: usize = arguments.next().map_or(Ok(5), |runs| runs.parse())?;
    let mut out = std::io::stdout();
    for _ in 0..runs {
        let begun = Instant::now();
        let mesh = read(&bytes)?.to_bytes();
        let took = begun.elapsed().as_secs_f64() * 1e3;
        writeln!(out, "{took:.2} ms, {} bytes", mesh.len())?;
    }
    Ok(())
}
