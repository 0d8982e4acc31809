//! Skinning: vertices that follow bones.
//!
//! Vertices are `stride` bytes each: position and normal, 3 little-endian f32 each, then anything. Weights are records of a bone
//! (u16) and a weight (f32), little-endian, so many to a vertex.

use glam::{Mat3A, Mat4, Quat, Vec3, Vec3A};

use super::pose::Transform;

/// The bytes of a weight.
pub const WEIGHT_BYTES: usize = 6;

/// The bytes of a position and a normal.
pub const VERTEX_BYTES: usize = 24;

/// Weights below are none.
const SMALLEST: f32 = 1e-6;

/// How the matrices of several bones are mixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mixing {
    /// By their weighted sum (linear blend skinning).
    Linear,
    /// By dual quaternions (Kavan et al., *Skinning with Dual Quaternions*, 2007), which keeps the volume where bones are
    /// twisted. Scale is not kept.
    DualQuaternions,
}

/// Moves the vertices of `mesh` with `bones`. Weights of bones that there are not are left out, and the others make up for them; a
/// vertex without weights stays. Normals are turned by the inverse transpose, and have length 1.
pub fn skin(mesh: &mut [u8], stride: usize, weights: &[u8], influences: usize, bones: &[Mat4], mixing: Mixing) {
    if stride < VERTEX_BYTES || influences == 0 {
        return;
    }
    let duals: Vec<Option<Dual>> = match mixing {
        Mixing::Linear => Vec::new(),
        Mixing::DualQuaternions => bones.iter().map(|bone| Transform::of(bone).map(|part| Dual::of(&part))).collect(),
    };
    let records = weights.chunks_exact(influences * WEIGHT_BYTES);
    for (vertex, records) in mesh.chunks_exact_mut(stride).zip(records) {
        let Some(head) = vertex.first_chunk_mut::<VERTEX_BYTES>() else { continue };
        let matrix = match mixing {
            Mixing::Linear => linear(records, bones),
            Mixing::DualQuaternions => dual(records, &duals).or_else(|| linear(records, bones)),
        };
        if let Some(matrix) = matrix {
            let (position, normal) = read(head);
            let turned = turn(&matrix) * normal;
            write(head, matrix.transform_point3a(position), turned * turned.length().max(1e-8).recip());
        } else {
            let (position, normal) = read(head);
            write(head, position, normal * normal.length().max(1e-8).recip());
        }
    }
}

/// The records of a vertex that count.
fn counted(records: &[u8], bones: usize) -> impl Iterator<Item = (usize, f32)> {
    let (records, _) = records.as_chunks::<WEIGHT_BYTES>();
    records.iter().filter_map(move |[b0, b1, w @ ..]| {
        let (bone, weight) = (usize::from(u16::from_le_bytes([*b0, *b1])), f32::from_le_bytes(*w));
        (weight >= SMALLEST && bone < bones).then_some((bone, weight))
    })
}

/// The sum of all weights of a vertex, those of missing bones as well.
fn whole(records: &[u8]) -> f32 {
    counted(records, usize::MAX).map(|(_, weight)| weight).sum()
}

fn linear(records: &[u8], bones: &[Mat4]) -> Option<Mat4> {
    let (mut sum, mut total) = (Mat4::ZERO, 0.0);
    for (bone, weight) in counted(records, bones.len()) {
        sum += bones[bone] * weight;
        total += weight;
    }
    if total < SMALLEST {
        return None;
    }
    // Where bones are missing, the others make up for them.
    Some(if whole(records) == total { sum } else { sum * total.recip() })
}

/// A rotation and a translation as a dual quaternion.
#[derive(Clone, Copy)]
struct Dual {
    real: Quat,
    dual: Quat,
}

impl Dual {
    fn of(part: &Transform) -> Self {
        let Vec3 { x, y, z } = part.translation;
        Self { real: part.rotation, dual: Quat::from_xyzw(x, y, z, 0.0) * part.rotation * 0.5 }
    }
}

fn dual(records: &[u8], bones: &[Option<Dual>]) -> Option<Mat4> {
    let zero = Quat::from_xyzw(0.0, 0.0, 0.0, 0.0);
    let (mut sum, mut first) = (Dual { real: zero, dual: zero }, None);
    for (bone, weight) in counted(records, bones.len()) {
        let Dual { real, dual } = bones[bone]?;
        let side = if real.dot(*first.get_or_insert(real)) < 0.0 { -weight } else { weight };
        sum = Dual { real: sum.real + real * side, dual: sum.dual + dual * side };
    }
    let length = sum.real.length();
    if length < SMALLEST {
        return None;
    }
    let (real, dual) = (sum.real * length.recip(), sum.dual * length.recip());
    let moved = (dual * real.conjugate()) * 2.0;
    Some(Mat4::from_rotation_translation(real, Vec3::new(moved.x, moved.y, moved.z)))
}

/// What turns normals: the inverse transpose, as far as length does not matter.
fn turn(matrix: &Mat4) -> Mat3A {
    let (x, y, z) = (
        Vec3A::from(matrix.x_axis.truncate()),
        Vec3A::from(matrix.y_axis.truncate()),
        Vec3A::from(matrix.z_axis.truncate()),
    );
    // The cofactors are the inverse transpose times the determinant, whose sign they lack.
    let cofactors = Mat3A::from_cols(y.cross(z), z.cross(x), x.cross(y));
    if x.dot(cofactors.x_axis) < 0.0 { cofactors * -1.0 } else { cofactors }
}

fn read(head: &[u8; VERTEX_BYTES]) -> (Vec3A, Vec3A) {
    let (cells, _) = head.as_chunks::<4>();
    let mut numbers = [0.0; 6];
    for (number, cell) in numbers.iter_mut().zip(cells) {
        *number = f32::from_le_bytes(*cell);
    }
    let [x, y, z, a, b, c] = numbers;
    (Vec3A::new(x, y, z), Vec3A::new(a, b, c))
}

fn write(head: &mut [u8; VERTEX_BYTES], position: Vec3A, normal: Vec3A) {
    let numbers = [position.x, position.y, position.z, normal.x, normal.y, normal.z];
    let (cells, _) = head.as_chunks_mut::<4>();
    for (cell, number) in cells.iter_mut().zip(numbers) {
        *cell = number.to_le_bytes();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn vertex(numbers: [f32; 6]) -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    }

    fn weights(records: &[(u16, f32)]) -> Vec<u8> {
        let bytes = |(bone, weight): &(u16, f32)| [&bone.to_le_bytes()[..], &weight.to_le_bytes()].concat();
        records.iter().flat_map(bytes).collect()
    }

    fn numbers(bytes: &[u8]) -> Vec<f32> {
        bytes.as_chunks().0.iter().map(|cell| f32::from_le_bytes(*cell)).collect()
    }

    proptest! {
        #[test]
        fn identity_poses_change_nothing(
            position in prop::array::uniform3(-1e3..1e3_f32), a in 0.0..1.0_f32, dual in any::<bool>()
        ) {
            let before = vertex([position[0], position[1], position[2], 0.0, 1.0, 0.0]);
            let mut mesh = before.clone();
            let mixing = if dual { Mixing::DualQuaternions } else { Mixing::Linear };
            skin(&mut mesh, 24, &weights(&[(0, a), (1, 1.0 - a)]), 2, &[Mat4::IDENTITY; 2], mixing);
            for (now, then) in numbers(&mesh).iter().zip(numbers(&before)) {
                prop_assert!((now - then).abs() <= 1e-5 * then.abs().max(1.0));
            }
        }

        #[test]
        fn any_bytes_are_skinned_or_not(mesh in prop::collection::vec(any::<u8>(), 0..200), records in prop::collection::vec(any::<u8>(), 0..100), stride in 0..40_usize, influences in 0..5_usize) {
            let mut moved = mesh.clone();
            skin(&mut moved, stride, &records, influences, &[Mat4::IDENTITY; 2], Mixing::Linear);
            prop_assert_eq!(moved.len(), mesh.len());
        }
    }

    #[test]
    fn missing_bones_are_made_up_for() {
        let mut mesh = vertex([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
        let bone = Mat4::from_translation(Vec3::X);
        skin(&mut mesh, 24, &weights(&[(0, 0.5), (9, 0.5)]), 2, &[bone], Mixing::Linear);
        assert_eq!(numbers(&mesh)[..3], [2.0, 0.0, 0.0]);
    }

    #[test]
    fn normals_stand_upright_under_uneven_scale() {
        let mut mesh = vertex([0.0, 0.0, 0.0, 1.0, 1.0, 0.0]);
        skin(&mut mesh, 24, &weights(&[(0, 1.0)]), 1, &[Mat4::from_scale(Vec3::new(2.0, 1.0, 1.0))], Mixing::Linear);
        let normal = numbers(&mesh)[3..].to_vec();
        assert!((normal[1] / normal[0] - 2.0).abs() < 1e-5);
    }

    #[test]
    fn dual_quaternions_keep_the_distance_of_a_twist() {
        let bones = [Mat4::IDENTITY, Mat4::from_rotation_x(std::f32::consts::PI * 0.99)];
        let radius = |mixing| {
            let mut mesh = vertex([0.0, 1.0, 0.0, 0.0, 1.0, 0.0]);
            skin(&mut mesh, 24, &weights(&[(0, 0.5), (1, 0.5)]), 2, &bones, mixing);
            let at = numbers(&mesh);
            at[1].hypot(at[2])
        };
        assert!(radius(Mixing::Linear) < 0.1);
        assert!((radius(Mixing::DualQuaternions) - 1.0).abs() < 1e-4);
    }
}
