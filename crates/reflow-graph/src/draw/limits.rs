//! How much is drawn: what nobody could read is counted instead.

use std::borrow::Cow;

use rustc_hash::FxHashSet;

use crate::{Edge, GraphExport, Group};

/// Nodes of a drawing, and groups.
pub(super) const MOST_NODES: usize = 2_000;
/// Lines of a drawing: connections, initials and graph ports.
pub(super) const MOST_LINES: usize = 8_000;
/// Letters of a name that is shown in full.
pub(super) const LONGEST_LABEL: usize = 120;
/// Size of a drawing; what is larger is not drawn at all.
pub(super) const MOST_BYTES: usize = 8 << 20;

/// Lines that a drawing of the graph would have.
pub(super) fn lines(export: &GraphExport) -> usize {
    export.connections.len() + export.inports.len() + export.outports.len()
}

/// The part of a graph that is drawn, and what is said about the rest.
pub(super) struct Excerpt<'a> {
    pub(super) export: Cow<'a, GraphExport>,
    /// `… and 3 more nodes, 1 more connection`.
    pub(super) rest: Option<String>,
}

impl<'a> Excerpt<'a> {
    /// The first nodes of a graph, with the first lines between them.
    pub(super) fn of(export: &'a GraphExport, most_nodes: usize) -> Self {
        if export.processes.len() <= most_nodes && export.groups.len() <= MOST_NODES && lines(export) <= MOST_LINES {
            return Self { export: Cow::Borrowed(export), rest: None };
        }
        let mut part = GraphExport { properties: export.properties.clone(), ..GraphExport::default() };
        part.processes =
            export.processes.iter().take(most_nodes).map(|(id, node)| (id.clone(), node.clone())).collect();
        let drawn: FxHashSet<&str> = part.processes.keys().map(|id| &**id).collect();
        let is_drawn = |edge: &Edge| drawn.contains(&*edge.node_id);
        for connection in &export.connections {
            if part.connections.len() == MOST_LINES {
                break;
            }
            if is_drawn(&connection.to) && (connection.is_initial() || is_drawn(&connection.from)) {
                part.connections.push(connection.clone());
            }
        }
        let ports = |ports: &indexmap::IndexMap<crate::Name, Edge>| {
            let shown = ports.iter().filter(|(_, edge)| is_drawn(edge)).take(most_nodes);
            shown.map(|(name, edge)| (name.clone(), edge.clone())).collect()
        };
        (part.inports, part.outports) = (ports(&export.inports), ports(&export.outports));
        part.groups = export.groups.iter().filter_map(|group| members_of(group, &drawn)).take(most_nodes).collect();
        let counts = [
            (export.processes.len() - part.processes.len(), "node"),
            (lines(export) - lines(&part), "connection"),
            (export.groups.len() - part.groups.len(), "group"),
        ];
        let more = counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| {
            let plural = if *count == 1 { "" } else { "s" };
            format!("{count} more {what}{plural}")
        });
        let rest = format!("… and {}", more.collect::<Vec<_>>().join(", "));
        Self { export: Cow::Owned(part), rest: Some(rest) }
    }
}

fn members_of(group: &Group, drawn: &FxHashSet<&str>) -> Option<Group> {
    let nodes: Vec<_> = group.nodes.iter().filter(|node| drawn.contains(&***node)).cloned().collect();
    (!nodes.is_empty()).then(|| Group { id: group.id.clone(), nodes, ..Group::default() })
}
