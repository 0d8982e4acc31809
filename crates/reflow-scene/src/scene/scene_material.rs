//! `tpl_scene_material`.

use std::sync::Arc;

use reflow_assets::Table;
use reflow_component::prelude::*;

use super::{bytes, member};
use crate::database::{Database, Selection, failure, named};
use crate::values::{float_or, floats, object, text_or, truth_or};

/// Packs material components into a GPU-ready buffer.
///
/// A component `material` is `{albedo, metallic, roughness, ao, emissive, emissiveStrength, normalScale, alphaMode, alphaCutoff,
/// doubleSided, albedoTexture, normalTexture, metallicRoughnessTexture}`. 64 bytes a material, 16 little-endian f32: albedo,
/// metallic, roughness, ao, emissive, its strength, normal scale, alpha mode (0 opaque, 1 mask, 2 blend), alpha cutoff, 1 if it is
/// double-sided, and two zeros. Textures are named, not loaded.
#[derive(Component)]
#[component(id = "tpl_scene_material", title = "Material System", category = "scene", blocking)]
#[inport(tick: Flow, "A step.")]
#[inport(entity_id: Text, "A step of this entity alone.")]
#[outport(materials: Bytes, "The materials.")]
#[outport(material_map: JsonObject, "The index of the material of each entity.")]
#[outport(metadata: JsonObject, "Their number, and what each is.")]
#[example(
    config = r#"{"$db": ":memory:no materials"}"#,
    steps = r#"[{"tick": {"type": "Flow"}}]"#,
    outputs = r#"[{"materials": [{"type": "Bytes", "data": []}], "material_map": [{}], "metadata": [{"count": 0, "materials": []}]}]"#
)]
pub(super) struct SceneMaterial {
    #[config(group)]
    database: Database,
    #[config(group)]
    selection: Selection,
}

fn pack(material: &Value) -> [f32; 16] {
    let [r, g, b] = floats(material.get("albedo"), [1.0; 3]);
    let [er, eg, eb] = floats(material.get("emissive"), [0.0; 3]);
    let number = |key: &str, default| float_or(material, key, default);
    let mode = match text_or(material, "alphaMode", "opaque") {
        "mask" => 1.0,
        "blend" => 2.0,
        _ => 0.0,
    };
    let is_double = f32::from(u8::from(truth_or(material, "doubleSided", false)));
    [
        r,
        g,
        b,
        number("metallic", 0.0),
        number("roughness", 0.5),
        number("ao", 1.0),
        er,
        eg,
        eb,
        number("emissiveStrength", 0.0),
        number("normalScale", 1.0),
        mode,
        number("alphaCutoff", 0.5),
        is_double,
        0.0,
        0.0,
    ]
}

fn told(entity: &Arc<str>, index: usize, material: &Value, packed: &[f32; 16]) -> Value {
    let or = |key: &str, default: Value| material.get(key).cloned().unwrap_or(default);
    let textures = object([
        ("albedo", member(material, "albedoTexture")),
        ("normal", member(material, "normalTexture")),
        ("metallicRoughness", member(material, "metallicRoughnessTexture")),
    ]);
    object([
        ("entity", Value::String(Arc::clone(entity))),
        ("index", index.into()),
        ("albedo", Value::array(packed[..3].iter().copied())),
        ("metallic", or("metallic", 0.0.into())),
        ("roughness", or("roughness", 0.5.into())),
        ("textures", textures),
    ])
}

impl Actor for SceneMaterial {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let entity = named(tick, Self::IN_ENTITY_ID);
        let collect = |table: &Table| -> Vec<(Arc<str>, Value)> {
            let entities = self.selection.entities(table, entity, &["material"]);
            let material = |entity: Arc<str>| {
                let material = table.component(&entity, "material")?.clone();
                Some((entity, material))
            };
            entities.into_iter().filter_map(material).collect()
        };
        let materials = self.database.store()?.read(collect).map_err(failure)?;
        let packed: Vec<_> = materials.iter().map(|(_, material)| pack(material)).collect();
        let told = materials
            .iter()
            .zip(&packed)
            .enumerate()
            .map(|(at, ((entity, material), packed))| told(entity, at, material, packed));
        let metadata = object([("count", materials.len().into()), ("materials", Value::array(told))]);
        let map = materials.iter().enumerate().map(|(at, (entity, _))| (Arc::clone(entity), Value::from(at)));
        tick.write(Self::OUT_MATERIAL_MAP, Value::object(map));
        tick.write(Self::OUT_MATERIALS, packed.iter().flat_map(|packed| bytes(packed)).collect::<Vec<u8>>());
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}
