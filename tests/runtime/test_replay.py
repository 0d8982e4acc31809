"""A run is written into a file, and repeated: the same ticks in the same order, with the same outputs."""

from __future__ import annotations

import asyncio
import gzip
import json
import random
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from offbit_reflow import Actor, Network, Replay
from offbit_reflow.cli import main
from offbit_reflow.exceptions import NetworkError

from .support import SOON


class Mix(Actor):
    """Its output depends on all it has seen, in that order."""

    inports = ["a", "b"]
    outports = ["out"]

    def __init__(self):
        self.seen = 0

    def run(self, ctx):
        for port in ctx.inputs:
            number = ctx[port]
            self.seen = (self.seen * 31 + number * (2 if port == "a" else 3)) % 1_000_003
        ctx.done({"out": self.seen})


class MixAsync(Mix):
    async def run(self, ctx):
        await asyncio.sleep(0)
        Mix.run(self, ctx)


class MixGenerator(Mix):
    def run(self, ctx):
        for port in ctx.inputs:
            number = ctx[port]
            self.seen = (self.seen * 31 + number * (2 if port == "a" else 3)) % 1_000_003
        if self.seen % 3:
            yield {"out": self.seen}


class Draws(Mix):
    def run(self, ctx):
        ctx.done({"out": random.randrange(1000)})


STYLES = {"mix": Mix, "async": MixAsync, "generator": MixGenerator}


def build(net, edges, styles):
    for name, component in STYLES.items():
        net.register_actor(name, component)
    for node, style in enumerate(styles):
        net.add_node(f"n{node}", style)
        net.add_outport(f"o{node}", f"n{node}", "out")
    for one, other, port in edges:
        net.add_connection(f"n{one}", "out", f"n{other}", port)


@st.composite
def graphs(draw):
    size = draw(st.integers(2, 7))
    styles = draw(st.lists(st.sampled_from(sorted(STYLES)), min_size=size, max_size=size))
    edge = st.tuples(st.integers(0, size - 1), st.integers(0, size - 1), st.sampled_from("ab"))
    edges = draw(st.lists(edge, max_size=12))
    return sorted({(one, other, port) for one, other, port in edges if one < other}), styles


@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
@given(graphs(), st.integers(1, 3))
@pytest.mark.timeout(120)
def test_random_graphs_give_the_same_in_the_same_order(tmp_path_factory, graph, sources):
    edges, styles = graph
    file = tmp_path_factory.mktemp("replay") / "run.rfltrace"
    net = Network()
    build(net, edges, styles)
    inputs = {f"n{node}.{port}": iter(range(20)) for node in range(min(sources, len(styles))) for port in "ab"}
    result = net.run(inputs, timeout=SOON, record=file)
    for _ in range(2):
        with Replay(file) as replay:
            for name, component in STYLES.items():
                replay.register_actor(name, component)
            again = replay.run(timeout=SOON)
            assert again.outputs == result.outputs
            assert replay.position == replay.ticks


@pytest.fixture
def recorded(tmp_path):
    file = tmp_path / "run.rfltrace"
    net = Network()
    build(net, [(0, 1, "a")], ["mix", "mix"])
    result = net.run({"n0.a": iter([1, 2, 3])}, timeout=SOON, record=file)
    return file, result


def opened(file) -> Replay:
    replay = Replay(file)
    for name, component in STYLES.items():
        replay.register_actor(name, component)
    return replay


def test_steps_and_breakpoints(recorded):
    file, result = recorded
    with opened(file) as replay:
        steps = list(replay)
        assert [step.number for step in steps] == list(range(1, 7))
        assert [value for step in steps if step.node == "n0" for _, value in step.sent] == result.outputs["o0"]
    with opened(file) as replay:
        replay.break_on("n0.out", "n1.a")
        replay.run(timeout=SOON)
        assert replay.position < replay.ticks
        place = replay.position
        replay.run(until=place + 1, timeout=SOON)
        assert replay.position == place + 1
        assert replay.run(until=3, timeout=SOON) is not None


def test_random_numbers_and_waits_are_repeated(tmp_path):
    class Waits(Mix):
        async def run(self, ctx):
            await asyncio.sleep(0.01)
            ctx.done({"out": random.randrange(1000)})

    file = tmp_path / "run.rfltrace"
    net = Network()
    net.register_actor("w", Waits)
    net.add_node("w", "w")
    net.add_outport("out", "w", "out")
    net.start(collect=True, record=file)
    for n in range(5):
        net.send("w", "a", n)
    outputs = net.wait(SOON).outputs
    net.shutdown()
    with Replay(file) as replay:
        replay.register_actor("w", Waits)
        assert replay.run(timeout=SOON).outputs == outputs


def test_a_failed_run_is_a_file_to_open(tmp_path, capsys):
    class Breaks(Mix):
        def run(self, ctx):
            if ctx["a"] == 3:
                raise ValueError("three")
            ctx.done({"out": ctx["a"]})

    file = tmp_path / "run.rfltrace"
    net = Network()
    net.register_actor("mix", Breaks)
    net.add_node("n", "mix", policy={"on_error": "stop"})
    net.add_outport("out", "n", "out")
    net.run({"n.a": iter([1, 2, 3, 4])}, timeout=SOON, record=file)
    with Replay(file) as replay:
        assert [failure["error"] for failure in replay.failures] == ["ValueError: three"]
        replay.register_actor("mix", Breaks)
        assert replay.step().sent == [("out", 1)]
    actors = tmp_path / "actors.py"
    actors.write_text(
        "from offbit_reflow import Actor\n"
        "class Mix(Actor):\n"
        "    component = 'mix'\n"
        "    inports = ['a', 'b']\n"
        "    outports = ['out']\n"
        "    def run(self, ctx):\n"
        "        ctx.done({'out': ctx['a']})\n"
    )
    assert main(["replay", str(file), "--actors", str(actors), "--until", "2"]) == 0
    assert "1  n" in capsys.readouterr().out


def test_a_run_that_differs_is_told(recorded):
    file, _ = recorded

    class Silent(Mix):
        def run(self, ctx):
            ctx.done()

    with Replay(file) as replay:
        for name in STYLES:
            replay.register_actor(name, Silent)
        begun = time.monotonic()
        with pytest.raises(NetworkError, match="differs from its recording: tick . was one of node `n1`"):
            replay.run(timeout=SOON)
        assert time.monotonic() - begun < SOON


def test_files_that_are_none(tmp_path):
    file = tmp_path / "x.rfltrace"
    with pytest.raises(FileNotFoundError):
        Replay(file)
    file.write_bytes(b"nothing")
    with pytest.raises(NetworkError, match="no recording"):
        Replay(file)
    with gzip.open(file, "wt") as out:
        json.dump({"format": "rfltrace", "version": 99}, out)
    with pytest.raises(NetworkError, match="version 99"):
        Replay(file)
    with pytest.raises(FileNotFoundError):
        Network().run(record=tmp_path / "no" / "where")


class Slow(Mix):
    async def run(self, ctx):
        await asyncio.sleep(random.random() / 300)
        Mix.run(self, ctx)


class Newest(Actor):
    """Works on what is there, and on what was last said beside it."""

    inports = ["a", "b"]
    outports = ["out"]

    def run(self, ctx):
        ctx.done({"out": [ctx.get("a"), ctx.get("b")]})


@pytest.mark.timeout(60)
@pytest.mark.parametrize("firing", [{"latest": ["b"]}, "latest", None])
def test_inports_that_keep_their_newest_give_the_same(tmp_path, firing):
    def registered(net):
        net.register_actor("slow", Slow)
        net.register_actor("newest", Newest)
        return net

    for turn in range(4):
        net = registered(Network())
        for node in "pqr":
            net.add_node(node, "slow")
        net.add_node("n", "newest", firing=firing)
        net.add_outport("out", "n", "out")
        more = {} if firing else {"overflow": "newest", "capacity": 2}
        net.add_connection("p", "out", "n", "a")
        net.add_connection("q", "out", "n", "b", **more)
        net.add_connection("r", "out", "n", "b", **more)
        file = tmp_path / f"{turn}.rfltrace"
        inputs = {f"{node}.a": iter(range(at, at + 20)) for at, node in enumerate("pqr")}
        result = net.run(inputs, timeout=SOON, record=file)
        for _ in range(2):
            with Replay(file) as replay:
                registered(replay)
                again = replay.run(timeout=SOON)
                assert again.outputs == result.outputs
                assert replay.position == replay.ticks


@pytest.mark.timeout(60)
def test_outputs_that_need_not_keep_their_order_leave_as_they_did(tmp_path):
    class Shuffles(Mix):
        async def run(self, ctx):
            await asyncio.sleep(random.random() / 200)
            ctx.done({"out": ctx["a"]})

    def registered(net):
        net.register_actor("shuffles", Shuffles)
        net.register_actor("mix", Mix)
        return net

    net = registered(Network())
    net.add_node("s", "shuffles", policy={"concurrency": 8, "ordered": False})
    net.add_node("m", "mix")
    net.add_connection("s", "out", "m", "a")
    net.add_outport("plain", "s", "out")
    net.add_outport("mixed", "m", "out")
    file = tmp_path / "run.rfltrace"
    result = asyncio.run(net.run_async({"s.a": iter(range(60))}, timeout=SOON, record=file))
    assert result.outputs["plain"] != sorted(result.outputs["plain"])
    for _ in range(2):
        with Replay(file) as replay:
            registered(replay)
            assert replay.run(timeout=SOON).outputs == result.outputs


class Generator(Actor):
    outports = ["out"]

    def run(self, ctx):
        for number in range(5):
            yield {"out": number}


class AsyncGenerator(Actor):
    outports = ["out"]

    async def run(self, ctx):
        for number in range(5):
            await asyncio.sleep(0)
            yield {"out": number}


class Ticks(Actor):
    outports = ["out"]

    def run(self, ctx):
        if ctx.tick == 5:
            ctx.finish()
        ctx.done({"out": ctx.tick})


def sourced(net, source):
    net.register_actor("source", source)
    net.register_actor("mix", Mix)
    return net


@pytest.mark.parametrize("source", [Generator, AsyncGenerator, Ticks])
def test_a_source_waits_for_its_turn(tmp_path, source):
    net = sourced(Network(), source)
    net.add_node("m", "mix")
    for node in ("s", "t"):
        net.add_node(node, "source")
        net.add_connection(node, "out", "m", "a")
    net.add_outport("out", "m", "out")
    file = tmp_path / "run.rfltrace"
    result = net.run(timeout=SOON, record=file)
    assert len(result.outputs["out"]) == 10
    for how in ("run", "step", "until"):
        with Replay(file) as replay:
            sourced(replay, source)
            assert replay._begin().wait(SOON)  # no tick may start yet, and nothing moves
            if how == "step":
                assert len(list(replay)) == replay.ticks
            before = replay.run(until=3, timeout=SOON).outputs["out"] if how == "until" else []
            again = replay.run(timeout=SOON)
            assert (before + again.outputs["out"], again.state) == (result.outputs["out"], "finished")


def test_a_source_that_was_stopped_has_no_more_ticks_than_it_had(tmp_path):
    class Endless(Actor):
        inports = []
        outports = ["out"]

        def run(self, ctx):
            ctx.done({"out": ctx.tick})

    net = sourced(Network(), Endless)
    net.add_node("s", "source")
    net.add_node("m", "mix")
    net.add_connection("s", "out", "m", "a")
    file = tmp_path / "run.rfltrace"
    net.start(record=file)
    assert net.listen("m", "out").recv(SOON) is not None
    net.shutdown()
    with Replay(file) as replay:
        sourced(replay, Endless)
        replay.run(timeout=SOON)
        assert replay._script.position()[0] == replay.ticks > 0


def test_two_equal_connections_stay_two(tmp_path):
    net = sourced(Network(), Generator)
    net.add_node("s", "source")
    net.add_node("m", "mix")
    for _ in range(2):
        net.add_connection("s", "out", "m", "a")
    net.add_outport("out", "m", "out")
    result = net.run(timeout=SOON, record=tmp_path / "run.rfltrace")
    assert len(result.outputs["out"]) == 10
    with Replay(tmp_path / "run.rfltrace") as replay:
        assert sourced(replay, Generator).run(timeout=SOON).outputs == result.outputs


def test_a_replay_goes_on_to_the_end_of_what_came_from_outside(recorded):
    file, result = recorded

    class Late(Replay):
        """Says that nothing more comes when all of it waits for that."""

        def _send_all(self, run):
            *packets, closed = self._data["outside"]
            assert closed["kind"] == "closed"
            self._data["outside"] = packets
            super()._send_all(run)
            while self.position < self.ticks or not run.wait(SOON):
                time.sleep(0.001)
            self._data["outside"] = [closed]
            super()._send_all(run)

    for _ in range(5):
        with Late(file) as replay:
            for name, component in STYLES.items():
                replay.register_actor(name, component)
            assert replay.run(timeout=SOON).state == result.state == "finished"


def test_what_finds_no_partner_keeps_no_node_alive(tmp_path):
    class Uneven(Actor):
        outports = ["l", "r"]

        def run(self, ctx):
            for number in range(10):
                if number < 2:
                    yield {"l": number}
                yield {"r": number}

    class Pairs(Mix):
        await_all_inports = "position"

    def registered(net):
        net.register_actor("pairs", Pairs)
        return sourced(net, Uneven)

    net = registered(Network())
    net.add_node("s", "source")
    net.add_node("p", "pairs")
    net.add_connection("s", "l", "p", "a")
    net.add_connection("s", "r", "p", "b")
    net.add_outport("out", "p", "out")
    result = net.run(timeout=SOON, record=tmp_path / "run.rfltrace")
    assert (result.state, len(result.outputs["out"])) == ("finished", 2)
    with Replay(tmp_path / "run.rfltrace") as replay:
        again = registered(replay).run(timeout=SOON)
        assert (again.state, again.outputs) == ("finished", result.outputs)


def test_what_was_kept_for_a_tick_that_never_came_keeps_no_node_alive(tmp_path):
    def registered(net):
        net.register_actor("newest", Newest)
        return sourced(net, Generator)

    net = registered(Network())
    net.add_node("s", "source")
    net.add_node("n", "newest", firing={"latest": ["b"]})
    net.add_connection("s", "out", "n", "b")
    net.add_outport("out", "n", "out")
    inputs = {"n.a": iter([])}
    result = net.run(inputs, timeout=SOON, record=tmp_path / "run.rfltrace")
    assert (result.state, result.outputs["out"]) == ("finished", [])
    with Replay(tmp_path / "run.rfltrace") as replay:
        assert registered(replay).run(timeout=SOON).state == "finished"
