//! Tone mapping: bringing light of any strength into what a screen can show.

/// How light is brought into the range from 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Curve {
    /// A fit of the Academy's film curve (K. Narkowicz, 2015).
    Aces,
    /// x / (1 + x) (E. Reinhard et al., 2002).
    Reinhard,
    /// The film curve of a game (J. Hable, 2010).
    Uncharted2,
    /// What is above 1 is 1.
    Clamp,
}

impl Curve {
    /// The value of the curve.
    pub fn at(self, x: f32) -> f32 {
        let hable = |x: f32| (x * (0.15 * x + 0.05) + 0.004) / (x * (0.15 * x + 0.5) + 0.06) - 0.02 / 0.3;
        match self {
            Self::Aces => ((x * (2.51 * x + 0.03)) / (x * (2.43 * x + 0.59) + 0.14)).clamp(0.0, 1.0),
            Self::Reinhard => x / (1.0 + x),
            Self::Uncharted2 => hable(x) / hable(11.2),
            Self::Clamp => x.min(1.0),
        }
    }
}

/// Exposure, curve and gamma.
#[derive(Clone, Copy, Debug)]
pub struct ToneMap {
    /// The curve.
    pub curve: Curve,
    /// What light is multiplied by.
    pub exposure: f32,
    /// What the result is encoded with.
    pub gamma: f32,
    /// Whether bytes hold sRGB, rather than light.
    pub is_srgb: bool,
}

/// Light above it looks the same by every curve.
const BRIGHTEST: f32 = 1e15;

impl ToneMap {
    /// The byte that an amount of light becomes.
    fn byte(&self, light: f32) -> u8 {
        // What is no number is dark; the curves take the square of light, which is to be a number, too.
        let light = light * self.exposure;
        let light = if light.is_nan() { 0.0 } else { light.clamp(0.0, BRIGHTEST) };
        let mapped = self.curve.at(light).powf(1.0 / self.gamma);
        (mapped.clamp(0.0, 1.0) * 255.0) as u8
    }

    /// Maps RGBA pixels in place; alpha stays.
    pub fn bytes(&self, pixels: &mut [u8]) {
        let table: [u8; 256] = std::array::from_fn(|byte| {
            let value = byte as f32 / 255.0;
            self.byte(if self.is_srgb { linear(value) } else { value })
        });
        for pixel in pixels.as_chunks_mut::<4>().0 {
            pixel[..3].iter_mut().for_each(|byte| *byte = table[usize::from(*byte)]);
        }
    }

    /// Maps pixels of four 32-bit floats, red, green, blue and alpha; the latter is not mapped.
    pub fn floats(&self, pixels: &[f32]) -> Vec<u8> {
        let pixels = pixels.as_chunks::<4>().0.iter();
        pixels
            .flat_map(|[r, g, b, a]| [self.byte(*r), self.byte(*g), self.byte(*b), (a.clamp(0.0, 1.0) * 255.0) as u8])
            .collect()
    }
}

/// The light that an sRGB value stands for (IEC 61966-2-1).
pub fn linear(value: f32) -> f32 {
    if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
}

/// The sRGB value of an amount of light.
pub fn encoded(light: f32) -> f32 {
    if light <= 0.003_130_8 { light * 12.92 } else { 1.055 * light.powf(1.0 / 2.4) - 0.055 }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ALL: [Curve; 4] = [Curve::Aces, Curve::Reinhard, Curve::Uncharted2, Curve::Clamp];

    #[test]
    fn more_light_is_never_darker() {
        for curve in ALL {
            let values: Vec<f32> = (0..2000).map(|step| curve.at(step as f32 * 0.01)).collect();
            assert!(values.windows(2).all(|pair| pair[1] >= pair[0] - 1e-6), "{curve:?}");
        }
    }

    #[test]
    fn srgb_and_light_are_inverse() {
        for step in 0..=255 {
            let value = step as f32 / 255.0;
            assert!((encoded(linear(value)) - value).abs() < 1e-4);
        }
    }

    #[test]
    fn what_is_no_number_is_dark() {
        let map = ToneMap { curve: Curve::Reinhard, exposure: 1.0, gamma: 2.2, is_srgb: false };
        assert_eq!(map.floats(&[f32::NAN, -5.0, 1e30, 0.5]), [0, 0, 255, 127]);
    }

    #[test]
    fn no_light_is_too_bright() {
        for curve in ALL {
            let map = ToneMap { curve, exposure: f32::INFINITY, gamma: 2.2, is_srgb: false };
            assert_eq!(map.floats(&[1.0, 1e-30, f32::MAX, 1.0]), [255; 4], "{curve:?}");
        }
    }
}
