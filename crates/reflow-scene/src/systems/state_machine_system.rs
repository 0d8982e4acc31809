//! `tpl_state_machine_system`.

use std::sync::Arc;

use reflow_assets::{AssetError, Table, Transaction};
use reflow_component::kind::payload;
use reflow_component::prelude::*;

use crate::database::{Database, Selection, component, named, report, step};
use crate::kinds::ListObject;
use crate::paths;
use crate::values::{empty, object, text_or, with};

/// Applies triggers to state machine components, and runs what entering and leaving their states does.
///
/// A component `state_machine` is `{current, states: {NAME: {onEnter, onExit}}, transitions: [{from, to, trigger, guard}]}`. The
/// triggers of an entity are those of the packet, then the texts in its component `triggers`, which is emptied. One after
/// another, each takes the first transition from the current state (or from `*`) whose guard holds. A guard is a
/// `component.field` path of the entity: true, a number but 0, a text that is not empty, any list or object. An action may have `set`,
/// components to replace, and `tween`, an entity whose tween starts again. A packet `{entity, trigger}` is for that entity alone.
#[derive(Component)]
#[component(id = "tpl_state_machine_system", title = "State Machine System", category = "systems", blocking)]
#[inport(tick: Flow, "A step.")]
#[inport(trigger: Any, "A trigger, a list of them, or an object `{entity, trigger}`.")]
#[inport(entity_id: Text, "A step of this entity alone.")]
#[outport(state_changes: ListObject, "Changes as `{entity, from, to}`, if there were any.")]
#[outport(metadata: JsonObject, "How many machines had triggers, how many changes there were, and problems if any.")]
#[example(
    config = r#"{"$db": ":memory:no machines"}"#,
    steps = r#"[{"trigger": "go"}]"#,
    outputs = r#"[{"metadata": [{"stateMachinesProcessed": 0, "stateChanges": 0}]}]"#
)]
pub(super) struct StateMachineSystem {
    #[config(group)]
    database: Database,
    #[config(group)]
    selection: Selection,
}

const NAME: &str = "state_machine";

#[derive(Default)]
struct Outcome {
    processed: usize,
    changes: Vec<Value>,
    problems: Vec<String>,
}

/// The triggers of a packet, and the entity that they are for if it names one.
fn triggers(message: &Message) -> (Vec<Arc<str>>, Option<Arc<str>>) {
    let texts = |value: &Value| -> Vec<Arc<str>> {
        match value {
            Value::String(text) => vec![Arc::clone(text)],
            Value::Array(items) => items.iter().filter_map(|item| item.as_str().map(Into::into)).collect(),
            _ => Vec::new(),
        }
    };
    match (message, payload(message)) {
        (Message::String(text), _) => (vec![Arc::clone(text)], None),
        (Message::Array(items), _) => (texts(&Value::Array(items.clone())), None),
        (_, Some(value @ Value::Object(_))) => {
            let entity = value.get("entity").and_then(Value::as_str).map(Into::into);
            (value.get("trigger").map(texts).unwrap_or_default(), entity)
        }
        (_, Some(value)) => (texts(value), None),
        _ => (Vec::new(), None),
    }
}

fn is_true(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => false,
        Some(Value::Boolean(truth)) => *truth,
        Some(Value::String(text)) => !text.is_empty(),
        Some(Value::Array(_) | Value::Object(_)) => true,
        Some(number) => number.as_number().is_some_and(|number| number != 0.0),
    }
}

/// The transition that a trigger takes: its target.
fn target(table: &Table, entity: &str, machine: &Value, current: &str, trigger: &str) -> Option<Arc<str>> {
    let transitions = machine.get("transitions").and_then(Value::as_array)?;
    let fits = |transition: &&Value| {
        let from = text_or(transition, "from", "");
        let holds = || match transition.get("guard").and_then(Value::as_str) {
            Some(guard) => is_true(paths::read(table, &format!("{entity}:{guard}"))),
            None => true,
        };
        text_or(transition, "trigger", "") == trigger && (from == "*" || from == current) && holds()
    };
    transitions.iter().find(fits)?.get("to").and_then(Value::as_str).map(Into::into)
}

/// What entering or leaving a state does.
fn act(transaction: &mut Transaction<'_>, entity: &str, action: Option<&Value>) -> Result<(), AssetError> {
    let Some(action) = action else { return Ok(()) };
    if let Some(name) = action.get("tween").and_then(Value::as_str) {
        let id = format!("{name}:tween");
        if let Some(tween) = transaction.json(&id) {
            let started = with(tween, [("state", "playing".into()), ("elapsed", 0.into())]);
            transaction.replace_json(&id, started)?;
        }
    }
    for (component, value) in action.get("set").and_then(Value::as_object).into_iter().flatten() {
        transaction.put_json(&format!("{entity}:{component}"), value.clone(), empty())?;
    }
    Ok(())
}

/// Applies triggers to the machine of an entity.
fn apply(
    transaction: &mut Transaction<'_>,
    entity: &str,
    given: &[Arc<str>],
    outcome: &mut Outcome,
) -> Result<(), AssetError> {
    let id = format!("{entity}:{NAME}");
    if component(transaction, &id, &mut outcome.problems).is_none() {
        return Ok(());
    }
    let mut all = given.to_vec();
    let waiting = format!("{entity}:triggers");
    if let Some(Value::Array(items)) = transaction.json(&waiting).cloned() {
        all.extend(items.iter().filter_map(|item| item.as_str().map(Into::into)));
        if !items.is_empty() {
            transaction.replace_json(&waiting, Value::array::<Value>([]))?;
        }
    }
    if all.is_empty() {
        return Ok(());
    }
    outcome.processed += 1;
    for trigger in all {
        let Some(machine) = transaction.json(&id).cloned() else { break };
        let current: Arc<str> = text_or(&machine, "current", "idle").into();
        let Some(next) = target(transaction, entity, &machine, &current, &trigger).filter(|next| *next != current)
        else {
            continue;
        };
        let state = |name: &str| machine.get("states").and_then(|states| states.get(name));
        if machine.get("states").is_some() && state(&next).is_none() {
            outcome.problems.push(format!("{id}: there is no state `{next}`"));
        }
        act(transaction, entity, state(&current).and_then(|state| state.get("onExit")))?;
        act(transaction, entity, state(&next).and_then(|state| state.get("onEnter")))?;
        let stored = transaction.json(&id).cloned().unwrap_or(machine);
        let members =
            [("current", Value::String(Arc::clone(&next))), ("previousState", Value::String(Arc::clone(&current)))];
        transaction.replace_json(&id, with(&stored, members))?;
        let change = [("entity", entity.into()), ("from", Value::String(current)), ("to", Value::String(next))];
        outcome.changes.push(object(change));
    }
    Ok(())
}

impl Actor for StateMachineSystem {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let (triggers, owner) = tick.input(Self::IN_TRIGGER).map(triggers).unwrap_or_default();
        let entity = named(tick, Self::IN_ENTITY_ID).or(owner);
        let outcome: Outcome = step(&*self.database.store()?, |transaction, outcome| {
            let entities = self.selection.entities(transaction, entity, &[NAME]);
            entities.iter().try_for_each(|entity| apply(transaction, entity, &triggers, outcome))
        })?;
        let counts =
            vec![("stateMachinesProcessed", outcome.processed.into()), ("stateChanges", outcome.changes.len().into())];
        if !outcome.changes.is_empty() {
            tick.write(Self::OUT_STATE_CHANGES, Value::array(outcome.changes));
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
    use reflow_assets::Store;
    use reflow_component::testing::run;
    use serde_json::json;

    #[test]
    fn triggers_are_applied_one_after_another() {
        let store = Store::open(":memory:quick triggers").unwrap();
        let machine = json!({"current": "a", "transitions": [
            {"from": "a", "to": "b", "trigger": "go"}, {"from": "b", "to": "c", "trigger": "go", "guard": "flags.deep.ready"},
        ], "states": {"a": {}, "b": {}}});
        store.put_json("m:state_machine", (&machine).into(), empty()).unwrap();
        store.put_json("m:flags", (&json!({"deep": {"ready": 1}})).into(), empty()).unwrap();
        let config = json!({"$db": ":memory:quick triggers"});
        let outputs = run::<StateMachineSystem>(config, [json!({"trigger": ["go", "nothing", "go"]})]);
        let changes = json!([{"entity": "m", "from": "a", "to": "b"}, {"entity": "m", "from": "b", "to": "c"}]);
        assert_eq!(outputs[0]["state_changes"][0]["data"], changes);
        assert_eq!(outputs[0]["metadata"][0]["problems"], json!(["m:state_machine: there is no state `c`"]));
    }
}
