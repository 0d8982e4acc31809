//! Which nodes can ever run.
//!
//! Packets are followed from where they come in: initials, graph inports and nodes that need no input. A node runs once
//! one of its ports has got a packet, or all it waits for have. What this never reaches cannot run.

use petgraph::graph::NodeIndex;
use petgraph::visit::EdgeRef;
use rustc_hash::FxHashSet;

use super::Check;
use crate::{Code, Diagnostic, Direction, Name, Place, Topology};

/// What a node still waits for.
struct Waiting {
    /// Inports without which it does not run; empty if any packet will do.
    needs: FxHashSet<Name>,
    runs: bool,
    /// Whether a finding says already why it does not run.
    explained: bool,
}

/// The inports that a connection, an initial or a graph port leads to, by the place of their node.
#[derive(Default)]
struct Fed {
    ports: FxHashSet<(usize, Name)>,
    nodes: Vec<bool>,
}

impl Check<'_> {
    pub(super) fn liveness(&mut self) {
        let export = self.export;
        let topology = Topology::new(export);
        let fed = self.fed_ports(&topology);
        let mut waiting: Vec<Waiting> = Vec::with_capacity(export.processes.len());
        for (place, node) in export.processes.keys().enumerate() {
            waiting.push(self.waiting(place, node, &fed));
        }

        let mut running: Vec<_> = topology.graph.node_indices().filter(|node| waiting[node.index()].runs).collect();
        let mut arrive = |index: NodeIndex, port: Name, running: &mut Vec<_>| {
            let waits: &mut Waiting = &mut waiting[index.index()];
            waits.needs.remove(&port);
            if waits.needs.is_empty() && !std::mem::replace(&mut waits.runs, true) {
                running.push(index);
            }
        };
        let initials = export.initials().map(|initial| (&initial.to.node_id, initial.inport()));
        let inports = export.inports.values().map(|edge| (&edge.node_id, edge.inner_port()));
        for (node, port) in initials.chain(inports) {
            if let Some(index) = topology.index.get(node) {
                arrive(*index, self.folded(port), &mut running);
            }
        }
        while let Some(node) = running.pop() {
            for edge in topology.graph.edges(node) {
                arrive(edge.target(), self.folded(&export.connections[*edge.weight()].to.port_id), &mut running);
            }
        }
        self.report_stuck(&topology, &waiting);
    }

    fn fed_ports(&self, topology: &Topology) -> Fed {
        let mut fed = Fed { nodes: vec![false; topology.graph.node_count()], ..Fed::default() };
        let ends = self.export.connections.iter().map(|connection| (&connection.to.node_id, &connection.to.port_id));
        let ports = self.export.inports.values().map(|edge| (&edge.node_id, edge.inner_port()));
        for (node, port) in ends.chain(ports) {
            if let Some(index) = topology.index.get(node) {
                fed.ports.insert((index.index(), self.folded(port)));
                fed.nodes[index.index()] = true;
            }
        }
        fed
    }

    /// What a node waits for at the start. Reports ports it waits for in vain; those are not counted again.
    fn waiting(&mut self, place: usize, node: &Name, fed: &Fed) -> Waiting {
        let Some(component) = self.component_of(node).map(|known| &known.info) else {
            return Waiting { needs: FxHashSet::default(), runs: true, explained: true };
        };
        // What takes no input is a source; what may take some, but gets none, is meant as one.
        let runs = component.inports.is_empty() && (!component.open_ports || !fed.nodes[place]);
        let mut needs = FxHashSet::default();
        let mut unfed = Vec::new();
        for port in component.inports.iter().filter(|port| port.required || component.await_all) {
            let name = (place, self.folded(&port.name));
            if fed.ports.contains(&name) {
                needs.insert(name.1);
            } else {
                unfed.push(port.name.clone());
            }
        }
        let (all, explained) = (component.await_all, !unfed.is_empty());
        for port in unfed {
            let place = Place::Port { node: node.clone(), direction: Direction::In, port };
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

    fn report_stuck(&mut self, topology: &Topology, waiting: &[Waiting]) {
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
        for node in topology.graph.node_weights() {
            let Waiting { runs, explained, .. } = &waiting[topology.index[node].index()];
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
