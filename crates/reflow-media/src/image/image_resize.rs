//! `tpl_image_resize`.

use std::sync::Arc;

use reflow_component::prelude::*;
use reflow_component::stream::{Outlet, no_stream};
use reflow_runtime::{StreamHandle, StreamReader};

use super::rows;
use crate::kernels::pixel::{MOST_BYTES, bytes_of};
use crate::kernels::resize::{Method, resize};
use crate::reading::{Whole, whole};

/// Scales a picture.
///
/// The size of the source is `width` and `height` of the stream's metadata; without both the picture is as square as can be. With the
/// `filter` `bilinear` the corners of both pictures lie on each other, and every channel is scaled by itself; a picture that becomes much
/// smaller flickers then. `area` takes the mean of what a pixel covers and `lanczos` keeps edges sharp; both scale colours as far as they
/// are opaque. The bytes of a pixel are `channels`; where that is left out, those that the stream says, and 4 otherwise.
///
/// # Errors
///
/// The stream that comes of it ends in an error, without a Begin, when the size of the source is half known (`Cannot determine source
/// dimensions`) or does not fit the data, when a target would take more than 512 MiB, when a side has more than 1,048,576 pixels and is not scaled bilinearly,
/// and when the stream that came ends in an error.
#[derive(Component)]
#[component(id = "tpl_image_resize", title = "Image Resize", category = "media/images")]
#[inport(stream: Stream, required, "The pixels.")]
#[outport(stream: Stream, "The scaled picture, a row a frame.")]
#[outport(error: ErrorText, "Why there is no stream.")]
#[example(
    config = r#"{"width": 3, "channels": 1}"#,
    steps = r#"[{"stream": {"type": "@stream", "content_type": "image/raw-gray", "metadata": {"width": 2, "height": 1}, "u8": [[0, 200]]}}]"#,
    outputs = r#"[{"stream": [{"type": "@stream", "content_type": "image/raw-gray", "size_hint": 3, "metadata": {"width": 3, "height": 1}, "u8": [[0, 100, 200]]}]}]"#
)]
pub(super) struct ImageResize {
    /// Pixels in a row; 0 keeps them.
    #[config(range = 0..=16_384, unit = "pixels", lenient)]
    width: u64,
    /// Rows; 0 keeps them.
    #[config(range = 0..=16_384, unit = "pixels", lenient)]
    height: u64,
    /// Bytes of a pixel: 1 is grey, 2 grey and alpha, 3 RGB, all else RGBA.
    #[config(default = 4, lenient)]
    channels: u64,
    /// How pixels are found.
    #[config]
    filter: Scaling,
    /// Whether a side that is left out follows the other.
    #[config(key = "keepAspect", lenient)]
    keep_aspect: bool,
    #[config(whole)]
    config: Value,
}

/// How the pixels of the target are found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Choice)]
enum Scaling {
    /// Between the four nearest.
    #[default]
    Bilinear,
    /// The mean of what a pixel covers.
    Area,
    /// A windowed sinc.
    Lanczos,
}

/// What one picture is scaled to.
#[derive(Clone, Copy)]
struct Order {
    width: usize,
    height: usize,
    channels: Option<usize>,
    method: Method,
    keep_aspect: bool,
}

impl Order {
    /// The target for a source of this size.
    fn target(&self, (width, height): (usize, usize)) -> (usize, usize) {
        let follow = |side: usize, other: usize, target: usize| {
            let exact = side as f64 * target as f64 / other as f64;
            if self.keep_aspect { (exact.round() as usize).max(1) } else { side }
        };
        match (self.width, self.height) {
            (0, 0) => (width, height),
            (0, target) => (follow(width, height, target), target),
            (target, 0) => (target, follow(height, width, target)),
            target => target,
        }
    }

    /// The scaled picture, what is said of it, and the bytes of a row.
    fn work(&self, mut opening: Opening, pixels: &[u8]) -> Result<(Opening, Vec<u8>, usize), String> {
        let channels = match self.channels {
            Some(0) => return Err("`channels` must be at least 1, not 0".to_string()),
            chosen => chosen.unwrap_or_else(|| rows::channels(&opening)),
        };
        let channels = if (1..=4).contains(&channels) { channels } else { 4 };
        let from = rows::size(&opening, pixels.len() / channels).ok_or("Cannot determine source dimensions")?;
        let needed = bytes_of(from.0, from.1, channels).filter(|needed| *needed > 0 && *needed <= pixels.len());
        let needed = needed.ok_or_else(|| {
            format!("{} bytes are no {} × {} pixels of {channels} bytes", pixels.len(), from.0, from.1)
        })?;
        let to = self.target(from);
        let bytes = bytes_of(to.0, to.1, channels);
        let bytes = bytes.ok_or_else(|| format!("{} × {} pixels are too many", to.0, to.1))?;
        let scaled = resize(&pixels[..needed], from, to, channels, self.method)?;
        opening.size_hint = Some(bytes as u64);
        opening.add([("width", to.0), ("height", to.1)]);
        Ok((opening, scaled, to.0 * channels))
    }
}

impl Actor for ImageResize {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let taken = match tick.input(Self::IN_STREAM) {
            Some(Message::StreamHandle(handle)) => handle.take().ok().map(|reader| (Arc::clone(handle), reader)),
            Some(_) => None,
            None => return Ok(()),
        };
        let Some((handle, reader)) = taken else { return tick.report(Self::OUT_ERROR, no_stream("stream")) };
        let told = Opening { content_type: handle.content_type.clone(), ..Opening::default() };
        let (out, scaled) = Outlet::open(tick.node(), Self::OUT_STREAM, &told)?;
        tick.write(Self::OUT_STREAM, scaled);
        let side = |side: u64| usize::try_from(side).unwrap_or(usize::MAX);
        let is_chosen = self.config.get("channels").is_some_and(|channels| channels.as_number().is_some());
        let order = Order {
            width: side(self.width),
            height: side(self.height),
            channels: is_chosen.then(|| side(self.channels)),
            method: match self.filter {
                Scaling::Bilinear => Method::Bilinear,
                Scaling::Area => Method::Area,
                Scaling::Lanczos => Method::Lanczos,
            },
            keep_aspect: self.keep_aspect,
        };
        tick.spawn(move |node| scale(order, handle, reader, node, out));
        Ok(())
    }
}

async fn scale(order: Order, handle: Arc<StreamHandle>, reader: StreamReader, node: NodeHandle, mut out: Outlet) {
    let Whole { opening, told_type, data: pixels } = match whole(&handle, &reader, MOST_BYTES).await {
        Ok(read) => read,
        Err(text) => return out.fail(text.strip_prefix("Stream error: ").unwrap_or(&text)).await,
    };
    let worked = node.compute(move || order.work(opening, &pixels)).await;
    match worked.map_err(|failure| failure.message.to_string()).and_then(|worked| worked) {
        Ok((mut opening, pixels, row)) => {
            opening.content_type = told_type;
            out.begin(opening).await;
            rows::write(pixels, row, &mut out).await;
            out.end().await;
        }
        Err(text) => out.fail(text).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    fn resized(config: serde_json::Value) -> serde_json::Value {
        let stream = json!({"type": "@stream", "content_type": "image/raw-rgb", "metadata": {"width": 4, "height": 2}, "u8": [vec![7; 12], vec![7; 12]]});
        run::<ImageResize>(config, [json!({"stream": stream})])[0]["stream"][0].clone()
    }

    #[test]
    fn the_content_type_tells_the_channels_and_sides_may_follow() {
        for filter in ["bilinear", "area", "lanczos"] {
            let stream = resized(json!({"width": 2, "keepAspect": true, "filter": filter}));
            assert_eq!(stream["u8"], json!([vec![7; 6]]), "{filter}");
            assert_eq!(stream["metadata"], json!({"width": 2, "height": 1}));
        }
    }

    #[test]
    fn pixels_of_no_channel_are_an_error_frame_and_begin_says_what_it_said() {
        assert_eq!(resized(json!({"channels": 0}))["error"], "`channels` must be at least 1, not 0");
        assert_eq!(resized(json!({"channels": "3", "width": 1}))["u8"], json!([[7, 7, 7], [7, 7, 7]]));
    }

    #[test]
    fn targets_that_are_too_large_are_refused() {
        let stream = resized(json!({"width": 1_u64 << 40, "height": 1_u64 << 40}));
        assert_eq!(stream["error"], "1099511627776 × 1099511627776 pixels are too many");
    }
}
