//! Starting a network: names become dense indices and routing tables, components become actors. After this no string is
//! hashed on the way of a packet.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use parking_lot::Mutex;
use reflow_graph::{Code, Diagnostic, Direction, Name, Place};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::activity::{Activity, Sleeper};
use crate::actor::Instance;
use crate::cache::ResultCache;
use crate::component::PortSpec;
use crate::connection::{ConnectionOptions, Overflow};
use crate::diagnose;
use crate::draft::{Doors, Draft, Fed, drafts};
use crate::driver::Seed;
use crate::error::{NetworkError, suggestion};
use crate::event::Event;
use crate::event_bus::EventBus;
use crate::firing::{By, Firing};
use crate::gate::{Gate, StartRule};
use crate::gather::{GatheredBy, Scatter};
use crate::gathering::{Gathered, gathered};
use crate::host::Host;
use crate::journal::Journal;
use crate::mailbox::Room;
use crate::network::Endpoint;
use crate::node::{Node, Route};
use crate::origin::can_number_groups_of;
use crate::packet::{Outgoing, Packet};
use crate::pairing::{Joins, Shape, Sources, forks, leading_to};
use crate::plan::{ConnectionSpec, Plan};
use crate::port_count::crowded;
use crate::restore::{self, Journaled};
use crate::run::{Run, RunParts};
use crate::running::Running;
use crate::subgraph::{Boundaries, dissolved};
use crate::tap::{Doorstep, Tap};

/// What reaches a run from outside.
pub(crate) struct Feed<'a> {
    /// Whether the run ends by itself.
    pub(crate) to_the_end: bool,
    /// Whether what leaves by the outports of the network is kept.
    pub(crate) collect: bool,
    /// Ports that will be sent to.
    pub(crate) inputs: &'a [Endpoint],
    /// Where the run writes down what it does.
    pub(crate) journal: Option<&'a Arc<dyn Journal>>,
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
    let (mut drafts, mut errors) = drafts(plan);
    let (wrong, mut warnings): (Vec<_>, Vec<_>) =
        diagnose::findings(plan, inner.as_deref()).into_iter().partition(Diagnostic::is_error);
    let refused = |diagnostic| NetworkError::Refused(vec![diagnostic]);
    errors.extend(wrong.into_iter().map(refused));
    errors.extend(crowded(&drafts, plan, inner.as_deref().unwrap_or_default()).into_iter().map(refused));
    if errors.is_empty() {
        errors.extend(wrong_connections(plan));
        errors.extend(gates(&drafts, plan).1);
    }
    if errors.is_empty() {
        let (wrong, odd): (Vec<_>, Vec<_>) = meetings(&mut drafts, plan).into_iter().partition(Diagnostic::is_error);
        errors.extend(wrong.into_iter().map(refused));
        warnings.extend(odd);
    }
    for draft in &drafts {
        let problems = draft.component.check_config(&draft.config);
        errors.extend(
            problems.into_iter().map(|problem| NetworkError::Refused(vec![draft.finding(Code::BadConfig, problem)])),
        );
        let ignored = diagnose::config_warnings(&*draft.component, &draft.config);
        warnings.extend(ignored.into_iter().map(|message| draft.finding(Code::IgnoredConfig, message)));
    }
    (errors, warnings)
}

/// What a check finds in how many ports there are, and in how packets are paired and gathered.
pub(crate) fn check_ports(plan: &Plan) -> Vec<Diagnostic> {
    let Ok(dissolved) = prepared(plan, &[]) else { return Vec::new() };
    let plan = dissolved.as_ref().map_or(plan, |(plan, _)| plan);
    let (mut drafts, errors) = drafts(plan);
    if !errors.is_empty() {
        return Vec::new();
    }
    let crowded = crowded(&drafts, plan, &[]);
    if crowded.is_empty() { meetings(&mut drafts, plan) } else { crowded }
}

/// Nodes that gather what does not come to them, and those that pair by position what comes from one source by different ways.
fn meetings(drafts: &mut [Draft<'_>], plan: &Plan) -> Vec<Diagnostic> {
    let index: FxHashMap<&str, u32> = plan.nodes.keys().map(Name::as_str).zip(0..).collect();
    for connection in &plan.connections {
        connect(drafts, &index, connection, plan.capacity);
    }
    let feed = Feed { to_the_end: false, collect: false, inputs: &[], journal: None };
    let doors = Doors::new(&feed, &plan.inports);
    let feeds: Vec<_> = drafts.iter_mut().map(|draft| draft.feed(&doors)).collect();
    let rules: Vec<_> = drafts.iter_mut().zip(&feeds).map(|(draft, fed)| draft.firing(&fed.doors)).collect();
    if !rules.iter().any(|rule| rule.pairs() || matches!(rule, Firing::Gather(_))) {
        return Vec::new();
    }
    let shape = shape_of(drafts, &feeds, &rules, &FxHashMap::default());
    if let Err((node, problem)) = gathered(drafts, &rules, &shape) {
        return vec![drafts[node as usize].finding(Code::BadConfig, problem)];
    }
    let sources = Sources::of(&shape);
    let groups = groups_of(drafts, &rules, &shape);
    let mut found = Vec::new();
    for (node, ((draft, rule), groups)) in (0_u32..).zip(drafts.iter().zip(&rules).zip(&groups)) {
        let joined = |one: u16, other: u16| groups.iter().any(|group| group.contains(&one) && group.contains(&other));
        let pairs = sources.parting(node, draft.paired(rule));
        let Some((one, other)) = pairs.into_iter().find(|(one, other)| !joined(*one, *other)) else { continue };
        let branch = |port: u16| {
            let before: Vec<_> = sources.before(node, port).iter().map(|node| &*drafts[*node as usize].id).collect();
            format!("`{}` (from `{}`)", draft.inports[usize::from(port)], before.join("`, `"))
        };
        let code = Code::ShiftingPairs;
        found.push(Diagnostic {
            code,
            severity: code.severity(),
            place: Place::Node { node: (&*draft.id).into() },
            message: format!(
                "pairs by position what descends from one source by different ways, {} and {}: a packet that one of them \
                 drops, fails or reorders shifts all pairs after it",
                branch(one),
                branch(other)
            ),
            hint: Some("`\"firing\": \"origin\"` pairs what belongs together".into()),
        });
    }
    found
}

pub(crate) fn launch(
    plan: &Plan,
    events: &Arc<EventBus>,
    cache: &Arc<dyn ResultCache>,
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
    let mut inputs = inner_inputs(&boundaries, feed.inputs)?;
    let closes = feed.to_the_end && feed.inputs.is_empty();
    if let Some(journal) = feed.journal {
        inputs = restore::doors(journal, &inputs)?;
        inputs.retain(|input| plan.nodes.contains_key(&input.node));
    }
    let feed = &Feed { inputs: &inputs, ..*feed };
    let (mut drafts, mut errors) = drafts(plan);
    let crowded = crowded(&drafts, plan, feed.inputs);
    errors.extend((!crowded.is_empty()).then(|| NetworkError::Refused(crowded)));
    errors.extend(wrong_connections(plan));
    let (gates, wrong) = gates(&drafts, plan);
    errors.extend(wrong);
    let index: FxHashMap<&str, u32> = plan.nodes.keys().map(Name::as_str).zip(0..).collect();
    let doors = listeners.lock().ends();
    errors.extend(doors.iter().filter_map(|end| deaf(&boundaries, &index, &drafts, plan, end)));
    if !errors.is_empty() {
        return Err(NetworkError::of(errors));
    }
    let activity = Arc::new(Activity::default());
    for connection in &plan.connections {
        connect(&mut drafts, &index, connection, plan.capacity);
    }
    let mut initial_links: FxHashMap<(u32, u16), u32> = FxHashMap::default();
    let mut initials = Vec::with_capacity(plan.initials.len());
    for initial in &plan.initials {
        let target = index[&*initial.to.node];
        let draft = &mut drafts[target as usize];
        let port = draft.inport(&initial.to.port);
        // An initial has no bound, so it is always taken.
        let room = Room::Bounded(usize::MAX, Overflow::Wait);
        let link = *initial_links.entry((target, port)).or_insert_with(|| draft.link(port, room));
        let message = initial.message.clone();
        initials.push(Outgoing { target, port, packet: Packet { link, position: 0, message, origin: None } });
    }
    for from in plan.outports.values() {
        // An outport of the network exists even if nothing else is connected to it.
        drafts[index[&*from.node] as usize].outport(&from.port);
    }
    let from_outside = Doors::new(feed, &plan.inports);
    let feeds: Vec<_> = drafts.iter_mut().map(|draft| draft.feed(&from_outside)).collect();
    let rules: Vec<_> = drafts.iter_mut().zip(&feeds).map(|(draft, fed)| draft.firing(&fed.doors)).collect();
    let shape = shape_of(&drafts, &feeds, &rules, &initial_links);
    let groups = groups_of(&drafts, &rules, &shape);
    let meeting = meeting(&drafts, &groups, &shape, shape.sources.iter().copied());
    let forks = forks_of(&drafts, &groups, &rules, &shape, feed);
    let parting: FxHashSet<u32> = forks.iter().flatten().flatten().copied().collect();
    let mut parts = self::meeting(&drafts, &groups, &shape, parting.iter().copied());
    let mut nodes = Vec::with_capacity(drafts.len());
    let mut actors = Vec::with_capacity(drafts.len());
    let gathered =
        gathered(&drafts, &rules, &shape).map_err(|(node, problem)| drafts[node as usize].bad_config(problem))?;
    let gathers = gathered.iter().map(|gathered| gathered.by);
    let carries = leading_to(&shape, needing(&drafts, &groups).into_iter().chain(gathers));
    let met = (0..).zip(&forks).filter(|(_, forks)| forks.iter().any(Option::is_some)).map(|(node, _)| node);
    let meets = if parting.is_empty() { Vec::new() } else { leading_to(&shape, met) };
    let groups = groups.into_iter().zip(forks);
    for (draft, ((fed, firing), groups)) in drafts.into_iter().zip(feeds.into_iter().zip(rules).zip(groups)) {
        match draft.component.instantiate(&draft.config) {
            Ok(instance) => {
                errors.extend(draft.unfit(&instance).map(|problem| draft.bad_config(problem)));
                let spare = draft.spare();
                let source = fed.source;
                let as_is = as_is(&draft.component.spec().inports);
                let place = nodes.len();
                let from = gathered.iter().find(|gathered| gathered.by == place as u32).map(|gathered| gathered.from);
                let (mut node, assembler) = draft.finish(&activity, &fed, &firing, groups, &carries, (place, from));
                node.hosted = matches!(instance, Instance::Hosted(_));
                node.hears = instance.hears_signals();
                node.as_is = as_is;
                node.is_source = shape.sources.contains(&(place as u32));
                nodes.push(node);
                actors.push(Seed { instance, assembler, source, spare, progress: None });
            }
            Err(problem) => errors.push(draft.bad_config(problem)),
        }
    }
    if !errors.is_empty() {
        return Err(NetworkError::of(errors));
    }
    for Gathered { from, by, port } in &gathered {
        let leads = leading_to(&shape, [*by]);
        let node: &mut Node = &mut nodes[*from as usize];
        if feed.journal.is_some() && !can_number_groups_of(*from) {
            let problem = format!(
                "packets of node number {} of a graph cannot be gathered in a run that is kept in a store; add it before, among \
                 the first 4,096",
                from + 1
            );
            let (id, component) = (node.id.to_string(), node.component.to_string());
            return Err(NetworkError::BadConfig { node: id, component, problem });
        }
        let scatter = node.scatter.get_or_insert_with(|| Box::new(Scatter::new(node.routes.len())));
        let gathered_by = GatheredBy { node: *by, awaited: Arc::default() };
        let awaited = Arc::clone(&gathered_by.awaited);
        scatter.gathers = scatter.gathers.iter().cloned().chain([gathered_by]).collect();
        for (at, routes) in node.routes.iter().enumerate().filter(|(at, _)| port.is_none_or(|port| port == *at)) {
            scatter.ports[at] |= routes.iter().any(|route| leads[route.target as usize]);
        }
        nodes[*by as usize].awaited_groups = Some(awaited);
    }
    for place in parting {
        let node: &mut Node = &mut nodes[place as usize];
        // What is gathered is told apart already.
        if node.scatter.is_none() {
            let mut scatter = Scatter::new(node.routes.len());
            scatter.fork = Some(parts.remove(&place).unwrap_or_default().into());
            scatter.ports =
                node.routes.iter().map(|routes| routes.iter().any(|route| meets[route.target as usize])).collect();
            node.scatter = Some(Box::new(scatter));
        }
    }
    for (place, gate) in gates {
        gate.watched().iter().for_each(|parent| nodes[*parent as usize].watched.store(true, Ordering::Relaxed));
        nodes[place as usize].gate = Some(Box::new(gate));
    }
    let sources: Vec<bool> = actors.iter().map(|seed| seed.source).collect();
    let mut journaled = match feed.journal {
        Some(journal) => {
            let at = |end: &Endpoint| index.get(&*end.node).copied();
            let kept: Vec<(u32, u16)> = plan
                .outports
                .values()
                .filter_map(|end| at(end).and_then(|node| Some((node, nodes[node as usize].outports.find(&end.port)?))))
                .collect();
            let doors: Vec<(u32, u16)> = inputs
                .iter()
                .filter_map(|end| {
                    at(end).and_then(|node| Some((node, nodes[node as usize].inport_of_graph(&end.port)?)))
                })
                .collect();
            Some(restore::begin(journal, &mut nodes, &sources, &kept, &doors, &initial_links, plan.capacity)?)
        }
        None => None,
    };
    for (outport, from) in (0_u16..).zip(plan.outports.values()) {
        let node: &mut Node = &mut nodes[index[&*from.node] as usize];
        if let Some(port) = node.outports.find(&from.port) {
            node.answers.push((port, outport));
        }
    }
    let run = Run::new(RunParts {
        outports: plan.outports.keys().cloned().collect(),
        journal: feed.journal.cloned(),
        virtual_time: plan.virtual_time,
        cache: Arc::clone(cache),
        script: plan.script.clone(),
        number,
        nodes,
        meeting,
        activity,
        events: Arc::clone(events),
        capacity: plan.capacity,
        boundaries: Arc::new(boundaries),
    });
    let needs_runtime = run.nodes.iter().any(|node| !node.hosted || node.policy.is_some());
    if needs_runtime || run.journal.is_some() || run.time.is_some() {
        run.native().prepare().map_err(|error| NetworkError::System(error.to_string()))?;
    }
    if let Some(script) = &run.script {
        for (place, node) in (0_u32..).zip(&run.nodes) {
            node.mailbox.follow(Arc::clone(script), place);
        }
    }
    let mut outputs = Vec::new();
    if feed.collect {
        for (name, from) in &plan.outports {
            let node = &run.nodes[run.node(&from.node)? as usize];
            let port = node.outports.find(&from.port).unwrap_or(u16::MAX);
            let tap = Tap::unbounded();
            if let Some(journaled) = &journaled {
                tap.restore(journaled.outputs(node, port)?);
            }
            outputs.push((name.clone(), run.add_tap(node, port, tap)));
        }
    }
    for (end, tap) in listeners.lock().take() {
        let (node, port) = run.boundaries.behind(Direction::Out, &end.node, &end.port)?;
        if let Some(journaled) = &journaled {
            let node = &run.nodes[run.node(node)? as usize];
            // From its first packet on, whichever process that was in.
            tap.restore(node.outports.find(port).map_or(Ok(Vec::new()), |port| journaled.outputs(node, port))?);
        }
        run.listen_with(node, port, tap)?;
    }
    if let Some(journaled) = &mut journaled {
        journaled.restore(&run)?;
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
    // The start itself is activity: until every node is spawned, nothing is idle.
    run.activity.begin();
    for initial in &mut initials {
        initial.packet.origin = run.outside_origin(initial.target);
    }
    if let Some(journaled) = &journaled {
        match journaled.record_initials(&mut initials) {
            Ok(true) => {}
            Ok(false) => initials.clear(),
            Err(error) => {
                run.end_activity();
                return Err(error);
            }
        }
    }
    if let Some(time) = &run.time {
        time.enter();
    }
    deliver_initials(&run, initials, &initial_links);
    if closes {
        run.close_outside();
    }
    // Whoever starts a network has its handle before the first tick can ask for it.
    ready(&running);
    spawn(&run, actors, journaled.as_ref());
    if let Some(time) = &run.time {
        time.leave();
    }
    Ok(running)
}

/// The inports that take values of components as they are, a bit each.
fn as_is(inports: &[PortSpec]) -> u64 {
    inports.iter().take(64).enumerate().fold(0, |bits, (at, port)| bits | u64::from(port.as_is) << at)
}

/// Puts the packets that are there from the start into their mailboxes; nothing more will come over their links.
fn deliver_initials(run: &Run, initials: Vec<Outgoing>, links: &FxHashMap<(u32, u16), u32>) {
    let nobody = Sleeper::new(Arc::clone(&run.activity));
    run.deliver(None, &mut initials.into(), &nobody);
    for ((node, _), link) in links {
        // Nobody sleeps yet.
        let _ = run.nodes[*node as usize].mailbox.close_link(*link);
    }
}

fn spawn(run: &Arc<Run>, seeds: Vec<Seed>, journaled: Option<&Journaled>) {
    // Every node is active from the moment it is spawned.
    for (index, mut seed) in (0..).zip(seeds) {
        run.activity.begin();
        let host = match &seed.instance {
            Instance::Hosted(actor) => Some(actor.host()),
            Instance::Sync(_) | Instance::Async(_) => None,
        };
        if let Some(journaled) = journaled {
            let progress = journaled.progress(index as usize, seed.source);
            seed.progress = Some((progress.ticks, progress.ended));
        }
        let task = seed.task(run.handle(index));
        match host {
            Some(host) => host.spawn(match &run.time {
                Some(time) => time.counted(task),
                None => task,
            }),
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
        let (node, port) = boundaries.behind(Direction::In, &input.node, &input.port)?;
        Ok(Endpoint::new(node, port))
    };
    inputs.iter().map(behind).collect()
}

/// Why nobody can listen there: the node or the outport does not exist.
fn deaf(
    boundaries: &Boundaries,
    index: &FxHashMap<&str, u32>,
    drafts: &[Draft<'_>],
    plan: &Plan,
    end: &Endpoint,
) -> Option<NetworkError> {
    let (node, port) = match boundaries.behind(Direction::Out, &end.node, &end.port) {
        Ok(behind) => behind,
        Err(error) => return Some(error),
    };
    let Some(draft) = index.get(node).and_then(|at| drafts.get(*at as usize)) else {
        let suggestion = suggestion(node, index.keys().copied());
        return Some(NetworkError::UnknownNode { what: "a listener".into(), node: node.into(), suggestion });
    };
    let connected = plan.connections.iter().map(|connection| &connection.from).chain(plan.outports.values());
    let exists =
        draft.outports.find(port).is_some() || connected.into_iter().any(|from| from.node == node && from.port == port);
    (!exists).then(|| NetworkError::unknown_port(node, Direction::Out, port, &draft.outports))
}

fn connect(drafts: &mut [Draft<'_>], index: &FxHashMap<&str, u32>, connection: &ConnectionSpec, capacity: usize) {
    let ConnectionSpec { from, to, options } = connection;
    let (source, target) = (index[&*from.node], index[&*to.node]);
    let mut outport = drafts[source as usize].outport(&from.port);
    let newest =
        drafts[source as usize].description.outports.iter().any(|port| port.latest && *port.name == *from.port);
    let ConnectionOptions { capacity: own, overflow, log, rechunk, .. } = options;
    let overflow = *overflow;
    if let Some(rule) = rechunk {
        outport = drafts[source as usize].cut(outport, rule);
    }
    let waits = drafts[target as usize].start.as_ref().is_some_and(StartRule::needs_logs);
    let room = if (*log || waits) && overflow == Overflow::Wait {
        Room::Bounded(usize::MAX, Overflow::Wait)
    } else if newest && overflow == Overflow::Wait {
        Room::Bounded(1, Overflow::Newest)
    } else {
        Room::Bounded(own.unwrap_or(capacity).max(1), overflow)
    };
    let draft = &mut drafts[target as usize];
    let inport = draft.inport(&to.port);
    let link = draft.link(inport, room);
    drafts[source as usize].routes[usize::from(outport)].push(Route { target, link, carries: false });
}

/// What is wrong with what was said of connections.
fn wrong_connections(plan: &Plan) -> Vec<NetworkError> {
    let wrong = plan.connections.iter().filter_map(|connection| {
        let problem = connection.options.problem()?;
        Some(NetworkError::BadConnection {
            from: format!("{}.{}", connection.from.node, connection.from.port),
            to: format!("{}.{}", connection.to.node, connection.to.port),
            problem: problem.into(),
        })
    });
    wrong.collect()
}

/// What nodes wait for before they begin, and what is wrong with that.
fn gates(drafts: &[Draft<'_>], plan: &Plan) -> (Vec<(u32, Gate)>, Vec<NetworkError>) {
    let (mut gates, mut errors) = (Vec::new(), Vec::new());
    if drafts.iter().all(|draft| draft.start.is_none()) {
        return (gates, errors);
    }
    let index: FxHashMap<&str, u32> = (0_u32..).zip(drafts).map(|(place, draft)| (&*draft.id, place)).collect();
    let edges: Vec<(u32, u32)> = plan
        .connections
        .iter()
        .filter_map(|connection| Some((*index.get(&*connection.from.node)?, *index.get(&*connection.to.node)?)))
        .collect();
    for (place, draft) in (0_u32..).zip(drafts) {
        let Some(rule) = &draft.start else { continue };
        let mut parents: Vec<u32> = edges.iter().filter(|(_, to)| *to == place).map(|(from, _)| *from).collect();
        parents.sort_unstable();
        parents.dedup();
        match rule.problem(place, &parents, &edges, |node| drafts[node as usize].id.to_string()) {
            Some(problem) => errors.push(draft.bad_config(problem)),
            None => gates.push((place, Gate::new(rule.clone(), parents))),
        }
    }
    (gates, errors)
}

fn shape_of(drafts: &[Draft<'_>], feeds: &[Fed], rules: &[Firing], initials: &FxHashMap<(u32, u16), u32>) -> Shape {
    let mut shape = Shape { nodes: drafts.len(), ..Shape::default() };
    for (from, draft) in (0_u32..).zip(drafts) {
        for route in draft.routes.iter().flatten() {
            let port = drafts[route.target as usize].links[route.link as usize].0;
            shape.edges.push((from, route.target, port));
        }
    }
    let fed: FxHashSet<u32> = shape.edges.iter().map(|(_, to, _)| *to).collect();
    for (node, ((draft, feed), rule)) in (0_u32..).zip(drafts.iter().zip(feeds).zip(rules)) {
        let remembered = rule.latest().iter().chain(rule.optional());
        shape.remembered.extend(remembered.filter_map(|name| draft.known_inport(name)).map(|port| (node, port)));
        if !fed.contains(&node) || !feed.named.is_empty() {
            shape.sources.insert(node);
        }
        shape.doors.extend(feed.named.iter().map(|port| (node, *port)));
    }
    shape.doors.extend(initials.keys().copied());
    shape
}

/// The inports of each node whose packets find each other by their origin or by a key.
fn groups_of(drafts: &[Draft<'_>], rules: &[Firing], shape: &Shape) -> Vec<Vec<Vec<u16>>> {
    if !rules.iter().any(Firing::pairs) {
        return vec![Vec::new(); drafts.len()];
    }
    let sources = Sources::of(shape);
    let groups = (0_u32..).zip(drafts.iter().zip(rules)).map(|(node, (draft, rule))| {
        let paired: Vec<u16> = draft.paired(rule).collect();
        match rule {
            Firing::All { .. } => sources.groups(node, paired),
            Firing::Join(join) => match &join.by {
                By::Position => Vec::new(),
                By::Origin => vec![paired],
                By::Key(paths) => vec![paths.keys().filter_map(|name| draft.known_inport(name)).collect()],
            },
            _ => Vec::new(),
        }
    });
    groups
        .map(|mut groups| {
            groups.retain(|group| group.len() > 1);
            groups
        })
        .collect()
}

/// Where what meets at the joins of each node parts, see [`forks`].
fn forks_of(
    drafts: &[Draft<'_>],
    groups: &[Vec<Vec<u16>>],
    rules: &[Firing],
    shape: &Shape,
    feed: &Feed<'_>,
) -> Vec<Vec<Option<u32>>> {
    let by_key = |rule: &Firing| matches!(rule, Firing::Join(join) if matches!(join.by, By::Key(_)));
    if groups.iter().zip(rules).all(|(groups, rule)| groups.is_empty() || by_key(rule)) {
        return groups.iter().map(|groups| vec![None; groups.len()]).collect();
    }
    let sources = Sources::of(shape);
    let is_numbered = |node: u32| feed.journal.is_none() || can_number_groups_of(node);
    let gives_one = |node: u32| drafts[node as usize].component.gives_one();
    forks(shape, groups, |node| !sources.is_on_ring(node) && !gives_one(node) && is_numbered(node))
}

/// The outports of each of these nodes whose packets meet at one join, in groups, where there are any.
fn meeting(
    drafts: &[Draft<'_>],
    groups: &[Vec<Vec<u16>>],
    shape: &Shape,
    nodes: impl Iterator<Item = u32>,
) -> FxHashMap<u32, Vec<Vec<u16>>> {
    let Some(joins) = Joins::of(shape, groups) else { return FxHashMap::default() };
    let inport = |route: &Route| (route.target, drafts[route.target as usize].links[route.link as usize].0);
    let of_node = |node: u32| {
        let routes = drafts[node as usize].routes.iter();
        let outports: Vec<Vec<_>> = routes.map(|routes| routes.iter().map(inport).collect()).collect();
        let meeting = joins.meeting(&outports);
        (!meeting.is_empty()).then_some((node, meeting))
    };
    nodes.filter_map(of_node).collect()
}

/// The nodes that need to know what packets descend from.
fn needing(drafts: &[Draft<'_>], groups: &[Vec<Vec<u16>>]) -> Vec<u32> {
    let needs = |draft: &Draft<'_>, groups: &Vec<_>| !groups.is_empty() || draft.component.needs_origins();
    let needing = (0_u32..).zip(drafts.iter().zip(groups)).filter(|(_, (draft, groups))| needs(draft, groups));
    needing.map(|(node, _)| node).collect()
}
