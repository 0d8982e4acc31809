//! Any bytes as a journal: it replays or is refused. `cargo +nightly fuzz run replay_journal`.
#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(mut graph) = reflow_graph::replay(bytes) {
        graph.add_node("one more", "x", reflow_graph::Metadata::NULL);
        graph.undo().expect("no transaction is open");
    }
});
