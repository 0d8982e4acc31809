//! Scaling pictures.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use parking_lot::Mutex;

use super::area::area;
use super::bands::in_bands;
use super::bilinear::bilinear;
use super::pixel::is_opaque;

/// A picture's size: pixels in a row, and rows.
pub type Size = (usize, usize);

/// The longest side of a picture that is not scaled bilinearly: there are sums and weights for all of it.
const LONGEST: usize = 1 << 20;

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
/// far as they are opaque. Large pictures are worked on by all cores.
///
/// # Errors
/// When the sizes do not fit the pixels, or are none, and when a side is too long.
pub fn resize(pixels: &[u8], from: Size, to: Size, channels: usize, method: Method) -> Result<Vec<u8>, String> {
    if from.0.checked_mul(from.1).and_then(|count| count.checked_mul(channels)) != Some(pixels.len())
        || pixels.is_empty()
    {
        return Err(format!("{} bytes are no {} × {} pixels of {channels} bytes", pixels.len(), from.0, from.1));
    }
    if to.0 == 0 || to.1 == 0 {
        return Err("a picture has a width and a height".to_string());
    }
    let longest = [from.0, from.1, to.0, to.1].into_iter().max().unwrap_or(0);
    if method != Method::Bilinear && longest > LONGEST {
        return Err(format!("a side of {longest} pixels is only scaled bilinearly, others have {LONGEST} at most"));
    }
    match method {
        Method::Bilinear => Ok(match channels {
            1 => bilinear::<1>(pixels, from, to),
            2 => bilinear::<2>(pixels, from, to),
            3 => bilinear::<3>(pixels, from, to),
            _ => bilinear::<4>(pixels, from, to),
        }),
        Method::Area => Ok(match channels {
            1 => area::<1>(pixels, from, to),
            2 => area::<2>(pixels, from, to),
            3 => area::<3>(pixels, from, to),
            _ => area::<4>(pixels, from, to),
        }),
        // One by one: a resizer of whatever pixels would bring code for nine kinds more than there are here.
        Method::Lanczos => match channels {
            1 => lanczos::<U8, 1>(pixels, from, to),
            2 => lanczos::<U8x2, 2>(pixels, from, to),
            3 => lanczos::<U8x3, 3>(pixels, from, to),
            _ => lanczos::<U8x4, 4>(pixels, from, to),
        },
    }
}

/// Each band is scaled by itself, from a view of the whole picture's rows that it takes part in.
fn lanczos<P: PixelTrait, const N: usize>(pixels: &[u8], from: Size, to: Size) -> Result<Vec<u8>, String> {
    let scale = from.1 as f64 / to.1 as f64;
    // Lobes are as wide as the pixels of the smaller picture; rows of a band take part in the next one's.
    let reach = (3.0 * scale.max(1.0)).ceil() as usize + 1;
    let least = (4.0 * reach as f64 / scale).ceil() as usize;
    let mut result = vec![0; to.0 * to.1 * N];
    let failed = Mutex::new(None);
    in_bands(&mut result, to.0 * N, least, |first, band| {
        let height = band.len() / (to.0 * N);
        let top = first as f64 * scale;
        let above = (top as usize).saturating_sub(reach);
        let below = ((top + height as f64 * scale).ceil() as usize + reach).min(from.1);
        let source = &pixels[above * from.0 * N..below * from.0 * N];
        let options = ResizeOptions::new()
            .resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3))
            .use_alpha(!is_opaque::<N>(source))
            .crop(
                0.0,
                top - above as f64,
                from.0 as f64,
                (height as f64 * scale).min((below - above) as f64 - (top - above as f64)),
            );
        if let Err(error) = convolved::<P>(source, (from.0, below - above), band, (to.0, height), &options) {
            *failed.lock() = Some(error);
        }
    });
    failed.into_inner().map_or(Ok(result), Err)
}

fn convolved<P: PixelTrait>(
    source: &[u8],
    from: Size,
    target: &mut [u8],
    to: Size,
    options: &ResizeOptions,
) -> Result<(), String> {
    let text = |error: &dyn std::fmt::Display| error.to_string();
    let size = |size: Size| (size.0 as u32, size.1 as u32);
    let source = TypedImageRef::<P>::from_buffer(size(from).0, size(from).1, source).map_err(|error| text(&error))?;
    let mut target = TypedImage::<P>::from_buffer(size(to).0, size(to).1, target).map_err(|error| text(&error))?;
    Resizer::new().resize_typed(&source, &mut target, options).map_err(|error| text(&error))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const ALL: [Method; 3] = [Method::Bilinear, Method::Area, Method::Lanczos];

    proptest! {
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
        for method in [Method::Area, Method::Lanczos] {
            let problem = resize(&[0; 4], (1, 1), (LONGEST + 1, 1), 4, method).unwrap_err();
            assert_eq!(problem, "a side of 1048577 pixels is only scaled bilinearly, others have 1048576 at most");
        }
        assert!(resize(&[0; 4], (1, 1), (LONGEST + 1, 1), 4, Method::Bilinear).is_ok());
    }

    #[test]
    fn bands_are_what_the_whole_picture_is() {
        for (from, to) in
            [((400, 900), (300, 700)), ((900, 1300), (480, 450)), ((60, 70), (500, 710)), ((400, 900), (400, 700))]
        {
            for opaque in [false, true] {
                let byte =
                    |at: u32| if opaque && at % 4 == 3 { 255 } else { (at.wrapping_mul(0x9e37_79b9) >> 24) as u8 };
                let pixels: Vec<u8> = (0..(from.0 * from.1 * 4) as u32).map(byte).collect();
                let mut whole = vec![0; to.0 * to.1 * 4];
                let options =
                    ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3)).use_alpha(true);
                convolved::<U8x4>(&pixels, from, &mut whole, to, &options).unwrap();
                let found = resize(&pixels, from, to, 4, Method::Lanczos).unwrap();
                let beside = found.iter().zip(&whole).filter(|(found, whole)| found.abs_diff(**whole) > 1).count();
                assert_eq!(beside, 0, "{from:?} {to:?} {opaque}");
            }
        }
    }
}
