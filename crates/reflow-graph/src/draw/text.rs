//! Drawings for terminals: one box a node, layer by layer, with its connections listed beside its ports.

use std::fmt::Write;

use rustc_hash::FxHashMap;

use crate::layout::shortened;
use crate::{GraphExport, NodeOverlay, Overlay, Topology};

/// Nodes beyond this many are counted, not drawn.
const MOST_NODES: usize = 500;

impl GraphExport {
    /// The graph as text with box-drawing characters: nodes by layer, each with where its packets come from and go to,
    /// and what it is doing if the overlay says so.
    ///
    /// ```text
    ///          ┌ resize ──────────┐
    ///          │ tpl_image_resize │
    /// a.out ──▶┤ image      image ├──▶ detect.image
    ///   640 ──▶┤ width            │
    ///          └──────────────────┘
    /// ```
    pub fn to_text(&self, overlay: Option<&Overlay>) -> String {
        let mut lines = Lines::new(self);
        let mut drawn = 0;
        for layer in Topology::new(self).layers() {
            for id in layer {
                if drawn == MOST_NODES {
                    let left = self.processes.len() - drawn;
                    lines.add(&format!("… and {left} more nodes"));
                    return lines.text;
                }
                let status = overlay.and_then(|overlay| overlay.nodes.get(&id)).map(NodeOverlay::status);
                lines.node(&id, status.as_deref());
                drawn += 1;
            }
        }
        if drawn == 0 {
            lines.add("empty graph");
        }
        lines.text
    }
}

/// What leads to or from one node: its port, and the other end.
type Ends<'a> = FxHashMap<&'a str, Vec<(&'a str, String)>>;

struct Lines<'a> {
    export: &'a GraphExport,
    before: Ends<'a>,
    after: Ends<'a>,
    groups: FxHashMap<&'a str, Vec<&'a str>>,
    text: String,
}

impl<'a> Lines<'a> {
    fn new(export: &'a GraphExport) -> Self {
        let (mut before, mut after) = (Ends::default(), Ends::default());
        for connection in &export.connections {
            let (from, to) = (&connection.from, &connection.to);
            let source = if connection.is_initial() {
                shortened(&connection.packet().to_string(), 24)
            } else {
                after.entry(&from.node_id).or_default().push((&from.port_id, format!("{}.{}", to.node_id, to.port_id)));
                format!("{}.{}", from.node_id, from.port_id)
            };
            before.entry(&to.node_id).or_default().push((connection.inport(), source));
        }
        for (name, edge) in &export.inports {
            before.entry(&edge.node_id).or_default().push((edge.inner_port(), format!("({name})")));
        }
        for (name, edge) in &export.outports {
            after.entry(&edge.node_id).or_default().push((edge.inner_port(), format!("({name})")));
        }
        let mut groups: FxHashMap<&str, Vec<&str>> = FxHashMap::default();
        for group in &export.groups {
            for node in &group.nodes {
                groups.entry(node).or_default().push(&group.id);
            }
        }
        Self { export, before, after, groups, text: String::new() }
    }

    fn add(&mut self, line: &str) {
        self.text.push_str(line.trim_end());
        self.text.push('\n');
    }

    fn node(&mut self, id: &str, status: Option<&str>) {
        let group = self.groups.get(id).map(|groups| format!(" [{}]", groups.join(", "))).unwrap_or_default();
        let title = plain(&format!("{id}{group}"));
        let component = plain(&self.export.processes[id].component);
        let sources = grouped(self.before.get(id));
        let targets = grouped(self.after.get(id));
        let rows = sources.len().max(targets.len());
        let left = sources.iter().map(|(port, _)| width(port)).max().unwrap_or(0);
        let right = targets.iter().map(|(port, _)| width(port)).max().unwrap_or(0);
        let status_width = status.map_or(0, |status| width(status) + 2);
        let inner = (width(&title) + 2).max(width(&component) + 2).max(left + right + 5).max(status_width).max(12);
        let margin = sources.iter().map(|(_, ends)| width(ends)).max().map_or(0, |widest| widest.min(40) + 4);
        let pad = " ".repeat(margin);
        self.add(&format!("{pad}┌ {title} {}┐", "─".repeat(inner - width(&title) - 2)));
        self.add(&format!("{pad}│ {component}{} │", " ".repeat(inner - width(&component) - 2)));
        if let Some(status) = status {
            self.add(&format!("{pad}│ {status}{} │", " ".repeat(inner - width(status) - 2)));
        }
        for row in 0..rows {
            let mut line = String::new();
            let (port, source) = sources.get(row).map_or(("", None), |(port, ends)| (port.as_str(), Some(ends)));
            match source {
                Some(ends) => {
                    let ends = shortened(ends, 40);
                    let gap = " ".repeat(margin - 4 - width(&ends));
                    let _ = write!(line, "{gap}{ends} ──▶┤ {port}");
                }
                None => {
                    let _ = write!(line, "{pad}│ ");
                }
            }
            let used = width(port) + 1;
            match targets.get(row) {
                Some((port, ends)) => {
                    let gap = " ".repeat(inner - used - width(port) - 1);
                    let _ = write!(line, "{gap}{port} ├──▶ {ends}");
                }
                None => {
                    let _ = write!(line, "{}│", " ".repeat(inner - used));
                }
            }
            self.add(&line);
        }
        self.add(&format!("{pad}└{}┘", "─".repeat(inner)));
    }
}

/// Each port once, with all its other ends.
fn grouped(ends: Option<&Vec<(&str, String)>>) -> Vec<(String, String)> {
    let mut ports: indexmap::IndexMap<&str, Vec<String>> = indexmap::IndexMap::new();
    for (port, end) in ends.into_iter().flatten() {
        ports.entry(port).or_default().push(plain(end));
    }
    ports.into_iter().map(|(port, ends)| (plain(port), ends.join(", "))).collect()
}

/// Text without control characters, which could command the terminal.
fn plain(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '�' } else { c }).collect()
}

fn width(text: &str) -> usize {
    text.chars().count()
}
