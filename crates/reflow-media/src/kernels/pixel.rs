//! Pixels of 8 bits a channel, and pointwise work on them.

/// The most bytes of pixels that are made or kept at once.
pub const MOST_BYTES: usize = 1 << 29;

/// The bytes of an image; `None` when there would be more than [`MOST_BYTES`].
pub fn bytes_of(width: usize, height: usize, channels: usize) -> Option<usize> {
    width.checked_mul(height)?.checked_mul(channels).filter(|bytes| *bytes <= MOST_BYTES)
}

/// Brightness of a colour, from 0 to 255.
#[inline]
pub fn luma([r, g, b]: [u8; 3]) -> u8 {
    ((77 * u32::from(r) + 150 * u32::from(g) + 29 * u32::from(b)) >> 8) as u8
}

/// A number as a byte, rounded half away from zero.
#[inline]
pub fn rounded(value: f32) -> u8 {
    value.clamp(0.0, 255.0).round() as u8
}

/// Brightness of pixels with so many channels: of the colour, or the one there is.
pub fn grey(pixels: &[u8], channels: usize) -> Vec<u8> {
    match channels {
        3 | 4 => pixels.chunks_exact(channels).map(|pixel| luma([pixel[0], pixel[1], pixel[2]])).collect(),
        _ => pixels.chunks_exact(channels.max(1)).map(|pixel| pixel[0]).collect(),
    }
}

/// Hue in degrees, saturation and value of a colour, the latter from 0 to 1.
pub fn hsv(colour: [u8; 3]) -> [f32; 3] {
    let [r, g, b] = colour.map(|channel| f32::from(channel) / 255.0);
    let (max, min) = (r.max(g).max(b), r.min(g).min(b));
    let range = max - min;
    let hue = if range < 1e-6 {
        0.0
    } else if max == r {
        60.0 * (((g - b) / range) % 6.0)
    } else if max == g {
        60.0 * ((b - r) / range + 2.0)
    } else {
        60.0 * ((r - g) / range + 4.0)
    };
    let saturation = if max < 1e-6 { 0.0 } else { range / max };
    [if hue < 0.0 { hue + 360.0 } else { hue }, saturation, max]
}

/// Brightness, contrast and saturation, one after the other; each step rounds to bytes.
pub struct Adjust {
    /// What the first two make of each byte; `None` where they change nothing.
    curve: Option<[u8; 256]>,
    saturation: f32,
}

impl Adjust {
    /// Factors: of the bytes, of their distance from the middle, of the distance of the colours from their brightness.
    pub fn new(brightness: f32, contrast: f32, saturation: f32) -> Self {
        let brighter = |byte: u8| if brightness == 1.0 { byte } else { rounded(f32::from(byte) * brightness) };
        let step = |byte: u8| ((f32::from(byte) / 255.0 - 0.5) * contrast + 0.5) * 255.0;
        let stronger = |byte: u8| if contrast == 1.0 { byte } else { rounded(step(byte)) };
        let curve = std::array::from_fn(|byte| stronger(brighter(byte as u8)));
        Self { curve: (brightness != 1.0 || contrast != 1.0).then_some(curve), saturation }
    }

    /// Changes pixels with so many channels in place; alpha stays.
    pub fn apply(&self, pixels: &mut [u8], channels: usize) {
        let colours = if matches!(channels, 3 | 4) { 3 } else { 1 };
        for pixel in pixels.chunks_exact_mut(channels.max(1)) {
            if let Some(curve) = &self.curve {
                pixel[..colours].iter_mut().for_each(|byte| *byte = curve[usize::from(*byte)]);
            }
            if self.saturation != 1.0 && colours == 3 {
                let grey = f32::from(luma([pixel[0], pixel[1], pixel[2]]));
                let step = |byte: u8| rounded(grey + (f32::from(byte) - grey) * self.saturation);
                pixel[..3].iter_mut().for_each(|byte| *byte = step(*byte));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn hues_are_where_they_should_be() {
        let hue = |colour| hsv(colour)[0];
        assert_eq!([hue([255, 0, 0]), hue([0, 255, 0]), hue([0, 0, 255])], [0.0, 120.0, 240.0]);
        assert_eq!([hue([255, 0, 255]), hue([255, 255, 0]), hue([9, 9, 9])], [300.0, 60.0, 0.0]);
        assert_eq!(hsv([0, 0, 0]), [0.0, 0.0, 0.0]);
    }

    #[test]
    fn sizes_that_cannot_be_are_none() {
        assert_eq!(bytes_of(4, 5, 3), Some(60));
        assert_eq!(bytes_of(usize::MAX, 2, 1), None);
        assert_eq!(bytes_of(1 << 20, 1 << 20, 4), None);
    }

    proptest! {
        #[test]
        fn neutral_factors_change_nothing(pixels in prop::collection::vec(any::<u8>(), 0..64), channels in 1..5_usize) {
            let mut changed = pixels.clone();
            Adjust::new(1.0, 1.0, 1.0).apply(&mut changed, channels);
            prop_assert_eq!(&changed, &pixels);
        }

        #[test]
        fn without_saturation_all_is_grey(pixel: [u8; 4]) {
            let mut changed = pixel;
            Adjust::new(1.0, 1.0, 0.0).apply(&mut changed, 4);
            let grey = luma([pixel[0], pixel[1], pixel[2]]);
            prop_assert_eq!(changed, [grey, grey, grey, pixel[3]]);
        }
    }
}
