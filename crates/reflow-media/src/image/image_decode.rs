//! `tpl_image_decode`.

use reflow_component::prelude::*;
use reflow_component::stream::Outlet;

use super::rows;
use crate::files::picture::{Picture, decode};

/// Decodes a picture file into a stream of RGBA rows.
///
/// PNG, JPEG, WebP, GIF and TIFF are told by their content; of several pictures the first counts. Grey and RGB get an alpha of 255,
/// palettes are resolved, 16 bits become 8, and a picture that was taken sideways stands upright. The stream says `{width, height, format:
/// "RGBA8", channels: 4}`. Files whose pixels would take more than 512 MiB are refused before they take any.
///
/// # Errors
///
/// `Expected Bytes on input port` and `Image decode error: …`.
#[derive(Component)]
#[component(id = "tpl_image_decode", title = "Image Decode", category = "media/images", producer)]
#[inport(input: Bytes, required, "The file.")]
#[example(
    steps = r#"[{"input": {"type": "Bytes", "data": [71, 73, 70, 56, 57, 97, 1, 0, 1, 0, 128, 0, 0, 255, 0, 0, 0, 0, 0, 44, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 68, 1, 0, 59]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "content_type": "image/raw-rgba", "size_hint": 4, "metadata": {"width": 1, "height": 1, "format": "RGBA8", "channels": 4}, "u8": [[255, 0, 0, 255]]}]}]"#
)]
pub(super) struct ImageDecode;

#[async_trait]
impl Producer for ImageDecode {
    type Work = Picture;

    async fn open(&mut self, tick: &mut Tick<'_>, opening: &mut Opening) -> Result<Picture, String> {
        let file = tick.read(Self::IN_INPUT).ok_or("Expected Bytes on input port")?;
        let decoded = tick.node().compute(move || decode(&file)).await.map_err(|failure| failure.message.to_string());
        let picture = decoded.and_then(|picture| picture).map_err(|text| format!("Image decode error: {text}"))?;
        *opening = rows::opening(&picture);
        Ok(picture)
    }

    async fn write(picture: Picture, _node: NodeHandle, out: &mut Outlet) -> Result<(), String> {
        rows::write(picture.pixels, picture.width * picture.channels, out).await;
        Ok(())
    }
}
