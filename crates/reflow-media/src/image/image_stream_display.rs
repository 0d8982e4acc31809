//! `tpl_image_stream_display`.

use reflow_component::prelude::*;

use super::rows;
use crate::display::{Seen, leads_on, watch};
use crate::files::picture::{Format, Picture, encode};
use crate::reading::Readers;

/// Reads a stream of a picture to its end and reports its facts.
///
/// `metadata` is `{contentType, sizeHint, totalBytes, chunks, width, height, format, displayMode, streamMetadata}`: what the first frame
/// says, null (or the format `unknown`) where it says nothing, and what was counted. A stream that closes without an end has ended. With
/// `preview`, or when it leads somewhere, `image` is a file that a notebook or a browser shows: pixels (`image/raw-…`) as PNG, anything else as it came, up to
/// 64 MiB. Up to 16 streams are read at once.
///
/// # Errors
///
/// `Expected Begin frame, got data`, `Unsupported image stream format: …`, `Stream error: …`, `Stream error during transfer: …`, and with
/// `preview` that there are no such pixels.
#[derive(Component)]
#[component(id = "tpl_image_stream_display", title = "Image Stream Display", category = "media/images", asynchronous)]
#[inport(stream: Stream, required, "The stream to watch.")]
#[outport(metadata: JsonObject, "What is known of it.")]
#[outport(image: Bytes, "The picture as a file.")]
#[outport(error: ErrorText, "Why there are no facts.")]
#[example(
    config = r#"{"preview": false}"#,
    steps = r#"[{"stream": {"type": "@stream", "content_type": "image/raw-gray", "metadata": {"width": 2, "height": 1}, "u8": [[0, 255]]}}]"#,
    outputs = r#"[{"metadata": [{"chunks": 1, "contentType": "image/raw-gray", "displayMode": "contain", "format": "unknown", "height": 1, "sizeHint": null, "streamMetadata": {"height": 1, "width": 2}, "totalBytes": 2, "width": 2}]}]"#
)]
pub(super) struct ImageStreamDisplay {
    /// Passed on.
    #[config(key = "displayMode", default = "contain".to_string(), lenient)]
    display_mode: String,
    /// How content types may begin that are accepted, separated by commas.
    #[config(key = "acceptedFormats", default = FORMATS.to_string(), lenient)]
    accepted_formats: String,
    /// Whether the picture is given as a file; where it is left out, it is when `image` leads somewhere.
    #[config(lenient)]
    preview: Option<bool>,
    #[state]
    readers: Readers,
}

const FORMATS: &str = "image/jpeg,image/png,image/gif,image/webp,image/raw-rgba,image/raw-gray";

async fn file(seen: &mut Seen, node: &NodeHandle) -> Result<Option<Vec<u8>>, String> {
    let Some(pixels) = seen.data.take() else { return Ok(None) };
    if !seen.content_type.starts_with("image/raw-") {
        return Ok(Some(pixels));
    }
    let told = Opening { content_type: Some(seen.content_type.clone()), ..seen.opening.clone() };
    let channels = rows::channels(&told).clamp(1, 4);
    let (width, height) = rows::size(&told, pixels.len() / channels).ok_or("Cannot determine image dimensions")?;
    let picture = Picture { width, height, channels, pixels };
    let encoded = node.compute(move || encode(&picture, Format::Png)).await;
    encoded.map_err(|failure| failure.message.to_string()).and_then(|encoded| encoded).map(Some)
}

#[async_trait]
impl AsyncActor for ImageStreamDisplay {
    async fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (accepted, mode, preview) = (self.accepted_formats.clone(), self.display_mode.clone(), self.preview);
        let preview = preview.unwrap_or_else(|| leads_on(tick, Self::OUT_IMAGE));
        let work = move |_handle, reader, node: NodeHandle| async move {
            let mut seen = watch(reader, "image", &accepted, preview).await?;
            let mut facts = seen.facts();
            facts.extend(seen.numbers(&["width", "height"]));
            facts.push(("format", seen.opening.text("format").unwrap_or("unknown").into()));
            facts.push(("displayMode", mode.as_str().into()));
            let mut found = vec![(Self::OUT_METADATA.index(), Message::object(Value::object(facts)))];
            match file(&mut seen, &node).await {
                Ok(file) => found.extend(file.map(|file| (Self::OUT_IMAGE.index(), Message::bytes(file)))),
                Err(text) => found.push((Self::OUT_ERROR.index(), Message::error(text))),
            }
            Ok(found)
        };
        self.readers.read(tick, Self::IN_STREAM, Self::OUT_ERROR, work).await
    }
}
