"""Networks made of graphs."""

from __future__ import annotations

import json

import pytest

from offbit_reflow import Actor, Graph, Message, Network
from offbit_reflow.exceptions import GraphError, UnknownComponentError

from .actors import AddOne, Flaky, Forward, Join, run, wire_graph


def kinds_received(graph: Graph) -> list[str]:
    seen = []

    class Sink(Actor):
        inports = ["in"]

        def run(self, ctx):
            seen.append((ctx.inputs["in"]["type"], ctx.inputs["in"].get("data")))
            ctx.done()

    assert run(graph, sink=Sink).ok
    return seen


def test_it_gives_a_network_that_takes_python_actors():
    graph = wire_graph("a>b b>c", component="add")
    graph.add_inport("in", "a", "in")
    graph.add_outport("out", "c", "out")
    for form in (graph, graph.to_json(), json.dumps(graph.to_json())):
        net = Network.from_graph(form)
        assert type(net) is Network
        net.register_actor("add", AddOne)
        assert net.run({"in": 1}, timeout=20).outputs == {"out": [4]}


def test_an_instance_or_a_handle_will_do():
    graph = wire_graph("a", component="add")
    graph.add_initial("a", "in", 1)
    graph.add_outport("out", "a", "out")
    for actor in (AddOne(), AddOne()._build()):
        assert run(graph, add=actor).outputs == {"out": [2]}


def test_initials_come_once_in_order_to_their_port():
    graph = Graph()
    graph.add_node("s", "sink")
    for data in (1, 2.0, "x", None, True, [1], {"k": 1}, 2**63):
        graph.add_initial("s", "in", data)
    assert kinds_received(graph) == [
        ("Integer", 1), ("Float", 2.0), ("String", "x"), ("Optional", None), ("Boolean", True), ("Array", [1]),
        ("Object", {"k": 1}), ("Float", float(2**63)),
    ]  # fmt: skip


def test_tagged_initials_become_their_message():
    graph = Graph()
    graph.add_node("s", "sink")
    graph.add_initial("s", "in", {"type": "Flow"})
    graph.add_initial("s", "in", {"type": "Integer", "data": 5})
    graph.add_initial("s", "in", Message.error("no"))
    graph.add_initial("s", "in", b"ab")
    graph.add_initial("s", "in", {"type": "Custom", "data": 5})
    graph.add_initial("s", "in", {"type": "Flow", "more": 5})
    assert kinds_received(graph) == [
        ("Flow", None), ("Integer", 5), ("Error", "no"), ("Bytes", [97, 98]),
        ("Object", {"type": "Custom", "data": 5}), ("Object", {"type": "Flow", "more": 5}),
    ]  # fmt: skip


def test_a_tagged_initial_with_bad_data_is_refused():
    graph = Graph()
    graph.add_node("s", "sink")
    graph.add_initial("s", "in", {"type": "Integer", "data": "five"})
    with pytest.raises(GraphError, match=r"s\.in.*whole number"):
        Network.from_graph(graph)


def test_metadata_is_the_config_and_its_policy_counts():
    graph = Graph()
    graph.add_node("a", "flaky", {"failures": 2, "policy": {"attempts": 3}})
    graph.add_initial("a", "in", 1)
    graph.add_outport("out", "a", "out")
    result = run(graph, flaky=Flaky)
    assert result.outputs == {"out": [3]}
    assert result.nodes["a"]["retries"] == 2
    graph.set_node_metadata("a", {"policy": {"attempts": 2}})
    assert run(graph, flaky=Flaky).failures[0].node == "a"


def test_config_given_to_add_node_is_read_alike():
    net = Network()
    net.register_actor("flaky", Flaky)
    net.add_node("a", "flaky", {"failures": 1, "policy": {"attempts": 2}})
    net.add_initial("a", "in", 1)
    net.add_outport("out", "a", "out")
    assert net.run(timeout=20).outputs == {"out": [2]}


def test_firing_in_metadata_overrides_the_component():
    graph = Graph()
    graph.add_node("j", "join", {"firing": "any"})
    graph.add_initial("j", "a", 1)

    class Ports(Join):
        def run(self, ctx):
            ctx.done({"out": sorted(ctx.inputs)})

    graph.add_outport("out", "j", "out")
    assert run(graph, join=Ports).outputs == {"out": [["a"]]}


def test_capacity_in_metadata_bounds_the_connection():
    graph = wire_graph("source>sink", component="source")
    graph.set_connection_metadata("source", "out", "sink", "in", {"capacity": 2})
    graph.remove_node("sink")
    graph.add_node("sink", "sink")
    graph.add_connection("source", "out", "sink", "in", {"capacity": 2})

    class Source(Actor):
        inports = []
        outports = ["out"]

        def run(self, ctx):
            for number in range(50):
                ctx.send({"out": number})
            ctx.finish()

    class Sink(Actor):
        inports = ["in"]

        def run(self, ctx):
            ctx.done()

    nodes = run(graph, source=Source, sink=Sink).nodes
    assert nodes["sink"]["packets_in"] == 50
    assert nodes["sink"]["queue_high_water"] <= 2


def test_ports_fold_onto_those_the_component_declares():
    class Shouting(Actor):
        inports = ["First", "Second"]
        outports = ["Out"]
        await_all_inports = True

        def run(self, ctx):
            ctx.done({"Out": ctx["First"] + ctx["Second"]})

    graph = Graph()
    graph.add_node("a", "shouting")
    graph.add_node("b", "forward")
    graph.add_connection("a", "out", "b", "in")
    graph.add_initial("a", "FIRST", 1)
    graph.add_initial("a", "second", 2)
    graph.add_outport("sum", "b", "out")
    assert run(graph, shouting=Shouting, forward=Forward).outputs == {"sum": [3]}


def test_an_exported_port_leads_to_port_name_or_else_port_id():
    edge = {"nodeId": "a", "portId": "in", "portName": ""}
    export = wire_graph("a", component="add").to_json()
    export["inports"]["x"] = edge
    export["outports"]["y"] = {"nodeId": "a", "portId": "y", "portName": "out"}
    net = Network.from_graph(export)
    net.register_actor("add", AddOne)
    assert net.run({"x": 1}, timeout=20).outputs == {"y": [2]}


def test_unknown_components_are_named_at_start():
    net = Network.from_graph(wire_graph("a>b"))
    with pytest.raises(UnknownComponentError, match=r"(?s)`a`.*`forward`"):
        net.start()


def test_it_runs_again_and_again():
    graph = wire_graph("a", component="add")
    graph.add_initial("a", "in", 1)
    graph.add_outport("out", "a", "out")
    net = Network.from_graph(graph)
    net.register_actor("add", AddOne)
    assert [net.run(timeout=20).outputs for _ in range(3)] == [{"out": [2]}] * 3


def test_a_network_gives_its_graph_back():
    graph = wire_graph("a>b", component="add", name="whole")
    graph.set_connection_metadata("a", "out", "b", "in", {"capacity": 3})
    graph.set_node_metadata("a", {"policy": {"attempts": 2}, "k": [1]})
    graph.add_initial("a", "in", 1)
    graph.add_initial("a", "in", {"type": "Flow"})
    graph.add_inport("in", "a", "in")
    graph.add_outport("out", "b", "out")
    graph.add_group("g", ["a", "b"])
    back = Network.from_graph(graph).to_graph()
    diff = graph.diff(back)
    assert str(diff) == ""
    net = Network()
    net.register_actor("add", AddOne)
    net.add_node("a", "add", {"k": 1}, policy={"attempts": 2}, firing="any")
    net.add_initial("a", "in", b"ab")
    made = net.to_graph()
    assert made.get_node("a")["metadata"] == {"k": 1, "policy": {"attempts": 2}, "firing": "any"}
    assert made.initializers()[0]["data"] == {"type": "Bytes", "data": [97, 98]}


def test_a_path_is_no_graph(tmp_path):
    with pytest.raises(GraphError, match=r"got the name of a file: `path.read_text\(\)` is its text"):
        Network.from_graph(tmp_path / "graph.json")
