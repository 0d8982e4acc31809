//! Many pictures of glyphs in one.

use rustybuzz::Face;

use super::distance::field;
use super::font::{FontError, Picture, draw, extent};

/// How far a distance field reaches around a glyph.
pub const SPREAD: u32 = 8;

/// By how much glyphs are drawn larger for a distance field.
const OVERSAMPLING: f32 = 4.0;

/// The largest width.
const WIDEST: u32 = 4096;

/// The largest height.
const HIGHEST: u32 = 8192;

/// How glyphs are drawn.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Style {
    /// Pixels an em.
    pub size: f32,
    /// Whether pixels are distances to the edge instead of coverage.
    pub is_distance: bool,
    /// Whether glyphs of a distance field are drawn at four times their size.
    pub oversampled: bool,
    /// The smallest width.
    pub narrowest: u32,
}

/// Why there is no atlas.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AtlasError {
    /// A glyph cannot be drawn.
    #[error(transparent)]
    Font(#[from] FontError),
    /// There are too many glyphs, or too large ones.
    #[error("{0} glyphs do not fit into {WIDEST} × {HIGHEST} pixels")]
    Full(usize),
}

/// Where a glyph is in the atlas, and where it stands beside its pen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// From the left, in pixels of the atlas.
    pub x: u32,
    /// From the top.
    pub y: u32,
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// From the pen to its left edge, in pixels of the atlas.
    pub left: i32,
    /// From the baseline up to its bottom, in pixels of the atlas.
    pub bottom: i32,
}

/// Glyphs in one picture.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Atlas {
    /// Pixels in a row.
    pub width: u32,
    /// Rows.
    pub height: u32,
    /// The pixels, row by row from the top.
    pub pixels: Vec<u8>,
    /// The glyphs, in the order in which they were asked for.
    pub places: Vec<Place>,
}

impl Style {
    /// Pixels of the atlas for a pixel of the text.
    pub fn scale(&self) -> f32 {
        if self.is_distance && self.oversampled { OVERSAMPLING } else { 1.0 }
    }

    /// Pixels around a glyph.
    pub fn padding(&self) -> u32 {
        if self.is_distance { SPREAD } else { 0 }
    }

    /// Draws glyphs and packs them in rows, a pixel apart.
    ///
    /// # Errors
    /// When they are too large or too many.
    pub fn atlas(&self, face: &Face<'_>, glyphs: &[u16]) -> Result<Atlas, AtlasError> {
        let size = self.size * self.scale();
        let margin = 2 * self.padding();
        // Glyphs find their places before any is drawn: drawing is what takes the time.
        let sizes = glyphs.iter().map(|glyph| match extent(face, *glyph, size)? {
            (0, _) | (_, 0) => Ok((0, 0)),
            (width, height) => Ok((width + margin, height + margin)),
        });
        let sizes = sizes.collect::<Result<Vec<_>, FontError>>()?;
        let mut atlas = pack(&sizes, self.narrowest).ok_or(AtlasError::Full(glyphs.len()))?;
        for (at, glyph) in glyphs.iter().enumerate() {
            let picture = draw(face, *glyph, size)?;
            let picture = if self.is_distance && picture.width > 0 { field(&picture, SPREAD) } else { picture };
            atlas.put(at, &picture);
        }
        Ok(atlas)
    }
}

impl Atlas {
    /// Copies a glyph to its place.
    fn put(&mut self, at: usize, picture: &Picture) {
        let place = &mut self.places[at];
        (place.left, place.bottom) = (picture.left, picture.bottom);
        for (line, source) in picture.coverage.chunks_exact(place.width.max(1) as usize).enumerate() {
            let start = (place.y as usize + line) * self.width as usize + place.x as usize;
            self.pixels[start..start + source.len()].copy_from_slice(source);
        }
    }
}

/// Finds a place for each size, in rows, a pixel apart; `None` when they do not fit.
fn pack(sizes: &[(u32, u32)], narrowest: u32) -> Option<Atlas> {
    let area: u64 = sizes.iter().map(|(width, height)| u64::from(width + 2) * u64::from(height + 2)).sum();
    let width = ((1.2 * (area as f64).sqrt()) as u32).min(WIDEST).next_power_of_two().max(narrowest);
    let (mut x, mut y, mut row) = (1, 1, 0);
    let mut places = Vec::with_capacity(sizes.len());
    for (wide, high) in sizes.iter().copied() {
        if x + wide + 1 > width {
            (x, y, row) = (1, y + row + 1, 0);
        }
        if x + wide + 1 > width || y + high + 1 > HIGHEST {
            return None;
        }
        places.push(Place { x, y, width: wide, height: high, ..Place::default() });
        x += wide + 1;
        row = row.max(high);
    }
    let height = (y + row + 1).next_power_of_two();
    Some(Atlas { width, height, pixels: vec![0; width as usize * height as usize], places })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn pictures_lie_apart_and_unchanged(sizes in prop::collection::vec((0..40_u32, 0..40_u32), 1..60)) {
            let pictures: Vec<Picture> = sizes
                .iter()
                .enumerate()
                .map(|(index, (width, height))| Picture {
                    width: *width,
                    height: *height,
                    coverage: vec![index as u8 + 1; (width * height) as usize],
                    ..Picture::default()
                })
                .collect();
            let mut atlas = pack(&sizes, 64).unwrap();
            for (at, picture) in pictures.iter().enumerate() {
                atlas.put(at, picture);
            }
            for (index, place) in atlas.places.iter().enumerate() {
                let inside = (0..place.height).flat_map(|dy| (0..place.width).map(move |dx| (dx, dy)));
                for (dx, dy) in inside {
                    let pixel = atlas.pixels[((place.y + dy) * atlas.width + place.x + dx) as usize];
                    prop_assert_eq!(usize::from(pixel), index + 1);
                }
            }
            let covered = sizes.iter().map(|(width, height)| (width * height) as usize).sum::<usize>();
            prop_assert_eq!(atlas.pixels.iter().filter(|pixel| **pixel > 0).count(), covered);
        }
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let bytes = super::super::font::tests::mini();
        let face = super::super::font::read(&bytes).unwrap();
        let style = Style { size: 4000.0, is_distance: false, oversampled: false, narrowest: 256 };
        assert_eq!(style.atlas(&face, &[1; 9]), Err(AtlasError::Full(9)));
    }

    #[test]
    fn what_does_not_fit_is_not_drawn_first() {
        let face = super::super::font::read(super::super::font::SANS).unwrap();
        let glyphs: Vec<u16> = (' '..='~').map(|letter| face.glyph_index(letter).unwrap().0).collect();
        let style = Style { size: 1800.0, is_distance: true, oversampled: true, narrowest: 512 };
        let begun = std::time::Instant::now();
        assert_eq!(style.atlas(&face, &glyphs), Err(AtlasError::Full(95)));
        // Drawn, the glyphs that fit take half a minute in a build for debugging.
        assert!(begun.elapsed() < std::time::Duration::from_secs(5), "{:?}", begun.elapsed());
    }
}
