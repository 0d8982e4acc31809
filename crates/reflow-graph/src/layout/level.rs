//! One level of a drawing: boxes and links laid out in layers, from left to right.

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

const GAP_BETWEEN_ITEMS: f64 = 22.0;
const GAP_BESIDE_LINKS: f64 = 10.0;
const LAYER_GAP: f64 = 56.0;
const WIDEST_LAYER_GAP: f64 = 130.0;

/// Lays out a level.
pub(super) fn place(items: &[Item], links: &[Link]) -> Placed {
    if items.is_empty() {
        return Placed::default();
    }
    let layers = Layers::new(items, links);
    let rows = order(&layers);
    let y = heights(&layers, &rows);
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

/// Tops of all slots: each as near as its layer allows to where its links would be straight.
fn heights(layers: &Layers, rows: &[Vec<usize>]) -> Vec<f64> {
    let slots = &layers.slots;
    let mut near: Vec<Vec<(usize, f64, f64)>> = vec![Vec::new(); slots.len()];
    for segment in &layers.segments {
        let free = |slot: usize| slots[slot].item.is_none();
        // Long links are straightened first.
        let weight = match (free(segment.from), free(segment.to)) {
            (true, true) => 8.0,
            (false, false) => 1.0,
            _ => 2.0,
        };
        let shift = segment.from_dy - segment.to_dy;
        near[segment.to].push((segment.from, shift, weight));
        near[segment.from].push((segment.to, -shift, weight));
    }
    let gap = |upper: usize, lower: usize| {
        let both_items = slots[upper].item.is_some() && slots[lower].item.is_some();
        slots[upper].height + if both_items { GAP_BETWEEN_ITEMS } else { GAP_BESIDE_LINKS }
    };
    let mut y = vec![0.0; slots.len()];
    for row in rows {
        for pair in row.windows(2) {
            y[pair[1]] = y[pair[0]] + gap(pair[0], pair[1]);
        }
    }
    let rounds = if slots.len() > 20_000 { 8 } else { 40 };
    for round in 0..rounds {
        for step in 0..rows.len() {
            let row = &rows[if round % 2 == 0 { step } else { rows.len() - 1 - step }];
            let wish = |slot: usize| {
                if let Some(item) = slots[slot].beside {
                    return (y[item] + slots[item].height + GAP_BESIDE_LINKS, 1.0);
                }
                let weight: f64 = near[slot].iter().map(|(.., weight)| weight).sum();
                let sum: f64 = near[slot].iter().map(|(other, shift, weight)| (y[*other] + shift) * weight).sum();
                if weight > 0.0 { (sum / weight, weight) } else { (y[slot], 0.1) }
            };
            let wishes: Vec<_> = row.iter().map(|slot| wish(*slot)).collect();
            let gaps: Vec<_> = row.windows(2).map(|pair| gap(pair[0], pair[1])).collect();
            for (slot, top) in row.iter().zip(settle(&wishes, &gaps)) {
                y[*slot] = top;
            }
        }
    }
    let top = y.iter().copied().fold(f64::INFINITY, f64::min);
    y.iter().map(|y| y - top).collect()
}

/// Positions in order, at least `gaps` apart, with the least weighted square distance from the wishes.
///
/// This is isotonic regression after the gaps are taken off, solved by pooling neighbours that violate the order.
fn settle(wishes: &[(f64, f64)], gaps: &[f64]) -> Vec<f64> {
    let mut offset = 0.0;
    let mut offsets = Vec::with_capacity(wishes.len());
    // Each pool: sum of weight times wish, weight, how many.
    let mut pools: Vec<(f64, f64, usize)> = Vec::new();
    for (position, (wish, weight)) in wishes.iter().enumerate() {
        if position > 0 {
            offset += gaps[position - 1];
        }
        offsets.push(offset);
        let mut pool = ((wish - offset) * weight, *weight, 1);
        while let Some(last) = pools.last().filter(|last| last.0 / last.1 > pool.0 / pool.1) {
            pool = (pool.0 + last.0, pool.1 + last.1, pool.2 + last.2);
            pools.pop();
        }
        pools.push(pool);
    }
    let settled = pools.into_iter().flat_map(|(sum, weight, count)| std::iter::repeat_n(sum / weight, count));
    settled.zip(offsets).map(|(position, offset)| position + offset).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wishes_are_met_where_there_is_room() {
        assert_eq!(settle(&[(0.0, 1.0), (50.0, 1.0)], &[10.0]), [0.0, 50.0]);
        assert_eq!(settle(&[(0.0, 1.0), (0.0, 1.0)], &[10.0]), [-5.0, 5.0]);
        assert_eq!(settle(&[(0.0, 3.0), (0.0, 1.0)], &[8.0]), [-2.0, 6.0]);
    }

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
