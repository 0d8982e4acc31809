//! What the components that colour vertices from a picture have in common.

use std::io::Cursor;

use base64::Engine;
use image::codecs::png::PngEncoder;
use image::{ImageReader, Limits, RgbImage};
use reflow_component::prelude::*;

use crate::kernels::texture::{Sampling, Texture};

/// The largest side of a picture.
const LARGEST_SIDE: u32 = 1 << 14;

/// What decoding may take.
const MOST_MEMORY: u64 = 512 << 20;

/// The side of the small version of a picture.
const THUMBNAIL: u32 = 64;

/// How colours are taken from a picture.
#[derive(ConfigGroup)]
pub(super) struct Sampler {
    /// How a colour is taken from between the pixels.
    #[config(default = Filter::Nearest, lenient)]
    filter: Filter,
    /// Whether the metadata carries a small version of the picture, 64 by 64 pixels, as `thumbnail`.
    #[config(default = false, lenient)]
    thumbnail: bool,
}

#[derive(Choice, Clone, Copy)]
enum Filter {
    /// The nearest pixel.
    Nearest,
    /// Blended from the four pixels around.
    Linear,
}

/// A picture, and what the metadata says of it.
pub(super) struct Picture {
    pub(super) texture: Texture,
    pub(super) sampling: Sampling,
    pub(super) facts: Vec<(&'static str, Value)>,
}

impl Sampler {
    /// Decodes PNG or JPEG.
    pub(super) fn decode(&self, bytes: &[u8]) -> Result<Picture, String> {
        let decoded = decode(bytes).map_err(|reason| format!("Failed to decode texture image: {reason}"))?;
        let (width, height) = decoded.dimensions();
        let mut facts = vec![("textureWidth", Value::from(width)), ("textureHeight", height.into())];
        if self.thumbnail {
            facts.push(("thumbnail", thumbnail(&decoded)?.into()));
        }
        let pixels = decoded.pixels().map(|pixel| pixel.0).collect();
        let texture = Texture::new(width as usize, height as usize, pixels);
        let sampling = match self.filter {
            Filter::Nearest => Sampling::Nearest,
            Filter::Linear => Sampling::Linear,
        };
        let texture = texture.ok_or("Failed to decode texture image: it is empty")?;
        Ok(Picture { texture, sampling, facts })
    }
}

fn decode(bytes: &[u8]) -> Result<RgbImage, image::ImageError> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(LARGEST_SIDE);
    limits.max_image_height = Some(LARGEST_SIDE);
    limits.max_alloc = Some(MOST_MEMORY);
    reader.limits(limits);
    Ok(reader.decode()?.into_rgb8())
}

fn thumbnail(picture: &RgbImage) -> Result<String, String> {
    let small = image::imageops::thumbnail(picture, THUMBNAIL, THUMBNAIL);
    let mut png = Vec::new();
    small.write_with_encoder(PngEncoder::new(&mut png)).map_err(|error| error.to_string())?;
    Ok(format!("data:image/png;base64,{}", base64::engine::general_purpose::STANDARD.encode(png)))
}
