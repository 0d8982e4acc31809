//! Cascades and the laws of editing.

use std::sync::Arc;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Metadata, PortType};

fn none() -> Metadata {
    Metadata::NULL
}

fn metadata(value: Value) -> Metadata {
    serde_json::from_value(value).expect("an object or null")
}

/// Two connected nodes with an initial, a graph port on each side and a group.
fn sample() -> Graph {
    let mut graph = Graph::new("sample", false);
    graph.add_node("a", "x", none());
    graph.add_node("b", "y", metadata(json!({"k": 1})));
    graph.add_connection("a", "Out", "b", "IN", none());
    graph.add_initial("a", "in", json!(5), none());
    graph.add_inport("enter", "a", "in", PortType::Integer, none());
    graph.add_outport("leave", "b", "out", PortType::String, none());
    graph.add_group("g", ["a", "b"], none());
    graph
}

#[test]
fn port_names_fold_unless_case_sensitive() {
    let graph = sample();
    let connection = graph.connection("a", "OUT", "b", "in").expect("is there");
    assert_eq!((connection.from.port_id.as_str(), connection.to.port_id.as_str()), ("out", "in"));
    let mut graph = Graph::new("", true);
    graph.add_node("a", "x", none());
    graph.add_connection("a", "Out", "a", "In", none());
    assert!(graph.connection("a", "out", "a", "in").is_none());
    assert!(graph.connection("a", "Out", "a", "In").is_some());
}

#[test]
fn additions_of_what_is_there_and_edits_of_what_is_not_do_nothing() {
    let mut graph = sample();
    let before = graph.to_export();
    assert!(!graph.add_node("a", "other", none()));
    assert!(!graph.add_connection("a", "out", "b", "in", none()));
    assert!(!graph.add_connection("a", "out", "nobody", "in", none()));
    assert!(!graph.remove_node("nobody"));
    assert!(!graph.remove_connection("b", "out", "a", "in"));
    assert!(!graph.add_initial("nobody", "in", json!(1), none()));
    assert!(!graph.remove_initial("b", "in"));
    assert!(!graph.add_group("g", ["z"], none()));
    assert!(!graph.add_inport("p", "nobody", "in", PortType::Any, none()));
    assert_eq!(graph.rename_node("nobody", "c").ok(), Some(false));
    assert_eq!(graph.to_export(), before);
}

#[test]
fn removing_a_node_takes_everything_about_it_along() {
    let mut graph = sample();
    graph.add_connection("a", "out", "a", "in", none());
    graph.add_group("alone", ["a"], none());
    let before = graph.to_export();
    assert!(graph.remove_node("a"));
    let export = graph.to_export();
    assert_eq!(export.connections, []);
    assert!(export.inports.is_empty() && export.outports.len() == 1);
    assert_eq!(export.groups.len(), 1, "a group left empty goes");
    assert_eq!(export.groups[0].nodes, ["b"]);
    assert_eq!(graph.undo().ok(), Some(true));
    assert_eq!(graph.to_export(), before, "one step of undo brings all of it back, in its order");
}

#[test]
fn renaming_a_node_takes_everything_about_it_along() {
    let mut graph = sample();
    assert!(matches!(graph.rename_node("a", "b"), Err(crate::Error::NodeExists { .. })));
    graph.add_connection("a", "out", "a", "in", none());
    assert_eq!(graph.rename_node("a", "new").ok(), Some(true));
    assert!(graph.connection("new", "out", "b", "in").is_some());
    assert!(graph.connection("new", "out", "new", "in").is_some());
    assert_eq!(graph.initials().next().expect("is there").to.node_id, "new");
    assert_eq!(graph.port(Direction::In, "enter").expect("is there").node_id, "new");
    assert_eq!(graph.groups().next().expect("is there").nodes, ["new", "b"]);
    assert!(!graph.to_export().to_json().contains(r#""a""#));
}

#[test]
fn graph_ports_do_not_capture_connections_of_the_same_name() {
    let mut graph = sample();
    graph.add_outport("out", "b", "out", PortType::Any, none());
    graph.add_connection("a", "out", "b", "other", none());
    assert!(graph.connection("a", "out", "b", "other").is_some());
    graph.add_inport("in", "b", "in", PortType::Any, none());
    graph.add_initial("a", "in", json!(1), none());
    assert!(graph.initials().all(|initial| initial.to.node_id == "a"));
}

#[test]
fn graph_ports_keep_their_type_and_follow_renames() {
    let mut graph = sample();
    assert!(graph.rename_port(Direction::In, "Enter", "Door"));
    let edge = graph.port(Direction::In, "door").expect("is there");
    assert_eq!((edge.port_id.as_str(), edge.port_name.as_str()), ("door", "in"));
    assert_eq!(edge.port_type, PortType::Integer);
    assert!(graph.add_graph_initial("DOOR", json!(7), none()));
    assert_eq!(graph.initials().count(), 2);
    assert!(graph.remove_graph_initial("door"));
    assert_eq!(graph.initials().count(), 1, "the one that was given to the node itself stays");
}

#[test]
fn initials_are_numbered_and_may_be_null() {
    let mut graph = sample();
    graph.add_initial("b", "in", Value::Null, none());
    graph.add_initial_index("b", "in", json!("late"), 99, none());
    let numbers: Vec<_> = graph.initials().map(|initial| initial.to.index).collect();
    assert_eq!(numbers, [Some(0), Some(1), Some(99)]);
    let again = Graph::from_export(&graph.to_export());
    assert_eq!(again, graph);
    assert_eq!(again.initials().count(), 3);
}

#[test]
fn metadata_merges_by_key() {
    let mut graph = sample();
    graph.set_node_metadata("b", &metadata(json!({"l": null})));
    assert_eq!(graph.node("b").expect("is there").metadata, metadata(json!({"k": 1, "l": null})));
    graph.set_node_metadata("b", &none());
    assert_eq!(graph.node("b").expect("is there").metadata, Metadata::empty());
    assert!(graph.set_group_metadata("g", &metadata(json!({"colour": "red"}))), "also where there was none");
    assert!(graph.set_connection_metadata("a", "OUT", "b", "in", &metadata(json!({"capacity": 3}))));
    assert!(!graph.set_connection_metadata("a", "out", "b", "in", &metadata(json!({}))));
    assert!(graph.set_port_metadata(Direction::Out, "LEAVE", &metadata(json!({"x": 1}))));
}

#[test]
fn an_import_replaces_everything_and_can_be_undone() {
    let mut graph = sample();
    let before = graph.to_export();
    graph.remove_initial("a", "in");
    let mut other = GraphExport::new("", true);
    other.properties = serde_json::from_value(json!({"k": 1})).expect("an object");
    graph.import(&other);
    assert_eq!((graph.name(), graph.node_count(), graph.is_case_sensitive()), ("sample", 0, true));
    graph.add_node("fresh", "x", none());
    while graph.undo().expect("no transaction is open") && graph.to_export() != before {}
    assert_eq!(graph.to_export(), before);
    while graph.redo().expect("no transaction is open") {}
    assert_eq!(graph.nodes().map(|node| node.id.as_str()).collect::<Vec<_>>(), ["fresh"]);
}

#[test]
fn what_an_import_leaves_out_is_told() {
    let mut export = sample().to_export();
    export.processes.shift_remove("b");
    let graph = Graph::from_export(&export);
    let places: Vec<_> = graph.dropped().iter().map(|diagnostic| diagnostic.place.to_string()).collect();
    assert_eq!(places, ["connection `a.out -> b.in`", "graph outport `leave`"]);
    assert!(graph.dropped().iter().all(|diagnostic| !diagnostic.is_error()));
}

#[test]
fn workspace_sections_and_unknown_keys_are_carried() {
    let mut value = sample().to_export().to_value();
    value["graphDependencies"] = json!([{"graphName": "other", "required": false}]);
    value["future"] = json!({"x": [1, 2]});
    value["processes"]["a"]["note"] = json!("kept");
    let graph = Graph::from_export(&GraphExport::from_value(&value).expect("reads"));
    assert_eq!(graph.to_export().to_value(), value);
}

#[test]
fn transactions_nest_and_roll_back() {
    let mut graph = sample();
    let before = graph.to_export();
    graph.begin();
    graph.add_node("c", "z", none());
    graph.begin();
    graph.remove_node("a");
    graph.rollback().expect("one is open");
    assert!(graph.node("a").is_some() && graph.node("c").is_some());
    assert!(graph.undo().is_err(), "not while a transaction is open");
    graph.commit().expect("one is open");
    assert!(graph.commit().is_err());
    graph.undo().expect("none is open");
    assert_eq!(graph.to_export(), before);
    assert_eq!(graph.redo_count(), 1);
    graph.add_node("d", "z", none());
    assert_eq!(graph.redo_count(), 0, "a new edit forgets what was undone");
}

#[test]
fn a_watch_sees_each_change_once_and_can_rebuild_the_graph() {
    let mut graph = sample();
    let mut copy = Graph::from_export(&graph.to_export());
    let watch = graph.watch();
    graph.remove_node("b");
    graph.undo().expect("none is open");
    let changes = graph.drain(&watch);
    assert!(changes.len() > 2);
    assert!(graph.drain(&watch).is_empty());
    graph.rename_node("a", "z").expect("is free");
    for change in changes.into_iter().chain(graph.drain(&watch)) {
        copy.apply(Arc::unwrap_or_clone(change)).expect("fits");
    }
    assert_eq!(copy, graph);
    graph.unwatch(watch);
}

#[test]
fn a_journal_survives_a_torn_last_line_and_nothing_else() {
    let mut graph = sample();
    let journal = Journal::start(&mut graph, Vec::new()).expect("writes");
    graph.remove_node("a");
    graph.undo().expect("none is open");
    graph.import(&GraphExport::new("other", true));
    graph.undo().expect("none is open");
    graph.add_node("c", "z", none());
    let saved = journal.finish(&mut graph).expect("writes");
    assert_eq!(replay(saved.as_slice()).expect("fits"), graph);
    let cut = &saved[..saved.len() - 5];
    assert_eq!(replay(cut).expect("the torn line is ignored").node_count(), 2);
    let lines: Vec<_> = saved.split_inclusive(|byte| *byte == b'\n').collect();
    let without_second = [&lines[..1], &lines[2..]].concat().concat();
    let error = replay(without_second.as_slice()).expect_err("does not fit").to_string();
    assert!(error.starts_with("journal line"), "{error}");
}

#[test]
fn undo_keeps_as_much_as_it_is_told() {
    let mut graph = Graph::new("", false);
    graph.set_undo_limit(3);
    for node in 0..10 {
        graph.add_node(&node.to_string(), "x", none());
    }
    assert_eq!(graph.undo_count(), 3);
}

/// One edit of a small world of names, so that edits often meet.
#[derive(Clone, Debug)]
enum Edit {
    AddNode(u8),
    RemoveNode(u8),
    RenameNode(u8, u8),
    NodeMetadata(u8, u8),
    Connect(u8, u8, u8),
    Disconnect(u8, u8, u8),
    Initial(u8, u8),
    RemoveInitial(u8),
    Inport(u8, u8),
    Outport(u8, u8),
    RenamePort(u8, u8),
    RemovePort(u8),
    Group(u8, u8),
    Join(u8, u8),
    Leave(u8, u8),
    RemoveGroup(u8),
    Properties(u8),
    Undo,
    Redo,
    Reload,
}

fn edit() -> impl Strategy<Value = Edit> {
    let id = || 0..6_u8;
    prop_oneof![
        4 => id().prop_map(Edit::AddNode),
        1 => id().prop_map(Edit::RemoveNode),
        1 => (id(), id()).prop_map(|(a, b)| Edit::RenameNode(a, b)),
        1 => (id(), id()).prop_map(|(a, b)| Edit::NodeMetadata(a, b)),
        4 => (id(), id(), id()).prop_map(|(a, b, c)| Edit::Connect(a, b, c)),
        1 => (id(), id(), id()).prop_map(|(a, b, c)| Edit::Disconnect(a, b, c)),
        2 => (id(), id()).prop_map(|(a, b)| Edit::Initial(a, b)),
        1 => id().prop_map(Edit::RemoveInitial),
        1 => (id(), id()).prop_map(|(a, b)| Edit::Inport(a, b)),
        1 => (id(), id()).prop_map(|(a, b)| Edit::Outport(a, b)),
        1 => (id(), id()).prop_map(|(a, b)| Edit::RenamePort(a, b)),
        1 => id().prop_map(Edit::RemovePort),
        2 => (id(), id()).prop_map(|(a, b)| Edit::Group(a, b)),
        1 => (id(), id()).prop_map(|(a, b)| Edit::Join(a, b)),
        1 => (id(), id()).prop_map(|(a, b)| Edit::Leave(a, b)),
        1 => id().prop_map(Edit::RemoveGroup),
        1 => id().prop_map(Edit::Properties),
        2 => Just(Edit::Undo),
        2 => Just(Edit::Redo),
        1 => Just(Edit::Reload),
    ]
}

fn perform(graph: &mut Graph, edit: &Edit) {
    let node = |id: u8| format!("n{id}");
    let port = |id: u8| format!("P{}", id % 3);
    match *edit {
        Edit::AddNode(a) => {
            let _ = graph.add_node(&node(a), "x", none());
        }
        Edit::RemoveNode(a) => {
            let _ = graph.remove_node(&node(a));
        }
        Edit::RenameNode(a, b) => {
            let _ = graph.rename_node(&node(a), &node(b));
        }
        Edit::NodeMetadata(a, b) => {
            let _ = graph.set_node_metadata(&node(a), &metadata(json!({"k": b})));
        }
        Edit::Connect(a, b, p) => {
            let _ = graph.add_connection(&node(a), &port(p), &node(b), &port(p + 1), none());
        }
        Edit::Disconnect(a, b, p) => {
            let _ = graph.remove_connection(&node(a), &port(p), &node(b), &port(p + 1));
        }
        Edit::Initial(a, p) => {
            let _ = graph.add_initial(&node(a), &port(p), if p == 0 { Value::Null } else { json!(p) }, none());
        }
        Edit::RemoveInitial(a) => {
            let _ = graph.remove_initial(&node(a), &port(a));
        }
        Edit::Inport(a, p) => {
            let _ = graph.add_inport(&port(p), &node(a), &port(p), PortType::Any, none());
        }
        Edit::Outport(a, p) => {
            let _ = graph.add_outport(&port(p), &node(a), &port(p), PortType::Flow, none());
        }
        Edit::RenamePort(a, b) => {
            let _ = graph.rename_port(Direction::In, &port(a), &port(b));
        }
        Edit::RemovePort(a) => {
            let _ = graph.remove_port(Direction::Out, &port(a));
        }
        Edit::Group(a, b) => {
            let _ = graph.add_group(&node(a), [node(a), node(b), node(b)], none());
        }
        Edit::Join(a, b) => {
            let _ = graph.add_to_group(&node(a), &node(b));
        }
        Edit::Leave(a, b) => {
            let _ = graph.remove_from_group(&node(a), &node(b));
        }
        Edit::RemoveGroup(a) => {
            let _ = graph.remove_group(&node(a));
        }
        Edit::Properties(a) => {
            let _ = graph.set_properties(Map::from_iter([("k".to_owned(), json!(a))]));
        }
        Edit::Undo => {
            let _ = graph.undo();
        }
        Edit::Redo => {
            let _ = graph.redo();
        }
        Edit::Reload => graph.import(&graph.to_export()),
    }
}

/// What must hold of every graph.
fn assert_sound(graph: &Graph) {
    let export = graph.to_export();
    let exists = |id: &str| assert!(export.processes.contains_key(id), "{id} in {}", export.to_json());
    for connection in &export.connections {
        exists(&connection.to.node_id);
        assert!(connection.is_initial() || export.processes.contains_key(&connection.from.node_id));
    }
    export.inports.values().chain(export.outports.values()).for_each(|edge| exists(&edge.node_id));
    assert_eq!(graph.content.wires.len(), graph.connection_count());
    assert_eq!(graph.content.initial_count as usize, graph.initials().count());
    assert_eq!(graph.content.index.len(), graph.node_count());
    for group in graph.groups() {
        for node in &group.nodes {
            assert!(graph.groups_of(node).contains(&group.id));
        }
    }
    let memberships: usize = graph.content.memberships.values().map(rustc_hash::FxHashSet::len).sum();
    assert_eq!(memberships, graph.groups().map(|group| group.nodes.len()).sum::<usize>());
    let ports: usize = graph.content.topology.node_weights().map(|node| node.ports.len()).sum();
    assert_eq!(ports, export.inports.len() + export.outports.len());
    assert_eq!(Graph::from_export(&export).to_export(), export, "import after export is identity");
    assert_eq!(GraphExport::from_json(&export.to_json()).expect("reads"), export);
}

proptest! {
    #[test]
    fn random_edits_keep_the_laws(edits in proptest::collection::vec(edit(), 1..60)) {
        let mut graph = Graph::new("random", false);
        let journal = Journal::start(&mut graph, Vec::new()).expect("writes");
        let empty = graph.to_export();
        for edit in &edits {
            perform(&mut graph, edit);
            assert_sound(&graph);
        }
        let full = graph.to_export();
        let saved = journal.finish(&mut graph).expect("writes");
        prop_assert_eq!(&replay(saved.as_slice()).expect("fits").to_export(), &full);

        while graph.redo().expect("none is open") {}
        let full = graph.to_export();
        let mut states = vec![full.clone()];
        while graph.undo().expect("none is open") {
            states.push(graph.to_export());
        }
        prop_assert_eq!(&graph.to_export(), &empty, "undoing all leads back to the start");
        while let Some(state) = states.pop() {
            prop_assert_eq!(&graph.to_export(), &state, "redo passes through the same states");
            graph.redo().expect("none is open");
        }
        prop_assert_eq!(graph.to_export(), full);
    }

    #[test]
    fn a_rolled_back_transaction_leaves_nothing(first in proptest::collection::vec(edit(), 0..20), second in proptest::collection::vec(edit(), 0..20)) {
        let mut graph = Graph::new("random", false);
        for edit in &first {
            perform(&mut graph, edit);
        }
        let before = graph.to_export();
        graph.begin();
        for edit in &second {
            perform(&mut graph, edit);
        }
        graph.rollback().expect("one is open");
        prop_assert_eq!(graph.to_export(), before);
    }
}
