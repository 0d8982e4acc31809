//! Links: the connections into a node as its mailbox sees them, and the shelves of those that keep their newest packets.

use std::collections::VecDeque;
use std::sync::Arc;

use reflow_message::Message;
use smallvec::SmallVec;

use super::page::Page;
use crate::activity::Sleeper;
use crate::connection::Overflow;
use crate::origin::Origin;

/// How a link deals with packets for which there is no room.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Room {
    /// As the connection says.
    Bounded(usize, Overflow),
    /// All links of the inport together keep the newest packet; with `true`, objects are merged.
    Latest(bool),
}

/// One incoming connection, as its target sees it.
#[derive(Debug)]
pub(super) struct Link {
    /// The inport it leads to.
    pub(super) port: u16,
    /// Packets that may wait; `usize::MAX` for initials.
    pub(super) capacity: usize,
    pub(super) overflow: Overflow,
    pub(super) shelf: Option<usize>,
    pub(super) used: usize,
    /// The most that ever waited.
    pub(super) high_water: usize,
    /// No further packet will come.
    pub(super) closed: bool,
    /// Made for packets that somebody outside sends to the port.
    pub(super) outside: bool,
    /// What waits in the journal, of a log.
    pub(super) page: Option<Box<Page>>,
    pub(super) waiting: SmallVec<[Arc<Sleeper>; 1]>,
    /// Packets for a shelf so far, where there is a script.
    pub(super) shelved: u64,
}

/// Packets of which older ones may be replaced. The queue has a place for each.
#[derive(Debug)]
pub(crate) struct Shelf {
    /// The inport, if it is that of a whole inport.
    pub(super) port: Option<u16>,
    pub(super) capacity: usize,
    pub(super) merges: bool,
    pub(super) packets: VecDeque<Shelved>,
    /// Where a script is written, what the packets are made of: links, and how-manieth packets of them.
    pub(super) made_of: VecDeque<Vec<(u32, u64)>>,
}

/// A packet on a shelf: with its position.
pub(super) type Shelved = (Message, Option<Origin>, u32);

/// What the consumer knows of its links.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkInfo {
    /// The inport it leads to.
    pub(crate) port: u16,
    /// Whether its packets are on a shelf.
    pub(crate) shelved: bool,
    /// Whether it was made for packets from outside: that is no connection.
    pub(crate) outside: bool,
}

/// Whether there is room for a packet.
pub(super) enum Fit {
    Fits,
    Full,
    Dropped,
    Refused,
}
