//! Depth of a mesh as a directional light sees it.

use glam::camera::rh::proj::directx::orthographic;
use glam::camera::rh::view::look_at_mat4;
use glam::{Mat4, Vec3};

/// How a light looks at a scene: a box along its direction.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct View {
    /// Where the light shines to.
    pub direction: Vec3,
    /// Half of the width of the box.
    pub half: f32,
    /// Where the box begins.
    pub near: f32,
    /// Where the box ends.
    pub far: f32,
}

impl View {
    /// The matrix that takes a point to x and y from -1 to 1 and depth from 0 to 1.
    pub fn matrix(&self) -> Mat4 {
        let direction = self.direction.try_normalize().unwrap_or(Vec3::NEG_Y);
        let up = if direction.y.abs() > 0.99 { Vec3::Z } else { Vec3::Y };
        let view = look_at_mat4(-direction * (self.far / 2.0), Vec3::ZERO, up);
        orthographic(-self.half, self.half, -self.half, self.half, self.near, self.far) * view
    }

    /// The smallest depth at each pixel of a square map, row by row from the top, 1 where nothing is.
    ///
    /// Three corners a triangle; pixels are asked at their centres.
    pub fn depths(&self, corners: impl Iterator<Item = [[f32; 3]; 3]>, resolution: usize) -> Vec<f32> {
        let matrix = self.matrix();
        let mut map = vec![1.0_f32; resolution * resolution];
        let size = resolution as f32;
        for triangle in corners {
            let [a, b, c] = triangle.map(|corner| {
                let clip = matrix.project_point3(Vec3::from(corner));
                Vec3::new((clip.x * 0.5 + 0.5) * size, (0.5 - clip.y * 0.5) * size, clip.z)
            });
            let area = edge(a, b, c);
            if area == 0.0 || !area.is_finite() {
                continue;
            }
            let span = |parts: [f32; 3]| {
                let low = parts.iter().copied().fold(f32::INFINITY, f32::min).max(0.0);
                let high = parts.iter().copied().fold(f32::NEG_INFINITY, f32::max).min(size);
                (low.floor() as usize)..(high.ceil().max(0.0) as usize)
            };
            for y in span([a.y, b.y, c.y]) {
                for x in span([a.x, b.x, c.x]) {
                    let at = Vec3::new(x as f32 + 0.5, y as f32 + 0.5, 0.0);
                    let weights = [edge(b, c, at), edge(c, a, at), edge(a, b, at)].map(|weight| weight / area);
                    if weights.iter().any(|weight| *weight < 0.0) {
                        continue;
                    }
                    let depth = weights[0] * a.z + weights[1] * b.z + weights[2] * c.z;
                    let place = &mut map[y * resolution + x];
                    if (0.0..=1.0).contains(&depth) {
                        *place = place.min(depth);
                    }
                }
            }
        }
        map
    }
}

/// Twice the area of a triangle in the plane, signed.
fn edge(a: Vec3, b: Vec3, c: Vec3) -> f32 {
    (b.x - a.x) * (c.y - a.y) - (b.y - a.y) * (c.x - a.x)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view() -> View {
        View { direction: Vec3::NEG_Y, half: 10.0, near: 1.0, far: 100.0 }
    }

    #[test]
    fn what_is_nearer_to_the_light_hides_what_is_behind_it() {
        let square = |y: f32, half: f32| {
            let [a, b, c, d] = [[-half, y, -half], [half, y, -half], [half, y, half], [-half, y, half]];
            [[a, b, c], [a, c, d]]
        };
        let corners = square(0.0, 10.0).into_iter().chain(square(20.0, 5.0));
        let map = view().depths(corners, 8);
        // The eye is 50 above the origin.
        let depth = |y: f32| (50.0 - y - 1.0) / 99.0;
        assert!((map[0] - depth(0.0)).abs() < 1e-5, "{}", map[0]);
        assert!((map[8 * 3 + 3] - depth(20.0)).abs() < 1e-5, "{}", map[8 * 3 + 3]);
    }

    #[test]
    fn a_point_is_where_the_matrix_says() {
        let point = Vec3::new(3.0, 4.0, -2.0);
        for direction in [Vec3::new(1.0, -2.0, 0.5), Vec3::Y, Vec3::NEG_Z] {
            let view = View { direction, ..view() };
            let clip = view.matrix().project_point3(point);
            let along = direction.normalize().dot(point) + 50.0;
            assert!((clip.z - (along - 1.0) / 99.0).abs() < 1e-5);
        }
    }

    #[test]
    fn corners_that_are_no_numbers_are_skipped() {
        let map = view().depths([[[f32::NAN; 3], [0.0; 3], [f32::INFINITY; 3]]].into_iter(), 4);
        assert_eq!(map, [1.0; 16]);
    }
}
