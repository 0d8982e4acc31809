//! One level of a drawing: boxes and links laid out in layers, from left to right.

use super::heights::heights;
use super::layers::Layers;
use super::order::order;

/// A box to be placed.
#[derive(Clone, Debug)]
pub(super) struct Item {
    pub(super) width: f64,
    pub(super) height: f64,
}

/// Where a link starts or ends.
#[derive(Clone, Copy, Debug)]
pub(super) enum End {
    /// At the side of a box, `dy` below its top.
    Item { item: usize, dy: f64 },
    /// At the border of the level, wherever that suits.
    Border,
}

/// A link to be routed.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) from: End,
    pub(super) to: End,
}

/// A horizontal piece of a route; curves join it to the next.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    /// Where it starts.
    pub start: f64,
    /// Where it ends, to the left of the start if the route runs back.
    pub end: f64,
    /// Its height.
    pub y: f64,
}

/// A level laid out: corners of the boxes, routes of the links.
#[derive(Debug, Default)]
pub(super) struct Placed {
    pub(super) corners: Vec<(f64, f64)>,
    pub(super) routes: Vec<Vec<Run>>,
    pub(super) width: f64,
    pub(super) height: f64,
}

const LAYER_GAP: f64 = 56.0;
const WIDEST_LAYER_GAP: f64 = 130.0;

/// Lays out a level.
pub(super) fn place(items: &[Item], links: &[Link]) -> Placed {
    if items.is_empty() {
        return Placed::default();
    }
    let layers = Layers::new(items, links);
    let rows = order(&layers);
    let y = heights(&layers, &rows, links);
    let columns = columns(&layers, &y);
    let corner = |item: usize| {
        let (left, right) = columns[layers.slots[item].layer];
        // Boxes stand in the middle of their column.
        ((left + right - items[item].width) / 2.0, y[item])
    };
    let corners: Vec<_> = (0..items.len()).map(corner).collect();
    let height = layers.slots.iter().zip(&y).map(|(slot, y)| y + slot.height).fold(0.0, f64::max);
    let width = columns.last().map_or(0.0, |(_, right)| *right);
    let route = |(position, link): (usize, &Link)| {
        let middle = |slot: usize| y[slot] + layers.slots[slot].height / 2.0;
        let column = |slot: usize| columns[layers.slots[slot].layer];
        let chain = &layers.chains[position];
        let mut runs = Vec::with_capacity(chain.len() + 2);
        if let End::Item { item, dy } = link.from {
            let right = corners[item].0 + items[item].width;
            runs.push(Run { start: right, end: column(item).1, y: corners[item].1 + dy });
        }
        for &slot in chain {
            let (left, right) = column(slot);
            let (start, end) = if layers.backwards[position] { (right, left) } else { (left, right) };
            runs.push(Run { start, end, y: middle(slot) });
        }
        if let End::Item { item, dy } = link.to {
            runs.push(Run { start: column(item).0, end: corners[item].0, y: corners[item].1 + dy });
        }
        runs
    };
    let routes = links.iter().enumerate().map(route).collect();
    Placed { corners, routes, width, height }
}

/// Left and right of each layer. A gap is the wider, the more its links must climb.
fn columns(layers: &Layers, y: &[f64]) -> Vec<(f64, f64)> {
    let mut widths = vec![0.0_f64; layers.count];
    for slot in &layers.slots {
        widths[slot.layer] = widths[slot.layer].max(slot.width);
    }
    let mut climb = vec![0.0_f64; layers.count];
    for segment in &layers.segments {
        let rise = (y[segment.from] + segment.from_dy - y[segment.to] - segment.to_dy).abs();
        let gap = &mut climb[layers.slots[segment.from].layer];
        *gap = gap.max(rise);
    }
    let mut left = 0.0;
    let mut columns = Vec::with_capacity(layers.count);
    for (width, climb) in widths.into_iter().zip(climb) {
        columns.push((left, left + width));
        left += width + (LAYER_GAP + climb / 6.0).min(WIDEST_LAYER_GAP);
    }
    columns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_back_turns_round_outside_of_the_boxes() {
        let items = vec![Item { width: 100.0, height: 40.0 }; 2];
        let end = |item| End::Item { item, dy: 20.0 };
        let links = [Link { from: end(0), to: end(1) }, Link { from: end(1), to: end(0) }];
        let placed = place(&items, &links);
        let back = &placed.routes[1];
        assert!(back[1].start > back[1].end, "it runs from right to left");
        for run in &back[1..back.len() - 1] {
            assert!(placed.corners.iter().all(|(_, y)| run.y < *y || run.y > y + 40.0), "{run:?} {:?}", placed.corners);
        }
    }
}
