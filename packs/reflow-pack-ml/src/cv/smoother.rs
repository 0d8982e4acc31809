//! `tpl_cv_temporal_smoother`.

use std::time::Instant;

use reflow_pack_sdk::prelude::*;

use crate::media::object;

/// Smooths landmarks over time.
///
/// With the method `exponential`, each coordinate is `previous * (1 - alpha) + new * alpha` of the set that was sent before; `z` where both have
/// one. With `one_euro` (Casiez, Roussel and Vogel, 2012) slow movements are smoothed more than fast ones, by the timestamps in the
/// metadata, or 30 sets a second where there are none. The first set passes as it is, and so do landmarks that had no predecessor;
/// visibility, presence, name and metadata are the new ones. It begins anew when the number of landmarks or the stream changes, and
/// after `resetAfterMs` without a set.
///
/// # Errors
///
/// On `error`: no set of landmarks.
#[derive(Component)]
#[component(id = "tpl_cv_temporal_smoother", title = "Temporal Smoother", category = "cv", firing = required(landmarks))]
#[inport(landmarks: Any, required, "A set of landmarks.")]
#[outport(landmarks: JsonObject, "The set, smoothed.")]
#[outport(error: ErrorText, "Why there is none.")]
pub(crate) struct Smoother {
    /// The weight of the new value, from 0 to 1.
    #[config(default = 0.55, lenient)]
    alpha: f64,
    /// How.
    #[config(default = Method::Exponential, lenient)]
    method: Method,
    /// `one_euro`: the least cutoff, lower is smoother.
    #[config(key = "minCutoff", default = 1.0, unit = "Hz", lenient)]
    min_cutoff: f64,
    /// `one_euro`: how much the cutoff grows with speed.
    #[config(lenient)]
    beta: f64,
    /// `one_euro`: the cutoff of the speed.
    #[config(key = "dCutoff", default = 1.0, unit = "Hz", lenient)]
    d_cutoff: f64,
    /// After so long without a set it begins anew; 0 means never.
    #[config(key = "resetAfterMs", unit = "ms", lenient)]
    reset_after: f64,
    #[state]
    previous: Option<Previous>,
}

/// How landmarks are smoothed.
#[derive(Clone, Copy, PartialEq, Choice)]
enum Method {
    /// A fixed weight.
    Exponential,
    /// The One Euro filter.
    OneEuro,
}

const AXES: [&str; 3] = ["x", "y", "z"];

/// What was sent before.
struct Previous {
    points: Vec<[Option<Axis>; 3]>,
    stream: Value,
    micros: Option<i64>,
    arrived: Instant,
}

#[derive(Clone, Copy)]
struct Axis {
    value: f64,
    speed: f64,
}

impl Actor for Smoother {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        match object(tick.input(Self::IN_LANDMARKS), "a set of landmarks").and_then(|set| self.smooth(&set)) {
            Ok(set) => {
                tick.write(Self::OUT_LANDMARKS, set);
                Ok(())
            }
            Err(text) => crate::report(tick, Self::OUT_ERROR, text),
        }
    }
}

impl Smoother {
    fn smooth(&mut self, set: &Value) -> Result<Value, String> {
        let list =
            set.get("landmarks").and_then(Value::as_array).ok_or("a set of landmarks has `landmarks`, an array")?;
        let metadata = set.get("metadata").cloned().unwrap_or_default();
        let micros = metadata.get("timestamp").and_then(|stamp| stamp.get("micros")).and_then(Value::as_integer);
        let stream = metadata.get("streamId").cloned().unwrap_or_default();
        let now = Instant::now();
        let previous = self.previous.take().filter(|previous| {
            let gap = match (previous.micros, micros) {
                (Some(before), Some(now)) => now.saturating_sub(before) as f64 / 1000.0,
                _ => now.duration_since(previous.arrived).as_secs_f64() * 1000.0,
            };
            previous.points.len() == list.len()
                && previous.stream == stream
                && (self.reset_after <= 0.0 || gap <= self.reset_after)
        });
        let seconds = match (previous.as_ref().and_then(|previous| previous.micros), micros) {
            (Some(before), Some(now)) if now > before => (now - before) as f64 / 1e6,
            _ => 1.0 / 30.0,
        };
        let mut points = Vec::with_capacity(list.len());
        let mut smoothed = Vec::with_capacity(list.len());
        for (at, landmark) in list.iter().enumerate() {
            if landmark.as_object().is_none() {
                return Err(format!("landmark {at} is an object with x and y, found {}", landmark.kind()));
            }
            let before = previous.as_ref().map(|previous| previous.points[at]);
            let mut axes = [None; 3];
            let mut members = Vec::new();
            for (index, name) in AXES.into_iter().enumerate() {
                let new = landmark.get(name).and_then(Value::as_number).filter(|number| number.is_finite());
                let axis = new.map(|new| match before.and_then(|before| before[index]) {
                    Some(before) => self.step(before, new, seconds),
                    None => Axis { value: new, speed: 0.0 },
                });
                if let Some(axis) = axis {
                    members.push((name, Value::from(axis.value)));
                }
                axes[index] = axis;
            }
            points.push(axes);
            smoothed.push(landmark.merged_with(&Value::object(members)));
        }
        self.previous = Some(Previous { points, stream, micros, arrived: now });
        Ok(set.merged_with(&Value::object([("landmarks", Value::from(smoothed))])))
    }

    fn step(&self, before: Axis, new: f64, seconds: f64) -> Axis {
        let mix = |old: f64, new: f64, alpha: f64| old * (1.0 - alpha) + new * alpha;
        match self.method {
            Method::Exponential => Axis { value: mix(before.value, new, self.alpha.clamp(0.0, 1.0)), speed: 0.0 },
            Method::OneEuro => {
                let alpha = |cutoff: f64| {
                    let constant = 1.0 / (std::f64::consts::TAU * cutoff.max(1e-6));
                    1.0 / (1.0 + constant / seconds)
                };
                let speed = mix(before.speed, (new - before.value) / seconds, alpha(self.d_cutoff));
                let cutoff = self.min_cutoff + self.beta * speed.abs();
                Axis { value: mix(before.value, new, alpha(cutoff)), speed }
            }
        }
    }
}
