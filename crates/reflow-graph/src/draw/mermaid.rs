//! Mermaid flowcharts.

use std::fmt::Write;

use rustc_hash::{FxHashMap, FxHashSet};

use super::limits::{Excerpt, LONGEST_LABEL, MOST_NODES};
use crate::GraphExport;
use crate::layout::shortened;

impl GraphExport {
    /// The graph as a Mermaid flowchart, for documents and chats that draw it.
    pub fn to_mermaid(&self) -> String {
        let Excerpt { export, rest } = Excerpt::of(self, MOST_NODES);
        let mut text = mermaid(&export);
        if let Some(rest) = rest {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  more([\"{}\"])", escaped(&rest));
        }
        text
    }
}

fn mermaid(export: &GraphExport) -> String {
    let ids: FxHashMap<&str, usize> = export.processes.keys().enumerate().map(|(number, id)| (&**id, number)).collect();
    let mut text = String::from("flowchart LR\n");
    let mut line = |line: std::fmt::Arguments| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    let node = |id: &str, indent: &str| {
        let component = &export.processes[id].component;
        format!("{indent}n{}[\"{}<br/><small>{}</small>\"]", ids[id], escaped(id), escaped(component))
    };
    let mut drawn = FxHashSet::default();
    for (number, group) in export.groups.iter().enumerate() {
        line(format_args!("  subgraph g{number} [\"{}\"]", escaped(&group.id)));
        for id in group.nodes.iter().filter(|id| ids.contains_key(&***id)) {
            if drawn.insert(&**id) {
                line(format_args!("{}", node(id, "    ")));
            }
        }
        line(format_args!("  end"));
    }
    for id in export.processes.keys().filter(|id| !drawn.contains(&***id)) {
        line(format_args!("{}", node(id, "  ")));
    }
    let mut initials = 0;
    for connection in &export.connections {
        let (from, to) = (&connection.from, &connection.to);
        let Some(target) = ids.get(&*to.node_id) else { continue };
        if connection.is_initial() {
            let packet = shortened(&connection.packet().to_string(), 24);
            line(format_args!(
                "  i{initials}([\"{}\"]) -->|\"{}\"| n{target}",
                escaped(&packet),
                escaped(connection.inport())
            ));
            initials += 1;
        } else if let Some(source) = ids.get(&*from.node_id) {
            let label = escaped(&format!("{} → {}", shortened(&from.port_id, 60), shortened(&to.port_id, 60)));
            line(format_args!("  n{source} -->|\"{label}\"| n{target}"));
        }
    }
    for (number, (name, edge)) in export.inports.iter().enumerate() {
        if let Some(node) = ids.get(&*edge.node_id) {
            line(format_args!("  p{number}>\"{}\"] -->|\"{}\"| n{node}", escaped(name), escaped(edge.inner_port())));
        }
    }
    for (number, (name, edge)) in export.outports.iter().enumerate() {
        if let Some(node) = ids.get(&*edge.node_id) {
            line(format_args!("  n{node} -->|\"{}\"| q{number}>\"{}\"]", escaped(edge.inner_port()), escaped(name)));
        }
    }
    text
}

/// Mermaid takes anything in quotes but quotes and markup, which it reads as entities.
fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in shortened(text, LONGEST_LABEL).chars() {
        match c {
            '"' => safe.push_str("#quot;"),
            '#' => safe.push_str("#35;"),
            '<' => safe.push_str("#lt;"),
            '>' => safe.push_str("#gt;"),
            '&' => safe.push_str("#amp;"),
            '`' => safe.push_str("#96;"),
            c => safe.push(c),
        }
    }
    safe
}
