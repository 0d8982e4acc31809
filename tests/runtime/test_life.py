"""The life of a network: one run at a time, whoever starts, stops and watches it, from however many threads."""

from __future__ import annotations

import _thread
import asyncio
import contextlib
import random
import signal
import threading
import time

import pytest

from offbit_reflow import Actor, Network

from .support import SOON, Collect, Forward, Gate, add, connect, numbers, run_script, threads


class Counted(Actor):
    """Counts the beginnings and ends of all instances."""

    inports = []
    outports = ["out"]
    lock = threading.Lock()

    def setup(self, ctx):
        with self.lock:
            self.counts["setup"] += 1

    def run(self, ctx):
        while True:
            self.counts["ticks"] += 1
            yield {"out": 1}

    def teardown(self):
        with self.lock:
            self.counts["teardown"] += 1


def counted() -> tuple[type[Counted], dict[str, int]]:
    counts = {"setup": 0, "ticks": 0, "teardown": 0}
    return type("Source", (Counted,), {"counts": counts}), counts


def wait_until(condition) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


class TestStartDuringShutdown:
    def test_it_waits_for_the_end_and_the_new_run_can_be_stopped(self):
        source, counts = counted()
        net = Network()
        add(net, "source", source)
        gate = add(net, "gate", Gate())
        connect(net, "source", "gate")
        net.start()
        gate.wait_entered()
        left: list[list[str]] = []
        stopping = threading.Thread(target=lambda: left.append(net.shutdown(grace=SOON)))
        stopping.start()
        wait_until(lambda: not net.is_running)
        started = threading.Event()
        starting = threading.Thread(target=lambda: (net.start(), started.set()))
        starting.start()
        assert not started.wait(0.1), "it started beside the run that was being stopped"
        gate.opened.set()
        stopping.join(SOON)
        starting.join(SOON)
        assert left == [[]]
        assert started.is_set()
        assert net.is_running
        assert net.shutdown(grace=SOON) == []
        assert counts["setup"] == counts["teardown"] == 2
        ticks = counts["ticks"]
        time.sleep(0.02)
        assert counts["ticks"] == ticks

    def test_a_start_by_a_tick_of_that_run_is_refused(self):
        outcome = []
        begun = threading.Event()

        class Restart(Actor):
            inports = ["in"]

            def run(self, ctx):
                begun.set()
                wait_until(lambda: ctx.cancelled)
                try:
                    net.start()
                except RuntimeError as error:
                    outcome.append(str(error))
                ctx.done()

        net = Network()
        add(net, "a", Restart)
        net.start()
        net.send("a", "in", 1)
        assert begun.wait(SOON)
        assert net.shutdown(grace=SOON) == []
        assert len(outcome) == 1
        assert not net.is_running

    def test_two_shutdowns_both_wait(self):
        net = Network()
        gate = add(net, "gate", Gate())
        net.start()
        net.send("gate", "in", 1)
        gate.wait_entered()
        ended = []
        threads = [threading.Thread(target=lambda: ended.append(net.shutdown(grace=SOON))) for _ in range(2)]
        for thread in threads:
            thread.start()
        time.sleep(0.05)
        assert ended == []
        gate.opened.set()
        for thread in threads:
            thread.join(SOON)
        assert ended == [[], []]

    def test_what_outlived_its_grace_can_be_waited_for(self):
        net = Network()
        gate = add(net, "gate", Gate())
        net.start()
        net.send("gate", "in", 1)
        gate.wait_entered()
        assert net.shutdown(grace=0.01) == ["gate"]
        gate.opened.set()
        assert net.shutdown(grace=SOON) == []


class TestShutdownDuringStart:
    @pytest.mark.parametrize("grace", [0.0, SOON])
    def test_the_run_does_nothing(self, grace):
        making, go_on = threading.Event(), threading.Event()
        ticks = []

        class Slow(Actor):
            inports = []

            def __init__(self):
                making.set()
                assert go_on.wait(SOON)

            def run(self, ctx):
                ticks.append(1)
                ctx.done()

        net = Network()
        add(net, "a", Slow)
        starting = threading.Thread(target=net.start)
        starting.start()
        assert making.wait(SOON)
        threading.Timer(0.05, go_on.set).start()
        assert net.shutdown(grace=grace) == []
        starting.join(SOON)
        assert not net.is_running
        assert ticks == []
        assert net.shutdown(grace=SOON) == []

    def test_from_the_constructor_of_an_actor(self):
        class Impatient(Actor):
            inports = ["in"]

            def __init__(self):
                net.shutdown(grace=SOON)

        net = Network()
        add(net, "a", Impatient)
        started = time.monotonic()
        net.start()
        assert time.monotonic() - started < SOON / 2
        assert not net.is_running

    def test_a_start_that_fails_leaves_it_free(self):
        class Broken(Actor):
            fails = True

            def __init__(self):
                if Broken.fails:
                    raise ValueError("not yet")

        net = Network()
        add(net, "a", Broken)
        with pytest.raises(RuntimeError, match="not yet"):
            net.start()
        Broken.fails = False
        net.start()
        assert net.shutdown(grace=SOON) == []


def test_a_run_gives_its_own_result():
    """Another run that was started meanwhile is none of its business."""
    net = Network()
    gate = add(net, "gate", Gate())
    results = []
    running = threading.Thread(target=lambda: results.append(net.run(inputs={"gate.in": "first"})))
    running.start()
    gate.wait_entered()
    net.shutdown(grace=0)
    net.start()
    gate.opened.set()
    running.join(SOON)
    assert [result.state for result in results] == ["cancelled"]
    assert net.is_running
    net.shutdown(grace=SOON)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("seed", range(4))
def test_whatever_threads_do_every_beginning_has_its_end(seed):
    source, counts = counted()
    net = Network({"capacity": 4})
    add(net, "source", source)
    add(net, "sink", Collect())
    connect(net, "source", "sink")
    before = len(threads())
    wrong: list[BaseException] = []
    stop = time.monotonic() + 0.6
    calls = [
        net.start,
        lambda: net.start(collect=True),
        lambda: net.shutdown(grace=5),
        lambda: net.shutdown(grace=0),
        lambda: net.cancel(grace=0),
        lambda: net.run(timeout=0.02, grace=5),
        lambda: net.wait(timeout=0.01),
        lambda: net.stats(),
        lambda: net.result(),
        lambda: net.listen("source", "out", capacity=1).close(),
        lambda: net.send("sink", "in", 1, timeout=0.01),
        lambda: net.close_inputs(),
    ]

    def work(number: int) -> None:
        choice = random.Random(seed * 100 + number)
        try:
            while time.monotonic() < stop:
                with contextlib.suppress(RuntimeError):  # not running, running already, no time left
                    choice.choice(calls)()
        except BaseException as error:
            wrong.append(error)

    workers = [threading.Thread(target=work, args=(number,)) for number in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
        assert not worker.is_alive(), "a call did not come back"
    assert wrong == []
    assert net.shutdown(grace=SOON) == []
    assert not net.is_running
    assert counts["setup"] == counts["teardown"]
    ticks = counts["ticks"]
    time.sleep(0.05)
    assert counts["ticks"] == ticks, "a run was left behind"
    wait_until(
        lambda: len([name for name in threads() if "python" in name or "monitor" in name]) == 0
        or len(threads()) <= before
    )


@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_networks_that_are_dropped_while_they_run_come_to_their_end():
    source, counts = counted()

    def drop() -> None:
        for _ in range(5):
            net = Network({"capacity": 4})
            add(net, "source", source)
            add(net, "sink", Collect())
            connect(net, "source", "sink")
            net.start()
            net.listen("source", "out", capacity=1)

    workers = [threading.Thread(target=drop) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(SOON)
    wait_until(lambda: counts["setup"] == counts["teardown"] == 20)


class TestListenBeforeStart:
    @pytest.mark.parametrize("call", ["start", "run"])
    def test_it_hears_the_first_packet(self, call):
        with Network() as net:
            add(net, "a", numbers(500))
            listener = net.listen("a", "out")
            heard: list[int] = []
            reader = threading.Thread(target=lambda: heard.extend(listener))
            reader.start()
            getattr(net, call)()
            reader.join(SOON)
        assert heard == list(range(500))

    def test_it_hears_what_a_subgraph_sends(self):
        with Network() as net:
            add(net, "a", numbers(3))
            add(net, "b", Forward)
            connect(net, "a", "b")
            net.add_outport("end", "b", "out")
            whole = net.to_graph().to_json()
            outer = Network()
            from offbit_reflow import SubgraphBuilder

            builder = SubgraphBuilder(whole)
            builder.register_actor("a", numbers(3)()._build())
            builder.register_actor("b", Forward()._build())
            outer.register_actor("sub", builder.build())
            outer.add_node("s", "sub")
            listener = outer.listen("s", "end")
            outer.run(timeout=SOON)
            assert list(listener) == [0, 1, 2]

    def test_a_full_listener_holds_its_node(self):
        with Network({"capacity": 1}) as net:
            add(net, "a", numbers(100))
            listener = net.listen("a", "out", capacity=1)
            net.start()
            wait_until(lambda: net.stats()["a"]["blocked_s"] > 0)
            assert list(listener) == list(range(100))

    def test_wrong_names(self, net):
        add(net, "a", numbers(1))
        with pytest.raises(RuntimeError, match="nobody"):
            net.listen("nobody", "out")
        listener = net.listen("a", "elsewhere")
        with pytest.raises(RuntimeError, match="elsewhere"):
            net.start()
        listener.close()
        net.start()

    def test_one_run_only_and_none_after_a_shutdown(self, net):
        add(net, "a", numbers(2))
        first = net.listen("a", "out")
        assert net.run(timeout=SOON).ok
        second = net.listen("a", "out")
        assert net.run(timeout=SOON).ok
        assert (list(first), list(second)) == ([0, 1], [0, 1])
        third = net.listen("a", "out")
        net.shutdown()
        assert list(third) == []

    def test_it_ends_with_the_network(self):
        net = Network()
        add(net, "a", numbers(2))
        listener = net.listen("a", "out")
        del net
        assert list(listener) == []


class TestCollecting:
    def test_on_request(self, net):
        add(net, "a", Forward)
        net.add_outport("o", "a", "out")
        net.start(collect=True)
        net.send("a", "in", 1)
        assert net.wait(timeout=SOON).outputs == {"o": [1]}
        net.send("a", "in", 2)
        assert net.wait(timeout=SOON).outputs == {"o": [2]}, "what was handed out is not handed out again"

    def test_otherwise_it_is_said(self, net):
        add(net, "a", Forward)
        net.add_outport("o", "a", "out")
        net.start()
        net.send("a", "in", 1)
        result = net.wait(timeout=SOON)
        assert "collect" in repr(result.outputs)
        with pytest.raises(KeyError, match="collect=True"):
            result.outputs["o"]
        looks = [
            lambda: result.outputs.get("o"),
            lambda: list(result.outputs),
            lambda: len(result.outputs),
            lambda: result.outputs.items(),
            lambda: result.outputs == {},
            lambda: "o" in result.outputs,
            lambda: bool(result.outputs),
        ]
        for look in looks:
            with pytest.warns(RuntimeWarning, match="not collected"):
                look()
        assert "nothing" not in str(result)

    def test_run_may_leave_it_to_a_listener(self, net):
        add(net, "a", numbers(3))
        net.add_outport("o", "a", "out")
        listener = net.listen("a", "out")
        result = net.run(timeout=SOON, collect=False)
        assert list(listener) == [0, 1, 2]
        assert result.ok
        with pytest.raises(KeyError):
            result.outputs["o"]


def test_a_circle_ends_when_the_inputs_are_closed(net):
    class Countdown(Actor):
        inports = ["in"]
        outports = ["out"]

        def run(self, ctx):
            ctx.done({"out": ctx["in"] - 1} if ctx["in"] else {})

    add(net, "a", Countdown)
    add(net, "b", Forward)
    connect(net, "a", "b", "a")
    net.start()
    net.send("a", "in", 20)
    assert net.wait(timeout=SOON).state == "idle"
    net.close_inputs()
    result = net.wait(timeout=SOON)
    assert result.state == "finished"
    assert result.nodes["a"]["ticks"] == 21


class TestInfo:
    def test_what_an_actor_publishes(self, net):
        class Server(Actor):
            inports = ["in"]

            def setup(self, ctx):
                ctx.publish("address", "127.0.0.1:8080")
                ctx.publish("count", 1)

            def run(self, ctx):
                ctx.publish("count", ctx["in"])
                ctx.done()

        add(net, "a", Server)
        add(net, "b", Collect())
        with pytest.raises(RuntimeError):
            net.info("a")
        events = net.events(types=["ActorPublished"])
        net.start()
        net.send("a", "in", 7)
        net.wait(timeout=SOON)
        assert net.info("a") == {"address": "127.0.0.1:8080", "count": 7}
        assert net.info("b") == {}
        with pytest.raises(RuntimeError, match="nobody"):
            net.info("nobody")
        net.close_inputs()
        assert [(event["name"], event["value"]) for event in events] == [
            ("address", "127.0.0.1:8080"),
            ("count", 1),
            ("count", 7),
        ]


class TestEventsAfterShutdown:
    def test_a_time_limit_is_waited_through(self, net):
        add(net, "a", Collect())
        events = net.events(types=["NetworkStarted"])
        net.start()
        net.shutdown()
        assert events.recv(timeout_ms=1000) is not None
        started = time.monotonic()
        assert events.recv(timeout_ms=100) is None
        assert time.monotonic() - started >= 0.1
        with pytest.raises(RuntimeError, match="shut down"):
            events.recv()
        assert list(events) == []

    def test_a_later_start_is_heard(self, net):
        add(net, "a", Collect())
        events = net.events(types=["NetworkStarted"])
        net.start()
        net.shutdown()
        events.recv(timeout_ms=1000)
        threading.Timer(0.05, net.start).start()
        assert events.recv(timeout_ms=int(SOON * 1000))["_type"] == "NetworkStarted"

    def test_nothing_is_waited_for_when_the_network_is_gone(self):
        net = Network()
        add(net, "a", Collect())
        events = net.events(types=["ActorLog"])
        net.start()
        net.shutdown()
        del net
        with pytest.raises(RuntimeError, match="gone"):
            events.recv(timeout_ms=int(SOON * 1000))


def test_a_start_while_the_interpreter_goes_is_refused():
    result = run_script("""
        from offbit_reflow import Actor, Network

        class A(Actor):
            inports = ["in"]
            def run(self, ctx): ctx.done()

        def network():
            net = Network(); net.register_actor("a", A); net.add_node("a", "a")
            return net

        class Last:
            def __init__(self): self.network = network()
            def __del__(self):
                try:
                    self.network.run(timeout=2)
                except Exception as error:
                    print(type(error).__name__, "end" in str(error))

        with network() as net:
            net.run({"a.in": iter(range(3))}, timeout=10)
        last = Last()
        keep = [last]; keep.append(keep)
    """)
    assert (result.returncode, result.stdout) == (0, "NetworkError True\n"), result.stderr


def ctrl_c():
    """Interrupt the main thread, also where it waits in the operating system."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
    else:
        _thread.interrupt_main()


def interrupted_early():
    """Make a network whose first tick interrupts while others of so many nodes are still to start, and an event for its end."""
    ended = threading.Event()

    class Source(Actor):
        outports = ["out"]

        def run(self, ctx):
            ctrl_c()
            while True:
                yield {"out": 0}

        def teardown(self):
            ended.set()

    net = Network()
    net.register_actor("source", Source)
    net.add_node("source", "source")
    for number in range(3_000):
        net.add_node(str(number), "tpl_passthrough")
    return net, ended


@pytest.mark.parametrize("how", ["run", "run_async"])
def test_ctrl_c_while_a_run_begins_stops_it(how):
    net, ended = interrupted_early()
    with pytest.raises(KeyboardInterrupt):
        if how == "run":
            net.run(grace=SOON)
        else:
            asyncio.run(net.run_async(grace=SOON))
    assert ended.wait(SOON)
    assert net.result().state == "cancelled"


def test_ctrl_c_in_start_stops_what_it_has_begun():
    for _ in range(50):
        net, ended = interrupted_early()
        has_begun = False
        with pytest.raises(KeyboardInterrupt):
            net.start()
            has_begun = True
            time.sleep(SOON)
        if not has_begun:
            break
        # The signal came when `start` had returned: it is the caller's.
        net.shutdown()
    assert not has_begun
    assert ended.wait(SOON)
    assert net.result().state == "cancelled"
