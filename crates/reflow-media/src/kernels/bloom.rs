//! A glow around what is bright.

use super::occlusion::luminance;

/// Adds the glow to RGBA pixels, `width` in a row. It is worked out at half the size: what is brighter than `threshold`, averaged
/// over the square that reaches `radius` / 2 to every side.
pub fn bloom(pixels: &mut [u8], width: usize, height: usize, threshold: f32, intensity: f32, radius: usize) {
    let (half_width, half_height) = (width / 2, height / 2);
    if half_width == 0 || half_height == 0 {
        return;
    }
    let mut glow = bright(pixels, width, half_width, half_height, threshold);
    let reach = radius / 2;
    average(&mut glow, half_width, reach);
    let mut turned = transposed(&glow, half_width);
    average(&mut turned, half_height, reach);
    let glow = transposed(&turned, half_height);
    for (y, row) in pixels.chunks_exact_mut(width * 4).take(height).enumerate() {
        let glow = &glow[y * half_height / height * half_width..][..half_width];
        for (x, pixel) in row.as_chunks_mut::<4>().0.iter_mut().enumerate() {
            let light = glow[x * half_width / width];
            for (byte, light) in pixel.iter_mut().zip(light) {
                *byte = (f32::from(*byte) + 255.0 * light * intensity).clamp(0.0, 255.0).round() as u8;
            }
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
            let (from, until) = (at.saturating_sub(reach), (at.saturating_add(reach) + 1).min(width));
            let count = (until - from) as f64;
            *value = std::array::from_fn(|channel| ((sums[until][channel] - sums[from][channel]) / count) as f32);
        }
    }
}

/// Rows as columns.
fn transposed(values: &[[f32; 3]], width: usize) -> Vec<[f32; 3]> {
    (0..width).flat_map(|x| values.iter().skip(x).step_by(width)).copied().collect()
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
    fn the_smallest_images_stay() {
        for (width, height) in [(1, 1), (1, 3), (3, 1)] {
            let mut pixels = vec![255; width * height * 4];
            bloom(&mut pixels, width, height, 0.0, 1.0, 4);
            assert!(pixels.iter().all(|byte| *byte == 255));
        }
    }
}
