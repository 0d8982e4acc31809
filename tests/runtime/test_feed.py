"""`run(inputs=...)`: iterators that raise, block, never end, or wait for each other."""

from __future__ import annotations

import contextvars
import itertools
import threading
import time

import pytest

from offbit_reflow import Actor, Network, actor

from .support import SOON, Collect, Forward, add


@actor
def pair(x, y):
    return [x, y]


def one(cls, **options) -> Network:
    net = Network()
    add(net, "a", cls, **options)
    net.add_outport("o", "a", "out")
    return net


def test_what_an_iterator_raises_is_raised():
    def raising():
        yield 1
        raise KeyError("from the iterator")

    with pytest.raises(KeyError, match="from the iterator"):
        one(Forward).run(inputs={"a.in": raising()}, timeout=SOON)


def test_what_cannot_be_sent_is_raised():
    with pytest.raises(TypeError):
        one(Forward).run(inputs={"a.in": 1, 5: 2}, timeout=SOON)


@pytest.mark.parametrize("grace", [0.0, 1.0])
def test_the_time_limit_holds_while_an_iterator_blocks(grace):
    release = threading.Event()

    def blocking():
        yield 1
        release.wait(SOON)

    started = time.monotonic()
    with pytest.raises(TimeoutError):
        one(Forward).run(inputs={"a.in": blocking()}, timeout=0.2, grace=grace)
    assert time.monotonic() - started < SOON / 2
    release.set()


def test_a_node_that_has_ended_is_fed_no_further():
    class First(Actor):
        inports = ["x"]
        outports = ["out"]

        def run(self, ctx):
            ctx.finish()
            ctx.done({"out": ctx["x"]})

    numbers = itertools.count()
    result = one(First).run(inputs={"a.x": numbers}, timeout=SOON)
    assert result.outputs == {"o": [0]}
    assert result.state == "finished"
    assert result.nodes["a"]["undelivered"] >= next(numbers) - 1


def test_a_run_that_was_stopped_is_fed_no_further():
    @actor
    def boom(x):
        raise ValueError("no")

    result = one(boom, policy={"on_error": "stop"}).run(inputs={"a.x": itertools.count()}, timeout=SOON)
    assert result.state == "failed"


def test_an_iterator_that_blocks_does_not_hold_a_run_that_has_ended():
    release = threading.Event()

    class Once(Forward):
        def run(self, ctx):
            ctx.finish()
            ctx.done({"out": ctx["in"]})

    def blocking():
        yield 1
        yield 2
        release.wait(SOON)

    started = time.monotonic()
    assert one(Once).run(inputs={"a.in": blocking()}).outputs == {"o": [1]}
    assert time.monotonic() - started < SOON / 2
    release.set()


def test_iterators_are_read_at_once():
    """One after the other, the first would fill its queue before its partner begins."""
    result = one(pair).run(inputs={"a.x": iter(range(1000)), "a.y": iter(range(1000))}, timeout=SOON)
    assert result.outputs["o"] == [[number, number] for number in range(1000)]


def test_iterators_see_the_context_of_the_caller():
    word = contextvars.ContextVar("word", default="nothing")

    def said():
        yield word.get()

    word.set("hello")
    assert one(Forward).run(inputs={"a.in": said()}, timeout=SOON).outputs == {"o": ["hello"]}


def test_one_port_under_two_names():
    net = Network({"capacity": 1})
    sink = add(net, "a", Collect())
    net.add_inport("first", "a", "in")
    net.add_inport("second", "a", "in")
    net.run(inputs={"first": 1, "second": iter([2, 3]), "a.in": 4}, timeout=SOON)
    assert sink.values == [1, 2, 3, 4]


def test_order_is_kept_and_empty_iterators_end():
    net = Network({"capacity": 1})
    sink = add(net, "a", Collect())
    add(net, "b", Collect())
    result = net.run(inputs={"a.in": iter(range(300)), "b.in": iter([])}, timeout=SOON)
    assert sink.values == list(range(300))
    assert result.nodes["b"]["state"] == "skipped"
