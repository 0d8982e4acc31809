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
    /// JSON Schema of the config; null when anything goes.
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
        Firing::All { latest, .. } if latest.is_empty() => "all".into(),
        Firing::All { latest, .. } => Value::object([("all", Value::object([("latest", names(latest))]))]),
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
