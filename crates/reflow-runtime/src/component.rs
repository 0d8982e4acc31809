//! `Component`: a template that nodes are made from, and the description that everybody reads.

use std::borrow::Cow;
use std::sync::Arc;

use reflow_message::{PortType, Value};

use crate::actor::Instance;
use crate::firing::Firing;
use crate::subgraph::Subgraph;

/// Something a node can be made of: it describes itself and makes one actor a node.
pub trait Component: Send + Sync + 'static {
    /// Ports, firing rule and documentation. Called often; keep it cheap.
    fn spec(&self) -> Arc<ComponentSpec>;

    /// Makes the actor of one node.
    ///
    /// # Errors
    /// When `config` is not what the component needs; the text names the key, what was found and what would be right.
    fn instantiate(&self, config: &Value) -> Result<Instance, String>;

    /// Checks a node's config without making anything; one text a problem.
    fn check_config(&self, config: &Value) -> Vec<String> {
        self.instantiate(config).err().into_iter().collect()
    }

    /// What a node's config says in vain, a text each: the component works without it, but probably not as meant. Shown by
    /// checks; it keeps nothing from running.
    fn config_warnings(&self, _config: &Value) -> Vec<String> {
        Vec::new()
    }

    /// When a tick of one node starts, for components where it depends on the config or on what leads to the node.
    /// `connected` are the inports that packets can come to: over a connection, as an initial, or from outside. Like
    /// [`instantiate`](Self::instantiate), it is asked when a network starts; by default the rule is that of the
    /// [`spec`](Self::spec).
    fn firing(&self, _config: &Value, _connected: &[&str]) -> Firing {
        self.spec().firing.clone()
    }

    /// How many ticks of one node run at once where its policy does not say more than one. Asked when a network starts, with what
    /// [`firing`](Self::firing) is asked with.
    fn concurrency(&self, _config: &Value, _connected: &[&str]) -> usize {
        1
    }

    /// Whether ticks ask for the origin of their packets ([`Tick::origin`](crate::Tick::origin)).
    fn needs_origins(&self) -> bool {
        false
    }

    /// Whether a tick is known to give at most one packet by each outport: packets that part behind it are told apart by what they
    /// descend from.
    fn gives_one(&self) -> bool {
        false
    }

    /// Whether connections may use ports that are not declared.
    fn open_ports(&self) -> bool {
        false
    }

    /// The subgraph behind the component, if it is one. Its nodes take the place of the node when the network starts.
    fn subgraph(&self) -> Option<&Subgraph> {
        None
    }
}

/// The description of a component.
#[derive(Clone, Debug, Default)]
pub struct ComponentSpec {
    /// The template id, `tpl_math_add` for example.
    pub id: Cow<'static, str>,
    /// What tells results of this component from those of an earlier or later one, for caches; may be empty.
    pub version: Cow<'static, str>,
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
    /// Words for people: title, summary, category, behaviour, errors, examples.
    pub documentation: Documentation,
}

/// The words for people in a [`ComponentSpec`].
#[derive(Clone, Debug, Default)]
pub struct Documentation {
    /// A name to show.
    pub title: Cow<'static, str>,
    /// The family, `math` for example.
    pub category: Cow<'static, str>,
    /// One line.
    pub summary: Cow<'static, str>,
    /// Markdown: what it does, at the edges too, its errors, the source of a formula.
    pub text: Cow<'static, str>,
}

/// The description of a port.
#[derive(Clone, Debug, Default)]
pub struct PortSpec {
    /// The name that connections use.
    pub name: Cow<'static, str>,
    /// The type of its packets, as in GraphExport.
    pub port_type: PortType,
    /// Types that it takes or sends beside that.
    pub also: Vec<PortType>,
    /// One line for people.
    pub summary: Cow<'static, str>,
    /// Whether a node of this component makes no sense with this inport unconnected.
    pub required: bool,
    /// Whether a newer packet replaces an older one that is still waiting.
    pub latest: bool,
    /// Whether a [`Nested`](reflow_message::Nested) is taken as it is, and not as the Object that it stands for.
    pub as_is: bool,
}

impl PortSpec {
    /// A port of the given name and type.
    pub fn new(name: impl Into<Cow<'static, str>>, port_type: PortType) -> Self {
        Self { name: name.into(), port_type, ..Self::default() }
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

/// Where components are found by id.
pub trait Catalog: Send + Sync {
    /// The component with this id.
    fn component(&self, id: &str) -> Option<Arc<dyn Component>>;

    /// All ids, sorted.
    fn ids(&self) -> Vec<String>;
}
