//! SVG drawings.

use std::fmt::Write;

use super::limits::{LONGEST_LABEL, MOST_BYTES, MOST_LINES, MOST_NODES, lines};
use super::overlay::Overlay;
use super::style::{Theme, fill_colour, state_colour};
use crate::layout::{GroupBox, Layout, NodeBox, PortBox, Run, TURN, Wire, shortened};
use crate::{ConnectionId, Direction, GraphExport, printable};

/// How to draw.
#[derive(Clone, Debug)]
pub struct SvgOptions<'a> {
    /// Light, dark, or what the viewer prefers.
    pub theme: Theme,
    /// States and rates to show.
    pub overlay: Option<&'a Overlay>,
    /// Graphs of more nodes are not drawn but described: nobody could read them. The default is 2,000.
    pub max_nodes: usize,
}

impl Default for SvgOptions<'_> {
    fn default() -> Self {
        Self { theme: Theme::Auto, overlay: None, max_nodes: MOST_NODES }
    }
}

impl GraphExport {
    /// Draws the graph as SVG: nodes in layers from left to right, ports as anchors, groups as boxes.
    ///
    /// The text is self-contained: no scripts, fonts or links. Every name is escaped, and long ones are cut. A graph of
    /// more nodes than asked for, of more than 8,000 lines or whose drawing would take more than 8 MiB is described.
    ///
    /// ```
    /// use reflow_graph::{GraphExport, SvgOptions};
    /// let svg = GraphExport::new("empty", false).to_svg(&SvgOptions::default());
    /// assert!(svg.starts_with("<svg"));
    /// ```
    pub fn to_svg(&self, options: &SvgOptions) -> String {
        if self.processes.len() > options.max_nodes || self.groups.len() > options.max_nodes || lines(self) > MOST_LINES
        {
            return described(self, options);
        }
        let layout = Layout::new(self, options.overlay);
        let mut pen = Pen::new(options.theme, layout.width.max(120.0), layout.height.max(40.0), self.name());
        for group in &layout.groups {
            pen.group(group);
        }
        pen.wires(&layout, self, options.overlay);
        for port in &layout.ports {
            pen.port(port);
        }
        for node in &layout.nodes {
            pen.node(node, self, options.overlay);
            if pen.text.len() > MOST_BYTES {
                return described(self, options);
            }
        }
        if layout.nodes.is_empty() {
            pen.line("<text class=\"label\" x=\"16\" y=\"25\" font-size=\"12\">empty graph</text>");
        }
        pen.finish()
    }
}

fn described(export: &GraphExport, options: &SvgOptions) -> String {
    let mut pen = Pen::new(options.theme, 460.0, 44.0, export.name());
    let (nodes, wires) = (export.processes.len(), export.wires().count());
    pen.line(&format!(
        "<text class=\"label\" x=\"16\" y=\"27\" font-size=\"12\">{nodes} nodes and {wires} connections: too many to draw</text>"
    ));
    pen.finish()
}

/// A drawing under way.
struct Pen {
    text: String,
}

const FONT: &str = "system-ui,-apple-system,'Segoe UI',Roboto,'Helvetica Neue',Arial,sans-serif";

impl Pen {
    fn new(theme: Theme, width: f64, height: f64, name: &str) -> Self {
        let mut pen = Self { text: String::new() };
        let class = theme.class();
        pen.line(&format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" class=\"{class}\" viewBox=\"0 0 {width:.0} {height:.0}\" width=\"{width:.0}\" height=\"{height:.0}\" font-family=\"{FONT}\" role=\"img\">"
        ));
        if !name.is_empty() {
            pen.line(&format!("<title>{}</title>", label(name)));
        }
        pen.line(&format!("<style>{}</style>", theme.css()));
        pen.line("<rect class=\"paper\" width=\"100%\" height=\"100%\" rx=\"8\"/>");
        pen
    }

    fn line(&mut self, line: &str) {
        self.text.push_str(line);
        self.text.push('\n');
    }

    fn finish(mut self) -> String {
        self.line("</svg>");
        self.text
    }

    fn group(&mut self, group: &GroupBox) {
        let GroupBox { label, x, y, width, height, .. } = group;
        self.line(&format!(
            "<g><rect class=\"group\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"10\"/><text class=\"label\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"12\" font-weight=\"600\">{}</text></g>",
            x + 14.0,
            y + 20.0,
            escaped(label)
        ));
    }

    /// Draws all lines. Those from one port run together at first, so they share a halo: where lines cross, the later
    /// ones pass over the earlier with a little distance.
    fn wires(&mut self, layout: &Layout, export: &GraphExport, overlay: Option<&Overlay>) {
        let start = |wire: &Wire| wire.runs.first().map(|run| (run.start.to_bits(), run.y.to_bits()));
        let mut bundles: indexmap::IndexMap<_, Vec<&Wire>> = indexmap::IndexMap::new();
        for wire in &layout.wires {
            bundles.entry(start(wire)).or_default().push(wire);
        }
        for bundle in bundles.values() {
            if self.text.len() > MOST_BYTES {
                return;
            }
            for wire in bundle {
                self.line(&format!("<path class=\"halo\" d=\"{}\"/>", path(&wire.runs)));
            }
            for wire in bundle {
                let id = wire.connection.map(|position| ConnectionId::from(&export.connections[position]));
                let fill = id.as_ref().and_then(|id| overlay?.connections.get(id).copied());
                self.wire(wire, id.as_ref(), fill);
            }
        }
    }

    fn wire(&mut self, wire: &Wire, id: Option<&ConnectionId>, fill: Option<f64>) {
        let path = path(&wire.runs);
        let style = fill.map_or_else(String::new, |fill| {
            let fill = fill.clamp(0.0, 1.0);
            format!(" style=\"stroke:{};stroke-width:{:.1}\"", fill_colour(fill), 1.6 + 2.4 * fill)
        });
        let title = id.map_or_else(String::new, |id| {
            let fill = fill.map_or_else(String::new, |fill| format!(", {:.0} % full", fill * 100.0));
            format!("<title>{}{fill}</title>", label(&id.to_string()))
        });
        self.line(&format!("<path class=\"wire\" d=\"{path}\"{style}>{title}</path>"));
    }

    fn port(&mut self, port: &PortBox) {
        let PortBox { x, y, width, height, .. } = port;
        let (middle, side) = (
            y + height / 2.0,
            match port.direction {
                Direction::In => x + width,
                Direction::Out => *x,
            },
        );
        self.line(&format!(
            "<g><title>graph {} {}</title><rect class=\"port\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"12\"/><text class=\"port-label\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"11\" text-anchor=\"middle\">{}</text><circle class=\"anchor\" cx=\"{side:.1}\" cy=\"{middle:.1}\" r=\"3\"/></g>",
            if port.direction == Direction::In { "inport" } else { "outport" },
            label(&port.name),
            x + width / 2.0,
            middle + 4.0,
            escaped(&port.label),
        ));
    }

    fn node(&mut self, node: &NodeBox, export: &GraphExport, overlay: Option<&Overlay>) {
        let NodeBox { x, y, width, height, .. } = node;
        let component = export.processes.get(&node.id).map_or("", |process| &process.component);
        self.line(&format!("<g><title>{} ({})</title>", label(&node.id), label(component)));
        self.line(&format!(
            "<rect class=\"box\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"7\"/>"
        ));
        self.text_at("title", x + 12.0, y + 18.0, 13, " font-weight=\"600\"", &node.title);
        self.text_at("label", x + 12.0, y + 33.0, 11, "", &node.subtitle);
        if !node.inports.is_empty() || !node.outports.is_empty() {
            let rule = y + 40.0;
            self.line(&format!("<path class=\"rule\" d=\"M{x:.1} {rule:.1}h{width:.1}\"/>"));
        }
        for anchor in &node.inports {
            let at = y + anchor.dy;
            self.line(&format!("<path class=\"anchor\" d=\"M{:.1} {:.1}l8 4.5l-8 4.5z\"/>", x - 4.0, at - 4.5));
            self.text_at("label", x + 12.0, at + 4.0, 11, "", &anchor.label);
        }
        for anchor in &node.outports {
            let (side, at) = (x + width, y + anchor.dy);
            self.line(&format!("<circle class=\"anchor\" cx=\"{side:.1}\" cy=\"{at:.1}\" r=\"3.5\"/>"));
            self.text_at("label", side - 11.0, at + 4.0, 11, " text-anchor=\"end\"", &anchor.label);
        }
        if let Some(state) = overlay.and_then(|overlay| overlay.nodes.get(&node.id)) {
            self.status(node, state);
        }
        self.line("</g>");
    }

    fn status(&mut self, node: &NodeBox, state: &super::NodeOverlay) {
        let NodeBox { x, y, width, height, .. } = node;
        let colour = state_colour(state.state);
        let bottom = y + height;
        self.line(&format!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"7\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>"
        ));
        self.line(&format!(
            "<circle cx=\"{:.1}\" cy=\"{:.1}\" r=\"4.5\" fill=\"{colour}\"/>",
            x + width - 14.0,
            y + 14.0
        ));
        self.text_at("label", x + 12.0, bottom - 12.0, 11, "", node.status.as_deref().unwrap_or_default());
        if let Some(queue) = state.queue {
            let (queue, room) = (queue.clamp(0.0, 1.0), width - 24.0);
            let (left, top) = (x + 12.0, bottom - 7.0);
            self.line(&format!(
                "<rect class=\"track\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{room:.1}\" height=\"3\" rx=\"1.5\"/>"
            ));
            self.line(&format!(
                "<rect x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"3\" rx=\"1.5\" fill=\"{}\"><title>queue {:.0} % full</title></rect>",
                room * queue,
                fill_colour(queue),
                queue * 100.0
            ));
        }
    }

    fn text_at(&mut self, class: &str, x: f64, y: f64, size: u32, more: &str, text: &str) {
        let text = escaped(text);
        self.line(&format!(
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{y:.1}\" font-size=\"{size}\"{more}>{text}</text>"
        ));
    }
}

/// A smooth line along the runs of a route: curves with level ends between them, half circles where it turns round.
fn path(runs: &[Run]) -> String {
    let mut path = String::new();
    let Some(first) = runs.first() else { return path };
    // Writing to a string cannot fail.
    let mut write = |step: std::fmt::Arguments| path.write_fmt(step).unwrap_or_default();
    write(format_args!("M{:.1} {:.1}", first.start, first.y));
    let mut before: Option<&Run> = None;
    for run in runs {
        if let Some(before) = before {
            let (x, y) = (before.end, before.y);
            let (to_x, to_y) = (run.start, run.y);
            let forwards = before.end >= before.start;
            let onwards = run.end >= run.start;
            if forwards == onwards {
                let middle = f64::midpoint(x, to_x);
                write(format_args!("C{middle:.1} {y:.1} {middle:.1} {to_y:.1} {to_x:.1} {to_y:.1}"));
            } else {
                let out = x + if forwards { TURN } else { -TURN };
                write(format_args!("C{out:.1} {y:.1} {out:.1} {to_y:.1} {to_x:.1} {to_y:.1}"));
            }
        }
        write(format_args!("H{:.1}", run.end));
        before = Some(run);
    }
    path
}

/// A name in full, or nearly so, as XML takes it.
fn label(name: &str) -> String {
    escaped(&shortened(name, LONGEST_LABEL))
}

/// Text as XML takes it. The few printable characters that XML forbids become the replacement character.
pub(super) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in printable(text).chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            '\t' | '\n' => safe.push(' '),
            '\u{fffe}' | '\u{ffff}' => safe.push('\u{fffd}'),
            c => safe.push(c),
        }
    }
    safe
}
