//! Every interleaving of falling asleep and being woken, under the loom model checker: the count of busy ones must not
//! reach zero while a packet is on its way, and nobody may sleep through one.
#![allow(dead_code, unreachable_pub, missing_docs, reason = "includes a module of the crate and uses a part of it")]

/// Loom's primitives under the names that the module asks for.
mod sync {
    pub(crate) use std::sync::Arc;

    pub(crate) use loom::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

    #[derive(Debug, Default)]
    pub(crate) struct Mutex<T>(loom::sync::Mutex<T>);

    impl<T> Mutex<T> {
        pub(crate) fn new(value: T) -> Self {
            Self(loom::sync::Mutex::new(value))
        }

        pub(crate) fn lock(&self) -> loom::sync::MutexGuard<'_, T> {
            self.0.lock().expect("a model has no panics to poison it")
        }
    }
}

#[path = "../src/activity.rs"]
mod activity;

use std::task::{Wake, Waker};

use activity::{Activity, Sleeper};
use sync::{Arc, Mutex};

struct Unpark(loom::thread::Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// A mailbox of one packet.
#[derive(Default)]
struct Mailbox {
    packet: bool,
    consumer_asleep: bool,
}

/// Waits for the packet as a node's task does; whether the count reached zero before there was one.
fn consume(sleeper: &Arc<Sleeper>, mailbox: &Mutex<Mailbox>) -> bool {
    sleeper.set_waker(&Waker::from(Arc::new(Unpark(loom::thread::current()))));
    let mut quiet = false;
    loop {
        sleeper.rise();
        let asleep = {
            let mut mailbox = mailbox.lock();
            if mailbox.packet {
                return quiet;
            }
            mailbox.consumer_asleep = true;
            sleeper.fall_asleep(false)
        };
        if asleep {
            quiet |= sleeper.leave();
        }
        loom::thread::park();
    }
}

#[test]
fn nobody_sleeps_through_a_packet_and_the_count_stays_above_zero() {
    loom::model(|| {
        let activity = Arc::new(Activity::default());
        let sleeper = Sleeper::new(Arc::clone(&activity));
        let mailbox = Arc::new(Mutex::new(Mailbox::default()));
        // The consumer and the producer are busy.
        activity.begin();
        activity.begin();
        let producer = {
            let (activity, sleeper, mailbox) = (Arc::clone(&activity), Arc::clone(&sleeper), Arc::clone(&mailbox));
            loom::thread::spawn(move || {
                let wake = {
                    let mut mailbox = mailbox.lock();
                    mailbox.packet = true;
                    std::mem::take(&mut mailbox.consumer_asleep)
                };
                if wake {
                    sleeper.wake();
                }
                activity.end()
            })
        };
        let quiet = consume(&sleeper, &mailbox);
        let ended_quiet = producer.join().expect("the producer ends");
        assert!(!quiet && !ended_quiet, "idle although a packet was on its way");
        assert!(activity.end(), "the consumer was the last one, counted once");
    });
}

#[test]
fn two_wakers_count_a_sleeper_once() {
    loom::model(|| {
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
            loom::thread::spawn(move || {
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
