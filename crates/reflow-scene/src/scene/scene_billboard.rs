//! `tpl_scene_billboard`.

use std::sync::Arc;

use glam::Vec3;
use reflow_assets::Table;
use reflow_component::prelude::*;

use super::{eye, member, position};
use crate::database::{Database, Selection, failure, named};
use crate::kernels::billboard::{Facing, cell, corners};
use crate::kinds::ListObject;
use crate::values::{count, float_or, floats, list, object, place, text_or, truth_or};

/// Computes camera-facing quads for billboard components.
///
/// A component `billboard` is `{mode, width, height, anchor, opacity, tint, offset, target, atlas: {cols, rows, frame}, flipX,
/// sprite, text, fontSize, color, background}`. It stands at the `transform` of the entity `target`, or its own, plus `offset`, and
/// faces the camera (`world`, `screen`), the camera while it stands upright (`axisY`), or where its `velocity` goes (`velocity`). The
/// camera is at the newest place on `camera_position`, or the eye of the camera entity, or at (0, 5, 10). Quads come from the
/// farthest to the nearest: corners and texture coordinates from bottom left, counter-clockwise.
#[derive(Component)]
#[component(id = "tpl_scene_billboard", title = "Billboard System", category = "scene", blocking)]
#[inport(tick: Flow, "A step.")]
#[inport(entity_id: Text, "A step of this entity alone.")]
#[inport(camera_position: Any, "Where the camera is, `[x, y, z]` or `{x, y, z}`.")]
#[outport(quads: ListObject, "The quads.")]
#[outport(metadata: JsonObject, "Their number.")]
#[example(
    config = r#"{"$db": ":memory:no billboards"}"#,
    steps = r#"[{"tick": {"type": "Flow"}}]"#,
    outputs = r#"[{"quads": [{"type": "Object", "data": []}], "metadata": [{"billboardCount": 0}]}]"#
)]
pub(super) struct SceneBillboard {
    #[config(group)]
    database: Database,
    #[config(group)]
    selection: Selection,
    /// The camera entity.
    #[config(default = "main".to_string(), lenient)]
    camera: String,
    #[state]
    camera_place: Option<[f32; 3]>,
}

/// A quad, and how far it is.
fn quad(table: &Table, entity: &Arc<str>, camera: Vec3) -> Option<(f32, Value)> {
    let billboard = table.component(entity, "billboard").filter(|value| value.as_object().is_some())?;
    let pair = |key: &str, default| floats::<2>(billboard.get(key), default);
    let target = text_or(billboard, "target", entity);
    let base = Vec3::from_array(position(table, target).unwrap_or_default());
    let at = base + Vec3::from_array(floats(billboard.get("offset"), [0.0; 3]));
    let mode = text_or(billboard, "mode", "world");
    let facing = match mode {
        "axisY" => Facing::Upright,
        "velocity" => {
            let way = table.component(entity, "velocity").and_then(|velocity| velocity.get("linear"));
            Facing::Along(Vec3::from_array(floats(way, [0.0, 0.0, -1.0])))
        }
        _ => Facing::Camera,
    };
    let size = [float_or(billboard, "width", 1.0), float_or(billboard, "height", 1.0)];
    let corners = corners(at, camera, facing, size, pair("anchor", [0.5, 0.5]));
    let atlas = |key: &str, default| billboard.get("atlas").and_then(|atlas| count(atlas.get(key)?)).unwrap_or(default);
    let uvs = cell(atlas("cols", 1), atlas("rows", 1), atlas("frame", 0), truth_or(billboard, "flipX", false));
    let distance = at.distance(camera);
    let or = |key: &str, default: Value| billboard.get(key).cloned().unwrap_or(default);
    let quad = object([
        ("entity", Value::String(Arc::clone(entity))),
        ("mode", mode.into()),
        ("corners", Value::array(corners.map(|corner| list(corner.to_array())))),
        ("uvs", Value::array(uvs.map(list))),
        ("opacity", or("opacity", 1.0.into())),
        ("tint", or("tint", list([1.0; 3]))),
        ("sprite", member(billboard, "sprite")),
        ("text", member(billboard, "text")),
        ("fontSize", member(billboard, "fontSize")),
        ("color", member(billboard, "color")),
        ("background", member(billboard, "background")),
        ("distance", distance.into()),
    ]);
    Some((distance, quad))
}

impl Actor for SceneBillboard {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let given = tick.input(Self::IN_CAMERA_POSITION).and_then(Json::read).and_then(|value| place(&value, [0.0; 3]));
        self.camera_place = given.map(|place| place.map(|part| part as f32)).or(self.camera_place);
        let entity = named(tick, Self::IN_ENTITY_ID);
        let collect = |table: &Table| -> Vec<(f32, Value)> {
            let camera = self.camera_place.or_else(|| eye(table, &self.camera)).unwrap_or([0.0, 5.0, 10.0]);
            let entities = self.selection.entities(table, entity, &["billboard"]);
            entities.iter().filter_map(|entity| quad(table, entity, Vec3::from_array(camera))).collect()
        };
        let mut quads = self.database.store()?.read(collect).map_err(failure)?;
        quads.sort_by(|(a, _), (b, _)| b.total_cmp(a));
        tick.write(Self::OUT_METADATA, object([("billboardCount", quads.len().into())]));
        tick.write(Self::OUT_QUADS, Value::array(quads.into_iter().map(|(_, quad)| quad)));
        Ok(())
    }
}
