//! What components that work on a database have in common: which one it is, on which entities, and how time goes on.

use std::sync::Arc;

use reflow_assets::{AssetError, Query, Store, Table, Transaction, entity_of};
use reflow_component::declare::{Inport, Outport};
use reflow_component::kind::{Float, PortKind, payload};
use reflow_component::prelude::*;

/// Which database.
#[derive(ConfigGroup)]
pub(crate) struct Database {
    /// The directory of the database; `:memory:`, and what begins so, names one without files.
    #[config(key = "$db", default = "./assets.db".to_string(), lenient)]
    pub(crate) path: String,
}

/// The same where an older name of the key counts too.
#[derive(ConfigGroup)]
pub(crate) struct AssetDatabase {
    /// The directory of the database; `:memory:`, and what begins so, names one without files.
    #[config(key = "$db", alias = "dbPath", default = "./assets.db".to_string(), lenient)]
    pub(crate) path: String,
}

impl Database {
    pub(crate) fn store(&self) -> Result<Arc<Store>, Failure> {
        Store::open(&self.path).map_err(failure)
    }

    /// Sees to it that the database is on the disk when its node ends.
    pub(crate) fn close(&self) {
        close(&self.path);
    }
}

/// Writes what the manifest does not hold yet. The journal has it, should that fail.
pub(crate) fn close(path: &str) {
    if let Ok(store) = Store::open(path) {
        let _ = store.flush();
    }
}

/// The failure that trouble with a database is.
#[expect(clippy::needless_pass_by_value, reason = "it is what `map_err` takes")]
pub(crate) fn failure(error: AssetError) -> Failure {
    Failure::new(error.to_string()).with_reason("database")
}

/// One step of a system: all of its changes together, and what it came to.
pub(crate) fn step<O: Default>(
    store: &Store,
    work: impl FnOnce(&mut Transaction<'_>, &mut O) -> Result<(), AssetError>,
) -> Result<O, Failure> {
    let all = |transaction: &mut Transaction<'_>| {
        let mut outcome = O::default();
        work(transaction, &mut outcome).map(|()| outcome)
    };
    store.write(all).map_err(failure)
}

/// Which entities a system works on.
#[derive(ConfigGroup)]
pub(crate) struct Selection {
    /// The one entity to work on.
    #[config(lenient)]
    entity: Option<String>,
    /// The entities to work on, in this order.
    #[config(lenient)]
    entities: Option<Vec<Value>>,
    /// A query: work on the entities of the assets that it finds.
    #[config()]
    selector: Shaped<Selector>,
}

/// A query as a config has it.
pub(crate) struct Selector;

impl Shape for Selector {
    fn schema() -> Value {
        Value::object([("type", "object")])
    }
}

impl Selection {
    /// The entities to work on: the one that a packet names, or those of the config, or, where that says nothing at all, all
    /// that have one of these components.
    pub(crate) fn entities(&self, table: &Table, named: Option<Arc<str>>, components: &[&str]) -> Vec<Arc<str>> {
        if let Some(entity) = named {
            return vec![entity];
        }
        if let Some(entity) = &self.entity {
            return vec![entity.as_str().into()];
        }
        if let Some(entities) = &self.entities {
            return entities.iter().filter_map(|entity| entity.as_str().map(Into::into)).collect();
        }
        if self.selector.as_object().is_some() {
            let mut seen = rustc_hash::FxHashSet::default();
            let found = Query::read(&self.selector).find(table);
            let entities = found.iter().map(|entry| Arc::<str>::from(entity_of(&entry.id)));
            return entities.filter(|entity| seen.insert(Arc::clone(entity))).collect();
        }
        table.entities_with_any(components)
    }

    /// Whether the config says nothing about it.
    pub(crate) fn is_open(&self) -> bool {
        self.entity.is_none() && self.entities.is_none() && self.selector.as_object().is_none()
    }
}

/// How long a step is.
#[derive(ConfigGroup)]
pub(crate) struct Step {
    /// How long a step is while no number has come on `dt`.
    #[config(default = 1.0 / 60.0, unit = "s", lenient)]
    dt: f64,
    /// The longest step; a longer one, after a pause for example, is cut to it.
    #[config(key = "maxDt", unit = "s", lenient)]
    longest: Option<f64>,
    #[state]
    latest: Option<f64>,
    #[state]
    is_wired: Option<bool>,
}

impl Step {
    /// How long the step is that this tick is to make; `None` for a packet on `dt` that only says how long steps are, because
    /// `tick` is connected too.
    pub(crate) fn of(
        &mut self,
        tick: &Tick<'_>,
        dt: Inport<Float>,
        beside: Inport<Flow>,
    ) -> Result<Option<f64>, Failure> {
        let given = tick.input(dt).is_some();
        if given && self.is_both(tick, dt, beside) {
            self.latest = tick.read(dt);
            return Ok(None);
        }
        let step = tick.read(dt).or(self.latest).unwrap_or(self.dt);
        if !step.is_finite() {
            return Err(bad_input(format!("dt is no number of seconds: {step}")));
        }
        Ok(Some(self.longest.map_or(step, |longest| step.clamp(-longest.abs(), longest.abs()))))
    }

    fn is_both(&mut self, tick: &Tick<'_>, dt: Inport<Float>, beside: Inport<Flow>) -> bool {
        *self.is_wired.get_or_insert_with(|| {
            let name = |port: u16| tick.node().inport_name(port);
            let connected = tick.node().connected_inports();
            [name(dt.index() as u16), name(beside.index() as u16)].iter().all(|name| connected.contains(name))
        })
    }
}

/// The failure of a tick whose config cannot work; another attempt would end the same way.
pub(crate) fn bad_config(text: impl Into<Arc<str>>) -> Failure {
    Failure::new(text).with_reason("bad_config").with_permanent(true)
}

/// The failure of a tick that came with something to no purpose; another attempt would end the same way.
pub(crate) fn bad_input(text: impl Into<Arc<str>>) -> Failure {
    Failure::new(text).with_reason("bad_input").with_permanent(true)
}

/// The entity that a packet names.
pub(crate) fn named<K: PortKind>(tick: &Tick<'_>, port: Inport<K>) -> Option<Arc<str>> {
    match tick.input(port)? {
        Message::String(text) => Some(Arc::clone(text)),
        other => match payload(other)? {
            Value::String(text) => Some(Arc::clone(text)),
            _ => None,
        },
    }
}

/// A component that a step works on; one that is no object is told.
pub(crate) fn component(table: &Table, id: &str, problems: &mut Vec<String>) -> Option<Value> {
    let value = table.json(id)?;
    if value.as_object().is_none() {
        problems.push(format!("{id} is no object"));
        return None;
    }
    Some(value.clone())
}

/// Sends the counts of a step, and what could not be done if there is anything.
pub(crate) fn report(
    tick: &mut Tick<'_>,
    port: Outport<JsonObject>,
    counts: Vec<(&str, Value)>,
    problems: Vec<String>,
) {
    let told = (!problems.is_empty()).then(|| ("problems", Value::array(problems)));
    tick.write(port, Value::object(counts.into_iter().chain(told)));
}
