//! Layers, cycles and the critical path.

use petgraph::algo::kosaraju_scc;
use petgraph::graph::NodeIndex;
use serde::Serialize;

use crate::{Name, Topology};

/// The heaviest way through a graph: see [`Topology::critical_path`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct CriticalPath {
    /// Its nodes, first to last.
    pub nodes: Vec<Name>,
    /// Sum of their weights.
    pub weight: f64,
}

/// Strongly connected components in topological order, and which one each node is in.
struct Condensed {
    components: Vec<Vec<NodeIndex>>,
    component_of: Vec<usize>,
}

impl Topology {
    /// Nodes by distance from the start: each node is in a layer after all its producers. Nodes on a common cycle share a
    /// layer.
    pub fn layers(&self) -> Vec<Vec<Name>> {
        let condensed = self.condense();
        let mut depth = vec![0; condensed.components.len()];
        for (component, nodes) in condensed.components.iter().enumerate() {
            for next in self.after(nodes, &condensed) {
                depth[next] = depth[next].max(depth[component] + 1);
            }
        }
        let count = depth.iter().max().map_or(0, |deepest| deepest + 1);
        let mut layers = vec![Vec::new(); count];
        for (nodes, depth) in condensed.components.iter().zip(depth) {
            layers[depth].extend_from_slice(nodes);
        }
        layers.into_iter().map(|layer| self.names(layer)).collect()
    }

    /// Sets of nodes that lie on cycles with each other, a node connected to itself included. Sorted by first node.
    pub fn cycles(&self) -> Vec<Vec<Name>> {
        let mut cycles: Vec<Vec<NodeIndex>> = kosaraju_scc(&self.graph)
            .into_iter()
            .filter(|nodes| nodes.len() > 1 || nodes.iter().any(|node| self.has_loop(*node)))
            .collect();
        cycles.sort_unstable_by_key(|nodes| nodes.iter().min().copied());
        cycles.into_iter().map(|nodes| self.names(nodes)).collect()
    }

    /// The way with the greatest sum of weights, such as measured times per tick. A cycle counts as one step that weighs
    /// as much as its nodes together. Weights that are negative or no numbers count as zero.
    pub fn critical_path(&self, weight: impl Fn(&Name) -> f64) -> CriticalPath {
        let condensed = self.condense();
        let weigh = |nodes: &[NodeIndex]| nodes.iter().map(|node| weight(&self.graph[*node]).max(0.0)).sum::<f64>();
        let own: Vec<f64> = condensed.components.iter().map(|nodes| weigh(nodes)).collect();
        // Of ways of equal weight the longer one is shown.
        let mut best: Vec<(f64, usize)> = own.iter().map(|weight| (*weight, 1)).collect();
        let mut before: Vec<Option<usize>> = vec![None; own.len()];
        for (component, nodes) in condensed.components.iter().enumerate() {
            let (weight, steps) = best[component];
            for next in self.after(nodes, &condensed) {
                let through = (weight + own[next], steps + 1);
                if through > best[next] {
                    best[next] = through;
                    before[next] = Some(component);
                }
            }
        }
        let heavier = |a: &usize, b: &usize| best[*a].0.total_cmp(&best[*b].0).then(best[*a].1.cmp(&best[*b].1));
        let Some(end) = (0..best.len()).rev().max_by(heavier) else { return CriticalPath::default() };
        let steps = std::iter::successors(Some(end), |component| before[*component]);
        let mut path: Vec<_> = steps.map(|component| self.names(condensed.components[component].clone())).collect();
        path.reverse();
        CriticalPath { nodes: path.concat(), weight: best[end].0 }
    }

    /// Components directly after the given nodes.
    fn after<'a>(&'a self, nodes: &'a [NodeIndex], condensed: &'a Condensed) -> impl Iterator<Item = usize> + 'a {
        let own = condensed.component_of[nodes[0].index()];
        let next = nodes.iter().flat_map(|node| self.graph.neighbors(*node));
        next.map(|node| condensed.component_of[node.index()]).filter(move |next| *next != own)
    }

    fn condense(&self) -> Condensed {
        // Kosaraju's works without recursion, so a chain of a million nodes is fine.
        let mut components = kosaraju_scc(&self.graph);
        components.reverse();
        let mut component_of = vec![0; self.graph.node_count()];
        for (component, nodes) in components.iter().enumerate() {
            for node in nodes {
                component_of[node.index()] = component;
            }
        }
        Condensed { components, component_of }
    }
}

#[cfg(test)]
mod tests {
    use crate::testing::graph;
    use crate::{Name, Topology};

    fn topology(text: &str) -> Topology {
        Topology::new(&graph(text))
    }

    #[test]
    fn nodes_of_a_cycle_share_a_layer() {
        let topology = topology("a>b b>c c>b c>d a>d e");
        assert_eq!(topology.layers(), [vec!["a", "e"], vec!["b", "c"], vec!["d"]]);
        assert_eq!(topology.cycles(), [["b", "c"]]);
        assert_eq!(topology.sources(), ["a", "e"]);
        assert_eq!(topology.sinks(), ["d", "e"]);
    }

    #[test]
    fn the_critical_path_is_the_heaviest_not_the_longest() {
        let topology = topology("a>b b>c c>d a>x x>d");
        let weight = |id: &Name| if id == "x" { 10.0 } else { 1.0 };
        let path = topology.critical_path(weight);
        assert_eq!(path.nodes, ["a", "x", "d"]);
        assert_eq!(path.weight, 12.0);
        assert_eq!(topology.critical_path(|_| 0.0).nodes.len(), 4, "without weights the longest way is shown");
        assert!(Topology::new(&graph("")).critical_path(|_| 1.0).nodes.is_empty());
    }

    #[test]
    fn impact_is_downstream_and_leaves_the_node_out() {
        let topology = topology("a>b b>c c>a x>a");
        assert_eq!(topology.impact("a"), ["b", "c"]);
        assert_eq!(topology.dependencies("a"), ["b", "c", "x"]);
        assert_eq!(topology.reachable(["x"]), ["a", "b", "c", "x"]);
        assert!(topology.impact("nobody").is_empty());
    }

    #[test]
    fn a_very_long_chain_needs_no_stack() {
        let links: Vec<_> = (0..50_000).map(|node| format!("{node}>{}", node + 1)).collect();
        assert_eq!(topology(&links.join(" ")).layers().len(), 50_001);
    }
}
