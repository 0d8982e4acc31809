//! Particles: made at once from value noise, or one after another, and moved.

use std::f64::consts::TAU;

/// The bytes of a particle: position, velocity, life and age, 8 little-endian f32.
pub const PARTICLE_BYTES: usize = 32;

/// Where particles are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// In a ball.
    Sphere,
    /// In a cube.
    Cube,
    /// On a disc that lies flat.
    Disc,
}

/// What particles are made by.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Emitter {
    /// Where.
    pub shape: Shape,
    /// How large that is.
    pub radius: f64,
    /// How fast they are.
    pub speed: f64,
    /// How long they live, in seconds.
    pub lifetime: f64,
    /// What makes them different.
    pub seed: f64,
    /// Whether their numbers come from a hash rather than from smooth noise, whose neighbours are alike.
    pub is_hashed: bool,
}

/// A particle.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Particle {
    /// Where it is.
    pub position: [f32; 3],
    /// Where it goes.
    pub velocity: [f32; 3],
    /// How long it lives, in seconds.
    pub life: f32,
    /// How old it is.
    pub age: f32,
}

impl Emitter {
    /// The particle of a number.
    pub fn particle(&self, index: u64) -> Particle {
        let [r1, r2, r3] = if self.is_hashed { self.hashed(index) } else { self.noisy(index as f64) };
        let position = match self.shape {
            Shape::Cube => [r1, r2, r3].map(|r| (r - 0.5) * 2.0 * self.radius),
            Shape::Disc => {
                let (sin, cos) = (TAU * r1).sin_cos();
                let k = r2.max(0.0).sqrt() * self.radius;
                [k * cos, 0.0, k * sin]
            }
            Shape::Sphere => {
                // The cosine of the angle from the pole is even, and its sine follows.
                let up = (1.0 - 2.0 * r2).clamp(-1.0, 1.0);
                let out = ((1.0 - up) * (1.0 + up)).sqrt();
                let (sin, cos) = (TAU * r1).sin_cos();
                let k = r3.cbrt() * self.radius;
                [k * out * cos, k * up, k * out * sin]
            }
        };
        let length = position.iter().map(|part| part * part).sum::<f64>().sqrt().max(0.001);
        let velocity = [0, 1, 2]
            .map(|axis: usize| (position[axis] / length * self.speed * (0.5 + 0.5 * [r1, r2, r3][axis])) as f32);
        let life = (self.lifetime * (0.5 + 0.5 * r1)) as f32;
        Particle { position: position.map(|part| part as f32), velocity, life, age: 0.0 }
    }

    fn noisy(&self, i: f64) -> [f64; 3] {
        let by = [1.37, 2.71, std::f64::consts::PI];
        [0, 1, 2].map(|axis: usize| noise_on_axis(axis, by[axis] * i + self.seed))
    }

    /// Three numbers of 0..1 that have nothing to do with each other (`SplitMix64`; Steele et al., 2014).
    fn hashed(&self, index: u64) -> [f64; 3] {
        scattered(self.seed.to_bits(), index)
    }
}

/// Three numbers from 0 to 1 of a particle (splitmix64), no two of which have to do with each other.
pub fn scattered(seed: u64, index: u64) -> [f64; 3] {
    let mut state = seed ^ index.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    [(); 3].map(|()| {
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
    })
}

/// Value noise, the hash of the corners of a cell with a smooth way between them, at a place on an axis: of the eight corners the two on
/// the axis count, the others have no weight.
#[inline]
fn noise_on_axis(axis: usize, at: f64) -> f64 {
    let cell = at.floor();
    let f = at - cell;
    let corner = |at: f64| {
        let mut place = [0.0; 3];
        place[axis] = at;
        hash(place)
    };
    let (low, high) = (corner(cell), corner(cell + 1.0));
    low + (high - low) * (f * f * (3.0 - 2.0 * f))
}

/// A hash of a place (Hoskins, *Hash without Sine*, 2014), which keeps the sign.
fn hash(place: [f64; 3]) -> f64 {
    let q = place.map(|part| (0.1031 * part).fract());
    let d = q[0] * (q[1] + 19.19) + q[1] * (q[2] + 19.19) + q[2] * (q[0] + 19.19);
    let [x, y, z] = q.map(|part| part + d);
    ((x + y) * z).fract()
}

/// Many particles, an array for each of their numbers: what is done to all of them runs over arrays.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Particles {
    position: [Vec<f32>; 3],
    velocity: [Vec<f32>; 3],
    life: Vec<f32>,
    age: Vec<f32>,
}

impl FromIterator<Particle> for Particles {
    fn from_iter<I: IntoIterator<Item = Particle>>(particles: I) -> Self {
        let mut all = Self::default();
        for particle in particles {
            for axis in 0..3 {
                all.position[axis].push(particle.position[axis]);
                all.velocity[axis].push(particle.velocity[axis]);
            }
            all.life.push(particle.life);
            all.age.push(particle.age);
        }
        all
    }
}

impl Particles {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.age.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.age.is_empty()
    }

    /// All of them, one by one.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = Particle> {
        (0..self.len()).map(|at| Particle {
            position: [0, 1, 2].map(|axis: usize| self.position[axis][at]),
            velocity: [0, 1, 2].map(|axis: usize| self.velocity[axis][at]),
            life: self.life[at],
            age: self.age[at],
        })
    }

    /// Lets them go on for `dt` seconds under an acceleration; those whose life is over are made anew, and `born` counts how many
    /// were made so far.
    pub fn advance(&mut self, emitter: &Emitter, acceleration: [f32; 3], dt: f32, born: &mut u64) {
        for ((position, velocity), acceleration) in self.position.iter_mut().zip(&mut self.velocity).zip(acceleration) {
            for (position, velocity) in position.iter_mut().zip(velocity) {
                step(position, velocity, acceleration, dt);
            }
        }
        // Whether any is over is found along the way, without a branch for each.
        let mut over = false;
        for (age, life) in self.age.iter_mut().zip(&self.life) {
            *age += dt;
            over |= *age >= *life;
        }
        if over {
            self.renew(emitter, acceleration, born);
        }
    }

    fn renew(&mut self, emitter: &Emitter, acceleration: [f32; 3], born: &mut u64) {
        for at in 0..self.len() {
            let (age, life) = (self.age[at], self.life[at]);
            if age >= life {
                let late = if life > 0.0 { (age - life) % life } else { 0.0 };
                let mut fresh = emitter.particle(*born);
                *born = born.wrapping_add(1);
                let late = late.min(fresh.life);
                for (axis, acceleration) in acceleration.into_iter().enumerate() {
                    step(&mut fresh.position[axis], &mut fresh.velocity[axis], acceleration, late);
                    self.position[axis][at] = fresh.position[axis];
                    self.velocity[axis][at] = fresh.velocity[axis];
                }
                (self.life[at], self.age[at]) = (fresh.life, late);
            }
        }
    }

    /// The bytes of all of them.
    pub fn write(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.len() * PARTICLE_BYTES];
        for (bytes, particle) in bytes.as_chunks_mut::<PARTICLE_BYTES>().0.iter_mut().zip(self.iter()) {
            let [a, b, c] = particle.position;
            let [d, e, f] = particle.velocity;
            let numbers = [a, b, c, d, e, f, particle.life, particle.age];
            for (bytes, number) in bytes.as_chunks_mut::<4>().0.iter_mut().zip(numbers) {
                *bytes = number.to_le_bytes();
            }
        }
        bytes
    }
}

/// Semi-implicit Euler: the velocity first.
#[inline]
fn step(position: &mut f32, velocity: &mut f32, acceleration: f32, dt: f32) {
    *velocity += acceleration * dt;
    *position += *velocity * dt;
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EMITTER: Emitter =
        Emitter { shape: Shape::Sphere, radius: 2.0, speed: 1.0, lifetime: 4.0, seed: 3.0, is_hashed: true };

    /// The noise of eight corners, as it is defined.
    fn noise(place: [f64; 3]) -> f64 {
        let cell = place.map(f64::floor);
        let smooth = [0, 1, 2].map(|axis: usize| place[axis] - cell[axis]).map(|f| f * f * (3.0 - 2.0 * f));
        (0..8_u8)
            .map(|corner| {
                let bits = [0, 1, 2].map(|axis| f64::from(corner >> axis & 1));
                let weight: f64 =
                    (0..3).map(|axis| if bits[axis] > 0.0 { smooth[axis] } else { 1.0 - smooth[axis] }).product();
                weight * hash([0, 1, 2].map(|axis: usize| cell[axis] + bits[axis]))
            })
            .sum()
    }

    proptest! {
        #[test]
        fn noise_on_an_axis_is_noise(axis in 0..3_usize, at in -1e4..1e4_f64) {
            let mut place = [0.0; 3];
            place[axis] = at;
            prop_assert!((noise_on_axis(axis, at) - noise(place)).abs() < 1e-9);
        }

        #[test]
        fn particles_are_made_where_they_should_be(index in any::<u64>(), seed in -1e3..1e3_f64) {
            let ball = Emitter { seed, ..EMITTER };
            let length = |p: Particle| p.position.iter().map(|part| part * part).sum::<f32>().sqrt();
            prop_assert!(length(ball.particle(index)) <= 2.0 + 1e-5);
            let disc = Emitter { shape: Shape::Disc, is_hashed: false, ..ball }.particle(index % 100_000);
            prop_assert!(disc.position[1] == 0.0 && length(disc).is_finite());
        }

        #[test]
        fn steps_of_any_length_leave_particles_alive(dt in 0.0..100.0_f32) {
            let mut particles: Particles = (0..50).map(|index| EMITTER.particle(index)).collect();
            let mut born = 50;
            for _ in 0..3 {
                particles.advance(&EMITTER, [0.0, -9.8, 0.0], dt, &mut born);
                prop_assert!(particles.iter().all(|p| p.age <= p.life && p.position.iter().all(|part| part.is_finite())));
            }
        }
    }
}
