//! Checking a graph against the components of a network, and a network before it starts.

use std::sync::Arc;

use reflow_graph::{
    Catalog, ComponentInfo, Connection, Diagnostic, Edge, GraphExport, Map, Metadata, Name, PortInfo, PortType,
    Problem, Process,
};
use reflow_message::Value;

use crate::compile::firing_of;
use crate::component::{Component, ComponentSpec, Firing, PortSpec};
use crate::error::NetworkError;
use crate::network::Network;
use crate::plan::Plan;
use crate::policy::Policy;

impl Network {
    /// Checks a graph against the components this network knows, registered or in its catalog: everything that is found.
    pub fn check_graph(&self, export: &GraphExport) -> Vec<Diagnostic> {
        export.check(&Known { plan: &self.plan, thorough: true })
    }

    /// Checks a graph's own structure, and what the runtime reads from its metadata, whatever its components are.
    pub fn check_structure(export: &GraphExport) -> Vec<Diagnostic> {
        export.check(&Structure)
    }
}

/// The components of a plan, as a check asks for them.
pub(crate) struct Known<'a> {
    pub(crate) plan: &'a Plan,
    /// Whether configs are checked too, and ports that a component does not declare are mistakes. They work at run time,
    /// so they keep no network from starting; only a subgraph has no others than its own.
    pub(crate) thorough: bool,
}

impl Catalog for Known<'_> {
    fn component(&self, id: &str) -> Option<ComponentInfo> {
        let component = self.plan.component(id)?;
        let mut info = info(&*component);
        info.open_ports |= !self.thorough && component.subgraph().is_none();
        if self.thorough {
            info.config = Some(Arc::new(move |config: &Map| config_problems(&*component, config)));
        }
        Some(info)
    }

    fn ids(&self) -> Vec<Name> {
        self.plan.component_ids().into_iter().map(Name::from).collect()
    }

    fn policy_problems(&self, policy: &serde_json::Value) -> Vec<Problem> {
        policy_problems(policy)
    }

    fn firing_problems(&self, firing: &serde_json::Value) -> Vec<Problem> {
        firing_problems(firing)
    }
}

/// A graph's own structure, and what the runtime reads from its metadata; every component is taken for known.
pub(crate) struct Structure;

impl Catalog for Structure {
    fn component(&self, _id: &str) -> Option<ComponentInfo> {
        Some(ComponentInfo { open_ports: true, ..ComponentInfo::default() })
    }

    fn ids(&self) -> Vec<Name> {
        Vec::new()
    }

    fn policy_problems(&self, policy: &serde_json::Value) -> Vec<Problem> {
        policy_problems(policy)
    }

    fn firing_problems(&self, firing: &serde_json::Value) -> Vec<Problem> {
        firing_problems(firing)
    }
}

/// The findings a graph must not run with.
pub(crate) fn errors(mut found: Vec<Diagnostic>) -> Result<(), NetworkError> {
    found.retain(Diagnostic::is_error);
    if found.is_empty() { Ok(()) } else { Err(NetworkError::Refused(found)) }
}

/// Refuses a plan whose parts do not fit together. Configs are looked at when their actors are made.
pub(crate) fn verify(plan: &Plan) -> Result<(), NetworkError> {
    errors(shape(plan).check(&Known { plan, thorough: false }))
}

/// The bare shape of a plan: nodes, connections and graph ports, without configs and packets.
pub(crate) fn shape(plan: &Plan) -> GraphExport {
    let mut export = GraphExport { case_sensitive: !plan.folds_ports, ..GraphExport::default() };
    export.processes.extend(plan.nodes.iter().map(|(id, node)| {
        let id = Name::from(id);
        (id.clone(), Process::new(id, &node.component))
    }));
    export.connections.extend(plan.connections.iter().map(|connection| {
        let (from, to) = (&connection.from, &connection.to);
        let capacity = connection.capacity.map(|capacity| Map::from_iter([("capacity".into(), capacity.into())]));
        let ends = Connection::new(Edge::new(&from.node, &from.port), Edge::new(&to.node, &to.port));
        Connection { metadata: Metadata::from(capacity), ..ends }
    }));
    export.connections.extend(plan.initials.iter().map(|initial| {
        let to = Edge::new(&initial.to.node, &initial.to.port);
        Connection::initial(to, serde_json::Value::Null)
    }));
    for (ports, ends) in [(&mut export.inports, &plan.inports), (&mut export.outports, &plan.outports)] {
        ports.extend(ends.iter().map(|(name, end)| {
            let edge = Edge { port_name: Name::from(&end.port), expose: true, ..Edge::new(&end.node, name) };
            (Name::from(name), edge)
        }));
    }
    export
}

fn info(component: &dyn Component) -> ComponentInfo {
    let spec = component.spec();
    ComponentInfo {
        inports: spec.inports.iter().map(|port| port_info(port, port.required || is_awaited(&spec, port))).collect(),
        outports: spec.outports.iter().map(|port| port_info(port, false)).collect(),
        open_ports: component.open_ports(),
        await_all: match &spec.firing {
            Firing::All { optional, .. } => optional.is_empty(),
            Firing::Latest => true,
            Firing::Any | Firing::Required(_) => false,
        },
        config: None,
    }
}

fn is_awaited(spec: &ComponentSpec, port: &PortSpec) -> bool {
    match &spec.firing {
        Firing::Required(required) => required.contains(&port.name),
        Firing::All { optional, .. } => !optional.contains(&port.name),
        Firing::Any | Firing::Latest => false,
    }
}

fn port_info(port: &PortSpec, required: bool) -> PortInfo {
    PortInfo { name: Name::from(&*port.name), port_type: port_type(&port.kind), required }
}

/// The type that a word of a [`PortSpec`] stands for; a word nobody knows stands for any.
fn port_type(word: &str) -> PortType {
    match word {
        "object" => PortType::Object(Name::default()),
        "array" => PortType::Array(Box::new(PortType::Any)),
        word => serde_json::from_value(serde_json::json!({ "type": word })).unwrap_or_default(),
    }
}

fn config_problems(component: &dyn Component, config: &Map) -> Vec<Problem> {
    let members = config.iter().map(|(key, value)| (key.as_str(), Value::from(value)));
    let config = Value::object(members);
    let errors = component.check_config(&config).into_iter().map(Problem::new);
    errors.chain(component.config_warnings(&config).into_iter().map(Problem::warning)).collect()
}

fn policy_problems(policy: &serde_json::Value) -> Vec<Problem> {
    let found = reflow_graph::policy_problems(policy);
    if !found.is_empty() {
        return found;
    }
    Policy::from_value(&policy.into()).err().into_iter().map(Problem::new).collect()
}

fn firing_problems(firing: &serde_json::Value) -> Vec<Problem> {
    if firing.is_null() {
        return Vec::new();
    }
    firing_of(&firing.into()).err().into_iter().map(Problem::new).collect()
}
