"""Stopping: what ends, how soon, and what is told."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from offbit_reflow import Actor, Network

from .support import SOON, Collect, Forward, Gate, add, connect, of_type, run_script, running


class Endless(Actor):
    inports = []
    outports = ["out"]

    def __init__(self):
        self.ticks = 0

    def run(self, ctx):
        self.ticks += 1
        ctx.done({"out": self.ticks})


def test_before_the_start_and_twice(net):
    events = net.events(types=["NetworkShutdown"])
    add(net, "a", Collect())
    assert net.shutdown() == []
    net.start()
    assert net.shutdown() == []
    assert net.shutdown() == []
    assert not net.is_running
    assert len(of_type(events, "NetworkShutdown")) >= 2


def test_no_tick_starts_afterwards():
    for _ in range(20):
        net = Network()
        source = add(net, "a", Endless())
        sink = add(net, "b", Collect())
        connect(net, "a", "b")
        net.start()
        while not sink.values:
            time.sleep(0.001)
        assert net.shutdown() == []
        count = source.ticks, len(sink.values)
        time.sleep(0.01)
        assert (source.ticks, len(sink.values)) == count


@pytest.mark.parametrize("style", ["done", "send", "yield", "async", "async yield"])
def test_during_full_load(style):
    class Source(Endless):
        pass

    if style == "send":

        def run(self, ctx):
            while True:
                ctx.send({"out": bytes(1000)})
    elif style == "yield":

        def run(self, ctx):
            while True:
                yield {"out": 1}
    elif style == "async":

        async def run(self, ctx):
            await asyncio.sleep(0)
            return {"out": 1}
    elif style == "async yield":

        async def run(self, ctx):
            while True:
                yield {"out": 1}
    else:
        run = Endless.run
    Source.run = run
    for _ in range(3):
        net = Network()
        net.register_actor("source", Source)
        net.register_actor("forward", Forward)
        sink = add(net, "sink", Collect())
        for number in range(5):
            net.add_node(f"s{number}", "source")
            net.add_node(f"f{number}", "forward")
            connect(net, f"s{number}", f"f{number}", "sink")
        net.start()
        while len(sink.values) < 100:
            time.sleep(0.001)
        started = time.monotonic()
        assert net.shutdown(grace=5) == []
        assert time.monotonic() - started < 2
        states = {node["state"] for node in net.result().nodes.values()}
        assert states <= {"cancelled", "failed", "finished"}
        assert net.result().state in ("cancelled", "failed")


def test_grace_is_kept_and_who_would_not_stop_is_told():
    net = Network()
    gate = add(net, "stuck", Gate())
    add(net, "other", Collect())
    net.add_initial("stuck", "in", 1)
    events = net.events(types=["ShutdownIncomplete"])
    net.start()
    gate.wait_entered()
    started = time.monotonic()
    assert net.shutdown(grace=0.2) == ["stuck"]
    assert 0.2 <= time.monotonic() - started < 1.5
    assert [event["actorIds"] for event in events] == [["stuck"]]
    gate.opened.set()


def test_a_running_tick_may_end():
    net = Network()
    gate = add(net, "a", Gate())
    net.add_initial("a", "in", 1)
    net.add_initial("a", "in", 2)
    net.start()
    gate.wait_entered()
    threading.Timer(0.1, gate.opened.set).start()
    assert net.shutdown(grace=SOON) == []
    assert gate.values == [1]


def test_blocked_sends_are_woken():
    outcome = []

    class Flood(Actor):
        inports = []

        def run(self, ctx):
            try:
                while True:
                    ctx.send({"out": 1})
            except RuntimeError as error:
                outcome.append(error)
                raise

    net = Network({"capacity": 2})
    add(net, "a", Flood)
    gate = add(net, "b", Gate())
    connect(net, "a", "b")
    net.start()
    gate.wait_entered()
    assert net.shutdown(grace=0.3) == ["b"]
    assert len(outcome) == 1
    gate.opened.set()


def test_sends_after_shutdown_go_nowhere():
    kept = []

    def run(self, ctx):
        kept.append(ctx)
        ctx.done()

    net = Network()
    add(net, "a", running(run))
    sink = add(net, "b", Collect())
    connect(net, "a", "b")
    net.add_initial("a", "in", 1)
    net.start()
    net.wait(timeout=SOON)
    net.shutdown()
    kept[0].send({"out": 1})
    assert sink.values == []


def test_cancel_says_why():
    net = Network()
    add(net, "a", Endless())
    add(net, "b", Collect())
    connect(net, "a", "b")
    net.start()
    assert net.cancel("out of time") == []
    result = net.wait(timeout=SOON)
    assert (result.state, result.reason) == ("cancelled", "out of time")
    assert not net.is_running
    net.shutdown()


def test_cancel_ends_a_run_in_another_thread():
    net = Network()
    source = add(net, "a", Endless())
    add(net, "b", Collect())
    connect(net, "a", "b")
    results = []
    thread = threading.Thread(target=lambda: results.append(net.run(timeout=SOON)))
    thread.start()
    while source.ticks < 10:
        time.sleep(0.001)
    net.cancel("enough")
    thread.join(SOON)
    assert [result.state for result in results] == ["cancelled"]


def test_the_block_ends_it():
    with Network() as net:
        add(net, "a", Endless())
        add(net, "b", Collect())
        connect(net, "a", "b")
        net.start()
        assert net.is_running
    assert not net.is_running
    with pytest.raises(LookupError), Network() as net:
        add(net, "a", Collect())
        net.start()
        raise LookupError
    assert not net.is_running


@pytest.mark.parametrize("call", ["shutdown", "cancel"])
def test_from_inside_a_tick(call):
    took = []

    def run(self, ctx):
        started = time.monotonic()
        getattr(net, call)()
        took.append(time.monotonic() - started)
        ctx.done()

    net = Network()
    add(net, "a", running(run))
    add(net, "b", Endless())
    add(net, "c", Collect())
    connect(net, "b", "c")
    net.add_initial("a", "in", 1)
    net.start()
    deadline = time.monotonic() + SOON
    while not took:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    net.shutdown(grace=SOON)
    assert took[0] < 2
    assert {node["state"] for node in net.result().nodes.values()} <= {"cancelled", "finished", "skipped"}


def test_wait_inside_a_tick_does_not_hang_for_ever():
    """The tick is part of what it waits for."""
    outcome = []

    def run(self, ctx):
        try:
            net.wait(timeout=0.2)
        except RuntimeError as error:
            outcome.append(error)
        ctx.done()

    net = Network()
    add(net, "a", running(run))
    net.add_initial("a", "in", 1)
    net.start()
    assert net.wait(timeout=SOON).ok
    assert len(outcome) == 1
    net.shutdown()


def test_a_network_inside_a_tick():
    def run(self, ctx):
        with Network() as inner:
            add(inner, "x", Forward)
            inner.add_outport("out", "x", "out")
            inner.add_initial("x", "in", ctx["in"])
            ctx.done({"out": inner.run(timeout=10).outputs["out"][0]})

    with Network() as net:
        net.register_actor("nest", running(run))
        for number in range(5):
            net.add_node(f"n{number}", "nest")
            net.add_outport(str(number), f"n{number}", "out")
            net.add_initial(f"n{number}", "in", number)
        result = net.run(timeout=SOON)
    assert result.ok, result.failures
    assert result.outputs == {str(number): [number] for number in range(5)}


def test_an_event_loop_inside_a_tick():
    async def work():
        await asyncio.sleep(0.001)
        return 5

    def run(self, ctx):
        ctx.done({"out": asyncio.run(work())})

    with Network() as net:
        add(net, "a", running(run))
        net.add_outport("out", "a", "out")
        for _ in range(3):
            net.add_initial("a", "in", 0)
        assert net.run(timeout=SOON).outputs == {"out": [5, 5, 5]}


def test_many_shutdowns_at_once():
    net = Network()
    add(net, "a", Endless())
    add(net, "b", Collect())
    connect(net, "a", "b")
    net.start()
    left = []
    threads = [threading.Thread(target=lambda: left.append(net.shutdown(grace=5))) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(SOON)
    assert left == [[]] * 20
    assert not net.is_running


def test_start_and_shutdown_from_several_threads():
    """In a process of its own: a deadlock here holds the interpreter lock."""
    result = run_script("""
        import faulthandler, threading, time
        faulthandler.dump_traceback_later(10, exit=True)
        from offbit_reflow import Actor, Network

        class Source(Actor):
            outports = ["out"]

            def run(self, ctx):
                for number in range(100):
                    yield {"out": number}

        net = Network()
        net.register_actor("a", Source)
        net.add_node("a", "a")
        stop = time.monotonic() + 0.5

        def work(call):
            while time.monotonic() < stop:
                try:
                    call()
                except RuntimeError as error:
                    if "running" not in str(error):
                        print(repr(error))

        threads = [threading.Thread(target=work, args=(call,)) for call in (net.start, net.shutdown, net.start, net.shutdown)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        net.shutdown()
        print("well")
    """)
    assert result.returncode == 0, result.stderr
    assert result.stdout.strip() == "well"
