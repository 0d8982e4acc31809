//! Patterns for the colours of vertices, from their texture coordinates.

use std::f32::consts::TAU;

/// A pattern of two colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pattern {
    /// The skin of a snake: stripes, diamonds, noise, and a paler belly.
    Skin,
    /// The first colour alone.
    Solid,
    /// From the first colour to the second along u.
    AlongU,
    /// From the first colour to the second along v.
    AlongV,
    /// From the first colour to the second by the noise.
    Noise,
}

/// What a mesh is painted with.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Paint<'a> {
    /// The pattern.
    pub pattern: Pattern,
    /// Its two colours.
    pub colors: [[f32; 3]; 2],
    /// How fine the pattern is.
    pub scale: f32,
    /// Rows of noise from -1 to 1.
    pub noise: &'a [f64],
    /// How many numbers are in a row.
    pub noise_width: usize,
}

impl Paint<'_> {
    /// The colour at texture coordinates.
    pub fn color(&self, [u, v]: [f32; 2]) -> [f32; 3] {
        let [first, second] = self.colors;
        match self.pattern {
            Pattern::Skin => self.skin(u, v),
            Pattern::Solid => first.map(|part| part.clamp(0.0, 1.0)),
            Pattern::AlongU => blend(first, second, u.clamp(0.0, 1.0)),
            Pattern::AlongV => blend(first, second, v.clamp(0.0, 1.0)),
            Pattern::Noise => blend(first, second, self.noise_at(u, v)),
        }
    }

    fn skin(&self, u: f32, v: f32) -> [f32; 3] {
        let belly = (0.5 + 0.5 * (v * TAU).cos()).clamp(0.0, 1.0) * 0.4;
        let fine = u * self.scale;
        let stripe = 0.5 + 0.5 * (fine * 3.0).sin();
        let diamond = 0.5 + 0.5 * (fine * 8.0 + v * 12.0).sin() * (fine * 8.0 - v * 12.0).sin();
        let pattern = (stripe * 0.3 + diamond * 0.4 + self.noise_at(u, v) * 0.3).clamp(0.0, 1.0);
        let [first, second] = self.colors;
        let pale = [first[0] * 1.2, first[1] * 1.1, first[2] * 0.9];
        let back: [f32; 3] = std::array::from_fn(|part| second[part] + (first[part] - second[part]) * pattern);
        blend(back, pale, belly)
    }

    /// The noise at texture coordinates, from 0 to 1; a half where there is none.
    fn noise_at(&self, u: f32, v: f32) -> f32 {
        if self.noise_width == 0 {
            return 0.5;
        }
        let cell = |part: f32| (part.abs() * self.scale) as usize % self.noise_width;
        let value = cell(v).checked_mul(self.noise_width).and_then(|row| self.noise.get(row + cell(u)));
        value.map_or(0.5, |value| (0.5 + 0.5 * *value as f32).clamp(0.0, 1.0))
    }
}

fn blend(from: [f32; 3], to: [f32; 3], part: f32) -> [f32; 3] {
    std::array::from_fn(|index| (from[index] * (1.0 - part) + to[index] * part).clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn colours_stay_in_range(
            u in -1e6..1e6_f32, v in -1e6..1e6_f32, noise in prop::collection::vec(any::<f64>(), 0..20),
            noise_width in 0..9_usize, scale in -1e3..1e3_f32,
        ) {
            for pattern in [Pattern::Skin, Pattern::Solid, Pattern::AlongU, Pattern::AlongV, Pattern::Noise] {
                let paint = Paint { pattern, colors: [[0.2, 0.4, 2.0], [-1.0, 0.5, 1.0]], scale, noise: &noise, noise_width };
                let color = paint.color([u, v]);
                prop_assert!(color.iter().all(|part| part.is_nan() || (0.0..=1.0).contains(part)), "{color:?}");
            }
        }
    }

    #[test]
    fn gradients_lead_from_one_colour_to_the_other() {
        let paint =
            Paint { pattern: Pattern::AlongV, colors: [[0.0; 3], [1.0; 3]], scale: 1.0, noise: &[], noise_width: 0 };
        assert_eq!(paint.color([0.9, 0.25]), [0.25; 3]);
    }
}
