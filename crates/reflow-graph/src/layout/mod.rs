//! Where everything in a drawing goes: a layered layout in the manner of Sugiyama, from left to right.
//!
//! Cycles are broken at the links that close them; nodes are put in layers so that links lead to the right; links across
//! several layers get free places in those between; the order within layers is improved until few links cross; heights
//! are settled so that links are as straight as the gaps allow. A group is laid out by itself and then is one box of
//! the level above, so its box never covers a node that is not in it.

mod boxes;
mod drawing;
mod heights;
mod layers;
mod level;
mod order;
mod pack;
mod text_width;

use crate::{Direction, GraphExport, Name, Overlay};
use drawing::Drawing;

pub use level::Run;
pub(crate) use pack::TURN;
pub(crate) use text_width::{shortened, shortened_middle, text_width};

/// A drawing's geometry, in pixels.
#[derive(Clone, Debug, Default)]
pub struct Layout {
    /// Width of all.
    pub width: f64,
    /// Height of all.
    pub height: f64,
    /// Boxes of the nodes, in the order of the export.
    pub nodes: Vec<NodeBox>,
    /// The graph's own ports.
    pub ports: Vec<PortBox>,
    /// Boxes of the groups. A node in several groups is drawn in the first.
    pub groups: Vec<GroupBox>,
    /// Routes of the connections.
    pub wires: Vec<Wire>,
}

/// A node's box.
#[derive(Clone, Debug, Default)]
pub struct NodeBox {
    /// The node.
    pub id: Name,
    /// Its id, shortened.
    pub title: String,
    /// Its component, shortened.
    pub subtitle: String,
    /// Left.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
    /// Inports, at the left side.
    pub inports: Vec<Anchor>,
    /// Outports, at the right side.
    pub outports: Vec<Anchor>,
    /// What the node is doing, if the overlay says so.
    pub status: Option<String>,
}

/// Where a port is on its node's box.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// The port.
    pub port: Name,
    /// Its name, shortened, with the packets that wait there from the start.
    pub label: String,
    /// Distance from the top of the box.
    pub dy: f64,
}

/// A port of the graph, drawn as a small box at the end of a line.
#[derive(Clone, Debug)]
pub struct PortBox {
    /// In or out.
    pub direction: Direction,
    /// Its outer name.
    pub name: Name,
    /// Its name, shortened.
    pub label: String,
    /// Left.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// A group's box.
#[derive(Clone, Debug)]
pub struct GroupBox {
    /// The group.
    pub id: Name,
    /// Its id, shortened.
    pub label: String,
    /// Left.
    pub x: f64,
    /// Top.
    pub y: f64,
    /// Width.
    pub width: f64,
    /// Height.
    pub height: f64,
}

/// A connection's route.
#[derive(Clone, Debug)]
pub struct Wire {
    /// Position in the export's connections; `None` for the line of a graph port.
    pub connection: Option<usize>,
    /// Horizontal pieces, joined by curves.
    pub runs: Vec<Run>,
}

impl Layout {
    /// Lays out a graph. A node in the overlay gets a line about its state in its box.
    pub fn new(export: &GraphExport, overlay: Option<&Overlay>) -> Self {
        Drawing::new(export, overlay).place()
    }
}
