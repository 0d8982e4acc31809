//! What the signs of a drawing mean: only those that are in it.

use std::fmt::Write;

use super::overlay::{NodeState, Overlay};
use super::style::{FAILING, fill_colour, state_colour};
use super::svg::Kind;
use crate::GraphExport;
use crate::layout::{Layout, text_width};

const LINE: f64 = 22.0;
const MARGIN: f64 = 16.0;
const SIGN: f64 = 30.0;
const GAP: f64 = 22.0;

enum Sign {
    Wire(Kind),
    State(&'static str),
    Queue,
    Pile,
}

/// The signs of a drawing, with what they mean.
pub(super) struct Legend(Vec<(Sign, &'static str)>);

impl Legend {
    /// The signs that are in a drawing; none if all there is are nodes and connections.
    pub(super) fn of(layout: &Layout, export: &GraphExport, overlay: Option<&Overlay>, is_folded: bool) -> Self {
        let mut signs = Vec::new();
        let has = |kind| layout.wires.iter().any(|wire| Kind::of(wire, export) == kind);
        let (errors, feedback) = (has(Kind::Error), has(Kind::Feedback));
        if errors || feedback || overlay.is_some() || is_folded {
            signs.push((Sign::Wire(Kind::Data), "packets"));
        }
        signs.extend(errors.then_some((Sign::Wire(Kind::Error), "errors")));
        signs.extend(feedback.then_some((Sign::Wire(Kind::Feedback), "back to an earlier node")));
        signs.extend(is_folded.then_some((Sign::Pile, "a group, folded")));
        if let Some(overlay) = overlay {
            let known = || layout.nodes.iter().filter_map(|node| overlay.nodes.get(&node.id));
            if known().any(super::NodeOverlay::is_failing) {
                signs.push((Sign::State(FAILING), "failed, or failing"));
            }
            let states = [
                NodeState::Idle,
                NodeState::Running,
                NodeState::Waiting,
                NodeState::Finished,
                NodeState::Skipped,
                NodeState::Cancelled,
            ];
            for state in states {
                if known().any(|node| node.state == state && !node.is_failing()) {
                    signs.push((Sign::State(state_colour(state)), state.as_str()));
                }
            }
            if known().any(|node| node.queue.is_some()) {
                signs.push((Sign::Queue, "how full the queue is"));
            }
        }
        Self(signs)
    }

    /// The size of a drawing that has room for the legend too.
    pub(super) fn size(&self, width: f64, height: f64) -> (f64, f64) {
        if self.0.is_empty() {
            return (width, height);
        }
        let width = width.max(360.0);
        let lines = self.places(width).last().map_or(0.0, |(_, line)| line + 1.0);
        (width, height + lines * LINE + MARGIN)
    }

    /// Where each sign goes: its left side, and its line.
    fn places(&self, width: f64) -> Vec<(f64, f64)> {
        let (mut x, mut line) = (MARGIN, 0.0);
        let mut places = Vec::with_capacity(self.0.len());
        for (_, text) in &self.0 {
            let needed = SIGN + 6.0 + text_width(text, 11.0);
            if x > MARGIN && x + needed > width - MARGIN {
                (x, line) = (MARGIN, line + 1.0);
            }
            places.push((x, line));
            x += needed + GAP;
        }
        places
    }

    /// Draws the legend below `top`.
    pub(super) fn svg(&self, width: f64, top: f64) -> String {
        let mut svg = String::new();
        if self.0.is_empty() {
            return svg;
        }
        // Writing to a string cannot fail.
        let mut write = |step: std::fmt::Arguments| svg.write_fmt(step).unwrap_or_default();
        write(format_args!("<g class=\"legend\">\n"));
        for ((sign, text), (x, line)) in self.0.iter().zip(self.places(width)) {
            let y = top + line * LINE + LINE / 2.0;
            match sign {
                Sign::Wire(kind) => {
                    let (class, end) = (kind.class(), x + SIGN);
                    write(format_args!("<path class=\"wire{class}\" d=\"M{x:.1} {y:.1}H{:.1}\"/>", end - 6.0));
                    write(format_args!(
                        "<path class=\"head{class}\" d=\"M{:.1} {:.1}l8 4.5l-8 4.5z\"/>",
                        end - 8.0,
                        y - 4.5
                    ));
                }
                Sign::State(colour) => write(format_args!(
                    "<rect x=\"{:.1}\" y=\"{:.1}\" width=\"18\" height=\"12\" rx=\"3\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>",
                    x + 10.0,
                    y - 6.0
                )),
                Sign::Queue => {
                    let (left, height) = (y - 1.5, "height=\"3\" rx=\"1.5\"");
                    write(format_args!(
                        "<rect class=\"track\" x=\"{x:.1}\" y=\"{left:.1}\" width=\"{SIGN}\" {height}/>"
                    ));
                    write(format_args!(
                        "<rect x=\"{x:.1}\" y=\"{left:.1}\" width=\"18\" {height} fill=\"{}\"/>",
                        fill_colour(0.6)
                    ));
                }
                Sign::Pile => {
                    for step in [6.0, 3.0, 0.0] {
                        write(format_args!(
                            "<rect class=\"box\" x=\"{:.1}\" y=\"{:.1}\" width=\"18\" height=\"10\" rx=\"2\"/>",
                            x + 6.0 + step,
                            y - 2.0 - step
                        ));
                    }
                }
            }
            write(format_args!(
                "<text class=\"label\" x=\"{:.1}\" y=\"{:.1}\" font-size=\"11\">{text}</text>\n",
                x + SIGN + 6.0,
                y + 4.0
            ));
        }
        write(format_args!("</g>\n"));
        svg
    }
}
