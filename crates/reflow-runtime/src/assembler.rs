//! Assembling ticks: which packets start one, by the node's firing rule.

use std::collections::VecDeque;
use std::time::Instant;

use reflow_message::Message;

use crate::attempt::Attempt;
use crate::gather::Gatherer;
use crate::join::{Lone, Matcher, Unmatched};
use crate::mailbox::{LinkInfo, Mailbox};
use crate::origin::{Aside, Origin};

/// Packets that may wait for partners before their producers have to wait, too.
const AHEAD: usize = 1024;

/// A packet that waits for a tick.
#[derive(Debug)]
pub(crate) struct Held {
    pub(crate) link: u32,
    /// The lower half of its place in the stream of a journal.
    pub(crate) position: u32,
    /// Packets that went into it, for a journal.
    pub(crate) merged: Vec<(u32, u32)>,
    pub(crate) message: Message,
    pub(crate) origin: Option<Origin>,
    /// Its origin, while it waits for a partner without holding it.
    pub(crate) aside: Option<Aside>,
    /// Whether it has not given its credit back.
    pub(crate) credit: bool,
    /// Whether it is still on its shelf.
    shelved: bool,
    /// Whether the packets of a question are only offered it.
    is_remembered: bool,
}

impl Held {
    pub(crate) fn without_credit(message: Message) -> Self {
        Self {
            // No link that a journal knows.
            link: u32::MAX,
            position: 0,
            merged: Vec::new(),
            message,
            origin: None,
            aside: None,
            credit: false,
            shelved: false,
            is_remembered: false,
        }
    }

    fn remembered(message: Message) -> Self {
        Self { is_remembered: true, ..Self::without_credit(message) }
    }
}

/// Where packets come from: the links of the node, and the credits that are to be given back to them.
pub(crate) struct Intake<'a> {
    pub(crate) mailbox: &'a Mailbox,
    pub(crate) links: &'a [LinkInfo],
    pub(crate) released: &'a mut [u32],
    /// Packets that no tick has taken: link and position. Only where a journal wants to know.
    pub(crate) gone: Option<&'a mut Vec<(u32, u32)>>,
}

impl Intake<'_> {
    /// A packet as it came out of the mailbox.
    pub(crate) fn held(&self, link: u32, position: u32, message: Message, origin: Option<Origin>) -> Held {
        // What has only its place in the queue has no origin there.
        let shelved = self.links[link as usize].shelved && origin.is_none();
        let (merged, is_remembered) = (Vec::new(), false);
        Held { link, position, merged, message, origin, aside: None, credit: true, shelved, is_remembered }
    }

    /// Takes a packet off its shelf, if it is on one: the newest there is now.
    pub(crate) fn fetch(&mut self, held: &mut Held) {
        if std::mem::take(&mut held.shelved) {
            if let Some((message, origin, position)) = self.mailbox.pull(held.link) {
                (held.message, held.origin, held.position) = (message, origin, position);
            }
            self.release(held);
        }
    }

    pub(crate) fn release(&mut self, held: &mut Held) {
        if std::mem::take(&mut held.credit) {
            self.released[held.link as usize] += 1;
        }
    }

    /// A packet goes that no tick will take.
    pub(crate) fn drop_held(&mut self, held: Held) {
        if let Some(gone) = &mut self.gone {
            gone.extend(held.merged);
            gone.push((held.link, held.position));
        }
    }

    /// Makes it an input of the tick.
    fn hand_over(&mut self, port: u16, mut held: Held, attempt: &mut Attempt) {
        self.fetch(&mut held);
        self.release(&mut held);
        if self.gone.is_some() {
            attempt.taken.append(&mut held.merged);
            attempt.taken.push((held.link, held.position));
        }
        let Held { message, origin, aside, .. } = held;
        if attempt.origin.is_none() {
            attempt.origin = origin.or_else(|| aside.map(Aside::revive));
        }
        attempt.inputs.push((port, message));
    }
}

/// A firing rule over port indices, with the packets that wait for it.
#[derive(Debug)]
pub(crate) enum Assembler {
    /// Every packet is a tick.
    Any,
    /// One packet of each declared port.
    All(Box<Pairing>),
    /// The newest packet of each declared port.
    Latest { slots: Vec<Option<Held>>, extra: Slots },
    /// Lists of what the ticks of a node have led to.
    Gather(Box<Gatherer>),
    /// Each required port as often as it has links; the others are remembered.
    Required { ports: Vec<Remembered>, extra: Slots },
}

/// Packets of ports that are not declared, the newest of each.
type Slots = Vec<(u16, Held)>;

/// One packet of each declared port: those of a group find each other by what they have in common, the others, and the
/// groups among each other, by their place.
#[derive(Debug)]
pub(crate) struct Pairing {
    ports: Vec<Waiting>,
    groups: Vec<Matcher>,
    extra: VecDeque<(u16, Held)>,
    /// What found no partner.
    pub(crate) lone: Vec<Lone>,
}

/// A port of [`Assembler::All`].
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    queue: VecDeque<Held>,
    /// Whether it offers its newest packet to every tick instead.
    latest: bool,
    /// Whether no tick waits for it.
    optional: bool,
}

impl Waiting {
    fn is_ready(&self) -> bool {
        self.optional || !self.queue.is_empty()
    }
}

/// A port of [`Assembler::Required`].
#[derive(Debug, Default)]
pub(crate) struct Remembered {
    last: Option<Message>,
    /// What went into it, for a journal.
    taken: Vec<(u32, u32)>,
    required: bool,
    count: usize,
    needed: usize,
}

impl Assembler {
    /// Pairs ports `0..declared`; those in `latest` and `optional` offer their newest packet, and nobody waits for the
    /// latter.
    pub(crate) fn all(declared: usize, latest: &[u16], optional: &[u16], groups: Vec<Matcher>) -> Self {
        if declared == 0 {
            return Self::Any;
        }
        let waiting = |port: usize| {
            let optional = optional.contains(&(port as u16));
            let latest = optional || latest.contains(&(port as u16));
            Waiting { queue: VecDeque::new(), latest, optional }
        };
        let ports = (0..declared).map(waiting).collect();
        Self::All(Box::new(Pairing { ports, groups, extra: VecDeque::new(), lone: Vec::new() }))
    }

    /// Keeps the newest packet of each of the ports `0..declared`.
    pub(crate) fn latest(declared: usize) -> Self {
        if declared == 0 {
            return Self::Any;
        }
        Self::Latest { slots: (0..declared).map(|_| None).collect(), extra: Slots::new() }
    }

    /// Waits for each required port as often as it has links (`links[port]`, at least once).
    pub(crate) fn required(declared: usize, required: &[u16], links: &[usize]) -> Self {
        let ports = (0..declared)
            .map(|port| Remembered {
                required: required.contains(&(port as u16)),
                needed: links.get(port).copied().unwrap_or(0).max(1),
                ..Remembered::default()
            })
            .collect();
        Self::Required { ports, extra: Slots::new() }
    }

    /// Takes a packet in; if that completes a tick, its inputs are put into `attempt` and the answer is true.
    pub(crate) fn offer(&mut self, port: u16, mut held: Held, attempt: &mut Attempt, intake: &mut Intake<'_>) -> bool {
        let at = usize::from(port);
        match self {
            Self::Any => {
                intake.hand_over(port, held, attempt);
                true
            }
            Self::All(_) | Self::Latest { .. } => {
                self.put(port, held, intake);
                self.take(attempt, intake)
            }
            // Its list comes with the end of its group.
            Self::Gather(_) => false,
            Self::Required { ports, extra } => {
                intake.fetch(&mut held);
                intake.release(&mut held);
                match ports.get_mut(at) {
                    Some(entry) => {
                        if intake.gone.is_some() {
                            entry.taken.push((held.link, held.position));
                        }
                        let Held { message, origin, .. } = held;
                        entry.last = Some(merged(entry.last.take(), message));
                        entry.count += 1;
                        attempt.origin = origin;
                    }
                    None => put(extra, port, held, intake),
                }
                if ports.iter().any(|entry| entry.required && entry.count < entry.needed) {
                    return false;
                }
                for (port, entry) in (0_u16..).zip(ports) {
                    let message = if entry.required { entry.last.take() } else { entry.last.clone() };
                    entry.count = 0;
                    if intake.gone.is_some() {
                        // What is remembered is there again after a restart: its newest packet is not taken.
                        let keep = usize::from(!entry.required);
                        let taken = entry.taken.len().saturating_sub(keep);
                        attempt.taken.extend(entry.taken.drain(..taken));
                    }
                    attempt.inputs.extend(message.map(|message| (port, message)));
                }
                for (port, held) in extra.drain(..) {
                    if intake.gone.is_some() {
                        attempt.taken.push((held.link, held.position));
                    }
                    attempt.inputs.push((port, held.message));
                }
                true
            }
        }
    }

    /// Takes a packet in that starts no tick by itself.
    pub(crate) fn put(&mut self, port: u16, held: Held, intake: &mut Intake<'_>) {
        match self {
            Self::All(pairing) => pairing.put(port, held, intake),
            Self::Latest { slots, extra } => match slots.get_mut(usize::from(port)) {
                Some(slot) => replace(slot, held, intake),
                None => put(extra, port, held, intake),
            },
            Self::Any | Self::Gather(_) | Self::Required { .. } => {}
        }
    }

    /// The next complete tick, if there is one without another packet.
    pub(crate) fn take(&mut self, attempt: &mut Attempt, intake: &mut Intake<'_>) -> bool {
        match self {
            Self::All(pairing) => pairing.take(attempt, intake),
            Self::Gather(gatherer) => gatherer.take(attempt),
            Self::Latest { slots, extra } if slots.iter().all(Option::is_some) => {
                for (port, slot) in (0_u16..).zip(slots) {
                    if let Some(held) = slot.take() {
                        intake.hand_over(port, held, attempt);
                    }
                }
                for (port, held) in extra.drain(..) {
                    intake.hand_over(port, held, attempt);
                }
                true
            }
            Self::Any | Self::Latest { .. } | Self::Required { .. } => false,
        }
    }

    /// Whether packets of some inports are remembered for ticks that others start.
    pub(crate) fn remembers(&self) -> bool {
        match self {
            Self::All(pairing) => pairing.ports.iter().any(|port| port.latest),
            Self::Latest { .. } => true,
            Self::Any | Self::Gather(_) | Self::Required { .. } => false,
        }
    }

    /// Whether a tick takes one packet of the one inport that there is.
    pub(crate) fn is_single(&self) -> bool {
        matches!(self, Self::All(pairing) if pairing.ports.len() == 1 && !pairing.ports[0].latest)
    }

    /// One of the same rule for the packets of one question, which remembers what this one remembers.
    pub(crate) fn for_question(&mut self, intake: &mut Intake<'_>) -> Self {
        match self {
            Self::Any | Self::Gather(_) => Self::Any,
            Self::All(pairing) => {
                let ports = pairing.ports.iter_mut().map(|waiting| {
                    let mut own = Waiting { latest: waiting.latest, optional: waiting.optional, ..Waiting::default() };
                    if let Some(held) = waiting.queue.front_mut().filter(|_| own.latest) {
                        intake.fetch(held);
                        own.queue.push_back(Held::remembered(held.message.clone()));
                    }
                    own
                });
                let ports = ports.collect();
                let groups = pairing.groups.iter().map(Matcher::fresh).collect();
                Self::All(Box::new(Pairing { ports, groups, extra: VecDeque::new(), lone: Vec::new() }))
            }
            Self::Latest { slots, .. } => {
                Self::Latest { slots: slots.iter().map(|_| None).collect(), extra: Slots::new() }
            }
            Self::Required { ports, .. } => {
                let own = |port: &Remembered| Remembered {
                    last: port.last.clone().filter(|_| !port.required),
                    taken: Vec::new(),
                    required: port.required,
                    count: 0,
                    needed: port.needed,
                };
                Self::Required { ports: ports.iter().map(own).collect(), extra: Slots::new() }
            }
        }
    }

    /// Lets go of what the waiting packets of a question descend from: it may end while they wait.
    pub(crate) fn put_aside(&mut self) {
        let aside = |held: &mut Held| {
            if let Some(origin) = held.origin.take() {
                held.aside = Some(origin.loose());
            }
        };
        match self {
            Self::All(pairing) => {
                pairing.ports.iter_mut().flat_map(|waiting| &mut waiting.queue).for_each(aside);
                pairing.extra.iter_mut().for_each(|(_, held)| aside(held));
            }
            Self::Latest { slots, extra } => {
                slots.iter_mut().flatten().for_each(aside);
                extra.iter_mut().for_each(|(_, held)| aside(held));
            }
            Self::Any | Self::Gather(_) | Self::Required { .. } => {}
        }
    }

    /// Whether nothing waits in it, and it remembers nothing that the question itself has brought.
    pub(crate) fn is_blank(&self) -> bool {
        match self {
            Self::Any | Self::Gather(_) => true,
            Self::All(pairing) => {
                let is_blank = |waiting: &Waiting| waiting.queue.iter().all(|held| held.is_remembered);
                pairing.ports.iter().all(is_blank)
                    && pairing.groups.iter().all(|group| group.waiting() == 0)
                    && pairing.extra.is_empty()
            }
            Self::Latest { slots, extra } => slots.iter().all(Option::is_none) && extra.is_empty(),
            Self::Required { ports, extra } => {
                extra.is_empty() && ports.iter().all(|port| port.required && port.last.is_none())
            }
        }
    }

    /// The packets of a question that found no partner, at its end.
    pub(crate) fn leftovers(self) -> Vec<Lone> {
        let mut lone = Vec::new();
        let mut put = |port, held: Held| {
            if !held.is_remembered {
                lone.push(Lone { port, held, why: Unmatched::NoPartner });
            }
        };
        match self {
            Self::All(mut pairing) => {
                pairing.close();
                for (port, waiting) in (0..).zip(pairing.ports).filter(|(_, waiting)| !waiting.optional) {
                    waiting.queue.into_iter().for_each(|held| put(port, held));
                }
                pairing.extra.into_iter().for_each(|(port, held)| put(port, held));
                lone.extend(pairing.lone.into_iter().map(|lone| Lone { why: Unmatched::NoPartner, ..lone }));
            }
            Self::Latest { slots, .. } => {
                (0..).zip(slots).for_each(|(port, held)| held.into_iter().for_each(|held| put(port, held)));
            }
            Self::Required { ports, .. } => {
                for (port, remembered) in (0..).zip(ports).filter(|(_, port)| port.required) {
                    let held = remembered.last.map(Held::without_credit);
                    held.into_iter().for_each(|held| put(port, held));
                }
            }
            Self::Any | Self::Gather(_) => {}
        }
        lone
    }

    /// What gathers lists, if that is what it does.
    pub(crate) fn gatherer(&mut self) -> Option<&mut Gatherer> {
        if let Self::Gather(gatherer) = self { Some(gatherer) } else { None }
    }

    /// Whether a tick can start without another packet.
    pub(crate) fn is_ready(&self) -> bool {
        matches!(self, Self::Gather(gatherer) if gatherer.is_ready())
    }

    /// The pairing that it is, if it is one.
    pub(crate) fn pairing(&mut self) -> Option<&mut Pairing> {
        if let Self::All(pairing) = self { Some(pairing) } else { None }
    }

    /// Whether no further tick can come once the ports with `closed[port]` bring nothing more.
    pub(crate) fn is_exhausted(&self, closed: &[bool]) -> bool {
        let is_closed = |port: usize| closed.get(port).copied().unwrap_or(true);
        match self {
            Self::Any => closed.iter().all(|closed| *closed),
            Self::Gather(gatherer) => !gatherer.is_ready() && closed.iter().all(|closed| *closed),
            Self::All(pairing) => {
                let ports = &pairing.ports;
                ports.iter().enumerate().any(|(port, waiting)| !waiting.is_ready() && is_closed(port))
                    && !pairing.may_match(&is_closed)
                    || (0..ports.len()).all(is_closed)
            }
            Self::Latest { slots, .. } => {
                slots.iter().enumerate().any(|(port, slot)| slot.is_none() && is_closed(port))
                    || (0..slots.len()).all(is_closed)
            }
            Self::Required { ports, .. } => {
                ports
                    .iter()
                    .enumerate()
                    .any(|(port, entry)| entry.required && entry.count < entry.needed && is_closed(port))
                    || (0..ports.len()).all(is_closed)
            }
        }
    }

    /// Whether packets may still come that find no partner: they are to be let go of, and not to find the node gone.
    pub(crate) fn may_be_left_alone(&self, closed: &[bool]) -> bool {
        let is_closed = |port: usize| closed.get(port).copied().unwrap_or(true);
        matches!(self, Self::All(pairing) if pairing.groups.iter().any(|group| group.is_open(&is_closed)))
    }

    /// Packets that wait for a partner.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::All(pairing) => {
                let queued = pairing.ports.iter().filter(|waiting| !waiting.latest).map(|waiting| waiting.queue.len());
                let matching = pairing.groups.iter().map(Matcher::waiting);
                queued.chain(matching).sum::<usize>() + pairing.extra.len()
            }
            Self::Gather(gatherer) => gatherer.held(),
            Self::Any | Self::Latest { .. } | Self::Required { .. } => 0,
        }
    }
}

impl Pairing {
    fn put(&mut self, port: u16, mut held: Held, intake: &mut Intake<'_>) {
        let Some(waiting) = self.ports.get_mut(usize::from(port)) else { return self.extra.push_back((port, held)) };
        if waiting.latest {
            if !held.shelved {
                intake.release(&mut held);
            }
            for mut old in waiting.queue.drain(..) {
                // What is still on its shelf must not stay there without a place in the queue.
                intake.fetch(&mut old);
                intake.drop_held(old);
            }
            waiting.queue.push_back(held);
            return;
        }
        let waiting_now: usize = self.groups.iter().map(Matcher::waiting).sum();
        let Some(group) = self.groups.iter_mut().find(|group| group.has(port)) else {
            return waiting.queue.push_back(held);
        };
        intake.fetch(&mut held);
        if waiting_now < AHEAD {
            // Its partner may be far behind; the producer need not wait for that.
            intake.release(&mut held);
        }
        for (port, held) in group.offer(port, held, &mut self.lone).into_iter().flatten() {
            self.ports[usize::from(port)].queue.push_back(held);
        }
    }

    fn take(&mut self, attempt: &mut Attempt, intake: &mut Intake<'_>) -> bool {
        let ports = &mut self.ports;
        let only_latest = ports.iter().all(|waiting| waiting.latest);
        if !ports.iter().all(Waiting::is_ready) || ports.iter().all(|waiting| waiting.queue.is_empty()) {
            return false;
        }
        // Packets that are paired say what the tick descends from, before those that are remembered.
        for (port, waiting) in (0_u16..).zip(ports.iter_mut()).filter(|(_, waiting)| !waiting.latest) {
            if let Some(held) = waiting.queue.pop_front() {
                intake.hand_over(port, held, attempt);
            }
        }
        for (port, waiting) in (0_u16..).zip(ports.iter_mut()).filter(|(_, waiting)| waiting.latest) {
            if only_latest {
                if let Some(held) = waiting.queue.pop_front() {
                    intake.hand_over(port, held, attempt);
                }
            } else if let Some(held) = waiting.queue.front_mut() {
                intake.fetch(held);
                // It is offered to every tick, and must not keep what it descends from alive.
                held.origin = None;
                attempt.inputs.push((port, held.message.clone()));
            }
        }
        attempt.inputs.sort_by_key(|(port, _)| *port);
        // Packets of other ports ride along: one of each, and the next one in the next tick.
        for (port, held) in std::mem::take(&mut self.extra) {
            if attempt.inputs.iter().any(|(taken, _)| *taken == port) {
                self.extra.push_back((port, held));
            } else {
                intake.hand_over(port, held, attempt);
            }
        }
        true
    }

    /// Whether closed ports may still get a packet, because partners of what they brought can come.
    fn may_match(&self, is_closed: &impl Fn(usize) -> bool) -> bool {
        self.groups.iter().any(|group| group.waiting() > 0 && group.can_complete(is_closed))
    }

    /// Whether it pairs by something in common.
    pub(crate) fn matches(&self) -> bool {
        !self.groups.is_empty()
    }

    /// Lets go of what can find no partner once the ports with `closed[port]` bring nothing more.
    pub(crate) fn close_ports(&mut self, closed: &[bool]) {
        let is_closed = |port: usize| closed.get(port).copied().unwrap_or(true);
        for group in &mut self.groups {
            group.close_ports(&is_closed, &mut self.lone);
        }
    }

    /// Nothing that descends from the origin is on its way any more.
    pub(crate) fn end_origin(&mut self, origin: u64) {
        for group in &mut self.groups {
            group.end(origin, &mut self.lone);
        }
    }

    /// Lets go of what has waited for too long.
    pub(crate) fn expire(&mut self, now: Instant) {
        for group in &mut self.groups {
            group.expire(now, &mut self.lone);
        }
    }

    /// When something will have waited for too long.
    pub(crate) fn deadline(&mut self) -> Option<Instant> {
        self.groups.iter_mut().filter_map(Matcher::deadline).min()
    }

    /// Lets go of everything that waits for a partner by something in common.
    pub(crate) fn close(&mut self) {
        for group in &mut self.groups {
            group.close(&mut self.lone);
        }
    }
}

/// Puts a packet into a remembered slot; two objects are merged, newer members win.
fn replace(slot: &mut Option<Held>, mut held: Held, intake: &mut Intake<'_>) {
    let Some(mut old) = slot.take() else {
        if !held.shelved {
            intake.release(&mut held);
        }
        *slot = Some(held);
        return;
    };
    intake.fetch(&mut old);
    intake.fetch(&mut held);
    intake.release(&mut held);
    if intake.gone.is_some() {
        held.merged.append(&mut old.merged);
        held.merged.push((old.link, old.position));
    }
    held.message = merged(Some(old.message), std::mem::replace(&mut held.message, Message::Flow));
    *slot = Some(held);
}

fn merged(old: Option<Message>, new: Message) -> Message {
    match (old, new) {
        (Some(Message::Object(old)), Message::Object(new)) => Message::Object(old.merged_with(&new)),
        (Some(Message::Host(old)), Message::Host(new)) => old.merged_with(&*new).unwrap_or(Message::Host(new)),
        (_, new) => new,
    }
}

fn put(packets: &mut Slots, port: u16, mut held: Held, intake: &mut Intake<'_>) {
    intake.fetch(&mut held);
    intake.release(&mut held);
    match packets.iter_mut().find(|(at, _)| *at == port) {
        Some((_, slot)) => intake.drop_held(std::mem::replace(slot, held)),
        None => packets.push((port, held)),
    }
}

#[cfg(test)]
mod tests;
