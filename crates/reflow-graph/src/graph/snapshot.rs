//! A graph with the numbers that fix the order of its parts.

use serde::{Deserialize, Serialize};

use crate::GraphExport;

/// A whole graph at one moment: its export, and the order number of each part in the order of the export.
///
/// The numbers matter to undo and to a replayed journal: changes made before and after refer to them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// The graph.
    pub graph: GraphExport,
    /// Numbers of nodes, connections, initials, inports, outports, and of each group followed by its members.
    pub(crate) orders: Vec<u64>,
    /// First number not given to anything yet.
    pub(crate) next: u64,
}
