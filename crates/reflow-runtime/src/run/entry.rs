//! What comes into a run from outside: packets, signals, listeners.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};
use std::task::Poll;

use reflow_graph::Direction;
use reflow_message::Message;

use super::Run;
use super::kept::Door;
use crate::actor::Signal;
use crate::awaited::{Received, Taking};
use crate::connection::Overflow;
use crate::error::{NetworkError, SendError};
use crate::journal::Op;
use crate::mailbox::{MAX_SIGNAL_BYTES, MAX_SIGNALS, Refused, Room};
use crate::node::{Node, TAP};
use crate::origin::Origin;
use crate::outside::{OutsideSend, Way};
use crate::packet::{Control, Outgoing, Packet};
use crate::question::Hold;
use crate::script::{Next, Outside};
use crate::tap::{Listener, Tap};

impl Run {
    /// The link for packets from outside to an inport of a node.
    pub(super) fn outside_link(&self, index: u32, port: u16, way: Way) -> u32 {
        let node = &self.nodes[index as usize];
        // A journal and a recording count all packets of an inport together.
        if way == Way::Asked && self.journal.is_none() && self.script.is_none() {
            let mut links = node.asked_links.lock();
            if let Some((_, link)) = links.iter().find(|(at, _)| *at == port) {
                return *link;
            }
            let link = node.mailbox.add_outside_link(port, Room::Bounded(usize::MAX, Overflow::Wait));
            links.push((port, link));
            return link;
        }
        let mut links = node.outside_links.lock();
        if let Some((_, link)) = links.iter().find(|(at, _)| *at == port) {
            return *link;
        }
        let link = node.mailbox.add_outside_link(port, node.room(port, self.capacity));
        links.push((port, link));
        if let Some(script) = &self.script {
            script.note_door(index, &node.id, node.inport_name(port), link);
        }
        if let Some(journal) = &self.journal {
            let stream = journal.streams.fetch_add(1, Ordering::Relaxed);
            journal.doors.lock().push(Door { node: index, port, stream, next: 0, known: 0 });
            let mut ops = vec![Op::Door { stream, node: index, port: node.inport_name(port), link }];
            self.write(std::mem::take(&mut ops));
        }
        link
    }

    /// Sends a packet from outside, waiting inside `block` if there is no room.
    pub(crate) fn send(
        self: &Arc<Self>,
        node: &str,
        port: &str,
        message: Message,
        block: impl FnOnce(OutsideSend) -> Result<(), SendError>,
    ) -> Result<Result<(), SendError>, NetworkError> {
        let mut send = self.outside_send(node, port, message)?;
        Ok(match send.poll() {
            Poll::Ready(result) => result,
            Poll::Pending => block(send),
        })
    }

    /// A packet from outside, not yet sent.
    pub(crate) fn outside_send(
        self: &Arc<Self>,
        node: &str,
        port: &str,
        message: Message,
    ) -> Result<OutsideSend, NetworkError> {
        self.outside_send_as(node, port, message, Way::Counted, |node, _| self.outside_origin(node))
    }

    /// A packet from outside, not yet sent, of this origin.
    pub(crate) fn outside_send_as(
        self: &Arc<Self>,
        node: &str,
        port: &str,
        message: Message,
        way: Way,
        origin: impl FnOnce(u32, u16) -> Option<Origin>,
    ) -> Result<OutsideSend, NetworkError> {
        let index = self.node(node)?;
        let target = &self.nodes[index as usize];
        let port_index = match target.inport_of_graph(port) {
            Some(port) => port,
            None if target.declared_inports == 0 => {
                target.inport_or_new(port).ok_or_else(|| NetworkError::TooManyInports { node: node.into() })?
            }
            None => return Err(NetworkError::unknown_port(node, Direction::In, port, &target.inports.read())),
        };
        let message = if target.hosted {
            message
        } else {
            let known = message.known().cloned();
            known.map_err(|error| NetworkError::BadValue {
                node: node.into(),
                port: port.into(),
                problem: error.to_string(),
            })?
        };
        let link = self.outside_link(index, port_index, way);
        let origin = origin(index, port_index);
        let position = self.record_outside(index, port_index, &message, origin.as_ref())?;
        let packet = Packet { link, position, message, origin };
        let outgoing = Outgoing { target: index, port: port_index, packet };
        Ok(OutsideSend::new(Arc::clone(self), outgoing))
    }

    /// Nothing more comes from outside: nodes that only waited for that come to their end.
    pub(crate) fn close_outside(&self) {
        if self.outside_open.swap(false, Ordering::AcqRel) {
            if !self.nodes.is_empty() {
                self.note_outside(0, &"".into(), || Outside::Closed);
            }
            if !self.is_cancelled() {
                self.write(vec![Op::InputsClosed]);
            }
            for index in 0..self.nodes.len() as u32 {
                self.poke(index);
            }
        }
    }

    /// The origin of a packet from outside for this node.
    pub(crate) fn outside_origin(&self, node: u32) -> Option<Origin> {
        let mint = self.outside_mint.as_ref().filter(|_| self.nodes[node as usize].carries)?;
        Some(mint.strike(std::iter::once(0)))
    }

    pub(crate) fn signal(&self, node: &str, signal: Signal) -> Result<(), NetworkError> {
        let index = self.node(node)?;
        let at = &self.nodes[index as usize];
        if at.state().is_ended() {
            return Err(NetworkError::Ended { node: node.into() });
        }
        self.note_outside(index, &signal.kind.as_str().into(), || {
            Outside::Signal(Message::Object(signal.data.clone()))
        });
        let number = self.journal.as_ref().map(|journal| journal.signals.fetch_add(1, Ordering::Relaxed));
        // Written down before anybody acts on it.
        let note = |received: &Received, awaited| {
            let Some(number) = received.number else { return };
            let (kind, data) = (received.signal.kind.clone(), received.signal.data.clone());
            self.write(vec![Op::Signal { node: index, kind, data, number, awaited }]);
        };
        let too_many =
            || NetworkError::TooManySignals { node: node.into(), most: MAX_SIGNALS, most_bytes: MAX_SIGNAL_BYTES };
        let received = match at.awaited.take_in(Received { signal, number }, at.hears, note) {
            Taking::Kept => return Ok(()),
            Taking::Queued(received) => received,
            Taking::Full => return Err(too_many()),
        };
        self.control(index, Control::Signal(received)).map_err(|refused| {
            if let Some(number) = number {
                self.write(vec![Op::SignalTaken { number }]);
            }
            match refused {
                Refused::Closed => NetworkError::Ended { node: node.into() },
                Refused::Full => too_many(),
            }
        })
    }

    pub(crate) fn poke(&self, index: u32) {
        // A node that has ended needs no look around.
        let _ = self.control(index, Control::Poke);
    }

    /// Wakes whose tick of a recording is next.
    pub(crate) fn poke_next(&self, next: Next) {
        match next {
            Next::Nobody => {}
            Next::One(node) => self.poke(node),
            Next::Everybody => (0..self.nodes.len() as u32).for_each(|node| self.poke(node)),
        }
    }

    /// An origin of packets of a question.
    pub(crate) fn origin_of(self: &Arc<Self>, question: &Arc<Hold>) -> Origin {
        let run: Weak<Self> = Arc::downgrade(self);
        Origin::asked(run, Arc::clone(question))
    }

    /// Tells a node something that it needs not know once it has ended.
    pub(crate) fn tell(&self, index: u32, control: Control) {
        let _ = self.control(index, control);
    }

    /// Makes every node look for attempts that nobody wants to know the end of any more.
    pub(crate) fn withdraw_attempts(&self) {
        for index in 0..self.nodes.len() as u32 {
            self.tell(index, Control::Withdrawn);
        }
    }

    pub(crate) fn control(&self, index: u32, control: Control) -> Result<(), Refused> {
        let node = &self.nodes[index as usize];
        if node.state().is_ended() {
            return Err(Refused::Closed);
        }
        // A count for the call: the node is woken and counted before it ends, and does not sleep before it has looked.
        self.activity.begin();
        let taken = node.mailbox.control(control);
        if taken.is_ok() {
            node.sleeper.wake();
        }
        self.end_activity();
        taken
    }

    /// Closes the mailbox of a node that is to stop, or has ended; how many packets that loses.
    pub(super) fn close_mailbox(node: &Node, ended: bool) -> usize {
        let left = node.mailbox.close(ended);
        drop(left.rest);
        left.packets
    }

    /// A listener on an outport. It ends when the node has ended.
    pub(crate) fn listen(&self, node: &str, port: &str, capacity: usize) -> Result<Listener, NetworkError> {
        self.listen_with(node, port, Tap::new(capacity)).map(Listener)
    }

    pub(crate) fn listen_with(&self, node: &str, port: &str, tap: Arc<Tap>) -> Result<Arc<Tap>, NetworkError> {
        let node = &self.nodes[self.node(node)? as usize];
        let unknown = || NetworkError::unknown_port(&node.id, Direction::Out, port, &node.outports);
        Ok(self.add_tap(node, node.outports.find(port).ok_or_else(unknown)?, tap))
    }

    pub(crate) fn add_tap(&self, node: &Node, port: u16, tap: Arc<Tap>) -> Arc<Tap> {
        let mut taps = self.taps.write();
        // Looking for those that are gone each time would take long where there are many.
        if taps.len().is_power_of_two() {
            taps.retain(|_, known| !known.is_gone());
        }
        let number = self.next_tap.fetch_add(1, Ordering::Relaxed) & !TAP;
        taps.insert(number, Arc::clone(&tap));
        {
            let mut on_node = node.taps.write();
            if on_node.len().is_power_of_two() {
                on_node.retain(|(_, known)| taps.get(known).is_some_and(|tap| !tap.is_gone()));
            }
            on_node.push((port, number));
        }
        drop(taps);
        node.tapped.store(true, Ordering::Release);
        if node.state().is_ended() {
            tap.end();
        }
        tap
    }

    pub(crate) fn tap(&self, number: u32) -> Option<Arc<Tap>> {
        self.taps.read().get(&number).cloned()
    }

    // ---- life ---------------------------------------------------------------------------------------------------------
}
