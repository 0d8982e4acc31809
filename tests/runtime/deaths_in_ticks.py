"""Networks that die in the middle of a tick, once what was before is on the disk: `python deaths_in_ticks.py STORE WAY`."""

from __future__ import annotations

import asyncio
import os
import sys
import threading
from pathlib import Path
from typing import Any

from offbit_reflow import Actor, Network, actor

FIRST = __name__ == "__main__"


def _die_first(ctx: Any) -> None:
    """End the first of the two processes."""
    if FIRST:
        assert ctx.idempotency_key  # what has left is on the disk
        os._exit(9)


class _Turns(Actor):
    """Says `l` and `r` by turns."""

    outports = ["l", "r"]

    def run(self, ctx: Any) -> Any:
        for number in range(6):
            yield {"l": number}
            if number == 2:
                _die_first(ctx)
            yield {"r": number}


class _TurnsAtOnce(Actor):
    """The same by `ctx.send`."""

    outports = ["l", "r"]

    def run(self, ctx: Any) -> None:
        for number in range(6):
            ctx.send({"l": number})
            if number == 2:
                _die_first(ctx)
            ctx.send({"r": number})
        ctx.finish()
        ctx.done()


class _Pairs(Actor):
    inports, outports = ["a", "b"], ["out"]
    await_all_inports = "origin"

    def run(self, ctx: Any) -> Any:
        return {"out": [ctx["a"], ctx["b"]]}


_changed, _passed = threading.Event(), threading.Event()


class _SideBySide(Actor):
    """One tick has changed something when another one commits."""

    inports, outports = ["x"], ["out"]

    def run(self, ctx: Any) -> Any:
        if ctx["x"] == 1:
            assert _changed.wait(20)
        ctx.vars.incr("n")
        ctx.pool_upsert("p", str(ctx["x"]), ctx.pool("p").get(str(ctx["x"]), 0) + 1)
        if ctx["x"] == 0:
            _changed.set()
            assert not FIRST or _passed.wait(20)
            _die_first(ctx)
        return {"out": ctx["x"]}

    def finalize(self, ctx: Any) -> None:
        assert ctx.pool("p") == {"0": 1, "1": 1}, ctx.pool("p")


class _Yields(Actor):
    inports, outports = ["x"], ["out"]

    def run(self, ctx: Any) -> Any:
        for number in range(2):
            ctx.vars.incr("n")
            yield {"out": number}
            if number == 0:
                _die_first(ctx)


class _YieldsWithCheckpoints(Actor):
    inports, outports = ["x"], ["out"]

    def run(self, ctx: Any) -> Any:
        for number in range(ctx.last_checkpoint or 0, 2):
            ctx.vars.incr("n")
            ctx.checkpoint(number + 1)
            yield {"out": number}
            if number == 0:
                _die_first(ctx)


class _TickByTick(Actor):
    """A source without checkpoints."""

    inports: list[str] = []
    outports = ["out"]
    number = 0

    def run(self, ctx: Any) -> Any:
        self.number += 1
        if self.number == 3:
            ctx.finish()
            return {}
        if self.number == 2:
            _die_first(ctx)
        ctx.vars.incr("n")
        return {"out": self.number}


class _Failing(_TickByTick):
    """The same, and its first tick fails."""

    outports = ["out", "error"]

    def run(self, ctx: Any) -> Any:
        out = super().run(ctx)
        if self.number == 1:
            raise ValueError("the first tick fails")
        return out


class _SecondTry(Actor):
    inports, outports = ["x"], ["out"]

    def run(self, ctx: Any) -> Any:
        ctx.vars.incr("n")
        if ctx.attempt == 1:
            raise ValueError("the first try fails")
        _die_first(ctx)
        return {"out": 1}


class _Total(Actor):
    inports, outports = ["x"], ["out"]

    def run(self, ctx: Any) -> Any:
        _passed.set()
        return {}

    def finalize(self, ctx: Any) -> None:
        ctx.send({"out": ctx.vars["n"]})


class _Charge(Actor):
    inports, outports = ["x"], ["out"]

    def run(self, ctx: Any) -> Any:
        with Path(ctx.config["book"]).open("a") as book:
            book.write(f"{ctx.idempotency_key} {ctx['x']}\n")
        _die_first(ctx)
        return {"out": ctx["x"]}


@actor
async def _other_way_round(x: int) -> int:
    """Of two packets, another one comes first in every process."""
    global _other
    _other = _other or asyncio.Event()
    if (x == 0) == FIRST:
        await _other.wait()
    _other.set()
    return x


_other: asyncio.Event | None = None

PAIRS = {"turns": _Turns, "turns_at_once": _TurnsAtOnce}
CHANGES: dict[str, tuple[type[Actor], list[int] | None, dict[str, Any] | None]] = {
    "side_by_side": (_SideBySide, [0, 1], {"concurrency": 2, "ordered": False}),
    "yields": (_Yields, [0], None),
    "yields_with_checkpoints": (_YieldsWithCheckpoints, [0], None),
    "tick_by_tick": (_TickByTick, None, None),
    "failing": (_Failing, None, {"on_error": "route"}),
    "second_try": (_SecondTry, [0], {"attempts": 2}),
}


def run(store: str | Path, way: str) -> Any:
    net = Network(store=store, run_id="a")
    inputs = None
    if way in PAIRS:
        net.register_actor("turns", PAIRS[way])
        net.register_actor("pairs", _Pairs)
        net.add_node("s", "turns")
        net.add_node("j", "pairs")
        net.add_connection("s", "l", "j", "a")
        net.add_connection("s", "r", "j", "b")
        net.add_outport("out", "j", "out")
    elif way == "effects":
        net.register_actor("other_way_round", _other_way_round)
        net.register_actor("charge", _Charge)
        net.add_node("w", "other_way_round", policy={"concurrency": 2, "ordered": False})
        net.add_node("c", "charge", {"book": f"{store}.book"})
        net.add_connection("w", "out", "c", "x")
        net.add_outport("out", "c", "out")
        inputs = {"w.x": iter([0, 1])}
    else:
        made, packets, policy = CHANGES[way]
        net.register_actor("a", made)
        net.register_actor("total", _Total)
        net.add_node("a", "a", policy=policy)
        net.add_node("t", "total")
        net.add_connection("a", "out", "t", "x")
        net.add_outport("out", "t", "out")
        inputs = None if packets is None else {"a.x": iter(packets)}
    return net.run(inputs, timeout=40)


if FIRST:
    run(*sys.argv[1:])
