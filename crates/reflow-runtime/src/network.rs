//! `Network`: what is to run, and the call that starts it.

use std::sync::Arc;

use indexmap::IndexMap;
use parking_lot::Mutex;
use reflow_graph::{Diagnostic, Name};
use reflow_message::{Message, Value};

use crate::cache::{MemoryCache, ResultCache};
use crate::compile::{self, Feed};
use crate::component::{Catalog, Component};
use crate::connection::ConnectionOptions;
use crate::error::{NetworkError, suggestion};
use crate::event::Event;
use crate::event_bus::{EventBus, EventFilter, EventReader};
use crate::firing::Firing;
use crate::gate::StartRule;
use crate::journal::Journal;
use crate::plan::{ConnectionSpec, InitialSpec, Plan};
use crate::policy::Policy;
use crate::running::Running;
use crate::script::Script;
use crate::tap::{Doorstep, Listener};

/// Packets that may wait on one connection, unless it or the network says otherwise.
pub const DEFAULT_CAPACITY: usize = 128;

/// A description of nodes, connections and initial packets that can be started, again and again.
///
/// Parts may be added in any order; that they fit together is checked by [`start`](Self::start), which reports everything
/// that is wrong at once.
pub struct Network {
    pub(crate) plan: Plan,
    pub(crate) events: Arc<EventBus>,
    /// Listeners of the next run.
    pub(crate) listeners: Arc<Mutex<Doorstep>>,
    cache: Arc<dyn ResultCache>,
}

/// A node to be.
#[derive(Clone, Debug)]
pub struct NodeSpec {
    /// The template id.
    pub component: Name,
    /// The config; null is an empty one.
    pub config: Value,
    /// What happens when an attempt fails.
    pub policy: Option<Policy>,
    /// A firing rule in place of the component's own, as [`Firing::from_value`] reads it.
    pub firing: Option<Value>,
    /// What it waits for before it begins, as [`StartRule::from_value`](crate::StartRule) reads it.
    pub start: Option<Value>,
}

impl NodeSpec {
    /// A node of `component` with the default policy.
    pub fn new(component: impl Into<Name>, config: Value) -> Self {
        Self { component: component.into(), config, policy: None, firing: None, start: None }
    }

    /// A node as a graph describes it: its metadata is its config, in which an object under `policy` and a rule under
    /// `firing` are respected. Anything else under these names is the actor's own.
    ///
    /// # Errors
    /// A text that says what is wrong with the policy.
    pub fn from_metadata(component: impl Into<Name>, metadata: Value) -> Result<Self, String> {
        let policy = metadata.get("policy").filter(|policy| policy.as_object().is_some());
        let policy = policy.map(Policy::from_value).transpose()?;
        let firing = metadata.get("firing").filter(|firing| Firing::from_value(firing).is_ok()).cloned();
        let start = metadata.get("start").filter(|start| StartRule::is_meant(start)).cloned();
        Ok(Self { policy, firing, start, ..Self::new(component, metadata) })
    }
}

/// A node and one of its ports.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Endpoint {
    /// The node.
    pub node: Name,
    /// The port.
    pub port: Name,
}

impl Endpoint {
    /// The port `port` of `node`.
    pub fn new(node: impl Into<Name>, port: impl Into<Name>) -> Self {
        Self { node: node.into(), port: port.into() }
    }
}

impl Default for Network {
    fn default() -> Self {
        Self::new()
    }
}

impl Network {
    /// An empty network.
    pub fn new() -> Self {
        Self {
            plan: Plan::default(),
            events: Arc::new(EventBus::new()),
            listeners: Arc::default(),
            cache: Arc::new(MemoryCache::default()),
        }
    }

    /// Looks components up in `catalog` when they are not registered.
    pub fn set_catalog(&mut self, catalog: Arc<dyn Catalog>) {
        self.plan.catalog = Some(catalog);
    }

    /// How many packets may wait on a connection that does not say itself.
    pub fn set_capacity(&mut self, capacity: usize) {
        self.plan.capacity = capacity.max(1);
    }

    /// How many bytes of payloads events may keep, and in each run the record of failures; what goes beyond is described.
    pub fn set_kept_bytes(&mut self, bytes: u64) {
        self.events.budget().set_limit(bytes);
    }

    /// Where results of ticks are kept whose policy asks for that.
    pub fn cache(&self) -> &Arc<dyn ResultCache> {
        &self.cache
    }

    /// Keeps them elsewhere.
    pub fn set_cache(&mut self, cache: Arc<dyn ResultCache>) {
        self.cache = cache;
    }

    /// Gives its next runs a script: it is written down, or followed.
    pub fn set_script(&mut self, script: Option<Arc<Script>>) {
        self.plan.script = script;
    }

    /// Gives its runs a virtual clock each: it goes to the next thing that is due as soon as nothing is at work.
    pub fn set_virtual_time(&mut self, on: bool) {
        self.plan.virtual_time = on;
    }

    /// Registers a component under a template id.
    ///
    /// # Errors
    /// [`NetworkError::DuplicateComponent`] when the id is taken.
    pub fn register(&mut self, id: impl Into<String>, component: Arc<dyn Component>) -> Result<(), NetworkError> {
        match self.plan.components.entry(id.into()) {
            indexmap::map::Entry::Occupied(entry) => Err(NetworkError::DuplicateComponent(entry.key().clone())),
            indexmap::map::Entry::Vacant(entry) => {
                entry.insert(component);
                Ok(())
            }
        }
    }

    /// Registers a component under a template id in place of the one that has it, which is given back. A run that is under way
    /// keeps its own.
    pub fn replace(&mut self, id: impl Into<String>, component: Arc<dyn Component>) -> Option<Arc<dyn Component>> {
        self.plan.components.insert(id.into(), component)
    }

    /// The component registered under `id`, or the catalog's.
    pub fn component(&self, id: &str) -> Option<Arc<dyn Component>> {
        self.plan.component(id)
    }

    /// Ids of all registered components.
    pub fn component_ids(&self) -> impl Iterator<Item = &str> {
        self.plan.components.keys().map(String::as_str)
    }

    /// Adds a node; one of the same id is replaced.
    pub fn add_node(&mut self, id: impl Into<Name>, node: NodeSpec) {
        self.plan.nodes.insert(id.into(), node);
    }

    /// Ids of all nodes, in order of addition.
    pub fn node_ids(&self) -> impl Iterator<Item = &str> {
        self.plan.nodes.keys().map(Name::as_str)
    }

    /// Adds a connection; the same one again delivers twice. The options bound the packets that may wait on it and say what
    /// happens to the next one; a bare capacity will do.
    pub fn add_connection(&mut self, from: Endpoint, to: Endpoint, options: impl Into<ConnectionOptions>) {
        let plan = &mut self.plan;
        let (mut from, mut to) = (from, to);
        for end in [&mut from, &mut to] {
            // One text a node, however many connections it has.
            if let Some((known, _)) = plan.nodes.get_key_value(&*end.node) {
                end.node = known.clone();
            }
        }
        if let Some(before) = plan.connections.last() {
            // Most ports are called as those of the connection before.
            from.port.share(&before.from.port);
            to.port.share(&before.to.port);
        }
        plan.connections.push(ConnectionSpec { from, to, options: options.into() });
    }

    /// Adds a packet that is there from the start.
    pub fn add_initial(&mut self, to: Endpoint, message: impl Into<Message>) {
        self.plan.initials.push(InitialSpec { to, message: message.into() });
    }

    /// The packets that are there from the start.
    pub fn initials(&self) -> impl Iterator<Item = &Message> {
        self.plan.initials.iter().map(|initial| &initial.message)
    }

    /// Names an inport of the network as a whole, for [`Running::send_input`].
    pub fn add_inport(&mut self, name: impl Into<String>, to: Endpoint) {
        self.plan.inports.insert(name.into(), to);
    }

    /// Names an outport of the network as a whole, whose packets a run to the end collects.
    pub fn add_outport(&mut self, name: impl Into<String>, from: Endpoint) {
        self.plan.outports.insert(name.into(), from);
    }

    /// Names of the network's inports and what they lead to.
    pub fn inports(&self) -> &IndexMap<String, Endpoint> {
        &self.plan.inports
    }

    /// Names of the network's outports and where they come from.
    pub fn outports(&self) -> &IndexMap<String, Endpoint> {
        &self.plan.outports
    }

    /// Subscribes to events. A subscriber that comes late first sees how the run began.
    pub fn events(&self, filter: EventFilter, capacity: usize) -> EventReader {
        self.events.subscribe(filter, capacity)
    }

    /// Listens to an outport of the next run, from its first packet on; see [`Running::listen`].
    ///
    /// # Errors
    /// When there is no such node. That it has such an outport is checked by the start.
    pub fn listen(&self, node: &str, port: &str, capacity: usize) -> Result<Listener, NetworkError> {
        let outer = node.split('/').next().unwrap_or(node);
        if !self.plan.nodes.contains_key(node) && !self.plan.nodes.contains_key(outer) {
            return Err(NetworkError::UnknownNode {
                what: "the call".into(),
                node: node.into(),
                suggestion: suggestion(node, self.node_ids()),
            });
        }
        Ok(self.listeners.lock().add(Endpoint::new(node, port), capacity))
    }

    /// Everything that is wrong, without starting anything.
    pub fn check(&self) -> Vec<NetworkError> {
        self.findings(None).0
    }

    /// [`check`](Self::check), and warnings beside it: ports that are not declared, what configs say in vain and so on.
    /// Warnings keep nothing from running, and there are none as long as the parts of the network do not fit together.
    /// `inputs` are all ports that packets come to from outside, for a run to the end: then nodes that no packet can reach
    /// are among the warnings.
    pub fn findings(&self, inputs: Option<&[Endpoint]>) -> (Vec<NetworkError>, Vec<Diagnostic>) {
        compile::check(&self.plan, inputs)
    }

    /// Starts the network and leaves it open for packets from outside.
    ///
    /// # Errors
    /// Everything that is wrong with the network; nothing was started then.
    pub fn start(&self) -> Result<Running, NetworkError> {
        self.blueprint().start(&Start::default(), |_| {})
    }

    /// Starts a run that ends by itself: nothing comes from outside but what is sent to `inputs` before
    /// [`Running::close_inputs`].
    ///
    /// # Errors
    /// As [`start`](Self::start).
    pub fn start_to_the_end(&self, inputs: &[Endpoint]) -> Result<Running, NetworkError> {
        self.blueprint().start(&Start { inputs: Some(inputs), collect: true, journal: None }, |_| {})
    }

    /// A copy to start from, for callers who cannot keep the network borrowed while its actors are made.
    pub fn blueprint(&self) -> Blueprint {
        let (events, listeners) = (Arc::clone(&self.events), Arc::clone(&self.listeners));
        Blueprint { plan: self.plan.clone(), events, listeners, cache: Arc::clone(&self.cache) }
    }

    /// Tells subscribers that the network was shut down although nothing ran.
    pub fn announce_shutdown(&self) {
        self.events.emit(Event::NetworkShutdown);
        self.events.close();
        self.listeners.lock().end();
    }
}

/// How a network is started.
#[derive(Clone, Copy, Debug, Default)]
pub struct Start<'a> {
    /// A run that ends by itself: nothing comes from outside but what is sent to these ports before
    /// [`Running::close_inputs`]. Without them the network stays open.
    pub inputs: Option<&'a [Endpoint]>,
    /// Whether what leaves by the outports of the network is kept for [`Running::take_outputs`].
    pub collect: bool,
    /// Where the run writes down what it does; it goes on from what is there.
    pub journal: Option<&'a Arc<dyn Journal>>,
}

/// What a network was when it was copied; its runs tell the subscribers of that network.
pub struct Blueprint {
    plan: Plan,
    events: Arc<EventBus>,
    listeners: Arc<Mutex<Doorstep>>,
    cache: Arc<dyn ResultCache>,
}

impl Blueprint {
    /// Keeps results of ticks elsewhere.
    pub fn set_cache(&mut self, cache: Arc<dyn ResultCache>) {
        self.cache = cache;
    }

    /// Starts a run. `ready` gets its handle before the first tick.
    ///
    /// # Errors
    /// As [`Network::start`].
    pub fn start(&self, start: &Start<'_>, ready: impl FnOnce(&Running)) -> Result<Running, NetworkError> {
        let &Start { inputs, collect, journal } = start;
        let feed = Feed { to_the_end: inputs.is_some(), inputs: inputs.unwrap_or_default(), collect, journal };
        compile::launch(&self.plan, &self.events, &self.cache, &self.listeners, &feed, ready)
    }
}

impl Drop for Network {
    fn drop(&mut self) {
        self.events.gone();
        self.listeners.lock().end();
    }
}
