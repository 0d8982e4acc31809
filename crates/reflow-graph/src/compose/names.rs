//! Which prefix each graph of a composition gets, and whether their dependencies are there.

use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use serde_json::Value;

use super::ByName;
use crate::suggest::did_you_mean;
use crate::{Error, GraphExport, Name, Result};

/// Prefixes that a graph's name alone does not get.
const RESERVED: [&str; 3] = ["system", "shared", "global"];

/// One prefix for each graph, all different.
pub(super) fn prefixes(graphs: &[Arc<GraphExport>]) -> Vec<Name> {
    let mut taken: FxHashSet<Name> = RESERVED.map(Name::from).into_iter().collect();
    // The number to try next for each base, so that a thousand graphs of one name stay linear.
    let mut counters: FxHashMap<String, usize> = FxHashMap::default();
    let mut free = |wanted: String, taken: &FxHashSet<Name>| {
        if !taken.contains(wanted.as_str()) {
            return Name::from(wanted);
        }
        let counter = counters.entry(wanted.clone()).or_default();
        loop {
            *counter += 1;
            let numbered = format!("{wanted}_{counter}");
            if !taken.contains(numbered.as_str()) {
                return Name::from(numbered);
            }
        }
    };
    let mut prefix = |graph: &GraphExport| {
        let text = |key: &str| graph.properties.get(key).and_then(Value::as_str);
        let verbatim = text("namespace").filter(|namespace| !taken.contains(*namespace));
        let prefix = verbatim.map_or_else(
            || {
                let base = identifier(base_name(graph));
                let versioned = text("version").filter(|_| taken.contains(base.as_str()));
                let wanted = versioned.map_or_else(|| base.clone(), |version| format!("{base}_{version}"));
                free(wanted, &taken)
            },
            Name::from,
        );
        taken.insert(prefix.clone());
        prefix
    };
    graphs.iter().map(|graph| prefix(graph)).collect()
}

fn base_name(graph: &GraphExport) -> &str {
    match graph.properties.get("name") {
        Some(Value::String(name)) => name,
        Some(_) => "unnamed_graph",
        None => "",
    }
}

/// A name made fit for ids: anything but letters, digits and `_` becomes `_`, and none is left at the ends.
fn identifier(name: &str) -> String {
    let fit: String = name.chars().map(|c| if c.is_alphanumeric() { c } else { '_' }).collect();
    fit.trim_matches('_').to_owned()
}

/// Fails unless every name in `properties.dependencies` is among the graphs, and they do not depend in a circle.
pub(super) fn check_dependencies(graphs: &[Arc<GraphExport>]) -> Result<()> {
    let mut by_name = ByName::default();
    for (position, graph) in graphs.iter().enumerate() {
        if !graph.properties.contains_key("name") {
            let message = "`properties.name` is missing".to_owned();
            return Err(Error::Compose { graph: format!("number {}", position + 1), message, hint: None });
        }
        by_name.entry(base_name(graph)).or_default().push(position);
    }
    // A graph leads to the names it depends on, a name to the graphs of that name: many may share one.
    let mut shape = petgraph::graph::DiGraph::<usize, ()>::with_capacity(2 * graphs.len(), 0);
    let nodes: Vec<_> = (0..graphs.len()).map(|position| shape.add_node(position)).collect();
    let mut names = FxHashMap::default();
    for (name, positions) in &by_name {
        let node = shape.add_node(positions[0]);
        for position in positions {
            shape.add_edge(node, nodes[*position], ());
        }
        names.insert(*name, node);
    }
    for (position, graph) in graphs.iter().enumerate() {
        let dependencies = graph.properties.get("dependencies").and_then(Value::as_array);
        for dependency in dependencies.into_iter().flatten().filter_map(Value::as_str) {
            let Some(&name) = names.get(dependency) else {
                let message = format!("`{}` depends on `{dependency}`, which is not among the graphs", graph.name());
                let hint = did_you_mean(dependency, by_name.keys().copied());
                return Err(Error::Dependencies { message, hint });
            };
            shape.add_edge(nodes[position], name, ());
        }
    }
    match petgraph::algo::toposort(&shape, None) {
        Ok(_) => Ok(()),
        Err(cycle) => {
            let name = graphs[shape[cycle.node_id()]].name();
            let message = format!("Circular dependency detected: `{name}` depends on itself through others");
            Err(Error::Dependencies { message, hint: None })
        }
    }
}
