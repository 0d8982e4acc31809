//! `tpl_heightmap_to_image`.

use reflow_component::prelude::*;

use super::grid_width;
use crate::kernels::floats::read_f64;
use crate::kernels::heightmap::{Palette, picture, range};

/// Makes a picture of a grid of heights.
///
/// The lowest height is the first colour and the highest the last, unless `min` and `max` say otherwise; what is no number is
/// the lowest. There is a pixel for every height, also for those that are no whole row.
#[derive(Component)]
#[component(id = "tpl_heightmap_to_image", title = "Heightmap to Image", category = "procedural", heavy)]
#[inport(input: Bytes, required, "The heights: 64-bit floats, row by row.")]
#[outport(output: Bytes, "The pixels: red, green, blue, alpha.")]
#[outport(metadata: JsonObject, "Width, height, channels and the colours.")]
#[outport(error: ErrorText, "Why there is no picture.")]
#[example(
    config = r#"{"width": 1}"#,
    steps = r#"[{"input": {"type": "Bytes", "data": [0, 0, 0, 0, 0, 0, 0, 0]}}]"#,
    outputs = r#"[{"output": [{"type": "Bytes", "data": [0, 0, 0, 255]}], "metadata": [{"width": 1, "height": 1, "format": "RGBA8", "channels": 4, "colorMode": "grayscale"}]}]"#
)]
pub(super) struct HeightmapToImage {
    /// Heights in a row; as many as there are rows when it is left out.
    #[config(lenient)]
    width: Option<u32>,
    /// The colours.
    #[config(key = "colorMode", default = Colors::Grayscale.into(), lenient)]
    colors: Word<Colors>,
    /// The height of the first colour; the lowest one when it is left out.
    #[config(lenient)]
    min: Option<f64>,
    /// The height of the last colour; the highest one when it is left out.
    #[config(lenient)]
    max: Option<f64>,
}

#[derive(Choice, Clone, Copy)]
enum Colors {
    /// From black to white.
    #[choice(..)]
    Grayscale,
    /// Water, grass, rock and snow.
    Terrain,
}

impl Actor for HeightmapToImage {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(bytes) = tick.read(Self::IN_INPUT) else {
            return tick.report(Self::OUT_ERROR, "Expected Bytes on input port");
        };
        let heights = read_f64(&bytes);
        let width = match grid_width(self.width, heights.len()) {
            Ok(width) => width,
            Err(problem) => return tick.report(Self::OUT_ERROR, problem),
        };
        let (low, high) = range(&heights);
        let palette = match self.colors.meaning("colour mode") {
            Ok(Colors::Terrain) => Palette::Terrain,
            _ => Palette::Gray,
        };
        let pixels = picture(&heights, (self.min.unwrap_or(low), self.max.unwrap_or(high)), palette);
        let metadata = Value::object([
            ("width", Value::from(width)),
            ("height", (heights.len() / width).into()),
            ("format", "RGBA8".into()),
            ("channels", 4.into()),
            ("colorMode", self.colors.text().into()),
        ]);
        tick.write(Self::OUT_OUTPUT, pixels);
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    fn bytes(heights: &[f64]) -> serde_json::Value {
        json!({"input": {"type": "Bytes", "data": crate::kernels::floats::write_f64(heights)}})
    }

    #[test]
    fn grids_without_sense_are_told() {
        for (config, heights, text) in [
            (json!({}), &[][..], "The height grid is empty"),
            (json!({"width": 0}), &[1.0], "A width of 0 is no grid"),
            (json!({"width": 2}), &[1.0], "1 heights are too few for a width of 2"),
        ] {
            assert_eq!(run::<HeightmapToImage>(config, [bytes(heights)])[0]["error"][0]["data"], text);
        }
    }

    #[test]
    fn a_range_can_be_given_so_that_tiles_match() {
        let outputs = run::<HeightmapToImage>(json!({"min": 0, "max": 10, "width": 2}), [bytes(&[5.0, 20.0])]);
        assert_eq!(outputs[0]["output"][0]["data"], json!([127, 127, 127, 255, 255, 255, 255, 255]));
    }
}
