//! `Mailbox`: the bounded queue in front of a node.
//!
//! All packets for a node wait in one queue, in order of arrival. Room is counted per connection (here called a link): a
//! producer takes a credit with every packet and gets it back when a tick of the node has taken the packet, so a flood on
//! one connection cannot starve another. The consumer takes everything that waits in one go; producer and consumer meet
//! under the lock once a batch.
//!
//! A link whose older packets may be replaced keeps them in a shelf of its own, and the queue has only a place for them. The
//! consumer takes such a packet off its shelf when a tick starts, so it gets the newest there is at that moment.

mod link;
mod look;
mod page;
mod scripted;

use std::collections::VecDeque;

use smallvec::SmallVec;

use reflow_message::Message;

use self::link::{Fit, Link, Shelf, Shelved};
use self::scripted::Scripted;
use crate::activity::Sleeper;
use crate::actor::Signal;
use crate::connection::Overflow;
use crate::packet::{Control, Outgoing, Packet};
use crate::stats::raise;
use crate::sync::{Arc, AtomicBool, Mutex, Ordering};

pub(crate) use self::link::{LinkInfo, Room};
pub(crate) use self::page::{Load, WINDOW};

/// Packets of questions that may wait for an inport that keeps its newest.
const ASKED: usize = 1024;
/// Signals that may wait for a node, and the bytes of their kinds and payloads.
pub(crate) const MAX_SIGNALS: usize = 1024;
pub(crate) const MAX_SIGNAL_BYTES: u64 = 32 << 20;

/// Whether another signal may wait beside so many, of so many bytes. One alone may be of any size.
pub(crate) fn takes_signal(waiting: usize, bytes: u64, more: u64) -> bool {
    waiting == 0 || (waiting < MAX_SIGNALS && bytes.saturating_add(more) <= MAX_SIGNAL_BYTES)
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

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Packet>,
    links: Vec<Link>,
    shelves: Vec<Shelf>,
    control: VecDeque<Control>,
    signals: usize,
    signal_bytes: u64,
    open_links: usize,
    /// The node sleeps until something arrives.
    consumer_asleep: bool,
    /// The node takes no more packets.
    closed: bool,
    /// It does not wait for ends of attempts any more, either.
    ended: bool,
    /// Whether a journal wants to know which packets are dropped.
    recorded: bool,
    /// Whether there are links whose packets may wait in the journal.
    pages: bool,
    /// Packets that were replaced, or not taken.
    dropped: u64,
    /// Where a script is written or followed.
    scripted: Option<Box<Scripted>>,
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

/// Whether the consumer goes to sleep when it finds nothing.
#[derive(Clone, Copy)]
pub(crate) enum Sleep<'a> {
    /// It does not.
    No,
    /// When there is no packet and no control item.
    Empty(&'a Arc<Sleeper>),
    /// When there is no control item: it cannot take packets now.
    Occupied(&'a Arc<Sleeper>),
    /// When nothing new has come: it waits for more than it has.
    More(&'a Arc<Sleeper>),
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
        if inner.links.is_empty() {
            // Most mailboxes have one.
            inner.links.reserve_exact(1);
        }
        inner.links.push(Link {
            port,
            capacity,
            overflow,
            shelf,
            used: 0,
            high_water: 0,
            closed: !open,
            outside: !open,
            page: None,
            waiting: SmallVec::new(),
            shelved: 0,
        });
        (inner.links.len() - 1) as u32
    }

    /// All links.
    pub(crate) fn links(&self) -> Vec<LinkInfo> {
        let inner = self.inner.lock();
        let info = |link: &Link| LinkInfo { port: link.port, shelved: link.shelf.is_some(), outside: link.outside };
        inner.links.iter().map(info).collect()
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

    /// [`put`](Self::put) for as many packets of one link as there is room for; the others stay.
    pub(crate) fn put_all(&self, link: u32, packets: &mut VecDeque<Packet>) -> bool {
        let inner = &mut *self.inner.lock();
        let Some(link) = inner.links.get_mut(link as usize).filter(|link| link.shelf.is_none()) else { return false };
        let fit = link.capacity.saturating_sub(link.used).min(packets.len());
        if inner.closed || fit == 0 {
            return false;
        }
        link.used += fit;
        raise(&mut link.high_water, link.used);
        if inner.queue.is_empty() && fit == packets.len() {
            std::mem::swap(&mut inner.queue, packets);
        } else {
            inner.queue.extend(packets.drain(..fit));
        }
        std::mem::take(&mut inner.consumer_asleep)
    }

    /// Takes the oldest packet off the shelf that the link keeps its packets on.
    pub(crate) fn pull(&self, link: u32) -> Option<Shelved> {
        let mut inner = self.inner.lock();
        let shelf = inner.links.get(link as usize)?.shelf?;
        if inner.scripted.is_some() {
            return inner.pull_by_script(shelf);
        }
        inner.shelves[shelf].packets.pop_front()
    }

    /// Puts a control item in.
    pub(crate) fn control(&self, control: Control) -> Result<(), Refused> {
        let mut inner = self.inner.lock();
        // A node that is about to end may wait for attempts that were given up.
        if inner.ended || inner.closed && !matches!(control, Control::Completion(_)) {
            return Err(Refused::Closed);
        }
        if let Control::Signal(received) = &control {
            let bytes = received.signal.bytes();
            if !takes_signal(inner.signals, inner.signal_bytes, bytes) {
                return Err(Refused::Full);
            }
            inner.signals += 1;
            inner.signal_bytes += bytes;
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
    pub(crate) fn signal_taken(&self, signal: &Signal) {
        let mut inner = self.inner.lock();
        inner.signals = inner.signals.saturating_sub(1);
        inner.signal_bytes = inner.signal_bytes.saturating_sub(signal.bytes());
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
            let fresh = !inner.queue.is_empty();
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
                Sleep::More(sleeper) if !fresh && control.is_empty() => {
                    inner.consumer_asleep = true;
                    Some(sleeper.fall_asleep(false))
                }
                _ => None,
            };
            let load = if inner.pages { inner.next_load() } else { None };
            Taken { open_links: inner.open_links, asleep, load }
        };
        wakes.iter().for_each(|sleeper| sleeper.wake());
        taken
    }

    /// Falls asleep, if nothing waits and every producer may still send; [`Sleeper::fall_asleep`]'s answer.
    pub(crate) fn sleep_if_untouched(&self, sleeper: &Sleeper) -> Option<bool> {
        let mut inner = self.inner.lock();
        let is_fed = inner.open_links > 0 && inner.links.iter().all(|link| !link.closed || link.outside);
        let is_untouched = is_fed && inner.queue.is_empty() && inner.control.is_empty() && !inner.closed;
        inner.consumer_asleep = is_untouched;
        is_untouched.then(|| sleeper.fall_asleep(false))
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

    /// Takes no more packets: what waits is thrown away and counted, waiting producers are woken. Ends of attempts stay, and
    /// still come in, until the node has `ended`: it may wait for them.
    pub(crate) fn close(&self, ended: bool) -> Leftovers {
        let (queue, control, shelves, wakes) = {
            let mut inner = self.inner.lock();
            inner.closed = true;
            inner.ended |= ended;
            let mut wakes: SmallVec<[Arc<Sleeper>; 4]> = SmallVec::new();
            for link in &mut inner.links {
                wakes.extend(link.waiting.drain(..));
                link.used = 0;
                link.shelf = None;
            }
            let inner = &mut *inner;
            let stays = |control: &Control| !ended && matches!(control, Control::Completion(_));
            let (kept, control) = std::mem::take(&mut inner.control).into_iter().partition(stays);
            inner.control = kept;
            (std::mem::take(&mut inner.queue), control, std::mem::take(&mut inner.shelves), wakes)
        };
        wakes.iter().for_each(|sleeper| sleeper.wake());
        Leftovers { packets: queue.len(), rest: (queue, control, shelves) }
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
}

impl Inner {
    fn add_shelf(&mut self, port: Option<u16>, capacity: usize, merges: bool) -> usize {
        self.shelves.push(Shelf { port, capacity, merges, packets: VecDeque::new(), made_of: VecDeque::new() });
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
        let mut made_of = Vec::new();
        if let Some(scripted) = &mut self.scripted {
            let which = (link, entry.shelved);
            entry.shelved += 1;
            if scripted.script.player_of().is_some() {
                // Whether it replaces another one is told by the recording.
                scripted.kept.insert(which, (message, origin, position));
                self.queue.push_back(Packet { link, position, message: Message::Flow, origin: None });
                return None;
            }
            made_of.push(which);
        }
        let shelf = &mut self.shelves[shelf];
        if shelf.packets.len() < shelf.capacity {
            shelf.packets.push_back((message, origin, position));
            shelf.made_of.push_back(made_of);
            entry.used += 1;
            raise(&mut entry.high_water, entry.used);
            self.queue.push_back(Packet { link, position, message: Message::Flow, origin: None });
            return None;
        }
        self.dropped += 1;
        let replaced = shelf.packets.pop_front()?;
        let before = shelf.made_of.pop_front().unwrap_or_default();
        let message = match (&replaced.0, message) {
            (Message::Object(old), Message::Object(new)) if shelf.merges => {
                made_of.splice(0..0, before);
                Message::Object(old.merged_with(&new))
            }
            (_, message) => message,
        };
        shelf.packets.push_back((message, origin, position));
        shelf.made_of.push_back(made_of);
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
mod tests;
