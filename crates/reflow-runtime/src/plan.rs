//! `Plan`: the parts of a network, as they were added or with its subgraphs dissolved.

use std::sync::Arc;

use indexmap::IndexMap;
use reflow_graph::{GraphExport, Name};
use reflow_message::Message;
use rustc_hash::FxHashMap;

use crate::component::{Catalog, Component};
use crate::connection::ConnectionOptions;
use crate::network::{DEFAULT_CAPACITY, Endpoint, NodeSpec};

/// What is to run.
#[derive(Clone)]
pub(crate) struct Plan {
    pub(crate) components: IndexMap<String, Arc<dyn Component>>,
    pub(crate) catalog: Option<Arc<dyn Catalog>>,
    pub(crate) nodes: IndexMap<Name, NodeSpec>,
    pub(crate) connections: Vec<ConnectionSpec>,
    pub(crate) initials: Vec<InitialSpec>,
    pub(crate) inports: IndexMap<String, Endpoint>,
    pub(crate) outports: IndexMap<String, Endpoint>,
    pub(crate) capacity: usize,
    /// Whether its runs have a virtual clock.
    pub(crate) virtual_time: bool,
    /// The order in which its next run does things, if that is written down or given.
    pub(crate) script: Option<std::sync::Arc<crate::script::Script>>,
    /// Components of nodes inside of subgraphs, which look them up for themselves.
    pub(crate) inner: FxHashMap<String, Arc<dyn Component>>,
    /// Whether the port of a connection may differ by case from the one its component declares.
    pub(crate) folds_ports: bool,
    /// Properties and groups of the graphs that were added: nothing that runs.
    pub(crate) frame: GraphExport,
}

/// A connection to be.
#[derive(Clone, Debug)]
pub(crate) struct ConnectionSpec {
    pub(crate) from: Endpoint,
    pub(crate) to: Endpoint,
    pub(crate) options: ConnectionOptions,
}

/// An initial packet.
#[derive(Clone, Debug)]
pub(crate) struct InitialSpec {
    pub(crate) to: Endpoint,
    pub(crate) message: Message,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            components: IndexMap::new(),
            catalog: None,
            nodes: IndexMap::new(),
            connections: Vec::new(),
            initials: Vec::new(),
            inports: IndexMap::new(),
            outports: IndexMap::new(),
            virtual_time: false,
            script: None,
            capacity: DEFAULT_CAPACITY,
            inner: FxHashMap::default(),
            folds_ports: false,
            frame: GraphExport::default(),
        }
    }
}

impl Plan {
    /// The component registered under `id`, or the catalog's.
    pub(crate) fn component(&self, id: &str) -> Option<Arc<dyn Component>> {
        self.components.get(id).cloned().or_else(|| self.catalog.as_ref()?.component(id))
    }

    /// The component of a node.
    pub(crate) fn component_of(&self, node: &str, spec: &NodeSpec) -> Option<Arc<dyn Component>> {
        self.inner.get(node).cloned().or_else(|| self.component(&spec.component))
    }

    /// Ids of all components that nodes can be made of.
    pub(crate) fn component_ids(&self) -> Vec<String> {
        let catalog = self.catalog.iter().flat_map(|catalog| catalog.ids());
        self.components.keys().cloned().chain(catalog).collect()
    }
}
