//! DOT, for Graphviz.

use std::fmt::Write;

use rustc_hash::FxHashSet;

use super::limits::{Excerpt, LONGEST_LABEL, MOST_NODES};
use crate::GraphExport;
use crate::layout::shortened;

impl GraphExport {
    /// The graph in the DOT language of Graphviz.
    pub fn to_dot(&self) -> String {
        let Excerpt { export, rest } = Excerpt::of(self, MOST_NODES);
        let mut text = dot(&export);
        if let Some(rest) = rest {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  \"\\nmore\" [label={}, shape=plaintext];", quoted(&rest));
        }
        text.push_str("}\n");
        text
    }
}

/// All but the closing brace.
fn dot(export: &GraphExport) -> String {
    let mut text = String::new();
    let mut line = |line: std::fmt::Arguments| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{line}");
    };
    line(format_args!("digraph {} {{", label(export.name())));
    line(format_args!("  rankdir=LR;\n  node [shape=box, style=rounded];"));
    let node = |id: &str| {
        let component = &export.processes[id].component;
        format!(
            "{} [label={}];",
            node_id(export, id),
            quoted(&format!("{}\n{}", shortened(id, LONGEST_LABEL), shortened(component, LONGEST_LABEL)))
        )
    };
    let mut drawn = FxHashSet::default();
    for (number, group) in export.groups.iter().enumerate() {
        line(format_args!("  subgraph cluster_{number} {{\n    label={};", label(&group.id)));
        for id in group.nodes.iter().filter(|id| export.processes.contains_key(&***id)) {
            if drawn.insert(&**id) {
                line(format_args!("    {}", node(id)));
            }
        }
        line(format_args!("  }}"));
    }
    for id in export.processes.keys().filter(|id| !drawn.contains(&***id)) {
        line(format_args!("  {}", node(id)));
    }
    let mut extra = 0;
    let mut own = |text: &str, shape: &str| {
        extra += 1;
        // A name no node has: node ids never start with a blank line.
        let id = quoted(&format!("\n{extra}"));
        (format!("  {id} [label={}, shape={shape}];", label(text)), id)
    };
    for connection in &export.connections {
        let (from, to) = (&connection.from, &connection.to);
        if !export.processes.contains_key(&to.node_id) {
            continue;
        }
        let head = label(connection.inport());
        if connection.is_initial() {
            let packet = shortened(&connection.packet().to_string(), 24);
            let (declared, id) = own(&packet, "plaintext");
            line(format_args!("{declared}\n  {id} -> {} [headlabel={head}];", node_id(export, &to.node_id)));
        } else if export.processes.contains_key(&from.node_id) {
            let (from_node, to_node, tail) =
                (node_id(export, &from.node_id), node_id(export, &to.node_id), label(&from.port_id));
            line(format_args!("  {from_node} -> {to_node} [taillabel={tail}, headlabel={head}];"));
        }
    }
    for (name, edge) in export.inports.iter().filter(|(_, edge)| export.processes.contains_key(&edge.node_id)) {
        let (declared, id) = own(name, "cds");
        line(format_args!(
            "{declared}\n  {id} -> {} [headlabel={}];",
            node_id(export, &edge.node_id),
            label(edge.inner_port())
        ));
    }
    for (name, edge) in export.outports.iter().filter(|(_, edge)| export.processes.contains_key(&edge.node_id)) {
        let (declared, id) = own(name, "cds");
        line(format_args!(
            "{declared}\n  {} -> {id} [taillabel={}];",
            node_id(export, &edge.node_id),
            label(edge.inner_port())
        ));
    }
    text
}

/// What a node is called in the file: its id, unless it is long or not fit to be shown.
fn node_id(export: &GraphExport, id: &str) -> String {
    if id.len() <= LONGEST_LABEL && matches!(crate::printable_line(id), std::borrow::Cow::Borrowed(_)) {
        return quoted(id);
    }
    let position = export.processes.get_index_of(id).unwrap_or_default();
    quoted(&format!("\nnode {position}"))
}

fn label(text: &str) -> String {
    quoted(&shortened(text, LONGEST_LABEL))
}

fn quoted(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 2);
    safe.push('"');
    for c in text.chars() {
        match c {
            '"' => safe.push_str("\\\""),
            '\\' => safe.push_str("\\\\"),
            '\n' => safe.push_str("\\n"),
            c => safe.push(c),
        }
    }
    safe.push('"');
    safe
}
