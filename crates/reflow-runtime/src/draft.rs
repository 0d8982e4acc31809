//! `Draft`: a node between its description and its start.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize};

use indexmap::IndexMap;
use parking_lot::{Mutex, RwLock};
use reflow_graph::{Code, Diagnostic, Place};
use reflow_message::{Object, SharedObject, Value};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::activity::{Activity, Sleeper};
use crate::actor::Instance;
use crate::assembler::Assembler;
use crate::cache::Results;
use crate::compile::Feed;
use crate::component::{Component, ComponentSpec, PortSpec, Source};
use crate::connection::Overflow;
use crate::driver::Spare;
use crate::error::{NetworkError, suggestion};
use crate::firing::{By, Firing};
use crate::gate::StartRule;
use crate::gather::Gatherer;
use crate::join::{Common, Matcher, path};
use crate::mailbox::{Mailbox, Room};
use crate::marks::Marks;
use crate::network::{Endpoint, NodeSpec};
use crate::node::{Node, Route};
use crate::node_state::NodeState;
use crate::plan::Plan;
use crate::policy::Policy;
use crate::port_table::{PortTable, number};
use crate::rechunk::Rechunker;

/// A node between its description and its start.
pub(crate) struct Draft<'a> {
    pub(crate) id: Arc<str>,
    pub(crate) spec: &'a NodeSpec,
    pub(crate) component: Arc<dyn Component>,
    pub(crate) description: Arc<ComponentSpec>,
    /// The firing rule that the node asks for itself.
    pub(crate) firing: Option<Firing>,
    /// How many ticks its component runs at once.
    pub(crate) concurrency: usize,
    pub(crate) config: Value,
    pub(crate) inports: PortTable,
    pub(crate) outports: PortTable,
    pub(crate) routes: Vec<SmallVec<[Route; 1]>>,
    /// Connections that cut what goes over them.
    pub(crate) rechunkers: Vec<Rechunker>,
    /// What it waits for before it begins.
    pub(crate) start: Option<StartRule>,
    /// The links of its mailbox: inport, and how each deals with packets for which there is no room.
    pub(crate) links: Vec<(u16, Room)>,
}

/// The ports that a component declares.
struct Declared {
    inports: PortTable,
    outports: PortTable,
}

impl Declared {
    fn of(description: &ComponentSpec, folds: bool) -> Self {
        let names = |ports: &[PortSpec]| PortTable::new(ports.iter().map(|port| (&*port.name).into()), folds);
        Self { inports: names(&description.inports), outports: names(&description.outports) }
    }
}

/// Inports that packets come to from outside, by node: looked through once for all nodes.
pub(crate) struct Doors<'a> {
    to_the_end: bool,
    /// Ports that will be sent to.
    inputs: ByNode<'a>,
    /// What the inports of the network lead to.
    named: ByNode<'a>,
}

type ByNode<'a> = FxHashMap<&'a str, Vec<&'a str>>;

impl<'a> Doors<'a> {
    pub(crate) fn new(feed: &Feed<'a>, inports: &'a IndexMap<String, Endpoint>) -> Self {
        Self { to_the_end: feed.to_the_end, inputs: by_node(feed.inputs), named: by_node(inports.values()) }
    }
}

fn by_node<'a>(ends: impl IntoIterator<Item = &'a Endpoint>) -> ByNode<'a> {
    let mut found = ByNode::default();
    for end in ends {
        found.entry(&end.node).or_default().push(&end.port);
    }
    found
}

/// What feeds a node.
pub(crate) struct Fed {
    /// Inports that packets come to from outside.
    pub(crate) doors: Vec<u16>,
    /// Those of them that somebody has named.
    pub(crate) named: Vec<u16>,
    /// Whether packets from outside may come.
    pub(crate) outside: bool,
    /// Whether it runs without inputs.
    pub(crate) source: bool,
}

/// Resolves components, configs and policies of all nodes.
pub(crate) fn drafts(plan: &Plan) -> (Vec<Draft<'_>>, Vec<NetworkError>) {
    let mut errors = Vec::new();
    let mut drafts = Vec::with_capacity(plan.nodes.len());
    // Descriptions are kept by the drafts, so none is at the place of another.
    let mut known: FxHashMap<*const ComponentSpec, Declared> = FxHashMap::default();
    for (id, spec) in &plan.nodes {
        let Some(component) = plan.component_of(id, spec) else {
            let known = plan.component_ids();
            errors.push(NetworkError::UnknownComponent {
                node: id.to_string(),
                component: spec.component.to_string(),
                suggestion: suggestion(&spec.component, known.iter().map(String::as_str)),
            });
            continue;
        };
        let config = match config_of(id, &spec.config) {
            Ok(config) => config,
            Err(error) => {
                errors.push(error);
                continue;
            }
        };
        let description = component.spec();
        let declared =
            known.entry(Arc::as_ptr(&description)).or_insert_with(|| Declared::of(&description, plan.folds_ports));
        let draft = Draft {
            id: id.clone().into(),
            inports: declared.inports.clone(),
            outports: declared.outports.clone(),
            routes: vec![SmallVec::new(); description.outports.len()],
            rechunkers: Vec::new(),
            start: None,
            links: Vec::new(),
            firing: None,
            concurrency: 1,
            spec,
            component,
            description,
            config,
        };
        drafts.push(draft);
        if let Some(firing) = &spec.firing {
            let last = drafts.len() - 1;
            match Firing::from_value(firing) {
                Ok(firing) => drafts[last].firing = Some(firing),
                Err(problem) => errors.push(drafts[last].bad_config(problem)),
            }
        }
        if let Some(start) = &spec.start {
            let last = drafts.len() - 1;
            match StartRule::from_value(start) {
                Ok(rule) => drafts[last].start = Some(rule),
                Err(problem) => errors.push(drafts[last].bad_config(problem)),
            }
        }
    }
    (drafts, errors)
}

impl Draft<'_> {
    pub(crate) fn bad_config(&self, problem: String) -> NetworkError {
        NetworkError::BadConfig { node: self.id.to_string(), component: self.spec.component.to_string(), problem }
    }

    pub(crate) fn finding(&self, code: Code, message: String) -> Diagnostic {
        Diagnostic {
            code,
            severity: code.severity(),
            place: Place::Node { node: (&*self.id).into() },
            message,
            hint: None,
        }
    }

    /// What a policy asks for that the actor cannot do.
    pub(crate) fn unfit(&self, instance: &Instance) -> Option<String> {
        let policy = self.spec.policy.as_ref()?;
        let batches = matches!(instance, Instance::Hosted(actor) if actor.batch_limit() > 1);
        let computes = matches!(instance, Instance::Sync(_));
        if batches && policy.timeout_ms.is_some() {
            return Some("policy: `timeout_ms` cannot be used with an actor that takes batches".into());
        }
        if policy.concurrency > 1 && (batches || computes) {
            let kind = if batches { "takes batches" } else { "computes and never waits" };
            return Some(format!("policy: `concurrency` above 1 cannot be used with an actor that {kind}"));
        }
        None
    }

    /// Where further actors of the node come from, if its policy lets several ticks run at once.
    pub(crate) fn spare(&self) -> Spare {
        let component = Arc::clone(&self.component);
        let config = self.config.clone();
        Box::new(move || component.instantiate(&config).ok())
    }

    pub(crate) fn inport(&mut self, name: &str) -> u16 {
        self.inports.find_or_add(name)
    }

    pub(crate) fn outport(&mut self, name: &str) -> u16 {
        let port = self.outports.find_or_add(name);
        self.routes.resize(self.outports.len(), SmallVec::new());
        port
    }

    /// A place among the outports for the pieces that a connection makes of what leaves by one.
    pub(crate) fn cut(&mut self, outport: u16, rule: &crate::rechunk::Rechunk) -> u16 {
        let name = format!("{}#{}", self.outports[usize::from(outport)], self.rechunkers.len() + 1);
        let to = self.outports.add(name.into());
        self.routes.push(SmallVec::new());
        self.rechunkers.push(Rechunker::new(outport, to, rule.clone()));
        to
    }

    /// The index of an inport that is declared or connected.
    pub(crate) fn known_inport(&self, name: &str) -> Option<u16> {
        self.inports.find(name)
    }

    pub(crate) fn link(&mut self, port: u16, room: Room) -> u32 {
        self.links.push((port, room));
        (self.links.len() - 1) as u32
    }

    /// How many links each inport has.
    fn links_of_ports(&self) -> Vec<usize> {
        let mut links = vec![0; self.inports.len()];
        self.links.iter().for_each(|(port, _)| links[usize::from(*port)] += 1);
        links
    }

    pub(crate) fn declared(&self) -> usize {
        self.description.inports.len()
    }

    /// The declared inports of which a tick takes a packet that is its own.
    pub(crate) fn paired(&self, rule: &Firing) -> impl Iterator<Item = u16> {
        let remembered = rule.latest().iter().chain(rule.optional());
        let remembered: Vec<u16> = remembered.filter_map(|name| self.known_inport(name)).collect();
        let declared = if rule.pairs() { number(self.declared()) } else { 0 };
        (0..declared).filter(move |port| !remembered.contains(port))
    }

    pub(crate) fn feed(&mut self, from_outside: &Doors<'_>) -> Fed {
        let id = Arc::clone(&self.id);
        let to_the_end = from_outside.to_the_end;
        let inputs = from_outside.inputs.get(&*id).into_iter().flatten();
        let mut doors: Vec<u16> = inputs.map(|port| self.inport(port)).collect();
        let mut outside = !doors.is_empty();
        let unfed = self.links.is_empty() && !outside;
        let source = unfed
            && match self.description.source {
                Source::No => false,
                Source::ToTheEnd => to_the_end,
                Source::Yes => true,
            };
        if !to_the_end && !source {
            // In an open network, a port that nothing feeds waits for packets from outside.
            outside |= unfed || !self.links_of_ports()[..self.declared()].iter().all(|links| *links > 0);
        }
        if !to_the_end {
            // A component that leaves its ports open gets one of this name; for others a check has been here.
            let named = from_outside.named.get(&*id).into_iter().flatten();
            doors.extend(named.map(|port| self.inport(port)));
        }
        Fed { named: doors.clone(), doors, outside, source }
    }

    /// The firing rule of the node; `doors` are the inports that packets come to from outside.
    pub(crate) fn firing(&mut self, doors: &[u16]) -> Firing {
        let own = self.firing.take();
        let mut links = self.links_of_ports();
        doors.iter().for_each(|door| links[usize::from(*door)] += 1);
        let ports = links.iter().zip(&*self.inports);
        let connected: Vec<&str> = ports.filter(|(links, _)| **links > 0).map(|(_, name)| &**name).collect();
        self.concurrency = self.component.concurrency(&self.config, &connected);
        own.unwrap_or_else(|| self.component.firing(&self.config, &connected))
    }

    /// What the node's policy says, or its component where that says nothing.
    fn policy(&self) -> Option<Box<Policy>> {
        let mut policy = self.spec.policy.clone().unwrap_or_default();
        if policy.concurrency == 1 {
            policy.concurrency = self.concurrency.max(1);
        }
        (policy != Policy::default()).then(|| Box::new(policy))
    }

    /// Inports that keep their newest packet; with `true`, objects are merged.
    pub(crate) fn latest(&self, rule: &Firing) -> SmallVec<[(u16, bool); 1]> {
        let declared = (0_u16..).zip(&self.description.inports);
        if *rule == Firing::Latest {
            return declared.map(|(port, _)| (port, true)).collect();
        }
        let says = declared.filter(|(_, port)| port.latest).map(|(port, _)| port);
        let mut latest: SmallVec<[(u16, bool); 1]> = says.map(|port| (port, false)).collect();
        for port in rule.latest().iter().filter_map(|name| self.known_inport(name)) {
            if latest.iter().all(|(known, _)| *known != port) {
                latest.push((port, false));
            }
        }
        latest
    }

    pub(crate) fn assembler(
        &self,
        rule: &Firing,
        (groups, forks): (Vec<Vec<u16>>, Vec<Option<u32>>),
        join: u64,
        gathered: Option<u32>,
    ) -> Assembler {
        let declared = self.declared();
        let places = |names: &[std::borrow::Cow<'static, str>]| -> Vec<u16> {
            names.iter().filter_map(|name| self.known_inport(name)).collect()
        };
        let all = |groups| Assembler::all(declared, &places(rule.latest()), &places(rule.optional()), groups);
        match rule {
            Firing::Any => Assembler::Any,
            Firing::Latest => Assembler::latest(declared),
            Firing::Gather(_) => {
                let mut ports: Vec<u16> = self.links.iter().map(|(port, _)| *port).collect();
                ports.sort_unstable();
                ports.dedup();
                Assembler::Gather(Box::new(Gatherer::new(gathered.unwrap_or(u32::MAX), ports)))
            }
            Firing::Required(required) => Assembler::required(declared, &places(required), &self.links_of_ports()),
            Firing::All { .. } => {
                let matcher = |(ports, fork)| Matcher::new(ports, Common::Origin, None, None, join).parting_at(fork);
                all(groups.into_iter().zip(forks).map(matcher).collect())
            }
            Firing::Join(rule) => {
                let common = |ports: &[u16]| match &rule.by {
                    By::Key(paths) => {
                        let way = |port: &u16| paths.get(&*self.inports[usize::from(*port)]).map(|text| path(text));
                        Common::Key(ports.iter().map(|port| way(port).unwrap_or_default()).collect())
                    }
                    _ => Common::Origin,
                };
                let matcher = |(ports, fork): (Vec<u16>, Option<u32>)| {
                    let common = common(&ports);
                    Matcher::new(ports, common, rule.timeout, rule.bound, join).parting_at(fork)
                };
                all(groups.into_iter().zip(forks).map(matcher).collect())
            }
        }
    }

    pub(crate) fn finish(
        mut self,
        activity: &Arc<Activity>,
        fed: &Fed,
        firing: &Firing,
        groups: (Vec<Vec<u16>>, Vec<Option<u32>>),
        carries: &[bool],
        (place, gathered): (usize, Option<u32>),
    ) -> (Node, Assembler) {
        let join = if groups.0.is_empty() { 0 } else { 1 << (place % 64) };
        let assembler = self.assembler(firing, groups, join, gathered);
        let latest = self.latest(firing);
        let mailbox = Mailbox::default();
        let mut keeps_newest = !latest.is_empty();
        for (port, room) in &self.links {
            let newest = latest.iter().find(|(at, _)| at == port);
            let room = match (room, newest) {
                // Packets that are there from the start all count.
                (Room::Bounded(usize::MAX, _), _) | (_, None) => *room,
                (_, Some((_, merges))) => Room::Latest(*merges),
            };
            keeps_newest |= matches!(room, Room::Bounded(_, Overflow::Newest));
            mailbox.add_link(*port, room);
        }
        for route in self.routes.iter_mut().flatten() {
            route.carries = carries[route.target as usize];
        }
        let unmatched = match firing {
            Firing::Join(join) => self.outports.find(&join.unmatched),
            _ => self.outports.find(crate::firing::UNMATCHED),
        };
        let declared = self.declared();
        let policy = self.policy();
        let results = policy.as_ref().and_then(|policy| policy.cache.as_ref()).map(|cache| {
            let description = &self.description;
            Box::new(Results::new(cache, &self.spec.component, &description.version, &self.config))
        });
        let orders = policy.as_ref().is_some_and(|policy| policy.concurrency > 1 && policy.ordered);
        let departures = orders.then(|| Box::new(crate::departures::Departures::new()));
        let node = Node {
            id: self.id,
            component: self.spec.component.clone().into(),
            config: self.config,
            hosted: false,
            hears: true,
            as_is: 0,
            policy,
            inports: RwLock::new(self.inports),
            doors: fed.named.clone(),
            declared_inports: declared,
            outports: self.outports,
            routes: self.routes,
            mailbox,
            sleeper: Sleeper::new(Arc::clone(activity)),
            counters: crate::stats::Counters::default(),
            open: crate::open_attempts::OpenAttempts::default(),
            departures,
            strays: crate::stray::Strays::new(self.component.open_ports(), self.description.outports.len()),
            facts: crate::facts::Facts::default(),
            late: crate::late::Late::default(),
            awaited: crate::awaited::AwaitedSignals::default(),
            pools: crate::Pools::default(),
            state: AtomicU8::new(NodeState::Waiting as u8),
            holds: AtomicUsize::new(0),
            outside: AtomicBool::new(fed.outside),
            outside_links: Mutex::default(),
            asked_links: Mutex::default(),
            taps: RwLock::default(),
            tapped: AtomicBool::new(false),
            answers: SmallVec::new(),
            exhausted: AtomicBool::new(false),
            carries: carries[place],
            is_source: false,
            mint: None,
            join,
            results,
            scatter: None,
            awaited_groups: None,
            ends: None,
            unmatched: unmatched.filter(|_| firing.leaves_over()),
            latest,
            keeps_newest,
            recorder: None,
            rechunkers: self.rechunkers,
            gate: None,
            begun: AtomicBool::new(false),
            watched: AtomicBool::new(false),
            marks: Marks::new(fed.source),
        };
        (node, assembler)
    }
}

/// The config of a node with its environment variables resolved.
fn config_of(node: &str, config: &Value) -> Result<Value, NetworkError> {
    let config = if config.is_null() { Value::Object(SharedObject::default()) } else { config.clone() };
    let Some(rules) = config.get("env_vars").and_then(Value::as_object) else { return Ok(config) };
    let mut resolved = Object::new();
    for (name, rule) in rules {
        let value = std::env::var(&**name).ok();
        let rule = rule.as_str().unwrap_or("required");
        let value = match rule.strip_prefix("optional:") {
            Some(default) => Some(value.unwrap_or_else(|| default.into())),
            None if rule.starts_with("required") && value.is_none() => {
                return Err(NetworkError::MissingVariable { node: node.into(), variable: name.to_string() });
            }
            None => value,
        };
        resolved.extend(value.map(|value| (Arc::clone(name), Value::from(value))));
    }
    Ok(config.merged_with(&Value::from(resolved)))
}
