//! Runs that keep a journal: what they declare to it, and how they go on from what it knows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use indexmap::IndexSet;
use reflow_message::Message;
use rustc_hash::FxHashMap;

use crate::awaited::{Received, WAITS};
use crate::driver::record::REST;
use crate::error::NetworkError;
use crate::gather::{GROUPS, Group, KnownGroup};
use crate::journal::{
    Batch, Journal, JournalError, Known, KnownNode, KnownSignal, LinkShape, Op, Payload, Shape, StreamKind, StreamShape,
};
use crate::mailbox::WINDOW;
use crate::network::Endpoint;
use crate::node::Node;
use crate::node_state::NodeState;
use crate::packet::Packet;
use crate::recorder::Recorder;
use crate::run::{Door, Run};

/// What a run has declared to its journal, and what that knows.
pub(crate) struct Journaled {
    pub(crate) journal: Arc<dyn Journal>,
    pub(crate) known: Known,
    shape: Shape,
    doors: Vec<Door>,
    /// Streams of initial packets: node, port and stream.
    initials: Vec<(u32, u16, u32)>,
    /// Groups that were not gathered, by number.
    groups: BTreeMap<u64, KnownGroup>,
}

/// What a driver goes on from.
#[derive(Clone, Copy, Default)]
pub(crate) struct Progress {
    pub(crate) ticks: u64,
    pub(crate) ended: Option<NodeState>,
}

/// Inports that packets come to from outside: those that are asked for, and those that packets came to before.
pub(crate) fn doors(journal: &Arc<dyn Journal>, inputs: &[Endpoint]) -> Result<Vec<Endpoint>, JournalError> {
    let mut doors: IndexSet<Endpoint> = inputs.iter().cloned().collect();
    doors.extend(journal.doors()?.into_iter().map(|(node, port)| Endpoint::new(node, port)));
    Ok(doors.into_iter().collect())
}

/// Declares a run to its journal, and gives its nodes what they go on from. `kept` are outports whose packets stay.
pub(crate) fn begin(
    journal: &Arc<dyn Journal>,
    nodes: &mut [Node],
    sources: &[bool],
    kept: &[(u32, u16)],
    doors: &[(u32, u16)],
    initials: &FxHashMap<(u32, u16), u32>,
    capacity: usize,
) -> Result<Journaled, NetworkError> {
    let mut shape = Shape {
        nodes: nodes.iter().map(|node| (node.id.to_string(), node.component.to_string())).collect(),
        inports: nodes
            .iter()
            .map(|node| node.inports.read().iter().map(ToString::to_string).collect::<Vec<_>>())
            .collect(),
        ..Shape::default()
    };
    let mut streams: Vec<Vec<Option<u32>>> = Vec::with_capacity(nodes.len());
    for (place, node) in (0_u32..).zip(nodes.iter()) {
        let mut of_node = Vec::with_capacity(node.routes.len());
        for (port, routes) in (0_u16..).zip(&node.routes) {
            let is_kept = kept.contains(&(place, port));
            if routes.is_empty() && !is_kept {
                of_node.push(None);
                continue;
            }
            let is_piece = node.rechunkers.iter().any(|rechunker| rechunker.to == port);
            let kind = if is_piece { StreamKind::Rechunked } else { StreamKind::Outport };
            let is_log = |route: &crate::node::Route| nodes[route.target as usize].mailbox.is_log(route.link);
            let keep = is_kept || routes.iter().any(is_log);
            let stream = shape.streams.len() as u32;
            let name = node.outport_name(port).to_string();
            shape.streams.push(StreamShape { kind, node: node.id.to_string(), port: name, keep });
            for route in routes {
                let target = &nodes[route.target as usize];
                let port = target.mailbox.links()[route.link as usize].port;
                shape.links.push(LinkShape { node: route.target, link: route.link, port, stream });
            }
            of_node.push(Some(stream));
        }
        streams.push(of_node);
    }
    let add = |shape: &mut Shape, kind, node: u32, port: u16, link| {
        let stream = shape.streams.len() as u32;
        let at = &nodes[node as usize];
        let (id, name) = (at.id.to_string(), at.inport_name(port).to_string());
        shape.streams.push(StreamShape { kind, node: id, port: name, keep: false });
        shape.links.push(LinkShape { node, link, port, stream });
        stream
    };
    let mut initial_streams = Vec::new();
    for ((node, port), link) in initials {
        initial_streams.push((*node, *port, add(&mut shape, StreamKind::Initial, *node, *port, *link)));
    }
    let mut made = Vec::new();
    for (node, port) in doors {
        let target = &nodes[*node as usize];
        let link = target.mailbox.add_outside_link(*port, target.room(*port, capacity));
        target.outside_links.lock().push((*port, link));
        let stream = add(&mut shape, StreamKind::Outside, *node, *port, link);
        made.push(Door { node: *node, port: *port, stream, next: 0, known: 0 });
    }
    let known = journal.begin(&shape)?;
    for door in &mut made {
        door.next = known.streams[door.stream as usize].next;
        door.known = door.next;
    }
    let mut groups = BTreeMap::new();
    for (place, (node, of_node)) in nodes.iter_mut().zip(streams).enumerate() {
        let of_node = restore_node(journal, node, place as u32, sources[place], &of_node, &known);
        groups.extend(of_node.into_iter().map(|(serial, group)| (Group::id_of(place as u32, serial), group)));
    }
    Ok(Journaled { journal: Arc::clone(journal), known, shape, doors: made, initials: initial_streams, groups })
}

fn restore_node(
    journal: &Arc<dyn Journal>,
    node: &mut Node,
    place: u32,
    is_source: bool,
    streams: &[Option<u32>],
    known: &Known,
) -> BTreeMap<u64, KnownGroup> {
    let mut recorder = Recorder::new(Arc::clone(journal), place, is_source, streams.to_vec());
    for (port, stream) in streams.iter().enumerate() {
        if let Some(stream) = stream {
            let stream = known.streams[*stream as usize];
            recorder.restore(port, stream.next);
        }
    }
    for attempt in known.open.iter().filter(|attempt| attempt.node == place) {
        recorder.restore_attempt(attempt.clone());
    }
    let before = known.nodes.get(place as usize).cloned().unwrap_or_default();
    let replayed = if replays(is_source, &before) { before.ticks } else { 0 };
    recorder.restore_progress(before.set_up, replayed, before.checkpoint.is_some());
    let counters = &node.counters;
    if !replays(is_source, &before) {
        counters.ticks.add(before.ticks);
    }
    counters.packets_in.add(before.packets_in);
    counters.packets_out.add(before.packets_out);
    counters.failures.add(before.failures);
    counters.retries.add(before.retries);
    if let Some(checkpoint) = &before.checkpoint {
        node.marks.set(0, checkpoint.clone());
    }
    let (own, pools): (Vec<_>, Vec<_>) = before.pools.into_iter().partition(|(pool, ..)| is_own(pool));
    let mut groups = Vec::new();
    for (pool, to, rest) in own {
        if pool == GROUPS {
            groups.push((to, rest));
        } else if pool == WAITS {
            node.awaited.restore_wait(&to, rest.as_integer().unwrap_or_default() as u64);
        } else if let Some(rechunker) = node.rechunkers.iter().find(|rechunker| rechunker.to.to_string() == to) {
            rechunker.restore(&rest);
        }
    }
    node.pools.restore(pools);
    node.mailbox.record();
    node.recorder = Some(Box::new(recorder));
    KnownGroup::read(groups)
}

/// Whether a source runs its ticks again for what they leave in its actor: it has nothing else to go on from.
fn replays(is_source: bool, before: &KnownNode) -> bool {
    is_source && before.checkpoint.is_none() && before.pools.iter().all(|(pool, ..)| is_own(pool))
}

/// Whether the runtime keeps something of its own in that pool.
fn is_own(pool: &str) -> bool {
    pool == REST || pool == WAITS || pool == GROUPS
}

impl Journaled {
    /// What the driver of a node goes on from.
    pub(crate) fn progress(&self, node: usize, is_source: bool) -> Progress {
        let Some(before) = self.known.nodes.get(node) else { return Progress::default() };
        let ended = before.ended.as_deref().map(|state| NodeState::of_name(state).unwrap_or(NodeState::Finished));
        Progress { ticks: if replays(is_source, before) { 0 } else { before.ticks }, ended }
    }

    /// Puts everything that was under way back to where it was. Before the first task.
    pub(crate) fn restore(&mut self, run: &Arc<Run>) -> Result<(), NetworkError> {
        let Some(journal) = &run.journal else { return Ok(()) };
        journal.streams.store(self.shape.streams.len() as u32, Ordering::Relaxed);
        let lacks = self.known.resumed && !self.known.inputs_closed && !self.doors.is_empty();
        journal.lacks_inputs.store(lacks, Ordering::Relaxed);
        *journal.doors.lock() = std::mem::take(&mut self.doors);
        run.vars.load(self.known.vars.clone());
        run.restore_failures(std::mem::take(&mut self.known.failures), self.known.failures_dropped);
        for (shape, known) in self.shape.streams.iter().zip(&self.known.streams) {
            if shape.kind == StreamKind::Outport
                && let Ok(node) = run.node(&shape.node)
            {
                let node = &run.nodes[node as usize];
                if let (Some(mint), Some(port)) = (&node.mint, node.outport(&shape.port)) {
                    mint.resume(usize::from(port), known.origin);
                }
            }
            if matches!(shape.kind, StreamKind::Outside | StreamKind::Initial)
                && let Some(mint) = &run.outside_mint
            {
                mint.resume(0, known.origin);
            }
        }
        // What ends in between is told to nodes that have not begun.
        run.activity.begin();
        for mint in run.nodes.iter().filter_map(|node| node.mint.as_deref()) {
            mint.reopen(|number| run.known_origin(number));
        }
        let groups = run.restore_groups(&std::mem::take(&mut self.groups));
        let restored: Result<(), NetworkError> = self
            .shape
            .links
            .iter()
            .zip(&self.known.links)
            .try_for_each(|(link, known)| self.restore_link(run, *link, known));
        // Those of which nothing is on its way end here.
        drop(groups);
        let _ = run.activity.end();
        restored?;
        let signals = std::mem::take(&mut self.known.signals);
        journal.signals.store(signals.len() as u64, Ordering::Relaxed);
        for (number, KnownSignal { node, kind, data, awaited }) in (0..).zip(signals) {
            let received = Received { signal: crate::Signal { kind, data }, number: Some(number) };
            let at = &run.nodes[node as usize];
            if awaited || !at.hears {
                at.awaited.restore(received);
            } else {
                // As many as there were place for.
                let _ = run.control(node, crate::packet::Control::Signal(received));
            }
        }
        Ok(())
    }

    fn restore_link(
        &self,
        run: &Arc<Run>,
        link: LinkShape,
        known: &crate::journal::KnownLink,
    ) -> Result<(), NetworkError> {
        let node = &run.nodes[link.node as usize];
        if self.known.nodes.get(link.node as usize).is_some_and(|node| node.ended.is_some()) {
            return Ok(());
        }
        // What descends from something is held as long as it is on its way.
        let waits_outside = node.mailbox.is_log(link.link) && !node.carries;
        let end = self.known.streams[link.stream as usize].next;
        let mut taken: BTreeSet<u64> = known.beyond.iter().copied().collect();
        let mut from = known.upto;
        let mut gone = Vec::new();
        if from < end {
            let limit = if waits_outside { WINDOW } else { usize::MAX };
            let kept = self.journal.read(link.stream, from, limit)?;
            let is_all = kept.len() < limit;
            for kept in kept {
                gone.extend((from..kept.position).filter(|position| !taken.remove(position)));
                from = kept.position + 1;
                if !taken.remove(&kept.position) {
                    let origin = if node.carries { run.known_origin(kept.origin) } else { None };
                    let position = kept.position as u32;
                    let message = for_node(node, kept.message);
                    node.mailbox.restore(Packet { link: link.link, position, message, origin });
                }
            }
            if is_all {
                gone.extend((from..end).filter(|position| !taken.remove(position)));
                from = end;
            }
        }
        if waits_outside {
            node.mailbox.page(link.link, link.stream, from, end, taken);
        }
        if let Some(recorder) = &node.recorder {
            // What was lost with attempts that had not committed is sent again by them.
            recorder.drop_packets(gone.into_iter().map(|position| (link.link, position as u32)));
        }
        Ok(())
    }

    /// Whether packets that are there from the start have to be written down; else they were.
    pub(crate) fn record_initials(&self, initials: &mut [crate::packet::Outgoing]) -> Result<bool, NetworkError> {
        if self.known.resumed {
            return Ok(false);
        }
        let mut batch = Batch::default();
        let mut next: FxHashMap<u32, u64> = FxHashMap::default();
        for initial in initials {
            let place = self.initials.iter().find(|(node, port, _)| (*node, *port) == (initial.target, initial.port));
            let Some((_, _, stream)) = place else { continue };
            let position = next.entry(*stream).or_default();
            initial.packet.position = *position as u32;
            let at = batch.bytes.len();
            initial.packet.message.pack(&mut batch.bytes).map_err(|error| NetworkError::BadInitial {
                node: self.shape.nodes[initial.target as usize].0.clone(),
                port: self.shape.inports[initial.target as usize][usize::from(initial.port)].clone(),
                problem: format!("it cannot be kept in the store: {error}"),
            })?;
            let payload = Payload::Inline { at: at as u32, len: (batch.bytes.len() - at) as u32 };
            let origin = initial.packet.origin.as_ref().map_or(0, crate::Origin::id);
            batch.ops.push(Op::Output { stream: *stream, position: *position, origin, payload });
            *position += 1;
        }
        self.journal.write(batch)?;
        Ok(true)
    }

    /// Everything that left by an outport in earlier processes, of one whose packets stay.
    pub(crate) fn outputs(&self, node: &Node, port: u16) -> Result<Vec<Message>, NetworkError> {
        let stream = node.recorder.as_ref().and_then(|recorder| recorder.stream(usize::from(port)));
        let Some(stream) = stream.filter(|stream| self.shape.streams[*stream as usize].keep) else {
            return Ok(Vec::new());
        };
        if self.known.streams[stream as usize].next == 0 {
            return Ok(Vec::new());
        }
        let kept = self.journal.read(stream, 0, usize::MAX)?;
        Ok(kept.into_iter().map(|kept| kept.message).collect())
    }
}

/// The message as a node takes it: actors of a host take its values as they are, others know their own kinds.
pub(crate) fn for_node(node: &Node, message: Message) -> Message {
    if node.hosted {
        return message;
    }
    match message.known() {
        Ok(known) => known.clone(),
        Err(_) => message,
    }
}
