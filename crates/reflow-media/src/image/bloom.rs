//! `tpl_bloom`, and the size of images that comes in packets.

use reflow_component::prelude::*;

use crate::kernels::bloom::bloom;

/// The size of the images that a node gets, as the packets on `width` and `height` tell it.
pub(super) struct SizeOfImages {
    width: i64,
    height: i64,
}

impl Default for SizeOfImages {
    fn default() -> Self {
        Self { width: 512, height: 512 }
    }
}

impl SizeOfImages {
    /// Remembers what has come.
    pub(super) fn learn(&mut self, width: Option<i64>, height: Option<i64>) {
        self.width = width.unwrap_or(self.width);
        self.height = height.unwrap_or(self.height);
    }

    /// The size, if an image of so many bytes has as many pixels.
    pub(super) fn within(&self, bytes: usize) -> Option<(usize, usize)> {
        let (width, height) = (usize::try_from(self.width).ok()?, usize::try_from(self.height).ok()?);
        let needed = width.checked_mul(height)?.checked_mul(4)?;
        (needed <= bytes && needed > 0).then_some((width, height))
    }
}

/// Adds a glow around the bright parts of an RGBA image.
///
/// At half the size, what is brighter than `threshold` (by 0.2126 r + 0.7152 g + 0.0722 b) is averaged over a square that reaches `radius` /
/// 2 to every side, as far as there are pixels, and added `intensity` times. Alpha stays. `width` and `height` are remembered; until they
/// come they are 512. An image of fewer pixels passes unchanged.
#[derive(Component)]
#[component(id = "tpl_bloom", title = "Bloom", category = "2d", heavy)]
#[inport(input: Bytes, required, "The pixels.")]
#[inport(width: Integer, "Pixels in a row.")]
#[inport(height: Integer, "Rows.")]
#[outport(output: Bytes, "The pixels, with the glow.")]
#[example(
    config = r#"{"threshold": 0, "intensity": 1}"#,
    steps = r#"[{"width": 2}, {"height": 2}, {"input": {"type": "Bytes", "data": [51, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9, 0, 0, 0, 9]}}]"#,
    outputs = r#"[{}, {}, {"output": [{"type": "Bytes", "data": [53, 0, 0, 9, 2, 0, 0, 9, 2, 0, 0, 9, 2, 0, 0, 9]}]}]"#
)]
pub(super) struct Bloom {
    /// Luminance above which it glows.
    #[config(default = 0.8, lenient)]
    threshold: f64,
    /// How much light is added.
    #[config(default = 0.5, lenient)]
    intensity: f64,
    /// How far the glow reaches.
    #[config(default = 8, unit = "pixels", lenient)]
    radius: usize,
    #[state]
    size: SizeOfImages,
}

impl Actor for Bloom {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.size.learn(tick.read(Self::IN_WIDTH), tick.read(Self::IN_HEIGHT));
        let Some(input) = tick.read(Self::IN_INPUT) else { return Ok(()) };
        let Some((width, height)) = self.size.within(input.len()) else {
            tick.write(Self::OUT_OUTPUT, input);
            return Ok(());
        };
        let mut pixels = input.to_vec();
        bloom(&mut pixels, width, height, self.threshold as f32, self.intensity as f32, self.radius);
        tick.write(Self::OUT_OUTPUT, pixels);
        Ok(())
    }
}
