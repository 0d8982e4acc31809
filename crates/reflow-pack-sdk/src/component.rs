//! `Component`: a template that nodes are made from, and the description that everybody reads.

pub use reflow_component::declare::{Firing, Source};
use reflow_message::{PortType, Value};

use crate::actor::Instance;

/// Something a node can be made of: it describes itself and makes one actor a node.
pub trait Component: Send + Sync + 'static {
    /// Ports, firing rule and documentation; asked once, when the pack is loaded.
    fn spec(&self) -> ComponentSpec;

    /// Makes the actor of one node.
    ///
    /// # Errors
    /// When `config` is not what the component needs; the text names the key, what was found and what would be right.
    fn instantiate(&self, config: &Value) -> Result<Instance, String>;

    /// What depends on the config of a node and on its connections; asked when a network starts. `connected` are the inports
    /// that packets can come to: over a connection, as an initial, or from outside.
    fn adapt(&self, _config: &Value, _connected: &[&str]) -> Adaptation {
        Adaptation::default()
    }
}

/// How a node differs from what its component says, see [`Component::adapt`].
#[derive(Clone, Debug, Default)]
pub struct Adaptation {
    /// When its ticks start.
    pub firing: Option<Firing>,
    /// How many of its ticks run at once, each in an actor of its own; their outputs leave in the order of the ticks. For async
    /// and blocking actors.
    pub concurrency: Option<usize>,
}

impl Adaptation {
    pub(crate) fn describe(&self) -> Value {
        let firing = self.firing.as_ref().map(|firing| ("firing", describe_firing(firing)));
        let concurrency = self.concurrency.map(|concurrency| ("concurrency", Value::from(concurrency as i64)));
        Value::object(firing.into_iter().chain(concurrency))
    }
}

/// Templates that a pack knows only at run time, or has too many of to describe all of them when it is loaded.
pub trait TemplateSource: Send + Sync + 'static {
    /// The ids; they may change while the pack is loaded.
    fn ids(&self) -> Vec<String>;

    /// The template with this id.
    fn find(&self, id: &str) -> Option<Box<dyn Component>>;
}

/// The description of a component.
#[derive(Clone, Debug, Default)]
pub struct ComponentSpec {
    /// The template id, unique in the process: begin it with a name of your own, `acme_double` for example.
    pub id: String,
    /// Declared inports; their position is their index in [`Tick`](crate::Tick).
    pub inports: Vec<PortSpec>,
    /// Declared outports; their position is their index in [`Tick`](crate::Tick).
    pub outports: Vec<PortSpec>,
    /// When a tick starts.
    pub firing: Firing,
    /// Whether a node that nothing feeds runs without inputs.
    pub source: Source,
    /// Whether connections may use ports that are not declared.
    pub open_ports: bool,
    /// JSON Schema of the config; null when anything goes. A property that is `writeOnly` holds a secret, which the runtime keeps
    /// out of all it tells.
    pub config_schema: Value,
    /// Words for people.
    pub documentation: Documentation,
}

/// The words for people in a [`ComponentSpec`].
#[derive(Clone, Debug, Default)]
pub struct Documentation {
    /// A name to show.
    pub title: String,
    /// The family, `math` for example.
    pub category: String,
    /// One line.
    pub summary: String,
    /// Markdown: what it does, at the edges too, its errors, the source of a formula.
    pub text: String,
}

/// The description of a port.
#[derive(Clone, Debug, Default)]
pub struct PortSpec {
    /// The name that connections use.
    pub name: String,
    /// What it carries in a word for people; the type's own when empty.
    pub kind: String,
    /// The type of its packets.
    pub port_type: PortType,
    /// Types that it takes or sends beside that.
    pub also: Vec<PortType>,
    /// One line for people.
    pub summary: String,
    /// Whether a node of this component makes no sense with this inport unconnected.
    pub required: bool,
    /// Whether a newer packet replaces an older one that is still waiting.
    pub latest: bool,
}

impl PortSpec {
    /// A port of the given name and type.
    pub fn new(name: impl Into<String>, port_type: PortType) -> Self {
        Self { name: name.into(), port_type, ..Self::default() }
    }

    /// The same with a line for people.
    #[must_use]
    pub fn with_summary(mut self, summary: impl Into<String>) -> Self {
        self.summary = summary.into();
        self
    }

    /// The same, marked as one that makes no sense unconnected.
    #[must_use]
    pub fn with_required(mut self) -> Self {
        self.required = true;
        self
    }

    fn describe(&self) -> Value {
        Value::object([
            ("name", Value::from(self.name.as_str())),
            ("kind", if self.kind.is_empty() { self.port_type.to_string().into() } else { self.kind.as_str().into() }),
            ("type", type_json(&self.port_type)),
            ("also", Value::array(self.also.iter().map(type_json))),
            ("summary", self.summary.as_str().into()),
            ("required", self.required.into()),
            ("latest", self.latest.into()),
        ])
    }
}

fn describe_firing(firing: &Firing) -> Value {
    let names = |names: &[std::borrow::Cow<'static, str>]| Value::array(names.iter().map(|name| &**name));
    match firing {
        Firing::Any => "any".into(),
        Firing::All { latest, optional } if latest.is_empty() && optional.is_empty() => "all".into(),
        Firing::All { latest, optional } if optional.is_empty() => {
            Value::object([("all", Value::object([("latest", names(latest))]))])
        }
        Firing::All { latest, optional } => {
            let lists = [("latest", latest), ("optional", optional)];
            Value::object(
                lists.into_iter().filter(|(_, ports)| !ports.is_empty()).map(|(key, ports)| (key, names(ports))),
            )
        }
        Firing::Latest => "latest".into(),
        Firing::Required(required) => Value::object([("required", names(required))]),
    }
}

impl ComponentSpec {
    /// The descriptor that the runtime reads.
    pub(crate) fn describe(&self) -> Value {
        let ports = |ports: &[PortSpec]| Value::array(ports.iter().map(PortSpec::describe));
        let source = match self.source {
            Source::No => "no",
            Source::ToTheEnd => "to_the_end",
            Source::Yes => "yes",
        };
        Value::object([
            ("id", Value::from(self.id.as_str())),
            ("inports", ports(&self.inports)),
            ("outports", ports(&self.outports)),
            ("firing", describe_firing(&self.firing)),
            ("source", source.into()),
            ("open_ports", self.open_ports.into()),
            ("config_schema", self.config_schema.clone()),
            ("title", self.documentation.title.as_str().into()),
            ("category", self.documentation.category.as_str().into()),
            ("summary", self.documentation.summary.as_str().into()),
            ("text", self.documentation.text.as_str().into()),
        ])
    }
}

/// A type as GraphExport writes it.
fn type_json(port_type: &PortType) -> Value {
    reflow_message::to_value(port_type).unwrap_or_default()
}
