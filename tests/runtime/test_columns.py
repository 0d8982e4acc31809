"""A batch that nothing has to see tick by tick is a column inside. What comes of it is the same."""

from __future__ import annotations

import gc
import threading

import pytest

from offbit_reflow import Actor, Network
from offbit_reflow.exceptions import ContextError

from .support import SOON, Collect, add, connect, numbers, running

pytestmark = pytest.mark.timeout(60)

COUNT = 250


def columns(batch):
    batch.done({"out": [[value] for value in batch["in"]]})


def passed_on(batch):
    batch.done({"out": batch["in"]})


def returned(batch):
    return {"out": [value + 1 for value in batch["in"]]}


def rows(batch):
    return [{"out": value} if value % 3 else None for value in batch["in"]]


def one_by_one(batch):
    for ctx in batch:
        if ctx["in"] % 3 == 0:
            ctx.fail("not this one")
        else:
            ctx.send({"out": ctx["in"]})
            ctx.done({"out": -ctx["in"]})


def looked_at_first(batch):
    first = batch[0]["in"]
    batch.done({"out": [value - first for value in batch["in"]]})


def looked_at_after(batch):
    batch.done({"out": batch["in"]})
    assert batch[0].inputs["in"] is not None


def other_ports(batch):
    assert batch["extra"] == [None] * len(batch)
    batch.done({"extra": batch["in"], "out": batch["in"]})


def raises(batch):
    if 100 in batch["in"]:
        raise ValueError("a hundred")
    batch.done({"out": batch["in"]})


def raises_after(batch):
    batch.done({"out": batch["in"]})
    raise ValueError("too late")


def unresolved(batch):
    assert batch["in"]


def some_unresolved(batch):
    batch[0].done({"out": 1})


def wrong_length(batch):
    batch.done({"out": [1, *batch["in"]]})


def twice(batch):
    batch.done({"out": batch["in"]})
    with pytest.raises(ContextError, match="already resolved"):
        batch.done({"out": batch["in"]})


def nothing(batch):
    batch.done()


RUNS = [
    columns,
    passed_on,
    returned,
    rows,
    one_by_one,
    looked_at_first,
    looked_at_after,
    other_ports,
    raises,
    raises_after,
    unresolved,
    some_unresolved,
    wrong_length,
    twice,
    nothing,
]


def outcome(run, *, seen, size):
    batch = running(lambda self, batch: run(batch), batch_size=size, inports=["in", "extra"], outports=["out", "extra"])
    with Network({"capacity": 100}) as net:
        add(net, "source", numbers(COUNT))
        add(net, "batch", batch)
        sink = add(net, "sink", Collect())
        connect(net, "source", "batch", "sink")
        events = net.events() if seen else None
        result = net.run(timeout=SOON)
        del events
    node = result.nodes["batch"]
    counted = {key: node[key] for key in ("state", "ticks", "packets_in", "packets_out", "failures", "undelivered")}
    failures = [(failure.tick, failure.reason, failure.error.splitlines()[0]) for failure in result.failures]
    return sink.values, counted, failures


@pytest.mark.parametrize("run", RUNS)
def test_it_is_the_same_whoever_looks_on(run):
    # One tick a batch: how many are in one is left to the machine.
    assert outcome(run, seen=False, size=1) == outcome(run, seen=True, size=1)
    if run in (columns, passed_on, returned, rows, other_ports, twice, nothing):
        assert outcome(run, seen=False, size=64) == outcome(run, seen=True, size=64)


def test_containers_are_protected():
    """What a batch actor keeps of its outputs, nobody sees change."""
    kept = []

    def run(batch):
        out = [[value] for value in batch["in"]]
        kept.extend(out)
        batch.done({"out": out})
        for value in out:
            value.append("changed")

    values, _, failures = outcome(run, seen=False, size=64)
    assert not failures
    assert values == [[number] for number in range(COUNT)]
    assert len(kept) == COUNT


class Marked(int):
    """An int with a class of its own."""


@pytest.mark.parametrize(
    "odd",
    [True, None, "text", Marked(7), 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 2**200, -0.0, float("nan"), [1], b"x"],
)
def test_numbers_travel_together_and_whatever_is_among_them_as_it_is(odd):
    sent = [value for number in range(40) for value in (number, number / 3)]
    sent[50] = odd

    class Source(Actor):
        outports = ["out"]

        def run(self, ctx):
            yield from ({"out": value} for value in sent)

    with Network() as net:
        add(net, "source", Source)
        for name in ("a", "b"):
            add(net, name, running(lambda self, batch: batch.done({"out": list(batch["in"])}), batch_size=16))
        sink = add(net, "sink", Collect())
        connect(net, "source", "a", "b", "sink")
        result = net.run(timeout=SOON)
    assert result.ok, result.failures
    assert [(type(value), repr(value)) for value in sink.values] == [(type(value), repr(value)) for value in sent]


def test_a_batch_that_is_kept_is_over():
    kept = []

    def run(batch):
        kept.append(batch)
        batch.done({"out": batch["in"]})

    values, _, failures = outcome(run, seen=False, size=64)
    assert (values, failures) == (list(range(COUNT)), [])
    gc.collect()
    for call in (lambda: kept[0]["in"], lambda: kept[0][0], lambda: list(kept[0])):
        with pytest.raises(ContextError, match="over"):
            call()


def test_deferred_ticks_leave_after_their_batch():
    open_ticks = []

    class Defer(Actor):
        inports = ["in"]
        outports = ["out"]
        batch_size = 64

        def run(self, batch):
            if open_ticks:
                batch.done({"out": batch["in"]})
                return
            first = batch[0]
            first.defer()
            for ctx in list(batch)[1:]:
                ctx.done({"out": ctx["in"]})
            open_ticks.append(threading.Thread(target=first.done, args=({"out": "late"},)))
            open_ticks[0].start()

    with Network() as net:
        add(net, "source", numbers(COUNT))
        add(net, "defer", Defer)
        sink = add(net, "sink", Collect())
        connect(net, "source", "defer", "sink")
        result = net.run(timeout=SOON)
    assert result.ok, result.failures
    # They leave in the order of their ticks.
    assert sink.values[0] == "late"
    assert sink.values[1:] == list(range(1, COUNT))
