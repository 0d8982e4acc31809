//! Ambient occlusion in the space of the screen: what lies in corners gets less light.

/// Luminance of a colour, from 0 to 1 (ITU-R BT.709, without its gamma).
#[inline]
pub fn luminance([r, g, b]: [u8; 3]) -> f32 {
    let [r, g, b] = [r, g, b].map(|byte| f32::from(byte) / 255.0);
    0.2126 * r + 0.7152 * g + 0.0722 * b
}

/// Where samples are taken, in units of the radius.
const AROUND: [(isize, isize); 8] = [(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (-1, 1), (1, -1), (-1, -1)];

/// Darkens RGBA pixels, `width` in a row, that are brighter than their surroundings. Those nearer to an edge than `radius` stay.
pub fn by_brightness(pixels: &mut [u8], width: usize, height: usize, radius: usize, intensity: f32) {
    let bright: Vec<f32> =
        pixels.as_chunks::<4>().0.iter().map(|pixel| luminance([pixel[0], pixel[1], pixel[2]])).collect();
    darken(pixels, width, height, radius, 0.3, |at, samples| {
        let deeper = |sample: usize| bright[at] - bright[sample];
        let sum: f32 = samples.map(deeper).into_iter().filter(|d| *d > 0.01).map(|d| d.min(0.3)).sum();
        1.0 - sum / 8.0 * intensity
    });
}

/// Darkens RGBA pixels around which something is nearer: `depth` is the distance of every pixel. What is nearer by `bias` at least
/// takes light away, the less the more it is nearer.
pub fn by_depth(
    pixels: &mut [u8],
    depth: &[f32],
    (width, height): (usize, usize),
    radius: usize,
    intensity: f32,
    bias: f32,
) {
    darken(pixels, width, height, radius, 0.0, |at, samples| {
        // What is far in front, by as much as the samples are aside, throws no shadow here.
        let range = (radius as f32).max(1.0) * bias.max(1e-3) * 8.0;
        let taken = |sample: usize| {
            let nearer = depth[at] - depth[sample];
            if nearer > bias { (1.0 - (nearer - bias) / range).clamp(0.0, 1.0) } else { 0.0 }
        };
        1.0 - samples.map(taken).iter().sum::<f32>() / 8.0 * intensity
    });
}

/// Multiplies the colours of every pixel, those near the edges excepted, by what `light` says of it and the samples around it.
fn darken(
    pixels: &mut [u8],
    width: usize,
    height: usize,
    radius: usize,
    least: f32,
    light: impl Fn(usize, [usize; 8]) -> f32,
) {
    if radius.checked_mul(2).is_none_or(|both| both >= width.min(height)) {
        return;
    }
    for y in radius..height - radius {
        for x in radius..width - radius {
            let at = y * width + x;
            let step = |(dx, dy): (isize, isize)| at.wrapping_add_signed((dy * width as isize + dx) * radius as isize);
            let light = light(at, AROUND.map(step)).clamp(least, 1.0);
            pixels[at * 4..at * 4 + 3].iter_mut().for_each(|byte| *byte = (f32::from(*byte) * light) as u8);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_even_stays() {
        let mut pixels = [90, 80, 70, 60].repeat(25);
        let same = pixels.clone();
        by_brightness(&mut pixels, 5, 5, 1, 2.0);
        assert_eq!(pixels, same);
        by_depth(&mut pixels, &[3.0; 25], (5, 5), 1, 2.0, 0.025);
        assert_eq!(pixels, same);
        by_brightness(&mut pixels, 5, 5, usize::MAX, 2.0);
        by_brightness(&mut pixels, 5, 5, 3, 2.0);
        assert_eq!(pixels, same);
    }

    #[test]
    fn a_hole_is_dark() {
        let mut pixels = [200, 200, 200, 255].repeat(25);
        let mut depth = [1.0; 25];
        depth[12] = 1.05;
        by_depth(&mut pixels, &depth, (5, 5), 1, 1.0, 0.025);
        assert!(pixels[12 * 4] < 100 && pixels[6 * 4] == 200 && pixels[12 * 4 + 3] == 255);
    }
}
