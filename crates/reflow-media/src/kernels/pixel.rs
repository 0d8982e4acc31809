//! Pixels of 8 bits a channel, and pointwise work on them.

use super::wide::{Kernel, widest};

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

/// A number as a byte, rounded half up, in a way that the compiler makes vectors of; what is no number is 0.
#[inline(always)]
pub fn nearest(value: f32) -> u8 {
    // From here on there is nothing behind the point: what is added rounds to the nearest whole number, which may be above.
    const WHOLE: f32 = (1_u32 << 23) as f32;
    #[expect(clippy::manual_clamp, reason = "`clamp` leaves what is no number")]
    let value = value.max(0.0).min(255.0);
    let above = value + 0.5;
    let whole = (above + WHOLE) - WHOLE;
    let excess = if whole > above { 1.0 } else { 0.0 };
    (whole - excess + WHOLE).to_bits() as u8
}

/// Whether all pixels are opaque: of pixels with 2 or 4 channels the last one is alpha.
pub fn is_opaque<const N: usize>(pixels: &[u8]) -> bool {
    let mut all = [255; 64];
    if matches!(N, 2 | 4) {
        widest(Common { bytes: pixels, all: &mut all });
    }
    all.iter().skip(N - 1).step_by(N).all(|alpha| *alpha == 255)
}

/// The bits that all bytes have which are a multiple of 64 apart.
struct Common<'a> {
    bytes: &'a [u8],
    all: &'a mut [u8; 64],
}

impl Kernel for Common<'_> {
    #[inline(always)]
    fn run(self) {
        let mut all = *self.all;
        let (blocks, rest) = self.bytes.as_chunks::<64>();
        for block in blocks {
            for at in 0..64 {
                all[at] &= block[at];
            }
        }
        for (all, byte) in all.iter_mut().zip(rest) {
            *all &= byte;
        }
        *self.all = all;
    }
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

    #[test]
    fn bytes_are_the_nearest() {
        for step in 0..=255_000 {
            let value = step as f32 / 1000.0;
            assert_eq!(nearest(value), value.round() as u8, "{value}");
        }
        assert_eq!([0.0, 0.5, 1.5, 2.5, 254.5].map(nearest), [0, 1, 2, 3, 255]);
        assert_eq!([f32::NAN, -1.0, f32::NEG_INFINITY, 255.4, 1e30].map(nearest), [0, 0, 0, 255, 255]);
    }

    #[test]
    fn one_pixel_that_is_not_opaque_is_found() {
        for at in 0..90 {
            let mut pixels = [255; 4 * 90];
            pixels[4 * at..4 * at + 3].fill(0);
            assert!(is_opaque::<4>(&pixels) && is_opaque::<3>(&pixels) && is_opaque::<1>(&pixels));
            pixels[4 * at + 3] = 254;
            assert!(!is_opaque::<4>(&pixels) && !is_opaque::<2>(&pixels) && is_opaque::<3>(&pixels));
        }
        assert!(is_opaque::<4>(&[]));
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
