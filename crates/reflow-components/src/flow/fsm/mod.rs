//! `tpl_fsm`.

mod action;
mod machine;
mod shape;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use reflow_runtime::NodeHandle;

use self::machine::{Event, Machine};
use self::shape::{Guards, StateTable};
use crate::prelude::*;
use crate::read;

/// Steps through the states of a configurable state machine, with guards, actions, timeouts and transient states.
///
/// **States** are `{"NAME": {"on": {"EVENT": TRANSITION}, "entry": ACTION, "exit": ACTION, "always": TRANSITION,
/// "type": "final"}}`. A transition is the name of a state, an object `{"target", "guard"}`, or a list of such
/// objects of which the first counts whose guard holds. An event without a transition does nothing. A transition runs
/// `exit` of the state it leaves and `entry` of the one it enters, a transition of a state to itself too; a state
/// with `always` is left at once when a guard there holds, at most ten times in a row. `done` tells that a final
/// state was reached. Nothing is sent at the start, and the first state's entry is not run.
///
/// **Guards** are names in `guards`, or guards themselves: `{"field", "operator", "value"}` on the members of the
/// context, overlaid with the event's payload. `field` may be a path such as `a.b[0]`. Operators: `is`, `is_not`,
/// `contains`, `not_contains`, `greater_than` (`gt`), `less_than` (`lt`), `greater_equal` (`gte`), `less_equal`
/// (`lte`), `between` (`[low, high]`, both included), `in`, `not_in`, `empty`, `not_empty`. A missing member is `empty`
/// and nothing else; a name that is no guard always holds.
///
/// **Actions** are `{"emit": {...}, "assign": {...}, "emit_context": true}`. What `emit` names is collected over all
/// actions of a step and sent together. `assign` changes members of the context: a value of any kind is stored;
/// `{"op", "value"}` sets (`set`), adds (`increment`, `add`), subtracts (`decrement`), multiplies (`multiply`) or
/// turns round (`toggle`). `emit_context` of the last state sends the whole context.
///
/// **Inports.** `control`: the text `reset` goes back to the first state and the first context, `set:NAME` goes to a
/// state; both only send the state, and run no actions. `data`: members of the context. `event`: a name, or `{"type":
/// NAME, "payload": {...}}`. `tick`: `dt` seconds have passed; when the state has been there for `on._timeout.delay`
/// seconds (1 when it does not say), the event `_timeout` happens. With `realTime` the clock does that instead of
/// `tick`.
///
/// # Errors
///
/// A target that is no state is entered all the same, and an Error `Unknown state: NAME` leaves by `error`; so does
/// `Stopped after 10 transitions in state NAME`. Input that means nothing is ignored.
#[derive(Component)]
#[component(id = "tpl_fsm", title = "State Machine", category = "flow", prepare)]
#[inport(event: Either<Text, JsonObject>, "What happens.")]
#[inport(tick: Any, "That `dt` seconds have passed.")]
#[inport(control: Text, "`reset` or `set:NAME`.")]
#[inport(data: JsonObject, "Members of the context.")]
#[outport(state: Text, "The state, after each transition.")]
#[outport(transition: JsonObject, "`{\"from\", \"to\", \"event\"}`.")]
#[outport(context: JsonObject, "The context, when the last state asks for it.")]
#[outport(done: Flow, "That a final state was reached.")]
#[outport(emit: JsonObject, "`{\"id\": STATE, \"data\": …}` with what the actions emit.")]
#[outport(data: JsonObject, "What the actions emit, alone.")]
#[outport(error: ErrorText, "What is wrong with the state table.")]
#[example(
    config = r#"{"initial": "red", "states": {"red": {"on": {"GO": "green"}}, "green": {"entry": {"emit": {"speed": 1.5}}, "type": "final"}}}"#,
    steps = r#"[{"event": "GO"}]"#,
    outputs = r#"[{
        "state": ["green"],
        "transition": [{"from": "red", "to": "green", "event": "GO"}],
        "emit": [{"id": "green", "data": {"speed": 1.5}}],
        "data": [{"speed": 1.5}],
        "done": [{"type": "Flow"}]
    }]"#
)]
pub(super) struct Fsm {
    /// The first state.
    #[config(default = "initial".into(), lenient)]
    initial: Arc<str>,
    /// The state table.
    #[config(default = Value::from(Object::new()).into())]
    states: Shaped<StateTable>,
    /// Named guards.
    #[config(default = Value::from(Object::new()).into())]
    guards: Shaped<Guards>,
    /// The first context.
    #[config(default = Object::new().into())]
    context: Value,
    /// The time that one packet on `tick` stands for.
    #[config(default = 1.0 / 30.0, unit = "s", lenient)]
    dt: f64,
    /// Whether timeouts follow the clock instead of `tick`.
    #[config(key = "realTime", lenient)]
    real_time: bool,
    #[state]
    machine: Arc<Mutex<Machine>>,
}

impl Fsm {
    fn prepare(&mut self) {
        self.machine = Arc::new(Mutex::new(Machine::new(&self.initial, &self.states, &self.guards, &self.context)));
    }

    /// Waits for the timeout of the state that the machine is in, and for those of the states that follow from it.
    fn start_timer(&self, tick: &Tick<'_>) {
        let machine = Arc::clone(&self.machine);
        let Some((mut visit, mut delay)) = machine.lock().timeout() else { return };
        tick.spawn(move |node: NodeHandle| async move {
            loop {
                tokio::time::sleep(delay).await;
                let (outputs, next) = {
                    let mut machine = machine.lock();
                    match machine.timeout() {
                        Some((current, _)) if current == visit => {
                            (machine.handle(&Event::timeout()), machine.timeout())
                        }
                        _ => return,
                    }
                };
                for (port, message) in outputs {
                    // Only a run that was stopped refuses it.
                    let _ = node.send(port, message).await;
                }
                match next {
                    Some(next) if next.0 != visit => (visit, delay) = next,
                    _ => return,
                }
            }
        });
    }
}

impl Actor for Fsm {
    fn setup(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        if self.real_time {
            self.start_timer(tick);
        }
        Ok(())
    }

    fn has_setup(&self) -> bool {
        self.real_time
    }

    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let mut machine = self.machine.lock();
        let visit = machine.visit();
        let outputs = if let Some(control) = tick.input(Self::IN_CONTROL) {
            read::text(control).map(|text| machine.control(text)).unwrap_or_default()
        } else if let Some(data) = tick.input(Self::IN_DATA) {
            if let Some(members) = read::payload(data) {
                machine.learn(members);
            }
            Vec::new()
        } else if let Some(event) = tick.input(Self::IN_EVENT) {
            Event::of(event).map(|event| machine.handle(&event)).unwrap_or_default()
        } else if tick.input(Self::IN_TICK).is_some() && !self.real_time {
            machine.pass(self.dt)
        } else {
            Vec::new()
        };
        let moved = machine.visit() != visit;
        drop(machine);
        for (port, message) in outputs {
            tick.send(port, message);
        }
        if moved && self.real_time {
            self.start_timer(tick);
        }
        Ok(())
    }
}

/// A delay in seconds as a `Duration`, whatever it is.
fn seconds(delay: f64) -> Duration {
    Duration::try_from_secs_f64(delay.max(0.0)).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::run;
    use serde_json::{Value as Json, json};

    fn states(config: Json, steps: &[Json]) -> Vec<Json> {
        run::<Fsm>(config, steps.iter().cloned()).iter().map(|step| step["state"][0].clone()).collect()
    }

    #[test]
    fn any_value_is_stored_and_integers_stay_integers() {
        let config = json!({
            "initial": "a",
            "states": {"a": {"on": {"X": "b"}}, "b": {"entry": {"emit_context": true, "assign": {
                "n": {"op": "add", "value": 2}, "f": {"op": "multiply", "value": 1.5}, "o": {"deep": [1]},
                "s": {"op": "set", "value": "x"}, "t": {"op": "toggle"}, "u": {"op": "toggle"}
            }}}},
            "context": {"n": 3, "f": 2, "t": true, "u": 0}
        });
        let outputs = run::<Fsm>(config, [json!({"event": "X"})]);
        let expected = json!({"n": 5, "f": 3.0, "o": {"deep": [1]}, "s": "x", "t": false, "u": 1});
        assert_eq!(outputs[0]["context"][0], expected);
    }

    #[test]
    fn guards_may_stand_in_the_transition() {
        let guard = json!({"field": "n", "operator": "gt", "value": 1});
        let config = json!({
            "initial": "a",
            "states": {"a": {"on": {"X": [{"target": "b", "guard": guard}, {"target": "c"}]}}, "b": {}, "c": {"on": {"X": "a"}}}
        });
        let rich = json!({"event": {"type": "X", "payload": {"n": 2}}});
        assert_eq!(states(config, &[json!({"event": "X"}), json!({"event": "X"}), rich]), ["c", "a", "b"]);
    }

    #[test]
    fn mistakes_in_the_table_are_told() {
        let error = |text: &str| json!([{"type": "Error", "data": text}]);
        let config = json!({"initial": "a", "states": {"a": {"on": {"X": "nowhere"}}}});
        let outputs = run::<Fsm>(config, [json!({"event": "X"})]);
        assert_eq!(
            (&outputs[0]["state"][0], &outputs[0]["error"]),
            (&json!("nowhere"), &error("Unknown state: nowhere"))
        );
        let round = json!({"always": {"target": "b"}, "on": {"X": "b"}});
        let config = json!({"initial": "b", "states": {"b": round}});
        let outputs = run::<Fsm>(config, [json!({"event": "X"})]);
        assert_eq!(outputs[0]["error"], error("Stopped after 10 transitions in state b"));
    }

    #[test]
    fn an_error_is_no_command() {
        let config = json!({"initial": "a", "states": {"a": {}, "b": {}}});
        let error = json!({"control": {"type": "Error", "data": "set:b"}});
        let outputs = run::<Fsm>(config, [error, json!({"control": {"type": "Object", "data": "set:b"}})]);
        assert_eq!(outputs, [json!({}), json!({"state": ["b"]})]);
    }

    #[test]
    fn reset_restores_the_first_context() {
        let config = json!({
            "initial": "a",
            "states": {"a": {"on": {"X": "a"}, "entry": {"emit_context": true}}},
            "context": {"n": 1}
        });
        let steps = [json!({"data": {"n": 5, "m": 6}}), json!({"control": "reset"}), json!({"event": "X"})];
        let outputs = run::<Fsm>(config, steps);
        assert_eq!(outputs[1], json!({"state": ["a"]}));
        assert_eq!(outputs[2]["context"], json!([{"n": 1}]));
    }

    #[test]
    fn timeouts_may_follow_the_clock() {
        let config = json!({
            "initial": "a",
            "realTime": true,
            "states": {
                "a": {"on": {"GO": "b"}},
                "b": {"on": {"_timeout": {"target": "c", "delay": 0.01}}},
                "c": {"on": {"_timeout": {"target": "d", "delay": 0.01}}}
            }
        });
        let outputs = run::<Fsm>(config, [json!({"tick": 1}), json!({"event": "GO"})]);
        assert_eq!(outputs[1]["state"], json!(["b", "c", "d"]));
    }
}
