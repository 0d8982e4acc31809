//! How high each slot stands in its layer, so that links are straight where they can be.

use super::layers::{FREE_HEIGHT, Layers};
use super::level::Link;

const GAP_BETWEEN_ITEMS: f64 = 22.0;
const GAP_BESIDE_LINKS: f64 = 10.0;

/// Distance from the top of one slot to the top of the next below.
fn gap(layers: &Layers, upper: usize, lower: usize) -> f64 {
    let [upper, lower] = [&layers.slots[upper], &layers.slots[lower]];
    let both_items = upper.item.is_some() && lower.item.is_some();
    upper.height + if both_items { GAP_BETWEEN_ITEMS } else { GAP_BESIDE_LINKS }
}

/// Tops of all slots: each as near as its layer allows to where its links would be straight.
pub(super) fn heights(layers: &Layers, rows: &[Vec<usize>], links: &[Link]) -> Vec<f64> {
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
    let gap = |upper, lower| gap(layers, upper, lower);
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
    // Once more, since what moved made room.
    straighten(layers, rows, links, &mut y);
    straighten(layers, rows, links, &mut y);
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

/// Takes small steps out of long links: places in a row that have a height in common get it.
fn straighten(layers: &Layers, rows: &[Vec<usize>], links: &[Link], y: &mut [f64]) {
    let mut neighbours = vec![(None, None); layers.slots.len()];
    for row in rows {
        for pair in row.windows(2) {
            neighbours[pair[0]].1 = Some(pair[1]);
            neighbours[pair[1]].0 = Some(pair[0]);
        }
    }
    let room = |slot: usize, y: &[f64]| {
        let (above, below) = neighbours[slot];
        let lowest = above.map_or(f64::NEG_INFINITY, |above: usize| y[above] + gap(layers, above, slot));
        let highest = below.map_or(f64::INFINITY, |below: usize| y[below] - gap(layers, slot, below));
        (lowest, highest)
    };
    let mut done = vec![false; layers.slots.len()];
    for (link, chain) in links.iter().zip(&layers.chains) {
        let port = |end: super::level::End, y: &[f64]| end.item().map(|(item, dy)| y[item] + dy - FREE_HEIGHT / 2.0);
        let mut chain: Vec<_> =
            chain.iter().copied().filter(|slot| !std::mem::replace(&mut done[*slot], true)).collect();
        let mut start = port(link.from, y);
        while !chain.is_empty() {
            let (mut least, mut most) = room(chain[0], y);
            let mut count = 1;
            for slot in &chain[1..] {
                let (lowest, highest) = room(*slot, y);
                if lowest.max(least) > highest.min(most) {
                    break;
                }
                (least, most) = (least.max(lowest), most.min(highest));
                count += 1;
            }
            let end = port(link.to, y).filter(|_| count == chain.len());
            let fits = |height: &f64| (least..=most).contains(height);
            let mean = chain[..count].iter().map(|slot| y[*slot]).sum::<f64>() / count as f64;
            let height = start.filter(fits).or(end.filter(fits)).unwrap_or(mean.max(least).min(most));
            for slot in chain.drain(..count) {
                y[slot] = height;
            }
            start = None;
        }
    }
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
}
