//! The machine itself: states, transitions, guards, and what a step sends.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use reflow_runtime::{Message, Object, SharedObject, Value};

use super::action::Action;
use super::{Fsm, seconds};
use crate::conditions::Rule;
use crate::read;

/// Transient states that may follow each other in one step.
const MAX_HOPS: usize = 10;

/// The event that happens when a state has lasted too long.
const TIMEOUT: &str = "_timeout";

/// Messages and the outports they leave by.
pub(super) type Outputs = Vec<(usize, Message)>;

/// A state machine and where it is.
#[derive(Debug, Default)]
pub(super) struct Machine {
    initial: Arc<str>,
    states: BTreeMap<Arc<str>, State>,
    initial_context: SharedObject,
    context: Object,
    current: Arc<str>,
    /// Seconds that the current state has lasted, as far as ticks tell.
    clock: f64,
    /// Counts transitions.
    visit: u64,
}

#[derive(Debug, Default)]
struct State {
    on: BTreeMap<Arc<str>, Vec<Transition>>,
    always: Vec<Transition>,
    entry: Action,
    exit: Action,
    is_final: bool,
    /// How long the state lasts, in seconds, when it has a timeout.
    timeout: Option<f64>,
}

#[derive(Debug)]
struct Transition {
    target: Arc<str>,
    guard: Option<Rule>,
}

/// Something that happens to the machine.
#[derive(Debug)]
pub(super) struct Event {
    name: Arc<str>,
    payload: Option<Value>,
}

impl Event {
    /// The event that a message stands for; none for kinds that stand for nothing.
    pub(super) fn of(message: &Message) -> Option<Self> {
        if let Message::String(name) = message {
            return Some(Self { name: Arc::clone(name), payload: None });
        }
        match read::payload(message)? {
            Value::String(name) => Some(Self { name: Arc::clone(name), payload: None }),
            value => match value.get("type")? {
                Value::String(name) => Some(Self { name: Arc::clone(name), payload: value.get("payload").cloned() }),
                _ => None,
            },
        }
    }

    pub(super) fn timeout() -> Self {
        Self { name: TIMEOUT.into(), payload: None }
    }
}

impl Machine {
    pub(super) fn new(initial: &Arc<str>, states: &Value, guards: &Value, context: &Value) -> Self {
        let states = states.as_object().into_iter().flatten();
        let states = states.map(|(name, state)| (Arc::clone(name), State::of(state, guards))).collect();
        let initial_context = match context {
            Value::Object(members) => members.clone(),
            _ => SharedObject::default(),
        };
        Self {
            initial: Arc::clone(initial),
            states,
            context: Object::clone(&initial_context),
            initial_context,
            current: Arc::clone(initial),
            clock: 0.0,
            visit: 0,
        }
    }

    /// A number that changes with every transition.
    pub(super) fn visit(&self) -> u64 {
        self.visit
    }

    /// How long the current state may last, if it has a timeout, with the number of this visit.
    pub(super) fn timeout(&self) -> Option<(u64, Duration)> {
        Some((self.visit, seconds(self.states.get(&self.current)?.timeout?)))
    }

    /// Writes members into the context.
    pub(super) fn learn(&mut self, members: &Value) {
        let members = members.as_object().into_iter().flatten();
        self.context.extend(members.map(|(key, value)| (Arc::clone(key), value.clone())));
    }

    /// `reset` and `set:NAME`.
    pub(super) fn control(&mut self, text: &str) -> Outputs {
        if text == "reset" {
            self.context = Object::clone(&self.initial_context);
            self.enter(Arc::clone(&self.initial));
        } else if let Some(name) = text.strip_prefix("set:") {
            self.enter(name.into());
        } else {
            return Vec::new();
        }
        vec![(Fsm::OUT_STATE.index(), Message::String(Arc::clone(&self.current)))]
    }

    /// Lets time pass.
    pub(super) fn pass(&mut self, dt: f64) -> Outputs {
        let Some(delay) = self.states.get(&self.current).and_then(|state| state.timeout) else { return Vec::new() };
        self.clock += dt;
        if self.clock < delay {
            return Vec::new();
        }
        self.clock = 0.0;
        self.handle(&Event::timeout())
    }

    /// Takes the transition that an event asks for, and those that follow from it.
    pub(super) fn handle(&mut self, event: &Event) -> Outputs {
        let from = Arc::clone(&self.current);
        let transitions = self.states.get(&from).and_then(|state| state.on.get(&event.name));
        let Some(mut target) = transitions.and_then(|list| self.choose(list, event.payload.as_ref())) else {
            return Vec::new();
        };
        let mut step = Step::default();
        for hop in 1.. {
            self.transit(target, &mut step);
            let always = self.states.get(&self.current).map_or(&[][..], |state| &state.always);
            let Some(next) = self.choose(always, None) else { break };
            if hop == MAX_HOPS {
                step.errors.push(format!("Stopped after {MAX_HOPS} transitions in state {}", self.current));
                break;
            }
            target = next;
        }
        self.report(&from, event, step)
    }

    /// The target of the first transition whose guard holds.
    fn choose(&self, transitions: &[Transition], payload: Option<&Value>) -> Option<Arc<str>> {
        // The scope is only built when a guard looks at it.
        let scope = std::cell::OnceCell::new();
        let holds = |guard: &Rule| {
            guard.holds(scope.get_or_init(|| {
                let context = Value::from(self.context.clone());
                match payload {
                    Some(payload @ Value::Object(_)) => context.merged_with(payload),
                    _ => context,
                }
            }))
        };
        let chosen = transitions.iter().find(|transition| transition.guard.as_ref().is_none_or(holds))?;
        Some(Arc::clone(&chosen.target))
    }

    /// Leaves the current state and enters `target`.
    fn transit(&mut self, target: Arc<str>, step: &mut Step) {
        if let Some(state) = self.states.get(&self.current) {
            step.run(&state.exit, &mut self.context);
        }
        self.enter(target);
        match self.states.get(&self.current) {
            Some(state) => {
                step.run(&state.entry, &mut self.context);
                step.is_done |= state.is_final;
            }
            None => step.errors.push(format!("Unknown state: {}", self.current)),
        }
    }

    fn enter(&mut self, state: Arc<str>) {
        self.current = state;
        self.clock = 0.0;
        self.visit += 1;
    }

    /// What a step sends.
    fn report(&self, from: &Arc<str>, event: &Event, step: Step) -> Outputs {
        let name = |text: &Arc<str>| Value::String(Arc::clone(text));
        let transition = [("from", name(from)), ("to", name(&self.current)), ("event", name(&event.name))];
        let mut outputs = vec![
            (Fsm::OUT_STATE.index(), Message::String(Arc::clone(&self.current))),
            (Fsm::OUT_TRANSITION.index(), Message::object(Value::object(transition))),
        ];
        if !step.emitted.is_empty() {
            let data = Value::from(step.emitted);
            let signal = Value::object([("id", name(&self.current)), ("data", data.clone())]);
            outputs.extend([
                (Fsm::OUT_EMIT.index(), Message::Object(signal)),
                (Fsm::OUT_DATA.index(), Message::Object(data)),
            ]);
        }
        if self.states.get(&self.current).is_some_and(|state| state.entry.emit_context) {
            outputs.push((Fsm::OUT_CONTEXT.index(), Message::Object(self.context.clone().into())));
        }
        if step.is_done {
            outputs.push((Fsm::OUT_DONE.index(), Message::Flow));
        }
        outputs.extend(step.errors.into_iter().map(|error| (Fsm::OUT_ERROR.index(), Message::error(error))));
        outputs
    }
}

/// What happens between an event and the state it ends in.
#[derive(Default)]
struct Step {
    emitted: Object,
    is_done: bool,
    errors: Vec<String>,
}

impl Step {
    fn run(&mut self, action: &Action, context: &mut Object) {
        self.emitted.extend(action.emit.iter().map(|(key, value)| (Arc::clone(key), value.clone())));
        action.assign(context);
    }
}

impl State {
    fn of(state: &Value, guards: &Value) -> Self {
        let events = state.get("on").and_then(Value::as_object);
        let timeout = events.and_then(|events| events.get(TIMEOUT));
        Self {
            on: events
                .into_iter()
                .flatten()
                .map(|(event, transitions)| (Arc::clone(event), transitions_of(transitions, guards)))
                .collect(),
            always: state.get("always").map(|always| transitions_of(always, guards)).unwrap_or_default(),
            entry: Action::of(state.get("entry")),
            exit: Action::of(state.get("exit")),
            is_final: state.get("type").and_then(Value::as_str) == Some("final"),
            timeout: timeout.map(|timeout| timeout.get("delay").and_then(Value::as_number).unwrap_or(1.0)),
        }
    }
}

/// A name, an object or a list of objects; what has no target is left out.
fn transitions_of(value: &Value, guards: &Value) -> Vec<Transition> {
    match value {
        Value::String(target) => vec![Transition { target: Arc::clone(target), guard: None }],
        Value::Array(items) => items.iter().flat_map(|item| transitions_of(item, guards)).collect(),
        Value::Object(members) => {
            let Some(Value::String(target)) = members.get("target") else { return Vec::new() };
            let guard = match members.get("guard") {
                Some(Value::String(name)) => guards.get(name).map(Rule::of),
                Some(guard @ Value::Object(_)) => Some(Rule::of(guard)),
                _ => None,
            };
            vec![Transition { target: Arc::clone(target), guard }]
        }
        _ => Vec::new(),
    }
}
