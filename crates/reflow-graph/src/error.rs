//! What can go wrong.

use crate::{Change, ConnectionId, Diagnostic, Name};

/// Result of this crate's fallible functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Everything that can go wrong in this crate.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The text is not JSON.
    #[error("not JSON: {message} (line {line}, column {column})")]
    Syntax {
        /// What the parser says.
        message: String,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
    },
    /// The JSON does not have the shape of a graph.
    #[error("at `{path}`: {message}")]
    Shape {
        /// Where, as a JSON path.
        path: String,
        /// What was expected and what was found.
        message: String,
    },
    /// The JSON is nested deeper than [`MAX_DEPTH`](crate::MAX_DEPTH) levels.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A node cannot get an id that another node has.
    #[error("cannot rename node `{from}` to `{to}`: there is a node `{to}` already")]
    NodeExists {
        /// The node to rename.
        from: Name,
        /// The id that is taken.
        to: Name,
    },
    /// The call makes no sense while a transaction is open.
    #[error("cannot {verb} while a transaction is open: commit or roll it back first")]
    TransactionOpen {
        /// What was asked for.
        verb: &'static str,
    },
    /// There is no transaction to end.
    #[error("cannot {verb}: no transaction is open")]
    NoTransaction {
        /// What was asked for.
        verb: &'static str,
    },
    /// A recorded change does not fit the graph it is applied to.
    #[error("change does not fit this graph: {}", serde_json::to_string(change).unwrap_or_default())]
    Unfitting {
        /// The change.
        change: Box<Change>,
    },
    /// A journal cannot be replayed.
    #[error("journal line {line}: {source}")]
    Journal {
        /// Line, from 1.
        line: usize,
        /// Why.
        source: Box<Error>,
    },
    /// Reading or writing failed.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A graph given to be composed is not sound.
    #[error("graph {graph}: {message}{}", hinted(hint.as_ref()))]
    Compose {
        /// The graph.
        graph: String,
        /// What is wrong with it.
        message: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// A connection between composed graphs names a node that is not there.
    #[error("connection `{connection}`: there is no node `{node}`{}", hinted(hint.as_ref()))]
    UnknownEndpoint {
        /// The connection.
        connection: Box<ConnectionId>,
        /// The node.
        node: Name,
        /// What would be right.
        hint: Option<String>,
    },
    /// Two graphs of a composition want one id.
    #[error("graphs {first} and {second} both have a{} {what} `{id}`; give one of them another `properties.namespace`", if *what == "node" { "" } else { "n" })]
    ComposeClash {
        /// One graph.
        first: String,
        /// The other graph.
        second: String,
        /// What they both have.
        what: &'static str,
        /// Its id.
        id: Name,
    },
    /// Graphs to be composed depend on one that is missing, or on each other in a circle.
    #[error("{message}{}", hinted(hint.as_ref()))]
    Dependencies {
        /// What is wrong.
        message: String,
        /// What would be right.
        hint: Option<String>,
    },
    /// The graph has mistakes and must not be used.
    #[error("{}", listed(diagnostics))]
    Refused {
        /// All of them.
        diagnostics: Vec<Diagnostic>,
    },
}

fn hinted(hint: Option<&String>) -> String {
    hint.map(|hint| format!("; {hint}")).unwrap_or_default()
}

fn listed(diagnostics: &[Diagnostic]) -> String {
    let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    lines.join("\n")
}
