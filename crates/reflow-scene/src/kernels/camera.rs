//! Cameras: view and projection matrices.

use glam::{Mat4, Vec3};

/// Which depths a projection gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Depth {
    /// -1 to 1, as in OpenGL.
    Symmetric,
    /// 0 to 1, as in Vulkan, Metal, Direct3D and WebGPU.
    Positive,
}

/// A vector of length 1, or (0, 0, 1) where there is no direction.
pub fn direction(vector: Vec3) -> Vec3 {
    let length = vector.length();
    if length < 1e-6 { Vec3::Z } else { vector / length }
}

/// The view of an eye that looks at a target, with the second axis up, or where it looks up or down, the third.
pub fn view(eye: Vec3, target: Vec3) -> Mat4 {
    let forward = direction(target - eye);
    let up = if forward.cross(Vec3::Y).length() < 1e-6 { -Vec3::Z * forward.y.signum() } else { Vec3::Y };
    let side = direction(forward.cross(up));
    let up = side.cross(forward);
    Mat4::from_cols(
        Vec3::new(side.x, up.x, -forward.x).extend(0.0),
        Vec3::new(side.y, up.y, -forward.y).extend(0.0),
        Vec3::new(side.z, up.z, -forward.z).extend(0.0),
        Vec3::new(-side.dot(eye), -up.dot(eye), forward.dot(eye)).extend(1.0),
    )
}

/// A perspective projection; the angle is that from bottom to top, in radians.
pub fn perspective(fov: f32, aspect: f32, near: f32, far: f32, depth: Depth) -> Mat4 {
    let g = 1.0 / (fov / 2.0).tan();
    let (scale, shift) = match depth {
        Depth::Symmetric => ((far + near) / (near - far), 2.0 * far * near / (near - far)),
        Depth::Positive => (far / (near - far), far * near / (near - far)),
    };
    let mut cells = [0.0; 16];
    (cells[0], cells[5], cells[10], cells[11], cells[14]) = (g / aspect, g, scale, -1.0, shift);
    Mat4::from_cols_array(&cells)
}

/// Where an eye is that goes round a centre, by angles in radians.
pub fn orbit(center: Vec3, distance: f32, yaw: f32, pitch: f32) -> Vec3 {
    center + Vec3::new(yaw.cos() * pitch.cos(), pitch.sin(), yaw.sin() * pitch.cos()) * distance
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn views_move_the_eye_to_the_origin_and_the_target_ahead(
            eye in prop::array::uniform3(-9.0..9.0_f32), target in prop::array::uniform3(-9.0..9.0_f32)
        ) {
            let (eye, target) = (Vec3::from(eye), Vec3::from(target));
            prop_assume!(eye.distance(target) > 0.1);
            let view = view(eye, target);
            prop_assert!(view.transform_point3(eye).length() < 1e-4);
            let ahead = view.transform_point3(target);
            prop_assert!(ahead.truncate().length() < 1e-3 && ahead.z < 0.0);
            prop_assert!((view.determinant() - 1.0).abs() < 1e-4);
        }
    }

    #[test]
    fn looking_straight_up_or_down_is_a_view_too() {
        for y in [-5.0, 5.0] {
            assert!((view(Vec3::ZERO, Vec3::Y * y).determinant() - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn depths_reach_from_near_to_far() {
        let depth = |kind, z| perspective(1.0, 1.0, 1.0, 3.0, kind).project_point3(Vec3::new(0.0, 0.0, z)).z;
        assert!(
            (depth(Depth::Symmetric, -1.0) + 1.0).abs() < 1e-6 && (depth(Depth::Symmetric, -3.0) - 1.0).abs() < 1e-6
        );
        assert!(depth(Depth::Positive, -1.0).abs() < 1e-6 && (depth(Depth::Positive, -3.0) - 1.0).abs() < 1e-6);
    }
}
