//! What a check must know about components.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;

use crate::policy::{capacity_problems, policy_problems};
use crate::{Map, Name, PortType, Severity};

/// Something wrong in a piece of JSON, as a validator reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, beginning with the key it is about.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
    /// How bad it is.
    pub severity: Severity,
}

impl Problem {
    /// An error without a hint.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), hint: None, severity: Severity::Error }
    }

    /// A warning without a hint. Only the check of a node's configuration gives any.
    pub fn warning(message: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::new(message) }
    }

    /// The same with a hint.
    #[must_use]
    pub fn with_hint(self, hint: Option<String>) -> Self {
        Self { hint, ..self }
    }
}

/// A port as its component declares it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PortInfo {
    /// The port's name.
    pub name: Name,
    /// Type of its packets.
    pub port_type: PortType,
    /// Types that it takes or sends beside that.
    pub also: Vec<PortType>,
    /// Whether the node cannot run without a packet on it. Meaningless for an outport.
    pub required: bool,
}

impl PortInfo {
    /// A port of any type that is not required.
    pub fn new(name: impl Into<Name>) -> Self {
        Self { name: name.into(), ..Self::default() }
    }

    /// Every type of its packets.
    pub(crate) fn types(&self) -> impl Iterator<Item = &PortType> + Clone {
        std::iter::once(&self.port_type).chain(&self.also)
    }
}

/// Looks at a node's metadata and says what in it does not suit the component.
pub type ConfigCheck = Arc<dyn Fn(&Map) -> Vec<Problem> + Send + Sync>;

/// What a check must know about one component.
#[derive(Clone, Default)]
pub struct ComponentInfo {
    /// Declared inports.
    pub inports: Vec<PortInfo>,
    /// Declared outports.
    pub outports: Vec<PortInfo>,
    /// Whether ports it does not declare work too. On a side where it declares none any port is as good as declared; where
    /// it declares some, others are probably slips.
    pub open_ports: bool,
    /// Whether it runs only when every declared inport has a packet.
    pub await_all: bool,
    /// Whether its inports are paired, or gathered, so that packets may be left over.
    pub pairs: bool,
    /// Checks the configuration.
    pub config: Option<ConfigCheck>,
}

impl fmt::Debug for ComponentInfo {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("ComponentInfo")
            .field("inports", &self.inports)
            .field("outports", &self.outports)
            .field("open_ports", &self.open_ports)
            .field("await_all", &self.await_all)
            .field("pairs", &self.pairs)
            .finish_non_exhaustive()
    }
}

/// The components a graph may use, and the rules for what the runtime reads from metadata.
pub trait Catalog {
    /// A component; `None` if there is no such.
    fn component(&self, id: &str) -> Option<ComponentInfo>;

    /// A component of one node alone, which goes before what its id says: that of a node from inside of a subgraph.
    fn of_node(&self, _node: &str) -> Option<ComponentInfo> {
        None
    }

    /// Ids of all components, to suggest one from.
    fn ids(&self) -> Vec<Name>;

    /// What is wrong with the value under `policy` in a node's metadata.
    fn policy_problems(&self, policy: &Value) -> Vec<Problem> {
        policy_problems(policy)
    }

    /// What is wrong with the value under `firing` in a node's metadata. Nothing, by default: the runtime knows its rules.
    fn firing_problems(&self, _firing: &Value) -> Vec<Problem> {
        Vec::new()
    }

    /// Whether a `firing` rule pairs or gathers inports, so that packets may be left over.
    fn pairs(&self, _firing: &Value) -> bool {
        true
    }

    /// What is wrong with the value under `capacity` in a connection's metadata.
    fn capacity_problems(&self, capacity: &Value) -> Vec<Problem> {
        capacity_problems(capacity)
    }
}

/// A catalog that knows every id and nothing about it: checks the graph's own structure only.
#[derive(Clone, Copy, Debug, Default)]
pub struct AnyComponent;

impl Catalog for AnyComponent {
    fn component(&self, _id: &str) -> Option<ComponentInfo> {
        Some(ComponentInfo { open_ports: true, ..ComponentInfo::default() })
    }

    fn ids(&self) -> Vec<Name> {
        Vec::new()
    }
}
