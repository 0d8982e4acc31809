//! `Recorder`: what one node writes into the journal of its run.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, MutexGuard};
use reflow_message::{AnyValue, Message};
use rustc_hash::{FxHashMap, FxHashSet};

use crate::attempt::Attempt;
use crate::changes::Changes;
use crate::event::FailedAttempt;
use crate::failure::Failure;
use crate::journal::{Batch, Journal, JournalError, KnownAttempt, Op, Payload, TickKey};
use crate::origin::Origin;

/// From how many bytes on raw bytes go into the journal by reference.
const BY_REFERENCE: usize = 4 << 10;

/// The reason of a failure whose output cannot be written down.
const UNSTORABLE: &str = "unstorable";

/// What one node writes into the journal of its run.
#[derive(Debug)]
pub(crate) struct Recorder {
    pub(crate) journal: Arc<dyn Journal>,
    node: u32,
    pub(crate) is_source: bool,
    /// The stream of each outport, for those that lead somewhere.
    streams: Vec<Option<u32>>,
    /// What its ticks have changed in pools and variables. Its lock may be taken inside of that of the rest.
    pub(crate) changes: Changes,
    inner: Mutex<Inner>,
}

/// What a node has done and not handed over yet.
#[derive(Debug, Default)]
pub(crate) struct Inner {
    batch: Batch,
    /// The position of the next message, by outport.
    next: Vec<u64>,
    /// Which ticks are open, by number.
    keys: FxHashMap<u64, TickKey>,
    /// Values to go on from that were set and not written yet, by number of the tick; with the number of the last change before.
    checkpoints: FxHashMap<u64, (Arc<[u8]>, u64)>,
    /// Ticks that have rows of their own in the journal.
    begun: FxHashSet<TickKey>,
    /// Packets that an earlier process has sent for a tick, and that are not sent again.
    skip: FxHashMap<u64, u64>,
    /// Ticks that an earlier process has begun.
    resumed: FxHashMap<TickKey, KnownAttempt>,
    /// Ticks of a source that are over, and are run again for what they leave in it.
    replayed: u64,
    /// Whether the setup was over before.
    set_up: bool,
    /// Whether it is a source that says where it goes on.
    has_checkpoint: bool,
}

/// How a tick goes on that an earlier process has begun.
pub(crate) struct Resumed {
    /// The number of its last try.
    pub(crate) number: u32,
    /// How long its next try is still to wait, in milliseconds.
    pub(crate) wait_ms: u64,
    /// What it goes on from.
    pub(crate) checkpoint: Option<Message>,
}

/// A message that leaves by an outport, and what it descends from.
pub(crate) type Output = (u16, Message, Option<Origin>);

/// Outputs in the form that a journal keeps. They are packed before a recorder is locked: values of a host are packed by code of
/// the host, which may wait for somebody who waits for the lock.
#[derive(Default)]
struct Packed {
    bytes: Vec<u8>,
    /// `None` for what is not kept.
    payloads: Vec<Option<Payload>>,
}

impl Packed {
    fn add(&mut self, message: &Message) -> Result<(), Failure> {
        let at = self.bytes.len();
        let payload = match message {
            Message::Bytes(bytes) if bytes.len() >= BY_REFERENCE => Payload::Bytes(bytes.clone()),
            message => {
                message.pack(&mut self.bytes).map_err(|error| unstorable(&error.0))?;
                Payload::Inline { at: at as u32, len: (self.bytes.len() - at) as u32 }
            }
        };
        self.payloads.push(Some(payload));
        Ok(())
    }

    fn append(&mut self, other: &Self) {
        let from = self.bytes.len() as u32;
        self.bytes.extend_from_slice(&other.bytes);
        self.payloads.extend(other.payloads.iter().cloned().map(|payload| payload.map(|payload| payload.after(from))));
    }
}

impl Recorder {
    pub(crate) fn new(journal: Arc<dyn Journal>, node: u32, is_source: bool, streams: Vec<Option<u32>>) -> Self {
        let inner = Inner { next: vec![0; streams.len()], ..Inner::default() };
        Self { journal, node, is_source, streams, changes: Changes::default(), inner: Mutex::new(inner) }
    }

    /// What an earlier process has left; before the first tick.
    pub(crate) fn restore(&mut self, port: usize, next: u64) {
        if let Some(slot) = self.inner.get_mut().next.get_mut(port) {
            *slot = next;
        }
    }

    pub(crate) fn restore_attempt(&mut self, known: KnownAttempt) {
        let inner = self.inner.get_mut();
        inner.begun.insert(known.key);
        inner.resumed.insert(known.key, known);
    }

    /// The setup is over already, and so many ticks of a source that is to run again.
    pub(crate) fn restore_progress(&mut self, set_up: bool, replayed: u64, has_checkpoint: bool) {
        let inner = self.inner.get_mut();
        (inner.set_up, inner.replayed, inner.has_checkpoint) = (set_up, replayed, has_checkpoint);
    }

    pub(crate) fn stream(&self, port: usize) -> Option<u32> {
        self.streams.get(port).copied().flatten()
    }

    /// Hands over what was written; before it is delivered.
    pub(crate) fn submit(&self) -> Result<(), JournalError> {
        self.hand_over(self.inner.lock())
    }

    fn hand_over(&self, mut inner: MutexGuard<'_, Inner>) -> Result<(), JournalError> {
        if inner.batch.ops.is_empty() {
            return Ok(());
        }
        let (ops, bytes) = (inner.batch.ops.len(), inner.batch.bytes.len());
        let fresh = Batch { ops: Vec::with_capacity(ops.min(256)), bytes: Vec::with_capacity(bytes.min(16 << 10)) };
        let batch = std::mem::replace(&mut inner.batch, fresh);
        // Still locked: batches of one node keep their order.
        self.journal.write(batch).map(drop)
    }

    /// A tick begins; what an earlier process has left of it.
    pub(crate) fn begin(&self, attempt: &Attempt) -> Option<Resumed> {
        self.changes.open(attempt.sequence);
        let mut inner = self.inner.lock();
        let key = key_of(attempt);
        inner.keys.insert(attempt.sequence, key);
        if inner.resumed.is_empty() {
            return None;
        }
        let known = inner.resumed.remove(&key)?;
        // Whoever sets values to go on from says where it goes on; anybody else sends the same again.
        if known.sent > 0 && known.checkpoint.is_none() && !inner.has_checkpoint {
            inner.skip.insert(attempt.sequence, known.sent);
        }
        let wait_ms = known.until_ms.map_or(0, |until| until.saturating_sub(now_ms()));
        Some(Resumed { number: known.number, wait_ms, checkpoint: known.checkpoint })
    }

    /// Whether a tick gives what it gave before from the beginning.
    pub(crate) fn sends_again(&self, sequence: u64) -> bool {
        self.inner.lock().skip.contains_key(&sequence)
    }

    /// Whether the outputs of this tick have left long ago: it is run for what it leaves in its actor.
    pub(crate) fn is_replay(&self, sequence: u64) -> bool {
        self.is_source && sequence > 0 && sequence <= self.inner.lock().replayed
    }

    /// Whether what this tick changes was changed long ago.
    pub(crate) fn has_changed(&self, sequence: u64) -> bool {
        self.is_replay(sequence) && self.changes.is_open(sequence)
    }

    /// A tick is over whose outputs and changes were written down long ago.
    pub(crate) fn end_replay(&self, sequence: u64) {
        self.changes.close(sequence, &mut Vec::new());
        let mut inner = self.inner.lock();
        inner.keys.remove(&sequence);
        inner.checkpoints.remove(&sequence);
    }

    /// Whether what the setup sends has left long ago.
    pub(crate) fn is_set_up(&self) -> bool {
        self.inner.lock().set_up
    }

    pub(crate) fn note_set_up(&self) {
        let mut inner = self.inner.lock();
        if !std::mem::replace(&mut inner.set_up, true) {
            inner.batch.ops.push(Op::SetUp { node: self.node });
        }
    }

    /// Notes a value to go on from; it is written with what leaves next.
    pub(crate) fn checkpoint(&self, sequence: u64, value: &Message) -> Result<(), Failure> {
        let mut packed = Vec::new();
        value.pack(&mut packed).map_err(|error| unstorable(&error.0))?;
        let mut inner = self.inner.lock();
        let before = inner.checkpoints.insert(sequence, (packed.into(), self.changes.made()));
        if let Some((value, changed)) = before {
            // Nothing has left since: what was said before holds by itself, with what had changed until then.
            let op = self.checkpoint_op(&mut inner, sequence, value);
            inner.batch.ops.push(op);
            self.changes.take_until(sequence, changed, &mut inner.batch.ops);
        }
        Ok(())
    }

    fn checkpoint_op(&self, inner: &mut Inner, sequence: u64, value: Arc<[u8]>) -> Op {
        let key = (!self.is_source).then(|| inner.key(sequence));
        inner.begun.extend(key);
        Op::Checkpoint { node: self.node, key, value }
    }

    /// Messages leave together in the middle of a tick, or of none; the positions of them and of what connections `cut` from them.
    pub(crate) fn send(
        &self,
        sequence: Option<u64>,
        outputs: &mut Vec<Output>,
        cuts: bool,
        cut: impl FnOnce(&mut Vec<Output>, &mut Vec<Op>),
    ) -> Result<Vec<u32>, Failure> {
        let mut packed = self.packed(outputs)?;
        let mut whole = Packed::default();
        for (_, message, _) in outputs.iter().filter(|(_, message, _)| cuts && is_of_host(message)) {
            // What the list is that is cut is known from now on. What is none goes on as it is.
            let _ = message.known();
            whole.add(message)?;
        }
        let count = outputs.len() as u32;
        // Pieces are written in the order in which they are cut.
        let mut inner = self.inner.lock();
        let mut ops = Vec::new();
        cut(outputs, &mut ops);
        for (port, piece, _) in &outputs[packed.payloads.len()..] {
            if is_of_host(piece) {
                packed.append(&whole);
            } else {
                self.pack(&mut packed, *port, piece)?;
            }
        }
        let positions = self.outputs(&mut inner, outputs, packed);
        match sequence {
            Some(sequence) => self.sent(&mut inner, sequence, count),
            None => self.changes.take(0, &mut inner.batch.ops),
        }
        inner.batch.ops.append(&mut ops);
        self.hand_over(inner).map_err(|error| broken(&error))?;
        Ok(positions)
    }

    /// What an open tick has sent, and the value to go on from that goes with it. Only with that goes what it has changed: without
    /// it, the tick is run again from its beginning, and changes it again.
    fn sent(&self, inner: &mut Inner, sequence: u64, count: u32) {
        if count > 0 {
            let key = inner.key(sequence);
            inner.begun.insert(key);
            inner.batch.ops.push(Op::Sent { node: self.node, key, count });
        }
        if let Some((value, _)) = inner.checkpoints.remove(&sequence) {
            let op = self.checkpoint_op(inner, sequence, value);
            inner.batch.ops.push(op);
            self.changes.take(sequence, &mut inner.batch.ops);
        }
    }

    /// Whether the next message of a tick has left before.
    pub(crate) fn has_left(&self, sequence: u64) -> bool {
        self.inner.lock().skips(self.is_source, sequence)
    }

    /// How many of the next messages of a tick have left before.
    pub(crate) fn left_of(&self, sequence: u64, count: usize) -> usize {
        if self.is_replay(sequence) {
            return count;
        }
        let left = self.inner.lock().skip.get(&sequence).copied().unwrap_or_default();
        usize::try_from(left).unwrap_or(count).min(count)
    }

    /// Messages that leave together in the middle of a tick; their positions.
    pub(crate) fn send_together(
        &self,
        sequence: u64,
        outputs: &[Output],
        sent: u32,
        changes: impl FnOnce(&mut Vec<Op>),
    ) -> Result<Vec<u32>, Failure> {
        let packed = self.packed(outputs)?;
        let mut inner = self.inner.lock();
        let positions = self.outputs(&mut inner, outputs, packed);
        self.sent(&mut inner, sequence, sent);
        changes(&mut inner.batch.ops);
        Ok(positions)
    }

    /// Messages that belong to no tick; their positions.
    pub(crate) fn append(&self, outputs: &[Output], changes: impl FnOnce(&mut Vec<Op>)) -> Result<Vec<u32>, Failure> {
        let packed = self.packed(outputs)?;
        let mut inner = self.inner.lock();
        let positions = self.outputs(&mut inner, outputs, packed);
        self.changes.take(0, &mut inner.batch.ops);
        changes(&mut inner.batch.ops);
        Ok(positions)
    }

    /// Packs all of them, or none.
    fn packed(&self, outputs: &[Output]) -> Result<Packed, Failure> {
        let mut packed = Packed::default();
        for (port, message, _) in outputs {
            self.pack(&mut packed, *port, message)?;
        }
        Ok(packed)
    }

    fn pack(&self, packed: &mut Packed, port: u16, message: &Message) -> Result<(), Failure> {
        if self.stream(usize::from(port)).is_none() {
            packed.payloads.push(None);
            return Ok(());
        }
        packed.add(message)
    }

    /// Writes outputs; their positions.
    fn outputs(&self, inner: &mut Inner, outputs: &[Output], packed: Packed) -> Vec<u32> {
        let from = inner.batch.bytes.len() as u32;
        if inner.batch.bytes.is_empty() {
            inner.batch.bytes = packed.bytes;
        } else {
            inner.batch.bytes.extend_from_slice(&packed.bytes);
        }
        let written = outputs.iter().zip(packed.payloads).map(|((port, _, origin), payload)| {
            let port = usize::from(*port);
            let (Some(payload), Some(stream)) = (payload, self.stream(port)) else { return 0 };
            let position = inner.next[port];
            inner.next[port] += 1;
            let origin = origin.as_ref().map_or(0, Origin::id);
            inner.batch.ops.push(Op::Output { stream, position, origin, payload: payload.after(from) });
            position as u32
        });
        written.collect()
    }

    /// A tick commits: its outputs with their origins, what it has taken, and what goes with them. The answer are the
    /// positions of the outputs.
    pub(crate) fn commit(
        &self,
        attempt: &Attempt,
        outputs: &[Output],
        changes: impl FnOnce(&mut Vec<Op>),
    ) -> Result<Vec<u32>, Failure> {
        let packed = self.packed(outputs)?;
        let mut inner = self.inner.lock();
        let positions = self.outputs(&mut inner, outputs, packed);
        let taken = attempt.taken.len() as u32;
        inner.batch.ops.push(Op::Tick { node: self.node, taken, sent: outputs.len() as u32 });
        self.over(&mut inner, attempt);
        changes(&mut inner.batch.ops);
        Ok(positions)
    }

    /// A tick is over: it has taken its packets and made its changes, and nothing of it need be remembered.
    fn over(&self, inner: &mut Inner, attempt: &Attempt) {
        for (link, position) in &attempt.taken {
            inner.batch.ops.push(Op::Read { node: self.node, link: *link, position: *position });
        }
        self.changes.close(attempt.sequence, &mut inner.batch.ops);
        if let Some((value, _)) = inner.checkpoints.remove(&attempt.sequence)
            && self.is_source
        {
            inner.batch.ops.push(Op::Checkpoint { node: self.node, key: None, value });
        }
        inner.skip.remove(&attempt.sequence);
        if let Some(key) = inner.keys.remove(&attempt.sequence)
            && inner.begun.remove(&key)
        {
            inner.batch.ops.push(Op::Over { node: self.node, key });
        }
    }

    /// A tick has failed for good; the messages that go on in its place, with their positions.
    pub(crate) fn fail(
        &self,
        attempt: &Attempt,
        failed: FailedAttempt,
        outputs: &[Output],
        changes: impl FnOnce(&mut Vec<Op>),
    ) -> Vec<u32> {
        let mut packed = Packed::default();
        for (port, message, _) in outputs {
            // A report is JSON-shaped, which can always be written down.
            if self.pack(&mut packed, *port, message).is_err() {
                packed.payloads.push(None);
            }
        }
        let failed = Box::new(packed_inputs(failed));
        let mut inner = self.inner.lock();
        let positions = self.outputs(&mut inner, outputs, packed);
        inner.batch.ops.push(Op::Tick {
            node: self.node,
            taken: attempt.taken.len() as u32,
            sent: outputs.len() as u32,
        });
        inner.batch.ops.push(Op::Failed { node: self.node, failed });
        self.over(&mut inner, attempt);
        changes(&mut inner.batch.ops);
        positions
    }

    /// A tick will be tried again, after so many milliseconds; with number 0 as if it had never run. The `group` is what is to be
    /// known of that of its packets.
    pub(crate) fn retry(
        &self,
        attempt: &Attempt,
        number: u32,
        wait_ms: u64,
        failed: FailedAttempt,
        group: impl FnOnce(TickKey) -> Option<Op>,
    ) {
        let failed = Box::new(packed_inputs(failed));
        let mut inner = self.inner.lock();
        let key = *inner.keys.entry(attempt.sequence).or_insert_with(|| key_of(attempt));
        inner.begun.insert(key);
        let value = inner.checkpoints.remove(&attempt.sequence);
        // What a try has changed stays, unless the tick is to begin as if it had never run.
        if number > 0 || value.is_some() {
            self.changes.take(attempt.sequence, &mut inner.batch.ops);
        }
        if let Some((value, _)) = value {
            let op = self.checkpoint_op(&mut inner, attempt.sequence, value);
            inner.batch.ops.push(op);
        }
        if number > 0 {
            // What it sends from now on, it sends again.
            inner.skip.remove(&attempt.sequence);
        }
        inner.batch.ops.extend(group(key));
        let until_ms = now_ms().saturating_add(wait_ms);
        inner.batch.ops.push(Op::Retry { node: self.node, key, number, until_ms, failed });
    }

    /// Packets were dropped that no tick has taken.
    pub(crate) fn drop_packets(&self, gone: impl IntoIterator<Item = (u32, u32)>) {
        let mut inner = self.inner.lock();
        for (link, position) in gone {
            inner.batch.ops.push(Op::Read { node: self.node, link, position });
        }
    }

    /// A packet that found no partner goes on by an outport.
    pub(crate) fn pass_on(&self, output: &Output, (link, position): (u32, u32)) -> u32 {
        let outputs = std::slice::from_ref(output);
        let packed = self.packed(outputs);
        let mut inner = self.inner.lock();
        inner.batch.ops.push(Op::Read { node: self.node, link, position });
        // It came out of the journal's form, or can go into it as it came in.
        let Ok(packed) = packed else { return 0 };
        self.outputs(&mut inner, outputs, packed).first().copied().unwrap_or_default()
    }

    /// The node is in another state.
    pub(crate) fn note_state(&self, state: &'static str) {
        self.note(Op::State { node: self.node, state, ended: false });
    }

    /// Appends something that belongs to what is handed over next.
    pub(crate) fn note(&self, op: Op) {
        self.note_all([op]);
    }

    /// The same for what belongs together.
    pub(crate) fn note_all(&self, ops: impl IntoIterator<Item = Op>) {
        self.inner.lock().batch.ops.extend(ops);
    }

    /// The key of an open tick.
    pub(crate) fn key(&self, sequence: u64) -> TickKey {
        self.inner.lock().key(sequence)
    }
}

impl Inner {
    fn key(&self, sequence: u64) -> TickKey {
        self.keys.get(&sequence).copied().unwrap_or(TickKey::numbered(sequence))
    }

    /// Whether the next packet of a tick has left before.
    fn skips(&mut self, is_source: bool, sequence: u64) -> bool {
        if is_source && sequence > 0 && sequence <= self.replayed {
            return true;
        }
        match self.skip.get_mut(&sequence) {
            Some(left) if *left > 0 => {
                *left -= 1;
                true
            }
            _ => false,
        }
    }
}

/// Whether code of a host has to be asked what a message is.
fn is_of_host(message: &Message) -> bool {
    matches!(message, Message::Host(_) | Message::Any(AnyValue::Host(_)))
}

/// Tells a tick from all others of its node, over restarts: one that gathers a list, by the tick that has given the list.
pub(crate) fn key_of(attempt: &Attempt) -> TickKey {
    if let Some(key) = attempt.settled.as_ref().and_then(|settled| settled.key) {
        return key;
    }
    match attempt.taken.first() {
        Some((link, position)) => TickKey { link: *link, position: u64::from(*position) },
        None => TickKey::numbered(attempt.sequence),
    }
}

/// The longest packet of a failed tick that is kept, in bytes.
const LONGEST_INPUT: u64 = 16 << 10;

/// A failure as it is written down: whoever writes it need not know the values of a host, so its packets are packed here.
fn packed_inputs(mut failed: FailedAttempt) -> FailedAttempt {
    for (_, message) in &mut failed.inputs {
        let mut bytes = Vec::new();
        if message.payload_bytes() > LONGEST_INPUT || message.pack(&mut bytes).is_err() {
            bytes.clear();
            // Text can always be packed.
            let _ = message.described().pack(&mut bytes);
        }
        *message = Message::Encoded(bytes.into());
    }
    failed
}

/// Milliseconds since 1970.
pub(crate) fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

fn unstorable(problem: &str) -> Failure {
    Failure::new(format!("the output cannot be kept in the store: {problem}"))
        .with_reason(UNSTORABLE)
        .with_permanent(true)
}

pub(crate) fn broken(error: &JournalError) -> Failure {
    Failure::new(error.to_string()).with_reason("store").with_permanent(true)
}

#[cfg(test)]
mod tests {
    use std::sync::Weak;

    use reflow_message::{HostObject, HostValueError};

    use super::*;
    use crate::journal::{Kept, Known, Shape};

    /// Takes everything, and keeps the outputs in the order in which they come.
    #[derive(Debug, Default)]
    struct Written(Mutex<Vec<(u32, u64, Vec<u8>)>>);

    impl Journal for Written {
        fn run_id(&self) -> &'static str {
            "run"
        }

        fn doors(&self) -> Result<Vec<(String, String)>, JournalError> {
            Ok(Vec::new())
        }

        fn begin(&self, _shape: &Shape) -> Result<Known, JournalError> {
            Ok(Known::default())
        }

        fn write(&self, batch: Batch) -> Result<u64, JournalError> {
            for op in &batch.ops {
                if let Op::Output { stream, position, payload: Payload::Inline { at, len }, .. } = op {
                    let bytes = batch.bytes[*at as usize..][..*len as usize].to_vec();
                    self.0.lock().push((*stream, *position, bytes));
                }
            }
            Ok(1)
        }

        fn read(&self, _stream: u32, _from: u64, _limit: usize) -> Result<Vec<Kept>, JournalError> {
            Ok(Vec::new())
        }

        fn sync(&self) -> Result<(), JournalError> {
            Ok(())
        }

        fn wait(&self, _number: u64) -> Result<(), JournalError> {
            Ok(())
        }
    }

    /// An object whose code, when it is packed, needs the recorder that packs it: as another thread may, which it waits for.
    struct NeedsRecorder(Weak<Recorder>);

    impl HostObject for NeedsRecorder {
        fn describe(&self) -> String {
            "an object".into()
        }

        fn packed(&self) -> Result<Vec<u8>, HostValueError> {
            let recorder = self.0.upgrade().unwrap();
            assert!(recorder.inner.try_lock().is_some(), "packed while the recorder is locked");
            Ok(b"packed".to_vec())
        }
    }

    fn recorder() -> (Arc<Written>, Arc<Recorder>, Message) {
        let written = Arc::new(Written::default());
        let recorder = Arc::new(Recorder::new(Arc::clone(&written) as _, 0, false, vec![Some(7), Some(8), None]));
        let object = Message::Any(AnyValue::Host(Arc::new(NeedsRecorder(Arc::downgrade(&recorder)))));
        (written, recorder, object)
    }

    fn packed_bytes(message: &Message) -> Vec<u8> {
        let mut bytes = Vec::new();
        message.pack(&mut bytes).unwrap();
        bytes
    }

    #[test]
    fn nothing_of_a_host_runs_while_the_recorder_is_locked() {
        let (written, recorder, object) = recorder();
        let outputs: Vec<Output> = vec![(0, 5_i64.into(), None), (0, object.clone(), None)];
        let attempt = Attempt { sequence: 1, number: 1, ..Attempt::default() };
        let failed = || FailedAttempt {
            actor: "n".into(),
            component: "c".into(),
            failure: Failure::new("no"),
            attempt: 1,
            tick: 1,
            inputs: vec![("x".into(), object.clone())],
            will_retry: false,
        };
        assert_eq!(recorder.send(Some(1), &mut outputs[1..].to_vec(), false, |_, _| ()).unwrap(), [0]);
        assert_eq!(recorder.send_together(1, &outputs, 2, |_| ()).unwrap(), [1, 2]);
        assert_eq!(recorder.append(&outputs, |_| ()).unwrap(), [3, 4]);
        assert_eq!(recorder.commit(&attempt, &outputs, |_| ()).unwrap(), [5, 6]);
        recorder.retry(&attempt, 1, 0, failed(), |_| None);
        assert_eq!(recorder.fail(&attempt, failed(), &outputs, |_| ()), [7, 8]);
        assert_eq!(recorder.pass_on(&outputs[1], (0, 0)), 9);
        recorder.submit().unwrap();
        let (number, object) = (packed_bytes(&outputs[0].1), packed_bytes(&object));
        let all = [&object, &number, &object, &number, &object, &number, &object, &number, &object, &object];
        let all = all.iter().zip(0..).map(|(bytes, position)| (7, position, (*bytes).clone()));
        assert_eq!(*written.0.lock(), all.collect::<Vec<_>>());
    }

    #[test]
    fn a_piece_that_is_the_packet_itself_is_kept_as_it_is() {
        let (written, recorder, object) = recorder();
        // It leaves by an outport that leads to nothing but a connection that cuts.
        let mut outputs: Vec<Output> = vec![(2, object.clone(), None)];
        let positions = recorder.send(None, &mut outputs, true, |outputs, _| {
            outputs.extend([(1, object.clone(), None), (1, 5_i64.into(), None)]);
        });
        assert_eq!(positions.unwrap(), [0, 0, 1]);
        let kept = [(8, 0, packed_bytes(&object)), (8, 1, packed_bytes(&5_i64.into()))];
        assert_eq!(*written.0.lock(), kept);
    }

    #[test]
    fn what_cannot_be_kept_takes_no_position() {
        struct Unkept;
        impl HostObject for Unkept {
            fn describe(&self) -> String {
                "a lock".into()
            }
        }
        let (written, recorder, _) = recorder();
        let unkept = Message::Any(AnyValue::Host(Arc::new(Unkept)));
        let outputs: Vec<Output> = vec![(0, 1_i64.into(), None), (0, unkept, None)];
        let failure = recorder.append(&outputs, |_| ()).unwrap_err();
        assert!(failure.message.contains("a lock cannot be kept in a store"), "{failure}");
        assert_eq!(recorder.append(&outputs[..1], |_| ()).unwrap(), [0]);
        recorder.submit().unwrap();
        assert_eq!(written.0.lock().len(), 1);
    }
}
