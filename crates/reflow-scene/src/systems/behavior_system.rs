//! `tpl_behavior_system`.

use std::sync::Arc;

use reflow_assets::{AssetError, Transaction};
use reflow_component::prelude::*;
use rustc_hash::FxHashMap;

use crate::database::{Database, Selection, Step, component, named, report, step};
use crate::kernels::formula::{Formula, Node};
use crate::layout;
use crate::paths;
use crate::values::truth_or;

/// Evaluates the rules of behavior components each step, and writes the results into components.
///
/// Every packet is one step; where `dt` and `tick` are both connected, only those on other inports are, and `dt` says how long
/// steps are. A component `behavior` is `{rules: [{target, expr, when, vars, enabled}]}`; rules run in order and see what
/// earlier ones have written. `expr` is a formula, or a list `[e1, e2, …]` of them; its value is written to `target`, a
/// `component.field` path of the same entity; with `when`, only if that is above 0. Names are `time` (the steps so far, added up),
/// `dt`, `frame` (the number of earlier steps), and those of `vars`: a number, an `entity:component.field` path, where
/// `self` is the entity itself, or `@layout(entity:property)`.
///
/// Formulas have `+ - * / % ^` and brackets, the constants pi tau e inf true false, and the functions sin cos tan asin acos atan
/// abs floor ceil round sqrt pow min max clamp(x, low, high) lerp(a, b, t) mix mod sign step(edge, x) smoothstep(e0, e1, x) fract
/// log log2 exp deg rad. Unknown names are 0. A minus belongs to what stands behind it: -2^2 is 4, -x^2 is x^2, and 0 - x^2 is not.
///
/// # Errors
///
/// A formula that cannot be read, one whose value is no finite number, and a path that leads nowhere are told under `problems`; nothing
/// is written for them.
#[derive(Component)]
#[component(id = "tpl_behavior_system", title = "Behavior System", category = "systems", blocking)]
#[inport(tick: Flow, "A step.")]
#[inport(dt: Float, "A step of so many seconds.")]
#[inport(entity_id: Text, "A step of this entity alone.")]
#[outport(metadata: JsonObject, "How many entities and rules there were, the time, the frame, and problems if any.")]
#[example(
    config = r#"{"$db": ":memory:no behaviors", "dt": 0.5}"#,
    steps = r#"[{"tick": {"type": "Flow"}}]"#,
    outputs = r#"[{"metadata": [{"entitiesProcessed": 0, "rulesFired": 0, "rulesSkipped": 0, "time": 0.5, "frame": 0}]}]"#
)]
pub(super) struct BehaviorSystem {
    #[config(group)]
    database: Database,
    #[config(group)]
    step: Step,
    #[config(group)]
    selection: Selection,
    /// What `time` is.
    #[config(lenient)]
    time: Time,
    #[state]
    elapsed: f64,
    #[state]
    frame: i64,
    #[state]
    start: Option<std::time::Instant>,
    /// Formulas that were read, by their text.
    #[state]
    formulas: FxHashMap<Arc<str>, Result<Arc<Formula>, String>>,
}

/// What the variable `time` is.
#[derive(Choice, Clone, Copy, Debug, Default, PartialEq)]
enum Time {
    /// The sum of all steps: a run can be repeated exactly.
    #[default]
    Steps,
    /// Seconds on the wall since the first step.
    Wall,
}

const NAME: &str = "behavior";

/// More formulas than this are not kept.
const MOST_FORMULAS: usize = 10_000;

#[derive(Default)]
struct Outcome {
    entities: usize,
    fired: usize,
    skipped: usize,
    problems: Vec<String>,
}

impl BehaviorSystem {
    fn formula(&mut self, text: &Arc<str>) -> Result<Arc<Formula>, String> {
        if self.formulas.len() > MOST_FORMULAS {
            self.formulas.clear();
        }
        let read = || {
            let formula = Formula::parse(text).map_err(|error| format!("`{}`: {error}", shortened(text)))?;
            let nodes = match &formula {
                Formula::Scalar(node) => std::slice::from_ref(node),
                Formula::List(nodes) => nodes,
            };
            match nodes.iter().find_map(Node::unknown_function) {
                Some(name) => Err(format!("`{}`: there is no function `{name}`", shortened(text))),
                None => Ok(Arc::new(formula)),
            }
        };
        self.formulas.entry(Arc::clone(text)).or_insert_with(read).clone()
    }

    /// The value of a formula: a number, or a list of them.
    fn value(&mut self, text: &Arc<str>, variables: &FxHashMap<String, f64>) -> Result<Value, String> {
        let formula = self.formula(text)?;
        let number = |node: &Node| {
            let value = node.value(variables);
            if value.is_finite() { Ok(value) } else { Err(format!("`{}` is {value}", shortened(text))) }
        };
        match &*formula {
            Formula::Scalar(node) => number(node).map(Value::Float),
            Formula::List(nodes) => nodes.iter().map(number).collect::<Result<Vec<f64>, _>>().map(Value::array),
        }
    }

    fn rules(
        &mut self,
        transaction: &mut Transaction<'_>,
        entity: &str,
        base: &[(&str, f64)],
        outcome: &mut Outcome,
    ) -> Result<(), AssetError> {
        let id = format!("{entity}:{NAME}");
        let Some(behavior) = component(transaction, &id, &mut outcome.problems) else { return Ok(()) };
        outcome.entities += 1;
        for rule in behavior.get("rules").and_then(Value::as_array).into_iter().flatten() {
            let text = |key: &str| match rule.get(key) {
                Some(Value::String(text)) => Some(Arc::clone(text)),
                _ => None,
            };
            let (Some(target), Some(expression)) = (text("target"), text("expr")) else { continue };
            if !truth_or(rule, "enabled", true) {
                outcome.skipped += 1;
                continue;
            }
            let variables = self.variables(transaction, entity, rule, base);
            if let Some(condition) = text("when") {
                match self.value(&condition, &variables) {
                    Ok(value) if value.as_number().is_some_and(|number| number > 0.0) => {}
                    Ok(_) => {
                        outcome.skipped += 1;
                        continue;
                    }
                    Err(problem) => {
                        outcome.problems.push(problem);
                        outcome.skipped += 1;
                        continue;
                    }
                }
            }
            match self.value(&expression, &variables) {
                Ok(value) => {
                    outcome.fired += 1;
                    outcome.problems.extend(paths::write(transaction, &format!("{entity}:{target}"), value)?.err());
                }
                Err(problem) => outcome.problems.push(problem),
            }
        }
        Ok(())
    }

    fn variables(
        &self,
        transaction: &Transaction<'_>,
        entity: &str,
        rule: &Value,
        base: &[(&str, f64)],
    ) -> FxHashMap<String, f64> {
        let mut variables: FxHashMap<String, f64> =
            base.iter().map(|(name, number)| ((*name).to_string(), *number)).collect();
        for (name, source) in rule.get("vars").and_then(Value::as_object).into_iter().flatten() {
            let number = match source {
                Value::String(path) => match path.strip_prefix("@layout(").and_then(|rest| rest.strip_suffix(')')) {
                    Some(place) => layout::query(&self.database.path, transaction, place),
                    None => {
                        let own = path.strip_prefix("self:").map(|rest| format!("{entity}:{rest}"));
                        paths::read(transaction, own.as_deref().unwrap_or(path)).and_then(Value::as_number)
                    }
                },
                other => other.as_number(),
            };
            if let Some(number) = number {
                variables.insert(name.to_string(), number);
            }
        }
        variables
    }
}

fn shortened(text: &str) -> String {
    const LONGEST: usize = 80;
    if text.chars().count() <= LONGEST { text.to_string() } else { text.chars().take(LONGEST).chain(['…']).collect() }
}

impl Actor for BehaviorSystem {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let Some(dt) = self.step.of(tick, Self::IN_DT, Self::IN_TICK)? else { return Ok(()) };
        let entity = named(tick, Self::IN_ENTITY_ID);
        self.elapsed += dt;
        let time = match self.time {
            Time::Steps => self.elapsed,
            Time::Wall => self.start.get_or_insert_with(std::time::Instant::now).elapsed().as_secs_f64(),
        };
        let (frame, store) = (self.frame, self.database.store()?);
        let base = [("time", time), ("dt", dt), ("frame", frame as f64)];
        let outcome: Outcome = step(&store, |transaction, outcome| {
            let entities = self.selection.entities(transaction, entity, &[NAME]);
            entities.iter().try_for_each(|entity| self.rules(transaction, entity, &base, outcome))
        })?;
        self.frame += 1;
        let counts = vec![
            ("entitiesProcessed", outcome.entities.into()),
            ("rulesFired", outcome.fired.into()),
            ("rulesSkipped", outcome.skipped.into()),
            ("time", time.into()),
            ("frame", frame.into()),
        ];
        report(tick, Self::OUT_METADATA, counts, outcome.problems);
        Ok(())
    }

    fn teardown(&mut self) {
        self.database.close();
    }
}
