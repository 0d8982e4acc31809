//! A poster of shapes and text as a picture:
//!
//! ```sh
//! cargo run --release -p reflow-geometry --example poster -- poster.png
//! ```
//!
//! It is what `tpl_shape_2d`, `tpl_vector_rasterize`, `tpl_text_render` and `tpl_canvas_2d` do together.

use std::path::PathBuf;

use kurbo::BezPath;
use reflow_geometry::kernels::blend::{Blend, over};
use reflow_geometry::kernels::raster::{Cap, Drawing, Join, Line, Placement};
use reflow_geometry::kernels::shapes::{ellipse, polygon, rectangle};
use reflow_geometry::kernels::text::font::{SANS, draw, read};
use reflow_geometry::kernels::text::layout::{Align, Setting};

const WIDTH: u32 = 600;
const HEIGHT: u32 = 800;

/// A layer with one shape.
fn layer(path: &BezPath, fill: [u8; 4], outline: Option<[u8; 4]>) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let line = |color| Line {
        color,
        width: 6.0,
        cap: Cap::Round,
        join: Join::Round,
        dashes: vec![24.0, 14.0],
        dash_offset: 0.0,
    };
    let drawing = Drawing {
        size: (WIDTH, HEIGHT),
        background: [0; 4],
        fill: Some(fill),
        line: outline.map(line),
        placement: Placement { x: 0.0, y: 0.0, scale: 1.0, rotation: 0.0 },
        smooth: true,
    };
    Ok(drawing.draw(path)?)
}

/// A layer with a text whose first line begins at a height, in the middle.
fn text(content: &str, size: f32, top: f32, color: [u8; 3]) -> Result<Vec<u8>, Box<dyn std::error::Error>> {
    let face = read(SANS)?;
    let setting = Setting { size, align: Align::Center, max_width: 520.0, line_height: 1.3, letter_spacing: 0.0 };
    let layout = setting.lay_out(&face, content);
    let left = (WIDTH as f32 - layout.width) / 2.0;
    let mut pixels = vec![0; (WIDTH * HEIGHT * 4) as usize];
    for glyph in &layout.glyphs {
        let picture = draw(&face, glyph.id, size)?;
        let (x, y) =
            ((left + glyph.x) as i64 + i64::from(picture.left), (top + glyph.y) as i64 - i64::from(picture.bottom));
        for (at, coverage) in (0_i64..).zip(&picture.coverage) {
            let width = i64::from(picture.width);
            let (x, y) = (x + at % width, y - i64::from(picture.height) + at / width);
            if (0..i64::from(WIDTH)).contains(&x) && (0..i64::from(HEIGHT)).contains(&y) {
                let place = ((y * i64::from(WIDTH) + x) * 4) as usize;
                let covered = pixels[place + 3].max(*coverage);
                pixels[place..place + 4].copy_from_slice(&[color[0], color[1], color[2], covered]);
            }
        }
    }
    Ok(pixels)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let file = std::env::args_os().nth(1).map_or_else(|| PathBuf::from("poster.png"), PathBuf::from);
    let mut poster = layer(&rectangle([300.0, 400.0], 600.0, 800.0, 0.0), [18, 24, 48, 255], None)?;
    let sun = layer(&ellipse([300.0, 280.0], 170.0, 170.0), [240, 120, 70, 255], None)?;
    let star = layer(&polygon([300.0, 280.0], &[250.0, 120.0], 24), [250, 210, 90, 255], None)?;
    let frame = layer(&rectangle([300.0, 400.0], 540.0, 740.0, 40.0), [0; 4], Some([250, 240, 220, 255]))?;
    for (pixels, blend, opacity) in [
        (star, Blend::Screen, 0.55),
        (sun, Blend::HardLight, 0.9),
        (frame, Blend::Normal, 1.0),
        (text("offbit reflow", 64.0, 500.0, [250, 240, 220])?, Blend::Normal, 1.0),
        (text("Actors that pass packets. Λόγος, Слово, שלום, سلام", 30.0, 620.0, [200, 210, 240])?, Blend::Normal, 1.0),
    ] {
        over(&mut poster, &pixels, blend, opacity);
    }
    image::RgbaImage::from_raw(WIDTH, HEIGHT, poster).ok_or("no picture")?.save(file)?;
    Ok(())
}
