//! `tpl_ssao`.

use reflow_component::prelude::*;

use super::bloom::SizeOfImages;
use crate::kernels::occlusion::{by_brightness, by_depth};

/// Darkens the pixels of an RGBA image that get less light.
///
/// By default those that are brighter than their surroundings: of the 8 pixels at `radius` along the axes and diagonals, every one that is
/// darker by *d* > 0.01 adds *d*, 0.3 at most, and colours are multiplied by 1 - sum / 8 · `intensity`, 0.3 at least. Once an image has come
/// on `depth` (a distance for every pixel, 32-bit floats with the lowest byte first), a pixel is dark where those around it are nearer by
/// `bias` at least, the less the more they are nearer. Pixels within `radius` of an edge stay, and so does alpha. `width`, `height` and
/// `depth` are remembered; until they come the size is 512 by 512. An image of fewer pixels passes unchanged.
#[derive(Component)]
#[component(id = "tpl_ssao", title = "SSAO", category = "2d", heavy)]
#[inport(input: Bytes, required, "The pixels.")]
#[inport(width: Integer, "Pixels in a row.")]
#[inport(height: Integer, "Rows.")]
#[inport(depth: Bytes, "How far away every pixel is.")]
#[outport(output: Bytes, "The pixels, some of them darker.")]
#[example(
    steps = r#"[{"width": 1}, {"height": 1}, {"input": {"type": "Bytes", "data": [9, 8, 7, 6]}}]"#,
    outputs = r#"[{}, {}, {"output": [{"type": "Bytes", "data": [9, 8, 7, 6]}]}]"#
)]
pub(super) struct Ssao {
    /// Where it looks.
    #[config(default = 4, unit = "pixels", lenient)]
    radius: usize,
    /// How dark it gets.
    #[config(default = 1.0, lenient)]
    intensity: f64,
    /// How much nearer what takes light is at least, with `depth`.
    #[config(default = 0.025, lenient)]
    bias: f64,
    #[state]
    size: SizeOfImages,
    #[state]
    depth: Option<Vec<f32>>,
}

impl Actor for Ssao {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.size.learn(tick.read(Self::IN_WIDTH), tick.read(Self::IN_HEIGHT));
        if let Some(depth) = tick.read(Self::IN_DEPTH) {
            self.depth = Some(depth.as_chunks().0.iter().map(|value| f32::from_le_bytes(*value)).collect());
        }
        let Some(input) = tick.read(Self::IN_INPUT) else { return Ok(()) };
        let Some((width, height)) = self.size.within(input.len()) else {
            tick.write(Self::OUT_OUTPUT, input);
            return Ok(());
        };
        let mut pixels = input.to_vec();
        let intensity = self.intensity as f32;
        match self.depth.as_ref().filter(|depth| depth.len() >= width * height) {
            Some(depth) => by_depth(&mut pixels, depth, (width, height), self.radius, intensity, self.bias as f32),
            None => by_brightness(&mut pixels, width, height, self.radius, intensity),
        }
        tick.write(Self::OUT_OUTPUT, pixels);
        Ok(())
    }
}
