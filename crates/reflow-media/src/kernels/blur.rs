//! Gaussian blur.

use super::bands::in_bands;

/// Channels of a pixel.
const CHANNELS: usize = 4;

/// Samples that are added up at once, in registers.
const BLOCK: usize = 16;

/// Blurs rows of `width` pixels, first along the rows, then along the columns; each pass is rounded to bytes. A pixel beyond
/// an edge is the one at the edge. What is less than a row at the end stays. Large pictures are worked on by all cores.
pub fn blur(pixels: &mut [u8], width: usize, radius: usize) {
    let row = width * CHANNELS;
    if row == 0 || radius == 0 {
        return;
    }
    let weights = weights(radius);
    let height = pixels.len() / row;
    let pixels = &mut pixels[..height * row];
    in_bands(pixels, row, |_, band| {
        let mut padded = Vec::new();
        for line in band.chunks_exact_mut(row) {
            pad(line, radius, &mut padded);
            for (start, target) in (0..).step_by(BLOCK).zip(line.chunks_mut(BLOCK)) {
                add_up(target, &weights, |offset| &padded[start + offset * CHANNELS..]);
            }
        }
    });
    let source = pixels.to_vec();
    in_bands(pixels, row, |first, band| {
        for (y, line) in (first..).zip(band.chunks_exact_mut(row)) {
            for (start, target) in (0..).step_by(BLOCK).zip(line.chunks_mut(BLOCK)) {
                let at = |offset: usize| (y + offset).saturating_sub(radius).min(height - 1) * row + start;
                add_up(target, &weights, |offset| &source[at(offset)..]);
            }
        }
    });
}

/// [`blur`], with colours that count as far as they are opaque: those of transparent pixels do not bleed into others.
pub fn blur_opaque(pixels: &mut [u8], width: usize, radius: usize) {
    for [colours @ .., alpha] in pixels.as_chunks_mut::<CHANNELS>().0 {
        colours.iter_mut().for_each(|part| *part = ((u32::from(*part) * u32::from(*alpha) + 127) / 255) as u8);
    }
    blur(pixels, width, radius);
    for [colours @ .., alpha] in pixels.as_chunks_mut::<CHANNELS>().0 {
        let alpha = u32::from(*alpha);
        let whole = |part: u8| (u32::from(part) * 255 + alpha / 2).checked_div(alpha).unwrap_or(0).min(255) as u8;
        colours.iter_mut().for_each(|part| *part = whole(*part));
    }
}

/// A line as numbers, with the pixels at its ends repeated `radius` times.
fn pad(line: &[u8], radius: usize, padded: &mut Vec<f32>) {
    padded.clear();
    let (first, last) = (&line[..CHANNELS], &line[line.len() - CHANNELS..]);
    let ends = |pixel: &[u8], padded: &mut Vec<f32>| {
        for _ in 0..radius {
            padded.extend(pixel.iter().map(|value| f32::from(*value)));
        }
    };
    ends(first, padded);
    padded.extend(line.iter().map(|value| f32::from(*value)));
    ends(last, padded);
}

/// The weighted sums of a block: of what `source` gives for each offset, from 0 to twice the radius. What is as far on both sides is
/// added before it is weighed.
#[inline]
fn add_up<'a, T: Copy + Into<f32> + 'a>(target: &mut [u8], weights: &[f32], source: impl Fn(usize) -> &'a [T]) {
    let radius = weights.len() - 1;
    let mut sums = [0.0_f32; BLOCK];
    let count = target.len();
    let weighed = |values: &[T], more: Option<&[T]>, weight: f32, sums: &mut [f32; BLOCK]| match (
        values.first_chunk::<BLOCK>(),
        more.map(|more| more.first_chunk::<BLOCK>()),
    ) {
        (Some(values), Some(Some(more))) => {
            for at in 0..BLOCK {
                sums[at] += weight * (values[at].into() + more[at].into());
            }
        }
        (Some(values), None) => {
            for at in 0..BLOCK {
                sums[at] += weight * values[at].into();
            }
        }
        // The last block of a line may be a part of one.
        _ => {
            for at in 0..count {
                sums[at] += weight * (values[at].into() + more.map_or(0.0, |more| more[at].into()));
            }
        }
    };
    weighed(source(radius), None, weights[0], &mut sums);
    for (offset, weight) in weights.iter().enumerate().skip(1) {
        weighed(source(radius - offset), Some(source(radius + offset)), *weight, &mut sums);
    }
    // Half away from zero, of numbers that are never below 0.
    target.iter_mut().zip(sums).for_each(|(value, sum)| *value = (sum + 0.5) as u8);
}

/// The weights from the middle outwards; those of both sides add up to 1.
fn weights(radius: usize) -> Vec<f32> {
    let sigma = radius as f32 / 3.0;
    let raw: Vec<f32> = (0..=radius).map(|i| (-((i * i) as f32) / (2.0 * sigma * sigma)).exp()).collect();
    let total = raw[0] + 2.0 * raw[1..].iter().sum::<f32>();
    raw.into_iter().map(|weight| weight / total).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The same in the obvious way: every pixel from the whole square, without rounding between the passes.
    fn slow(pixels: &[u8], width: usize, radius: usize) -> Vec<f32> {
        let (height, reach) = (pixels.len() / (4 * width), radius as isize);
        let weights = weights(radius);
        let weight = |offset: isize| weights[offset.unsigned_abs()];
        let at = |x: isize, y: isize, channel: usize| {
            let (x, y) = (x.clamp(0, width as isize - 1) as usize, y.clamp(0, height as isize - 1) as usize);
            f32::from(pixels[(y * width + x) * 4 + channel])
        };
        let mut blurred = Vec::new();
        for index in 0..width * height * 4 {
            let (x, y, channel) = ((index / 4 % width) as isize, (index / 4 / width) as isize, index % 4);
            let mut sum = 0.0;
            for dy in -reach..=reach {
                for dx in -reach..=reach {
                    sum += weight(dx) * weight(dy) * at(x + dx, y + dy, channel);
                }
            }
            blurred.push(sum);
        }
        blurred
    }

    proptest! {
        #[test]
        fn it_is_what_the_formula_says(
            width in 1..6_usize, height in 1..6_usize, radius in 1..5_usize, seed in prop::collection::vec(any::<u8>(), 100),
        ) {
            let pixels = &seed[..(width * height * 4).min(100)];
            let pixels = &pixels[..pixels.len() / (4 * width) * (4 * width)];
            let mut blurred = pixels.to_vec();
            blur(&mut blurred, width, radius);
            for (fast, slow) in blurred.iter().zip(slow(pixels, width, radius)) {
                prop_assert!((f32::from(*fast) - slow).abs() <= 1.01, "{fast} {slow}");
            }
        }
    }

    #[test]
    fn transparent_colours_do_not_bleed_and_opaque_ones_do_as_ever() {
        // Red that is there beside green that is not.
        let mut pixels = [255, 0, 0, 255, 0, 255, 0, 0].repeat(4);
        blur_opaque(&mut pixels, 8, 2);
        assert!(
            pixels.as_chunks::<4>().0.iter().all(|[red, green, _, alpha]| *red == 255 && *green == 0 && *alpha > 0)
        );
        let opaque: Vec<u8> = (0..40 * 4_u32).map(|at| if at % 4 == 3 { 255 } else { (at * 37) as u8 }).collect();
        let (mut plain, mut weighed) = (opaque.clone(), opaque);
        blur(&mut plain, 8, 2);
        blur_opaque(&mut weighed, 8, 2);
        assert_eq!(plain, weighed);
    }

    #[test]
    fn large_pictures_have_no_seams() {
        // Two bands at least, where there are two cores.
        let (width, height, radius) = (512, 600, 2);
        let pixels: Vec<u8> = (0..width * height * 4).map(|at| (at * 7919 % 251) as u8).collect();
        let mut blurred = pixels.clone();
        blur(&mut blurred, width, radius);
        let weights = weights(radius);
        let pass = |source: &[u8], step: usize, count: usize, at: usize, place: usize| {
            let sum = (0..=2 * radius).fold(0.0, |sum, offset| {
                let other = (place + offset).saturating_sub(radius).min(count - 1);
                sum + weights[offset.abs_diff(radius)] * f32::from(source[at + other * step - place * step])
            });
            (sum + 0.5) as u8
        };
        let along: Vec<u8> = (0..pixels.len()).map(|at| pass(&pixels, 4, width, at, at / 4 % width)).collect();
        for at in (0..pixels.len()).step_by(97) {
            let expected = pass(&along, width * 4, height, at, at / (4 * width));
            assert!(blurred[at].abs_diff(expected) <= 1, "{at}: {} {expected}", blurred[at]);
        }
    }
}
