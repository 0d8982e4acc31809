//! Overviews of large graphs: each group as one box.

use indexmap::IndexMap;
use rustc_hash::FxHashMap;

use super::overlay::Overlay;
use super::{NodeOverlay, NodeState};
use crate::topology::Topology;
use crate::{Connection, ConnectionId, Edge, GraphExport, Name, Process};

/// Nodes that an overview may show; with more, nodes without a group are put together too.
const READABLE: usize = 150;
/// Boxes that nodes without a group are put into.
const STAGES: usize = 24;

/// A graph with fewer boxes.
pub(super) struct Folded {
    pub(super) export: GraphExport,
    pub(super) overlay: Option<Overlay>,
    /// How many connections each line of the overview stands for.
    pub(super) lines: FxHashMap<ConnectionId, usize>,
    /// How many nodes each box stands for; plain nodes are missing.
    pub(super) sizes: FxHashMap<Name, usize>,
}

impl Folded {
    /// Folds the groups of a graph; where too many nodes are in none, also stages of those.
    pub(super) fn of(export: &GraphExport, overlay: Option<&Overlay>) -> Self {
        let box_of = boxes(export);
        let mut sizes: FxHashMap<Name, usize> = FxHashMap::default();
        for box_ in box_of.values() {
            *sizes.entry(box_.clone()).or_default() += 1;
        }
        let place = |node: &Name| box_of.get(node).unwrap_or(node).clone();
        let mut part = GraphExport { properties: export.properties.clone(), ..GraphExport::default() };
        for (id, process) in &export.processes {
            match box_of.get(id) {
                None => drop(part.processes.insert(id.clone(), process.clone())),
                Some(box_) if !part.processes.contains_key(box_) => {
                    let count = sizes.get(box_).copied().unwrap_or_default();
                    part.processes.insert(box_.clone(), Process::new(box_.clone(), format!("{count} nodes")));
                }
                Some(_) => {}
            }
        }
        let mut lines: IndexMap<(Name, Name, Name, Name), usize> = IndexMap::new();
        for wire in export.wires() {
            let (from, to) = (place(&wire.from.node_id), place(&wire.to.node_id));
            if from == to && box_of.contains_key(&wire.from.node_id) {
                continue;
            }
            // A box has one port on each side, and another for errors.
            let outport = match box_of.contains_key(&wire.from.node_id) {
                true if super::svg::is_error(&wire.from.port_id) => "error".into(),
                true => "out".into(),
                false => wire.from.port_id.clone(),
            };
            let inport = if box_of.contains_key(&wire.to.node_id) { "in".into() } else { wire.inport().clone() };
            *lines.entry((from, outport, to, inport)).or_default() += 1;
        }
        part.connections = lines
            .keys()
            .map(|(from, outport, to, inport)| {
                Connection::new(Edge::new(from.clone(), outport.clone()), Edge::new(to.clone(), inport.clone()))
            })
            .collect();
        let counted = part.connections.iter().map(ConnectionId::from).zip(lines.values().copied()).collect();
        for (ports, drawn, inner) in
            [(&export.inports, &mut part.inports, "in"), (&export.outports, &mut part.outports, "out")]
        {
            for (name, edge) in ports {
                let is_folded = box_of.contains_key(&edge.node_id);
                let port = if is_folded { inner.into() } else { edge.inner_port().clone() };
                drawn.insert(name.clone(), Edge::new(place(&edge.node_id), port));
            }
        }
        let overlay = overlay.map(|overlay| summed(overlay, &box_of, &part));
        Self { export: part, overlay, lines: counted, sizes }
    }
}

/// The box of every node that is folded.
fn boxes(export: &GraphExport) -> FxHashMap<Name, Name> {
    let mut box_of: FxHashMap<Name, Name> = FxHashMap::default();
    for group in export.groups.iter().filter(|group| group.nodes.len() > 1) {
        let name = free_name(export, &group.id);
        for node in &group.nodes {
            if export.processes.contains_key(node) {
                box_of.entry(node.clone()).or_insert_with(|| name.clone());
            }
        }
    }
    let loose = |box_of: &FxHashMap<Name, Name>| export.processes.keys().filter(|id| !box_of.contains_key(*id)).count();
    if loose(&box_of) > READABLE {
        let mut parts: IndexMap<&str, Vec<&Name>> = IndexMap::new();
        for id in export.processes.keys().filter(|id| !box_of.contains_key(*id)) {
            if let Some((part, _)) = id.split_once('/') {
                parts.entry(part).or_default().push(id);
            }
        }
        for (part, nodes) in parts.into_iter().filter(|(_, nodes)| nodes.len() > 1) {
            let name = free_name(export, part);
            box_of.extend(nodes.into_iter().map(|node| (node.clone(), name.clone())));
        }
    }
    if loose(&box_of) > READABLE {
        let layers = Topology::new(export).layers();
        let each = layers.len().div_ceil(STAGES).max(1);
        for (number, stage) in layers.chunks(each).enumerate() {
            let name = free_name(export, &format!("stage {}", number + 1));
            for node in stage.iter().flatten() {
                box_of.entry(node.clone()).or_insert_with(|| name.clone());
            }
        }
    }
    box_of
}

/// A name for a box that no node has.
fn free_name(export: &GraphExport, wanted: &str) -> Name {
    let mut name = wanted.to_owned();
    while export.processes.contains_key(name.as_str()) {
        name.push_str(" …");
    }
    name.into()
}

/// What is known of the nodes of a box, put together.
fn summed(overlay: &Overlay, box_of: &FxHashMap<Name, Name>, part: &GraphExport) -> Overlay {
    let mut sum = Overlay::default();
    for (node, known) in &overlay.nodes {
        let place = box_of.get(node).unwrap_or(node);
        sum.nodes.entry(place.clone()).and_modify(|whole| add(whole, known)).or_insert_with(|| known.clone());
    }
    for wire in part.wires() {
        let fill = sum.nodes.get(&wire.to.node_id).and_then(|node| node.queue);
        sum.connections.extend(fill.map(|fill| (ConnectionId::from(wire), fill)));
    }
    sum
}

fn add(whole: &mut NodeOverlay, part: &NodeOverlay) {
    let weight = |state: NodeState| match state {
        NodeState::Failed => 6,
        NodeState::Running => 5,
        NodeState::Waiting => 4,
        NodeState::Idle => 3,
        NodeState::Cancelled => 2,
        NodeState::Finished => 1,
        NodeState::Skipped => 0,
    };
    if weight(part.state) > weight(whole.state) {
        whole.state = part.state;
    }
    whole.rate = match (whole.rate, part.rate) {
        (Some(one), Some(other)) => Some(one + other),
        (one, other) => one.or(other),
    };
    whole.queue = whole.queue.into_iter().chain(part.queue).reduce(f64::max);
    whole.failures += part.failures;
}
