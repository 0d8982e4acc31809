//! `tpl_scene_physics`.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use reflow_assets::{AssetError, Entry as Asset, Table, Transaction};
use reflow_component::prelude::*;

use crate::database::{Database, Selection, bad_input, failure, named, report};
use crate::kernels::physics::{BodyType, Description, Hull, Place, Solid, Velocity, World};
use crate::kinds::ListObject;
use crate::values::{count, float_or, floats, list, object, text_or, truth_or, with};

/// Rigid-body simulation of entities with rigidbody and transform components.
///
/// Every packet is one step of `dt` seconds of a world of the node's own, the same each time. `rigidbody` is `{bodyType, mass,
/// linearDamping, angularDamping, gravityScale, ccd, lockRotationX, lockRotationY, lockRotationZ}`, of the types `dynamic`,
/// `kinematic` and `static`; `collider` is `{shape, halfExtents, radius, height, friction, restitution, isSensor, collisionGroup,
/// collisionMask}`, of the shapes box, sphere, capsule and cylinder, along y. Before each step the world is brought in line
/// with the components: bodies that came, changed, were moved by somebody else or went. After it, `position` and `rotation` (a
/// quaternion) of the `transform` of each dynamic body are written, and its `velocity`, `{linear, angular}`. A `velocity` that somebody
/// else has written is taken over.
#[derive(Component)]
#[component(id = "tpl_scene_physics", title = "Physics System", category = "scene", blocking)]
#[inport(tick: Flow, "A step.")]
#[inport(entity_id: Text, "A step, with this entity from now on.")]
#[outport(collisions: ListObject, "The pairs that touch each other, `{a, b}`.")]
#[outport(metadata: JsonObject, "Numbers of entities, bodies, colliders and pairs, the step, and problems if any.")]
#[outport(error: ErrorText, "Bodies that cannot be simulated.")]
#[example(
    config = r#"{"$db": ":memory:no bodies", "dt": 0.5}"#,
    steps = r#"[{"tick": {"type": "Flow"}}]"#,
    outputs = r#"[{"collisions": [{"type": "Object", "data": []}], "metadata": [{"entitiesUpdated": 0, "bodyCount": 0, "colliderCount": 0, "collisionPairs": 0, "dt": 0.5}]}]"#
)]
pub(super) struct ScenePhysics {
    #[config(group)]
    database: Database,
    #[config(group)]
    selection: Selection,
    /// The acceleration of everything, `[x, y, z]`.
    #[config()]
    gravity: Value,
    /// How long a step is.
    #[config(default = 1.0 / 60.0, unit = "s", lenient)]
    dt: f64,
    #[state]
    simulation: Option<Simulation>,
}

/// A world, and what it and the database last agreed on.
struct Simulation {
    world: World,
    agreed: BTreeMap<Arc<str>, (Place, Velocity)>,
    /// Entities that packets have named.
    named: BTreeSet<Arc<str>>,
    problems: Vec<String>,
}

/// Who wrote a component.
const SOURCE: &str = "physics";

/// Sizes that are solid.
const SMALLEST: f32 = 1e-4;
const LARGEST: f32 = 1e6;

fn is_ours(entry: &Asset) -> bool {
    text_or(&entry.metadata, "source", "") == SOURCE
}

fn ours() -> Value {
    object([("source", SOURCE.into())])
}

fn description(rigidbody: &Value, collider: Option<&Value>) -> Description {
    let number = |key: &str, default| float_or(rigidbody, key, default);
    let locked = |axis: &str| {
        truth_or(rigidbody, "lockRotation", false) || truth_or(rigidbody, &format!("lockRotation{axis}"), false)
    };
    Description {
        body_type: match text_or(rigidbody, "bodyType", "dynamic") {
            "kinematic" => BodyType::Kinematic,
            "static" => BodyType::Static,
            _ => BodyType::Dynamic,
        },
        mass: number("mass", 1.0).clamp(0.0, 1e9),
        linear_damping: number("linearDamping", 0.1).max(0.0),
        angular_damping: number("angularDamping", 0.1).max(0.0),
        gravity_scale: number("gravityScale", 1.0),
        ccd: truth_or(rigidbody, "ccd", false),
        turns: ["X", "Y", "Z"].map(|axis| !locked(axis)),
        hull: collider.map(|collider| hull(rigidbody, collider)),
    }
}

fn hull(rigidbody: &Value, collider: &Value) -> Hull {
    let number = |key: &str, default| float_or(collider, key, default);
    let size = |key: &str, default| number(key, default).clamp(SMALLEST, LARGEST);
    let solid = match text_or(collider, "shape", "box") {
        "sphere" => Solid::Sphere(size("radius", 0.5)),
        "capsule" => Solid::Capsule(size("height", 1.0), size("radius", 0.3)),
        "cylinder" => Solid::Cylinder(size("height", 1.0), size("radius", 0.5)),
        _ => Solid::Box(floats(collider.get("halfExtents"), [0.5; 3]).map(|half| half.clamp(SMALLEST, LARGEST))),
    };
    let group = |key: &str| {
        let found = collider.get(key).and_then(count).or_else(|| rigidbody.get(key).and_then(count));
        found.map_or(u32::MAX, |group| group as u32)
    };
    Hull {
        solid,
        friction: number("friction", 0.5).max(0.0),
        restitution: number("restitution", 0.3).max(0.0),
        is_sensor: truth_or(collider, "isSensor", false),
        groups: (group("collisionGroup"), group("collisionMask")),
    }
}

fn place(transform: &Value) -> Place {
    Place {
        position: floats(transform.get("position"), [0.0; 3]),
        rotation: floats(transform.get("rotation"), [0.0, 0.0, 0.0, 1.0]),
    }
}

fn velocity(value: &Value) -> Velocity {
    Velocity { linear: floats(value.get("linear"), [0.0; 3]), angular: floats(value.get("angular"), [0.0; 3]) }
}

/// Whether all of it can be simulated.
fn is_sound(description: &Description, place: &Place, velocity: &Velocity) -> bool {
    let Description { linear_damping, angular_damping, gravity_scale, mass, hull, .. } = *description;
    let numbers = [linear_damping, angular_damping, gravity_scale, mass];
    let hull = hull.map_or([0.0; 2], |hull| [hull.friction, hull.restitution]);
    let parts = [&numbers[..], &hull, &place.position, &place.rotation, &velocity.linear, &velocity.angular];
    parts.into_iter().flatten().all(|number| number.is_finite() && number.abs() < 1e12)
}

impl Simulation {
    fn new(gravity: [f32; 3]) -> Self {
        Self { world: World::new(gravity), agreed: BTreeMap::new(), named: BTreeSet::new(), problems: Vec::new() }
    }

    /// Brings one body in line with its components. False when there is none.
    fn reconcile(&mut self, table: &Table, entity: &Arc<str>) -> bool {
        let component = |name: &str| table.entry(&format!("{entity}:{name}"));
        let (Some(body), Some(transform)) = (component("rigidbody"), component("transform")) else { return false };
        let (Some(rigidbody), Some(transform_value)) = (&body.inline, &transform.inline) else { return false };
        let collider = table.component(entity, "collider").filter(|collider| collider.as_object().is_some());
        let (description, at) = (description(rigidbody, collider), place(transform_value));
        // What the simulation wrote goes on only from where it put the body.
        let given = component("velocity").filter(|velocity| !is_ours(velocity) || is_ours(transform));
        let given = given.and_then(|entry| entry.inline.as_ref()).map(velocity);
        if !is_sound(&description, &at, &given.unwrap_or_default()) {
            self.problems.push(format!("{entity}: numbers that cannot be simulated"));
            return false;
        }
        let agreed = self.agreed.get(entity).copied().filter(|_| self.world.has(entity));
        let Some((old_place, old_velocity)) = agreed else {
            self.world.insert(entity, description, &at, given.unwrap_or_default());
            self.agreed.insert(Arc::clone(entity), (at, given.unwrap_or_default()));
            return true;
        };
        if self.world.description(entity) != Some(&description) {
            let (at_now, velocity_now) = self.world.state(entity).unwrap_or((at, old_velocity));
            let start = if at == old_place { at_now } else { at };
            self.world.insert(entity, description, &start, velocity_now);
        } else if at != old_place {
            self.world.put(entity, &at);
        }
        if let Some(given) = given.filter(|given| *given != old_velocity) {
            self.world.push(entity, given);
        }
        self.agreed.insert(Arc::clone(entity), (at, given.unwrap_or(old_velocity)));
        true
    }

    /// Writes where a body is. True for dynamic ones.
    fn write_back(&mut self, transaction: &mut Transaction<'_>, entity: &Arc<str>) -> Result<bool, AssetError> {
        let body_type = self.world.description(entity).map(|description| description.body_type);
        let (Some(body_type), Some((at, velocity))) = (body_type, self.world.state(entity)) else { return Ok(false) };
        if body_type == BodyType::Static {
            return Ok(false);
        }
        if !at.position.iter().chain(&velocity.linear).all(|part| part.is_finite()) {
            self.problems.push(format!("{entity}: the simulation has lost it"));
            self.world.remove(entity);
            return Ok(false);
        }
        let motion = object([("linear", list(velocity.linear)), ("angular", list(velocity.angular))]);
        transaction.put_json(&format!("{entity}:velocity"), motion, ours())?;
        let mut known = at;
        if body_type == BodyType::Dynamic {
            let id = format!("{entity}:transform");
            let old = transaction.json(&id).cloned().unwrap_or_default();
            let scale = old.get("scale").cloned().unwrap_or_else(|| list([1.0; 3]));
            let members = [("position", list(at.position)), ("rotation", list(at.rotation)), ("scale", scale)];
            transaction.put_json(&id, with(&old, members), ours())?;
        } else {
            known = self.agreed.get(entity).map_or(at, |(place, _)| *place);
        }
        self.agreed.insert(Arc::clone(entity), (known, velocity));
        Ok(body_type == BodyType::Dynamic)
    }

    fn step(&mut self, transaction: &mut Transaction<'_>, entities: &[Arc<str>], dt: f32) -> Result<usize, AssetError> {
        let mut present = BTreeSet::new();
        for entity in entities {
            if present.contains(entity) {
                continue;
            }
            if self.reconcile(transaction, entity) {
                present.insert(Arc::clone(entity));
            }
        }
        self.world.retain(|name| present.contains(name));
        self.agreed.retain(|name, _| present.contains(name));
        self.world.step(dt);
        let mut updated = 0;
        for entity in entities.iter().filter(|entity| present.contains(*entity)) {
            updated += usize::from(self.write_back(transaction, entity)?);
        }
        Ok(updated)
    }
}

impl Actor for ScenePhysics {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let dt = self.dt as f32;
        if !(dt.is_finite() && dt >= 0.0) {
            return Err(bad_input(format!("dt is no length of time: {dt}")));
        }
        let gravity = floats(Some(&self.gravity), [0.0, -9.81, 0.0]);
        if !gravity.iter().all(|part| part.is_finite()) {
            return Err(bad_input("gravity is no number"));
        }
        let mut simulation = self.simulation.take().unwrap_or_else(|| Simulation::new(gravity));
        simulation.named.extend(named(tick, Self::IN_ENTITY_ID));
        let step = |transaction: &mut Transaction<'_>| {
            let is_named = self.selection.is_open() && !simulation.named.is_empty();
            let mut entities =
                if is_named { Vec::new() } else { self.selection.entities(transaction, None, &["rigidbody"]) };
            let known: BTreeSet<Arc<str>> = entities.iter().cloned().collect();
            entities.extend(simulation.named.iter().filter(|name| !known.contains(*name)).cloned());
            simulation.step(transaction, &entities, dt)
        };
        let updated = self.database.store().and_then(|store| store.write(step).map_err(failure));
        let (bodies, colliders) = simulation.world.count();
        let pairs = simulation.world.touching();
        let problems = std::mem::take(&mut simulation.problems);
        self.simulation = Some(simulation);
        let counts = vec![
            ("entitiesUpdated", updated?.into()),
            ("bodyCount", bodies.into()),
            ("colliderCount", colliders.into()),
            ("collisionPairs", pairs.len().into()),
            ("dt", self.dt.into()),
        ];
        let pair = |(a, b): (Arc<str>, Arc<str>)| object([("a", Value::String(a)), ("b", Value::String(b))]);
        tick.write(Self::OUT_COLLISIONS, Value::array(pairs.into_iter().map(pair)));
        if !problems.is_empty() {
            tick.write(Self::OUT_ERROR, problems.join("; "));
        }
        report(tick, Self::OUT_METADATA, counts, problems);
        Ok(())
    }

    fn teardown(&mut self) {
        self.database.close();
    }
}
