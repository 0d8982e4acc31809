//! The family `scene`: objects, entities, cameras, lights, and what else makes a scene.

mod component;
mod instance;
mod prefab;
mod scene_billboard;
mod scene_camera;
mod scene_graph;
mod scene_light_collector;
mod scene_material;
#[cfg(feature = "physics")]
mod scene_physics;
mod scene_skybox;
mod scene_weather;
mod terrain;

use reflow_assets::Table;
use reflow_component::Entry;
use reflow_message::Value;

use crate::values::floats;

pub(crate) fn components() -> Vec<Entry> {
    vec![
        Entry::of::<component::EntityComponent>(),
        Entry::of::<instance::Instance>(),
        Entry::of::<prefab::Prefab>(),
        Entry::of::<scene_billboard::SceneBillboard>(),
        Entry::of::<scene_camera::SceneCamera>(),
        Entry::of::<scene_graph::SceneGraph>(),
        Entry::of::<scene_light_collector::SceneLightCollector>(),
        Entry::of::<scene_material::SceneMaterial>(),
        #[cfg(feature = "physics")]
        Entry::of::<scene_physics::ScenePhysics>(),
        Entry::of::<scene_skybox::SceneSkybox>(),
        Entry::of::<scene_weather::SceneWeather>(),
        Entry::of::<terrain::Terrain>(),
    ]
}

/// Where an entity is, if its `transform` says so.
fn position(table: &Table, entity: &str) -> Option<[f32; 3]> {
    let position = table.component(entity, "transform")?.get("position")?;
    Some(floats(Some(position), [0.0; 3]))
}

/// Where a camera entity looks from, if its matrices were made.
fn eye(table: &Table, camera: &str) -> Option<[f32; 3]> {
    let eye = table.component(camera, "camera_matrices")?.get("eye")?;
    Some(floats(Some(eye), [0.0; 3]))
}

/// The value under a key, or null.
fn member(value: &Value, key: &str) -> Value {
    value.get(key).cloned().unwrap_or_default()
}

/// The bytes of numbers.
fn bytes(numbers: &[f32]) -> impl Iterator<Item = u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes())
}
