//! `tpl_timeline_system`.

use reflow_assets::{AssetError, Transaction};
use reflow_component::kind::payload;
use reflow_component::prelude::*;

use crate::database::{Database, Selection, Step, component, named, report, step};
use crate::kernels::keyframes::evaluate;
use crate::kinds::ListObject;
use crate::paths;
use crate::values::{number, number_or, object, text_or, truth_or, with};

/// Advances timeline components: several keyframe tracks that write into other components.
///
/// Every packet is one step; where `dt` and `tick` are both connected, only those on other inports are, and `dt` says how long
/// steps are. A component `timeline` is `{duration, playback, speed, loop, elapsed, tracks}`; while `playback` is `playing`,
/// `elapsed` grows by dt · speed, and each track `{target, delay, keyframes}` writes its value at that time to `target`, an
/// `entity:component.field` path. `command` takes `play`, `pause`, `stop` and `seek:SECONDS`, which change the selected timelines
/// without a step. All changes of a step take place together.
#[derive(Component)]
#[component(id = "tpl_timeline_system", title = "Timeline System", category = "systems", blocking)]
#[inport(tick: Flow, "A step.")]
#[inport(dt: Float, "A step of so many seconds.")]
#[inport(command: Any, "`play`, `pause`, `stop`, `seek:SECONDS`, or an object with it under `cmd`.")]
#[inport(entity_id: Text, "A step of this entity alone.")]
#[outport(events: ListObject, "What happened to timelines, if anything did.")]
#[outport(metadata: JsonObject, "How many timelines play, how much happened, and problems if there are any.")]
#[example(
    config = r#"{"$db": ":memory:no timelines"}"#,
    steps = r#"[{"tick": {"type": "Flow"}}]"#,
    outputs = r#"[{"metadata": [{"activeTimelines": 0, "events": 0}]}]"#
)]
pub(super) struct TimelineSystem {
    #[config(group)]
    database: Database,
    #[config(group)]
    step: Step,
    #[config(group)]
    selection: Selection,
}

const NAME: &str = "timeline";

#[derive(Default)]
struct Outcome {
    active: usize,
    events: Vec<Value>,
    problems: Vec<String>,
}

/// What is to be done with timelines.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Order {
    Step(f64),
    Play,
    Pause,
    Stop,
    Seek(f64),
}

impl Order {
    /// The order of a command; `None` for what is none.
    fn of(message: &Message) -> Option<Self> {
        let text = match payload(message) {
            Some(value @ Value::Object(_)) => text_or(value, "cmd", text_or(value, "command", "")).to_string(),
            _ => message.as_text()?.to_string(),
        };
        Some(match text.trim() {
            "play" => Self::Play,
            "pause" => Self::Pause,
            "stop" => Self::Stop,
            other => {
                let seconds: f64 = other.strip_prefix("seek:")?.trim().parse().ok()?;
                seconds.is_finite().then_some(Self::Seek(seconds))?
            }
        })
    }
}

/// Does it with one timeline.
fn carry_out(
    order: Order,
    transaction: &mut Transaction<'_>,
    id: &str,
    outcome: &mut Outcome,
) -> Result<(), AssetError> {
    let Some(component) = component(transaction, id, &mut outcome.problems) else { return Ok(()) };
    let duration = number_or(&component, "duration", 1.0);
    let (old, playback) = (number_or(&component, "elapsed", 0.0), text_or(&component, "playback", "stopped"));
    let (elapsed, playback) = match order {
        Order::Step(_) if playback != "playing" => return Ok(()),
        Order::Step(dt) => {
            let elapsed = old + dt * number_or(&component, "speed", 1.0);
            let is_looped = truth_or(&component, "loop", false);
            match wrapped(elapsed, duration, is_looped) {
                (elapsed, true) => {
                    outcome.events.push(object([("timeline", id.into()), ("event", "completed".into())]));
                    (elapsed, "completed")
                }
                (elapsed, false) => (elapsed, "playing"),
            }
        }
        Order::Play => (if playback == "completed" { 0.0 } else { old }, "playing"),
        Order::Pause => (old, "paused"),
        Order::Stop => (0.0, "stopped"),
        Order::Seek(seconds) => (seconds.clamp(0.0, duration.max(0.0)), playback),
    };
    outcome.active += 1;
    if matches!(order, Order::Step(_) | Order::Seek(_)) {
        show(transaction, &component, elapsed, outcome)?;
    }
    // A track may have the timeline itself as its target.
    let stored = transaction.json(id).cloned().unwrap_or_else(|| component.clone());
    transaction.replace_json(id, with(&stored, [("elapsed", elapsed.into()), ("playback", playback.into())]))
}

/// A time within a timeline, and whether it is over: at its end, or, when it runs backward, at its start.
fn wrapped(elapsed: f64, duration: f64, is_looped: bool) -> (f64, bool) {
    if duration > 0.0 && is_looped {
        return if (0.0..duration).contains(&elapsed) {
            (elapsed, false)
        } else {
            (elapsed.rem_euclid(duration), false)
        };
    }
    match elapsed {
        elapsed if elapsed >= duration => (duration, true),
        elapsed if elapsed < 0.0 => (0.0, true),
        elapsed => (elapsed, false),
    }
}

/// Writes what the tracks of a timeline show at a time.
fn show(
    transaction: &mut Transaction<'_>,
    component: &Value,
    elapsed: f64,
    outcome: &mut Outcome,
) -> Result<(), AssetError> {
    for track in component.get("tracks").and_then(Value::as_array).into_iter().flatten() {
        let time = elapsed - number(track, "delay").unwrap_or(0.0);
        let keyframes = track.get("keyframes").and_then(Value::as_array).unwrap_or_default();
        let target = track.get("target").and_then(Value::as_str);
        if let (Some(target), true, Some(value)) = (target, time >= 0.0, evaluate(keyframes, time)) {
            outcome.problems.extend(paths::write(transaction, target, value)?.err());
        }
    }
    Ok(())
}

impl Actor for TimelineSystem {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let order = match tick.input(Self::IN_COMMAND).and_then(Order::of) {
            Some(order) => order,
            None => match self.step.of(tick, Self::IN_DT, Self::IN_TICK)? {
                Some(dt) => Order::Step(dt),
                None => return Ok(()),
            },
        };
        let entity = named(tick, Self::IN_ENTITY_ID);
        let outcome: Outcome = step(&*self.database.store()?, |transaction, outcome| {
            let entities = self.selection.entities(transaction, entity, &[NAME]);
            entities.iter().try_for_each(|entity| carry_out(order, transaction, &format!("{entity}:{NAME}"), outcome))
        })?;
        let counts = vec![("activeTimelines", outcome.active.into()), ("events", outcome.events.len().into())];
        if !outcome.events.is_empty() {
            tick.write(Self::OUT_EVENTS, Value::array(outcome.events));
        }
        report(tick, Self::OUT_METADATA, counts, outcome.problems);
        Ok(())
    }

    fn teardown(&mut self) {
        self.database.close();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn timelines_end_and_wrap_on_both_sides() {
        assert_eq!(wrapped(1.25, 1.0, true), (0.25, false));
        assert_eq!(wrapped(-0.25, 1.0, true), (0.75, false));
        assert_eq!(wrapped(1.0, 1.0, false), (1.0, true));
        assert_eq!(wrapped(-0.5, 1.0, false), (0.0, true));
        assert_eq!(wrapped(0.5, 0.0, true), (0.0, true));
    }

    #[test]
    fn commands_are_texts_or_objects() {
        assert_eq!(Order::of(&Message::string("seek: 1.5")), Some(Order::Seek(1.5)));
        assert_eq!(Order::of(&Message::object(object([("cmd", "stop".into())]))), Some(Order::Stop));
        assert_eq!(Order::of(&Message::string("seek:soon")), None);
        assert_eq!(Order::of(&Message::Flow), None);
    }
}
