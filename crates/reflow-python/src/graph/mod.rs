//! Graphs, as Python sees them: editing, checking, analysing, drawing, composing, nesting.

mod changes;
mod compose;
mod diagnostic;
mod edit;
mod journal;
mod json;
mod subgraph;
mod view;

pub(crate) use changes::PyChanges;
pub(crate) use compose::compose_graphs;
pub(crate) use diagnostic::{refusal, to_python as diagnostics_to_python};
pub(crate) use edit::PyGraph;
pub(crate) use journal::PyJournal;
pub(crate) use json::export_of;
pub(crate) use subgraph::PySubgraphBuilder;
pub(crate) use view::{PyGraphView, theme_of};
