use serde_json::json;

use super::*;
use crate::testing::graph;

fn named(text: &str, properties: Value) -> Arc<GraphExport> {
    let mut export = graph(text);
    export.properties = serde_json::from_value(properties).expect("an object");
    Arc::new(export)
}

fn prefixes_of(properties: impl IntoIterator<Item = Value>) -> Vec<String> {
    let graphs = properties.into_iter().map(|properties| named("a", properties)).collect();
    let whole = compose(&ComposeRequest { graphs, ..ComposeRequest::default() }).expect("composes");
    whole.processes.keys().map(|id| id.trim_end_matches("/a").to_owned()).collect()
}

#[test]
fn prefixes_come_from_namespace_name_and_version() {
    let names = ["my graph!", "__x__", "system", "n", "n", "n"].map(|name| json!({ "name": name }));
    assert_eq!(prefixes_of(names), ["my_graph", "x", "system_1", "n", "n_1", "n_2"]);
    assert_eq!(prefixes_of([json!({"name": ""})]), [""]);
    assert_eq!(prefixes_of([json!({"name": 5})]), ["unnamed_graph"]);
    let versions = [json!({"name": "n"}), json!({"name": "n", "version": "2"}), json!({"name": "n", "version": "2"})];
    assert_eq!(prefixes_of(versions), ["n", "n_2", "n_2_1"]);
    assert_eq!(prefixes_of([json!({"name": "n", "namespace": "my/own"})]), ["my/own"]);
}

#[test]
fn everything_moves_under_the_prefix() {
    let mut part = graph("a.Out>b =1>a.In");
    part.case_sensitive = false;
    part.inports.insert("Door".into(), Edge { port_name: "In".into(), ..Edge::new("a", "Door") });
    part.groups.push(Group { id: "g".into(), nodes: vec!["a".into()], ..Group::default() });
    let other = named("c", json!({"name": "other"}));
    let cross = json!([{"from": {"process": "test/b", "port": "OUT", "index": 3}, "to": {"process": "other/c", "port": "in"}, "metadata": {"k": 1}}]);
    let request = ComposeRequest {
        graphs: vec![Arc::new(part), other],
        connections: serde_json::from_value(cross).expect("reads"),
        shared_resources: vec![SharedResource {
            name: "log".into(),
            component: "tpl_log".into(),
            metadata: Metadata::NULL,
        }],
        ..ComposeRequest::default()
    };
    let whole = compose(&request).expect("composes");
    assert_eq!(whole.processes.keys().collect::<Vec<_>>(), ["test/a", "test/b", "other/c", "log"]);
    let ends: Vec<_> = whole.connections.iter().map(|wire| crate::ConnectionId::from(wire).to_string()).collect();
    assert_eq!(ends, ["test/a.out -> test/b.in", "test/b.out -> other/c.in", ". -> test/a.in"]);
    assert_eq!(whole.inports["test/door"].port_name, "in");
    assert_eq!(whole.groups[0].nodes, ["test/a"]);
    assert_eq!(whole.processes["log"].metadata, Metadata::NULL);
    assert_eq!(whole.name(), "");
    let again =
        compose(&ComposeRequest { graphs: vec![Arc::new(whole)], ..ComposeRequest::default() }).expect("composes");
    assert_eq!(again.processes[0].id, "/test/a", "a composition can be composed again");
}

#[test]
fn mistakes_are_named() {
    let fails = |request: &ComposeRequest| compose(request).expect_err("refuses").to_string();
    let end = |process: &str| CrossEnd { process: process.into(), port: "p".into() };
    let mut request = ComposeRequest { graphs: vec![named("abc", json!({"name": "n"}))], ..ComposeRequest::default() };
    request.connections = vec![CrossConnection { from: end("n/abc"), to: end("n/abd"), metadata: Metadata::NULL }];
    assert_eq!(fails(&request), "connection `n/abc.p -> n/abd.p`: there is no node `n/abd`; did you mean `n/abc`?");

    let mut broken = graph("a>b");
    broken.processes.shift_remove("b");
    request = ComposeRequest { graphs: vec![Arc::new(broken)], ..ComposeRequest::default() };
    assert_eq!(fails(&request), "graph `test`: connection to `b.in` refers to unknown node `b`; there is `a`");

    request = ComposeRequest { graphs: vec![named("a", json!({}))], ..ComposeRequest::default() };
    assert_eq!(fails(&request), "graph number 1: `properties.name` is missing");

    let slash = |nodes: &str, namespace: &str| named(nodes, json!({"name": "n", "namespace": namespace}));
    request = ComposeRequest { graphs: vec![slash("c/d", "x"), slash("d", "x/c")], ..ComposeRequest::default() };
    assert_eq!(
        fails(&request),
        "graphs `n` (prefix `x`) and `n` (prefix `x/c`) both have a node `x/c/d`; give one of them another `properties.namespace`"
    );

    let depends = |name: &str, on: &str| named("a", json!({"name": name, "dependencies": [on]}));
    request = ComposeRequest { graphs: vec![depends("a", "b"), depends("b", "a")], ..ComposeRequest::default() };
    assert!(fails(&request).starts_with("Circular dependency detected"));
    request = ComposeRequest { graphs: vec![depends("alpha", "alpa")], ..ComposeRequest::default() };
    assert!(fails(&request).contains("did you mean `alpha`?"));
    assert!(compose(&ComposeRequest::default()).expect("composes").processes.is_empty());
}
