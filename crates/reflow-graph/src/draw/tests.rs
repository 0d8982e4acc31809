use serde_json::json;

use super::*;
use crate::layout::Layout;
use crate::testing::graph;
use crate::{ConnectionId, Edge, GraphExport, Group};

/// A camera pipeline with a loop, a long connection, initials, a group and ports of its own.
fn sample() -> GraphExport {
    let text = "camera.frame>resize.image resize.image>detect.image detect.boxes>smooth smooth>show.overlay \
                camera.frame>show.image smooth>detect.hint =640>resize.width";
    let mut export = graph(text);
    export.inports.insert("start".into(), Edge { port_name: "go".into(), ..Edge::new("camera", "start") });
    export.outports.insert("result".into(), Edge { port_name: "out".into(), ..Edge::new("smooth", "result") });
    export.groups.push(Group {
        id: "vision".into(),
        nodes: vec!["detect".into(), "smooth".into()],
        ..Group::default()
    });
    export
}

/// A graph of `count` nodes with short, long and backward connections and groups, the same each time.
fn tangle(count: usize) -> GraphExport {
    let mut seed = 7_usize;
    let mut random = |below: usize| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (seed >> 33) % below.max(1)
    };
    let mut words = Vec::new();
    for node in 1..count {
        words.push(format!("n{}>n{node}", node - 1 - random(node.min(9))));
        match random(8) {
            0 => words.push(format!("n{}.far>n{node}.far", random(node))),
            1 => words.push(format!("n{node}.back>n{}.back", node - random(node.min(6)))),
            _ => {}
        }
    }
    let mut export = graph(&words.join(" "));
    for (number, first) in (5..count.saturating_sub(12)).step_by(25).enumerate() {
        let nodes = (first..first + 9).map(|node| format!("n{node}").into()).collect();
        export.groups.push(Group { id: format!("group {number}").into(), nodes, ..Group::default() });
    }
    export
}

fn overlay(export: &GraphExport) -> Overlay {
    let node = NodeOverlay { state: NodeState::Running, rate: Some(1234.5), queue: Some(0.7), failures: 2, cached: 0 };
    Overlay {
        nodes: export.processes.keys().map(|id| (id.clone(), node.clone())).collect(),
        connections: export.wires().map(|wire| (ConnectionId::from(wire), 0.95)).collect(),
    }
}

#[test]
fn svg_of_a_small_graph() {
    let export = sample();
    insta::assert_snapshot!(export.to_svg(&SvgOptions::default()));
    let overlay = overlay(&export);
    insta::assert_snapshot!(export.to_svg(&SvgOptions {
        theme: Theme::Dark,
        overlay: Some(&overlay),
        ..SvgOptions::default()
    }));
}

#[test]
fn mermaid_of_a_small_graph() {
    insta::assert_snapshot!(sample().to_mermaid());
}

#[test]
fn dot_of_a_small_graph() {
    insta::assert_snapshot!(sample().to_dot());
}

#[test]
fn text_of_a_small_graph() {
    let export = sample();
    insta::assert_snapshot!(export.to_text(None));
    let running = overlay(&export);
    assert!(export.to_text(Some(&running)).contains("│ running · 1.2k/s · 2 failed │"));
}

#[test]
fn an_empty_graph_can_be_drawn() {
    let empty = GraphExport::new("", false);
    assert!(empty.to_svg(&SvgOptions::default()).contains("empty graph"));
    assert_eq!(empty.to_text(None), "empty graph\n");
    assert_eq!(empty.to_mermaid(), "flowchart LR\n");
}

#[test]
fn a_graph_too_large_to_read_is_described() {
    let svg = tangle(40).to_svg(&SvgOptions { max_nodes: 39, ..SvgOptions::default() });
    assert!(svg.contains("40 nodes"), "{svg}");
}

#[test]
fn names_cannot_break_out() {
    let evil = "</text><script>alert(\"1\")</script>\u{1b}[31m\n&\\";
    let mut export = GraphExport::new(evil, true);
    export.processes.insert(evil.into(), crate::Process::new(evil, evil));
    export.connections.push(crate::Connection::new(Edge::new(evil, evil), Edge::new(evil, evil)));
    export.connections.push(crate::Connection::initial(Edge::new(evil, evil), json!(evil)));
    export.inports.insert(evil.into(), Edge::new(evil, evil));
    export.groups.push(Group { id: evil.into(), nodes: vec![evil.into()], ..Group::default() });
    let svg = export.to_svg(&SvgOptions::default());
    assert!(!svg.contains("<script") && !svg.contains('\u{1b}'));
    assert!(!export.to_text(None).contains('\u{1b}'));
    assert!(!export.to_mermaid().contains("<script"));
    assert!(!export.to_dot().contains("\"1\""));
}

/// No line of a drawing passes through a box it does not end at, and no two boxes overlap.
#[test]
fn nothing_covers_anything_else() {
    for count in [2, 5, 30, 120, 300] {
        let export = tangle(count);
        let layout = Layout::new(&export, None);
        let boxes: Vec<_> =
            layout.nodes.iter().map(|node| (node.x, node.y, node.x + node.width, node.y + node.height)).collect();
        for (position, a) in boxes.iter().enumerate() {
            assert!(a.0 >= 0.0 && a.1 >= 0.0 && a.2 <= layout.width && a.3 <= layout.height, "{count}: outside");
            for b in &boxes[position + 1..] {
                assert!(a.2 <= b.0 || b.2 <= a.0 || a.3 <= b.1 || b.3 <= a.1, "{count}: boxes overlap");
            }
        }
        for run in layout.wires.iter().flat_map(|wire| &wire.runs) {
            let (left, right) = (run.start.min(run.end) + 0.1, run.start.max(run.end) - 0.1);
            for a in &boxes {
                let through = left < a.2 && right > a.0 && run.y > a.1 && run.y < a.3;
                assert!(!through, "{count}: a line at {run:?} passes through {a:?}");
            }
        }
        for group in &layout.groups {
            let members = &export.groups.iter().find(|other| other.id == group.id).expect("is there").nodes;
            for node in layout.nodes.iter().filter(|node| !members.contains(&node.id)) {
                let apart = node.x + node.width <= group.x
                    || group.x + group.width <= node.x
                    || node.y + node.height <= group.y
                    || group.y + group.height <= node.y;
                assert!(apart, "{count}: {} stands in a group it is not in", node.id);
            }
        }
    }
}

#[test]
fn the_same_graph_is_always_drawn_the_same() {
    let draw = || tangle(80).to_svg(&SvgOptions::default());
    assert_eq!(draw(), draw());
}
