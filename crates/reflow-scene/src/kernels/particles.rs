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
                let (theta, phi) = (TAU * r1, (1.0 - 2.0 * r2).clamp(-1.0, 1.0).acos());
                let k = r3.cbrt() * self.radius;
                [k * phi.sin() * theta.cos(), k * phi.cos(), k * phi.sin() * theta.sin()]
            }
        };
        let length = position.iter().map(|part| part * part).sum::<f64>().sqrt().max(0.001);
        let velocity = [0, 1, 2]
            .map(|axis: usize| (position[axis] / length * self.speed * (0.5 + 0.5 * [r1, r2, r3][axis])) as f32);
        let life = (self.lifetime * (0.5 + 0.5 * r1)) as f32;
        Particle { position: position.map(|part| part as f32), velocity, life, age: 0.0 }
    }

    fn noisy(&self, i: f64) -> [f64; 3] {
        [
            noise([1.37 * i + self.seed, 0.0, 0.0]),
            noise([0.0, 2.71 * i + self.seed, 0.0]),
            noise([0.0, 0.0, std::f64::consts::PI * i + self.seed]),
        ]
    }

    /// Three numbers of 0..1 that have nothing to do with each other (`SplitMix64`; Steele et al., 2014).
    fn hashed(&self, index: u64) -> [f64; 3] {
        let mut state = self.seed.to_bits() ^ index.wrapping_mul(0x9E37_79B9_7F4A_7C15);
        [(); 3].map(|()| {
            state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64
        })
    }
}

/// Value noise: the hash of the corners of a cell, smoothly in between.
fn noise(place: [f64; 3]) -> f64 {
    let cell = place.map(f64::floor);
    let [fx, fy, fz] = [0, 1, 2].map(|axis: usize| {
        let f = place[axis] - cell[axis];
        f * f * (3.0 - 2.0 * f)
    });
    let corner = |x: f64, y: f64, z: f64| hash([cell[0] + x, cell[1] + y, cell[2] + z]);
    let mix = |a: f64, b: f64, t: f64| a + (b - a) * t;
    let plane = |z: f64| {
        let row = |y: f64| mix(corner(0.0, y, z), corner(1.0, y, z), fx);
        mix(row(0.0), row(1.0), fy)
    };
    mix(plane(0.0), plane(1.0), fz)
}

/// A hash of a place (Hoskins, *Hash without Sine*, 2014), which keeps the sign.
fn hash(place: [f64; 3]) -> f64 {
    let q = place.map(|part| (0.1031 * part).fract());
    let d = q[0] * (q[1] + 19.19) + q[1] * (q[2] + 19.19) + q[2] * (q[0] + 19.19);
    let [x, y, z] = q.map(|part| part + d);
    ((x + y) * z).fract()
}

/// Lets particles go on for `dt` seconds under an acceleration; those whose life is over are made anew, and `born` counts how
/// many were made so far.
pub fn advance(particles: &mut [Particle], emitter: &Emitter, acceleration: [f32; 3], dt: f32, born: &mut u64) {
    for particle in particles {
        particle.age += dt;
        if particle.age >= particle.life {
            let late = if particle.life > 0.0 { (particle.age - particle.life) % particle.life } else { 0.0 };
            *particle = emitter.particle(*born);
            *born = born.wrapping_add(1);
            particle.age = late.min(particle.life);
            step(particle, acceleration, particle.age);
        } else {
            step(particle, acceleration, dt);
        }
    }
}

/// Semi-implicit Euler: the velocity first.
fn step(particle: &mut Particle, acceleration: [f32; 3], dt: f32) {
    for ((position, velocity), acceleration) in
        particle.position.iter_mut().zip(&mut particle.velocity).zip(acceleration)
    {
        *velocity += acceleration * dt;
        *position += *velocity * dt;
    }
}

/// The bytes of particles.
pub fn write(particles: &[Particle]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(particles.len() * PARTICLE_BYTES);
    for particle in particles {
        let [a, b, c] = particle.position;
        let [d, e, f] = particle.velocity;
        for number in [a, b, c, d, e, f, particle.life, particle.age] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EMITTER: Emitter =
        Emitter { shape: Shape::Sphere, radius: 2.0, speed: 1.0, lifetime: 4.0, seed: 3.0, is_hashed: true };

    proptest! {
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
            let mut particles: Vec<_> = (0..50).map(|index| EMITTER.particle(index)).collect();
            let mut born = 50;
            for _ in 0..3 {
                advance(&mut particles, &EMITTER, [0.0, -9.8, 0.0], dt, &mut born);
                prop_assert!(particles.iter().all(|p| p.age <= p.life && p.position.iter().all(|part| part.is_finite())));
            }
        }
    }
}
