//! What travels to a node: packets, and what reaches it besides them.

use std::sync::Arc;

use reflow_message::Message;

use crate::attempt::Completion;
use crate::awaited::Received;
use crate::gather::GroupEnd;
use crate::origin::Origin;
use crate::question::Hold;

/// A message, the link it came over, and what it descends from.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) link: u32,
    /// The lower half of its place in the stream of a journal.
    pub(crate) position: u32,
    pub(crate) message: Message,
    pub(crate) origin: Option<Origin>,
}

/// A packet on its way out of a node, addressed.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// The target node, or a tap (see `route`).
    pub(crate) target: u32,
    /// The outport it left by.
    pub(crate) port: u16,
    pub(crate) packet: Packet,
}

/// What reaches a node besides packets. It wakes the node, which then does not go to sleep before it has dealt with it.
#[derive(Debug)]
pub(crate) enum Control {
    Signal(Received),
    Completion(Completion),
    /// Nothing more descends from an origin of which the node has packets aside.
    Ended(u64, Option<Arc<Hold>>),
    /// Nothing of a question is left but what the node has aside.
    Unanswered(Arc<Hold>),
    /// Nothing of a group is left whose results the node gathers.
    Gathered(Box<GroupEnd>),
    /// A question was cancelled: attempts on its packets need not go on.
    Withdrawn,
    /// Something changed that the node should look at: a port closed, the run was cancelled, a background task ended.
    Poke,
}
