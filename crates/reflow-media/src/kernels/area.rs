//! Scaling by the mean of what a pixel covers.

use super::bands::in_bands;
use super::pixel::{is_opaque, nearest};
use super::resize::Size;
use super::wide::{Kernel, widest};

/// Columns that are worked on together, at most.
const TILE: usize = 2048;

/// Pixels of the source that lie in a tile, unless one column covers more.
const SPAN: usize = 8192;

/// Pixels whose columns are summed up at once.
const PIXELS: usize = 8;

/// What a pixel covers along one side: pixels from `first` to `last`, and how much of it each is.
#[derive(Clone, Copy)]
struct Cover {
    first: usize,
    last: usize,
    /// Of the first, which has all of it if it is the last, too.
    begin: f32,
    /// Of each between them.
    inner: f32,
    /// Of the last.
    end: f32,
}

impl Cover {
    fn new(at: usize, from: usize, to: usize) -> Self {
        // In parts of a pixel: `to` of them are one of the source's, `from` of them one of the target's.
        let (at, from, to) = (at as u128, from as u128, to as u128);
        let (begin, end) = (at * from, (at + 1) * from);
        let (first, last) = (begin / to, (end - 1) / to);
        let share = |parts: u128| (parts as f64 / from as f64) as f32;
        let (begin, end) = (if first == last { from } else { (first + 1) * to - begin }, end - last * to);
        Self { first: first as usize, last: last as usize, begin: share(begin), inner: share(to), end: share(end) }
    }

    /// How much of it is the pixel that is so many behind the first.
    #[inline(always)]
    fn share(&self, behind: usize) -> f32 {
        match behind {
            0 => self.begin,
            _ if behind == self.last - self.first => self.end,
            _ => self.inner,
        }
    }
}

/// The mean of what every pixel covers, of colours as far as they are opaque. Large pictures are worked on by all cores.
pub(super) fn area<const N: usize>(pixels: &[u8], from: Size, to: Size) -> Vec<u8> {
    let pixels = pixels.as_chunks::<N>().0;
    let is_half = from == (2 * to.0, 2 * to.1);
    let tile = (SPAN * to.0 / from.0).clamp(1, TILE);
    let mut result = vec![0; to.0 * to.1 * N];
    in_bands(&mut result, to.0 * N, 1, |first, band| {
        let mut sums = Vec::new();
        for start in (0..to.0).step_by(tile) {
            let columns: Vec<Cover> = (start..to.0.min(start + tile)).map(|x| Cover::new(x, from.0, to.0)).collect();
            let (left, right) = (columns[0].first, columns[columns.len() - 1].last + 1);
            sums.resize(right - left, [0.0; N]);
            let mut means = vec![[0.0; N]; columns.len()];
            for (y, line) in (first..).zip(band.chunks_exact_mut(to.0 * N)) {
                let target = &mut line[start * N..(start + columns.len()) * N];
                let rows = Cover::new(y, from.1, to.1);
                let row = |y: usize| &pixels[y * from.0..][left..right];
                if is_half && halve(row(rows.first), row(rows.last), target) {
                    continue;
                }
                let is_opaque = (rows.first..=rows.last).all(|y| is_opaque::<N>(row(y).as_flattened()));
                let source = &pixels[rows.first * from.0 + left..];
                let sums = &mut sums[..right - left];
                if is_opaque {
                    widest(Down::<N, false> { source, stride: from.0, rows, sums });
                } else {
                    widest(Down::<N, true> { source, stride: from.0, rows, sums });
                }
                widest(Along { sums, left, columns: &columns, means: &mut means });
                if !is_opaque {
                    widest(Unweigh { means: &mut means });
                }
                widest(Bytes { means: means.as_flattened(), target });
            }
        }
    });
    result
}

/// The mean of rows in every column of the source; with `WEIGHED` of colours times alpha.
struct Down<'a, const N: usize, const WEIGHED: bool> {
    /// Pixels from the first on.
    source: &'a [[u8; N]],
    /// How many pixels further on the next row is.
    stride: usize,
    rows: Cover,
    sums: &'a mut [[f32; N]],
}

impl<const N: usize, const WEIGHED: bool> Kernel for Down<'_, N, WEIGHED> {
    #[inline(always)]
    fn run(self) {
        let Self { source, stride, rows, sums } = self;
        let count = rows.last - rows.first + 1;
        let (blocks, rest) = sums.as_chunks_mut::<PIXELS>();
        let behind = blocks.len() * PIXELS;
        for (number, target) in blocks.iter_mut().enumerate() {
            let mut sums = [[0.0; N]; PIXELS];
            for row in 0..count {
                let Some(pixels) = source[row * stride + number * PIXELS..].first_chunk::<PIXELS>() else { return };
                let share = rows.share(row);
                for at in 0..PIXELS {
                    add::<N, WEIGHED>(&mut sums[at], &pixels[at], share);
                }
            }
            *target = sums;
        }
        for (number, target) in rest.iter_mut().enumerate() {
            *target = [0.0; N];
            for row in 0..count {
                add::<N, WEIGHED>(target, &source[row * stride + behind + number], rows.share(row));
            }
        }
    }
}

#[inline(always)]
fn add<const N: usize, const WEIGHED: bool>(sums: &mut [f32; N], pixel: &[u8; N], share: f32) {
    for channel in 0..N {
        let alpha = if WEIGHED && channel < N - 1 { f32::from(pixel[N - 1]) } else { 1.0 };
        sums[channel] += f32::from(pixel[channel]) * alpha * share;
    }
}

/// The mean of the columns of the source that each column of the target covers.
struct Along<'a, const N: usize> {
    /// Columns from `left` on.
    sums: &'a [[f32; N]],
    left: usize,
    columns: &'a [Cover],
    means: &'a mut [[f32; N]],
}

impl<const N: usize> Kernel for Along<'_, N> {
    #[inline(always)]
    fn run(self) {
        for (column, mean) in self.columns.iter().zip(self.means) {
            let covered = &self.sums[column.first - self.left..=column.last - self.left];
            let [first, rest @ ..] = covered else { return };
            let mut sum = [0.0; N];
            for channel in 0..N {
                sum[channel] = first[channel] * column.begin;
            }
            if let [inner @ .., last] = rest {
                for pixel in inner {
                    for channel in 0..N {
                        sum[channel] += pixel[channel] * column.inner;
                    }
                }
                for channel in 0..N {
                    sum[channel] += last[channel] * column.end;
                }
            }
            *mean = sum;
        }
    }
}

/// Colours that were weighed by alpha; where there is none of it they are black.
struct Unweigh<'a, const N: usize> {
    means: &'a mut [[f32; N]],
}

impl<const N: usize> Kernel for Unweigh<'_, N> {
    #[inline(always)]
    fn run(self) {
        for mean in self.means {
            let alpha = mean[N - 1];
            for colour in &mut mean[..N - 1] {
                *colour = if alpha > 0.0 { *colour / alpha } else { 0.0 };
            }
        }
    }
}

struct Bytes<'a> {
    means: &'a [f32],
    target: &'a mut [u8],
}

impl Kernel for Bytes<'_> {
    #[inline(always)]
    fn run(self) {
        for (byte, mean) in self.target.iter_mut().zip(self.means) {
            *byte = nearest(*mean);
        }
    }
}

/// The means of four pixels each, of two rows; `false` where they are not opaque, and have to be weighed.
fn halve<const N: usize>(top: &[[u8; N]], bottom: &[[u8; N]], target: &mut [u8]) -> bool {
    let mut least = 255;
    widest(Halve { top, bottom, target, least: &mut least });
    least == 255
}

struct Halve<'a, const N: usize> {
    top: &'a [[u8; N]],
    bottom: &'a [[u8; N]],
    target: &'a mut [u8],
    /// All values of alpha, of which bits are left that all of them have.
    least: &'a mut u8,
}

impl<const N: usize> Kernel for Halve<'_, N> {
    #[inline(always)]
    fn run(self) {
        let mut all = [[255_u8; N]; 2 * PIXELS];
        let (tops, top) = self.top.as_chunks::<{ 2 * PIXELS }>();
        let (bottoms, bottom) = self.bottom.as_chunks::<{ 2 * PIXELS }>();
        let (targets, target) = self.target.as_chunks_mut::<N>().0.as_chunks_mut::<PIXELS>();
        for ((target, top), bottom) in targets.iter_mut().zip(tops).zip(bottoms) {
            let (all, top, bottom) = (all.as_flattened_mut(), top.as_flattened(), bottom.as_flattened());
            let mut sums = [[0_u16; N]; 2 * PIXELS];
            let sums = sums.as_flattened_mut();
            for at in 0..2 * PIXELS * N {
                all[at] &= top[at] & bottom[at];
                sums[at] = u16::from(top[at]) + u16::from(bottom[at]);
            }
            for (at, byte) in target.as_flattened_mut().iter_mut().enumerate() {
                let left = at / N * 2 * N + at % N;
                *byte = ((sums[left] + sums[left + N] + 2) >> 2) as u8;
            }
        }
        let pairs = top.as_chunks::<2>().0.iter().zip(bottom.as_chunks::<2>().0);
        for (target, (top, bottom)) in target.iter_mut().zip(pairs) {
            for channel in 0..N {
                let four = [top[0][channel], top[1][channel], bottom[0][channel], bottom[1][channel]];
                all[0][channel] &= four[0] & four[1] & four[2] & four[3];
                target[channel] = ((four.map(u16::from).iter().sum::<u16>() + 2) >> 2) as u8;
            }
        }
        if matches!(N, 2 | 4) {
            *self.least = all.iter().fold(255, |least, pixel| least & pixel[N - 1]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The mean, pixel by pixel, before it is rounded.
    fn slow<const N: usize>(pixels: &[u8], from: Size, to: Size) -> Vec<f64> {
        let has_alpha = matches!(N, 2 | 4);
        // How much of a pixel of the target one of the source is.
        let share = |at: usize, other: usize, from: usize, to: usize| {
            let scale = from as f64 / to as f64;
            let (begin, end) = (at as f64 * scale, (at + 1) as f64 * scale);
            (end.min(other as f64 + 1.0) - begin.max(other as f64)).max(0.0) / scale
        };
        let mut result = Vec::new();
        for (y, x) in (0..to.1).flat_map(|y| (0..to.0).map(move |x| (y, x))) {
            let (mut sums, mut weights) = ([0.0; N], 0.0);
            for (row, column) in (0..from.1).flat_map(|row| (0..from.0).map(move |column| (row, column))) {
                let pixel = &pixels[(row * from.0 + column) * N..][..N];
                let covered = share(y, row, from.1, to.1) * share(x, column, from.0, to.0);
                let weight = if has_alpha { covered * f64::from(pixel[N - 1]) } else { covered };
                weights += weight;
                for channel in 0..N {
                    sums[channel] +=
                        f64::from(pixel[channel]) * if has_alpha && channel == N - 1 { covered } else { weight };
                }
            }
            let colours = if has_alpha { N - 1 } else { N };
            sums[..colours].iter_mut().for_each(|sum| *sum = if weights > 0.0 { *sum / weights } else { 0.0 });
            result.extend(sums);
        }
        result
    }

    fn compare<const N: usize>(seed: &[u8], from: Size, to: Size) -> Result<(), TestCaseError> {
        let mut pixels: Vec<u8> = seed.iter().copied().cycle().take(from.0 * from.1 * N).collect();
        for opaque in [false, true] {
            if opaque && matches!(N, 2 | 4) {
                pixels.iter_mut().skip(N - 1).step_by(N).for_each(|alpha| *alpha = 255);
            }
            for (found, exact) in area::<N>(&pixels, from, to).iter().zip(slow::<N>(&pixels, from, to)) {
                prop_assert!((f64::from(*found) - exact).abs() < 0.501, "{N} {found} {exact}");
            }
        }
        Ok(())
    }

    proptest! {
        #[test]
        fn it_is_the_mean_of_what_is_covered(
            from in (1..40_usize, 1..6_usize), to in (1..24_usize, 1..5_usize), is_half in any::<bool>(),
            seed in prop::collection::vec(prop_oneof![Just(0), Just(255), any::<u8>()], 97),
        ) {
            let from = if is_half { (2 * to.0, 2 * to.1) } else { from };
            compare::<1>(&seed, from, to)?;
            compare::<2>(&seed, from, to)?;
            compare::<3>(&seed, from, to)?;
            compare::<4>(&seed, from, to)?;
        }

        #[test]
        fn a_plain_picture_stays_plain(from in (1..70_usize, 1..20_usize), to in (1..70_usize, 1..20_usize), pixel in prop::array::uniform4(1..=255_u8)) {
            let found = area::<4>(&pixel.repeat(from.0 * from.1), from, to);
            prop_assert_eq!(found, pixel.repeat(to.0 * to.1));
        }
    }

    #[test]
    fn a_pixel_may_cover_much_and_little() {
        // Half of it is white.
        let row: Vec<u8> = [0, 255].repeat(300_000);
        assert_eq!(area::<1>(&row, (600_000, 1), (1, 1)), [128]);
        assert_eq!(area::<1>(&row, (1, 600_000), (1, 1)), [128]);
        assert_eq!(area::<1>(&row, (600_000, 1), (300_000, 1)), vec![128; 300_000]);
        assert_eq!(area::<1>(&[7, 9], (2, 1), (10_000, 1)), [[7; 5000], [9; 5000]].concat());
        assert_eq!(area::<4>(&[9, 8, 7, 0].repeat(4), (2, 2), (1, 1)), [0; 4]);
    }

    #[test]
    fn tiles_and_bands_have_no_seams() {
        // The right and the lower half of a picture, by themselves, are the halves of the whole one.
        let seed: Vec<u8> = (0..=250).collect();
        let noise = |size: Size| -> Vec<u8> { seed.iter().copied().cycle().take(size.0 * size.1 * 4).collect() };
        for (from, to) in [((4 * TILE, 3), (2 * TILE + 20, 2)), ((4 * TILE + 40, 2), (2 * TILE + 20, 1))] {
            let pixels = noise(from);
            let right: Vec<u8> = pixels.chunks(from.0 * 4).flat_map(|row| &row[from.0 * 2..]).copied().collect();
            let right = area::<4>(&right, (from.0 / 2, from.1), (to.0 / 2, to.1));
            let whole = area::<4>(&pixels, from, to);
            let whole = whole.chunks(to.0 * 4).flat_map(|row| &row[to.0 * 2..]);
            assert!(whole.zip(&right).all(|(whole, right)| whole.abs_diff(*right) <= 1));
        }
        let (from, to) = ((1024, 1024), (700, 700));
        let pixels = noise(from);
        let below = area::<4>(&pixels[512 * from.0 * 4..], (1024, 512), (700, 350));
        let whole = area::<4>(&pixels, from, to);
        assert!(whole[350 * to.0 * 4..].iter().zip(&below).all(|(whole, below)| whole.abs_diff(*below) <= 1));
    }
}
