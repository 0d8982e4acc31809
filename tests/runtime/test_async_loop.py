"""The loop that async actors share: what may not hold it, who holds it, and who belongs on it."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import threading
import time

import pytest

from offbit_reflow import Actor, Network, actor

from .support import SOON, Collect, add, connect, drain, numbers, run_one, running

pytestmark = pytest.mark.timeout(60)


def fails_with(result, *words):
    (failure,) = result.failures
    assert failure.reason == "ContextError", failure.error
    for word in words:
        assert word in failure.error


class TestBlockingCalls:
    def test_send_without_room(self):
        class Source(Actor):
            outports = ["out"]

            async def run(self, ctx):
                for number in range(100):
                    ctx.send({"out": number})

        class Never(Actor):
            inports = ["in"]

            async def run(self, ctx):
                await asyncio.sleep(0)
                ctx.done()

        with Network({"capacity": 4}) as net:
            add(net, "source", Source)
            add(net, "never", Never)
            connect(net, "source", "never")
            fails_with(net.run(timeout=SOON), "await ctx.send_async")

    def test_a_send_that_does_not_fit_sends_nothing(self):
        """Not on the ports that have room either: it can be tried again."""

        class Source(Actor):
            outports = ["free", "full"]

            async def run(self, ctx):
                ctx.send({"full": 0})
                with contextlib.suppress(RuntimeError):
                    for _ in range(20):
                        ctx.send({"free": 1, "full": 1})
                        self.count = getattr(self, "count", 0) + 1
                ctx.finish()
                ctx.done({"free": ["sent", self.count]})

        with Network() as net:
            add(net, "source", Source)
            free, full = add(net, "free", Collect()), add(net, "slow", Collect())
            net.add_connection("source", "free", "free", "in")
            net.add_connection("source", "full", "slow", "in", capacity=3)
            assert net.run(timeout=SOON).ok
        assert len(free.values) - 1 == len(full.values) - 1 == free.values[-1][1]

    @pytest.mark.parametrize(
        ("call", "instead"),
        [
            (lambda net: net.run(), "net.run_async"),
            (lambda net: (net.start(), net.wait()), "net.wait_async"),
            (lambda net: (net.start(), net.events(types=["ActorFailed"]).recv(50)), "recv_async"),
            (lambda net: (net.start(), list(net.events())), "async for"),
            (lambda net: (net.start(), net.listen("b", "out").recv(5)), "recv_async"),
            (lambda net: (net.start(), next(net.listen("b", "out"))), "async for"),
            (lambda net: (net.start(), [net.send("a", "in", 1) for _ in range(500)]), "net.send_async"),
        ],
        ids=["run", "wait", "events", "events for", "listener", "listener for", "send"],
    )
    def test_other_networks(self, call, instead):
        async def run(self, ctx):
            async def hold(self, ctx):
                await asyncio.sleep(3_600)

            with Network({"capacity": 2}) as net:
                add(net, "a", running(hold))
                add(net, "b", Collect())
                connect(net, "a", "b")
                net.add_initial("a", "in", 1)
                call(net)

        fails_with(run_one(running(run)), instead)

    def test_what_need_not_wait_works(self):
        async def run(self, ctx):
            net = Network()
            add(net, "a", Collect())
            net.add_initial("a", "in", 1)
            result = await net.run_async(timeout=SOON)
            net.wait()
            assert net.events().recv(1)["_type"] == "NetworkStarted"
            net.cancel()
            net.shutdown()
            ctx.done({"out": result.state})

        assert run_one(running(run)).outputs["out"] == ["finished"]

    def test_threads_of_the_tick_may_block(self):
        def inner():
            net = Network()
            add(net, "n", numbers(500))
            net.add_outport("out", "n", "out")
            return len(net.run(timeout=SOON).outputs["out"])

        async def run(self, ctx):
            return {"out": await asyncio.to_thread(inner)}

        assert run_one(running(run)).outputs["out"] == [500]


class TestWatch:
    def warnings_of(self, run, times=1):
        with Network() as net:
            events = net.events(types=["ActorLog"])
            add(net, "culprit", running(run))
            add(net, "other", running(run_quickly))
            for node in ("culprit", "other"):
                for number in range(times):
                    net.add_initial(node, "in", number)
            assert net.run(timeout=SOON).ok
            return [(event["actorId"], event["level"]) for event in drain(events)]

    def test_a_tick_that_holds_the_loop_is_told_with_its_node(self):
        async def run(self, ctx):
            time.sleep(0.3)
            ctx.done()

        assert self.warnings_of(run) == [("culprit", "warning")]

    @pytest.mark.parametrize("start", ["create_task", "gather", "wait_for"])
    def test_a_task_of_a_tick_that_holds_the_loop_is_told_with_its_node(self, start):
        async def part():
            time.sleep(0.25)

        async def run(self, ctx):
            if start == "create_task":
                await asyncio.create_task(part())
            elif start == "gather":
                await asyncio.gather(part(), asyncio.sleep(0))
            else:
                await asyncio.wait_for(part(), SOON)
            ctx.done()

        with Network() as net:
            add(net, "a", running(run))
            events = net.events(types=["ActorLog"])
            net.run({"a.in": 1}, timeout=SOON)
            (told,) = events
        assert told["actorId"] == "a"
        assert "held the asyncio loop" in told["data"]

    def test_once_for_each_time(self):
        async def run(self, ctx):
            time.sleep(0.15)
            await asyncio.sleep(0.001)
            ctx.done()

        assert self.warnings_of(run, times=3) == [("culprit", "warning")] * 3

    def test_while_it_lasts(self):
        told, release = threading.Event(), threading.Event()

        async def run(self, ctx):
            assert release.wait(SOON)
            ctx.done()

        with Network() as net:
            add(net, "culprit", running(run))
            net.add_initial("culprit", "in", 1)
            events = net.events(types=["ActorLog"])
            net.start()
            event = events.recv(10_000)
            release.set()
            told.set()
        assert event is not None
        assert event["actorId"] == "culprit"
        assert "to_thread" in str(event["data"])

    @pytest.mark.parametrize("wait", [lambda: asyncio.sleep(0.3), lambda: asyncio.to_thread(time.sleep, 0.3)])
    def test_waiting_holds_nothing(self, wait):
        async def run(self, ctx):
            await wait()
            ctx.done()

        assert self.warnings_of(run) == []


async def run_quickly(self, ctx):
    await asyncio.sleep(0)
    ctx.done()


def logged(function):
    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        return function(*args, **kwargs)

    return wrapper


def bare(function):
    def wrapper(x):
        return function(x)

    return wrapper


class Callable:
    async def __call__(self, x):
        await asyncio.sleep(0)
        return x + 1


class Items:
    async def __call__(self, x):
        await asyncio.sleep(0)
        yield x + 1


class Awaitable:
    def __init__(self, x):
        self.x = x

    def __await__(self):
        yield from asyncio.sleep(0).__await__()
        return self.x + 1


async def later(x):
    await asyncio.sleep(0)
    return x + 1


async def later_items(x):
    await asyncio.sleep(0)
    yield x + 1


async def add_later(y, x):
    await asyncio.sleep(0)
    return x + y


def awaitable(x):
    return Awaitable(x)


FUNCTIONS = {
    "plain": later,
    "items": later_items,
    "wrapped": logged(later),
    "wrapped items": logged(later_items),
    "wrapped twice": logged(logged(later)),
    "bare wrapper": bare(later),
    "bare wrapper of items": bare(later_items),
    "partial": functools.partial(add_later, 1),
    "partial of wrapped": functools.partial(logged(add_later), 1),
    "callable": Callable(),
    "callable items": Items(),
    "awaitable": awaitable,
    "lambda": lambda x: later(x),
}
POLICIES = [None, {"timeout_ms": 30_000}, {"concurrency": 3}]


class TestWhatIsAsync:
    @pytest.mark.parametrize("policy", POLICIES, ids=["plain", "limit", "three"])
    @pytest.mark.parametrize("function", FUNCTIONS.values(), ids=FUNCTIONS)
    def test_functions(self, function, policy):
        with Network() as net:
            add(net, "f", actor(function), policy=policy)
            net.add_outport("out", "f", "out")
            for number in range(3):
                net.add_initial("f", "x", number)
            result = net.run(timeout=SOON)
        assert result.ok, result.failures
        assert sorted(result.outputs["out"]) == [1, 2, 3]

    @pytest.mark.parametrize("policy", POLICIES, ids=["plain", "limit", "three"])
    @pytest.mark.parametrize("name", FUNCTIONS)
    def test_methods(self, name, policy):
        function = FUNCTIONS[name]

        class Some(Actor):
            inports = ["in"]
            outports = ["out"]

            def run(self, ctx):
                return function(ctx["in"])

        result = run_one(Some, range(3), policy=policy)
        assert result.ok, result.failures
        assert sorted(result.outputs["out"]) == [1, 2, 3]

    def test_a_run_that_is_a_partial_or_a_callable_object(self):
        class Run:
            async def __call__(self, ctx):
                await asyncio.sleep(0)
                return {"out": ctx["in"]}

        class Partial(Actor):
            inports = ["in"]
            outports = ["out"]

            def __init__(self):
                self.run = functools.partial(self._run, 1)

            async def _run(self, more, ctx):
                return {"out": ctx["in"] + more}

        assert run_one(type("Object", (Actor,), {"inports": ["in"], "outports": ["out"], "run": Run()}), [7]).outputs[
            "out"
        ] == [7]
        assert run_one(Partial, [7]).outputs["out"] == [8]

    def test_refusals(self):
        with pytest.raises(TypeError, match="@actor"):
            actor(Awaitable)
        for run in (logged(later), functools.partial(later)):
            with pytest.raises(TypeError, match="batch actor"):
                Network().register_actor("b", running(run, batch_size=4))


def test_debug_mode_of_asyncio(monkeypatch):
    monkeypatch.setenv("PYTHONASYNCIODEBUG", "1")

    class Few(Actor):
        outports = ["out"]

        async def run(self, ctx):
            for number in range(10):
                yield {"out": number}

    with Network({"capacity": 1}) as net:
        add(net, "few", Few)
        sink = add(net, "sink", Collect())
        connect(net, "few", "sink")
        assert net.run(timeout=SOON).ok
    assert sink.values == list(range(10))
