//! What packs have from the house since 1.3: secrets, hooks at the end, shared things, templates and commands at run time.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use std::path::Path;
use std::time::{Duration, Instant};

use common::*;
use reflow_pack::{PackCatalog, call_pack, list_packs};
use reflow_runtime::{Catalog, Endpoint, EventFilter, Message, Received, Value, block_until};

#[test]
fn what_nodes_share_is_there_once_and_goes_with_the_last_of_them() {
    load_kitchen();
    for _ in 0..2 {
        let mut network = network(&[("a", "kitchen_baker", ""), ("b", "kitchen_baker", "")], &[]);
        network.add_outport("out", Endpoint::new("b", "out"));
        let running = network.start().unwrap();
        let listener = running.listen("b", "out", 1).unwrap();
        running.send("b", "in", Message::Flow).unwrap().unwrap();
        let seen = block_until(Some(Instant::now() + Duration::from_secs(5)), |cx| listener.poll_next(cx));
        assert_eq!(seen.flatten(), Some(Message::Integer(3)));
        assert!(running.shutdown(Duration::from_secs(5)).is_empty());
        drop(network);
        let mut ovens = crate::network(&[("ovens", "kitchen_ovens", "")], &[]);
        ovens.add_initial(Endpoint::new("ovens", "in"), Message::Flow);
        assert_eq!(integers(&run(&mut ovens, "ovens.out").0), [0]);
    }
}

#[test]
fn what_is_emitted_together_outside_of_ticks_belongs_together_and_feels_back_pressure() {
    load_kitchen();
    let mut network = network(&[("pairs", "kitchen_pairs", ""), ("sum", "kitchen_sum", "")], &[]);
    network.add_connection(Endpoint::new("pairs", "a"), Endpoint::new("sum", "a"), Some(2));
    network.add_connection(Endpoint::new("pairs", "b"), Endpoint::new("sum", "b"), Some(2));
    let (outputs, report) = run(&mut network, "sum.out");
    assert_eq!(integers(&outputs), vec![0; 500], "{report:#?}");
    assert!(report.nodes.iter().all(|node| node.queue_high_water <= 4), "{report:#?}");
}

#[test]
fn a_secret_reaches_no_event_no_failure_and_no_finding() {
    load_kitchen();
    let config = r#"{"key": "s3cr3t word"}"#;
    let mut network = network(&[("gossip", "kitchen_gossip", config)], &[]);
    network.add_initial(Endpoint::new("gossip", "in"), Message::Flow);
    let events = network.events(EventFilter::default(), 1000);
    let (_, report) = run(&mut network, "gossip.out");
    let failure = &report.failures[0].failure;
    assert_eq!(&*failure.message, "https://host/?key=***&token=***");
    let mut told = Vec::new();
    while let Some(Received::Event(record)) =
        block_until(Some(Instant::now() + Duration::from_millis(200)), |cx| events.poll_next(cx, true))
    {
        told.push(format!("{:?}", record.event));
    }
    let said = told.join("\n");
    assert!(said.contains("*** and ***") && said.contains("***, ***"), "{said}");
    assert!(!said.contains("s3cr3t") && !said.contains("found/later") && !said.contains("found%2F"), "{said}");

    for config in [r#"{"key": "s3cr3t word", "refuse": "thing"}"#, r#"{"key": "s3cr3t word, much too long to be one"}"#]
    {
        let problems = crate::network(&[("gossip", "kitchen_gossip", config)], &[]).check();
        let text = problems[0].to_string();
        assert!(text.contains("***") && !text.contains("s3cr3t"), "{text}");
    }
}

#[test]
fn an_error_that_nobody_hears_is_a_failure() {
    load_kitchen();
    let mut heard = network(
        &[("reporter", "kitchen_reporter", ""), ("sink", "kitchen_forward", "")],
        &[("reporter.error", "sink.in")],
    );
    heard.add_initial(Endpoint::new("reporter", "in"), Message::Flow);
    let (outputs, report) = run(&mut heard, "sink.out");
    assert!(report.failures.is_empty() && outputs == [Message::Error("told".into())], "{report:#?}");
    let mut alone = network(&[("reporter", "kitchen_reporter", ""), ("other", "kitchen_forward", "")], &[]);
    alone.add_initial(Endpoint::new("reporter", "in"), Message::Flow);
    alone.add_initial(Endpoint::new("reporter", "other"), Message::Flow);
    let (_, report) = run(&mut alone, "other.out");
    assert_eq!(&*report.failures[0].failure.message, "told, and fed");
}

/// What a node wrote at its end.
fn lines(file: &Path) -> Vec<String> {
    std::fs::read_to_string(file).unwrap_or_default().lines().map(Into::into).collect()
}

fn witness(file: &Path) -> String {
    Value::object([("file", file.to_str().unwrap())]).to_json_string()
}

#[test]
fn the_hooks_of_an_actor_run_however_its_node_ends() {
    load_kitchen();
    let home = tempfile::tempdir().unwrap();
    // The run ends by itself.
    let file = home.path().join("ended");
    let mut ended = network(&[("w", "kitchen_witness", &witness(&file))], &[]);
    ended.add_initial(Endpoint::new("w", "in"), Message::Flow);
    assert_eq!(run(&mut ended, "w.out").0, ["seen".into()]);
    assert_eq!(lines(&file), ["teardown", "drop"]);
    // It is shut down.
    let file = home.path().join("stopped");
    let running = network(&[("w", "kitchen_witness", &witness(&file))], &[]).start().unwrap();
    running.send("w", "in", Message::Flow).unwrap().unwrap();
    assert!(running.shutdown(Duration::from_secs(5)).is_empty());
    assert_eq!(lines(&file), ["teardown", "drop"]);
    // Its start fails.
    let file = home.path().join("failed");
    let config = witness(&file).replace('{', r#"{"fail": 1, "#);
    let mut failed = network(&[("w", "kitchen_witness", &config)], &[]);
    failed.add_initial(Endpoint::new("w", "in"), Message::Flow);
    run(&mut failed, "w.out");
    assert_eq!(lines(&file), ["teardown", "drop"]);
    // It was made for a check only.
    let file = home.path().join("checked");
    assert!(network(&[("w", "kitchen_witness", &witness(&file))], &[]).check().is_empty());
    assert_eq!(lines(&file), ["drop"]);
}

#[test]
fn the_hook_at_the_end_of_the_process_runs() {
    const NAME: &str = "the_hook_at_the_end_of_the_process_runs";
    if let Some(file) = std::env::var_os("REFLOW_TEST_WITNESS") {
        load_kitchen();
        let network = network(&[("w", "kitchen_witness", &witness(Path::new(&file)))], &[]);
        let running = network.start().unwrap();
        running.send("w", "in", Message::Flow).unwrap().unwrap();
        // Nobody stops it: the process ends while it runs.
        std::mem::forget(running);
        return;
    }
    let home = tempfile::tempdir().unwrap();
    let file = home.path().join("exited");
    let status = std::process::Command::new(std::env::current_exe().unwrap())
        .args(["--exact", NAME])
        .env("REFLOW_TEST_WITNESS", &file)
        .output()
        .unwrap();
    assert_eq!(lines(&file), ["exit"], "{status:?}");
}

#[test]
fn a_newest_inport_keeps_the_newest_packet_only() {
    load_kitchen();
    let mut network = network(
        &[("source", "kitchen_numbers", r#"{"count": 200}"#), ("newest", "kitchen_newest", "")],
        &[("source.out", "newest.in")],
    );
    let (outputs, _) = run(&mut network, "newest.out");
    let outputs = integers(&outputs);
    assert!(outputs.len() < 20 && outputs.last() == Some(&199), "{outputs:?}");
}

#[test]
fn ports_may_be_open_and_firing_may_depend_on_config_and_connections() {
    load_kitchen();
    let mut open = network(&[("open", "kitchen_open", "")], &[]);
    open.add_initial(Endpoint::new("open", "_event"), 7);
    assert_eq!(integers(&run(&mut open, "open.out").0), [7]);
    // Only what is connected is waited for.
    let mut paired = network(&[("sum", "kitchen_adapting", "")], &[]);
    paired.add_initial(Endpoint::new("sum", "a"), 1);
    paired.add_initial(Endpoint::new("sum", "c"), 10);
    assert_eq!(integers(&run(&mut paired, "sum.out").0), [11]);
    let mut one = network(&[("sum", "kitchen_adapting", r#"{"optional": "c"}"#)], &[]);
    one.add_initial(Endpoint::new("sum", "c"), 10);
    one.add_initial(Endpoint::new("sum", "a"), 1);
    one.add_initial(Endpoint::new("sum", "a"), 2);
    let (outputs, _) = run(&mut one, "sum.out");
    assert_eq!(outputs.len(), 2);
}

#[test]
fn a_component_may_run_several_ticks_at_once_in_order() {
    load_kitchen();
    let mut network = network(
        &[("source", "kitchen_numbers", r#"{"count": 2}"#), ("meet", "kitchen_meet", "")],
        &[("source.out", "meet.in")],
    );
    assert_eq!(integers(&run(&mut network, "meet.out").0), [0, 1]);
}

#[test]
fn templates_and_commands_may_come_at_run_time() {
    load_kitchen();
    let has = |id: &str| PackCatalog.ids().iter().any(|known| known == id);
    assert!(list_packs()[0].templates.iter().any(|id| id == "kitchen_soup"));
    assert!(has("kitchen_soup") && PackCatalog.component("kitchen_soup").is_some());
    assert!(!has("kitchen_stew") && PackCatalog.component("kitchen_stew").is_none());
    let arguments = Value::object([("dish", "stew")]);
    assert_eq!(call_pack("kitchen", "cook", &arguments).unwrap(), Value::object([("dishes", 1_i64)]));
    assert!(has("kitchen_stew"));
    let mut network = network(&[("stew", "kitchen_stew", "")], &[]);
    network.add_initial(Endpoint::new("stew", "in"), 4);
    assert_eq!(integers(&run(&mut network, "stew.out").0), [4]);

    let refused = |pack, command| call_pack(pack, command, &Value::Null).unwrap_err().to_string();
    assert_eq!(refused("kitchen", "cook"), "`dish` is missing; it names what to cook");
    assert_eq!(refused("kitchen", "burn"), "the pack panicked: it burns");
    assert_eq!(refused("kitchen", "eat"), "the pack `kitchen` has no command `eat`; it has `cook`, `burn`");
    assert!(refused("cellar", "eat").contains("is not loaded"));
}
