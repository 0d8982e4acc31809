//! Glyphs as pixels.

mod glyph_atlas;

use reflow_component::Entry;

pub(crate) fn components() -> Vec<Entry> {
    vec![Entry::of::<glyph_atlas::GlyphAtlas>()]
}
