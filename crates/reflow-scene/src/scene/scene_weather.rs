//! `tpl_scene_weather`.

use std::sync::Arc;

use glam::Vec3;
use reflow_assets::{AssetError, Transaction};
use reflow_component::prelude::*;

use super::{eye, member};
use crate::database::{Database, Selection, Step, failure, named, report};
use crate::kernels::weather::{PARTICLE_BYTES, motion, particles};
use crate::kinds::ListObject;
use crate::values::{count, empty, float_or, floats, list, number_or, object, text_or, truth_or};

/// Evaluates weather components into wind, fog and a particle buffer.
///
/// Every packet is one step; where `dt` and `tick` are both connected, only those on other inports are, and `dt` says how long
/// steps are. A component `weather` is `{type, intensity, windDirection, windStrength, particleCount, area, particleSpeed,
/// particleSize, particleColor, followCamera, fog}`, of the types rain, snow, hail, dust, sandstorm, fireflies, leaves, or fog, which has no
/// particles. Its particles fill `area` around the camera, four little-endian f32 each: place and size. State and particles are
/// stored as the components `weather_state` and `weather_particles` of the entity. Time is the sum of the steps.
#[derive(Component)]
#[component(id = "tpl_scene_weather", title = "Weather System", category = "scene", blocking)]
#[inport(tick: Flow, "A step.")]
#[inport(dt: Float, "A step of so many seconds.")]
#[inport(entity_id: Text, "A step of this entity alone.")]
#[outport(fog: JsonObject, "The fog, if there is any.")]
#[outport(wind: ListObject, "The wind of the last entity.")]
#[outport(particle_data: Bytes, "The particles of all entities, one after another; nothing when there are none.")]
#[outport(metadata: JsonObject, "Numbers of entities and particles, and problems if any.")]
#[example(
    config = r#"{"$db": ":memory:no weather"}"#,
    steps = r#"[{"tick": {"type": "Flow"}}]"#,
    outputs = r#"[{"wind": [{"type": "Object", "data": [0.0, 0.0, 0.0]}], "particle_data": [{"type": "Bytes", "data": []}], "metadata": [{"weatherEntities": 0, "totalParticles": 0}]}]"#
)]
pub(super) struct SceneWeather {
    #[config(group)]
    database: Database,
    #[config(group)]
    step: Step,
    #[config(group)]
    selection: Selection,
    /// The camera entity that the weather follows.
    #[config(default = "main".to_string(), lenient)]
    camera: String,
    #[state]
    elapsed: f64,
}

/// More particles of one weather are not made.
const MOST: f64 = 1e6;

#[derive(Default)]
struct Outcome {
    entities: usize,
    wind: [f32; 3],
    fog: Option<Value>,
    particles: Vec<u8>,
    problems: Vec<String>,
}

/// The fog that a weather has, or that comes with it.
fn fog(weather: &Value, kind: &str, intensity: f64) -> (Option<Value>, Option<Value>) {
    let own = weather.get("fog").filter(|fog| truth_or(fog, "enabled", false)).map(|fog| {
        let or = |key: &str, default: Value| fog.get(key).cloned().unwrap_or(default);
        object([
            ("density", or("density", 0.02.into())),
            ("color", or("color", Value::array([0.5, 0.55, 0.6]))),
            ("start", or("start", 10.0.into())),
            ("end", or("end", 200.0.into())),
        ])
    });
    let comes = matches!(kind, "sandstorm" | "dust") && intensity > 0.0;
    let other = comes.then(|| {
        object([
            ("density", (0.03 * intensity).into()),
            ("color", Value::array([0.6, 0.55, 0.45])),
            ("start", 5.0.into()),
            ("end", (80.0 / intensity).into()),
        ])
    });
    (own, other)
}

impl SceneWeather {
    fn weather(
        &self,
        transaction: &mut Transaction<'_>,
        entity: &Arc<str>,
        elapsed: f64,
        outcome: &mut Outcome,
    ) -> Result<(), AssetError> {
        let Some(weather) =
            transaction.component(entity, "weather").filter(|value| value.as_object().is_some()).cloned()
        else {
            return Ok(());
        };
        outcome.entities += 1;
        let vector = |key: &str, default| Vec3::from_array(floats(weather.get(key), default));
        let kind = text_or(&weather, "type", "rain");
        let intensity = number_or(&weather, "intensity", 0.5);
        let wind = vector("windDirection", [0.0; 3]) * float_or(&weather, "windStrength", 0.0);
        let motion = motion(kind, wind, float_or(&weather, "particleSpeed", 5.0));
        let wanted = weather.get("particleCount").and_then(count).unwrap_or(1000) as f64 * intensity;
        let active = if motion.is_some() && wanted > 0.0 { wanted.min(MOST).floor() as usize } else { 0 };
        if wanted > MOST {
            outcome.problems.push(format!("{entity}:weather: {wanted} particles are more than {MOST}"));
        }
        let follows = truth_or(&weather, "followCamera", true);
        let around = if follows { eye(transaction, &self.camera).unwrap_or_default() } else { [0.0; 3] };
        let size = float_or(&weather, "particleSize", 0.02);
        let made = motion.map_or_else(Vec::new, |motion| {
            particles(
                active,
                motion,
                Vec3::from_array(around),
                vector("area", [50.0, 30.0, 50.0]),
                size,
                elapsed as f32,
            )
        });
        let color = member(&weather, "particleColor");
        let state = object([
            ("type", kind.into()),
            ("intensity", intensity.into()),
            ("activeParticles", active.into()),
            ("particleSize", size.into()),
            ("particleColor", if color.is_null() { Value::array([1.0, 1.0, 1.0, 0.5]) } else { color }),
            ("stretch", motion.map_or(1.0, |motion| motion.stretch).into()),
            ("wind", list(wind.to_array())),
            ("elapsed", elapsed.into()),
        ]);
        transaction.put_json(&format!("{entity}:weather_state"), state, empty())?;
        let metadata = object([("count", active.into()), ("stride", PARTICLE_BYTES.into())]);
        transaction.put(&format!("{entity}:weather_particles"), &made, metadata)?;
        outcome.particles.extend(made);
        outcome.wind = wind.to_array();
        let (own, other) = fog(&weather, kind, intensity);
        outcome.fog = own.or_else(|| outcome.fog.take()).or(other);
        Ok(())
    }
}

impl Actor for SceneWeather {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(dt) = self.step.of(tick, Self::IN_DT, Self::IN_TICK)? else { return Ok(()) };
        let elapsed = self.elapsed;
        let entity = named(tick, Self::IN_ENTITY_ID);
        let step = |transaction: &mut Transaction<'_>| {
            let mut outcome = Outcome::default();
            for entity in self.selection.entities(transaction, entity, &["weather"]) {
                self.weather(transaction, &entity, elapsed, &mut outcome)?;
            }
            Ok(outcome)
        };
        let outcome = self.database.store()?.write(step).map_err(failure)?;
        self.elapsed += dt;
        let total = outcome.particles.len() / PARTICLE_BYTES;
        tick.write(Self::OUT_WIND, list(outcome.wind));
        if let Some(fog) = outcome.fog {
            tick.write(Self::OUT_FOG, fog);
        }
        // Also when there are none: whoever shows them is to stop.
        tick.write(Self::OUT_PARTICLE_DATA, outcome.particles);
        let counts = vec![("weatherEntities", outcome.entities.into()), ("totalParticles", total.into())];
        report(tick, Self::OUT_METADATA, counts, outcome.problems);
        Ok(())
    }

    fn teardown(&mut self) {
        self.database.close();
    }
}
