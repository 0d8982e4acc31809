//! Stalls: everything waits because of bounds. The rule is that of T. Parks, *Bounded Scheduling of Process Networks* (Berkeley,
//! 1995): when, and only when, nodes wait for each other in a circle of which at least one waits for room, raise the smallest
//! bound on that circle. Who waits for a packet that may still come from outside waits, however full the rest is.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use petgraph::algo::tarjan_scc;
use petgraph::graph::{DiGraph, NodeIndex};
use rustc_hash::FxHashMap;

use crate::event::{Event, FailedAttempt};
use crate::failure::Failure;
use crate::run::Run;

/// A connection is not widened beyond this: a graph that needs more makes packets faster than it takes them.
const MAX_WIDENED: usize = 1 << 20;

/// What can be done about a stall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stall {
    /// Something moves again, or will when a listener comes back.
    Resolved,
    /// Nothing moves until something comes from outside.
    Starved,
}

/// A full connection that somebody waits for.
#[derive(Clone, Copy)]
struct Full {
    target: u32,
    link: u32,
    capacity: usize,
    /// How many wait for it.
    waiting: usize,
    /// The node that it comes from; none for what comes from outside.
    source: Option<u32>,
}

impl Run {
    pub(crate) fn resolve_stall(&self) -> Stall {
        let full = self.full_connections();
        if full.is_empty() {
            // Every wait is for a listener, who may come back any time.
            return Stall::Resolved;
        }
        let circle = self.circles(&full);
        let outside = circle[self.nodes.len()];
        let at = |full: &Full| {
            (circle[full.source.map_or(self.nodes.len(), |node| node as usize)], circle[full.target as usize])
        };
        let on_circle = |full: &&Full| matches!(at(full), (Some(from), Some(to)) if from == to);
        let smallest = full.iter().filter(on_circle).min_by_key(|full| full.capacity);
        match smallest {
            Some(full) if full.capacity * 2 <= MAX_WIDENED => self.widen(full),
            // Whoever feeds a network one port after the other, far ahead, has to wait.
            Some(full) if outside.is_some() && at(full).0 == outside => return Stall::Starved,
            Some(full) => self.give_up(full),
            // Somebody waits for a listener, and others behind them.
            None if self.activity.blocked() > full.iter().map(|full| full.waiting).sum() => {}
            None if self.rings_ended.load(Ordering::Acquire) => match full.iter().min_by_key(|full| full.capacity) {
                Some(full) if full.capacity * 2 <= MAX_WIDENED => self.widen(full),
                Some(full) => self.give_up(full),
                None => {}
            },
            None => return Stall::Starved,
        }
        Stall::Resolved
    }

    fn full_connections(&self) -> Vec<Full> {
        let mut all = Vec::new();
        for (target, node) in (0_u32..).zip(&self.nodes) {
            for (link, capacity, waiting) in node.mailbox.blocked_links() {
                all.push(Full { target, link, capacity, waiting, source: None });
            }
        }
        let at: FxHashMap<_, _> = all.iter().map(|full| (full.target, full.link)).zip(0_usize..).collect();
        for (source, node) in (0_u32..).zip(&self.nodes) {
            for route in node.routes.iter().flatten() {
                if let Some(full) = at.get(&(route.target, route.link)) {
                    all[*full].source = Some(source);
                }
            }
        }
        all
    }

    /// Who waits for each other: nodes with the same number do. The last number is that of the outside.
    fn circles(&self, full: &[Full]) -> Vec<Option<usize>> {
        let outside = self.nodes.len();
        let mut waits = DiGraph::<(), ()>::with_capacity(outside + 1, outside + 1);
        let indices: Vec<_> = (0..=outside).map(|_| waits.add_node(())).collect();
        let mut for_room = vec![false; outside];
        for full in full {
            let source = full.source.map_or(outside, |node| node as usize);
            if let Some(blocked) = for_room.get_mut(source) {
                *blocked = true;
            }
            waits.add_edge(indices[source], indices[full.target as usize], ());
        }
        // Everybody else waits for packets.
        let starved: Vec<_> = self.nodes.iter().map(|node| node.mailbox.starved_links()).collect();
        for (source, node) in self.nodes.iter().enumerate() {
            for route in node.routes.iter().flatten() {
                let target = route.target as usize;
                // A node that waits for partners has no use for what it has.
                let starves = starved[target][route.link as usize] || self.nodes[target].join != 0;
                if !for_room[target] && starves && !self.nodes[target].sleeper.is_blocked() {
                    waits.add_edge(indices[target], indices[source], ());
                }
            }
            // One that waits for whoever reads its packets needs none.
            if !for_room[source] && self.outside_may_send(node) && !node.sleeper.is_blocked() {
                waits.add_edge(indices[source], indices[outside], ());
            }
        }
        circles(&waits)
    }

    /// Nodes that can reach themselves, each with the number of its ring.
    pub(crate) fn nodes_on_rings(&self) -> Vec<Option<usize>> {
        let mut graph = DiGraph::<(), ()>::with_capacity(self.nodes.len(), self.nodes.len());
        let indices: Vec<_> = self.nodes.iter().map(|_| graph.add_node(())).collect();
        for (from, node) in self.nodes.iter().enumerate() {
            for route in node.routes.iter().flatten() {
                graph.add_edge(indices[from], indices[route.target as usize], ());
            }
        }
        circles(&graph)
    }

    fn widen(&self, full: &Full) {
        let target = &self.nodes[full.target as usize];
        let widened_to = full.capacity * 2;
        let (actor, port) = (Arc::clone(&target.id), self.port_of(full));
        self.events.emit(Event::NetworkStalled { actor, port, capacity: full.capacity, widened_to });
        target.mailbox.widen(full.link, widened_to);
    }

    fn give_up(&self, full: &Full) {
        let target = &self.nodes[full.target as usize];
        let text = format!(
            "stalled: inport `{}` holds {} packets and the nodes on its circle still wait for room; they make packets faster \
             than they take them",
            self.port_of(full),
            full.capacity
        );
        self.fail(FailedAttempt {
            actor: Arc::clone(&target.id),
            component: Arc::clone(&target.component),
            failure: Failure::new(text).with_reason("stalled"),
            attempt: 1,
            tick: 0,
            inputs: Vec::new(),
            will_retry: false,
        });
        self.failed.store(true, Ordering::Release);
        self.cancel("stalled");
    }

    fn port_of(&self, full: &Full) -> Arc<str> {
        let target = &self.nodes[full.target as usize];
        target.inport_of(full.link)
    }
}

/// The circles of a graph: for each node the number of the one that it is on.
fn circles(graph: &DiGraph<(), ()>) -> Vec<Option<usize>> {
    let mut on = vec![None; graph.node_count()];
    for (number, members) in tarjan_scc(graph).into_iter().enumerate() {
        let first: NodeIndex = members[0];
        if members.len() > 1 || graph.contains_edge(first, first) {
            for member in members {
                on[member.index()] = Some(number);
            }
        }
    }
    on
}
