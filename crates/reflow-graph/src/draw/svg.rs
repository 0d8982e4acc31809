//! SVG drawings.

use std::fmt::Write;

use super::NodeState;
use super::fold::Folded;
use super::legend::Legend;
use super::limits::{LONGEST_LABEL, MOST_BYTES, MOST_LINES, MOST_NODES, lines};
use super::overlay::Overlay;
use super::style::{FAILING, Theme, fill_colour, state_colour};
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
    /// Whether to draw an overview, with each group as one box; by default of graphs of more than 200 nodes.
    pub fold: Option<bool>,
}

/// Graphs of more nodes are drawn as an overview.
const FOLDED_FROM: usize = 200;

impl Default for SvgOptions<'_> {
    fn default() -> Self {
        Self { theme: Theme::Auto, overlay: None, max_nodes: MOST_NODES, fold: None }
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
        if options.fold.unwrap_or(self.processes.len() > FOLDED_FROM) {
            let folded = Folded::of(self, options.overlay);
            let drawn = Drawn { export: &folded.export, overlay: folded.overlay.as_ref(), folded: Some(&folded) };
            return drawn.svg(options.theme).unwrap_or_else(|| described(self, options));
        }
        let drawn = Drawn { export: self, overlay: options.overlay, folded: None };
        drawn.svg(options.theme).unwrap_or_else(|| described(self, options))
    }
}

/// What is drawn.
#[derive(Clone, Copy)]
struct Drawn<'a> {
    export: &'a GraphExport,
    overlay: Option<&'a Overlay>,
    folded: Option<&'a Folded>,
}

impl Drawn<'_> {
    /// The drawing, unless it is too large.
    fn svg(self, theme: Theme) -> Option<String> {
        let layout = Layout::new(self.export, self.overlay);
        let legend = Legend::of(&layout, self.export, self.overlay, self.folded.is_some());
        let (width, height) = legend.size(layout.width.max(120.0), layout.height.max(40.0));
        let mut pen = Pen::new(theme, width, height, self.export.name());
        for group in &layout.groups {
            pen.group(group);
        }
        pen.wires(&layout, self);
        for port in &layout.ports {
            pen.port(port);
        }
        for node in &layout.nodes {
            pen.node(node, self);
            if pen.text.len() > MOST_BYTES {
                return None;
            }
        }
        pen.heads(&layout, self.export);
        if layout.nodes.is_empty() {
            pen.line("<text class=\"label\" x=\"16\" y=\"25\" font-size=\"12\">empty graph</text>");
        }
        pen.text.push_str(&legend.svg(width, layout.height.max(40.0)));
        Some(pen.finish())
    }
}

/// What a line stands for: data, errors, or data that goes back to where it came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Kind {
    Data,
    Error,
    Feedback,
}

impl Kind {
    /// What a line of a layout stands for.
    pub(super) fn of(wire: &Wire, export: &GraphExport) -> Self {
        let Some(connection) = wire.connection.and_then(|position| export.connections.get(position)) else {
            return Self::Data;
        };
        let goes_back = match (wire.runs.first(), wire.runs.last()) {
            (Some(first), Some(last)) => last.end < first.start,
            _ => false,
        };
        match () {
            () if is_error(&connection.from.port_id) => Self::Error,
            () if goes_back => Self::Feedback,
            () => Self::Data,
        }
    }

    /// The class of such lines, beside `wire`.
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Data => "",
            Self::Error => " error",
            Self::Feedback => " feedback",
        }
    }
}

/// Whether an outport is for failures: `error`, `error_out`, `errors`, `parse_error`, `failed`.
pub(super) fn is_error(port: &str) -> bool {
    port.split(['_', '-', '.'])
        .any(|word| matches!(&*word.to_ascii_lowercase(), "error" | "errors" | "failed" | "failure"))
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
    fn wires(&mut self, layout: &Layout, drawn: Drawn) {
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
                self.wire(wire, drawn);
            }
        }
    }

    fn wire(&mut self, wire: &Wire, drawn: Drawn) {
        let connection = wire.connection.and_then(|position| drawn.export.connections.get(position));
        let id = connection.map(ConnectionId::from);
        let fill = id.as_ref().and_then(|id| drawn.overlay?.connections.get(id).copied());
        let count = id.as_ref().and_then(|id| drawn.folded?.lines.get(id).copied());
        let (path, kind) = (path(&wire.runs), Kind::of(wire, drawn.export));
        let style = match (fill, count) {
            (Some(fill), _) => {
                let fill = fill.clamp(0.0, 1.0);
                let width = 1.6 + 2.4 * fill;
                // A kind keeps its colour until there is something to worry about.
                if kind == Kind::Data || fill >= 0.6 {
                    format!(" style=\"stroke:{};stroke-width:{width:.1}\"", fill_colour(fill))
                } else {
                    format!(" style=\"stroke-width:{width:.1}\"")
                }
            }
            (None, Some(count)) if count > 1 => {
                format!(" style=\"stroke-width:{:.1}\"", (1.6 + 0.5 * (count as f64).log2()).min(6.0))
            }
            _ => String::new(),
        };
        let title = id.map_or_else(String::new, |id| {
            let fill = fill.map_or_else(String::new, |fill| format!(", {:.0} % full", fill * 100.0));
            let count =
                count.filter(|count| *count > 1).map_or_else(String::new, |count| format!(", {count} connections"));
            format!("<title>{}{fill}{count}</title>", label(&id.to_string()))
        });
        self.line(&format!("<path class=\"wire{}\" d=\"{path}\"{style}>{title}</path>", kind.class()));
    }

    /// Draws the heads of lines over the ports that they lead to, in the colours of the lines.
    fn heads(&mut self, layout: &Layout, export: &GraphExport) {
        let mut last: indexmap::IndexMap<(u64, u64), (&Run, Kind, bool)> = indexmap::IndexMap::new();
        for wire in &layout.wires {
            let Some(run) = wire.runs.last() else { continue };
            let kind = Kind::of(wire, export);
            // Where lines of several kinds meet, the head is that of data.
            let is_port = |port: &PortBox| {
                let middle = port.y + port.height / 2.0;
                port.direction == Direction::Out && (port.x - run.end).abs() < 1.0 && (middle - run.y).abs() < 1.0
            };
            let at_port = wire.connection.is_none() && layout.ports.iter().any(is_port);
            let entry = last.entry((run.end.to_bits(), run.y.to_bits())).or_insert((run, kind, at_port));
            if entry.1 != kind {
                entry.1 = Kind::Data;
            }
        }
        for (run, kind, is_port) in last.into_values() {
            let (class, tip) = (kind.class(), if is_port { run.end + 1.0 } else { run.end + 4.0 });
            self.line(&format!(
                "<path class=\"head{class}\" d=\"M{:.1} {:.1}l8 4.5l-8 4.5z\"/>",
                tip - 8.0,
                run.y - 4.5
            ));
        }
    }

    fn port(&mut self, port: &PortBox) {
        let PortBox { x, y, width, height, .. } = port;
        let middle = y + height / 2.0;
        let anchor = match port.direction {
            Direction::In => format!("<circle class=\"anchor\" cx=\"{:.1}\" cy=\"{middle:.1}\" r=\"3\"/>", x + width),
            Direction::Out => String::new(), // the head of the line is there
        };
        self.line(&format!(
            "<g><title>graph {} {}</title><rect class=\"port\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"12\"/><text class=\"port-label\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"11\" text-anchor=\"middle\">{}</text>{anchor}</g>",
            if port.direction == Direction::In { "inport" } else { "outport" },
            label(&port.name),
            x + width / 2.0,
            middle + 4.0,
            escaped(&port.label),
        ));
    }

    fn node(&mut self, node: &NodeBox, drawn: Drawn) {
        let NodeBox { x, y, width, height, .. } = node;
        let component = drawn.export.processes.get(&node.id).map_or("", |process| &process.component);
        // Whoever shows the drawing in a page finds the node again by its name.
        let id = escaped(&node.id);
        self.line(&format!("<g data-node=\"{id}\"><title>{} ({})</title>", label(&node.id), label(component)));
        if drawn.folded.is_some_and(|folded| folded.sizes.contains_key(&node.id)) {
            // A pile of boxes.
            for step in [8.0, 4.0] {
                self.line(&format!(
                    "<rect class=\"box\" x=\"{:.1}\" y=\"{:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"7\"/>",
                    x + step,
                    y - step
                ));
            }
        }
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
        if let Some(state) = drawn.overlay.and_then(|overlay| overlay.nodes.get(&node.id)) {
            self.status(node, state);
        }
        self.line("</g>");
    }

    fn status(&mut self, node: &NodeBox, state: &super::NodeOverlay) {
        let NodeBox { x, y, width, height, .. } = node;
        let colour = if state.is_failing() { FAILING } else { state_colour(state.state) };
        let dash = if state.state == NodeState::Cancelled { " stroke-dasharray=\"4 3\"" } else { "" };
        let bottom = y + height;
        self.line(&format!(
            "<rect class=\"state\" x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" rx=\"7\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"{dash}/>"
        ));
        self.line(&format!(
            "<circle class=\"dot\" cx=\"{:.1}\" cy=\"{:.1}\" r=\"4.5\" fill=\"{colour}\"/>",
            x + width - 14.0,
            y + 14.0
        ));
        let class = if state.is_failing() { "bad status" } else { "label status" };
        self.text_at(class, x + 12.0, bottom - 12.0, 11, "", node.status.as_deref().unwrap_or_default());
        if let Some(queue) = state.queue {
            let (queue, room) = (queue.clamp(0.0, 1.0), width - 24.0);
            let (left, top) = (x + 12.0, bottom - 7.0);
            self.line(&format!(
                "<rect class=\"track\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{room:.1}\" height=\"3\" rx=\"1.5\"/>"
            ));
            self.line(&format!(
                "<rect class=\"fill\" x=\"{left:.1}\" y=\"{top:.1}\" width=\"{:.1}\" height=\"3\" rx=\"1.5\" fill=\"{}\"><title>queue {:.0} % full</title></rect>",
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
