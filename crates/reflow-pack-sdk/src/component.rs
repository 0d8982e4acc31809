//! `Component`: a template that nodes are made from, and the description that everybody reads.

use crate::actor::Instance;
use crate::value::Value;

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
    /// The type word of a port (`any`, `integer`, `stream`, …).
    pub kind: String,
    /// One line for people.
    pub summary: String,
    /// Whether a node of this component makes no sense with this inport unconnected.
    pub required: bool,
    /// Whether a newer packet replaces an older one that is still waiting.
    pub latest: bool,
}

impl PortSpec {
    /// A port of the given name and type word.
    pub fn new(name: impl Into<String>, kind: impl Into<String>) -> Self {
        Self { name: name.into(), kind: kind.into(), ..Self::default() }
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
            ("kind", if self.kind.is_empty() { "any" } else { self.kind.as_str() }.into()),
            ("summary", self.summary.as_str().into()),
            ("required", self.required.into()),
            ("latest", self.latest.into()),
        ])
    }
}

/// Whether a node that nothing feeds runs without inputs: again and again while there is room, until it calls `finish`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Source {
    /// It waits for packets from outside.
    #[default]
    No,
    /// It does in a run to the end, where nothing else could come from it; otherwise it waits.
    ToTheEnd,
    /// It does.
    Yes,
}

/// When a node runs a tick.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Firing {
    /// For every packet.
    #[default]
    Any,
    /// When every declared inport has a packet: one of each, paired in order of arrival. The inports named here keep
    /// their newest packet instead and offer it to every tick.
    All {
        /// Inports that offer their newest packet.
        latest: Vec<String>,
    },
    /// When every declared inport has a packet; while waiting, newer packets replace older ones (objects are merged).
    Latest,
    /// When each of these inports has had a packet from every connection; the other inports keep their last packet and
    /// offer it to every tick.
    Required(Vec<String>),
}

impl Firing {
    /// Pairs all declared inports in order.
    pub fn all() -> Self {
        Self::All { latest: Vec::new() }
    }

    fn describe(&self) -> Value {
        let names = |names: &[String]| Value::array(names.iter().map(String::as_str));
        match self {
            Self::Any => "any".into(),
            Self::All { latest } if latest.is_empty() => "all".into(),
            Self::All { latest } => Value::object([("all", Value::object([("latest", names(latest))]))]),
            Self::Latest => "latest".into(),
            Self::Required(required) => Value::object([("required", names(required))]),
        }
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
            ("firing", self.firing.describe()),
            ("source", source.into()),
            ("config_schema", self.config_schema.clone()),
            ("title", self.documentation.title.as_str().into()),
            ("category", self.documentation.category.as_str().into()),
            ("summary", self.documentation.summary.as_str().into()),
            ("text", self.documentation.text.as_str().into()),
        ])
    }
}
