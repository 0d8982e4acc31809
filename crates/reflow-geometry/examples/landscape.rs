//! A procedural landscape as a glTF file and a picture:
//!
//! ```sh
//! cargo run --release -p reflow-geometry --example landscape -- FOLDER
//! ```
//!
//! It is what `tpl_noise_generator`, `tpl_heightmap_to_image`, `tpl_heightmap_to_mesh`, `tpl_uv_texture` and `tpl_gltf_export` do one after
//! the other.

use std::io::Write as _;
use std::path::PathBuf;

use reflow_geometry::kernels::floats::write_f32;
use reflow_geometry::kernels::heightmap::{Palette, Size, picture, range, surface};
use reflow_geometry::kernels::mesh::gltf::write::write;
use reflow_geometry::kernels::mesh::soup::Triangles;
use reflow_geometry::kernels::noise::{Octaves, perlin};
use reflow_geometry::kernels::texture::{Sampling, Texture, mapped};

const SIDE: usize = 256;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("."), PathBuf::from);
    let octaves = Octaves { count: 6, lacunarity: 2.0, persistence: 0.5 };
    let height = |at: usize| {
        let (x, y) = ((at % SIDE) as f64 / 64.0 + 7.5, (at / SIDE) as f64 / 64.0);
        // Hills with ridges on top of them; what is low is water, and flat.
        let hills = octaves.mean(perlin, x, y);
        (hills + 0.25 * octaves.ridges(x, y) * hills.max(0.0)).max(-0.12)
    };
    let heights: Vec<f64> = (0..SIDE * SIDE).map(height).collect();
    let pixels = picture(&heights, range(&heights), Palette::Terrain);
    let png = image::RgbaImage::from_raw(SIDE as u32, SIDE as u32, pixels.clone()).ok_or("no picture")?;
    png.save(folder.join("landscape.png"))?;

    let surface = surface(&heights, SIDE, Size { width: 10.0, height: 2.0, depth: 10.0 });
    let corners = surface.indices.iter().filter_map(|index| surface.vertices.get(*index as usize));
    let soup = write_f32(&corners.flatten().copied().collect::<Vec<f32>>());
    let colors = pixels.as_chunks::<4>().0.iter().map(|[red, green, blue, _]| [*red, *green, *blue]).collect();
    let texture = Texture::new(SIDE, SIDE, colors).ok_or("no picture")?;
    let mesh = mapped(&soup, 32, 24, &texture, Sampling::Linear);
    let triangles = Triangles::new(&mesh, 44)?;
    std::fs::write(folder.join("landscape.glb"), write(&triangles, "landscape")?)?;

    let mut out = std::io::stdout();
    writeln!(out, "{} triangles, in {}", triangles.vertex_count() / 3, folder.display())?;
    Ok(())
}
