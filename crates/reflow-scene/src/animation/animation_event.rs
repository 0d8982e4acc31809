//! `tpl_animation_event`.

use reflow_component::prelude::*;

use crate::database::bad_input;
use crate::values::{number_or, object, text_or};

/// Fires named events when the animation time passes their timestamps.
///
/// An event fires when its time is behind the last time seen, and not behind the new one; with `loop`, a time before the last one
/// means that the cycle has begun again. An event at exactly the first time seen fires then.
#[derive(Component)]
#[component(id = "tpl_animation_event", title = "Animation Events", category = "animation", firing = required(time))]
#[inport(time: Float, required, "The time, in seconds.")]
#[outport(event: JsonObject, "The first event that fired, if any did.")]
#[outport(events: List, "All that fired, in the order of the config, if any did.")]
#[outport(metadata: JsonObject, "The time that counts, and how many events fired.")]
#[example(
    config = r#"{"events": [{"time": 0.5, "name": "step"}], "loop": false}"#,
    steps = r#"[{"time": 0.25}, {"time": 0.75}]"#,
    outputs = r#"[{"metadata": [{"time": 0.25, "firedCount": 0}]}, {"event": [{"name": "step", "time": 0.5, "data": null}], "events": [[{"name": "step", "time": 0.5, "data": null}]], "metadata": [{"time": 0.75, "firedCount": 1}]}]"#
)]
pub(super) struct AnimationEvent {
    /// The events, `{time, name, data}`.
    #[config(lenient)]
    events: Vec<Value>,
    /// How long a cycle is.
    #[config(default = 1.0, unit = "s", lenient)]
    duration: f64,
    /// Begin again after the duration.
    #[config(key = "loop", default = true, lenient)]
    is_looped: bool,
    #[state]
    last: Option<f64>,
}

impl AnimationEvent {
    /// Whether something at `at` happened on the way to `now`.
    fn has_passed(&self, at: f64, now: f64) -> bool {
        match self.last {
            None => at == now,
            Some(last) if now >= last => last < at && at <= now,
            Some(last) => self.is_looped && self.duration > 0.0 && (at > last || at <= now),
        }
    }
}

impl Actor for AnimationEvent {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let time = tick.read(Self::IN_TIME).unwrap_or(0.0);
        if !time.is_finite() {
            return Err(bad_input(format!("{time} is no time")));
        }
        let now = if self.is_looped && self.duration > 0.0 { time.rem_euclid(self.duration) } else { time };
        let fired =
            self.events.iter().filter(|event| self.has_passed(number_or(event, "time", 0.0), now)).map(|event| {
                let time = event.get("time").filter(|time| time.as_number().is_some());
                object([
                    ("name", text_or(event, "name", "").into()),
                    ("time", time.cloned().unwrap_or(0.into())),
                    ("data", event.get("data").cloned().unwrap_or_default()),
                ])
            });
        let fired: Vec<Value> = fired.collect();
        self.last = Some(now);
        tick.write(Self::OUT_METADATA, object([("time", now.into()), ("firedCount", fired.len().into())]));
        if let Some(first) = fired.first() {
            tick.write(Self::OUT_EVENT, first.clone());
            tick.write(Self::OUT_EVENTS, fired);
        }
        Ok(())
    }
}
