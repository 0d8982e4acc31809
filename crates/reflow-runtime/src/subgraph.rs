//! Subgraphs: components that are graphs. They are dissolved when the network starts and cost nothing at run time.

mod boundary;
mod dissolve;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use indexmap::IndexMap;
use reflow_graph::{Edge, GraphExport, Name, Process, SubgraphDefinition, Subgraphs, flatten};
use reflow_message::{PortType, Value};
use rustc_hash::FxHashMap;

pub(crate) use boundary::Boundaries;
pub(crate) use dissolve::dissolved;

use crate::actor::Instance;
use crate::component::{Component, ComponentSpec, Documentation, PortSpec};
use crate::diagnose::{self, Known};
use crate::error::NetworkError;
use crate::from_graph::initial;
use crate::plan::Plan;

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
    /// to nodes that do not exist, or to ports that a subgraph in it does not have, a bad policy.
    pub fn new(
        export: impl Into<Arc<GraphExport>>,
        components: IndexMap<String, Arc<dyn Component>>,
    ) -> Result<Self, NetworkError> {
        static SCOPES: AtomicU64 = AtomicU64::new(1);
        let export = export.into();
        let plan = Plan { components, ..Plan::default() };
        diagnose::errors(export.check(&Known { plan: &plan, configs: false }))?;
        export.initials().try_for_each(|packet| initial(packet).map(drop))?;
        let spec = Arc::new(spec_of(&export, &plan));
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
        outer.processes.insert("?".into(), Process::new("?", "?"));
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

fn spec_of(export: &GraphExport, plan: &Plan) -> ComponentSpec {
    let ports = |ports: &IndexMap<Name, Edge>, of: fn(&ComponentSpec) -> &[PortSpec]| {
        let port = |(name, edge): (&Name, &Edge)| {
            let named = PortSpec::new(name.to_string(), edge.port_type.clone());
            // A port that says nothing of its own is of the type of the one behind it.
            let inner = || {
                let component = plan.component(&export.processes.get(&edge.node_id)?.component)?;
                let is_it = |port: &&PortSpec| same_port(&port.name, edge.inner_port(), export.case_sensitive);
                of(&component.spec()).iter().find(is_it).cloned()
            };
            match inner().filter(|_| edge.port_type == PortType::Any) {
                Some(PortSpec { port_type, also, .. }) => PortSpec { port_type, also, ..named },
                None => named,
            }
        };
        ports.iter().map(port).collect()
    };
    ComponentSpec {
        id: export.name().to_owned().into(),
        inports: ports(&export.inports, |spec| &spec.inports),
        outports: ports(&export.outports, |spec| &spec.outports),
        documentation: Documentation { category: "subgraph".into(), ..Documentation::default() },
        ..ComponentSpec::default()
    }
}

fn same_port(declared: &str, named: &str, case_sensitive: bool) -> bool {
    declared == named || (!case_sensitive && declared.to_lowercase() == named)
}
