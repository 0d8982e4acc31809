//! Assembling ticks: which packets start one, by the node's firing rule.

use std::collections::VecDeque;

use reflow_message::Message;

use crate::attempt::Packets;

/// A firing rule over port indices, with the packets that wait for it.
#[derive(Debug)]
pub(crate) enum Assembler {
    /// Every packet is a tick.
    Any,
    /// One packet of each declared port, paired in order.
    All { ports: Vec<Waiting>, extra: VecDeque<(u32, u16, Message)> },
    /// The newest packet of each declared port.
    Latest { slots: Vec<Option<Message>>, extra: Packets },
    /// Each required port as often as it has links; the others are remembered.
    Required { ports: Vec<Remembered>, extra: Packets },
}

/// A port of [`Assembler::All`].
#[derive(Debug, Default)]
pub(crate) struct Waiting {
    queue: VecDeque<(u32, Message)>,
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
    required: bool,
    count: usize,
    needed: usize,
}

impl Assembler {
    /// Pairs ports `0..declared`; those in `latest` and `optional` offer their newest packet, and nobody waits for the
    /// latter.
    pub(crate) fn all(declared: usize, latest: &[u16], optional: &[u16]) -> Self {
        if declared == 0 {
            return Self::Any;
        }
        let waiting = |port: usize| {
            let optional = optional.contains(&(port as u16));
            let latest = optional || latest.contains(&(port as u16));
            Waiting { queue: VecDeque::new(), latest, optional }
        };
        let ports = (0..declared).map(waiting).collect();
        Self::All { ports, extra: VecDeque::new() }
    }

    /// Keeps the newest packet of each of the ports `0..declared`.
    pub(crate) fn latest(declared: usize) -> Self {
        if declared == 0 {
            return Self::Any;
        }
        Self::Latest { slots: vec![None; declared], extra: Packets::new() }
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
        Self::Required { ports, extra: Packets::new() }
    }

    /// Takes a packet in; if that completes a tick, its inputs are put into `inputs` and the answer is true. Each link
    /// whose packet is no longer held is counted in `released`.
    pub(crate) fn offer(
        &mut self,
        link: u32,
        port: u16,
        message: Message,
        inputs: &mut Packets,
        released: &mut [u32],
    ) -> bool {
        let at = usize::from(port);
        match self {
            Self::Any => {
                released[link as usize] += 1;
                inputs.push((port, message));
                true
            }
            Self::All { ports, extra } => {
                match ports.get_mut(at) {
                    Some(waiting) if waiting.latest => {
                        released[link as usize] += 1;
                        waiting.queue.clear();
                        waiting.queue.push_back((link, message));
                    }
                    Some(waiting) => waiting.queue.push_back((link, message)),
                    None => extra.push_back((link, port, message)),
                }
                self.take_pair(inputs, released)
            }
            Self::Latest { slots, extra } => {
                released[link as usize] += 1;
                match slots.get_mut(at) {
                    Some(slot) => replace(slot, message),
                    None => put(extra, port, message),
                }
                if slots.iter().any(Option::is_none) {
                    return false;
                }
                inputs.extend((0_u16..).zip(slots).filter_map(|(port, slot)| Some((port, slot.take()?))));
                inputs.append(extra);
                true
            }
            Self::Required { ports, extra } => {
                released[link as usize] += 1;
                match ports.get_mut(at) {
                    Some(entry) => {
                        replace(&mut entry.last, message);
                        entry.count += 1;
                    }
                    None => put(extra, port, message),
                }
                if ports.iter().any(|entry| entry.required && entry.count < entry.needed) {
                    return false;
                }
                for (port, entry) in (0_u16..).zip(ports) {
                    let message = if entry.required { entry.last.take() } else { entry.last.clone() };
                    entry.count = 0;
                    inputs.extend(message.map(|message| (port, message)));
                }
                inputs.append(extra);
                true
            }
        }
    }

    /// The next complete pair, if there is one without another packet.
    pub(crate) fn take_pair(&mut self, inputs: &mut Packets, released: &mut [u32]) -> bool {
        let Self::All { ports, extra } = self else { return false };
        let only_latest = ports.iter().all(|waiting| waiting.latest);
        if !ports.iter().all(Waiting::is_ready) || ports.iter().all(|waiting| waiting.queue.is_empty()) {
            return false;
        }
        for (port, waiting) in (0_u16..).zip(ports) {
            if waiting.latest && !only_latest {
                inputs.extend(waiting.queue.front().map(|(_, message)| (port, message.clone())));
            } else if let Some((link, message)) = waiting.queue.pop_front() {
                if !waiting.latest {
                    released[link as usize] += 1;
                }
                inputs.push((port, message));
            }
        }
        // Packets of other ports ride along: one of each, and the next one in the next tick.
        for (link, port, message) in std::mem::take(extra) {
            if inputs.iter().any(|(taken, _)| *taken == port) {
                extra.push_back((link, port, message));
            } else {
                released[link as usize] += 1;
                inputs.push((port, message));
            }
        }
        true
    }

    /// Whether no further tick can come once the ports with `closed[port]` bring nothing more.
    pub(crate) fn is_exhausted(&self, closed: &[bool]) -> bool {
        let is_closed = |port: usize| closed.get(port).copied().unwrap_or(true);
        match self {
            Self::Any => closed.iter().all(|closed| *closed),
            Self::All { ports, .. } => {
                ports.iter().enumerate().any(|(port, waiting)| !waiting.is_ready() && is_closed(port))
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

    /// Packets that wait for a partner.
    pub(crate) fn held(&self) -> usize {
        match self {
            Self::All { ports, extra } => {
                ports.iter().filter(|waiting| !waiting.latest).map(|waiting| waiting.queue.len()).sum::<usize>()
                    + extra.len()
            }
            Self::Any | Self::Latest { .. } | Self::Required { .. } => 0,
        }
    }
}

/// Puts a message into a remembered slot; two objects are merged, newer members win.
fn replace(slot: &mut Option<Message>, message: Message) {
    *slot = Some(match (slot.take(), message) {
        (Some(Message::Object(old)), Message::Object(new)) => Message::Object(old.merged_with(&new)),
        (Some(Message::Host(old)), Message::Host(new)) => old.merged_with(&*new).unwrap_or(Message::Host(new)),
        (_, message) => message,
    });
}

fn put(packets: &mut Packets, port: u16, message: Message) {
    match packets.iter_mut().find(|(at, _)| *at == port) {
        Some((_, slot)) => *slot = message,
        None => packets.push((port, message)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Runs `(port, number)` packets through; link = port.
    fn ticks(assembler: &mut Assembler, packets: &[(u16, i64)]) -> Vec<Vec<(u16, i64)>> {
        let mut released = vec![0; 8];
        let mut out = Vec::new();
        for (port, number) in packets {
            let mut inputs = Packets::new();
            let mut fired =
                assembler.offer(u32::from(*port), *port, Message::Integer(*number), &mut inputs, &mut released);
            while fired {
                out.push(
                    inputs
                        .drain(..)
                        .map(|(port, message)| match message {
                            Message::Integer(number) => (port, number),
                            other => panic!("unexpected {other:?}"),
                        })
                        .collect(),
                );
                fired = assembler.take_pair(&mut inputs, &mut released);
            }
        }
        out
    }

    #[test]
    fn pairs_are_made_in_order_and_nothing_is_lost() {
        let mut all = Assembler::all(2, &[], &[]);
        let out = ticks(&mut all, &[(0, 1), (0, 2), (1, 10), (1, 20), (0, 3)]);
        assert_eq!(out, [vec![(0, 1), (1, 10)], vec![(0, 2), (1, 20)]]);
        assert_eq!(all.held(), 1);
    }

    #[test]
    fn packets_of_undeclared_ports_ride_along_one_a_tick() {
        let mut all = Assembler::all(1, &[], &[]);
        let out = ticks(&mut all, &[(5, 7), (5, 8), (6, 9), (0, 1), (0, 2), (0, 3)]);
        assert_eq!(out, [vec![(0, 1), (5, 7), (6, 9)], vec![(0, 2), (5, 8)], vec![(0, 3)]]);
    }

    #[test]
    fn a_latest_port_beside_paired_ones_is_remembered() {
        let mut all = Assembler::all(2, &[1], &[]);
        let out = ticks(&mut all, &[(1, 7), (1, 8), (0, 1), (0, 2), (1, 9), (0, 3)]);
        assert_eq!(out, [vec![(0, 1), (1, 8)], vec![(0, 2), (1, 8)], vec![(0, 3), (1, 9)]]);
    }

    #[test]
    fn nobody_waits_for_an_optional_port() {
        let mut all = Assembler::all(2, &[], &[1]);
        let out = ticks(&mut all, &[(0, 1), (1, 7), (0, 2), (0, 3)]);
        assert_eq!(out, [vec![(0, 1)], vec![(0, 2), (1, 7)], vec![(0, 3), (1, 7)]]);
    }

    #[test]
    fn latest_conflates_every_port() {
        let out = ticks(&mut Assembler::latest(2), &[(0, 1), (0, 2), (1, 10), (1, 20), (0, 3)]);
        assert_eq!(out, [vec![(0, 2), (1, 10)], vec![(0, 3), (1, 20)]]);
    }

    #[test]
    fn required_ports_fire_and_optional_ones_are_remembered() {
        let mut required = Assembler::required(2, &[0], &[1, 1]);
        let out = ticks(&mut required, &[(1, 25), (0, 1), (0, 2), (1, 50), (0, 3)]);
        assert_eq!(out, [vec![(0, 1), (1, 25)], vec![(0, 2), (1, 25)], vec![(0, 3), (1, 50)]]);
        let mut twice = Assembler::required(1, &[0], &[2]);
        assert_eq!(ticks(&mut twice, &[(0, 1), (0, 2), (0, 3), (0, 4)]), [vec![(0, 2)], vec![(0, 4)]]);
    }

    proptest! {
        #[test]
        fn pairing_zips_the_ports(packets in prop::collection::vec((0_u16..3, any::<i64>()), 0..200)) {
            let mut all = Assembler::all(3, &[], &[]);
            let out = ticks(&mut all, &packets);
            let port = |wanted: u16| packets.iter().filter(move |(port, _)| *port == wanted).map(|(_, number)| *number);
            let expected: Vec<_> = port(0).zip(port(1)).zip(port(2))
                .map(|((a, b), c)| vec![(0, a), (1, b), (2, c)]).collect();
            prop_assert_eq!(all.held(), packets.len() - 3 * expected.len());
            prop_assert_eq!(out, expected);
        }
    }
}
