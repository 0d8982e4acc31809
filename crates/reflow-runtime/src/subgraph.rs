//! Subgraphs: components that are graphs. They are dissolved when the network starts and cost nothing at run time.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indexmap::IndexMap;
use reflow_graph::{
    Connection, Diagnostic, Direction, Edge, Extra, Flat, GraphExport, Map, Name, SubgraphDefinition, Subgraphs,
    flatten,
};
use rustc_hash::FxHashMap;

use crate::actor::Instance;
use crate::component::{Component, ComponentSpec, Documentation, PortSpec};
use crate::diagnose::{self, Known};
use crate::error::NetworkError;
use crate::from_graph::{capacity_of, inner_end, node_of};
use crate::network::Endpoint;
use crate::plan::{ConnectionSpec, InitialSpec, Plan};
use crate::value::Value;

/// A graph with the components of its nodes, to be registered like any component. Copies share everything.
///
/// Each node of it gets nodes of its own for what is inside, called `outer/inner`, with pools, policies and counters of
/// their own. The config of the node itself is not used; the metadata of inner nodes is theirs.
#[derive(Clone)]
pub struct Subgraph(Arc<Template>);

struct Template {
    export: Arc<GraphExport>,
    components: IndexMap<String, Arc<dyn Component>>,
    spec: Arc<ComponentSpec>,
    /// Tells where inner nodes look components up.
    scope: Name,
}

impl Subgraph {
    /// A subgraph of `export`, whose nodes are made of `components`.
    ///
    /// # Errors
    /// [`NetworkError::Refused`] with every mistake in the graph: a component that is not among `components`, references
    /// to nodes and ports that do not exist, a bad policy.
    pub fn new(
        export: impl Into<Arc<GraphExport>>,
        components: IndexMap<String, Arc<dyn Component>>,
    ) -> Result<Self, NetworkError> {
        static SCOPES: AtomicU64 = AtomicU64::new(1);
        let export = export.into();
        let plan = Plan { components, ..Plan::default() };
        diagnose::errors(export.check(&Known { plan: &plan, configs: true }))?;
        for initial in export.initials() {
            crate::from_graph::initial(initial)?;
        }
        let spec = Arc::new(spec_of(&export));
        let scope = Name::from(SCOPES.fetch_add(1, Ordering::Relaxed).to_string());
        let subgraph = Self(Arc::new(Template { export, components: plan.components, spec, scope }));
        subgraph.try_out()?;
        Ok(subgraph)
    }

    /// The graph.
    pub fn export(&self) -> &GraphExport {
        &self.0.export
    }

    /// Dissolves one node of it, so that what leads nowhere in it or in what it contains is found now.
    fn try_out(&self) -> Result<(), NetworkError> {
        let mut outer = GraphExport { case_sensitive: true, ..GraphExport::default() };
        outer.processes.insert("?".into(), reflow_graph::Process::new("?", "?"));
        flatten(&outer, &|component: &str| (component == "?").then(|| self.definition()))?;
        Ok(())
    }

    fn definition(&self) -> SubgraphDefinition {
        SubgraphDefinition {
            export: Arc::clone(&self.0.export),
            scope: self.0.scope.clone(),
            subgraphs: Some(Arc::new(self.clone())),
        }
    }

    /// This subgraph and all within, by scope.
    fn scopes(&self, found: &mut FxHashMap<Name, Self>) {
        if found.insert(self.0.scope.clone(), self.clone()).is_some() {
            return;
        }
        for component in self.0.components.values() {
            if let Some(inner) = component.subgraph() {
                inner.scopes(found);
            }
        }
    }
}

impl Subgraphs for Subgraph {
    fn subgraph(&self, component: &str) -> Option<SubgraphDefinition> {
        self.0.components.get(component)?.subgraph().map(Self::definition)
    }
}

impl Component for Subgraph {
    fn spec(&self) -> Arc<ComponentSpec> {
        Arc::clone(&self.0.spec)
    }

    fn instantiate(&self, _config: &Value) -> Result<Instance, String> {
        Err("a subgraph is dissolved when its network starts and is no actor of its own".into())
    }

    fn check_config(&self, _config: &Value) -> Vec<String> {
        Vec::new()
    }

    fn subgraph(&self) -> Option<&Subgraph> {
        Some(self)
    }
}

fn spec_of(export: &GraphExport) -> ComponentSpec {
    let ports = |ports: &IndexMap<Name, Edge>| {
        ports.iter().map(|(name, edge)| PortSpec::new(name.to_string(), edge.port_type.to_string())).collect()
    };
    ComponentSpec {
        id: export.name().to_owned().into(),
        inports: ports(&export.inports),
        outports: ports(&export.outports),
        documentation: Documentation { category: "subgraph".into(), ..Documentation::default() },
        ..ComponentSpec::default()
    }
}

/// What the ports of dissolved nodes lead to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Boundaries(FxHashMap<String, Boundary>);

#[derive(Clone, Debug, Default)]
struct Boundary {
    folds_ports: bool,
    inports: IndexMap<String, Endpoint>,
    outports: IndexMap<String, Endpoint>,
}

impl Boundary {
    fn ports(&mut self, direction: Direction) -> &mut IndexMap<String, Endpoint> {
        match direction {
            Direction::In => &mut self.inports,
            Direction::Out => &mut self.outports,
        }
    }
}

impl Boundaries {
    /// The node and port behind a node and port: inside, if the node is a subgraph.
    ///
    /// # Errors
    /// When the subgraph has no such port.
    pub(crate) fn behind<'a>(
        &'a self,
        direction: Direction,
        node: &'a str,
        port: &'a str,
    ) -> Result<(&'a str, &'a str), NetworkError> {
        let Some(boundary) = self.0.get(node) else { return Ok((node, port)) };
        let (side, ports) = match direction {
            Direction::In => ("inport", &boundary.inports),
            Direction::Out => ("outport", &boundary.outports),
        };
        let folded = || ports.iter().find(|(name, _)| name.to_lowercase() == port.to_lowercase()).map(|(_, end)| end);
        let end = ports.get(port).or_else(|| if boundary.folds_ports { folded() } else { None });
        end.map(|end| (&*end.node, &*end.port)).ok_or_else(|| {
            let known: Vec<_> = ports.keys().map(|name| format!("`{name}`")).collect();
            let known = if known.is_empty() { "none".into() } else { known.join(", ") };
            NetworkError::UnknownPort { node: node.into(), direction: side, port: port.into(), known }
        })
    }
}

/// A plan without subgraphs, and where the ports of those went; `None` if it has none.
///
/// # Errors
/// Connections and initials to ports that a subgraph does not have; nodes that clash with the path of an inner one.
pub(crate) fn dissolved(plan: &Plan) -> Result<Option<(Plan, Boundaries)>, NetworkError> {
    let subgraphs = subgraphs_of(plan);
    if subgraphs.is_empty() {
        return Ok(None);
    }
    let mut doors = Doors::default();
    let mut export = diagnose::shape(plan);
    export.case_sensitive = true;
    number_initials(&mut export);
    doors.replace(&mut export, plan, &subgraphs);
    let flat = flatten(&export, &|id: &str| plan.component(id)?.subgraph().map(Subgraph::definition))?;
    let mut scopes = FxHashMap::default();
    subgraphs.values().for_each(|subgraph| subgraph.scopes(&mut scopes));
    let mut new = Plan { folds_ports: plan.folds_ports, capacity: plan.capacity, ..Plan::default() };
    new.components = plan.components.clone();
    new.catalog.clone_from(&plan.catalog);
    new.folds_ports |= scopes.values().any(|subgraph| !subgraph.0.export.case_sensitive);
    add_nodes(&mut new, plan, &flat, &scopes)?;
    add_connections(&mut new, plan, &flat)?;
    let boundaries = doors.open(&mut new, &subgraphs, &flat.export);
    Ok(Some((new, boundaries)))
}

fn subgraphs_of(plan: &Plan) -> IndexMap<String, Subgraph> {
    let mut known: FxHashMap<&str, Option<Subgraph>> = FxHashMap::default();
    let nodes = plan.nodes.iter().filter_map(|(id, node)| {
        let find = || plan.component(&node.component).and_then(|component| component.subgraph().cloned());
        let subgraph = known.entry(&node.component).or_insert_with(find).clone();
        subgraph.map(|subgraph| (id.clone(), subgraph))
    });
    nodes.collect()
}

/// Key under which an initial of the outermost network carries its number; those from inside carry their packet.
const NUMBER: &str = "number";

fn number_initials(export: &mut GraphExport) {
    let initials = export.connections.iter_mut().filter(|connection| connection.is_initial());
    for (number, initial) in initials.enumerate() {
        initial.extra = Extra::from(Map::from_iter([(NUMBER.to_owned(), number.into())]));
    }
}

fn add_nodes(
    new: &mut Plan,
    plan: &Plan,
    flat: &Flat,
    scopes: &FxHashMap<Name, Subgraph>,
) -> Result<(), NetworkError> {
    for (path, process) in &flat.export.processes {
        let inside = flat.scopes.get(path).and_then(|scope| scopes.get(scope));
        let spec = match (inside, plan.nodes.get(&**path)) {
            (Some(_), Some(_)) => return Err(NetworkError::PathClash { node: path.to_string() }),
            (None, Some(spec)) => spec.clone(),
            (_, None) => node_of(path, process)?,
        };
        if let Some(component) = inside.and_then(|subgraph| subgraph.0.components.get(&*process.component)) {
            new.inner.insert(path.to_string(), Arc::clone(component));
        }
        new.nodes.insert(path.to_string(), spec);
    }
    Ok(())
}

fn add_connections(new: &mut Plan, plan: &Plan, flat: &Flat) -> Result<(), NetworkError> {
    for connection in &flat.export.connections {
        let number = connection.extra.entries().get(NUMBER).and_then(serde_json::Value::as_u64);
        let outer = number.and_then(|number| plan.initials.get(number as usize));
        let Connection { from, to, metadata, .. } = connection;
        if let Some(InitialSpec { message, .. }) = outer {
            new.initials.push(InitialSpec { to: crate::from_graph::end(to), message: message.clone() });
        } else if connection.is_initial() {
            let (to, message) = crate::from_graph::initial(connection)?;
            new.initials.push(InitialSpec { to, message });
        } else {
            let (from, to) = (crate::from_graph::end(from), crate::from_graph::end(to));
            new.connections.push(ConnectionSpec { from, to, capacity: capacity_of(metadata) });
        }
    }
    Ok(())
}

/// Graph ports that stand for something else while the graph is dissolved: the network's own ports, and each port of a
/// subgraph node. They are numbered, so that no two names can clash.
#[derive(Default)]
struct Doors(Vec<Door>);

struct Door {
    direction: Direction,
    /// The node that is dissolved; `None` for a port of the network as a whole.
    node: Option<String>,
    port: String,
}

impl Doors {
    fn replace(&mut self, export: &mut GraphExport, plan: &Plan, subgraphs: &IndexMap<String, Subgraph>) {
        export.inports.clear();
        export.outports.clear();
        for (direction, ports) in [(Direction::In, &plan.inports), (Direction::Out, &plan.outports)] {
            for (name, end) in ports {
                self.add(export, Door { direction, node: None, port: name.clone() }, end);
            }
        }
        for (node, subgraph) in subgraphs {
            let inner = subgraph.export();
            for (direction, ports) in [(Direction::In, &inner.inports), (Direction::Out, &inner.outports)] {
                for port in ports.keys() {
                    let door = Door { direction, node: Some(node.clone()), port: port.to_string() };
                    self.add(export, door, &Endpoint::new(node, &**port));
                }
            }
        }
    }

    fn add(&mut self, export: &mut GraphExport, door: Door, end: &Endpoint) {
        let number = Name::from(self.0.len().to_string());
        let edge = Edge { port_name: Name::from(&end.port), ..Edge::new(&end.node, number.clone()) };
        let ports = if door.direction == Direction::In { &mut export.inports } else { &mut export.outports };
        ports.insert(number, edge);
        self.0.push(door);
    }

    /// Reads from the flat graph what each of them leads to.
    fn open(self, new: &mut Plan, subgraphs: &IndexMap<String, Subgraph>, flat: &GraphExport) -> Boundaries {
        let mut boundaries = Boundaries::default();
        for (node, subgraph) in subgraphs {
            let boundary = Boundary { folds_ports: !subgraph.export().case_sensitive, ..Boundary::default() };
            boundaries.0.insert(node.clone(), boundary);
        }
        for (number, Door { direction, node, port }) in self.0.into_iter().enumerate() {
            let ports = if direction == Direction::In { &flat.inports } else { &flat.outports };
            let Some(end) = ports.get(number.to_string().as_str()).map(inner_end) else { continue };
            match node.and_then(|node| boundaries.0.get_mut(&node)) {
                Some(boundary) => boundary.ports(direction).insert(port, end),
                None if direction == Direction::In => new.inports.insert(port, end),
                None => new.outports.insert(port, end),
            };
        }
        boundaries
    }
}

impl From<reflow_graph::Error> for NetworkError {
    fn from(error: reflow_graph::Error) -> Self {
        match error {
            reflow_graph::Error::Refused { diagnostics } => Self::Refused(diagnostics),
            other => Self::Graph(Arc::new(other)),
        }
    }
}

/// The text of an error that refuses a graph.
pub(crate) fn listed(diagnostics: &[Diagnostic]) -> Cow<'static, str> {
    let lines: Vec<_> = diagnostics.iter().map(ToString::to_string).collect();
    match lines.len() {
        1 => lines.concat().into(),
        count => format!("{count} problems:\n{}", lines.join("\n")).into(),
    }
}
