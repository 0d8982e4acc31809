//! Binding vertices to bones by distance.

use glam::Vec3;

use super::skinning::WEIGHT_BYTES;

/// Lines shorter than this (squared) are points.
const SHORTEST: f32 = 1e-8;

/// Keeps the weight of a vertex on a bone finite.
const SOFTENING: f32 = 0.01;

/// A bone as a line between two places.
pub type Segment = [Vec3; 2];

/// The weights of vertices: of each the `influences` nearest segments, by 1 / (distance + 0.01) to the power of `falloff`,
/// adding up to 1. Records that are not needed are zero.
pub fn bind(mesh: &[u8], stride: usize, segments: &[Segment], influences: usize, falloff: f32) -> Vec<u8> {
    let vertices = if stride < 12 { 0 } else { mesh.len() / stride };
    let mut weights = vec![0; vertices * influences * WEIGHT_BYTES];
    if influences == 0 || vertices == 0 {
        return weights;
    }
    let mut near: Vec<(f32, u16)> = Vec::with_capacity(segments.len());
    let records = weights.chunks_exact_mut(influences * WEIGHT_BYTES);
    for (vertex, records) in mesh.chunks_exact(stride).zip(records) {
        let Some(point) = position(vertex) else { continue };
        near.clear();
        near.extend((0..=u16::MAX).zip(segments).map(|(bone, segment)| (distance(point, segment), bone)));
        let order = |a: &(f32, u16), b: &(f32, u16)| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1));
        let count = influences.min(near.len());
        if count < near.len() {
            near.select_nth_unstable_by(count, order);
            near.truncate(count);
        }
        near.sort_unstable_by(order);
        let weight = |distance: f32| {
            let weight = (distance + SOFTENING).recip();
            if falloff == 1.0 { weight } else { weight.powf(falloff) }
        };
        let total: f32 = near.iter().map(|(distance, _)| weight(*distance)).sum();
        for (record, (distance, bone)) in records.chunks_exact_mut(WEIGHT_BYTES).zip(&near) {
            record[..2].copy_from_slice(&bone.to_le_bytes());
            record[2..].copy_from_slice(&(weight(*distance) / total).to_le_bytes());
        }
    }
    weights
}

/// The position of a vertex.
pub fn position(vertex: &[u8]) -> Option<Vec3> {
    let part = |at: usize| Some(f32::from_le_bytes(*vertex.get(at..)?.first_chunk()?));
    Some(Vec3::new(part(0)?, part(4)?, part(8)?))
}

fn distance(point: Vec3, [a, b]: &Segment) -> f32 {
    let line = *b - *a;
    let length = line.length_squared();
    if length < SHORTEST {
        return point.distance(*a);
    }
    let t = ((point - *a).dot(line) / length).clamp(0.0, 1.0);
    point.distance(*a + line * t)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_bones_share_a_vertex() {
        let mesh: Vec<u8> = [1.0_f32, 0.0, 0.0].iter().flat_map(|number| number.to_le_bytes()).collect();
        let segments = [[Vec3::ZERO, Vec3::ZERO], [Vec3::X * 5.0; 2], [Vec3::ZERO, Vec3::X * 2.0]];
        let weights = bind(&mesh, 12, &segments, 2, 1.0);
        assert_eq!((weights[0], weights[6]), (2, 0));
        let weight = |at: usize| f32::from_le_bytes(*weights[at..].first_chunk().unwrap());
        assert!((weight(2) + weight(8) - 1.0).abs() < 1e-6 && weight(2) > 0.98);
        assert!(bind(&mesh, 12, &segments[..1], 4, 1.0)[6..].iter().all(|byte| *byte == 0));
    }
}
