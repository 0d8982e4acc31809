//! The order of slots within each layer, so that few links cross.

use rustc_hash::FxHashMap;

use super::layers::{Layers, Slot};

/// Slots of each layer from top to bottom.
///
/// Sweeps to and fro put each slot at the mean of its neighbours in the layer before; the best of all orders seen is kept.
pub(super) fn order(layers: &Layers) -> Vec<Vec<usize>> {
    let mut sweeps = Sweeps::new(layers);
    let mut best = sweeps.rows.clone();
    let mut fewest = sweeps.crossings();
    // A large graph is not made readable by more sweeps.
    let rounds = if layers.segments.len() > 20_000 { 4 } else { 24 };
    for round in 0..rounds {
        if fewest == 0 {
            break;
        }
        sweeps.sweep(round % 2 == 0);
        sweeps.swap_neighbours();
        let crossings = sweeps.crossings();
        if crossings < fewest {
            fewest = crossings;
            best.clone_from(&sweeps.rows);
        }
    }
    best
}

/// Ends of a slot's segments on one side: the other slot, and where along it.
type Ends = Vec<Vec<(usize, f64)>>;

struct Sweeps<'a> {
    layers: &'a Layers,
    rows: Vec<Vec<usize>>,
    place: Vec<f64>,
    before: Ends,
    after: Ends,
    /// Items at which links turn back.
    turns: Vec<bool>,
}

impl<'a> Sweeps<'a> {
    fn new(layers: &'a Layers) -> Self {
        let slots = &layers.slots;
        let (mut before, mut after) = (vec![Vec::new(); slots.len()], vec![Vec::new(); slots.len()]);
        for segment in &layers.segments {
            // How far down the slot, so that links of one item keep the order of its ports.
            let part = |slot: usize, dy: f64| dy / slots[slot].height.max(1.0) - 0.5;
            before[segment.to].push((segment.from, part(segment.from, segment.from_dy)));
            after[segment.from].push((segment.to, part(segment.to, segment.to_dy)));
        }
        let mut rows = vec![Vec::new(); layers.count];
        for (slot, Slot { layer, .. }) in slots.iter().enumerate() {
            rows[*layer].push(slot);
        }
        let mut turns = vec![false; slots.len()];
        for item in slots.iter().filter_map(|slot| slot.beside) {
            turns[item] = true;
        }
        let mut sweeps = Self { layers, rows, place: vec![0.0; slots.len()], before, after, turns };
        for layer in 0..layers.count {
            let row = std::mem::take(&mut sweeps.rows[layer]);
            sweeps.rows[layer] = sweeps.with_turns(row);
            sweeps.number(layer);
        }
        sweeps
    }

    fn number(&mut self, layer: usize) {
        for (place, slot) in self.rows[layer].iter().enumerate() {
            self.place[*slot] = place as f64;
        }
    }

    fn sweep(&mut self, forwards: bool) {
        let count = self.layers.count;
        for step in 0..count {
            let layer = if forwards { step } else { count - 1 - step };
            let ends = if forwards { &self.before } else { &self.after };
            let wish = |slot: usize| {
                let ends = &ends[slot];
                if ends.is_empty() {
                    return self.place[slot];
                }
                ends.iter().map(|(other, part)| self.place[*other] + part).sum::<f64>() / ends.len() as f64
            };
            let mut row: Vec<_> = self.rows[layer].iter().map(|slot| (wish(*slot), *slot)).collect();
            row.sort_by(|a, b| a.0.total_cmp(&b.0));
            let row: Vec<_> = row.into_iter().map(|(_, slot)| slot).collect();
            self.rows[layer] = self.with_turns(row);
            self.number(layer);
        }
    }

    /// Puts the places where links turn back right below the items they turn at.
    fn with_turns(&self, row: Vec<usize>) -> Vec<usize> {
        if !row.iter().any(|slot| self.layers.slots[*slot].beside.is_some()) {
            return row;
        }
        let mut below: FxHashMap<usize, Vec<usize>> = FxHashMap::default();
        for slot in &row {
            if let Some(item) = self.layers.slots[*slot].beside {
                below.entry(item).or_default().push(*slot);
            }
        }
        let mut sorted = Vec::with_capacity(row.len());
        for slot in row.into_iter().filter(|slot| self.layers.slots[*slot].beside.is_none()) {
            sorted.push(slot);
            sorted.extend(below.remove(&slot).unwrap_or_default());
        }
        sorted
    }

    /// Whether two neighbours may change places: not where a link turns at one of them.
    fn may_swap(&self, upper: usize, lower: usize) -> bool {
        [upper, lower].iter().all(|slot| self.layers.slots[*slot].beside.is_none() && !self.turns[*slot])
    }

    /// Swaps neighbours wherever that removes crossings.
    fn swap_neighbours(&mut self) {
        const TOO_WIDE: usize = 400;
        for layer in 0..self.layers.count {
            if self.rows[layer].len() > TOO_WIDE {
                continue;
            }
            for place in 1..self.rows[layer].len() {
                let (upper, lower) = (self.rows[layer][place - 1], self.rows[layer][place]);
                let crossings = |upper: usize, lower: usize| {
                    self.pairs(&self.before, upper, lower) + self.pairs(&self.after, upper, lower)
                };
                if self.may_swap(upper, lower) && crossings(lower, upper) < crossings(upper, lower) {
                    self.rows[layer].swap(place - 1, place);
                }
            }
            self.number(layer);
        }
    }

    /// Crossings between the segments of two slots, one above the other, on one side.
    fn pairs(&self, ends: &Ends, upper: usize, lower: usize) -> usize {
        let at = |(slot, part): &(usize, f64)| self.place[*slot] + part;
        let above = |end: &(usize, f64)| ends[lower].iter().filter(|other| at(other) < at(end)).count();
        ends[upper].iter().map(above).sum()
    }

    /// Crossings in the whole drawing, counted with a tree of sums in n log n.
    fn crossings(&self) -> usize {
        let mut gaps = vec![Vec::new(); self.layers.count];
        for segment in &self.layers.segments {
            let from = self.place[segment.from] + segment.from_dy / 1e4;
            let to = self.place[segment.to] + segment.to_dy / 1e4;
            gaps[self.layers.slots[segment.from].layer].push((from, to));
        }
        gaps.into_iter().map(inversions).sum()
    }
}

fn inversions(mut ends: Vec<(f64, f64)>) -> usize {
    ends.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1)));
    let mut targets: Vec<_> = ends.iter().map(|(_, to)| *to).collect();
    targets.sort_by(f64::total_cmp);
    targets.dedup();
    let mut sums = vec![0_usize; targets.len() + 1];
    let mut found = 0;
    for (seen, (_, to)) in ends.iter().enumerate() {
        let place = targets.partition_point(|target| target < to) + 1;
        let (mut at, mut not_above) = (place, 0);
        while at > 0 {
            not_above += sums[at];
            at &= at - 1;
        }
        found += seen - not_above;
        let mut at = place;
        while at < sums.len() {
            sums[at] += 1;
            at += at & at.wrapping_neg();
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::inversions;

    #[test]
    fn crossings_are_counted() {
        assert_eq!(inversions(vec![(0.0, 1.0), (1.0, 0.0)]), 1);
        assert_eq!(inversions(vec![(0.0, 0.0), (1.0, 1.0), (1.0, 2.0)]), 0);
        assert_eq!(inversions(vec![(0.0, 2.0), (1.0, 1.0), (2.0, 0.0)]), 3);
        assert_eq!(inversions(vec![(0.0, 1.0), (1.0, 1.0)]), 0, "links into one port do not cross");
    }
}
