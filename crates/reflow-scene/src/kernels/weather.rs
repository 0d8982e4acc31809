//! Weather: where its particles are at a moment.

use glam::Vec3;

use super::particles::scattered;

/// The bytes of a particle: its place and its size, 4 little-endian f32.
pub const PARTICLE_BYTES: usize = 16;

/// How the particles of a weather move.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Motion {
    /// Where they go in a second.
    pub drift: Vec3,
    /// How far they wobble.
    pub wobble: f32,
    /// How long they are drawn.
    pub stretch: f32,
}

/// The motion of a weather in this wind, its particles falling so fast; `None` for one that has no particles.
pub fn motion(weather: &str, wind: Vec3, speed: f32) -> Option<Motion> {
    let make = |x: f32, y: f32, z: f32, wobble, stretch| Some(Motion { drift: Vec3::new(x, y, z), wobble, stretch });
    let Vec3 { x, z, .. } = wind;
    match weather {
        "rain" => make(-0.1 * x, -speed, -0.1 * z, 0.0, 3.0),
        "snow" => make(-0.3 * x, -0.2 * speed, -0.3 * z, 0.5, 1.0),
        "hail" => make(0.05 * x, -1.5 * speed, 0.05 * z, 0.0, 2.0),
        "dust" => make(x, -0.2, z, 0.3, 1.0),
        "sandstorm" => make(2.0 * x, -0.5, 2.0 * z, 0.2, 1.5),
        "fireflies" => make(0.0, 0.1, 0.0, 2.0, 1.0),
        "leaves" => make(0.5 * x, -0.3 * speed, 0.5 * z, 1.5, 1.0),
        "fog" => None,
        _ => make(0.0, -speed, 0.0, 0.0, 1.0),
    }
}

/// The first particles, whose places are fractions of multiples; single precision keeps no such fractions of later ones, which are
/// scattered.
const FIRST: usize = 32;

/// The particles of a weather after `elapsed` seconds, in an area around a place. They drift out of the area on one side and in
/// again on the other.
pub fn particles(count: usize, motion: Motion, around: Vec3, area: Vec3, size: f32, elapsed: f32) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(count * PARTICLE_BYTES);
    for index in 0..count {
        let s = 1.618_034 * index as f32;
        let [across, down, along] = if index < FIRST {
            [43_758.547, 7919.0, 31_415.926].map(|factor: f32| (factor * s).fract())
        } else {
            scattered(0, index as u64).map(|part| part as f32)
        };
        let progress = (0.5 * elapsed + down).rem_euclid(1.0);
        let phase = elapsed + 100.0 * s;
        let x = (across * 2.0 - 1.0) * area.x / 2.0 + motion.drift.x * phase + motion.wobble * (1.3 * phase + s).sin();
        let y = area.y / 2.0 - progress * area.y + 2.0 * motion.drift.y * progress;
        let z =
            (along * 2.0 - 1.0) * area.z / 2.0 + motion.drift.z * phase + motion.wobble * (0.9 * phase + 2.0 * s).cos();
        let place = around + Vec3::new(wrapped(x, area.x), y, wrapped(z, area.z));
        for number in [place.x, place.y, place.z, size * motion.stretch] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
    }
    bytes
}

/// A place within half a width on both sides; one that is there already stays what it is.
fn wrapped(place: f32, width: f32) -> f32 {
    if place.abs() <= width / 2.0 || width <= 0.0 || !width.is_finite() {
        place
    } else {
        (place + width / 2.0).rem_euclid(width) - width / 2.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_particles_fill_their_area() {
        let motion = motion("rain", Vec3::ZERO, 5.0).unwrap();
        let bytes = particles(4000, motion, Vec3::ZERO, Vec3::splat(10.0), 0.1, 0.0);
        let (cells, _) = bytes.as_chunks::<PARTICLE_BYTES>();
        for at in [0, 4, 8] {
            let mut tenths = [0; 10];
            // Falling moves a particle by up to its way in two seconds.
            let (low, high) = if at == 4 { (-15.0, 5.0) } else { (-5.0, 5.0) };
            for cell in cells {
                let place = f32::from_le_bytes(*cell[at..].first_chunk().unwrap());
                tenths[(((place - low) / (high - low) * 10.0) as usize).min(9)] += 1;
            }
            assert!(tenths.iter().all(|count| (300..500).contains(count)), "{at}: {tenths:?}");
        }
    }

    #[test]
    fn particles_stay_in_their_area_sideways() {
        let motion = motion("sandstorm", Vec3::new(30.0, 0.0, -20.0), 5.0).unwrap();
        let bytes = particles(200, motion, Vec3::ZERO, Vec3::new(10.0, 5.0, 8.0), 0.1, 1e4);
        let (cells, _) = bytes.as_chunks::<PARTICLE_BYTES>();
        for cell in cells {
            let part = |at: usize| f32::from_le_bytes(*cell[at..].first_chunk().unwrap());
            assert!(part(0).abs() <= 5.001 && part(8).abs() <= 4.001);
        }
        assert_eq!(super::motion("fog", Vec3::ZERO, 1.0), None);
    }
}
