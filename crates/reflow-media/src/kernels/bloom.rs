//! A glow around what is bright.

use super::bands::in_bands;
use super::occlusion::luminance;
use super::pixel::nearest;
use super::wide::{Kernel, widest};

/// Adds the glow to RGBA pixels, `width` in a row. It is worked out at half the size: what is brighter than `threshold`, averaged
/// over the square that reaches `radius` / 2 to every side.
pub fn bloom(pixels: &mut [u8], width: usize, height: usize, threshold: f32, intensity: f32, radius: usize) {
    let (half_width, half_height) = (width / 2, height / 2);
    if half_width == 0 || half_height == 0 {
        return;
    }
    let reach = radius / 2;
    let mut along = bright(pixels, width, half_width, half_height, threshold);
    average(&mut along, half_width, reach);
    let glow = average_down(&along, half_width, reach);
    let columns: Vec<usize> = (0..width).map(|x| x * half_width / width).collect();
    in_bands(&mut pixels[..height * width * 4], width * 4, 1, |first, band| {
        // Nothing is added to alpha.
        let mut lights = vec![[0.0; 4]; width];
        for (y, row) in (first..).zip(band.chunks_exact_mut(width * 4)) {
            let glow = &glow[y * half_height / height * half_width..][..half_width];
            for (light, column) in lights.iter_mut().zip(&columns) {
                let [r, g, b] = glow[*column].map(|light| 255.0 * light * intensity);
                *light = [r, g, b, 0.0];
            }
            widest(Lit { lights: lights.as_flattened(), bytes: row });
        }
    });
}

/// Adds light to bytes.
struct Lit<'a> {
    lights: &'a [f32],
    bytes: &'a mut [u8],
}

impl Kernel for Lit<'_> {
    #[inline(always)]
    fn run(self) {
        for (byte, light) in self.bytes.iter_mut().zip(self.lights) {
            *byte = nearest(f32::from(*byte) + light);
        }
    }
}

/// The bright part of every second pixel in both directions.
fn bright(pixels: &[u8], width: usize, half_width: usize, half_height: usize, threshold: f32) -> Vec<[f32; 3]> {
    let at = |x: usize, y: usize| {
        let pixel = &pixels[(2 * y * width + 2 * x) * 4..][..3];
        let colour = [pixel[0], pixel[1], pixel[2]];
        let above = (luminance(colour) - threshold).max(0.0);
        colour.map(|byte| f32::from(byte) / 255.0 * above)
    };
    (0..half_height).flat_map(|y| (0..half_width).map(move |x| (x, y))).map(|(x, y)| at(x, y)).collect()
}

/// Replaces every value of a row by the mean of those around it, as far as there are any.
fn average(values: &mut [[f32; 3]], width: usize, reach: usize) {
    let mut sums = vec![[0.0_f64; 3]; width + 1];
    for row in values.chunks_exact_mut(width) {
        for (at, value) in row.iter().enumerate() {
            sums[at + 1] = std::array::from_fn(|channel| sums[at][channel] + f64::from(value[channel]));
        }
        for (at, value) in row.iter_mut().enumerate() {
            let (from, until) = (at.saturating_sub(reach), at.saturating_add(reach).saturating_add(1).min(width));
            let count = (until - from) as f64;
            *value = std::array::from_fn(|channel| ((sums[until][channel] - sums[from][channel]) / count) as f32);
        }
    }
}

/// The mean of every value and those above and below it, as far as there are any.
fn average_down(values: &[[f32; 3]], width: usize, reach: usize) -> Vec<[f32; 3]> {
    let height = values.len() / width;
    let mut averaged = vec![[0.0; 3]; values.len()];
    let mut sums = vec![0.0_f64; width * 3];
    let row = |y: usize| values[y * width..(y + 1) * width].as_flattened();
    for y in 0..reach.min(height) {
        sums.iter_mut().zip(row(y)).for_each(|(sum, value)| *sum += f64::from(*value));
    }
    for (y, target) in averaged.chunks_exact_mut(width).enumerate() {
        // A row comes into the window, and one leaves it.
        if let Some(below) = y.checked_add(reach).filter(|below| *below < height) {
            sums.iter_mut().zip(row(below)).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        if let Some(above) = y.checked_sub(reach).and_then(|above| above.checked_sub(1)) {
            sums.iter_mut().zip(row(above)).for_each(|(sum, value)| *sum -= f64::from(*value));
        }
        let count = y.saturating_add(reach).saturating_add(1).min(height) - y.saturating_sub(reach);
        let share = 1.0 / count as f64;
        target.as_flattened_mut().iter_mut().zip(&sums).for_each(|(mean, sum)| *mean = (sum * share) as f32);
    }
    averaged
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_bright_glows() {
        let mut pixels = [100, 100, 100, 255].repeat(36);
        let dark = pixels.clone();
        bloom(&mut pixels, 6, 6, 0.5, 1.0, 4);
        assert_eq!(pixels, dark);
        pixels[(2 * 6 + 2) * 4..][..4].copy_from_slice(&[255, 255, 255, 9]);
        bloom(&mut pixels, 6, 6, 0.5, 1.0, 4);
        assert!(pixels[0] > 100 && pixels[(2 * 6 + 2) * 4 + 3] == 9);
    }

    #[test]
    fn the_glow_is_what_the_formula_says() {
        let bytes: Vec<u8> = (0..=250).collect();
        for (width, height, radius) in
            [(2, 2, 0), (9, 14, 3), (31, 8, 8), (16, 17, 100), (40, 300, usize::MAX), (700, 500, 5)]
        {
            let pixels: Vec<u8> = bytes.iter().copied().cycle().take(width * height * 4).collect();
            let mut lit = pixels.clone();
            bloom(&mut lit, width, height, 0.3, 0.7, radius);
            let (half_width, half_height, reach) = (width / 2, height / 2, radius / 2);
            let near = |at: usize, count: usize| {
                at.saturating_sub(reach)..at.saturating_add(reach).saturating_add(1).min(count)
            };
            let bright = bright(&pixels, width, half_width, half_height, 0.3);
            // Some of many, as each looks at all around it.
            for at in (0..width * height).step_by(1 + width * height / 500) {
                let (x, y) = (at % width * half_width / width, at / width * half_height / height);
                let around = near(y, half_height).flat_map(|y| near(x, half_width).map(move |x| y * half_width + x));
                let around: Vec<[f32; 3]> = around.map(|at| bright[at]).collect();
                for channel in 0..3 {
                    let glow = around.iter().map(|light| f64::from(light[channel])).sum::<f64>() / around.len() as f64;
                    let wanted = (f64::from(pixels[at * 4 + channel]) + 255.0 * glow * 0.7).min(255.0);
                    assert!((f64::from(lit[at * 4 + channel]) - wanted).abs() < 0.51, "{width} {at} {channel}");
                }
                assert_eq!(lit[at * 4 + 3], pixels[at * 4 + 3]);
            }
        }
    }

    #[test]
    fn the_smallest_images_stay() {
        for (width, height) in [(1, 1), (1, 3), (3, 1)] {
            let mut pixels = vec![255; width * height * 4];
            bloom(&mut pixels, width, height, 0.0, 1.0, 4);
            assert!(pixels.iter().all(|byte| *byte == 255));
        }
    }
}
