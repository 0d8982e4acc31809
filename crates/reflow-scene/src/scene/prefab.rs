//! `tpl_prefab`.

use std::sync::Arc;

use reflow_assets::{Store, Transaction};
use reflow_component::prelude::*;
use reflow_message::Buffer;
use rustc_hash::FxHashSet;

use super::instance::grey;
use crate::database::{close, failure, named};
use crate::kinds::Mesh;
use crate::values::{Count, empty, object, text_or};

/// Without `$db`: wraps a mesh and material into a prefab description. With `$db`: defines an entity's components in the asset
/// database and spawns copies.
///
/// A description has the newest mesh and material that came. In a database, the first packet for an entity stores its components: each
/// key of the config whose value is an object, a list or a truth value (but those beginning with `$` or `_`, `name`, `template` and
/// `stride`), in their order. Then what came on the inports since is stored too: the mesh as binary component `mesh`, material
/// and transform laid over those, and an Object `{name, data}` on `component` over the component `name`. A text on `spawn` copies
/// all components of the entity to the one that it names. All changes of a packet take place together.
///
/// # Errors
///
/// The tick fails when the database cannot be written. Spawning from an entity that has no components is a warning.
#[derive(Component)]
#[component(id = "tpl_prefab", title = "Prefab", category = "scene", blocking)]
#[inport(entity: Text, "The entity, for this packet.")]
#[inport(mesh: Mesh, "Its mesh.")]
#[inport(material: JsonObject, "Its material.")]
#[inport(transform: JsonObject, "Its transform.")]
#[inport(component: JsonObject, "Another component, `{name, data}`.")]
#[inport(spawn: Text, "The entity to copy it to.")]
#[outport(entity_id: Text, "The entity.")]
#[outport(prefab: JsonObject, "The description, or the names of the entity's components.")]
#[outport(metadata: JsonObject, "What was done.")]
#[outport(prefab_mesh: Mesh, "The mesh, when one has come.")]
#[example(
    config = r#"{"name": "crate"}"#,
    steps = r#"[{"material": {"color": [1, 0, 0]}}]"#,
    outputs = r#"[{"prefab": [{"id": "crate", "type": "prefab", "meshSize": 0, "material": {"color": [1, 0, 0]}, "stride": 24}], "metadata": [{"name": "crate", "meshSize": 0}]}]"#
)]
pub(super) struct Prefab {
    /// The directory of the database; it makes this define entities.
    #[config(key = "$db", lenient)]
    database: Option<String>,
    /// The name of the entity.
    #[config(key = "$name", lenient)]
    name: Option<Arc<str>>,
    /// The same where there is no `$name`.
    #[config(key = "name", default = "prefab".into(), lenient)]
    plain_name: Arc<str>,
    /// The bytes of a vertex of the mesh.
    #[config(default = Count(24), lenient)]
    stride: Count<u64>,
    /// The material of a description.
    #[config()]
    material: Option<Value>,
    #[config(whole)]
    config: Value,
    #[state]
    mesh: Option<Buffer>,
    #[state]
    given_material: Option<Value>,
    /// Components to lay over those of an entity, in order.
    #[state]
    layers: Vec<(Arc<str>, Value)>,
    /// Entities that have the components of the config.
    #[state]
    defined: FxHashSet<Arc<str>>,
}

/// Whether a key of the config is a component.
fn is_component(key: &str, value: &Value) -> bool {
    let is_control = key.starts_with('$') || matches!(key, "name" | "template" | "stride");
    !is_control && matches!(value, Value::Object(_) | Value::Array(_) | Value::Boolean(_))
}

impl Prefab {
    fn describe(&mut self, tick: &mut Tick<'_>, name: &Arc<str>) {
        let came = tick.read(Self::IN_MESH);
        self.mesh = came.clone().or_else(|| self.mesh.take());
        self.given_material = tick.read(Self::IN_MATERIAL).or_else(|| self.given_material.take());
        let size = self.mesh.as_ref().map_or(0, |mesh| mesh.len());
        let material = self.given_material.clone().or_else(|| self.material.clone()).unwrap_or_else(grey);
        let prefab = object([
            ("id", Value::String(Arc::clone(name))),
            ("type", "prefab".into()),
            ("meshSize", size.into()),
            ("material", material),
            ("stride", self.stride.0.into()),
        ]);
        tick.write(Self::OUT_PREFAB, prefab);
        tick.write(Self::OUT_METADATA, object([("name", Value::String(Arc::clone(name))), ("meshSize", size.into())]));
        if let Some(mesh) = came {
            tick.write(Self::OUT_PREFAB_MESH, mesh);
        }
    }

    fn spawn(&self, tick: &mut Tick<'_>, store: &Store, name: &Arc<str>, new: Arc<str>) -> Result<(), Failure> {
        let copied = store.write(|transaction| Ok(transaction.spawn(name, &new))).map_err(failure)?;
        if copied == 0 {
            tick.node().log("warning", format!("the entity `{name}` has no components to copy"));
        }
        let text = |text: &Arc<str>| Value::String(Arc::clone(text));
        tick.write(
            Self::OUT_METADATA,
            object([("action", "spawn".into()), ("template", text(name)), ("entity", text(&new))]),
        );
        tick.write(Self::OUT_ENTITY_ID, new);
        Ok(())
    }

    /// Keeps what came for the entity.
    fn keep(&mut self, tick: &Tick<'_>) {
        let mut layer = |name: Arc<str>, data: Value| match self.layers.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = data,
            None => self.layers.push((name, data)),
        };
        for (name, port) in [("material", Self::IN_MATERIAL), ("transform", Self::IN_TRANSFORM)] {
            if let Some(data) = tick.read(port) {
                layer(name.into(), data);
            }
        }
        if let Some(component) = tick.read(Self::IN_COMPONENT) {
            let name = text_or(&component, "name", "");
            if !name.is_empty() {
                layer(name.into(), component.get("data").cloned().unwrap_or_else(empty));
            }
        }
        self.mesh = tick.read(Self::IN_MESH).or_else(|| self.mesh.take());
    }

    fn define(&mut self, tick: &mut Tick<'_>, store: &Store, name: &Arc<str>) -> Result<(), Failure> {
        self.keep(tick);
        let is_new = !self.defined.contains(name);
        let (mesh, layers) = (self.mesh.take(), std::mem::take(&mut self.layers));
        let define = |transaction: &mut Transaction<'_>| {
            let own = self.config.as_object().into_iter().flatten().filter(|(key, value)| is_component(key, value));
            for (component, value) in own.filter(|_| is_new) {
                transaction.put_json(&format!("{name}:{component}"), value.clone(), empty())?;
            }
            if let Some(mesh) = &mesh {
                transaction.put(&format!("{name}:mesh"), mesh, object([("stride", self.stride.0.into())]))?;
            }
            for (component, data) in &layers {
                transaction.merge(name, component, data, empty())?;
            }
            Ok(transaction.components_of(name))
        };
        let components = match store.write(define) {
            Ok(components) => Value::array(components),
            Err(error) => {
                (self.mesh, self.layers) = (mesh, layers);
                return Err(failure(error));
            }
        };
        self.defined.insert(Arc::clone(name));
        let text = |text: &Arc<str>| Value::String(Arc::clone(text));
        tick.write(Self::OUT_PREFAB, object([("id", text(name)), ("components", components.clone())]));
        let metadata = [("action", "define".into()), ("entity", text(name)), ("components", components)];
        tick.write(Self::OUT_METADATA, object(metadata));
        if let Some(mesh) = tick.read(Self::IN_MESH) {
            tick.write(Self::OUT_PREFAB_MESH, mesh);
        }
        tick.write(Self::OUT_ENTITY_ID, Arc::clone(name));
        Ok(())
    }
}

impl Actor for Prefab {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        let of_config = || self.name.clone().unwrap_or_else(|| Arc::clone(&self.plain_name));
        let name = named(tick, Self::IN_ENTITY).unwrap_or_else(of_config);
        let Some(path) = &self.database else {
            self.describe(tick, &name);
            return Ok(());
        };
        let store = Store::open(path).map_err(failure)?;
        match named(tick, Self::IN_SPAWN) {
            Some(new) => self.spawn(tick, &store, &name, new),
            None => self.define(tick, &store, &name),
        }
    }

    fn teardown(&mut self) {
        if let Some(path) = &self.database {
            close(path);
        }
    }
}
