//! Lines of text.

use reflow_geometry::kernels::text::font;
use reflow_geometry::kernels::text::layout::{Align, Setting};
use reflow_pack_sdk::prelude::*;

use super::canvas::{Canvas, Color};
use super::shape::list;

/// A text.
#[derive(Clone, Debug)]
pub(super) struct TextLine {
    content: String,
    x: f32,
    y: f32,
    size: f32,
    color: Color,
    tracking: f32,
    is_centered: bool,
    pub(super) z: f32,
    font: Option<String>,
}

/// From the top of a line to its baseline, in sizes.
const BASELINE: f32 = 0.78;

impl TextLine {
    pub(super) fn read(value: &Value, at: usize) -> Result<Self, String> {
        let number = |name: &str, otherwise: f32| {
            value.get(name).and_then(Value::as_number).map_or(otherwise, |number| number as f32)
        };
        let content = value.get("content").or_else(|| value.get("text")).and_then(Value::as_str);
        Ok(Self {
            content: content.ok_or_else(|| format!("text {at} has `content`"))?.to_string(),
            x: number("x", 0.0),
            y: number("y", 0.0),
            size: number("size", 48.0),
            color: list(value.get("color"), [1.0; 4]),
            tracking: number("tracking", 6.0),
            is_centered: value.get("center").and_then(Value::as_boolean).unwrap_or(false),
            z: number("z", 0.5),
            font: value.get("font").and_then(Value::as_str).map(ToString::to_string),
        })
    }

    /// Paints the text. `value` is what a name in the values of this frame says.
    pub(super) fn paint(&self, canvas: &mut Canvas, value: impl Fn(&str) -> Option<f32>) -> Result<(), String> {
        let own = self
            .font
            .as_ref()
            .map(|path| std::fs::read(path).map_err(|error| format!("cannot read the font `{path}`: {error}")));
        let own = own.transpose()?;
        let face = font::read(own.as_deref().unwrap_or(font::SANS)).map_err(|error| error.to_string())?;
        let setting = Setting {
            size: self.size,
            align: Align::Left,
            max_width: 0.0,
            line_height: 1.2,
            letter_spacing: self.tracking,
        };
        let layout = setting.lay_out(&face, &self.content);
        let first = layout.glyphs.first().map_or(0.0, |glyph| glyph.y);
        let left = if self.is_centered { self.x - (layout.width - self.tracking) / 2.0 } else { self.x };
        let mut letter = 0;
        for glyph in &layout.glyphs {
            let name = |what: &str| format!("c{letter}_{what}");
            let scale = value(&name("scale")).unwrap_or(1.0);
            let opacity = value(&name("opacity")).unwrap_or(1.0);
            let shift = value(&name("y")).unwrap_or(0.0);
            letter += 1;
            if scale < 0.001 || opacity < 0.01 {
                continue;
            }
            let picture = font::draw(&face, glyph.id, self.size * scale).map_err(|error| error.to_string())?;
            // Letters grow from the middle of their own width.
            let wide = font::advance(&face, glyph.id) * self.size / face.units_per_em() as f32;
            let pen = left + glyph.x + wide * (1.0 - scale) / 2.0;
            let baseline = self.y + BASELINE * self.size + (glyph.y - first) + shift;
            let (x, y) = (
                pen.round() as i64 + i64::from(picture.left),
                baseline.round() as i64 - i64::from(picture.bottom) - i64::from(picture.height),
            );
            let [r, g, b, a] = self.color;
            for (at, coverage) in picture.coverage.iter().enumerate().filter(|(_, coverage)| **coverage > 0) {
                let (column, row) =
                    (x + (at % picture.width as usize) as i64, y + (at / picture.width as usize) as i64);
                if let (Ok(column), Ok(row)) = (usize::try_from(column), usize::try_from(row))
                    && column < canvas.width
                    && row < canvas.height
                {
                    canvas.over(column, row, [r, g, b, a * opacity.clamp(0.0, 1.0)], f32::from(*coverage) / 255.0);
                }
            }
        }
        Ok(())
    }
}
