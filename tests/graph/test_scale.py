"""A graph of 100,000 nodes."""

from __future__ import annotations

import pytest

from offbit_reflow import Graph

NODES = 100_000


@pytest.mark.timeout(240)
def test_a_large_graph_loads_edits_and_saves():
    def edge(node, port):
        return {"nodeId": f"n{node}", "portId": port}

    export = {
        "caseSensitive": True,
        "properties": {"name": "large"},
        "processes": {f"n{node}": {"component": "x"} for node in range(NODES)},
        "connections": [
            {"from": edge(node, "out"), "to": edge((node + step) % NODES, f"in{step}")}
            for node in range(NODES)
            for step in (1, 7, 1000)
        ],
    }
    graph = Graph.from_json(export)
    assert (graph.node_count, graph.connection_count) == (NODES, 3 * NODES)
    before = graph.undo_count
    for node in range(0, NODES, 10):
        graph.remove_node(f"n{node}")
    assert graph.node_count == NODES * 9 // 10
    for _ in range(NODES // 10):
        graph.undo()
    assert graph.undo_count == before
    saved = graph.to_json()
    assert len(saved["connections"]) == 3 * NODES
    assert saved["connections"][12345]["to"]["nodeId"] == "n4116"
    assert len(graph.cycles()[0]) == NODES
