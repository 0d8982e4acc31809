use std::sync::Arc;

use serde_json::json;

use crate::testing::graph;
use crate::{
    AnyComponent, Catalog, Code, ComponentInfo, Edge, Graph, GraphExport, Group, Map, Metadata, Name, PortInfo,
    PortType, Problem,
};

/// A few components: a source of numbers, an adder that needs both, a printer, a Python actor.
struct Few;

impl Catalog for Few {
    fn component(&self, id: &str) -> Option<ComponentInfo> {
        let typed = |name: &str, port_type| PortInfo { port_type, ..PortInfo::new(name) };
        let needed = |name: &str| PortInfo { required: true, ..typed(name, PortType::Float) };
        Some(match id {
            "number" => ComponentInfo {
                outports: vec![typed("Out", PortType::Integer)],
                config: Some(Arc::new(|config: &Map| match config.get("value") {
                    Some(value) if !value.is_number() => vec![Problem::new("`value` must be a number")],
                    _ if config.contains_key("colour") => vec![Problem::warning("`colour` has no effect")],
                    _ => Vec::new(),
                })),
                ..ComponentInfo::default()
            },
            "add" => ComponentInfo {
                inports: vec![needed("left"), needed("right")],
                outports: vec![typed("sum", PortType::Float)],
                ..ComponentInfo::default()
            },
            "print" => ComponentInfo { inports: vec![typed("text", PortType::String)], ..ComponentInfo::default() },
            "actor" => ComponentInfo {
                inports: vec![PortInfo::new("in")],
                outports: vec![PortInfo::new("out")],
                open_ports: true,
                ..ComponentInfo::default()
            },
            "join" => ComponentInfo {
                inports: vec![PortInfo::new("a"), PortInfo::new("b")],
                outports: vec![PortInfo::new("out")],
                await_all: true,
                pairs: true,
                ..ComponentInfo::default()
            },
            _ => return None,
        })
    }

    fn ids(&self) -> Vec<Name> {
        ["number", "add", "print", "actor", "join"].map(Name::from).to_vec()
    }
}

fn found(export: &GraphExport) -> String {
    export.check(&Few).iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

fn codes(text: &str) -> Vec<&'static str> {
    graph(text).check(&Few).iter().map(|diagnostic| diagnostic.code.name()).collect()
}

fn metadata(value: serde_json::Value) -> Metadata {
    serde_json::from_value(value).expect("an object")
}

#[test]
fn connections_of_outports_that_nothing_leaves_by_are_warned_of() {
    let failures = "n:number p:actor n.Out>p n.error>p";
    let mut export = graph(failures);
    let text = found(&export);
    assert!(text.starts_with(
        "warning G002 unknown-port at connection `n.error -> p.in`: nothing leaves by `error` of node `n`"
    ));
    assert!(text.contains("\n  hint: `policy: {\"on_error\": \"route\"}`"), "{text}");
    for (policy, warns) in [("route", false), ("stop", true)] {
        let metadata = Map::from_iter([("policy".into(), json!({"on_error": policy}))]);
        export.processes.get_mut("n").expect("is there").metadata = metadata.into();
        assert_eq!(!found(&export).is_empty(), warns, "{policy}");
    }

    let left_over = "n:number j:join p:actor n.Out>j.a n.Out>j.b j.out>p j.unmatched>p";
    assert_eq!(codes(left_over), Vec::<&str>::new());
    let left_over = left_over.replace("j:join", "j:add").replace(".a ", ".left ").replace(".b ", ".right ");
    assert_eq!(codes(&left_over.replace("j.out", "j.sum")), ["unknown-port"]);
}

#[test]
fn a_sound_graph_has_no_findings() {
    let text = "n:number m:number s:add p:actor n.Out>s.left m.Out>s.right s.sum>p";
    assert_eq!(found(&graph(text)), "");
    let mut folded = graph("n:number p:actor n.out>p.in");
    folded.case_sensitive = false;
    assert_eq!(found(&folded), "", "`out` is `Out` where case does not matter");
}

#[test]
fn a_port_that_works_without_being_declared_is_a_warning() {
    let text = "n:number p:actor n.Out>p.inn";
    assert_eq!(
        found(&graph(text)),
        "warning G002 unknown-port at connection `n.Out -> p.inn`: node `p` (`actor`) declares no inport `inn`\n  \
         hint: did you mean `in`?"
    );
}

#[test]
fn ports_that_differ_by_case_only_need_a_graph_that_tells_them_apart() {
    struct Cases;
    impl Catalog for Cases {
        fn component(&self, _: &str) -> Option<ComponentInfo> {
            let inports = ["In", "in", "other"].map(PortInfo::new).to_vec();
            Some(ComponentInfo { inports, open_ports: true, ..ComponentInfo::default() })
        }
        fn ids(&self) -> Vec<Name> {
            Vec::new()
        }
    }
    let mut export = graph("=1>a.In =1>a.in =1>a.OTHER =1>a.other");
    let codes = |export: &GraphExport| export.check(&Cases).iter().map(|found| found.code).collect::<Vec<_>>();
    assert_eq!(codes(&export), [Code::UnknownPort], "`OTHER` is another port here");
    export.case_sensitive = false;
    assert_eq!(codes(&export), [Code::AmbiguousPort; 2]);
}

#[test]
fn a_firing_rule_names_inports() {
    let mut export = graph("=1>a p:join");
    export.processes["a"].component = "join".into();
    export.processes["a"].metadata = metadata(json!({"firing": {"latest": ["a", "bb"]}}));
    assert!(found(&export).contains("error G002 unknown-port at node `a`: node `a` (`join`) has no inport `bb`"));
    export.processes["a"].metadata = metadata(json!({"firing": {"join": {"a": "id", "bb": "id"}}}));
    assert!(found(&export).contains("error G002 unknown-port at node `a`: node `a` (`join`) has no inport `bb`"));
}

#[test]
fn ten_mistakes_are_ten_findings() {
    let mut export = graph(
        "n:numbr m:number s:add p:print m.Out>s.lft m.Out>p.text m.Out>p.text s.sum>gone.in n.out>s.right =1>ghost",
    );
    export.processes.shift_remove("gone");
    export.processes.shift_remove("ghost");
    export.processes["m"].metadata = metadata(json!({"value": "x", "policy": {"atempts": 3, "jitter": 7}}));
    export.connections[0].metadata = metadata(json!({"capacity": 0}));
    export.groups.push(Group { id: "g".into(), nodes: vec!["s".into(), "t".into()], ..Group::default() });
    export.groups.push(Group { id: "g".into(), ..Group::default() });
    export.inports.insert("door".into(), Edge::new("nowhere", "in"));
    export.outports.insert("exit".into(), Edge { port_name: "summ".into(), ..Edge::new("s", "exit") });
    insta::assert_snapshot!(found(&export));
}

#[test]
fn cycles_that_wait_for_themselves_are_found() {
    assert_eq!(codes("a:actor b:actor a>b b>a"), ["starved-cycle"]);
    assert_eq!(codes("a:actor a>a"), ["starved-cycle"]);
    assert!(codes("a:actor b:actor a>b b>a =1>a").is_empty());
    assert!(codes("n:number a:actor b:actor n.Out>a a>b b>a").is_empty());
    assert_eq!(codes("n:number j:join n.Out>j.a j.out>j.b"), ["starved-cycle"], "it waits for its own packet too");
    assert!(codes("n:number j:join n.Out>j.a j.out>j.b =0>j.b").is_empty());
    assert_eq!(codes("a:actor b:actor c:actor a>b b>a b>c"), ["unreachable-node", "starved-cycle"]);
}

#[test]
fn nodes_nothing_reaches_are_found() {
    assert_eq!(codes("p:print"), ["unreachable-node"]);
    assert_eq!(codes("s:add"), ["unconnected-port", "unconnected-port"]);
    assert!(codes("=1>p.text p:print").iter().all(|code| *code != "unreachable-node"));
    let mut exposed = graph("p:print");
    exposed.inports.insert("door".into(), Edge { port_name: "text".into(), ..Edge::new("p", "door") });
    assert_eq!(found(&exposed), "");
}

#[test]
fn codes_are_unique_and_in_order() {
    let ids: Vec<_> = Code::ALL.iter().map(|code| code.id()).collect();
    let expected: Vec<_> = (1..=Code::ALL.len()).map(|number| format!("G{number:03}")).collect();
    assert_eq!(ids, expected);
}

#[test]
fn what_has_no_effect_is_a_warning() {
    let mut export = graph("n:number p:actor n.Out>p");
    export.processes["n"].metadata = metadata(json!({"colour": 3}));
    assert_eq!(found(&export), "warning G017 ignored-config at node `n`: `colour` has no effect");
}

#[test]
fn every_code_is_documented() {
    let page = include_str!("../../../../docs/reference/diagnostics.md");
    let documented: Vec<_> = page.lines().filter(|line| line.starts_with("| `G")).collect();
    assert_eq!(documented.len(), Code::ALL.len());
    for (row, code) in documented.iter().zip(Code::ALL) {
        let severity = serde_json::to_string(&code.severity()).expect("writes");
        let start = format!("| `{}` | `{}` | {} | ", code.id(), code.name(), severity.trim_matches('"'));
        assert!(row.starts_with(&start), "{row} is not {start}");
    }
}

#[test]
fn diagnostics_are_data_too() {
    let found = graph("n:numbr").check(&Few);
    insta::assert_snapshot!(serde_json::to_string(&found).expect("writes"), @r#"[{"code":"G001","severity":"error","place":{"kind":"node","node":"n"},"message":"there is no component `numbr`","hint":"did you mean `number`?"}]"#);
}

#[test]
fn what_an_import_left_out_is_a_warning() {
    let mut export = graph("a>b");
    export.processes.shift_remove("b");
    let found = Graph::from_export(&export).check(&AnyComponent);
    assert_eq!(found.len(), 1);
    assert!(!found[0].is_error());
}
