//! `tpl_voronoi`.

use reflow_component::prelude::*;

use super::{check_grid, rows};
use crate::kernels::floats::{write_f64, write_u32};
use crate::kernels::voronoi::{Sites, from_noise, jittered};

/// The most points.
const MOST_SITES: u32 = 1 << 20;

/// Finds the nearest of some points for every cell of a grid.
///
/// The grid and the points fill the unit square: the cell of column x and row y is at (x / `width`, y / `height`). Both grids
/// are sent, whatever `mode` says. Of points that are equally near the first counts.
#[derive(Component)]
#[component(id = "tpl_voronoi", title = "Voronoi", category = "procedural", heavy, open_ports)]
#[inport(seed: Float, "The seed of this diagram, instead of the configured one.")]
#[outport(distance: Bytes, "The distances: 64-bit floats, row by row.")]
#[outport("cell_id": Bytes, "The numbers of the nearest points: unsigned 32-bit integers, row by row.")]
#[outport(metadata: JsonObject, "Width, height and the number of points.")]
#[outport(error: ErrorText, "Why there is no diagram.")]
#[example(
    config = r#"{"width": 2, "height": 1, "cellCount": 1, "sites": "jittered"}"#,
    steps = r#"[{"seed": 1}]"#,
    outputs = r#"[{"cell_id": [{"data": [0, 0, 0, 0, 0, 0, 0, 0], "type": "Bytes"}], "distance": [{"data": [181, 76, 177, 22, 182, 19, 226, 63, 1, 221, 31, 227, 89, 99, 192, 63], "type": "Bytes"}], "metadata": [{"cellCount": 1, "dataType": "f64", "height": 1, "width": 2}]}]"#
)]
pub(super) struct Voronoi {
    /// Cells in a row.
    #[config(default = 256, lenient)]
    width: u32,
    /// Rows.
    #[config(default = 256, lenient)]
    height: u32,
    /// The number of points.
    #[config(key = "cellCount", default = 32, lenient)]
    count: u32,
    /// Other seeds give other points.
    #[config(default = 0.0, lenient)]
    seed: f64,
    /// Without effect: both grids are always sent.
    #[config(default = Mode::Distance, lenient)]
    #[expect(dead_code, reason = "configs have it")]
    mode: Mode,
    /// Where the points are.
    #[config(default = Place::Noise, lenient)]
    sites: Place,
    /// Whether the unit square is stretched to the shape of the grid, so that cells of a wide grid are not.
    #[config(key = "keepAspect", default = false, lenient)]
    keep_aspect: bool,
}

#[derive(Choice, Clone, Copy)]
enum Mode {
    /// As if the distances were wanted.
    Distance,
    /// As if the numbers were wanted.
    CellId,
}

#[derive(Choice, Clone, Copy)]
enum Place {
    /// Where value noise puts them: they crowd in the middle.
    Noise,
    /// One at random in each cell of a square grid: spread evenly.
    Jittered,
}

impl Actor for Voronoi {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let seed = tick.read(Self::IN_SEED).unwrap_or(self.seed);
        if let Err(problem) = check_grid(self.width, self.height).and_then(|()| self.check(seed)) {
            return tick.report(Self::OUT_ERROR, problem);
        }
        let sites = Sites::new(match self.sites {
            Place::Noise => from_noise(self.count, seed),
            Place::Jittered => jittered(self.count, seed),
        });
        let (width, height) = (f64::from(self.width), f64::from(self.height));
        let stretch = if self.keep_aspect { width / height } else { 1.0 };
        let nearest = rows(tick.node(), (self.width, self.height), |x, y| {
            sites.nearest([f64::from(x) / width, f64::from(y) / height], stretch)
        });
        let Some(nearest) = nearest else { return Ok(()) };
        let (ids, distances): (Vec<u32>, Vec<f64>) = nearest.into_iter().unzip();
        let metadata = Value::object([
            ("width", Value::from(self.width)),
            ("height", self.height.into()),
            ("cellCount", self.count.into()),
            ("dataType", "f64".into()),
        ]);
        tick.write(Self::OUT_DISTANCE, write_f64(&distances));
        tick.write(Self::OUT_CELL_ID, write_u32(&ids));
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}

impl Voronoi {
    fn check(&self, seed: f64) -> Result<(), String> {
        match self.count {
            0 => Err("A diagram of 0 points is none".to_string()),
            count if count > MOST_SITES => Err(format!("{count} points are too many (at most {MOST_SITES})")),
            _ if seed.is_nan() || seed.abs() > 1e15 => Err(format!("A seed of {seed} is too large")),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn numbers_without_sense_are_told() {
        for (config, text) in [
            (json!({"cellCount": 0}), "A diagram of 0 points is none"),
            (json!({"cellCount": 9_999_999}), "9999999 points are too many (at most 1048576)"),
            (json!({"height": 0}), "A grid of 256 × 0 is empty"),
        ] {
            let outputs = run::<Voronoi>(config, [json!({"go": 1})]);
            assert_eq!(outputs[0]["error"][0]["data"], text);
        }
    }
}
