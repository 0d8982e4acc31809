//! Which layer each item of a level is in, and how links run through the layers between.

use rustc_hash::FxHashMap;

use super::level::{End, Item, Link};

/// What stands in a layer: an item, or a place kept free for a link that runs through.
#[derive(Clone, Debug)]
pub(super) struct Slot {
    pub(super) layer: usize,
    pub(super) width: f64,
    pub(super) height: f64,
    /// The item; `None` for a place kept free.
    pub(super) item: Option<usize>,
    /// The item this free place should be next to, where a link turns back.
    pub(super) beside: Option<usize>,
}

/// A piece of a link between slots of neighbouring layers.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) from: usize,
    pub(super) from_dy: f64,
    pub(super) to: usize,
    pub(super) to_dy: f64,
}

/// Items and links spread over layers.
#[derive(Debug, Default)]
pub(super) struct Layers {
    pub(super) slots: Vec<Slot>,
    pub(super) segments: Vec<Segment>,
    /// The free places of each link, from its start to its end.
    pub(super) chains: Vec<Vec<usize>>,
    /// Whether each link runs backwards.
    pub(super) backwards: Vec<bool>,
    pub(super) count: usize,
    /// Free places that may still be taken: links beyond them are drawn straight from end to end.
    room: usize,
    /// Free places of the forward links from each port, by box and height.
    trunks: FxHashMap<(usize, u64), Vec<usize>>,
}

pub(super) const FREE_HEIGHT: f64 = 8.0;
/// A thousand links across a thousand layers would take a million places, and nobody could follow them.
const ROOM_A_LINK: usize = 16;
const SOME_ROOM: usize = 1_000;
const MOST_ROOM: usize = 50_000;

impl Layers {
    pub(super) fn new(items: &[Item], links: &[Link]) -> Self {
        let backwards = back_links(items.len(), links);
        let rank = ranks(items.len(), links, &backwards);
        let count = rank.iter().max().map_or(1, |last| last + 1);
        let slot = |(item, layer): (usize, &usize)| Slot {
            layer: *layer,
            width: items[item].width,
            height: items[item].height,
            item: Some(item),
            beside: None,
        };
        let slots = rank.iter().enumerate().map(slot).collect();
        let room = (ROOM_A_LINK * links.len() + SOME_ROOM).min(MOST_ROOM);
        let mut layers = Self { slots, count, room, chains: Vec::with_capacity(links.len()), ..Self::default() };
        for (link, backwards) in links.iter().zip(&backwards) {
            let chain = layers.chain(link, *backwards, &rank);
            layers.chains.push(chain);
        }
        layers.backwards = backwards;
        layers
    }

    /// Keeps places free for a link in every layer it runs through, and joins them.
    fn chain(&mut self, link: &Link, backwards: bool, rank: &[usize]) -> Vec<usize> {
        let start = link.from.item().map(|(item, _)| rank[item]);
        let end = link.to.item().map(|(item, _)| rank[item]);
        if backwards {
            // It turns round beside both ends, so it needs places in their layers as well.
            let (from, to) = (link.from.item().map(|(item, _)| item), link.to.item().map(|(item, _)| item));
            let (high, low) = (start.unwrap_or(0), end.unwrap_or(0));
            if !self.has_room(high - low + 1) {
                return Vec::new();
            }
            let chain: Vec<_> = (low..=high).rev().map(|layer| self.free(layer)).collect();
            if let (Some(first), Some(last)) = (chain.first(), chain.last()) {
                self.slots[*last].beside = to;
                self.slots[*first].beside = from;
            }
            for pair in chain.windows(2) {
                self.segments.push(Segment {
                    from: pair[1],
                    from_dy: FREE_HEIGHT / 2.0,
                    to: pair[0],
                    to_dy: FREE_HEIGHT / 2.0,
                });
            }
            return chain;
        }
        let first = start.map_or(0, |layer| layer + 1);
        let last = end.unwrap_or(self.count);
        if !self.has_room(last.saturating_sub(first)) {
            return Vec::new();
        }
        let chain = match link.from.item() {
            Some((item, dy)) => self.trunk(item, dy, first, last),
            None => self.lane(None, first, last),
        };
        let from = chain.last().map(|slot| (*slot, FREE_HEIGHT / 2.0)).or(link.from.item());
        if let (Some((from, from_dy)), Some((to, to_dy))) = (from, link.to.item()) {
            self.segments.push(Segment { from, from_dy, to, to_dy });
        }
        chain
    }

    /// Places for a link that starts at a box. Links from one port share theirs for as long as they run together.
    fn trunk(&mut self, item: usize, dy: f64, first: usize, last: usize) -> Vec<usize> {
        let key = (item, dy.to_bits());
        let mut trunk = self.trunks.remove(&key).unwrap_or_default();
        let reached = first + trunk.len();
        if reached < last {
            let end = trunk.last().map_or((item, dy), |slot| (*slot, FREE_HEIGHT / 2.0));
            trunk.extend(self.lane(Some(end), reached, last));
        }
        let chain = trunk[..last.saturating_sub(first)].to_vec();
        self.trunks.insert(key, trunk);
        chain
    }

    /// New places in the given layers, joined to each other and to what comes before.
    fn lane(&mut self, mut before: Option<(usize, f64)>, first: usize, last: usize) -> Vec<usize> {
        let mut lane = Vec::with_capacity(last.saturating_sub(first));
        for layer in first..last {
            let to = self.free(layer);
            if let Some((from, from_dy)) = before {
                self.segments.push(Segment { from, from_dy, to, to_dy: FREE_HEIGHT / 2.0 });
            }
            before = Some((to, FREE_HEIGHT / 2.0));
            lane.push(to);
        }
        lane
    }

    /// Takes room for so many places, if there is.
    fn has_room(&mut self, places: usize) -> bool {
        let left = self.room.checked_sub(places);
        self.room = left.unwrap_or(self.room);
        left.is_some()
    }

    fn free(&mut self, layer: usize) -> usize {
        self.slots.push(Slot { layer, width: 0.0, height: FREE_HEIGHT, item: None, beside: None });
        self.slots.len() - 1
    }
}

impl End {
    pub(super) fn item(&self) -> Option<(usize, f64)> {
        match *self {
            Self::Item { item, dy } => Some((item, dy)),
            Self::Border => None,
        }
    }
}

/// Where the search is with an item.
#[derive(Clone, Copy, PartialEq)]
enum Visit {
    New,
    Open,
    Done,
}

/// Links that close a cycle when items are visited depth-first, sources first.
fn back_links(items: usize, links: &[Link]) -> Vec<bool> {
    let mut outgoing = vec![Vec::new(); items];
    let mut incoming = vec![0_usize; items];
    for (position, link) in links.iter().enumerate() {
        if let (Some((from, _)), Some((to, _))) = (link.from.item(), link.to.item()) {
            outgoing[from].push((position, to));
            incoming[to] += usize::from(from != to);
        }
    }
    let mut visits = vec![Visit::New; items];
    let mut back = vec![false; links.len()];
    let mut starts: Vec<_> = (0..items).collect();
    starts.sort_by_key(|item| incoming[*item] > 0);
    for start in starts {
        if visits[start] != Visit::New {
            continue;
        }
        visits[start] = Visit::Open;
        let mut path = vec![(start, 0)];
        while let Some((item, next)) = path.last_mut() {
            let Some((link, target)) = outgoing[*item].get(*next).copied() else {
                visits[*item] = Visit::Done;
                path.pop();
                continue;
            };
            *next += 1;
            match visits[target] {
                Visit::Open => back[link] = true,
                Visit::New => {
                    visits[target] = Visit::Open;
                    path.push((target, 0));
                }
                Visit::Done => {}
            }
        }
    }
    back
}

/// Longest-path layers, with items that only send pulled to what they send to.
fn ranks(items: usize, links: &[Link], backwards: &[bool]) -> Vec<usize> {
    let mut outgoing = vec![Vec::new(); items];
    let mut waiting = vec![0_usize; items];
    for (link, backwards) in links.iter().zip(backwards) {
        if let (false, Some((from, _)), Some((to, _))) = (*backwards, link.from.item(), link.to.item()) {
            outgoing[from].push(to);
            waiting[to] += 1;
        }
    }
    let only_sends: Vec<_> = waiting.iter().map(|count| *count == 0).collect();
    let mut rank = vec![0; items];
    let mut sorted: Vec<_> = (0..items).filter(|item| waiting[*item] == 0).collect();
    let mut next = 0;
    while let Some(item) = sorted.get(next).copied() {
        next += 1;
        for &target in &outgoing[item] {
            rank[target] = rank[target].max(rank[item] + 1);
            waiting[target] -= 1;
            if waiting[target] == 0 {
                sorted.push(target);
            }
        }
    }
    for item in sorted.into_iter().rev().filter(|item| only_sends[*item]) {
        if let Some(nearest) = outgoing[item].iter().map(|target| rank[*target]).min() {
            rank[item] = nearest - 1;
        }
    }
    rank
}
