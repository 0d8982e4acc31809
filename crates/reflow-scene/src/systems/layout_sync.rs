//! `tpl_layout_sync`.

use std::sync::Arc;

use reflow_assets::{AssetError, Transaction, entity_of};
use reflow_component::prelude::*;

use crate::database::{Database, failure};
use crate::kinds::ListObject;
use crate::layout::{self, Layout};
use crate::values::{object, truth_or, with};

/// Exchanges positions, scroll and input values between bound entities and a layout tree.
///
/// Every packet is one exchange, over all entities with a component `bind`: true binds everything, false nothing, an object what is true of
/// `transform`, `style`, `value` and `scroll`. What the tree knows is pulled into the components `transform`, `input_value` and
/// `scroll`; then positions and opacities are pushed into the tree. Where a position has changed on one side only since both
/// last agreed, that side wins. The tree is the one that the host has set for the database, or one in memory, filled from
/// components `dom`.
#[derive(Component)]
#[component(id = "tpl_layout_sync", title = "Layout Sync", category = "systems", blocking)]
#[inport(tick: Flow, "An exchange.")]
#[inport(entity_id: Text, "An exchange.")]
#[outport(bound_changes: ListObject, "What was pulled and pushed, if anything was.")]
#[outport(metadata: JsonObject, "The backend, the phase, and how many entities and changes there were.")]
#[example(
    config = r#"{"$db": ":memory:no layout", "phase": "poll"}"#,
    steps = r#"[{"tick": {"type": "Flow"}}]"#,
    outputs = r#"[{"metadata": [{"backend": "headless", "phase": "poll", "polled": true, "synced": false, "boundEntities": 0, "boundChanges": 0}]}]"#
)]
pub(super) struct LayoutSync {
    #[config(group)]
    database: Database,
    /// What is done.
    #[config(lenient)]
    phase: Phase,
}

/// What an exchange does.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq)]
enum Phase {
    /// Takes in what happened outside, and pulls.
    Poll,
    /// Pulls and pushes.
    Sync,
    /// All of it.
    #[default]
    Both,
}

/// Positions nearer than this are the same.
const NEAR: f64 = 0.001;

fn is_apart(a: [f64; 2], b: [f64; 2]) -> bool {
    (a[0] - b[0]).abs() > NEAR || (a[1] - b[1]).abs() > NEAR
}

/// Pulls what the tree knows of an entity. Gives the changes.
fn pull(
    transaction: &mut Transaction<'_>,
    layout: &Layout,
    entity: &Arc<str>,
    bind: &Value,
) -> Result<Vec<Value>, AssetError> {
    let is_bound = |what: &str| bind.as_boolean().unwrap_or_else(|| truth_or(bind, what, false));
    let query = |property: &str| layout.backend.query(entity, property);
    let mut changes = Vec::new();
    let mut tell = |property: &str| {
        let members = [
            ("entity", Value::String(Arc::clone(entity))),
            ("direction", "pull".into()),
            ("property", property.into()),
        ];
        changes.push(object(members));
    };
    if let (true, Some(x), Some(y)) = (is_bound("transform"), query("x"), query("y")) {
        let own = layout::position(transaction, entity);
        let agreed = layout.agreed.get(entity).copied();
        let has_moved = own.zip(agreed).is_some_and(|(own, agreed)| is_apart(own, agreed));
        let tree_has_moved = agreed.is_none_or(|agreed| is_apart([x, y], agreed));
        if own.is_none_or(|own| is_apart(own, [x, y])) && (tree_has_moved || !has_moved) {
            let id = format!("{entity}:transform");
            let position = Value::array([x, y, 0.0]);
            let transform = with(transaction.json(&id).unwrap_or(&Value::Null), [("position", position)]);
            transaction.put_json(&id, transform, object([("source", "layout_pull".into())]))?;
            tell("transform");
        }
    }
    if let (true, Some(value)) = (is_bound("value"), query("value")) {
        transaction.put_json(
            &format!("{entity}:input_value"),
            object([("value", value.into())]),
            crate::values::empty(),
        )?;
        tell("value");
    }
    if let (true, Some(x), Some(y)) = (is_bound("scroll"), query("scrollX"), query("scrollY")) {
        let progress = query("scrollProgress").unwrap_or(0.0);
        let scroll = object([("x", x.into()), ("y", y.into()), ("progress", progress.into())]);
        transaction.put_json(&format!("{entity}:scroll"), scroll, crate::values::empty())?;
        tell("scroll");
    }
    Ok(changes)
}

impl LayoutSync {
    fn exchange(
        &self,
        transaction: &mut Transaction<'_>,
        layout: &mut Layout,
    ) -> Result<(usize, Vec<Value>), AssetError> {
        layout.backend.hydrate(transaction);
        if self.phase != Phase::Sync {
            layout.backend.poll_events();
        }
        let bound = transaction.with_component(&["bind"], None);
        let mut changes = Vec::new();
        let mut entities: Vec<Arc<str>> = Vec::new();
        for entry in &bound {
            let Some(bind) = entry.inline.as_ref().filter(|bind| bind.as_boolean() != Some(false)) else { continue };
            let entity: Arc<str> = entity_of(&entry.id).into();
            changes.extend(pull(transaction, layout, &entity, bind)?);
            entities.push(entity);
        }
        if self.phase != Phase::Poll {
            layout.backend.sync(transaction);
            let pushed = |entity: &Arc<str>| {
                object([("entity", Value::String(Arc::clone(entity))), ("direction", "push".into())])
            };
            changes.extend(entities.iter().map(pushed));
        }
        for entity in &entities {
            let place = layout::position(transaction, entity);
            let tree = layout.backend.query(entity, "x").zip(layout.backend.query(entity, "y"));
            if let (Some(place), Some((x, y))) = (place, tree)
                && !is_apart(place, [x, y])
            {
                layout.agreed.insert(Arc::clone(entity), place);
            }
        }
        Ok((entities.len(), changes))
    }
}

impl Actor for LayoutSync {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let layout = layout::of(&self.database.path).ok_or("the database has no layout")?;
        let exchange = |transaction: &mut Transaction<'_>| self.exchange(transaction, &mut layout.lock());
        let (bound, changes) = self.database.store()?.write(exchange).map_err(failure)?;
        let metadata = object([
            ("backend", layout.lock().backend.name().into()),
            ("phase", self.phase.word().into()),
            ("polled", (self.phase != Phase::Sync).into()),
            ("synced", (self.phase != Phase::Poll).into()),
            ("boundEntities", bound.into()),
            ("boundChanges", changes.len().into()),
        ]);
        if !changes.is_empty() {
            tick.write(Self::OUT_BOUND_CHANGES, Value::array(changes));
        }
        tick.write(Self::OUT_METADATA, metadata);
        Ok(())
    }

    fn teardown(&mut self) {
        self.database.close();
    }
}
