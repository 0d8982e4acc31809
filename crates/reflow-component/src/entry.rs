//! `Entry`: a declared component as the runtime takes it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use reflow_runtime::{Actor, AsyncActor, Component, ComponentSpec, Documentation, Firing, Instance, PortSpec, Value};

use crate::config::Config;
use crate::declaration::{Declaration, Declare};
use crate::port::Port;
use crate::schema::config_schema;

/// A declared struct that becomes the actor of a node. Derived, never written by hand.
pub trait Make: Declare {
    /// The actor of a node.
    fn into_instance(self) -> Instance;
}

/// A component of a catalog.
pub struct Entry {
    declaration: Declaration,
    spec: Arc<ComponentSpec>,
    make: Box<dyn Fn(&mut Config<'_>) -> Instance + Send + Sync>,
    firing: fn(&mut Config<'_>, &[&str]) -> Firing,
}

impl Entry {
    /// The entry of a declared component.
    pub fn of<D: Make>() -> Self {
        let mut entry = Self::new(D::declaration(), |config| D::configure(config).into_instance());
        entry.firing = |config, connected| D::configure(config).firing_of_node(connected).into();
        entry
    }

    /// The entry of a declaration that comes from elsewhere, a table for example; `make` reads the config and makes the
    /// actor of a node.
    pub fn new(declaration: Declaration, make: impl Fn(&mut Config<'_>) -> Instance + Send + Sync + 'static) -> Self {
        let spec = Arc::new(ComponentSpec {
            id: declaration.id.into(),
            version: Cow::Borrowed(""),
            inports: declaration.inports.iter().map(port_spec).collect(),
            outports: declaration.outports.iter().map(port_spec).collect(),
            firing: declaration.firing.clone().into(),
            source: declaration.source.into(),
            config_schema: config_schema(&declaration),
            documentation: Documentation {
                title: declaration.title.into(),
                category: declaration.category.into(),
                summary: Cow::Owned(declaration.summary()),
                text: Cow::Owned(declaration.body().to_string()),
            },
        });
        Self { declaration, spec, make: Box::new(make), firing: |_, _| Firing::Any }
    }

    /// What the component declares.
    pub fn declaration(&self) -> &Declaration {
        &self.declaration
    }

    /// What is wrong with a config, a text a problem.
    pub fn check(&self, config: &Value) -> Vec<String> {
        self.read(config).err().unwrap_or_default()
    }

    /// What a config says in vain: values of a kind that counts as the default, keys that look like a slip of the keyboard, words
    /// that are none of the choices, and the same inside of lists and objects.
    pub fn warnings(&self, config: &Value) -> Vec<String> {
        let mut reading = Config::new(config);
        (self.make)(&mut reading);
        let (_, mut warnings) = reading.finish();
        for key in &self.declaration.keys {
            let names = std::iter::once(&key.rule.name).chain(key.rule.aliases);
            let found = names.filter_map(|name| Some((*name, config.get(name)?))).find(|(_, value)| !value.is_null());
            let Some((name, value)) = found else { continue };
            let is_told = warnings.iter().any(|text| text.starts_with(&format!("config `{name}`:")));
            warnings.extend(crate::lint::findings(name, value, &key.schema, is_told, key.rule.lenient));
        }
        warnings
    }

    fn read(&self, config: &Value) -> Result<Instance, Vec<String>> {
        let mut config = Config::new(config);
        let instance = (self.make)(&mut config);
        let (problems, _) = config.finish();
        if problems.is_empty() { Ok(instance) } else { Err(problems) }
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({})", self.declaration.id)
    }
}

fn port_spec(port: &Port) -> PortSpec {
    PortSpec {
        name: port.name.into(),
        port_type: port.kind.port_type.clone(),
        also: port.kind.also.clone(),
        summary: port.summary.into(),
        required: port.required,
        latest: port.latest,
        as_is: port.kind.as_is,
    }
}

impl Component for Entry {
    fn spec(&self) -> Arc<ComponentSpec> {
        Arc::clone(&self.spec)
    }

    fn instantiate(&self, config: &Value) -> Result<Instance, String> {
        self.read(config).map_err(|problems| problems.join("; "))
    }

    fn firing(&self, config: &Value, connected: &[&str]) -> Firing {
        if self.declaration.per_node {
            (self.firing)(&mut Config::new(config), connected)
        } else {
            self.spec.firing.clone()
        }
    }

    fn needs_origins(&self) -> bool {
        self.declaration.origins
    }

    fn open_ports(&self) -> bool {
        self.declaration.open_ports
    }

    fn check_config(&self, config: &Value) -> Vec<String> {
        self.check(config)
    }

    fn config_warnings(&self, config: &Value) -> Vec<String> {
        self.warnings(config)
    }
}

/// Makes a node of an actor that computes and never waits.
pub fn computes(actor: impl Actor) -> Instance {
    Instance::new(actor)
}

/// Makes a node of an actor that computes for long.
pub fn heavy(actor: impl Actor) -> Instance {
    Instance::new_heavy(actor)
}

/// Makes a node of an actor that may block its thread.
pub fn blocking(actor: impl Actor) -> Instance {
    Instance::new_blocking(actor)
}

/// Makes a node of an actor that may wait in the middle of a tick.
pub fn asynchronous(actor: impl AsyncActor) -> Instance {
    Instance::new_async(actor)
}
