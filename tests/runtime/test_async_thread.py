"""Nodes of async actors are driven on the thread of the asyncio loop, and leave it for what may block."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from offbit_reflow import Actor, Network

from .support import SOON, Collect, add, connect, numbers, run_script

pytestmark = pytest.mark.timeout(60)

LOOP = "reflow-asyncio"


def here():
    return threading.current_thread().name


class Plus(Actor):
    """Adds one, in the form that a subclass gives it."""

    inports = ["in"]
    outports = ["out"]


class AtOnce(Plus):
    async def run(self, ctx):
        ctx.done({"out": ctx["in"] + 1})


class Returning(Plus):
    async def run(self, ctx):
        return {"out": ctx["in"] + 1}


class Waiting(Plus):
    async def run(self, ctx):
        await asyncio.sleep(0)
        return {"out": ctx["in"] + 1}


class EndingFirst(Plus):
    async def run(self, ctx):
        ctx.done({"out": ctx["in"] + 1})
        await asyncio.sleep(0)


class Sending(Plus):
    async def run(self, ctx):
        await ctx.send_async({"out": ctx["in"] + 1})
        ctx.done()


class Yielding(Plus):
    async def run(self, ctx):
        yield {"out": ctx["in"] + 1}


class Plain(Plus):
    def run(self, ctx):
        ctx.done({"out": ctx["in"] + 1})


STYLES = [AtOnce, Returning, Waiting, EndingFirst, Sending, Yielding]


@pytest.mark.parametrize("concurrency", [1, 4])
@pytest.mark.parametrize("capacity", [1, 64])
@pytest.mark.parametrize("middle", STYLES)
def test_every_packet_in_order(middle, capacity, concurrency):
    """Through each style, beside plain actors and other async ones, with much room and little."""
    with Network({"capacity": capacity}) as net:
        add(net, "source", numbers(300))
        add(net, "plain", Plain)
        net.register_actor("middle", middle)
        for name in ("first", "second"):
            net.add_node(name, "middle", policy={"concurrency": concurrency} if concurrency > 1 else None)
        add(net, "last", Waiting)
        sink = add(net, "sink", Collect())
        names = ["source", "first", "second", "plain", "last", "sink"]
        for producer, consumer in zip(names, names[1:], strict=False):
            connect(net, producer, consumer)
        result = net.run(timeout=SOON)
    assert result.ok, result.failures
    # What concurrent ticks send before their ends leaves when it is sent.
    is_sent_early = concurrency > 1 and middle in (Sending, Yielding)
    assert (sorted(sink.values) if is_sent_early else sink.values) == [number + 4 for number in range(300)]


@pytest.mark.parametrize("style", STYLES)
def test_what_may_block_is_elsewhere(style):
    """`setup`, `on_signal`, `finalize` and `teardown` are plain methods: they may block, so the loop must not run them."""
    threads: dict[str, set[str]] = {}

    def note(what):
        threads.setdefault(what, set()).add(here())

    class Noting(style):
        def setup(self, ctx):
            note("setup")

        def on_signal(self, ctx, signal):
            note("on_signal")
            heard.release()

        def finalize(self, ctx):
            note("finalize")

        def teardown(self):
            note("teardown")

    heard = threading.Semaphore(0)
    with Network() as net:
        add(net, "node", Noting)
        sink = add(net, "sink", Collect())
        connect(net, "node", "sink")
        net.start()
        for number in range(20):
            net.send("node", "in", number)
            net.signal("node", "look", number)
            assert heard.acquire(timeout=SOON)
        net.close_inputs()
        result = net.wait(timeout=SOON)
    assert result.ok, result.failures
    assert sorted(sink.values) == list(range(1, 21))
    assert set(threads) == {"setup", "on_signal", "finalize", "teardown"}
    assert not any(LOOP in names for names in threads.values()), threads


def test_a_held_loop_keeps_no_node_from_its_signals():
    """A coroutine that blocks holds the ticks of others, but not what their nodes do beside them."""
    heard, go_on = threading.Event(), threading.Event()
    held = threading.Semaphore(0)

    class Holds(Actor):
        inports = ["in"]

        async def run(self, ctx):
            if ctx["in"] == "hold":
                held.release()
                go_on.wait(SOON)
            ctx.done()

    class Hears(Plus):
        async def run(self, ctx):
            ctx.done({"out": ctx["in"]})

        def on_signal(self, ctx, signal):
            heard.set()

    with Network() as net:
        add(net, "holds", Holds)
        add(net, "hears", Hears)
        sink = add(net, "sink", Collect())
        connect(net, "hears", "sink")
        net.start()
        arrivals = net.listen("hears", "out")
        for number in range(3):
            net.send("hears", "in", number)
            assert arrivals.recv(SOON) is not None
        net.send("holds", "in", "hold")
        assert held.acquire(timeout=SOON)
        net.signal("hears", "look", None)
        assert heard.wait(SOON), "the signal waits for the loop that somebody holds"
        go_on.set()
        net.send("hears", "in", 3)
        net.close_inputs()
        assert net.wait(timeout=SOON).ok
    assert sink.values == [0, 1, 2, 3]


def test_busy_nodes_leave_the_loop_to_others():
    """A chain that never runs dry does not keep timers and other tasks of the loop from their turns."""
    turns = 0

    class Clock(Actor):
        outports = ["out"]

        async def run(self, ctx):
            nonlocal turns
            while not is_over.is_set():
                await asyncio.sleep(0.001)
                turns += 1
            ctx.finish()
            ctx.done()

    class Endless(Plus):
        async def run(self, ctx):
            if turns >= 20:
                is_over.set()
                ctx.done()
            else:
                ctx.done({"out": ctx["in"]})

    is_over = threading.Event()
    with Network() as net:
        add(net, "clock", Clock)
        add(net, "a", Endless)
        add(net, "b", Endless)
        connect(net, "a", "b")
        connect(net, "b", "a")
        result = net.run({"a.in": [1, 2, 3]}, timeout=SOON)
    assert result.ok, result.failures
    assert turns >= 20


def test_a_tick_that_fails_in_its_first_step():
    class Fails(Plus):
        async def run(self, ctx):
            if ctx["in"] % 2:
                raise ValueError(f"odd: {ctx['in']}")
            ctx.done({"out": ctx["in"]})

    with Network() as net:
        add(net, "node", Fails)
        sink = add(net, "sink", Collect())
        connect(net, "node", "sink")
        result = net.run({"node.in": iter(range(100))}, timeout=SOON)
    assert sink.values == list(range(0, 100, 2))
    assert [failure.error for failure in result.failures] == [
        f"ValueError: odd: {number}" for number in range(1, 100, 2)
    ]


def test_a_shutdown_in_the_middle_of_a_busy_chain():
    for _ in range(20):
        with Network() as net:
            add(net, "a", Waiting)
            add(net, "b", AtOnce)
            connect(net, "a", "b")
            connect(net, "b", "a")
            net.start()
            net.send("a", "in", 0)
            time.sleep(0.002)
            begun = time.monotonic()
            net.shutdown()
            assert time.monotonic() - begun < SOON


def test_others_are_woken_while_a_first_step_blocks():
    """Whoever waits on a loop of their own hears of a packet although the coroutine that sent it holds the loop of actors."""
    arrived = threading.Event()

    class Blocks(Plus):
        async def run(self, ctx):
            ctx.send({"out": ctx["in"]})
            if ctx["in"]:
                assert arrived.wait(SOON)
            ctx.done()

    async def hear(net, listener):
        net.send("node", "in", 0)
        async for value in listener:
            if value:
                arrived.set()
                return
            net.send("node", "in", 1)

    with Network() as net:
        add(net, "node", Blocks)
        sink = add(net, "sink", Collect())
        connect(net, "node", "sink")
        listener = net.listen("node", "out")
        net.start()
        asyncio.run(asyncio.wait_for(hear(net, listener), SOON))
        net.close_inputs()
        assert net.wait(timeout=SOON).ok
    assert sink.values == [0, 1]


@pytest.mark.parametrize("first", [True, False])
def test_a_run_that_is_stopped_in_a_first_step_cancels_it(first):
    """What it sends then is not refused just before."""
    seen = []
    entered = threading.Event()

    class Sends(Plus):
        async def run(self, ctx):
            if ctx["in"] == 0:
                return ctx.done()
            if not first:
                await asyncio.sleep(0)
            entered.set()
            while not ctx.cancelled:
                time.sleep(0.001)
            try:
                for number in range(100):
                    await ctx.send_async({"out": number})
            except BaseException as error:
                seen.append(type(error))
                raise

    with Network({"capacity": 1}) as net:
        add(net, "node", Sends)
        add(net, "sink", Collect())
        connect(net, "node", "sink")
        net.start()
        net.send("node", "in", 0)
        net.send("node", "in", 1)
        assert entered.wait(SOON)
        net.cancel("enough", 5.0)
    assert seen == [asyncio.CancelledError]


@pytest.mark.parametrize("later", [True, False])
def test_a_tick_that_stops_the_loop_stops_nobody_else(later):
    class Stops(Plus):
        async def run(self, ctx):
            if later:
                await asyncio.sleep(0)
            asyncio.get_running_loop().stop()
            await asyncio.sleep(0)
            ctx.done({"out": ctx["in"]})

    for _ in range(2):
        with Network() as net:
            add(net, "node", Stops)
            add(net, "after", Waiting)
            sink = add(net, "sink", Collect())
            connect(net, "node", "after", "sink")
            assert net.run({"node.in": iter(range(200))}, timeout=SOON).ok
        assert sink.values == list(range(1, 201))


@pytest.mark.parametrize("holds", ["sum(range(1000))", "time.sleep(0.001)"])
def test_the_process_ends_while_a_first_step_holds_the_loop(holds):
    result = run_script(f"""
        import sys, threading, time
        from offbit_reflow import Actor, Network

        entered = threading.Event()

        class Holds(Actor):
            inports = ["in"]

            async def run(self, ctx):
                if ctx["in"]:
                    entered.set()
                    while True:
                        {holds}
                ctx.done()

        net = Network()
        net.register_actor("holds", Holds)
        net.add_node("a", "holds")
        net.start()
        net.send("a", "in", 0)
        net.send("a", "in", 1)
        entered.wait(10)
        sys.exit(3)
    """)
    assert result.returncode == 3, (result.returncode, result.stderr)
