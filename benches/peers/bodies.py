"""The `run` methods that are measured: the same source for this package, version 0.2.9 and the direct call."""

from __future__ import annotations


def add(self, ctx):
    """Add one, with tagged messages."""
    ctx.done({"out": {"type": "Integer", "data": ctx.inputs["in"]["data"] + 1}})


def add_plain(self, ctx):
    """Add one, with plain values."""
    ctx.done({"out": ctx["in"] + 1})


def forward(self, ctx):
    """Pass on what came."""
    ctx.done({"out": ctx.inputs["in"]})


def change(self, ctx):
    """Change one value of a dict and pass it on. What is returned is nobody else's any more, so it need not be copied."""
    value = ctx["in"]
    value["key 0"] += 1
    return {"out": value}


def change_and_pass_on(self, ctx):
    """Change one value of a dict that is still in a variable when it is passed on."""
    value = ctx["in"]
    value["key 0"] += 1
    ctx.done({"out": value})


CHANGE = {"returned": change, "done": change_and_pass_on}


def spin(number):
    """Compute in plain Python for some 20 µs."""
    for _ in range(1_000):
        number = (number * 31 + 7) % 65_521
    return number


async def add_async(self, ctx):
    """Add one in a coroutine that waits for nothing."""
    return {"out": ctx["in"] + 1}


async def add_pausing(self, ctx):
    """Add one in a coroutine that gives way once."""
    from asyncio import sleep

    await sleep(0)
    return {"out": ctx["in"] + 1}


ADD = {"tagged": add, "plain": add_plain, "async": add_async, "pausing": add_pausing}
