//! The errors of this crate. Each says what was wrong, where, and what would be right.

use std::sync::Arc;

use reflow_graph::{Diagnostic, Direction};
use reflow_message::{Message, ValueError};

use crate::port_table::MOST_PORTS;

/// A message that could not be sent, with the message.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SendError {
    /// The run was stopped.
    #[error("node `{node}`: the network was shut down, so nothing can be sent any more")]
    Stopped {
        /// The sending or receiving node.
        node: Arc<str>,
        /// What was not sent.
        message: Message,
    },
    /// The node has come to its end.
    #[error("node `{node}` has finished, so nothing can be sent by it or to it any more")]
    Ended {
        /// The sending or receiving node.
        node: Arc<str>,
        /// What was not sent.
        message: Message,
    },
    /// Its value is nested deeper than values may be.
    #[error("node `{node}`: {}", ValueError::TooDeep)]
    TooDeep {
        /// The sending node.
        node: Arc<str>,
        /// What was not sent.
        message: Message,
    },
    /// A connection takes nothing that it has no room for.
    #[error("node `{node}`: the connection to {to} is full, and its overflow is \"error\"")]
    Overflow {
        /// The sending or receiving node.
        node: Arc<str>,
        /// The node and inport that it leads to.
        to: String,
        /// What was not sent there.
        message: Message,
    },
    /// It cannot be written down.
    #[error("node `{node}`: {problem}")]
    Unstorable {
        /// The sending or receiving node.
        node: Arc<str>,
        /// Why.
        problem: String,
        /// What was not sent.
        message: Message,
    },
    /// There was no room in time.
    #[error("node `{node}`: there was no room for the message within the time limit")]
    TimedOut {
        /// The sending or receiving node.
        node: Arc<str>,
        /// What was not sent.
        message: Message,
    },
}

/// What can be wrong with a network.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NetworkError {
    /// What was said of a connection is wrong.
    #[error("the connection from {from} to {to}: {problem}")]
    BadConnection {
        /// Where it comes from.
        from: String,
        /// Where it leads.
        to: String,
        /// What is wrong.
        problem: String,
    },
    /// The journal of the run cannot be written or read.
    #[error("{0}")]
    Journal(#[from] crate::journal::JournalError),
    /// A template id was registered twice.
    #[error("component `{0}` is registered already; register it once and use it for any number of nodes")]
    DuplicateComponent(String),
    /// A node of a component nobody registered.
    #[error("node `{node}`: there is no component `{component}`{}", hint(.suggestion.as_ref()))]
    UnknownComponent {
        /// The node.
        node: String,
        /// What it asks for.
        component: String,
        /// The known id that is most like it.
        suggestion: Option<String>,
    },
    /// Something refers to a node that does not exist.
    #[error("{what} refers to node `{node}`, which does not exist{}", hint(.suggestion.as_ref()))]
    UnknownNode {
        /// What refers to it.
        what: String,
        /// The name.
        node: String,
        /// The known node that is most like it.
        suggestion: Option<String>,
    },
    /// A port that does not exist.
    #[error("node `{node}` has no {direction} `{port}`; it has {known}")]
    UnknownPort {
        /// The node.
        node: String,
        /// `inport` or `outport`.
        direction: &'static str,
        /// The name.
        port: String,
        /// The names that exist, for people.
        known: String,
    },
    /// A new inport of a node that has as many as can be.
    #[error("node `{node}` has {MOST_PORTS} inports already, and can have no more")]
    TooManyInports {
        /// The node.
        node: String,
    },
    /// A config that the component does not take.
    #[error("node `{node}` ({component}): {problem}")]
    BadConfig {
        /// The node.
        node: String,
        /// Its component.
        component: String,
        /// What is wrong with it.
        problem: String,
    },
    /// An environment variable that a node requires is not set.
    #[error("Missing required environment variable: {variable} (node `{node}`)")]
    MissingVariable {
        /// The node.
        node: String,
        /// The variable.
        variable: String,
    },
    /// An initial packet of a graph that is no message.
    #[error("the initial for {node}.{port}: {problem}")]
    BadInitial {
        /// The node.
        node: String,
        /// Its port.
        port: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A node has the path of a node inside of a subgraph.
    #[error("node `{node}` has the path of a node inside of a subgraph; rename one of them")]
    PathClash {
        /// The node.
        node: String,
    },
    /// The graph has mistakes: all of them.
    #[error("{}", listed(.0))]
    Refused(Vec<Diagnostic>),
    /// The graph cannot be used.
    #[error(transparent)]
    Graph(Arc<reflow_graph::Error>),
    /// The call needs a running network.
    #[error("the network is not running; call start() first")]
    NotRunning,
    /// A value from outside that the component cannot take.
    #[error("node `{node}`, port `{port}`: {problem}")]
    BadValue {
        /// The node.
        node: String,
        /// The inport.
        port: String,
        /// What is wrong.
        problem: String,
    },
    /// The operating system gives no more threads, files or the like.
    #[error("the network cannot start: {0}")]
    System(String),
    /// A node that takes nothing more.
    #[error("node `{node}` has ended, so it takes no signal any more")]
    Ended {
        /// The node.
        node: String,
    },
    /// A node that has too many signals waiting.
    #[error(
        "node `{node}` has too many signals waiting, and takes no more until it has dealt with some: at most {most}, and \
         {} MiB of kinds and payloads, may wait", most_bytes >> 20
    )]
    TooManySignals {
        /// The node.
        node: String,
        /// How many may wait.
        most: usize,
        /// How many bytes of kinds and payloads.
        most_bytes: u64,
    },
    /// An input that leads nowhere.
    #[error("inputs: `{input}` is neither an inport of the network nor `node.port` of a node it has")]
    UnknownInput {
        /// What was named.
        input: String,
    },
    /// The call needs a network that is not running.
    #[error("the network is running already; shut it down before starting it again")]
    Running,
    /// Several things are wrong at once.
    #[error("{}", list(.0))]
    Several(Vec<NetworkError>),
}

impl NetworkError {
    /// A port that is none of `known`.
    pub(crate) fn unknown_port(node: &str, direction: Direction, port: &str, known: &[Arc<str>]) -> Self {
        let known: Vec<_> = known.iter().map(|name| format!("`{name}`")).collect();
        Self::UnknownPort {
            node: node.into(),
            direction: if direction == Direction::In { "inport" } else { "outport" },
            port: port.into(),
            known: if known.is_empty() { "none".into() } else { known.join(", ") },
        }
    }

    /// One error out of a list that is not empty.
    pub(crate) fn of(mut errors: Vec<Self>) -> Self {
        if errors.len() == 1 { errors.remove(0) } else { Self::Several(errors) }
    }
}

fn hint(suggestion: Option<&String>) -> String {
    suggestion.map(|name| format!("; did you mean `{name}`?")).unwrap_or_default()
}

impl From<reflow_graph::Error> for NetworkError {
    fn from(error: reflow_graph::Error) -> Self {
        match error {
            reflow_graph::Error::Refused { diagnostics } => Self::Refused(diagnostics),
            other => Self::Graph(Arc::new(other)),
        }
    }
}

fn listed(diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    if lines.len() == 1 { lines.concat() } else { format!("{} problems:\n{}", lines.len(), lines.join("\n")) }
}

fn list(errors: &[NetworkError]) -> String {
    let lines: Vec<_> = errors.iter().map(|error| format!("- {error}")).collect();
    format!("{} problems:\n{}", errors.len(), lines.join("\n"))
}

/// The known name that is most like `name`, if one is like it enough to be a slip of the keyboard.
pub fn suggestion<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<String> {
    reflow_graph::closest(name, known).map(str::to_owned)
}
