//! Lattice value noise: smooth values between 0 and 1, the same on every machine and in the WGSL.

use glam::{FloatExt, Vec3, Vec3Swizzles};

/// A number between 0 and 1 for a lattice point.
fn hash(point: Vec3) -> f32 {
    let f = (point * 0.1031).fract_gl();
    let f = f + Vec3::splat(f.dot(f.yzx() + 19.19));
    ((f.x + f.y) * f.z).fract_gl()
}

/// Value noise at a point, from 0 to 1.
pub(crate) fn noise(point: Vec3) -> f32 {
    let cell = point.floor();
    let t = point - cell;
    let t = t * t * (Vec3::splat(3.0) - 2.0 * t);
    let corner = |x: f32, y: f32, z: f32| hash(cell + Vec3::new(x, y, z));
    let edge = |y: f32, z: f32| corner(0.0, y, z).lerp(corner(1.0, y, z), t.x);
    let face = |z: f32| edge(0.0, z).lerp(edge(1.0, z), t.y);
    face(0.0).lerp(face(1.0), t.z)
}

/// Layers of noise, each twice as fine and half as strong as the one before; from 0 to `1 - 2^-octaves`.
pub(crate) fn fbm(point: Vec3, octaves: u32) -> f32 {
    let (mut sum, mut weight, mut point) = (0.0, 0.5, point);
    for _ in 0..octaves.min(MAX_OCTAVES) {
        sum += weight * noise(point);
        weight *= 0.5;
        point *= 2.0;
    }
    sum
}

/// The largest value of that many layers.
pub(crate) fn fbm_range(octaves: u32) -> f32 {
    1.0 - 0.5_f32.powi(octaves.min(MAX_OCTAVES).cast_signed())
}

/// Layers beyond these weigh less than an `f32` can tell.
pub(crate) const MAX_OCTAVES: u32 = 16;
