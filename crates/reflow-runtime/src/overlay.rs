//! What a drawing of a network shows of its run.

use std::time::Duration;

use reflow_graph::{ConnectionId, GraphExport, NodeOverlay, NodeState, Overlay, SvgOptions, Theme};
use reflow_message::Message;

use crate::from_graph::json_of;
use crate::network::Network;
use crate::running::Running;
use crate::stats::NodeStats;

impl Network {
    /// Draws the network as SVG, with states, rates, queue fill and failures of a run.
    pub fn to_svg(&self, run: Option<&Running>, theme: Theme, max_nodes: usize, fold: Option<bool>) -> String {
        let (export, overlay) = self.drawn(run);
        export.to_svg(&SvgOptions { theme, overlay: overlay.as_ref(), max_nodes, fold })
    }

    /// Draws the network as SVG for a page that writes into the drawing what the nodes do: there is room for it in every node,
    /// with words that stand for it.
    pub fn to_live_svg(&self, theme: Theme) -> String {
        let export = self.export(shown);
        let node =
            NodeOverlay { state: NodeState::Running, rate: Some(1234.0), queue: Some(0.0), failures: 100, cached: 0 };
        let nodes = export.processes.keys().map(|id| (id.clone(), node.clone())).collect();
        let overlay = Overlay { nodes, ..Overlay::default() };
        export.to_svg(&SvgOptions { theme, overlay: Some(&overlay), fold: Some(false), ..SvgOptions::default() })
    }

    /// Draws the network for a terminal, with states, rates and failures of a run.
    pub fn to_text(&self, run: Option<&Running>) -> String {
        let (export, overlay) = self.drawn(run);
        export.to_text(overlay.as_ref())
    }

    /// The network as a Mermaid flowchart.
    pub fn to_mermaid(&self) -> String {
        self.export(shown).to_mermaid()
    }

    fn drawn(&self, run: Option<&Running>) -> (GraphExport, Option<Overlay>) {
        let export = self.export(shown);
        let overlay = run.map(|run| overlay(&export, &run.stats(), run.elapsed()));
        (export, overlay)
    }
}

/// A packet in a drawing: its plain value, but never long lists of bytes.
fn shown(message: &Message) -> serde_json::Value {
    match message {
        Message::Bytes(bytes) | Message::Encoded(bytes) => format!("{} bytes", bytes.len()).into(),
        other => json_of(&other.to_value()),
    }
}

/// What is known about a run, by the nodes of the graph it was started from. A subgraph node sums up what is inside.
fn overlay(export: &GraphExport, stats: &[NodeStats], elapsed: Duration) -> Overlay {
    let mut overlay = Overlay::default();
    for stats in stats {
        let Some(id) = drawn_node(export, &stats.node) else { continue };
        let node = node_overlay(stats, elapsed);
        overlay.nodes.entry(id.into()).and_modify(|whole| add(whole, &node)).or_insert(node);
    }
    for wire in export.wires() {
        let fill = overlay.nodes.get(&wire.to.node_id).and_then(|node| node.queue);
        overlay.connections.extend(fill.map(|fill| (ConnectionId::from(wire), fill)));
    }
    overlay
}

/// The drawn node that a running one belongs to: itself, or the subgraph it is in.
fn drawn_node<'a>(export: &GraphExport, path: &'a str) -> Option<&'a str> {
    let ends = path.match_indices('/').map(|(end, _)| end);
    std::iter::once(path.len()).chain(ends).map(|end| &path[..end]).find(|id| export.processes.contains_key(*id))
}

fn node_overlay(stats: &NodeStats, elapsed: Duration) -> NodeOverlay {
    let rate = stats.ticks as f64 / elapsed.as_secs_f64();
    NodeOverlay {
        state: state(stats.state),
        rate: (stats.ticks > 0 && rate.is_finite()).then_some(rate),
        queue: Some(stats.queue_fill),
        failures: stats.failures,
        cached: stats.cached,
    }
}

fn state(word: &str) -> NodeState {
    match word {
        "running" => NodeState::Running,
        "backing_off" => NodeState::Waiting,
        "finished" => NodeState::Finished,
        "failed" => NodeState::Failed,
        "skipped" => NodeState::Skipped,
        "cancelled" => NodeState::Cancelled,
        _ => NodeState::Idle,
    }
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
    whole.rate = greater(whole.rate, part.rate);
    whole.queue = greater(whole.queue, part.queue);
    whole.failures += part.failures;
    whole.cached += part.cached;
}

/// The greater of two measures, or the one there is.
fn greater(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    one.into_iter().chain(other).reduce(f64::max)
}
