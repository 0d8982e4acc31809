"""compose_graphs: the rules of prefixes, cross connections and shared nodes."""

from __future__ import annotations

import pytest

from offbit_reflow import Graph, compose_graphs
from offbit_reflow.exceptions import GraphError

from .actors import AddOne, run, wire_graph


def prefixes(*graphs: Graph) -> list[str]:
    return [node.rsplit("/", 1)[0] for node in compose_graphs({"graphs": list(graphs)})["processes"]]


def named(name, **properties) -> Graph:
    graph = wire_graph("a", name=name)
    graph.set_properties(properties)
    return graph


@pytest.mark.parametrize(
    ("name", "prefix"), [("my graph!", "my_graph"), ("__x__", "x"), ("system", "system_1"), ("", ""), ("über", "über")]
)
def test_a_name_becomes_a_prefix(name, prefix):
    assert prefixes(named(name)) == [prefix]


def test_same_names_are_told_apart():
    assert prefixes(named("n"), named("n"), named("n", version="2")) == ["n", "n_1", "n_2"]
    assert prefixes(named("x", namespace="n"), named("n", version="2")) == ["n", "n_2"]


def test_everything_of_a_graph_gets_its_prefix():
    graph = wire_graph("a>b", name="g")
    graph.add_initial("a", "in", 5)
    graph.add_inport("Door", "a", "in")
    graph.add_outport("exit", "b", "out")
    graph.add_group("team", ["a", "b"])
    whole = compose_graphs({"graphs": [graph.to_json()], "properties": {"name": "whole", "k": 1}})
    assert whole["properties"] == {"name": "whole", "k": 1}
    assert whole["processes"]["g/a"] == {"id": "g/a", "component": "forward", "metadata": {}}
    assert whole["inports"]["g/door"]["nodeId"] == "g/a"
    assert whole["inports"]["g/door"]["portName"] == "in"
    assert whole["outports"]["g/exit"]["portName"] == "out"
    assert whole["groups"] == [{"id": "g/team", "nodes": ["g/a", "g/b"], "metadata": None}]
    wire, initial = whole["connections"]
    assert (wire["from"]["nodeId"], wire["to"]["nodeId"]) == ("g/a", "g/b")
    assert (initial["to"]["nodeId"], initial["to"]["index"], initial["data"]) == ("g/a", 0, 5)


def test_cross_connections_and_shared_nodes_run():
    first, second = wire_graph("a", component="add", name="one"), wire_graph("b", component="add", name="two")
    first.add_initial("a", "in", 1)
    whole = compose_graphs({
        "graphs": [first, second.to_json()],
        "connections": [
            {"from": {"process": "one/a", "port": "out"}, "to": {"process": "two/b", "port": "in", "index": 0}},
            {"from": {"process": "two/b", "port": "out"}, "to": {"process": "end", "port": "in"}, "metadata": {"capacity": 1}},
        ],
        "shared_resources": [{"name": "end", "component": "add"}],
    })  # fmt: skip
    assert [wire["metadata"] for wire in whole["connections"]] == [None, {"capacity": 1}, {}]
    graph = Graph.from_json(whole)
    graph.add_outport("result", "end", "out")
    assert run(graph, add=AddOne).outputs == {"result": [4]}


def test_a_composition_can_be_composed_again():
    whole = compose_graphs({"graphs": [named("one")], "properties": {"name": "whole"}})
    assert list(compose_graphs({"graphs": [whole]})["processes"]) == ["whole/one/a"]


def test_an_empty_request_gives_an_empty_graph():
    assert compose_graphs({}) == compose_graphs({"graphs": []}) == Graph().to_json()


def test_the_result_does_not_depend_on_who_comes_first():
    one, two = named("one"), named("two", dependencies=["one"])
    there = compose_graphs({"graphs": [one, two]})
    back = compose_graphs({"graphs": [two, one]})
    assert not Graph.from_json(there).diff(back)


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({"graphs": [{"caseSensitive": True, "properties": {}}]}, "name"),
        ({"connections": [{"from": {"process": "x", "port": "p"}, "to": {"process": "y", "port": "p"}}]}, "`x`"),
        ({"graphs": [named("n", dependencies=["missing"])]}, "missing"),
    ],
)
def test_what_cannot_be_composed_names_the_culprit(request_, says):
    with pytest.raises(GraphError, match=says) as caught:
        compose_graphs(request_)
    assert "compose_graphs: " in str(caught.value)
    assert isinstance(caught.value, RuntimeError)


def test_a_dangling_reference_names_its_graph():
    export = named("broken").to_json()
    export["inports"]["door"] = {"nodeId": "b", "portId": "in"}
    with pytest.raises(RuntimeError, match=r"broken.*door.*`b`"):
        compose_graphs({"graphs": [named("fine"), export]})


@pytest.mark.parametrize("request_", [5, None, [], {"graphs": 5}, {"graphs": [1]}, {"connections": [{}]}])
def test_a_request_of_the_wrong_shape_is_a_value_error(request_):
    with pytest.raises(ValueError, match=r"composition parse|expected a Graph"):
        compose_graphs(request_)
