//! Inverse kinematics: bones that reach for, or look at, a place.

use glam::{Mat4, Quat, Vec3};

use super::pose::{Transform, blend, slerp};

/// Shorter ways lead nowhere.
const SHORTEST: f32 = 1e-6;

fn place(matrix: &Mat4) -> Vec3 {
    matrix.w_axis.truncate()
}

/// Turns a bone so that one of its axes (0, 1 or 2; the third by default) points to `target`, and its second axis as far up as
/// that allows. Scale stays.
pub fn look_at(bone: &Mat4, target: Vec3, axis: usize, weight: f32) -> Mat4 {
    let from = place(bone);
    let way = target - from;
    let forward = if way.length() < SHORTEST { Vec3::Y } else { way.normalize() };
    let up = if forward.cross(Vec3::Y).length() < SHORTEST { Vec3::Z } else { Vec3::Y };
    let right = up.cross(forward).normalize();
    let up = forward.cross(right);
    let (x, y, z) = match axis {
        0 => (forward, up, -right),
        1 => (right, forward, -up),
        _ => (right, up, forward),
    };
    let scale = [bone.x_axis, bone.y_axis, bone.z_axis].map(|column| column.truncate().length());
    let looking = Mat4::from_cols(
        (x * scale[0]).extend(0.0),
        (y * scale[1]).extend(0.0),
        (z * scale[2]).extend(0.0),
        bone.w_axis,
    );
    blend(bone, &looking, weight)
}

/// Bends the chain of `root`, `mid` and `end` so that its end reaches for `target`, as far as its bones are long, and turns the
/// root and the middle with it.
///
/// The elbow stands where the law of cosines puts it, in the plane of the current bend, or of the place `pole` where one is given.
/// The bones keep their lengths. Gives the three matrices.
pub fn two_bone([root, mid, end]: [&Mat4; 3], target: Vec3, pole: Option<Vec3>, weight: f32) -> [Mat4; 3] {
    let (a, b, c) = (place(root), place(mid), place(end));
    let (upper, lower) = (a.distance(b), b.distance(c));
    // What is not a number is not solved.
    let is_sound = upper > SHORTEST && lower > SHORTEST && (upper + lower).is_finite();
    if !is_sound || weight == 0.0 || !target.is_finite() {
        return [*root, *mid, *end];
    }
    let way = target - a;
    let direction = if way.length() > SHORTEST { way.normalize() } else { (c - a).normalize_or(Vec3::Y) };
    let slack = 1e-4 * (upper + lower);
    let reach = way.length().clamp((upper - lower).abs().max(SHORTEST), upper + lower);
    let reach = if reach < SHORTEST { slack } else { reach };
    let bend = bend_direction(a, b, c, direction, pole);
    let cosine = ((upper * upper + reach * reach - lower * lower) / (2.0 * upper * reach)).clamp(-1.0, 1.0);
    let elbow = a + (direction * cosine + bend * (1.0 - cosine * cosine).sqrt()) * upper;
    let hand = a + direction * reach;
    let first = Quat::from_rotation_arc((b - a).normalize(), (elbow - a).normalize_or(direction));
    let second = Quat::from_rotation_arc((c - b).normalize(), (hand - elbow).normalize_or(direction));
    // The weight turns the bones rather than moving their ends, so that they keep their lengths on the way.
    let (first, second) = (slerp(Quat::IDENTITY, first, weight), slerp(Quat::IDENTITY, second, weight));
    let (elbow, hand) = (a + first * (b - a), a + first * (b - a) + second * (c - b));
    [turned(root, first, a), turned(mid, second, elbow), moved(end, hand)]
}

/// A unit vector across `direction` to the side on which the elbow is.
fn bend_direction(a: Vec3, b: Vec3, c: Vec3, direction: Vec3, pole: Option<Vec3>) -> Vec3 {
    let line = (c - a).normalize_or(direction);
    let side = match pole {
        Some(pole) => pole - a,
        // How the elbow stands out from the line, turned along with the line.
        None => Quat::from_rotation_arc(line, direction) * ((b - a) - line * (b - a).dot(line)),
    };
    let across = |side: Vec3| side - direction * side.dot(direction);
    let found = across(side);
    if found.length() > 1e-4 * a.distance(b) {
        return found.normalize();
    }
    // A straight arm bends forward, or to the side.
    let forward = across(Vec3::Z);
    if forward.length() > 0.1 { forward.normalize() } else { across(Vec3::X).normalize_or(Vec3::X) }
}

/// A matrix turned by a rotation and put at a place.
fn turned(matrix: &Mat4, rotation: Quat, at: Vec3) -> Mat4 {
    moved(&(Mat4::from_quat(rotation) * *matrix), at)
}

fn moved(matrix: &Mat4, at: Vec3) -> Mat4 {
    Mat4 { w_axis: at.extend(matrix.w_axis.w), ..*matrix }
}

/// The rotation of a matrix, if it has one.
pub fn rotation(matrix: &Mat4) -> Option<Quat> {
    Transform::of(matrix).map(|part| part.rotation)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(place: Vec3) -> Mat4 {
        Mat4::from_translation(place)
    }

    proptest! {
        #[test]
        fn what_is_within_reach_is_reached_and_bones_keep_their_lengths(
            direction in prop::array::uniform3(-1.0..1.0_f32), part in 0.05..1.4_f32, bent in 0.1..1.0_f32
        ) {
            let direction = Vec3::from(direction).normalize_or(Vec3::X);
            let chain = [at(Vec3::ZERO), at(Vec3::new(bent, 1.0, 0.0)), at(Vec3::new(0.0, 2.0, 0.0))];
            let length = Vec3::new(bent, 1.0, 0.0).length();
            let target = direction * part * length * 1.4;
            let solved = two_bone([&chain[0], &chain[1], &chain[2]], target, None, 1.0);
            let [a, b, c] = solved.map(|matrix| place(&matrix));
            prop_assert!((a.distance(b) - length).abs() < 1e-3 && (b.distance(c) - length).abs() < 1e-3);
            if target.length() < 2.0 * length {
                prop_assert!(c.distance(target) < 2e-3, "{c} is not {target}");
            } else {
                prop_assert!((c - a).normalize().dot(direction) > 0.999);
            }
        }

        #[test]
        fn looking_keeps_the_scale_at_every_weight(
            target in prop::array::uniform3(-5.0..5.0_f32), weight in 0.0..1.0_f32, axis in 0..3_usize
        ) {
            let bone = Mat4::from_scale(Vec3::new(1.0, 2.0, 3.0));
            let looking = look_at(&bone, Vec3::from(target), axis, weight);
            prop_assert!((looking.determinant() - 6.0).abs() < 1e-2);
        }
    }

    #[test]
    fn a_bone_looks_along_its_axis() {
        for (axis, column) in [(0, 0), (1, 1), (2, 2)] {
            let looking = look_at(&Mat4::IDENTITY, Vec3::new(3.0, 0.0, 0.0), axis, 1.0);
            assert!(looking.col(column).truncate().abs_diff_eq(Vec3::X, 1e-6), "{axis}");
            assert!((looking.determinant() - 1.0).abs() < 1e-5);
        }
    }

    #[test]
    fn a_pole_says_where_the_elbow_goes() {
        let chain = [at(Vec3::ZERO), at(Vec3::Y), at(Vec3::Y * 2.0)];
        let [_, mid, _] = two_bone([&chain[0], &chain[1], &chain[2]], Vec3::Y * 1.5, Some(Vec3::X), 1.0);
        assert!(mid.w_axis.x > 0.5 && mid.w_axis.z.abs() < 1e-5);
    }
}
