"""Finding every mistake before anything runs, and questions about the shape."""

from __future__ import annotations

import pytest

from offbit_reflow import CriticalPath, Diagnostic, Graph, Network, actor
from offbit_reflow.exceptions import GraphCheckError, GraphError, NetworkError, UnknownComponentError

from .actors import AddOne, Forward, Join, wire_graph


def kinds(found: list[Diagnostic]) -> list[str]:
    return [finding.kind for finding in found]


def test_a_sound_graph_has_no_findings():
    graph = wire_graph("a>b")
    graph.add_initial("a", "in", 1)
    assert graph.check({"forward": Forward}) == []
    assert graph.check() == []


def test_every_mistake_is_found_at_once_with_a_hint():
    graph = wire_graph("a>b")
    graph.add_node("odd", "foward", {"policy": {"atempts": 2}, "firing": "sometimes"})
    graph.add_initial("a", "in", 1)
    graph.add_initial("odd", "in", 1)
    graph.set_connection_metadata("a", "out", "b", "in", {"capacity": 0})
    found = graph.check({"forward": Forward})
    assert kinds(found) == ["unknown-component", "bad-policy", "bad-capacity", "bad-firing"]
    assert [finding.code for finding in found] == ["G001", "G011", "G013", "G014"]
    assert all(finding.is_error and finding.severity == "error" for finding in found)
    unknown, policy, capacity, firing = found
    assert unknown.hint == "did you mean `forward`?"
    assert unknown.place == "node `odd`"
    assert unknown.location == {"kind": "node", "node": "odd"}
    assert "atempts" in policy.message
    assert "attempts" in policy.hint
    assert capacity.place == "connection `a.out -> b.in`"
    assert "sometimes" in firing.message
    assert str(unknown) == (
        "error G001 unknown-component at node `odd`: there is no component `foward`\n  hint: did you mean `forward`?"
    )


def test_a_policy_the_runtime_cannot_read_is_found():
    graph = Graph()
    graph.add_node("a", "x", {"policy": {"delay_ms": 0.5}})
    assert kinds(graph.check()) == ["bad-policy"]


@pytest.mark.parametrize("policy", ["retry", 5, ["attempts", 3], True])
def test_a_policy_that_is_no_object_is_found(policy):
    graph = Graph("g")
    graph.add_node("a", "x", {"policy": policy})
    (found,) = graph.check()
    assert found.kind == "bad-policy"
    assert "must be an object" in found.message


def test_config_that_has_no_effect_is_a_warning():
    graph = Graph()
    graph.add_node("a", "tpl_collect", {"count": "ten", "unwarp": True, "x": 12, "label": "Batch", "policy": {}})
    graph.add_initial("a", "input", 1)
    found = graph.check({})
    assert kinds(found) == ["ignored-config"] * 2
    assert not any(finding.is_error for finding in found)
    texts = [str(finding) for finding in found]
    assert texts == [
        "warning G017 ignored-config at node `a`: "
        'config `count`: expected a whole number, found "ten"; the default counts',
        "warning G017 ignored-config at node `a`: config `unwarp`: no such key; did you mean `unwrap`?",
    ]
    with Network.from_graph(graph) as net:
        assert net.check() == texts
        assert net.run(timeout=20).ok


@pytest.mark.parametrize("component", ["forward", "tpl_passthrough"])
@pytest.mark.parametrize(
    ("key", "value", "meant"),
    [
        ("polcy", {"attempts": 3}, "policy"),
        ("fireing", "latest", "firing"),
        ("env_var", {"HOME": "required"}, "env_vars"),
    ],
)
def test_a_misspelt_key_that_the_network_would_read_is_a_warning(component, key, value, meant):
    graph = Graph("g", True)
    graph.add_node("a", component, {key: value})
    net = Network.from_graph(graph)
    net.register_actor("forward", Forward)
    built = Network()
    built.register_actor("forward", Forward)
    built.add_node("a", component, {key: value})
    words = f"config `{key}`: the network reads no such key; did you mean `{meant}`?"
    assert [found.message for found in graph.check(net) if found.code == "G017"] == [words]
    for network in (net, built):
        assert [found for found in network.check() if "G017" in found] == [
            f"warning G017 ignored-config at node `a`: {words}"
        ]


def test_a_key_of_a_config_that_is_only_like_another_is_none_of_ours():
    for config in (
        {"police": {"phone": 110}},
        {"timing": "slow"},
        {"polcy": "x"},
        {"env_var": {"HOME": "/"}},
        {"polcy": {}},
    ):
        net = Network()
        net.register_actor("forward", Forward)
        net.add_node("a", "forward", config)
        assert net.check() == []


@pytest.mark.parametrize(("key", "value", "meant"), [("capcity", 3, "capacity"), ("overflw", "newest", "overflow")])
def test_a_misspelt_key_of_a_connection_is_a_warning(key, value, meant):
    graph = wire_graph("a>b")
    graph.add_initial("a", "in", 1)
    graph.set_connection_metadata("a", "out", "b", "in", {key: value})
    (found,) = graph.check({"forward": Forward})
    assert (found.code, found.place, found.hint) == ("G017", "connection `a.out -> b.in`", f"did you mean `{meant}`?")
    graph.set_connection_metadata("a", "out", "b", "in", {key: "of the bus"})
    assert graph.check({"forward": Forward}) == []


def test_what_no_packet_reaches_is_a_warning():
    graph = wire_graph("a>b b>a")
    graph.add_node("join", "join")
    found = graph.check({"forward": Forward, "join": Join})
    assert kinds(found) == ["unconnected-port", "unconnected-port", "starved-cycle"]
    assert not any(finding.is_error for finding in found)


def test_nothing_waits_for_a_parameter_with_a_default():
    @actor
    def scale(value, factor=2):
        return value * factor

    graph = Graph()
    graph.add_node("a", "scale")
    graph.add_initial("a", "value", 1)
    assert graph.check({"scale": scale}) == []


def test_a_network_is_asked_for_what_it_knows():
    net = Network()
    net.register_actor("forward", Forward)
    graph = wire_graph("a")
    graph.add_node("b", "other")
    graph.add_initial("b", "in", 1)
    assert kinds(graph.check(net)) == ["unknown-component", "unreachable-node"]


def test_what_loading_left_out_is_told():
    graph = Graph.from_json(
        {
            "caseSensitive": True,
            "properties": {},
            "processes": {"a": {"component": "x"}},
            "outports": {"exit": {"nodeId": "b", "portId": "out"}},
        }
    )
    assert kinds(graph.check()) == ["graph-port-to-unknown-node"]


def test_starting_refuses_the_same_list():
    graph = wire_graph("a>b")
    net = Network.from_graph(graph)
    with pytest.raises(UnknownComponentError, match=r"node `a`.*`forward`") as caught:
        net.start()
    assert kinds(caught.value.diagnostics) == ["unknown-component", "unknown-component"]
    assert caught.value.diagnostics == graph.check(Network())
    assert isinstance(caught.value, (GraphCheckError, RuntimeError, ValueError))
    net.register_actor("forward", Forward)
    net.add_connection("b", "out", "nobody", "in")
    net.add_initial("noone", "in", 1)
    with pytest.raises(GraphCheckError, match="nobody") as caught:
        net.run()
    assert isinstance(caught.value, NetworkError)
    assert isinstance(caught.value, GraphError)
    assert kinds(caught.value.diagnostics) == ["unknown-node", "unknown-node"]


def test_from_graph_refuses_a_broken_structure_as_a_whole():
    export = wire_graph("a>b").to_json()
    del export["processes"]["b"]
    export["processes"]["a"]["metadata"] = {"policy": {"attempts": 0}}
    with pytest.raises(GraphCheckError) as caught:
        Network.from_graph(export)
    assert kinds(caught.value.diagnostics) == ["unknown-node", "bad-policy"]


class TestShape:
    GRAPH = wire_graph("a>b b>c c>b c>d a>d e")

    def test_layers_and_cycles(self):
        assert self.GRAPH.layers() == [["a", "e"], ["b", "c"], ["d"]]
        assert self.GRAPH.cycles() == [["b", "c"]]
        assert (self.GRAPH.sources(), self.GRAPH.sinks()) == (["a", "e"], ["d", "e"])

    def test_reach(self):
        assert self.GRAPH.reachable("c", "e") == ["b", "c", "d", "e"]
        assert self.GRAPH.impact("a") == ["b", "c", "d"]
        assert self.GRAPH.dependencies("d") == ["a", "b", "c"]
        assert self.GRAPH.impact("nobody") == []

    def test_the_critical_path_is_the_heaviest(self):
        graph = wire_graph("a>b b>c c>d a>x x>d")
        assert graph.critical_path() == CriticalPath(["a", "b", "c", "d"], 4.0)
        assert graph.critical_path({"x": 10}).nodes == ["a", "x", "d"]
        measured = graph.critical_path({"x": {"busy_s": 2.0, "ticks": 1}, "a": {"busy_s": 1.0}})
        assert (measured.nodes, measured.weight) == (["a", "x", "d"], 3.0)

    def test_by_the_times_of_a_run(self):
        graph = wire_graph("a>b", component="add")
        graph.add_initial("a", "in", 1)
        net = Network.from_graph(graph)
        net.register_actor("add", AddOne)
        assert graph.critical_path(net.run(timeout=20).nodes).nodes == ["a", "b"]


def test_diff_tells_what_changed():
    before = wire_graph("a>b")
    after = Graph.from_json(before.to_json())
    assert not before.diff(after)
    after.add_node("c", "x")
    after.set_node_metadata("a", {"width": 3})
    after.remove_connection("a", "out", "b", "in")
    after.add_initial("b", "in", 1)
    diff = before.diff(after)
    assert diff
    assert list(diff.nodes) == ["a", "c"]
    assert diff.nodes["a"] == {"kind": "changed", "details": [{"path": "metadata.width", "before": None, "after": 3}]}
    assert diff.connections["a.out -> b.in"]["kind"] == "removed"
    assert str(diff) == (
        '~ node a\n    metadata.width: null -> 3\n+ node c\n    component: "x"\n'
        "- connection a.out -> b.in\n+ initial b.in\n    packets: [1]\n"
    )
    assert str(before.diff(after.to_json())) == str(diff)
