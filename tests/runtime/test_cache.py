"""The result cache: what a tick gave is given again, without running it."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import enum
import sqlite3
import subprocess
import sys
from typing import NamedTuple

import numpy as np
import pytest

from offbit_reflow import Actor, Network, Store, actor
from offbit_reflow.cli import main
from offbit_reflow.exceptions import ConfigError, StoreError

from .support import SOON


class Counting(Actor):
    """Counts its ticks."""

    inports = ["in"]
    outports = ["out"]
    ticks: list = []

    def __init__(self):
        type(self).ticks = []

    def run(self, ctx):
        self.ticks.append(ctx["in"])
        ctx.done({"out": [ctx["in"]]})


class Sends(Counting):
    def run(self, ctx):
        self.ticks.append(ctx["in"])
        for n in range(3):
            ctx.send({"out": n})
        ctx.done({"out": "end"})


class Generator(Counting):
    def run(self, ctx):
        self.ticks.append(ctx["in"])
        yield {"out": 0}
        yield {"out": 1}


class Async(Counting):
    async def run(self, ctx):
        self.ticks.append(ctx["in"])
        await ctx.send_async({"out": 0})
        ctx.done({"out": 1})


class AsyncGenerator(Counting):
    async def run(self, ctx):
        self.ticks.append(ctx["in"])
        yield {"out": 0}
        await asyncio.sleep(0)
        yield {"out": 1}


class Batch(Counting):
    batch_size = 8

    def run(self, batch):
        for ctx in batch:
            self.ticks.append(ctx["in"])
            ctx.done({"out": ctx["in"]})


class Deferred(Counting):
    def run(self, ctx):
        import threading

        self.ticks.append(ctx["in"])
        late = ctx.defer()
        threading.Thread(target=lambda: late.done({"out": 1})).start()


def network(component, cache=None, config=None, **policy) -> Network:
    net = Network()
    net.register_actor("c", component)
    net.add_node("c", "c", config, policy={"cache": {} if cache is None else cache, **policy})
    net.add_outport("out", "c", "out")
    return net


@pytest.mark.parametrize("style", [Counting, Sends, Generator, Async, AsyncGenerator, Batch, Deferred])
def test_every_style_is_known_the_second_time(style):
    net = network(style)
    events = net.events(types=["ActorCached"])
    with net:
        net.start()
        first = net.ask({"c.in": {"a": 1, "b": [2]}}, timeout=SOON)
        assert net.ask({"c.in": {"b": [2], "a": 1}}, timeout=SOON) == first
        assert net.ask({"c.in": 5}, timeout=SOON)["out"] != []
        assert len(style.ticks) == 2
        stats = net.stats()["c"]
        assert (stats["cached"], stats["ticks"]) == (1, 3)
        assert "1 cached" in net.to_svg()
        assert len(net.cache) == 2
    assert [event["actorId"] for event in events] == ["c"]


def test_outputs_keep_their_order():
    net = network(Batch)
    inputs = [n % 7 for n in range(100)]
    assert net.run({"c.in": iter(inputs)}, timeout=SOON).outputs["out"] == inputs
    assert len(Batch.ticks) >= 7
    Batch.ticks.clear()
    assert net.run({"c.in": iter(inputs)}, timeout=SOON).outputs["out"] == inputs
    assert Batch.ticks == []


def test_failures_are_not_kept():
    class Fails(Counting):
        def run(self, ctx):
            self.ticks.append(ctx["in"])
            if len(self.ticks) < 3:
                raise OSError("not yet")
            ctx.done({"out": 1})

    net = network(Fails, attempts=2)
    assert len(net.run({"c.in": 1}, timeout=SOON).failures) == 1
    assert len(net.cache) == 0


def test_a_result_is_not_shared_with_who_changes_it():
    net = network(Counting)
    with net:
        net.start()
        for _ in range(3):
            answer = net.ask({"c.in": 1}, timeout=SOON)
            assert answer == {"out": [[1]]}
            answer["out"][0].append(2)


def test_the_key_and_the_config_and_the_version_count():
    net = network(Counting, {"key": "in.id"})
    with net:
        net.start()
        net.ask({"c.in": {"id": 1, "at": 1}}, timeout=SOON)
        net.ask({"c.in": {"id": 1, "at": 2}}, timeout=SOON)
        assert len(Counting.ticks) == 1
    net.add_node("c", "c", {"other": True}, policy={"cache": {"key": "in.id"}})
    with net:
        net.start()
        net.ask({"c.in": {"id": 1, "at": 2}}, timeout=SOON)
        assert len(Counting.ticks) == 1
    assert len(net.cache) == 2
    assert net.cache.clear("c") == 2
    assert net.cache.clear() == 0


class Color(enum.IntEnum):
    RED = 1


class Pair(NamedTuple):
    a: int
    b: int


LOOKALIKES = [
    [[1, 2], (1, 2), {1, 2}, frozenset({1, 2}), collections.deque([1, 2]), Pair(1, 2), range(1, 3)],
    [[[1], [1]], [(1,), [1]], [[1], (1,)], ([1], [1]), [{1}, [1]]],
    [{"a": [1], "b": 0}, {"a": (1,), "b": 0}, {"a": {1}, "b": 0}],
    [b"ab", bytearray(b"ab")],
    [1, True, 1.0, "1", Color.RED, np.int64(1), np.float32(1.0), np.array(1), np.array([1]), np.array([1.0])],
    [np.array([1, 2]), np.array([[1, 2]]), np.array([[1], [2]]), np.array([1, 2], "int8"), [1, 2]],
]


@pytest.mark.parametrize("values", LOOKALIKES, ids=repr)
def test_values_that_are_the_same_elsewhere_are_told_apart(values, tmp_path):
    """An actor gets them as they are, and may give something else for each."""

    calls = []

    class Looks(Counting):
        def run(self, ctx):
            value = ctx["in"]
            calls.append(value)
            return {"out": [type(value).__name__, repr(value), str(getattr(value, "dtype", ""))]}

    for store in (None, tmp_path / "runs.db"):
        net = network(Looks)
        seen = [net.run({"c.in": value}, store=store, timeout=SOON).outputs["out"] for value in values]
        assert len(set(map(str, seen))) == len(values)
        assert len(calls) == len(values)
        again = [net.run({"c.in": value}, store=store, timeout=SOON).outputs["out"] for value in values]
        assert again == seen
        assert len(calls) == len(values), "each is known"
        calls.clear()


def test_results_go_with_their_time():
    @actor
    async def sleep(hours):
        await asyncio.sleep(hours * 3600)
        return hours

    net = Network(clock="virtual")
    net.register_actor("c", Counting)
    net.register_actor("sleep", sleep)
    net.add_node("sleep", "sleep")
    net.add_node("c", "c", policy={"cache": {"ttl_s": 5400}})
    net.add_connection("sleep", "out", "c", "in")
    net.add_outport("out", "c", "out")
    net.run({"sleep.hours": iter([1, 1, 1])}, timeout=SOON)
    assert len(Counting.ticks) == 2


def test_it_is_bounded():
    net = Network({"cache_bytes": 20_000})
    net.register_actor("c", Counting)
    net.add_node("c", "c", policy={"cache": {}})
    net.run({"c.in": iter(["x" * 1000 + str(n) for n in range(200)])}, timeout=SOON)
    assert 0 < len(net.cache) < 20
    assert net.cache.bytes <= 20_000


def test_what_cannot_be_compared_runs():
    @actor
    def same(x):
        return x

    from offbit_reflow import Message

    net = Network()
    net.register_actor("same", same)
    net.add_node("s", "same", policy={"cache": {}})
    net.add_outport("out", "s", "out")
    thing = object()
    net.run({"s.x": iter([Message.any(thing), thing])}, timeout=SOON)
    assert len(net.cache) == 0


def test_from_a_graph_and_mistakes():
    net = network(Counting, {"ttl_s": 60})
    again = Network.from_graph(net.to_graph())
    again.register_actor("c", Counting)
    with again:
        again.start()
        for _ in range(2):
            again.ask({"c.in": 1}, timeout=SOON)
    assert len(Counting.ticks) == 1
    again = network(Counting)
    again.add_node("c", "c", policy={"cache": None})
    assert again.run({"c.in": iter([1, 1])}, timeout=SOON).outputs["out"] == [[1], [1]]
    for cache in ({"ttl": 5}, {"ttl_s": -1}, {"key": 5}, 5):
        with pytest.raises(ConfigError, match="cache"):
            network(Counting, cache)


STORED = """
import sys
from offbit_reflow import Actor, Network

class Counting(Actor):
    inports, outports = ["in"], ["out"]

    def run(self, ctx):
        print("ran", ctx["in"])
        if ctx["in"] == "sends":
            ctx.send({"out": 1})
        return {"out": {"tuple": (1, 2)}}

net = Network(store=sys.argv[1])
net.register_actor("c", Counting)
net.add_node("c", "c", policy={"cache": {"ttl_s": float(sys.argv[2])}})
net.add_outport("out", "c", "out")
print(net.run({"c.in": iter(["a", "sends", "a"])}).outputs)
print(net.stats()["c"]["cached"], len(net.cache))
"""


def test_a_store_keeps_results_over_processes(tmp_path, capsys):
    store = tmp_path / "runs.db"

    def run(ttl=3600):
        command = [sys.executable, "-c", STORED, str(store), str(ttl)]
        return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()

    value = "{'tuple': (1, 2)}"
    outputs = f"{{'out': [{value}, 1, {value}, {value}]}}"
    assert run() == ["ran a", "ran sends", outputs, "1 2"]
    assert run() == [outputs, "3 2"]
    assert main(["cache", "--store", str(store)]) == 0
    assert capsys.readouterr().out.splitlines()[1].split()[:2] == ["c", "2"]
    assert main(["cache", "--store", str(store), "--clear", "other"]) == 0
    assert main(["cache", "--store", str(store), "--clear", "c"]) == 0
    assert capsys.readouterr().out.splitlines() == ["0 results of other forgotten", "2 results of c forgotten"]
    assert run(0.0001)[:2] == ["ran a", "ran sends"]
    assert run()[:2] == ["ran a", "ran sends"]
    (row,) = Store(store).cached()
    assert (row["component"], row["results"]) == ("c", 2)
    assert len(Store(store).cache) == 2
    assert Store(store).cache.clear() == 2
    assert main(["cache", "--store", str(store), "--json"]) == 0
    assert capsys.readouterr().out == ""
    assert main(["cache", "--store", str(tmp_path / "none.db")]) == 2


def test_one_run_may_use_the_results_of_a_store(tmp_path):
    net = network(Counting)
    for _ in range(2):
        assert net.run({"c.in": 1}, timeout=SOON, store=tmp_path / "runs.db").outputs["out"] == [[1]]
    assert Counting.ticks == []  # each start makes an instance, and the second had nothing to do
    assert len(net.cache) == 0
    assert len(Store(tmp_path / "runs.db").cache) == 1
    # What cannot be pickled is kept in memory.
    thing = Network(store=tmp_path / "runs.db")
    thing.register_actor("c", Counting)
    thing.add_node("c", "c", policy={"cache": {}})
    thing.run({"c.in": 1}, timeout=SOON)
    assert Counting.ticks == []


def test_a_store_that_cannot_forget_says_so(tmp_path):
    store = Store(tmp_path / "runs.db")
    assert store.cache.clear() == 0
    with contextlib.closing(sqlite3.connect(tmp_path / "runs.db")) as other:
        other.execute("DROP TABLE cache")
    with pytest.raises(StoreError, match="cache"):
        store.cache.clear()
    with pytest.raises(StoreError, match="cache"):
        len(store.cache)
