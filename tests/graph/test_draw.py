"""Pictures of graphs and networks."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from offbit_reflow import Graph, Network, SubgraphBuilder
from offbit_reflow.exceptions import GraphError

from .actors import AddOne, Flaky, wire_graph


@pytest.fixture
def graph() -> Graph:
    graph = wire_graph("a>b", component="add", name="small <1>")
    graph.add_initial("a", "in", 1)
    graph.add_group("team", ["a"])
    return graph


def words(svg: str) -> str:
    return " ".join(ET.fromstring(svg).itertext())


def test_text(graph):
    assert graph.to_text() == (
        "     ┌ a [team] ──┐\n"
        "     │ add        │\n"
        "1 ──▶┤ in     out ├──▶ b.in\n"
        "     └────────────┘\n"
        "         ┌ b ─────────┐\n"
        "         │ add        │\n"
        "a.out ──▶┤ in         │\n"
        "         └────────────┘\n"
    )


def test_mermaid_and_dot(graph):
    assert graph.to_mermaid().splitlines()[0] == "flowchart LR"
    assert "n0 -->" in graph.to_mermaid()
    assert graph.to_dot().startswith("digraph")


@pytest.mark.parametrize("theme", ["auto", "light", "dark"])
def test_svg_is_well_formed_and_needs_nothing_else(graph, theme):
    svg = graph.to_svg(theme=theme)
    text = words(svg)
    assert all(word in text for word in ("a", "b", "add", "team"))
    assert "<script" not in svg
    assert "href" not in svg


def test_what_is_too_large_is_described(graph):
    assert len(graph.to_svg(max_nodes=1)) < len(graph.to_svg())
    with pytest.raises(GraphError, match="theme"):
        graph.to_svg(theme="pink")


def test_notebooks_get_a_picture_and_a_text(graph):
    for thing in (graph, Network.from_graph(graph)):
        bundle = thing._repr_mimebundle_()
        assert set(bundle) == {"image/svg+xml", "text/plain"}
        assert bundle["image/svg+xml"].startswith("<svg")
        assert thing._repr_mimebundle_(include=None, exclude=None) == bundle


def test_repr(graph):
    assert repr(Graph()) == "<Graph: 0 nodes, 0 connections>"
    assert repr(graph) == '<Graph "small <1>": 2 nodes, 1 connection>'


def test_a_network_shows_what_happened():
    graph = wire_graph("a>b b>c", component="add")
    graph.add_node("bad", "flaky", {"failures": 5})
    graph.add_connection("c", "out", "bad", "in")
    graph.add_initial("a", "in", 1)
    net = Network.from_graph(graph)
    assert "finished" not in net.to_text()
    net.register_actor("add", AddOne)
    net.register_actor("flaky", Flaky)
    net.run(timeout=20)
    text = net.to_text()
    assert text.count("finished") >= 3
    assert "1 failed" in text
    assert "/s" in text
    assert "finished" in words(net.to_svg())
    assert net.to_mermaid() == graph.to_mermaid()


def test_a_running_network_shows_its_states():
    net = Network.from_graph(wire_graph("a>b", component="add"))
    net.register_actor("add", AddOne)
    with net:
        net.start()
        net.send("a", "in", 1)
        net.wait(20)
        assert "idle" in net.to_text()


def test_a_subgraph_node_sums_up_what_is_inside():
    inner = wire_graph("x>y", component="flaky")
    inner.add_inport("in", "x", "in")
    builder = SubgraphBuilder(inner)
    builder.register_actor("flaky", Flaky)
    net = Network()
    net.register_actor("sub", builder.build())
    net.add_node("s", "sub")
    net.run({"s.in": 1}, timeout=20)
    text = net.to_text()
    assert "sub" in text
    assert "1 failed" in text
    assert "s/x" not in text


def test_packets_of_bytes_are_not_spelled_out():
    net = Network()
    net.register_actor("add", AddOne)
    net.add_node("a", "add")
    net.add_initial("a", "in", bytes(1_000_000))
    assert "1000000 bytes" in net.to_text()
