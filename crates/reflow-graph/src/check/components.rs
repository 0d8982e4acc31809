//! What the nodes' components say: are they known, do their ports exist and fit, does the configuration suit them.

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

impl Check<'_> {
    /// Looks at each node by itself.
    pub(super) fn components(&mut self) {
        let export = self.export;
        let mut known = None;
        let mut hints: FxHashMap<&str, Option<String>> = FxHashMap::default();
        for process in export.processes.values() {
            let place = Place::Node { node: process.id.clone() };
            if self.component_of(&process.id).is_none() {
                let known: &Vec<Name> = known.get_or_insert_with(|| self.catalog.ids());
                let hint = match hints.get(&*process.component) {
                    Some(hint) => hint.clone(),
                    None => self.hint(&process.component, known.iter().map(|id| &**id)),
                };
                hints.insert(&process.component, hint.clone());
                let message = format!("there is no component `{}`", process.component);
                self.report(Diagnostic::new(Code::UnknownComponent, place.clone(), message).with_hint(hint));
            }
            self.metadata(process, &place);
        }
    }

    fn metadata(&mut self, process: &Process, place: &Place) {
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
                    self.port_exists(&process.id, Direction::In, &port.into(), place);
                }
            }
        }
        let config = self.component_of(&process.id).and_then(|component| component.info.config.clone());
        if let Some(config) = config {
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
        for connection in &export.connections {
            let to = &connection.to;
            if connection.is_initial() {
                self.port_exists(&to.node_id, Direction::In, connection.inport(), &initial_place(connection));
                continue;
            }
            let place = Place::Connection(ConnectionId::from(connection));
            let from = &connection.from;
            self.port_exists(&from.node_id, Direction::Out, &from.port_id, &place);
            self.port_exists(&to.node_id, Direction::In, &to.port_id, &place);
            self.types_fit(connection, &place);
            if let Some(capacity) = connection.metadata.get("capacity") {
                self.problems(Code::BadCapacity, &place, self.catalog.capacity_problems(capacity));
            }
            if let Some(overflow) = connection.metadata.get("overflow") {
                self.problems(Code::BadCapacity, &place, overflow_problems(overflow));
            }
            self.misspelt(connection, &place);
        }
        for (direction, ports) in [(Direction::In, &export.inports), (Direction::Out, &export.outports)] {
            for (name, edge) in ports {
                let place = Place::GraphPort { direction, port: name.clone() };
                self.port_exists(&edge.node_id, direction, edge.inner_port(), &place);
            }
        }
    }

    /// Keys of a connection that are like those which say something, with values that fit these.
    fn misspelt(&mut self, connection: &Connection, place: &Place) {
        for (key, value) in connection.metadata.entries() {
            let words = ["capacity", "overflow"].into_iter().filter(|word| connection.metadata.get(word).is_none());
            let Some(meant) = closest(key, words) else { continue };
            let problems =
                if meant == "capacity" { self.catalog.capacity_problems(value) } else { overflow_problems(value) };
            if problems.is_empty() && !value.is_null() {
                let message = format!("`{key}` says nothing about a connection");
                let hint = Some(format!("did you mean `{meant}`?"));
                self.report(Diagnostic::new(Code::IgnoredConfig, place.clone(), message).with_hint(hint));
            }
        }
    }

    fn port_exists(&mut self, node: &str, direction: Direction, port: &Name, place: &Place) {
        let Some(component) = self.component_of(node) else { return };
        let side = if direction == Direction::In { "inport" } else { "outport" };
        let folded = self.folded(port);
        let who = || {
            let id = self.export.processes.get(node).map_or("", |process| &*process.component);
            format!("node `{node}` (`{}`)", shortened(id, LONGEST_NAME))
        };
        let several = component.ports(Direction::In).len() > 1;
        match component.port(direction, &folded) {
            Port::Declared(_) | Port::Free => {}
            Port::Unknown if direction == Direction::Out && *folded == *ERROR_PORT => {
                if !self.routes_failures(node) {
                    let message = format!(
                        "nothing leaves by `{port}` of {}: it declares no such outport, and no policy routes its failures",
                        who()
                    );
                    self.silent(place, message, "`policy: {\"on_error\": \"route\"}` of the node sends failures there");
                }
            }
            Port::Unknown if direction == Direction::Out && *folded == *UNMATCHED_PORT && several => {
                if !self.pairs(node, &component.info) {
                    let message = format!(
                        "nothing leaves by `{port}` of {}: it declares no such outport, and its inports are not paired",
                        who()
                    );
                    self.silent(place, message, "`firing` says how inports are paired");
                }
            }
            Port::Unknown => {
                let severity = if component.info.open_ports { Severity::Warning } else { Severity::Error };
                let verb = if component.info.open_ports { "declares" } else { "has" };
                let message = format!("{} {verb} no {side} `{port}`", who());
                let names: Vec<Name> = component.ports(direction).iter().map(|port| port.name.clone()).collect();
                let hint = self.hint(port, names.iter().map(|name| &**name));
                let found = Diagnostic::new(Code::UnknownPort, place.clone(), message).with_hint(hint);
                self.report(Diagnostic { severity, ..found });
            }
            Port::Ambiguous(ports) => {
                let names: Vec<_> = ports.iter().map(|port| format!("`{port}`")).collect();
                let message = format!("`{port}` is one of the {side}s {} of {}", names.join(" and "), who());
                let hint = Some("they differ by case only: set `caseSensitive` of the graph, or rename one");
                self.report(Diagnostic::new(Code::AmbiguousPort, place.clone(), message).with_hint(hint));
            }
        }
    }

    /// Warns of an outport that works, but that nothing leaves by.
    fn silent(&mut self, place: &Place, message: String, hint: &str) {
        let found = Diagnostic::new(Code::UnknownPort, place.clone(), message).with_hint(Some(hint));
        self.report(Diagnostic { severity: Severity::Warning, ..found });
    }

    fn metadata_of(&self, node: &str, key: &str) -> Option<&Value> {
        self.export.processes.get(node)?.metadata.get(key)
    }

    fn routes_failures(&self, node: &str) -> bool {
        self.metadata_of(node, "policy").and_then(|policy| policy.get("on_error")).is_some_and(|word| word == "route")
    }

    /// Whether packets of the node may find no partner.
    fn pairs(&self, node: &str, component: &ComponentInfo) -> bool {
        match self.metadata_of(node, "firing").filter(|firing| !firing.is_null()) {
            Some(firing) => self.catalog.pairs(firing),
            None => component.pairs,
        }
    }

    /// A declared port by the name a connection uses.
    fn declared(&self, node: &str, direction: Direction, port: &Name) -> Option<&PortInfo> {
        match self.component_of(node)?.port(direction, &self.folded(port)) {
            Port::Declared(port) => Some(port),
            _ => None,
        }
    }

    fn types_fit(&mut self, connection: &Connection, place: &Place) {
        let (from, to) = (&connection.from, &connection.to);
        let sends = self.declared(&from.node_id, Direction::Out, &from.port_id);
        let takes = self.declared(&to.node_id, Direction::In, &to.port_id);
        let of = |declared: Option<&PortInfo>, own: &PortType| -> Vec<PortType> {
            declared.map_or_else(|| vec![own.clone()], |port| port.types().cloned().collect())
        };
        let (sends, takes) = (of(sends, &from.port_type), of(takes, &to.port_type));
        if !takes.iter().any(|takes| sends.iter().any(|sends| takes.accepts(sends))) {
            let (sends, takes) = (alternatives(&sends), alternatives(&takes));
            let message = format!(
                "`{}.{}` sends {sends}, but `{}.{}` takes {takes}",
                from.node_id, from.port_id, to.node_id, to.port_id
            );
            self.report(
                Diagnostic::new(Code::TypeMismatch, place.clone(), message)
                    .with_hint(Some("put a converting node between")),
            );
        }
    }
}

/// Types in words.
fn alternatives(types: &[PortType]) -> String {
    types.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or ")
}
