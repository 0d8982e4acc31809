//! The reading half of `Graph`: what it holds, its shape, and pictures of it.
#![allow(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]

use std::collections::HashMap;

use parking_lot::Mutex;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList};
use reflow_graph::{Connection, Edge, Graph, GraphExport, Group, Name, Process, SvgOptions, Theme, Topology};
use reflow_runtime::Network;

use super::json;
use crate::errors::GraphError;
use crate::exit;

/// The reading half of a graph.
#[pyclass(name = "GraphView", module = "offbit_reflow._native", subclass, frozen, weakref)]
pub(crate) struct PyGraphView {
    pub(crate) graph: Mutex<Graph>,
}

impl PyGraphView {
    pub(crate) fn new(graph: Graph) -> Self {
        Self { graph: Mutex::new(graph) }
    }

    /// The saved form. Nothing waits for the interpreter while it is made.
    pub(crate) fn export(&self, py: Python<'_>) -> GraphExport {
        exit::detached(py, || self.graph.lock().to_export())
    }

    fn asked<T: Send>(&self, py: Python<'_>, question: impl FnOnce(&Topology) -> T + Send) -> T {
        exit::detached(py, || {
            let export = self.graph.lock().to_export();
            question(&Topology::new(&export))
        })
    }
}

/// `auto`, `light` or `dark`.
pub(crate) fn theme_of(word: &str) -> PyResult<Theme> {
    match word {
        "auto" => Ok(Theme::Auto),
        "light" => Ok(Theme::Light),
        "dark" => Ok(Theme::Dark),
        other => Err(GraphError::new_err(format!("theme must be 'auto', 'light' or 'dark', got {other:?}"))),
    }
}

fn texts(names: Vec<Name>) -> Vec<String> {
    names.into_iter().map(String::from).collect()
}

#[pymethods]
impl PyGraphView {
    /// The graph's name.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.name, graph.case_sensitive, graph.node_count
    /// ('g', False, 2)
    #[getter]
    fn name(&self) -> String {
        self.graph.lock().name().to_owned()
    }

    /// Whether port names differ by case.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.name, graph.case_sensitive, graph.node_count
    /// ('g', False, 2)
    #[getter]
    fn case_sensitive(&self) -> bool {
        self.graph.lock().is_case_sensitive()
    }

    /// Number of nodes.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.name, graph.case_sensitive, graph.node_count
    /// ('g', False, 2)
    #[getter]
    fn node_count(&self) -> usize {
        self.graph.lock().node_count()
    }

    /// Number of connections, initials not counted.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_connection("b", "out", "a", "in", {"capacity": 8})
    /// >>> graph.connection_count
    /// 2
    #[getter]
    fn connection_count(&self) -> usize {
        self.graph.lock().connection_count()
    }

    /// A node as a dict, or None.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> [node["id"] for node in graph.nodes()], graph.get_node("a")["component"]
    /// (['a', 'b'], 'x')
    fn get_node<'py>(&self, py: Python<'py>, id: &str) -> PyResult<Option<Bound<'py, PyAny>>> {
        let node = self.graph.lock().node(id).cloned();
        node.map(|node| json::to_python(py, &node)).transpose()
    }

    /// All nodes, in the order they were added.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> [node["id"] for node in graph.nodes()], graph.get_node("a")["component"]
    /// (['a', 'b'], 'x')
    fn nodes<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let nodes: Vec<Process> = self.graph.lock().nodes().cloned().collect();
        json::to_python(py, &nodes)
    }

    /// A connection as a dict, or None.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.set_connection_metadata("a", "out", "b", "in", {"capacity": 8})
    /// >>> graph.get_connection("a", "out", "b", "in")["metadata"]
    /// {'capacity': 8}
    fn get_connection<'py>(
        &self,
        py: Python<'py>,
        out_node: &str,
        out_port: &str,
        in_node: &str,
        in_port: &str,
    ) -> PyResult<Option<Bound<'py, PyAny>>> {
        let connection = self.graph.lock().connection(out_node, out_port, in_node, in_port).cloned();
        connection.map(|connection| json::to_python(py, &connection)).transpose()
    }

    /// All connections, in the order they were added.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> len(graph.connections()), len(graph.connections_at("b"))
    /// (1, 1)
    fn connections<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let connections: Vec<Connection> = self.graph.lock().connections().cloned().collect();
        json::to_python(py, &connections)
    }

    /// Connections that start or end at a node.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> len(graph.connections()), len(graph.connections_at("b"))
    /// (1, 1)
    fn connections_at<'py>(&self, py: Python<'py>, node: &str) -> PyResult<Bound<'py, PyAny>> {
        let connections: Vec<Connection> = self.graph.lock().connections_at(node).cloned().collect();
        json::to_python(py, &connections)
    }

    /// All initial packets, in the order they were added.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_initial("a", "in", 3)
    /// >>> len(graph.initializers())
    /// 1
    fn initializers<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let initials: Vec<Connection> = self.graph.lock().initials().cloned().collect();
        let initials = json::to_python(py, &initials)?;
        for initial in initials.cast::<PyList>()?.iter() {
            // The blank edge that the export has is not shown.
            initial.del_item("from")?;
        }
        Ok(initials)
    }

    /// Graph inports by outer name.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_inport("start", "a", "in")
    /// >>> list(graph.inports())
    /// ['start']
    fn inports<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let ports: indexmap::IndexMap<Name, Edge> =
            self.graph.lock().inports().map(|(name, edge)| (name.clone(), edge.clone())).collect();
        json::to_python(py, &ports)
    }

    /// Graph outports by outer name.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_outport("result", "b", "out")
    /// >>> list(graph.outports())
    /// ['result']
    fn outports<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let ports: indexmap::IndexMap<Name, Edge> =
            self.graph.lock().outports().map(|(name, edge)| (name.clone(), edge.clone())).collect();
        json::to_python(py, &ports)
    }

    /// All groups.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_group("both", ["a", "b"])
    /// >>> graph.groups_of("a")
    /// ['both']
    fn groups<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let groups: Vec<Group> = self.graph.lock().groups().collect();
        json::to_python(py, &groups)
    }

    /// Ids of the groups a node is in.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_group("both", ["a", "b"])
    /// >>> graph.groups_of("a")
    /// ['both']
    fn groups_of(&self, node: &str) -> Vec<String> {
        texts(self.graph.lock().groups_of(node))
    }

    /// The properties as they were set.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.set_properties({"name": "h"})
    /// >>> graph.properties()
    /// {'name': 'h'}
    fn properties<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let properties = self.graph.lock().properties().clone();
        json::to_python(py, &properties)
    }

    /// The whole graph as a `GraphExport` dict.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> Graph.from_json(graph.to_json()) == graph
    /// True
    fn to_json<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        json::to_python(py, &self.export(py))
    }

    // ---- shape -------------------------------------------------------------------------------------------------------

    /// Node ids by distance from the start; nodes on a common cycle share a layer.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.layers()
    /// [['a'], ['b']]
    fn layers(&self, py: Python<'_>) -> Vec<Vec<String>> {
        self.asked(py, |topology| topology.layers().into_iter().map(texts).collect())
    }

    /// Sets of nodes that lie on cycles with each other.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.cycles()
    /// []
    fn cycles(&self, py: Python<'_>) -> Vec<Vec<String>> {
        self.asked(py, |topology| topology.cycles().into_iter().map(texts).collect())
    }

    /// Nodes without incoming connections.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.sources(), graph.sinks()
    /// (['a'], ['b'])
    fn sources(&self, py: Python<'_>) -> Vec<String> {
        self.asked(py, |topology| texts(topology.sources()))
    }

    /// Nodes without outgoing connections.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.sources(), graph.sinks()
    /// (['a'], ['b'])
    fn sinks(&self, py: Python<'_>) -> Vec<String> {
        self.asked(py, |topology| texts(topology.sinks()))
    }

    /// Everything that can be reached from the given nodes, themselves included.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.reachable("a"), graph.impact("a"), graph.dependencies("b")
    /// (['a', 'b'], ['b'], ['a'])
    #[pyo3(signature = (*nodes))]
    fn reachable(&self, py: Python<'_>, nodes: Vec<String>) -> Vec<String> {
        self.asked(py, |topology| texts(topology.reachable(nodes.iter().map(String::as_str))))
    }

    /// What is affected when a node changes or fails: everything downstream of it.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.reachable("a"), graph.impact("a"), graph.dependencies("b")
    /// (['a', 'b'], ['b'], ['a'])
    fn impact(&self, py: Python<'_>, node: &str) -> Vec<String> {
        self.asked(py, |topology| texts(topology.impact(node)))
    }

    /// What a node depends on: everything upstream of it.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.reachable("a"), graph.impact("a"), graph.dependencies("b")
    /// (['a', 'b'], ['b'], ['a'])
    fn dependencies(&self, py: Python<'_>, node: &str) -> Vec<String> {
        self.asked(py, |topology| texts(topology.dependencies(node)))
    }

    /// The heaviest way and its weight; without weights every node weighs 1.
    fn _critical_path(&self, py: Python<'_>, weights: Option<HashMap<String, f64>>) -> (Vec<String>, f64) {
        let weight = |node: &Name| weights.as_ref().map_or(1.0, |weights| weights.get(&**node).copied().unwrap_or(0.0));
        let path = self.asked(py, |topology| topology.critical_path(weight));
        (texts(path.nodes), path.weight)
    }

    // ---- checking and comparing --------------------------------------------------------------------------------------

    /// Findings in the graph's own structure.
    fn _check<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let export = self.export(py);
        super::diagnostics_to_python(py, &exit::detached(py, || Network::check_structure(&export)))
    }

    /// What the last import left out.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.dropped()
    /// []
    fn dropped<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        let dropped = self.graph.lock().dropped().to_vec();
        super::diagnostics_to_python(py, &dropped)
    }

    /// What differs in another graph, as data and as text.
    fn _diff<'py>(&self, py: Python<'py>, other: &Bound<'py, PyAny>) -> PyResult<(Bound<'py, PyAny>, String)> {
        let (before, after) = (self.export(py), json::export_of(other)?);
        let diff = exit::detached(py, || before.diff(&after));
        Ok((json::to_python(py, &diff)?, diff.to_string()))
    }

    fn __eq__(&self, py: Python<'_>, other: &Self) -> bool {
        std::ptr::eq(self, other) || self.export(py) == other.export(py)
    }

    // ---- seeing ------------------------------------------------------------------------------------------------------

    /// Draws the graph as SVG; `theme` is auto, light or dark. Beyond `max_nodes` it is described, not drawn. With `fold`, by
    /// default of graphs of more than 200 nodes, each group is one box.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> Graph("empty").to_svg().startswith("<svg")
    /// True
    #[pyo3(signature = (*, theme="auto", max_nodes=2000, fold=None))]
    fn to_svg(&self, py: Python<'_>, theme: &str, max_nodes: usize, fold: Option<bool>) -> PyResult<String> {
        let (export, theme) = (self.export(py), theme_of(theme)?);
        Ok(exit::detached(py, || export.to_svg(&SvgOptions { theme, overlay: None, max_nodes, fold })))
    }

    /// The graph as a Mermaid flowchart.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.to_mermaid().splitlines()[0]
    /// 'flowchart LR'
    fn to_mermaid(&self, py: Python<'_>) -> String {
        let export = self.export(py);
        exit::detached(py, || export.to_mermaid())
    }

    /// The graph in the language of Graphviz.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.to_dot().startswith("digraph")
    /// True
    fn to_dot(&self, py: Python<'_>) -> String {
        let export = self.export(py);
        exit::detached(py, || export.to_dot())
    }

    /// Draws the graph for a terminal.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> "x" in graph.to_text()
    /// True
    fn to_text(&self, py: Python<'_>) -> String {
        let export = self.export(py);
        exit::detached(py, || export.to_text(None))
    }

    #[pyo3(signature = (include=None, exclude=None))]
    fn _repr_mimebundle_<'py>(
        &self,
        py: Python<'py>,
        include: Option<&Bound<'py, PyAny>>,
        exclude: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        let _ = (include, exclude);
        let bundle = PyDict::new(py);
        bundle.set_item("image/svg+xml", self.to_svg(py, "auto", 2000, None)?)?;
        bundle.set_item("text/plain", self.to_text(py))?;
        Ok(bundle)
    }
}
