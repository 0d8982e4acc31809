//! Firing rules that depend on a node's config and on what leads to it.

use std::time::Duration;

use reflow_components::{catalog, entry};
use reflow_runtime::{Component, Endpoint, Firing, Message, Network, NodeSpec, Value};

fn network(component: &str, config: &[(&str, Value)]) -> Network {
    let mut network = Network::new();
    network.set_catalog(catalog());
    network.add_node("node", NodeSpec::new(component, Value::object(config.to_vec())));
    network
}

/// Sends `messages` to the open network, one after the other, and gives how many ticks there were after each.
fn ticks(network: &Network, messages: &[(&str, i64)]) -> Vec<u64> {
    let running = network.start().unwrap();
    let counts = messages.iter().map(|(port, number)| {
        running.send("node", port, Message::Integer(*number)).unwrap().unwrap();
        assert!(running.wait(Some(Duration::from_secs(10))));
        running.report().nodes[0].ticks
    });
    let counts = counts.collect();
    running.shutdown(Duration::from_secs(5));
    counts
}

#[test]
fn inports_of_an_open_network_count_as_connected() {
    let mut merge = network("tpl_merge", &[]);
    assert_eq!(ticks(&merge, &[("a", 1), ("b", 2)]), [1, 2], "nothing is connected: every packet alone");
    merge.add_inport("left", Endpoint::new("node", "a"));
    merge.add_inport("right", Endpoint::new("node", "b"));
    assert_eq!(ticks(&merge, &[("a", 1), ("b", 2), ("b", 3), ("a", 4)]), [0, 1, 1, 2]);
    assert_eq!(ticks(&merge, &[("c", 1), ("a", 1), ("b", 2)]), [0, 0, 1], "no set waits for `c`");
}

#[test]
fn the_rule_of_a_node_is_stronger() {
    let mut spec = NodeSpec::new("tpl_gate", Value::Null);
    spec.firing = Some("any".into());
    let mut network = network("tpl_gate", &[]);
    network.add_node("node", spec);
    assert_eq!(ticks(&network, &[("input", 1), ("input", 2)]), [1, 2]);
}

#[test]
fn a_gate_fires_as_its_config_says() {
    let gate = entry("tpl_gate").unwrap();
    assert_eq!(gate.firing(&Value::Null, &[]), Firing::all());
    let sticky = Firing::All { latest: vec!["control".into()], optional: Vec::new() };
    assert_eq!(gate.firing(&Value::object([("sticky", true)]), &[]), sticky);
}
