"""Order, bounds, and what happens when queues are full."""

from __future__ import annotations

import threading

import pytest

from offbit_reflow import Actor, Network

from .support import SOON, Collect, Forward, Gate, add, connect, numbers, of_type, resident_mb, running

MILLION = 1_000_000


class Slow(Actor):
    """A consumer slower than any source: it lets another thread run at intervals."""

    inports = ["in"]

    def __init__(self):
        self.count = 0
        self.wrong = None
        self.highest_memory = 0.0

    def run(self, ctx):
        number = ctx["in"]
        if number != self.count and self.wrong is None:
            self.wrong = (self.count, number)
        self.count += 1
        if self.count % 100_000 == 0:
            self.highest_memory = max(self.highest_memory, resident_mb())
        ctx.done()


@pytest.mark.timeout(90)
def test_a_million_sends_into_a_slow_consumer():
    class Flood(Actor):
        outports = ["out"]

        def run(self, ctx):
            for number in range(MILLION):
                ctx.send({"out": number})
            ctx.finish()

    with Network() as net:
        add(net, "flood", Flood)
        slow = add(net, "slow", Slow())
        connect(net, "flood", "slow")
        before = resident_mb()
        result = net.run(timeout=80)
    assert result.ok, result.failures
    assert (slow.count, slow.wrong) == (MILLION, None)
    assert slow.highest_memory - before < 40
    assert result.nodes["slow"]["queue_high_water"] <= 128


def test_a_stuck_consumer_holds_its_source_back():
    sent = []

    class Count(Actor):
        inports = []
        outports = ["out"]

        def run(self, ctx):
            number = 0
            while not ctx.cancelled:
                ctx.send({"out": number})
                sent.append(number)
                number += 1

    with Network({"capacity": 10}) as net:
        add(net, "source", Count)
        gate = add(net, "gate", Gate())
        connect(net, "source", "gate")
        net.start()
        gate.wait_entered()
        reached = -1
        while len(sent) != reached:
            reached = len(sent)
            threading.Event().wait(0.1)
        # Ten wait, one is in the tick; a credit or two are on their way.
        assert 10 <= reached <= 13
        gate.opened.set()
        while len(gate.values) < 100:
            gate.wait_entered()
    assert gate.values[:100] == list(range(100))


@pytest.mark.parametrize("style", ["send", "yield", "done"])
def test_capacity_of_a_connection(style):
    gate = Gate()

    class Source(Actor):
        inports = ["in"]

        def run(self, ctx):
            for number in range(50):
                if style == "send":
                    ctx.send({"out": number})
                else:
                    yield {"out": number}
            ctx.done()

    if style == "send":

        def plain(self, ctx):
            for number in range(50):
                ctx.send({"out": number})
            ctx.done()

        Source.run = plain
    elif style == "done":
        Source.run = lambda self, ctx: ctx.done({"out": ctx["in"]})
    with Network() as net:
        add(net, "source", Source)
        add(net, "gate", gate)
        net.add_connection("source", "out", "gate", "in", capacity=3)
        for number in range(50 if style == "done" else 1):
            net.add_initial("source", "in", number)
        net.start()
        gate.opened.set()
        net.wait(timeout=SOON)
        assert net.stats()["gate"]["queue_high_water"] <= 3
    assert gate.values == list(range(50))


def test_order_along_a_chain():
    with Network() as net:
        add(net, "source", numbers(5_000))
        net.register_actor("forward", Forward)
        names = [f"n{number}" for number in range(20)]
        for name in names:
            net.add_node(name, "forward")
        sink = add(net, "sink", Collect())
        connect(net, "source", *names, "sink")
        assert net.run(timeout=25).ok
    assert sink.values == list(range(5_000))


def test_fan_out_gives_every_connection_everything_in_order():
    with Network() as net:
        add(net, "source", numbers(500))
        sinks = []
        for number in range(20):
            sinks.append(add(net, f"sink{number}", Collect()))
            net.add_connection("source", "out", f"sink{number}", "in")
        assert net.run(timeout=SOON).ok
    assert all(sink.values == list(range(500)) for sink in sinks)


def test_fan_in_keeps_the_order_of_each_source():
    with Network() as net:
        sink = add(net, "sink", Collect())
        for number in range(10):

            def run(self, ctx, number=number):
                for count in range(300):
                    yield {"out": [number, count]}

            add(net, f"source{number}", running(run, inports=[]))
            connect(net, f"source{number}", "sink")
        assert net.run(timeout=SOON).ok
    for number in range(10):
        assert [count for source, count in sink.values if source == number] == list(range(300))
    assert len(sink.values) == 3_000


def test_the_same_connection_twice_delivers_twice():
    with Network() as net:
        add(net, "a", Forward)
        sink = add(net, "b", Collect())
        connect(net, "a", "b")
        connect(net, "a", "b")
        net.add_initial("a", "in", 5)
        assert net.run(timeout=SOON).ok
    assert sink.values == [5, 5]


@pytest.mark.parametrize("count", [51, 60, 20_000])
def test_any_number_of_initials_in_order(count):
    with Network() as net:
        sink = add(net, "sink", Collect())
        for number in range(count):
            net.add_initial("sink", "in", number)
        assert net.run(timeout=SOON).ok
    assert sink.values == list(range(count))


@pytest.mark.parametrize("style", ["send", "done"])
def test_an_unconnected_outport_takes_everything(style):
    def run(self, ctx):
        if style == "send":
            for _ in range(1_000):
                ctx.send({"out": bytes(10_000)})
            ctx.done()
        else:
            ctx.done({"out": bytes(10_000)})

    before = resident_mb()
    with Network() as net:
        add(net, "a", running(run))
        for number in range(1_000 if style == "done" else 5):
            net.add_initial("a", "in", number)
        result = net.run(timeout=SOON)
    assert result.ok
    assert result.nodes["a"]["ticks"] in (5, 1_000)
    assert resident_mb() - before < 30


def test_a_node_runs_one_tick_at_a_time():
    lock = threading.Lock()
    overlaps = []

    def run(self, ctx):
        if not lock.acquire(blocking=False):
            overlaps.append(ctx["in"])
            ctx.done()
            return
        threading.Event().wait(0.002)
        lock.release()
        ctx.done()

    with Network() as net:
        add(net, "a", running(run))
        for number in range(50):
            net.add_initial("a", "in", number)
        assert net.run(timeout=SOON).ok
    assert not overlaps


class TestRings:
    def test_a_ring_that_fills_its_queues_goes_on(self):
        """One packet becomes two at each turn until there are 2,000; bounds of 4 have to be widened."""
        lock = threading.Lock()
        made = [1]
        ended = []

        def split(self, ctx):
            with lock:
                room = made[0] < 2_000
                made[0] += room
            ctx.send({"out": ctx["in"]})
            if room:
                ctx.send({"out": ctx["in"]})
            ctx.done()

        def turn(self, ctx):
            with lock:
                full = made[0] >= 2_000
            if full:
                ended.append(1)
                ctx.done()
            else:
                ctx.done({"out": ctx["in"] + 1})

        with Network({"capacity": 4}) as net:
            events = net.events(types=["NetworkStalled"])
            add(net, "split", running(split))
            add(net, "turn", running(turn))
            connect(net, "split", "turn", "split")
            net.add_initial("split", "in", 0)
            result = net.run(timeout=SOON)
            stalls = list(events)
        assert result.ok, result.failures
        assert len(ended) == 2_000
        for stall in stalls:
            assert stall["widenedTo"] > stall["capacity"] >= 4
            assert stall["actorId"] in ("split", "turn")

    def test_feedback_into_itself_beyond_the_bound(self):
        """The wheel stopped silently after 268 ticks."""
        count = []

        def run(self, ctx):
            count.append(ctx["in"])
            if ctx["in"] > 0:
                ctx.send({"out": ctx["in"] - 1})
                ctx.send({"out": ctx["in"] - 1})
            ctx.done()

        with Network({"capacity": 2}) as net:
            events = net.events()
            add(net, "a", running(run))
            connect(net, "a", "a")
            net.add_initial("a", "in", 10)
            assert net.run(timeout=SOON).ok
            assert of_type(events, "NetworkStalled")
        assert len(count) == 2**11 - 1

    def test_a_ring_without_end_is_idle_when_its_packets_are_gone(self):
        def run(self, ctx):
            ctx.done({"out": ctx["in"] - 1} if ctx["in"] else {})

        with Network() as net:
            add(net, "a", running(run))
            add(net, "b", Forward)
            connect(net, "a", "b", "a")
            net.add_initial("a", "in", 1_000)
            result = net.run(timeout=SOON)
        assert result.state == "finished"
        assert result.nodes["a"]["ticks"] == 1_001


@pytest.mark.parametrize("count", [1_000])
def test_wide_fan_out(count):
    with Network() as net:
        add(net, "source", numbers(20))
        net.register_actor("sink", shared := Collect())
        for number in range(count):
            net.add_node(f"s{number}", "sink")
            net.add_connection("source", "out", f"s{number}", "in")
        assert net.run(timeout=25).ok
    assert len(shared.values) == 20 * count


def test_deep_chain_of_two_thousand_nodes():
    with Network() as net:
        net.register_actor("forward", Forward)
        names = [f"n{number}" for number in range(2_000)]
        for name in names:
            net.add_node(name, "forward")
        connect(net, *names)
        net.add_outport("out", names[-1], "out")
        result = net.run({"n0.in": 1}, timeout=25)
    assert result.outputs == {"out": [1]}
