"""Actors and helpers that the graph tests share."""

from __future__ import annotations

from typing import Any

from offbit_reflow import Actor, Graph, Network, RunResult


class Forward(Actor):
    inports = ["in"]
    outports = ["out"]

    def run(self, ctx):
        ctx.done({"out": ctx["in"]})


class AddOne(Actor):
    inports = ["in"]
    outports = ["out"]

    def run(self, ctx):
        ctx.done({"out": ctx["in"] + 1})


class Join(Actor):
    inports = ["a", "b"]
    outports = ["out"]
    await_all_inports = True

    def run(self, ctx):
        ctx.done({"out": [ctx["a"], ctx["b"]]})


class Counter(Actor):
    """Counts its ticks in a pool and sends the count."""

    inports = ["in"]
    outports = ["out"]

    def run(self, ctx):
        ctx.pool_upsert("seen", str(ctx["in"]), True)
        ctx.done({"out": ctx.pool_count("seen")})


class Flaky(Actor):
    """Fails on its first `failures` attempts."""

    inports = ["in"]
    outports = ["out"]

    def __init__(self):
        self.tries = 0

    def run(self, ctx):
        self.tries += 1
        if self.tries <= ctx.config.get("failures", 1):
            ctx.fail("not yet")
        else:
            ctx.done({"out": self.tries})


def wire_graph(text: str, *, component: str = "forward", name: str = "") -> Graph:
    """Make a graph of ``"a>b b>c"``: nodes of one component, connected from `out` to `in`."""
    graph = Graph(name)
    for pair in text.split():
        out_node, _, in_node = pair.partition(">")
        graph.add_node(out_node, component)
        if in_node:
            graph.add_node(in_node, component)
            graph.add_connection(out_node, "out", in_node, "in")
    return graph


def run(graph: Any, inputs: dict[str, Any] | None = None, **actors: Any) -> RunResult:
    """Run a graph to its end."""
    net = Network.from_graph(graph)
    for component, actor in actors.items():
        net.register_actor(component, actor)
    return net.run(inputs, timeout=20)


def ends(graph: Graph) -> list[tuple[str, str, str, str]]:
    """The four names of each connection."""
    wires = graph.connections()
    return [(w["from"]["nodeId"], w["from"]["portId"], w["to"]["nodeId"], w["to"]["portId"]) for w in wires]
