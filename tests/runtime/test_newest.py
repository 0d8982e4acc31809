"""Packets that newer ones replace: latest inports, and connections with an overflow of their own."""

from __future__ import annotations

import threading

import pytest

from offbit_reflow import Actor, Graph, Message, Network

from .support import SOON


class Gate(Actor):
    """Waits inside its tick for a permit each, and notes what it was given."""

    inports = ["in"]
    outports = ["out"]

    def __init__(self):
        self.seen = []
        self.inside = threading.Semaphore(0)
        self.permits = threading.Semaphore(0)

    def run(self, ctx):
        self.seen.append(ctx["in"])
        self.inside.release()
        assert self.permits.acquire(timeout=SOON)
        ctx.done({"out": ctx["in"]})


class Source(Actor):
    """Passes on what comes from outside."""

    inports = ["in"]
    outports = ["out"]

    def run(self, ctx):
        ctx.done({"out": ctx["in"]})


def latest_all(gate):
    gate.await_all_inports = "latest"
    return {}


def latest_inports(gate):
    gate.latest_inports = ["in"]
    return {}


def latest_inports_of_a_pairing_node(gate):
    gate.latest_inports = ["in"]
    gate.await_all_inports = True
    return {}


def rule(_gate):
    return {"firing": "latest"}


def rule_with_inports(_gate):
    return {"firing": {"latest": ["in"]}}


def connection(_gate):
    return {"overflow": "newest"}


FORMS = [latest_all, latest_inports, latest_inports_of_a_pairing_node, rule, rule_with_inports, connection]


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.__name__)
@pytest.mark.parametrize("behind", [True, False])
def test_a_busy_node_finds_the_newest_packet(form, behind):
    gate = Gate()
    how = form(gate)
    if not behind and form is connection:
        pytest.skip("there is no connection")
    with Network() as net:
        net.register_actor("source", Source)
        net.register_actor("gate", gate)
        net.add_node("source", "source")
        net.add_node("gate", "gate", firing=how.get("firing"))
        if behind:
            overflow = how.get("overflow", "wait")
            net.add_connection("source", "out", "gate", "in", capacity=1, overflow=overflow)
        first = "source" if behind else "gate"
        net.start()
        net.send(first, "in", 0)
        assert gate.inside.acquire(timeout=SOON)
        for number in range(1, 20):
            net.send(first, "in", number)
        while behind and net.stats()["source"]["packets_out"] < 20:
            pass
        gate.permits.release()
        assert gate.inside.acquire(timeout=SOON)
        gate.permits.release()
        assert net.wait(SOON)
        assert gate.seen == [0, 19]
        assert net.stats()["gate"]["dropped"] == 18


def test_what_is_remembered_is_the_newest_at_the_moment_of_the_tick():
    class Show(Gate):
        inports = ["frame", "settings"]
        latest_inports = ["settings"]
        await_all_inports = True

        def run(self, ctx):
            self.seen.append((ctx["frame"], ctx["settings"]))
            self.inside.release()
            assert self.permits.acquire(timeout=SOON)
            ctx.done()

    show = Show()
    with Network() as net:
        net.register_actor("show", show)
        net.add_node("show", "show")
        net.start()
        net.send("show", "settings", "old")
        net.send("show", "frame", 1)
        assert show.inside.acquire(timeout=SOON)
        net.send("show", "frame", 2)
        net.send("show", "settings", "new")
        for _ in range(2):
            show.permits.release()
        assert show.inside.acquire(timeout=SOON)
        assert net.wait(SOON)
        assert show.seen == [(1, "old"), (2, "new")]


@pytest.mark.parametrize(
    ("overflow", "kept", "dropped"),
    [("newest", [0, 8, 9], 7), ("oldest", [0, 1, 2], 7), ("error", [0, 1, 2], 7)],
)
@pytest.mark.parametrize("from_json", [True, False])
def test_a_connection_says_what_happens_to_what_has_no_room(overflow, kept, dropped, from_json):
    gate = Gate()
    failures = []

    class Feed(Actor):
        outports = ["out"]

        def run(self, ctx):
            ctx.send({"out": 0})
            assert gate.inside.acquire(timeout=SOON)
            for number in range(1, 10):
                try:
                    ctx.send({"out": number})
                except RuntimeError as error:
                    failures.append(str(error))
            for _ in range(9):
                gate.permits.release()
            ctx.finish()
            ctx.done()

    with Network() as net:
        net.register_actor("feed", Feed)
        net.register_actor("gate", gate)
        graph = Graph("g", True)
        if from_json:
            graph.add_node("feed", "feed")
            graph.add_node("gate", "gate")
            # The gate has taken one; two more may wait.
            graph.add_connection("feed", "out", "gate", "in", {"capacity": 2, "overflow": overflow})
            assert Graph.from_json(graph.to_json()).to_json() == graph.to_json()
            net = Network.from_graph(graph)
            net.register_actor("feed", Feed)
            net.register_actor("gate", gate)
        else:
            net.add_node("feed", "feed")
            net.add_node("gate", "gate")
            net.add_connection("feed", "out", "gate", "in", 2, overflow=overflow)
        result = net.run(timeout=SOON)
        net.shutdown()
    assert gate.seen[0] == kept[0]
    assert gate.seen[-2:] == kept[-2:] or overflow != "newest"
    assert len(gate.seen) + result.nodes["gate"]["dropped"] == 10
    assert len(failures) == (result.nodes["gate"]["dropped"] if overflow == "error" else 0)
    assert result.nodes["gate"]["dropped"] > 0


def test_a_wrong_overflow_is_refused(net):
    with pytest.raises(ValueError, match="overflow"):
        net.add_connection("a", "out", "b", "in", overflow="explode")


def test_a_commit_that_its_connection_refuses_is_a_failure():
    gate = Gate()

    class Feed(Actor):
        outports = ["out"]

        def run(self, ctx):
            yield {"out": 0}
            assert gate.inside.acquire(timeout=SOON)
            for number in range(1, 4):
                yield {"out": number}
            for _ in range(9):
                gate.permits.release()

    with Network() as net:
        net.register_actor("feed", Feed)
        net.register_actor("gate", gate)
        net.add_node("feed", "feed")
        net.add_node("gate", "gate")
        net.add_connection("feed", "out", "gate", "in", 1, overflow="error")
        result = net.run(timeout=SOON)
    assert {failure.reason for failure in result.failures} == {"overflow"}
    assert len(gate.seen) + len(result.failures) == 4


def yields(self, ctx):
    for number in range(4):
        yield {"out": number}


async def yields_async(self, ctx):
    for number in range(4):
        yield {"out": number}


@pytest.mark.parametrize("run", [yields, yields_async])
def test_a_generator_goes_on_when_a_connection_refuses_what_it_yields(run):
    gate = Gate()
    source = type("Source", (Actor,), {"outports": ["out"], "run": run})
    with Network() as net:
        for name, part in {"source": source, "gate": gate}.items():
            net.register_actor(name, part)
            net.add_node(name, name)
        net.add_node("others", "tpl_passthrough")
        net.add_connection("source", "out", "gate", "in", 1, overflow="error")
        net.add_connection("source", "out", "others", "input")
        net.add_outport("all", "others", "output")
        net.start(collect=True)
        assert gate.inside.acquire(timeout=SOON)
        for _ in range(9):
            gate.permits.release()
        result = net.wait(timeout=SOON)
    assert result.nodes["source"]["state"] == "finished"
    assert {failure.reason for failure in result.failures} <= {"overflow"}
    assert len(gate.seen) + len(result.failures) == 4
    # Who has room gets it all.
    assert result.outputs["all"] == [0, 1, 2, 3]


@pytest.mark.parametrize("make", [dict, Message.object, lambda value: {"type": "Object", "data": value}])
@pytest.mark.parametrize("outside", [True, False])
def test_objects_that_wait_for_partners_are_merged_where_all_inports_keep_their_newest(make, outside):
    class Both(Actor):
        inports = ["a", "b"]
        outports = ["out"]
        await_all_inports = "latest"

        def run(self, ctx):
            ctx.done({"out": (ctx["a"], ctx["b"])})

    class Three(Actor):
        outports = ["a", "b"]

        def run(self, ctx):
            yield {"a": make({"x": 1, "y": 1})}
            yield {"a": make({"y": 2})}
            yield {"b": 1}

    with Network() as net:
        net.register_actor("both", Both)
        net.add_node("both", "both")
        listener = net.listen("both", "out")
        if not outside:
            net.register_actor("three", Three)
            net.add_node("three", "three")
            for port in "ab":
                net.add_connection("three", port, "both", port)
        net.start()
        if outside:
            net.send("both", "a", make({"x": 1, "y": 1}))
            net.send("both", "a", make({"y": 2}))
            net.send("both", "b", 1)
        assert next(iter(listener)) == ({"x": 1, "y": 2}, 1)
