//! Actors of a pack in a network: the same as built-in ones, and harmless when they misbehave.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::time::{Duration, Instant};

use common::*;
use reflow_runtime::{Endpoint, Event, EventFilter, Message, Policy, Received, RunState, Value, block_until};

#[test]
fn a_chain_of_pack_actors_keeps_order_and_back_pressure() {
    load_kitchen();
    let mut network = network(
        &[
            ("source", "kitchen_numbers", r#"{"count": 50000}"#),
            ("a", "kitchen_forward", ""),
            ("b", "kitchen_remake", ""),
        ],
        &[("source.out", "a.in"), ("a.out", "b.in")],
    );
    let (outputs, report) = run(&mut network, "b.out");
    assert_eq!(integers(&outputs), (0..50_000).collect::<Vec<_>>());
    assert_eq!(report.state, RunState::Finished);
    assert!(report.nodes.iter().all(|node| node.queue_high_water <= 128), "{report:#?}");
}

#[test]
fn every_kind_of_message_crosses_and_comes_back() {
    load_kitchen();
    let deep =
        serde_json::from_str::<Value>(r#"{"a":[1,-2,18446744073709551615,1.5,true,null,"é",{"b":{}}]}"#).unwrap();
    let messages = [
        Message::Flow,
        true.into(),
        (-5_i64).into(),
        f64::INFINITY.into(),
        "größer".into(),
        Message::error("bad"),
        Message::Object(deep.clone()),
        Message::Array(vec![deep, Value::Float(f64::MAX)].into()),
        vec![0_u8, 255].into(),
        Message::Optional(None),
    ];
    for template in ["kitchen_remake", "kitchen_forward", "kitchen_heavy", "kitchen_leak"] {
        let mut network = network(&[("node", template, "")], &[]);
        for message in &messages {
            network.add_initial(Endpoint::new("node", "in"), message.clone());
        }
        let (outputs, report) = run(&mut network, "node.out");
        assert_eq!(outputs, messages, "{template}: {report:#?}");
    }
}

#[test]
fn bytes_pass_through_without_a_copy() {
    load_kitchen();
    let bytes = bytes_of(1 << 20);
    let address = bytes.as_ptr();
    let mut network = network(&[("a", "kitchen_forward", ""), ("b", "kitchen_forward", "")], &[("a.out", "b.in")]);
    network.add_initial(Endpoint::new("a", "in"), Message::bytes(bytes));
    let (outputs, _) = run(&mut network, "b.out");
    let [Message::Bytes(passed)] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(passed.as_ptr(), address);
}

fn bytes_of(count: usize) -> Vec<u8> {
    vec![7; count]
}

#[test]
fn async_and_blocking_actors_wait_without_holding_others_up() {
    load_kitchen();
    let mut network = network(
        &[
            ("source", "kitchen_numbers", r#"{"count": 20}"#),
            ("slow", "kitchen_slow", ""),
            ("block", "kitchen_block", ""),
        ],
        &[("source.out", "slow.in")],
    );
    network.add_connection(Endpoint::new("slow", "out"), Endpoint::new("block", "in"), Some(1));
    let (outputs, report) = run(&mut network, "block.out");
    let mut expected: Vec<i64> = (0..20).flat_map(|number| [number, -number].repeat(3)).collect();
    expected.push(60_000);
    assert_eq!(integers(&outputs), expected, "{report:#?}");
}

#[test]
fn streams_are_written_copied_and_read_while_the_network_runs() {
    load_kitchen();
    let mut network = network(
        &[("pages", "kitchen_pages", ""), ("copy", "kitchen_copy", ""), ("measure", "kitchen_measure", "")],
        &[("pages.out", "copy.in"), ("copy.out", "measure.in")],
    );
    network.add_initial(Endpoint::new("pages", "in"), 100);
    let (outputs, report) = run(&mut network, "measure.out");
    let expected = Value::object([("bytes", 100_000_i64), ("pages", 100)]);
    assert_eq!(outputs, [Message::Object(expected)], "{report:#?}");
}

#[test]
fn a_thread_of_the_pack_feels_back_pressure_and_keeps_its_node_alive() {
    load_kitchen();
    let mut network =
        network(&[("thread", "kitchen_threaded", r#"{"count": 3000}"#), ("sink", "kitchen_forward", "")], &[]);
    network.add_connection(Endpoint::new("thread", "out"), Endpoint::new("sink", "in"), Some(2));
    let (outputs, report) = run(&mut network, "sink.out");
    assert_eq!(integers(&outputs), (0..3000).collect::<Vec<_>>());
    assert!(report.nodes.iter().all(|node| node.queue_high_water <= 2), "{report:#?}");
}

#[test]
fn a_node_has_its_config_pools_log_and_signals() {
    load_kitchen();
    let mut network = network(&[("keeper", "kitchen_housekeeper", r#"{"count": 3}"#)], &[]);
    network.add_outport("out", Endpoint::new("keeper", "out"));
    let events =
        network.events(EventFilter { types: vec!["ActorLog".into(), "ActorProgress".into()], nodes: vec![] }, 10);
    let running = network.start().unwrap();
    let listener = running.listen("keeper", "out", 10).unwrap();
    let next =
        || block_until(Some(Instant::now() + Duration::from_secs(5)), |cx| listener.poll_next(cx)).flatten().unwrap();
    running.send("keeper", "in", Message::Flow).unwrap().unwrap();
    let Message::Object(report) = next() else { panic!("no report") };
    let expected = serde_json::from_str::<Value>(
        r#"{"attempt":1,"bread":{"slices":8},"cancelled":false,"component":"kitchen_housekeeper","config":{"count":3},
            "id":"keeper","inport":"in","left":{},"milk":1.5,"nowhere":null,"outport":0,"pool":{"bread":{"slices":8}},
            "sequence":1}"#,
    );
    assert_eq!(report, expected.unwrap());
    running.signal("keeper", "wake", Value::array([1_i64])).unwrap();
    assert_eq!(next(), Message::Object(serde_json::from_str(r#"{"data":[1],"signal":"wake"}"#).unwrap()));
    for name in ["ActorLog", "ActorProgress"] {
        let event = block_until(Some(Instant::now() + Duration::from_secs(5)), |cx| events.poll_next(cx, true));
        let Some(Received::Event(record)) = event else { panic!("no {name}") };
        assert!(matches!(
            (&record.event, name),
            (Event::ActorLog { .. }, "ActorLog") | (Event::ActorProgress { .. }, _)
        ));
    }
    assert!(running.shutdown(Duration::from_secs(5)).is_empty());
}

#[test]
fn a_failure_tells_its_reason_and_sends_only_what_was_sent() {
    load_kitchen();
    let mut network = network(&[("fail", "kitchen_fail", "")], &[]);
    network.add_initial(Endpoint::new("fail", "in"), Message::Flow);
    let (outputs, report) = run(&mut network, "fail.out");
    assert_eq!(outputs, [Message::string("sent")]);
    let failure = &report.failures[0].failure;
    assert_eq!((&*failure.message, &*failure.reason, failure.permanent), ("no luck", "luck", Some(true)));
}

#[test]
fn a_panic_is_the_failure_of_one_tick_whatever_else_panics_later() {
    load_kitchen();
    for template in ["kitchen_panic", "kitchen_async_panic"] {
        let mut network = network(
            &[("source", "kitchen_numbers", r#"{"count": 8}"#), ("node", template, "")],
            &[("source.out", "node.in")],
        );
        let (outputs, report) = run(&mut network, "node.out");
        assert_eq!(integers(&outputs), [0, 1, 2, 3, 4, 6, 7], "{template}");
        assert_eq!(report.failures.len(), 1, "{template}: {report:#?}");
        let failure = &report.failures[0].failure;
        assert!(failure.message.contains("five!") && &*failure.reason == "panic", "{failure:?}");
    }
}

#[test]
fn a_config_is_refused_by_its_schema_or_by_the_component() {
    load_kitchen();
    for (config, part) in [
        (r#"{"count": -1}"#, "config.count: expected at least 0"),
        (r#"{"mood": "grim"}"#, "`mood` is \"grim\""),
        (r#"{"mood": "panic"}"#, "panicked: in a mood"),
    ] {
        let network = network(&[("picky", "kitchen_picky", config)], &[]);
        let problems = network.check();
        assert!(problems.len() == 1 && problems[0].to_string().contains(part), "{config}: {problems:?}");
        assert!(network.start().is_err());
    }
}

#[test]
fn a_pack_that_blocks_for_ever_does_not_hold_up_a_shutdown() {
    load_kitchen();
    let mut network = network(&[("hang", "kitchen_hang", "")], &[]);
    network.add_initial(Endpoint::new("hang", "in"), Message::Flow);
    let running = network.start().unwrap();
    std::thread::sleep(Duration::from_millis(50));
    let started = Instant::now();
    assert!(running.shutdown(Duration::from_secs(5)).is_empty());
    assert!(started.elapsed() < Duration::from_millis(900), "{:?}", started.elapsed());
}

#[test]
fn an_attempt_that_takes_too_long_is_given_up_and_the_next_one_waits_for_the_actor() {
    load_kitchen();
    let mut network = network(&[], &[]);
    let policy = Policy { attempts: 2, timeout_ms: Some(30), ..Policy::default() };
    let node =
        reflow_runtime::NodeSpec { policy: Some(policy), ..reflow_runtime::NodeSpec::new("kitchen_hang", Value::Null) };
    network.add_node("hang", node);
    network.add_initial(Endpoint::new("hang", "in"), Message::Flow);
    let (outputs, report) = run(&mut network, "hang.out");
    assert!(outputs.is_empty(), "{outputs:?}");
    assert_eq!(&*report.failures[0].failure.reason, "timeout");
    // The thread that was given up is still there, and may come to its end in peace.
    std::thread::sleep(Duration::from_millis(1200));
}

#[test]
fn a_pack_that_sends_after_the_end_does_no_harm() {
    load_kitchen();
    for _ in 0..3 {
        let network =
            network(&[("haunt", "kitchen_haunt", ""), ("sink", "kitchen_leak", "")], &[("haunt.out", "sink.in")]);
        let running = network.start().unwrap();
        std::thread::sleep(Duration::from_millis(20));
        assert!(running.shutdown(Duration::from_secs(5)).is_empty());
    }
    std::thread::sleep(Duration::from_millis(600));
    let mut network = network(&[("n", "kitchen_numbers", "")], &[]);
    assert_eq!(run(&mut network, "n.out").0.len(), 10);
}
