"""Ends of async ticks: cancelled once, given their grace, and quiet when the process goes."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from offbit_reflow import Actor, Network

from .support import SOON, Collect, add, connect, run_one, run_script, running

pytestmark = pytest.mark.timeout(120)


class CleansUp(Actor):
    """Takes a while to end when it is cancelled."""

    inports = ["in"]
    outports = ["out"]

    def __init__(self):
        self.started = threading.Event()
        self.cancelled = 0
        self.cleaned = False

    async def run(self, ctx):
        try:
            self.started.set()
            await asyncio.sleep(3_600)
        except asyncio.CancelledError:
            self.cancelled += 1
            await asyncio.sleep(0.2)
            self.cleaned = True
            raise


class CleansUpItems(CleansUp):
    async def run(self, ctx):
        try:
            self.started.set()
            for number in range(1_000_000):
                yield {"out": number}
        finally:
            self.cancelled += 1
            await asyncio.sleep(0.2)
            self.cleaned = True


ENDS = {
    "cancel": lambda net: net.cancel(grace=10),
    "shutdown": lambda net: net.shutdown(grace=10),
    "cancel_async": lambda net: asyncio.run(net.cancel_async(grace=10)),
    "shutdown_async": lambda net: asyncio.run(net.shutdown_async(grace=10)),
}


@pytest.mark.parametrize("policy", [None, {"timeout_ms": 60_000}, {"concurrency": 2}], ids=["plain", "limit", "two"])
@pytest.mark.parametrize("cls", [CleansUp, CleansUpItems])
@pytest.mark.parametrize("end", ENDS.values(), ids=ENDS)
def test_a_tick_that_cleans_up_gets_the_grace(end, cls, policy):
    with Network({"capacity": 1}) as net:
        tick = add(net, "a", cls(), policy=policy)

        async def never(self, ctx):
            await asyncio.sleep(3_600)

        add(net, "never", running(never))
        connect(net, "a", "never")
        net.add_initial("a", "in", 1)
        net.start()
        assert tick.started.wait(SOON)
        assert end(net) == []
        assert tick.cleaned
        assert tick.cancelled == 1


def test_the_grace_is_the_longest_wait():
    with Network() as net:
        tick = add(net, "a", CleansUp())
        net.add_initial("a", "in", 1)
        net.start()
        assert tick.started.wait(SOON)
        assert net.cancel(grace=0.01) == ["a"]
        assert not tick.cleaned
        assert net.shutdown(grace=10) == []
        assert (tick.cleaned, tick.cancelled) == (True, 1)


def test_a_tick_that_swallows_its_cancellation_ends_when_it_ends():
    released = []

    class Stubborn(Actor):
        inports = ["in"]

        async def run(self, ctx):
            self.loop, self.event = asyncio.get_running_loop(), asyncio.Event()
            started.set()
            while not self.event.is_set():
                try:
                    await self.event.wait()
                except asyncio.CancelledError:
                    released.append(1)
            ctx.done()

    started = threading.Event()
    with Network() as net:
        stubborn = add(net, "a", Stubborn())
        net.add_initial("a", "in", 1)
        net.start()
        assert started.wait(SOON)
        assert net.cancel(grace=0.05) == ["a"]
        stubborn.loop.call_soon_threadsafe(stubborn.event.set)
        assert net.shutdown(grace=10) == []
    assert released == [1]


def test_teardown_comes_after_the_tick():
    order = []

    class Ordered(CleansUp):
        async def run(self, ctx):
            try:
                self.started.set()
                await asyncio.sleep(3_600)
            finally:
                await asyncio.sleep(0.05)
                order.append("tick")

        def teardown(self):
            order.append("teardown")

    with Network() as net:
        tick = add(net, "a", Ordered())
        net.add_initial("a", "in", 1)
        net.start()
        assert tick.started.wait(SOON)
        net.shutdown(grace=10)
    assert order == ["tick", "teardown"]


def test_work_in_threads_holds_neither_cancel_nor_shutdown():
    release, started = threading.Event(), threading.Event()

    async def run(self, ctx):
        def work():
            started.set()
            release.wait(SOON)

        await asyncio.to_thread(work)

    with Network() as net:
        add(net, "a", running(run))
        net.add_initial("a", "in", 1)
        net.start()
        assert started.wait(SOON)
        begun = time.monotonic()
        assert net.cancel(grace=5) == []
        assert time.monotonic() - begun < 4
    release.set()


def test_a_thread_of_a_stopped_tick_does_not_wait_for_ever():
    from offbit_reflow import Stream

    ended = threading.Event()
    started = threading.Event()

    async def run(self, ctx):
        stream = Stream.create()
        reader = stream.into_message().take_stream()

        def work():
            started.set()
            try:
                reader.recv(3_600_000)
            except RuntimeError:
                ended.set()

        await asyncio.to_thread(work)

    with Network() as net:
        add(net, "a", running(run))
        net.add_initial("a", "in", 1)
        net.start()
        assert started.wait(SOON)
    assert ended.wait(SOON)


def test_cancelling_before_a_tick_began_and_again_and_again():
    for _ in range(20):
        with Network() as net:
            for number in range(20):
                add(net, f"a{number}", CleansUp())
                net.add_initial(f"a{number}", "in", 1)
            net.start()
            net.cancel(grace=10)
            assert net.shutdown(grace=10) == []


def test_a_timed_out_attempt_is_cancelled_and_tried_again():
    attempts = []

    async def run(self, ctx):
        attempts.append(ctx.attempt)
        if ctx.attempt == 1:
            await asyncio.sleep(3_600)
        return {"out": ctx.attempt}

    result = run_one(running(run), policy={"attempts": 2, "timeout_ms": 100})
    assert result.outputs["out"] == [2]
    assert attempts == [1, 2]


PRELUDE = """
import asyncio, signal, sys, threading, time, os
from offbit_reflow import Actor, Network, Stream

class Items(Actor):
    outports = ["out"]
    async def run(self, ctx):
        try:
            for number in range(1000): yield {"out": number}
        finally:
            await asyncio.sleep(0)
class Sends(Actor):
    outports = ["out"]
    async def run(self, ctx):
        await asyncio.gather(*(ctx.send_async({"out": n}) for n in range(100)))
class Threads(Actor):
    outports = ["out"]
    async def run(self, ctx):
        await asyncio.gather(*(asyncio.to_thread(ctx.send, {"out": n}) for n in range(20)))
class Sleeps(Actor):
    outports = ["out"]
    async def run(self, ctx):
        await asyncio.to_thread(time.sleep, 60)
class Background(Actor):
    outports = ["out"]
    async def run(self, ctx):
        self.task = asyncio.create_task(asyncio.sleep(3600))
        await asyncio.sleep(3600)
class Reads(Actor):
    outports = ["out"]
    async def run(self, ctx):
        stream = Stream.create()
        async for frame in stream.into_message().take_stream(): pass
class Slow(Actor):
    inports = ["in"]
    def run(self, ctx):
        time.sleep(0.02); ctx.done()

def network(*kinds, count=10):
    net = Network({"capacity": 1})
    net.register_actor("slow", Slow); net.add_node("s", "slow")
    for kind in kinds:
        net.register_actor(kind.__name__, kind)
        for k in range(count):
            name = f"{kind.__name__}{k}"
            net.add_node(name, kind.__name__); net.add_connection(name, "out", "s", "in")
    return net
ALL = (Items, Sends, Threads, Background, Reads)
"""


EXITS = {
    "left running": ("net = network(*ALL); net.start(); time.sleep(0.3)", 0),
    "with": ("with network(*ALL) as net:\n    net.start(); time.sleep(0.3)", 0),
    "cancelled": ("net = network(*ALL); net.start(); time.sleep(0.3); net.cancel('enough', 0.5)", 0),
    "cancelled at once": ("net = network(*ALL); net.start(); net.cancel('enough', 0.0)", 0),
    "dropped": (
        "import warnings; warnings.simplefilter('ignore')\nnet = network(*ALL); net.start(); time.sleep(0.3); del net",
        0,
    ),
    "sys.exit": ("net = network(*ALL); net.start(); time.sleep(0.3); sys.exit(3)", 3),
    "sys.exit at once": ("net = network(*ALL); net.start(); sys.exit(3)", 3),
    "sys.exit in a tick": (
        """
class Exits(Actor):
    outports = ["out"]
    async def run(self, ctx): sys.exit(9)
net = network(*ALL, Exits); net.start(); time.sleep(0.3)
""",
        0,
    ),
    "sys.exit in a thread": (
        """
net = network(*ALL); net.start()
thread = threading.Thread(target=lambda: (time.sleep(0.1), sys.exit(4))); thread.start(); thread.join()
""",
        0,
    ),
    "threads that wait": (
        """
net = network(*ALL); net.start()
reader = Stream.create().into_message().take_stream()
held = Stream.create(); other = held.into_message().take_stream()
for call in (net.wait, lambda: list(net.events()), lambda: other.recv(60_000), lambda: list(net.listen("Items0", "out"))):
    threading.Thread(target=call, daemon=True).start()
time.sleep(0.2)
threading.excepthook = lambda *args: None
""",
        0,
    ),
    "work in threads": ("with network(Sleeps, count=3) as net:\n    net.start(); time.sleep(0.3)", 0),
    "work in threads, left running": ("net = network(Sleeps, count=3); net.start(); time.sleep(0.3)", 0),
    "Ctrl-C": (
        """
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    network(*ALL, Sleeps).run()
except KeyboardInterrupt:
    sys.exit(130)
""",
        130,
    ),
    "Ctrl-C in asyncio": (
        """
threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
try:
    asyncio.run(network(*ALL, Sleeps).run_async())
except KeyboardInterrupt:
    sys.exit(130)
""",
        130,
    ),
    "a failed run": (
        """
class Fails(Actor):
    outports = ["out"]
    async def run(self, ctx):
        await asyncio.sleep(0.1)
        raise ValueError("no")
net = network(*ALL)
net.register_actor("fails", Fails); net.add_node("f", "fails", policy={"on_error": "stop"})
assert net.run(timeout=20).state == "failed"
""",
        0,
    ),
}


@pytest.mark.parametrize("name", EXITS)
def test_the_process_ends_quietly(name):
    body, code = EXITS[name]
    for _ in range(2):
        begun = time.monotonic()
        result = run_script(PRELUDE + body, timeout=40, env={"PYTHONWARNINGS": "default"})
        assert result.returncode == code, (result.returncode, result.stderr)
        words = ["never awaited", "was destroyed", "panic"]
        if name != "a failed run":  # a failure is told
            words += ["Traceback", "Warning", "Error"]
        for word in words:
            assert word not in result.stderr, result.stderr
        assert time.monotonic() - begun < 30


def test_the_traceback_of_a_failure_is_that_of_the_actor():
    async def run(self, ctx):
        await asyncio.sleep(0)
        raise ValueError("no")

    (failure,) = run_one(running(run)).failures
    assert failure.traceback.count("File ") == 1
    assert "test_async_ends" in failure.traceback


def test_generators_are_closed_on_the_loop_they_ran_on():
    closed = []

    class Items(Actor):
        outports = ["out"]

        async def run(self, ctx):
            try:
                for number in range(10_000):
                    yield {"out": number}
            finally:
                await asyncio.sleep(0)
                closed.append(threading.current_thread().name)

    with Network({"capacity": 1}) as net:
        add(net, "items", Items)
        sink = add(net, "sink", Collect())
        connect(net, "items", "sink")
        net.start()
        while not sink.values:
            time.sleep(0.001)
        net.shutdown(grace=10)
    assert closed == ["reflow-asyncio"]
