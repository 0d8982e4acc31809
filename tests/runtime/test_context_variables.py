"""Context variables and trace functions reach actors of every style."""

from __future__ import annotations

import asyncio
import contextvars
import threading
import time

import pytest

from offbit_reflow import Actor, Network, actor

from .support import SOON, add, connect, run_one, running

pytestmark = pytest.mark.timeout(60)

request: contextvars.ContextVar[str] = contextvars.ContextVar("request", default="none")


def plain(self, ctx):
    ctx.done({"out": request.get()})


def returns(self, ctx):
    return {"out": request.get()}


def yields(self, ctx):
    yield {"out": request.get()}


async def awaits(self, ctx):
    await asyncio.sleep(0)
    return {"out": request.get()}


async def yields_async(self, ctx):
    await asyncio.sleep(0)
    yield {"out": request.get()}


async def in_a_thread(self, ctx):
    return {"out": await asyncio.to_thread(request.get)}


async def in_a_task(self, ctx):
    async def child():
        await asyncio.sleep(0)
        return request.get()

    return {"out": await asyncio.create_task(child())}


STYLES = [plain, returns, yields, awaits, yields_async, in_a_thread, in_a_task]
POLICIES = [None, {"timeout_ms": 30_000}, {"concurrency": 3}, {"attempts": 2}]


@pytest.mark.parametrize("policy", POLICIES, ids=["plain", "limit", "three", "again"])
@pytest.mark.parametrize("run", STYLES, ids=lambda run: run.__name__)
def test_ticks_see_what_the_caller_of_run_has_set(run, policy):
    token = request.set("mine")
    try:
        result = run_one(running(run), range(3), policy=policy)
    finally:
        request.reset(token)
    assert result.ok, result.failures
    assert result.outputs["out"] == ["mine"] * 3


def test_every_method_of_an_actor():
    seen = []

    class Every(Actor):
        inports = ["in"]

        def note(self, name):
            seen.append((name, request.get()))

        def setup(self, ctx):
            self.note("setup")

        def run(self, ctx):
            self.note("run")
            ctx.done()

        def on_signal(self, ctx, signal):
            self.note("on_signal")

        async def finalize(self, ctx):
            self.note("finalize")

        def teardown(self):
            self.note("teardown")

    def start(net):
        request.set("starter")
        net.start()

    with Network() as net:
        add(net, "a", Every)
        contextvars.copy_context().run(start, net)
        net.send("a", "in", 1)
        net.wait(timeout=SOON)
        net.signal("a", "hello")
        net.wait(timeout=SOON)
        net.close_inputs()
        net.wait(timeout=SOON)
    assert seen == [(name, "starter") for name in ("setup", "run", "on_signal", "finalize", "teardown")]


def test_every_tick_of_nodes_that_are_woken_again_and_again():
    """The next tick of a node may begin on another thread while the last one is just over."""
    seen = []

    def noting(self, ctx):
        seen.append(request.get())
        ctx.done({"out": None})

    with Network() as net:
        for name in ("a", "b", "c"):
            add(net, name, running(noting))
        connect(net, "a", "b", "c")
        context = contextvars.copy_context()
        context.run(request.set, "starter")
        context.run(net.start)
        for _ in range(2_000):
            net.send("a", "in", None)
        net.close_inputs()
        net.wait(timeout=SOON)
    assert seen == ["starter"] * 6_000


def test_batches():
    def run(self, batch):
        return {"out": [request.get()] * len(batch)}

    context = contextvars.copy_context()
    context.run(request.set, "batch")
    assert context.run(run_one, running(run, batch_size=8), range(3)).outputs["out"] == ["batch"] * 3


def test_runs_do_not_mix():
    async def one(number):
        request.set(f"request {number}")
        with Network() as net:
            add(net, "a", running(plain))
            add(net, "b", running(awaits))
            for node in ("a", "b"):
                net.add_outport(node, node, "out")
                net.add_initial(node, "in", 1)
            return (await net.run_async(timeout=SOON)).outputs

    async def main():
        return await asyncio.gather(*(one(number) for number in range(20)))

    for number, outputs in enumerate(asyncio.run(main())):
        assert outputs == {"a": [f"request {number}"], "b": [f"request {number}"]}
    assert request.get() == "none"


def test_what_a_node_sets_is_its_own():
    """It stays from tick to tick, and no other node sees it."""

    def setting(self, ctx):
        before = request.get()
        request.set(ctx.node_id)
        ctx.done({"out": [*(ctx["in"] or []), before]})

    with Network() as net:
        for name in ("a", "b", "c"):
            add(net, name, running(setting))
        connect(net, "a", "b", "c")
        net.add_outport("out", "c", "out")
        for _ in range(2):
            net.add_initial("a", "in", None)
        assert net.run(timeout=SOON).outputs["out"] == [["none"] * 3, ["a", "b", "c"]]
    assert request.get() == "none"


@pytest.fixture
def traced():
    """Names of the functions that a trace function for new threads sees."""
    seen: set[str] = set()
    # A loop that still ends from before would be gone on with, and took no notice.
    until = time.monotonic() + SOON
    while any(thread.name == "reflow-asyncio" for thread in threading.enumerate()):
        assert time.monotonic() < until, "a loop goes on without a network"
        time.sleep(0.005)

    def trace(frame, event, argument):
        seen.add(frame.f_code.co_name)

    before = threading.gettrace()
    threading.settrace(trace)
    yield seen
    threading.settrace(before)


class TestTracing:
    @pytest.mark.parametrize("run", STYLES, ids=lambda run: run.__name__)
    def test_ticks(self, run, traced):
        # A network that runs already keeps its threads.
        with Network() as other:
            add(other, "idle", running(plain))
            other.start()
            other.wait(timeout=SOON)
            assert run_one(running(run)).ok
        assert run.__name__ in traced

    def test_profiling(self):
        seen = set()
        before = threading.getprofile()
        threading.setprofile(lambda frame, event, argument: seen.add(frame.f_code.co_name))
        try:
            assert run_one(running(plain)).ok
        finally:
            threading.setprofile(before)
        assert "plain" in seen

    def test_threads_have_names(self):
        @actor
        def who(x):
            return threading.current_thread().name

        @actor
        async def who_async(x):
            return threading.current_thread().name

        with Network() as net:
            for node, function in (("who", who), ("async", who_async)):
                add(net, node, function)
                net.add_outport(node, node, "out")
                net.add_initial(node, "x", 1)
            outputs = net.run(timeout=SOON).outputs
        assert outputs["who"][0].startswith("reflow-python-")
        assert outputs["async"] == ["reflow-asyncio"]
