//! `tpl_glyph_atlas`.

use reflow_component::prelude::*;
use reflow_message::Buffer;

use crate::kernels::text::atlas::Style;
use crate::kernels::text::font::{advance, read};

/// The most characters.
const MOST_CHARACTERS: usize = 65_536;

/// Draws the characters of a font into one picture.
///
/// A font makes an atlas, and every other packet sends the last one again. A pixel is how much of it a glyph covers, or with `sdf`
/// its distance to the edge: 128 at the edge, more inside, and 8 pixels around the glyph. Glyphs of a distance field are drawn at
/// four times `fontSize`.
///
/// `metrics` has an object for every character. `x`, `y`, `w` and `h` are pixels of the atlas; `advance`, `bearing_x` (the left edge),
/// `bearing_y` (the bottom) and `bearing_top` count from the pen and the baseline in pixels of `fontSize`, and `scale` is how many
/// pixels of the atlas are one of these. Edges include the `padding`.
#[derive(Component)]
#[component(id = "tpl_glyph_atlas", title = "Glyph Atlas", category = "text", heavy)]
#[inport("font_data": Bytes, required, "A font: TrueType or OpenType.")]
#[inport(tick: Any, "Whatever comes asks for the atlas again.")]
#[outport(atlas: Bytes, "A byte a pixel, rows from top to bottom.")]
#[outport(metrics: JsonObject, "Where each character is, and how it stands beside its neighbours.")]
#[outport("atlas_size": Json, "Width and height of the atlas, as a list.")]
#[outport(error: ErrorText, "Why there is no atlas.")]
#[example(
    steps = r#"[{"font_data": {"type": "Bytes", "data": [1, 2, 3]}}]"#,
    outputs = r#"[{"error": [{"type": "Error", "data": "The bytes are no font that can be read (TrueType or OpenType)"}]}]"#
)]
pub(super) struct GlyphAtlas {
    /// Pixels an em.
    #[config(key = "fontSize", default = 64.0, unit = "pixels", lenient)]
    size: f64,
    /// Whether pixels are distances to the edge.
    #[config(key = "sdf", default = true, lenient)]
    is_distance: bool,
    /// Characters besides those of ASCII.
    #[config(default = String::new(), lenient)]
    characters: String,
    #[state]
    made: Option<Made>,
}

/// The last atlas.
struct Made {
    font: Buffer,
    pixels: Buffer,
    metrics: Value,
    size: Value,
}

impl Actor for GlyphAtlas {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if let Some(font) = tick.read(Self::IN_FONT_DATA)
            && self.made.as_ref().is_none_or(|made| made.font != font)
        {
            match self.make(font) {
                Ok(made) => self.made = Some(made),
                Err(problem) => return tick.report(Self::OUT_ERROR, problem),
            }
        }
        if let Some(made) = &self.made {
            tick.write(Self::OUT_ATLAS, made.pixels.clone());
            tick.write(Self::OUT_METRICS, made.metrics.clone());
            tick.write(Self::OUT_ATLAS_SIZE, made.size.clone());
        }
        Ok(())
    }
}

impl GlyphAtlas {
    fn make(&self, font: Buffer) -> Result<Made, String> {
        let face = read(&font).map_err(|error| error.to_string())?;
        let mut characters: Vec<char> = (' '..='~').chain(self.characters.chars()).take(MOST_CHARACTERS).collect();
        let mut seen = std::collections::BTreeSet::new();
        characters.retain(|character| seen.insert(*character));
        // Characters that the font does not have share one glyph.
        let glyph = |character: &char| face.glyph_index(*character).map_or(0, |glyph| glyph.0);
        let mut glyphs: Vec<u16> = characters.iter().map(glyph).collect();
        let of_character = glyphs.clone();
        let mut drawn = std::collections::BTreeSet::new();
        glyphs.retain(|glyph| drawn.insert(*glyph));
        let style = Style { size: self.size as f32, is_distance: self.is_distance, oversampled: true, narrowest: 512 };
        let atlas = style.atlas(&face, &glyphs).map_err(|error| error.to_string())?;
        let places: std::collections::BTreeMap<u16, _> = glyphs.iter().copied().zip(&atlas.places).collect();
        let scale = f64::from(style.scale());
        let unit = self.size / f64::from(face.units_per_em());
        let metrics = characters.iter().zip(of_character).filter_map(|(character, glyph)| {
            let place = places.get(&glyph)?;
            let top = f64::from(place.bottom) + f64::from(place.height);
            let metrics = Value::object([
                ("x", Value::from(place.x)),
                ("y", place.y.into()),
                ("w", place.width.into()),
                ("h", place.height.into()),
                ("advance", (f64::from(advance(&face, glyph)) * unit).into()),
                ("bearing_x", (f64::from(place.left) / scale).into()),
                ("bearing_y", (f64::from(place.bottom) / scale).into()),
                ("bearing_top", (top / scale).into()),
                ("scale", scale.into()),
                ("padding", style.padding().into()),
            ]);
            Some((character.to_string(), metrics))
        });
        let metrics = Value::object(metrics);
        let size = Value::array([atlas.width, atlas.height]);
        Ok(Made { pixels: atlas.pixels.into(), metrics, size, font })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::kernels::text::font::tests::mini;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn metrics_are_those_of_the_size_that_was_asked_for() {
        let font = json!({"font_data": {"type": "Bytes", "data": mini()}});
        for (is_distance, w, padding) in [(false, 50, 0.0), (true, 216, 2.0)] {
            let config = json!({"fontSize": 100, "sdf": is_distance});
            let outputs = run::<GlyphAtlas>(config, [font.clone(), json!({"tick": 1})]);
            assert_eq!(outputs[0], outputs[1]);
            let metrics = &outputs[0]["metrics"][0]["A"];
            assert_eq!((&metrics["w"], &metrics["advance"]), (&json!(w), &json!(70.0)));
            assert_eq!(metrics["bearing_x"], 10.0 - padding);
            assert_eq!(metrics["bearing_top"], 70.0 + padding);
        }
    }

    #[test]
    fn sizes_without_sense_are_told() {
        let font = json!({"font_data": {"type": "Bytes", "data": mini()}});
        let outputs = run::<GlyphAtlas>(json!({"fontSize": 0}), [font]);
        let text = outputs[0]["error"][0]["data"].as_str().unwrap_or_default();
        assert!(text.starts_with("A font size must be above 0"), "{text}");
    }
}
