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


@pytest.mark.parametrize("shared", [False, True])
@pytest.mark.parametrize("caught", [False, True])
def test_a_thread_of_a_tick_whose_time_is_over_meets_no_other_attempt(shared, caught):
    """A class gives the next attempt a fresh instance, an instance is waited for."""
    met = []

    class Works(Actor):
        inports = ["in"]
        outports = ["out"]
        inside = 0

        async def run(self, ctx):
            def work():
                self.inside += 1
                met.append(self.inside)
                if ctx.attempt == 1:
                    time.sleep(0.3)
                self.inside -= 1

            try:
                await asyncio.to_thread(work)
            except asyncio.CancelledError:
                if caught:
                    raise ValueError("too late") from None
                raise
            return {"out": ctx["in"]}

    result = run_one(Works() if shared else Works, range(3), policy={"attempts": 3, "timeout_ms": 60})
    assert result.outputs["out"] == [0, 1, 2]
    assert set(met) == {1}


def test_a_thread_of_a_stopped_tick_does_not_wait_for_ever():
    from offbit_reflow import Stream

    ended = threading.Event()
    started = threading.Event()
    writers = []  # the end of the frame of the tick would close the stream

    async def run(self, ctx):
        stream = Stream.create()
        writers.append(stream)
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


class Counted(Actor):
    """Knows how many of its ticks are inside `run` at once."""

    inports = ["in"]
    outports = ["out"]

    def __init__(self):
        self.inside = self.peak = self.begun = self.returned = 0

    def enter(self):
        self.begun += 1
        self.inside += 1
        self.peak = max(self.peak, self.inside)

    def leave(self):
        self.inside -= 1
        self.returned += 1


class AnswersFirst(Counted):
    async def run(self, ctx):
        self.enter()
        ctx.done({"out": ctx["in"]})
        await asyncio.sleep(0.01)
        self.leave()


class AnswersFirstItems(Counted):
    async def run(self, ctx):
        self.enter()
        yield {"out": ctx["in"]}
        ctx.done()
        await asyncio.sleep(0.01)
        self.leave()


class AnswersFirstLater(Counted):
    def run(self, ctx):
        async def later():
            self.enter()
            ctx.done({"out": ctx["in"]})
            await asyncio.sleep(0.01)
            self.leave()

        return later()


class AnswersFirstThread(Counted):
    def run(self, ctx):
        self.enter()
        ctx.done({"out": ctx["in"]})
        time.sleep(0.01)
        self.leave()


@pytest.mark.parametrize("policy", [None, {"timeout_ms": 60_000}], ids=["plain", "limit"])
@pytest.mark.parametrize("cls", [AnswersFirst, AnswersFirstItems, AnswersFirstLater, AnswersFirstThread])
def test_a_tick_that_goes_on_after_its_answer_is_waited_for(cls, policy):
    actor = cls()
    net = Network()
    add(net, "a", actor, policy=policy)
    net.add_outport("out", "a", "out")
    result = net.run({"a.in": iter(range(5))}, timeout=SOON)
    assert (result.outputs["out"], result.ok) == ([0, 1, 2, 3, 4], True)
    assert (actor.peak, actor.begun, actor.returned) == (1, 5, 5)


def test_the_answer_leaves_before_the_tick_has_returned():
    seen = threading.Event()

    async def run(self, ctx):
        ctx.done({"out": 1})
        assert await asyncio.to_thread(seen.wait, SOON)

    net = Network()
    add(net, "a", running(run))
    add(net, "b", running(lambda self, ctx: seen.set() or ctx.done()))
    connect(net, "a", "b")
    assert net.run({"a.in": 1}, timeout=SOON).ok


@pytest.mark.parametrize("time", range(10))
def test_a_tick_that_goes_on_after_its_answer_is_cancelled_with_the_run(time):
    """Also where its answer is still on its way to its node."""

    class AnswersAndCleansUp(CleansUp):
        async def run(self, ctx):
            ctx.done({"out": 1})
            await super().run(ctx)

    actor = AnswersAndCleansUp()
    net = Network()
    add(net, "a", actor)
    net.start()
    net.send("a", "in", 1)
    assert actor.started.wait(SOON)
    assert net.shutdown(grace=SOON) == []
    assert (actor.cancelled, actor.cleaned) == (1, True)


@pytest.mark.parametrize("method", ["setup", "finalize"])
def test_teardown_waits_for_what_setup_and_finalize_do_when_they_are_cancelled(method):
    order = []
    entered = threading.Event()

    async def wait(self, ctx):
        try:
            entered.set()
            await asyncio.sleep(3_600)
        finally:
            await asyncio.sleep(0.05)
            order.append(method)

    net = Network()
    actor = running(lambda self, ctx: ctx.done(), **{method: wait, "teardown": lambda self: order.append("teardown")})
    add(net, "a", actor)
    net.start()
    net.close_inputs()
    assert entered.wait(SOON)
    assert net.shutdown(grace=SOON) == []
    assert order == [method, "teardown"]
    result = net.result()
    assert (result.failures, result.nodes["a"]["state"]) == ([], "cancelled")


def test_ticks_that_end_just_when_their_time_and_their_run_do_leave_nothing():
    """The end of a tick that was given up may come in the moment in which the run is stopped."""
    result = run_script(
        """
        import asyncio, random, threading, time
        from offbit_reflow import Actor, Network, _loop

        class Waits(Actor):
            inports = ["in"]
            async def run(self, ctx):
                await asyncio.sleep(ctx["in"])
                ctx.done()

        def start_and_stop(rng):
            for _ in range(60):
                net = Network()
                net.register_actor("waits", Waits)
                net.add_node("a", "waits", policy={"timeout_ms": 10})
                net.start()
                for _ in range(3):
                    net.send("a", "in", rng.choice([0.008, 0.01, 0.012, 0.03]))
                time.sleep(rng.choice([0.009, 0.01, 0.012, 0.02]))
                net.shutdown(grace=rng.choice([0, 0.01, 0.1]))

        threads = [threading.Thread(target=start_and_stop, args=(random.Random(seed),)) for seed in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        deadline = time.monotonic() + 20
        while _loop._users and time.monotonic() < deadline:
            time.sleep(0.01)
        print(_loop._users, [thread.name for thread in threading.enumerate() if thread.name.startswith("reflow-asyncio")])
        """,
        timeout=50,
    )
    assert result.stdout.split("\n")[0] in ("0 []", "0 ['reflow-asyncio']"), result


@pytest.mark.parametrize("ender", ["task", "thread"])
def test_a_stall_is_noticed_when_the_ends_of_a_tick_come_one_after_the_other(ender):
    """The node waits for room when it is told that the call has returned."""

    async def run(self, ctx):
        if ender == "thread":
            handle = ctx.defer()
            threading.Thread(target=lambda: handle.done({"out": handle["in"]})).start()
        else:
            ctx.done({"out": ctx["in"]})
            await asyncio.sleep(0.001)

    class Doubles(Actor):
        inports = ["in"]
        outports = ["out"]

        def run(self, ctx):
            for _ in range(2 if ctx["in"] < 4 else 0):
                ctx.send({"out": ctx["in"] + 1})
            ctx.done()

    net = Network({"capacity": 1})
    add(net, "a", Doubles)
    add(net, "b", running(run))
    connect(net, "a", "b", "a")
    assert net.run({"a.in": 0}, timeout=SOON).nodes["a"]["ticks"] == 31
