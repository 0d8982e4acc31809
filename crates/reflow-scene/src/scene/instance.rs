//! `tpl_instance`.

use reflow_component::prelude::*;

use crate::values::{count, object, place};

/// Places a prefab at a transform and emits a scene object.
///
/// Each inport keeps its newest packet, and every packet sends the object that they make together. A place is an Object `{x, y, z}`
/// or a list of three numbers; without one the config counts. Rotations are passed on as they are, in degrees by convention.
#[derive(Component)]
#[component(id = "tpl_instance", title = "Prefab Instance", category = "scene")]
#[inport(prefab: JsonObject, "What to place.")]
#[inport(position: Any, "Where.")]
#[inport(rotation: Any, "How it is turned.")]
#[inport(scale: Any, "How large.")]
#[outport(object: JsonObject, "The object.")]
#[example(
    config = r#"{"id": "tree", "posX": 1}"#,
    steps = r#"[{"prefab": {"id": "oak"}}]"#,
    outputs = r#"[{"object": [{"id": "tree", "type": "instance", "prefab": "oak", "material": {"color": [0.8, 0.8, 0.8]}, "meshStride": 24, "transform": {"position": [1.0, 0.0, 0.0], "rotation": [0.0, 0.0, 0.0], "scale": [1.0, 1.0, 1.0]}}]}]"#
)]
pub(super) struct Instance {
    /// The id of the object.
    #[config(default = "instance_0".to_string(), lenient)]
    id: String,
    /// Where it is along x.
    #[config(key = "posX", default = 0.0, lenient)]
    pos_x: f64,
    /// Where it is along y.
    #[config(key = "posY", default = 0.0, lenient)]
    pos_y: f64,
    /// Where it is along z.
    #[config(key = "posZ", default = 0.0, lenient)]
    pos_z: f64,
    /// How it is turned about x.
    #[config(key = "rotX", default = 0.0, lenient)]
    rot_x: f64,
    /// How it is turned about y.
    #[config(key = "rotY", default = 0.0, lenient)]
    rot_y: f64,
    /// How it is turned about z.
    #[config(key = "rotZ", default = 0.0, lenient)]
    rot_z: f64,
    /// How large it is.
    #[config(default = 1.0, lenient)]
    scale: f64,
    #[state]
    prefab: Option<Value>,
    #[state]
    places: [Option<[f64; 3]>; 3],
}

/// The material of what has none.
pub(super) fn grey() -> Value {
    object([("color", Value::array([0.8, 0.8, 0.8]))])
}

impl Actor for Instance {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.prefab = tick.read(Self::IN_PREFAB).or_else(|| self.prefab.take());
        let ports = [(Self::IN_POSITION, 0.0), (Self::IN_ROTATION, 0.0), (Self::IN_SCALE, 1.0)];
        for (kept, (port, default)) in self.places.iter_mut().zip(ports) {
            let given = tick.input(port).and_then(Json::read).and_then(|value| place(&value, [default; 3]));
            *kept = given.or(*kept);
        }
        let of_config = [[self.pos_x, self.pos_y, self.pos_z], [self.rot_x, self.rot_y, self.rot_z], [self.scale; 3]];
        let [position, rotation, scale] = [0, 1, 2].map(|at| Value::array(self.places[at].unwrap_or(of_config[at])));
        let empty = Value::Null;
        let prefab = self.prefab.as_ref().unwrap_or(&empty);
        let part = |key: &str, default: Value| prefab.get(key).cloned().unwrap_or(default);
        let made = object([
            ("id", self.id.as_str().into()),
            ("type", "instance".into()),
            ("prefab", prefab.get("id").and_then(Value::as_str).unwrap_or("default").into()),
            ("material", part("material", grey())),
            ("meshStride", prefab.get("stride").and_then(count).unwrap_or(24).into()),
            ("transform", object([("position", position), ("rotation", rotation), ("scale", scale)])),
        ]);
        tick.write(Self::OUT_OBJECT, made);
        Ok(())
    }
}
