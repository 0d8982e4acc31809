//! `tpl_keyframe`.

use reflow_component::prelude::*;

use crate::database::bad_input;
use crate::kernels::keyframes::{evaluate, time_of};
use crate::kinds::Plain;
use crate::values::object;

/// One keyframed value, evaluated at a given time, or handed out as a track definition for a timeline.
///
/// A number on `time` gives the value of the track then: between two keyframes `{time, value, easing}`, the easing of the first leads
/// from its value to the next one; numbers and lists of equal length go part by part, anything else changes in the middle. A packet
/// on `trigger` gives the track itself. With `loop` the track starts again after `duration`, with `pingpong` too every second
/// time backward.
///
/// Easings are linear, ease{In, Out, InOut}{Quad, Cubic, Quart, Expo, Sine, Circ, Back, Bounce, Elastic}, easeIn, easeOut and
/// easeInOut (cubic), ease, ease-in, ease-out and ease-in-out (CSS), materialStandard, materialDecelerate and materialAccelerate,
/// `cubicBezier(x1, y1, x2, y2)`, `spring(stiffness, damping, mass)` and `steps(n)`.
#[derive(Component)]
#[component(id = "tpl_keyframe", title = "Keyframe Track", category = "animation")]
#[inport(time: Float, "The time, in seconds.")]
#[inport(trigger: Flow, "Asks for the track.")]
#[outport(value: Plain, "The value at the time, under `name` if there is one.")]
#[outport(track: JsonObject, "The track: name, keyframes, delay and duration.")]
#[outport(progress: Float, "How far the time is, from 0 to 1.")]
#[outport(metadata: JsonObject, "The time that counts, the progress and the duration.")]
#[example(
    config = r#"{"keyframes": [{"time": 0, "value": 0}, {"time": 2, "value": 10}]}"#,
    steps = r#"[{"time": 0.5}]"#,
    outputs = r#"[{"value": [2.5], "progress": [0.25], "metadata": [{"time": 0.5, "progress": 0.25, "duration": 2.0}]}]"#
)]
pub(super) struct Keyframe {
    /// The keyframes, `{time, value, easing}`, in ascending order.
    #[config(lenient)]
    keyframes: Option<Vec<Value>>,
    /// What the value is called.
    #[config(lenient)]
    name: Option<String>,
    /// How long the track is; up to its last keyframe when it is left out.
    #[config(unit = "s", lenient)]
    duration: Option<f64>,
    /// Start again after the duration.
    #[config(key = "loop", lenient)]
    is_looped: bool,
    /// With `loop`: go backward every second time.
    #[config(lenient)]
    pingpong: bool,
    /// The delay of the track that is handed out.
    #[config()]
    delay: Option<Value>,
}

impl Keyframe {
    fn duration(&self, keyframes: &[Value]) -> f64 {
        let last = || keyframes.last().filter(|last| last.get("time").is_some_and(|time| time.as_number().is_some()));
        self.duration.or_else(|| last().map(time_of)).unwrap_or(1.0)
    }

    /// The time in the track that counts.
    fn effective(&self, time: f64, duration: f64) -> f64 {
        if !self.is_looped || duration <= 0.0 {
            return time.clamp(0.0, duration.max(0.0));
        }
        let cycle = time / duration;
        let part = time.rem_euclid(duration);
        if self.pingpong && cycle.floor().rem_euclid(2.0) == 1.0 { duration - part } else { part }
    }

    fn track(&self, keyframes: &[Value]) -> Value {
        let mut track = vec![
            ("name", self.name.as_deref().unwrap_or("default").into()),
            ("keyframes", Value::array(keyframes.iter().cloned())),
        ];
        track.extend(self.delay.clone().map(|delay| ("delay", delay)));
        track.extend(self.duration.map(|duration| ("duration", duration.into())));
        Value::object(track)
    }
}

impl Actor for Keyframe {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let keyframes = self.keyframes.as_ref().ok_or_else(|| bad_input("there are no keyframes in the config"))?;
        if tick.input(Self::IN_TRIGGER).is_some() {
            tick.write(Self::OUT_TRACK, self.track(keyframes));
            return Ok(());
        }
        let time = tick.need(Self::IN_TIME)?;
        if !time.is_finite() {
            return Err(bad_input(format!("{time} is no time")));
        }
        let duration = self.duration(keyframes);
        let time = self.effective(time, duration);
        let progress = if duration > 0.0 { time / duration } else { 1.0 };
        if let Some(value) = evaluate(keyframes, time) {
            let named = self.name.as_ref().map(|name| Value::object([(name.as_str(), value.clone())]));
            tick.write(Self::OUT_VALUE, named.unwrap_or(value));
        }
        tick.write(Self::OUT_PROGRESS, progress);
        let metadata = object([("time", time.into()), ("progress", progress.into()), ("duration", duration.into())]);
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn loops_go_on_below_zero() {
        let config = json!({"keyframes": [{"time": 0, "value": 0}, {"time": 2, "value": 8}], "loop": true});
        let value = |config: serde_json::Value, time: f64| {
            run::<Keyframe>(config, [json!({"time": time})])[0]["value"][0].clone()
        };
        assert_eq!((value(config.clone(), -0.5), value(config.clone(), 2.5)), (json!(6.0), json!(2.0)));
        let mut config = config;
        config["pingpong"] = true.into();
        assert_eq!((value(config.clone(), -0.5), value(config.clone(), 2.5)), (json!(2.0), json!(6.0)));
    }
}
