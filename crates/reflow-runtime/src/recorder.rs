//! `Recorder`: what one node writes into the journal of its run.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::{Mutex, MutexGuard};
use reflow_message::Message;
use rustc_hash::{FxHashMap, FxHashSet};

use crate::attempt::Attempt;
use crate::event::FailedAttempt;
use crate::failure::Failure;
use crate::journal::{Batch, Journal, JournalError, KnownAttempt, Op, Payload, TickKey};
use crate::origin::Origin;
use crate::vars::VarChange;

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
    /// Values to go on from that were set and not written yet, by number of the tick.
    checkpoints: FxHashMap<u64, Arc<[u8]>>,
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

/// A place in a batch that can be gone back to.
struct Mark {
    ops: usize,
    bytes: usize,
}

impl Recorder {
    pub(crate) fn new(journal: Arc<dyn Journal>, node: u32, is_source: bool, streams: Vec<Option<u32>>) -> Self {
        let inner = Inner { next: vec![0; streams.len()], ..Inner::default() };
        Self { journal, node, is_source, streams, inner: Mutex::new(inner) }
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
        self.is_source && sequence <= self.inner.lock().replayed
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
        let before = inner.checkpoints.insert(sequence, packed.into());
        if let Some(value) = before {
            // Nothing has left since: what was said before holds by itself.
            let op = self.checkpoint_op(&mut inner, sequence, value);
            inner.batch.ops.push(op);
        }
        Ok(())
    }

    fn checkpoint_op(&self, inner: &mut Inner, sequence: u64, value: Arc<[u8]>) -> Op {
        let key = (!self.is_source).then(|| inner.key(sequence));
        inner.begun.extend(key);
        Op::Checkpoint { node: self.node, key, value }
    }

    /// A message leaves in the middle of a tick; the positions of what it makes. One that has left before is taken out.
    pub(crate) fn send(
        &self,
        sequence: Option<u64>,
        outputs: &mut Vec<Output>,
        cut: impl FnOnce(&mut Vec<Output>, &mut Vec<Op>),
    ) -> Result<Vec<u32>, Failure> {
        let mut inner = self.inner.lock();
        if sequence.is_some_and(|sequence| inner.skips(self.is_source, sequence)) {
            outputs.clear();
            return Ok(Vec::new());
        }
        let mut ops = Vec::new();
        cut(outputs, &mut ops);
        let positions = self.outputs(&mut inner, outputs)?;
        if let Some(sequence) = sequence {
            self.sent(&mut inner, sequence, 1);
        }
        inner.batch.ops.append(&mut ops);
        self.hand_over(inner).map_err(|error| broken(&error))?;
        Ok(positions)
    }

    /// What an open tick has sent, and the value to go on from that goes with it.
    fn sent(&self, inner: &mut Inner, sequence: u64, count: u32) {
        if count > 0 {
            let key = inner.key(sequence);
            inner.begun.insert(key);
            inner.batch.ops.push(Op::Sent { node: self.node, key, count });
        }
        if let Some(value) = inner.checkpoints.remove(&sequence) {
            let op = self.checkpoint_op(inner, sequence, value);
            inner.batch.ops.push(op);
        }
    }

    /// Takes those messages out that have left before; whether there were some, and none is left.
    pub(crate) fn skip_yielded(&self, sequence: u64, outputs: &mut Vec<Output>) -> bool {
        if outputs.is_empty() {
            return false;
        }
        let mut inner = self.inner.lock();
        outputs.retain(|_| !inner.skips(self.is_source, sequence));
        outputs.is_empty()
    }

    /// Messages that leave together in the middle of a tick; their positions.
    pub(crate) fn send_together(
        &self,
        sequence: u64,
        outputs: &[Output],
        sent: u32,
        changes: impl FnOnce(&mut Vec<Op>),
    ) -> Result<Vec<u32>, Failure> {
        let mut inner = self.inner.lock();
        let positions = self.outputs(&mut inner, outputs)?;
        self.sent(&mut inner, sequence, sent);
        changes(&mut inner.batch.ops);
        Ok(positions)
    }

    /// Messages that belong to no tick; their positions.
    pub(crate) fn append(&self, outputs: &[Output], changes: impl FnOnce(&mut Vec<Op>)) -> Result<Vec<u32>, Failure> {
        let mut inner = self.inner.lock();
        let positions = self.outputs(&mut inner, outputs)?;
        changes(&mut inner.batch.ops);
        Ok(positions)
    }

    /// Writes all of them, or none.
    fn outputs(&self, inner: &mut Inner, outputs: &[Output]) -> Result<Vec<u32>, Failure> {
        let mark = inner.mark();
        let mut positions = Vec::with_capacity(outputs.len());
        for (port, message, origin) in outputs {
            match self.output(inner, *port, message, origin.as_ref()) {
                Ok(position) => positions.push(position),
                Err(failure) => {
                    inner.go_back(&mark, &self.streams);
                    return Err(failure);
                }
            }
        }
        Ok(positions)
    }

    /// A tick commits: its outputs with their origins, what it has taken, and what goes with them. The answer are the
    /// positions of the outputs.
    pub(crate) fn commit(
        &self,
        attempt: &Attempt,
        outputs: &[Output],
        changes: impl FnOnce(&mut Vec<Op>),
    ) -> Result<Vec<u32>, Failure> {
        let mut inner = self.inner.lock();
        let positions = self.outputs(&mut inner, outputs)?;
        let taken = attempt.taken.len() as u32;
        inner.batch.ops.push(Op::Tick { node: self.node, taken, sent: outputs.len() as u32 });
        self.over(&mut inner, attempt);
        changes(&mut inner.batch.ops);
        Ok(positions)
    }

    /// A tick is over: it has taken its packets, and nothing of it need be remembered.
    fn over(&self, inner: &mut Inner, attempt: &Attempt) {
        for (link, position) in &attempt.taken {
            inner.batch.ops.push(Op::Read { node: self.node, link: *link, position: *position });
        }
        if let Some(value) = inner.checkpoints.remove(&attempt.sequence)
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
        let mut inner = self.inner.lock();
        let mut positions = Vec::new();
        for (port, message, origin) in outputs {
            // A report is JSON-shaped, which can always be written down.
            positions.push(self.output(&mut inner, *port, message, origin.as_ref()).unwrap_or_default());
        }
        inner.batch.ops.push(Op::Tick {
            node: self.node,
            taken: attempt.taken.len() as u32,
            sent: outputs.len() as u32,
        });
        inner.batch.ops.push(Op::Failed { node: self.node, failed: Box::new(packed(failed)) });
        self.over(&mut inner, attempt);
        changes(&mut inner.batch.ops);
        positions
    }

    /// A tick will be tried again, after so many milliseconds.
    pub(crate) fn retry(&self, attempt: &Attempt, number: u32, wait_ms: u64, failed: FailedAttempt) {
        let mut inner = self.inner.lock();
        let key = *inner.keys.entry(attempt.sequence).or_insert_with(|| key_of(attempt));
        inner.begun.insert(key);
        if let Some(value) = inner.checkpoints.remove(&attempt.sequence) {
            let op = self.checkpoint_op(&mut inner, attempt.sequence, value);
            inner.batch.ops.push(op);
        }
        let until_ms = now_ms().saturating_add(wait_ms);
        let failed = Box::new(packed(failed));
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
    pub(crate) fn pass_on(&self, port: u16, message: &Message, origin: Option<&Origin>) -> u32 {
        // It came out of the journal's form, or can go into it as it came in.
        self.output(&mut self.inner.lock(), port, message, origin).unwrap_or_default()
    }

    /// The node is in another state.
    pub(crate) fn note_state(&self, state: &'static str) {
        self.note(Op::State { node: self.node, state, ended: false });
    }

    /// Appends something that belongs to what is handed over next.
    pub(crate) fn note(&self, op: Op) {
        self.inner.lock().batch.ops.push(op);
    }

    /// The key of an open tick.
    pub(crate) fn key(&self, sequence: u64) -> TickKey {
        self.inner.lock().key(sequence)
    }

    fn output(&self, inner: &mut Inner, port: u16, message: &Message, origin: Option<&Origin>) -> Result<u32, Failure> {
        let Some(stream) = self.stream(usize::from(port)) else { return Ok(0) };
        let at = inner.batch.bytes.len();
        let payload = match message {
            Message::Bytes(bytes) if bytes.len() >= BY_REFERENCE => Payload::Bytes(bytes.clone()),
            message => {
                if let Err(error) = message.pack(&mut inner.batch.bytes) {
                    inner.batch.bytes.truncate(at);
                    return Err(unstorable(&error.0));
                }
                Payload::Inline { at: at as u32, len: (inner.batch.bytes.len() - at) as u32 }
            }
        };
        let position = inner.next[usize::from(port)];
        inner.next[usize::from(port)] += 1;
        let origin = origin.map_or(0, Origin::id);
        inner.batch.ops.push(Op::Output { stream, position, origin, payload });
        Ok(position as u32)
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

    fn mark(&self) -> Mark {
        Mark { ops: self.batch.ops.len(), bytes: self.batch.bytes.len() }
    }

    /// Forgets what came after a mark.
    fn go_back(&mut self, mark: &Mark, streams: &[Option<u32>]) {
        for op in self.batch.ops.drain(mark.ops..) {
            if let Op::Output { stream, .. } = op
                && let Some(port) = streams.iter().position(|known| *known == Some(stream))
            {
                self.next[port] -= 1;
            }
        }
        self.batch.bytes.truncate(mark.bytes);
    }
}

/// Tells a tick from all others of its node, over restarts.
pub(crate) fn key_of(attempt: &Attempt) -> TickKey {
    match attempt.taken.first() {
        Some((link, position)) => TickKey { link: *link, position: u64::from(*position) },
        None => TickKey::numbered(attempt.sequence),
    }
}

/// The longest packet of a failed tick that is kept, in bytes.
const LONGEST_INPUT: u64 = 16 << 10;

/// A failure as it is written down: whoever writes it need not know the values of a host, so its packets are packed here.
fn packed(mut failed: FailedAttempt) -> FailedAttempt {
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

/// Changes of pools and variables, as operations.
pub(crate) fn change_ops(node: u32, pools: &crate::Pools, vars: Vec<VarChange>, ops: &mut Vec<Op>) {
    for (pool, id, value) in pools.take_changes() {
        ops.push(Op::Pool { node, pool, id, value });
    }
    ops.extend(vars.into_iter().map(Op::Var));
}
