//! Whatever JSON comes in, reading, checking, drawing and flattening it end with a value or an error.

use proptest::prelude::*;
use reflow_graph::{AnyComponent, ComposeRequest, Graph, GraphExport, SvgOptions, compose, flatten};
use serde_json::{Map, Value, json};

/// Keys of the format, so that random objects often nearly fit.
const KEYS: [&str; 22] = [
    "caseSensitive",
    "properties",
    "processes",
    "connections",
    "inports",
    "outports",
    "groups",
    "id",
    "component",
    "metadata",
    "from",
    "to",
    "data",
    "nodeId",
    "portId",
    "portName",
    "expose",
    "portType",
    "index",
    "type",
    "value",
    "name",
];

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        "[a-cA-C/.\\PC]{0,3}".prop_map(Value::from),
    ];
    leaf.prop_recursive(5, 64, 6, |inner| {
        let key = prop_oneof![4 => proptest::sample::select(&KEYS[..]).prop_map(str::to_owned), 1 => "[a-c]{0,2}"];
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            proptest::collection::vec((key, inner), 0..6).prop_map(|entries| Value::from(Map::from_iter(entries))),
        ]
    })
}

/// JSON of the right shape with names from a small set, sound or not.
fn any_graph() -> impl Strategy<Value = Value> {
    let name = || "[abAB]{0,1}";
    let edge = move || {
        (name(), name(), name(), any_json()).prop_map(
            |(node, port, inner, extra)| json!({"nodeId": node, "portId": port, "portName": inner, "x": extra}),
        )
    };
    let data = prop_oneof![Just(Value::Null), any_json()];
    let connection = (edge(), edge(), data).prop_map(|(from, to, data)| json!({"from": from, "to": to, "data": data}));
    let group =
        (name(), proptest::collection::vec(name(), 0..3)).prop_map(|(id, nodes)| json!({"id": id, "nodes": nodes}));
    let ports = move || {
        proptest::collection::vec((name(), edge()), 0..3).prop_map(|entries| Value::from(Map::from_iter(entries)))
    };
    (
        any::<bool>(),
        proptest::collection::vec((name(), name()), 0..4),
        proptest::collection::vec(connection, 0..8),
        proptest::collection::vec(group, 0..3),
        ports(),
        ports(),
    )
        .prop_map(|(case, nodes, connections, groups, inports, outports)| {
            let nodes = nodes
                .into_iter()
                .map(|(id, component)| (id, json!({"component": component, "metadata": {"policy": 3}})));
            json!({
                "caseSensitive": case, "properties": {"name": "n"}, "processes": Value::from(nodes.collect::<Map<_, _>>()),
                "connections": connections, "groups": groups, "inports": inports, "outports": outports,
            })
        })
}

fn exercise(export: &GraphExport) {
    export.check(&AnyComponent);
    export.to_svg(&SvgOptions::default());
    export.to_text(None);
    export.to_mermaid();
    export.to_dot();
    let graph = Graph::from_export(export);
    assert_eq!(Graph::from_export(&graph.to_export()), graph);
    let request = ComposeRequest { graphs: vec![export.clone().into(); 2], ..ComposeRequest::default() };
    if let Ok(whole) = compose(&request) {
        assert_eq!(whole.processes.len(), 2 * export.processes.len());
    }
    let inner = reflow_graph::SubgraphDefinition::new(export.clone());
    let _ = flatten(export, &|component: &str| (component == "a").then(|| inner.clone()));
    assert!(export.diff(export).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn random_json(value in any_json()) {
        if let Ok(export) = GraphExport::from_value(&value) {
            exercise(&export);
        }
        let _ = Graph::from_json(&value.to_string());
    }

    #[test]
    fn random_graphs(value in any_graph()) {
        let export = GraphExport::from_value(&value).expect("has the right shape");
        let again = GraphExport::from_json(&export.to_json()).expect("reads what it wrote");
        prop_assert_eq!(&again, &export);
        exercise(&export);
    }

    #[test]
    fn random_text(text in "[\\[\\]{}\":,0-9a-z\\\\]{0,60}") {
        prop_assert!(GraphExport::from_json(&text).is_err());
    }
}
