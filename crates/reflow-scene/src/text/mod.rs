//! Text of entities: fonts, quads and solids.

mod font_load;
mod fonts;
mod setting;
mod text_render;
mod text_sdf;
mod texts;

use reflow_component::Entry;

pub(crate) fn components() -> Vec<Entry> {
    vec![Entry::of::<font_load::FontLoad>(), Entry::of::<text_render::TextRender>(), Entry::of::<text_sdf::TextSdf>()]
}
