//! Gaussian blur.

use super::bands::in_bands;
use super::pixel::{is_opaque, nearest};
use super::symmetric::{BLOCK, SAMPLE_BITS, Sums, Weights};
use super::wide::{Kernel, widest};

/// Channels of a pixel.
const CHANNELS: usize = 4;

/// Rows that are blurred along before they are blurred down, at least.
const ROWS: usize = 32;

/// Samples that all rows of a window have in a strip: they fit into the cache that is nearest to a core.
const NEAR: usize = 16 << 10;

/// Pixels, `width` in a row, blurred first along the rows, then along the columns; each pass is rounded to bytes. A pixel beyond an edge
/// is the one at the edge. What is less than a row at the end stays. Large pictures are worked on by all cores.
///
/// The weights are exp(-i² / 2σ²) with σ = `radius` / 3, in fixed point: a byte is at most 1 beside what they give without rounding.
pub fn blur(pixels: &[u8], width: usize, radius: usize) -> Vec<u8> {
    let row = width * CHANNELS;
    let height = pixels.len().checked_div(row).unwrap_or(0);
    if height == 0 || radius == 0 {
        return pixels.to_vec();
    }
    let weights = Weights::new(&weights(radius));
    let (source, rest) = pixels.split_at(height * row);
    let mut blurred = vec![0; source.len()];
    // Neighbours blur the rows between them along both; that is to be less than half of the work.
    in_bands(&mut blurred, row, 4 * radius, |first, band| {
        Strips::new(source, row, &weights, band.len() / row).blur(first, band);
    });
    blurred.extend_from_slice(rest);
    blurred
}

/// [`blur`], with colours that count as far as they are opaque: those of transparent pixels do not bleed into others.
pub fn blur_opaque(pixels: &[u8], width: usize, radius: usize) -> Vec<u8> {
    if is_opaque::<CHANNELS>(pixels) {
        return blur(pixels, width, radius);
    }
    let mut weighed = pixels.to_vec();
    widest(Weigh { bytes: &mut weighed });
    let mut blurred = blur(&weighed, width, radius);
    // A factor for every value of alpha: dividing would take longer than the blur.
    let factors: [f32; 256] = std::array::from_fn(|alpha| if alpha == 0 { 0.0 } else { 255.0 / alpha as f32 });
    let mut row = [[1.0; CHANNELS]; PIXELS];
    for pixels in blurred.as_chunks_mut::<CHANNELS>().0.chunks_mut(PIXELS) {
        for (factor, pixel) in row.iter_mut().zip(&*pixels) {
            factor[..CHANNELS - 1].fill(factors[usize::from(pixel[CHANNELS - 1])]);
        }
        widest(Scale { factors: row.as_flattened(), bytes: pixels.as_flattened_mut() });
    }
    blurred
}

/// Pixels that are scaled together.
const PIXELS: usize = 256;

/// Weighs colours by alpha.
struct Weigh<'a> {
    bytes: &'a mut [u8],
}

impl Kernel for Weigh<'_> {
    #[inline(always)]
    fn run(self) {
        let pixels = self.bytes.as_chunks_mut::<CHANNELS>().0;
        let (blocks, rest) = pixels.as_chunks_mut::<8>();
        for block in blocks {
            let bytes = block.as_flattened_mut();
            let mut alphas = [0; 8 * CHANNELS];
            for at in 0..8 * CHANNELS {
                // Alpha itself stays.
                alphas[at] =
                    if at % CHANNELS == CHANNELS - 1 { 255 } else { bytes[at / CHANNELS * CHANNELS + CHANNELS - 1] };
            }
            for at in 0..8 * CHANNELS {
                bytes[at] = product(bytes[at], alphas[at]);
            }
        }
        for [colours @ .., alpha] in rest {
            colours.iter_mut().for_each(|colour| *colour = product(*colour, *alpha));
        }
    }
}

/// The product of two shares of 255.
#[inline(always)]
fn product(a: u8, b: u8) -> u8 {
    ((u16::from(a) * u16::from(b) + 127) / 255) as u8
}

/// Multiplies bytes.
struct Scale<'a> {
    factors: &'a [f32],
    bytes: &'a mut [u8],
}

impl Kernel for Scale<'_> {
    #[inline(always)]
    fn run(self) {
        for (byte, factor) in self.bytes.iter_mut().zip(self.factors) {
            *byte = nearest(f32::from(*byte) * factor);
        }
    }
}

/// The weights from the middle outwards; those of both sides add up to 1.
fn weights(radius: usize) -> Vec<f64> {
    let sigma = radius as f64 / 3.0;
    let raw: Vec<f64> = (0..=radius).map(|i| (-((i * i) as f64) / (2.0 * sigma * sigma)).exp()).collect();
    let total = raw[0] + 2.0 * raw[1..].iter().sum::<f64>();
    raw.into_iter().map(|weight| weight / total).collect()
}

/// A band of a picture, a strip of columns at a time: what a strip's columns need of the rows around is in the cache.
struct Strips<'a> {
    source: &'a [u8],
    /// Bytes of a row.
    row: usize,
    weights: &'a Weights,
    /// Samples of a strip.
    strip: usize,
    /// Rows that are worked on at once.
    ahead: usize,
    /// A row's part before it is blurred, with what is beside it.
    line: Vec<u16>,
    /// Rows of the strip, blurred along: those above a row, the row and those below. More than a strip is between two of
    /// them, as addresses that differ by a power of two share few places in a cache.
    lines: Vec<u16>,
    /// A row of the strip, blurred.
    blurred: Vec<u16>,
}

impl<'a> Strips<'a> {
    fn new(source: &'a [u8], row: usize, weights: &'a Weights, rows: usize) -> Self {
        let around = 2 * weights.radius();
        let widest = row.next_multiple_of(BLOCK);
        let strip = (NEAR / (around + 1)).clamp(2 * BLOCK, 16 * BLOCK).next_multiple_of(BLOCK).min(widest);
        let ahead = around.max(ROWS).min(rows);
        let line = vec![0; strip + around * CHANNELS];
        let lines = vec![0; (around + ahead) * (strip + BLOCK)];
        Self { source, row, weights, strip, ahead, line, lines, blurred: vec![0; strip] }
    }

    /// Blurs the rows of the band that begins with the row `first`.
    fn blur(&mut self, first: usize, band: &mut [u8]) {
        let (around, stride) = (2 * self.weights.radius(), self.strip + BLOCK);
        for start in (0..self.row).step_by(self.strip) {
            let count = self.strip.min(self.row - start);
            let blocks = count.next_multiple_of(BLOCK);
            for (number, rows) in band.chunks_mut(self.ahead * self.row).enumerate() {
                let above = first + number * self.ahead;
                if number == 0 {
                    self.along(above, 0..around, start, count);
                } else {
                    // The last rows were below others, and are above the next ones.
                    self.lines.copy_within(self.ahead * stride.., 0);
                }
                let height = rows.len() / self.row;
                self.along(above, around..around + height, start, count);
                for (y, target) in rows.chunks_exact_mut(self.row).enumerate() {
                    let samples = &self.lines[y * stride..];
                    widest(Sums { weights: self.weights, samples, step: stride, sums: &mut self.blurred[..blocks] });
                    for (byte, sample) in target[start..start + count].iter_mut().zip(&self.blurred) {
                        *byte = (sample >> SAMPLE_BITS) as u8;
                    }
                }
            }
        }
    }

    /// Blurs rows along: `places` are where they go, the first of which is for the row that is `radius` above the row `above`.
    fn along(&mut self, above: usize, places: std::ops::Range<usize>, start: usize, count: usize) {
        let (radius, stride) = (self.weights.radius(), self.strip + BLOCK);
        let last = self.source.len() / self.row - 1;
        let mut before = None;
        for place in places {
            let y = (above + place).saturating_sub(radius).min(last);
            if before == Some(y) {
                // Beyond an edge.
                self.lines.copy_within((place - 1) * stride..place * stride, place * stride);
                continue;
            }
            before = Some(y);
            spread(
                &self.source[y * self.row..][..self.row],
                start,
                radius,
                &mut self.line[..count + 2 * radius * CHANNELS],
            );
            let sums = &mut self.lines[place * stride..][..count.next_multiple_of(BLOCK)];
            widest(Sums { weights: self.weights, samples: &self.line, step: CHANNELS, sums });
        }
    }
}

/// A part of a row as samples, from `radius` pixels before `start` on, with the pixels at its ends repeated beyond them.
fn spread(row: &[u8], start: usize, radius: usize, line: &mut [u16]) {
    let sample = |byte: u8| u16::from(byte) << SAMPLE_BITS;
    let reach = radius * CHANNELS;
    let left = reach.saturating_sub(start);
    let right = (start + line.len()).saturating_sub(reach + row.len());
    let (head, rest) = line.split_at_mut(left);
    let (middle, tail) = rest.split_at_mut(rest.len() - right);
    for (value, byte) in middle.iter_mut().zip(&row[start + left - reach..]) {
        *value = sample(*byte);
    }
    for (part, pixel) in [(head, row.first_chunk::<CHANNELS>()), (tail, row.last_chunk())] {
        if let Some(pixel) = pixel {
            part.as_chunks_mut().0.fill(pixel.map(sample));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same in the obvious way: both passes rounded to bytes, half away from zero.
    fn slow(pixels: &[u8], width: usize, radius: usize) -> Vec<u8> {
        let (row, height) = (width * 4, pixels.len() / (width * 4));
        let weights = weights(radius);
        let pass = |source: &[u8], step: usize, count: usize, place: &dyn Fn(usize) -> usize| -> Vec<u8> {
            let sum = |at: usize| {
                let weighed = |offset: usize| {
                    let other = (place(at) + offset).saturating_sub(radius).min(count - 1);
                    weights[offset.abs_diff(radius)] * f64::from(source[at + other * step - place(at) * step])
                };
                ((0..=2 * radius).map(weighed).sum::<f64>() + 0.5) as u8
            };
            (0..source.len()).map(sum).collect()
        };
        let along = pass(pixels, 4, width, &|at| at / 4 % width);
        pass(&along, row, height, &|at| at / row)
    }

    fn noise(length: usize) -> Vec<u8> {
        (0..length as u64).map(|at| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 56) as u8).collect()
    }

    proptest! {
        #[test]
        fn it_is_what_the_formula_says(
            width in 1..70_usize, height in 1..40_usize, radius in 1..40_usize, behind in 0..4_usize, seed in any::<u8>(),
        ) {
            let mut pixels: Vec<u8> = noise(width * height * 4).into_iter().map(|byte| byte ^ seed).collect();
            let slow = slow(&pixels, width, radius);
            pixels.extend(vec![seed; behind]);
            let blurred = blur(&pixels, width, radius);
            prop_assert_eq!(&blurred[slow.len()..], &pixels[slow.len()..]);
            for (fast, slow) in blurred.iter().zip(slow) {
                prop_assert!(fast.abs_diff(slow) <= 1, "{fast} {slow}");
            }
        }

        #[test]
        fn a_plain_picture_stays_plain(
            width in 1..50_usize, height in 1..50_usize, radius in 0..150_usize, pixel: [u8; 4],
        ) {
            let pixels = pixel.repeat(width * height);
            prop_assert_eq!(blur(&pixels, width, radius), pixels);
        }
    }

    #[test]
    fn nearly_all_bytes_are_the_nearest() {
        for (width, radius) in [(300, 1), (300, 3), (61, 30), (40, 200)] {
            let pixels = noise(width * 60 * 4);
            let slow = slow(&pixels, width, radius);
            let beside = blur(&pixels, width, radius).iter().zip(&slow).filter(|(fast, slow)| fast != slow).count();
            assert!(beside * 25 < slow.len(), "{radius}: {beside} of {}", slow.len());
        }
    }

    #[test]
    fn transparent_colours_do_not_bleed_and_opaque_ones_do_as_ever() {
        // Red that is there beside green that is not.
        let blurred = blur_opaque(&[255, 0, 0, 255, 0, 255, 0, 0].repeat(4), 8, 2);
        assert!(
            blurred.as_chunks::<4>().0.iter().all(|[red, green, _, alpha]| *red == 255 && *green == 0 && *alpha > 0)
        );
        let opaque: Vec<u8> = (0..40 * 4_u32).map(|at| if at % 4 == 3 { 255 } else { (at * 37) as u8 }).collect();
        assert_eq!(blur(&opaque, 8, 2), blur_opaque(&opaque, 8, 2));
    }

    #[test]
    fn large_pictures_have_no_seams() {
        // Two bands at least, where there are two cores, several strips, and more rows than are worked on at once.
        let (width, height) = (600, 440);
        let pixels = noise(width * height * 4);
        for radius in [2, 9] {
            let (blurred, slow) = (blur(&pixels, width, radius), slow(&pixels, width, radius));
            assert!(blurred.iter().zip(&slow).all(|(fast, slow)| fast.abs_diff(*slow) <= 1));
        }
    }

    #[test]
    fn sizes_that_are_none_are_no_pixels() {
        assert!(blur(&[], 3, 2).is_empty());
        assert_eq!(blur(&[1, 2, 3], 1, 2), [1, 2, 3]);
        assert_eq!(blur(&[1, 2, 3, 4], 0, 2), [1, 2, 3, 4]);
        assert_eq!(blur(&[1, 2, 3, 4], 2, 2), [1, 2, 3, 4]);
        assert_eq!(blur(&[1, 2, 3, 4], 1, 1024), [1, 2, 3, 4]);
    }
}
