"""More ports than can be are refused by checks and starts alike; as many as can be are told apart."""

from __future__ import annotations

from typing import Any

import pytest

from offbit_reflow import Actor, Network
from offbit_reflow.exceptions import GraphCheckError, NetworkError

MOST = 65_000
MORE = 70_000
SOON = 60


class Forward(Actor):
    inports, outports = ["in"], ["out"]

    def run(self, ctx):
        ctx.done({"out": ctx["in"]})


def edge(node: str, port: str) -> dict[str, str]:
    return {"nodeId": node, "portId": port}


def exported(connections: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    processes = {name: {"id": name, "component": "forward"} for name in ("a", "k")}
    return {"caseSensitive": True, "properties": {}, "processes": processes, "connections": connections, **more}


def declaring(side: str) -> Network:
    class Wide(Forward):
        pass

    setattr(Wide, side, [*getattr(Wide, side), *(f"p{number}" for number in range(MORE - 1))])
    net = Network()
    net.register_actor("wide", Wide)
    net.add_node("a", "wide")
    # The number of this one is that of `in` or `out`, and 65,536.
    net.add_outport("x", "a", "p65535" if side == "outports" else "out")
    return net


def connecting(side: str) -> Network:
    first = {"from": edge("a", "out"), "to": edge("k", "in")}
    free = [f"u{number}" for number in range(MORE - 1)]
    if side == "inports":
        rest = [{"from": edge("a", "out"), "to": edge("k", port)} for port in free]
    else:
        rest = [{"from": edge("a", port), "to": edge("k", "in")} for port in free]
    net = Network.from_graph(exported([first, *rest]))
    net.register_actor("forward", Forward)
    return net


def of_the_catalog() -> Network:
    net = Network()
    net.register_actor("forward", Forward)
    net.add_node("a", "forward")
    net.add_node("k", "tpl_delay")
    for number in range(MORE):
        net.add_connection("a", "out", "k", f"u{number}")
    return net


def naming() -> Network:
    net = Network()
    net.register_actor("forward", Forward)
    net.add_node("a", "forward")
    for number in range(MORE):
        net.add_outport(f"x{number}", "a", "out")
    return net


CASES = {
    "declared inports": (lambda: declaring("inports"), "at node `a`: 70000 inports"),
    "declared outports": (lambda: declaring("outports"), "at node `a`: 70000 outports"),
    "connected inports": (lambda: connecting("inports"), "at node `k`: 70000 inports"),
    "connected outports": (lambda: connecting("outports"), "at node `a`: 70000 outports"),
    "inports of a component of the catalog": (of_the_catalog, "at node `k`: 70001 inports"),
    "outports of the network": (naming, "at graph: 70000 outports"),
}


@pytest.mark.timeout(120)
@pytest.mark.parametrize("case", CASES)
def test_too_many_ports_are_refused_by_check_and_run(case):
    make, words = CASES[case]
    net = make()
    errors = [text for text in net.check() if text.startswith("error")]
    assert len(errors) == 1, errors
    assert errors[0].startswith(f"error G020 too-many-ports {words}, declared and connected ones; at most {MOST}")
    with pytest.raises(GraphCheckError, match="G020 too-many-ports") as caught:
        net.run({"a.in": 1}, timeout=SOON)
    assert words in str(caught.value)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("cased", [True, False])
def test_ports_up_to_the_limit_are_told_apart(cased):
    class Wide(Forward):
        outports = [f"Out{number}" for number in range(MOST)]

        def run(self, ctx):
            ctx.done({"Out0": "first", f"Out{MOST - 1}": "last"})

    name = str if cased else str.lower
    graph = {
        "caseSensitive": cased,
        "properties": {},
        "processes": {"a": {"id": "a", "component": "wide"}},
        "connections": [],
        "outports": {
            outer: {"nodeId": "a", "portId": outer, "portName": name(f"Out{number}")}
            for outer, number in (("first", 0), ("other", 40_000), ("last", MOST - 1))
        },
    }
    net = Network.from_graph(graph)
    net.register_actor("wide", Wide)
    assert net.check() == []
    assert net.run({"a.in": 1}, timeout=SOON).outputs == {"first": ["first"], "other": [], "last": ["last"]}


@pytest.mark.timeout(120)
def test_a_running_node_gets_no_more_inports_than_can_be():
    class Any(Actor):
        def run(self, ctx):
            ctx.done()

    with Network() as net:
        net.register_actor("any", Any)
        net.add_node("a", "any")
        for number in range(MOST - 1):
            net.add_initial("a", f"p{number}", number)
        net.start()
        net.send("a", "last", 1)
        with pytest.raises(NetworkError, match="node `a` has 65000 inports already"):
            net.send("a", "more", 1)
        net.send("a", "last", 2)
