//! How long drawing paths takes, for `compare/rasterize.py`: prints the milliseconds of each run.
//!
//! ```sh
//! cargo run --release -p reflow-geometry --example rasterize -- PATHS SIZE RUNS
//! ```
//!
//! `PATHS` is a file with the path data of one path in each line.

use std::io::Write as _;
use std::time::Instant;

use reflow_geometry::kernels::curve::parse;
use reflow_geometry::kernels::raster::{Cap, Drawing, Join, Line, Placement};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let text = std::fs::read_to_string(arguments.next().ok_or("which file?")?)?;
    let size: u32 = arguments.next().ok_or("which size?")?.parse()?;
    let runs: usize = arguments.next().map_or(Ok(5), |runs| runs.parse())?;
    let paths = text.lines().map(parse).collect::<Result<Vec<_>, _>>()?;
    let drawing = Drawing {
        size: (size, size),
        background: [255; 4],
        fill: Some([40, 120, 200, 255]),
        line: Some(Line {
            color: [20, 20, 20, 255],
            width: 3.0,
            cap: Cap::Round,
            join: Join::Round,
            dashes: Vec::new(),
            dash_offset: 0.0,
        }),
        placement: Placement { x: 0.0, y: 0.0, scale: 1.0, rotation: 0.0 },
        smooth: true,
    };
    let mut out = std::io::stdout();
    for _ in 0..runs {
        let begun = Instant::now();
        for path in &paths {
            drawing.draw(path)?;
        }
        writeln!(out, "{:.2} ms", begun.elapsed().as_secs_f64() * 1e3)?;
    }
    Ok(())
}
