//! What the nodes' components say: are they known, do their ports exist and fit, does the configuration suit them.

use petgraph::graph::NodeIndex;
use rustc_hash::FxHashMap;
use serde_json::Value;

use super::Check;
use super::known::Port;
use super::references::initial_place;
use crate::layout::shortened;
use crate::policy::overflow_problems;
use crate::suggest::closest;
use crate::{
    Code, ComponentInfo, Connection, ConnectionId, Diagnostic, Direction, Map, Name, Place, PortInfo, PortType,
    Problem, Process, Severity,
};

/// Letters of the component in a message: its name may stand in the file once, and be told for each of many ports.
const LONGEST_NAME: usize = 80;

/// The outport a node has without declaring it when its policy routes failures: they leave through it.
const ERROR_PORT: &str = "error";
/// The outport a node has without declaring it when its inports are paired: what finds no partner leaves through it.
const UNMATCHED_PORT: &str = "unmatched";

impl<'a> Check<'a> {
    /// Looks at each node by itself.
    pub(super) fn components(&mut self) {
        let export = self.export;
        let mut known = None;
        let mut hints: FxHashMap<&str, Option<String>> = FxHashMap::default();
        for (process, node) in export.processes.values().zip(self.resolved.topology.graph.node_indices()) {
            let component = self.resolved.components.get(node);
            let place = Place::Node { node: process.id.clone() };
            if component.is_none() {
                let known: &Vec<Name> = known.get_or_insert_with(|| self.catalog.ids());
                let hint = match hints.get(&*process.component) {
                    Some(hint) => hint.clone(),
                    None => self.hint(&process.component, known.iter().map(|id| &**id)),
                };
                hints.insert(&process.component, hint.clone());
                let message = format!("there is no component `{}`", process.component);
                self.report(Diagnostic::new(Code::UnknownComponent, place.clone(), message).with_hint(hint));
            }
            self.metadata(process, node, &place);
        }
    }

    fn metadata(&mut self, process: &Process, node: NodeIndex, place: &Place) {
        if let Some(policy) = process.metadata.get("policy") {
            self.problems(Code::BadPolicy, place, self.catalog.policy_problems(policy));
        }
        if let Some(firing) = process.metadata.get("firing") {
            self.problems(Code::BadFiring, place, self.catalog.firing_problems(firing));
            // Every rule that names inports does so in lists, or as the keys of an object.
            for members in firing.as_object().into_iter().flat_map(Map::values) {
                let listed = members.as_array().into_iter().flatten().filter_map(Value::as_str);
                let keyed = members.as_object().into_iter().flat_map(Map::keys).map(String::as_str);
                for port in listed.chain(keyed) {
                    self.declared(Some(node), Direction::In, &port.into(), || place.clone());
                }
            }
        }
        if let Some(config) = self.resolved.components.get(node).and_then(|component| component.info.config.as_ref()) {
            let (errors, ignored): (Vec<_>, _) =
                config(process.metadata.entries()).into_iter().partition(|problem| problem.severity == Severity::Error);
            self.problems(Code::BadConfig, place, errors);
            self.problems(Code::IgnoredConfig, place, ignored);
        }
    }

    fn problems(&mut self, code: Code, place: &Place, problems: Vec<Problem>) {
        for problem in problems {
            self.report(Diagnostic::new(code, place.clone(), problem.message).with_hint(problem.hint));
        }
    }

    /// Looks at what is between nodes: connections, initials and graph ports.
    pub(super) fn connections(&mut self) {
        let export = self.export;
        for (connection, ends) in self.connections_with_ends() {
            let to = &connection.to;
            if connection.is_initial() {
                self.declared(ends.to, Direction::In, connection.inport(), || initial_place(connection));
                continue;
            }
            let place = || Place::Connection(ConnectionId::from(connection));
            let sends = self.declared(ends.from, Direction::Out, &connection.from.port_id, place);
            let takes = self.declared(ends.to, Direction::In, &to.port_id, place);
            self.types_fit(connection, sends, takes);
            if let Some(capacity) = connection.metadata.get("capacity") {
                self.problems(Code::BadCapacity, &place(), self.catalog.capacity_problems(capacity));
            }
            if let Some(overflow) = connection.metadata.get("overflow") {
                self.problems(Code::BadCapacity, &place(), overflow_problems(overflow));
            }
            self.misspelt(connection);
        }
        for (direction, ports) in [(Direction::In, &export.inports), (Direction::Out, &export.outports)] {
            for (name, edge) in ports {
                let place = || Place::GraphPort { direction, port: name.clone() };
                self.declared(self.resolved.node(&edge.node_id), direction, edge.inner_port(), place);
            }
        }
    }

    /// Keys of a connection that are like those which say something, with values that fit these.
    fn misspelt(&mut self, connection: &Connection) {
        for (key, value) in connection.metadata.entries() {
            let words = ["capacity", "overflow"].into_iter().filter(|word| connection.metadata.get(word).is_none());
            let Some(meant) = closest(key, words) else { continue };
            let problems =
                if meant == "capacity" { self.catalog.capacity_problems(value) } else { overflow_problems(value) };
            if problems.is_empty() && !value.is_null() {
                let message = format!("`{key}` says nothing about a connection");
                let hint = Some(format!("did you mean `{meant}`?"));
                let place = Place::Connection(ConnectionId::from(connection));
                self.report(Diagnostic::new(Code::IgnoredConfig, place, message).with_hint(hint));
            }
        }
    }

    /// The declared port of a node that a name stands for. Reports it if it stands for none.
    fn declared(
        &mut self,
        node: Option<NodeIndex>,
        direction: Direction,
        port: &Name,
        place: impl Fn() -> Place,
    ) -> Option<&'a PortInfo> {
        let node = node?;
        let component = self.resolved.components.get(node)?;
        let found = component.port(direction, &self.folded(port));
        if let Port::Declared(declared) = found {
            return Some(declared);
        }
        self.undeclared(node, direction, port, found, &place);
        None
    }

    fn undeclared(
        &mut self,
        node: NodeIndex,
        direction: Direction,
        port: &Name,
        found: Port<'_>,
        place: &dyn Fn() -> Place,
    ) {
        let Some(component) = self.resolved.components.get(node) else { return };
        let side = if direction == Direction::In { "inport" } else { "outport" };
        let folded = self.folded(port);
        let process = &self.export.processes[node.index()];
        let id = &self.resolved.topology.graph[node];
        let who = || format!("node `{id}` (`{}`)", shortened(&process.component, LONGEST_NAME));
        let several = component.ports(Direction::In).len() > 1;
        match found {
            Port::Declared(_) | Port::Free => {}
            Port::Unknown if direction == Direction::Out && *folded == *ERROR_PORT => {
                if !routes_failures(process) {
                    let message = format!(
                        "nothing leaves by `{port}` of {}: it declares no such outport, and no policy routes its failures",
                        who()
                    );
                    self.silent(
                        place(),
                        message,
                        "`policy: {\"on_error\": \"route\"}` of the node sends failures there",
                    );
                }
            }
            Port::Unknown if direction == Direction::Out && *folded == *UNMATCHED_PORT && several => {
                if !self.pairs(process, &component.info) {
                    let message = format!(
                        "nothing leaves by `{port}` of {}: it declares no such outport, and its inports are not paired",
                        who()
                    );
                    self.silent(place(), message, "`firing` says how inports are paired");
                }
            }
            Port::Unknown => {
                let severity = if component.info.open_ports { Severity::Warning } else { Severity::Error };
                let verb = if component.info.open_ports { "declares" } else { "has" };
                let message = format!("{} {verb} no {side} `{port}`", who());
                let names: Vec<Name> = component.ports(direction).iter().map(|port| port.name.clone()).collect();
                let hint = self.hint(port, names.iter().map(|name| &**name));
                let found = Diagnostic::new(Code::UnknownPort, place(), message).with_hint(hint);
                self.report(Diagnostic { severity, ..found });
            }
            Port::Ambiguous(ports) => {
                let names: Vec<_> = ports.iter().map(|port| format!("`{port}`")).collect();
                let message = format!("`{port}` is one of the {side}s {} of {}", names.join(" and "), who());
                let hint = Some("they differ by case only: set `caseSensitive` of the graph, or rename one");
                self.report(Diagnostic::new(Code::AmbiguousPort, place(), message).with_hint(hint));
            }
        }
    }

    /// Warns of an outport that works, but that nothing leaves by.
    fn silent(&mut self, place: Place, message: String, hint: &str) {
        let found = Diagnostic::new(Code::UnknownPort, place, message).with_hint(Some(hint));
        self.report(Diagnostic { severity: Severity::Warning, ..found });
    }

    /// Whether packets of the node may find no partner.
    fn pairs(&self, process: &Process, component: &ComponentInfo) -> bool {
        match process.metadata.get("firing").filter(|firing| !firing.is_null()) {
            Some(firing) => self.catalog.pairs(firing),
            None => component.pairs,
        }
    }

    /// Compares what is declared at both ends, or else what the connection itself says.
    fn types_fit(&mut self, connection: &Connection, sends: Option<&PortInfo>, takes: Option<&PortInfo>) {
        let (from, to) = (&connection.from, &connection.to);
        let (sends, takes) = (types(sends, &from.port_type), types(takes, &to.port_type));
        if takes.clone().any(|takes| sends.clone().any(|sends| takes.accepts(sends))) {
            return;
        }
        let message = format!(
            "`{}.{}` sends {}, but `{}.{}` takes {}",
            from.node_id,
            from.port_id,
            alternatives(sends),
            to.node_id,
            to.port_id,
            alternatives(takes)
        );
        let place = Place::Connection(ConnectionId::from(connection));
        let hint = Some("put a converting node between");
        self.report(Diagnostic::new(Code::TypeMismatch, place, message).with_hint(hint));
    }
}

fn routes_failures(process: &Process) -> bool {
    process.metadata.get("policy").and_then(|policy| policy.get("on_error")).is_some_and(|word| word == "route")
}

fn types<'a>(declared: Option<&'a PortInfo>, own: &'a PortType) -> impl Iterator<Item = &'a PortType> + Clone {
    declared.into_iter().flat_map(PortInfo::types).chain(declared.is_none().then_some(own))
}

/// Types in words.
fn alternatives<'a>(types: impl Iterator<Item = &'a PortType>) -> String {
    types.map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}
