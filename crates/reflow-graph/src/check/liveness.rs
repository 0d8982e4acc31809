//! Which nodes can ever run.
//!
//! Packets are followed from where they come in: initials, graph inports and nodes that need no input. A node runs once
//! one of its ports has got a packet, or all it waits for have. What this never reaches cannot run.

use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;
use rustc_hash::FxHashSet;

use super::Check;
use crate::{Code, Diagnostic, Direction, Name, Place};

/// What a node still waits for.
struct Waiting {
    /// Inports without which it does not run; empty if any packet will do.
    needs: FxHashSet<Name>,
    runs: bool,
    /// Whether a finding says already why it does not run.
    explained: bool,
}

/// What connections, initials and graph ports lead to.
#[derive(Default)]
struct Fed {
    /// Inports of nodes that do not run without some of theirs.
    ports: FxHashSet<(NodeIndex, Name)>,
    nodes: Vec<bool>,
}

impl Check<'_> {
    pub(super) fn liveness(&mut self) {
        let (export, topology) = (self.export, &self.resolved.topology);
        let fed = self.fed_ports();
        let mut waiting: Vec<Waiting> = Vec::with_capacity(export.processes.len());
        for node in topology.graph.node_indices() {
            waiting.push(self.waiting(node, &fed));
        }

        let mut running: Vec<_> = topology.graph.node_indices().filter(|node| waiting[node.index()].runs).collect();
        let mut arrive = |index: NodeIndex, port: &Name, running: &mut Vec<_>| {
            let waits: &mut Waiting = &mut waiting[index.index()];
            if !waits.needs.is_empty() {
                waits.needs.remove(&self.folded(port));
            }
            if waits.needs.is_empty() && !std::mem::replace(&mut waits.runs, true) {
                running.push(index);
            }
        };
        for (node, port) in self.entries(true) {
            arrive(node, port, &mut running);
        }
        while let Some(node) = running.pop() {
            for edge in topology.graph.edges(node) {
                arrive(edge.target(), &export.connections[*edge.weight()].to.port_id, &mut running);
            }
        }
        self.report_stuck(&waiting);
    }

    /// Inports that packets come in by: with `from_outside` those of initials and of the graph, else those of connections, too.
    fn entries(&self, from_outside: bool) -> impl Iterator<Item = (NodeIndex, &Name)> {
        let of_connections = self.connections_with_ends().filter_map(move |(connection, ends)| {
            let port = if connection.is_initial() { connection.inport() } else { &connection.to.port_id };
            (!from_outside || connection.is_initial()).then_some((ends.to?, port))
        });
        let inports = self.export.inports.values();
        of_connections.chain(inports.filter_map(|edge| Some((self.resolved.node(&edge.node_id)?, edge.inner_port()))))
    }

    fn fed_ports(&self) -> Fed {
        let mut fed = Fed { nodes: vec![false; self.export.processes.len()], ..Fed::default() };
        for (node, port) in self.entries(false) {
            fed.nodes[node.index()] = true;
            if self.resolved.components.get(node).is_some_and(|component| component.awaited().next().is_some()) {
                fed.ports.insert((node, self.folded(port)));
            }
        }
        fed
    }

    /// What a node waits for at the start. Reports ports it waits for in vain; those are not counted again.
    fn waiting(&mut self, node: NodeIndex, fed: &Fed) -> Waiting {
        let Some(known) = self.resolved.components.get(node) else {
            return Waiting { needs: FxHashSet::default(), runs: true, explained: true };
        };
        let component = &known.info;
        // What takes no input is a source; what may take some, but gets none, is meant as one.
        let runs = component.inports.is_empty() && (!component.open_ports || !fed.nodes[node.index()]);
        let mut needs = FxHashSet::default();
        let mut unfed = Vec::new();
        for port in known.awaited() {
            let name = (node, self.folded(&port.name));
            if fed.ports.contains(&name) {
                needs.insert(name.1);
            } else {
                unfed.push(port.name.clone());
            }
        }
        let (all, explained) = (component.await_all, !unfed.is_empty());
        for port in unfed {
            let place = Place::Port { node: self.id_of(node), direction: Direction::In, port };
            let message = if all {
                "nothing is connected to it, and the node runs only when every inport has a packet"
            } else {
                "nothing is connected to it, and the node does not run without it"
            };
            let hint = Some("connect it, or give it an initial");
            self.report(Diagnostic::new(Code::UnconnectedPort, place, message).with_hint(hint));
        }
        Waiting { needs, runs, explained }
    }

    fn id_of(&self, node: NodeIndex) -> Name {
        self.resolved.topology.graph[node].clone()
    }

    fn report_stuck(&mut self, waiting: &[Waiting]) {
        let topology = &self.resolved.topology;
        let mut on_cycle = FxHashSet::default();
        for cycle in topology.cycles() {
            let stuck = |node: &Name| !waiting[topology.index[node].index()].runs;
            if !cycle.iter().all(stuck) {
                continue;
            }
            on_cycle.extend(cycle.iter().cloned());
            let first = cycle[0].clone();
            let names: Vec<_> = cycle.iter().take(6).map(|node| format!("`{node}`")).collect();
            let more = if cycle.len() > names.len() {
                format!(" and {} more", cycle.len() - names.len())
            } else {
                String::new()
            };
            let message = if cycle.len() == 1 {
                "waits for its own packets".to_owned()
            } else {
                format!("{}{more} wait for each other's packets", names.join(", "))
            };
            let hint = Some(format!("give one of them an initial, for example `{first}`"));
            self.report(Diagnostic::new(Code::StarvedCycle, Place::Node { node: first }, message).with_hint(hint));
        }
        for (Waiting { runs, explained, .. }, node) in waiting.iter().zip(topology.graph.node_weights()) {
            if *runs || *explained || on_cycle.contains(node) {
                continue;
            }
            let place = Place::Node { node: node.clone() };
            let hint = Some("connect it to a node that runs, or give it an initial");
            self.report(
                Diagnostic::new(Code::UnreachableNode, place, "no packet can ever make it run").with_hint(hint),
            );
        }
    }
}
