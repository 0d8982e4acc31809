"""A large container that `ctx.done` gets as the last thing that `run` does is not copied, and nobody sees another's changes."""

from __future__ import annotations

import sys

import pytest

from offbit_reflow import Actor, Network

from .support import Collect, add, running

SOON = 20

ROWS = {f"key {number}": number for number in range(100)}


def pass_on(ctx, value):
    return ctx.done({"out": value})


def sent(run):
    """What arrives of the one tick of a source."""

    class Source(Actor):
        outports = ["out"]

    Source.run = run
    with Network() as net:
        add(net, "source", Source)
        sink = add(net, "sink", Collect())
        net.add_connection("source", "out", "sink", "in")
        assert net.run(timeout=SOON).ok
    (arrived,) = sink.values
    return arrived


WITH_COUNTS = pytest.mark.skipif(not getattr(sys, "_is_gil_enabled", lambda: True)(), reason="counts do not tell")


@WITH_COUNTS
@pytest.mark.parametrize("made", [lambda: dict(ROWS), lambda: list(range(100)), lambda: dict(ROWS, inner=[1])])
def test_what_done_sends_as_the_last_thing_is_not_copied(made):
    made_at = []

    def done(self, ctx):
        ctx.finish()
        value = made()
        made_at.append(id(value))
        ctx.done({"out": value})

    def returned(self, ctx):
        ctx.finish()
        value = made()
        made_at.append(id(value))
        return ctx.done({"out": value})

    def in_a_branch(self, ctx):
        ctx.finish()
        value = made()
        made_at.append(id(value))
        if value:
            ctx.done({"out": value})

    for run in (done, returned, in_a_branch):
        arrived = sent(run)
        assert id(arrived) == made_at.pop(), run.__name__
        assert arrived == made()


def test_what_is_changed_after_done_is_not_seen():
    kept = []

    def changes(self, ctx):
        ctx.finish()
        value = dict(ROWS)
        ctx.done({"out": value})
        value["key 0"] = "changed"

    def hands_on(self, ctx):
        ctx.finish()
        value = dict(ROWS)
        pass_on(ctx, value)
        value["key 0"] = "changed"

    def handles(self, ctx):
        ctx.finish()
        value = dict(ROWS)
        try:
            ctx.done({"out": value})
        finally:
            value["key 0"] = "changed"

    def closes_over(self, ctx):
        ctx.finish()
        value = dict(ROWS)
        kept.append(lambda: value.update({"key 0": "changed"}))
        ctx.done({"out": value})

    def keeps(self, ctx):
        ctx.finish()
        value = dict(ROWS)
        kept.append(lambda value=value: value.update({"key 0": "changed"}))
        ctx.done({"out": value})

    def keeps_its_frame(self, ctx):
        ctx.finish()
        value = dict(ROWS)
        frame = sys._getframe()
        kept.append(lambda: frame.f_locals["value"].update({"key 0": "changed"}))
        ctx.done({"out": value})

    def generates(self, ctx):
        value = dict(ROWS)
        yield {"out": value}
        value["key 0"] = "changed"

    async def awaits(self, ctx):
        ctx.finish()
        value = dict(ROWS)
        ctx.done({"out": value})
        value["key 0"] = "changed"

    for run in (changes, hands_on, handles, closes_over, keeps, keeps_its_frame, generates, awaits):
        arrived = sent(run)
        while kept:
            kept.pop()()
        assert arrived == ROWS, run.__name__


def test_a_part_that_somebody_holds_is_copied_when_run_has_returned():
    inner = [1]

    def run(self, ctx):
        ctx.finish()
        value = dict(ROWS, inner=inner)
        ctx.done({"out": value})

    arrived = sent(run)
    inner.append(2)
    assert arrived["inner"] == [1]


def test_what_holds_itself_fails_the_tick_that_ends_with_it():
    def run(self, ctx):
        value = list(range(100))
        value.append(value)
        ctx.done({"out": value})

    with Network() as net:
        add(net, "a", running(run))
        sink = add(net, "b", Collect())
        net.add_connection("a", "out", "b", "in")
        result = net.run(inputs={"a.in": 1}, timeout=SOON)
    assert "holds itself" in result.failures[0].error
    assert sink.values == []


def test_one_value_on_two_ports_stays_apart():
    class Twice(Actor):
        inports = ["in"]
        outports = ["whole", "part", "again"]

        def run(self, ctx):
            part = list(range(100))
            value = dict(ROWS, part=part)
            ctx.done({"whole": value, "part": part, "again": value})

    with Network() as net:
        add(net, "twice", Twice)
        sinks = {port: add(net, port, Collect()) for port in Twice.outports}
        for port in sinks:
            net.add_connection("twice", port, port, "in")
        assert net.run(inputs={"twice.in": 1}, timeout=SOON).ok
    whole, part, again = (sink.values[0] for sink in sinks.values())
    assert whole == again == dict(ROWS, part=part)
    assert len({id(whole), id(again)}) == 2
    assert len({id(whole["part"]), id(part), id(again["part"])}) == 3


def test_outputs_to_several_receivers_stay_apart():
    def first(self, ctx):
        value = ctx["in"]
        value["key 0"] = "first"
        ctx.done({"out": value})

    class Two(Actor):
        inports = ["in"]
        outports = ["out"]

        def run(self, ctx):
            value = dict(ROWS)
            ctx.done({"out": value})

    with Network() as net:
        add(net, "two", Two)
        add(net, "a", running(first))
        sinks = [add(net, name, Collect()) for name in ("direct", "changed")]
        net.add_connection("two", "out", "a", "in")
        net.add_connection("two", "out", "direct", "in")
        net.add_connection("a", "out", "changed", "in")
        assert net.run(inputs={"two.in": 1}, timeout=SOON).ok
    assert [sink.values[0]["key 0"] for sink in sinks] == [0, "first"]
