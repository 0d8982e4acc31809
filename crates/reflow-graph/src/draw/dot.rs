//! DOT, for Graphviz.

use std::fmt::Write;

use rustc_hash::FxHashSet;

use crate::GraphExport;

impl GraphExport {
    /// The graph in the DOT language of Graphviz.
    pub fn to_dot(&self) -> String {
        let mut text = String::new();
        let mut line = |line: std::fmt::Arguments| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "{line}");
        };
        line(format_args!("digraph {} {{", quoted(self.name())));
        line(format_args!("  rankdir=LR;\n  node [shape=box, style=rounded];"));
        let node = |id: &str| {
            format!("{} [label={}];", quoted(id), quoted(&format!("{id}\n{}", self.processes[id].component)))
        };
        let mut drawn = FxHashSet::default();
        for (number, group) in self.groups.iter().enumerate() {
            line(format_args!("  subgraph cluster_{number} {{\n    label={};", quoted(&group.id)));
            for id in group.nodes.iter().filter(|id| self.processes.contains_key(&***id)) {
                if drawn.insert(&**id) {
                    line(format_args!("    {}", node(id)));
                }
            }
            line(format_args!("  }}"));
        }
        for id in self.processes.keys().filter(|id| !drawn.contains(&***id)) {
            line(format_args!("  {}", node(id)));
        }
        let mut extra = 0;
        let mut own = |label: &str, shape: &str| {
            extra += 1;
            // A name no node has: node ids never start with a blank line.
            let id = quoted(&format!("\n{extra}"));
            (format!("  {id} [label={}, shape={shape}];", quoted(label)), id)
        };
        for connection in &self.connections {
            let (from, to) = (&connection.from, &connection.to);
            if !self.processes.contains_key(&to.node_id) {
                continue;
            }
            let head = quoted(connection.inport());
            if connection.is_initial() {
                let packet = crate::layout::shortened(&connection.packet().to_string(), 24);
                let (declared, id) = own(&packet, "plaintext");
                line(format_args!("{declared}\n  {id} -> {} [headlabel={head}];", quoted(&to.node_id)));
            } else if self.processes.contains_key(&from.node_id) {
                let (from_node, to_node, tail) = (quoted(&from.node_id), quoted(&to.node_id), quoted(&from.port_id));
                line(format_args!("  {from_node} -> {to_node} [taillabel={tail}, headlabel={head}];"));
            }
        }
        for (name, edge) in self.inports.iter().filter(|(_, edge)| self.processes.contains_key(&edge.node_id)) {
            let (declared, id) = own(name, "cds");
            line(format_args!(
                "{declared}\n  {id} -> {} [headlabel={}];",
                quoted(&edge.node_id),
                quoted(edge.inner_port())
            ));
        }
        for (name, edge) in self.outports.iter().filter(|(_, edge)| self.processes.contains_key(&edge.node_id)) {
            let (declared, id) = own(name, "cds");
            line(format_args!(
                "{declared}\n  {} -> {id} [taillabel={}];",
                quoted(&edge.node_id),
                quoted(edge.inner_port())
            ));
        }
        line(format_args!("}}"));
        text
    }
}

fn quoted(text: &str) -> String {
    let mut safe = String::with_capacity(text.len() + 2);
    safe.push('"');
    for c in text.chars() {
        match c {
            '"' => safe.push_str("\\\""),
            '\\' => safe.push_str("\\\\"),
            '\n' => safe.push_str("\\n"),
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    safe.push('"');
    safe
}
