//! RGB to 4:2:0 and back: BT.709 limited range, 8 bits.
//!
//! Y = 16 + 219·(0.2126 R + 0.7152 G + 0.0722 B), Cb = 128 + 224·(B − Y′)/1.8556, Cr = 128 + 224·(R − Y′)/1.5748 with R, G, B and Y′ in
//! 0..1; chroma is that of the mean of each block of 2 × 2 pixels.

use crate::picture::Format;

/// Bits behind the point.
const BITS: i32 = 15;

const fn fixed(number: f64) -> i32 {
    let scaled = number * (1 << BITS) as f64;
    if scaled < 0.0 { (scaled - 0.5) as i32 } else { (scaled + 0.5) as i32 }
}

const KR: f64 = 0.2126;
const KG: f64 = 0.7152;
const KB: f64 = 0.0722;
const LUMA: f64 = 219.0 / 255.0;
const CHROMA: f64 = 224.0 / 255.0;

const Y: [i32; 3] = [fixed(LUMA * KR), fixed(LUMA * KG), fixed(LUMA * KB)];
const CB: [i32; 3] = [fixed(-CHROMA * KR / 1.8556), fixed(-CHROMA * KG / 1.8556), fixed(CHROMA / 2.0)];
const CR: [i32; 3] = [fixed(CHROMA / 2.0), fixed(-CHROMA * KG / 1.5748), fixed(-CHROMA * KB / 1.5748)];

/// A picture in three planes, the chroma planes half as wide and high.
pub(crate) struct Planes {
    pub(crate) width: usize,
    pub(crate) height: usize,
    pub(crate) y: Vec<u8>,
    pub(crate) u: Vec<u8>,
    pub(crate) v: Vec<u8>,
}

impl Planes {
    /// Black planes of an even size.
    pub(crate) fn new(width: usize, height: usize) -> Self {
        let chroma = width / 2 * (height / 2);
        Self { width, height, y: vec![16; width * height], u: vec![128; chroma], v: vec![128; chroma] }
    }

    /// Fills the planes with a picture that is at most as large; its right and lower edges go on to the ends of the planes.
    pub(crate) fn fill(&mut self, pixels: &[u8], width: usize, height: usize, format: Format) {
        match format {
            Format::Rgba => self.convert::<4, 0, 1, 2>(pixels, width, height),
            Format::Bgra => self.convert::<4, 2, 1, 0>(pixels, width, height),
            Format::Rgb => self.convert::<3, 0, 1, 2>(pixels, width, height),
            Format::Gray => self.convert::<1, 0, 0, 0>(pixels, width, height),
        }
        self.extend(width, height);
    }

    fn convert<const N: usize, const R: usize, const G: usize, const B: usize>(
        &mut self,
        pixels: &[u8],
        width: usize,
        height: usize,
    ) {
        let (stride, chroma_stride) = (self.width, self.width / 2);
        let rows = self.y.chunks_exact_mut(stride * 2).zip(self.u.chunks_exact_mut(chroma_stride));
        let rows = rows.zip(self.v.chunks_exact_mut(chroma_stride)).take(height.div_ceil(2));
        for (pair, ((y, u), v)) in rows.enumerate() {
            let row = |at: usize| &pixels[at * width * N..(at + 1) * width * N];
            let upper = row(pair * 2);
            let lower = row((pair * 2 + 1).min(height - 1));
            let (y_upper, y_lower) = y.split_at_mut(stride);
            rows_to_planes::<N, R, G, B>(upper, lower, y_upper, y_lower, u, v);
        }
    }

    /// Repeats what is at the edges of the picture.
    fn extend(&mut self, width: usize, height: usize) {
        for (plane, stride, width, height) in [
            (&mut self.y, self.width, width, height),
            (&mut self.u, self.width / 2, width.div_ceil(2), height.div_ceil(2)),
            (&mut self.v, self.width / 2, width.div_ceil(2), height.div_ceil(2)),
        ] {
            if width < stride {
                for row in plane.chunks_exact_mut(stride).take(height) {
                    let edge = row[width - 1];
                    row[width..].fill(edge);
                }
            }
            let rows = plane.len() / stride;
            for row in height..rows {
                plane.copy_within((height - 1) * stride..height * stride, row * stride);
            }
        }
    }
}

/// Two rows of pixels to two rows of luma and one of chroma.
fn rows_to_planes<const N: usize, const R: usize, const G: usize, const B: usize>(
    upper: &[u8],
    lower: &[u8],
    y_upper: &mut [u8],
    y_lower: &mut [u8],
    u: &mut [u8],
    v: &mut [u8],
) {
    #[cfg(target_arch = "x86_64")]
    if std::arch::is_x86_feature_detected!("avx2") {
        #[target_feature(enable = "avx2")]
        fn wide<const N: usize, const R: usize, const G: usize, const B: usize>(
            upper: &[u8],
            lower: &[u8],
            y_upper: &mut [u8],
            y_lower: &mut [u8],
            u: &mut [u8],
            v: &mut [u8],
        ) {
            portable::<N, R, G, B>(upper, lower, y_upper, y_lower, u, v);
        }
        // SAFETY: the processor has what the function needs.
        return unsafe { wide::<N, R, G, B>(upper, lower, y_upper, y_lower, u, v) };
    }
    portable::<N, R, G, B>(upper, lower, y_upper, y_lower, u, v);
}

#[inline(always)]
fn portable<const N: usize, const R: usize, const G: usize, const B: usize>(
    upper: &[u8],
    lower: &[u8],
    y_upper: &mut [u8],
    y_lower: &mut [u8],
    u: &mut [u8],
    v: &mut [u8],
) {
    const HALF: i32 = 1 << (BITS - 1);
    let luma = |pixel: &[u8; N]| {
        let sum = i32::from(pixel[R]) * Y[0] + i32::from(pixel[G]) * Y[1] + i32::from(pixel[B]) * Y[2];
        ((sum + (16 << BITS) + HALF) >> BITS) as u8
    };
    for (row, luma_row) in [(upper, y_upper), (lower, y_lower)] {
        let (row, _) = row.as_chunks::<N>();
        luma_row.iter_mut().zip(row).for_each(|(y, pixel)| *y = luma(pixel));
    }
    let chroma = |sums: [i32; 3], by: &[i32; 3]| {
        let sum = sums[0] * by[0] + sums[1] * by[1] + sums[2] * by[2];
        ((sum + (128 << (BITS + 2)) + (HALF << 2)) >> (BITS + 2)) as u8
    };
    let (upper, _) = upper.as_chunks::<N>();
    let (lower, _) = lower.as_chunks::<N>();
    let (upper, upper_odd) = upper.as_chunks::<2>();
    let (lower, lower_odd) = lower.as_chunks::<2>();
    let blocks = upper.iter().zip(lower);
    u.iter_mut().zip(&mut *v).zip(blocks).for_each(|((u, v), (upper, lower))| {
        let sum = |at: usize| {
            i32::from(upper[0][at]) + i32::from(upper[1][at]) + i32::from(lower[0][at]) + i32::from(lower[1][at])
        };
        let sums = [sum(R), sum(G), sum(B)];
        *u = chroma(sums, &CB);
        *v = chroma(sums, &CR);
    });
    // The last column of an odd width is its own neighbour.
    if let ([a], [b]) = (upper_odd, lower_odd) {
        let sums = [R, G, B].map(|at| 2 * (i32::from(a[at]) + i32::from(b[at])));
        let at = upper.len();
        if let (Some(u), Some(v)) = (u.get_mut(at), v.get_mut(at)) {
            (*u, *v) = (chroma(sums, &CB), chroma(sums, &CR));
        }
    }
}

/// How the planes of a file are to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Matrix {
    Bt709,
    Bt601,
}

/// Planes as they are in a decoder.
#[derive(Clone, Copy)]
pub(crate) struct Decoded<'a> {
    pub(crate) y: &'a [u8],
    pub(crate) u: &'a [u8],
    pub(crate) v: &'a [u8],
    pub(crate) stride: usize,
    pub(crate) chroma_stride: usize,
}

/// RGBA of the upper left part of planes.
pub(crate) fn to_rgba(planes: Decoded<'_>, width: usize, height: usize, matrix: Matrix, full_range: bool) -> Vec<u8> {
    let (kr, kb) = match matrix {
        Matrix::Bt709 => (KR, KB),
        Matrix::Bt601 => (0.299, 0.114),
    };
    let kg = 1.0 - kr - kb;
    let (luma, chroma, black) = if full_range { (1.0, 1.0, 0) } else { (1.0 / LUMA, 1.0 / CHROMA, 16) };
    let y_gain = fixed(luma);
    let red = fixed(2.0 * (1.0 - kr) * chroma);
    let blue = fixed(2.0 * (1.0 - kb) * chroma);
    let green = [fixed(-2.0 * (1.0 - kb) * kb / kg * chroma), fixed(-2.0 * (1.0 - kr) * kr / kg * chroma)];
    let mut pixels = vec![255; width * height * 4];
    for (at, row) in pixels.chunks_exact_mut(width * 4).enumerate() {
        let y = &planes.y[at * planes.stride..][..width];
        let chroma = at / 2 * planes.chroma_stride;
        let (u, v) = (&planes.u[chroma..][..width.div_ceil(2)], &planes.v[chroma..][..width.div_ceil(2)]);
        for ((x, pixel), y) in row.chunks_exact_mut(4).enumerate().zip(y) {
            let (u, v) = (i32::from(u[x / 2]) - 128, i32::from(v[x / 2]) - 128);
            let y = (i32::from(*y) - black) * y_gain + (1 << (BITS - 1));
            let byte = |sum: i32| (sum >> BITS).clamp(0, 255) as u8;
            pixel[0] = byte(y + v * red);
            pixel[1] = byte(y + u * green[0] + v * green[1]);
            pixel[2] = byte(y + u * blue);
        }
    }
    pixels
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The definition, in floats.
    fn exact(pixel: [u8; 3]) -> [f64; 3] {
        let [r, g, b] = pixel.map(|channel| f64::from(channel) / 255.0);
        let y = KR * r + KG * g + KB * b;
        [16.0 + 219.0 * y, 128.0 + 224.0 * (b - y) / 1.8556, 128.0 + 224.0 * (r - y) / 1.5748]
    }

    proptest! {
        #[test]
        fn planes_are_what_the_definition_says(pixel: [u8; 3], alpha: u8) {
            let mut planes = Planes::new(16, 16);
            let pixels: Vec<u8> = [pixel[0], pixel[1], pixel[2], alpha].repeat(16 * 16);
            planes.fill(&pixels, 16, 16, Format::Rgba);
            let [y, u, v] = exact(pixel);
            prop_assert!(planes.y.iter().all(|found| (f64::from(*found) - y).abs() < 0.51));
            prop_assert!(planes.u.iter().all(|found| (f64::from(*found) - u).abs() < 0.51));
            prop_assert!(planes.v.iter().all(|found| (f64::from(*found) - v).abs() < 0.51));
        }

        #[test]
        fn colours_come_back(pixel: [u8; 3], width in 1..40_usize, height in 1..40_usize) {
            let (coded_width, coded_height) = (width.next_multiple_of(2).max(16), height.next_multiple_of(2).max(16));
            let mut planes = Planes::new(coded_width, coded_height);
            planes.fill(&pixel.repeat(width * height), width, height, Format::Rgb);
            let decoded = Decoded { y: &planes.y, u: &planes.u, v: &planes.v, stride: coded_width, chroma_stride: coded_width / 2 };
            let pixels = to_rgba(decoded, coded_width, coded_height, Matrix::Bt709, false);
            for found in pixels.chunks_exact(4) {
                for (found, expected) in found.iter().zip(pixel) {
                    prop_assert!(found.abs_diff(expected) <= 3, "{found:?} {pixel:?}");
                }
            }
        }
    }

    #[test]
    fn formats_differ_only_in_their_order() {
        let mut planes = Planes::new(16, 16);
        planes.fill(&[10, 200, 90, 0].repeat(256), 16, 16, Format::Rgba);
        let rgba = (planes.y[0], planes.u[0], planes.v[0]);
        planes.fill(&[90, 200, 10, 0].repeat(256), 16, 16, Format::Bgra);
        assert_eq!((planes.y[0], planes.u[0], planes.v[0]), rgba);
        planes.fill(&[128; 256], 16, 16, Format::Gray);
        assert_eq!((planes.y[0], planes.u[0], planes.v[0]), (126, 128, 128));
    }

    #[test]
    fn chroma_is_of_the_mean_of_a_block() {
        let mut planes = Planes::new(16, 16);
        let mut pixels = [0, 0, 0, 255].repeat(256);
        pixels[..4].copy_from_slice(&[255, 0, 0, 255]);
        planes.fill(&pixels, 16, 16, Format::Rgba);
        let expected = 128.0 + (exact([255, 0, 0])[2] - 128.0) / 4.0;
        assert!((f64::from(planes.v[0]) - expected).abs() < 0.51);
        assert_eq!(planes.v[1], 128);
    }
}
