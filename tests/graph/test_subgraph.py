"""Subgraphs: components that are graphs."""

from __future__ import annotations

from itertools import pairwise

import pytest

from offbit_reflow import Actor, Graph, Network, SubgraphBuilder
from offbit_reflow.exceptions import GraphCheckError, NetworkError

from .actors import AddOne, Counter, Flaky, Forward, wire_graph


def add_two(name: str = "two") -> Graph:
    graph = wire_graph("x>y", component="add", name=name)
    graph.add_inport("in", "x", "in")
    graph.add_outport("out", "y", "out")
    return graph


def built(graph, **actors):
    builder = SubgraphBuilder(graph)
    for component, actor in actors.items():
        builder.register_actor(component, actor)
    return builder.build()


def around(handle, *, inport: str = "in", outport: str = "out", nodes: str = "s") -> Network:
    """A network of subgraph nodes in a chain."""
    net = Network()
    net.register_actor("sub", handle)
    ids = nodes.split()
    for node in ids:
        net.add_node(node, "sub")
    for source, target in pairwise(ids):
        net.add_connection(source, outport, target, inport)
    net.add_outport("result", ids[-1], outport)
    return net


@pytest.mark.parametrize("form", [lambda graph: graph, Graph.to_json])
def test_it_runs_inside_its_parent(form):
    net = around(built(form(add_two()), add=AddOne), nodes="s t")
    result = net.run({"s.in": 1}, timeout=20)
    assert result.outputs == {"result": [5]}
    assert sorted(result.nodes) == ["s/x", "s/y", "t/x", "t/y"]
    assert all(node["state"] == "finished" for node in result.nodes.values())


def test_from_outside_it_is_one_node():
    """Events name what crosses its border as its own; those from inside have a path."""
    net = around(built(add_two(), add=AddOne), nodes="s t")
    everything, about_s = net.events(), net.events(nodes=["s"])
    assert net.run({"s.in": 1}, timeout=20).ok
    seen = list(everything)
    started = {event["actorId"]: event["component"] for event in seen if event["_type"] == "ActorStarted"}
    assert started == {"s": "sub", "t": "sub", "s/x": "add", "s/y": "add", "t/x": "add", "t/y": "add"}
    received = [(event["actorId"], event["port"]) for event in seen if event["_type"] == "MessageReceived"]
    assert received == [("s", "in")]
    fields = ("fromActor", "fromPort", "toActor", "toPort")
    sent = [tuple(event[field] for field in fields) for event in seen if event["_type"] == "MessageSent"]
    assert sent == [("s/x", "out", "s/y", "in"), ("s", "out", "t", "in"), ("t/x", "out", "t/y", "in")]
    about = {event["_type"] for event in about_s}
    assert {"NetworkStarted", "ActorStarted", "MessageReceived", "MessageSent"} <= about


def test_nested_to_any_depth():
    handle = built(add_two(), add=AddOne)
    depth = 6
    for _ in range(depth):
        graph = wire_graph("n", component="inner")
        graph.add_inport("in", "n", "in")
        graph.add_outport("out", "n", "out")
        handle = built(graph, inner=handle)
    result = around(handle).run({"s.in": 1}, timeout=20)
    assert result.outputs == {"result": [3]}
    assert "/".join(["s", *["n"] * depth, "x"]) in result.nodes


def test_each_level_looks_its_components_up_for_itself():
    class Times(AddOne):
        def run(self, ctx):
            ctx.done({"out": ctx["in"] * 10})

    inner = built(add_two(), add=Times)
    graph = wire_graph("first>second", component="add")
    graph.rename_node("second", "nested")
    export = graph.to_json()
    export["processes"]["nested"]["component"] = "sub"
    graph = Graph.from_json(export)
    graph.add_inport("in", "first", "in")
    graph.add_outport("out", "nested", "out")
    net = around(built(graph, add=AddOne, sub=inner))
    assert net.run({"s.in": 1}, timeout=20).outputs == {"result": [200]}


def test_inner_initials_are_delivered_and_outer_ones_lead_in():
    graph = add_two()
    graph.add_initial("y", "in", 100)
    net = around(built(graph, add=AddOne))
    net.add_initial("s", "in", 1)
    assert sorted(net.run(timeout=20).outputs["result"]) == [3, 101]


def test_a_graph_may_use_a_subgraph():
    outer = wire_graph("s", component="sub")
    outer.add_initial("s", "in", 5)
    outer.add_inport("door", "s", "in")
    outer.add_outport("exit", "s", "out")
    net = Network.from_graph(outer)
    net.register_actor("sub", built(add_two(), add=AddOne))
    result = net.run({"door": 1}, timeout=20)
    assert sorted(result.outputs["exit"]) == [3, 7]


def test_each_node_has_its_own_copy_and_pools():
    graph = wire_graph("c", component="count")
    graph.add_inport("in", "c", "in")
    graph.add_outport("out", "c", "out")
    net = around(built(graph, count=Counter()), nodes="s")
    net.add_node("t", "sub")
    net.add_outport("other", "t", "out")
    result = net.run({"s.in": iter("aab"), "t.in": iter("x")}, timeout=20)
    assert result.outputs == {"result": [1, 1, 2], "other": [1]}


def test_policies_and_config_work_inside():
    graph = Graph()
    graph.add_node("f", "flaky", {"failures": 1, "policy": {"attempts": 2}})
    graph.add_node("g", "flaky", {"failures": 9})
    graph.add_connection("f", "out", "g", "in", {"capacity": 1})
    graph.add_inport("in", "f", "in")
    graph.add_outport("out", "f", "out")
    net = around(built(graph, flaky=Flaky))
    events = net.events(types=["ActorFailed", "ActorRetry"])
    result = net.run({"s.in": 1}, timeout=20)
    assert result.outputs == {"result": [2]}
    assert result.nodes["s/f"]["retries"] == 1
    assert [failure.node for failure in result.failures] == ["s/g"]
    assert {"s/f", "s/g"} <= {event["actorId"] for event in events}


def test_an_exposed_inner_port_may_be_used_inside_too():
    graph = add_two()
    graph.add_outport("middle", "x", "out")
    net = around(built(graph, add=AddOne))
    net.add_outport("middle", "s", "middle")
    assert net.run({"s.in": 1}, timeout=20).outputs == {"result": [3], "middle": [2]}


@pytest.mark.parametrize(("port_id", "port_name"), [("out", ""), ("exit", "out"), ("out", "out")])
def test_outports_lead_to_port_name_or_else_port_id(port_id, port_name):
    export = add_two().to_json()
    export["outports"] = {"exit": {"nodeId": "y", "portId": port_id, "portName": port_name}}
    net = around(built(export, add=AddOne), outport="exit")
    assert net.run({"s.in": 1}, timeout=20).outputs == {"result": [3]}


def test_boundary_ports_can_be_sent_to_and_listened_to():
    net = around(built(add_two(), add=AddOne))
    with net:
        net.start()
        listener = net.listen("s", "out")
        net.send("s", "in", 1)
        net.send("s", "IN", 2)
        assert [next(listener), next(listener)] == [3, 4]
        with pytest.raises(NetworkError, match="has no inport `wrong`; it has `in`"):
            net.send("s", "wrong", 1)
        with pytest.raises(NetworkError, match="has no outport `wrong`"):
            net.listen("s", "wrong")
        assert "s/x" in net.stats()


def test_connections_to_ports_it_does_not_have_are_refused():
    net = around(built(add_two(), add=AddOne))
    net.add_initial("s", "inn", 1)
    with pytest.raises(GraphCheckError, match=r"no inport `inn`(?s:.)*did you mean `in`"):
        net.start()


def test_a_node_with_the_path_of_an_inner_one_is_refused():
    net = around(built(add_two(), add=AddOne))
    net.add_node("s/x", "sub")
    net.register_actor("plain", Forward)
    net.add_node("s/x", "plain")
    with pytest.raises(NetworkError, match="`s/x`"):
        net.start()


class TestBuilding:
    def test_components_that_are_missing_are_named(self):
        with pytest.raises(RuntimeError, match="`add`"):
            SubgraphBuilder(add_two()).build()

    def test_the_catalog_has_no_such_thing(self):
        builder = SubgraphBuilder(add_two())
        with pytest.raises(RuntimeError, match="`add`"):
            builder.fill_from_catalog()
        builder.register_actor("add", AddOne)
        builder.fill_from_catalog()
        assert around(builder.build()).run({"s.in": 1}, timeout=20).outputs == {"result": [3]}

    def test_a_name_may_be_registered_again_and_built_again(self):
        builder = SubgraphBuilder(add_two())
        builder.register_actor("add", Forward())
        first = builder.build()
        builder.register_actor("add", AddOne()._build())
        assert around(first).run({"s.in": 1}, timeout=20).outputs == {"result": [1]}
        assert around(builder.build()).run({"s.in": 1}, timeout=20).outputs == {"result": [3]}

    def test_only_actors_are_components(self):
        with pytest.raises(TypeError):
            SubgraphBuilder(add_two()).register_actor("add", 5)

    @pytest.mark.parametrize("export", [{}, {"caseSensitive": True}, "{"])
    def test_bad_exports_are_refused(self, export):
        with pytest.raises(RuntimeError):
            SubgraphBuilder(export)

    def test_dangling_references_are_refused(self):
        export = add_two().to_json()
        export["connections"][0]["to"]["nodeId"] = "nobody"
        export["outports"]["lost"] = {"nodeId": "nowhere", "portId": "out"}
        with pytest.raises(GraphCheckError) as caught:
            built(export, add=AddOne)
        assert [finding.kind for finding in caught.value.diagnostics] == ["unknown-node", "graph-port-to-unknown-node"]

    def test_a_port_of_an_inner_subgraph_must_exist(self):
        inner = built(add_two(), add=AddOne)
        graph = wire_graph("n", component="inner")
        graph.add_inport("in", "n", "nowhere")
        with pytest.raises(GraphCheckError, match="nowhere"):
            built(graph, inner=inner)

    def test_its_ports_are_those_of_the_graph(self):
        graph = add_two("pair")
        graph.add_inport("in", "x", "in", "integer")
        info = built(graph, add=AddOne).info()
        assert [(port["name"], port["type"]) for port in info["inports"]] == [("in", "integer")]
        assert [port["name"] for port in info["outports"]] == ["out"]


def test_what_is_inside_ends_with_the_network():
    class Source(Actor):
        inports = []
        outports = ["out"]

        def run(self, ctx):
            ctx.done({"out": 1})

    graph = wire_graph("src", component="source")
    graph.add_outport("out", "src", "out")
    net = around(built(graph, source=Source))
    net.start()
    assert next(net.listen("s", "out")) == 1
    assert net.shutdown(grace=5) == []
    assert not net.is_running
