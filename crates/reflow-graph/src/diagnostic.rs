//! What a check finds.

use std::fmt;

use serde::{Serialize, Serializer};

use crate::{ConnectionId, Direction, Name, printable, printable_line};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// The graph can run, but probably not as meant.
    Warning,
    /// The graph must not run.
    Error,
}

/// The kinds of findings. Codes are stable: they never change their meaning and are never used again for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Code {
    /// A node asks for a component that nobody offers.
    UnknownComponent,
    /// A connection, initial, graph port or firing rule names a port its component does not declare. An error where such a
    /// port cannot work, else a warning: what is sent to it may be lost.
    UnknownPort,
    /// A connection or initial names a node that is not there.
    UnknownNode,
    /// A graph port leads to a node that is not there.
    GraphPortToUnknownNode,
    /// A group lists a node that is not there.
    UnknownMember,
    /// Nothing feeds an inport without which the node never runs.
    UnconnectedPort,
    /// Two connected ports declare types that do not fit.
    TypeMismatch,
    /// The same two ports are connected twice.
    DuplicateConnection,
    /// No packet can ever make the node run.
    UnreachableNode,
    /// A cycle that waits for itself.
    StarvedCycle,
    /// A node's `policy` is wrong.
    BadPolicy,
    /// A node's configuration does not suit its component.
    BadConfig,
    /// A connection's `capacity` is wrong.
    BadCapacity,
    /// A node's `firing` is wrong.
    BadFiring,
    /// Two groups have one id.
    DuplicateGroup,
    /// A subgraph contains itself.
    RecursiveSubgraph,
    /// Something in a node's configuration has no effect: the default counts instead.
    IgnoredConfig,
    /// A port is named that is one of several which differ by case only, in a graph that does not tell case apart.
    AmbiguousPort,
    /// A node pairs by position what comes from one source by ways that can drop or reorder packets.
    ShiftingPairs,
    /// A node or the network has more ports than can be.
    TooManyPorts,
}

impl Code {
    /// Every kind, by code.
    pub const ALL: [Self; 20] = [
        Self::UnknownComponent,
        Self::UnknownPort,
        Self::UnknownNode,
        Self::GraphPortToUnknownNode,
        Self::UnknownMember,
        Self::UnconnectedPort,
        Self::TypeMismatch,
        Self::DuplicateConnection,
        Self::UnreachableNode,
        Self::StarvedCycle,
        Self::BadPolicy,
        Self::BadConfig,
        Self::BadCapacity,
        Self::BadFiring,
        Self::DuplicateGroup,
        Self::RecursiveSubgraph,
        Self::IgnoredConfig,
        Self::AmbiguousPort,
        Self::ShiftingPairs,
        Self::TooManyPorts,
    ];

    /// The code: `G001` and so on.
    pub fn id(self) -> &'static str {
        self.row().0
    }

    /// The name people read: `unknown-component`.
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// How bad findings of this kind are, unless something softens them.
    pub fn severity(self) -> Severity {
        self.row().2
    }

    fn row(self) -> (&'static str, &'static str, Severity) {
        use Severity::{Error, Warning};
        match self {
            Self::UnknownComponent => ("G001", "unknown-component", Error),
            Self::UnknownPort => ("G002", "unknown-port", Error),
            Self::UnknownNode => ("G003", "unknown-node", Error),
            Self::GraphPortToUnknownNode => ("G004", "graph-port-to-unknown-node", Error),
            Self::UnknownMember => ("G005", "unknown-member", Warning),
            Self::UnconnectedPort => ("G006", "unconnected-port", Warning),
            Self::TypeMismatch => ("G007", "type-mismatch", Warning),
            Self::DuplicateConnection => ("G008", "duplicate-connection", Warning),
            Self::UnreachableNode => ("G009", "unreachable-node", Warning),
            Self::StarvedCycle => ("G010", "starved-cycle", Warning),
            Self::BadPolicy => ("G011", "bad-policy", Error),
            Self::BadConfig => ("G012", "bad-config", Error),
            Self::BadCapacity => ("G013", "bad-capacity", Error),
            Self::BadFiring => ("G014", "bad-firing", Error),
            Self::DuplicateGroup => ("G015", "duplicate-group", Warning),
            Self::RecursiveSubgraph => ("G016", "recursive-subgraph", Error),
            Self::IgnoredConfig => ("G017", "ignored-config", Warning),
            Self::AmbiguousPort => ("G018", "ambiguous-port", Error),
            Self::ShiftingPairs => ("G019", "shifting-pairs", Warning),
            Self::TooManyPorts => ("G020", "too-many-ports", Error),
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}

/// Where in a graph something is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
#[non_exhaustive]
pub enum Place {
    /// The graph as a whole.
    Graph,
    /// A node.
    Node {
        /// Its id.
        node: Name,
    },
    /// A port of a node.
    Port {
        /// The node.
        node: Name,
        /// In or out.
        direction: Direction,
        /// The port.
        port: Name,
    },
    /// A connection.
    Connection(ConnectionId),
    /// An initial.
    Initial {
        /// The node it is for.
        node: Name,
        /// The port it is for.
        port: Name,
    },
    /// A graph port.
    GraphPort {
        /// In or out.
        direction: Direction,
        /// Its outer name.
        port: Name,
    },
    /// A group.
    Group {
        /// Its id.
        group: Name,
    },
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = |direction: &Direction| match direction {
            Direction::In => "inport",
            Direction::Out => "outport",
        };
        match self {
            Self::Graph => write!(formatter, "graph"),
            Self::Node { node } => write!(formatter, "node `{node}`"),
            Self::Port { node, direction, port } => write!(formatter, "{} `{node}.{port}`", side(direction)),
            Self::Connection(id) => write!(formatter, "connection `{id}`"),
            Self::Initial { node, port } => write!(formatter, "initial of `{node}.{port}`"),
            Self::GraphPort { direction, port } => write!(formatter, "graph {} `{port}`", side(direction)),
            Self::Group { group } => write!(formatter, "group `{group}`"),
        }
    }
}

/// One finding: what is wrong, where, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Diagnostic {
    /// Kind of the finding.
    pub code: Code,
    /// How bad it is.
    pub severity: Severity,
    /// Where it is.
    pub place: Place,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Diagnostic {
    pub(crate) fn new(code: Code, place: Place, message: impl Into<String>) -> Self {
        Self { code, severity: code.severity(), place, message: message.into(), hint: None }
    }

    #[must_use]
    pub(crate) fn with_hint(mut self, hint: Option<impl Into<String>>) -> Self {
        self.hint = hint.map(Into::into);
        self
    }

    /// Text that is safe to show; lines after the first are indented, so that none can pass for a finding.
    fn lines(text: &str) -> String {
        printable(text).replace('\n', "\n    ")
    }

    /// Whether the graph must not run because of this.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}

/// `error G001 unknown-component at node `a`: …`, and the hint on a second line. Control characters are written out.
impl fmt::Display for Diagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let severity = if self.is_error() { "error" } else { "warning" };
        let (place, message) = (self.place.to_string(), Self::lines(&self.message));
        write!(
            formatter,
            "{severity} {} {} at {}: {message}",
            self.code.id(),
            self.code.name(),
            printable_line(&place)
        )?;
        match &self.hint {
            Some(hint) => write!(formatter, "\n  hint: {}", Self::lines(hint)),
            None => Ok(()),
        }
    }
}
