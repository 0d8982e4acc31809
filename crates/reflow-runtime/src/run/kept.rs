//! What a run writes into its journal, and what it takes up from an earlier process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use reflow_message::{Message, Value};

use super::Run;
use crate::error::NetworkError;
use crate::event::FailedAttempt;
use crate::gather::{Group, GroupEnd, KnownGroup, Settled, row};
use crate::journal::{Batch, Journal, Op, Payload};
use crate::mint::Turns;
use crate::node::{Node, TAP};
use crate::node_state::NodeState;
use crate::origin::{Ends, Origin, WeakOrigin, member_id, member_of};
use crate::packet::{Control, Outgoing};
use crate::question::Hold;

/// What a run has of its journal.
#[derive(Debug)]
pub(crate) struct JournalOfRun {
    pub(crate) journal: Arc<dyn Journal>,
    /// Streams so far.
    pub(crate) streams: AtomicU32,
    /// Streams of packets from outside.
    pub(crate) doors: Mutex<Vec<Door>>,
    /// Whether packets from outside had not all come when the process before this one ended.
    pub(crate) lacks_inputs: AtomicBool,
    /// The number of the last batch that came from outside.
    pub(crate) from_outside: AtomicU64,
    /// Signals so far.
    pub(crate) signals: AtomicU64,
}

/// A stream of packets from outside.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Door {
    pub(crate) node: u32,
    pub(crate) port: u16,
    pub(crate) stream: u32,
    pub(crate) next: u64,
    /// Packets that earlier processes have taken.
    pub(crate) known: u64,
}

impl Run {
    /// Writes something down that belongs to no node's ticks.
    pub(crate) fn write(&self, ops: Vec<Op>) {
        let Some(journal) = &self.journal else { return };
        match journal.journal.write(Batch { bytes: Vec::new(), ops }) {
            Ok(number) => {
                journal.from_outside.fetch_max(number, Ordering::AcqRel);
            }
            Err(error) => self.note_broken(&error.to_string()),
        }
    }

    /// Nothing can be written down any more: the run fails.
    pub(super) fn note_broken(&self, problem: &str) {
        self.failed.store(true, Ordering::Release);
        if self.is_cancelled() {
            self.end.lock().reason = Some(problem.into());
        } else {
            self.cancel(problem);
        }
    }

    /// Writes a packet from outside down; its position.
    pub(super) fn record_outside(
        &self,
        node: u32,
        port: u16,
        message: &Message,
        origin: Option<&Origin>,
    ) -> Result<u32, NetworkError> {
        let Some(journal) = &self.journal else { return Ok(0) };
        let mut bytes = Vec::new();
        message.pack(&mut bytes).map_err(|error| NetworkError::BadValue {
            node: self.nodes[node as usize].id.to_string(),
            port: self.nodes[node as usize].inport_name(port).to_string(),
            problem: format!("it cannot be kept in the store: {error}"),
        })?;
        let mut doors = journal.doors.lock();
        let Some(door) = doors.iter_mut().find(|door| (door.node, door.port) == (node, port)) else { return Ok(0) };
        let position = door.next;
        door.next += 1;
        let payload = Payload::Inline { at: 0, len: bytes.len() as u32 };
        let op = Op::Output { stream: door.stream, position, origin: origin.map_or(0, Origin::id), payload };
        // Still locked: positions are written in order.
        let number = journal.journal.write(Batch { bytes, ops: vec![op] })?;
        journal.from_outside.fetch_max(number, Ordering::AcqRel);
        Ok(position as u32)
    }

    /// Packets were given up on their way.
    pub(crate) fn record_gone<'a>(&self, packets: impl Iterator<Item = &'a Outgoing>) {
        if self.journal.is_none() {
            return;
        }
        for outgoing in packets.filter(|outgoing| outgoing.target & TAP == 0) {
            if let Some(recorder) = &self.nodes[outgoing.target as usize].recorder {
                recorder.drop_packets([(outgoing.packet.link, outgoing.packet.position)]);
            }
        }
    }

    /// Writes the end of a node down, after everything that it has done.
    pub(super) fn record_end(&self, index: u32, node: &Node, state: NodeState) {
        let Some(recorder) = &node.recorder else { return };
        // A node that a failure has stopped is tried again by whoever goes on with the run.
        let stopped = self.is_cancelled() && state == NodeState::Failed;
        let ended = state.is_ended() && state != NodeState::Cancelled && !stopped;
        recorder.note(Op::State { node: index, state: state.name(), ended });
        if let Err(error) = recorder.submit() {
            self.note_broken(&error.to_string());
        }
    }

    /// The origin that a packet of an earlier process has had.
    pub(crate) fn known_origin(&self, id: u64) -> Option<Origin> {
        if id == 0 {
            return None;
        }
        let mut known = self.known_origins.lock();
        if let Some(origin) = known.get(&id).and_then(WeakOrigin::upgrade) {
            return Some(origin);
        }
        let member = member_of(id).and_then(|(group, place)| {
            let group = self.known_groups.lock().get(&group).and_then(Weak::upgrade)?;
            Some(Origin::known_member(&group, place))
        });
        if known.len().is_power_of_two() {
            known.retain(|_, origin| origin.is_held());
        }
        let origin = member.unwrap_or_else(|| Origin::known(id, Weak::clone(&self.ends)));
        known.insert(id, origin.weak());
        Some(origin)
    }

    /// Begins with failures that there were before.
    pub(crate) fn restore_failures(&self, failures: Vec<FailedAttempt>, dropped: u64) {
        let mut end = self.end.lock();
        end.failures = failures.into_iter().map(|failed| (failed, None)).collect();
        end.failures_dropped = dropped;
    }
}

impl Run {
    /// Makes the groups again that an earlier process has left, and gives them to be held.
    pub(crate) fn restore_groups(&self, known: &BTreeMap<u64, KnownGroup>) -> Vec<Origin> {
        let mut held = Vec::new();
        let mut open: Vec<u64> = known.keys().copied().collect();
        // A group in another one comes after that.
        open.sort_by_key(|id| depth_of(*id, known, 0));
        for id in open {
            let group = &known[&id];
            let (index, serial) =
                ((id >> crate::gather::SERIAL_BITS) as u32, id & ((1 << crate::gather::SERIAL_BITS) - 1));
            let Some(node) = self.nodes.get(index as usize) else { continue };
            let Some(scatter) = &node.scatter else { continue };
            scatter.serial.fetch_max(serial + 1, Ordering::Relaxed);
            if !group.is_there {
                // The process ended before anything of the group was written but a failure.
                self.forget_group(index, serial, &group.failed_places(), &group.gathered);
                continue;
            }
            let left = scatter.gathers.iter().filter(|by| !group.gathered.contains(&by.node)).cloned().collect();
            let parent = self.known_origin(group.parent);
            let mut made = Group::new((index, serial), &left, parent, Weak::clone(&self.ends), true, group.key);
            if let Some(meeting) = &scatter.fork {
                made = made.of_fork(Turns::new(node.outports.len(), Arc::clone(meeting)));
            }
            made.restore(group);
            let made = Arc::new(made);
            self.gathered.lock().insert(id, group.gathered.clone());
            self.known_groups.lock().insert(id, Arc::downgrade(&made));
            let origin = Origin::known_scatter(&made);
            if let Some(tick) = group.tick {
                if let Some(turns) = made.turns() {
                    turns.reopen(|turn| self.known_origin(member_id(id, turn as u32)));
                }
                scatter.begun.lock().insert(tick, origin.clone());
            }
            held.push(origin);
        }
        held
    }

    /// A node that gathers has dealt with a group: what the journal need not know any more.
    pub(crate) fn settled_ops(&self, by: u32, settled: Option<&Settled>, ops: &mut Vec<Op>) {
        let Some(settled) = settled else { return };
        let Settled { node, serial, ref failed, .. } = *settled;
        let Some(scatter) = self.nodes.get(node as usize).and_then(|node| node.scatter.as_ref()) else { return };
        let id = Group::id_of(node, serial);
        let mut gathered = self.gathered.lock();
        let all = gathered.entry(id).or_default();
        all.push(by);
        if scatter.gathers.iter().any(|gather| !all.contains(&gather.node)) {
            return ops.push(row(node, format!("{serial}.by.{by}"), Some(true.into())));
        }
        let marks = gathered.remove(&id).unwrap_or_default();
        drop(gathered);
        ops.extend(KnownGroup::rows(serial, failed, &marks).map(|id| row(node, id, None)));
    }

    /// Deletes what a journal has of a group of this node, of which nothing is left.
    fn forget_group(&self, node: u32, serial: u64, failed: &[u32], gathered: &[u32]) {
        let Some(recorder) = self.nodes.get(node as usize).and_then(|node| node.recorder.as_ref()) else { return };
        recorder.note_all(KnownGroup::rows(serial, failed, gathered).map(|id| row(node, id, None)));
        if let Err(error) = recorder.submit() {
            self.note_broken(&error.to_string());
        }
    }
}

impl Ends for Run {
    fn group_noted(&self, node: u32, serial: u64, failure: Option<(u32, Value)>) {
        let Some(recorder) = self.nodes.get(node as usize).and_then(|node| node.recorder.as_ref()) else { return };
        recorder.note(match failure {
            Some((place, failure)) => row(node, format!("{serial}.{place}"), Some(failure)),
            None => row(node, format!("{serial}.failed"), Some(true.into())),
        });
        if let Err(error) = recorder.submit() {
            self.note_broken(&error.to_string());
        }
    }

    fn fork_ended(&self, node: u32, serial: u64) {
        let Some(recorder) = self.nodes.get(node as usize).and_then(|node| node.recorder.as_ref()) else { return };
        recorder.note(row(node, serial.to_string(), None));
        if let Err(error) = recorder.submit() {
            self.note_broken(&error.to_string());
        }
    }

    fn group_ended(&self, node: u32, end: GroupEnd) {
        // A node that has ended gathers nothing any more.
        let _ = self.control(node, Control::Gathered(Box::new(end)));
    }

    fn origin_ended(&self, id: u64, joins: u64, question: Option<Arc<Hold>>) {
        for index in self.joining.iter().filter(|index| self.nodes[**index as usize].join & joins != 0) {
            // A node that has ended has nothing aside any more.
            let _ = self.control(*index, Control::Ended(id, question.clone()));
        }
    }
}

/// How many groups a group is in.
fn depth_of(id: u64, known: &BTreeMap<u64, KnownGroup>, depth: u32) -> u32 {
    let outer = known.get(&id).and_then(|group| member_of(group.parent)).map(|(outer, _)| outer);
    match outer.filter(|outer| known.contains_key(outer) && depth < 1000) {
        Some(outer) => depth_of(outer, known, depth + 1) + 1,
        None => 0,
    }
}
