//! Pictures in files: PNG, JPEG, WebP, GIF and TIFF, by the crate `image`.

/// Pixels, row by row from the top.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Bytes of a pixel: grey, grey and alpha, RGB, RGBA.
    pub channels: usize,
    /// The bytes.
    pub pixels: Vec<u8>,
}

/// What pictures are written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Portable Network Graphics.
    Png,
    /// JPEG, without alpha, of this quality from 1 to 100.
    Jpeg(u8),
    /// WebP, without loss.
    WebP,
}

/// The size of the picture in a file, as far as its beginning tells it.
pub fn size(file: &[u8]) -> Option<(usize, usize)> {
    // What is shorter holds no picture of any kind.
    let told = (file.len() >= 24).then(|| imagesize::blob_size(file).ok()).flatten()?;
    Some((told.width, told.height))
}

#[cfg(not(feature = "image-files"))]
mod without {
    use super::{Format, Picture};

    const TEXT: &str =
        "this build reads and writes no picture files; it lacks the feature `image-files` of reflow-media";

    /// Reads a picture, were it not for the build.
    ///
    /// # Errors
    /// Always.
    pub fn decode(_file: &[u8]) -> Result<Picture, String> {
        Err(TEXT.to_string())
    }

    /// Reads the pictures of an animation, were it not for the build.
    ///
    /// # Errors
    /// Always.
    pub fn animation(_file: Vec<u8>, _each: impl FnMut(Picture, u64) -> bool) -> Result<(), String> {
        Err(TEXT.to_string())
    }

    /// Writes a picture, were it not for the build.
    ///
    /// # Errors
    /// Always.
    pub fn encode(_picture: &Picture, _format: Format) -> Result<Vec<u8>, String> {
        Err(TEXT.to_string())
    }
}

#[cfg(not(feature = "image-files"))]
pub use without::{animation, decode, encode};

#[cfg(feature = "image-files")]
pub use with::{animation, decode, encode};

#[cfg(feature = "image-files")]
mod with {
    use std::io::Cursor;

    use image::codecs::{gif::GifDecoder, jpeg::JpegEncoder, png::PngDecoder, png::PngEncoder, webp};
    use image::{
        AnimationDecoder, DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageFormat, ImageReader, Limits,
    };

    use super::{Format, Picture};
    use crate::kernels::pixel::{MOST_BYTES, bytes_of};

    fn limits() -> Limits {
        let mut limits = Limits::default();
        limits.max_alloc = Some(MOST_BYTES as u64);
        limits
    }

    /// Reads a picture as RGBA, the first of several, the right way up. The format is told by the content.
    ///
    /// # Errors
    /// Why it cannot be read, or that it would be too large.
    pub fn decode(file: &[u8]) -> Result<Picture, String> {
        read(file).map_err(|error| error.to_string())
    }

    fn read(file: &[u8]) -> image::ImageResult<Picture> {
        let mut reader = ImageReader::new(Cursor::new(file)).with_guessed_format()?;
        reader.limits(limits());
        let mut decoder = reader.into_decoder()?;
        let (width, height) = decoder.dimensions();
        // A picture of few bytes in the file may be one of many in the memory.
        limits().reserve_buffer(width, height, image::ColorType::Rgba8)?;
        let orientation = decoder.orientation()?;
        let mut picture = DynamicImage::from_decoder(decoder)?;
        picture.apply_orientation(orientation);
        let pixels = picture.into_rgba8();
        let (width, height) = (pixels.width() as usize, pixels.height() as usize);
        Ok(Picture { width, height, channels: 4, pixels: pixels.into_raw() })
    }

    /// Shows the pictures of an animated GIF, WebP or PNG one after the other, each with how long it lasts in milliseconds, as long as
    /// `each` wants more.
    ///
    /// # Errors
    /// Why there are no more, or that the file is no animation.
    pub fn animation(file: Vec<u8>, mut each: impl FnMut(Picture, u64) -> bool) -> Result<(), String> {
        let text = |error: image::ImageError| error.to_string();
        let format = image::guess_format(&file).map_err(text)?;
        let reader = Cursor::new(file);
        let frames = match format {
            ImageFormat::Gif => {
                let mut decoder = GifDecoder::new(reader).map_err(text)?;
                decoder.set_limits(limits()).map_err(text)?;
                decoder.into_frames()
            }
            ImageFormat::WebP => {
                let mut decoder = webp::WebPDecoder::new(reader).map_err(text)?;
                decoder.set_limits(limits()).map_err(text)?;
                decoder.into_frames()
            }
            ImageFormat::Png => {
                PngDecoder::with_limits(reader, limits()).and_then(PngDecoder::apng).map_err(text)?.into_frames()
            }
            other => return Err(format!("{} files are no animations", other.to_mime_type())),
        };
        for frame in frames {
            let frame = frame.map_err(text)?;
            let (over, under) = frame.delay().numer_denom_ms();
            let pixels = frame.into_buffer();
            let (width, height) = (pixels.width() as usize, pixels.height() as usize);
            let picture = Picture { width, height, channels: 4, pixels: pixels.into_raw() };
            if !each(picture, u64::from(over) / u64::from(under.max(1))) {
                break;
            }
        }
        Ok(())
    }

    /// Writes a picture.
    ///
    /// # Errors
    /// When the pixels do not fit the size, or there are none.
    pub fn encode(picture: &Picture, format: Format) -> Result<Vec<u8>, String> {
        let Picture { width, height, channels, pixels } = picture;
        if pixels.is_empty() || bytes_of(*width, *height, *channels) != Some(pixels.len()) {
            return Err(format!("{} bytes are no {width} × {height} pixels of {channels} bytes", pixels.len()));
        }
        let (width, height) = (*width as u32, *height as u32);
        let colours =
            [ExtendedColorType::L8, ExtendedColorType::La8, ExtendedColorType::Rgb8, ExtendedColorType::Rgba8];
        let colour = colours[(channels - 1).min(3)];
        let mut file = Vec::new();
        let written = match format {
            Format::Png => PngEncoder::new(&mut file).write_image(pixels, width, height, colour),
            Format::WebP => webp::WebPEncoder::new_lossless(&mut file).write_image(pixels, width, height, colour),
            Format::Jpeg(quality) => {
                let rgb: Vec<u8> = match channels {
                    3 => pixels.clone(),
                    4 => pixels.as_chunks::<4>().0.iter().flat_map(|[r, g, b, _]| [*r, *g, *b]).collect(),
                    _ => pixels.chunks_exact(*channels).flat_map(|pixel| [pixel[0]; 3]).collect(),
                };
                let encoder = JpegEncoder::new_with_quality(&mut file, quality.clamp(1, 100));
                encoder.write_image(&rgb, width, height, ExtendedColorType::Rgb8)
            }
        };
        written.map(|()| file).map_err(|error| error.to_string())
    }
}

#[cfg(all(test, feature = "image-files"))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn picture(width: usize, height: usize, channels: usize) -> Picture {
        let pixels = (0..width * height * channels).map(|at| (at * 37 % 251) as u8).collect();
        Picture { width, height, channels, pixels }
    }

    #[test]
    fn what_is_written_without_loss_is_read_again() {
        for (format, channels) in [(Format::Png, 4), (Format::WebP, 4)] {
            let written = picture(5, 3, channels);
            assert_eq!(decode(&encode(&written, format).unwrap()).unwrap(), written);
        }
        let grey = decode(&encode(&picture(2, 2, 1), Format::Png).unwrap()).unwrap();
        assert_eq!(grey.pixels, [0, 0, 0, 255, 37, 37, 37, 255, 74, 74, 74, 255, 111, 111, 111, 255]);
        let both = decode(&encode(&picture(1, 1, 2), Format::Png).unwrap()).unwrap();
        assert_eq!(both.pixels, [0, 0, 0, 37]);
    }

    #[test]
    fn jpeg_is_near() {
        let plain = Picture { width: 8, height: 8, channels: 4, pixels: [200, 100, 50, 9].repeat(64) };
        let read = decode(&encode(&plain, Format::Jpeg(95)).unwrap()).unwrap();
        for pixel in read.pixels.chunks(4) {
            assert!(pixel[0].abs_diff(200) < 4 && pixel[1].abs_diff(100) < 4 && pixel[3] == 255, "{pixel:?}");
        }
    }

    #[test]
    fn sizes_that_do_not_fit_are_refused() {
        let wrong = Picture { width: usize::MAX, height: 2, channels: 4, pixels: vec![0; 8] };
        assert!(encode(&wrong, Format::Png).is_err());
        assert!(encode(&Picture { width: 0, height: 0, channels: 4, pixels: vec![] }, Format::Jpeg(1)).is_err());
    }

    #[test]
    fn a_bomb_is_refused_before_it_takes_memory() {
        // A PNG whose header promises 60 000 by 60 000 pixels.
        let mut file = encode(&picture(1, 1, 4), Format::Png).unwrap();
        file[16..24].copy_from_slice(&[0, 0, 0xea, 0x60, 0, 0, 0xea, 0x60]);
        let crc = crc(&file[12..29]);
        file[29..33].copy_from_slice(&crc.to_be_bytes());
        assert!(decode(&file).unwrap_err().to_lowercase().contains("limit"), "{:?}", decode(&file));
    }

    fn crc(data: &[u8]) -> u32 {
        !data.iter().fold(u32::MAX, |crc, byte| {
            (0..8).fold(crc ^ u32::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 })
        })
    }

    proptest! {
        #[test]
        fn damaged_files_are_errors_or_pictures(at in 0..400_usize, byte: u8, until in 0..400_usize, kind in 0..3_usize) {
            let format = [Format::Png, Format::WebP, Format::Jpeg(80)][kind];
            let mut file = encode(&picture(7, 5, 4), format).unwrap();
            let at = at % file.len();
            file[at] = byte;
            file.truncate(until.max(1));
            if let Ok(picture) = decode(&file) {
                prop_assert_eq!(picture.pixels.len(), picture.width * picture.height * 4);
            }
            let _ = animation(file, |_, _| true);
        }
    }
}
