"""Who sends beside its tick waits by a wake-up, in order, and is seen to wait."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from offbit_reflow import Actor, Network, actor

from .support import SOON, Collect, Gate, add, connect, running, threads

pytestmark = pytest.mark.timeout(60)
COUNT = 60


class Source(Actor):
    inports: list[str] = []  # said so: it runs after `start`, too
    outports = ["out"]


class YieldsAsync(Source):
    async def run(self, ctx):
        for number in range(COUNT):
            yield {"out": number}


class SendsAsync(Source):
    async def run(self, ctx):
        for number in range(COUNT):
            await ctx.send_async({"out": number})
        ctx.finish()
        ctx.done()


class SendsAllAtOnce(Source):
    async def run(self, ctx):
        await asyncio.gather(*(ctx.send_async({"out": number}) for number in range(COUNT)))
        ctx.finish()
        ctx.done()


class SendsInThreads(Source):
    async def run(self, ctx):
        for number in range(COUNT):
            await asyncio.to_thread(ctx.send, {"out": number})
        ctx.finish()
        ctx.done()


class Defers(Source):
    def run(self, ctx):
        ctx.defer()

        def work():
            with contextlib.suppress(RuntimeError):  # the network was shut down
                for number in range(COUNT):
                    ctx.send({"out": number})
            ctx.finish()
            ctx.done()

        threading.Thread(target=work, daemon=True).start()


class SendsBesideItsTick(Source):
    def run(self, ctx):
        with ThreadPoolExecutor(1) as pool:
            list(pool.map(lambda number: ctx.send({"out": number}), range(COUNT)))
        ctx.finish()
        ctx.done()


class SendsOnAThreadOfItsOwn(Source):
    def run(self, ctx):
        for number in range(COUNT):
            ctx.send({"out": number})
        ctx.finish()
        ctx.done()


STYLES = [
    YieldsAsync,
    SendsAsync,
    SendsAllAtOnce,
    SendsInThreads,
    Defers,
    SendsBesideItsTick,
    SendsOnAThreadOfItsOwn,
]
styles = pytest.mark.parametrize("source", STYLES, ids=lambda source: source.__name__)


@styles
@pytest.mark.parametrize("capacity", [1, 7])
def test_order_is_kept_and_nothing_is_lost(source, capacity):
    with Network({"capacity": capacity}) as net:
        add(net, "source", source)
        sink = add(net, "sink", Collect())
        connect(net, "source", "sink")
        result = net.run(timeout=SOON)
    assert result.ok, result.failures
    assert sink.values == list(range(COUNT))


@styles
@pytest.mark.parametrize("policy", [None, {"timeout_ms": 60_000}, {"attempts": 2}], ids=["plain", "limit", "again"])
def test_a_full_queue_before_a_join_is_noticed(source, policy):
    """`a` has to hold many before the first comes on `b`."""

    @actor
    def pair(a, b):
        return [a, b]

    def rare(self, ctx):
        ctx.done({"out": ctx["in"]} if ctx["in"] % 20 == 19 else None)

    with Network({"capacity": 4}) as net:
        stalls = net.events(types=["NetworkStalled"])
        add(net, "source", source, policy=policy)
        add(net, "rare", running(rare))
        add(net, "pair", pair, firing="position")
        net.add_connection("source", "out", "pair", "a")
        net.add_connection("source", "out", "rare", "in")
        net.add_connection("rare", "out", "pair", "b")
        net.add_outport("out", "pair", "out")
        result = net.run(timeout=SOON)
        told = list(stalls)
    assert result.ok, result.failures
    assert [a for a, _ in result.outputs["out"]] == [0, 1, 2]
    assert [stall["actorId"] for stall in told][:1] == ["pair"]


@styles
def test_waiting_for_what_only_the_outside_can_bring_is_idle(source):
    @actor
    def pair(a, b):
        return [a, b]

    with Network({"capacity": 2}) as net:
        add(net, "source", source)
        add(net, "pair", pair)
        net.add_connection("source", "out", "pair", "a")
        net.start()
        assert net.wait(timeout=SOON).state == "idle"
        assert not net.stats()["pair"]["ticks"]


def test_hundreds_of_senders_wait_for_one_slow_reader():
    senders = 300

    class Few(Source):
        async def run(self, ctx):
            for number in range(3):
                yield {"out": number}

    class Sink(Actor):
        inports = ["in"]
        outports = ["out"]

        async def run(self, ctx):
            return {"out": await asyncio.to_thread(lambda value: value + 1, ctx["in"])}

    with Network({"capacity": 1}) as net:
        add(net, "sink", Sink)
        net.add_outport("out", "sink", "out")
        net.register_actor("few", Few)
        for number in range(senders):
            net.add_node(f"few{number}", "few")
            net.add_connection(f"few{number}", "out", "sink", "in")
        result = net.run(timeout=40)
    assert sorted(result.outputs["out"]) == sorted([1, 2, 3] * senders)


def test_threads_that_wait_to_send_do_not_keep_others_of_their_pool_from_working():
    senders = 60

    class Few(Source):
        async def run(self, ctx):
            for number in range(3):
                await asyncio.to_thread(ctx.send, {"out": number})
            ctx.finish()
            ctx.done()

    class Sink(Actor):
        inports = ["in"]
        outports = ["out"]

        async def run(self, ctx):
            return {"out": await asyncio.to_thread(lambda value: value + 1, ctx["in"])}

    with Network({"capacity": 1}) as net:
        add(net, "sink", Sink)
        net.add_outport("out", "sink", "out")
        net.register_actor("few", Few)
        for number in range(senders):
            net.add_node(f"few{number}", "few")
            net.add_connection(f"few{number}", "out", "sink", "in")
        result = net.run(timeout=40)
    assert sorted(result.outputs["out"]) == sorted([1, 2, 3] * senders)


def test_a_waiting_sender_holds_no_thread():
    class Many(Source):
        async def run(self, ctx):
            await asyncio.gather(*(ctx.send_async({"out": number}) for number in range(200)))
            ctx.finish()
            ctx.done()

    with Network({"capacity": 1}) as net:
        before = len(threads())
        add(net, "many", Many)
        gate = add(net, "gate", Gate())
        connect(net, "many", "gate")
        net.start()
        gate.wait_entered()
        assert len(threads()) < before + 10
        gate.opened.set()
        net.close_inputs()
        assert net.wait(timeout=SOON).ok
    assert gate.values == list(range(200))


def test_a_send_that_is_given_up_sends_nothing_and_can_be_tried_again():
    ready = threading.Event()

    class Impatient(Source):
        async def run(self, ctx):
            for number in range(20):
                while True:
                    try:
                        await asyncio.wait_for(ctx.send_async({"out": number}), 0.002)
                        break
                    except TimeoutError:
                        ready.set()
            ctx.finish()
            ctx.done()

    with Network({"capacity": 1}) as net:
        add(net, "source", Impatient)
        gate = add(net, "gate", Gate())
        connect(net, "source", "gate")
        net.start()
        gate.wait_entered()
        assert ready.wait(SOON)
        gate.opened.set()
        net.close_inputs()
        assert net.wait(timeout=SOON).ok
    assert gate.values == list(range(20))


def test_send_does_not_overtake_send_async():
    tried = threading.Event()

    class Late(Collect):
        def run(self, ctx):
            assert tried.wait(SOON)
            super().run(ctx)

    class Mixed(Source):
        async def run(self, ctx):
            first = [asyncio.ensure_future(ctx.send_async({"out": number})) for number in range(10)]
            await asyncio.sleep(0)
            with pytest.raises(RuntimeError, match="send_async"):
                ctx.send({"out": 10})
            tried.set()
            await ctx.send_async({"out": 10})
            await asyncio.gather(*first)
            ctx.finish()
            ctx.done()

    with Network({"capacity": 2}) as net:
        add(net, "source", Mixed)
        sink = add(net, "sink", Late())
        connect(net, "source", "sink")
        result = net.run(timeout=SOON)
    assert result.ok, result.failures
    assert sink.values == list(range(11))


def test_signals_and_the_end_of_inputs_hide_no_stall():
    """What waits to be looked at by a node whose tick waits for room is no activity."""

    @actor
    def pair(a, b):
        return [a, b]

    class Told(SendsAsync):
        def on_signal(self, ctx, signal):
            pass

    def rare(self, ctx):
        ctx.done({"out": ctx["in"]} if ctx["in"] % 20 == 19 else None)

    with Network({"capacity": 2}) as net:
        add(net, "source", Told)
        add(net, "rare", running(rare))
        add(net, "pair", pair)
        net.add_connection("source", "out", "pair", "a")
        net.add_connection("source", "out", "rare", "in")
        net.add_connection("rare", "out", "pair", "b")
        net.start()
        for _ in range(5):
            net.signal("source", "hello")
        net.close_inputs()
        result = net.wait(timeout=SOON)
    assert result.state == "finished"
    assert result.nodes["pair"]["ticks"] == 3
