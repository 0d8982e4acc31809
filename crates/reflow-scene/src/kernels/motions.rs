//! Motions: generators that move bones without keyframes drawn by hand.
//!
//! A motion gives, for a bone at a time, what its position, rotation and scale are; [`super::clips`] samples it.

use std::f64::consts::{PI, TAU};

/// A quaternion `[x, y, z, w]`.
pub type Rotation = [f64; 4];

/// An axis of space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Axis {
    /// The first.
    X,
    /// The second.
    Y,
    /// The third.
    Z,
}

impl Axis {
    /// The axis of a word: `x`, `z`, in any letter case, or else y.
    pub fn of(word: &str) -> Self {
        match word {
            "x" | "X" => Self::X,
            "z" | "Z" => Self::Z,
            _ => Self::Y,
        }
    }

    /// A vector of this length along the axis.
    pub fn along(self, length: f64) -> [f64; 3] {
        self.split(length, 0.0)
    }

    /// A vector with one part along the axis and another one across it.
    pub fn split(self, along: f64, across: f64) -> [f64; 3] {
        let mut vector = [across; 3];
        vector[self as usize] = along;
        vector
    }

    /// The rotation by an angle in radians about the axis.
    pub fn turn(self, angle: f64) -> Rotation {
        let (sin, cos) = (angle / 2.0).sin_cos();
        let [x, y, z] = self.along(sin);
        [x, y, z, cos]
    }
}

/// The rotation `b` followed by `a` (Hamilton product).
pub fn product(a: Rotation, b: Rotation) -> Rotation {
    let ([ax, ay, az, aw], [bx, by, bz, bw]) = (a, b);
    [
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    ]
}

/// How strong a motion is for each bone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Envelope {
    /// For all alike.
    Uniform,
    /// More towards the last.
    TailHeavy,
    /// More towards the first.
    HeadHeavy,
    /// Most in the middle.
    Bell,
    /// From all to nothing.
    Inverse,
}

impl Envelope {
    /// The envelope of a word; what is none is uniform.
    pub fn of(word: &str) -> Self {
        match word {
            "tailHeavy" => Self::TailHeavy,
            "headHeavy" => Self::HeadHeavy,
            "bellCurve" => Self::Bell,
            "inverse" => Self::Inverse,
            _ => Self::Uniform,
        }
    }

    /// The strength at a place from 0 to 1 along the bones.
    pub fn at(self, u: f64) -> f64 {
        match self {
            Self::Uniform => 1.0,
            Self::TailHeavy => 0.5 + 0.5 * u,
            Self::HeadHeavy => 1.0 - 0.5 * u,
            Self::Bell => 1.0 - (2.0 * u - 1.0).powi(2),
            Self::Inverse => 1.0 - u,
        }
    }
}

/// Noise from -1 to 1, the same for the same seed and place.
pub fn noise(seed: u64, x: f64) -> f64 {
    // Wrapping: a place below zero counts as a large one, as a cast to and from a signed integer makes it.
    let place = (10_000.0 * x).floor() as i64 as u64;
    let mixed = (seed.wrapping_mul(2_654_435_761) ^ place).wrapping_mul(0x517c_c1b7_2722_0a95);
    let part = (mixed & 0xFF_FFFF) as f64 / f64::from(0xFF_FFFF);
    2.0 * part - 1.0
}

/// A bone and a moment.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    /// The bone.
    pub bone: usize,
    /// The number of bones.
    pub bones: usize,
    /// Seconds since the start.
    pub time: f64,
    /// The strength of the bone.
    pub envelope: f64,
}

/// What a motion makes of a bone.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct State {
    /// Its position.
    pub position: Option<[f64; 3]>,
    /// Its rotation.
    pub rotation: Option<Rotation>,
    /// Its scale.
    pub scale: Option<[f64; 3]>,
}

impl State {
    fn turned(rotation: Rotation) -> Self {
        Self { rotation: Some(rotation), ..Self::default() }
    }

    fn moved(position: [f64; 3]) -> Self {
        Self { position: Some(position), ..Self::default() }
    }
}

/// A motion and its parameters; lengths and angles are those of a bone of full strength.
#[derive(Clone, Debug)]
#[expect(missing_docs, reason = "parameters are described where they are read, with their keys in a config")]
pub enum Motion {
    /// A wave that runs along the bones.
    Wave { speed: f64, amplitude: f64, wave_length: f64, axis: Axis },
    /// A ball that bounces.
    Bounce { height: f64, gravity: f64, restitution: f64, squash: f64, phase: f64, axis: Axis },
    /// A turn, ever on or to and fro.
    Twist { speed: f64, angle: f64, is_progressive: bool, oscillates: bool, axis: Axis },
    /// A pendulum that comes to rest.
    Pendulum { angle: f64, damping: f64, frequency: f64, cascade: f64, axis: Axis },
    /// A spring that comes to rest.
    Spring { stiffness: f64, damping: f64, displacement: f64, moves: bool, axis: Axis },
    /// Breath.
    Breathe { rate: f64, amount: f64, asymmetry: f64, axis: Option<Axis> },
    /// Plants in the wind.
    Sway {
        strength: f64,
        frequency: f64,
        gust_frequency: f64,
        gust: f64,
        turbulence: f64,
        axis: Axis,
        second: Axis,
        second_strength: f64,
    },
    /// A way around.
    Orbit { speed: f64, radius: f64, radius_y: f64, tilt: f64, spin: f64, phase: f64, axis: Axis },
    /// A way around and up.
    Spiral { speed: f64, radius: f64, rise: f64, shrink: f64, axis: Axis },
    /// Lissajous figures.
    Figure8 { speed: f64, scale: [f64; 2], ratio: [f64; 2], phase: f64, plane: Plane },
    /// Trembling.
    Tremble { intensity: f64, frequency: f64, decay: f64, axes: [bool; 3], position: f64 },
}

/// A plane of space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plane {
    /// x and y.
    Xy,
    /// x and z.
    Xz,
    /// y and z.
    Yz,
}

impl Motion {
    /// The state of a bone at a moment.
    pub fn at(&self, moment: Moment) -> State {
        let Moment { bone, bones, time: t, envelope } = moment;
        let b = bone as f64;
        match *self {
            Self::Wave { speed, amplitude, wave_length, axis } => {
                State::turned(axis.turn(envelope * amplitude * (TAU * speed * t - b * wave_length).sin()))
            }
            Self::Bounce { height, gravity, restitution, squash, phase, axis } => {
                let height = envelope * height;
                let y = bounced(t + b * phase, height, gravity, restitution);
                let scale = (squash > 0.0).then(|| {
                    if y < 0.01 * height {
                        axis.split(1.0 - squash, 1.0 + squash / 2.0)
                    } else {
                        let k = (y / height).clamp(0.0, 1.0);
                        axis.split(1.0 + 0.3 * squash * k, 1.0 - 0.15 * squash * k)
                    }
                });
                State { scale, ..State::moved(axis.along(y)) }
            }
            Self::Twist { speed, angle, is_progressive, oscillates, axis } => {
                let share = if is_progressive { place(bone, bones) } else { 1.0 / bones as f64 };
                let (angle, phase) = (angle * share * envelope, TAU * speed * t);
                State::turned(axis.turn(if oscillates { angle * phase.sin() } else { angle + phase }))
            }
            Self::Pendulum { angle, damping, frequency, cascade, axis } => {
                let swing = (-damping * t).exp() * (TAU * frequency * t - b * cascade).cos();
                State::turned(axis.turn(envelope * angle * swing))
            }
            Self::Spring { stiffness, damping, displacement, moves, axis } => {
                let w = stiffness.max(0.0).sqrt();
                let z = if w > 0.0 { (damping / (2.0 * w)).clamp(0.0, 0.999) } else { 0.0 };
                let s = (t - 0.05 * b).max(0.0);
                let v = envelope * displacement * (-z * w * s).exp() * (w * (1.0 - z * z).sqrt() * s).cos();
                if moves { State::moved(axis.along(v)) } else { State::turned(axis.turn(v)) }
            }
            Self::Breathe { rate, amount, asymmetry, axis } => {
                let p = (t * rate).rem_euclid(1.0);
                let smooth = |q: f64| q * q * (3.0 - 2.0 * q);
                let m = if p < asymmetry {
                    smooth(p / asymmetry)
                } else {
                    1.0 - smooth((p - asymmetry) / (1.0 - asymmetry))
                };
                let (s, c) = (1.0 + envelope * amount * m, 1.0 - 0.3 * envelope * amount * m);
                State { scale: Some(axis.map_or([s; 3], |axis| axis.split(s, c))), ..State::default() }
            }
            Self::Sway { strength, frequency, gust_frequency, gust, turbulence, axis, second, second_strength } => {
                let (a, w, seed) =
                    (envelope * strength, TAU * frequency * t, 7919_u64.wrapping_mul(bone as u64).wrapping_add(42));
                let gusts = gust * (TAU * gust_frequency * t + 1.3 * b).sin();
                let a1 = a * ((w + 0.7 * b).sin() + gusts + turbulence * noise(seed, 3.0 * t));
                let a2 = a
                    * second_strength
                    * ((0.7 * w + 1.1 * b).sin() + 0.5 * turbulence * noise(seed.wrapping_add(1000), 2.5 * t));
                State::turned(product(axis.turn(a1), second.turn(a2)))
            }
            Self::Orbit { speed, radius, radius_y, tilt, spin, phase, axis } => {
                let (r, g) = (radius * envelope, TAU * speed * t + b * phase);
                let ry = if radius_y > 0.0 { radius_y * envelope } else { r };
                let (cx, cy) = (r * g.cos(), ry * g.sin());
                let (p, q, h) = if tilt.abs() > 1e-6 { (cx, cy * tilt.cos(), cy * tilt.sin()) } else { (cx, cy, 0.0) };
                let rotation = (spin.abs() > 1e-6).then(|| axis.turn(TAU * spin * t));
                State { rotation, ..State::moved(around(axis, p, q, h)) }
            }
            Self::Spiral { speed, radius, rise, shrink, axis } => {
                let (g, turns) = (TAU * speed * t + TAU * b / bones as f64, speed * t);
                let r = (radius - shrink * turns).max(0.0) * envelope;
                let (p, q, h) = (r * g.cos(), r * g.sin(), rise * turns * envelope);
                State { rotation: Some(axis.turn(g)), ..State::moved(around(axis, p, q, h)) }
            }
            Self::Figure8 { speed, scale, ratio, phase, plane } => {
                let g = TAU * speed * t + b * phase;
                let [x, y] = [0, 1].map(|at: usize| scale[at] * envelope * (ratio[at] * g).sin());
                State::moved(match plane {
                    Plane::Xy => [x, y, 0.0],
                    Plane::Xz => [x, 0.0, y],
                    Plane::Yz => [0.0, x, y],
                })
            }
            Self::Tremble { intensity, frequency: f, decay, axes, position } => {
                let fade = if decay > 0.0 { (-decay * t).exp() } else { 1.0 };
                let (a, seed) = (envelope * intensity * fade, 31_337_u64.wrapping_mul(bone as u64));
                let n = |offset: u64, rate: f64| noise(seed.wrapping_add(offset), f * t * rate);
                let wave = |rate: f64, shift: f64| (rate * 2.0 * PI * f * t + shift).sin();
                let angles = [
                    a * (0.7 * wave(1.0, 0.0) + 0.3 * n(0, 0.5)),
                    a * (0.7 * wave(1.1, 1.7) + 0.3 * n(100, 0.6)),
                    a * (0.7 * wave(0.9, 2.3) + 0.3 * n(200, 0.4)),
                ];
                let [x, y, z] = [0, 1, 2].map(|at: usize| if axes[at] { angles[at] } else { 0.0 });
                let rotation = product(product(Axis::X.turn(x), Axis::Y.turn(y)), Axis::Z.turn(z));
                let jolt = envelope * position * fade;
                let position =
                    (position > 0.0).then(|| [n(300, 0.8), n(400, 0.9), n(500, 0.7)].map(|part| jolt * part));
                State { position, ..State::turned(rotation) }
            }
        }
    }
}

/// Where a bone is along all of them, from 0 to 1.
pub fn place(bone: usize, bones: usize) -> f64 {
    if bones <= 1 { 0.5 } else { bone as f64 / (bones - 1) as f64 }
}

/// A place around an axis: two parts across it, and one along.
fn around(axis: Axis, p: f64, q: f64, h: f64) -> [f64; 3] {
    match axis {
        Axis::X => [h, p, q],
        Axis::Y => [p, h, q],
        Axis::Z => [p, q, h],
    }
}

/// Bounces that are lower or shorter than this are none.
const LEAST: f64 = 1e-6;

/// The height of a ball that starts from the ground, `t` seconds later.
fn bounced(t: f64, height: f64, gravity: f64, restitution: f64) -> f64 {
    if gravity <= 0.0 || height <= 0.0 || !t.is_finite() {
        return 0.0;
    }
    let (t, first) = (t.max(0.0), 2.0 * (2.0 * height / gravity).sqrt());
    if first < LEAST {
        return 0.0;
    }
    let Some((arc, s)) = arc(t, first, restitution) else { return 0.0 };
    // Each arc is `restitution` times as long as the one before it, and as high times that squared.
    let share = restitution.min(1.0).powf(arc);
    let (h, whole) = (height * share * share, first * share);
    if whole < LEAST || h < LEAST {
        return 0.0;
    }
    let half = whole / 2.0;
    let y = if s <= half {
        (2.0 * gravity * h).sqrt() * s - gravity * s * s / 2.0
    } else {
        h - gravity * (s - half).powi(2) / 2.0
    };
    y.max(0.0)
}

/// Which arc it is at `t` when the first one takes `first` seconds, and since when; none when the ball has come to rest.
fn arc(t: f64, first: f64, restitution: f64) -> Option<(f64, f64)> {
    // A ball that loses nothing bounces alike for ever.
    if restitution >= 1.0 {
        return Some((0.0, t % first));
    }
    if t < first {
        return Some((0.0, t));
    }
    // All arcs together are a geometric series: the steps before one need not be taken.
    let passed = t / first * (1.0 - restitution);
    if passed >= 1.0 {
        return None;
    }
    let shrink = (restitution - 1.0).ln_1p();
    let begin = |arc: f64| first * (arc * shrink).exp_m1() / (restitution - 1.0);
    let mut arc = ((-passed).ln_1p() / shrink).floor();
    // Rounding may have taken the one beside it.
    if begin(arc) > t {
        arc -= 1.0;
    } else if begin(arc + 1.0) <= t {
        arc += 1.0;
    }
    Some((arc, (t - begin(arc)).max(0.0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ball_bounces_lower_and_lower_and_rests() {
        let length = 2.0 * (2.0_f64 / 9.8).sqrt();
        assert!((bounced(length / 2.0, 1.0, 9.8, 0.5) - 1.0).abs() < 1e-9);
        assert!((bounced(length * 1.25, 1.0, 9.8, 0.5) - 0.25).abs() < 1e-9);
        assert_eq!(bounced(1e9, 1.0, 9.8, 0.7), 0.0);
        assert!(bounced(1e9, 1.0, 9.8, 1.0) >= 0.0);
        assert_eq!(bounced(1.0, 1.0, 0.0, 0.7), 0.0);
    }

    #[test]
    fn late_bounces_are_found_without_the_early_ones() {
        // What the definition says, arc by arc.
        let slow = |mut t: f64, mut h: f64, gravity: f64, restitution: f64| loop {
            let whole = 2.0 * (2.0 * h / gravity).sqrt();
            if whole < 1e-6 || h < 1e-6 {
                break 0.0;
            }
            if t < whole {
                break (2.0 * gravity * h).sqrt() * t - gravity * t * t / 2.0;
            }
            t -= whole;
            h *= restitution * restitution;
        };
        for restitution in [0.0, 0.1, 0.7, 0.95, 0.999] {
            for step in 0..2000 {
                let t = f64::from(step) * 0.01;
                let (found, wanted) = (bounced(t, 1.5, 9.8, restitution), slow(t, 1.5, 9.8, restitution));
                assert!((found - wanted).abs() < 1e-6, "{restitution} {t}: {found} {wanted}");
            }
        }
        // A million million bounces earlier.
        let height = bounced(1e8, 1.0, 1e9, 1.0 - 1e-13);
        assert!((0.0..=1.0).contains(&height), "{height}");
        assert_eq!(bounced(1e9, 1.0, 1e9, 1.0 - 1e-10), 0.0);
    }

    #[test]
    fn noise_is_the_same_each_time_and_within_its_bounds() {
        for seed in 0..50 {
            for step in -50..50 {
                let value = noise(seed, f64::from(step) * 0.37);
                assert!((-1.0..=1.0).contains(&value));
                assert_eq!(value, noise(seed, f64::from(step) * 0.37));
            }
        }
    }
}
