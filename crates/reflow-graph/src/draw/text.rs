//! Drawings for terminals: one box a node, layer by layer, with its connections listed beside its ports.

use std::fmt::Write;

use rustc_hash::FxHashMap;

use super::limits::Excerpt;
use crate::layout::{shortened, shortened_middle};
use crate::{Edge, GraphExport, NodeOverlay, Overlay, Topology};

/// Nodes beyond this many are counted, not drawn.
const MOST_NODES: usize = 500;
/// Letters of a name. Boxes are as wide as their widest name, in every row.
const LONGEST_NAME: usize = 60;
/// Letters of the list of what a port leads to.
const LONGEST_LIST: usize = 200;

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
        let Excerpt { export, rest } = Excerpt::of(self, MOST_NODES);
        let mut lines = Lines::new(&export);
        for id in Topology::new(&export).layers().into_iter().flatten() {
            let status = overlay.and_then(|overlay| overlay.nodes.get(&id)).map(NodeOverlay::status);
            lines.node(&id, status.as_deref());
        }
        if self.processes.is_empty() {
            lines.add("empty graph");
        }
        if let Some(rest) = rest {
            lines.add(&rest);
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
                after.entry(&from.node_id).or_default().push((&from.port_id, end(to)));
                end(from)
            };
            before.entry(&to.node_id).or_default().push((connection.inport(), source));
        }
        for (name, edge) in &export.inports {
            before
                .entry(&edge.node_id)
                .or_default()
                .push((edge.inner_port(), format!("({})", shortened(name, LONGEST_NAME))));
        }
        for (name, edge) in &export.outports {
            after
                .entry(&edge.node_id)
                .or_default()
                .push((edge.inner_port(), format!("({})", shortened(name, LONGEST_NAME))));
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
        let groups = self.groups.get(id).map(|groups| shortened(&groups.join(", "), LONGEST_NAME));
        let group = groups.map(|groups| format!(" [{groups}]")).unwrap_or_default();
        let title = format!("{}{group}", shortened_middle(id, LONGEST_NAME));
        let component = shortened_middle(&self.export.processes[id].component, LONGEST_NAME);
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
    let mut ports: indexmap::IndexMap<&str, Vec<&str>> = indexmap::IndexMap::new();
    for (port, end) in ends.into_iter().flatten() {
        ports.entry(port).or_default().push(end);
    }
    ports.into_iter().map(|(port, ends)| (shortened(port, LONGEST_NAME), list(&ends))).collect()
}

/// The other ends of a port, as many as fit.
fn list(ends: &[&str]) -> String {
    let mut text = String::new();
    for (position, end) in ends.iter().enumerate() {
        if position > 0 && width(&text) + width(end) > LONGEST_LIST {
            let _ = write!(text, " and {} more", ends.len() - position);
            break;
        }
        if position > 0 {
            text.push_str(", ");
        }
        text.push_str(end);
    }
    text
}

fn end(edge: &Edge) -> String {
    format!("{}.{}", shortened_middle(&edge.node_id, LONGEST_NAME), shortened(&edge.port_id, LONGEST_NAME))
}

fn width(text: &str) -> usize {
    text.chars().count()
}
