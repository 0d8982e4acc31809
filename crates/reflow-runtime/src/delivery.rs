//! The one way of packets into mailboxes and to listeners, with its trace and its counters.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use reflow_graph::Direction;
use reflow_message::Message;

use crate::activity::Sleeper;
use crate::attempt::Packets;
use crate::event::Event;
use crate::node::{ANSWER, Node, TAP};
use crate::origin::Origin;
use crate::packet::{Outgoing, Packet};
use crate::run::Run;
use crate::tap::TapOffer;

/// What became of packets on their way.
pub(crate) enum Delivery {
    /// All are where they belong, but for those whose node takes no more.
    Done {
        /// How many those were.
        undelivered: usize,
    },
    /// The first of the rest found no room, and the sleeper was put to sleep until there is some.
    Full {
        /// [`Sleeper::fall_asleep`]'s answer.
        leave: bool,
    },
    /// The connection of this packet does not take what it has no room for. The rest is still to be delivered.
    Refused(Outgoing),
}

impl Run {
    /// Hands packets over, in order. They come from a node, or from outside.
    pub(crate) fn deliver(
        &self,
        from: Option<&Node>,
        pending: &mut VecDeque<Outgoing>,
        sleeper: &Arc<Sleeper>,
    ) -> Delivery {
        let traced = self.events.wants_packets();
        let mut undelivered = 0;
        let mut taken = 0;
        let delivery = loop {
            let Some(front) = pending.front() else { break Delivery::Done { undelivered } };
            if front.target & TAP != 0 {
                if let Some(leave) = self.deliver_to_tap(from, pending, sleeper) {
                    break Delivery::Full { leave };
                }
                continue;
            }
            let target = front.target;
            let node = &self.nodes[target as usize];
            if node.merges() {
                // What is merged is merged under a lock, where a host's values cannot be looked at.
                pending.iter_mut().take_while(|next| next.target == target).for_each(make_mergeable);
            }
            let mut trace: Vec<(u16, u32, Message)> = Vec::new();
            let offer = node.mailbox.offer(target, pending, sleeper, |outgoing| {
                if traced {
                    trace.push((outgoing.port, outgoing.packet.link, outgoing.packet.message.clone()));
                }
            });
            taken += offer.taken;
            undelivered += offer.undelivered;
            for (port, link, message) in trace {
                self.trace(from, port, node, link, message);
            }
            if offer.wake {
                node.sleeper.wake();
            }
            if !offer.gone.is_empty()
                && let Some(recorder) = &node.recorder
            {
                recorder.drop_packets(offer.gone);
            }
            if let Some(refused) = offer.refused {
                break Delivery::Refused(*refused);
            }
            if let Some(leave) = offer.leave {
                break Delivery::Full { leave };
            }
        };
        if let Some(from) = from {
            if taken > 0 && from.watched.load(Ordering::Relaxed) && from.watched.swap(false, Ordering::AcqRel) {
                from.counters.packets_out.add(1);
                self.look_at_gates();
                taken -= 1;
            }
            from.counters.packets_out.add(taken as u64);
            from.counters.undelivered.add(undelivered as u64);
        }
        delivery
    }

    /// Hands a packet of a node over at once, if its outport leads to one node that has room, and nobody listens or asks. Else it is
    /// given back, for [`deliver`](Self::deliver).
    pub(crate) fn hand_over(
        &self,
        from: &Node,
        port: u16,
        message: Message,
        origin: Option<&Origin>,
    ) -> Option<Message> {
        let Some([route]) = from.routes.get(usize::from(port)).map(|routes| &routes[..]) else { return Some(message) };
        let asked = origin.is_some_and(|origin| origin.question().is_some());
        if asked || self.looks_on(from) {
            return Some(message);
        }
        let node = &self.nodes[route.target as usize];
        let origin = if route.carries { origin.cloned() } else { None };
        match node.mailbox.put(Packet { link: route.link, position: 0, message, origin }) {
            Ok(wake) => {
                from.counters.packets_out.add(1);
                if wake {
                    node.sleeper.wake();
                }
                None
            }
            Err(packet) => Some(packet.message),
        }
    }

    /// Hands over as many packets of one connection as there is room for, where nobody [looks on](Self::looks_on). The others stay,
    /// for [`deliver`](Self::deliver).
    pub(crate) fn hand_over_all(&self, from: &Node, target: u32, link: u32, packets: &mut VecDeque<Packet>) {
        let node = &self.nodes[target as usize];
        let before = packets.len();
        if before > 0 && node.mailbox.put_all(link, packets) {
            node.sleeper.wake();
        }
        from.counters.packets_out.add((before - packets.len()) as u64);
    }

    /// Whether something has to see packets of the node on their way: a trace, a listener, a journal, a gate that waits for a first
    /// packet. They go the long way then, as do those of questions.
    pub(crate) fn looks_on(&self, from: &Node) -> bool {
        let seen = self.events.wants_packets() || from.tapped.load(Ordering::Relaxed) || from.recorder.is_some();
        seen || from.cuts() || from.watched.load(Ordering::Relaxed) || self.is_cancelled()
    }

    /// Whether what leaves the node gets an origin of its own.
    pub(crate) fn follows(from: &Node, origin: Option<&Origin>) -> bool {
        origin.is_none() && from.mint.is_some() || from.scatter.is_some()
    }

    /// Hands the packet over at once if it is the only one, and if that can be done. Else it stays.
    pub(crate) fn hand_over_only(&self, from: &Node, origin: Option<&Origin>, packets: &mut Packets) {
        if packets.len() == 1
            && !Self::follows(from, origin)
            && let Some((port, message)) = packets.pop()
            && let Some(message) = self.hand_over(from, port, message, origin)
        {
            packets.push((port, message));
        }
    }

    /// Hands the first packet to the listener it is for. Without room it stays, with [`Sleeper::fall_asleep`]'s answer.
    fn deliver_to_tap(
        &self,
        from: Option<&Node>,
        pending: &mut VecDeque<Outgoing>,
        sleeper: &Arc<Sleeper>,
    ) -> Option<bool> {
        let Outgoing { target, port, packet } = pending.pop_front()?;
        // A stream that nobody else gets, and that is kept until its writer has ended, has no reader who makes room.
        let has_readers = |node: &Node| node.routes.get(usize::from(port)).is_some_and(|routes| !routes.is_empty());
        let kept = match &packet.message {
            Message::StreamHandle(handle) if !from.is_some_and(has_readers) => Some(Arc::clone(handle)),
            _ => None,
        };
        if target == ANSWER {
            let question = packet.origin.as_ref().and_then(Origin::question)?;
            if let Some(handle) = kept.filter(|_| question.keeps_everything()) {
                handle.lift_limit();
            }
            let (message, leave) = question.answer(packet.link as u16, packet.message, sleeper)?;
            pending.push_front(Outgoing { target, port, packet: Packet { message, ..packet } });
            return Some(leave);
        }
        let tap = self.tap(target & !TAP)?;
        if let Some(handle) = kept.filter(|_| tap.keeps_everything()) {
            handle.lift_limit();
        }
        match tap.offer(packet.message, sleeper) {
            TapOffer::Taken => None,
            TapOffer::Full { message, leave } => {
                pending.push_front(Outgoing { target, port, packet: Packet { message, ..packet } });
                Some(leave)
            }
        }
    }

    /// Whoever waited for room for this packet does so no more.
    pub(crate) fn forget_waiting(&self, outgoing: &Outgoing, sleeper: &Arc<Sleeper>) {
        if outgoing.target == ANSWER {
            if let Some(question) = outgoing.packet.origin.as_ref().and_then(Origin::question) {
                question.forget_waiting(sleeper);
            }
        } else if outgoing.target & TAP == 0 {
            self.nodes[outgoing.target as usize].mailbox.forget_waiting(outgoing.packet.link, sleeper);
        } else if let Some(tap) = self.tap(outgoing.target & !TAP) {
            tap.forget_waiting(sleeper);
        }
    }

    /// Tells listeners which packet went where.
    fn trace(&self, from: Option<&Node>, port: u16, to: &Node, link: u32, message: Message) {
        let Some(from) = from else {
            let (actor, port) = self.boundaries.shown(Direction::In, &to.id, to.inport_name(port), "");
            return self.events.emit(Event::MessageReceived { actor, port, message });
        };
        let to_port = to.inport_of(link);
        let (sender, from_port) = self.boundaries.shown(Direction::Out, &from.id, from.outport_name(port), &to.id);
        let (to, to_port) = self.boundaries.shown(Direction::In, &to.id, to_port, &from.id);
        self.events.emit(Event::MessageSent { from: sender, from_port, to, to_port, message });
    }
}

/// Makes an object of a host one that every node knows, if it can be that.
fn make_mergeable(outgoing: &mut Outgoing) {
    let message = &mut outgoing.packet.message;
    if let Message::Host(value) = message
        && value.kind() == "Object"
        && let Ok(known) = value.message()
    {
        *message = known.clone();
    }
}
