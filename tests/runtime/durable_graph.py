"""A graph with fan-out, joins, retries, pools, a log and pieces, for processes that are killed."""

from __future__ import annotations

import sys
import time
from typing import Any

from offbit_reflow import Actor, Network, RunResult, actor


class Checkpoints(Actor):
    """A source that says where it goes on."""

    outports = ["out"]

    def run(self, ctx: Any) -> Any:
        for number in range(ctx.last_checkpoint or 0, ctx.config["n"]):
            ctx.checkpoint(number + 1)
            yield {"out": number}


class Generator(Actor):
    """A source that says the same again."""

    outports = ["out"]

    def run(self, ctx: Any) -> Any:
        for number in range(ctx.config["n"]):
            yield {"out": number}


class Ticks(Actor):
    """A source with a tick a packet, which counts for itself."""

    outports = ["out"]
    inports: list[str] = []
    number = 0

    def run(self, ctx: Any) -> Any:
        if self.number >= ctx.config["n"]:
            ctx.finish()
            return {}
        self.number += 1
        return {"out": self.number - 1}


@actor
def plain(x: Any) -> Any:
    return x


@actor
async def slow(x: Any) -> Any:
    import asyncio

    await asyncio.sleep(0.0002)
    return x


class Counts(Actor):
    """Keeps its state in a pool."""

    inports, outports = ["in"], ["out"]

    def run(self, ctx: Any) -> Any:
        count = ctx.pool("counts").get("n", 0) + 1
        ctx.pool_upsert("counts", "n", count)
        return {"out": [ctx["in"], count]}


class Fails(Actor):
    """Fails at first for some packets, and for good for others."""

    inports, outports = ["in"], ["out"]

    def run(self, ctx: Any) -> Any:
        if ctx["in"] % 7 == 0 and ctx.attempt < 3:
            raise ValueError("not yet")
        if ctx["in"] % 31 == 0:
            raise RuntimeError("never")
        return {"out": ctx["in"]}


class Batches(Actor):
    """Takes several ticks at once."""

    inports, outports = ["in"], ["out"]
    batch_size = 8

    def run(self, batch: Any) -> Any:
        batch.done({"out": [[number] * 3 for number in batch["in"]]})


@actor
def join(a: Any, b: Any) -> Any:
    return [a, b]


SOURCES = {"checkpoints": Checkpoints, "generator": Generator, "ticks": Ticks}


def build(network: Network, source: str, count: int) -> Network:
    """Make the graph."""
    parts = {"plain": plain, "slow": slow, "counts": Counts, "fails": Fails, "batches": Batches, "join": join}
    for name, part in {**SOURCES, **parts}.items():
        network.register_actor(name, part)
    network.add_node("source", source, {"n": count})
    network.add_node("left", "plain")
    network.add_node("right", "slow", policy={"concurrency": 4})
    network.add_node("fails", "fails", policy={"attempts": 3, "delay_ms": 1})
    network.add_node("counts", "counts")
    network.add_node("join", "join")
    network.add_node("lists", "batches")
    network.add_node("pieces", "plain")
    network.add_connection("source", "out", "left", "x")
    network.add_connection("source", "out", "right", "x")
    network.add_connection("source", "out", "fails", "in", log=True)
    network.add_connection("source", "out", "lists", "in")
    network.add_connection("left", "out", "join", "a")
    network.add_connection("right", "out", "join", "b")
    network.add_connection("fails", "out", "counts", "in")
    network.add_connection("lists", "out", "pieces", "x", log=True, rechunk={"size": 5, "across": True})
    for name, node in {"joined": "join", "counted": "counts", "cut": "pieces"}.items():
        network.add_outport(name, node, "out")
    return network


def check(result: RunResult, count: int) -> None:
    """See that everything was done, and once."""
    assert result.state == "finished", (result.state, result.reason)
    assert sorted(map(tuple, result.outputs["joined"])) == [(number, number) for number in range(count)]
    bad = [number for number in range(count) if number % 31 == 0]
    good = [number for number in range(count) if number % 31]
    assert sorted(number for number, _ in result.outputs["counted"]) == good
    assert sorted(n for _, n in result.outputs["counted"]) == list(range(1, len(good) + 1))
    assert len(result.failures) == len(bad)
    cut = result.outputs["cut"]
    assert [number for piece in cut for number in piece] == [number for number in range(count) for _ in range(3)]
    assert [len(piece) for piece in cut[:-1]] == [5] * (len(cut) - 1)


class Split(Actor):
    """Gives the items of a list, in one of several ways."""

    inports, outports = ["items"], ["out"]

    def run(self, ctx: Any) -> Any:
        items = ctx["items"]
        if ctx.config["way"] == "send":
            for item in items:
                ctx.send({"out": item})
            return {}
        return self.gives(ctx, items)

    def gives(self, ctx: Any, items: Any) -> Any:
        for at in range(ctx.last_checkpoint or 0, len(items)):
            if ctx.config["way"] == "mark":
                ctx.checkpoint(at + 1)
            yield {"out": items[at]}


@actor
async def tenfold(x: Any) -> Any:
    import asyncio

    await asyncio.sleep(0.001)
    if x % 10 == 3:
        raise ValueError("never")
    return 10 * x


WAYS = ("yield", "send", "mark")
LISTS = [[*range(20 * n, 20 * n + 20)] for n in range(6)] + [[]]


def gathering(network: Network, way: str) -> Network:
    """Make a graph that maps over lists."""
    for name, part in {"split": Split, "tenfold": tenfold, "plain": plain}.items():
        network.register_actor(name, part)
    network.add_node("split", "split", {"way": way})
    network.add_node("work", "tenfold", policy={"concurrency": 4})
    network.add_node("between", "plain")
    network.add_node("all", "plain", firing={"gather": "split"})
    network.add_connection("split", "out", "work", "x")
    network.add_connection("work", "out", "between", "x")
    network.add_connection("between", "out", "all", "x")
    network.add_outport("out", "all", "out")
    return network


def check_gathered(result: RunResult) -> None:
    """See that each list came back, in order, with the failures in their places."""
    assert result.state == "finished", (result.state, result.reason)
    lists = [
        ["bad" if isinstance(x, dict) and x["reason"] == "ValueError" else x for x in one]
        for one in result.outputs["out"]
    ]
    expected = [["bad" if x % 10 == 3 else 10 * x for x in one] for one in LISTS]
    assert sorted(map(str, lists)) == sorted(map(str, expected))
    assert result.nodes["work"]["ticks"] == sum(map(len, LISTS))
    assert result.nodes["all"]["ticks"] == len(LISTS)


class Gate(Actor):
    """Waits for a word about each packet."""

    inports, outports = ["in"], ["out"]

    def setup(self, ctx: Any) -> None:
        self.waiting: list[Any] = []

    def run(self, ctx: Any) -> None:
        self.waiting.append(ctx.defer())

    def on_signal(self, ctx: Any, signal: Any) -> None:
        if signal.kind == "approve" and self.waiting:
            tick = self.waiting.pop(0)
            tick.done({"out": [tick["in"], signal.data["by"]]})


def approval(network: Network) -> Network:
    """Make a graph that waits for people."""
    network.register_actor("gate", Gate)
    network.add_node("gate", "gate", policy={"concurrency": 4})
    network.add_outport("out", "gate", "out")
    return network


def wait_for_tick(network: Network) -> None:
    """Wait until the gate has a packet."""
    deadline = time.monotonic() + 20
    while not network.stats()["gate"]["ticks"] and time.monotonic() < deadline:
        time.sleep(0.01)
    network.signal("gate", "look")  # taken between ticks: the first one has deferred by then


if __name__ == "__main__":
    store, source, count = sys.argv[1:]
    network = Network(store=store, run_id="a")
    inputs = None
    if count == "lists":
        network, inputs = gathering(network, source), {"split.items": iter(LISTS)}
    else:
        network = build(network, source, int(count))
    print("begun", flush=True)
    network.run(inputs, timeout=60)
