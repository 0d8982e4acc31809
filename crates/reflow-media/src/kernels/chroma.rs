//! Keying: making a background of one colour transparent.

use super::pixel::{hsv, luma, rounded};

/// Saturation and value below this belong to no background.
const LEAST: f32 = 0.2;

/// What to key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Hue of the background, in degrees.
    pub hue: f32,
    /// Hues that are nearer than this are keyed, in degrees.
    pub tolerance: f32,
    /// How much of the colour goes where it is keyed.
    pub spill: f32,
}

impl Key {
    /// Changes RGBA pixels in place.
    pub fn apply(&self, pixels: &mut [u8]) {
        for pixel in pixels.as_chunks_mut::<4>().0 {
            let [r, g, b, alpha] = *pixel;
            let [hue, saturation, value] = hsv([r, g, b]);
            let apart = (hue - self.hue).abs();
            let distance = apart.min(360.0 - apart);
            if distance >= self.tolerance || saturation < LEAST || value < LEAST {
                continue;
            }
            let strength = (1.0 - distance / self.tolerance) * ((saturation - LEAST) / (1.0 - LEAST)).clamp(0.0, 1.0);
            pixel[3] = rounded(f32::from(alpha) * (1.0 - strength));
            if self.spill > 0.0 {
                let grey = f32::from(luma([r, g, b]));
                let kept = 1.0 - strength * self.spill;
                pixel[..3].iter_mut().for_each(|byte| *byte = rounded(grey + (f32::from(*byte) - grey) * kept));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_background_goes_and_the_rest_stays() {
        let key = Key { hue: 120.0, tolerance: 40.0, spill: 0.0 };
        let mut pixels = [0, 255, 0, 255, 255, 0, 0, 255, 20, 30, 20, 255, 60, 255, 0, 200];
        key.apply(&mut pixels);
        assert_eq!(pixels[..12], [0, 255, 0, 0, 255, 0, 0, 255, 20, 30, 20, 255]);
        assert!(pixels[15] > 0 && pixels[15] < 200);
    }
}
