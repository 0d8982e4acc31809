//! What a network is made of: the `GraphExport` model, editing, checking, composing, analysing and drawing.
//!
//! Two forms of a graph: [`GraphExport`] is the saved one, field by field as in the file; [`Graph`] is the one to edit,
//! with undo and change events. Everything that looks at a graph works on the saved form, and names, metadata and
//! packets are shared between copies, so going from one to the other is cheap.
//!
//! | to | see |
//! |---|---|
//! | read and write JSON | [`GraphExport::from_json`], [`GraphExport::to_json`] |
//! | edit, undo, follow changes, keep a journal | [`Graph`], [`Change`], [`Journal`] |
//! | find every mistake before anything runs | [`GraphExport::check`], [`Catalog`], [`Diagnostic`] |
//! | put several graphs into one | [`compose`] |
//! | dissolve subgraphs | [`flatten`] |
//! | ask for layers, cycles, the critical path, impact | [`Topology`] |
//! | draw | [`GraphExport::to_svg`], [`GraphExport::to_mermaid`], [`GraphExport::to_dot`], [`GraphExport::to_text`] |
//! | compare | [`GraphExport::diff`] |
//!
//! There are no threads here, and nothing that runs a graph.
#![forbid(unsafe_code)]

mod analysis;
mod catalog;
mod check;
mod compose;
mod diagnostic;
mod diff;
mod draw;
mod error;
mod export;
mod graph;
pub mod layout;
mod metadata;
mod name;
mod policy;
mod printable;
mod read;
#[cfg(feature = "schema")]
mod schema;
mod subgraph;
mod suggest;
#[cfg(test)]
mod testing;
mod topology;
mod workspace;

pub use analysis::CriticalPath;
pub use catalog::{AnyComponent, Catalog, ComponentInfo, ConfigCheck, PortInfo, Problem};
pub use compose::{ComposeRequest, CrossConnection, CrossEnd, SharedResource, compose};
pub use diagnostic::{Code, Diagnostic, Place, Severity};
pub use diff::{Detail, Diff, Difference, DifferenceKind};
pub use draw::{NodeOverlay, NodeState, Overlay, SvgOptions, Theme};
pub use error::{Error, Result};
pub use export::{Connection, Edge, GraphExport, Group, Process};
pub use graph::{Change, ConnectionId, Direction, Graph, Journal, Snapshot, Watch, replay};
pub use metadata::{Data, Extra, Map, Metadata};
pub use name::Name;
pub use policy::{capacity_problems, overflow_problems, policy_problems};
pub use printable::{printable, printable_line};
pub use read::MAX_DEPTH;
pub use reflow_message::PortType;
pub use subgraph::{Flat, Instance, SubgraphDefinition, Subgraphs, flatten};
pub use suggest::closest;
pub use topology::Topology;
pub use workspace::{ExternalConnection, GraphDependency, InterfaceDefinition};
