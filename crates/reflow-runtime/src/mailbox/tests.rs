use super::*;
use crate::activity::Activity;
use crate::actor::Signal;
use crate::attempt::{Completion, Outcome, Packets};
use crate::awaited::Received;

fn sleeper() -> Arc<Sleeper> {
    let activity = Arc::new(Activity::default());
    activity.begin();
    Sleeper::new(activity)
}

fn offer(mailbox: &Mailbox, link: u32, message: impl Into<Message>, sleeper: &Arc<Sleeper>) -> Offer {
    let outgoing =
        Outgoing { target: 0, port: 0, packet: Packet { link, position: 0, message: message.into(), origin: None } };
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
    drop(mailbox.close(true));
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
    let merged =
        reflow_message::Value::object([("x", reflow_message::Value::from(1)), ("y", reflow_message::Value::from(2))]);
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
    let small = Signal { kind: "x".into(), data: reflow_message::Value::Null };
    let signal = |signal: &Signal| Control::Signal(Received { signal: signal.clone(), number: None });
    for _ in 0..MAX_SIGNALS {
        mailbox.control(signal(&small)).unwrap();
    }
    assert_eq!(mailbox.control(signal(&small)), Err(Refused::Full));
    mailbox.control(Control::Poke).unwrap();
    mailbox.signal_taken(&small);
    mailbox.control(signal(&small)).unwrap();
}

#[test]
fn signals_are_bounded_in_bytes() {
    let mailbox = Mailbox::default();
    let large = Signal { kind: "x".into(), data: "x".repeat(MAX_SIGNAL_BYTES as usize * 2 / 3).into() };
    let signal = || Control::Signal(Received { signal: large.clone(), number: None });
    mailbox.control(signal()).unwrap();
    assert_eq!(mailbox.control(signal()), Err(Refused::Full));
    mailbox.signal_taken(&large);
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
    assert_eq!(mailbox.close(false).packets, 2);
    assert_eq!(offer(&mailbox, link, 9, &producer).undelivered, 1);
    assert_eq!(mailbox.control(Control::Poke), Err(Refused::Closed));
}

#[test]
fn the_end_of_an_attempt_outlives_the_closing_of_the_mailbox_but_not_the_node() {
    let mailbox = Mailbox::default();
    let end = || {
        let (outcome, finish, goes_on) = (Outcome::Done(Packets::new()), false, false);
        Control::Completion(Completion { sequence: 1, number: 1, outcome, finish, goes_on })
    };
    assert_eq!(mailbox.control(end()), Ok(()));
    assert_eq!(mailbox.control(Control::Poke), Ok(()));
    drop(mailbox.close(false));
    assert_eq!(mailbox.control(Control::Poke), Err(Refused::Closed));
    assert_eq!(mailbox.control(end()), Ok(()));
    let mut control = VecDeque::new();
    mailbox.exchange(&mut VecDeque::new(), &mut control, &mut [], Sleep::No);
    assert_eq!(control.len(), 2, "{control:?}");
    drop(mailbox.close(true));
    assert_eq!(mailbox.control(end()), Err(Refused::Closed));
}

/// Offers the packet of a log that has this position; it waits in the mailbox or, as the answer says, in the journal.
fn offer_of_log(mailbox: &Mailbox, position: u32) -> bool {
    let packet = Packet { link: 0, position, message: Message::Integer(position.into()), origin: None };
    let before = mailbox.inner.lock().queue.len();
    let outgoing = VecDeque::from([Outgoing { target: 0, port: 0, packet }]);
    mailbox.offer(0, &mut { outgoing }, &sleeper(), |_| {});
    mailbox.inner.lock().queue.len() == before
}

/// Takes everything, gives the room back and says what is to be read from the journal.
fn take_of_log(mailbox: &Mailbox) -> (Vec<i64>, Option<Load>) {
    let mut batch = VecDeque::new();
    let first = mailbox.exchange(&mut batch, &mut VecDeque::new(), &mut [0], Sleep::No).load;
    let numbers: Vec<_> = batch.drain(..).map(|packet| i64::from(packet.position)).collect();
    let then = mailbox.exchange(&mut batch, &mut VecDeque::new(), &mut [numbers.len() as u32], Sleep::No).load;
    (numbers, first.or(then))
}

/// What a journal gives of these positions.
fn of_journal(positions: std::ops::Range<u64>) -> Option<Vec<(u64, Packet)>> {
    let packet = |position: u64| {
        let message = Message::Integer(position as i64);
        (position, Packet { link: 0, position: position as u32, message, origin: None })
    };
    Some(positions.map(packet).collect())
}

fn log() -> Mailbox {
    let mailbox = Mailbox::default();
    mailbox.add_link(0, bounded(usize::MAX));
    mailbox.page(0, 0, 0, 0, std::collections::BTreeSet::new());
    mailbox
}

#[test]
fn what_comes_to_a_log_while_it_is_read_is_neither_lost_nor_doubled() {
    let mailbox = log();
    let window = WINDOW as u32;
    assert!((0..window).all(|position| !offer_of_log(&mailbox, position)));
    assert!(offer_of_log(&mailbox, window));
    let (taken, load) = take_of_log(&mailbox);
    assert_eq!(taken, (0..i64::from(window)).collect::<Vec<_>>());
    let load = load.unwrap();
    assert_eq!((load.from, load.end), (WINDOW as u64, WINDOW as u64 + 1));
    // One comes after the journal was read, and the journal knew of another that has not come.
    assert!(offer_of_log(&mailbox, window + 1));
    assert_eq!(mailbox.loaded(load, of_journal(load.from..load.end), WINDOW), (vec![], true));
    let (taken, load) = take_of_log(&mailbox);
    assert_eq!(taken, [i64::from(window)]);
    let load = load.unwrap();
    assert_eq!(mailbox.loaded(load, of_journal(load.from..load.end + 1), WINDOW), (vec![], true));
    assert!(!offer_of_log(&mailbox, window + 2));
    assert_eq!(take_of_log(&mailbox).0, [i64::from(window) + 1, i64::from(window) + 2]);
    // What is gone is said.
    assert!((3..window + 3).all(|at| !offer_of_log(&mailbox, window + at)));
    assert!(offer_of_log(&mailbox, 2 * window + 3) && offer_of_log(&mailbox, 2 * window + 4));
    let load = take_of_log(&mailbox).1.unwrap();
    assert_eq!(mailbox.loaded(load, of_journal(load.from..load.from + 1), WINDOW), (vec![2 * window + 4], true));
    assert!(take_of_log(&mailbox).1.is_none());
}

#[test]
fn packets_of_a_log_that_overtake_each_other_come_once_each() {
    let mailbox = log();
    let window = WINDOW as u32;
    assert!(!offer_of_log(&mailbox, 1) && !offer_of_log(&mailbox, 0));
    assert!((2..window).all(|position| !offer_of_log(&mailbox, position)));
    // The first of these waits in the journal and is overtaken by nobody; the second comes last, by itself.
    assert!(offer_of_log(&mailbox, window) && offer_of_log(&mailbox, window + 2));
    let (taken, load) = take_of_log(&mailbox);
    assert_eq!(taken.len(), WINDOW);
    let load = load.unwrap();
    assert_eq!(mailbox.loaded(load, of_journal(load.from..load.end), WINDOW), (vec![], true));
    assert!(!offer_of_log(&mailbox, window + 1));
    let window = i64::from(window);
    assert_eq!(take_of_log(&mailbox).0, [window, window + 2, window + 1]);
    assert!(take_of_log(&mailbox).1.is_none());
}
