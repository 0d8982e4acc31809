//! How a picture leaves.

use reflow_pack_sdk::prelude::*;

/// How a picture leaves.
#[derive(Clone, Copy, Debug, PartialEq, Choice)]
pub(crate) enum ImageFormat {
    /// Four bytes a pixel, rows from the top, nothing between them.
    Rgba8,
    /// A PNG file.
    Png,
}

impl ImageFormat {
    /// What `format` in metadata says.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Rgba8 => "RGBA8",
            Self::Png => "PNG",
        }
    }

    /// The picture as bytes.
    pub(crate) fn encode(self, pixels: Vec<u8>, width: u32, height: u32) -> Result<Vec<u8>, String> {
        match self {
            Self::Rgba8 => Ok(pixels),
            Self::Png => {
                let mut file = Vec::new();
                let encoder = image::codecs::png::PngEncoder::new(&mut file);
                image::ImageEncoder::write_image(encoder, &pixels, width, height, image::ExtendedColorType::Rgba8)
                    .map_err(|error| format!("the picture cannot be written as PNG: {error}"))?;
                Ok(file)
            }
        }
    }
}
