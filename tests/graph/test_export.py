"""GraphExport dicts in and out."""

from __future__ import annotations

import copy
import json
import pickle

import pytest

from offbit_reflow import Graph
from offbit_reflow.exceptions import GraphError

from .actors import ends, wire_graph

EDGE = {
    "nodeId": "a", "portId": "p", "portName": "", "expose": False, "portType": {"type": "any"},
    "index": None, "data": None, "metadata": None,
}  # fmt: skip


def full() -> dict:
    """A graph with a bit of everything, and keys nobody knows on every level."""
    wire = {
        "from": {**EDGE, "x-edge": 1}, "to": {**EDGE, "nodeId": "b", "portId": "q"},
        "metadata": {"capacity": 2}, "data": None, "x-wire": [1],
    }  # fmt: skip
    blank = {**EDGE, "nodeId": "", "portId": ""}
    initial = {"from": blank, "to": {**EDGE, "index": 4}, "metadata": None, "data": {"deep": [1, 2.0, None]}}
    null_initial = {"from": blank, "to": {**EDGE, "index": 5}, "metadata": None, "data": None}
    door = {
        **EDGE,
        "portId": "door",
        "portName": "p",
        "expose": True,
        "portType": {"type": "option", "value": {"type": "float"}},
    }
    return {
        "caseSensitive": True,
        "properties": {"name": "full", "version": "1", "list": [True]},
        "inports": {"door": door},
        "outports": {"exit": {**door, "portId": "exit", "portName": "r"}},
        "groups": [{"id": "g", "nodes": ["b", "ghost"], "metadata": {"c": 1}, "x-group": {}}],
        "processes": {
            "b": {"id": "b", "component": "y", "metadata": {"policy": {"attempts": 2}}},
            "a": {"id": "a", "component": "x", "metadata": None, "x-node": "kept"},
        },
        "connections": [wire, initial, null_initial],
        "graphDependencies": [{"graphName": "other", "required": True, "x": 1}],
        "externalConnections": [],
        "futureKey": {"deep": [1]},
    }


def test_the_empty_graph():
    assert Graph().to_json() == {
        "caseSensitive": False, "properties": {"name": ""}, "inports": {}, "outports": {}, "groups": [],
        "processes": {}, "connections": [],
    }  # fmt: skip


def test_nothing_is_lost_in_a_round_trip():
    export = full()
    back = Graph.from_json(export).to_json()
    assert back == {key: value for key, value in export.items() if value != [] or key != "externalConnections"}
    assert list(back["processes"]) == ["b", "a"], "the order of nodes stays"
    assert Graph.from_json(json.dumps(export)).to_json() == back, "JSON text does as well"
    assert Graph.from_json(back).to_json() == back


def test_hand_written_json_needs_little():
    graph = Graph.from_json(
        {
            "caseSensitive": False,
            "properties": {},
            "processes": {"a": {"component": "x"}, "b": {"id": "ignored", "component": "y"}},
            "connections": [
                {"from": {"nodeId": "a", "portId": "Out"}, "to": {"nodeId": "b", "portId": "IN"}},
                {"from": {"nodeId": "a", "portId": "out"}, "to": {"nodeId": "nobody", "portId": "in"}},
            ],
            "inports": {"Door": {"nodeId": "nobody", "portId": "x"}},
        }
    )
    assert graph.name == ""
    assert ends(graph) == [("a", "out", "b", "in")]
    assert [node["id"] for node in graph.nodes()] == ["a", "b"]
    assert graph.inports() == {}
    left_out = graph.dropped()
    assert {finding.kind for finding in left_out} == {"unknown-node", "graph-port-to-unknown-node"}
    assert not any(finding.is_error for finding in left_out)


@pytest.mark.parametrize(
    ("export", "says"),
    [
        ({"properties": {}}, "caseSensitive"),
        ({"caseSensitive": True}, "properties"),
        ({"caseSensitive": 1, "properties": {}}, "caseSensitive"),
        ({"caseSensitive": True, "properties": {}, "processes": {"a": {}}}, r"processes\.a.*component"),
        ({"caseSensitive": True, "properties": {}, "connections": [{"from": {}, "to": {}}]}, r"connections\[0\]\.from"),
        ([], "expected a Graph"),
        ("{", "not JSON"),
    ],
)
def test_bad_shapes_say_where(export, says):
    with pytest.raises(GraphError, match=says) as caught:
        Graph.from_json(export)
    assert isinstance(caught.value, RuntimeError)
    assert isinstance(caught.value, ValueError)


def test_unconvertible_values_are_value_errors():
    with pytest.raises(ValueError, match="python"):
        Graph.from_json({"caseSensitive": True, "properties": {"name": object()}})


def test_import_replaces_everything_or_nothing():
    graph = wire_graph("a>b", name="mine")
    with pytest.raises(RuntimeError):
        graph.import_graph({"caseSensitive": True})
    assert graph.node_count == 2
    graph.import_graph({"caseSensitive": True, "properties": {"owner": "me"}, "processes": {"z": {"component": "x"}}})
    assert (graph.name, graph.case_sensitive) == ("mine", True)
    assert [node["id"] for node in graph.nodes()] == ["z"]
    graph.import_graph(Graph("other"))
    assert graph.name == "other"
    graph.undo()
    graph.undo()
    assert ends(graph) == [("a", "out", "b", "in")]


def test_copies_and_equality():
    graph = Graph.from_json(full())
    for twin in (pickle.loads(pickle.dumps(graph)), copy.copy(graph), copy.deepcopy(graph)):
        assert type(twin) is Graph
        assert twin == graph
        assert twin is not graph
        twin.add_node("new", "x")
        assert twin != graph
    assert graph != full()
    with pytest.raises(TypeError):
        hash(graph)


def test_a_subclass_stays_one():
    class Mine(Graph):
        pass

    assert type(Mine.from_json(full())) is Mine
    assert type(copy.copy(Mine.from_json(full()))) is Mine


def test_deep_data_is_refused_not_overflowed():
    deep: list = []
    for _ in range(400):
        deep = [deep]
    graph = wire_graph("a")
    with pytest.raises(ValueError, match=r"deeper|nested"):
        Graph.from_json({"caseSensitive": True, "properties": {"deep": deep}})
    loop: list = []
    loop.append(loop)
    with pytest.raises(ValueError, match="nested"):
        graph.add_initial("a", "in", loop)
