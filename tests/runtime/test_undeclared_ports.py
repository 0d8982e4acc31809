"""Ports that an actor does not declare: found by checks, told where packets are lost, refused for functions."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from offbit_reflow import Actor, Graph, Network, SubgraphBuilder, actor
from offbit_reflow.cli import main
from offbit_reflow.exceptions import GraphCheckError


class Class(Actor):
    inports, outports = ["in"], ["out"]

    def run(self, ctx):
        ctx.done({"out": ctx["in"]})


class Free(Actor):
    def run(self, ctx):
        ctx.done({"anything": 1})


class Cases(Actor):
    inports, outports = ["In", "in"], ["Out", "out"]

    def run(self, ctx):
        for port in ("In", "in"):
            if port in ctx:
                ctx.done({port.replace("n", "ut").replace("I", "O").replace("i", "o"): [port, ctx[port]]})


@actor(outports=["left", "right"])
def function(x):
    return {"lefft": x}


def graph_of(component: str, **more: Any) -> dict[str, Any]:
    """A graph that names a port wrong in every place there is."""

    def edge(node, port):
        return {"nodeId": node, "portId": port}

    return {
        "caseSensitive": True,
        "properties": {"name": "g"},
        "processes": {
            "a": {"component": component, "metadata": {"firing": {"latest": ["inn"]}}},
            "b": {"component": component},
        },
        "connections": [
            {"from": edge("a", "outt"), "to": edge("b", "ni")},
            {"from": edge("", ""), "to": edge("a", "i"), "data": 1},
        ],
        "inports": {"door": edge("a", "im")},
        "outports": {"exit": edge("b", "uot")},
        **more,
    }


COMPONENTS = {
    "Class": (Class, "warning"),
    "tpl_map": (None, "error"),
    "function": (function, "error"),
}


@pytest.mark.parametrize("component", COMPONENTS)
def test_every_place_that_names_a_port_is_checked(component, tmp_path, capsys):
    made, severity = COMPONENTS[component]
    export = graph_of(component)
    net = Network.from_graph(export)
    if made is not None:
        net.register_actor(component, made)
    checked = [str(finding) for finding in Graph.from_json(export).check(net) if finding.code == "G002"]
    assert len(checked) == 6
    assert all(text.startswith(severity) for text in checked)
    said = "\n".join(net.check())
    assert all(text in said for text in checked)
    path = tmp_path / "g.json"
    path.write_text(json.dumps(export), encoding="utf-8")
    actors = ["--actors", __file__] if made is not None else []
    status = main(["check", str(path), *actors])
    checked_out = capsys.readouterr().out
    assert all(text in checked_out for text in checked)
    assert status == (1 if severity == "error" else 0)
    if severity == "error":
        assert main(["run", str(path), *actors]) == 2
        refused = capsys.readouterr().err
        assert all(text in refused for text in checked)
        with pytest.raises(GraphCheckError, match="inn"):
            net.run(timeout=20)


def test_the_nearest_name_is_named():
    net = Network.from_graph(graph_of("Class"))
    net.register_actor("Class", Class)
    assert sum("did you mean `in`?" in text for text in net.check()) >= 3
    assert sum("did you mean `out`?" in text for text in net.check()) == 2


def test_inputs_of_a_run_name_ports_too():
    net = Network()
    net.register_actor("f", function)
    net.add_node("f", "f")
    with pytest.raises(GraphCheckError, match="no inport `y`"):
        net.run({"f.y": 1}, timeout=20)


def test_inner_nodes_are_checked_as_outer_ones():
    inner = Graph("inner", case_sensitive=True)
    inner.add_node("n", "Class")
    inner.add_inport("in", "n", "inn")
    inner.add_outport("out", "n", "out")
    builder = SubgraphBuilder(inner)
    builder.register_actor("Class", Class)
    net = Network()
    net.register_actor("sub", builder.build())
    net.register_actor("Class", function)  # another component of the same name outside
    net.add_node("s", "sub")
    net.add_initial("s", "in", 1)
    (warning,) = net.check()
    assert "warning G002" in warning
    assert "s/n" in warning
    net.add_node("t", "sub")
    net.add_connection("s", "outt", "t", "in")
    with pytest.raises(GraphCheckError, match="outt"):
        net.run(timeout=20)


def test_an_actor_that_declares_no_ports_may_use_any():
    net = Network()
    net.register_actor("free", Free)
    net.register_actor("class", Class)
    net.add_node("f", "free")
    net.add_node("g", "free")
    net.add_connection("f", "anything", "g", "whatever")
    net.add_initial("f", "start", 1)
    assert net.check() == []
    events = net.events(types=["ActorLog"])
    result = net.run(timeout=20)
    assert result.nodes["g"]["ticks"] == 1
    assert result.nodes["g"]["stray"] == 0
    assert list(events) == []


class Emit(Class):
    def run(self, ctx):
        ctx.emit("outt", 1)
        ctx.emit("outt", 2)
        ctx.done()


class Done(Class):
    def run(self, ctx):
        ctx.done({"outt": 1})


class Returned(Class):
    def run(self, ctx):
        return {"outt": 1}


class Send(Class):
    def run(self, ctx):
        ctx.send({"outt": 1})
        ctx.done()


class Generator(Class):
    def run(self, ctx):
        yield {"outt": 1}


class Async(Class):
    async def run(self, ctx):
        return {"outt": 1}


class SendAsync(Class):
    async def run(self, ctx):
        await ctx.send_async({"outt": 1})
        ctx.done()


class AsyncGenerator(Class):
    async def run(self, ctx):
        yield {"outt": 1}


class Columns(Class):
    batch_size = 4

    def run(self, batch):
        batch.done({"outt": batch["in"]})


class Rows(Class):
    batch_size = 4

    def run(self, batch):
        for ctx in batch:
            ctx.emit("outt", 1)
            ctx.done()


class Deferred(Class):
    def run(self, ctx):
        thread = threading.Thread(target=ctx.defer().done, args=({"outt": 1},))
        thread.start()


class Setup(Class):
    def setup(self, ctx):
        ctx.send({"outt": 1})


class Finalize(Class):
    def finalize(self, ctx):
        ctx.send({"outt": 1})


STYLES = [
    Emit,
    Done,
    Returned,
    Send,
    Generator,
    Async,
    SendAsync,
    AsyncGenerator,
    Columns,
    Rows,
    Deferred,
    Setup,
    Finalize,
]


@pytest.mark.parametrize("style", STYLES)
def test_what_is_lost_is_told_once_and_counted(style):
    net = Network()
    net.register_actor("a", style)
    net.add_node("a", "a")
    net.add_outport("o", "a", "out")
    events = net.events(types=["ActorLog"])
    result = net.run({"a.in": iter([1, 2, 3])}, timeout=20)
    assert result.ok
    (event,) = list(events)
    assert (event["actorId"], event["level"]) == ("a", "warning")
    assert "`outt`" in event["data"]
    assert "did you mean `out`?" in event["data"]
    expected = {Setup: 1, Finalize: 1, Emit: 6}.get(style, 3)
    assert result.nodes["a"]["stray"] == expected


def test_what_is_connected_works_without_a_word():
    class Loose(Class):
        def run(self, ctx):
            ctx.done({"extra": ctx["in"]})

    net = Network()
    net.register_actor("a", Loose)
    net.add_node("a", "a")
    net.add_outport("o", "a", "extra")
    assert len(net.check()) == 1
    result = net.run({"a.in": 5}, timeout=20)
    assert (result.outputs, result.nodes["a"]["stray"]) == ({"o": [5]}, 0)


def _functions() -> dict[str, Any]:
    @actor(outports=["left", "right"])
    def plain(x):
        return {"lefft": x}

    @actor(outports=["left", "right"])
    async def coroutine(x):
        return {"lefft": x}

    @actor(outports=["left", "right"])
    def generator(x):
        yield {"lefft": x}

    @actor(outports=["left", "right"])
    async def async_generator(x):
        yield {"lefft": x}

    @actor
    def emits(x, ctx):
        ctx.emit("lefft", x)

    @actor(outports=["left", "right"])
    def deferred(x, ctx):
        done = ctx.defer().done

        def end():
            with pytest.raises(RuntimeError, match="lefft"):
                done({"lefft": 1})

        threading.Thread(target=end).start()
        return {}

    return {name: made for name, made in locals().items() if isinstance(made, type)}


@pytest.mark.parametrize("style", ["plain", "coroutine", "generator", "async_generator", "emits"])
def test_a_function_fails_with_the_name(style):
    net = Network()
    net.register_actor("f", _functions()[style])
    net.add_node("f", "f")
    result = net.run({"f.x": 1}, timeout=20)
    (failure,) = result.failures
    assert "no outport `lefft`" in failure.error
    if style != "emits":
        assert "did you mean `left`?" in failure.error


def test_ports_that_differ_in_case_are_told_apart_or_refused():
    net = Network()
    net.register_actor("c", Cases)
    net.add_node("c", "c")
    net.add_outport("upper", "c", "Out")
    net.add_outport("lower", "c", "out")
    assert net.check() == []
    result = net.run({"c.In": 1, "c.in": 2}, timeout=20)
    assert result.outputs == {"upper": [["In", 1]], "lower": [["in", 2]]}
    for case_sensitive in (True, False):
        graph = Graph("g", case_sensitive=case_sensitive)
        graph.add_node("c", "c")
        graph.add_initial("c", "In", 1)
        graph.add_initial("c", "in", 2)
        graph.add_outport("upper", "c", "Out")
        graph.add_outport("lower", "c", "out")
        for source in (graph, graph.to_json()):
            net = Network.from_graph(source)
            net.register_actor("c", Cases)
            found = graph.check(net)
            if case_sensitive:
                assert found == []
                assert net.run(timeout=20).outputs == result.outputs
            else:
                assert [finding.code for finding in found] == ["G018"] * 4
                assert "`In` and `in`" in found[0].message
                with pytest.raises(GraphCheckError, match="caseSensitive"):
                    net.run(timeout=20)


def test_ports_of_the_network_are_found_whatever_their_case_where_that_does_not_matter():
    class Shouts(Actor):
        inports, outports = ["In"], ["Out"]

        def run(self, ctx):
            ctx.done({"Out": ctx["In"]})

    def edge(node, port):
        return {"nodeId": node, "portId": port}

    graph = {
        "caseSensitive": False,
        "properties": {},
        "processes": {name: {"id": name, "component": "shouts"} for name in "ab"},
        "connections": [{"from": edge("a", "out"), "to": edge("b", "IN")}],
        "inports": {"door": edge("a", "in")},
        "outports": {"exit": edge("b", "OUT")},
    }
    for port in ("a.in", "a.IN", "door"):
        net = Network.from_graph(graph)
        net.register_actor("shouts", Shouts)
        assert net.check() == []
        assert net.run({port: 1}, timeout=20).outputs == {"exit": [1]}
    with Network.from_graph(graph) as net:
        net.register_actor("shouts", Shouts)
        net.start()
        with net.listen("b", "out") as listener:
            net.send("a", "iN", 1)
            assert next(listener) == 1


def test_connections_of_outports_that_nothing_leaves_by_are_warned_of():
    def network(policy, firing):
        net = Network()
        net.register_actor("class", Class)
        net.register_actor("cases", Cases)
        net.add_node("a", "class", policy=policy)
        net.add_node("two", "cases", firing=firing)
        net.add_node("b", "class")
        net.add_connection("a", "error", "b", "in")
        net.add_outport("failed", "a", "error")
        net.add_outport("alone", "two", "unmatched")
        return net

    found = network(None, None).check()
    assert len(found) == 3
    assert all(text.startswith("warning G002 unknown-port") for text in found)
    assert all("nothing leaves by `error` of node `a`" in text for text in found[:2])
    assert all('hint: `policy: {"on_error": "route"}`' in text for text in found[:2])
    assert "nothing leaves by `unmatched` of node `two`" in found[2]
    assert network({"on_error": "route"}, "all").check() == []
    assert len(network({"on_error": "stop"}, "latest").check()) == 3


def test_an_unknown_component_is_tolerated_only_where_no_actors_are_named(tmp_path: Path, capsys):
    path = tmp_path / "g.json"
    export = graph_of("tpl_map")
    export["processes"]["mine"] = {"component": "Mine"}
    path.write_text(json.dumps(export), encoding="utf-8")
    assert main(["check", str(path)]) == 1
    out = capsys.readouterr().out
    assert out.count("G002") == 6
    assert "G001" not in out
    assert main(["check", str(path), "--actors", __file__]) == 1
    assert "G001" in capsys.readouterr().out


@pytest.mark.timeout(60)
def test_checks_of_many_ports_take_linear_time():
    many = [f"port{number}" for number in range(5_000)]

    class Wide(Actor):
        inports = outports = many

    graph = Graph(case_sensitive=False)
    graph.add_node("w", "wide")
    for port in many:
        graph.add_connection("w", port, "w", port + "x")
    assert len(graph.check({"wide": Wide})) >= len(many)
