//! Nodes that wait for their first packet: set up in time, ended in order.

mod common;

use std::sync::Arc;
use std::time::Duration;

use common::*;
use parking_lot::Mutex;
use reflow_runtime::{Actor, Failure, Instance, Message, Network, RunState, Tick};

/// Notes what is asked of it.
struct Noting {
    calls: Arc<Mutex<Vec<&'static str>>>,
    at_start: bool,
}

impl Actor for Noting {
    fn setup(&mut self, _: &mut Tick<'_>) -> Result<(), Failure> {
        self.calls.lock().push("setup");
        Ok(())
    }
    fn has_setup(&self) -> bool {
        self.at_start
    }
    fn run(&mut self, tick: &mut Tick<'_>) -> Result<(), Failure> {
        self.calls.lock().push("run");
        let message = tick.take(0).unwrap_or(Message::Flow);
        tick.emit(0, message);
        Ok(())
    }
    fn teardown(&mut self) {
        self.calls.lock().push("teardown");
    }
}

impl Drop for Noting {
    fn drop(&mut self) {
        self.calls.lock().push("gone");
    }
}

/// Two nodes of it in a row; what happened to the second.
fn row(at_start: bool) -> (Network, Arc<Mutex<Vec<&'static str>>>) {
    let mut network = Network::new();
    let calls: Arc<Mutex<Vec<&'static str>>> = Arc::default();
    node(&mut network, "first", forward());
    let noted = Arc::clone(&calls);
    let noting = move |_: &_| Instance::new(Noting { calls: Arc::clone(&noted), at_start });
    node(&mut network, "second", made(spec(&["in"], &["out"]), noting));
    wire(&mut network, "first.out", "second.in");
    (network, calls)
}

#[test]
fn a_setup_that_is_for_the_start_does_not_wait_for_a_packet() {
    for (at_start, expected) in [(true, &["setup"][..]), (false, &[])] {
        let (network, calls) = row(at_start);
        let running = network.start().unwrap();
        assert!(running.wait(Some(Duration::from_secs(10))));
        assert_eq!(*calls.lock(), expected);
        running.send("first", "in", 1.into()).unwrap().unwrap();
        assert!(running.wait(Some(Duration::from_secs(10))));
        assert_eq!(*calls.lock(), ["setup", "run"]);
        running.shutdown(Duration::from_secs(10));
        assert_eq!(*calls.lock(), ["setup", "run", "teardown", "gone"]);
    }
}

#[test]
fn a_node_that_never_got_a_packet_is_torn_down_with_its_run() {
    let (network, calls) = row(false);
    let running = network.start().unwrap();
    assert!(running.wait(Some(Duration::from_secs(10))));
    running.shutdown(Duration::from_secs(10));
    assert_eq!(calls.lock().iter().rev().take(2).collect::<Vec<_>>(), [&"gone", &"teardown"]);
}

#[test]
fn a_node_whose_producers_ended_without_a_packet_is_skipped() {
    let (mut network, calls) = row(false);
    node(&mut network, "source", count_to(0));
    wire(&mut network, "source.out", "first.in");
    let report = run(&network);
    let states: Vec<_> = report.nodes.iter().map(|node| (&*node.node, node.state)).collect();
    assert_eq!(states, [("first", "skipped"), ("second", "skipped"), ("source", "finished")]);
    assert_eq!(report.state, RunState::Finished);
    assert!(!calls.lock().contains(&"run"));
}
