//! Morph targets: vertices on their way to those of other meshes.

use glam::Vec3;

use super::binding::position;

/// Moves the vertices of `mesh` by the weighted differences of the targets to `base`. With `has_normals` normals are moved alike,
/// and have length 1. Targets are as long as the base.
pub fn morph(mesh: &mut [u8], base: &[u8], stride: usize, targets: &[(f32, &[u8])], has_normals: bool) {
    if stride < 12 || has_normals && stride < 24 {
        return;
    }
    let vertices = mesh.chunks_exact_mut(stride).zip(base.chunks_exact(stride));
    for (index, (vertex, base)) in vertices.enumerate() {
        let start = index * stride;
        let moved = |offset: usize| {
            let from = base.get(offset..).and_then(position)?;
            let parts = targets.iter().filter_map(|(weight, target)| {
                let to = target.get(start + offset..).and_then(position)?;
                Some((to - from) * *weight)
            });
            Some(parts.fold(from, |sum, part| sum + part))
        };
        if let Some(place) = moved(0) {
            write(vertex, 0, place);
        }
        if has_normals && let Some(normal) = moved(12) {
            write(vertex, 12, normal * normal.length().max(1e-8).recip());
        }
    }
}

fn write(vertex: &mut [u8], offset: usize, place: Vec3) {
    if let Some((cells, _)) = vertex.get_mut(offset..).map(<[u8]>::as_chunks_mut::<4>) {
        for (cell, number) in cells.iter_mut().zip(place.to_array()) {
            *cell = number.to_le_bytes();
        }
    }
}
