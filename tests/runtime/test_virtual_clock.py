"""A virtual clock: waits of hours take no time, and happen in their order."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from offbit_reflow import Actor, Network, Stream, actor
from offbit_reflow.exceptions import ConfigError, RunTimeout

from .support import SOON

HOUR = 3600.0


@pytest.fixture
def net():
    network = Network(clock="virtual")
    begun = time.monotonic()
    yield network
    network.shutdown(grace=5)
    assert time.monotonic() - begun < SOON


def test_retries_wait_by_the_clock(net):
    class Fails(Actor):
        inports = ["in"]
        outports = ["out"]

        def run(self, ctx):
            if ctx.attempt < 5:
                raise OSError("not yet")
            ctx.done({"out": ctx.attempt})

    net.register_actor("fails", Fails)
    net.add_node("f", "fails", policy={"attempts": 5, "delay_ms": 3_600_000, "multiplier": 2})
    net.add_outport("out", "f", "out")
    assert net.run({"f.in": 1}, timeout=SOON).outputs == {"out": [5]}


def test_async_actors_sleep_by_the_clock(net):
    @actor
    async def later(hours):
        loop = asyncio.get_running_loop()
        begun = loop.time()
        await asyncio.sleep(hours * HOUR)
        return hours, round((loop.time() - begun) / HOUR)

    net.register_actor("later", later)
    net.add_node("l", "later", policy={"concurrency": 5, "ordered": False})
    net.add_outport("out", "l", "out")
    assert net.run({"l.hours": iter([5, 1, 4, 2, 3])}, timeout=SOON).outputs["out"] == [(n, n) for n in range(1, 6)]


def test_limits_end_ticks_by_the_clock(net):
    @actor
    async def slow(seconds):
        await asyncio.sleep(seconds)
        return seconds

    net.register_actor("slow", slow)
    net.add_node("s", "slow", policy={"timeout_ms": 60_000})
    net.add_outport("out", "s", "out")
    result = net.run({"s.seconds": iter([59, 61])}, timeout=SOON)
    assert result.outputs == {"out": [59]}
    assert [failure.reason for failure in result.failures] == ["timeout"]


def test_work_does_not_take_time(net):
    """A thread that really works is no reason for a limit to pass."""

    class Works(Actor):
        inports = ["in"]
        outports = ["out"]

        def run(self, ctx):
            time.sleep(0.02)
            ctx.done({"out": ctx.remaining_ms})

    class InThread(Works):
        async def run(self, ctx):
            await asyncio.to_thread(time.sleep, 0.02)
            ctx.done({"out": ctx.remaining_ms})

    class Deferred(Works):
        def run(self, ctx):
            late = ctx.defer()
            threading.Thread(target=lambda: (time.sleep(0.02), late.done({"out": late.remaining_ms}))).start()

    for name, component in {"a": Works, "b": InThread, "c": Deferred}.items():
        net.register_actor(name, component)
        net.add_node(name, name, policy={"timeout_ms": 5})
        net.add_outport(name, name, "out")
    result = net.run({"a.in": 1, "b.in": 1, "c.in": 1}, timeout=SOON)
    assert result.failures == []
    assert [values[0] for values in result.outputs.values()] == [5.0] * 3


def test_components_of_the_catalog_wait_by_the_clock(net):
    config = {"interval": 3_600_000, "maxExecutions": 3, "autostart": True, "payload": "${executionCount}"}
    net.add_node("i", "tpl_interval_trigger", config)
    net.add_node("d", "tpl_delay", {"delayMs": 36_000_000})
    net.add_connection("i", "trigger", "d", "input")
    net.add_outport("out", "d", "output")
    assert len(net.run(timeout=SOON).outputs["out"]) == 3


def test_ctx_sleep_and_pairs_that_wait(net):
    class Sleeps(Actor):
        inports = ["in"]
        outports = ["out"]

        def run(self, ctx):
            ctx.sleep(ctx["in"] * HOUR)
            ctx.done({"out": ctx["in"]})

    @actor(outports=["out", "unmatched"])
    def both(a, b):
        return {"out": (a, b)}

    net.register_actor("sleeps", Sleeps)
    net.register_actor("both", both)
    net.add_node("s", "sleeps")
    net.add_node("both", "both", firing={"join": {"a": "id", "b": "id"}, "timeout_ms": 7_200_000})
    net.add_outport("slept", "s", "out")
    net.add_outport("alone", "both", "unmatched")
    net.start(collect=True)
    net.send("both", "a", {"id": 1})
    net.send("s", "in", 3)
    outputs = net.wait(SOON).outputs
    deadline = time.monotonic() + SOON
    while not (outputs["slept"] and outputs["alone"]) and time.monotonic() < deadline:
        more = net.result().outputs
        outputs = {name: values + more[name] for name, values in outputs.items()}
        time.sleep(0.01)
    assert outputs == {"slept": [3], "alone": [{"id": 1}]}


def test_questions_and_signals(net):
    class Asks(Actor):
        inports = ["in"]
        outports = ["out"]

        async def run(self, ctx):
            try:
                ctx.done({"out": await ctx.wait_signal_async("go", timeout=HOUR)})
            except TimeoutError:
                ctx.done({"out": "nobody"})

    net.register_actor("asks", Asks)
    net.add_node("a", "asks")
    net.add_outport("out", "a", "out")
    net.start()
    assert net.ask({"a.in": 1}, timeout=SOON) == {"out": ["nobody"]}


def test_two_clocks_do_not_disturb_each_other():
    @actor
    async def later(x):
        await asyncio.sleep(x * HOUR)
        return x

    nets = []
    for _ in range(3):
        net = Network(clock="virtual")
        net.register_actor("later", later)
        net.add_node("l", "later")
        net.add_outport("out", "l", "out")
        net.start()
        nets.append(net)

    async def all_of_them():
        return await asyncio.gather(*(net.ask_async({"l.x": n}, timeout=SOON) for n, net in enumerate(nets)))

    assert asyncio.run(all_of_them()) == [{"out": [n]} for n in range(3)]
    for net in nets:
        net.shutdown()


def test_a_word_that_is_no_clock():
    with pytest.raises(ConfigError, match="virtual"):
        Network(clock="sundial")


class Sleeps(Actor):
    inports = ["in"]
    outports = ["out"]

    def run(self, ctx):
        ctx.sleep(HOUR)
        ctx.done({"out": ctx["in"]})


class SleepsAsync(Sleeps):
    async def run(self, ctx):
        await asyncio.sleep(HOUR)
        ctx.done({"out": ctx["in"]})


class Sends(Actor):
    inports = ["in"]
    outports = ["out"]

    def run(self, ctx):
        for number in range(50):
            ctx.send({"out": number})
        ctx.done()


@pytest.mark.parametrize("policy", [None, {"concurrency": 2}])
@pytest.mark.parametrize("target", [Sleeps, SleepsAsync])
def test_a_send_that_waits_for_room_lets_time_pass(net, target, policy):
    net.register_actor("sends", Sends)
    net.register_actor("sleeps", target)
    net.add_node("p", "sends", policy=policy)
    net.add_node("s", "sleeps")
    net.add_connection("p", "out", "s", "in", capacity=2)
    net.add_outport("out", "s", "out")
    assert net.run({"p.in": 1}, timeout=SOON).outputs["out"] == list(range(50))


def test_a_send_into_the_network_lets_time_pass(net):
    class Outside(Sends):
        def run(self, ctx):
            for number in range(50):
                net.send("s", "in", number)
            net.close_inputs()
            ctx.done()

    net.register_actor("outside", Outside)
    net.register_actor("sleeps", Sleeps)
    net.add_node("o", "outside")
    net.add_node("s", "sleeps")
    net.add_outport("out", "s", "out")
    net.start(collect=True)
    net.send("o", "in", 1)
    assert net.wait(SOON).outputs["out"] == list(range(50))


def test_waits_at_both_ends_of_a_stream_let_time_pass(net):
    class Writes(Actor):
        inports = ["in"]
        outports = ["out"]

        def run(self, ctx):
            stream = Stream.create(buffer_size=1)
            ctx.send({"out": stream.into_message()})
            for number in range(20):
                if ctx["in"] == "slow writer":
                    ctx.sleep(HOUR)
                stream.send_bytes(bytes([number]))
            stream.end()
            ctx.done()

    class Reads(Actor):
        inports = ["in", "how"]
        outports = ["out"]
        await_all_inports = True

        def run(self, ctx):
            reader = ctx.message("in").take_stream()
            got = []
            while (frame := reader.recv(7_200_000))["kind"] == "data":
                if ctx["how"] == "slow reader":
                    ctx.sleep(HOUR)
                got.append(frame["data"][0])
            ctx.done({"out": got})

    net.register_actor("writes", Writes)
    net.register_actor("reads", Reads)
    net.add_node("w", "writes")
    net.add_node("r", "reads")
    net.add_connection("w", "out", "r", "in")
    net.add_outport("out", "r", "out")
    hows = ["slow reader", "slow writer"]
    assert net.run({"w.in": iter(hows), "r.how": iter(hows)}, timeout=SOON).outputs["out"] == [list(range(20))] * 2


def test_time_stands_still_from_the_moment_that_a_thread_is_woken(net):
    order = []

    class Works(Actor):
        inports = ["in"]
        outports = ["out"]

        def run(self, ctx):
            ctx.sleep(ctx["in"] * HOUR)
            time.sleep(0.002)  # it works
            order.append(ctx["in"])
            ctx.done()

    net.register_actor("works", Works)
    net.add_node("w", "works", policy={"concurrency": 8})
    net.run({"w.in": iter([8, 1, 7, 2, 6, 3, 5, 4])}, timeout=SOON)
    assert order == sorted(order)


@pytest.mark.parametrize("policy", [None, {"concurrency": 2}])
def test_limits_of_waits_in_ticks_are_counted_by_the_clock(net, policy):
    """An hour is over as soon as nothing else happens, and not before."""

    class Waits(Actor):
        inports = ["stream"]
        outports = ["out", "full", "inner"]

        def run(self, ctx):
            said = []
            reader = ctx.message("stream").take_stream()
            said.append(reader.recv(3_600_000)["kind"])
            with pytest.raises(RunTimeout):
                reader.read_all(timeout=HOUR)
            stream = Stream.create(buffer_size=1)
            ctx.send({"inner": stream.into_message()})
            with pytest.raises(RunTimeout):
                for _ in range(3):
                    stream.send_bytes(b"-", timeout=HOUR)
            with pytest.raises(RunTimeout):
                for _ in range(5):
                    ctx.send({"full": 1}, timeout=HOUR)
            with pytest.raises(RunTimeout):
                for _ in range(500):
                    net.send("sleeps", "x", 1, timeout=HOUR)
            ctx.done({"out": [*said, round((900 * HOUR - ctx.remaining_ms / 1000) / HOUR)]})

    class Holds(Actor):
        inports = ["x"]

        def run(self, ctx):
            ctx.sleep(800 * HOUR)
            ctx.done()

    stream = Stream.create()
    net.register_actor("waits", Waits)
    net.register_actor("holds", Holds)
    net.add_node("waits", "waits", policy={"timeout_ms": 900 * 3_600_000, **(policy or {})})
    net.add_node("keeps", "holds")
    net.add_node("sleeps", "holds")
    net.add_connection("waits", "inner", "keeps", "x")
    net.add_connection("waits", "full", "sleeps", "x", capacity=1)
    net.add_outport("out", "waits", "out")
    net.start(collect=True)
    net.send("waits", "stream", stream.into_message())
    assert net.wait(SOON).outputs["out"] == [["timeout", 5]]
