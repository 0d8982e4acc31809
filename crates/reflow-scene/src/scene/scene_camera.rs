//! `tpl_scene_camera`.

use std::sync::Arc;

use glam::{Mat4, Vec3};
use reflow_assets::{AssetError, Table, Transaction};
use reflow_component::prelude::*;

use super::position;
use crate::database::{Database, Selection, failure, named, report};
use crate::kernels::camera::{Depth, orbit, perspective, view};
use crate::values::{empty, float_or, floats, list, object, text_or, truth_or};

/// Computes view and projection matrices of all camera components and picks the active one.
///
/// A component `camera` is `{fov, near, far, active}` and a `mode`: `fixed` (`position`, `target`), `orbit` (`center`, `distance`,
/// `orbitYaw`, `orbitPitch`, in radians), `thirdPerson` (the same around the entity `target`, `height` above it) or
/// `firstPerson` (the entity `target`, `eyeOffset`, `lookDirection`). The matrices of each are stored as its component
/// `camera_matrices`. The active camera is the first that has the newest tag from the inport or the config, or is called so, or,
/// without a tag, the first one that is active. Matrices are column by column; the view looks down -z. A camera whose numbers give no
/// picture (an angle of 0, two equal planes) is left out and named in the `problems` of `metadata`.
#[derive(Component)]
#[component(id = "tpl_scene_camera", title = "Camera System", category = "scene", blocking)]
#[inport(tick: Flow, "A step.")]
#[inport(camera_tag: Text, "The tag of the active camera.")]
#[outport(active_camera: JsonObject, "The matrices of the active camera, if there is one.")]
#[outport(metadata: JsonObject, "The number of cameras, the name of the active one, and `problems` where there are some.")]
#[example(
    config = r#"{"$db": ":memory:no cameras"}"#,
    steps = r#"[{"tick": {"type": "Flow"}}]"#,
    outputs = r#"[{"metadata": [{"camerasProcessed": 0, "activeCamera": ""}]}]"#
)]
pub(super) struct SceneCamera {
    #[config(group)]
    database: Database,
    #[config(group)]
    selection: Selection,
    /// The width of the picture as a multiple of its height.
    #[config(default = 1.0, lenient)]
    aspect: f64,
    /// The tag of the active camera while no packet brings one.
    #[config(key = "cameraTag", lenient)]
    tag: Option<Arc<str>>,
    /// Which depths the projection gives.
    #[config(lenient)]
    depth: DepthRange,
}

/// Which depths a projection gives.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq)]
enum DepthRange {
    /// -1 to 1, as in OpenGL.
    #[default]
    #[choice("-1..1")]
    Symmetric,
    /// 0 to 1, as in Vulkan, Metal, Direct3D and WebGPU.
    #[choice("0..1")]
    Positive,
}

/// The number of cameras, the active one with its matrices, and what is wrong with others.
type Processed = (usize, Option<(Arc<str>, Value)>, Vec<String>);

/// Where a camera is and looks.
fn place(table: &Table, camera: &Value) -> (Vec3, Vec3) {
    let vector = |key: &str, default| Vec3::from_array(floats(camera.get(key), default));
    let around = |center: Vec3| {
        let distance = float_or(camera, "distance", 5.0);
        orbit(center, distance, float_or(camera, "orbitYaw", 0.0), float_or(camera, "orbitPitch", 0.3))
    };
    let followed = || Vec3::from_array(position(table, text_or(camera, "target", "player")).unwrap_or_default());
    match text_or(camera, "mode", "fixed") {
        "orbit" => {
            let center = vector("center", [0.0; 3]);
            (around(center), center)
        }
        "thirdPerson" => {
            let target = followed();
            (around(target) + Vec3::Y * float_or(camera, "height", 2.0), target)
        }
        "firstPerson" => {
            let eye = followed() + vector("eyeOffset", [0.0, 1.6, 0.0]);
            (eye, eye + vector("lookDirection", [0.0, 0.0, -1.0]))
        }
        _ => (vector("position", [0.0, 5.0, 10.0]), vector("target", [0.0; 3])),
    }
}

impl SceneCamera {
    /// `None` where they would have cells that are no numbers.
    fn matrices(&self, table: &Table, camera: &Value) -> Option<Value> {
        let (eye, target) = place(table, camera);
        let number = |key: &str, default| float_or(camera, key, default);
        let depth = if self.depth == DepthRange::Symmetric { Depth::Symmetric } else { Depth::Positive };
        let (fov, near, far) = (number("fov", 60.0).to_radians(), number("near", 0.1), number("far", 1000.0));
        let (view, projection) = (view(eye, target), perspective(fov, self.aspect as f32, near, far, depth));
        let both = projection * view;
        if !both.is_finite() {
            return None;
        }
        let cells = |matrix: Mat4| list(matrix.to_cols_array());
        Some(object([
            ("view", cells(view)),
            ("projection", cells(projection)),
            ("vp", cells(both)),
            ("eye", list(eye.to_array())),
            ("target", list(target.to_array())),
            ("active", truth_or(camera, "active", true).into()),
        ]))
    }

    /// Stores the matrices of all cameras. Gives their number, and the active one.
    fn process(&self, transaction: &mut Transaction<'_>) -> Result<Processed, AssetError> {
        let (mut count, mut active, mut problems) = (0, None, Vec::new());
        for entity in self.selection.entities(transaction, None, &["camera"]) {
            let id = format!("{entity}:camera");
            let Some(entry) = transaction.entry(&id).cloned() else { continue };
            let Some(camera) = entry.inline.as_ref().filter(|camera| camera.as_object().is_some()) else { continue };
            let Some(matrices) = self.matrices(transaction, camera) else {
                problems.push(format!("{id}: no picture has its `fov`, `near` and `far`, or the `aspect`"));
                continue;
            };
            transaction.put_json(&format!("{entity}:camera_matrices"), matrices.clone(), empty())?;
            count += 1;
            let is_wanted = match &self.tag {
                Some(tag) => entry.tags.contains(tag) || *tag == entity,
                None => truth_or(camera, "active", true),
            };
            if is_wanted && active.is_none() {
                active = Some((entity, matrices));
            }
        }
        Ok((count, active, problems))
    }
}

impl Actor for SceneCamera {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.tag = named(tick, Self::IN_CAMERA_TAG).or_else(|| self.tag.take());
        let (count, active, problems) =
            self.database.store()?.write(|transaction| self.process(transaction)).map_err(failure)?;
        let name = active.as_ref().map_or_else(|| "".into(), |(name, _)| Arc::clone(name));
        if let Some((_, matrices)) = active {
            tick.write(Self::OUT_ACTIVE_CAMERA, matrices);
        }
        let counts = vec![("camerasProcessed", count.into()), ("activeCamera", Value::String(name))];
        report(tick, Self::OUT_METADATA, counts, problems);
        Ok(())
    }

    fn teardown(&mut self) {
        self.database.close();
    }
}
