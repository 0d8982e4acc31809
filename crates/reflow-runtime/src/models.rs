//! Models of what tasks and threads do by hand, in every interleaving, under the loom model checker: who sleeps and who is woken,
//! what a mailbox takes and gives, and the count of busy ones, which must not reach zero while a packet is on its way.
//!
//! ```text
//! cargo test -p reflow-runtime --lib --features model-checker models
//! ```

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use loom::model::Builder;
use loom::sync::{Condvar, Mutex};
use loom::thread::{self, JoinHandle};
use reflow_message::Message;

use crate::activity::{Activity, Sleeper};
use crate::connection::Overflow;
use crate::mailbox::{Mailbox, Room, Sleep};
use crate::packet::{Control, Outgoing, Packet};
use crate::sync::Arc;

/// What a thread sleeps by. (`park` will not do: loom takes it for the end of a `join`, too.)
#[derive(Default)]
struct Bell {
    rung: Mutex<bool>,
    changed: Condvar,
}

impl Bell {
    fn wait(&self) {
        let mut rung = self.rung.lock().expect("a model has no panics to poison it");
        while !*rung {
            rung = self.changed.wait(rung).expect("a model has no panics to poison it");
        }
        *rung = false;
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.rung.lock().expect("a model has no panics to poison it") = true;
        self.changed.notify_one();
    }
}

/// A sleeper and the bell that wakes it.
fn sleeper(activity: &Arc<Activity>) -> (Arc<Sleeper>, Arc<Bell>) {
    let (sleeper, bell) = (Sleeper::new(Arc::clone(activity)), Arc::new(Bell::default()));
    sleeper.set_waker(&Waker::from(Arc::clone(&bell)));
    (sleeper, bell)
}

/// Looks at every interleaving with so many switches of threads that nobody had to make.
fn model(run: impl Fn() + Send + Sync + 'static) {
    let mut builder = Builder::new();
    builder.preemption_bound = Some(3);
    builder.check(run);
}

/// A node with its mailbox, before producers that are nodes of the same run.
struct Node {
    activity: Arc<Activity>,
    sleeper: Arc<Sleeper>,
    bell: Arc<Bell>,
    mailbox: Mailbox,
}

impl Node {
    /// A node that is busy.
    fn new() -> Arc<Self> {
        let activity = Arc::new(Activity::default());
        activity.begin();
        let (sleeper, bell) = sleeper(&activity);
        Arc::new(Self { activity, sleeper, bell, mailbox: Mailbox::default() })
    }

    fn link(&self, capacity: usize) -> u32 {
        self.mailbox.add_link(0, Room::Bounded(capacity, Overflow::Wait))
    }

    /// Takes packets until no link brings any more, as the task of a node does.
    fn consume(&self, links: usize) -> Vec<(u32, i64)> {
        self.consume_some(links, usize::MAX)
    }

    /// The same, until it has so many.
    fn consume_some(&self, links: usize, enough: usize) -> Vec<(u32, i64)> {
        let (mut got, mut batch, mut released) = (Vec::new(), VecDeque::new(), vec![0; links]);
        loop {
            self.sleeper.rise();
            let taken =
                self.mailbox.exchange(&mut batch, &mut VecDeque::new(), &mut released, Sleep::Empty(&self.sleeper));
            if let Some(asleep) = taken.asleep {
                if taken.open_links > 0 {
                    self.sleep(asleep);
                    continue;
                }
                if asleep {
                    self.sleeper.stay_awake();
                }
                // What came in before the last producer closed is not seen by the look above.
                self.mailbox.exchange(&mut batch, &mut VecDeque::new(), &mut released, Sleep::No);
                if batch.is_empty() {
                    return got;
                }
            }
            for packet in batch.drain(..) {
                released[packet.link as usize] += 1;
                let Message::Integer(number) = packet.message else { unreachable!("producers send integers") };
                got.push((packet.link, number));
            }
            if got.len() >= enough {
                return got;
            }
        }
    }

    fn sleep(&self, asleep: bool) {
        if asleep {
            assert!(!self.sleeper.leave(), "idle although a producer has not ended");
        }
        self.bell.wait();
    }
}

fn packet(link: u32, number: i64) -> Packet {
    Packet { link, position: 0, message: Message::Integer(number), origin: None }
}

/// A producer that is counted as busy until it ends.
struct Producer {
    node: Arc<Node>,
    sleeper: Arc<Sleeper>,
    bell: Arc<Bell>,
    link: u32,
}

impl Producer {
    fn new(node: &Arc<Node>, link: u32) -> Self {
        node.activity.begin();
        let (sleeper, bell) = sleeper(&node.activity);
        Self { node: Arc::clone(node), sleeper, bell, link }
    }

    /// Starts a thread that sends numbers from 0 on, and closes the link; it gives how many were taken.
    fn start(self, packets: i64) -> JoinHandle<usize> {
        thread::spawn(move || {
            let taken = self.send(packets);
            if self.node.mailbox.close_link(self.link) {
                self.node.sleeper.wake();
            }
            let _ = self.node.activity.end();
            taken
        })
    }

    fn send(&self, packets: i64) -> usize {
        let outgoing = |number| Outgoing { target: 0, port: 0, packet: packet(self.link, number) };
        let mut pending: VecDeque<_> = (0..packets).map(outgoing).collect();
        let mut taken = 0;
        loop {
            self.sleeper.rise();
            let offer = self.node.mailbox.offer(0, &mut pending, &self.sleeper, |_| {});
            taken += offer.taken;
            if offer.wake {
                self.node.sleeper.wake();
            }
            let Some(leave) = offer.leave else { return taken };
            if leave {
                assert!(!self.sleeper.leave(), "idle although a packet waits for room");
            }
            self.bell.wait();
        }
    }
}

#[test]
fn what_is_sent_arrives_in_order_and_nobody_sleeps_through_it() {
    model(|| {
        let node = Node::new();
        let link = node.link(1);
        let producer = Producer::new(&node, link).start(3);
        assert_eq!(node.consume(1), [(link, 0), (link, 1), (link, 2)]);
        producer.join().expect("the producer ends");
        assert!(node.activity.end(), "the node was the last one, counted once");
        assert_eq!(node.activity.blocked(), 0);
    });
}

#[test]
fn two_producers_do_not_take_each_others_room() {
    model(|| {
        let node = Node::new();
        let links = [node.link(1), node.link(1)];
        let producers = [Producer::new(&node, links[0]).start(2), Producer::new(&node, links[1]).start(1)];
        let mut got = node.consume(2);
        got.sort_unstable();
        assert_eq!(got, [(0, 0), (0, 1), (1, 0)]);
        for producer in producers {
            producer.join().expect("the producer ends");
        }
        assert!(node.activity.end(), "the node was the last one, counted once");
    });
}

#[test]
fn two_that_wait_for_one_link_both_get_room() {
    model(|| {
        let node = Node::new();
        let link = node.link(1);
        let producers = [(); 2].map(|()| {
            let producer = Producer::new(&node, link);
            thread::spawn(move || {
                producer.send(1);
                let _ = producer.node.activity.end();
            })
        });
        assert_eq!(node.consume_some(1, 2).len(), 2);
        for producer in producers {
            producer.join().expect("the producer ends");
        }
        assert!(node.activity.end(), "the node was the last one, counted once");
    });
}

#[test]
fn a_mailbox_that_closes_lets_its_producers_go_and_counts_what_it_held() {
    model(|| {
        let node = Node::new();
        let link = node.link(1);
        let producer = Producer::new(&node, link).start(2);
        let left = node.mailbox.close(true).packets;
        let taken = producer.join().expect("the producer ends");
        assert_eq!(taken, left, "what was taken was in the mailbox when it closed");
        assert!(node.activity.end(), "the node was the last one, counted once");
    });
}

#[test]
fn a_packet_that_is_put_in_at_once_wakes_its_node() {
    model(|| {
        let node = Node::new();
        let link = node.link(2);
        let producer = {
            let producer = Producer::new(&node, link);
            thread::spawn(move || {
                let node = &producer.node;
                for number in 0..2 {
                    if node.mailbox.put(packet(link, number)).expect("there is room for two") {
                        node.sleeper.wake();
                    }
                }
                if node.mailbox.close_link(link) {
                    node.sleeper.wake();
                }
                let _ = node.activity.end();
            })
        };
        assert_eq!(node.consume(1), [(link, 0), (link, 1)]);
        producer.join().expect("the producer ends");
        assert!(node.activity.end(), "the node was the last one, counted once");
    });
}

#[test]
fn a_control_item_is_seen_whenever_it_comes() {
    model(|| {
        let node = Node::new();
        node.activity.begin();
        let other = {
            let node = Arc::clone(&node);
            thread::spawn(move || {
                node.mailbox.control(Control::Poke).expect("the node takes it");
                node.sleeper.wake();
                let _ = node.activity.end();
            })
        };
        let mut control = VecDeque::new();
        while control.is_empty() {
            node.sleeper.rise();
            let sleep = Sleep::Occupied(&node.sleeper);
            let taken = node.mailbox.exchange(&mut VecDeque::new(), &mut control, &mut [], sleep);
            if let Some(asleep) = taken.asleep {
                node.sleep(asleep);
            }
        }
        other.join().expect("the other one ends");
        assert!(!node.mailbox.has_control());
        assert!(node.activity.end(), "the node was the last one, counted once");
    });
}

#[test]
fn a_run_is_idle_only_when_all_who_wake_a_node_have_ended() {
    model(|| {
        let node = Node::new();
        let ended = Arc::new(AtomicUsize::new(0));
        let others = [(); 2].map(|()| {
            node.activity.begin();
            let (node, ended) = (Arc::clone(&node), Arc::clone(&ended));
            thread::spawn(move || {
                node.mailbox.control(Control::Poke).expect("the node takes it");
                node.sleeper.wake();
                ended.fetch_add(1, Ordering::SeqCst);
                let _ = node.activity.end();
            })
        });
        let (mut control, mut seen) = (VecDeque::new(), 0);
        loop {
            node.sleeper.rise();
            let sleep = Sleep::Occupied(&node.sleeper);
            let taken = node.mailbox.exchange(&mut VecDeque::new(), &mut control, &mut [], sleep);
            seen += control.drain(..).count();
            let Some(asleep) = taken.asleep else { continue };
            if asleep && node.sleeper.leave() {
                assert_eq!(ended.load(Ordering::SeqCst), 2, "idle although somebody is about to wake it");
            }
            if seen == 2 {
                break;
            }
            node.bell.wait();
        }
        for other in others {
            other.join().expect("the other one ends");
        }
        node.sleeper.rise();
        assert!(node.activity.end(), "the node is counted once");
    });
}

#[test]
fn one_that_gives_up_waiting_leaves_the_room_to_the_next() {
    model(|| {
        let node = Node::new();
        let link = node.link(1);
        assert!(node.mailbox.put(packet(link, 0)).is_ok());
        let gives_up = Producer::new(&node, link);
        let mut pending = VecDeque::from([Outgoing { target: 0, port: 0, packet: packet(link, 7) }]);
        let offer = node.mailbox.offer(0, &mut pending, &gives_up.sleeper, |_| {});
        assert_eq!(offer.leave, Some(true), "there is no room");
        assert!(!gives_up.sleeper.leave());
        let waits = Producer::new(&node, link).start(1);
        let quits = thread::spawn(move || {
            gives_up.node.mailbox.forget_waiting(link, &gives_up.sleeper);
            gives_up.sleeper.rise();
            let _ = gives_up.node.activity.end();
        });
        assert_eq!(node.consume(1), [(link, 0), (link, 0)]);
        waits.join().expect("the producer ends");
        quits.join().expect("the other one ends");
        assert!(node.activity.end(), "the node was the last one, counted once");
        assert_eq!(node.activity.blocked(), 0);
    });
}

#[test]
fn a_link_that_is_widened_lets_its_producer_go_on() {
    model(|| {
        let node = Node::new();
        let link = node.link(1);
        let producer = Producer::new(&node, link).start(2);
        node.mailbox.widen(link, 2);
        assert_eq!(producer.join().expect("the producer ends"), 2);
        assert!(node.activity.end(), "the node was the last one, counted once");
    });
}

#[test]
fn two_wakers_count_a_sleeper_once() {
    model(|| {
        let activity = Arc::new(Activity::default());
        let sleeper = Sleeper::new(Arc::clone(&activity));
        activity.begin();
        assert!(sleeper.fall_asleep(false));
        // Two busy wakers, the sleeper not counted any more.
        activity.begin();
        activity.begin();
        let _ = sleeper.leave();
        let other = {
            let (activity, sleeper) = (Arc::clone(&activity), Arc::clone(&sleeper));
            thread::spawn(move || {
                sleeper.wake();
                assert!(!activity.end());
            })
        };
        sleeper.wake();
        assert!(!activity.end());
        other.join().expect("the other waker ends");
        assert!(activity.end(), "the sleeper is awake and counted once");
    });
}
