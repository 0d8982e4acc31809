//! Rigid bodies: a world of named bodies that moves on step by step, the same way each time.
//!
//! The engine is rapier (4 solver iterations a step); the features that make it deterministic across machines are on.

use std::collections::BTreeMap;
use std::sync::Arc;

use rapier3d::math::{Pose, Rotation, Vector};
use rapier3d::prelude::*;
use rustc_hash::FxHashMap;

/// How a body moves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BodyType {
    /// By forces.
    Dynamic,
    /// Where it is told to.
    Kinematic,
    /// Not at all.
    Static,
}

/// A shape, along the second axis where it is long.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Solid {
    /// Half its edges.
    Box([f32; 3]),
    /// Its radius.
    Sphere(f32),
    /// The height of its cylindrical part, and its radius.
    Capsule(f32, f32),
    /// Its height and its radius.
    Cylinder(f32, f32),
}

/// What touches other things.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Hull {
    /// Its shape.
    pub solid: Solid,
    /// How hard it slides.
    pub friction: f32,
    /// How much it bounces.
    pub restitution: f32,
    /// Whether it only notices others.
    pub is_sensor: bool,
    /// The groups that it belongs to, and those that it touches.
    pub groups: (u32, u32),
}

/// What a body is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Description {
    /// How it moves.
    pub body_type: BodyType,
    /// Its mass beside that of its hull.
    pub mass: f32,
    /// How fast its movement dies away.
    pub linear_damping: f32,
    /// How fast its turning dies away.
    pub angular_damping: f32,
    /// How much gravity it feels.
    pub gravity_scale: f32,
    /// Whether it must not pass through thin things when it is fast.
    pub ccd: bool,
    /// About which axes it may turn.
    pub turns: [bool; 3],
    /// What touches other things, if anything does.
    pub hull: Option<Hull>,
}

/// Where a body is.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Place {
    /// Its position.
    pub position: [f32; 3],
    /// Its rotation, a quaternion.
    pub rotation: [f32; 4],
}

/// How a body moves on.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Velocity {
    /// In units a second.
    pub linear: [f32; 3],
    /// In radians a second.
    pub angular: [f32; 3],
}

struct Body {
    handle: RigidBodyHandle,
    /// When it came.
    number: u64,
    description: Description,
}

/// A world of bodies.
pub struct World {
    engine: PhysicsWorld,
    bodies: BTreeMap<Arc<str>, Body>,
    /// How many bodies have come so far.
    came: u64,
}

fn vector([x, y, z]: [f32; 3]) -> Vector {
    Vector::new(x, y, z)
}

fn pose(place: &Place) -> Pose {
    let [x, y, z, w] = place.rotation;
    let rotation = Rotation::from_xyzw(x, y, z, w);
    // A quaternion without a length is no rotation.
    let rotation = if rotation.length_squared() > 1e-12 { rotation.normalize() } else { Rotation::IDENTITY };
    Pose::from_parts(vector(place.position), rotation)
}

fn hull(hull: &Hull) -> ColliderBuilder {
    let builder = match hull.solid {
        Solid::Box([x, y, z]) => ColliderBuilder::cuboid(x, y, z),
        Solid::Sphere(radius) => ColliderBuilder::ball(radius),
        Solid::Capsule(height, radius) => ColliderBuilder::capsule_y(height / 2.0, radius),
        Solid::Cylinder(height, radius) => ColliderBuilder::cylinder(height / 2.0, radius),
    };
    let (memberships, filter) = hull.groups;
    let groups = InteractionGroups::all()
        .with_memberships(Group::from_bits_truncate(memberships))
        .with_filter(Group::from_bits_truncate(filter));
    builder.friction(hull.friction).restitution(hull.restitution).sensor(hull.is_sensor).collision_groups(groups)
}

impl World {
    /// A world with this gravity.
    pub fn new(gravity: [f32; 3]) -> Self {
        let engine = PhysicsWorld { gravity: vector(gravity), ..PhysicsWorld::default() };
        Self { engine, bodies: BTreeMap::new(), came: 0 }
    }

    /// Whether there is a body of this name.
    pub fn has(&self, name: &str) -> bool {
        self.bodies.contains_key(name)
    }

    /// What the body of a name is.
    pub fn description(&self, name: &str) -> Option<&Description> {
        self.bodies.get(name).map(|body| &body.description)
    }

    /// Puts a body in, in place of the one of its name.
    pub fn insert(&mut self, name: &Arc<str>, description: Description, place: &Place, velocity: Velocity) {
        self.remove(name);
        let builder = match description.body_type {
            BodyType::Dynamic => RigidBodyBuilder::dynamic(),
            BodyType::Kinematic => RigidBodyBuilder::kinematic_position_based(),
            BodyType::Static => RigidBodyBuilder::fixed(),
        };
        let [x, y, z] = description.turns;
        let body = builder
            .pose(pose(place))
            .additional_mass(description.mass)
            .linear_damping(description.linear_damping)
            .angular_damping(description.angular_damping)
            .gravity_scale(description.gravity_scale)
            .ccd_enabled(description.ccd)
            .enabled_rotations(x, y, z)
            .linvel(vector(velocity.linear))
            .angvel(vector(velocity.angular));
        let handle = self.engine.insert_body(body);
        if let Some(solid) = &description.hull {
            let _ = self.engine.insert_collider(hull(solid), Some(handle));
        }
        self.came += 1;
        self.bodies.insert(Arc::clone(name), Body { handle, number: self.came, description });
    }

    /// Takes a body out.
    pub fn remove(&mut self, name: &str) {
        if let Some(body) = self.bodies.remove(name) {
            let _ = self.engine.remove_body(body.handle);
        }
    }

    /// Takes out all bodies but those of these names.
    pub fn retain(&mut self, is_kept: impl Fn(&str) -> bool) {
        let gone: Vec<Arc<str>> = self.bodies.keys().filter(|name| !is_kept(name)).cloned().collect();
        gone.iter().for_each(|name| self.remove(name));
    }

    fn body_mut(&mut self, name: &str) -> Option<&mut RigidBody> {
        self.engine.bodies.get_mut(self.bodies.get(name)?.handle)
    }

    fn body(&self, name: &str) -> Option<&RigidBody> {
        self.engine.bodies.get(self.bodies.get(name)?.handle)
    }

    /// Puts a body elsewhere; a kinematic one goes there in the next step.
    pub fn put(&mut self, name: &str, place: &Place) {
        let target = pose(place);
        if let Some(body) = self.body_mut(name) {
            if body.is_kinematic() {
                body.set_next_kinematic_position(target);
            } else {
                body.set_position(target, true);
            }
        }
    }

    /// Makes a body go on otherwise.
    pub fn push(&mut self, name: &str, velocity: Velocity) {
        if let Some(body) = self.body_mut(name) {
            body.set_linvel(vector(velocity.linear), true);
            body.set_angvel(vector(velocity.angular), true);
        }
    }

    /// Lets the world go on for `dt` seconds.
    pub fn step(&mut self, dt: f32) {
        self.engine.integration_parameters.dt = dt;
        let is_damped = |body: &Description| body.linear_damping > 0.0 || body.angular_damping > 0.0;
        let damped = self.bodies.values().filter(|body| is_damped(&body.description));
        let damped = damped.filter_map(|body| Some((body.handle, *self.engine.bodies.get(body.handle)?.position())));
        let damped: Vec<(RigidBodyHandle, Pose)> = damped.collect();
        self.engine.step();
        damped.into_iter().for_each(|(handle, before)| self.damp(handle, &before, dt));
    }

    /// Shortens the way of a body that moves freely as its damping does in each substep; the engine damps velocities alone, and
    /// only when the step is over.
    fn damp(&mut self, handle: RigidBodyHandle, before: &Pose, dt: f32) {
        let PhysicsWorld { bodies, narrow_phase, integration_parameters, .. } = &mut self.engine;
        let Some(body) = bodies.get_mut(handle).filter(|body| body.is_dynamic() && !body.is_sleeping()) else { return };
        let mut pairs = body.colliders().iter().flat_map(|collider| narrow_phase.contact_pairs_with(*collider));
        if pairs.any(ContactPair::has_any_active_contact) {
            return;
        }
        let substep = dt / integration_parameters.num_solver_iterations as f32;
        let share = |damping: f32| 1.0 / (1.0 + substep * damping);
        let after = body.position();
        let moved = before.translation.lerp(after.translation, share(body.linear_damping()));
        let turned = before.rotation.slerp(after.rotation, share(body.angular_damping()));
        body.set_position(Pose::from_parts(moved, turned.normalize()), false);
    }

    /// Where a body is, and how it goes on.
    pub fn state(&self, name: &str) -> Option<(Place, Velocity)> {
        let body = self.body(name)?;
        let (position, rotation) = (body.translation(), body.rotation());
        let place = Place {
            position: [position.x, position.y, position.z],
            rotation: [rotation.x, rotation.y, rotation.z, rotation.w],
        };
        let (linear, angular) = (body.linvel(), body.angvel());
        let velocity = Velocity { linear: [linear.x, linear.y, linear.z], angular: [angular.x, angular.y, angular.z] };
        Some((place, velocity))
    }

    /// The number of bodies, and of hulls.
    pub fn count(&self) -> (usize, usize) {
        (self.engine.bodies.len(), self.engine.colliders.len())
    }

    /// The pairs of bodies that touch each other, the one that came first being the first of them.
    pub fn touching(&self) -> Vec<(Arc<str>, Arc<str>)> {
        let names: FxHashMap<RigidBodyHandle, (u64, &Arc<str>)> =
            self.bodies.iter().map(|(name, body)| (body.handle, (body.number, name))).collect();
        let of = |collider: ColliderHandle| names.get(&self.engine.colliders.get(collider)?.parent()?).copied();
        let active = self.engine.narrow_phase.contact_pairs().filter(|pair| pair.has_any_active_contact());
        let mut pairs: Vec<_> = active.filter_map(|pair| Some((of(pair.collider1)?, of(pair.collider2)?))).collect();
        for (a, b) in &mut pairs {
            if b.0 < a.0 {
                std::mem::swap(a, b);
            }
        }
        pairs.sort_by_key(|(a, b)| (a.0, b.0));
        pairs.into_iter().map(|((_, a), (_, b))| (Arc::clone(a), Arc::clone(b))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ball() -> Description {
        let solid = Solid::Sphere(0.5);
        Description {
            body_type: BodyType::Dynamic,
            mass: 1.0,
            linear_damping: 0.1,
            angular_damping: 0.1,
            gravity_scale: 1.0,
            ccd: false,
            turns: [true; 3],
            hull: Some(Hull { solid, friction: 0.5, restitution: 0.3, is_sensor: false, groups: (u32::MAX, u32::MAX) }),
        }
    }

    fn at(position: [f32; 3]) -> Place {
        Place { position, rotation: [0.0, 0.0, 0.0, 1.0] }
    }

    fn fallen() -> Vec<[f32; 3]> {
        let mut world = World::new([0.0, -9.81, 0.0]);
        let floor = Hull { solid: Solid::Box([10.0, 0.5, 10.0]), ..ball().hull.unwrap() };
        let floor = Description { body_type: BodyType::Static, hull: Some(floor), ..ball() };
        world.insert(&"floor".into(), floor, &at([0.0, -0.5, 0.0]), Velocity::default());
        let names: Vec<Arc<str>> = (0..5).map(|index| format!("ball {index}").into()).collect();
        for (name, height) in names.iter().zip(1_u8..) {
            world.insert(name, ball(), &at([0.05 * f32::from(height), f32::from(height), 0.0]), Velocity::default());
        }
        for _ in 0..240 {
            world.step(1.0 / 60.0);
        }
        names.iter().filter_map(|name| world.state(name)).map(|(place, _)| place.position).collect()
    }

    #[test]
    fn worlds_go_on_the_same_way_each_time() {
        let places = fallen();
        assert_eq!(places, fallen());
        assert!(places.iter().all(|[_, y, _]| (0.0..5.0).contains(y)), "{places:?}");
    }

    #[test]
    fn damping_shortens_the_way_in_each_substep() {
        let mut world = World::new([0.0, -10.0, 0.0]);
        let name: Arc<str> = "a".into();
        let damped = Description { linear_damping: 2.0, angular_damping: 4.0, ..ball() };
        let velocity = Velocity { linear: [4.0, 0.0, 0.0], angular: [0.0, 1.0, 0.0] };
        world.insert(&name, damped, &at([0.0, 10.0, 0.0]), velocity);
        let (mut way, mut speed, mut angle, mut turn) = ([0.0, 10.0], [4.0, 0.0], 0.0_f32, 1.0_f32);
        let dt = 0.1;
        for _ in 0..3 {
            world.step(dt);
            for (axis, gravity) in [(0, 0.0), (1, -10.0)] {
                way[axis] += (speed[axis] * dt + 0.625 * gravity * dt * dt) / (1.0 + dt / 4.0 * 2.0);
                speed[axis] = (speed[axis] + gravity * dt) / (1.0 + dt * 2.0);
            }
            angle += turn * dt / (1.0 + dt / 4.0 * 4.0);
            turn /= 1.0 + dt * 4.0;
        }
        let (place, velocity) = world.state("a").unwrap();
        let near = |a: f32, b: f32| (a - b).abs() < 1e-4;
        assert!(near(place.position[0], way[0]) && near(place.position[1], way[1]), "{place:?} {way:?}");
        assert!(near(place.rotation[1], (angle / 2.0).sin()), "{place:?} {angle}");
        assert!(near(velocity.linear[1], speed[1]) && near(velocity.angular[1], turn), "{velocity:?}");
    }

    #[test]
    fn what_is_taken_out_is_gone() {
        let mut world = World::new([0.0; 3]);
        world.insert(&"a".into(), ball(), &at([0.0; 3]), Velocity::default());
        world.insert(&"b".into(), ball(), &at([0.5, 0.0, 0.0]), Velocity::default());
        world.step(0.1);
        assert_eq!(world.touching(), [("a".into(), "b".into())]);
        world.retain(|name| name == "b");
        world.step(0.1);
        assert_eq!((world.count(), world.touching().len()), ((1, 1), 0));
    }
}
