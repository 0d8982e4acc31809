//! Colours. They are written as plain rules, without variables, since not every viewer of SVG knows those.

use std::fmt::Write;

use super::NodeState;

/// Light or dark.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Theme {
    /// Whatever the viewer prefers.
    #[default]
    Auto,
    /// Dark on light.
    Light,
    /// Light on dark.
    Dark,
}

struct Palette {
    paper: &'static str,
    box_fill: &'static str,
    box_line: &'static str,
    ink: &'static str,
    faint: &'static str,
    wire: &'static str,
    group_fill: &'static str,
    group_line: &'static str,
    port: &'static str,
    halo: &'static str,
    error: &'static str,
    feedback: &'static str,
}

const LIGHT: Palette = Palette {
    paper: "#ffffff",
    box_fill: "#f8fafc",
    box_line: "#94a3b8",
    ink: "#0f172a",
    faint: "#526077",
    wire: "#7587a3",
    group_fill: "#eef2ff",
    group_line: "#a5b4fc",
    port: "#2563eb",
    halo: "#ffffff",
    error: "#d13438",
    feedback: "#7c4fd0",
};

const DARK: Palette = Palette {
    paper: "#0f1420",
    box_fill: "#1c2536",
    box_line: "#53627c",
    ink: "#e8edf5",
    faint: "#a3b1c6",
    wire: "#7688a6",
    group_fill: "#171d33",
    group_line: "#4b56a0",
    port: "#60a5fa",
    halo: "#0f1420",
    error: "#ff7a7f",
    feedback: "#b99cff",
};

/// How pages say that they are light or dark: notebooks, editors, sites of documents.
const LIGHT_PAGES: &str =
    ":is([data-jp-theme-light=true],[data-theme=light],[data-md-color-scheme=default],.vscode-light)";
const DARK_PAGES: &str = ":is([data-jp-theme-light=false],[data-theme=dark],[data-md-color-scheme=slate],.vscode-dark)";

impl Theme {
    pub(super) fn class(self) -> &'static str {
        match self {
            Self::Auto => "reflow-auto",
            Self::Light => "reflow-light",
            Self::Dark => "reflow-dark",
        }
    }

    /// The rules of a drawing. They apply to drawings of this theme only, also where several share a page.
    pub(super) fn css(self) -> String {
        let class = self.class();
        match self {
            Self::Light => LIGHT.css(&format!(".{class}")),
            Self::Dark => DARK.css(&format!(".{class}")),
            // What a page says of itself (a notebook, a site of documents) counts more than what the system prefers.
            Self::Auto => format!(
                "{}@media (prefers-color-scheme:dark){{{}}}{}{}",
                LIGHT.css(&format!(".{class}")),
                DARK.css(&format!(".{class}")),
                LIGHT.css(&format!("{LIGHT_PAGES} .{class}")),
                DARK.css(&format!("{DARK_PAGES} .{class}"))
            ),
        }
    }
}

impl Palette {
    fn css(&self, scope: &str) -> String {
        let Self { paper, box_fill, box_line, ink, faint, wire, group_fill, group_line, port, halo, error, feedback } =
            self;
        let rules = [
            ("paper", format!("fill:{paper}")),
            ("box", format!("fill:{box_fill};stroke:{box_line}")),
            ("rule", format!("stroke:{box_line};stroke-opacity:.45")),
            ("title", format!("fill:{ink}")),
            ("label", format!("fill:{faint}")),
            ("wire", format!("fill:none;stroke:{wire};stroke-width:1.6")),
            ("wire.error", format!("stroke:{error};stroke-dasharray:5 3")),
            ("wire.feedback", format!("stroke:{feedback};stroke-dasharray:10 4")),
            ("wire:hover", "stroke-width:3.2".to_owned()),
            ("head", format!("fill:{wire}")),
            ("head.error", format!("fill:{error}")),
            ("head.feedback", format!("fill:{feedback}")),
            ("bad", format!("fill:{error}")),
            ("halo", format!("fill:none;stroke:{halo};stroke-width:5")),
            ("group", format!("fill:{group_fill};fill-opacity:.55;stroke:{group_line};stroke-dasharray:5 4")),
            ("anchor", format!("fill:{wire}")),
            ("port", format!("fill:{box_fill};stroke:{port};stroke-width:1.4")),
            ("port-label", format!("fill:{port}")),
            ("track", format!("fill:{box_line};fill-opacity:.3")),
        ];
        let mut css = String::new();
        for (name, rule) in rules {
            let _ = write!(css, "{scope} .{name}{{{rule}}}");
        }
        css
    }
}

/// The colour of what has failed.
pub(super) const FAILING: &str = "#e5484d";

/// The colour of a state; it reads on light and on dark.
pub(super) fn state_colour(state: NodeState) -> &'static str {
    match state {
        NodeState::Idle => "#94a3b8",
        NodeState::Running => "#2f81f7",
        NodeState::Waiting => "#d9910b",
        NodeState::Finished => "#2da44e",
        NodeState::Failed => FAILING,
        NodeState::Skipped => "#b0a8c8",
        NodeState::Cancelled => "#7d8796",
    }
}

/// The colour of a queue that is so full: calm, then amber, then red.
pub(super) fn fill_colour(fill: f64) -> &'static str {
    match fill {
        _ if fill >= 0.9 => "#e5484d",
        _ if fill >= 0.6 => "#d9910b",
        _ => "#2f81f7",
    }
}
