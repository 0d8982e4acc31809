//! `tpl_text_sdf`.

use std::collections::BTreeMap;

use reflow_component::prelude::*;
use reflow_geometry::kernels::text::font::read;
use reflow_geometry::kernels::text::layout::Align;
use reflow_geometry::kernels::text::solid::rectangles;

use super::setting::{number, setting};
use super::texts::{Text as EntityText, of_each};
use crate::database::{Database, Selection, named};
use crate::values::object;

/// The most boxes of a text.
const MOST_BOXES: usize = 50_000;

/// Makes the texts of entities solid, as signed distance fields.
///
/// The component `text_sdf` of an entity has `content`, and may have `font` (the id of a font asset; a font comes along for texts that
/// name none), `fontSize` (1 unit an em), `depth` (0.3), `bevel` (0.02), `letterSpacing` (0.05), `align` (left, center, right) and
/// `material` (`color`, `metallic`, `roughness`). Every letter is a union of boxes, `resolution` of them an em, so that edges are in
/// steps; the bevel rounds them. The text stands on the origin, y up, half of its depth on each side of it.
#[derive(Component)]
#[component(id = "tpl_text_sdf", title = "Text SDF", category = "text", blocking, open_ports)]
#[inport(tick: Any, "Whatever comes asks for the shapes.")]
#[inport("entity_id": Text, "The entity, instead of those of the config.")]
#[outport("sdf_ir": JsonObject, "A node of the SDF language, one for each entity.")]
#[outport(metadata: JsonObject, "The number of entities whose text is a shape.")]
#[outport(error: ErrorText, "Which texts were left out, and why.")]
#[example(
    config = r#"{"$db": ":memory:docs", "entity": "ghost"}"#,
    steps = r#"[{"tick": 1}]"#,
    outputs = r#"[{"metadata": [{"textSdfProcessed": 0}]}]"#
)]
pub(super) struct TextSdf {
    #[config(group)]
    database: Database,
    #[config(group)]
    selection: Selection,
    /// Boxes an em.
    #[config(default = 32, min = 4, max = 256, lenient)]
    resolution: u16,
}

impl Actor for TextSdf {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let store = self.database.store()?;
        let selection = (&self.selection, named(tick, Self::IN_ENTITY_ID));
        let solids = of_each(tick, &store, selection, "text_sdf", Self::OUT_ERROR, |text| self.solid(text))?;
        tick.write(Self::OUT_METADATA, object([("textSdfProcessed", Value::from(solids.len()))]));
        for solid in solids {
            tick.send(Self::OUT_SDF_IR, Message::Object(solid));
        }
        Ok(())
    }
}

impl TextSdf {
    /// The shape of a text.
    fn solid(&self, text: &EntityText<'_>) -> Result<Value, String> {
        let component = text.component;
        let face = read(&text.bytes).map_err(|error| error.to_string())?;
        let setting = setting(component, 1.0, Align::Center, 0.05);
        let size = setting.size;
        if size <= 0.0 {
            return Err("its size is not above 0".to_string());
        }
        let depth = number(component, "depth", 0.3).max(0.0);
        // A bevel thicker than half of a letter's strokes would leave nothing of it.
        let bevel = number(component, "bevel", 0.02).clamp(0.0, (0.03 * size).min(depth / 2.0));
        let layout = setting.lay_out(&face, text.content);
        if !layout.glyphs.iter().all(|glyph| (glyph.x + layout.width).is_finite() && glyph.y.is_finite()) {
            return Err("its letters are too large, or too far apart".to_string());
        }
        let shift = match setting.align {
            Align::Left => 0.0,
            Align::Center => -layout.width / 2.0,
            Align::Right => -layout.width,
        };
        let baseline = layout.glyphs.first().map_or(0.0, |glyph| glyph.y);
        let mut letters: BTreeMap<u16, (Option<Value>, usize)> = BTreeMap::new();
        let (mut parts, mut boxes) = (Vec::new(), 0);
        for glyph in &layout.glyphs {
            let (letter, its) = match letters.get(&glyph.id) {
                Some(known) => known.clone(),
                None => {
                    let outline = rectangles(&face, glyph.id, self.resolution, bevel / size);
                    let outline = outline.map_err(|error| error.to_string())?;
                    let its = outline.len();
                    let solids = outline.into_iter().map(|rectangle| solid_box(rectangle, size, depth / 2.0 - bevel));
                    let letter = (union(solids.collect()), its);
                    letters.insert(glyph.id, letter.clone());
                    letter
                }
            };
            // Whoever reads the shape meets a letter as often as it is written.
            boxes += its;
            if boxes > MOST_BOXES {
                return Err(format!("its letters are more than {MOST_BOXES} boxes"));
            }
            parts.extend(letter.map(|letter| translate([glyph.x + shift, baseline - glyph.y, 0.0], letter)));
        }
        let shape = union(parts).ok_or("none of its letters has an outline")?;
        let shape = if bevel > 0.0 { transform("round", "radius", f64::from(bevel).into(), shape) } else { shape };
        Ok(object([("type", "material".into()), ("material", material(component)), ("child", shape)]))
    }
}

fn material(component: &Value) -> Value {
    let member = |key: &str| component.get("material").and_then(|material| material.get(key));
    let number = |key: &str, default: f64| {
        let number = member(key).and_then(Value::as_number).filter(|number| number.is_finite());
        Value::from(number.unwrap_or(default))
    };
    let parts = member("color").and_then(Value::as_array).unwrap_or_default();
    let part = |index: usize| parts.get(index).and_then(Value::as_number).filter(|part| part.is_finite());
    object([
        ("color", Value::array([0, 1, 2].map(|index| part(index).unwrap_or(1.0)))),
        ("metallic", number("metallic", 0.0)),
        ("roughness", number("roughness", 0.5)),
        ("emission", Value::array([0.0; 3])),
        ("ior", 1.5.into()),
    ])
}

/// A box over a rectangle of ems.
fn solid_box([x, y, width, height]: [f32; 4], size: f32, half_depth: f32) -> Value {
    let half = [width / 2.0 * size, height / 2.0 * size, half_depth];
    let shape = object([
        ("type", Value::from("primitive")),
        ("primitive", "box".into()),
        ("size", Value::array(half.map(f64::from))),
        ("material", Value::Null),
    ]);
    translate([(x + width / 2.0) * size, (y + height / 2.0) * size, 0.0], shape)
}

fn translate(offset: [f32; 3], child: Value) -> Value {
    transform("translate", "offset", Value::array(offset.map(f64::from)), child)
}

fn transform(kind: &'static str, key: &'static str, value: Value, child: Value) -> Value {
    object([("type", Value::from("transform")), ("transform", kind.into()), (key, value), ("child", child)])
}

/// All shapes as one, as flat a tree as can be.
fn union(mut shapes: Vec<Value>) -> Option<Value> {
    while shapes.len() > 1 {
        let mut pairs = Vec::with_capacity(shapes.len().div_ceil(2));
        let mut rest = shapes.into_iter();
        while let Some(left) = rest.next() {
            pairs.push(match rest.next() {
                Some(right) => object([
                    ("type", Value::from("operation")),
                    ("op", "union".into()),
                    ("left", left),
                    ("right", right),
                ]),
                None => left,
            });
        }
        shapes = pairs;
    }
    shapes.pop()
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_assets::Store;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn what_is_no_shape_is_told() {
        let database = ":memory:text_sdf_refused";
        let store = Store::open(database).unwrap();
        let long = "W".repeat(5000);
        for (id, text) in
            [("a:text_sdf", json!({"content": "ab", "letterSpacing": 3e38})), ("b:text_sdf", json!({"content": long}))]
        {
            store.put_json(id, (&text).into(), Value::Null).unwrap();
        }
        store.put_json("c:text_sdf", (&json!({"content": "c", "depth": 1e300})).into(), Value::Null).unwrap();
        let outputs = run::<TextSdf>(json!({"$db": database}), [json!({"tick": 1})]);
        // What 32 bits do not hold counts as the default.
        let [shape] = &outputs[0]["sdf_ir"].as_array().unwrap()[..] else { panic!("{outputs:?}") };
        assert!(!shape.to_string().contains("null]"), "{shape}");
        let told = outputs[0]["error"][0]["data"].as_str().unwrap();
        assert!(told.contains("a: its letters are too large, or too far apart"), "{told}");
        assert!(told.contains("b: its letters are more than 50000 boxes"), "{told}");
    }

    #[test]
    fn every_entity_is_a_shape_of_its_own() {
        let database = ":memory:text_sdf";
        let store = Store::open(database).unwrap();
        for (id, text) in [
            ("a:text_sdf", json!({"content": "i", "material": {"color": [1, 0, 0]}})),
            ("b:text_sdf", json!({"content": " "})),
            ("c:text_sdf", json!({"content": "AB", "bevel": 0})),
        ] {
            store.put_json(id, (&text).into(), Value::Null).unwrap();
        }
        let outputs = run::<TextSdf>(json!({"$db": database}), [json!({"tick": 1})]);
        assert_eq!(outputs[0]["metadata"][0]["textSdfProcessed"], 2);
        assert_eq!(outputs[0]["error"][0]["data"], "b: none of its letters has an outline");
        let [first, second] = &outputs[0]["sdf_ir"].as_array().unwrap()[..] else { panic!() };
        assert_eq!(first["material"]["color"], json!([1.0, 0.0, 0.0]));
        assert_eq!((&first["child"]["transform"], &second["child"]["op"]), (&json!("round"), &json!("union")));
    }
}
