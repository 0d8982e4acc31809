//! `tpl_image_encode`.

use reflow_component::prelude::*;

use super::rows;
use crate::files::picture::{Format, Picture, encode};
use crate::kernels::pixel::MOST_BYTES;
use crate::reading::{Readers, Whole, whole};

/// Encodes a stream of pixels as a file.
///
/// Size and bytes of a pixel are `width`, `height` and `channels` of the stream's metadata; without a size the picture is as square as can
/// be, and without `channels` the content type tells them: 1 is grey, 2 grey and alpha, 3 RGB and 4 RGBA. PNG and WebP keep all of them
/// without loss, JPEG drops alpha. `metadata` is `{format, mimeType, width, height, encodedSize, rawSize}`. Up to 16 streams are read at
/// once.
///
/// # Errors
///
/// `Stream error: …`, `Cannot determine image dimensions`, `Encode error: …`, `Unknown format: …`.
#[derive(Component)]
#[component(id = "tpl_image_encode", title = "Image Encode", category = "media/images", asynchronous)]
#[inport(stream: Stream, required, "The pixels.")]
#[outport(output: Bytes, "The file.")]
#[outport(metadata: JsonObject, "What it is.")]
#[outport(error: ErrorText, "Why there is none.")]
#[example(
    steps = r#"[{"stream": {"type": "@stream", "content_type": "image/raw-gray", "metadata": {"width": 2, "height": 1}, "u8": [[0, 255]]}}]"#,
    outputs = r#"[{"output": "a PNG", "metadata": [{"encodedSize": 71, "format": "png", "height": 1, "mimeType": "image/png", "rawSize": 2, "width": 2}]}]"#
)]
pub(super) struct ImageEncode {
    /// What is written.
    #[config(default = FileFormat::Png.into(), lenient)]
    format: Word<FileFormat>,
    /// How good a JPEG is.
    #[config(default = 90, range = 1..=100, lenient)]
    quality: u64,
    #[state]
    readers: Readers,
}

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Choice)]
enum FileFormat {
    /// Without loss.
    Png,
    /// Small, without alpha.
    #[choice("jpeg", "jpg")]
    Jpeg,
    /// Without loss.
    #[choice("webp")]
    WebP,
}

fn picture(opening: &Opening, pixels: Vec<u8>) -> Result<Picture, String> {
    let channels = rows::channels(opening);
    if channels == 0 {
        return Err("Encode error: pixels of 0 channels".to_string());
    }
    let count = pixels.len() / channels;
    let told = rows::size(opening, count).or_else(|| rows::square(count));
    let (width, height) = told.ok_or("Cannot determine image dimensions")?;
    Ok(Picture { width, height, channels, pixels })
}

#[async_trait]
impl AsyncActor for ImageEncode {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let word = self.format.text().to_string();
        let quality = self.quality.clamp(1, 100) as u8;
        let (format, media_type) = match self.format.meaning("format") {
            Ok(FileFormat::Png) => (Format::Png, "image/png"),
            Ok(FileFormat::Jpeg) => (Format::Jpeg(quality), "image/jpeg"),
            Ok(FileFormat::WebP) => (Format::WebP, "image/webp"),
            Err(text) => return tick.report(Self::OUT_ERROR, text),
        };
        let work = move |handle: std::sync::Arc<reflow_runtime::StreamHandle>, reader, node: NodeHandle| async move {
            let Whole { opening, data: pixels, .. } = whole(&handle, &reader, MOST_BYTES).await?;
            let raw_size = pixels.len();
            let picture = picture(&opening, pixels)?;
            let (width, height) = (picture.width, picture.height);
            let encoded = node.compute(move || encode(&picture, format)).await;
            let encoded = encoded.map_err(|failure| failure.message.to_string()).and_then(|encoded| encoded);
            let file = encoded.map_err(|text| format!("Encode error: {text}"))?;
            let metadata = Value::object([
                ("format", Value::from(word.as_str())),
                ("mimeType", media_type.into()),
                ("width", width.into()),
                ("height", height.into()),
                ("encodedSize", file.len().into()),
                ("rawSize", raw_size.into()),
            ]);
            Ok(vec![
                (Self::OUT_OUTPUT.index(), Message::bytes(file)),
                (Self::OUT_METADATA.index(), Message::object(metadata)),
            ])
        };
        self.readers.read(tick, Self::IN_STREAM, Self::OUT_ERROR, work).await
    }
}
