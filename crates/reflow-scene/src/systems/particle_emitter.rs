//! `tpl_particle_emitter`.

use reflow_component::prelude::*;

use crate::database::bad_input;
use crate::kernels::particles::{self, Emitter, Particles};
use crate::values::{Count, floats, object};

/// Makes particles, and lets them go on.
///
/// A packet on `count`, `trigger` or any other inport makes a set of particles, the same each time: their numbers come from smooth value noise, or,
/// with `random` set to `hash`, from a hash, which spreads them evenly. A number on `count` says how many. A packet on `dt`
/// lets the set go on for so many seconds: particles age, move under `gravity`, and are made anew when their life is over. 8
/// little-endian f32 each: position, velocity, life and age.
#[derive(Component)]
#[component(id = "tpl_particle_emitter", title = "Particle Emitter", category = "systems", open_ports)]
#[inport(count: Any, "How many particles to make.")]
#[inport(trigger: Flow, "Makes the particles.")]
#[inport(dt: Float, "Lets the particles go on for so many seconds.")]
#[outport(particles: Bytes, "The particles.")]
#[outport(metadata: JsonObject, "Their number and format, and the config.")]
#[example(
    config = r#"{"shape": "cube", "radius": 2}"#,
    steps = r#"[{"count": 0}]"#,
    outputs = r#"[{"particles": [{"type": "Bytes", "data": []}], "metadata": [{"count": 0, "format": "pos3_vel3_life_age_f32", "lifetime": 5.0, "radius": 2.0, "shape": "cube", "speed": 1.0, "stride": 32}]}]"#
)]
pub(super) struct ParticleEmitter {
    /// How many particles, where a packet says nothing.
    #[config(default = Count(1000), range = 1..=100_000, lenient)]
    count: Count<u32>,
    /// Where they are made.
    #[config(default = "sphere".to_string(), lenient)]
    shape: String,
    /// How large that is.
    #[config(default = 1.0, range = 0.01..=100.0, lenient)]
    radius: f64,
    /// How fast they are.
    #[config(default = 1.0, range = 0.0..=100.0, lenient)]
    speed: f64,
    /// How long the longest of them live.
    #[config(default = 5.0, range = 0.1..=60.0, unit = "s", lenient)]
    lifetime: f64,
    /// What makes them different.
    #[config(default = 0.0, range = -1000.0..=1000.0, lenient)]
    seed: f64,
    /// Where their numbers come from.
    #[config(lenient)]
    random: Random,
    /// The acceleration of particles that go on, a list of three numbers.
    #[config()]
    gravity: Value,
    #[state]
    alive: Particles,
    #[state]
    born: u64,
}

/// More particles are not made at once.
const MOST: u32 = 1_000_000;

/// Where the numbers of particles come from.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq)]
enum Random {
    /// Value noise, whose neighbours are alike.
    #[default]
    Noise,
    /// A hash, whose neighbours have nothing to do with each other.
    Hash,
}

impl ParticleEmitter {
    fn emitter(&self) -> Emitter {
        let shape = match self.shape.as_str() {
            "cube" => particles::Shape::Cube,
            "disc" => particles::Shape::Disc,
            _ => particles::Shape::Sphere,
        };
        let Self { radius, speed, lifetime, seed, random, .. } = *self;
        Emitter { shape, radius, speed, lifetime, seed, is_hashed: random == Random::Hash }
    }

    /// How many particles a tick asks for.
    fn wanted(&self, tick: &Tick<'_>) -> Result<u64, Failure> {
        let number = match tick.input(Self::IN_COUNT) {
            Some(Message::Integer(number)) => *number as f64,
            Some(Message::Float(number)) => number.trunc(),
            _ => self.count.0.into(),
        };
        if number.is_nan() || number < 0.0 {
            return Err(bad_input(format!("expected a number of particles, found {number}")));
        }
        if number > f64::from(MOST) {
            tick.node().log("warning", format!("{number} particles are too many; {MOST} are made"));
        }
        Ok(number.min(MOST.into()) as u64)
    }
}

impl Actor for ParticleEmitter {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let emitter = self.emitter();
        let is_step = tick.input(Self::IN_DT).is_some();
        if !is_step || self.born == 0 {
            let count = self.wanted(tick)?;
            self.alive = (0..count).map(|index| emitter.particle(index)).collect();
            self.born = count;
        }
        if is_step {
            let dt = tick.need(Self::IN_DT)?;
            if !(dt.is_finite() && dt >= 0.0) {
                return Err(bad_input(format!("dt is no length of time: {dt}")));
            }
            let gravity = floats(Some(&self.gravity), [0.0; 3]);
            self.alive.advance(&emitter, gravity, dt as f32, &mut self.born);
        }
        let metadata = object([
            ("count", self.alive.len().into()),
            ("shape", self.shape.as_str().into()),
            ("radius", self.radius.into()),
            ("speed", self.speed.into()),
            ("lifetime", self.lifetime.into()),
            ("format", "pos3_vel3_life_age_f32".into()),
            ("stride", particles::PARTICLE_BYTES.into()),
        ]);
        tick.write(Self::OUT_PARTICLES, self.alive.write());
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}
