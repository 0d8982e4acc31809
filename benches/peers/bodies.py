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


ADD = {"tagged": add, "plain": add_plain}
