//! How big each node is drawn, and where its ports are.

use indexmap::IndexMap;
use rustc_hash::FxHashMap;

use super::text_width::{bold_width, shortened, shortened_middle, text_width};
use super::{Anchor, NodeBox};
use crate::{Connection, GraphExport, Name, NodeOverlay, Overlay};

pub(super) const HEADER: f64 = 42.0;
pub(super) const ROW: f64 = 19.0;
const FOOT: f64 = 7.0;
const STATUS: f64 = 20.0;
const NARROWEST: f64 = 104.0;
const PORT_SIZE: f64 = 11.0;
const LONGEST_TITLE: usize = 30;
const LONGEST_PORT: usize = 18;
const LONGEST_PACKET: usize = 14;

/// Ports of a node in the order they are first used, with the initials waiting at them.
#[derive(Default)]
struct Ports<'a> {
    inports: IndexMap<&'a Name, Vec<&'a Connection>>,
    outports: IndexMap<&'a Name, ()>,
}

/// The boxes of all nodes, at the origin.
pub(super) fn boxes(export: &GraphExport, overlay: Option<&Overlay>) -> Vec<NodeBox> {
    let mut ports: FxHashMap<&str, Ports> = FxHashMap::default();
    for connection in &export.connections {
        let (from, to) = (&connection.from, &connection.to);
        let waiting = ports.entry(&to.node_id).or_default().inports.entry(connection.inport()).or_default();
        if connection.is_initial() {
            waiting.push(connection);
        } else {
            ports.entry(&from.node_id).or_default().outports.entry(&from.port_id).or_default();
        }
    }
    for edge in export.inports.values() {
        ports.entry(&edge.node_id).or_default().inports.entry(edge.inner_port()).or_default();
    }
    for edge in export.outports.values() {
        ports.entry(&edge.node_id).or_default().outports.entry(edge.inner_port()).or_default();
    }
    let none = Ports::default();
    let node = |process: &crate::Process| {
        let status = overlay.and_then(|overlay| overlay.nodes.get(&process.id)).map(NodeOverlay::status);
        node_box(process, ports.get(&*process.id).unwrap_or(&none), status)
    };
    export.processes.values().map(node).collect()
}

fn node_box(process: &crate::Process, ports: &Ports, status: Option<String>) -> NodeBox {
    let anchor = |row: usize, port: &Name, label: String| Anchor {
        port: port.clone(),
        label,
        dy: HEADER + ROW * (row as f64 + 0.5),
    };
    let inports: Vec<_> = ports
        .inports
        .iter()
        .enumerate()
        .map(|(row, (port, initials))| anchor(row, port, in_label(port, initials)))
        .collect();
    let outports: Vec<_> =
        ports.outports.keys().enumerate().map(|(row, port)| anchor(row, port, shortened(port, LONGEST_PORT))).collect();
    let title = shortened_middle(&process.id, LONGEST_TITLE);
    let subtitle = shortened_middle(&process.component, LONGEST_TITLE);
    let rows = inports.len().max(outports.len());
    let label =
        |anchors: &[Anchor], row: usize| anchors.get(row).map_or(0.0, |anchor| text_width(&anchor.label, PORT_SIZE));
    let widest_row = (0..rows).map(|row| label(&inports, row) + label(&outports, row) + 34.0).fold(0.0, f64::max);
    let width = (bold_width(&title, 13.0) + 40.0)
        .max(text_width(&subtitle, PORT_SIZE) + 24.0)
        .max(widest_row)
        .max(status.as_ref().map_or(0.0, |status| text_width(status, PORT_SIZE) + 24.0))
        .max(NARROWEST);
    let height = HEADER + ROW * rows as f64 + FOOT + if status.is_some() { STATUS } else { 0.0 };
    NodeBox {
        id: process.id.clone(),
        title,
        subtitle,
        x: 0.0,
        y: 0.0,
        width: width.round(),
        height,
        inports,
        outports,
        status,
    }
}

/// A port's name, and the packets that wait there from the start.
fn in_label(port: &Name, initials: &[&Connection]) -> String {
    let port = shortened(port, LONGEST_PORT);
    let Some(first) = initials.first() else { return port };
    let packet = shortened(&packet_text(first.packet()), LONGEST_PACKET);
    match initials.len() {
        1 => format!("{port} = {packet}"),
        count => format!("{port} = {packet} +{}", count - 1),
    }
}

/// A packet in few characters. Long lists and texts are not written out first.
fn packet_text(packet: &serde_json::Value) -> String {
    use serde_json::Value;
    match packet {
        Value::String(text) => format!("\"{}\"", shortened(text, LONGEST_PACKET)),
        Value::Array(items) if items.len() > 4 => format!("[{} items]", items.len()),
        Value::Object(map) if map.get("type").is_some_and(|kind| kind == "Flow") && map.len() == 1 => "flow".to_owned(),
        Value::Object(map) => {
            format!("{{{}}}", shortened(&map.keys().cloned().collect::<Vec<_>>().join(", "), LONGEST_PACKET))
        }
        other => other.to_string(),
    }
}
