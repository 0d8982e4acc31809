//! `tpl_noise_generator`.

use reflow_component::prelude::*;

use super::{check_grid, rows};
use crate::kernels::floats::write_f64;
use crate::kernels::heightmap::range;
use crate::kernels::noise::{Octaves, perlin, simplex, value, white, worley};

/// Fills a grid with noise.
///
/// The number of column x and row y is the noise at (`offsetX` + `seed` + x / `width` · `scale`, `offsetY` + y / `height` ·
/// `scale`). A number that arrives counts instead of the configured one, for this grid only unless `remember` is set.
#[derive(Component)]
#[component(id = "tpl_noise_generator", title = "Noise Generator", category = "procedural", heavy, open_ports)]
#[inport(scale: Float, "Noise units across the grid.")]
#[inport(seed: Float, "The seed.")]
#[inport("offsetX": Float, "Where the grid begins.")]
#[inport("offsetY": Float, "Where the grid begins.")]
#[outport(output: Bytes, "The grid: 64-bit floats, row by row.")]
#[outport(metadata: JsonObject, "Width, height, the kind of noise, its scale and octaves, the lowest and highest number.")]
#[outport(error: ErrorText, "Why there is no grid.")]
#[example(
    config = r#"{"noiseType": "value", "width": 2, "height": 1, "scale": 1, "offsetX": 0.5, "offsetY": 3.25}"#,
    steps = r#"[{"seed": 0}]"#,
    outputs = r#"[{"metadata": [{"dataType": "f64", "height": 1, "max": 0.5464390685215124, "min": 0.43885626663367727, "noiseType": "value", "octaves": 6, "scale": 1.0, "width": 2}], "output": [{"data": [240, 133, 53, 152, 56, 22, 220, 63, 168, 207, 17, 201, 109, 124, 225, 63], "type": "Bytes"}]}]"#
)]
pub(super) struct NoiseGenerator {
    /// The kind of noise.
    #[config(key = "noiseType", default = Noise::Perlin.into(), lenient)]
    noise: Word<Noise>,
    /// Numbers in a row.
    #[config(default = 256, lenient)]
    width: u32,
    /// Rows.
    #[config(default = 256, lenient)]
    height: u32,
    /// Noise units across the grid.
    #[config(default = 4.0, range = 0.1..=100.0, lenient)]
    scale: f64,
    /// Where the grid begins along x.
    #[config(key = "offsetX", default = 0.0, lenient)]
    offset_x: f64,
    /// Where the grid begins along y.
    #[config(key = "offsetY", default = 0.0, lenient)]
    offset_y: f64,
    /// Layers of perlin, simplex and ridged noise.
    #[config(default = 6, range = 1..=12, lenient)]
    octaves: u32,
    /// By how much each layer is finer than the one before.
    #[config(default = 2.0, range = 1.0..=4.0, lenient)]
    lacunarity: f64,
    /// By how much each layer is weaker than the one before.
    #[config(default = 0.5, range = 0.0..=1.0, lenient)]
    persistence: f64,
    /// Added to x; other seeds give other noise.
    #[config(default = 0.0, range = -1000.0..=1000.0, lenient)]
    seed: f64,
    /// Whether numbers that arrived stay for the grids after.
    #[config(default = false, lenient)]
    remember: bool,
}

#[derive(Choice, Clone, Copy)]
enum Noise {
    /// Layers of gradient noise, around 0.
    #[choice(..)]
    Perlin,
    /// Layers of simplex noise, around 0.
    Simplex,
    /// The distance to the nearest of scattered points.
    Worley,
    /// Blended values of a lattice, from 0 to 1.
    Value,
    /// Layers of ridges, from 0 to 2.
    Ridged,
    /// A number from 0 to 1 for each cell, which says nothing of its neighbours.
    White,
}

/// Finer octaves than this are below what a number can tell apart.
const MOST_OCTAVES: u32 = 64;

impl Actor for NoiseGenerator {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let arrived = [
            tick.read(Self::IN_SCALE),
            tick.read(Self::IN_SEED),
            tick.read(Self::IN_OFFSETX),
            tick.read(Self::IN_OFFSETY),
        ];
        let mut numbers = [self.scale, self.seed, self.offset_x, self.offset_y];
        for (number, arrived) in numbers.iter_mut().zip(arrived) {
            *number = arrived.unwrap_or(*number);
        }
        if self.remember && numbers.iter().all(|number| number.is_finite()) {
            [self.scale, self.seed, self.offset_x, self.offset_y] = numbers;
        }
        if let Err(problem) = check_grid(self.width, self.height) {
            return tick.report(Self::OUT_ERROR, problem);
        }
        if !(1..=MOST_OCTAVES).contains(&self.octaves) {
            let text = format!("Noise of {} octaves is none, or too fine (from 1 to {MOST_OCTAVES})", self.octaves);
            return tick.report(Self::OUT_ERROR, text);
        }
        let Some(grid) = self.grid(tick.node(), numbers) else { return Ok(()) };
        if grid.iter().any(|number| !number.is_finite()) {
            return tick.report(Self::OUT_ERROR, "The coordinates are too large for noise");
        }
        let (low, high) = range(&grid);
        let metadata = Value::object([
            ("width", Value::from(self.width)),
            ("height", self.height.into()),
            ("noiseType", self.noise.text().into()),
            ("scale", numbers[0].into()),
            ("octaves", self.octaves.into()),
            ("min", low.into()),
            ("max", high.into()),
            ("dataType", "f64".into()),
        ]);
        tick.write(Self::OUT_OUTPUT, write_f64(&grid));
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}

impl NoiseGenerator {
    fn grid(&self, node: &NodeHandle, [scale, seed, offset_x, offset_y]: [f64; 4]) -> Option<Vec<f64>> {
        let octaves = Octaves { count: self.octaves, lacunarity: self.lacunarity, persistence: self.persistence };
        let noise = self.noise.meaning("noise").unwrap_or(Noise::Perlin);
        rows(node, (self.width, self.height), |column, row| {
            let x = offset_x + seed + f64::from(column) / f64::from(self.width) * scale;
            let y = offset_y + f64::from(row) / f64::from(self.height) * scale;
            match noise {
                Noise::Perlin => octaves.mean(perlin, x, y),
                Noise::Simplex => octaves.mean(simplex, x, y),
                Noise::Worley => worley(x, y),
                Noise::Value => value(x, y, 0.0),
                Noise::Ridged => octaves.ridges(x, y),
                Noise::White => white(column, row, seed),
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn sizes_without_sense_are_told() {
        for (config, text) in [
            (json!({"width": 0}), "A grid of 0 × 256 is empty"),
            (json!({"octaves": 0}), "Noise of 0 octaves is none, or too fine (from 1 to 64)"),
            (
                json!({"width": 1_000_000, "height": 1_000_000}),
                "A grid of 1000000 × 1000000 is too large (at most 67108864 numbers)",
            ),
            (json!({"scale": 1e308, "width": 2, "height": 1}), "The coordinates are too large for noise"),
        ] {
            let outputs = run::<NoiseGenerator>(config, [json!({"go": 1})]);
            assert_eq!(outputs[0]["error"][0]["data"], text);
        }
    }

    #[test]
    fn numbers_stay_when_that_is_asked_for() {
        let config = |remember: bool| json!({"width": 2, "height": 2, "remember": remember});
        let steps = [json!({"seed": 2.5}), json!({"go": 1}), json!({"seed": 2.5})];
        let [first, second, third] = &run::<NoiseGenerator>(config(true), steps.clone())[..] else { panic!() };
        assert!(first == second && second == third);
        let [first, second, third] = &run::<NoiseGenerator>(config(false), steps)[..] else { panic!() };
        assert!(first != second && first == third);
    }
}
