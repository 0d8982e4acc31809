use std::collections::HashMap;

use super::*;
use crate::testing::graph;
use crate::{ConnectionId, Edge, Error, Group};

/// Subgraphs by component id.
struct Library(HashMap<&'static str, GraphExport>);

impl Subgraphs for Library {
    fn subgraph(&self, component: &str) -> Option<SubgraphDefinition> {
        self.0.get(component).cloned().map(SubgraphDefinition::new)
    }
}

fn port(export: &mut GraphExport, inwards: bool, outer: &str, node: &str, inner: &str) {
    let edge = Edge { port_name: inner.into(), ..Edge::new(node, outer) };
    if inwards { &mut export.inports } else { &mut export.outports }.insert(outer.into(), edge);
}

fn wires(flat: &Flat) -> Vec<String> {
    flat.export.connections.iter().map(|wire| ConnectionId::from(wire).to_string()).collect()
}

fn refused(export: &GraphExport, library: &Library) -> String {
    match flatten(export, library) {
        Err(Error::Refused { diagnostics }) => {
            diagnostics.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
        }
        other => format!("{other:?}"),
    }
}

/// `outer` holds `inner` holds a chain `p > q`; both expose an entrance and an exit.
fn library() -> Library {
    let mut inner = graph("p>q =1>p.in");
    port(&mut inner, true, "start", "p", "in");
    port(&mut inner, false, "end", "q", "out");
    port(&mut inner, false, "middle", "p", "");
    inner.outports["middle"].port_id = "out".into();
    inner.groups.push(Group { id: "g".into(), nodes: vec!["p".into()], ..Group::default() });
    let mut outer = graph("i:inner.end>r.in");
    port(&mut outer, true, "enter", "i", "start");
    port(&mut outer, false, "exit", "r", "out");
    outer.groups.push(Group { id: "all".into(), nodes: vec!["i".into(), "r".into()], ..Group::default() });
    Library(HashMap::from([("inner", inner), ("outer", outer)]))
}

fn component(export: &mut GraphExport, node: &str, component: &str) {
    export.processes[node].component = component.into();
}

#[test]
fn ports_are_followed_through_every_level() {
    let mut library = library();
    component(library.0.get_mut("outer").expect("is there"), "i", "inner");
    let mut export = graph("a>o.enter o.exit>b =2>o.enter");
    component(&mut export, "o", "outer");
    port(&mut export, true, "door", "o", "enter");
    let flat = flatten(&export, &library).expect("is sound");
    assert_eq!(flat.export.processes.keys().collect::<Vec<_>>(), ["a", "b", "o/r", "o/i/p", "o/i/q"]);
    let expected = [
        "a.out -> o/i/p.in",
        "o/r.out -> b.in",
        "o/i/q.out -> o/r.in",
        "o/i/p.out -> o/i/q.in",
        ". -> o/i/p.in",
        ". -> o/i/p.in",
    ];
    assert_eq!(wires(&flat), expected);
    assert_eq!((&flat.export.inports["door"].node_id[..], &flat.export.inports["door"].port_name[..]), ("o/i/p", "in"));
    let groups: Vec<_> = flat.export.groups.iter().map(|group| (&group.id[..], group.nodes.concat_names())).collect();
    assert_eq!(groups, [("o/all", "o/i/p o/i/q o/r".to_owned()), ("o/i/g", "o/i/p".to_owned())]);
    let paths: Vec<_> = flat.instances.iter().map(|instance| &instance.path[..]).collect();
    assert_eq!(paths, ["o", "o/i"]);
}

trait ConcatNames {
    fn concat_names(&self) -> String;
}

impl ConcatNames for Vec<Name> {
    fn concat_names(&self) -> String {
        self.iter().map(Name::as_str).collect::<Vec<_>>().join(" ")
    }
}

#[test]
fn a_blank_port_name_falls_back_to_the_port_id() {
    let mut export = graph("s.middle>b");
    component(&mut export, "s", "inner");
    let flat = flatten(&export, &library()).expect("is sound");
    assert_eq!(wires(&flat)[..2], ["s/p.out -> b.in", "s/p.out -> s/q.in"], "used outside and inside");
}

#[test]
fn ports_that_lead_nowhere_are_refused_with_a_hint() {
    let mut export = graph("a>s.stat s.end>nobody.in");
    export.processes.shift_remove("nobody");
    component(&mut export, "s", "inner");
    insta::assert_snapshot!(refused(&export, &library()), @r"
    error G002 unknown-port at connection `a.out -> s.stat`: subgraph `s` (`inner`) has no inport `stat`
      hint: did you mean `start`?
    error G003 unknown-node at connection `s.end -> nobody.in`: there is no node `nobody`
      hint: there are `a`, `s`
    ");
    let mut library = library();
    library.0.get_mut("inner").expect("is there").processes.shift_remove("q");
    let mut export = graph("s");
    component(&mut export, "s", "inner");
    insta::assert_snapshot!(refused(&export, &library), @r"
    error G003 unknown-node at connection `s/p.out -> s/q.in`: there is no node `q`
      hint: there is `p`
    error G004 graph-port-to-unknown-node at graph outport `s/end`: there is no node `q`
      hint: there is `p`
    ");
}

#[test]
fn a_subgraph_in_itself_is_refused_with_the_path() {
    let mut library = library();
    component(library.0.get_mut("outer").expect("is there"), "i", "inner");
    component(library.0.get_mut("inner").expect("is there"), "q", "outer");
    let mut export = graph("s");
    component(&mut export, "s", "outer");
    let message = refused(&export, &library);
    assert!(message.contains("`outer` contains itself: outer > inner > outer"), "{message}");
    assert!(message.contains("node `s/i/q`"), "{message}");
}

#[test]
fn folding_and_exact_graphs_mix() {
    let mut inner = graph("p.Out>p.In");
    port(&mut inner, true, "Start", "p", "In");
    inner.case_sensitive = true;
    let mut export = graph("a.OUT>s.Start");
    component(&mut export, "s", "inner");
    export.case_sensitive = false;
    let library = Library(HashMap::from([("inner", inner)]));
    assert!(refused(&export, &library).contains("did you mean `Start`?"), "the outer graph writes `start`");
    let mut export = graph("a.Out>s.Start");
    component(&mut export, "s", "inner");
    let flat = flatten(&export, &library).expect("is sound");
    assert!(flat.export.case_sensitive);
    assert_eq!(wires(&flat), ["a.Out -> s/p.In", "s/p.Out -> s/p.In"]);
}

#[test]
fn scopes_and_private_subgraphs_reach_inside() {
    let leaf = Arc::new(graph("x"));
    let private = move |component: &str| (component == "hidden").then(|| SubgraphDefinition::new(Arc::clone(&leaf)));
    let mut middle = graph("h");
    component(&mut middle, "h", "hidden");
    let definition = SubgraphDefinition {
        scope: "mine".into(),
        subgraphs: Some(Arc::new(private)),
        ..SubgraphDefinition::new(middle)
    };
    let mut export = graph("m h");
    component(&mut export, "m", "middle");
    component(&mut export, "h", "hidden");
    let flat =
        flatten(&export, &|component: &str| (component == "middle").then(|| definition.clone())).expect("is sound");
    assert_eq!(flat.export.processes.keys().collect::<Vec<_>>(), ["h", "m/h/x"]);
    assert_eq!(flat.scopes["m/h/x"], "mine");
    assert!(!flat.scopes.contains_key("h"));
}

#[test]
fn one_component_id_may_mean_two_subgraphs() {
    let leaf = Arc::new(graph("x"));
    let inside = move |component: &str| (component == "filter").then(|| SubgraphDefinition::new(Arc::clone(&leaf)));
    let definition =
        SubgraphDefinition { subgraphs: Some(Arc::new(inside)), ..SubgraphDefinition::new(graph("f:filter")) };
    let flat = flatten(&graph("f:filter"), &|component: &str| (component == "filter").then(|| definition.clone()));
    assert_eq!(flat.expect("is sound").export.processes.keys().collect::<Vec<_>>(), ["f/f/x"]);
}

#[test]
fn nesting_is_deep_and_needs_no_stack() {
    let levels = |component: &str| {
        let level: usize = component.strip_prefix("level")?.parse().ok()?;
        let mut export = graph("n");
        export.processes["n"].component =
            if level == 500 { "leaf".into() } else { format!("level{}", level + 1).into() };
        Some(SubgraphDefinition::new(export))
    };
    let mut export = graph("n");
    component(&mut export, "n", "level1");
    let flat = flatten(&export, &levels).expect("is sound");
    assert_eq!(flat.export.processes.len(), 1);
    assert_eq!(flat.instances.len(), 500);
}
