//! `tpl_image_to_heightmap`.

use reflow_component::prelude::*;

use crate::files::picture::decode;

/// Brightness of a picture as a grid of heights.
///
/// The bytes are a picture file, or else raw pixels, `channels` bytes each and `width` in a row (as square as can be where it is left out).
/// A height is 0.299 r + 0.587 g + 0.114 b of the colours from 0 to 1; where there are one or two channels, it is the first. `output` is
/// 64-bit floats, lowest byte first, row by row; `metadata` is `{width, height, dataType: "f64", min, max}`.
///
/// # Errors
///
/// `Expected Bytes on input port`, and an Error when there are no pixels, or none in a row.
#[derive(Component)]
#[component(id = "tpl_image_to_heightmap", title = "Image to Heightmap", category = "procedural", heavy)]
#[inport(input: Bytes, required, "The picture.")]
#[outport(output: Bytes, "The heights.")]
#[outport(metadata: JsonObject, "Their size and range.")]
#[outport(error: ErrorText, "Why there are none.")]
#[example(
    config = r#"{"width": 1, "channels": 1}"#,
    steps = r#"[{"input": {"type": "Bytes", "data": [255]}}]"#,
    outputs = r#"[{"output": [{"type": "Bytes", "data": [0, 0, 0, 0, 0, 0, 240, 63]}], "metadata": [{"width": 1, "height": 1, "dataType": "f64", "min": 1.0, "max": 1.0}]}]"#
)]
pub(super) struct ImageToHeightmap {
    /// Pixels in a row, of raw pixels.
    #[config(lenient)]
    width: Option<usize>,
    /// Bytes of a pixel, of raw pixels.
    #[config(default = 4, lenient)]
    channels: usize,
}

/// A grid of heights.
struct Heights {
    width: usize,
    height: usize,
    values: Vec<f64>,
}

impl ImageToHeightmap {
    fn heights(&self, bytes: &[u8]) -> Result<Heights, String> {
        if let Ok(picture) = decode(bytes) {
            return Ok(Heights {
                width: picture.width,
                height: picture.height,
                values: brightness(&picture.pixels, 4),
            });
        }
        if self.channels == 0 {
            return Err("`channels` must be at least 1, not 0".to_string());
        }
        let pixels = bytes.len() / self.channels;
        let width = self.width.unwrap_or_else(|| pixels.isqrt());
        let height = pixels.checked_div(width).unwrap_or(0);
        if height == 0 {
            return Err(format!("{} bytes are no row of {width} pixels of {} bytes", bytes.len(), self.channels));
        }
        let values = brightness(&bytes[..width * height * self.channels], self.channels);
        Ok(Heights { width, height, values })
    }
}

fn brightness(pixels: &[u8], channels: usize) -> Vec<f64> {
    let part = |byte: u8| f64::from(byte) / 255.0;
    let height = |pixel: &[u8]| match pixel {
        [r, g, b, ..] => 0.299 * part(*r) + 0.587 * part(*g) + 0.114 * part(*b),
        [grey, ..] => part(*grey),
        [] => 0.0,
    };
    pixels.chunks_exact(channels).map(height).collect()
}

impl Actor for ImageToHeightmap {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(bytes) = tick.read(Self::IN_INPUT) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on input port");
        };
        let heights = match self.heights(&bytes) {
            Ok(heights) => heights,
            Err(text) => return tick.report(Self::OUT_ERROR, text),
        };
        let range = |start: f64, pick: fn(f64, f64) -> f64| heights.values.iter().copied().fold(start, pick);
        let metadata = Value::object([
            ("width", Value::from(heights.width)),
            ("height", heights.height.into()),
            ("dataType", "f64".into()),
            ("min", range(f64::INFINITY, f64::min).into()),
            ("max", range(f64::NEG_INFINITY, f64::max).into()),
        ]);
        tick.write(
            Self::OUT_OUTPUT,
            heights.values.iter().flat_map(|height| height.to_le_bytes()).collect::<Vec<u8>>(),
        );
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}
