//! Distances of the primitives, and what operations and transforms do to points and distances.
//!
//! Unless a function says otherwise, the formulas are those of Inigo Quilez, "distance functions"
//! (<https://iquilezles.org/articles/distfunctions/>).

use glam::{FloatExt, Mat3, Vec2, Vec3, Vec3Swizzles};

use super::noise::{MAX_OCTAVES, fbm, fbm_range, noise};
use super::tree::{Operation, Primitive, Transform};

/// Where scales and walls end: below, there would be nothing to divide by.
const TINY: f32 = 1e-4;
/// The distance to a tube without a segment.
const NOWHERE: f32 = 999.0;

/// A function that gives the distance at each point.
pub(crate) type Measure<'a> = Box<dyn Fn(&[Vec3], &mut [f32]) + Send + Sync + 'a>;

/// One call for many points: the formula is compiled into the loop.
fn each<'a>(distance: impl Fn(Vec3) -> f32 + Send + Sync + 'a) -> Measure<'a> {
    Box::new(move |points, out| out.iter_mut().zip(points).for_each(|(out, point)| *out = distance(*point)))
}

impl Primitive {
    /// The signed distance at points. What depends on the shape alone is computed once.
    pub(crate) fn measure(&self) -> Measure<'_> {
        match *self {
            Self::Sphere { radius } => each(move |p| p.length() - radius),
            Self::Box { size } => each(move |p| cuboid(p, size)),
            Self::RoundBox { size, radius } => each(move |p| cuboid(p, size) - radius),
            Self::Ellipsoid { radii } => {
                let radii = radii.max(Vec3::splat(TINY));
                each(move |p| ellipsoid(p, radii))
            }
            Self::RoundBoxShell { size, radius, thickness } => {
                let half = thickness.max(TINY) / 2.0;
                each(move |p| (cuboid(p, size) - radius + half).abs() - half)
            }
            Self::Cylinder { radius, height } => each(move |p| {
                let d = Vec2::new(p.xz().length() - radius, p.y.abs() - height);
                d.max_element().min(0.0) + d.max(Vec2::ZERO).length()
            }),
            Self::Capsule { radius, height } => each(move |p| {
                let y = p.y - p.y.clamp(0.0, height.max(0.0));
                Vec3::new(p.x, y, p.z).length() - radius
            }),
            Self::Torus { major_radius, minor_radius } => {
                each(move |p| Vec2::new(p.xz().length() - major_radius, p.y).length() - minor_radius)
            }
            Self::Cone { angle, height } => each(move |p| cone(p, angle, height)),
            Self::Plane { normal, offset } => {
                // A normal that is no unit vector would scale the distance.
                let normal = normal.try_normalize().unwrap_or(Vec3::Y);
                each(move |p| p.dot(normal) + offset)
            }
            Self::TaperedCapsule { a, b, radius_a, radius_b } => {
                each(move |p| round_cone(p - a, b - a, radius_a, radius_b))
            }
            Self::TubePath { ref points, ref radii, .. } => tube(points, radii),
            Self::InfRepeat { spacing } => {
                each(move |p| (p - nearest(p, spacing, Vec3::splat(f32::INFINITY))).length())
            }
            Self::Puddle { radius, height, noise_freq, noise_amp, bevel, meniscus } => {
                each(move |p| puddle(p, radius, height, noise_freq, noise_amp, bevel, meniscus))
            }
            Self::Volume { resolution, bound, ref values } => volume(resolution as usize, bound, values),
        }
    }
}

/// Distances between the centres of voxels. Beyond them at least the way to them, and no more than there can be.
fn volume(resolution: usize, bound: f32, values: &[f32]) -> Measure<'_> {
    let pitch = 2.0 * bound / resolution as f32;
    let reach = (bound - pitch / 2.0).max(0.0);
    let last = resolution.saturating_sub(1);
    let value = move |x: usize, y: usize, z: usize| {
        values.get((z * resolution + y) * resolution + x).copied().unwrap_or(NOWHERE)
    };
    each(move |p| {
        let inside = p.clamp(Vec3::splat(-reach), Vec3::splat(reach));
        let place = (inside + reach) / pitch;
        let low = place.floor().to_array().map(|at| (at as usize).min(last.saturating_sub(1)));
        let part = place - Vec3::from_array(low.map(|at| at as f32));
        let [x, y, z] = low;
        let [right, up, back] = low.map(|at| (at + 1).min(last));
        let row = |y: usize, z: usize| value(x, y, z).lerp(value(right, y, z), part.x);
        let layer = |z: usize| row(y, z).lerp(row(up, z), part.y);
        let found = layer(z).lerp(layer(back), part.z);
        let out = (p - inside).length();
        if out > 0.0 { out.max(found - out) } else { found }
    })
}

fn cuboid(p: Vec3, size: Vec3) -> f32 {
    let q = p.abs() - size;
    q.max(Vec3::ZERO).length() + q.max_element().min(0.0)
}

/// A bound, not the exact distance.
fn ellipsoid(p: Vec3, radii: Vec3) -> f32 {
    let k0 = (p / radii).length();
    let k1 = (p / (radii * radii)).length();
    if k1 < TINY {
        // At the centre the bound says nothing.
        return -radii.min_element();
    }
    k0 * (k0 - 1.0) / k1
}

/// The exact cone with its apex at the origin and its base at y = `height`; without a height it has no end.
fn cone(p: Vec3, angle: f32, height: f32) -> f32 {
    let (sin, cos) = angle.sin_cos();
    let q = Vec2::new(p.xz().length(), p.y);
    if height <= 0.0 || cos.abs() < 1e-6 {
        let axis = Vec2::new(sin, cos);
        let d = (q - axis * q.dot(axis).max(0.0)).length();
        return if q.x * cos - q.y * sin < 0.0 { -d } else { d };
    }
    let rim = Vec2::new(height * sin / cos, height);
    // The nearest points of the side and of the base.
    let side = q - rim * (q.dot(rim) / rim.length_squared()).clamp(0.0, 1.0);
    let base = q - Vec2::new(q.x.clamp(0.0, rim.x.max(0.0)), height);
    let inside = q.y <= height && q.x * rim.y - q.y * rim.x <= 0.0;
    let d = side.length().min(base.length());
    if inside { -d } else { d }
}

/// The exact hull of two balls, one at the origin, one at `axis`.
fn round_cone(p: Vec3, axis: Vec3, radius: f32, end_radius: f32) -> f32 {
    let square = axis.length_squared();
    let slope = radius - end_radius;
    let rest = square - slope * slope;
    if rest <= 0.0 {
        // One ball holds the other.
        return if slope < 0.0 { (p - axis).length() - end_radius } else { p.length() - radius };
    }
    let length = square.sqrt();
    // Along the axis, and away from it.
    let along = p.dot(axis) / length;
    let away = (p - axis * (along / length)).length();
    // Where the nearest points of the side are: between the two circles that the balls touch it at.
    let shift = away * slope / rest.sqrt();
    if along < shift {
        return p.length() - radius;
    }
    if along > length + shift {
        return (p - axis).length() - end_radius;
    }
    (away * rest.sqrt() + along * slope) / length - radius
}

/// The distance to the polyline less the radius at the nearest point, which goes by arc length.
fn tube<'a>(points: &'a [Vec3], radii: &'a [f32]) -> Measure<'a> {
    let count = points.len().min(radii.len());
    if count < 2 {
        return each(|_| NOWHERE);
    }
    let (points, radii) = (&points[..count], &radii[..count]);
    let mut starts = vec![0.0_f32];
    for pair in points.windows(2) {
        starts.push((starts[starts.len() - 1] + pair[0].distance(pair[1])).min(f32::MAX));
    }
    let total = starts[count - 1].max(TINY);
    each(move |p| {
        let (mut nearest, mut along) = (f32::INFINITY, 0.0);
        for (pair, start) in points.windows(2).zip(&starts) {
            let axis = pair[1] - pair[0];
            let h = ((p - pair[0]).dot(axis) / axis.length_squared().max(TINY * TINY)).clamp(0.0, 1.0);
            let d = (p - pair[0] - h * axis).length();
            if d < nearest {
                (nearest, along) = (d, (start + h * axis.length()) / total);
            }
        }
        let place = along.clamp(0.0, 1.0) * (count - 1) as f32;
        let before = (place as usize).min(count - 2);
        nearest - radii[before].lerp(radii[before + 1], place - before as f32)
    })
}

fn puddle(p: Vec3, radius: f32, height: f32, freq: f32, amp: f32, bevel: f32, meniscus: f32) -> f32 {
    let coarse = noise(Vec3::new(p.x * freq, p.z * freq, 0.0));
    let fine = noise(Vec3::new(p.x * freq * 2.3, p.z * freq * 2.3, 5.0));
    let outline = (radius + amp * (2.0 * coarse - 1.0 + 0.5 * fine)).max(0.001);
    let rim = bevel.clamp(0.0005, (0.7 * outline).max(0.0005));
    let inner = (outline - rim).max(0.0005);
    let r = p.xz().length();
    let e = ((r - inner) / rim.max(TINY)).clamp(0.0, 1.0);
    let lip = meniscus * smoothstep(0.18, 0.85, e) * (1.0 - smoothstep(0.85, 1.0, e));
    let top = (height * (1.0 - smoothstep(0.0, 1.0, e))).max(lip);
    (r - outline).max((-p.y).max(p.y - top.max(0.0004)))
}

fn smoothstep(low: f32, high: f32, x: f32) -> f32 {
    let t = ((x - low) / (high - low)).clamp(0.0, 1.0);
    t * t * (3.0 - 2.0 * t)
}

/// The lattice point next to `p`, at most `count` pitches from the origin; an axis without a pitch has none but 0.
pub(crate) fn nearest(p: Vec3, spacing: Vec3, count: Vec3) -> Vec3 {
    let pitch = Vec3::select(spacing.cmpeq(Vec3::ZERO), Vec3::ONE, spacing);
    let cell = (p / pitch).round().clamp(-count, count) * pitch;
    Vec3::select(spacing.cmpeq(Vec3::ZERO), Vec3::ZERO, cell)
}

impl Operation {
    /// Makes the distances of the left field those of both together.
    pub(crate) fn combine_all(&self, left: &mut [f32], right: &[f32]) {
        fn each(left: &mut [f32], right: &[f32], combine: impl Fn(f32, f32) -> f32) {
            left.iter_mut().zip(right).for_each(|(a, b)| *a = combine(*a, *b));
        }
        match *self {
            Self::Union {} => each(left, right, f32::min),
            Self::Intersection {} => each(left, right, f32::max),
            Self::Difference {} => each(left, right, |a, b| a.max(-b)),
            Self::SmoothUnion { k } => each(left, right, |a, b| smooth_min(a, b, k)),
            Self::SmoothIntersection { k } => each(left, right, |a, b| -smooth_min(-a, -b, k)),
            Self::SmoothDifference { k } => each(left, right, |a, b| -smooth_min(-a, b, k)),
        }
    }
}

/// The polynomial smooth minimum; with `k` not above 0 the hard one.
pub(crate) fn smooth_min(a: f32, b: f32, k: f32) -> f32 {
    if k <= 0.0 {
        return a.min(b);
    }
    let h = (0.5 + 0.5 * (b - a) / k).clamp(0.0, 1.0);
    b.lerp(a, h) - k * h * (1.0 - h)
}

/// What a transform does to the point that its child is asked at.
pub(crate) enum PointMap {
    /// Nothing.
    Same,
    Translate(Vec3),
    Matrix(Mat3),
    Divide(Vec3),
    Twist(f32),
    Bend(f32),
    Elongate(Vec3),
    Repeat(Vec3, Vec3),
    Mirror(glam::BVec3),
}

impl PointMap {
    pub(crate) fn of(transform: &Transform) -> Self {
        match *transform {
            Transform::Translate { offset } => Self::Translate(offset),
            Transform::Rotate { angles } => Self::Matrix(rotation(angles)),
            Transform::Scale { factor } => Self::Divide(scale(factor)),
            Transform::Twist { strength } => Self::Twist(strength),
            Transform::Bend { strength } => Self::Bend(strength),
            Transform::Elongate { amount } => Self::Elongate(amount.abs()),
            Transform::Repeat { spacing, count } => Self::Repeat(spacing, count.as_vec3()),
            Transform::Mirror { axis } => Self::Mirror(axis.abs().cmpgt(Vec3::splat(0.5))),
            Transform::Round { .. } | Transform::Shell { .. } | Transform::Displace { .. } => Self::Same,
        }
    }

    #[inline]
    pub(crate) fn apply(&self, p: Vec3) -> Vec3 {
        match *self {
            Self::Same => p,
            Self::Translate(offset) => p - offset,
            Self::Matrix(matrix) => matrix * p,
            Self::Divide(factor) => p / factor,
            Self::Twist(strength) => {
                let (sin, cos) = (strength * p.y).sin_cos();
                Vec3::new(cos * p.x - sin * p.z, p.y, sin * p.x + cos * p.z)
            }
            Self::Bend(strength) => {
                let (sin, cos) = (strength * p.x).sin_cos();
                Vec3::new(cos * p.x - sin * p.y, sin * p.x + cos * p.y, p.z)
            }
            Self::Elongate(amount) => p - p.clamp(-amount, amount),
            Self::Repeat(spacing, count) => p - nearest(p, spacing, count),
            Self::Mirror(axes) => Vec3::select(axes, p.abs(), p),
        }
    }
}

/// The matrix that turns the point about x, then y, then z, right-handed, in degrees.
pub(crate) fn rotation(angles: Vec3) -> Mat3 {
    let [x, y, z] = angles.to_array().map(f32::to_radians);
    Mat3::from_rotation_z(z) * Mat3::from_rotation_y(y) * Mat3::from_rotation_x(x)
}

/// What a transform does to the distance that its child gives; `p` is the point that the transform itself was asked at.
#[inline]
pub(crate) fn adjust(transform: &Transform, p: Vec3, d: f32) -> f32 {
    match *transform {
        Transform::Scale { factor } => d * scale(factor).min_element(),
        Transform::Round { radius } => d - radius,
        Transform::Shell { thickness } => d.abs() - thickness,
        Transform::Displace { frequency, amplitude, octaves } => d + displacement(p, frequency, amplitude, octaves),
        _ => d,
    }
}

/// Scales as they count: a negative one as its absolute value, and none as next to nothing.
pub(crate) fn scale(factor: Vec3) -> Vec3 {
    factor.abs().max(Vec3::splat(TINY))
}

fn displacement(p: Vec3, frequency: f32, amplitude: f32, octaves: u32) -> f32 {
    let octaves = octaves.min(MAX_OCTAVES);
    if octaves == 0 {
        return 0.0;
    }
    (2.0 * fbm(p * frequency, octaves) / fbm_range(octaves) - 1.0) * amplitude
}
