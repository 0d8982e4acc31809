//! The editing half of `Graph`.
#![allow(clippy::needless_pass_by_value, reason = "arguments from Python are owned")]

use std::io::BufReader;

use pyo3::prelude::*;
use pyo3::types::{PyTuple, PyType};
use reflow_graph::{Change, Direction, Graph};

use super::changes::PyChanges;
use super::journal::PyJournal;
use super::json::{self, export_of, json_of, map_of, metadata_of, packet_of, port_type_of};
use super::view::PyGraphView;
use crate::errors;
use crate::exit;

type Object<'a, 'py> = Option<&'a Bound<'py, PyAny>>;

/// A graph under construction. Edits of unknown things do nothing; arguments are read before anything is touched.
#[pyclass(name = "Graph", module = "offbit_reflow._native", extends = PyGraphView, subclass, frozen)]
pub(crate) struct PyGraph;

/// Runs an edit on the graph behind `slf`.
fn edit<T>(slf: &Bound<'_, PyGraph>, edit: impl FnOnce(&mut Graph) -> T) -> T {
    edit(&mut slf.as_super().get().graph.lock())
}

/// An object of `class` around `graph`.
fn made<'py>(class: &Bound<'py, PyType>, graph: Graph) -> PyResult<Bound<'py, PyAny>> {
    let object = class.call0()?;
    *object.cast::<PyGraphView>()?.get().graph.lock() = graph;
    Ok(object)
}

#[pymethods]
impl PyGraph {
    #[new]
    #[pyo3(signature = (name="", case_sensitive=false))]
    fn new(name: &str, case_sensitive: bool) -> PyClassInitializer<Self> {
        PyClassInitializer::from(PyGraphView::new(Graph::new(name, case_sensitive))).add_subclass(Self)
    }

    /// Makes a graph of a `GraphExport` dict or JSON text. What refers to nothing is left out: see `dropped`.
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
    #[classmethod]
    fn from_json<'py>(cls: &Bound<'py, PyType>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyAny>> {
        let export = export_of(value)?;
        made(cls, exit::detached(cls.py(), || Graph::from_export(&export)))
    }

    /// Replaces everything by another graph, as one step of `undo`. Without `properties.name` the old name stays.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> other = Graph("h")
    /// >>> other.import_graph(graph.to_json())
    /// >>> other.node_count
    /// 2
    fn import_graph(slf: &Bound<'_, Self>, export: &Bound<'_, PyAny>) -> PyResult<()> {
        let export = export_of(export)?;
        edit(slf, |graph| graph.import(&export));
        Ok(())
    }

    // ---- nodes -------------------------------------------------------------------------------------------------------

    /// Adds a node; an id that is taken is left alone.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_node("c", "z", {"option": 1})
    /// >>> graph.get_node("c")["metadata"]
    /// {'option': 1}
    #[pyo3(signature = (id, component, metadata=None))]
    fn add_node(slf: &Bound<'_, Self>, id: &str, component: &str, metadata: Object<'_, '_>) -> PyResult<()> {
        let metadata = metadata_of(metadata)?;
        edit(slf, |graph| graph.add_node(id, component, metadata));
        Ok(())
    }

    /// Removes a node with its connections, initials, graph ports and memberships; a group left empty by that goes too.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.remove_node("b")
    /// >>> graph.connections()
    /// []
    fn remove_node(slf: &Bound<'_, Self>, id: &str) {
        edit(slf, |graph| graph.remove_node(id));
    }

    /// Gives a node another id; connections, initials, graph ports and groups follow. An id that is taken is refused.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.rename_node("b", "c")
    /// >>> graph.reachable("a")
    /// ['a', 'c']
    fn rename_node(slf: &Bound<'_, Self>, old_id: &str, new_id: &str) -> PyResult<()> {
        edit(slf, |graph| graph.rename_node(old_id, new_id)).map_err(|error| errors::graph(&error))?;
        Ok(())
    }

    /// Merges metadata into a node's by key; an empty mapping or None clears it.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.set_node_metadata("a", {"option": 2})
    #[pyo3(signature = (id, metadata))]
    fn set_node_metadata(slf: &Bound<'_, Self>, id: &str, metadata: Object<'_, '_>) -> PyResult<()> {
        let metadata = metadata_of(metadata)?;
        edit(slf, |graph| graph.set_node_metadata(id, &metadata));
        Ok(())
    }

    /// Replaces the properties. The graph's name is not among them.
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
    #[pyo3(signature = (properties))]
    fn set_properties(slf: &Bound<'_, Self>, properties: Object<'_, '_>) -> PyResult<()> {
        let properties = map_of("properties", properties)?.unwrap_or_default();
        edit(slf, |graph| graph.set_properties(properties));
        Ok(())
    }

    // ---- connections and initials ------------------------------------------------------------------------------------

    /// Connects an outport with an inport. Both nodes must exist; a connection that is there already stays as it is.
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
    #[pyo3(signature = (out_node, out_port, in_node, in_port, metadata=None))]
    fn add_connection(
        slf: &Bound<'_, Self>,
        out_node: &str,
        out_port: &str,
        in_node: &str,
        in_port: &str,
        metadata: Object<'_, '_>,
    ) -> PyResult<()> {
        let metadata = metadata_of(metadata)?;
        edit(slf, |graph| graph.add_connection(out_node, out_port, in_node, in_port, metadata));
        Ok(())
    }

    /// Removes a connection.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.remove_connection("a", "out", "b", "in")
    /// >>> graph.connection_count
    /// 0
    fn remove_connection(slf: &Bound<'_, Self>, out_node: &str, out_port: &str, in_node: &str, in_port: &str) {
        edit(slf, |graph| graph.remove_connection(out_node, out_port, in_node, in_port));
    }

    /// Merges metadata into a connection's by key. Its key `capacity` bounds the packets that may wait on it.
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
    #[pyo3(signature = (out_node, out_port, in_node, in_port, metadata))]
    fn set_connection_metadata(
        slf: &Bound<'_, Self>,
        out_node: &str,
        out_port: &str,
        in_node: &str,
        in_port: &str,
        metadata: Object<'_, '_>,
    ) -> PyResult<()> {
        let metadata = metadata_of(metadata)?;
        edit(slf, |graph| graph.set_connection_metadata(out_node, out_port, in_node, in_port, &metadata));
        Ok(())
    }

    /// Adds an initial packet for a port: a plain value, a Message, or a tagged dict. They are numbered in order.
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
    #[pyo3(signature = (node, port, data, metadata=None))]
    fn add_initial(
        slf: &Bound<'_, Self>,
        node: &str,
        port: &str,
        data: &Bound<'_, PyAny>,
        metadata: Object<'_, '_>,
    ) -> PyResult<()> {
        let (data, metadata) = (packet_of(data)?, metadata_of(metadata)?);
        edit(slf, |graph| graph.add_initial(node, port, data, metadata));
        Ok(())
    }

    /// Adds an initial packet with a number of its own.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_initial_index("a", "in", 3, 0)
    #[pyo3(signature = (node, port, data, index, metadata=None))]
    fn add_initial_index(
        slf: &Bound<'_, Self>,
        node: &str,
        port: &str,
        data: &Bound<'_, PyAny>,
        index: u64,
        metadata: Object<'_, '_>,
    ) -> PyResult<()> {
        let (data, metadata) = (packet_of(data)?, metadata_of(metadata)?);
        edit(slf, |graph| graph.add_initial_index(node, port, data, index, metadata));
        Ok(())
    }

    /// Removes all initials of a port.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_initial("a", "in", 3)
    /// >>> graph.remove_initial("a", "in")
    /// >>> graph.initializers()
    /// []
    fn remove_initial(slf: &Bound<'_, Self>, node: &str, port: &str) {
        edit(slf, |graph| graph.remove_initial(node, port));
    }

    /// Adds an initial packet through a graph inport, for the node behind it.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_inport("start", "a", "in")
    /// >>> graph.add_graph_initial("start", 3)
    #[pyo3(signature = (inport, data, metadata=None))]
    fn add_graph_initial(
        slf: &Bound<'_, Self>,
        inport: &str,
        data: &Bound<'_, PyAny>,
        metadata: Object<'_, '_>,
    ) -> PyResult<()> {
        let (data, metadata) = (packet_of(data)?, metadata_of(metadata)?);
        edit(slf, |graph| graph.add_graph_initial(inport, data, metadata));
        Ok(())
    }

    /// Adds an initial packet through a graph inport, with a number of its own.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_inport("start", "a", "in")
    /// >>> graph.add_graph_initial_index("start", 3, 0)
    #[pyo3(signature = (inport, data, index, metadata=None))]
    fn add_graph_initial_index(
        slf: &Bound<'_, Self>,
        inport: &str,
        data: &Bound<'_, PyAny>,
        index: u64,
        metadata: Object<'_, '_>,
    ) -> PyResult<()> {
        let (data, metadata) = (packet_of(data)?, metadata_of(metadata)?);
        edit(slf, |graph| graph.add_graph_initial_index(inport, data, index, metadata));
        Ok(())
    }

    /// Removes all initials of the node port behind a graph inport.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_inport("start", "a", "in")
    /// >>> graph.add_graph_initial("start", 3)
    /// >>> graph.remove_graph_initial("start")
    fn remove_graph_initial(slf: &Bound<'_, Self>, inport: &str) {
        edit(slf, |graph| graph.remove_graph_initial(inport));
    }

    // ---- graph ports -------------------------------------------------------------------------------------------------

    /// Opens a node's inport `port_key` to the outside as `port_id`; `port_type` is `{"type": ...}` or its word.
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
    #[pyo3(signature = (port_id, node_id, port_key, port_type=None, metadata=None))]
    fn add_inport(
        slf: &Bound<'_, Self>,
        port_id: &str,
        node_id: &str,
        port_key: &str,
        port_type: Object<'_, '_>,
        metadata: Object<'_, '_>,
    ) -> PyResult<()> {
        let (port_type, metadata) = (port_type_of(port_type)?, metadata_of(metadata)?);
        edit(slf, |graph| graph.add_inport(port_id, node_id, port_key, port_type, metadata));
        Ok(())
    }

    /// Opens a node's outport `port_key` to the outside as `port_id`; `port_type` is `{"type": ...}` or its word.
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
    #[pyo3(signature = (port_id, node_id, port_key, port_type=None, metadata=None))]
    fn add_outport(
        slf: &Bound<'_, Self>,
        port_id: &str,
        node_id: &str,
        port_key: &str,
        port_type: Object<'_, '_>,
        metadata: Object<'_, '_>,
    ) -> PyResult<()> {
        let (port_type, metadata) = (port_type_of(port_type)?, metadata_of(metadata)?);
        edit(slf, |graph| graph.add_outport(port_id, node_id, port_key, port_type, metadata));
        Ok(())
    }

    /// Closes a graph inport.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_inport("start", "a", "in")
    /// >>> graph.rename_inport("start", "begin")
    /// >>> graph.set_inport_metadata("begin", {"note": "first"})
    /// >>> graph.remove_inport("begin")
    fn remove_inport(slf: &Bound<'_, Self>, port_id: &str) {
        edit(slf, |graph| graph.remove_port(Direction::In, port_id));
    }

    /// Closes a graph outport.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_outport("result", "b", "out")
    /// >>> graph.rename_outport("result", "end")
    /// >>> graph.set_outport_metadata("end", {"note": "last"})
    /// >>> graph.remove_outport("end")
    fn remove_outport(slf: &Bound<'_, Self>, port_id: &str) {
        edit(slf, |graph| graph.remove_port(Direction::Out, port_id));
    }

    /// Gives a graph inport another outer name; one that has that name is replaced.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_inport("start", "a", "in")
    /// >>> graph.rename_inport("start", "begin")
    /// >>> graph.set_inport_metadata("begin", {"note": "first"})
    /// >>> graph.remove_inport("begin")
    fn rename_inport(slf: &Bound<'_, Self>, old_port: &str, new_port: &str) {
        edit(slf, |graph| graph.rename_port(Direction::In, old_port, new_port));
    }

    /// Gives a graph outport another outer name; one that has that name is replaced.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_outport("result", "b", "out")
    /// >>> graph.rename_outport("result", "end")
    /// >>> graph.set_outport_metadata("end", {"note": "last"})
    /// >>> graph.remove_outport("end")
    fn rename_outport(slf: &Bound<'_, Self>, old_port: &str, new_port: &str) {
        edit(slf, |graph| graph.rename_port(Direction::Out, old_port, new_port));
    }

    /// Merges metadata into a graph inport's by key.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_inport("start", "a", "in")
    /// >>> graph.rename_inport("start", "begin")
    /// >>> graph.set_inport_metadata("begin", {"note": "first"})
    /// >>> graph.remove_inport("begin")
    #[pyo3(signature = (port_id, metadata))]
    fn set_inport_metadata(slf: &Bound<'_, Self>, port_id: &str, metadata: Object<'_, '_>) -> PyResult<()> {
        let metadata = metadata_of(metadata)?;
        edit(slf, |graph| graph.set_port_metadata(Direction::In, port_id, &metadata));
        Ok(())
    }

    /// Merges metadata into a graph outport's by key.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_outport("result", "b", "out")
    /// >>> graph.rename_outport("result", "end")
    /// >>> graph.set_outport_metadata("end", {"note": "last"})
    /// >>> graph.remove_outport("end")
    #[pyo3(signature = (port_id, metadata))]
    fn set_outport_metadata(slf: &Bound<'_, Self>, port_id: &str, metadata: Object<'_, '_>) -> PyResult<()> {
        let metadata = metadata_of(metadata)?;
        edit(slf, |graph| graph.set_port_metadata(Direction::Out, port_id, &metadata));
        Ok(())
    }

    // ---- groups ------------------------------------------------------------------------------------------------------

    /// Adds a group; an id that is taken is left alone. Its nodes need not exist.
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
    #[pyo3(signature = (group_id, nodes, metadata=None))]
    fn add_group(slf: &Bound<'_, Self>, group_id: &str, nodes: Vec<String>, metadata: Object<'_, '_>) -> PyResult<()> {
        let metadata = metadata_of(metadata)?;
        edit(slf, |graph| graph.add_group(group_id, nodes, metadata));
        Ok(())
    }

    /// Removes a group; its nodes stay.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_group("both", ["a"])
    /// >>> graph.add_to_group("both", "b")
    /// >>> graph.remove_from_group("both", "a")
    /// >>> graph.set_group_metadata("both", {"colour": "blue"})
    /// >>> graph.remove_group("both")
    fn remove_group(slf: &Bound<'_, Self>, group_id: &str) {
        edit(slf, |graph| graph.remove_group(group_id));
    }

    /// Adds a node to a group, once.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_group("both", ["a"])
    /// >>> graph.add_to_group("both", "b")
    /// >>> graph.remove_from_group("both", "a")
    /// >>> graph.set_group_metadata("both", {"colour": "blue"})
    /// >>> graph.remove_group("both")
    fn add_to_group(slf: &Bound<'_, Self>, group_id: &str, node_id: &str) {
        edit(slf, |graph| graph.add_to_group(group_id, node_id));
    }

    /// Takes a node out of a group; a group left empty stays.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_group("both", ["a"])
    /// >>> graph.add_to_group("both", "b")
    /// >>> graph.remove_from_group("both", "a")
    /// >>> graph.set_group_metadata("both", {"colour": "blue"})
    /// >>> graph.remove_group("both")
    fn remove_from_group(slf: &Bound<'_, Self>, group_id: &str, node_id: &str) {
        edit(slf, |graph| graph.remove_from_group(group_id, node_id));
    }

    /// Merges metadata into a group's by key.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.add_group("both", ["a"])
    /// >>> graph.add_to_group("both", "b")
    /// >>> graph.remove_from_group("both", "a")
    /// >>> graph.set_group_metadata("both", {"colour": "blue"})
    /// >>> graph.remove_group("both")
    #[pyo3(signature = (group_id, metadata))]
    fn set_group_metadata(slf: &Bound<'_, Self>, group_id: &str, metadata: Object<'_, '_>) -> PyResult<()> {
        let metadata = metadata_of(metadata)?;
        edit(slf, |graph| graph.set_group_metadata(group_id, &metadata));
        Ok(())
    }

    // ---- history -----------------------------------------------------------------------------------------------------

    /// Takes back the last step; whether there was one.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.undo()
    /// True
    /// >>> graph.connection_count
    /// 0
    /// >>> graph.redo()
    /// True
    /// >>> graph.undo_count, graph.redo_count
    /// (3, 0)
    fn undo(slf: &Bound<'_, Self>) -> PyResult<bool> {
        edit(slf, Graph::undo).map_err(|error| errors::graph(&error))
    }

    /// Does again what was undone last; whether there was anything.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.undo()
    /// True
    /// >>> graph.connection_count
    /// 0
    /// >>> graph.redo()
    /// True
    /// >>> graph.undo_count, graph.redo_count
    /// (3, 0)
    fn redo(slf: &Bound<'_, Self>) -> PyResult<bool> {
        edit(slf, Graph::redo).map_err(|error| errors::graph(&error))
    }

    /// How many steps can be undone.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.undo()
    /// True
    /// >>> graph.connection_count
    /// 0
    /// >>> graph.redo()
    /// True
    /// >>> graph.undo_count, graph.redo_count
    /// (3, 0)
    #[getter]
    fn undo_count(slf: &Bound<'_, Self>) -> usize {
        edit(slf, |graph| graph.undo_count())
    }

    /// How many steps can be redone.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.undo()
    /// True
    /// >>> graph.connection_count
    /// 0
    /// >>> graph.redo()
    /// True
    /// >>> graph.undo_count, graph.redo_count
    /// (3, 0)
    #[getter]
    fn redo_count(slf: &Bound<'_, Self>) -> usize {
        edit(slf, |graph| graph.redo_count())
    }

    /// Keeps at most this many undoable steps, 10,000 by default.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> graph.set_undo_limit(1)
    /// >>> graph.undo(), graph.undo()
    /// (True, False)
    fn set_undo_limit(slf: &Bound<'_, Self>, limit: usize) {
        edit(slf, |graph| graph.set_undo_limit(limit));
    }

    fn _begin(slf: &Bound<'_, Self>) {
        edit(slf, Graph::begin);
    }

    fn _commit(slf: &Bound<'_, Self>) -> PyResult<()> {
        edit(slf, Graph::commit).map_err(|error| errors::graph(&error))
    }

    fn _rollback(slf: &Bound<'_, Self>) -> PyResult<()> {
        edit(slf, Graph::rollback).map_err(|error| errors::graph(&error))
    }

    /// Carries out a change that `subscribe` of another graph gave.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> changes = graph.subscribe()
    /// >>> graph.add_node("c", "z")
    /// >>> copy = Graph.from_json(graph.to_json())
    /// >>> copy.remove_node("c")
    /// >>> for change in changes.drain():
    /// ...     copy.apply(change)
    /// >>> copy.node_count
    /// 3
    fn apply(slf: &Bound<'_, Self>, change: &Bound<'_, PyAny>) -> PyResult<()> {
        let change: Change = json::read("change", json_of(change)?)?;
        edit(slf, |graph| graph.apply(change)).map_err(|error| errors::graph(&error))
    }

    /// Starts watching: iterate or `drain` the answer for every later change, also by undo.
    ///
    /// Examples
    /// --------
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> graph.add_node("a", "x")
    /// >>> graph.add_node("b", "y")
    /// >>> graph.add_connection("a", "out", "b", "in")
    /// >>> changes = graph.subscribe()
    /// >>> graph.add_node("c", "z")
    /// >>> copy = Graph.from_json(graph.to_json())
    /// >>> copy.remove_node("c")
    /// >>> for change in changes.drain():
    /// ...     copy.apply(change)
    /// >>> copy.node_count
    /// 3
    fn subscribe(slf: &Bound<'_, Self>) -> PyChanges {
        PyChanges::new(slf.as_super())
    }

    /// Starts writing a journal into a file: the graph as it is, and every change from now on.
    ///
    /// Examples
    /// --------
    /// >>> import pathlib, tempfile
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> path = pathlib.Path(tempfile.mkdtemp()) / "journal"
    /// >>> with graph.journal(path) as journal:
    /// ...     graph.add_node("a", "x")
    /// ...     journal.record()
    /// 1
    /// >>> Graph.replay(path).node_count
    /// 1
    fn journal(slf: &Bound<'_, Self>, path: std::path::PathBuf) -> PyResult<PyJournal> {
        PyJournal::start(slf.as_super(), &path)
    }

    /// The graph that a journal leads to. A last line cut off in the middle is ignored.
    ///
    /// Examples
    /// --------
    /// >>> import pathlib, tempfile
    /// >>> from offbit_reflow import Graph
    /// >>> graph = Graph("g")
    /// >>> path = pathlib.Path(tempfile.mkdtemp()) / "journal"
    /// >>> with graph.journal(path) as journal:
    /// ...     graph.add_node("a", "x")
    /// ...     journal.record()
    /// 1
    /// >>> Graph.replay(path).node_count
    /// 1
    #[classmethod]
    fn replay<'py>(cls: &Bound<'py, PyType>, path: std::path::PathBuf) -> PyResult<Bound<'py, PyAny>> {
        let replayed = exit::detached(cls.py(), || reflow_graph::replay(BufReader::new(std::fs::File::open(path)?)));
        made(cls, replayed.map_err(|error| errors::graph(&error))?)
    }

    // ---- being a good object -----------------------------------------------------------------------------------------

    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Bound<'py, PyTuple>)> {
        let text = slf.as_super().get().export(slf.py()).to_json();
        Ok((slf.get_type().getattr("from_json")?, PyTuple::new(slf.py(), [text])?))
    }

    fn __repr__(slf: &Bound<'_, Self>) -> String {
        let graph = slf.as_super().get().graph.lock();
        let name = if graph.name().is_empty() { String::new() } else { format!(" {:?}", graph.name()) };
        let plural = |count: usize, word: &str| format!("{count} {word}{}", if count == 1 { "" } else { "s" });
        let (nodes, wires) = (graph.node_count(), graph.connection_count());
        format!("<Graph{name}: {}, {}>", plural(nodes, "node"), plural(wires, "connection"))
    }
}
