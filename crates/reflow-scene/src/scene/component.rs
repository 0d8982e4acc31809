//! `tpl_component`.

use std::sync::Arc;

use reflow_component::prelude::*;

use crate::database::{Database, failure, named};
use crate::values::{empty, object};

/// Writes one component of an entity into the asset database; the node config is the component's data.
///
/// The data are the keys of the config that do not begin with `$` or `_`, other than `entity`, with the members of the newest Object
/// on `data` laid over them. Every packet stores them as the component `$name` of the entity that the newest text on `entity`
/// names, or else the config, if anything does, and sends them.
#[derive(Component)]
#[component(id = "tpl_component", title = "Entity Component", category = "scene", blocking)]
#[inport(entity: Text, "The entity.")]
#[inport(data: JsonObject, "Data in place of that of the config.")]
#[outport(output: JsonObject, "The component, `{name, data}`.")]
#[outport(metadata: JsonObject, "The names of the component and of the entity.")]
#[example(
    config = r#"{"$name": "body", "mass": 80}"#,
    steps = r#"[{"data": {"mass": 40}}]"#,
    outputs = r#"[{"output": [{"name": "body", "data": {"mass": 40}}], "metadata": [{"component": "body", "entity": null}]}]"#
)]
pub(super) struct EntityComponent {
    #[config(group)]
    database: Database,
    /// What the component is called.
    #[config(key = "$name", default = "generic".to_string(), lenient)]
    name: String,
    /// The entity while no packet names one.
    #[config(lenient)]
    entity: Option<Arc<str>>,
    #[config(whole)]
    config: Value,
    #[state]
    given: Option<Value>,
}

/// Keys of a config that are not data.
fn is_control(key: &str) -> bool {
    key.starts_with('$') || key == "entity"
}

impl Actor for EntityComponent {
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.given = tick.read(Self::IN_DATA).or_else(|| self.given.take());
        self.entity = named(tick, Self::IN_ENTITY).or_else(|| self.entity.take());
        let own = self.config.as_object().into_iter().flatten().filter(|(key, _)| !is_control(key));
        let own = Value::object(own.map(|(key, value)| (Arc::clone(key), value.clone())));
        let data = self.given.as_ref().map_or_else(|| own.clone(), |given| own.merged_with(given));
        if let Some(entity) = &self.entity {
            let id = format!("{entity}:{}", self.name);
            self.database.store()?.put_json(&id, data.clone(), empty()).map_err(failure)?;
        }
        let name = || Value::from(self.name.as_str());
        tick.write(Self::OUT_OUTPUT, object([("name", name()), ("data", data)]));
        tick.write(Self::OUT_METADATA, object([("component", name()), ("entity", self.entity.clone().into())]));
        Ok(())
    }

    fn teardown(&mut self) {
        if self.entity.is_some() {
            self.database.close();
        }
    }
}
