//! Scaling between the four nearest pixels.

use super::bands::in_bands;
use super::pixel::nearest;
use super::resize::Size;
use super::wide::{Kernel, widest};

/// Columns that are worked on together: what is kept of two rows fits into a core's own cache, and memory is read in long stretches.
const TILE: usize = 4096;

/// Pixels whose neighbours are gathered together.
const RUN: usize = 128;

/// Where a pixel of the target lies in the source: the pixel before it, and how near it is to the next one.
fn place(at: usize, from: usize, to: usize) -> (usize, f32) {
    let exact = if to > 1 { at as f64 * (from - 1) as f64 / (to - 1) as f64 } else { 0.0 };
    let first = (exact as usize).min(from - 1);
    (first, (exact - first as f64) as f32)
}

/// Every channel is scaled by itself, along the rows first. Corners of both pictures lie on each other. Large pictures are worked on by
/// all cores.
pub(super) fn bilinear<const N: usize>(pixels: &[u8], from: Size, to: Size) -> Vec<u8> {
    let pixels = pixels.as_chunks::<N>().0;
    let mut result = vec![0; to.0 * to.1 * N];
    in_bands(&mut result, to.0 * N, 1, |first, band| {
        for start in (0..to.0).step_by(TILE) {
            let columns = start..to.0.min(start + TILE);
            let mut tile = Tile::<N>::new(columns.clone().map(|x| place(x, from.0, to.0)), from.0);
            for (y, line) in (first..).zip(band.chunks_exact_mut(to.0 * N)) {
                let (y, share) = place(y, from.1, to.1);
                let row = |y: usize| &pixels[y * from.0..(y + 1) * from.0];
                let line = &mut line[columns.start * N..columns.end * N];
                tile.between(y, row(y), row((y + 1).min(from.1 - 1)), share, line);
            }
        }
    });
    result
}

/// Some columns of the target, and the last two rows that were scaled along to them.
struct Tile<const N: usize> {
    /// The first of the two pixels that each lies between.
    columns: Vec<usize>,
    /// How near it is to the second, for every channel.
    shares: Vec<f32>,
    top: (Option<usize>, Vec<f32>),
    bottom: (Option<usize>, Vec<f32>),
}

impl<const N: usize> Tile<N> {
    fn new(places: impl Iterator<Item = (usize, f32)>, width: usize) -> Self {
        // Behind the last pixel there is none: it is the second of a pair.
        let last = width.saturating_sub(2);
        let pair = |(first, share)| if first > last { (last, [1.0; N]) } else { (first, [share; N]) };
        let (columns, shares): (Vec<usize>, Vec<[f32; N]>) = places.map(pair).unzip();
        let row = (None, vec![0.0; columns.len() * N]);
        Self { columns, shares: shares.into_flattened(), top: row.clone(), bottom: row }
    }

    /// A line of the target: between the row `y` of the source and the next one.
    fn between(&mut self, y: usize, top: &[[u8; N]], bottom: &[[u8; N]], share: f32, line: &mut [u8]) {
        if self.top.0 != Some(y) {
            std::mem::swap(&mut self.top, &mut self.bottom);
        }
        for (scaled, y, source) in [(&mut self.top, y, top), (&mut self.bottom, y + 1, bottom)] {
            if scaled.0 == Some(y) {
                continue;
            }
            scaled.0 = Some(y);
            // A single pixel lies between itself and itself.
            let twice = [source[0]; 2];
            let source = if source.len() == 1 { &twice } else { source };
            let (mut left, mut right) = ([[0; N]; RUN], [[0; N]; RUN]);
            let runs = self.columns.chunks(RUN).zip(self.shares.chunks(RUN * N));
            for (target, (columns, shares)) in scaled.1.chunks_mut(RUN * N).zip(runs) {
                for ((left, right), first) in left.iter_mut().zip(&mut right).zip(columns) {
                    if let Some(pair) = source[*first..].first_chunk::<2>() {
                        [*left, *right] = *pair;
                    }
                }
                widest(Along { left: left.as_flattened(), right: right.as_flattened(), shares, target });
            }
        }
        widest(Down { top: &self.top.1, bottom: &self.bottom.1, share, target: line });
    }
}

/// Numbers between bytes.
struct Along<'a> {
    left: &'a [u8],
    right: &'a [u8],
    shares: &'a [f32],
    target: &'a mut [f32],
}

impl Kernel for Along<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { left, right, shares, target } = self;
        for (value, ((left, right), share)) in target.iter_mut().zip(left.iter().zip(right).zip(shares)) {
            let (left, right) = (f32::from(*left), f32::from(*right));
            *value = left + (right - left) * share;
        }
    }
}

/// Bytes between numbers.
struct Down<'a> {
    top: &'a [f32],
    bottom: &'a [f32],
    share: f32,
    target: &'a mut [u8],
}

impl Kernel for Down<'_> {
    #[inline(always)]
    fn run(self) {
        let Self { top, bottom, share, target } = self;
        for (byte, (top, bottom)) in target.iter_mut().zip(top.iter().zip(bottom)) {
            *byte = nearest(top + (bottom - top) * share);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The formula, pixel by pixel.
    fn slow(pixels: &[u8], from: Size, to: Size, channels: usize) -> Vec<u8> {
        let mut result = Vec::new();
        for y in 0..to.1 {
            for x in 0..to.0 {
                let place = |at: usize, from: usize, to: usize| {
                    if to > 1 { at as f64 * (from - 1) as f64 / (to - 1) as f64 } else { 0.0 }
                };
                let (sx, sy) = (place(x, from.0, to.0), place(y, from.1, to.1));
                let (x0, y0) = (sx as usize, sy as usize);
                let (x1, y1) = ((x0 + 1).min(from.0 - 1), (y0 + 1).min(from.1 - 1));
                let (fx, fy) = ((sx - x0 as f64) as f32, (sy - y0 as f64) as f32);
                for channel in 0..channels {
                    let at = |x: usize, y: usize| f32::from(pixels[(y * from.0 + x) * channels + channel]);
                    let top = at(x0, y0) + (at(x1, y0) - at(x0, y0)) * fx;
                    let bottom = at(x0, y1) + (at(x1, y1) - at(x0, y1)) * fx;
                    result.push((top + (bottom - top) * fy).round() as u8);
                }
            }
        }
        result
    }

    fn compare<const N: usize>(seed: &[u8], from: Size, to: Size) -> Result<(), TestCaseError> {
        let pixels: Vec<u8> = seed.iter().copied().cycle().take(from.0 * from.1 * N).collect();
        prop_assert_eq!(bilinear::<N>(&pixels, from, to), slow(&pixels, from, to, N));
        Ok(())
    }

    proptest! {
        #[test]
        fn it_is_what_the_formula_says(
            from in (1..40_usize, 1..9_usize), to in (1..300_usize, 1..12_usize), seed in prop::collection::vec(any::<u8>(), 97),
        ) {
            compare::<1>(&seed, from, to)?;
            compare::<2>(&seed, from, to)?;
            compare::<3>(&seed, from, to)?;
            compare::<4>(&seed, from, to)?;
        }
    }

    #[test]
    fn tiles_and_bands_have_no_seams() {
        let seed: Vec<u8> = (0..=250).collect();
        // Wider than a tile, and of two bands where there are two cores.
        for (from, to) in [((300, 5), (TILE + 700, 40)), ((2 * TILE + 3, 30), (TILE + 1, 60)), ((700, 800), (640, 500))]
        {
            compare::<4>(&seed, from, to).unwrap();
        }
    }
}
