//! Small graphs for tests.

use crate::{Connection, Edge, GraphExport, Process};

/// A graph from words: `a>b` connects `a.out` with `b.in`, `a.x>b.y` names the ports, `=5>a` is an initial with JSON data,
/// a lone `a` is a node. `a:tpl` gives a component, where a node is named first; `x` if none is given.
pub(crate) fn graph(text: &str) -> GraphExport {
    let mut export = GraphExport::new("test", true);
    let end = |word: &str, port: &str, export: &mut GraphExport| {
        let (word, port) = word.split_once('.').unwrap_or((word, port));
        let (node, component) = word.split_once(':').unwrap_or((word, "x"));
        export.processes.entry(node.into()).or_insert_with(|| Process::new(node, component));
        Edge::new(node, port)
    };
    for word in text.split_whitespace() {
        let Some((from, to)) = word.split_once('>') else {
            end(word, "", &mut export);
            continue;
        };
        let connection = if let Some(data) = from.strip_prefix('=') {
            let data = serde_json::from_str(data).expect("an initial is JSON");
            Connection::initial(end(to, "in", &mut export), data)
        } else {
            let from = end(from, "out", &mut export);
            Connection::new(from, end(to, "in", &mut export))
        };
        export.connections.push(connection);
    }
    export
}
