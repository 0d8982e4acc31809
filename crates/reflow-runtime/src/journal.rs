//! `Journal`: where a run writes down what it has done, so that another process can go on with it.
//!
//! What leaves a node is a **stream**: an append-only list of messages with positions. A connection is a **link** that reads a
//! stream; its cursor moves when an attempt commits that has taken the packet. Everything that one attempt does is written
//! before its outputs are delivered, in one batch, and batches become durable in the order in which they were written. So
//! whatever is lost in a crash is lost together with everything that came of it, and the run goes on from a moment that there
//! was.

use std::fmt::Debug;
use std::sync::Arc;

use reflow_message::{Buffer, Message, Value};

use crate::event::FailedAttempt;

/// Why nothing can be written down any more.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{0}")]
pub struct JournalError(pub Arc<str>);

/// Where a run writes down what it has done.
pub trait Journal: Send + Sync + Debug {
    /// The id of the run.
    fn run_id(&self) -> &str;

    /// Inports that packets came to from outside before: node and port.
    ///
    /// # Errors
    /// When it cannot be read.
    fn doors(&self) -> Result<Vec<(String, String)>, JournalError>;

    /// Declares what the run consists of; the answer is what is known from before.
    ///
    /// # Errors
    /// When it cannot be written or read.
    fn begin(&self, shape: &Shape) -> Result<Known, JournalError>;

    /// Writes a batch down; the answer is its number. It becomes durable soon, after all earlier ones. Waits while too much is under
    /// way.
    ///
    /// # Errors
    /// When nothing can be written any more.
    fn write(&self, batch: Batch) -> Result<u64, JournalError>;

    /// Messages of a stream from a position on, in order, of those that are kept; sees all that was written before.
    ///
    /// # Errors
    /// When it cannot be read.
    fn read(&self, stream: u32, from: u64, limit: usize) -> Result<Vec<Kept>, JournalError>;

    /// Waits until everything that was written is durable.
    ///
    /// # Errors
    /// When something could not be written.
    fn sync(&self) -> Result<(), JournalError>;

    /// The run is over: somebody else may go on with it, and nothing more is written.
    fn end(&self) {}

    /// Waits until the batch of this number is durable.
    ///
    /// # Errors
    /// When something could not be written.
    fn wait(&self, number: u64) -> Result<(), JournalError>;
}

/// A message of a stream.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Its place in the stream, from 0.
    pub position: u64,
    /// What it descends from; 0 for nothing that is known.
    pub origin: u64,
    /// The message.
    pub message: Message,
}

/// Where the messages of a stream come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamKind {
    /// An outport.
    Outport,
    /// Packets that are there from the start.
    Initial,
    /// Packets from outside, for an inport.
    Outside,
    /// What one connection has made of the packets that went over it.
    Rechunked,
}

impl StreamKind {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Outport => "outport",
            Self::Initial => "initial",
            Self::Outside => "outside",
            Self::Rechunked => "rechunked",
        }
    }
}

/// A stream of a run.
#[derive(Clone, Debug)]
pub struct StreamShape {
    /// Where its messages come from.
    pub kind: StreamKind,
    /// The node.
    pub node: String,
    /// The port; that of a connection for what it has made.
    pub port: String,
    /// Whether its messages are kept when all have read them.
    pub keep: bool,
}

/// A link of a run: who reads a stream.
#[derive(Clone, Copy, Debug)]
pub struct LinkShape {
    /// The index of the node that reads.
    pub node: u32,
    /// The link of its mailbox.
    pub link: u32,
    /// The index of the inport among those of the node.
    pub port: u16,
    /// The stream that it reads.
    pub stream: u32,
}

/// What a run consists of.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Ids and templates of all nodes.
    pub nodes: Vec<(String, String)>,
    /// Names of the inports of all nodes.
    pub inports: Vec<Vec<String>>,
    /// All streams.
    pub streams: Vec<StreamShape>,
    /// All links.
    pub links: Vec<LinkShape>,
}

/// What is known of a run from before.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// Whether there is anything.
    pub resumed: bool,
    /// By node.
    pub nodes: Vec<KnownNode>,
    /// How far each stream goes.
    pub streams: Vec<KnownStream>,
    /// How far each link has read.
    pub links: Vec<KnownLink>,
    /// Signals that no node has taken, oldest first; the first has number 0.
    pub signals: Vec<KnownSignal>,
    /// Attempts that had begun and were not over.
    pub open: Vec<KnownAttempt>,
    /// The variables of the run.
    pub vars: Value,
    /// Ticks that failed for good; the first of them.
    pub failures: Vec<FailedAttempt>,
    /// How many more there were.
    pub failures_dropped: u64,
    /// Whether everything from outside had come.
    pub inputs_closed: bool,
}

/// A signal that no tick that is over has taken.
#[derive(Clone, Debug)]
pub struct KnownSignal {
    /// The index of its node.
    pub node: u32,
    /// The word that says what it is.
    pub kind: String,
    /// Its data.
    pub data: Value,
    /// Whether it is for a tick that waits for it.
    pub awaited: bool,
}

/// What is known of a node.
#[derive(Clone, Debug, Default)]
pub struct KnownNode {
    /// The state in which it ended, if it did.
    pub ended: Option<String>,
    /// Ticks that are over.
    pub ticks: u64,
    /// Packets that they took.
    pub packets_in: u64,
    /// Packets that it sent.
    pub packets_out: u64,
    /// Ticks that failed.
    pub failures: u64,
    /// Tries beyond the first of their tick.
    pub retries: u64,
    /// Whether its first call was over.
    pub set_up: bool,
    /// What the node went on from, of its own.
    pub checkpoint: Option<Message>,
    /// Its pools: pool, id, value.
    pub pools: Vec<(String, String, Value)>,
}

/// How far a stream goes.
#[derive(Clone, Copy, Debug, Default)]
pub struct KnownStream {
    /// The position of the next message.
    pub next: u64,
    /// What the last one descends from.
    pub origin: u64,
}

/// How far a link has read.
#[derive(Clone, Debug, Default)]
pub struct KnownLink {
    /// Everything before it was read.
    pub upto: u64,
    /// What was read beyond, in order.
    pub beyond: Vec<u64>,
}

/// An attempt that was not over.
#[derive(Clone, Debug)]
pub struct KnownAttempt {
    /// The index of its node.
    pub node: u32,
    /// Which tick of it.
    pub key: TickKey,
    /// The number of its last try.
    pub number: u32,
    /// When it is tried again, in milliseconds since 1970.
    pub until_ms: Option<u64>,
    /// Packets that it had sent.
    pub sent: u64,
    /// What to go on from.
    pub checkpoint: Option<Message>,
}

/// Tells the ticks of a node apart, over restarts: the first packet that it took.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TickKey {
    /// The link it came over; `u32::MAX` for ticks without packets.
    pub link: u32,
    /// Its position, or the number of the tick.
    pub position: u64,
}

impl TickKey {
    /// The key of a tick that took no packet.
    pub const fn numbered(sequence: u64) -> Self {
        Self { link: u32::MAX, position: sequence }
    }
}

/// A message on its way into a journal.
#[derive(Clone, Debug)]
pub enum Payload {
    /// A part of the bytes of the batch.
    Inline {
        /// Where it begins.
        at: u32,
        /// How long it is.
        len: u32,
    },
    /// Bytes by reference: the raw content of a message of kind Bytes.
    Bytes(Buffer),
}

impl Payload {
    /// The same when so many bytes come before those it is a part of.
    #[must_use]
    pub(crate) fn after(self, bytes: u32) -> Self {
        match self {
            Self::Inline { at, len } => Self::Inline { at: at + bytes, len },
            by_reference @ Self::Bytes(_) => by_reference,
        }
    }
}

/// What is written down together.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    /// The contents of messages.
    pub bytes: Vec<u8>,
    /// What happened, in order.
    pub ops: Vec<Op>,
}

/// What may happen in a run.
#[derive(Clone, Debug)]
pub enum Op {
    /// A message was appended to a stream.
    Output {
        /// The stream.
        stream: u32,
        /// Its place.
        position: u64,
        /// What it descends from; 0 for nothing.
        origin: u64,
        /// The message.
        payload: Payload,
    },
    /// A link has read a message.
    Read {
        /// The index of the node.
        node: u32,
        /// The link of its mailbox.
        link: u32,
        /// The lower half of the position.
        position: u32,
    },
    /// A tick has committed.
    Tick {
        /// The index of the node.
        node: u32,
        /// Packets it took.
        taken: u32,
        /// Packets it sent.
        sent: u32,
    },
    /// An attempt that is not over has sent packets.
    Sent {
        /// The index of the node.
        node: u32,
        /// Which tick.
        key: TickKey,
        /// How many.
        count: u32,
    },
    /// A value to go on from; of the node itself without a key.
    Checkpoint {
        /// The index of the node.
        node: u32,
        /// Which tick.
        key: Option<TickKey>,
        /// The value.
        value: Arc<[u8]>,
    },
    /// A tick will be tried again.
    Retry {
        /// The index of the node.
        node: u32,
        /// Which tick.
        key: TickKey,
        /// The number of the try that failed.
        number: u32,
        /// When it is tried again, in milliseconds since 1970.
        until_ms: u64,
        /// What went wrong; its packets are packed, as Encoded messages.
        failed: Box<FailedAttempt>,
    },
    /// A tick is over, whatever became of it.
    Over {
        /// The index of the node.
        node: u32,
        /// Which tick.
        key: TickKey,
    },
    /// A tick has failed for good.
    Failed {
        /// The index of the node.
        node: u32,
        /// What went wrong.
        failed: Box<FailedAttempt>,
    },
    /// A value of a pool changed; without an id the pool was emptied, without a value it was removed.
    Pool {
        /// The index of the node.
        node: u32,
        /// The pool.
        pool: Arc<str>,
        /// The id.
        id: Option<Arc<str>>,
        /// The new value.
        value: Option<Value>,
    },
    /// A variable of the run changed.
    Var(crate::vars::VarChange),
    /// A signal has come for a node.
    Signal {
        /// The index of the node.
        node: u32,
        /// The word that says what it is.
        kind: String,
        /// Its data.
        data: Value,
        /// Tells signals of the run apart.
        number: u64,
        /// Whether it is for a tick that waits for it.
        awaited: bool,
    },
    /// A signal was taken, by a tick or call that is over.
    SignalTaken {
        /// Its number.
        number: u64,
    },
    /// The run has got what it begins with: from now on it can be gone on with.
    Begun,
    /// The first call of a node is over.
    SetUp {
        /// The index of the node.
        node: u32,
    },
    /// A node is in another state.
    State {
        /// The index of the node.
        node: u32,
        /// The state.
        state: &'static str,
        /// Whether it will run no more.
        ended: bool,
    },
    /// A stream and its link came into being.
    Door {
        /// The index of the stream.
        stream: u32,
        /// The node and its port.
        node: u32,
        /// The port by name.
        port: Arc<str>,
        /// The link of the mailbox.
        link: u32,
    },
    /// Everything from outside has come.
    InputsClosed,
    /// The run is at its end, or was stopped.
    Ended {
        /// How.
        state: &'static str,
        /// Why it was stopped.
        reason: Option<String>,
    },
}
