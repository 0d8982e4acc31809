//! A drawing of several levels: each group by itself, then all of them together.

use rustc_hash::FxHashMap;

use super::boxes::boxes;
use super::level::{End, Item, Link, Placed, Run, place};
use super::pack::{Packed, pack};
use super::text_width::{bold_width, shortened, text_width};
use super::{GroupBox, Layout, PortBox, Wire};
use crate::{Direction, GraphExport, Name, Overlay};

const GROUP_SIDE: f64 = 24.0;
const GROUP_TOP: f64 = 34.0;
const GROUP_BOTTOM: f64 = 16.0;
const PORT_HEIGHT: f64 = 24.0;

/// An end of a wire: a box, by position among nodes and then ports, and a height.
type BoxEnd = (usize, f64);

/// A layout under way.
pub(super) struct Drawing {
    layout: Layout,
    sizes: Vec<Item>,
    ends: Vec<(BoxEnd, BoxEnd)>,
    group_of: Vec<Option<usize>>,
    members: Vec<Vec<usize>>,
}

/// A group laid out by itself, and where each wire crosses its border.
struct PlacedGroup {
    placed: Placed,
    /// Route of each wire that is inside, as a whole or at one end.
    inner: FxHashMap<usize, usize>,
}

impl PlacedGroup {
    fn route(&self, wire: usize) -> Option<&[Run]> {
        self.inner.get(&wire).map(|route| self.placed.routes[*route].as_slice())
    }
}

impl Drawing {
    pub(super) fn new(export: &GraphExport, overlay: Option<&Overlay>) -> Self {
        let nodes = boxes(export, overlay);
        let index: FxHashMap<&str, usize> = nodes.iter().enumerate().map(|(box_, node)| (&*node.id, box_)).collect();
        let mut sizes: Vec<_> = nodes.iter().map(|node| Item { width: node.width, height: node.height }).collect();
        let mut heights: FxHashMap<(usize, Direction, &str), f64> = FxHashMap::default();
        for (box_, node) in nodes.iter().enumerate() {
            for (direction, anchors) in [(Direction::In, &node.inports), (Direction::Out, &node.outports)] {
                heights.extend(anchors.iter().map(|anchor| ((box_, direction, &*anchor.port), anchor.dy)));
            }
        }
        let end = |edge: &crate::Edge, port: &Name, direction: Direction| {
            let box_ = *index.get(&*edge.node_id)?;
            Some((box_, *heights.get(&(box_, direction, &**port))?))
        };
        let (mut wires, mut ends) = (Vec::new(), Vec::new());
        for (position, connection) in export.connections.iter().enumerate().filter(|(_, wire)| !wire.is_initial()) {
            let from = end(&connection.from, &connection.from.port_id, Direction::Out);
            let to = end(&connection.to, &connection.to.port_id, Direction::In);
            if let (Some(from), Some(to)) = (from, to) {
                wires.push(Wire { connection: Some(position), runs: Vec::new() });
                ends.push((from, to));
            }
        }
        let mut ports = Vec::new();
        let own = |direction, ports: &indexmap::IndexMap<Name, crate::Edge>| {
            ports.iter().map(|(name, edge)| (direction, name.clone(), edge.clone())).collect::<Vec<_>>()
        };
        for (direction, name, edge) in
            [own(Direction::In, &export.inports), own(Direction::Out, &export.outports)].concat()
        {
            let Some(inner) = end(&edge, edge.inner_port(), direction) else { continue };
            let label = shortened(&name, 24);
            let width = (text_width(&label, 11.0) + 24.0).round();
            let outer = (sizes.len(), PORT_HEIGHT / 2.0);
            sizes.push(Item { width, height: PORT_HEIGHT });
            ports.push(PortBox { direction, name, label, x: 0.0, y: 0.0, width, height: PORT_HEIGHT });
            wires.push(Wire { connection: None, runs: Vec::new() });
            ends.push(if direction == Direction::In { (outer, inner) } else { (inner, outer) });
        }
        let mut group_of = vec![None; sizes.len()];
        let mut members = Vec::new();
        let mut groups = Vec::new();
        for group in &export.groups {
            let free = |node: &Name| index.get(&**node).copied().filter(|box_| group_of[*box_].is_none());
            let own: Vec<_> = group.nodes.iter().filter_map(free).collect();
            if own.is_empty() {
                continue;
            }
            for box_ in &own {
                group_of[*box_] = Some(groups.len());
            }
            members.push(own);
            let label = shortened(&group.id, 40);
            groups.push(GroupBox { id: group.id.clone(), label, x: 0.0, y: 0.0, width: 0.0, height: 0.0 });
        }
        let layout = Layout { nodes, ports, groups, wires, ..Layout::default() };
        Self { layout, sizes, ends, group_of, members }
    }

    /// Puts everything in its place.
    pub(super) fn place(mut self) -> Layout {
        let groups = self.place_groups();
        self.place_top(&groups);
        self.layout
    }

    /// Lays out each group by itself.
    fn place_groups(&mut self) -> Vec<PlacedGroup> {
        let mut inside: Vec<FxHashMap<usize, usize>> = vec![FxHashMap::default(); self.members.len()];
        let mut links: Vec<Vec<Link>> = vec![Vec::new(); self.members.len()];
        let mut item_of = vec![0; self.sizes.len()];
        for members in &self.members {
            for (item, box_) in members.iter().enumerate() {
                item_of[*box_] = item;
            }
        }
        for (wire, (from, to)) in self.ends.iter().enumerate() {
            let (out_of, into) = (self.group_of[from.0], self.group_of[to.0]);
            let start = End::Item { item: item_of[from.0], dy: from.1 };
            let end = End::Item { item: item_of[to.0], dy: to.1 };
            let mut add = |group: Option<usize>, link: Link| {
                if let Some(group) = group {
                    inside[group].insert(wire, links[group].len());
                    links[group].push(link);
                }
            };
            if out_of == into {
                add(out_of, Link { from: start, to: end });
            } else {
                add(out_of, Link { from: start, to: End::Border });
                add(into, Link { from: End::Border, to: end });
            }
        }
        let mut groups = Vec::with_capacity(self.members.len());
        for (group, (links, inner)) in links.into_iter().zip(inside).enumerate() {
            let items: Vec<_> = self.members[group].iter().map(|box_| self.sizes[*box_].clone()).collect();
            let placed = place(&items, &links);
            let drawn = &mut self.layout.groups[group];
            drawn.width = (placed.width + 2.0 * GROUP_SIDE).max(bold_width(&drawn.label, 12.0) + 28.0);
            drawn.height = placed.height + GROUP_TOP + GROUP_BOTTOM;
            groups.push(PlacedGroup { placed, inner });
        }
        groups
    }

    /// Lays out what is outside of groups, with each group as one box, and puts everything in its final place.
    fn place_top(&mut self, groups: &[PlacedGroup]) {
        let loose: Vec<_> = (0..self.sizes.len()).filter(|box_| self.group_of[*box_].is_none()).collect();
        let mut item_of = vec![0; self.sizes.len()];
        let mut items = Vec::with_capacity(loose.len() + groups.len());
        for &box_ in &loose {
            item_of[box_] = items.len();
            items.push(self.sizes[box_].clone());
        }
        let first_group = items.len();
        items.extend(self.layout.groups.iter().map(|group| Item { width: group.width, height: group.height }));

        let mut top_links = Vec::new();
        let mut top_wires = Vec::new();
        for (wire, (from, to)) in self.ends.iter().enumerate() {
            let (out_of, into) = (self.group_of[from.0], self.group_of[to.0]);
            if out_of.is_some() && out_of == into {
                continue;
            }
            let end = |group: Option<usize>, (box_, dy): BoxEnd, border: fn(&[Run]) -> Option<&Run>| match group {
                None => End::Item { item: item_of[box_], dy },
                Some(group) => {
                    let y = groups[group].route(wire).and_then(border).map_or(0.0, |run| run.y);
                    End::Item { item: first_group + group, dy: GROUP_TOP + y }
                }
            };
            top_links.push(Link { from: end(out_of, *from, <[Run]>::last), to: end(into, *to, <[Run]>::first) });
            top_wires.push(wire);
        }
        let Packed { corners, routes, width, height } = pack(&items, &top_links);
        (self.layout.width, self.layout.height) = (width, height);

        for &box_ in &loose {
            self.move_box(box_, corners[item_of[box_]]);
        }
        for (group, placed) in groups.iter().enumerate() {
            let (x, y) = corners[first_group + group];
            let drawn = &mut self.layout.groups[group];
            (drawn.x, drawn.y) = (x, y);
            // A long title makes the box wider than its content, which then stands in the middle.
            let left = x + (drawn.width - placed.placed.width) / 2.0;
            for (box_, corner) in self.members[group].clone().into_iter().zip(&placed.placed.corners) {
                self.move_box(box_, (left + corner.0, y + GROUP_TOP + corner.1));
            }
        }
        let mut top_routes = vec![None; self.ends.len()];
        for (wire, route) in top_wires.into_iter().zip(routes) {
            top_routes[wire] = Some(route);
        }
        for (wire, top) in top_routes.into_iter().enumerate() {
            let (from, to) = self.ends[wire];
            let (out_of, into) = (self.group_of[from.0], self.group_of[to.0]);
            let mut runs = self.inner_runs(groups, out_of, wire);
            if let Some(top) = top {
                runs.extend(top);
                runs.extend(self.inner_runs(groups, into, wire));
            }
            self.layout.wires[wire].runs = runs;
        }
    }

    /// The part of a route within a group, in its final place.
    fn inner_runs(&self, groups: &[PlacedGroup], group: Option<usize>, wire: usize) -> Vec<Run> {
        let Some(group) = group else { return Vec::new() };
        let drawn = &self.layout.groups[group];
        let left = drawn.x + (drawn.width - groups[group].placed.width) / 2.0;
        let top = drawn.y + GROUP_TOP;
        let route = groups[group].route(wire).unwrap_or_default();
        route.iter().map(|run| Run { start: run.start + left, end: run.end + left, y: run.y + top }).collect()
    }

    fn move_box(&mut self, box_: usize, (x, y): (f64, f64)) {
        let nodes = self.layout.nodes.len();
        if box_ < nodes {
            let node = &mut self.layout.nodes[box_];
            (node.x, node.y) = (x, y);
        } else {
            let port = &mut self.layout.ports[box_ - nodes];
            (port.x, port.y) = (x, y);
        }
    }
}
