//! The dissolving itself: first the tree of instances, then everything in them.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::level::{Became, Level};
use super::{Flat, Instance, SubgraphDefinition, Subgraphs};
use crate::suggest::did_you_mean;
use crate::{Code, Connection, Diagnostic, Direction, Edge, Error, GraphExport, Group, Name, Place, Process, Result};

/// Nesting beyond this is taken for a recursion that hides behind changing scopes.
const DEEPEST: usize = 1_000;

/// Findings after which unknown nodes get no suggestion any more.
const ENOUGH_HINTS: usize = 20;

struct Flattening<'a> {
    levels: Vec<Level>,
    outermost: &'a dyn Subgraphs,
    found: Vec<Diagnostic>,
    flat: Flat,
    initials: Vec<Connection>,
}

pub(super) fn flatten(export: &GraphExport, subgraphs: &dyn Subgraphs) -> Result<Flat> {
    let outer = Level::new(SubgraphDefinition::new(export.clone()));
    let mut flattening = Flattening {
        levels: vec![outer],
        outermost: subgraphs,
        found: Vec::new(),
        flat: Flat { export: export.clone(), ..Flat::default() },
        initials: Vec::new(),
    };
    flattening.flat.export.processes.clear();
    flattening.flat.export.connections.clear();
    flattening.flat.export.groups.clear();
    flattening.expand();
    // With both kinds within, names are folded here and now exact.
    let folds = |level: &Level| !level.export.case_sensitive;
    flattening.flat.export.case_sensitive = !flattening.levels.iter().all(folds);
    for level in 0..flattening.levels.len() {
        flattening.connect(level);
        flattening.group(level);
    }
    flattening.expose();
    flattening.finish()
}

impl Flattening<'_> {
    /// Makes the tree of instances, and the flat nodes.
    fn expand(&mut self) {
        let mut current = 0;
        while current < self.levels.len() {
            let export = Arc::clone(&self.levels[current].export);
            let mut nodes = FxHashMap::default();
            for (id, process) in &export.processes {
                let became = match self.subgraph(current, &process.component) {
                    Some(definition) => self.instance(current, id, process, definition),
                    None => self.node(current, id, process),
                };
                nodes.insert(id.clone(), became);
            }
            self.levels[current].nodes = nodes;
            current += 1;
        }
    }

    /// The subgraph a component stands for, seen from a level.
    fn subgraph(&self, level: usize, component: &str) -> Option<SubgraphDefinition> {
        let inside = self.ancestors(level).find_map(|level| level.subgraphs.as_deref());
        inside.map_or_else(|| self.outermost.subgraph(component), |subgraphs| subgraphs.subgraph(component))
    }

    fn ancestors(&self, level: usize) -> impl Iterator<Item = &Level> {
        std::iter::successors(Some(&self.levels[level]), |level| level.parent.map(|parent| &self.levels[parent]))
    }

    fn node(&mut self, level: usize, id: &Name, process: &Process) -> Became {
        let path = self.levels[level].path(id);
        let node = Process { id: path.clone(), ..process.clone() };
        let scope = &self.levels[level].scope;
        if !scope.is_empty() {
            self.flat.scopes.insert(path.clone(), scope.clone());
        }
        self.flat.export.processes.insert(path.clone(), node);
        Became::Node(path)
    }

    fn instance(&mut self, level: usize, id: &Name, process: &Process, definition: SubgraphDefinition) -> Became {
        let outer = &self.levels[level];
        let path = outer.path(id);
        let scope = if definition.scope.is_empty() { outer.scope.clone() } else { definition.scope.clone() };
        // Two subgraphs may share a component id where each level looks components up for itself.
        let same = |level: &Level| {
            level.parent.is_some()
                && level.component == process.component
                && level.scope == scope
                && (Arc::ptr_eq(&level.export, &definition.export) || level.export == definition.export)
        };
        let depth = outer.depth + 1;
        if depth > DEEPEST || self.ancestors(level).any(same) {
            let mut chain: Vec<_> = self
                .ancestors(level)
                .filter(|level| level.parent.is_some())
                .map(|level| level.component.as_str())
                .collect();
            chain.reverse();
            chain.push(&process.component);
            let chain = if chain.len() > 10 { &chain[chain.len() - 10..] } else { &chain[..] };
            let message = format!("subgraph `{}` contains itself: {}", process.component, chain.join(" > "));
            let hint = Some("a subgraph cannot be nested in itself; use a connection back instead");
            let diagnostic = Diagnostic::new(Code::RecursiveSubgraph, Place::Node { node: path }, message);
            self.found.push(diagnostic.with_hint(hint));
            return self.node(level, id, process);
        }
        self.flat.instances.push(Instance {
            path: path.clone(),
            component: process.component.clone(),
            metadata: process.metadata.clone(),
        });
        self.levels.push(Level {
            prefix: format!("{path}/"),
            component: process.component.clone(),
            parent: Some(level),
            depth,
            scope,
            ..Level::new(definition)
        });
        Became::Instance(self.levels.len() - 1)
    }

    /// Leads the connections and initials of a level on to flat nodes.
    fn connect(&mut self, level: usize) {
        let export = Arc::clone(&self.levels[level].export);
        for connection in &export.connections {
            let place = self.levels[level].place(connection);
            let to = self.end(level, Direction::In, &connection.to.node_id, connection.inport(), &place);
            if connection.is_initial() {
                let Some(to) = to else { continue };
                self.initials.push(moved(connection, None, to));
                continue;
            }
            let from = self.end(level, Direction::Out, &connection.from.node_id, &connection.from.port_id, &place);
            if let (Some(from), Some(to)) = (from, to) {
                self.flat.export.connections.push(moved(connection, Some(from), to));
            }
        }
        if level > 0 {
            self.check_ports(level, &export);
        }
    }

    /// Graph ports of a subgraph must lead to nodes of it, whether used or not.
    fn check_ports(&mut self, level: usize, export: &GraphExport) {
        for (direction, ports) in [(Direction::In, &export.inports), (Direction::Out, &export.outports)] {
            for (name, edge) in ports {
                let place = Place::GraphPort { direction, port: self.levels[level].path(name) };
                if !export.processes.contains_key(&edge.node_id) {
                    self.unknown_node(Code::GraphPortToUnknownNode, place, &edge.node_id, export);
                }
            }
        }
    }

    /// The flat node and port behind a node and port of a level. Reports why there is none.
    fn end(
        &mut self,
        level: usize,
        direction: Direction,
        node: &Name,
        port: &Name,
        place: &Place,
    ) -> Option<(Name, Name)> {
        let Some(became) = self.levels[level].nodes.get(node) else {
            let export = Arc::clone(&self.levels[level].export);
            self.unknown_node(Code::UnknownNode, place.clone(), node, &export);
            return None;
        };
        let (mut became, mut port) = (became.clone(), self.levels[level].folded(port));
        loop {
            let inside = match became {
                Became::Node(path) => return Some((path, port)),
                Became::Instance(inside) => inside,
            };
            let inner = &self.levels[inside];
            let Some(edge) = inner.port(direction, &port) else {
                self.unmapped(inside, direction, &port, place);
                return None;
            };
            // An edge to an unknown node is reported once, by `check_ports`.
            became = inner.nodes.get(&edge.node_id)?.clone();
            port = inner.folded(edge.inner_port());
        }
    }

    fn unmapped(&mut self, level: usize, direction: Direction, port: &str, place: &Place) {
        let level = &self.levels[level];
        let (side, ports) = match direction {
            Direction::In => ("inport", &level.export.inports),
            Direction::Out => ("outport", &level.export.outports),
        };
        let path = level.prefix.trim_end_matches('/');
        let message = format!("subgraph `{path}` (`{}`) has no {side} `{port}`", level.component);
        let hint = did_you_mean(port, ports.keys().map(|name| &**name))
            .unwrap_or_else(|| format!("add it to `{side}s` of the subgraph's graph"));
        self.found.push(Diagnostic::new(Code::UnknownPort, place.clone(), message).with_hint(Some(hint)));
    }

    fn unknown_node(&mut self, code: Code, place: Place, node: &str, export: &GraphExport) {
        // Comparing with every node for every mistake would be quadratic in a graph full of them.
        let suggest = || did_you_mean(node, export.processes.keys().map(|id| &**id));
        let hint = if self.found.len() < ENOUGH_HINTS { suggest() } else { None };
        let message = format!("there is no node `{node}`");
        self.found.push(Diagnostic::new(code, place, message).with_hint(hint));
    }

    fn group(&mut self, level: usize) {
        let export = Arc::clone(&self.levels[level].export);
        for group in &export.groups {
            let mut nodes = Vec::with_capacity(group.nodes.len());
            for member in &group.nodes {
                self.leaves(level, member, &mut nodes);
            }
            let id = self.levels[level].path(&group.id);
            self.flat.export.groups.push(Group { id, nodes, ..group.clone() });
        }
    }

    /// The flat nodes that a node of a level became.
    fn leaves(&self, level: usize, node: &Name, found: &mut Vec<Name>) {
        let mut open = vec![(level, node)];
        while let Some((level, node)) = open.pop() {
            match self.levels[level].nodes.get(node) {
                Some(Became::Node(path)) => found.push(path.clone()),
                Some(Became::Instance(inside)) => {
                    open.extend(self.levels[*inside].export.processes.keys().rev().map(|node| (*inside, node)));
                }
                None => {}
            }
        }
    }

    /// Leads the outermost graph's own ports on to flat nodes.
    fn expose(&mut self) {
        let export = Arc::clone(&self.levels[0].export);
        for (direction, ports) in [(Direction::In, &export.inports), (Direction::Out, &export.outports)] {
            for (name, edge) in ports {
                let place = Place::GraphPort { direction, port: name.clone() };
                let Some((node_id, port_name)) = self.end(0, direction, &edge.node_id, edge.inner_port(), &place)
                else {
                    continue;
                };
                let ports = match direction {
                    Direction::In => &mut self.flat.export.inports,
                    Direction::Out => &mut self.flat.export.outports,
                };
                ports.insert(name.clone(), Edge { node_id, port_name, ..edge.clone() });
            }
        }
    }

    fn finish(mut self) -> Result<Flat> {
        if !self.found.is_empty() {
            return Err(Error::Refused { diagnostics: self.found });
        }
        self.flat.export.connections.append(&mut self.initials);
        Ok(self.flat)
    }
}

/// A copy of a connection between other ends.
fn moved(connection: &Connection, from: Option<(Name, Name)>, to: (Name, Name)) -> Connection {
    let mut copy = connection.clone();
    if let Some((node, port)) = from {
        (copy.from.node_id, copy.from.port_id) = (node, port);
    }
    if connection.is_initial() {
        // Its port is known by now; the graph port that it came through is not there any more.
        copy.to.port_name = Name::default();
    }
    (copy.to.node_id, copy.to.port_id) = to;
    copy
}
