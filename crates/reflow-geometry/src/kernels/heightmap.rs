//! Grids of heights: as pictures and as surfaces.

use glam::Vec3;

/// How a height is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Palette {
    /// From black to white.
    Gray,
    /// Water, grass, rock and snow.
    Terrain,
}

/// The lowest and the highest of the numbers that are finite; (0, 0) without any.
pub fn range(heights: &[f64]) -> (f64, f64) {
    let finite = heights.iter().copied().filter(|height| height.is_finite());
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), height| (low.min(height), high.max(height)));
    if low <= high { (low, high) } else { (0.0, 0.0) }
}

/// A pixel of red, green, blue and alpha for each height; `low` and what is below it is the first colour of the palette.
/// What is no number counts as the lowest.
pub fn picture(heights: &[f64], (low, high): (f64, f64), palette: Palette) -> Vec<u8> {
    let span = if high - low <= 1e-10 { 1.0 } else { high - low };
    let pixel = |height: &f64| {
        let t = if height.is_nan() { 0.0 } else { ((height - low) / span).clamp(0.0, 1.0) };
        let [red, green, blue] = match palette {
            Palette::Gray => [255.0 * t; 3],
            Palette::Terrain => terrain(t),
        };
        [red as u8, green as u8, blue as u8, 255]
    };
    heights.iter().flat_map(pixel).collect()
}

fn terrain(t: f64) -> [f64; 3] {
    if t < 0.3 {
        [30.0, 80.0, 180.0 + 200.0 * t]
    } else if t < 0.6 {
        let s = (t - 0.3) / 0.3;
        [30.0 + 100.0 * s, 120.0 + 60.0 * s, 40.0 + 30.0 * s]
    } else if t < 0.85 {
        let s = (t - 0.6) / 0.25;
        [130.0 + 60.0 * s, 100.0 - 40.0 * s, 50.0 + 20.0 * s]
    } else {
        [200.0 + 55.0 * ((t - 0.85) / 0.15); 3]
    }
}

/// How large a surface is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Size {
    /// Along x.
    pub width: f32,
    /// What a height is multiplied with, along y.
    pub height: f32,
    /// Along z.
    pub depth: f32,
}

/// A surface through heights, centred around the origin.
#[derive(Clone, Debug, PartialEq)]
pub struct Surface {
    /// Position, normal and texture coordinates of each vertex, row by row.
    pub vertices: Vec<[f32; 8]>,
    /// Three vertices a triangle, counter-clockwise seen from above.
    pub indices: Vec<u32>,
}

/// The surface through the whole rows of a grid.
pub fn surface(heights: &[f64], width: usize, size: Size) -> Surface {
    let rows = heights.len() / width;
    let position = |column: usize, row: usize| {
        let (u, v) = (part(column, width), part(row, rows));
        let height = heights[row * width + column] as f32 * size.height;
        Vec3::new((u - 0.5) * size.width, height, (v - 0.5) * size.depth)
    };
    let positions: Vec<Vec3> = (0..rows * width).map(|index| position(index % width, index / width)).collect();
    let mut indices = Vec::with_capacity(width.saturating_sub(1) * rows.saturating_sub(1) * 6);
    for row in 1..rows {
        for column in 1..width {
            let right = (row * width + column) as u32;
            let (left, above) = (right - 1, right - width as u32);
            indices.extend([above - 1, left, above, above, left, right]);
        }
    }
    let mut normals = vec![Vec3::ZERO; positions.len()];
    for triangle in indices.as_chunks::<3>().0 {
        let [a, b, c] = triangle.map(|index| positions[index as usize]);
        let normal = (b - a).cross(c - a);
        triangle.iter().for_each(|index| normals[*index as usize] += normal);
    }
    let vertices = positions.iter().zip(normals).enumerate().map(|(index, (position, normal))| {
        let normal = normal.try_normalize().unwrap_or(Vec3::Y);
        let [px, py, pz] = position.to_array();
        let [nx, ny, nz] = normal.to_array();
        [px, py, pz, nx, ny, nz, part(index % width, width), part(index / width, rows)]
    });
    Surface { vertices: vertices.collect(), indices }
}

/// Where in a line of `count` something is, from 0 to 1.
fn part(index: usize, count: usize) -> f32 {
    index as f32 / count.saturating_sub(1).max(1) as f32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_no_number_is_the_lowest() {
        let heights = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.0, 2.0];
        assert_eq!(range(&heights), (0.0, 2.0));
        let grays: Vec<u8> = picture(&heights, range(&heights), Palette::Gray).into_iter().step_by(4).collect();
        assert_eq!(grays, [0, 255, 0, 0, 255]);
        assert_eq!(range(&[f64::NAN]), (0.0, 0.0));
    }

    proptest! {
        #[test]
        fn every_triangle_of_a_surface_faces_up(
            width in 1..9_usize, heights in prop::collection::vec(-1e3..1e3_f64, 1..60),
        ) {
            let surface = surface(&heights, width, Size { width: 4.0, height: 0.5, depth: 2.0 });
            let rows = heights.len() / width;
            prop_assert_eq!(surface.vertices.len(), width * rows);
            prop_assert_eq!(surface.indices.len(), (width - 1) * rows.saturating_sub(1) * 6);
            for triangle in surface.indices.as_chunks::<3>().0 {
                let [a, b, c] = triangle.map(|index| Vec3::from_slice(&surface.vertices[index as usize][..3]));
                prop_assert!((b - a).cross(c - a).y > 0.0);
            }
            for vertex in &surface.vertices {
                prop_assert!((Vec3::from_slice(&vertex[3..6]).length() - 1.0).abs() < 1e-4);
            }
        }
    }
}
