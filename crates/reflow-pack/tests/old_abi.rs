//! A pack that was built against ABI 1.0 works in this runtime, whose minor version is later.
#![allow(clippy::unwrap_used, reason = "tests")]

mod common;

use common::*;
use reflow_pack::{AbiVersion, inspect_pack, load_pack};
use reflow_runtime::{Endpoint, Message, Value};

#[test]
fn a_pack_of_the_first_minor_version_loads_and_runs() {
    assert!(AbiVersion::CURRENT.minor() >= 1, "there is nothing older to test with");
    let home = tempfile::tempdir().unwrap();
    let library = home.path().join("libold.so");
    compile(include_str!("packs/old.c"), &here("tests/abi-1.0"), &library);
    let pack = load_pack(&library, &options()).unwrap();
    assert_eq!(pack.templates, ["old_add", "old_measure", "old_wait"]);

    // Its table ends before `on_signal`, so a signal is none of its business.
    let mut adding = network(&[("add", "old_add", r#"{"step": 10}"#), ("wait", "old_wait", "")], &[]);
    adding.add_connection(Endpoint::new("add", "out"), Endpoint::new("wait", "in"), Some(1));
    for number in 0..5 {
        adding.add_initial(Endpoint::new("add", "in"), number);
    }
    let (outputs, report) = run(&mut adding, "wait.out");
    let waited = |number: i64| Message::Object(Value::object([("waited", number)]));
    let expected: Vec<Message> =
        [10_i64, 11, 12, 13, 14, 10].into_iter().flat_map(|n| [n.into(), n.into(), waited(n)]).collect();
    assert_eq!(outputs, expected, "{report:#?}");

    let refused = network(&[("add", "old_add", r#"{"step": "far"}"#)], &[]).check();
    assert!(refused[0].to_string().contains("`step` is no integer"), "{refused:?}");

    let running = network(&[("add", "old_add", "")], &[]).start().unwrap();
    running.signal("add", "anything", Value::Null).unwrap();
    assert!(running.shutdown(std::time::Duration::from_secs(5)).is_empty());
}

#[test]
fn its_actors_and_those_of_a_new_pack_share_streams() {
    load_kitchen();
    let home = tempfile::tempdir().unwrap();
    std::fs::write(home.path().join("pack.json"), r#"{"name": "old.measure", "version": "9"}"#).unwrap();
    let library = home.path().join("libold2.so");
    let source = include_str!("packs/old.c").replace("old_", "old2_").replace("TEXT(\"old\")", "TEXT(\"old2\")");
    compile(&source, &here("tests/abi-1.0"), &library);
    let (directory, built) = (home.path().to_str().unwrap(), home.path().join("old2.rflpack"));
    let printed =
        tool(&["build", directory, "--library", library.to_str().unwrap(), "--output", built.to_str().unwrap()]);
    assert!(printed.contains("old.measure 9, 3 templates"), "{printed}");
    let manifest = inspect_pack(&built).unwrap();
    assert_eq!(manifest["descriptors"][0]["id"], "old2_add");
    reflow_pack::tool::verify(&built, &reflow_pack::Trust::Any).unwrap();
    load_pack(&built, &options()).unwrap();

    let mut network = network(&[("pages", "kitchen_pages", ""), ("m", "old2_measure", "")], &[("pages.out", "m.in")]);
    network.add_initial(Endpoint::new("pages", "in"), 30);
    assert_eq!(integers(&run(&mut network, "m.out").0), [30_000]);
}
