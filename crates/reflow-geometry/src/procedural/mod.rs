//! What is made by rule: noise, terrain, plants, tubes, and the colours of meshes.

mod heightmap_to_image;
mod heightmap_to_mesh;
mod lsystem;
mod mesh_combine;
mod noise_generator;
mod sampling;
mod triplanar_texture;
mod tube_mesh;
mod uv_texture;
mod vertex_color;
mod voronoi;

use reflow_component::Entry;
use reflow_component::prelude::NodeHandle;

pub(crate) fn components() -> Vec<Entry> {
    vec![
        Entry::of::<heightmap_to_image::HeightmapToImage>(),
        Entry::of::<heightmap_to_mesh::HeightmapToMesh>(),
        Entry::of::<lsystem::LSystem>(),
        Entry::of::<mesh_combine::MeshCombine>(),
        Entry::of::<noise_generator::NoiseGenerator>(),
        Entry::of::<triplanar_texture::TriplanarTexture>(),
        Entry::of::<tube_mesh::TubeMesh>(),
        Entry::of::<uv_texture::UvTexture>(),
        Entry::of::<vertex_color::VertexColor>(),
        Entry::of::<voronoi::Voronoi>(),
    ]
}

/// The most numbers that a grid has.
const MOST_CELLS: u64 = 1 << 26;

/// Refuses grids that are empty or larger than any memory should be.
fn check_grid(width: u32, height: u32) -> Result<(), String> {
    match u64::from(width) * u64::from(height) {
        0 => Err(format!("A grid of {width} × {height} is empty")),
        cells if cells > MOST_CELLS => {
            Err(format!("A grid of {width} × {height} is too large (at most {MOST_CELLS} numbers)"))
        }
        _ => Ok(()),
    }
}

/// Makes a grid row by row; `None` when the run was stopped on the way.
fn rows<T>(node: &NodeHandle, (width, height): (u32, u32), cell: impl Fn(u32, u32) -> T) -> Option<Vec<T>> {
    let mut grid = Vec::with_capacity(width as usize * height as usize);
    for y in 0..height {
        if node.is_cancelled() {
            return None;
        }
        grid.extend((0..width).map(|x| cell(x, y)));
    }
    Some(grid)
}

/// The width of a grid of `count` numbers: as configured, or that of a square.
fn grid_width(configured: Option<u32>, count: usize) -> Result<usize, String> {
    let width = configured.map_or_else(|| count.isqrt(), |width| width as usize);
    match (count, width) {
        (0, _) => Err("The height grid is empty".to_string()),
        (_, 0) => Err("A width of 0 is no grid".to_string()),
        (count, width) if width > count => Err(format!("{count} heights are too few for a width of {width}")),
        _ => Ok(width),
    }
}
