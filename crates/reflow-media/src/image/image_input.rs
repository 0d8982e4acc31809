//! `tpl_image_input`.

use std::time::Duration;

use reflow_component::prelude::*;
use reflow_component::stream::produce;

use super::rows;
use crate::files::picture::{self, decode};
use crate::source::{Fetcher, Question, address};

/// Fetches a picture, reports its facts, and reads it.
///
/// A packet on `source` asks; the address is `url`, or the text that came: `http://`, `https://`, `file://`, `data:`, or a path. `imageData`
/// and `metadata` are `{url, contentType, size, displayMode, width, height}`, with null where the beginning of the file tells no size of
/// the picture. With the `load` `bytes` the file leaves by `bytes`, with `pixels` its pixels leave by `stream`, as those of
/// `tpl_image_decode` do. PNG, JPEG, WebP, GIF and TIFF are read; where `acceptedFormats` is left out, `pixels` takes any of them.
///
/// # Errors
///
/// `Image fetch failed with status … for …`, `Image fetch failed for …: …`, `Unsupported image format: …. Accepted: …`, `Image exceeds
/// maximum file size: … bytes (max: … bytes)`, `Image decode error: …`, and an Error when there is no address.
#[derive(Component)]
#[component(id = "tpl_image_input", title = "Image Input", category = "media/images", asynchronous)]
#[inport(source: Text, "The address, where none is configured; asks.")]
#[outport(imageData: JsonObject, "What is known of the picture.")]
#[outport(metadata: JsonObject, "The same.")]
#[outport(bytes: Bytes, "The file.")]
#[outport(stream: Stream, "Its pixels.")]
#[outport(error: ErrorText, "Why there is none.")]
#[example(
    config = r#"{"url": "data:image/gif;base64,R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs=", "load": "pixels"}"#,
    steps = r#"[{"source": {"type": "Flow"}}]"#,
    outputs = r#"[{"imageData": [{"contentType": "image/gif", "size": 35, "url": "data:image/gif;base64,R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs=", "displayMode": "contain", "width": 1, "height": 1}], "metadata": [{"contentType": "image/gif", "size": 35, "url": "data:image/gif;base64,R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs=", "displayMode": "contain", "width": 1, "height": 1}], "stream": [{"type": "@stream", "content_type": "image/raw-rgba", "size_hint": 4, "metadata": {"width": 1, "height": 1, "format": "RGBA8", "channels": 4}, "u8": [[255, 0, 0, 255]]}]}]"#
)]
pub(super) struct ImageInput {
    /// The address; it counts before what comes.
    #[config(lenient)]
    url: Option<String>,
    /// Content types that are accepted, separated by commas.
    #[config(key = "acceptedFormats", default = FORMATS.to_string(), lenient)]
    accepted_formats: String,
    /// The largest file.
    #[config(key = "maxFileSize", default = 10, unit = "MiB", lenient)]
    max_file_size: u64,
    /// Passed on.
    #[config(key = "displayMode", default = "contain".to_string(), lenient)]
    display_mode: String,
    /// What is read of it.
    #[config]
    load: Load,
    #[config(whole)]
    config: Value,
    #[state]
    fetcher: Fetcher,
}

/// What is read of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum Load {
    /// Nothing but its facts.
    #[default]
    None,
    /// All of it.
    Bytes,
    /// Its pixels.
    Pixels,
}

const FORMATS: &str = "image/jpeg,image/png,image/gif,image/webp";

#[async_trait]
impl AsyncActor for ImageInput {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let address = match address(self.url.as_deref(), tick.input(Self::IN_SOURCE)) {
            Ok(address) => address,
            Err(text) => return tick.report(Self::OUT_ERROR, text),
        };
        let is_chosen = self.config.get("acceptedFormats").and_then(Value::as_str).is_some();
        let question = Question {
            kind: "Image",
            accepted: (is_chosen || self.load != Load::Pixels).then_some(&self.accepted_formats),
            most: Some(self.max_file_size.saturating_mul(1 << 20)),
            load: true,
            timeout: Duration::from_secs(30),
            default_type: "application/octet-stream",
        };
        let answer = match self.fetcher.look(&address, &question).await {
            Ok(answer) => answer,
            Err(text) => return tick.report(Self::OUT_ERROR, text),
        };
        let size = picture::size(&answer.content);
        let facts = Value::object([
            ("url", Value::from(address.as_str())),
            ("contentType", answer.content_type.as_str().into()),
            ("size", answer.content.len().into()),
            ("displayMode", self.display_mode.as_str().into()),
            ("width", size.map(|(width, _)| width).into()),
            ("height", size.map(|(_, height)| height).into()),
        ]);
        match self.load {
            Load::None => {}
            Load::Bytes => tick.write(Self::OUT_BYTES, answer.content),
            Load::Pixels => {
                let content = answer.content;
                match tick.node().compute(move || decode(&content)).await? {
                    Ok(picture) => {
                        let opening = rows::opening(&picture);
                        produce(tick, Self::OUT_STREAM, opening, move |_node, mut out| async move {
                            rows::write(picture.pixels, picture.width * picture.channels, &mut out).await;
                            (out, Ok(()))
                        })?;
                    }
                    Err(text) => return tick.report(Self::OUT_ERROR, format!("Image decode error: {text}")),
                }
            }
        }
        tick.write(Self::OUT_IMAGEDATA, facts.clone());
        tick.write(Self::OUT_METADATA, facts);
        Ok(())
    }
}
