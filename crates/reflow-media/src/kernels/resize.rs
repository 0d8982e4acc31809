//! Scaling pictures.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};

use super::bands::in_bands;

/// A picture's size: pixels in a row, and rows.
pub type Size = (usize, usize);

/// How pixels between pixels, and pixels for several, are found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    /// Between the four nearest; the corners of both pictures lie on each other.
    Bilinear,
    /// The mean of what a pixel covers.
    Area,
    /// A windowed sinc (Lanczos, 3 lobes), which keeps edges sharp.
    Lanczos,
}

/// Scales a picture with so many channels, from 1 to 4; with [`Method::Bilinear`] every one by itself, otherwise colours as
/// far as they are opaque.
///
/// # Errors
/// When the sizes do not fit the pixels, or are none.
pub fn resize(pixels: &[u8], from: Size, to: Size, channels: usize, method: Method) -> Result<Vec<u8>, String> {
    if from.0.checked_mul(from.1).and_then(|count| count.checked_mul(channels)) != Some(pixels.len())
        || pixels.is_empty()
    {
        return Err(format!("{} bytes are no {} × {} pixels of {channels} bytes", pixels.len(), from.0, from.1));
    }
    if to.0 == 0 || to.1 == 0 {
        return Err("a picture has a width and a height".to_string());
    }
    let filter = match method {
        Method::Bilinear => {
            return Ok(match channels {
                1 => bilinear::<1>(pixels, from, to),
                2 => bilinear::<2>(pixels, from, to),
                3 => bilinear::<3>(pixels, from, to),
                _ => bilinear::<4>(pixels, from, to),
            });
        }
        Method::Area => FilterType::Box,
        Method::Lanczos => FilterType::Lanczos3,
    };
    // One by one: a resizer of whatever pixels would bring code for nine kinds more than there are here.
    match channels {
        1 => convolved::<U8>(pixels, from, to, filter),
        2 => convolved::<U8x2>(pixels, from, to, filter),
        3 => convolved::<U8x3>(pixels, from, to, filter),
        _ => convolved::<U8x4>(pixels, from, to, filter),
    }
}

fn convolved<P: PixelTrait>(pixels: &[u8], from: Size, to: Size, filter: FilterType) -> Result<Vec<u8>, String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let size = |size: Size| (size.0 as u32, size.1 as u32);
    let source = TypedImageRef::<P>::from_buffer(size(from).0, size(from).1, pixels).map_err(|error| text(&error))?;
    let mut result = vec![0; to.0 * to.1 * P::size()];
    let mut target = TypedImage::<P>::from_buffer(size(to).0, size(to).1, &mut result).map_err(|error| text(&error))?;
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(filter)).use_alpha(true);
    Resizer::new().resize_typed(&source, &mut target, &options).map_err(|error| text(&error))?;
    Ok(result)
}

/// Where a pixel of the target lies in the source: the two pixels beside it, and how near it is to the second.
#[derive(Clone, Copy)]
struct Place {
    first: usize,
    second: usize,
    share: f32,
}

fn places(from: usize, to: usize) -> Vec<Place> {
    let place = |at: usize| {
        let exact = if to > 1 { at as f64 * (from - 1) as f64 / (to - 1) as f64 } else { 0.0 };
        let first = (exact as usize).min(from - 1);
        Place { first, second: (first + 1).min(from - 1), share: (exact - first as f64) as f32 }
    };
    (0..to).map(place).collect()
}

/// Rows are scaled along when they are first needed, and two of them are kept. Large pictures are worked on by all cores.
fn bilinear<const N: usize>(pixels: &[u8], from: Size, to: Size) -> Vec<u8> {
    let (columns, rows) = (places(from.0, to.0), places(from.1, to.1));
    let pixels = pixels.as_chunks::<N>().0;
    let scaled = |y: usize, row: &mut [[f32; N]]| {
        let source = &pixels[y * from.0..(y + 1) * from.0];
        for (target, place) in row.iter_mut().zip(&columns) {
            let (left, right) = (source[place.first].map(f32::from), source[place.second].map(f32::from));
            for channel in 0..N {
                target[channel] = left[channel] + (right[channel] - left[channel]) * place.share;
            }
        }
    };
    let mut result = vec![0; to.0 * to.1 * N];
    in_bands(&mut result, to.0 * N, |first, band| {
        let empty = || (usize::MAX, vec![[0.0_f32; N]; to.0]);
        let (mut top, mut bottom) = (empty(), empty());
        for (place, line) in rows[first..].iter().zip(band.chunks_exact_mut(to.0 * N)) {
            if top.0 != place.first {
                std::mem::swap(&mut top, &mut bottom);
            }
            for (row, y) in [(&mut top, place.first), (&mut bottom, place.second)] {
                if row.0 != y {
                    scaled(y, &mut row.1);
                    row.0 = y;
                }
            }
            let mixed = top.1.as_flattened().iter().zip(bottom.1.as_flattened());
            for (value, (top, bottom)) in line.iter_mut().zip(mixed) {
                // Half away from zero, of numbers that are never below 0.
                *value = (top + (bottom - top) * place.share + 0.5) as u8;
            }
        }
    });
    result
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Method; 3] = [Method::Bilinear, Method::Area, Method::Lanczos];

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

    proptest! {
        #[test]
        fn bilinear_is_what_the_formula_says(
            width in 1..7_usize, height in 1..7_usize, to_width in 1..12_usize, to_height in 1..12_usize, channels in 1..5_usize,
            seed in prop::collection::vec(any::<u8>(), 36 * 4),
        ) {
            let pixels = &seed[..width * height * channels];
            let found = resize(pixels, (width, height), (to_width, to_height), channels, Method::Bilinear).unwrap();
            prop_assert_eq!(found, slow(pixels, (width, height), (to_width, to_height), channels));
        }

        #[test]
        fn a_plain_picture_stays_plain(
            width in 1..9_usize, height in 1..9_usize, to_width in 1..20_usize, to_height in 1..20_usize, channels in 1..5_usize,
            method in 0..3_usize, colour in 1..=255_u8,
        ) {
            // Opaque, as colours that can hardly be seen are not kept exactly.
            let pixel = [colour, colour, colour, 255];
            let pixel = if channels == 2 { &pixel[2..] } else { &pixel[..channels] };
            let pixels = pixel.repeat(width * height);
            let found = resize(&pixels, (width, height), (to_width, to_height), channels, ALL[method]).unwrap();
            prop_assert_eq!(found.len(), to_width * to_height * channels);
            let wanted = pixel.iter().cycle();
            prop_assert!(found.iter().zip(wanted).all(|(a, b)| a.abs_diff(*b) <= 1), "{:?} {found:?}", ALL[method]);
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        assert!(resize(&[0; 4], (2, 2), (1, 1), 4, Method::Bilinear).is_err());
        assert!(resize(&[], (0, 0), (1, 1), 4, Method::Bilinear).is_err());
        assert!(resize(&[0; 4], (1, 1), (0, 1), 4, Method::Area).is_err());
        assert!(resize(&[0; 4], (usize::MAX, usize::MAX), (1, 1), 4, Method::Area).is_err());
    }
}
