"""What a tick of an async actor is to asyncio: a task like any other, whose end its node is told once."""

from __future__ import annotations

import asyncio
import threading

import pytest

from offbit_reflow import Network, _native

from .support import SOON, add, run_one, run_script, running

pytestmark = pytest.mark.timeout(60)


def reason_of(result) -> str:
    (failure,) = result.failures
    return failure.reason


def test_a_tick_is_a_task():
    seen = []

    async def run(self, ctx):
        await asyncio.sleep(0)
        task = asyncio.current_task()
        task.add_done_callback(lambda task: seen.append(task.result()))
        async with asyncio.timeout(SOON), asyncio.TaskGroup() as group:
            parts = [group.create_task(asyncio.sleep(0, part)) for part in range(3)]
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await asyncio.sleep(3600)
        name = task.get_coro().__qualname__
        return {"out": [task.get_name(), name, bool(task.get_stack()), [part.result() for part in parts]]}

    (out,) = run_one(running(run)).outputs["out"]
    assert out[1:] == [run.__qualname__, True, [0, 1, 2]]
    assert seen == [{"out": out}]


def test_a_tick_that_cancels_itself_at_its_end_was_cancelled():
    async def run(self, ctx):
        await asyncio.sleep(0)
        asyncio.current_task().cancel()
        return {"out": 1}

    result = run_one(running(run))
    assert reason_of(result) == "CancelledError"
    assert result.outputs["out"] == []


@pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, asyncio.CancelledError, StopAsyncIteration])
@pytest.mark.parametrize("steps", [0, 1, 2])
def test_what_a_step_raises_ends_its_tick_alone(error, steps):
    async def run(self, ctx):
        for _ in range(steps if ctx["in"] == 1 else 3):
            await asyncio.sleep(0)
        if ctx["in"] == 1:
            raise error
        ctx.done({"out": ctx["in"]})

    with Network() as net:
        add(net, "a", running(run), policy={"concurrency": 3})
        net.add_outport("out", "a", "out")
        result = net.run({"a.in": iter(range(3))}, timeout=SOON)
    assert reason_of(result) == error.__name__
    assert sorted(result.outputs["out"]) == [0, 2]


def test_one_of_a_thousand_questions_is_cancelled_alone():
    gate = asyncio.Event()
    entered, cancelled = [], []

    async def run(self, ctx):
        entered.append(ctx["in"])
        try:
            await gate.wait()
        except asyncio.CancelledError:
            cancelled.append(ctx["in"])
            raise
        ctx.done({"out": ctx["in"]})

    async def open_gate(self, ctx):
        gate.set()
        ctx.done({"out": True})

    async def ask(net):
        asked = [asyncio.create_task(net.ask_async({"in": number})) for number in range(1000)]
        await until(lambda: len(entered) == 1000)
        asked[500].cancel()
        with pytest.raises(asyncio.CancelledError):
            await asked[500]
        await until(lambda: cancelled)
        await net.ask_async({"open.in": 1})
        answers = await asyncio.gather(*asked[:500], *asked[501:])
        await until(lambda: not net._run.open_questions)
        return answers

    async def until(is_so):
        async with asyncio.timeout(SOON):
            while not is_so():
                await asyncio.sleep(0.001)

    with Network() as net:
        add(net, "a", running(run), policy={"concurrency": 1000})
        add(net, "open", running(open_gate))
        net.add_inport("in", "a", "in")
        net.add_outport("out", "a", "out")
        net.start()
        answers = asyncio.run(ask(net))
    assert [answer["out"] for answer in answers] == [[number] for number in range(1000) if number != 500]
    assert cancelled == [500]


def test_futures_that_are_ready_together_wake_their_loop_once():
    class Loop(asyncio.SelectorEventLoop):
        told = 0

        def call_soon_threadsafe(self, *args, **options):
            self.told += 1
            return super().call_soon_threadsafe(*args, **options)

    loop = Loop()

    async def wait():
        bell = _native._Bell(loop)
        futures = [loop.create_future() for _ in range(100)]
        futures[7].cancel()
        wakes = [bell.waker(future) for future in futures]
        thread = threading.Thread(target=lambda: [wake() for wake in wakes])
        thread.start()
        thread.join()  # the loop does not come in between
        return await asyncio.gather(*futures, return_exceptions=True)

    try:
        answers = loop.run_until_complete(asyncio.wait_for(wait(), SOON))
    finally:
        loop.close()
    assert loop.told == 1
    assert [answer for answer in answers if answer != "rung"] == [answers[7]]


HOLDS = """
import asyncio, threading, time
from offbit_reflow import Actor, Network

entered = threading.Event()

def hold():
    entered.set()
    while True:
        try:
            time.sleep(0.001)
        except BaseException:
            pass

class Plain(Actor):
    inports = ["in"]

    def run(self, ctx):
        hold()

class Generator(Plain):
    def run(self, ctx):
        yield None
        hold()

class FirstStep(Plain):
    async def run(self, ctx):
        if ctx.tick > 1:
            hold()
        ctx.done()

class LaterStep(Plain):
    async def run(self, ctx):
        await asyncio.sleep(0)
        hold()

class Cancelled(Plain):
    async def run(self, ctx):
        try:
            entered.set()
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            hold()

class AsyncGenerator(Plain):
    async def run(self, ctx):
        yield None
        hold()

class Batch(Plain):
    batch_size = 4

    def run(self, batch):
        hold()

class Timed(Plain):
    policy = {"timeout_ms": 60_000}

class OnSignal(Plain):
    def run(self, ctx):
        ctx.done()

    def on_signal(self, ctx, signal):
        hold()

class Finalize(OnSignal):
    def finalize(self, ctx):
        hold()
"""


#: What makes it begin to hold, where a packet does not.
AFTER = {"OnSignal": "net.signal('a', 'go')", "Finalize": "net.close_inputs()"}


@pytest.mark.parametrize(
    "style",
    [
        "Plain",
        "Generator",
        "FirstStep",
        "LaterStep",
        "Cancelled",
        "AsyncGenerator",
        "Batch",
        "Timed",
        "OnSignal",
        "Finalize",
    ],
)
def test_what_will_not_end_does_not_abort_the_process(style):
    """Whoever holds on to its thread until the interpreter has gone comes back to none."""
    # A node ends after its initials, and takes no signal then.
    initials = 0 if style == "OnSignal" else 3
    end = f"""
net = Network()
net.register_actor("a", {style}())
net.add_node("a", "a", policy=getattr({style}, "policy", None))
for number in range({initials}):
    net.add_initial("a", "in", number)
net.start()
{AFTER.get(style, "")}
assert entered.wait(10)
"""
    result = run_script(HOLDS + end)
    assert result.returncode == 0, result.stderr
    assert "did not stop" in result.stderr
