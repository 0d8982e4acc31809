//! Sampling keyframe clips of bones.

use glam::{Mat4, Quat, Vec3, Vec4};

use super::pose::{Transform, slerp};
use super::skeleton::{Cycle, Skeleton, world};

/// What a channel moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Property {
    /// The position.
    Position,
    /// The rotation, a quaternion.
    Rotation,
    /// The scale.
    Scale,
}

/// How a channel gets from one key to the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interpolation {
    /// Evenly.
    Linear,
    /// Not before the next key.
    Step,
    /// Along a cubic Hermite spline; three values a key: tangent in, value, tangent out (glTF 2.0, appendix C).
    Cubic,
}

/// Keys of one property of one bone.
#[derive(Clone, Debug, PartialEq)]
pub struct Channel {
    /// The bone.
    pub bone: usize,
    /// What it moves.
    pub property: Property,
    /// How.
    pub interpolation: Interpolation,
    /// When the keys are, in seconds, ascending.
    pub times: Vec<f32>,
    /// The values.
    pub values: Vec<Vec4>,
}

/// Keyframes of bones.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Clip {
    /// How long it is, in seconds.
    pub duration: f32,
    /// Its channels.
    pub channels: Vec<Channel>,
}

/// A time within a clip: wrapped into it, or held at its ends.
pub fn clip_time(time: f32, duration: f32, is_looped: bool) -> f32 {
    if duration <= 0.0 {
        // A clip without a length has one moment.
        return if is_looped { 0.0 } else { time.min(duration).max(0.0) };
    }
    if is_looped { time.rem_euclid(duration) } else { time.clamp(0.0, duration) }
}

impl Channel {
    /// The value at a time.
    pub fn at(&self, time: f32) -> Option<Vec4> {
        let (first, last) = (*self.times.first()?, *self.times.last()?);
        let end = self.times.len() - 1;
        if time <= first || end == 0 {
            return Some(self.key(0, 1));
        }
        if time >= last || time.is_nan() {
            return Some(self.key(end, 1));
        }
        let next = self.times.partition_point(|key| *key <= time).clamp(1, end);
        let (start, stop) = (self.times[next - 1], self.times[next]);
        let span = stop - start;
        let t = if span > 0.0 { ((time - start) / span).clamp(0.0, 1.0) } else { 0.0 };
        let (a, b) = (self.key(next - 1, 1), self.key(next, 1));
        Some(match self.interpolation {
            Interpolation::Step => a,
            Interpolation::Cubic => {
                let (leave, arrive) = (self.key(next - 1, 2) * span, self.key(next, 0) * span);
                let (t2, t3) = (t * t, t * t * t);
                let value = a * (2.0 * t3 - 3.0 * t2 + 1.0)
                    + leave * (t3 - 2.0 * t2 + t)
                    + b * (3.0 * t2 - 2.0 * t3)
                    + arrive * (t3 - t2);
                if self.property == Property::Rotation { value.normalize_or(a) } else { value }
            }
            Interpolation::Linear if self.property == Property::Rotation => {
                Vec4::from(slerp(Quat::from_vec4(a), Quat::from_vec4(b), t))
            }
            Interpolation::Linear => a.lerp(b, t),
        })
    }

    /// A value of a key; of cubic ones the tangent in, the value or the tangent out.
    fn key(&self, key: usize, part: usize) -> Vec4 {
        let index = if self.interpolation == Interpolation::Cubic { 3 * key + part } else { key };
        let missing = if self.property == Property::Rotation { Vec4::W } else { Vec4::ZERO };
        self.values.get(index).copied().unwrap_or(missing)
    }
}

/// Matrices that lead from the bind pose to the pose at a time: the world matrices of all bones, times the inverse bind matrices
/// where there are some.
///
/// # Errors
/// When a bone is its own ancestor.
pub fn sample(clip: &Clip, skeleton: &Skeleton, inverse_bind: &[Mat4], time: f32) -> Result<Vec<Mat4>, Cycle> {
    let mut parts: Vec<Option<Transform>> = skeleton.locals.iter().map(Transform::of).collect();
    let mut moved = vec![false; parts.len()];
    for channel in &clip.channels {
        let (Some(part), Some(value)) = (parts.get_mut(channel.bone), channel.at(time)) else { continue };
        moved[channel.bone] = true;
        // A bone whose bind matrix is sheared is moved from where it stands.
        let place = skeleton.locals[channel.bone].w_axis.truncate();
        let part = part.get_or_insert(Transform { translation: place, ..Transform::IDENTITY });
        match channel.property {
            Property::Position => part.translation = value.truncate(),
            Property::Rotation => part.rotation = Quat::from_vec4(value),
            Property::Scale => part.scale = value.truncate(),
        }
    }
    let locals: Vec<Mat4> = skeleton
        .locals
        .iter()
        .zip(parts.iter().zip(&moved))
        .map(|(bind, (part, moved))| match part {
            Some(part) if *moved => matrix(part),
            _ => *bind,
        })
        .collect();
    let mut pose = world(&locals, &skeleton.parents)?;
    for (matrix, inverse) in pose.iter_mut().zip(inverse_bind) {
        *matrix *= *inverse;
    }
    Ok(pose)
}

/// The matrix of a transform, whose rotation need not have unit length, as keys may give it.
fn matrix(part: &Transform) -> Mat4 {
    let [x, y, z, w] = part.rotation.to_array();
    let column = |a: f32, b: f32, c: f32, scale: f32| (Vec3::new(a, b, c) * scale).extend(0.0);
    Mat4::from_cols(
        column(1.0 - 2.0 * (y * y + z * z), 2.0 * (x * y + w * z), 2.0 * (x * z - w * y), part.scale.x),
        column(2.0 * (x * y - w * z), 1.0 - 2.0 * (x * x + z * z), 2.0 * (y * z + w * x), part.scale.y),
        column(2.0 * (x * z + w * y), 2.0 * (y * z - w * x), 1.0 - 2.0 * (x * x + y * y), part.scale.z),
        part.translation.extend(1.0),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn channel(interpolation: Interpolation, property: Property, values: &[[f32; 4]]) -> Channel {
        let values = values.iter().map(|value| Vec4::from_array(*value)).collect();
        Channel { bone: 0, property, interpolation, times: vec![0.0, 2.0], values }
    }

    #[test]
    fn keys_lead_to_each_other() {
        let ends = [[0.0; 4], [4.0, 0.0, 0.0, 0.0]];
        let at = |interpolation, time| channel(interpolation, Property::Position, &ends).at(time).unwrap().x;
        assert_eq!((at(Interpolation::Linear, 0.5), at(Interpolation::Step, 1.9)), (1.0, 0.0));
        assert_eq!((at(Interpolation::Linear, -1.0), at(Interpolation::Linear, 9.0)), (0.0, 4.0));
        let spline = [[0.0; 4], [0.0; 4], [2.0, 0.0, 0.0, 0.0], [2.0, 0.0, 0.0, 0.0], [4.0, 0.0, 0.0, 0.0], [0.0; 4]];
        let spline = channel(Interpolation::Cubic, Property::Position, &spline);
        // Tangents along the line give the line.
        assert!((spline.at(0.5).unwrap().x - 1.0).abs() < 1e-6);
    }

    #[test]
    fn bones_without_keys_keep_their_bind_pose() {
        let bind = Mat4::from_scale_rotation_translation(Vec3::splat(2.0), Quat::from_rotation_x(1.0), Vec3::Y);
        let skeleton = Skeleton { parents: vec![None, Some(0)], locals: vec![bind, bind] };
        let clip = Clip { duration: 1.0, channels: Vec::new() };
        let inverse = skeleton.inverse_bind().unwrap();
        for matrix in sample(&clip, &skeleton, &inverse, 0.5).unwrap() {
            assert!(matrix.abs_diff_eq(Mat4::IDENTITY, 1e-5));
        }
    }

    #[test]
    fn times_wrap_without_going_negative() {
        assert_eq!(clip_time(-0.25, 1.0, true), 0.75);
        assert_eq!(clip_time(2.5, 1.0, false), 1.0);
        assert_eq!(clip_time(2.5, 0.0, true), 0.0);
    }
}
