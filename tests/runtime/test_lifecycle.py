"""`setup`, `finalize`, `teardown`, `finish`, port life cycle and node states."""

from __future__ import annotations

import threading

import pytest

from offbit_reflow import Actor, Network

from .support import SOON, Collect, Forward, add, connect, numbers, of_type, run_one, running


class Story(Actor):
    inports = ["in"]
    outports = ["out"]

    def __init__(self):
        self.told = []

    def setup(self, ctx):
        self.told.append("setup")

    def run(self, ctx):
        self.told.append(ctx["in"])
        ctx.done()

    def finalize(self, ctx):
        self.told.append("finalize")
        ctx.send({"out": "last words"})
        ctx.emit("out", "emitted")

    def teardown(self):
        self.told.append("teardown")


def test_the_order_of_a_life():
    story = Story()
    result = run_one(story, [1, 2])
    assert story.told == ["setup", 1, 2, "finalize", "teardown"]
    assert result.outputs["out"] == ["last words", "emitted"]


def test_life_without_a_tick():
    story = Story()
    result = run_one(story, [])
    assert story.told == ["setup", "finalize", "teardown"]
    assert result.outputs["out"] == ["last words", "emitted"]


def test_teardown_comes_after_shutdown_but_finalize_does_not():
    story = Story()
    net = Network()
    add(net, "a", story)
    net.start()
    net.send("a", "in", 1)
    net.wait(timeout=SOON)
    assert net.shutdown(grace=5) == []
    assert story.told == ["setup", 1, "teardown"]


@pytest.mark.parametrize("style", ["async", "generator"])
def test_other_styles_of_setup_and_finalize(style):
    told = []
    if style == "async":

        class Styled(Actor):
            inports = ["in"]

            async def setup(self, ctx):
                told.append("setup")

            async def run(self, ctx):
                told.append(ctx["in"])
                return {}

            async def finalize(self, ctx):
                told.append("finalize")
                ctx.send({"out": 1})
    else:

        class Styled(Actor):
            inports = ["in"]

            def setup(self, ctx):
                told.append("setup")
                yield {}

            def run(self, ctx):
                told.append(ctx["in"])
                yield {}

            def finalize(self, ctx):
                told.append("finalize")
                yield {"out": 1}

    with Network() as net:
        add(net, "a", Styled)
        add(net, "b", sink := Collect())
        connect(net, "a", "b")
        net.add_initial("a", "in", "run")
        result = net.run(timeout=SOON)
    assert result.ok, result.failures
    assert told == ["setup", "run", "finalize"]
    assert sink.values == [1]


def test_async_teardown_is_run():
    told = []

    class Styled(Actor):
        inports = ["in"]

        async def run(self, ctx):
            return {}

        async def teardown(self):
            told.append("teardown")

    run_one(Styled)
    assert told == ["teardown"]


class TestFailing:
    def test_setup(self):
        ran = []

        class Broken(Actor):
            inports = ["in"]

            def setup(self, ctx):
                raise ValueError("no license")

            def run(self, ctx):
                ran.append(1)

            def teardown(self):
                ran.append("teardown")

        with Network() as net:
            add(net, "source", numbers(10_000))
            add(net, "a", Broken)
            add(net, "b", Collect())
            connect(net, "source", "a", "b")
            result = net.run(timeout=SOON)
        assert ran == ["teardown"]
        assert result.nodes["a"]["state"] == "failed"
        assert result.failures[0].error == "ValueError: no license"
        assert result.nodes["source"]["state"] == "finished"
        assert result.nodes["b"]["state"] == "skipped"
        assert result.state == "failed"

    def test_finalize(self):
        class Broken(Story):
            def finalize(self, ctx):
                raise ValueError("at the end")

        story = Broken()
        result = run_one(story)
        assert result.failures[0].error == "ValueError: at the end"
        assert result.nodes["a"]["state"] == "failed"
        assert story.told[-1] == "teardown"

    @pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
    def test_teardown_hurts_nobody(self, monkeypatch):
        hooked = []
        monkeypatch.setattr("sys.unraisablehook", lambda args: hooked.append(repr(args.exc_value)))

        class Broken(Story):
            def teardown(self):
                raise ValueError("let go")

        result = run_one(Broken())
        assert result.ok
        assert hooked == ["ValueError('let go')"]

    def test_constructor(self, net):
        class Broken(Actor):
            def __init__(self):
                raise ValueError("cannot be made")

        add(net, "a", Broken)
        with pytest.raises(RuntimeError, match="cannot be made"):
            net.start()

    def test_constructor_that_needs_arguments(self):
        class Needs(Actor):
            inports = ["in"]
            outports = ["out"]

            def __init__(self, factor):
                self.factor = factor

            def run(self, ctx):
                return {"out": ctx["in"] * self.factor}

        with Network() as net, pytest.raises(TypeError, match=r"'factor'.*factory=lambda: Needs"):
            net.register_actor("plain", Needs)
        with Network() as net:
            net.register_actor("triple", Needs, factory=lambda: Needs(3))
            net.add_node("a", "triple")
            net.add_outport("out", "a", "out")
            net.add_initial("a", "in", 5)
            assert net.run(timeout=SOON).outputs == {"out": [15]}


class TestFinish:
    def test_a_source_ends_with_finish(self):
        class Source(Actor):
            inports = []
            outports = ["out"]

            def run(self, ctx):
                ctx.done({"out": ctx.tick})
                if ctx.tick == 5:
                    ctx.finish()

        with Network() as net:
            add(net, "a", Source)
            sink = add(net, "b", Collect())
            connect(net, "a", "b")
            net.start()
            result = net.wait(timeout=SOON)
        assert sink.values == [1, 2, 3, 4, 5]
        assert result.state == "finished"

    def test_a_node_may_end_before_its_inputs(self):
        def run(self, ctx):
            ctx.finish()
            ctx.done({"out": ctx["in"]})

        with Network({"capacity": 4}) as net:
            add(net, "source", numbers(1_000))
            add(net, "a", running(run))
            sink = add(net, "b", Collect())
            connect(net, "source", "a", "b")
            events = net.events(types=["PacketsUndelivered"])
            result = net.run(timeout=SOON)
        assert sink.values == [0]
        assert result.state == "finished"
        assert sum(result.nodes[name]["undelivered"] for name in ("source", "a")) == 999
        assert result.nodes["a"]["packets_in"] == 1
        assert [event["actorId"] for event in events] == ["a"] or not list(events)

    def test_from_outside_the_tick(self):
        kept = []

        def run(self, ctx):
            kept.append(ctx.defer())

        class Later(Actor):
            inports = []
            run = None

        Later.run = run
        with Network() as net:
            add(net, "a", Later)
            net.start()
            while not kept:
                threading.Event().wait(0.01)
            kept[0].finish()
            kept[0].done()
            assert net.wait(timeout=SOON).state == "finished"
        assert len(kept) == 1

    def test_a_plain_source_runs_once_for_each_call_until_it_finishes(self):
        """An actor that declares no inports is started again and again; one with ports never without a packet."""
        ran = []

        class Ported(Actor):
            inports = ["in"]

            def run(self, ctx):
                ran.append(1)

        with Network() as net:
            add(net, "a", Ported)
            result = net.run(timeout=SOON)
        assert not ran
        assert result.nodes["a"]["state"] == "skipped"


def test_ports_close_one_after_the_other():
    order = []

    def named(name):
        class Named(Forward):
            def finalize(self, ctx):
                order.append(name)

        return Named

    with Network() as net:
        add(net, "source", numbers(10))
        for name in "abc":
            add(net, name, named(name))
        connect(net, "source", "a", "b", "c")
        assert net.run(timeout=SOON).ok
    assert order == ["a", "b", "c"]


def test_a_node_waits_for_all_its_producers():
    release = threading.Event()
    finalized = threading.Event()

    def slow(self, ctx):
        release.wait(SOON)
        ctx.done({"out": "slow"})

    class Last(Collect):
        def finalize(self, ctx):
            finalized.set()

    with Network() as net:
        add(net, "quick", numbers(3))
        add(net, "slow", running(slow))
        last = add(net, "last", Last())
        net.add_connection("quick", "out", "last", "in")
        net.add_connection("slow", "out", "last", "in")
        net.add_initial("slow", "in", 0)
        net.start()
        while len(last.values) < 3:
            threading.Event().wait(0.01)
        assert not finalized.is_set()
        release.set()
        net.close_inputs()
        assert net.wait(timeout=SOON).state == "finished"
    assert last.values == [0, 1, 2, "slow"]
    assert finalized.is_set()


def test_states_are_told():
    with Network() as net:
        events = net.events()
        add(net, "a", numbers(2))
        add(net, "b", Collect())
        add(net, "lonely", Collect())
        connect(net, "a", "b")
        result = net.run(timeout=SOON)
        seen = of_type(events, "NodeStateChanged")
    assert {name: node["state"] for name, node in result.nodes.items()} == {
        "a": "finished",
        "b": "finished",
        "lonely": "skipped",
    }
    for name, last in (("a", "finished"), ("b", "finished"), ("lonely", "skipped")):
        states = [event["state"] for event in seen if event["actorId"] == name]
        assert states[-1] == last
        assert len(states) == len(set(states)) or name != "lonely"


@pytest.mark.parametrize("taken", ["outports", "outports and node", "listener", "answers"])
def test_what_leaves_the_network_is_counted_once_a_packet(taken):
    """Once for each node that takes it, and once where only those outside do."""
    with Network() as net:
        add(net, "a", Forward)
        if taken == "listener":
            listener = net.listen("a", "out")
        else:
            net.add_outport("one", "a", "out")
            net.add_outport("two", "a", "out")
        if taken == "outports and node":
            add(net, "c", Collect())
            connect(net, "a", "c")
        if taken == "answers":
            net.start()
            assert [net.ask({"a.in": number}, timeout=SOON)["one"] for number in range(3)] == [[0], [1], [2]]
            assert net.stats()["a"]["packets_out"] == 3
            return
        result = net.run({"a.in": iter(range(3))}, timeout=SOON)
        if taken == "listener":
            assert list(listener) == [0, 1, 2]
        assert result.nodes["a"]["packets_out"] == 3


def test_stats_count():
    with Network() as net:
        add(net, "a", numbers(100))
        add(net, "b", Forward)
        add(net, "c", Collect())
        connect(net, "a", "b", "c")
        result = net.run(timeout=SOON)
    b = result.nodes["b"]
    assert (b["ticks"], b["packets_in"], b["packets_out"], b["failures"], b["retries"]) == (100, 100, 100, 0, 0)
    assert (b["queued"], b["undelivered"]) == (0, 0)
    assert result.nodes["a"]["packets_out"] == 100
    assert result.nodes["c"]["packets_in"] == 100
    assert b["busy_s"] >= 0
    assert 0 <= b["queue_fill"] <= 1
    assert 1 <= b["queue_high_water"] <= 128


def test_restart_makes_everything_anew():
    made = []

    class Counter(Actor):
        inports = ["in"]
        outports = ["out"]

        def __init__(self):
            made.append(self)
            self.count = 0

        def run(self, ctx):
            self.count += 1
            ctx.pool_upsert("p", "count", ctx.pool_count("p"))
            return {"out": [self.count, ctx.pool_count("p")]}

    net = Network()
    add(net, "a", Counter)
    net.add_outport("out", "a", "out")
    net.add_initial("a", "in", 0)
    for _ in range(3):
        assert net.run(timeout=SOON).outputs == {"out": [[1, 1]]}
        net.shutdown()
    assert len(made) == 3


def test_start_twice_is_refused(net):
    # Nothing feeds the node, so the run stays open for what may be sent.
    add(net, "a", sink := Collect())
    net.start()
    with pytest.raises(RuntimeError, match="running"):
        net.start()
    with pytest.raises(RuntimeError, match="running"):
        net.run(timeout=1)
    net.send("a", "in", 1)
    net.wait(timeout=SOON)
    assert sink.values == [1]
    net.shutdown()
    net.start()
    net.send("a", "in", 1)
    net.wait(timeout=SOON)
    assert sink.values == [1, 1]


def test_a_start_that_fails_leaves_nothing_running(net):
    story = Story()
    net.register_actor("story", story)
    net.add_node("a", "story")
    net.add_connection("a", "out", "nobody", "in")
    with pytest.raises(RuntimeError, match="nobody"):
        net.start()
    assert not net.is_running
    assert story.told == []
    with pytest.raises(RuntimeError):
        net.send("a", "in", 1)
