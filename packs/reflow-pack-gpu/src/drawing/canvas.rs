//! Pixels that are painted on: colours with straight alpha go in and come out, in between they are multiplied.

use reflow_geometry::kernels::raster::is_drawable;
use tiny_skia::{FillRule, Mask, Path, Transform};

/// Red, green, blue and alpha, from 0 to 1.
pub(super) type Color = [f32; 4];

/// A picture that is painted on.
pub(super) struct Canvas {
    pub(super) width: usize,
    pub(super) height: usize,
    /// Colours times their alpha.
    pixels: Vec<Color>,
}

impl Canvas {
    pub(super) fn new(width: usize, height: usize, background: Color) -> Self {
        let [r, g, b, a] = background.map(|part| part.clamp(0.0, 1.0));
        Self { width, height, pixels: vec![[r * a, g * a, b * a, a]; width * height] }
    }

    /// Lays a colour over a pixel.
    pub(super) fn over(&mut self, x: usize, y: usize, [r, g, b, a]: Color, coverage: f32) {
        let alpha = (a * coverage).clamp(0.0, 1.0);
        if alpha.is_nan() || alpha <= 0.0 {
            return;
        }
        let pixel = &mut self.pixels[y * self.width + x];
        for (below, above) in pixel.iter_mut().zip([r * alpha, g * alpha, b * alpha, alpha]) {
            *below = above + *below * (1.0 - alpha);
        }
    }

    /// The rows and columns within a rectangle.
    pub(super) fn within(
        &self,
        [left, top, right, bottom]: [f32; 4],
    ) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let range = |from: f32, to: f32, side: usize| {
            let from = (from.floor().max(0.0) as usize).min(side);
            from..(to.ceil().max(0.0) as usize).min(side).max(from)
        };
        (range(left, right, self.width), range(top, bottom, self.height))
    }

    /// Fills a path.
    ///
    /// # Errors
    /// When it leaves the numbers there are.
    pub(super) fn fill(&mut self, path: &Path, transform: Transform, color: Color) -> Result<(), String> {
        let bounds = path.bounds().transform(transform).filter(|_| is_drawable(path, transform, 0.0));
        let bounds = bounds.ok_or("it is too large to be drawn, or not finite")?;
        let (columns, rows) = self.within([bounds.left(), bounds.top(), bounds.right(), bounds.bottom()]);
        // Nothing of it is in the picture.
        let Some(mut mask) = Mask::new(columns.len() as u32, rows.len() as u32) else { return Ok(()) };
        let transform = transform.post_translate(-(columns.start as f32), -(rows.start as f32));
        mask.fill_path(path, FillRule::Winding, true, transform);
        let width = columns.len();
        for (at, coverage) in mask.data().iter().enumerate().filter(|(_, coverage)| **coverage > 0) {
            let (x, y) = (columns.start + at % width, rows.start + at / width);
            self.over(x, y, color, f32::from(*coverage) / 255.0);
        }
        Ok(())
    }

    /// The bytes, with straight alpha.
    pub(super) fn finish(self) -> Vec<u8> {
        let byte = |value: f32| (value.clamp(0.0, 1.0) * 255.0).round() as u8;
        let pixel = |[r, g, b, a]: Color| {
            let part = |value: f32| if a > 0.0 { byte(value / a) } else { 0 };
            [part(r), part(g), part(b), byte(a)]
        };
        self.pixels.into_iter().flat_map(pixel).collect()
    }
}
