use proptest::prelude::*;

use super::*;
use crate::attempt::Packets;
use crate::mailbox::Room;

/// Runs `(port, number)` packets through; link = port.
fn ticks(assembler: &mut Assembler, packets: &[(u16, i64)]) -> Vec<Vec<(u16, i64)>> {
    let mailbox = Mailbox::default();
    for port in 0..8 {
        mailbox.add_link(port, Room::Bounded(1, crate::connection::Overflow::Wait));
    }
    let (links, mut released) = (mailbox.links(), vec![0; 8]);
    let mut intake = Intake { mailbox: &mailbox, links: &links, released: &mut released, gone: None };
    let mut out = Vec::new();
    for (port, number) in packets {
        let mut attempt = Attempt::default();
        let held = intake.held(u32::from(*port), 0, Message::Integer(*number), None);
        let mut fired = assembler.offer(*port, held, &mut attempt, &mut intake);
        while fired {
            out.push(numbers(attempt.inputs.drain(..).collect()));
            fired = assembler.take(&mut attempt, &mut intake);
        }
    }
    out
}

fn numbers(inputs: Packets) -> Vec<(u16, i64)> {
    let number = |message| match message {
        Message::Integer(number) => number,
        other => panic!("unexpected {other:?}"),
    };
    inputs.into_iter().map(|(port, message)| (port, number(message))).collect()
}

fn all(declared: usize, latest: &[u16], optional: &[u16]) -> Assembler {
    Assembler::all(declared, latest, optional, Vec::new())
}

#[test]
fn pairs_are_made_in_order_and_nothing_is_lost() {
    let mut all = all(2, &[], &[]);
    let out = ticks(&mut all, &[(0, 1), (0, 2), (1, 10), (1, 20), (0, 3)]);
    assert_eq!(out, [vec![(0, 1), (1, 10)], vec![(0, 2), (1, 20)]]);
    assert_eq!(all.held(), 1);
}

#[test]
fn packets_of_undeclared_ports_ride_along_one_a_tick() {
    let mut all = all(1, &[], &[]);
    let out = ticks(&mut all, &[(5, 7), (5, 8), (6, 9), (0, 1), (0, 2), (0, 3)]);
    assert_eq!(out, [vec![(0, 1), (5, 7), (6, 9)], vec![(0, 2), (5, 8)], vec![(0, 3)]]);
}

#[test]
fn a_latest_port_beside_paired_ones_is_remembered() {
    let mut all = all(2, &[1], &[]);
    let out = ticks(&mut all, &[(1, 7), (1, 8), (0, 1), (0, 2), (1, 9), (0, 3)]);
    assert_eq!(out, [vec![(0, 1), (1, 8)], vec![(0, 2), (1, 8)], vec![(0, 3), (1, 9)]]);
}

#[test]
fn nobody_waits_for_an_optional_port() {
    let mut all = all(2, &[], &[1]);
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
        let mut all = all(3, &[], &[]);
        let out = ticks(&mut all, &packets);
        let port = |wanted: u16| packets.iter().filter(move |(port, _)| *port == wanted).map(|(_, number)| *number);
        let expected: Vec<_> = port(0).zip(port(1)).zip(port(2))
            .map(|((a, b), c)| vec![(0, a), (1, b), (2, c)]).collect();
        prop_assert_eq!(all.held(), packets.len() - 3 * expected.len());
        prop_assert_eq!(out, expected);
    }
}
