//! Parts of a drawing that do not hang together, packed in rows.

use rustc_hash::FxHashMap;

use super::level::{End, Item, Link, Placed, Run, place};

const MARGIN: f64 = 16.0;
const PACKING_GAP: f64 = 36.0;

/// The top level laid out: corners of its boxes, routes of its links, size of all.
pub(super) struct Packed {
    pub(super) corners: Vec<(f64, f64)>,
    pub(super) routes: Vec<Vec<Run>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Lays out each connected part by itself and packs the parts in rows.
pub(super) fn pack(items: &[Item], links: &[Link]) -> Packed {
    let (mut width, mut height) = (0.0_f64, 0.0_f64);
    let mut corners = vec![(0.0, 0.0); items.len()];
    let mut routes = vec![Vec::new(); links.len()];
    let parts = parts(items.len(), links);
    let placed: Vec<_> = parts.iter().map(|part| part.place(items, links)).collect();
    let area: f64 = placed.iter().map(|part| (part.width + PACKING_GAP) * (part.height + PACKING_GAP)).sum();
    let widest = placed.iter().map(|part| part.width).fold(0.0, f64::max);
    let row_width = widest.max((area * 1.6).sqrt());
    let (mut x, mut y, mut row_height) = (0.0, 0.0, 0.0_f64);
    for (part, placed) in parts.iter().zip(&placed) {
        if x > 0.0 && x + placed.width > row_width {
            (x, y, row_height) = (0.0, y + row_height + PACKING_GAP, 0.0);
        }
        let (left, top) = (MARGIN + x, MARGIN + y);
        for (item, corner) in part.items.iter().zip(&placed.corners) {
            corners[*item] = (left + corner.0, top + corner.1);
        }
        for (link, route) in part.links.iter().zip(&placed.routes) {
            let moved = |run: &Run| Run { start: run.start + left, end: run.end + left, y: run.y + top };
            routes[*link] = route.iter().map(moved).collect();
        }
        row_height = row_height.max(placed.height);
        x += placed.width + PACKING_GAP;
        width = width.max(left + placed.width + MARGIN);
        height = height.max(top + placed.height + MARGIN);
    }
    Packed { corners, routes, width, height }
}

/// Items and links that hang together.
#[derive(Default)]
struct Part {
    items: Vec<usize>,
    links: Vec<usize>,
}

impl Part {
    fn place(&self, items: &[Item], links: &[Link]) -> Placed {
        let local: FxHashMap<usize, usize> =
            self.items.iter().enumerate().map(|(local, item)| (*item, local)).collect();
        let end = |end: End| match end {
            End::Item { item, dy } => End::Item { item: local[&item], dy },
            End::Border => End::Border,
        };
        let own_items: Vec<_> = self.items.iter().map(|item| items[*item].clone()).collect();
        let own_links: Vec<_> =
            self.links.iter().map(|link| Link { from: end(links[*link].from), to: end(links[*link].to) }).collect();
        let mut placed = place(&own_items, &own_links);
        // Links that turn back reach a little beyond the outermost boxes.
        let beyond = turn_room(&placed);
        for corner in &mut placed.corners {
            corner.0 += beyond;
        }
        for run in placed.routes.iter_mut().flatten() {
            run.start += beyond;
            run.end += beyond;
        }
        placed.width += 2.0 * beyond;
        placed
    }
}

/// Room a turning link takes at the side of its column.
pub(crate) const TURN: f64 = 26.0;

fn turn_room(placed: &Placed) -> f64 {
    let turns = placed.routes.iter().flatten().any(|run| run.end < run.start);
    if turns { TURN } else { 0.0 }
}

/// The connected parts, in the order of their first items.
fn parts(items: usize, links: &[Link]) -> Vec<Part> {
    let mut sets = petgraph::unionfind::UnionFind::<usize>::new(items);
    let ends = |link: &Link| match (link.from, link.to) {
        (End::Item { item: from, .. }, End::Item { item: to, .. }) => Some((from, to)),
        _ => None,
    };
    for (from, to) in links.iter().filter_map(ends) {
        sets.union(from, to);
    }
    let mut part_of = FxHashMap::default();
    let mut parts: Vec<Part> = Vec::new();
    for item in 0..items {
        let part = *part_of.entry(sets.find(item)).or_insert_with(|| {
            parts.push(Part::default());
            parts.len() - 1
        });
        parts[part].items.push(item);
    }
    for (position, link) in links.iter().enumerate() {
        if let Some((from, _)) = ends(link) {
            parts[part_of[&sets.find(from)]].links.push(position);
        }
    }
    parts
}
