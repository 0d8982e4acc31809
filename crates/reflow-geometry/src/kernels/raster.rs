//! Paths as pixels.

use kurbo::{BezPath, PathEl};
use tiny_skia::{FillRule, LineCap, LineJoin, Paint, Path, PathBuilder, Pixmap, Stroke, StrokeDash, Transform};

use super::curve::LARGEST;

/// The most pixels of a picture.
const MOST_PIXELS: u64 = 1 << 26;

/// The most strokes that a dashed line is cut into.
const MOST_DASHES: f64 = 100_000.0;

/// Why there is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RasterError {
    /// A side is 0.
    #[error("A picture of {0} × {1} pixels is empty")]
    Empty(u32, u32),
    /// There are too many pixels.
    #[error("A picture of {0} × {1} pixels is too large (at most {MOST_PIXELS} pixels)")]
    TooLarge(u32, u32),
    /// The path leaves the numbers there are.
    #[error("The path is too large or not finite once it is transformed")]
    Path,
    /// The dashes are finer than anything that can be seen.
    #[error("The dashes are too short for the length of the path")]
    Dashes,
}

/// A line along a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Line {
    /// Red, green, blue and alpha.
    pub color: [u8; 4],
    /// How wide it is.
    pub width: f32,
    /// How it ends.
    pub cap: Cap,
    /// How it turns.
    pub join: Join,
    /// Strokes and gaps in turn; none for a solid line.
    pub dashes: Vec<f32>,
    /// Where in the dashes it begins.
    pub dash_offset: f32,
}

/// How a line ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// At its end.
    Butt,
    /// In a half circle.
    Round,
    /// Half of its width further out.
    Square,
}

/// How a line turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Join {
    /// In a point.
    Miter,
    /// In an arc.
    Round,
    /// Cut off.
    Bevel,
}

/// Where a path is drawn: it is scaled, then turned, then moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Placement {
    /// How far along x.
    pub x: f64,
    /// How far along y.
    pub y: f64,
    /// How much larger.
    pub scale: f64,
    /// By how many degrees, clockwise on screen.
    pub rotation: f64,
}

/// What is drawn of a path.
#[derive(Clone, Debug, PartialEq)]
pub struct Drawing {
    /// Pixels in a row, and rows.
    pub size: (u32, u32),
    /// The colour behind it.
    pub background: [u8; 4],
    /// The colour of its inside.
    pub fill: Option<[u8; 4]>,
    /// The line along it.
    pub line: Option<Line>,
    /// Where it is drawn.
    pub placement: Placement,
    /// Whether edges are smooth.
    pub smooth: bool,
}

impl Drawing {
    /// Draws a path: pixels of red, green, blue and straight alpha.
    ///
    /// # Errors
    /// When the picture is empty or too large, or the path cannot be drawn.
    pub fn draw(&self, path: &BezPath) -> Result<Vec<u8>, RasterError> {
        let (width, height) = fits(self.size)?;
        let outline = outline(path).ok_or(RasterError::Path)?;
        let mut pixmap = Pixmap::new(width, height).ok_or(RasterError::TooLarge(width, height))?;
        let [red, green, blue, alpha] = self.background;
        if alpha > 0 {
            pixmap.fill(tiny_skia::Color::from_rgba8(red, green, blue, alpha));
        }
        let transform = self.placement.transform();
        let width = self.line.as_ref().map_or(0.0, |line| line.width);
        if !is_drawable(&outline, transform, width) {
            return Err(RasterError::Path);
        }
        if let Some(color) = self.fill {
            pixmap.fill_path(&outline, &self.paint(color), FillRule::Winding, transform, None);
        }
        if let Some(line) = &self.line {
            let stroke = line.stroke(path)?;
            pixmap.stroke_path(&outline, &self.paint(line.color), &stroke, transform, None);
        }
        Ok(pixmap.take_demultiplied())
    }

    fn paint(&self, [red, green, blue, alpha]: [u8; 4]) -> Paint<'static> {
        let mut paint = Paint { anti_alias: self.smooth, ..Paint::default() };
        paint.set_color_rgba8(red, green, blue, alpha);
        paint
    }
}

impl Placement {
    fn transform(self) -> Transform {
        let [x, y, scale, rotation] = [self.x, self.y, self.scale, self.rotation].map(|number| number as f32);
        Transform::from_scale(scale, scale).post_rotate(rotation).post_translate(x, y)
    }
}

impl Line {
    fn stroke(&self, path: &BezPath) -> Result<Stroke, RasterError> {
        let sum: f32 = self.dashes.iter().sum();
        let length = if self.dashes.is_empty() { 0.0 } else { super::curve::measure(path).length };
        if length / f64::from(sum) * self.dashes.len() as f64 > MOST_DASHES {
            return Err(RasterError::Dashes);
        }
        // An odd number of dashes is repeated, as SVG does.
        let dashes = if self.dashes.len() % 2 == 1 { self.dashes.repeat(2) } else { self.dashes.clone() };
        Ok(Stroke {
            width: self.width,
            line_cap: match self.cap {
                Cap::Butt => LineCap::Butt,
                Cap::Round => LineCap::Round,
                Cap::Square => LineCap::Square,
            },
            line_join: match self.join {
                Join::Miter => LineJoin::Miter,
                Join::Round => LineJoin::Round,
                Join::Bevel => LineJoin::Bevel,
            },
            dash: if dashes.is_empty() { None } else { StrokeDash::new(dashes, self.dash_offset) },
            ..Stroke::default()
        })
    }
}

/// A size that a picture can have.
fn fits((width, height): (u32, u32)) -> Result<(u32, u32), RasterError> {
    match u64::from(width) * u64::from(height) {
        0 => Err(RasterError::Empty(width, height)),
        1..=MOST_PIXELS => Ok((width, height)),
        _ => Err(RasterError::TooLarge(width, height)),
    }
}

/// Whether a path can be drawn there, with a line of this width. Coordinates are 32-bit integers where edges are walked along: what
/// leaves them would panic there, or draw nothing.
pub fn is_drawable(outline: &Path, transform: Transform, width: f32) -> bool {
    transform.is_finite() && reaches(outline, transform, width).is_some_and(|reach| reach <= LARGEST)
}

/// How far from the origin anything of a path is drawn with a line of this width.
fn reaches(outline: &Path, transform: Transform, width: f32) -> Option<f64> {
    let bounds = outline.bounds().transform(transform)?;
    let sides = [bounds.left(), bounds.top(), bounds.right(), bounds.bottom()];
    let scale = transform.get_scale().0.max(transform.get_scale().1);
    // The point of a turn is at most so many halves of the width away.
    let line = f64::from(width.abs()) / 2.0 * f64::from(scale) * f64::from(Stroke::default().miter_limit);
    Some(sides.into_iter().map(|side| f64::from(side.abs())).fold(0.0, f64::max) + line)
}

/// The same path in 32 bits; `None` without anything to draw, or when a number is too large.
pub fn outline(path: &BezPath) -> Option<Path> {
    let mut builder = PathBuilder::new();
    for element in path.elements() {
        let [a, b, c] = match *element {
            PathEl::MoveTo(a) | PathEl::LineTo(a) => [a, a, a],
            PathEl::QuadTo(a, b) => [a, b, b],
            PathEl::CurveTo(a, b, c) => [a, b, c],
            PathEl::ClosePath => Default::default(),
        }
        .map(|point| (point.x as f32, point.y as f32));
        match element {
            PathEl::MoveTo(_) => builder.move_to(a.0, a.1),
            PathEl::LineTo(_) => builder.line_to(a.0, a.1),
            PathEl::QuadTo(..) => builder.quad_to(a.0, a.1, b.0, b.1),
            PathEl::CurveTo(..) => builder.cubic_to(a.0, a.1, b.0, b.1, c.0, c.1),
            PathEl::ClosePath => builder.close(),
        }
    }
    builder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::curve::parse;
    use proptest::prelude::*;

    fn drawing(size: (u32, u32)) -> Drawing {
        Drawing {
            size,
            background: [0; 4],
            fill: Some([255, 0, 0, 255]),
            line: None,
            placement: Placement { x: 0.0, y: 0.0, scale: 1.0, rotation: 0.0 },
            smooth: true,
        }
    }

    #[test]
    fn alpha_is_straight() {
        let path = parse("M0,0 h2 v2 h-2 z").unwrap();
        let pixels = Drawing { fill: Some([200, 100, 0, 128]), ..drawing((2, 2)) }.draw(&path).unwrap();
        assert!(pixels[0].abs_diff(200) <= 1 && pixels[1].abs_diff(100) <= 1, "{pixels:?}");
        assert_eq!(pixels[3], 128);
        // Half of a pixel is covered.
        let half = parse("M0,0 h0.5 v1 h-0.5 z").unwrap();
        let pixels = drawing((1, 1)).draw(&half).unwrap();
        assert_eq!(pixels[0], 255);
        assert!((120..=136).contains(&pixels[3]), "{pixels:?}");
    }

    #[test]
    fn a_path_is_scaled_then_turned_then_moved() {
        let placement = Placement { x: 3.0, y: 1.0, scale: 2.0, rotation: 90.0 };
        let path = parse("M0,0 h1 v1 h-1 z").unwrap();
        let pixels = Drawing { placement, ..drawing((4, 4)) }.draw(&path).unwrap();
        let filled: Vec<usize> = (0..16).filter(|at| pixels[at * 4 + 3] > 200).collect();
        // Turned by 90 degrees the square lies to the left of its origin: columns 1 and 2, rows 1 and 2.
        assert_eq!(filled, [5, 6, 9, 10]);
    }

    #[test]
    fn a_hole_is_a_part_in_the_other_direction() {
        let path = parse("M0,0 h3 v3 h-3 z M1,1 v1 h1 v-1 z").unwrap();
        let pixels = drawing((3, 3)).draw(&path).unwrap();
        assert_eq!(pixels[4 * 4 + 3], 0);
        assert_eq!(pixels[3], 255);
    }

    #[test]
    fn sizes_without_sense_are_refused() {
        let path = parse("M0,0 h1").unwrap();
        assert_eq!(drawing((0, 5)).draw(&path), Err(RasterError::Empty(0, 5)));
        assert_eq!(drawing((u32::MAX, u32::MAX)).draw(&path), Err(RasterError::TooLarge(u32::MAX, u32::MAX)));
        assert_eq!(fits((8192, 8192)), Ok((8192, 8192)), "as many as the text says");
        assert_eq!(fits((8192, 8193)), Err(RasterError::TooLarge(8192, 8193)));
        let line = Line {
            color: [0; 4],
            width: 1.0,
            cap: Cap::Butt,
            join: Join::Miter,
            dashes: vec![1e-9, 1e-9],
            dash_offset: 0.0,
        };
        let long = parse("M0,0 h1000000").unwrap();
        assert_eq!(Drawing { line: Some(line), ..drawing((1, 1)) }.draw(&long), Err(RasterError::Dashes));
    }

    #[test]
    fn what_reaches_too_far_is_refused() {
        let path = parse("M0,0 C10,0 10,10 0,10").unwrap();
        let line = |width| Line {
            color: [0, 0, 255, 255],
            width,
            cap: Cap::Butt,
            join: Join::Miter,
            dashes: Vec::new(),
            dash_offset: 0.0,
        };
        let drawn = |width, scale| {
            let placement = Placement { x: 0.0, y: 0.0, scale, rotation: 0.0 };
            Drawing { line: Some(line(width)), placement, ..drawing((4, 4)) }.draw(&path).map(|_| ())
        };
        assert_eq!(drawn(1e6, 100.0), Ok(()));
        for (width, scale) in
            [(1e12, 1.0), (1e30, 1.0), (f32::MAX, 1.0), (f32::INFINITY, 1.0), (1.0, 1e20), (1.0, -1e9)]
        {
            assert_eq!(drawn(width, scale), Err(RasterError::Path), "{width} {scale}");
        }
    }

    proptest! {
        #[test]
        fn no_path_makes_it_panic(
            text in "M[-0-9.]{1,6},[-0-9.]{1,6}( [LQCA][-0-9.e ]{1,40}){0,4}Z?", x in any::<f32>(), scale in any::<f32>(),
            width in any::<f32>(), dash in any::<f32>(),
        ) {
            let Ok(path) = parse(&text) else { return Ok(()) };
            let line = Line {
                color: [0, 0, 255, 255], width, cap: Cap::Round, join: Join::Miter, dashes: vec![dash; 3], dash_offset: x,
            };
            let placement = Placement { x: x.into(), y: 0.0, scale: scale.into(), rotation: 30.0 };
            let _ = Drawing { line: Some(line), placement, ..drawing((8, 8)) }.draw(&path);
        }
    }
}
