//! `Mailbox`: the bounded queue in front of a node.
//!
//! All packets for a node wait in one queue, in order of arrival. Room is counted per connection (here called a link): a
//! producer takes a credit with every packet and gets it back when a tick of the node has taken the packet, so a flood on
//! one connection cannot starve another. The consumer takes everything that waits in one go; producer and consumer meet
//! under the lock once a batch.
//!
//! A link whose older packets may be replaced keeps them in a shelf of its own, and the queue has only a place for them. The
//! consumer takes such a packet off its shelf when a tick starts, so it gets the newest there is at that moment.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::Mutex;
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use reflow_message::Message;

use crate::activity::Sleeper;
use crate::actor::Signal;
use crate::attempt::Completion;
use crate::connection::Overflow;
use crate::gather::GroupEnd;
use crate::origin::Origin;
use crate::question::Hold;
use crate::stats::raise;

/// Packets of questions that may wait for an inport that keeps its newest.
const ASKED: usize = 1024;
/// Signals that may wait for a node.
pub(crate) const MAX_SIGNALS: usize = 1024;
/// Packets of a log that wait here; others wait in the journal.
pub(crate) const WINDOW: usize = 2048;

/// A message, the link it came over, and what it descends from.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) link: u32,
    /// The lower half of its place in the stream of a journal.
    pub(crate) position: u32,
    pub(crate) message: Message,
    pub(crate) origin: Option<Origin>,
}

/// What reaches a node besides packets. It wakes the node, which then does not go to sleep before it has dealt with it.
#[derive(Debug)]
pub(crate) enum Control {
    Signal(Signal),
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

/// Why a mailbox takes no control item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// The node takes nothing more.
    Closed,
    /// Too many signals wait.
    Full,
}

/// What a mailbox held when it closed.
pub(crate) struct Leftovers {
    /// Packets that no tick took.
    pub(crate) packets: usize,
    /// What the mailbox held, to be dropped by the caller, outside of every lock: the end of an origin is news.
    pub(crate) rest: (VecDeque<Packet>, VecDeque<Control>, Vec<Shelf>),
}

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
struct Link {
    /// The inport it leads to.
    port: u16,
    /// Packets that may wait; `usize::MAX` for initials.
    capacity: usize,
    overflow: Overflow,
    shelf: Option<usize>,
    used: usize,
    /// The most that ever waited.
    high_water: usize,
    /// No further packet will come.
    closed: bool,
    /// What waits in the journal, of a log.
    page: Option<Box<Page>>,
    waiting: SmallVec<[Arc<Sleeper>; 1]>,
}

/// Packets of which older ones may be replaced. The queue has a place for each.
#[derive(Debug)]
pub(crate) struct Shelf {
    /// The inport, if it is that of a whole inport.
    port: Option<u16>,
    capacity: usize,
    merges: bool,
    packets: VecDeque<Shelved>,
}

/// A packet on a shelf: with its position.
type Shelved = (Message, Option<Origin>, u32);

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Packet>,
    links: Vec<Link>,
    shelves: Vec<Shelf>,
    control: VecDeque<Control>,
    signals: usize,
    open_links: usize,
    /// The node sleeps until something arrives.
    consumer_asleep: bool,
    /// The node takes no more packets.
    closed: bool,
    /// Whether a journal wants to know which packets are dropped.
    recorded: bool,
    /// Whether there are links whose packets may wait in the journal.
    pages: bool,
    /// Packets that were replaced, or not taken.
    dropped: u64,
}

/// The bounded queue in front of one node.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    inner: Mutex<Inner>,
    /// Whether a control item waits, for a look without the lock.
    has_control: AtomicBool,
}

/// What became of the packets that were offered.
#[derive(Debug)]
pub(crate) struct Offer {
    /// The consumer was asleep and has to be woken.
    pub(crate) wake: bool,
    /// Packets that wait now.
    pub(crate) taken: usize,
    /// Packets of which the node takes no more.
    pub(crate) undelivered: usize,
    /// `Some` when the next packet found no room and the sleeper was registered: [`Sleeper::fall_asleep`]'s answer.
    pub(crate) leave: Option<bool>,
    /// A packet that its connection does not take.
    pub(crate) refused: Option<Box<Outgoing>>,
    /// Packets that were dropped or replaced: link and position, for a journal.
    pub(crate) gone: Vec<(u32, u32)>,
}

/// What the consumer found.
pub(crate) struct Taken {
    /// Links that may still bring packets.
    pub(crate) open_links: usize,
    /// [`Sleeper::fall_asleep`]'s answer when there was nothing and the consumer went to sleep.
    pub(crate) asleep: Option<bool>,
    /// A link that has room for packets which wait in the journal.
    pub(crate) load: Option<Load>,
}

/// Packets to be read from a journal.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Load {
    pub(crate) link: u32,
    pub(crate) stream: u32,
    pub(crate) from: u64,
}

/// The part of a log that waits in the journal.
#[derive(Debug)]
struct Page {
    stream: u32,
    /// The position of the next packet to be read.
    from: u64,
    /// How far the log goes.
    end: u64,
    /// What was taken already, beyond that.
    taken: std::collections::BTreeSet<u64>,
    loading: bool,
    /// Whether the link closes with its last packet.
    closing: bool,
}

/// Whether the consumer goes to sleep when it finds nothing.
#[derive(Clone, Copy)]
pub(crate) enum Sleep<'a> {
    /// It does not.
    No,
    /// When there is no packet and no control item.
    Empty(&'a Arc<Sleeper>),
    /// When there is no control item: it cannot take packets now.
    Occupied(&'a Arc<Sleeper>),
}

/// What the consumer knows of its links.
#[derive(Clone, Copy, Debug)]
pub(crate) struct LinkInfo {
    /// The inport it leads to.
    pub(crate) port: u16,
    /// Whether its packets are on a shelf.
    pub(crate) shelved: bool,
}

impl Mailbox {
    /// Adds a link; links are numbered from 0 in order of addition.
    pub(crate) fn add_link(&self, port: u16, room: Room) -> u32 {
        self.insert_link(port, room, true)
    }

    /// Adds a link for packets from outside. It is no producer that could close: whether the outside may still send is a
    /// flag of the node.
    pub(crate) fn add_outside_link(&self, port: u16, room: Room) -> u32 {
        self.insert_link(port, room, false)
    }

    fn insert_link(&self, port: u16, room: Room, open: bool) -> u32 {
        let mut inner = self.inner.lock();
        let (capacity, overflow, shelf) = match room {
            Room::Latest(merges) => (1, Overflow::Newest, Some(inner.shelf_of(port, merges))),
            Room::Bounded(capacity, Overflow::Newest) => {
                (capacity, Overflow::Newest, Some(inner.add_shelf(None, capacity, false)))
            }
            Room::Bounded(capacity, overflow) => (capacity, overflow, None),
        };
        inner.open_links += usize::from(open);
        inner.links.push(Link {
            port,
            capacity,
            overflow,
            shelf,
            used: 0,
            high_water: 0,
            closed: !open,
            page: None,
            waiting: SmallVec::new(),
        });
        (inner.links.len() - 1) as u32
    }

    /// All links.
    pub(crate) fn links(&self) -> Vec<LinkInfo> {
        let inner = self.inner.lock();
        inner.links.iter().map(|link| LinkInfo { port: link.port, shelved: link.shelf.is_some() }).collect()
    }

    /// Offers the packets at the front of `pending` that go to `target`, as many as fit. Without room, `sleeper` is
    /// registered for the next credit and put to sleep.
    pub(crate) fn offer(
        &self,
        target: u32,
        pending: &mut VecDeque<Outgoing>,
        sleeper: &Arc<Sleeper>,
        mut taken: impl FnMut(&Outgoing),
    ) -> Offer {
        let mut offer = Offer { wake: false, taken: 0, undelivered: 0, leave: None, refused: None, gone: Vec::new() };
        // Dropped after the lock: the end of an origin is told to mailboxes, perhaps to this one.
        let (mut lost, mut replaced) = (Vec::new(), Vec::new());
        {
            let mut inner = self.inner.lock();
            while let Some(front) = pending.front().filter(|front| front.target == target) {
                if inner.closed {
                    lost.extend(pending.pop_front());
                    offer.undelivered += 1;
                    continue;
                }
                match inner.room_for(&front.packet) {
                    Fit::Fits => {}
                    Fit::Full => {
                        offer.leave = Some(inner.register(front.packet.link, sleeper));
                        break;
                    }
                    Fit::Dropped => {
                        inner.dropped += 1;
                        if inner.recorded {
                            offer.gone.push((front.packet.link, front.packet.position));
                        }
                        lost.extend(pending.pop_front());
                        continue;
                    }
                    Fit::Refused => {
                        inner.dropped += 1;
                        if inner.recorded {
                            offer.gone.push((front.packet.link, front.packet.position));
                        }
                        offer.refused = pending.pop_front().map(Box::new);
                        break;
                    }
                }
                taken(front);
                let Some(Outgoing { packet, .. }) = pending.pop_front() else { break };
                offer.taken += 1;
                if inner.pages && inner.put_off(&packet) {
                    lost.push(Outgoing { target, port: 0, packet });
                    continue;
                }
                let link = packet.link;
                if let Some(old) = inner.push(packet) {
                    if inner.recorded {
                        offer.gone.push((link, old.2));
                    }
                    replaced.push(old);
                }
            }
            offer.wake = std::mem::take(&mut inner.consumer_asleep);
        }
        drop((lost, replaced));
        offer
    }

    /// Takes one packet if there is room for it in the queue itself; whether the consumer was asleep and has to be woken. Else it
    /// is given back, for [`offer`](Self::offer) to say why.
    pub(crate) fn put(&self, packet: Packet) -> Result<bool, Packet> {
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let Some(link) = inner.links.get_mut(packet.link as usize) else { return Err(packet) };
        if inner.closed || link.used >= link.capacity || link.shelf.is_some() {
            return Err(packet);
        }
        link.used += 1;
        raise(&mut link.high_water, link.used);
        inner.queue.push_back(packet);
        Ok(std::mem::take(&mut inner.consumer_asleep))
    }

    /// Takes the oldest packet off the shelf that the link keeps its packets on.
    pub(crate) fn pull(&self, link: u32) -> Option<Shelved> {
        let mut inner = self.inner.lock();
        let shelf = inner.links.get(link as usize)?.shelf?;
        inner.shelves[shelf].packets.pop_front()
    }

    /// Puts a control item in.
    pub(crate) fn control(&self, control: Control) -> Result<(), Refused> {
        let mut inner = self.inner.lock();
        // A node that is about to end may wait for attempts that were given up.
        if inner.closed && !matches!(control, Control::Completion(_)) {
            return Err(Refused::Closed);
        }
        if matches!(control, Control::Signal(_)) {
            if inner.signals >= MAX_SIGNALS {
                return Err(Refused::Full);
            }
            inner.signals += 1;
        }
        inner.control.push_back(control);
        inner.consumer_asleep = false;
        self.has_control.store(true, Ordering::Release);
        Ok(())
    }

    /// Whether a control item waits.
    pub(crate) fn has_control(&self) -> bool {
        self.has_control.load(Ordering::Acquire)
    }

    /// A signal was handed over.
    pub(crate) fn signal_taken(&self) {
        let mut inner = self.inner.lock();
        inner.signals = inner.signals.saturating_sub(1);
    }

    /// Gives credits back and takes everything that waits. With `sleep`, falls asleep if there is nothing to do.
    ///
    /// `released` counts packets a link and is zeroed.
    pub(crate) fn exchange(
        &self,
        batch: &mut VecDeque<Packet>,
        control: &mut VecDeque<Control>,
        released: &mut [u32],
        sleep: Sleep<'_>,
    ) -> Taken {
        let mut wakes: SmallVec<[Arc<Sleeper>; 4]> = SmallVec::new();
        let taken = {
            let mut inner = self.inner.lock();
            inner.release(released, &mut wakes);
            if batch.is_empty() {
                std::mem::swap(batch, &mut inner.queue);
            } else {
                batch.append(&mut inner.queue);
            }
            control.append(&mut inner.control);
            self.has_control.store(false, Ordering::Relaxed);
            let asleep = match sleep {
                Sleep::Empty(sleeper) if batch.is_empty() && control.is_empty() => {
                    inner.consumer_asleep = true;
                    Some(sleeper.fall_asleep(false))
                }
                Sleep::Occupied(sleeper) if control.is_empty() => Some(sleeper.fall_asleep(false)),
                _ => None,
            };
            let load = if inner.pages { inner.next_load() } else { None };
            Taken { open_links: inner.open_links, asleep, load }
        };
        wakes.iter().for_each(|sleeper| sleeper.wake());
        taken
    }

    /// Gives credits back without taking anything.
    pub(crate) fn release(&self, released: &mut [u32]) {
        let mut wakes: SmallVec<[Arc<Sleeper>; 4]> = SmallVec::new();
        self.inner.lock().release(released, &mut wakes);
        wakes.iter().for_each(|sleeper| sleeper.wake());
    }

    /// Marks a link as bringing nothing more; whether the consumer has to be woken for it.
    #[must_use]
    pub(crate) fn close_link(&self, link: u32) -> bool {
        let mut inner = self.inner.lock();
        let link = &mut inner.links[link as usize];
        if link.closed {
            return false;
        }
        if let Some(page) = link.page.as_mut().filter(|page| page.from < page.end || page.loading) {
            // It closes when what waits in the journal has come.
            page.closing = true;
            return false;
        }
        link.closed = true;
        inner.open_links -= 1;
        std::mem::take(&mut inner.consumer_asleep)
    }

    /// Whether any number of packets may wait on the link.
    pub(crate) fn is_log(&self, link: u32) -> bool {
        self.inner.lock().links.get(link as usize).is_some_and(|link| link.capacity == usize::MAX)
    }

    /// Drops are told to a journal from now on.
    pub(crate) fn record(&self) {
        self.inner.lock().recorded = true;
    }

    /// Puts a packet in that was there before the start, whether or not there is room.
    pub(crate) fn restore(&self, packet: Packet) {
        self.inner.lock().push(packet);
    }

    /// The link is a log, of which packets from `from` to `end` wait in the journal; what is in `taken` does not count.
    pub(crate) fn page(&self, link: u32, stream: u32, from: u64, end: u64, taken: std::collections::BTreeSet<u64>) {
        let mut inner = self.inner.lock();
        inner.pages = true;
        let page = Page { stream, from, end, taken, loading: false, closing: false };
        inner.links[link as usize].page = Some(Box::new(page));
    }

    /// Takes in what was read from the journal; packets that are not there any more, and whether to wake the consumer. `None`
    /// says that nothing could be read.
    pub(crate) fn loaded(&self, link: u32, kept: Option<Vec<(u64, Packet)>>, limit: usize) -> (Vec<u32>, bool) {
        let mut gone = Vec::new();
        let mut inner = self.inner.lock();
        let inner = &mut *inner;
        let entry = &mut inner.links[link as usize];
        let Some(page) = entry.page.as_mut() else { return (gone, false) };
        page.loading = false;
        let Some(kept) = kept else { return (gone, false) };
        let is_all = kept.len() < limit;
        for (position, packet) in kept {
            let missing = (page.from..position.min(page.end)).filter(|position| !page.taken.remove(position));
            gone.extend(missing.map(|position| position as u32));
            page.from = position + 1;
            if !page.taken.remove(&position) {
                entry.used += 1;
                inner.queue.push_back(packet);
            }
        }
        if is_all && page.from < page.end {
            let missing = (page.from..page.end).filter(|position| !page.taken.contains(position));
            gone.extend(missing.map(|position| position as u32));
            page.from = page.end;
        }
        raise(&mut entry.high_water, entry.used);
        if page.closing && page.from >= page.end {
            entry.closed = true;
            inner.open_links -= 1;
        }
        inner.consumer_asleep = false;
        (gone, true)
    }

    /// Whether each inport that has links may still bring packets: `closed[port]` becomes true when all its links are
    /// closed. Ports without links are left alone.
    pub(crate) fn closed_ports(&self, closed: &mut [bool]) {
        let inner = self.inner.lock();
        for link in &inner.links {
            if let Some(port) = closed.get_mut(usize::from(link.port)) {
                *port = true;
            }
        }
        for link in inner.links.iter().filter(|link| !link.closed) {
            if let Some(port) = closed.get_mut(usize::from(link.port)) {
                *port = false;
            }
        }
    }

    /// Takes nothing more: what waits is thrown away and counted, waiting producers are woken.
    pub(crate) fn close(&self) -> Leftovers {
        let (queue, control, shelves, wakes) = {
            let mut inner = self.inner.lock();
            inner.closed = true;
            let mut wakes: SmallVec<[Arc<Sleeper>; 4]> = SmallVec::new();
            for link in &mut inner.links {
                wakes.extend(link.waiting.drain(..));
                link.used = 0;
                link.shelf = None;
            }
            let inner = &mut *inner;
            let (queue, control) = (std::mem::take(&mut inner.queue), std::mem::take(&mut inner.control));
            (queue, control, std::mem::take(&mut inner.shelves), wakes)
        };
        wakes.iter().for_each(|sleeper| sleeper.wake());
        Leftovers { packets: queue.len(), rest: (queue, control, shelves) }
    }

    /// Whether some link has room for a few packets only.
    pub(crate) fn is_tight(&self) -> bool {
        self.inner.lock().links.iter().any(|link| link.capacity < 64)
    }

    /// Whether a packet would find room on the link.
    pub(crate) fn has_room(&self, link: u32) -> bool {
        let inner = self.inner.lock();
        inner.closed || !matches!(inner.room(link), Fit::Full)
    }

    /// The links that somebody waits for: number, capacity, and how many wait.
    pub(crate) fn blocked_links(&self) -> Vec<(u32, usize, usize)> {
        let inner = self.inner.lock();
        (0_u32..)
            .zip(&inner.links)
            .filter(|(_, link)| !link.waiting.is_empty() && link.used >= link.capacity)
            .map(|(index, link)| (index, link.capacity, link.waiting.len()))
            .collect()
    }

    /// Whether each link leads to an inport of which the node has no packet.
    pub(crate) fn starved_links(&self) -> Vec<bool> {
        let inner = self.inner.lock();
        let fed: FxHashSet<u16> = inner.links.iter().filter(|link| link.used > 0).map(|link| link.port).collect();
        inner.links.iter().map(|link| !fed.contains(&link.port)).collect()
    }

    /// Whoever waited for room on the link does so no more.
    pub(crate) fn forget_waiting(&self, link: u32, sleeper: &Arc<Sleeper>) {
        if let Some(link) = self.inner.lock().links.get_mut(link as usize) {
            link.waiting.retain(|known| !Arc::ptr_eq(known, sleeper));
        }
    }

    /// Raises the capacity of a link and wakes who waits for it.
    pub(crate) fn widen(&self, link: u32, capacity: usize) {
        let wakes = {
            let mut inner = self.inner.lock();
            let link = &mut inner.links[link as usize];
            link.capacity = link.capacity.max(capacity);
            std::mem::take(&mut link.waiting)
        };
        wakes.iter().for_each(|sleeper| sleeper.wake());
    }

    /// Packets that wait now, and the most that ever waited on one link.
    pub(crate) fn fill(&self) -> Fill {
        let inner = self.inner.lock();
        let bounded = || inner.links.iter().filter(|link| link.capacity != usize::MAX);
        Fill {
            queued: inner.links.iter().map(|link| link.used).sum(),
            high_water: inner.links.iter().map(|link| link.high_water).max().unwrap_or(0),
            fullest: bounded().map(|link| link.used as f64 / link.capacity as f64).fold(0.0, f64::max),
            dropped: inner.dropped,
        }
    }
}

/// How full a mailbox is.
pub(crate) struct Fill {
    pub(crate) queued: usize,
    pub(crate) high_water: usize,
    pub(crate) fullest: f64,
    pub(crate) dropped: u64,
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

/// Whether there is room for a packet.
enum Fit {
    Fits,
    Full,
    Dropped,
    Refused,
}

impl Inner {
    fn add_shelf(&mut self, port: Option<u16>, capacity: usize, merges: bool) -> usize {
        self.shelves.push(Shelf { port, capacity, merges, packets: VecDeque::new() });
        self.shelves.len() - 1
    }

    /// The shelf of an inport that keeps its newest packet.
    fn shelf_of(&mut self, port: u16, merges: bool) -> usize {
        let known = self.shelves.iter().position(|shelf| shelf.port == Some(port));
        known.unwrap_or_else(|| self.add_shelf(Some(port), 1, merges))
    }

    fn room_for(&self, packet: &Packet) -> Fit {
        let link = &self.links[packet.link as usize];
        if link.shelf.is_some() && link.used >= ASKED && self.goes_by_itself(packet) {
            return Fit::Full;
        }
        self.room(packet.link)
    }

    /// Whether the packet has a place of its own although the inport keeps its newest: each question has its own newest.
    fn goes_by_itself(&self, packet: &Packet) -> bool {
        let shelf = self.links[packet.link as usize].shelf.and_then(|shelf| self.shelves.get(shelf));
        let asked = packet.origin.as_ref().is_some_and(|origin| origin.question().is_some());
        asked && shelf.is_some_and(|shelf| shelf.port.is_some())
    }

    /// Whether the packet of a log waits in the journal, because enough of them are here.
    fn put_off(&mut self, packet: &Packet) -> bool {
        let link = &mut self.links[packet.link as usize];
        let used = link.used;
        let Some(page) = link.page.as_mut() else { return false };
        let position = page.end + u64::from(packet.position.wrapping_sub(page.end as u32));
        let behind = page.from < page.end || page.loading;
        page.end = position + 1;
        if behind || used >= WINDOW {
            return true;
        }
        page.from = page.end;
        false
    }

    /// A log that has room for packets which wait in the journal.
    fn next_load(&mut self) -> Option<Load> {
        for (index, link) in (0_u32..).zip(&mut self.links) {
            if let Some(page) = link.page.as_mut()
                && !page.loading
                && page.from < page.end
                && link.used <= WINDOW / 2
            {
                page.loading = true;
                return Some(Load { link: index, stream: page.stream, from: page.from });
            }
        }
        None
    }

    fn room(&self, link: u32) -> Fit {
        let link = &self.links[link as usize];
        if link.used < link.capacity || link.shelf.is_some() {
            return Fit::Fits;
        }
        match link.overflow {
            Overflow::Wait | Overflow::Newest => Fit::Full,
            Overflow::Oldest => Fit::Dropped,
            Overflow::Error => Fit::Refused,
        }
    }

    /// Puts a packet in, for which there is room; the answer is one that it replaces.
    fn push(&mut self, packet: Packet) -> Option<Shelved> {
        let by_itself = self.links[packet.link as usize].shelf.is_some() && self.goes_by_itself(&packet);
        let entry = &mut self.links[packet.link as usize];
        let Some(shelf) = entry.shelf.filter(|_| !by_itself) else {
            entry.used += 1;
            raise(&mut entry.high_water, entry.used);
            self.queue.push_back(packet);
            return None;
        };
        let Packet { link, position, message, origin } = packet;
        let shelf = &mut self.shelves[shelf];
        if shelf.packets.len() < shelf.capacity {
            shelf.packets.push_back((message, origin, position));
            entry.used += 1;
            raise(&mut entry.high_water, entry.used);
            self.queue.push_back(Packet { link, position, message: Message::Flow, origin: None });
            return None;
        }
        self.dropped += 1;
        let replaced = shelf.packets.pop_front()?;
        let message = match (&replaced.0, message) {
            (Message::Object(old), Message::Object(new)) if shelf.merges => Message::Object(old.merged_with(&new)),
            (_, message) => message,
        };
        shelf.packets.push_back((message, origin, position));
        Some(replaced)
    }

    fn register(&mut self, link: u32, sleeper: &Arc<Sleeper>) -> bool {
        let waiting = &mut self.links[link as usize].waiting;
        if !waiting.iter().any(|known| Arc::ptr_eq(known, sleeper)) {
            waiting.push(Arc::clone(sleeper));
        }
        sleeper.fall_asleep(true)
    }

    fn release(&mut self, released: &mut [u32], wakes: &mut SmallVec<[Arc<Sleeper>; 4]>) {
        for (link, count) in self.links.iter_mut().zip(released) {
            if *count > 0 {
                link.used = link.used.saturating_sub(*count as usize);
                *count = 0;
                wakes.extend(link.waiting.drain(..));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::activity::Activity;

    fn sleeper() -> Arc<Sleeper> {
        let activity = Arc::new(Activity::default());
        activity.begin();
        Sleeper::new(activity)
    }

    fn offer(mailbox: &Mailbox, link: u32, message: impl Into<Message>, sleeper: &Arc<Sleeper>) -> Offer {
        let outgoing = Outgoing {
            target: 0,
            port: 0,
            packet: Packet { link, position: 0, message: message.into(), origin: None },
        };
        mailbox.offer(0, &mut VecDeque::from([outgoing]), sleeper, |_| {})
    }

    fn take(mailbox: &Mailbox, released: &mut [u32]) -> Vec<Message> {
        let mut batch = VecDeque::new();
        mailbox.exchange(&mut batch, &mut VecDeque::new(), released, Sleep::No);
        let links = mailbox.links();
        let shelved = |link: u32| links[link as usize].shelved;
        let fresh = |packet: Packet| {
            if shelved(packet.link) { mailbox.pull(packet.link).unwrap().0 } else { packet.message }
        };
        batch.into_iter().map(fresh).collect()
    }

    fn bounded(capacity: usize) -> Room {
        Room::Bounded(capacity, Overflow::Wait)
    }

    #[test]
    fn room_is_counted_per_link() {
        let mailbox = Mailbox::default();
        let (a, b) = (mailbox.add_link(0, bounded(1)), mailbox.add_link(0, bounded(1)));
        let producer = sleeper();
        assert_eq!(offer(&mailbox, a, 1, &producer).taken, 1);
        assert!(offer(&mailbox, a, 2, &producer).leave.is_some());
        producer.rise();
        assert_eq!(offer(&mailbox, b, 3, &producer).taken, 1);
        assert_eq!(take(&mailbox, &mut [0, 0]), [Message::Integer(1), Message::Integer(3)]);
        // Taken but not released: the credit is still out.
        assert!(offer(&mailbox, a, 4, &producer).leave.is_some());
        mailbox.release(&mut [1, 0]);
        assert_eq!(offer(&mailbox, a, 4, &producer).taken, 1);
    }

    #[test]
    fn a_packet_is_put_in_at_once_only_where_it_finds_room_in_the_queue() {
        let mailbox = Mailbox::default();
        let (plain, newest) = (mailbox.add_link(0, bounded(1)), mailbox.add_link(1, Room::Latest(false)));
        let put = |link, number: i64| {
            let packet = Packet { link, position: 0, message: number.into(), origin: None };
            mailbox.put(packet).map_err(|packet| packet.message)
        };
        assert_eq!(put(plain, 1), Ok(false));
        assert_eq!(put(plain, 2), Err(Message::Integer(2)));
        assert_eq!(put(newest, 3), Err(Message::Integer(3)));
        assert_eq!(put(9, 4), Err(Message::Integer(4)));
        assert_eq!(mailbox.fill().high_water, 1);
        assert_eq!(take(&mailbox, &mut [1, 0]), [Message::Integer(1)]);
        mailbox.release(&mut [1, 0]);
        let sleeper = sleeper();
        mailbox.exchange(&mut VecDeque::new(), &mut VecDeque::new(), &mut [0, 0], Sleep::Empty(&sleeper));
        assert_eq!(put(plain, 5), Ok(true));
        drop(mailbox.close());
        assert_eq!(put(plain, 6), Err(Message::Integer(6)));
    }

    #[test]
    fn a_latest_inport_keeps_the_newest_of_all_its_links_until_it_is_taken() {
        let mailbox = Mailbox::default();
        let (one, two) = (mailbox.add_link(0, Room::Latest(false)), mailbox.add_link(0, Room::Latest(false)));
        let plain = mailbox.add_link(1, bounded(9));
        let producer = sleeper();
        for number in 0..3 {
            offer(&mailbox, one, number, &producer);
            offer(&mailbox, plain, 10 + number, &producer);
            offer(&mailbox, two, 100 + number, &producer);
        }
        let mut batch = VecDeque::new();
        mailbox.exchange(&mut batch, &mut VecDeque::new(), &mut [0; 3], Sleep::No);
        assert_eq!(batch.iter().map(|packet| packet.link).collect::<Vec<_>>(), [one, plain, plain, plain]);
        // A packet that comes after the place was taken still counts.
        assert!(offer(&mailbox, one, 7, &producer).leave.is_none());
        assert_eq!(mailbox.pull(two).unwrap().0, Message::Integer(7));
        assert!(mailbox.pull(one).is_none());
        assert_eq!(mailbox.fill().dropped, 6);
    }

    #[test]
    fn objects_of_a_latest_inport_are_merged_where_asked_for() {
        let mailbox = Mailbox::default();
        let link = mailbox.add_link(0, Room::Latest(true));
        let object = |key: &str, number: i64| {
            Message::Object(reflow_message::Value::object([(key, reflow_message::Value::from(number))]))
        };
        offer(&mailbox, link, object("x", 1), &sleeper());
        offer(&mailbox, link, object("y", 2), &sleeper());
        let merged = reflow_message::Value::object([
            ("x", reflow_message::Value::from(1)),
            ("y", reflow_message::Value::from(2)),
        ]);
        assert_eq!(mailbox.pull(link).unwrap().0, Message::Object(merged));
    }

    #[test]
    fn what_finds_no_room_is_dealt_with_as_the_connection_says() {
        let numbers = |overflow| {
            let mailbox = Mailbox::default();
            let link = mailbox.add_link(0, Room::Bounded(2, overflow));
            let producer = sleeper();
            let offers: Vec<_> = (0..5).map(|number| offer(&mailbox, link, number, &producer)).collect();
            let refused = offers.iter().filter(|offer| offer.refused.is_some()).count();
            (take(&mailbox, &mut [0]), mailbox.fill().dropped, refused)
        };
        let integers = |numbers: [i64; 2]| numbers.map(Message::Integer).to_vec();
        assert_eq!(numbers(Overflow::Newest), (integers([3, 4]), 3, 0));
        assert_eq!(numbers(Overflow::Oldest), (integers([0, 1]), 3, 0));
        assert_eq!(numbers(Overflow::Error), (integers([0, 1]), 3, 3));
    }

    #[test]
    fn signals_are_bounded() {
        let mailbox = Mailbox::default();
        let signal = || Control::Signal(Signal { kind: "x".into(), data: reflow_message::Value::Null });
        for _ in 0..MAX_SIGNALS {
            mailbox.control(signal()).unwrap();
        }
        assert_eq!(mailbox.control(signal()), Err(Refused::Full));
        mailbox.control(Control::Poke).unwrap();
        mailbox.signal_taken();
        mailbox.control(signal()).unwrap();
    }

    #[test]
    fn closing_wakes_producers_and_counts_what_is_lost() {
        let mailbox = Mailbox::default();
        let link = mailbox.add_link(0, bounded(2));
        let producer = sleeper();
        for number in 0..2 {
            offer(&mailbox, link, number, &producer);
        }
        assert!(offer(&mailbox, link, 9, &producer).leave.is_some());
        assert_eq!(mailbox.close().packets, 2);
        assert_eq!(offer(&mailbox, link, 9, &producer).undelivered, 1);
        assert_eq!(mailbox.control(Control::Poke), Err(Refused::Closed));
    }
}
