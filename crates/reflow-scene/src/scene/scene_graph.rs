//! `tpl_scene_graph`.

use std::collections::BTreeMap;
use std::sync::Arc;

use glam::{EulerRot, Mat4, Quat, Vec3};
use reflow_component::prelude::*;

use crate::kernels::skeleton::world;
use crate::values::{Count, floats, list, object, text_or, truth_or, with};

/// Collects scene objects by id and emits the whole scene each time one changes.
///
/// An Object with a text under `id` takes the place of the one that had it; `{id, remove: true}` takes it away. One without an
/// id gets one of its own, except the first, which is `unknown`. Every packet, whatever it is, sends the scene, its objects in the
/// order of their ids, unless fewer than `expectedObjects` are known. `changes` says what this packet did: `{added}` or
/// `{removed}`. With `worldTransforms` each object with a `transform` of position, rotation (degrees about x, y and z) and scale also
/// has `worldTransform`, 16 numbers, for which `parent` names the object that it is in.
#[derive(Component)]
#[component(id = "tpl_scene_graph", title = "Scene Graph", category = "scene")]
#[inport(object: Any, "An object `{id, …}`.")]
#[outport(scene: JsonObject, "The scene: name, number of objects, objects.")]
#[outport(objects: List, "The objects.")]
#[outport(count: Integer, "The number of objects.")]
#[outport(changes: JsonObject, "What has changed.")]
#[outport(error: ErrorText, "Objects that are inside of themselves.")]
#[example(
    steps = r#"[{"object": {"id": "a"}}]"#,
    outputs = r#"[{"scene": [{"name": "scene", "objectCount": 1, "objects": [{"id": "a"}]}], "objects": [[{"id": "a"}]], "count": [1], "changes": [{"added": [{"id": "a"}]}]}]"#
)]
pub(super) struct SceneGraph {
    /// What the scene is called.
    #[config(default = "scene".to_string(), lenient)]
    name: String,
    /// Say nothing until so many objects are known; 0 for from the first.
    #[config(key = "expectedObjects", default = Count(0), lenient)]
    expected: Count<usize>,
    /// Work out where objects are in the world.
    #[config(key = "worldTransforms", lenient)]
    has_world: bool,
    #[state]
    objects: BTreeMap<Arc<str>, Value>,
    #[state]
    nameless: u64,
}

/// More objects than this are refused.
const MOST: usize = 1_000_000;

impl SceneGraph {
    /// Takes an object in. Gives what has changed.
    fn take(&mut self, given: Value) -> Value {
        let id: Arc<str> = match given.get("id").and_then(Value::as_str) {
            Some(id) => id.into(),
            None => {
                self.nameless += 1;
                if self.nameless == 1 { "unknown".into() } else { format!("unknown_{}", self.nameless).into() }
            }
        };
        if truth_or(&given, "remove", false) {
            let removed = self.objects.remove(&id).map(|_| Value::String(id));
            return object([("removed", Value::array(removed))]);
        }
        self.objects.insert(id, given.clone());
        object([("added", Value::array([given]))])
    }

    /// The objects, with where they are in the world if that is wanted.
    fn listed(&self) -> Result<Vec<Value>, String> {
        let objects: Vec<Value> = self.objects.values().cloned().collect();
        if !self.has_world {
            return Ok(objects);
        }
        let places: BTreeMap<&str, usize> = self.objects.keys().enumerate().map(|(at, id)| (&**id, at)).collect();
        let parents: Vec<_> =
            objects.iter().map(|object| places.get(text_or(object, "parent", "\0")).copied()).collect();
        let locals: Vec<Mat4> = objects.iter().map(|object| local(object.get("transform"))).collect();
        let world = world(&locals, &parents).map_err(|cycle| {
            let id = self.objects.keys().nth(cycle.0).map_or("", |id| id);
            format!("the object `{id}` is inside of itself")
        })?;
        let shown = objects.iter().zip(&world).map(|(object, world)| match object.get("transform") {
            Some(_) => with(object, [("worldTransform", list(world.to_cols_array()))]),
            None => object.clone(),
        });
        Ok(shown.collect())
    }
}

/// The matrix of `{position, rotation, scale}`.
fn local(transform: Option<&Value>) -> Mat4 {
    let part = |key: &str, default: [f32; 3]| floats(transform.and_then(|transform| transform.get(key)), default);
    let rotation = transform.and_then(|transform| transform.get("rotation"));
    let turn = if rotation.is_some_and(|rotation| rotation.at(3).is_some()) {
        Quat::from_array(floats(rotation, [0.0, 0.0, 0.0, 1.0])).normalize()
    } else {
        let [x, y, z] = part("rotation", [0.0; 3]).map(f32::to_radians);
        Quat::from_euler(EulerRot::ZYX, z, y, x)
    };
    Mat4::from_scale_rotation_translation(
        Vec3::from_array(part("scale", [1.0; 3])),
        turn,
        Vec3::from_array(part("position", [0.0; 3])),
    )
}

impl Actor for SceneGraph {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let given = tick.input(Self::IN_OBJECT).and_then(JsonObject::read);
        if self.objects.len() >= MOST && given.is_some() {
            return Err(crate::database::bad_input(format!("there are more than {MOST} objects")));
        }
        let changes = given.map(|given| self.take(given));
        if self.objects.len() < self.expected.0 {
            return Ok(());
        }
        let objects = match self.listed() {
            Ok(objects) => objects,
            Err(text) => return tick.report(Self::OUT_ERROR, text),
        };
        let (count, objects) = (objects.len(), Value::array(objects));
        let scene = [("name", self.name.as_str().into()), ("objectCount", count.into()), ("objects", objects.clone())];
        tick.write(Self::OUT_SCENE, object(scene));
        if let Value::Array(objects) = objects {
            tick.write(Self::OUT_OBJECTS, objects);
        }
        tick.write(Self::OUT_COUNT, count as i64);
        if let Some(changes) = changes {
            tick.write(Self::OUT_CHANGES, changes);
        }
        Ok(())
    }
}
