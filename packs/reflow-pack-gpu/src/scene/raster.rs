//! Triangles as pixels, with depth and several samples a pixel.

use glam::{Mat4, Vec2, Vec3, Vec4};
use rayon::prelude::*;

/// A corner in the space of the camera, and what is between corners.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Corner {
    pub(crate) clip: Vec4,
    pub(crate) position: Vec3,
    pub(crate) normal: Vec3,
    pub(crate) uv: Vec2,
    pub(crate) color: Vec3,
}

/// A triangle.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Triangle {
    pub(crate) corners: [Corner; 3],
    pub(crate) is_textured: bool,
}

/// A camera.
#[derive(Clone, Copy, Debug)]
pub(super) struct Camera {
    pub(super) eye: Vec3,
    pub(super) target: Vec3,
    /// Vertical, in degrees.
    pub(super) fov: f32,
    pub(super) near: f32,
    pub(super) far: f32,
}

impl Camera {
    /// From the world to clip space: depth from 0 at `near` to 1 at `far`, x to the right, y up.
    pub(super) fn matrix(&self, aspect: f32) -> Mat4 {
        let forward = (self.target - self.eye).try_normalize().unwrap_or(Vec3::NEG_Z);
        let up = if forward.y.abs() > 0.999 { Vec3::Z } else { Vec3::Y };
        let right = forward.cross(up).normalize();
        let up = right.cross(forward);
        let at = Vec3::new(-right.dot(self.eye), -up.dot(self.eye), forward.dot(self.eye));
        let view = Mat4::from_cols(
            Vec4::new(right.x, up.x, -forward.x, 0.0),
            Vec4::new(right.y, up.y, -forward.y, 0.0),
            Vec4::new(right.z, up.z, -forward.z, 0.0),
            at.extend(1.0),
        );
        let (near, focal) = (self.near.max(1e-4), 1.0 / (self.fov.clamp(1.0, 179.0).to_radians() * 0.5).tan());
        let far = self.far.max(near * 1.001);
        let depth = far / (near - far);
        let projection = Mat4::from_cols(
            Vec4::new(focal / aspect, 0.0, 0.0, 0.0),
            Vec4::new(0.0, focal, 0.0, 0.0),
            Vec4::new(0.0, 0.0, depth, -1.0),
            Vec4::new(0.0, 0.0, depth * near, 0.0),
        );
        projection * view
    }
}

/// Where samples are in a pixel.
fn samples(count: u32) -> &'static [Vec2] {
    const ONE: [Vec2; 1] = [Vec2::new(0.5, 0.5)];
    const TWO: [Vec2; 2] = [Vec2::new(0.75, 0.75), Vec2::new(0.25, 0.25)];
    const FOUR: [Vec2; 4] =
        [Vec2::new(0.375, 0.125), Vec2::new(0.875, 0.375), Vec2::new(0.125, 0.625), Vec2::new(0.625, 0.875)];
    match count {
        1 => &ONE,
        2 => &TWO,
        _ => &FOUR,
    }
}

/// Rows that one thread draws at a time.
const BAND: usize = 16;

/// A triangle on the screen.
struct Flat {
    places: [Vec2; 3],
    /// Depth, and one over the distance, of each corner.
    depths: [f32; 3],
    inverse: [f32; 3],
    area: f32,
    top: usize,
    bottom: usize,
    triangle: Triangle,
}

/// Draws triangles: rows from the top, linear colours, `shade` giving the colour of a point.
pub(super) fn draw(
    triangles: &[Triangle],
    (width, height): (usize, usize),
    count: u32,
    background: Vec3,
    shade: impl Fn(&Corner, bool) -> Vec3 + Sync,
) -> Vec<Vec3> {
    let flat: Vec<Flat> =
        triangles.iter().flat_map(clipped).filter_map(|triangle| flatten(triangle, width, height)).collect();
    let samples = samples(count);
    let mut pixels = vec![background; width * height];
    pixels.par_chunks_mut(width * BAND).enumerate().for_each(|(band, pixels)| {
        let first = band * BAND;
        let rows = pixels.len() / width;
        let mut depths = vec![f32::INFINITY; pixels.len() * samples.len()];
        let mut colors = vec![background; pixels.len() * samples.len()];
        for triangle in flat.iter().filter(|triangle| triangle.top < first + rows && triangle.bottom >= first) {
            let [a, b, c] = triangle.places;
            let (min, max) = (a.min(b).min(c), a.max(b).max(c));
            let columns = (min.x.floor().max(0.0) as usize)..((max.x.ceil().max(0.0) as usize).min(width));
            for y in triangle.top.max(first)..(triangle.bottom + 1).min(first + rows) {
                for x in columns.clone() {
                    let corner = Vec2::new(x as f32, y as f32);
                    let at = ((y - first) * width + x) * samples.len();
                    let mut covered = 0_u8;
                    let mut sum = [0.0_f32; 3];
                    for (index, sample) in samples.iter().enumerate() {
                        let Some(weights) = triangle.weights(corner + *sample) else { continue };
                        let depth: f32 =
                            weights.iter().zip(triangle.depths).map(|(weight, depth)| weight * depth).sum();
                        if depth < depths[at + index] && (0.0..=1.0).contains(&depth) {
                            depths[at + index] = depth;
                            covered |= 1 << index;
                            sum.iter_mut().zip(weights).for_each(|(sum, weight)| *sum += weight);
                        }
                    }
                    if covered == 0 {
                        continue;
                    }
                    let share = covered.count_ones() as f32;
                    let point = triangle.between(sum.map(|sum| sum / share));
                    let color = shade(&point, triangle.triangle.is_textured);
                    for index in (0..samples.len()).filter(|index| covered >> index & 1 == 1) {
                        colors[at + index] = color;
                    }
                }
            }
        }
        for (pixel, colors) in pixels.iter_mut().zip(colors.chunks_exact(samples.len())) {
            *pixel = colors.iter().copied().sum::<Vec3>() / samples.len() as f32;
        }
    });
    pixels
}

/// What of a triangle is before the camera.
fn clipped(triangle: &Triangle) -> Vec<Triangle> {
    // Nearer than the near plane is where depth is below 0.
    let is_before = |corner: &Corner| corner.clip.z >= 0.0 && corner.clip.w > 1e-6;
    let corners = triangle.corners;
    if corners.iter().all(is_before) {
        return vec![*triangle];
    }
    let mut kept: Vec<Corner> = Vec::with_capacity(4);
    for at in 0..3 {
        let (from, to) = (corners[at], corners[(at + 1) % 3]);
        if is_before(&from) {
            kept.push(from);
        }
        if is_before(&from) != is_before(&to) {
            let share = from.clip.z / (from.clip.z - to.clip.z);
            if share.is_finite() {
                kept.push(mix(&from, &to, share.clamp(0.0, 1.0)));
            }
        }
    }
    let Some((first, rest)) = kept.split_first() else { return Vec::new() };
    rest.windows(2).map(|pair| Triangle { corners: [*first, pair[0], pair[1]], ..*triangle }).collect()
}

fn mix(from: &Corner, to: &Corner, share: f32) -> Corner {
    Corner {
        clip: from.clip.lerp(to.clip, share),
        position: from.position.lerp(to.position, share),
        normal: from.normal.lerp(to.normal, share),
        uv: from.uv.lerp(to.uv, share),
        color: from.color.lerp(to.color, share),
    }
}

fn flatten(triangle: Triangle, width: usize, height: usize) -> Option<Flat> {
    let extent = Vec2::new(width as f32, height as f32);
    let inverse = triangle.corners.map(|corner| 1.0 / corner.clip.w);
    let places = [0, 1, 2].map(|at: usize| {
        let clip = triangle.corners[at].clip * inverse[at];
        Vec2::new(clip.x * 0.5 + 0.5, 0.5 - clip.y * 0.5) * extent
    });
    let depths = [0, 1, 2].map(|at: usize| triangle.corners[at].clip.z * inverse[at]);
    let area = (places[1] - places[0]).perp_dot(places[2] - places[0]);
    let (low, high) = (places[0].min(places[1]).min(places[2]), places[0].max(places[1]).max(places[2]));
    let is_seen =
        area != 0.0 && area.is_finite() && high.x >= 0.0 && high.y >= 0.0 && low.x <= extent.x && low.y <= extent.y;
    is_seen.then(|| Flat {
        places,
        depths,
        inverse,
        area,
        top: low.y.floor().max(0.0) as usize,
        bottom: (high.y.ceil().max(0.0) as usize).min(height.saturating_sub(1)),
        triangle,
    })
}

impl Flat {
    /// How much of each corner a place has; `None` outside.
    fn weights(&self, place: Vec2) -> Option<[f32; 3]> {
        let [a, b, c] = self.places;
        let edge = |from: Vec2, to: Vec2| (to - from).perp_dot(place - from) / self.area;
        let weights = [edge(b, c), edge(c, a), edge(a, b)];
        weights.iter().all(|weight| *weight >= 0.0).then_some(weights)
    }

    /// The point between the corners, in perspective.
    fn between(&self, weights: [f32; 3]) -> Corner {
        let shares = [0, 1, 2].map(|at: usize| weights[at] * self.inverse[at]);
        let whole: f32 = shares.iter().sum();
        let [a, b, c] = &self.triangle.corners;
        let blend = |of: fn(&Corner) -> Vec3| (of(a) * shares[0] + of(b) * shares[1] + of(c) * shares[2]) / whole;
        Corner {
            clip: a.clip,
            position: blend(|corner| corner.position),
            normal: blend(|corner| corner.normal),
            uv: (a.uv * shares[0] + b.uv * shares[1] + c.uv * shares[2]) / whole,
            color: blend(|corner| corner.color),
        }
    }
}
