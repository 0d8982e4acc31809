//! Any text: it reads as a graph that survives a round trip, or is refused. `cargo +nightly fuzz run read_graph`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use reflow_graph::{AnyComponent, Graph, GraphExport, SvgOptions, printable};

fuzz_target!(|text: &str| {
    let Ok(export) = GraphExport::from_json(text) else { return };
    let again = GraphExport::from_json(&export.to_json()).expect("reads what it wrote");
    assert_eq!(again, export);
    export.check(&AnyComponent);
    let svg = export.to_svg(&SvgOptions { max_nodes: 50, ..SvgOptions::default() });
    for drawing in [svg, export.to_text(None), export.to_dot(), export.to_mermaid(), export.diff(&again).to_string()] {
        assert!(drawing.len() < 16 << 20, "a drawing is bounded");
        assert_eq!(printable(&drawing), drawing, "a drawing commands no terminal");
    }
    let graph = Graph::from_export(&export);
    assert_eq!(Graph::from_export(&graph.to_export()), graph);
});
