"""Nothing of a run is left behind: threads, memory, file descriptors, objects."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref

import pytest

from offbit_reflow import Actor, Network

from .support import (
    SOON,
    Collect,
    Forward,
    add,
    connect,
    descriptors,
    numbers,
    resident_mb,
    run_script,
    running,
    threads,
    threads_by_number,
)


def hosting_threads():
    """Give the threads that host actors, by number.

    Threads that a library starts from an actor, such as Arrow's pools, inherit the name and live on.
    """
    ours = ("reflow-python", "reflow-monitor", "reflow-asyncio")
    return {number for number, name in threads_by_number().items() if name.startswith(ours)}


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


@pytest.mark.timeout(60)
def test_start_and_stop_a_thousand_times():
    """In a process of its own, so that nothing else is counted."""
    result = run_script(
        """
        import gc, os, time
        from offbit_reflow import Actor, Network

        class Forward(Actor):
            inports = ["in"]
            outports = ["out"]
            def run(self, ctx):
                ctx.done({"out": ctx["in"]})

        class Later(Forward):
            async def run(self, ctx):
                return {"out": ctx["in"]}

        def cycle(number):
            net = Network()
            net.register_actor("f", Forward)
            net.register_actor("l", Later)
            net.add_node("a", "f")
            net.add_node("b", "l" if number % 10 == 0 else "f")
            net.add_connection("a", "out", "b", "in")
            events = net.events()
            net.start()
            listener = net.listen("b", "out")
            net.send("a", "in", {"x": bytes(1000).hex()})
            assert listener.recv(timeout=10) is not None
            assert net.shutdown(grace=10) == []

        def comm(task):
            try:
                return open(f"/proc/self/task/{task}/comm").read().strip()
            except (FileNotFoundError, ProcessLookupError):
                return None  # it ended while it was looked at

        def measure():
            gc.collect()
            pages = int(open("/proc/self/statm").read().split()[1])
            # A thread that has left the network may still be on its way out.
            deadline = time.monotonic() + 5
            while True:
                names = [name for name in map(comm, os.listdir("/proc/self/task")) if name]
                if time.monotonic() > deadline or not any(name.startswith("reflow") for name in names):
                    break
                time.sleep(0.01)
            return pages * 4096 / 2**20, len(os.listdir("/proc/self/fd")), len(names), names

        for number in range(100):
            cycle(number)
        before = measure()
        for number in range(1000):
            cycle(number)
        after = measure()
        assert after[0] - before[0] < 12, (before, after)
        assert after[1] <= before[1], (before, after)
        assert after[2] <= before[2], (before, after)
        print("well")
        """,
        timeout=55,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "well"


def test_threads_end_with_the_last_network():
    gc.collect()
    before = hosting_threads()
    with Network() as net:
        add(net, "a", numbers(100))
        add(net, "b", Collect())
        connect(net, "a", "b")
        assert net.run(timeout=SOON).ok
        net.shutdown()
    assert until(lambda: hosting_threads() <= before)


def test_the_loop_of_async_actors_ends():
    class Later(Actor):
        inports = ["in"]

        async def run(self, ctx):
            await asyncio.sleep(0)
            return {}

    for _ in range(5):
        with Network() as net:
            add(net, "a", Later)
            net.add_initial("a", "in", 1)
            assert net.run(timeout=SOON).ok
    assert until(lambda: "reflow-asyncio" not in threads())


def test_descriptors_stay_the_same():
    class Later(Actor):
        inports = ["in"]

        async def run(self, ctx):
            return {}

    def once():
        with Network() as net:
            add(net, "a", Later)
            net.add_initial("a", "in", 1)
            net.run(timeout=SOON)

    for _ in range(3):
        once()
    assert until(lambda: "reflow-asyncio" not in threads())
    before = descriptors()
    for _ in range(20):
        once()
    assert until(lambda: descriptors() <= before)


def test_instances_and_payloads_are_let_go():
    class Payload:
        pass

    class Holder(Actor):
        inports = ["in"]
        outports = ["out"]

        def __init__(self):
            self.payload = Payload()
            weak.append(weakref.ref(self.payload))

        def run(self, ctx):
            ctx.done({"out": ctx["in"]})

    weak: list[weakref.ref] = []
    net = Network()
    add(net, "a", Holder)
    net.add_initial("a", "in", {"x": 1})
    net.run(timeout=SOON)
    net.shutdown()
    del net
    gc.collect()
    assert until(lambda: gc.collect() is not None and [ref() for ref in weak] == [None])


class Payload:
    """What a weak reference can refer to."""


def reads_value(self, ctx):
    ctx.done({"out": bool(ctx["in"])})


def reads_inputs(self, ctx):
    return {"out": bool(ctx.inputs["in"])}


def reads_message(self, ctx):
    return {"out": ctx.message("in").kind}


def yields(self, ctx):
    yield {"out": bool(ctx.inputs["in"])}


async def awaits(self, ctx):
    await asyncio.sleep(0)
    return {"out": bool(ctx.inputs["in"])}


async def yields_later(self, ctx):
    await asyncio.sleep(0)
    yield {"out": bool(ctx.inputs["in"])}


def batches(self, batch):
    batch.done({"out": [bool(value) for value in batch["in"]]})


def looks_at_each(self, batch):
    for ctx in batch:
        ctx.done({"out": bool(ctx.inputs["in"])})


def ends_elsewhere(self, ctx):
    ctx.defer()
    threading.Thread(target=lambda: ctx.done({"out": bool(ctx.inputs["in"])})).start()


@pytest.mark.parametrize("policy", [None, {"attempts": 2}, {"timeout_ms": 9000}], ids=["plain", "retried", "timed"])
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"member": value}])
@pytest.mark.parametrize(
    "run",
    [reads_value, reads_inputs, reads_message, yields, awaits, yields_later, batches, looks_at_each, ends_elsewhere],
)
def test_a_node_that_waits_holds_nothing_of_its_last_packet(run, wrap, policy):
    size = {"batch_size": 4} if run in (batches, looks_at_each) else {}
    if size and policy and "timeout_ms" in policy:
        policy = {"attempts": 3}
    with Network() as net:
        add(net, "a", running(run, **size), **({"policy": policy} if policy else {}))
        net.start()
        listener = net.listen("a", "out")
        payload = Payload()
        gone = weakref.ref(payload)
        net.send("a", "in", wrap(payload))
        del payload
        assert listener.recv(SOON) is not None
        assert until(lambda: gone() is None)


def test_contexts_are_let_go():
    class Keeps(Actor):
        inports = ["in"]

        def run(self, ctx):
            kept.append(weakref.ref(ctx))
            ctx.done()

    kept: list[weakref.ref] = []
    with Network() as net:
        add(net, "a", Keeps)
        for number in range(100):
            net.add_initial("a", "in", number)
        net.run(timeout=SOON)
    gc.collect()
    assert all(ref() is None for ref in kept)


def test_failures_hold_no_frames():
    class Big:
        pass

    def run(self, ctx):
        big = Big()
        weak.append(weakref.ref(big))
        raise ValueError

    weak: list[weakref.ref] = []
    cls = type("Failing", (Actor,), {"inports": ["in"], "run": run})
    with Network() as net:
        add(net, "a", cls)
        net.add_initial("a", "in", 1)
        result = net.run(timeout=SOON)
        gc.collect()
        assert weak[0]() is None
        assert len(result.failures) == 1


def test_running_for_long_takes_no_memory():
    class Echo(Forward):
        def run(self, ctx):
            ctx.log("said")
            if ctx["in"] % 2:
                raise ValueError("every other one")
            ctx.done({"out": ctx.inputs["in"]})

    with Network() as net:
        add(net, "a", Echo)
        net.start()

        def go(count):
            for number in range(count):
                net.send("a", "in", number)
            net.wait(timeout=25)

        go(5_000)
        before = resident_mb()
        go(20_000)
        assert resident_mb() - before < 10


def test_abandoned_waits_do_not_pile_up():
    async def main(net):
        for _ in range(2_000):
            task = asyncio.create_task(net.wait_async())
            await asyncio.sleep(0)
            task.cancel()

    def run(self, ctx):
        ctx.defer().done() if ctx["in"] else kept.append(ctx.defer())

    kept: list = []
    with Network() as net:
        add(net, "a", type("Open", (Actor,), {"inports": ["in"], "run": run}))
        net.add_initial("a", "in", 0)
        net.start()
        asyncio.run(main(net))
        before = resident_mb()
        for _ in range(3):
            asyncio.run(main(net))
        assert resident_mb() - before < 10
        kept[0].done()
