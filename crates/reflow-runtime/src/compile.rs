//! Starting a network: names become dense indices and routing tables, components become actors. After this no string is
//! hashed on the way of a packet.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};

use indexmap::IndexMap;
use parking_lot::{Mutex, RwLock};
use reflow_graph::{Code, Diagnostic, Direction, Place};
use reflow_message::{Object, SharedObject, Value};
use rustc_hash::FxHashMap;
use smallvec::SmallVec;

use crate::activity::{Activity, Sleeper};
use crate::actor::Instance;
use crate::component::{Component, ComponentSpec, Firing, Source};
use crate::diagnose;
use crate::driver::{Driver, Spare, drive};
use crate::error::{NetworkError, suggestion};
use crate::event::Event;
use crate::event_bus::EventBus;
use crate::firing::Assembler;
use crate::host::Host;
use crate::mailbox::{Mailbox, Offer};
use crate::network::{Endpoint, NodeSpec};
use crate::node::{Node, NodeState, Route};
use crate::open::OpenAttempts;
use crate::plan::{ConnectionSpec, Plan};
use crate::run::{Run, RunParts};
use crate::running::Running;
use crate::stray::Strays;
use crate::subgraph::{Boundaries, dissolved};
use crate::tap::{Doorstep, Tap};

/// What reaches a run from outside.
pub(crate) struct Feed<'a> {
    /// Whether the run ends by itself.
    pub(crate) to_the_end: bool,
    /// Ports that will be sent to.
    pub(crate) inputs: &'a [Endpoint],
    /// Whether what leaves by the outports of the network is kept.
    pub(crate) collect: bool,
}

/// A node between its description and its start.
struct Draft<'a> {
    id: Arc<str>,
    spec: &'a NodeSpec,
    component: Arc<dyn Component>,
    description: Arc<ComponentSpec>,
    /// The firing rule that the node asks for itself.
    firing: Option<Firing>,
    folds_ports: bool,
    config: Value,
    inports: Vec<Arc<str>>,
    outports: Vec<Arc<str>>,
    routes: Vec<SmallVec<[Route; 1]>>,
    mailbox: Mailbox,
    /// Links of each inport.
    links: Vec<usize>,
}

/// Everything that is wrong with a network, and everything that is odd about it; see [`diagnose::findings`].
pub(crate) fn check(plan: &Plan, inputs: Option<&[Endpoint]>) -> (Vec<NetworkError>, Vec<Diagnostic>) {
    let alone = |errors| (errors, Vec::new());
    let dissolved = match prepared(plan, inputs.unwrap_or_default()) {
        Ok(dissolved) => dissolved,
        Err(NetworkError::Several(errors)) => return alone(errors),
        Err(NetworkError::Refused(found)) => {
            return alone(found.into_iter().map(|diagnostic| NetworkError::Refused(vec![diagnostic])).collect());
        }
        Err(error) => return alone(vec![error]),
    };
    let inner = match (&dissolved, inputs) {
        (Some((_, boundaries)), Some(inputs)) => match inner_inputs(boundaries, inputs) {
            Ok(inner) => Some(inner),
            Err(error) => return alone(vec![error]),
        },
        _ => inputs.map(<[Endpoint]>::to_vec),
    };
    let plan = dissolved.as_ref().map_or(plan, |(plan, _)| plan);
    let (drafts, mut errors) = drafts(plan);
    let (wrong, mut warnings): (Vec<_>, Vec<_>) =
        diagnose::findings(plan, inner.as_deref()).into_iter().partition(Diagnostic::is_error);
    errors.extend(wrong.into_iter().map(|diagnostic| NetworkError::Refused(vec![diagnostic])));
    for draft in &drafts {
        let problems = draft.component.check_config(&draft.config);
        errors.extend(
            problems.into_iter().map(|problem| NetworkError::Refused(vec![draft.finding(Code::BadConfig, problem)])),
        );
        let ignored = draft.component.config_warnings(&draft.config);
        warnings.extend(ignored.into_iter().map(|message| draft.finding(Code::IgnoredConfig, message)));
    }
    (errors, warnings)
}

pub(crate) fn launch(
    plan: &Plan,
    events: &Arc<EventBus>,
    listeners: &Mutex<Doorstep>,
    feed: &Feed<'_>,
    ready: impl FnOnce(&Running),
) -> Result<Running, NetworkError> {
    static RUNS: AtomicU64 = AtomicU64::new(1);
    let number = RUNS.fetch_add(1, Ordering::Relaxed);
    let dissolved = prepared(plan, feed.inputs)?;
    let (plan, boundaries) = match dissolved {
        Some((ref plan, boundaries)) => (plan, boundaries),
        None => (plan, Boundaries::default()),
    };
    let inputs = inner_inputs(&boundaries, feed.inputs)?;
    let feed = &Feed { inputs: &inputs, ..*feed };
    let (mut drafts, mut errors) = drafts(plan);
    let index: FxHashMap<String, u32> = plan.nodes.keys().cloned().zip(0..).collect();
    let doors = listeners.lock().ends();
    errors.extend(doors.iter().filter_map(|end| deaf(&boundaries, &index, &drafts, plan, end)));
    if !errors.is_empty() {
        return Err(NetworkError::of(errors));
    }
    let activity = Arc::new(Activity::default());
    for connection in &plan.connections {
        connect(&mut drafts, &index, connection, plan.capacity);
    }
    let nobody = Sleeper::new(Arc::clone(&activity));
    let mut initial_links: FxHashMap<(u32, u16), u32> = FxHashMap::default();
    let mut received = Vec::with_capacity(plan.initials.len());
    for initial in &plan.initials {
        let at = index[&initial.to.node];
        let draft = &mut drafts[at as usize];
        let port = draft.inport(&initial.to.port);
        let link = *initial_links.entry((at, port)).or_insert_with(|| draft.link(port, usize::MAX, None));
        // An initial has no bound, so it is always taken.
        let offer = draft.mailbox.offer(link, initial.message.clone(), &nobody);
        debug_assert!(matches!(offer, Offer::Taken { .. }));
        received.push((Arc::clone(&draft.id), Arc::clone(&draft.inports[usize::from(port)]), initial.message.clone()));
    }
    for ((node, _), link) in initial_links {
        let _ = drafts[node as usize].mailbox.close_link(link);
    }
    for from in plan.outports.values() {
        // An outport of the network exists even if nothing else is connected to it.
        drafts[index[&from.node] as usize].outport(&from.port);
    }
    let mut nodes = Vec::with_capacity(drafts.len());
    let mut actors = Vec::with_capacity(drafts.len());
    for draft in drafts {
        match draft.component.instantiate(&draft.config) {
            Ok(instance) => {
                errors.extend(draft.unfit(&instance).map(|problem| draft.bad_config(problem)));
                let spare = draft.spare();
                let (mut node, assembler, source) = draft.finish(&activity, feed, &plan.inports);
                node.hosted = matches!(instance, Instance::Hosted(_));
                nodes.push(node);
                actors.push((instance, assembler, source, spare));
            }
            Err(problem) => errors.push(draft.bad_config(problem)),
        }
    }
    if !errors.is_empty() {
        return Err(NetworkError::of(errors));
    }
    let run = Run::new(RunParts {
        number,
        nodes,
        activity,
        events: Arc::clone(events),
        capacity: plan.capacity,
        boundaries: Arc::new(boundaries),
    });
    let mut outputs = Vec::new();
    if feed.collect {
        for (name, from) in &plan.outports {
            let node = &run.nodes[run.node(&from.node)? as usize];
            let port = node.outport(&from.port).unwrap_or(u16::MAX);
            outputs.push((name.clone(), run.add_tap(node, port, Tap::new(usize::MAX))));
        }
    }
    for (end, tap) in listeners.lock().take() {
        let (node, port) = run.boundaries.behind(Direction::Out, &end.node, &end.port)?;
        run.listen_with(node, port, tap)?;
    }
    let running = Running::new(Arc::clone(&run), plan.inports.clone(), feed.collect.then_some(outputs));
    let counted = Arc::downgrade(&run);
    run.events.run_begins(move || counted.upgrade().map_or(0, |run| run.packets_sent()));
    run.events.emit(Event::NetworkStarted);
    for (subgraph, component) in run.boundaries.nodes() {
        run.events.emit(Event::ActorStarted { actor: subgraph.into(), component: component.into() });
    }
    for node in &run.nodes {
        run.events.emit(Event::ActorStarted { actor: Arc::clone(&node.id), component: Arc::clone(&node.component) });
    }
    if run.events.wants_packets() {
        for (actor, port, message) in received {
            let (actor, port) = run.boundaries.shown(reflow_graph::Direction::In, &actor, port, "");
            run.events.emit(Event::MessageReceived { actor, port, message });
        }
    }
    // The start itself is activity: until every node is spawned, nothing is idle.
    run.activity.begin();
    if feed.to_the_end && feed.inputs.is_empty() {
        run.close_outside();
    }
    // Whoever starts a network has its handle before the first tick can ask for it.
    ready(&running);
    spawn(&run, actors);
    Ok(running)
}

fn spawn(run: &Arc<Run>, actors: Vec<(Instance, Assembler, bool, Spare)>) {
    // Every node is active from the moment it is spawned.
    for (index, (instance, assembler, source, spare)) in (0..).zip(actors) {
        run.activity.begin();
        let host = match &instance {
            Instance::Hosted(actor) => Some(actor.host()),
            Instance::Sync(_) | Instance::Async(_) => None,
        };
        let task = Box::pin(drive(Driver::new(run.handle(index), instance, assembler, source, spare)));
        match host {
            Some(host) => host.spawn(task),
            None => Host::spawn(&**run.native(), task),
        }
    }
    run.end_activity();
}

/// Refuses a plan with mistakes, and dissolves its subgraphs if it has any.
fn prepared(plan: &Plan, inputs: &[Endpoint]) -> Result<Option<(Plan, Boundaries)>, NetworkError> {
    diagnose::verify(plan, inputs)?;
    dissolved(plan)
}

/// Where packets from outside go when they are sent to ports of subgraphs.
fn inner_inputs(boundaries: &Boundaries, inputs: &[Endpoint]) -> Result<Vec<Endpoint>, NetworkError> {
    let behind = |input: &Endpoint| {
        let (node, port) = boundaries.behind(reflow_graph::Direction::In, &input.node, &input.port)?;
        Ok(Endpoint::new(node, port))
    };
    inputs.iter().map(behind).collect()
}

/// Why nobody can listen there: the node or the outport does not exist.
fn deaf(
    boundaries: &Boundaries,
    index: &FxHashMap<String, u32>,
    drafts: &[Draft<'_>],
    plan: &Plan,
    end: &Endpoint,
) -> Option<NetworkError> {
    let (node, port) = match boundaries.behind(Direction::Out, &end.node, &end.port) {
        Ok(behind) => behind,
        Err(error) => return Some(error),
    };
    let Some(draft) = index.get(node).and_then(|at| drafts.get(*at as usize)) else {
        let suggestion = suggestion(node, index.keys().map(String::as_str));
        return Some(NetworkError::UnknownNode { what: "a listener".into(), node: node.into(), suggestion });
    };
    let connected = plan.connections.iter().map(|connection| &connection.from).chain(plan.outports.values());
    let exists = draft.position(&draft.outports, port).is_some()
        || connected.into_iter().any(|from| from.node == node && from.port == port);
    (!exists).then(|| NetworkError::unknown_port(node, Direction::Out, port, &draft.outports))
}

/// Resolves components, configs and policies of all nodes.
fn drafts(plan: &Plan) -> (Vec<Draft<'_>>, Vec<NetworkError>) {
    let mut errors = Vec::new();
    let mut drafts = Vec::with_capacity(plan.nodes.len());
    for (id, spec) in &plan.nodes {
        let Some(component) = plan.component_of(id, spec) else {
            let known = plan.component_ids();
            errors.push(NetworkError::UnknownComponent {
                node: id.clone(),
                component: spec.component.clone(),
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
        let names =
            |ports: &[crate::PortSpec]| -> Vec<Arc<str>> { ports.iter().map(|port| (&*port.name).into()).collect() };
        let draft = Draft {
            id: id.as_str().into(),
            inports: names(&description.inports),
            outports: names(&description.outports),
            routes: vec![SmallVec::new(); description.outports.len()],
            links: vec![0; description.inports.len()],
            firing: None,
            folds_ports: plan.folds_ports,
            mailbox: Mailbox::default(),
            spec,
            component,
            description,
            config,
        };
        drafts.push(draft);
        if let Some(firing) = &spec.firing {
            let last = drafts.len() - 1;
            match firing_of(firing) {
                Ok(firing) => drafts[last].firing = Some(firing),
                Err(problem) => errors.push(drafts[last].bad_config(problem)),
            }
        }
    }
    (drafts, errors)
}

fn connect(drafts: &mut [Draft<'_>], index: &FxHashMap<String, u32>, connection: &ConnectionSpec, capacity: usize) {
    let ConnectionSpec { from, to, capacity: own } = connection;
    let (source, target) = (index[&from.node], index[&to.node]);
    let outport = drafts[source as usize].outport(&from.port);
    let latest = {
        // A connection conflates when the port at either end says so.
        let says = |ports: &[crate::PortSpec], name: &str| ports.iter().any(|port| port.latest && port.name == name);
        says(&drafts[source as usize].description.outports, &from.port)
            || says(&drafts[target as usize].description.inports, &to.port)
    };
    let draft = &mut drafts[target as usize];
    let inport = draft.inport(&to.port);
    let link = draft.link(inport, own.unwrap_or(capacity).max(1), latest.then_some(false));
    drafts[source as usize].routes[usize::from(outport)].push(Route { target, link });
}

impl Draft<'_> {
    fn bad_config(&self, problem: String) -> NetworkError {
        NetworkError::BadConfig { node: self.id.to_string(), component: self.spec.component.clone(), problem }
    }

    fn finding(&self, code: Code, message: String) -> Diagnostic {
        Diagnostic {
            code,
            severity: code.severity(),
            place: Place::Node { node: (&*self.id).into() },
            message,
            hint: None,
        }
    }

    /// What a policy asks for that the actor cannot do.
    fn unfit(&self, instance: &Instance) -> Option<String> {
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
    fn spare(&self) -> Spare {
        let component = Arc::clone(&self.component);
        let config = self.config.clone();
        Box::new(move || match component.instantiate(&config) {
            Ok(Instance::Async(actor)) => Some(actor),
            _ => None,
        })
    }

    /// The port of this name; where case does not matter, one that differs by case only.
    fn position(&self, ports: &[Arc<str>], name: &str) -> Option<u16> {
        let folded = || {
            let name = name.to_lowercase();
            ports.iter().position(|known| known.to_lowercase() == name)
        };
        let exact = ports.iter().position(|known| **known == *name);
        exact.or_else(|| if self.folds_ports { folded() } else { None }).map(|port| port as u16)
    }

    fn inport(&mut self, name: &str) -> u16 {
        if let Some(port) = self.position(&self.inports, name) {
            return port;
        }
        self.inports.push(name.into());
        self.links.push(0);
        (self.inports.len() - 1) as u16
    }

    fn outport(&mut self, name: &str) -> u16 {
        if let Some(port) = self.position(&self.outports, name) {
            return port;
        }
        self.outports.push(name.into());
        self.routes.push(SmallVec::new());
        (self.outports.len() - 1) as u16
    }

    fn link(&mut self, port: u16, capacity: usize, latest: Option<bool>) -> u32 {
        self.links[usize::from(port)] += 1;
        self.mailbox.add_link(port, capacity, latest)
    }

    /// The firing rule of the node; `doors` are the inports that packets come to from outside.
    fn firing(&mut self, doors: &[u16]) -> Firing {
        let own = self.firing.take();
        own.unwrap_or_else(|| {
            let connected = (0_u16..).zip(&self.links).filter(|(port, links)| **links > 0 || doors.contains(port));
            let connected: Vec<&str> = connected.map(|(port, _)| &*self.inports[usize::from(port)]).collect();
            self.component.firing(&self.config, &connected)
        })
    }

    fn finish(
        mut self,
        activity: &Arc<Activity>,
        feed: &Feed<'_>,
        graph_inports: &IndexMap<String, Endpoint>,
    ) -> (Node, Assembler, bool) {
        let declared = self.description.inports.len();
        let id = Arc::clone(&self.id);
        let mut doors: Vec<u16> = Vec::new();
        for input in feed.inputs.iter().filter(|input| *input.node == *id) {
            doors.push(self.inport(&input.port));
        }
        let mut outside = !doors.is_empty();
        let unfed = self.links.iter().all(|links| *links == 0) && !outside;
        let source = unfed
            && match self.description.source {
                Source::No => false,
                Source::ToTheEnd => feed.to_the_end,
                Source::Yes => true,
            };
        if !feed.to_the_end && !source {
            // In an open network, a port that nothing feeds waits for packets from outside.
            outside |= unfed || self.links[..declared].contains(&0);
        }
        if !feed.to_the_end {
            let inports = graph_inports.values().filter(|inport| *inport.node == *id);
            doors.extend(inports.filter_map(|inport| self.position(&self.inports, &inport.port)));
        }
        let firing = self.firing(&doors);
        let port = |name: &std::borrow::Cow<'static, str>| {
            self.inports.iter().position(|known| **known == **name).map(|port| port as u16)
        };
        let assembler = match &firing {
            Firing::Any => Assembler::Any,
            Firing::All { latest, optional } => Assembler::all(
                declared,
                &latest.iter().filter_map(port).collect::<Vec<_>>(),
                &optional.iter().filter_map(port).collect::<Vec<_>>(),
            ),
            Firing::Latest => Assembler::latest(declared),
            Firing::Required(required) => {
                Assembler::required(declared, &required.iter().filter_map(port).collect::<Vec<_>>(), &self.links)
            }
        };
        let node = Node {
            id: self.id,
            component: self.spec.component.as_str().into(),
            config: self.config,
            policy: self.spec.policy.clone().filter(|policy| *policy != crate::Policy::default()).map(Box::new),
            hosted: false,
            inports: RwLock::new(self.inports),
            declared_inports: declared,
            outports: self.outports,
            routes: self.routes,
            mailbox: self.mailbox,
            sleeper: Sleeper::new(Arc::clone(activity)),
            open: OpenAttempts::default(),
            counters: crate::stats::Counters::default(),
            strays: Strays::new(self.component.open_ports(), self.description.outports.len()),
            pools: crate::Pools::default(),
            facts: parking_lot::Mutex::default(),
            state: AtomicU8::new(NodeState::Waiting as u8),
            holds: AtomicUsize::new(0),
            outside: AtomicBool::new(outside),
            outside_links: Mutex::default(),
            taps: RwLock::default(),
            tapped: AtomicBool::new(false),
            exhausted: AtomicBool::new(false),
        };
        (node, assembler, source)
    }
}

/// The firing rule that a node's metadata asks for.
pub(crate) fn firing_of(value: &Value) -> Result<Firing, String> {
    if let Some(latest) = value.get("latest").and_then(Value::as_array) {
        let names = latest.iter().map(|name| name.as_str().map(|name| name.to_string().into()));
        if let Some(latest) = names.collect() {
            return Ok(Firing::All { latest, optional: Vec::new() });
        }
    }
    match value.as_str() {
        Some("any") => Ok(Firing::Any),
        Some("all") => Ok(Firing::all()),
        Some("latest") => Ok(Firing::Latest),
        _ => Err(format!("firing: expected \"any\", \"all\", \"latest\" or {{\"latest\": [inports]}}, got {value}")),
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
