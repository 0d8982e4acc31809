//! `tpl_text_render`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use parking_lot::Mutex;
use reflow_assets::Store;
use reflow_component::prelude::*;
use reflow_geometry::kernels::text::atlas::{Atlas, Place, Style};
use reflow_geometry::kernels::text::font::{Face, read};
use reflow_geometry::kernels::text::layout::{Align, Glyph, Layout};

use super::setting::setting;
use super::texts::{Text as EntityText, of_each};
use crate::database::{Database, Selection, named};
use crate::values::object;

/// How many atlases are kept.
const MOST_ATLASES: usize = 64;

/// What an atlas is of: a font by its content, a size, and whether pixels are distances.
type Key = (Arc<str>, u32, bool);

/// The atlases of this process, with the glyphs of each.
static ATLASES: Mutex<BTreeMap<Key, Arc<Drawn>>> = Mutex::new(BTreeMap::new());

/// An atlas and where each glyph is in it.
struct Drawn {
    atlas: Atlas,
    places: BTreeMap<u16, Place>,
}

/// Lays out the texts of entities as quads with pieces of a picture.
///
/// The component `text` of an entity has `content`, and may have `font` (the id of a font asset; a font comes along for texts that name
/// none), `fontSize` (16 pixels), `color`, `align` (left, center, right), `maxWidth` (0 for lines as wide as they are), `lineHeight`
/// (1.2 ems), `letterSpacing`, `sdf`, `outline` and `shadow`. Lines break between words, and inside of one only when it is too wide;
/// scripts from right to left, joined letters and marks are set as the font says, and a question mark stands for what the font does
/// not have.
///
/// All glyphs of a font and a size share one picture, a byte a pixel, which is stored as the asset `NAME:atlas_SIZE_bmp`, with `sdf` as
/// distances to the edge under `NAME:atlas_SIZE_sdf`. A quad has the letters that it stands for, its left upper corner and its size in
/// pixels, y pointing down, and `uv` from left, top to right, bottom.
#[derive(Component)]
#[component(id = "tpl_text_render", title = "Text Render", category = "text", blocking, open_ports)]
#[inport(tick: Any, "Whatever comes asks for the quads.")]
#[inport("entity_id": Text, "The entity, instead of those of the config.")]
#[outport("text_quads": Json, "A list with an object for each entity, when there is any.")]
#[outport(metadata: JsonObject, "The number of entities whose text was laid out.")]
#[outport(error: ErrorText, "Which texts were left out, and why.")]
#[example(
    config = r#"{"$db": ":memory:docs", "entity": "ghost"}"#,
    steps = r#"[{"tick": 1}]"#,
    outputs = r#"[{"metadata": [{"textEntitiesProcessed": 0}]}]"#
)]
pub(super) struct TextRender {
    #[config(group)]
    database: Database,
    #[config(group)]
    selection: Selection,
}

impl Actor for TextRender {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let store = self.database.store()?;
        let selection = (&self.selection, named(tick, Self::IN_ENTITY_ID));
        let quads = of_each(tick, &store, selection, "text", Self::OUT_ERROR, |text| render(&store, text))?;
        let count = Value::from(quads.len());
        if !quads.is_empty() {
            tick.write(Self::OUT_TEXT_QUADS, Value::array(quads));
        }
        tick.write(Self::OUT_METADATA, object([("textEntitiesProcessed", count)]));
        Ok(())
    }
}

/// The quads of a text.
fn render(store: &Store, text: &EntityText<'_>) -> Result<Value, String> {
    let EntityText { entity, component, content, font, bytes } = text;
    let face = read(bytes).map_err(|error| error.to_string())?;
    let setting = setting(component, 16.0, Align::Left, 0.0);
    let is_distance = component.get("sdf").and_then(Value::as_boolean).unwrap_or(false);
    let layout = setting.lay_out(&face, content);
    let style = Style { size: setting.size, is_distance, oversampled: false, narrowest: 256 };
    let key = (reflow_assets::content_hash(bytes), setting.size.to_bits(), is_distance);
    let drawn = drawn(&key, &style, &face, &layout)?;
    let kind = if is_distance { "sdf" } else { "bmp" };
    let id = format!("{}:atlas_{}_{kind}", reflow_assets::entity_of(font), setting.size);
    keep(store, &id, &drawn.atlas, is_distance).map_err(|error| error.to_string())?;
    let color = component.get("color").cloned().unwrap_or_else(|| Value::array([1.0; 4]));
    let note = |key: &str| component.get(key).cloned().unwrap_or_default();
    Ok(object([
        ("entity", Value::from(*entity)),
        ("quads", quads(&drawn, &layout)),
        ("atlasWidth", drawn.atlas.width.into()),
        ("atlasHeight", drawn.atlas.height.into()),
        ("textWidth", f64::from(layout.width).into()),
        ("textHeight", f64::from(layout.height).into()),
        ("color", color),
        ("sdf", is_distance.into()),
        ("font", (*font).into()),
        ("outline", note("outline")),
        ("shadow", note("shadow")),
    ]))
}

/// The atlas with all glyphs of a text; one that has them is used again.
fn drawn(key: &Key, style: &Style, face: &Face<'_>, layout: &Layout) -> Result<Arc<Drawn>, String> {
    let needed: BTreeSet<u16> = layout.glyphs.iter().map(|glyph| glyph.id).collect();
    let known = ATLASES.lock().get(key).cloned();
    if let Some(known) = known.as_ref().filter(|known| needed.iter().all(|glyph| known.places.contains_key(glyph))) {
        return Ok(Arc::clone(known));
    }
    let printable = (' '..='~').filter_map(|character| Some(face.glyph_index(character)?.0));
    let earlier = known.iter().flat_map(|known| known.places.keys().copied());
    let glyphs: Vec<u16> =
        needed.iter().copied().chain(printable).chain(earlier).collect::<BTreeSet<_>>().into_iter().collect();
    let atlas = style.atlas(face, &glyphs).map_err(|error| error.to_string())?;
    let places = glyphs.into_iter().zip(atlas.places.iter().copied()).collect();
    let drawn = Arc::new(Drawn { atlas, places });
    let mut atlases = ATLASES.lock();
    if atlases.len() >= MOST_ATLASES {
        atlases.clear();
    }
    atlases.insert(key.clone(), Arc::clone(&drawn));
    Ok(drawn)
}

/// Stores an atlas, unless the database has it.
fn keep(store: &Store, id: &str, atlas: &Atlas, is_distance: bool) -> Result<(), reflow_assets::AssetError> {
    let hash = reflow_assets::content_hash(&atlas.pixels);
    if store.entry(id)?.is_some_and(|entry| entry.hash == hash) {
        return Ok(());
    }
    let metadata = object([
        ("width", Value::from(atlas.width)),
        ("height", atlas.height.into()),
        ("sdf", is_distance.into()),
        ("channels", 1.into()),
    ]);
    store.put(id, &atlas.pixels, metadata)
}

fn quads(drawn: &Drawn, layout: &Layout) -> Value {
    let [width, height] = [drawn.atlas.width, drawn.atlas.height].map(f64::from);
    let quad = |glyph: &Glyph| {
        let place = drawn.places.get(&glyph.id).copied().unwrap_or_default();
        let top = glyph.y - (place.bottom as f32 + place.height as f32);
        let uv = [
            f64::from(place.x) / width,
            f64::from(place.y) / height,
            f64::from(place.x + place.width) / width,
            f64::from(place.y + place.height) / height,
        ];
        object([
            ("char", Value::from(glyph.text.as_str())),
            ("x", f64::from(glyph.x + place.left as f32).into()),
            ("y", f64::from(top).into()),
            ("width", place.width.into()),
            ("height", place.height.into()),
            ("uv", Value::array(uv)),
        ])
    };
    Value::array(layout.glyphs.iter().map(quad))
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn letters_of_different_height_share_a_baseline() {
        let database = ":memory:text_render_baseline";
        let store = Store::open(database).unwrap();
        let text = json!({"content": "Ax\u{5d0}", "fontSize": 40});
        store.put_json("label:text", (&text).into(), Value::Null).unwrap();
        let outputs = run::<TextRender>(json!({"$db": database}), [json!({"tick": 1})]);
        let text = &outputs[0]["text_quads"][0]["data"][0];
        let bottom = |index: usize| {
            let quad = &text["quads"][index];
            quad["y"].as_f64().unwrap() + quad["height"].as_f64().unwrap()
        };
        assert!((bottom(0) - bottom(1)).abs() <= 1.0, "{text}");
        assert!(text["quads"][0]["y"].as_f64() < text["quads"][1]["y"].as_f64());
        let entry = store.entry("default:atlas_40_bmp").unwrap().unwrap();
        assert_eq!(entry.metadata.get("width"), Some(&text["atlasWidth"].as_i64().unwrap().into()));
    }

    #[test]
    fn texts_that_are_left_out_are_told() {
        let database = ":memory:text_render_left_out";
        let store = Store::open(database).unwrap();
        for (id, text) in [
            ("a:text", json!({"content": "", "font": "x:font"})),
            ("b:text", json!({"content": "x", "font": "x:font"})),
            ("c:text", json!({"content": "x", "fontSize": -5})),
            ("d:text", json!({"content": "x"})),
        ] {
            store.put_json(id, (&text).into(), Value::Null).unwrap();
        }
        let outputs = run::<TextRender>(json!({"$db": database}), [json!({"tick": 1})]);
        assert_eq!(outputs[0]["metadata"][0]["textEntitiesProcessed"], 1);
        let text = outputs[0]["error"][0]["data"].as_str().unwrap();
        assert!(
            text.starts_with("a: it has no content; b: Entity not found: x:font; c: A font size must be"),
            "{text}"
        );
    }
}
