//! Glyphs as boxes, for shapes that are made of simple ones.

use rustybuzz::Face;

use super::distance::squared_distances;
use super::font::{FontError, draw};

/// How much finer a glyph is drawn than the boxes are.
const FINER: usize = 4;

/// A box: where its left lower corner is, and how large it is, in ems.
pub type Rectangle = [f32; 4];

/// Boxes that cover a glyph, side by side, less `margin` (in ems) at its edges; `resolution` of them make an em.
///
/// # Errors
/// When the glyph cannot be drawn.
pub fn rectangles(face: &Face<'_>, glyph: u16, resolution: u16, margin: f32) -> Result<Vec<Rectangle>, FontError> {
    let fine = f32::from(resolution) * FINER as f32;
    let picture = draw(face, glyph, fine)?;
    let (width, height) = (picture.width as usize, picture.height as usize);
    if width == 0 || height == 0 {
        return Ok(Vec::new());
    }
    // A pixel of nothing all around, so that the edge of the picture is one of the glyph.
    let padded = picture.padded(1);
    let outside = padded.coverage.iter().map(|byte| if *byte > 127 { f32::INFINITY } else { 0.0 });
    let distances = squared_distances(outside.collect(), (width + 2, height + 2));
    let (columns, rows) = (width.div_ceil(FINER), height.div_ceil(FINER));
    // Distances are between the centres of pixels; the edge is half a pixel nearer.
    let least = (margin * fine + 0.5).powi(2);
    let is_solid = |column: usize, row: usize| {
        let (x, y) = (column * FINER + FINER / 2, row * FINER + FINER / 2);
        distances[(y.min(height - 1) + 1) * (width + 2) + x.min(width - 1) + 1] >= least
    };
    let mut free: Vec<bool> = (0..rows * columns).map(|at| is_solid(at % columns, at / columns)).collect();
    let (left, bottom) = (picture.left as f32 / fine, picture.bottom as f32 / fine);
    let unit = FINER as f32 / fine;
    let mut rectangles = Vec::new();
    for start in 0..free.len() {
        if !free[start] {
            continue;
        }
        let (column, row) = (start % columns, start / columns);
        let wide = (column..columns).take_while(|at| free[row * columns + at]).count();
        let is_full = |row: usize| (column..column + wide).all(|at| free[row * columns + at]);
        let high = (row..rows).take_while(|row| is_full(*row)).count();
        for row in row..row + high {
            free[row * columns + column..][..wide].fill(false);
        }
        // Rows are counted from the top.
        let low = bottom + height as f32 / fine - (row + high) as f32 * unit;
        rectangles.push([left + column as f32 * unit, low, wide as f32 * unit, high as f32 * unit]);
    }
    Ok(rectangles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::text::font::{SANS, read, tests::mini};

    #[test]
    fn a_box_is_one_box() {
        let bytes = mini();
        let face = read(&bytes).unwrap();
        let boxes = rectangles(&face, 1, 20, 0.0).unwrap();
        // From 0.1 to 0.6 and from 0 to 0.7 ems.
        let [[x, y, width, height]] = boxes[..] else { panic!("{boxes:?}") };
        assert!([x - 0.1, y, width - 0.5, height - 0.7].iter().all(|error| error.abs() < 1e-5), "{boxes:?}");
        let [[.., width, _]] = rectangles(&face, 1, 20, 0.05).unwrap()[..] else { panic!() };
        assert!((width - 0.4).abs() < 0.06, "{width}");
    }

    #[test]
    fn boxes_have_the_area_of_the_glyph() {
        let face = read(SANS).unwrap();
        for letter in ['O', 'g', '8'] {
            let glyph = face.glyph_index(letter).unwrap().0;
            let picture = draw(&face, glyph, 200.0).unwrap();
            let area = picture.coverage.iter().map(|byte| f32::from(*byte) / 255.0).sum::<f32>() / 40_000.0;
            let boxes: f32 = rectangles(&face, glyph, 48, 0.0).unwrap().iter().map(|[.., w, h]| w * h).sum();
            assert!((area - boxes).abs() < 0.1 * area, "{letter}: {area} {boxes}");
        }
    }
}
