"""Names and sizes that nobody would draw by hand: what is shown is safe, and bounded."""

from __future__ import annotations

import json
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from offbit_reflow import Graph, Message, Network, ReflowError, template_actor
from offbit_reflow._printable import printable, printable_line

COMMANDS = "\x1b]0;title\x07\x1b[2J\x9b31m\r\x7f\u202e\u2066\u2028"
FORMATS = ["to_svg", "to_text", "to_dot", "to_mermaid"]


def hostile(name: str) -> Graph:
    graph = Graph(name, case_sensitive=True)
    graph.add_node(name, name)
    graph.add_connection(name, name, name, name)
    graph.add_initial(name, name, name)
    graph.add_inport(name, name, name)
    graph.add_outport(name, name, name)
    graph.add_group(name, [name])
    return graph


def test_what_commands_a_terminal_is_written_out():
    assert printable("a\x1bb\x9bc\u202ed\ud800") == "a\\u001bb\\u009bc\\u202ed\\ud800"
    assert printable("lines\n\tand tabs, Grüße 世界 👩‍👩‍👧") == "lines\n\tand tabs, Grüße 世界 👩‍👩‍👧"
    assert printable_line("a\nb\tc") == "a\\u000ab\\u0009c"
    data = {COMMANDS: [COMMANDS]}
    assert json.loads(printable(json.dumps(data, ensure_ascii=False))) == data


@pytest.mark.parametrize("method", FORMATS)
def test_drawings_of_hostile_names_are_safe(method):
    for drawn in (hostile(COMMANDS), Network.from_graph(hostile(COMMANDS))):
        if hasattr(drawn, method):
            text = getattr(drawn, method)()
            assert printable(text) == text
            assert "\\u001b" in text


def test_findings_and_differences_are_safe():
    graph = hostile(COMMANDS + "\nerror G001: forged")
    texts = [str(finding) for finding in graph.check({})] + [str(Graph().diff(graph))]
    assert len(texts) > 1
    for text in texts:
        assert printable(text) == text
        assert "\nerror" not in text


def test_svg_is_xml_whatever_the_names_are():
    everything = "".join(map(chr, [*range(0xD800), *range(0xE000, 0x10000)]))
    for part in range(0, len(everything), 100):
        ET.fromstring(hostile(everything[part : part + 100]).to_svg())


@pytest.mark.timeout(60)
@pytest.mark.parametrize("method", FORMATS)
def test_drawings_are_bounded(method):
    """Long names, one node of all ports, long lines across everything: half a megabyte each."""
    long_names = hostile("n" * 50_000)
    for port in range(300):
        long_names.add_connection("n" * 50_000, f"out{port}", "n" * 50_000, f"in{port}")
    wide = Graph(case_sensitive=True)
    wide.add_node("a", "x")
    for port in range(7_000):
        wide.add_initial("a", f"in{port}", port)
    far = Graph(case_sensitive=True)
    for node in range(1_500):
        far.add_node(f"n{node}", "x")
    for node in range(1_499):
        far.add_connection(f"n{node}", "out", f"n{node + 1}", "in")
        far.add_connection(f"n{node}", f"far{node}", f"n{1_499 - node}", "far")
    for graph in (long_names, wide, far):
        assert len(getattr(graph, method)()) < 9 << 20


@pytest.mark.timeout(120)
@pytest.mark.parametrize("method", FORMATS)
def test_what_is_left_out_is_said(method):
    export = {
        "caseSensitive": True,
        "properties": {},
        "processes": {f"n{node}": {"component": "x"} for node in range(50_000)},
        "connections": [
            {"from": {"nodeId": f"n{node}", "portId": "out"}, "to": {"nodeId": f"n{node + 1}", "portId": "in"}}
            for node in range(49_999)
        ],
    }
    text = getattr(Graph.from_json(export), method)()
    assert len(text) < 1 << 20
    assert ("more nodes" in text) or ("50000 nodes and 49999 connections" in text)


@pytest.mark.timeout(60)
def test_suggestions_for_long_names_are_not_looked_for():
    long = "x" * 200_000
    graph = Graph(case_sensitive=True)
    graph.add_node(long, "tpl_passthrough")
    export = graph.to_json()
    edge = {"nodeId": long, "portId": "input"}
    export["connections"] = [{"from": {"nodeId": long[1:], "portId": "output"}, "to": edge}]
    found = Graph.from_json(export).check()
    assert [finding.kind for finding in found] == ["unknown-node"]


@pytest.mark.parametrize(
    "call",
    [
        lambda name: Network().add_node("n", name),
        lambda name: template_actor(name),
        lambda name: Graph.from_json({"caseSensitive": True, "properties": {}, "processes": {name: 1}}),
    ],
)
def test_exceptions_are_safe(call):
    with pytest.raises(ReflowError) as refused:
        call(COMMANDS)
    text = str(refused.value)
    assert printable(text) == text
    assert "\\u001b" in text


def nested(levels: int) -> dict:
    value: dict = {}
    for _ in range(levels - 1):
        value = {"a": value}
    return value


EDITS = {
    "metadata of a node": lambda graph, value: graph.add_node("x", "y", value),
    "metadata of a connection": lambda graph, value: graph.add_connection("n", "out", "n", "in", value),
    "initial": lambda graph, value: graph.add_initial("n", "in", value),
    "initial message": lambda graph, value: graph.add_initial("n", "in", Message.object(value["a"])),
    "properties": lambda graph, value: graph.set_properties(value),
    "metadata of an inport": lambda graph, value: graph.add_inport("i", "n", "in", metadata=value),
    "metadata of a group": lambda graph, value: graph.add_group("g", ["n"], value),
}


@pytest.mark.parametrize("edit", EDITS.values(), ids=EDITS)
def test_what_a_graph_takes_can_be_read_back_and_what_is_deeper_is_refused(edit):
    def deepest(levels: int) -> None:
        graph = Graph("g")
        graph.add_node("n", "c")
        edit(graph, nested(levels))
        text = graph.to_json()
        assert Graph.from_json(text).to_json() == text
        for method in FORMATS:
            getattr(graph, method)()

    def deeper(levels: int) -> None:
        graph = Graph("g")
        graph.add_node("n", "c")
        before = graph.to_json()
        with pytest.raises(ValueError, match="nested deeper than 252 levels"):
            edit(graph, nested(levels))
        assert graph.to_json() == before

    with_small_stack(lambda: deepest(252))
    for levels in (255, 500, 511):
        with_small_stack(lambda levels=levels: deeper(levels))


@pytest.mark.parametrize("levels", [257, 500, 511])
def test_a_dict_that_is_too_deep_is_no_graph(levels):
    def read() -> None:
        export = {"caseSensitive": True, "properties": nested(levels)}
        for reader in (Graph.from_json, lambda export: Graph().import_graph(export)):
            with pytest.raises(ValueError, match="nested deeper"):
                reader(export)

    with_small_stack(read)


def test_a_network_with_a_deep_config_is_drawn_and_written_without_it():
    def look() -> None:
        net = Network()
        net.add_node("a", "tpl_passthrough", {"deep": nested(500), "flat": 1})
        net.add_initial("a", "input", nested(500))
        assert net.check() is not None
        metadata = net.to_graph().get_node("a")["metadata"]
        assert metadata["flat"] == 1
        assert "levels deep, not shown" in metadata["deep"]
        assert "not shown" in str(net.to_graph().to_json()["connections"])
        assert net.to_svg()
        assert net.to_text()
        assert net.to_mermaid()

    with_small_stack(look)


def with_small_stack(call: Callable[[], None]) -> None:
    """Call it in a thread with 512 KiB of stack."""
    before = threading.stack_size(512 * 1024)
    try:
        with ThreadPoolExecutor(1) as pool:
            future = pool.submit(call)
    finally:
        threading.stack_size(before)
    future.result()
