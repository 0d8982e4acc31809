"""The known defects of release 0.2.9, each as a test of what happens now. Numbers are those of the list."""

from __future__ import annotations

import gc
import math
import socket
import threading
import time

import pytest

import offbit_reflow
from offbit_reflow import Actor, Message, Network, Stream

from .support import SOON, Collect, Forward, Gate, add, connect, numbers, of_type, resident_mb, run_one, running


@pytest.mark.parametrize("burst", [60, 168, 100_000])
def test_01_a_burst_of_sends(burst):
    def run(self, ctx):
        for number in range(burst):
            ctx.send({"out": number})
        ctx.done()

    with Network() as net:
        add(net, "a", running(run))
        sink = add(net, "b", Collect())
        connect(net, "a", "b")
        net.add_initial("a", "in", 0)
        assert net.run(timeout=25).ok
    assert sink.values == list(range(burst))


def test_02_many_initials_for_a_busy_node():
    with Network() as net:
        gate = add(net, "a", Gate())
        for number in range(5_000):
            net.add_initial("a", "in", number)
        started = time.monotonic()
        net.start()
        assert time.monotonic() - started < 2
        gate.opened.set()
        net.wait(timeout=SOON)
    assert gate.values == list(range(5_000))


@pytest.mark.parametrize("way", ["send", "done"])
def test_03_an_unwired_outport(way):
    def run(self, ctx):
        if way == "send":
            ctx.send({"out": 1})
            ctx.done()
        else:
            ctx.done({"out": 1})

    with Network() as net:
        add(net, "a", running(run))
        for number in range(500):
            net.add_initial("a", "in", number)
        assert net.run(timeout=SOON).nodes["a"]["ticks"] == 500


def test_04_blocking_ticks_starve_nobody():
    release = threading.Event()
    free = threading.Event()

    def block(self, ctx):
        release.wait(SOON)
        ctx.done()

    def other(self, ctx):
        free.set()
        ctx.done()

    with Network() as net:
        net.register_actor("block", running(block))
        for number in range(32):
            net.add_node(f"b{number}", "block")
            net.add_initial(f"b{number}", "in", 0)
        add(net, "other", running(other))
        net.add_initial("other", "in", 0)
        net.start()
        ran = free.wait(5)
        release.set()
        assert ran


def test_05_back_pressure_reaches_back_to_the_source():
    yielded = []

    class Source(Actor):
        outports = ["out"]

        def run(self, ctx):
            for number in range(100_000):
                yielded.append(number)
                yield {"out": number}

    with Network({"capacity": 10}) as net:
        add(net, "source", Source)
        net.register_actor("forward", Forward)
        for name in ("f1", "f2", "f3"):
            net.add_node(name, "forward")
        gate = add(net, "gate", Gate())
        connect(net, "source", "f1", "f2", "f3", "gate")
        net.start()
        gate.wait_entered()
        time.sleep(0.3)
        # Four connections of ten, and a tick in each of five nodes with what it is about to hand over.
        assert len(yielded) < 100
        gate.opened.set()


def test_07_unread_events_are_bounded():
    with Network() as net:
        kept = net.events(capacity=100)
        add(net, "a", sink := Collect())
        net.start()
        before = resident_mb()
        for _ in range(10_000):
            net.send("a", "in", bytes(10_000))
            sink.values.clear()
        net.wait(timeout=SOON)
        sink.values.clear()
        assert resident_mb() - before < 40
        assert kept.dropped > 5_000


def test_08_latest_keeps_the_last_value():
    gate = Gate()
    gate.await_all_inports = "latest"
    with Network() as net:
        add(net, "source", numbers(400))
        add(net, "sink", gate)
        connect(net, "source", "sink")
        net.start()
        gate.wait_entered()
        time.sleep(0.1)
        gate.opened.set()
        net.wait(timeout=SOON)
    assert gate.values[-1] == 399
    assert gate.values == sorted(gate.values)


def test_09_failures_are_seen():
    def run(self, ctx):
        if ctx["in"] == 0:
            ctx.fail("failed")
        elif ctx["in"] == 1:
            raise ValueError("raised")

    with Network() as net:
        events = net.events()
        add(net, "a", running(run))
        for number in range(3):
            net.add_initial("a", "in", number)
        result = net.run(timeout=SOON)
        assert len(of_type(events, "ActorFailed")) == 3
    assert len(result.failures) == 3


def test_10_completion_is_told():
    with Network() as net:
        events = net.events()
        add(net, "a", Collect())
        net.start()
        net.send("a", "in", 1)
        assert net.wait(timeout=SOON).state == "idle"
        net.shutdown()
        assert of_type(events, "NetworkIdle")


def test_11_event_streams_do_not_steal():
    with Network() as net:
        streams = [net.events(types=["MessageReceived"]) for _ in range(2)]
        add(net, "a", Collect())
        for number in range(24):
            net.add_initial("a", "in", number)
        net.run(timeout=SOON)
        assert [len(list(stream)) for stream in streams] == [24, 24]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_12_nan_and_infinities_on_a_wire(value):
    with Network() as net:
        events = net.events()
        add(net, "a", Forward)
        sink = add(net, "b", Collect())
        connect(net, "a", "b")
        net.add_initial("a", "in", value)
        assert net.run(timeout=SOON).ok
        assert len([event["message"] for event in of_type(events, "MessageSent", "MessageReceived")]) == 2
    assert repr(sink.values) == repr([value])


def test_13_undecodable_encoded():
    message = Message.from_json({"type": "Encoded", "data": [255, 1, 254]})
    with Network() as net:
        events = net.events()
        add(net, "a", Forward)
        net.add_outport("out", "a", "out")
        add(net, "b", running(lambda self, ctx: ctx.done({"out": ctx.message("in")})))
        connect(net, "a", "b")
        net.add_initial("a", "in", message)
        result = net.run(timeout=SOON)
        assert len(of_type(events, "MessageSent", "MessageReceived")) == 2
    assert result.ok
    assert message.as_json() == {"type": "Encoded", "data": [255, 1, 254]}


@pytest.mark.parametrize("part", ["from", "to", "initial"])
def test_14_unknown_nodes_are_exceptions(net, part):
    add(net, "a", Forward)
    if part == "initial":
        net.add_initial("ghost", "in", 1)
    else:
        connect(net, *(("ghost", "a") if part == "from" else ("a", "ghost")))
    with pytest.raises(RuntimeError, match="ghost"):
        net.start()
    assert not net.is_running


class TestFromGraph:
    """15: callable anywhere, gives this package's `Network`, initials once and on their port."""

    def graph(self, data):
        graph = offbit_reflow.Graph("g")
        graph.add_node("a", "forward")
        graph.add_node("b", "collect")
        graph.add_connection("a", "out", "b", "in")
        graph.add_initial("a", "in", data)
        return graph

    @pytest.mark.parametrize(
        ("data", "arrives"),
        [(5, 5), ({"type": "Flow"}, None), ({"type": "Integer", "data": 6}, 6), ({"x": 1}, {"x": 1}), ("t", "t")],
        ids=str,
    )
    def test_runs(self, data, arrives):
        net = Network.from_graph(self.graph(data))
        assert isinstance(net, Network)
        with net:
            net.register_actor("forward", Forward)
            net.register_actor("collect", sink := Collect())
            assert net.run(timeout=SOON).ok
        assert sink.values == [arrives]

    def test_unknown_components_are_exceptions(self):
        with Network.from_graph(self.graph(1)) as net:
            net.register_actor("forward", Forward)
            with pytest.raises(RuntimeError, match="collect"):
                net.start()


def test_22_shutdown_stops_everything():
    ticks = []

    class Loop(Actor):
        inports = ["in"]
        outports = ["out"]

        def run(self, ctx):
            ticks.append(1)
            ctx.done({"out": ctx["in"]})

    net = Network()
    add(net, "a", Loop)
    connect(net, "a", "a")
    net.add_initial("a", "in", 1)
    net.start()
    while len(ticks) < 100:
        time.sleep(0.001)
    assert net.shutdown() == []
    count = len(ticks)
    time.sleep(0.05)
    assert len(ticks) == count


def test_24_recv_ends_after_shutdown(net):
    events = net.events(types=["ActorFailed"])
    add(net, "a", Collect())
    net.start()
    ended = threading.Event()

    def read():
        with pytest.raises(RuntimeError):
            events.recv()
        ended.set()

    thread = threading.Thread(target=read)
    thread.start()
    net.shutdown()
    assert ended.wait(5)
    thread.join()


def test_25_take_stream_of_an_input():
    def run(self, ctx):
        return {"out": ctx.inputs["in"].take_stream().read_all(timeout=5)}

    stream = Stream.create()
    stream.send_bytes(b"frame")
    message = stream.into_message()
    stream.end()
    assert run_one(running(run), [message]).outputs["out"] == [b"frame"]


def test_26_live_streaming_through_a_bounded_stream():
    stream = Stream.create(2)
    reader = stream.into_message().take_stream()
    seen = []
    thread = threading.Thread(target=lambda: seen.extend(reader))
    thread.start()
    for number in range(100):
        stream.send_bytes(b"%d" % number, timeout=5)
    stream.end()
    thread.join(SOON)
    assert len(seen) == 101


def test_27_streams_close_and_are_freed_and_show_their_metadata():
    stream = Stream.create()
    reader = stream.into_message().take_stream()
    stream.send_begin(metadata={"k": 1})
    del stream
    gc.collect()
    assert reader.recv(1_000) == {"kind": "begin", "metadata": {"k": 1}}
    assert reader.recv(1_000) == {"kind": "closed"}


def test_28_a_default_network_connects_to_nobody(net):
    with socket.socket() as listening:
        try:
            listening.bind(("127.0.0.1", 8080))
        except OSError:
            # Somebody has the port; the sockets of this process tell as much.
            pass
        else:
            listening.listen()
            listening.settimeout(0.3)
        add(net, "a", Collect())
        net.start()
        net.wait(timeout=SOON)
        if listening.gettimeout() is not None:
            with pytest.raises(TimeoutError):
                listening.accept()


@pytest.mark.parametrize("config", [{}, {"compression": {}}, {"tracing": {}}, {"tracing": {"enabled": False}}], ids=str)
def test_29_a_config_need_not_be_complete(config):
    assert Network(config).run(timeout=SOON).ok


@pytest.mark.parametrize("depth", [127, 128, 400, 100_000])
def test_30_deep_nesting_is_kept_or_refused(depth):
    data: list = []
    for _ in range(depth):
        data = [data]
    try:
        shown = Message.object(data).data()
    except (ValueError, RecursionError):
        assert depth > 127
    else:
        assert shown is not None


def test_31_an_instance_may_declare_its_ports():
    ticks = []

    class Two(Actor):
        inports = ["a"]
        await_all_inports = True

        def __init__(self):
            self.inports = ["a", "b"]

        def run(self, ctx):
            ticks.append(sorted(ctx.inputs))
            ctx.done()

    with Network() as net:
        add(net, "n", Two())
        net.add_initial("n", "a", 1)
        net.add_initial("n", "b", 2)
        assert net.run(timeout=SOON).ok
    assert ticks == [["a", "b"]]


def test_32_a_second_start_is_refused_and_a_failed_one_leaves_nothing(net):
    sink = add(net, "a", Collect())
    net.add_initial("a", "in", 1)
    gate = add(net, "b", Gate())
    net.add_initial("b", "in", 1)
    net.start()
    with pytest.raises(RuntimeError):
        net.start()
    while not sink.values:
        time.sleep(0.001)
    assert sink.values == [1]
    net.shutdown(grace=0.1)
    assert not net.is_running
    gate.opened.set()
