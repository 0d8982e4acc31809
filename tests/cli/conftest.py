"""Graph files and actor modules for the tests of the command line."""

import json
from pathlib import Path

import pytest

ACTORS = """
from offbit_reflow import Actor, actor

class Double(Actor):
    component = "twice"
    inports = ["in"]
    outports = ["out"]

    def run(self, ctx):
        ctx.log(f"doubling {ctx['in']!r}")
        ctx.done({"out": ctx["in"] * 2})

@actor
def fail(value):
    raise ValueError(f"no {value}")

@actor
def endless(value):
    while True:
        yield value

class _Hidden(Actor):
    pass
"""


def edge(node, port, inner=""):
    return {"nodeId": node, "portId": port, "portName": inner, "expose": bool(inner), "portType": {"type": "any"}}


@pytest.fixture
def actors(tmp_path: Path) -> str:
    path = tmp_path / f"actors_{tmp_path.name}.py"
    path.write_text(ACTORS, encoding="utf-8")
    return str(path)


@pytest.fixture
def write(tmp_path: Path):
    """Write a graph of one node, with the inport `x` and the outport `y`."""

    def write(component="Double", inport="in", **changes):
        export = {
            "caseSensitive": True,
            "properties": {"name": "one"},
            "processes": {"a": {"id": "a", "component": component, "metadata": None}},
            "connections": [],
            "inports": {"x": edge("a", "x", inport)},
            "outports": {"y": edge("a", "y", "out")},
            "groups": [],
        } | changes
        path = tmp_path / "graph.json"
        path.write_text(json.dumps(export), encoding="utf-8")
        return str(path)

    return write
