//! `Mailbox`: the bounded queue in front of a node.
//!
//! All packets for a node wait in one queue, in order of arrival. Room is counted per connection (here called a link): a
//! producer takes a credit with every packet and gets it back when a tick of the node has taken the packet, so a flood on
//! one connection cannot starve another. The consumer takes everything that waits in one go; producer and consumer meet
//! under the lock once a batch.

use std::collections::VecDeque;
use std::sync::Arc;

use parking_lot::Mutex;
use rustc_hash::FxHashSet;
use smallvec::SmallVec;

use reflow_message::Message;

use crate::activity::Sleeper;
use crate::actor::Signal;
use crate::attempt::Completion;
use crate::stats::raise;

/// A message and the link it came over.
#[derive(Debug)]
pub(crate) struct Packet {
    pub(crate) link: u32,
    pub(crate) message: Message,
}

/// What reaches a node besides packets. It wakes the node, which then does not go to sleep before it has dealt with it.
#[derive(Debug)]
pub(crate) enum Control {
    Signal(Signal),
    Completion(Completion),
    /// Something changed that the node should look at: a port closed, the run was cancelled, a background task ended.
    Poke,
}

/// One incoming connection, as its target sees it.
#[derive(Debug)]
pub(crate) struct Link {
    /// The inport it leads to.
    pub(crate) port: u16,
    /// Packets that may wait; `usize::MAX` for initials.
    capacity: usize,
    used: usize,
    /// The most that ever waited.
    high_water: usize,
    /// No further packet will come.
    closed: bool,
    conflation: Option<Conflation>,
    waiting: SmallVec<[Arc<Sleeper>; 1]>,
}

/// A link whose newer packet replaces the older one that still waits.
#[derive(Debug, Default)]
struct Conflation {
    merge_objects: bool,
    waiting: Option<Message>,
}

#[derive(Debug, Default)]
struct Inner {
    queue: VecDeque<Packet>,
    links: Vec<Link>,
    control: VecDeque<Control>,
    open_links: usize,
    /// The node sleeps until something arrives.
    consumer_asleep: bool,
    /// The node takes no more packets.
    closed: bool,
    conflates: bool,
}

/// The bounded queue in front of one node.
#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    inner: Mutex<Inner>,
}

/// What became of an offered packet.
pub(crate) enum Offer {
    /// It waits in the mailbox; the flag says that the consumer was asleep and has to be woken.
    Taken { wake: bool },
    /// No room; the sleeper was registered. The flag is [`Sleeper::fall_asleep`]'s answer.
    Full { message: Message, leave: bool },
    /// The node takes no more packets.
    Closed,
}

/// What the consumer found.
pub(crate) struct Taken {
    /// Links that may still bring packets.
    pub(crate) open_links: usize,
    /// [`Sleeper::fall_asleep`]'s answer when there was nothing and the consumer went to sleep.
    pub(crate) asleep: Option<bool>,
}

impl Mailbox {
    /// Adds a link; links are numbered from 0 in order of addition.
    pub(crate) fn add_link(&self, port: u16, capacity: usize, latest: Option<bool>) -> u32 {
        self.insert_link(port, capacity, latest, true)
    }

    /// Adds a link for packets from outside. It is no producer that could close: whether the outside may still send is a
    /// flag of the node.
    pub(crate) fn add_outside_link(&self, port: u16, capacity: usize) -> u32 {
        self.insert_link(port, capacity, None, false)
    }

    fn insert_link(&self, port: u16, capacity: usize, latest: Option<bool>, open: bool) -> u32 {
        let mut inner = self.inner.lock();
        inner.conflates |= latest.is_some();
        inner.open_links += usize::from(open);
        inner.links.push(Link {
            port,
            capacity,
            used: 0,
            high_water: 0,
            closed: !open,
            conflation: latest.map(|merge_objects| Conflation { merge_objects, waiting: None }),
            waiting: SmallVec::new(),
        });
        (inner.links.len() - 1) as u32
    }

    /// The inport of each link.
    pub(crate) fn link_ports(&self) -> Vec<u16> {
        self.inner.lock().links.iter().map(|link| link.port).collect()
    }

    /// Offers one packet. Without room, `sleeper` is registered for the next credit and put to sleep.
    pub(crate) fn offer(&self, link: u32, message: Message, sleeper: &Arc<Sleeper>) -> Offer {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Offer::Closed;
        }
        match inner.push(link, message) {
            Ok(()) => Offer::Taken { wake: std::mem::take(&mut inner.consumer_asleep) },
            Err(message) => Offer::Full { message, leave: inner.register(link, sleeper) },
        }
    }

    /// Offers the packets at the front of `pending` that go to `target`, as many as fit.
    pub(crate) fn offer_many(
        &self,
        target: u32,
        pending: &mut VecDeque<Outgoing>,
        sleeper: &Arc<Sleeper>,
        mut taken: impl FnMut(&Outgoing),
    ) -> ManyOffer {
        let mut inner = self.inner.lock();
        let mut offer = ManyOffer { wake: false, leave: None, undelivered: 0 };
        while let Some(front) = pending.front() {
            if front.target != target {
                break;
            }
            if inner.closed {
                pending.pop_front();
                offer.undelivered += 1;
                continue;
            }
            if !inner.has_room(front.link) {
                offer.leave = Some(inner.register(front.link, sleeper));
                break;
            }
            taken(front);
            let Some(Outgoing { link, message, .. }) = pending.pop_front() else { break };
            // There is room: it was asked for above, under the same lock.
            let _ = inner.push(link, message);
        }
        offer.wake = std::mem::take(&mut inner.consumer_asleep);
        offer
    }

    /// Puts a control item in; gives it back when the node takes nothing more.
    pub(crate) fn control(&self, control: Control) -> Result<(), Control> {
        let mut inner = self.inner.lock();
        if inner.closed {
            return Err(control);
        }
        inner.control.push_back(control);
        inner.consumer_asleep = false;
        Ok(())
    }

    /// Gives credits back and takes everything that waits. With `sleep`, falls asleep if there is nothing.
    ///
    /// `released` counts packets a link and is zeroed.
    pub(crate) fn exchange(
        &self,
        batch: &mut VecDeque<Packet>,
        control: &mut VecDeque<Control>,
        released: &mut [u32],
        sleep: Option<&Arc<Sleeper>>,
    ) -> Taken {
        let mut wakes: SmallVec<[Arc<Sleeper>; 4]> = SmallVec::new();
        let taken = {
            let mut inner = self.inner.lock();
            inner.release(released, &mut wakes);
            let fresh = batch.len();
            if batch.is_empty() {
                std::mem::swap(batch, &mut inner.queue);
            } else {
                batch.append(&mut inner.queue);
            }
            control.append(&mut inner.control);
            if inner.conflates {
                for packet in batch.range_mut(fresh..) {
                    if let Some(message) =
                        inner.links[packet.link as usize].conflation.as_mut().and_then(|slot| slot.waiting.take())
                    {
                        packet.message = message;
                    }
                }
            }
            let nothing = batch.is_empty() && control.is_empty();
            let asleep = sleep.filter(|_| nothing).map(|sleeper| {
                inner.consumer_asleep = true;
                sleeper.fall_asleep(false)
            });
            Taken { open_links: inner.open_links, asleep }
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
        if std::mem::replace(&mut link.closed, true) {
            return false;
        }
        inner.open_links -= 1;
        std::mem::take(&mut inner.consumer_asleep)
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

    /// Takes nothing more: what waits is thrown away, waiting producers are woken. How many packets that loses.
    pub(crate) fn close(&self) -> usize {
        let (packets, _control, wakes) = {
            let mut inner = self.inner.lock();
            inner.closed = true;
            let mut wakes: SmallVec<[Arc<Sleeper>; 4]> = SmallVec::new();
            for link in &mut inner.links {
                wakes.extend(link.waiting.drain(..));
                link.used = 0;
            }
            (std::mem::take(&mut inner.queue), std::mem::take(&mut inner.control), wakes)
        };
        wakes.iter().for_each(|sleeper| sleeper.wake());
        packets.len()
    }

    /// Whether some link has room for a few packets only.
    pub(crate) fn is_tight(&self) -> bool {
        self.inner.lock().links.iter().any(|link| link.capacity < 64)
    }

    /// Whether a packet would find room on the link.
    pub(crate) fn has_room(&self, link: u32) -> bool {
        let inner = self.inner.lock();
        inner.closed || inner.has_room(link)
    }

    /// Whoever waited for room on the link does so no more.
    pub(crate) fn forget_waiting(&self, link: u32, sleeper: &Arc<Sleeper>) {
        self.inner.lock().links[link as usize].waiting.retain(|known| !Arc::ptr_eq(known, sleeper));
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
        }
    }
}

/// How full a mailbox is.
pub(crate) struct Fill {
    pub(crate) queued: usize,
    pub(crate) high_water: usize,
    pub(crate) fullest: f64,
}

/// A packet on its way out of a node, addressed.
#[derive(Debug)]
pub(crate) struct Outgoing {
    /// The target node, or a tap (see `route`).
    pub(crate) target: u32,
    pub(crate) link: u32,
    /// The outport it left by.
    pub(crate) port: u16,
    pub(crate) message: Message,
}

/// What became of a run of offered packets.
pub(crate) struct ManyOffer {
    pub(crate) wake: bool,
    /// `Some` when a packet found no room and the sleeper was registered.
    pub(crate) leave: Option<bool>,
    pub(crate) undelivered: usize,
}

impl Inner {
    fn has_room(&self, link: u32) -> bool {
        let link = &self.links[link as usize];
        link.used < link.capacity || link.conflation.is_some()
    }

    fn push(&mut self, link: u32, message: Message) -> Result<(), Message> {
        let entry = &mut self.links[link as usize];
        if let Some(slot) = &mut entry.conflation {
            let first = slot.waiting.is_none();
            slot.waiting = Some(match (slot.waiting.take(), message) {
                (Some(Message::Object(old)), Message::Object(new)) if slot.merge_objects => {
                    Message::Object(old.merged_with(&new))
                }
                (_, message) => message,
            });
            if first {
                entry.used += 1;
                self.queue.push_back(Packet { link, message: Message::Flow });
            }
        } else {
            if entry.used >= entry.capacity {
                return Err(message);
            }
            entry.used += 1;
            self.queue.push_back(Packet { link, message });
        }
        raise(&mut entry.high_water, entry.used);
        Ok(())
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

    fn take(mailbox: &Mailbox, released: &mut [u32]) -> Vec<Message> {
        let mut batch = VecDeque::new();
        mailbox.exchange(&mut batch, &mut VecDeque::new(), released, None);
        batch.into_iter().map(|packet| packet.message).collect()
    }

    #[test]
    fn room_is_counted_per_link() {
        let mailbox = Mailbox::default();
        let (a, b) = (mailbox.add_link(0, 1, None), mailbox.add_link(0, 1, None));
        let producer = sleeper();
        assert!(matches!(mailbox.offer(a, 1.into(), &producer), Offer::Taken { .. }));
        assert!(matches!(mailbox.offer(a, 2.into(), &producer), Offer::Full { .. }));
        producer.rise();
        assert!(matches!(mailbox.offer(b, 3.into(), &producer), Offer::Taken { .. }));
        assert_eq!(take(&mailbox, &mut [0, 0]), [Message::Integer(1), Message::Integer(3)]);
        // Taken but not released: the credit is still out.
        assert!(matches!(mailbox.offer(a, 4.into(), &producer), Offer::Full { .. }));
        mailbox.release(&mut [1, 0]);
        assert!(matches!(mailbox.offer(a, 4.into(), &producer), Offer::Taken { .. }));
    }

    #[test]
    fn a_conflating_link_keeps_the_newest_and_its_place() {
        let mailbox = Mailbox::default();
        let (latest, plain) = (mailbox.add_link(0, 1, Some(false)), mailbox.add_link(1, 9, None));
        let producer = sleeper();
        for number in 0..5 {
            assert!(matches!(mailbox.offer(latest, number.into(), &producer), Offer::Taken { .. }));
            assert!(matches!(mailbox.offer(plain, (10 + number).into(), &producer), Offer::Taken { .. }));
        }
        let expected: Vec<_> = [4, 10, 11, 12, 13, 14].map(Message::from).into();
        assert_eq!(take(&mailbox, &mut [0, 0]), expected);
    }

    #[test]
    fn closing_wakes_producers_and_counts_what_is_lost() {
        let mailbox = Mailbox::default();
        let link = mailbox.add_link(0, 2, None);
        let producer = sleeper();
        for number in 0..2 {
            mailbox.offer(link, number.into(), &producer);
        }
        assert!(matches!(mailbox.offer(link, 9.into(), &producer), Offer::Full { .. }));
        assert_eq!(mailbox.close(), 2);
        assert!(matches!(mailbox.offer(link, 9.into(), &producer), Offer::Closed));
    }
}
