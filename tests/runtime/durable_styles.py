"""Random graphs of all styles of actors and of catalog components that keep packets, with what has to come of them.

Stages follow each other: actors of every style that fail, drop and overtake each other; diamonds, whose halves leave together
or one by one; lists that are gathered, also inside of each other; ``tpl_loop``, ``tpl_delay`` and ``tpl_collect``.
"""

from __future__ import annotations

import asyncio
import random
import sys
import threading
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

from offbit_reflow import Actor, Network, RunResult

COUNT = 100


class Overtaking(Actor):
    """A source whose ticks end in any order."""

    inports, outports = [], ["out"]

    def __init__(self) -> None:
        self.number = 0

    async def run(self, ctx: Any) -> Any:
        number = self.number
        self.number += 1
        if number >= COUNT:
            ctx.finish()
            return {}
        await asyncio.sleep(0.002 * random.random())
        return {"out": number}


class Marks(Actor):
    """A source that says where it goes on."""

    outports = ["out"]

    def run(self, ctx: Any) -> Any:
        for number in range(ctx.last_checkpoint or 0, COUNT):
            ctx.checkpoint(number + 1)
            yield {"out": number}


class Pooled(Actor):
    """A source that keeps in a pool where it is."""

    inports, outports = [], ["out"]

    def run(self, ctx: Any) -> Any:
        number = ctx.pool("at").get("n", 0)
        if number >= COUNT:
            ctx.finish()
            return {}
        ctx.pool_upsert("at", "n", number + 1)
        return {"out": number}


class Plain(Actor):
    """Fails once for some, for good for others, and drops others again."""

    inports, outports = ["x"], ["out"]

    def outputs(self, ctx: Any) -> dict[str, int]:
        x = ctx["x"]
        if x % 5 == 0 and ctx.attempt == 1:
            raise ValueError("not yet")
        if x % 11 == 1:
            raise RuntimeError("never")
        return {} if x % 13 == 2 else {"out": x}

    def run(self, ctx: Any) -> Any:
        return self.outputs(ctx)


class Async(Plain):
    async def run(self, ctx: Any) -> Any:
        await asyncio.sleep(0.001 * random.random())
        return self.outputs(ctx)


class SendsAsync(Plain):
    async def run(self, ctx: Any) -> None:
        if outputs := self.outputs(ctx):
            await ctx.send_async(outputs)
        await asyncio.sleep(0.001 * random.random())
        ctx.done()


class Generator(Plain):
    def run(self, ctx: Any) -> Any:
        if outputs := self.outputs(ctx):
            yield outputs


class AsyncGenerator(Plain):
    async def run(self, ctx: Any) -> Any:
        if outputs := self.outputs(ctx):
            yield outputs
        await asyncio.sleep(0.001 * random.random())


class Deferred(Plain):
    def run(self, ctx: Any) -> None:
        outputs, tick = self.outputs(ctx), ctx.defer()

        def end() -> None:
            if outputs:
                tick.send(outputs)
            tick.done()

        threading.Timer(0.002 * random.random(), end).start()


class Batch(Plain):
    batch_size = 8

    def run(self, batch: Any) -> None:
        for ctx in batch:
            try:
                ctx.done(self.outputs(ctx))
            except Exception as error:
                ctx.fail(str(error))


class Fork(Actor):
    inports, outports = ["x"], ["a", "b"]

    def run(self, ctx: Any) -> Any:
        if not ctx.config["apart"]:
            return {"a": ctx["x"], "b": ctx["x"]}
        ctx.send({"a": ctx["x"]})
        ctx.send({"b": ctx["x"]})
        return {}


class Same(Actor):
    inports, outports = ["x"], ["out"]

    async def run(self, ctx: Any) -> Any:
        await asyncio.sleep(0.001 * random.random())
        return {"out": ctx["x"]}


class Join(Actor):
    inports, outports = ["a", "b"], ["out"]

    def run(self, ctx: Any) -> Any:
        assert ctx["a"] == ctx["b"]
        return {"out": ctx["a"]}


class Three(Actor):
    inports, outports = ["x"], ["out"]

    def run(self, ctx: Any) -> Any:
        return {"out": [3 * ctx["x"] + place for place in range(3)]}


class Items(Actor):
    inports, outports = ["x"], ["out"]

    def run(self, ctx: Any) -> Any:
        for item in ctx["x"]:
            yield {"out": item["value"] if isinstance(item, dict) else item}


class Whole(Actor):
    """Takes a list of three, or of three lists of three, and gives what they came of."""

    inports, outports = ["x"], ["out"]

    def run(self, ctx: Any) -> Any:
        items = ctx["x"]
        assert items == [items[0], items[0] + 1, items[0] + 2]
        return {"out": items[0] // 3}


SOURCES = [Overtaking, Marks, Pooled]
STYLES = [Plain, Async, SendsAsync, Generator, AsyncGenerator, Deferred, Batch]
OTHERS = [Fork, Same, Join, Three, Items, Whole]
STAGES = ["style", "style", "diamond", "loop", "gather", "nested", "delay", "collect"]


def stages_of(seed: int) -> list[str]:
    chance = random.Random(seed)
    return [chance.choice(STAGES) for _ in range(chance.randint(2, 4))]


def build(net: Network, seed: int) -> Network:
    """Make the graph of a seed."""
    chance = random.Random(~seed)
    for part in [*SOURCES, *STYLES, *OTHERS]:
        net.register_actor(part.__name__, part)
    many = {"concurrency": 3, "ordered": False}
    source = chance.choice(SOURCES)
    net.add_node("source", source.__name__, policy=many if source is Overtaking else None)
    end = ("source", "out")

    def add(name: str, component: str, ports: tuple[str, str] = ("x", "out"), *more: Any, **keywords: Any) -> None:
        nonlocal end
        net.add_node(name, component, *more, **keywords)
        net.add_connection(*end, name, ports[0], log=chance.random() < 0.3)
        end = (name, ports[1])

    def lists(name: str, inner: Callable[[], None]) -> None:
        add(f"{name} three", "Three")
        add(f"{name} items", "Items")
        inner()
        add(f"{name} whole", "Whole", firing={"gather": f"{name} items"})

    for place, stage in enumerate(stages_of(seed)):
        name = f"{place} {stage}"
        if stage == "style":
            style = chance.choice(STYLES)
            policy: dict[str, Any] = {"attempts": 2, "delay_ms": 1}
            if style is not Batch and chance.random() < 0.6:
                policy |= {"concurrency": 3, "ordered": chance.random() < 0.5}
            add(name, style.__name__, policy=policy)
        elif stage == "diamond":
            add(f"{name} fork", "Fork", ("x", "a"), {"apart": chance.random() < 0.7})
            add(f"{name} a", "Same")
            half, end = end, (f"{name} fork", "b")
            add(f"{name} b", "Same", policy=many)
            add(name, "Join", ("b", "out"), firing={"join": "origin"})
            net.add_connection(*half, name, "a")
        elif stage == "loop":
            add(f"{name} three", "Three")
            add(f"{name} loop", "tpl_loop", ("collection", "item"))
            add(f"{name} list", "tpl_collect", ("input", "output"), {"count": 1, "unwrap": True})
            add(name, "Items")
        elif stage == "delay":
            add(name, "tpl_delay", ("input", "output"), {"delayMs": 5})
        elif stage == "collect":
            add(f"{name} list", "tpl_collect", ("input", "output"), {"count": 7, "unwrap": True, "timeoutMs": 20})
            add(name, "Items")
        else:
            inner = partial(add, f"{name} same", "Same", policy=many)
            lists(name, inner if stage == "gather" else partial(lists, f"{name} inner", inner))
    net.add_outport("out", *end)
    return net


def expected(seed: int) -> tuple[list[int], int]:
    """Give what has to come out, and how many ticks have to fail for good."""
    items, failed = list(range(COUNT)), 0
    for stage in stages_of(seed):
        if stage == "style":
            failed += sum(x % 11 == 1 for x in items)
            items = [x for x in items if x % 11 != 1 and x % 13 != 2]
        elif stage == "loop":
            items = [3 * x + place for x in items for place in range(3)]
    return items, failed


def check(result: RunResult, seed: int) -> None:
    """See that everything was done, and once."""
    assert result.state == "finished", (result.state, result.reason)
    items, failed = expected(seed)
    found, wanted = Counter(result.outputs["out"]), Counter(items)
    assert found == wanted, (stages_of(seed), wanted - found, found - wanted)
    assert len(result.failures) == failed, (stages_of(seed), result.failures[:3])


if __name__ == "__main__":
    print("begun", flush=True)
    build(Network(store=sys.argv[1], run_id="a"), int(sys.argv[2].removeprefix("styles"))).run(timeout=60)
