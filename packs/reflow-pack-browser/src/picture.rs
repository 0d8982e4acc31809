//! Pictures of the browser as raw RGBA.

use std::io::Cursor;

use zune_core::colorspace::ColorSpace;
use zune_core::options::DecoderOptions;
use zune_jpeg::JpegDecoder;

/// A picture: RGBA, row by row, the first on top.
#[derive(Clone, Debug)]
pub(crate) struct Picture {
    pub(crate) width: u32,
    pub(crate) height: u32,
    pub(crate) pixels: Vec<u8>,
}

pub(crate) fn jpeg(bytes: &[u8]) -> Result<Picture, String> {
    let options = DecoderOptions::default().jpeg_set_out_colorspace(ColorSpace::RGBA);
    let mut decoder = JpegDecoder::new_with_options(Cursor::new(bytes), options);
    let pixels = decoder.decode().map_err(|error| format!("a picture of the browser is none: {error}"))?;
    let info = decoder.info().ok_or("a picture of the browser has no size")?;
    Ok(Picture { width: info.width.into(), height: info.height.into(), pixels })
}

pub(crate) fn png(bytes: &[u8]) -> Result<Picture, String> {
    let wrong = |error: png::DecodingError| format!("a picture of the browser is none: {error}");
    let mut decoder = png::Decoder::new(Cursor::new(bytes));
    decoder.set_transformations(png::Transformations::normalize_to_color8() | png::Transformations::ALPHA);
    let mut reader = decoder.read_info().map_err(wrong)?;
    let mut pixels = vec![0; reader.output_buffer_size().ok_or("a picture of the browser is too large")?];
    let info = reader.next_frame(&mut pixels).map_err(wrong)?;
    pixels.truncate(info.buffer_size());
    if info.color_type == png::ColorType::GrayscaleAlpha {
        pixels = pixels.chunks_exact(2).flat_map(|pair| [pair[0], pair[0], pair[0], pair[1]]).collect();
    }
    Ok(Picture { width: info.width, height: info.height, pixels })
}

impl Picture {
    /// The picture in another size, by the nearest pixels.
    pub(crate) fn resized(self, width: u32, height: u32) -> Self {
        if (self.width, self.height) == (width, height) || self.width == 0 || self.height == 0 {
            return self;
        }
        let mut pixels = Vec::with_capacity(width as usize * height as usize * 4);
        for y in 0..height {
            let from_y = (u64::from(y) * u64::from(self.height) / u64::from(height)) as usize;
            for x in 0..width {
                let from_x = (u64::from(x) * u64::from(self.width) / u64::from(width)) as usize;
                let at = (from_y * self.width as usize + from_x) * 4;
                pixels.extend_from_slice(self.pixels.get(at..at + 4).unwrap_or(&[0, 0, 0, 255]));
            }
        }
        Self { width, height, pixels }
    }
}
