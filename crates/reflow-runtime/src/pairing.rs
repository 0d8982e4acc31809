//! Which inports of pairing nodes descend from one source, and which nodes need to know what packets descend from.

use std::sync::Arc;

use petgraph::algo::dominators::simple_fast;
use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::{FxHashMap, FxHashSet};

/// A set of sources that is larger than this counts as unlike every other.
const MAX_SOURCES: usize = 256;

/// The connections of a network, as far as origins go.
#[derive(Debug, Default)]
pub(crate) struct Shape {
    pub(crate) nodes: usize,
    /// From which node to which, and to which of its inports.
    pub(crate) edges: Vec<(u32, u32, u16)>,
    /// Nodes that bring packets into the network which descend from no other.
    pub(crate) sources: FxHashSet<u32>,
    /// Inports that packets from outside come to beside those of connections.
    pub(crate) doors: FxHashSet<(u32, u16)>,
    /// Inports whose packets say nothing about what a tick descends from: they are remembered.
    pub(crate) remembered: FxHashSet<(u32, u16)>,
}

/// What is known of the sources behind the inports of a network.
#[derive(Debug)]
pub(crate) struct Sources {
    /// By node; `None` when there are too many.
    sets: Vec<Set>,
    /// Nodes that can reach themselves.
    rings: Vec<bool>,
    incoming: FxHashMap<(u32, u16), Vec<u32>>,
    doors: FxHashSet<(u32, u16)>,
}

type Set = Option<Arc<[u32]>>;

impl Sources {
    pub(crate) fn of(shape: &Shape) -> Self {
        let mut graph = DiGraph::<(), ()>::with_capacity(shape.nodes, shape.edges.len());
        for _ in 0..shape.nodes {
            graph.add_node(());
        }
        let mut incoming: FxHashMap<(u32, u16), Vec<u32>> = FxHashMap::default();
        for (from, to, port) in &shape.edges {
            if !shape.remembered.contains(&(*to, *port)) {
                graph.add_edge(NodeIndex::new(*from as usize), NodeIndex::new(*to as usize), ());
            }
            incoming.entry((*to, *port)).or_default().push(*from);
        }
        let mut sets: Vec<Set> = vec![Some(Arc::from([])); shape.nodes];
        let mut rings = vec![false; shape.nodes];
        // Components come with the last ones first, so what is before a node is known when its turn comes.
        for members in tarjan_scc(&graph).into_iter().rev() {
            let ring = members.len() > 1 || graph.contains_edge(members[0], members[0]);
            let inside: FxHashSet<_> = members.iter().copied().collect();
            let mut set: Set = Some(Arc::from([]));
            for member in &members {
                if shape.sources.contains(&(member.index() as u32)) {
                    set = union(&set, &Some(Arc::from([member.index() as u32])));
                }
                for before in graph.neighbors_directed(*member, petgraph::Incoming) {
                    if !inside.contains(&before) {
                        set = union(&set, &sets[before.index()]);
                    }
                }
            }
            for member in members {
                sets[member.index()].clone_from(&set);
                rings[member.index()] = ring;
            }
        }
        Self { sets, rings, incoming, doors: shape.doors.clone() }
    }

    /// The sources of what comes to an inport; `None` when they are not known, or none, or too many.
    pub(crate) fn behind(&self, node: u32, port: u16) -> Set {
        if self.doors.contains(&(node, port)) {
            return None;
        }
        let before = self.incoming.get(&(node, port))?;
        let none: Arc<[u32]> = Arc::from([]);
        let set = before.iter().try_fold(none, |set, from| union(&Some(set), &self.sets[*from as usize]));
        set.filter(|set| !set.is_empty())
    }

    /// Whether packets of the node can come back to it.
    pub(crate) fn is_on_ring(&self, node: u32) -> bool {
        self.rings[node as usize]
    }

    /// Those of a node's inports that descend from the same sources, in groups of two and more.
    pub(crate) fn groups(&self, node: u32, ports: impl IntoIterator<Item = u16>) -> Vec<Vec<u16>> {
        if self.is_on_ring(node) {
            return Vec::new();
        }
        let mut groups: Vec<(Arc<[u32]>, Vec<u16>)> = Vec::new();
        for port in ports {
            let Some(set) = self.behind(node, port) else { continue };
            match groups.iter_mut().find(|(known, _)| *known == set) {
                Some((_, group)) => group.push(port),
                None => groups.push((set, vec![port])),
            }
        }
        groups.into_iter().map(|(_, ports)| ports).filter(|ports| ports.len() > 1).collect()
    }

    /// Pairs of a node's inports that have a source in common, but not only the node right before them.
    pub(crate) fn parting(&self, node: u32, ports: impl IntoIterator<Item = u16>) -> Vec<(u16, u16)> {
        let known: Vec<_> = ports.into_iter().filter_map(|port| Some((port, self.behind(node, port)?))).collect();
        let mut pairs = Vec::new();
        if self.is_on_ring(node) {
            return pairs;
        }
        for (at, (one, set)) in known.iter().enumerate() {
            let partner = known[at + 1..].iter().find(|(other, others)| {
                let direct = self.before(node, *one) == self.before(node, *other) && self.before(node, *one).len() == 1;
                !direct && set.iter().any(|source| others.binary_search(source).is_ok())
            });
            pairs.extend(partner.map(|(other, _)| (*one, *other)));
        }
        pairs
    }

    /// The nodes right before an inport.
    pub(crate) fn before(&self, node: u32, port: u16) -> &[u32] {
        self.incoming.get(&(node, port)).map_or(&[], Vec::as_slice)
    }
}

/// Whether each node is one of these or leads to one.
pub(crate) fn leading_to(shape: &Shape, needing: impl IntoIterator<Item = u32>) -> Vec<bool> {
    let mut before: Vec<Vec<u32>> = vec![Vec::new(); shape.nodes];
    for (from, to, _) in &shape.edges {
        before[*to as usize].push(*from);
    }
    let mut leads = vec![false; shape.nodes];
    let mut next: Vec<u32> = needing.into_iter().collect();
    while let Some(node) = next.pop() {
        if !std::mem::replace(&mut leads[node as usize], true) {
            next.extend(&before[node as usize]);
        }
    }
    leads
}

/// For each group of inports that are paired, by node, where the packets that meet there part: the last node that all of them come
/// through and that may give several for one, if that is no source. Those have to be told apart. `may_fork` says of which nodes
/// that can be.
pub(crate) fn forks(shape: &Shape, groups: &[Vec<Vec<u16>>], may_fork: impl Fn(u32) -> bool) -> Vec<Vec<Option<u32>>> {
    let none: Vec<Vec<_>> = groups.iter().map(|groups| vec![None; groups.len()]).collect();
    if groups.iter().all(Vec::is_empty) {
        return none;
    }
    let mut graph = DiGraph::<(), ()>::with_capacity(shape.nodes + 1, shape.edges.len());
    let nodes: Vec<_> = (0..shape.nodes).map(|_| graph.add_node(())).collect();
    let outside = graph.add_node(());
    let mut fed: FxHashSet<u32> = shape.doors.iter().map(|(node, _)| *node).collect();
    let mut incoming: FxHashMap<(u32, u16), Vec<u32>> = FxHashMap::default();
    for (from, to, port) in &shape.edges {
        incoming.entry((*to, *port)).or_default().push(*from);
        if !shape.remembered.contains(&(*to, *port)) {
            fed.insert(*to);
            graph.add_edge(nodes[*from as usize], nodes[*to as usize], ());
        }
    }
    for source in &shape.sources {
        graph.add_edge(outside, nodes[*source as usize], ());
    }
    let dominators = simple_fast(&graph, outside);
    let through = |node: u32| dominators.dominators(nodes[node as usize]).map(Iterator::collect::<Vec<_>>);
    let fork = |node: u32, ports: &[u16]| {
        let mut before = ports.iter().filter_map(|port| incoming.get(&(node, *port))).flatten();
        let mut common = through(*before.next()?)?;
        for from in before {
            let others = through(*from)?;
            common.retain(|node| others.contains(node));
        }
        let mut candidates = common.into_iter().take_while(|place| *place != outside).map(|place| place.index() as u32);
        candidates.find(|node| fed.contains(node) && may_fork(*node))
    };
    let of_node = |(node, groups): (u32, &Vec<Vec<u16>>)| groups.iter().map(|ports| fork(node, ports)).collect();
    (0..).zip(groups).map(of_node).collect()
}

/// The joins of a network: which inports belong together, and what comes after what.
pub(crate) struct Joins {
    /// The group of an inport, where it is one of several that are paired.
    grouped: FxHashMap<(u32, u16), (u32, usize)>,
    after: Vec<Vec<(u32, u16)>>,
    remembered: FxHashSet<(u32, u16)>,
}

impl Joins {
    /// The joins behind these groups of inports by node; `None` if there are none.
    pub(crate) fn of(shape: &Shape, groups: &[Vec<Vec<u16>>]) -> Option<Self> {
        let of_node = |(node, groups): (u32, &Vec<Vec<u16>>)| {
            let of_group = |(at, ports): (usize, &Vec<u16>)| {
                ports.iter().map(move |port| ((node, *port), (node, at))).collect::<Vec<_>>()
            };
            groups.iter().enumerate().flat_map(of_group).collect::<Vec<_>>()
        };
        let grouped: FxHashMap<_, _> = (0..).zip(groups).flat_map(of_node).collect();
        if grouped.is_empty() {
            return None;
        }
        let mut after = vec![Vec::new(); shape.nodes];
        for (from, to, port) in &shape.edges {
            after[*from as usize].push((*to, *port));
        }
        Some(Self { grouped, after, remembered: shape.remembered.clone() })
    }

    /// The outports of a node whose packets come to different inports of one join, given the inports that they lead to: in groups
    /// of those that meet each other.
    pub(crate) fn meeting(&self, outports: &[Vec<(u32, u16)>]) -> Vec<Vec<u16>> {
        if outports.iter().filter(|inports| !inports.is_empty()).count() < 2 {
            return Vec::new();
        }
        let reached: Vec<_> = outports.iter().map(|inports| self.reached(inports)).collect();
        let meets = |one: &FxHashMap<(u32, usize), Vec<u16>>, other: &FxHashMap<(u32, usize), Vec<u16>>| {
            one.iter().any(|(group, ports)| other.get(group).is_some_and(|others| others != ports))
        };
        let mut groups: Vec<Vec<usize>> = Vec::new();
        for at in 0..reached.len() {
            let is_met = |group: &mut Vec<usize>| group.iter().any(|other| meets(&reached[at], &reached[*other]));
            let mut group: Vec<usize> = groups.extract_if(.., is_met).flatten().collect();
            group.push(at);
            groups.push(group);
        }
        let numbers = |group: Vec<usize>| group.into_iter().map(|at| at as u16).collect();
        groups.into_iter().filter(|group| group.len() > 1).map(numbers).collect()
    }

    /// The inports of joins that packets come to from there, by group.
    fn reached(&self, from: &[(u32, u16)]) -> FxHashMap<(u32, usize), Vec<u16>> {
        let mut reached: FxHashMap<(u32, usize), Vec<u16>> = FxHashMap::default();
        let mut seen: FxHashSet<(u32, u16)> = FxHashSet::default();
        let mut nodes: FxHashSet<u32> = FxHashSet::default();
        let mut next = from.to_vec();
        while let Some(inport) = next.pop() {
            if self.remembered.contains(&inport) || !seen.insert(inport) {
                continue;
            }
            if let Some(group) = self.grouped.get(&inport) {
                reached.entry(*group).or_default().push(inport.1);
            }
            if nodes.insert(inport.0) {
                next.extend(&self.after[inport.0 as usize]);
            }
        }
        reached.values_mut().for_each(|ports| ports.sort_unstable());
        reached
    }
}

fn union(one: &Set, other: &Set) -> Set {
    let (one, other) = (one.as_ref()?, other.as_ref()?);
    if other.is_empty() || Arc::ptr_eq(one, other) || one == other {
        return Some(Arc::clone(one));
    }
    if one.is_empty() {
        return Some(Arc::clone(other));
    }
    let mut all: Vec<u32> = one.iter().chain(other.iter()).copied().collect();
    all.sort_unstable();
    all.dedup();
    (all.len() <= MAX_SOURCES).then(|| all.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(nodes: usize, edges: &[(u32, u32, u16)], sources: &[u32]) -> Shape {
        let (edges, sources) = (edges.to_vec(), sources.iter().copied().collect());
        Shape { nodes, edges, sources, ..Shape::default() }
    }

    #[test]
    fn branches_of_one_source_belong_together() {
        // 0 -> 1 -> 3.0, 0 -> 2 -> 3.1, 4 -> 3.2
        let shape = shape(5, &[(0, 1, 0), (0, 2, 0), (1, 3, 0), (2, 3, 1), (4, 3, 2)], &[0, 4]);
        let sources = Sources::of(&shape);
        assert_eq!(sources.groups(3, 0..3), [vec![0, 1]]);
        assert_eq!(leading_to(&shape, [3]), [true; 5]);
        assert_eq!(leading_to(&shape, [1]), [true, true, false, false, false]);
    }

    #[test]
    fn two_sources_that_feed_both_branches_are_as_good_as_one() {
        let edges = [(0, 2, 0), (0, 3, 0), (1, 2, 0), (1, 3, 0), (2, 4, 0), (3, 4, 1)];
        assert_eq!(Sources::of(&shape(5, &edges, &[0, 1])).groups(4, 0..2), [vec![0, 1]]);
        // Here one of them feeds one branch only.
        assert!(Sources::of(&shape(5, &edges[..3], &[0, 1])).groups(4, 0..2).is_empty());
        let one_sided = [(0, 2, 0), (0, 3, 0), (1, 3, 0), (2, 4, 0), (3, 4, 1)];
        assert!(Sources::of(&shape(5, &one_sided, &[0, 1])).groups(4, 0..2).is_empty());
    }

    #[test]
    fn a_node_that_hears_itself_pairs_by_position_but_rings_before_it_do_not_matter() {
        // 0 -> 1.0, 1 -> 2 -> 1.1
        assert!(Sources::of(&shape(3, &[(0, 1, 0), (0, 1, 1), (1, 2, 0), (2, 1, 1)], &[0])).groups(1, 0..2).is_empty());
        // 0 -> 1 <-> 2, 1 -> 3.0, 0 -> 3.1
        let shape = shape(4, &[(0, 1, 0), (1, 2, 0), (2, 1, 0), (1, 3, 0), (0, 3, 1)], &[0]);
        assert_eq!(Sources::of(&shape).groups(3, 0..2), [vec![0, 1]]);
    }

    #[test]
    fn outports_meet_where_they_lead_to_different_inports_of_one_join() {
        // 0 -> 1.0 and 0 -> 2 -> 1.1; 3 hears the first outport of 0, too.
        let shape = shape(4, &[(0, 1, 0), (0, 2, 0), (2, 1, 1), (0, 3, 0)], &[0]);
        let joins = Joins::of(&shape, &[vec![], vec![vec![0, 1]], vec![], vec![]]).unwrap();
        assert_eq!(joins.meeting(&[vec![(1, 0), (3, 0)], vec![(2, 0)]]), [[0, 1]]);
        assert_eq!(joins.meeting(&[vec![(3, 0)], vec![(1, 0)], vec![(2, 0)]]), [[1, 2]]);
        // Whatever leads to both alike has its partner with it.
        assert!(joins.meeting(&[vec![(1, 0), (2, 0)], vec![(1, 0), (2, 0)]]).is_empty());
        assert!(joins.meeting(&[vec![(1, 0), (2, 0)]]).is_empty());
        assert!(Joins::of(&shape, &[vec![], vec![], vec![], vec![]]).is_none());
    }

    #[test]
    fn packets_part_at_the_last_node_that_all_of_them_come_through() {
        let always = |_: u32| true;
        // 0 -> 1 -> 2.0, 1 -> 3 -> 2.1; 2 -> 4.0, 0 -> 4.1
        let edges = [(0, 1, 0), (1, 2, 0), (1, 3, 0), (3, 2, 1), (2, 4, 0), (0, 4, 1)];
        let groups = [vec![], vec![], vec![vec![0, 1]], vec![], vec![vec![0, 1]]];
        let mut shape = shape(5, &edges, &[0]);
        let found = |shape: &Shape| forks(shape, &groups, always).concat();
        assert_eq!(found(&shape), [Some(1), None]);
        assert_eq!(forks(&shape, &groups, |node| node != 1).concat(), [None, None]);
        // A source that is fed from outside may give several for one packet, too.
        shape.doors.insert((0, 0));
        assert_eq!(found(&shape), [Some(1), Some(0)]);
        assert_eq!(forks(&shape, &groups, |node| node != 1).concat(), [Some(0), Some(0)]);
        // Another way in.
        shape.sources.insert(3);
        assert_eq!(found(&shape), [None, None]);
    }

    #[test]
    fn remembered_inports_and_doors_say_nothing() {
        let mut shape = shape(4, &[(0, 1, 0), (3, 1, 1), (1, 2, 0), (0, 2, 1)], &[0, 3]);
        assert!(Sources::of(&shape).groups(2, 0..2).is_empty());
        shape.remembered.insert((1, 1));
        assert_eq!(Sources::of(&shape).groups(2, 0..2), [vec![0, 1]]);
        shape.doors.insert((2, 1));
        assert!(Sources::of(&shape).groups(2, 0..2).is_empty());
    }
}
