//! Lights, as `tpl_scene_light_collector` packs them: 64 bytes each.

use glam::Vec3;

/// Lights that count at most.
const MOST: usize = 16;

/// What a light is.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Directional,
    Point,
    Spot { inner: f32, outer: f32 },
    Ambient,
}

/// A light.
#[derive(Clone, Copy, Debug)]
pub(super) struct Light {
    kind: Kind,
    position: Vec3,
    direction: Vec3,
    color: Vec3,
    range: f32,
}

/// The direction towards the light that there is when there are none.
pub(super) const DEFAULT: Vec3 = Vec3::new(0.577, 0.577, -0.577);

/// Reads lights; what is left of the last one is dropped.
pub(super) fn read(bytes: &[u8], count: Option<usize>) -> Vec<Light> {
    let lights = bytes.chunks_exact(64).take(count.unwrap_or(MOST).min(MOST)).map(|bytes| {
        let mut numbers = [0.0_f32; 16];
        numbers.iter_mut().zip(bytes.as_chunks().0).for_each(|(number, bytes)| *number = f32::from_le_bytes(*bytes));
        let vector = |at: usize| Vec3::new(numbers[at], numbers[at + 1], numbers[at + 2]);
        let kind = match numbers[3] as i32 {
            0 => Kind::Directional,
            1 => Kind::Point,
            2 => Kind::Spot { inner: numbers[12], outer: numbers[13] },
            _ => Kind::Ambient,
        };
        let (position, direction) = (vector(0), vector(4).normalize_or_zero());
        Light { kind, position, direction, color: vector(8) * numbers[7], range: numbers[11] }
    });
    lights.collect()
}

impl Light {
    /// What the light adds to a white surface.
    pub(super) fn on(&self, point: Vec3, normal: Vec3) -> Vec3 {
        let way = self.position - point;
        let distance = way.length();
        let fade = if self.range > 0.0 { (1.0 - distance / self.range).max(0.0).powi(2) } else { 1.0 };
        match self.kind {
            Kind::Ambient => self.color,
            Kind::Directional => self.color * normal.dot(-self.direction).max(0.0),
            Kind::Point => self.color * normal.dot(way.normalize_or_zero()).max(0.0) * fade,
            Kind::Spot { inner, outer } => {
                let along = self.direction.dot(-way.normalize_or_zero());
                let cone = if inner > outer {
                    ((along - outer) / (inner - outer)).clamp(0.0, 1.0)
                } else {
                    f32::from(along >= outer)
                };
                self.color * normal.dot(way.normalize_or_zero()).max(0.0) * fade * cone
            }
        }
    }
}
