//! Checking a graph against the components of a network, and a network before it starts.

use std::sync::Arc;

use reflow_graph::{
    Catalog, Code, ComponentInfo, Connection, Diagnostic, Edge, GraphExport, Map, Metadata, Name, PortInfo, Problem,
    Process,
};
use reflow_message::Value;

use crate::compile;
use crate::component::{Component, ComponentSpec, PortSpec};
use crate::error::NetworkError;
use crate::firing::Firing;
use crate::network::{Endpoint, Network};
use crate::plan::Plan;
use crate::policy::{OnError, Policy};

impl Network {
    /// Checks a graph against the components this network knows, registered or in its catalog: everything that is found.
    pub fn check_graph(&self, export: &GraphExport) -> Vec<Diagnostic> {
        let mut found = export.check(&Known { plan: &self.plan, configs: true });
        let (components, catalog) = (self.plan.components.clone(), self.plan.catalog.clone());
        let mut whole = Self::new();
        whole.plan = Plan { components, catalog, ..Plan::default() };
        // What does not fit together is found above.
        if whole.add_graph(export).is_ok() {
            found.extend(compile::check_ports(&whole.plan));
        }
        found
    }

    /// Checks a graph's own structure, and what the runtime reads from its metadata, whatever its components are.
    pub fn check_structure(export: &GraphExport) -> Vec<Diagnostic> {
        export.check(&Structure)
    }
}

/// The components of a plan, as a check asks for them.
pub(crate) struct Known<'a> {
    pub(crate) plan: &'a Plan,
    /// Whether configs are checked too. A network that starts looks at them when its actors are made.
    pub(crate) configs: bool,
}

impl Catalog for Known<'_> {
    fn component(&self, id: &str) -> Option<ComponentInfo> {
        let component = self.plan.component(id)?;
        let mut info = info(&*component);
        if self.configs {
            info.config = Some(Arc::new(move |config: &Map| config_problems(&*component, config)));
        }
        Some(info)
    }

    fn of_node(&self, node: &str) -> Option<ComponentInfo> {
        self.plan.inner.get(node).map(|component| info(&**component))
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

    fn pairs(&self, firing: &serde_json::Value) -> bool {
        Firing::from_value(&firing.into()).map_or(true, |firing| firing.leaves_over())
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

/// Refuses a plan whose parts do not fit together, or that `inputs` do not fit. Configs are looked at when their actors
/// are made.
pub(crate) fn verify(plan: &Plan, inputs: &[Endpoint]) -> Result<(), NetworkError> {
    errors(fed(plan, inputs).check(&Known { plan, configs: false }))
}

/// What is odd about a plan without subgraphs, and what is wrong with it. Without `inputs`, packets may come to any port
/// from outside, and nothing is said about nodes that no packet reaches.
pub(crate) fn findings(plan: &Plan, inputs: Option<&[Endpoint]>) -> Vec<Diagnostic> {
    let mut found = fed(plan, inputs.unwrap_or_default()).check(&Known { plan, configs: false });
    if inputs.is_none() {
        let is_dead = |code| matches!(code, Code::UnconnectedPort | Code::UnreachableNode | Code::StarvedCycle);
        found.retain(|diagnostic| !is_dead(diagnostic.code));
    }
    found
}

/// The shape of a plan, with firing rules and what becomes of failures, and with ports for what will be sent to it from outside.
fn fed(plan: &Plan, inputs: &[Endpoint]) -> GraphExport {
    let mut export = shape(plan);
    for (process, node) in export.processes.values_mut().zip(plan.nodes.values()) {
        let mut metadata = Map::new();
        metadata.extend(node.firing.as_ref().map(|firing| ("firing".into(), firing.into())));
        let routes = node.policy.as_ref().is_some_and(|policy| policy.on_error == OnError::Route);
        metadata.extend(routes.then(|| ("policy".into(), serde_json::json!({"on_error": "route"}))));
        process.metadata = Metadata::from((!metadata.is_empty()).then_some(metadata));
    }
    for input in inputs {
        let name = Name::from(format!("{}.{}", input.node, input.port));
        let edge = Edge { port_name: Name::from(&input.port), expose: true, ..Edge::new(&input.node, name.clone()) };
        export.inports.entry(name).or_insert(edge);
    }
    export
}

/// The bare shape of a plan: nodes, connections and graph ports, without configs and packets.
pub(crate) fn shape(plan: &Plan) -> GraphExport {
    let mut export = GraphExport { case_sensitive: !plan.folds_ports, ..GraphExport::default() };
    export
        .processes
        .extend(plan.nodes.iter().map(|(id, node)| (id.clone(), Process::new(id.clone(), &node.component))));
    export.connections.extend(plan.connections.iter().map(|connection| {
        let (from, to) = (&connection.from, &connection.to);
        let ends = Connection::new(Edge::new(&from.node, &from.port), Edge::new(&to.node, &to.port));
        Connection { metadata: connection.options.to_metadata(), ..ends }
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
    // Some pair only what is connected.
    let inports: Vec<&str> = spec.inports.iter().map(|port| &*port.name).collect();
    let of_node = component.firing(&Value::default(), &inports);
    ComponentInfo {
        inports: spec.inports.iter().map(|port| port_info(port, port.required || is_awaited(&spec, port))).collect(),
        outports: spec.outports.iter().map(|port| port_info(port, false)).collect(),
        open_ports: component.open_ports(),
        await_all: match &spec.firing {
            Firing::Latest => true,
            firing => firing.pairs() && firing.optional().is_empty(),
        },
        pairs: spec.firing.leaves_over() || of_node.leaves_over(),
        config: None,
    }
}

fn is_awaited(spec: &ComponentSpec, port: &PortSpec) -> bool {
    spec.firing != Firing::Latest && spec.firing.awaits(&port.name)
}

fn port_info(port: &PortSpec, required: bool) -> PortInfo {
    PortInfo { name: Name::from(&*port.name), port_type: port.port_type.clone(), also: port.also.clone(), required }
}

fn config_problems(component: &dyn Component, config: &Map) -> Vec<Problem> {
    let members = config.iter().map(|(key, value)| (key.as_str(), Value::from(value)));
    let config = Value::object(members);
    let errors = component.check_config(&config).into_iter().map(Problem::new);
    errors.chain(config_warnings(component, &config).into_iter().map(Problem::warning)).collect()
}

/// What is odd about a node's config: for its component, and for the network, which reads parts of it, too.
pub(crate) fn config_warnings(component: &dyn Component, config: &Value) -> Vec<String> {
    let mut found = component.config_warnings(config);
    found.extend(misspelt(config));
    found
}

/// Keys that are like those which the network reads, with values that fit these: what they say would count for nothing.
fn misspelt(config: &Value) -> Vec<String> {
    let Some(members) = config.as_object() else { return Vec::new() };
    let unlike = |key: &str| members.get(key).is_none();
    let mut found = Vec::new();
    for (key, value) in members {
        let words = ["policy", "firing", "env_vars"].into_iter().filter(|word| unlike(word));
        let Some(meant) = reflow_graph::closest(key, words) else { continue };
        let is_full = value.as_object().is_none_or(|members| members.iter().next().is_some());
        let fits = match meant {
            "policy" => value.as_object().is_some() && Policy::from_value(value).is_ok(),
            "firing" => Firing::from_value(value).is_ok(),
            _ => value.as_object().is_some_and(|rules| {
                rules.iter().all(|(_, rule)| {
                    rule.as_str().is_some_and(|rule| rule.starts_with("required") || rule.starts_with("optional"))
                })
            }),
        };
        if is_full && fits {
            found.push(format!("config `{key}`: the network reads no such key; did you mean `{meant}`?"));
        }
    }
    found
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
    Firing::from_value(&firing.into()).err().into_iter().map(Problem::new).collect()
}
