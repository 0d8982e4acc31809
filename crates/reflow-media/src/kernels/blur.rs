//! Gaussian blur.

/// Channels of a pixel.
const CHANNELS: usize = 4;

/// Blurs rows of `width` pixels, first along the rows, then along the columns; each pass is rounded to bytes. A pixel beyond
/// an edge is the one at the edge. What is less than a row at the end stays.
pub fn blur(pixels: &mut [u8], width: usize, radius: usize) {
    let row = width * CHANNELS;
    if row == 0 || radius == 0 {
        return;
    }
    let weights = weights(radius);
    let height = pixels.len() / row;
    for line in pixels.chunks_exact_mut(row) {
        let source = line.to_vec();
        pass(&source, line, &weights, CHANNELS);
    }
    let source = pixels[..height * row].to_vec();
    // Down the columns a step is a row; whole rows are added up, which reads memory in order.
    let mut sums = vec![0.0_f32; row];
    for (y, line) in pixels.chunks_exact_mut(row).enumerate() {
        sums.fill(0.0);
        for (offset, weight) in (-(radius as isize)..=radius as isize).zip(mirrored(&weights)) {
            let at = y.saturating_add_signed(offset).min(height - 1) * row;
            sums.iter_mut().zip(&source[at..at + row]).for_each(|(sum, value)| *sum += weight * f32::from(*value));
        }
        line.iter_mut().zip(&sums).for_each(|(value, sum)| *value = sum.round() as u8);
    }
}

/// Blurs one line whose pixels have `step` bytes.
fn pass(source: &[u8], target: &mut [u8], weights: &[f32], step: usize) {
    let (radius, last) = (weights.len() - 1, source.len() / step - 1);
    for (at, value) in target.iter_mut().enumerate() {
        let (pixel, channel) = (at / step, at % step);
        let mut sum = 0.0;
        for (offset, weight) in (-(radius as isize)..=radius as isize).zip(mirrored(weights)) {
            sum += weight * f32::from(source[pixel.saturating_add_signed(offset).min(last) * step + channel]);
        }
        *value = sum.round() as u8;
    }
}

/// The weights from the middle outwards; those of both sides add up to 1.
fn weights(radius: usize) -> Vec<f32> {
    let sigma = radius as f32 / 3.0;
    let raw: Vec<f32> = (0..=radius).map(|i| (-((i * i) as f32) / (2.0 * sigma * sigma)).exp()).collect();
    let total = raw[0] + 2.0 * raw[1..].iter().sum::<f32>();
    raw.into_iter().map(|weight| weight / total).collect()
}

/// The weights of a whole reach, from one end to the other.
fn mirrored(weights: &[f32]) -> impl Iterator<Item = f32> + '_ {
    weights.iter().rev().chain(&weights[1..]).copied()
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
}
