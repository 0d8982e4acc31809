//! Fonts: TrueType and OpenType outlines.

pub use rustybuzz::Face;
use rustybuzz::ttf_parser::{GlyphId, OutlineBuilder, name_id};
use tiny_skia::{FillRule, Mask, Path, PathBuilder, Transform};

/// A font without serifs that comes along: Latin, Greek, Cyrillic, Hebrew and Arabic, arrows, signs, and faces among the emoji. Its
/// licence lies beside it.
pub static SANS: &[u8] = include_bytes!("../../../fonts/sans.ttf");

/// The largest size of a glyph, in pixels on a side.
const LARGEST_GLYPH: u32 = 8192;

/// Why bytes are not a font, or a glyph no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FontError {
    /// They cannot be read.
    #[error("The bytes are no font that can be read (TrueType or OpenType)")]
    Malformed,
    /// A size that makes no sense.
    #[error("A font size must be above 0, and its glyphs at most {LARGEST_GLYPH} pixels high")]
    Size,
}

/// Reads a font.
///
/// # Errors
/// When the bytes are none.
pub fn read(bytes: &[u8]) -> Result<Face<'_>, FontError> {
    Face::from_slice(bytes, 0).filter(|face| face.units_per_em() > 0).ok_or(FontError::Malformed)
}

/// The name of a font's family.
pub fn family(face: &Face<'_>) -> Option<String> {
    let mut names = face.names().into_iter().filter(|name| name.name_id == name_id::FAMILY);
    names.find_map(|name| name.to_string())
}

/// A glyph as pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Picture {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// From the pen to its left edge, in pixels.
    pub left: i32,
    /// From the baseline up to its bottom, in pixels.
    pub bottom: i32,
    /// How much of each pixel is covered, row by row from the top.
    pub coverage: Vec<u8>,
}

impl Picture {
    /// The glyph with empty pixels around.
    #[must_use]
    pub fn padded(&self, padding: u32) -> Self {
        let (width, height) = (self.width + 2 * padding, self.height + 2 * padding);
        let mut coverage = vec![0; (width * height) as usize];
        for (row, line) in self.coverage.chunks_exact(self.width.max(1) as usize).enumerate() {
            let start = (row + padding as usize) * width as usize + padding as usize;
            coverage[start..start + line.len()].copy_from_slice(line);
        }
        let padding = padding as i32;
        Self { width, height, left: self.left - padding, bottom: self.bottom - padding, coverage }
    }
}

/// How wide a glyph is, in units of the font.
pub fn advance(face: &Face<'_>, glyph: u16) -> f32 {
    face.glyph_hor_advance(GlyphId(glyph)).map_or(0.0, f32::from)
}

/// How many pixels a glyph has in a row, and how many rows, `size` pixels an em.
///
/// # Errors
/// When it would be too large.
pub fn extent(face: &Face<'_>, glyph: u16, size: f32) -> Result<(u32, u32), FontError> {
    Ok(shape(face, glyph, size)?.map_or((0, 0), |shape| (shape.width, shape.height)))
}

/// Draws a glyph, `size` pixels an em; one without an outline has no pixels.
///
/// # Errors
/// When it would be too large.
pub fn draw(face: &Face<'_>, glyph: u16, size: f32) -> Result<Picture, FontError> {
    let Some(Shape { path, left, top, width, height }) = shape(face, glyph, size)? else {
        return Ok(Picture::default());
    };
    let Some(mut mask) = Mask::new(width, height) else { return Ok(Picture::default()) };
    mask.fill_path(&path, FillRule::Winding, true, Transform::from_translate(-left, -top));
    Ok(Picture { width, height, left: left as i32, bottom: -(top as i32 + height as i32), coverage: mask.take() })
}

/// The outline of a glyph, its left upper corner, and how many pixels it covers.
struct Shape {
    path: Path,
    left: f32,
    top: f32,
    width: u32,
    height: u32,
}

/// The shape of a glyph, if it has an outline.
fn shape(face: &Face<'_>, glyph: u16, size: f32) -> Result<Option<Shape>, FontError> {
    if size.is_nan() || size <= 0.0 || size > LARGEST_GLYPH as f32 {
        return Err(FontError::Size);
    }
    let Some(path) = outline(face, glyph, size / f32::from(face.units_per_em() as u16)) else { return Ok(None) };
    let bounds = path.bounds();
    let (left, top) = (bounds.left().floor(), bounds.top().floor());
    let (width, height) = ((bounds.right().ceil() - left) as u32, (bounds.bottom().ceil() - top) as u32);
    if width > LARGEST_GLYPH || height > LARGEST_GLYPH {
        return Err(FontError::Size);
    }
    Ok(Some(Shape { path, left, top, width, height }))
}

/// The outline of a glyph; y points down, and 0 is the baseline.
fn outline(face: &Face<'_>, glyph: u16, scale: f32) -> Option<Path> {
    let mut outline = Outline { builder: PathBuilder::new(), scale };
    face.outline_glyph(GlyphId(glyph), &mut outline)?;
    outline.builder.finish()
}

struct Outline {
    builder: PathBuilder,
    scale: f32,
}

impl OutlineBuilder for Outline {
    fn move_to(&mut self, x: f32, y: f32) {
        self.builder.move_to(x * self.scale, -y * self.scale);
    }

    fn line_to(&mut self, x: f32, y: f32) {
        self.builder.line_to(x * self.scale, -y * self.scale);
    }

    fn quad_to(&mut self, x1: f32, y1: f32, x: f32, y: f32) {
        let scale = self.scale;
        self.builder.quad_to(x1 * scale, -y1 * scale, x * scale, -y * scale);
    }

    fn curve_to(&mut self, x1: f32, y1: f32, x2: f32, y2: f32, x: f32, y: f32) {
        let scale = self.scale;
        self.builder.cubic_to(x1 * scale, -y1 * scale, x2 * scale, -y2 * scale, x * scale, -y * scale);
    }

    fn close(&mut self) {
        self.builder.close();
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A font with one letter, `A`: a box of 500 by 700 units that begins at 100, an em being 1000.
    pub(crate) fn mini() -> Vec<u8> {
        use base64::Engine;
        base64::engine::general_purpose::STANDARD.decode(MINI).unwrap()
    }

    const MINI: &str = "AAEAAAAHAEAAAgAwY21hcAAMAHQAAAB8AAAALGdseWYDvgYYAAAAqAAAACRoZWFkYWtDoQAAAMwAAAA2aGhlYQV6AfcAAAEEAAAAJGhtdHgEsABkAAABKAAAAAhsb2NhABIAAAAAATAAAAAGbWF4cAAEAAUAAAE4AAAAIAAAAAEAAwABAAAADAAEACAAAAAEAAQAAQAAAEH//wAAAEH////AAAEAAAAAAAEAZAAAAlgCvAADAAABAQEBAGQAAAH0AAAAAAK8AAD9RAAAAAEAAAABAAAAAAAAXw889QAAA+gAAAAAAAAAAAAAAAAAAAAAAAAAAAJYArwAAAAIAAIAAAAAAAAAAQAAAyD/OAAAArwAAAAAAlgAAQAAAAAAAAAAAAAAAAAAAAIB9AAAArwAZAAAAAAAEgAAAAEAAAACAAQAAQAAAAAAAQAAAAAAAAAAAAAAAAAAAAA=";

    #[test]
    fn a_box_covers_what_it_should() {
        let bytes = mini();
        let face = read(&bytes).unwrap();
        let glyph = face.glyph_index('A').unwrap().0;
        let picture = draw(&face, glyph, 100.0).unwrap();
        assert_eq!((picture.width, picture.height, picture.left, picture.bottom), (50, 70, 10, 0));
        assert!(picture.coverage.iter().all(|byte| *byte == 255));
        assert_eq!(advance(&face, glyph), 700.0);
        let padded = picture.padded(2);
        assert_eq!((padded.width, padded.left, padded.bottom), (54, 8, -2));
        assert_eq!(padded.coverage.iter().map(|byte| u32::from(*byte)).sum::<u32>(), 3500 * 255);
        assert_eq!(draw(&face, glyph, f32::NAN), Err(FontError::Size));
        assert_eq!(draw(&face, 0, 10.0), Ok(Picture::default()));
    }

    #[test]
    fn the_font_that_comes_along_has_what_it_should() {
        let face = read(SANS).unwrap();
        assert_eq!(family(&face).as_deref(), Some("DejaVu Sans"));
        for letter in "Aéßłž Ωж€“א… لا→☀♥✓😀".chars() {
            assert!(face.glyph_index(letter).is_some(), "{letter}");
        }
    }

    proptest! {
        #[test]
        fn cut_and_changed_fonts_are_drawn_or_refused(cut in 0..400_usize, at in 0..400_usize, byte in any::<u8>()) {
            let mut bytes = mini();
            if let Some(place) = bytes.get_mut(at) {
                *place = byte;
            }
            bytes.truncate(cut);
            if let Ok(face) = read(&bytes) {
                let _ = (draw(&face, 1, 20.0), advance(&face, 1), family(&face));
            }
        }
    }
}
