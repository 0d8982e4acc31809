//! Billboards: rectangles that face a camera.

use glam::Vec3;

use super::camera::direction;

/// Which way a billboard faces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Facing {
    /// The camera.
    Camera,
    /// The camera, standing upright.
    Upright,
    /// Where something goes.
    Along(Vec3),
}

/// The corners of a billboard at `place`: bottom left, bottom right, top right, top left. The anchor is the part of it that is at
/// the place, (0.5, 0.5) being its middle.
pub fn corners(place: Vec3, camera: Vec3, facing: Facing, size: [f32; 2], anchor: [f32; 2]) -> [Vec3; 4] {
    let (right, up) = match facing {
        Facing::Camera => axes(direction(camera - place)),
        Facing::Upright => {
            let forward = direction((camera - place) * Vec3::new(1.0, 0.0, 1.0));
            (direction(Vec3::Y.cross(forward)), Vec3::Y)
        }
        Facing::Along(way) => axes(direction(way)),
    };
    let [width, height] = size;
    let shift = [(anchor[0] - 0.5) * width, (anchor[1] - 0.5) * height];
    [(-0.5, -0.5), (0.5, -0.5), (0.5, 0.5), (-0.5, 0.5)]
        .map(|(x, y): (f32, f32)| place + right * (x * width - shift[0]) + up * (y * height - shift[1]))
}

fn axes(forward: Vec3) -> (Vec3, Vec3) {
    let right = direction(Vec3::Y.cross(forward));
    (right, forward.cross(right))
}

/// The texture coordinates of a cell of a sheet, in the order of the corners; the second one grows downward. Cells beyond the
/// sheet begin again.
pub fn cell(columns: u64, rows: u64, frame: u64, is_flipped: bool) -> [[f32; 2]; 4] {
    let (columns, rows) = (columns.max(1), rows.max(1));
    let (column, row) = (frame % columns, frame / columns % rows);
    let (mut left, mut right) = (column as f32 / columns as f32, (column + 1) as f32 / columns as f32);
    let (top, bottom) = (row as f32 / rows as f32, (row + 1) as f32 / rows as f32);
    if is_flipped {
        std::mem::swap(&mut left, &mut right);
    }
    [[left, bottom], [right, bottom], [right, top], [left, top]]
}
