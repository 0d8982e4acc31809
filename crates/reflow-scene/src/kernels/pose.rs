//! Poses: a 4×4 matrix a bone, 16 little-endian f32 each, column by column.

use glam::{Mat4, Quat, Vec3};

/// The bytes of a bone.
pub const BONE_BYTES: usize = 64;

/// Rotations nearer than this (as a cosine) are joined by a straight line.
const NEARLY_SAME: f32 = 0.9995;

/// The whole matrices in some bytes.
pub fn read(bytes: &[u8]) -> Vec<Mat4> {
    let (matrices, _) = bytes.as_chunks::<BONE_BYTES>();
    matrices.iter().map(matrix).collect()
}

fn matrix(bytes: &[u8; BONE_BYTES]) -> Mat4 {
    let (cells, _) = bytes.as_chunks::<4>();
    let mut elements = [0.0; 16];
    for (element, cell) in elements.iter_mut().zip(cells) {
        *element = f32::from_le_bytes(*cell);
    }
    Mat4::from_cols_array(&elements)
}

/// The bytes of matrices.
pub fn write(matrices: &[Mat4]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(matrices.len() * BONE_BYTES);
    for matrix in matrices {
        for element in matrix.to_cols_array() {
            bytes.extend_from_slice(&element.to_le_bytes());
        }
    }
    bytes
}

/// A matrix as a scale, a rotation and a translation in this order.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Transform {
    /// Where to.
    pub translation: Vec3,
    /// How it is turned.
    pub rotation: Quat,
    /// How large along each axis.
    pub scale: Vec3,
}

impl Transform {
    /// What changes nothing.
    pub const IDENTITY: Self = Self { translation: Vec3::ZERO, rotation: Quat::IDENTITY, scale: Vec3::ONE };

    /// The parts of a matrix; `None` for matrices that are no more than that, sheared ones for example.
    pub fn of(matrix: &Mat4) -> Option<Self> {
        if matrix.determinant().abs() <= f32::MIN_POSITIVE || !matrix.is_finite() {
            return None;
        }
        let (scale, rotation, translation) = matrix.to_scale_rotation_translation();
        let parts = Self { translation, rotation, scale };
        let tolerance = 1e-4 * scale.abs().max_element().max(1e-3);
        let is_same = matrix.row(3).abs_diff_eq(glam::Vec4::W, 1e-5)
            && (0..3).all(|axis| parts.matrix().col(axis).abs_diff_eq(matrix.col(axis), tolerance));
        is_same.then_some(parts)
    }

    /// The matrix.
    pub fn matrix(&self) -> Mat4 {
        Mat4::from_scale_rotation_translation(self.scale, self.rotation, self.translation)
    }

    /// On the way to another one.
    #[must_use]
    pub fn towards(&self, other: &Self, t: f32) -> Self {
        Self {
            translation: self.translation.lerp(other.translation, t),
            rotation: slerp(self.rotation, other.rotation, t),
            scale: self.scale.lerp(other.scale, t),
        }
    }
}

/// Turns evenly from one rotation to another, along the shorter way (Shoemake, 1985).
pub fn slerp(a: Quat, b: Quat, t: f32) -> Quat {
    let dot = a.dot(b);
    let (b, dot) = if dot < 0.0 { (-b, -dot) } else { (b, dot) };
    let mixed = if dot > NEARLY_SAME {
        a + (b - a) * t
    } else {
        let angle = dot.acos();
        (a * ((1.0 - t) * angle).sin() + b * (t * angle).sin()) * angle.sin().recip()
    };
    let length = mixed.length();
    if length > 1e-12 { mixed * length.recip() } else { a }
}

/// A matrix on the way from `a` to `b`: translation and scale along a line, the rotation evenly. Matrices that are no scale,
/// rotation and translation go element by element.
pub fn blend(a: &Mat4, b: &Mat4, t: f32) -> Mat4 {
    if t == 0.0 || a == b {
        return *a;
    }
    if t == 1.0 {
        return *b;
    }
    match (Transform::of(a), Transform::of(b)) {
        (Some(from), Some(to)) => from.towards(&to, t).matrix(),
        _ => *a * (1.0 - t) + *b * t,
    }
}

/// `base` with the part `t` of what `layer` does more than `reference`.
pub fn add(base: &Mat4, layer: &Mat4, reference: &Mat4, t: f32) -> Mat4 {
    match (Transform::of(base), Transform::of(layer), Transform::of(reference)) {
        (Some(base), Some(layer), Some(reference)) => {
            let turn = layer.rotation * reference.rotation.conjugate();
            Transform {
                translation: base.translation + (layer.translation - reference.translation) * t,
                rotation: (slerp(Quat::IDENTITY, turn, t) * base.rotation).normalize(),
                scale: base.scale + (layer.scale - reference.scale) * t,
            }
            .matrix()
        }
        _ => *base + (*layer - *reference) * t,
    }
}

/// The weighted mean of matrices, or, where the weights do not add up to 1, their weighted sum, element by element.
pub fn sum(parts: &[(f32, Mat4)]) -> Mat4 {
    let total: f32 = parts.iter().map(|(weight, _)| weight).sum();
    let transforms: Option<Vec<_>> =
        parts.iter().map(|(weight, matrix)| Some((*weight, Transform::of(matrix)?))).collect();
    if let (Some(transforms), true) = (transforms, (total - 1.0).abs() < 1e-4)
        && let Some((_, first)) = transforms.iter().max_by(|(a, _), (b, _)| a.total_cmp(b))
    {
        let (mut translation, mut scale, mut rotation) = (Vec3::ZERO, Vec3::ZERO, Quat::from_xyzw(0.0, 0.0, 0.0, 0.0));
        for (weight, part) in &transforms {
            translation += part.translation * *weight;
            scale += part.scale * *weight;
            // q and -q are the same rotation.
            let side = if part.rotation.dot(first.rotation) < 0.0 { -*weight } else { *weight };
            rotation += part.rotation * side;
        }
        if rotation.length() > 1e-6 {
            return Transform { translation, rotation: rotation.normalize(), scale }.matrix();
        }
    }
    parts.iter().fold(Mat4::ZERO, |sum, (weight, matrix)| sum + *matrix * *weight)
}

/// The inverse; the identity where there is none to speak of.
pub fn inverse(matrix: &Mat4) -> Mat4 {
    let determinant = matrix.determinant();
    // NaN has none either.
    if determinant.abs() >= 1e-10 { matrix.inverse() } else { Mat4::IDENTITY }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn rotations() -> impl Strategy<Value = Quat> {
        (prop::array::uniform3(-1.0..1.0_f32), -3.0..3.0_f32)
            .prop_map(|(axis, angle)| Quat::from_axis_angle((Vec3::from(axis) + Vec3::splat(1e-3)).normalize(), angle))
    }

    proptest! {
        #[test]
        fn slerp_keeps_unit_length(a in rotations(), b in rotations(), t in 0.0..1.0_f32) {
            prop_assert!((slerp(a, b, t).length() - 1.0).abs() < 1e-5);
            prop_assert!(slerp(a, b, 0.0).dot(a).abs() > 1.0 - 1e-5);
            prop_assert!(slerp(a, b, 1.0).dot(b).abs() > 1.0 - 1e-5);
        }

        #[test]
        fn blending_rotations_neither_shears_nor_shrinks(a in rotations(), b in rotations(), t in 0.0..1.0_f32) {
            let mixed = blend(&Mat4::from_quat(a), &Mat4::from_quat(b), t);
            prop_assert!((mixed.determinant() - 1.0).abs() < 1e-3);
            let together = sum(&[(1.0 - t, Mat4::from_quat(a)), (t, Mat4::from_quat(b))]);
            prop_assert!((together.determinant() - 1.0).abs() < 1e-3 || a.dot(b).abs() < 1e-2);
        }

        #[test]
        fn any_bytes_are_bones(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            let matrices = read(&bytes);
            prop_assert_eq!(matrices.len(), bytes.len() / BONE_BYTES);
            prop_assert_eq!(&write(&matrices)[..], &bytes[..matrices.len() * BONE_BYTES]);
            for pair in matrices.windows(2) {
                let _ = (blend(&pair[0], &pair[1], 0.5), add(&pair[0], &pair[1], &pair[0], 0.5), inverse(&pair[0]));
            }
        }
    }

    #[test]
    fn what_is_sheared_goes_element_by_element() {
        let mut sheared = Mat4::IDENTITY;
        sheared.y_axis.x = 1.0;
        assert_eq!(Transform::of(&sheared), None);
        assert_eq!(blend(&Mat4::IDENTITY, &sheared, 0.5).y_axis.x, 0.5);
        assert_eq!(sum(&[(0.5, Mat4::IDENTITY)]).w_axis.w, 0.5);
        assert_eq!(inverse(&Mat4::ZERO), Mat4::IDENTITY);
    }
}
