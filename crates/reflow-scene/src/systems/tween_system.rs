//! `tpl_tween_system`.

use std::sync::Arc;

use reflow_assets::{AssetError, Table, Transaction, component_of, entity_of};
use reflow_component::prelude::*;

use crate::database::{Database, Selection, Step, component, named, report, step};
use crate::kernels::easing::ease;
use crate::kernels::keyframes::tween;
use crate::kinds::ListObject;
use crate::paths;
use crate::values::{number_or, text_or, truth_or, with};

/// Advances tween components and writes the values on the way into other components.
///
/// Every packet is one step; where `dt` and `tick` are both connected, only those on other inports are, and `dt` says how long
/// steps are. A component called `tween`, or anything that begins with `tween_`, is `{target, from, to, duration, easing, delay, loop,
/// yoyo}`; while its `state` is `playing`, `elapsed` grows, and what lies between `from` and `to` is written to `target`, an
/// `entity:component.field` path. Without a selection all tweens of the database play. All changes of a step take place together.
#[derive(Component)]
#[component(id = "tpl_tween_system", title = "Tween System", category = "systems", blocking)]
#[inport(tick: Flow, "A step.")]
#[inport(dt: Float, "A step of so many seconds.")]
#[inport(entity_id: Text, "A step of this entity alone.")]
#[outport(completed: ListObject, "The tweens that were completed in this step, if any.")]
#[outport(metadata: JsonObject, "How many tweens play, how many were completed, and problems if there are any.")]
#[example(
    config = r#"{"$db": ":memory:no tweens"}"#,
    steps = r#"[{"tick": {"type": "Flow"}}]"#,
    outputs = r#"[{"metadata": [{"activeTweens": 0, "completedThisTick": 0}]}]"#
)]
pub(super) struct TweenSystem {
    #[config(group)]
    database: Database,
    #[config(group)]
    step: Step,
    #[config(group)]
    selection: Selection,
}

/// What a step comes to.
#[derive(Default)]
struct Outcome {
    active: usize,
    completed: Vec<Arc<str>>,
    problems: Vec<String>,
}

const NAME: &str = "tween";
const NUMBERED: &str = "tween_";

impl TweenSystem {
    fn tweens(&self, table: &Table, named: Option<Arc<str>>) -> Vec<Arc<str>> {
        if named.is_none() && self.selection.is_open() {
            return table.with_component(&[NAME], Some(NUMBERED)).iter().map(|entry| Arc::clone(&entry.id)).collect();
        }
        let is_tween = |id: &str| component_of(id).is_some_and(|name| name == NAME || name.starts_with(NUMBERED));
        let entities = self.selection.entities(table, named, &[NAME]);
        let of = |entity: &Arc<str>| {
            table.of_entity(entity).into_iter().filter(|entry| entity_of(&entry.id) == &**entity).collect::<Vec<_>>()
        };
        entities.iter().flat_map(of).map(|entry| Arc::clone(&entry.id)).filter(|id| is_tween(id)).collect()
    }
}

/// One step of one tween.
fn play(transaction: &mut Transaction<'_>, id: &Arc<str>, dt: f64, outcome: &mut Outcome) -> Result<(), AssetError> {
    let Some(component) = component(transaction, id, &mut outcome.problems) else { return Ok(()) };
    if text_or(&component, "state", "playing") != "playing" {
        return Ok(());
    }
    let elapsed = number_or(&component, "elapsed", 0.0) + dt;
    let active = elapsed - number_or(&component, "delay", 0.0);
    if active < 0.0 {
        return transaction.replace_json(id, with(&component, [("elapsed", elapsed.into())]));
    }
    outcome.active += 1;
    let (progress, is_over) = progress(&component, active);
    if is_over {
        outcome.completed.push(Arc::clone(id));
    }
    if let (Some(from), Some(to)) = (component.get("from"), component.get("to")) {
        let value = tween(from, to, ease(text_or(&component, "easing", "linear"), progress));
        if let Some(target) = component.get("target").and_then(Value::as_str) {
            outcome.problems.extend(paths::write(transaction, target, value)?.err());
        }
    }
    // Its target may be the tween itself.
    let component = transaction.json(id).cloned().unwrap_or(component);
    let state = if is_over { "completed" } else { "playing" };
    let members = [("elapsed", elapsed.into()), ("state", state.into()), ("progress", progress.into())];
    transaction.replace_json(id, with(&component, members))
}

/// How far a tween has come, and whether it is over.
fn progress(component: &Value, active: f64) -> (f64, bool) {
    let duration = number_or(component, "duration", 1.0);
    let ratio = if duration > 0.0 { active / duration } else { 1.0 };
    if ratio < 1.0 {
        return (ratio, false);
    }
    // A loop of no length stands at its end.
    if !truth_or(component, "loop", false) || duration <= 0.0 || !ratio.is_finite() {
        return (1.0, true);
    }
    let part = ratio.fract();
    let is_backward = truth_or(component, "yoyo", false) && ratio.floor() % 2.0 == 1.0;
    (if is_backward { 1.0 - part } else { part }, false)
}

impl Actor for TweenSystem {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(dt) = self.step.of(tick, Self::IN_DT, Self::IN_TICK)? else { return Ok(()) };
        let entity = named(tick, Self::IN_ENTITY_ID);
        let outcome: Outcome = step(&*self.database.store()?, |transaction, outcome| {
            self.tweens(transaction, entity).iter().try_for_each(|id| play(transaction, id, dt, outcome))
        })?;
        let counts =
            vec![("activeTweens", outcome.active.into()), ("completedThisTick", outcome.completed.len().into())];
        if !outcome.completed.is_empty() {
            tick.write(Self::OUT_COMPLETED, Value::array(outcome.completed));
        }
        report(tick, Self::OUT_METADATA, counts, outcome.problems);
        Ok(())
    }

    fn teardown(&mut self) {
        self.database.close();
    }
}
