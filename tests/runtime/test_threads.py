"""Threads: blocking actors overlap, and any thread may talk to a network."""

from __future__ import annotations

import contextlib
import gc
import threading
import time

import pytest

from offbit_reflow import Actor, Network

from .support import SOON, Collect, Forward, add, connect, numbers, running


def test_a_hundred_blocking_actors_overlap():
    barrier = threading.Barrier(100)

    def run(self, ctx):
        barrier.wait(10)
        ctx.done()

    with Network() as net:
        net.register_actor("a", running(run))
        for number in range(100):
            net.add_node(f"n{number}", "a")
            net.add_initial(f"n{number}", "in", number)
        result = net.run(timeout=SOON)
    assert result.ok, result.failures[:1]


def test_again_and_again():
    """The same nodes block in every tick."""
    barrier = threading.Barrier(10)

    def run(self, ctx):
        barrier.wait(10)
        ctx.done()

    with Network() as net:
        net.register_actor("a", running(run))
        for number in range(10):
            net.add_node(f"n{number}", "a")
            for count in range(30):
                net.add_initial(f"n{number}", "in", count)
        result = net.run(timeout=SOON)
    assert result.ok, result.failures[:1]


def test_blocked_ticks_leave_the_rest_running():
    release = threading.Event()

    def block(self, ctx):
        assert release.wait(SOON)
        ctx.done()

    with Network() as net:
        net.register_actor("blocked", running(block))
        for number in range(20):
            net.add_node(f"b{number}", "blocked")
            net.add_initial(f"b{number}", "in", 0)
        add(net, "source", numbers(1_000))
        add(net, "f", Forward)
        sink = add(net, "sink", Collect())
        connect(net, "source", "f", "sink")
        net.start()
        deadline = time.monotonic() + 5
        while len(sink.values) < 1_000:
            assert time.monotonic() < deadline, "blocked ticks hold up the others"
            time.sleep(0.005)
        release.set()
        assert net.wait(timeout=SOON).ok


def test_a_tick_that_computes_leaves_the_rest_running():
    stop = threading.Event()

    def spin(self, ctx):
        while not stop.is_set():
            pass
        ctx.done()

    with Network() as net:
        add(net, "spin", running(spin))
        net.add_initial("spin", "in", 0)
        sink = add(net, "sink", Collect())
        net.start()
        try:
            for number in range(50):
                net.send("sink", "in", number, timeout=SOON)
            deadline = time.monotonic() + 10
            while len(sink.values) < 50:
                assert time.monotonic() < deadline
                time.sleep(0.005)
        finally:
            stop.set()
        assert net.wait(timeout=SOON).ok


def test_ticks_wait_for_each_other():
    """A node blocks until another one has run: one thread alone could never do that."""
    event = threading.Event()

    def wait(self, ctx):
        assert event.wait(10)
        ctx.done()

    def tell(self, ctx):
        event.set()
        ctx.done()

    with Network() as net:
        add(net, "waits", running(wait))
        add(net, "tells", running(tell))
        net.add_initial("waits", "in", 0)
        net.add_initial("tells", "in", 0)
        assert net.run(timeout=SOON).ok


def test_locks_shared_by_actors():
    lock = threading.Lock()
    counter = [0]

    def run(self, ctx):
        with lock:
            value = counter[0]
            time.sleep(0)
            counter[0] = value + 1
        ctx.done()

    with Network() as net:
        net.register_actor("a", running(run))
        for number in range(8):
            net.add_node(f"n{number}", "a")
            for count in range(200):
                net.add_initial(f"n{number}", "in", count)
        assert net.run(timeout=SOON).ok
    assert counter == [1_600]


def test_one_context_sends_from_many_threads():
    def run(self, ctx):
        def work(thread):
            for number in range(300):
                ctx.send({"out": [thread, number]})

        threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        ctx.done()

    with Network({"capacity": 4}) as net:
        add(net, "a", running(run))
        sink = add(net, "b", Collect())
        connect(net, "a", "b")
        net.add_initial("a", "in", 0)
        assert net.run(timeout=SOON).ok
    assert len(sink.values) == 2_400
    for thread in range(8):
        assert [number for at, number in sink.values if at == thread] == list(range(300))


def test_sends_of_a_thread_that_outlives_its_tick():
    def run(self, ctx):
        def work():
            for number in range(200):
                ctx.send({"out": number})
            ctx.done({"out": "end"})

        threading.Thread(target=work).start()

    with Network({"capacity": 4}) as net:
        add(net, "a", running(run))
        sink = add(net, "b", Collect())
        connect(net, "a", "b")
        net.add_initial("a", "in", 0)
        net.add_initial("a", "in", 0)
        assert net.run(timeout=SOON).ok
    assert sink.values == [*range(200), "end"] * 2


@pytest.mark.parametrize("at_once", [2, 16])
def test_two_threads_resolve_one_tick(at_once):
    won = []

    def run(self, ctx):
        barrier = threading.Barrier(at_once)

        def work(number):
            barrier.wait(10)
            try:
                ctx.done({"out": number})
                won.append(number)
            except RuntimeError:
                pass

        threads = [threading.Thread(target=work, args=(number,)) for number in range(at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with Network() as net:
        add(net, "a", running(run))
        sink = add(net, "b", Collect())
        connect(net, "a", "b")
        for number in range(50):
            net.add_initial("a", "in", number)
        assert net.run(timeout=SOON).ok
    assert sink.values == won
    assert len(won) == 50


def test_the_collector_runs_during_ticks():
    stop = threading.Event()

    def collect():
        while not stop.is_set():
            gc.collect(0)

    class Cyclic(Actor):
        inports = ["in"]
        outports = ["out"]

        def run(self, ctx):
            cycle = {"ctx": ctx, "inputs": ctx.inputs}
            cycle["me"] = cycle
            gc.collect(0)
            ctx.done({"out": ctx["in"]})

    thread = threading.Thread(target=collect)
    thread.start()
    try:
        with Network() as net:
            add(net, "a", Cyclic)
            sink = add(net, "b", Collect())
            connect(net, "a", "b")
            for number in range(500):
                net.add_initial("a", "in", number)
            assert net.run(timeout=25).ok
    finally:
        stop.set()
        thread.join()
    assert sink.values == list(range(500))


def test_thread_locals_and_context_variables_of_a_tick_are_its_own():
    import contextvars

    variable = contextvars.ContextVar("variable", default=0)

    def run(self, ctx):
        variable.set(ctx["in"])
        time.sleep(0.001)
        assert variable.get() == ctx["in"]
        ctx.done()

    with Network() as net:
        net.register_actor("a", running(run))
        for number in range(10):
            net.add_node(f"n{number}", "a")
            net.add_initial(f"n{number}", "in", number)
        result = net.run(timeout=SOON)
    assert result.ok, result.failures[:1]
    assert variable.get() == 0


def test_listeners_come_while_nodes_end():
    """The locks of listeners are taken in one order."""

    def listen(net, stop):
        while not stop.is_set():
            with contextlib.suppress(Exception):
                net.listen("numbers", "out").close()

    net = Network()
    net.register_actor("numbers", numbers(3))
    net.add_node("numbers", "numbers")
    stop = threading.Event()
    threads = [threading.Thread(target=listen, args=(net, stop), daemon=True) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(300):
        assert net.run(timeout=SOON).ok
    stop.set()
    for thread in threads:
        thread.join(SOON)
        assert not thread.is_alive()


def test_outputs_that_other_threads_change_meanwhile():
    shared = {"out": 1}
    stop = threading.Event()

    def change():
        while not stop.is_set():
            for number in range(100):
                shared[f"x{number}"] = number
            for number in range(100):
                del shared[f"x{number}"]

    changing = threading.Thread(target=change)
    changing.start()
    try:
        with Network() as net:
            add(net, "shares", running(lambda self, ctx: shared))
            result = net.run({"shares.in": iter(range(500))}, timeout=SOON)
    finally:
        stop.set()
        changing.join()
    assert "panic" not in {failure.reason for failure in result.failures}
    assert result.nodes["shares"]["ticks"] == 500
