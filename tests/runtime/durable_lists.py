"""Random graphs that map over lists and gather them over several branches, with what has to come of them.

A splitter sends, yields or marks where it is, and fails in the middle; its packets go by two outports through random chains,
over logs here and there, into one node that gathers two branches and another one that gathers a third.
"""

from __future__ import annotations

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Iterator
from typing import Any

from offbit_reflow import Actor, Network, RunResult


class Source(Actor):
    """Gives the lists, and says where it goes on."""

    outports = ["out"]

    def run(self, ctx: Any) -> Any:
        lists = lists_of(ctx.config["seed"])
        for at in range(ctx.last_checkpoint or 0, len(lists)):
            ctx.checkpoint(at + 1)
            yield {"out": lists[at]}


class Generator(Actor):
    """Gives them again from the first one."""

    outports = ["out"]

    def run(self, ctx: Any) -> Any:
        for items in lists_of(ctx.config["seed"]):
            yield {"out": items}


class Yields(Actor):
    """Gives the items of a list."""

    inports, outports = ["items"], ["out", "side"]
    marks = False

    def parts(self, ctx: Any) -> Iterator[dict[str, int]]:
        items = ctx["items"]
        for at in range(ctx.last_checkpoint or 0, len(items)):
            if self.marks and len(items) % 3 == 2 and ctx.attempt == 1 and at == len(items) // 2:
                raise ValueError("not yet")
            if self.marks:
                ctx.checkpoint(at + 1)
            yield {"out": items[at], "side": items[at]} if is_aside(at) else {"out": items[at]}

    def run(self, ctx: Any) -> Any:
        yield from self.parts(ctx)


class Marks(Yields):
    marks = True


class Sends(Yields):
    def run(self, ctx: Any) -> Any:
        for part in self.parts(ctx):
            ctx.send(part)
        ctx.done()


class SendsMarked(Sends):
    marks = True


class YieldsAsync(Yields):
    async def run(self, ctx: Any) -> Any:
        for part in self.parts(ctx):
            await asyncio.sleep(0)
            yield part


class SendsAsync(Yields):
    marks = True

    async def run(self, ctx: Any) -> None:
        for part in self.parts(ctx):
            await ctx.send_async(part)
        ctx.done()


class SendsInBatches(Sends):
    batch_size = 3

    def run(self, batch: Any) -> None:
        for ctx in batch:
            super().run(ctx)


class Plain(Actor):
    inports, outports = ["x"], ["out"]

    def run(self, ctx: Any) -> Any:
        return {"out": ctx["x"]}


class Slow(Plain):
    async def run(self, ctx: Any) -> Any:
        await asyncio.sleep(0.0005 * (ctx["x"] % 3))
        return {"out": ctx["x"]}


class Fails(Plain):
    """Fails at first for some, and for good for others."""

    def run(self, ctx: Any) -> Any:
        if ctx["x"] % 7 == 0 and ctx.attempt < 3:
            raise ValueError("not yet")
        if ctx["x"] % 10 == 3:
            raise RuntimeError("never")
        return {"out": ctx["x"]}


class Drops(Plain):
    def run(self, ctx: Any) -> Any:
        return {"out": ctx["x"]} if ctx["x"] % 4 != 1 else {}


class Batch(Plain):
    batch_size = 8

    def run(self, batch: Any) -> None:
        batch.done({"out": list(batch["x"])})


class Both(Actor):
    """Says that a list has come, and gives it; fails once."""

    inports, outports = ["a", "b"], ["out"]

    def run(self, ctx: Any) -> Any:
        if len(ctx["a"]) == 3 and ctx.attempt == 1:
            raise ValueError("not yet")
        yield {"out": ["begins", len(ctx["a"])]}
        yield {"out": [ctx["a"], ctx["b"]]}


RETRY = {"attempts": 3, "delay_ms": 1}
SOURCES = [Source, Generator]
SPLITTERS = [Yields, Marks, Sends, SendsMarked, YieldsAsync, SendsAsync, SendsInBatches]
WORKERS = [Plain, Slow, Fails, Drops, Batch]
POLICIES = {Slow: {"concurrency": 4}, Fails: RETRY}


def is_aside(at: int) -> bool:
    return at % 2 == 0


def lists_of(seed: int) -> list[list[int]]:
    chance = random.Random(seed)
    return [[*range(100 * n, 100 * n + chance.choice([0, 1, 3, 5, 8, 12]))] for n in range(6)]


def chains_of(seed: int) -> dict[str, list[type[Plain]]]:
    chance = random.Random(seed)
    return {branch: [chance.choice(WORKERS) for _ in range(chance.randint(1, 3))] for branch in "abc"}


def build(network: Network, seed: int) -> Network:
    """Make the graph of a seed."""
    chance = random.Random(~seed)
    for part in [*SOURCES, *SPLITTERS, *WORKERS, Both]:
        network.register_actor(part.__name__, part)

    def connect(*ends: str) -> None:
        network.add_connection(*ends, log=chance.random() < 0.3)

    splitter = SPLITTERS[seed % len(SPLITTERS)]
    policy = {**RETRY, "concurrency": chance.choice([1, 3]) if splitter is not SendsInBatches else 1}
    network.add_node("source", chance.choice(SOURCES).__name__, {"seed": seed})
    network.add_node("split", splitter.__name__, policy=policy)
    network.add_node("both", "Both", firing={"gather": "split"}, policy=RETRY)
    network.add_node("side", "Plain", firing={"gather": "split.side"})
    connect("source", "out", "split", "items")
    ends = {"a": ("out", "both", "a"), "b": ("out", "both", "b"), "c": ("side", "side", "x")}
    for branch, chain in chains_of(seed).items():
        before, out = "split", ends[branch][0]
        for place, worker in enumerate(chain):
            node = f"{branch}{place}"
            network.add_node(node, worker.__name__, policy=POLICIES.get(worker))
            connect(before, out, node, "x")
            before, out = node, "out"
        connect(before, "out", *ends[branch][1:])
    network.add_outport("lists", "both", "out")
    network.add_outport("side", "side", "out")
    return network


def expected(seed: int) -> tuple[list[Any], list[Any]]:
    """Give what has to come out: `"bad"` stands for a failure, which shows in every list that has nothing in its place."""

    def outcome(branch: str, x: int) -> Any:
        for worker in chains_of(seed)[branch]:
            if worker is Fails and x % 10 == 3:
                return "bad"
            if worker is Drops and x % 4 == 1:
                return None
        return x

    lists, side = [], []
    for items in lists_of(seed):
        columns: dict[str, list[Any]] = {"a": [], "b": [], "c": []}
        for at, x in enumerate(items):
            place = {branch: outcome(branch, x) for branch in ("abc" if is_aside(at) else "ab")}
            nothing = "bad" if "bad" in place.values() else None
            for branch, column in columns.items():
                result = place.get(branch)
                column.append(nothing if result is None else result)
        lists += [["begins", len(items)], [columns["a"], columns["b"]]]
        side.append(columns["c"])
    return lists, side


def check(result: RunResult, seed: int) -> None:
    """See that all lists are there, once and whole."""
    assert result.state == "finished", (result.state, result.reason)

    def shown(value: Any) -> Any:
        if isinstance(value, dict):
            return "bad"
        return [shown(part) for part in value] if isinstance(value, list) else value

    lists, side = expected(seed)
    for name, wanted in {"lists": lists, "side": side}.items():
        found = Counter(str(shown(value)) for value in result.outputs.get(name, []))
        assert found == Counter(map(str, wanted)), name


if __name__ == "__main__":
    print("begun", flush=True)
    build(Network(store=sys.argv[1], run_id="a"), int(sys.argv[2].removeprefix("lists"))).run(timeout=60)
