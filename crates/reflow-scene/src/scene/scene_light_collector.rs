//! `tpl_scene_light_collector`.

use std::sync::Arc;

use reflow_assets::Table;
use reflow_component::prelude::*;

use super::{bytes, member, position};
use crate::database::{Database, Selection, failure, named};
use crate::values::{Count, float_or, floats, object, text_or, truth_or, vector};

/// Packs light components into a GPU-ready buffer.
///
/// A component `light` is `{type, color, intensity, direction, range, innerAngle, outerAngle, castShadow, shadowBias}`, of the types
/// `directional`, `point` (also for words that are none), `spot` and `ambient`. 64 bytes a light, 16 little-endian f32: position (of
/// the entity's `transform`, for point and spot lights), type (0 directional, 1 point, 2 spot, 3 ambient), direction, intensity,
/// color, range, cosines of the inner and the outer angle, 1 if it casts shadows, shadow bias. Lights beyond `maxLights` are told
/// under `dropped`.
#[derive(Component)]
#[component(id = "tpl_scene_light_collector", title = "Light Collector", category = "scene", blocking)]
#[inport(tick: Flow, "A step.")]
#[inport(entity_id: Text, "A step of this entity alone.")]
#[outport(lights: Bytes, "The lights.")]
#[outport(light_count: Integer, "Their number.")]
#[outport(metadata: JsonObject, "Their number, what each is, and how many were too many.")]
#[example(
    config = r#"{"$db": ":memory:no lights"}"#,
    steps = r#"[{"tick": {"type": "Flow"}}]"#,
    outputs = r#"[{"lights": [{"type": "Bytes", "data": []}], "light_count": [0], "metadata": [{"count": 0, "lights": []}]}]"#
)]
pub(super) struct SceneLightCollector {
    #[config(group)]
    database: Database,
    #[config(group)]
    selection: Selection,
    /// The most lights that are packed.
    #[config(key = "maxLights", default = Count(16), max = 4096, lenient)]
    most: Count<usize>,
}

/// A packed light, and what is told of it.
fn pack(table: &Table, entity: &Arc<str>, light: &Value) -> ([f32; 16], Value) {
    let word = text_or(light, "type", "point");
    let kind = match word {
        "directional" => 0.0,
        "spot" => 2.0,
        "ambient" => 3.0,
        _ => 1.0,
    };
    let has_place = kind == 1.0 || kind == 2.0;
    let [x, y, z] = position(table, entity).filter(|_| has_place).unwrap_or_default();
    let [dx, dy, dz] = floats(light.get("direction"), [0.0, -1.0, 0.0]);
    let [red, green, blue] = floats(light.get("color"), [1.0; 3]);
    let number = |key: &str, default| float_or(light, key, default);
    let cosine = |key: &str, default| number(key, default).to_radians().cos();
    let casts = truth_or(light, "castShadow", false);
    let packed = [
        x,
        y,
        z,
        kind,
        dx,
        dy,
        dz,
        number("intensity", 1.0),
        red,
        green,
        blue,
        number("range", 20.0),
        cosine("innerAngle", 30.0),
        cosine("outerAngle", 45.0),
        f32::from(u8::from(casts)),
        number("shadowBias", 0.0),
    ];
    let told = object([
        ("entity", Value::String(Arc::clone(entity))),
        ("type", word.into()),
        ("color", light.get("color").map_or_else(|| Value::array(vector(None, [1.0; 3])), Clone::clone)),
        ("intensity", if light.get("intensity").is_some() { member(light, "intensity") } else { 1.0.into() }),
        ("castShadow", casts.into()),
    ]);
    (packed, told)
}

impl Actor for SceneLightCollector {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let entity = named(tick, Self::IN_ENTITY_ID);
        let collect = |table: &Table| -> Vec<([f32; 16], Value)> {
            let entities = self.selection.entities(table, entity, &["light"]);
            let light = |entity: &Arc<str>| Some(pack(table, entity, table.component(entity, "light")?));
            entities.iter().filter_map(light).collect()
        };
        let mut lights = self.database.store()?.read(collect).map_err(failure)?;
        let dropped = lights.len().saturating_sub(self.most.0);
        lights.truncate(self.most.0);
        let packed: Vec<u8> = lights.iter().flat_map(|(packed, _)| bytes(packed).collect::<Vec<_>>()).collect();
        let count = lights.len();
        let mut metadata =
            vec![("count", count.into()), ("lights", Value::array(lights.into_iter().map(|(_, told)| told)))];
        if dropped > 0 {
            metadata.push(("dropped", dropped.into()));
        }
        tick.write(Self::OUT_LIGHTS, packed);
        tick.write(Self::OUT_LIGHT_COUNT, count as i64);
        tick.write(Self::OUT_METADATA, Value::object(metadata));
        Ok(())
    }
}
