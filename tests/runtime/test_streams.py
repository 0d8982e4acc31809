"""Streams: frames beside the packets."""

from __future__ import annotations

import gc
import threading
import time

import pytest

from offbit_reflow import Actor, Message, Network, Stream

from .support import SOON, add, connect, resident_mb, running


def pair(**options):
    stream = Stream.create(**options)
    return stream, stream.into_message().take_stream()


def test_frames_in_order():
    stream, reader = pair()
    stream.send_begin("text/plain", 7, {"k": [1]})
    stream.send_bytes(b"one")
    stream.send_bytes(bytearray(b"two"))
    stream.error("but")
    stream.end()
    stream.send_bytes(b"after")
    frames = [reader.recv(1_000) for _ in range(6)]
    assert frames == [
        {"kind": "begin", "content_type": "text/plain", "size_hint": 7, "metadata": {"k": [1]}},
        {"kind": "data", "data": b"one"},
        {"kind": "data", "data": b"two"},
        {"kind": "error", "error": "but"},
        {"kind": "end"},
        {"kind": "data", "data": b"after"},
    ]
    stream.close()
    assert reader.recv(1_000) == {"kind": "closed"}


def test_begin_shows_only_what_was_given():
    stream, reader = pair()
    stream.send_begin()
    assert reader.recv(1_000) == {"kind": "begin"}


def test_bytes_by_reference():
    stream, reader = pair()
    payload = bytes(1_000_000)
    stream.send_bytes(payload)
    assert reader.recv(1_000)["data"] is payload


@pytest.mark.parametrize("timeout", [0, 50])
def test_nothing_within_the_timeout(timeout):
    stream, reader = pair()
    started = time.monotonic()
    assert reader.recv(timeout) == {"kind": "timeout"}
    assert timeout / 1_000 <= time.monotonic() - started < 5
    del stream


def test_wrong_arguments():
    with pytest.raises(OverflowError):
        Stream.create(-1)
    with pytest.raises(TypeError):
        Stream.create("1")
    stream, reader = pair()
    with pytest.raises(TypeError):
        stream.send_bytes("text")
    with pytest.raises(OverflowError):
        reader.recv(-1)
    with pytest.raises(TypeError):
        reader.recv()
    with pytest.raises(ValueError):  # noqa: PT011  # any text
        Message.integer(1).take_stream()


def test_taken_and_handed_over_once():
    stream = Stream.create(origin_actor="a", origin_port="p", content_type="c")
    message = stream.into_message()
    wire = message.as_json()
    assert wire["data"]["origin_actor"] == "a"
    assert wire["data"]["content_type"] == "c"
    with pytest.raises(RuntimeError):
        stream.into_message()
    reader = message.take_stream()
    for again in (message, Message.from_json(wire)):
        with pytest.raises(RuntimeError):
            again.take_stream()
    unknown = {"type": "StreamHandle", "data": {"stream_id": 2**50, "origin_actor": "", "origin_port": ""}}
    with pytest.raises(RuntimeError):
        Message.from_json(unknown).take_stream()
    del reader


def test_writing_goes_on_after_the_hand_over():
    stream = Stream.create(2)
    message = stream.into_message()
    stream.send_bytes(b"1")
    reader = message.take_stream()
    stream.send_bytes(b"2")
    stream.end()
    assert [reader.recv(1_000)["kind"] for _ in range(3)] == ["data", "data", "end"]


def test_a_bounded_stream_waits_for_its_reader():
    stream, reader = pair(buffer_size=2)
    written = []

    def write():
        for number in range(1_000):
            stream.send_bytes(b"%d" % number)
            written.append(number)
        stream.end()

    thread = threading.Thread(target=write)
    thread.start()
    while len(written) < 2:
        time.sleep(0.001)
    time.sleep(0.05)
    assert len(written) == 2
    assert [frame["data"] for frame in reader if frame["kind"] == "data"] == [b"%d" % number for number in range(1_000)]
    thread.join(SOON)


def test_a_full_stream_times_out():
    stream, reader = pair(buffer_size=1)
    stream.send_bytes(b"1")
    with pytest.raises(TimeoutError):
        stream.send_bytes(b"2", timeout=0.05)
    assert reader.recv(0)["data"] == b"1"
    stream.send_bytes(b"3", timeout=1)
    assert reader.recv(0)["data"] == b"3"


def test_a_full_stream_without_a_reader_does_not_hang():
    stream = Stream.create(1)
    stream.send_bytes(b"1")
    with pytest.raises((TimeoutError, RuntimeError)):
        stream.send_bytes(b"2", timeout=0.05)


def test_dropping_the_reader_wakes_and_refuses_the_writer():
    stream, reader = pair(buffer_size=1)
    stream.send_bytes(b"1")
    outcome = []

    def write():
        try:
            stream.send_bytes(b"2")
        except RuntimeError as error:
            outcome.append(error)

    thread = threading.Thread(target=write)
    thread.start()
    time.sleep(0.05)
    reader.close()
    thread.join(SOON)
    assert len(outcome) == 1
    with pytest.raises(RuntimeError):
        stream.send_bytes(b"3")


def test_dropping_the_handle_untaken_refuses_the_writer():
    stream = Stream.create()
    message = stream.into_message()
    del message
    gc.collect()
    with pytest.raises(RuntimeError):
        for _ in range(1_000):
            stream.send_bytes(bytes(1_000))


def test_dropping_the_writer_wakes_the_reader():
    stream, reader = pair()
    seen = []
    thread = threading.Thread(target=lambda: seen.append(reader.recv(10_000)))
    thread.start()
    time.sleep(0.05)
    del stream
    gc.collect()
    thread.join(SOON)
    assert seen == [{"kind": "closed"}]


def test_iteration_and_read_all():
    stream, reader = pair()
    with stream:
        stream.send_begin("x")
        stream.send_bytes(b"ab")
        stream.send_bytes(b"cd")
    assert [frame["kind"] for frame in reader] == ["begin", "data", "data", "end"]
    stream, reader = pair()
    with stream:
        stream.send_begin("x")
        stream.send_bytes(b"ab")
        stream.send_bytes(b"cd")
    assert reader.read_all(timeout=1) == b"abcd"


def test_an_error_in_the_block_is_told_to_the_reader():
    stream, reader = pair()
    with pytest.raises(LookupError), stream:
        stream.send_bytes(b"ab")
        raise LookupError("half way")
    assert [frame["kind"] for frame in reader] == ["data", "error"]
    stream, reader = pair()
    with pytest.raises(LookupError), stream:
        raise LookupError("half way")
    with pytest.raises(RuntimeError, match="half way"):
        reader.read_all(timeout=1)


def test_read_all_times_out():
    stream, reader = pair()
    stream.send_bytes(b"x")
    with pytest.raises(TimeoutError):
        reader.read_all(timeout=0.05)


def test_untaken_streams_are_freed():
    def make():
        stream = Stream.create()
        stream.send_bytes(bytes(200_000))
        stream.into_message()

    for _ in range(50):
        make()
    before = resident_mb()
    for _ in range(500):
        make()
    assert resident_mb() - before < 30


def producing(frames, buffer_size=4):
    def run(self, ctx):
        stream = Stream.create(buffer_size, origin_actor=ctx.node_id, origin_port="out")
        ctx.send({"out": stream.into_message()})
        stream.send_begin(metadata={"frames": frames})
        for number in range(frames):
            stream.send_bytes(b"%06d" % number)
        stream.end()
        ctx.done()

    return running(run)


@pytest.mark.parametrize("way", ["inputs", "from_json", "message", "plain"])
def test_live_through_a_network(way):
    seen = []

    def consume(self, ctx):
        if way == "inputs":
            reader = ctx.inputs["in"].take_stream()
        elif way == "from_json":
            reader = Message.from_json(ctx.inputs["in"]).take_stream()
        elif way == "message":
            reader = ctx.message("in").take_stream()
        else:
            reader = ctx["in"].take_stream()
        seen.extend(reader)
        ctx.done()

    with Network() as net:
        add(net, "a", producing(500))
        add(net, "b", running(consume))
        connect(net, "a", "b")
        net.add_initial("a", "in", 0)
        assert net.run(timeout=SOON).ok
    assert seen[0] == {"kind": "begin", "metadata": {"frames": 500}}
    assert [frame["data"] for frame in seen[1:-1]] == [b"%06d" % number for number in range(500)]
    assert seen[-1] == {"kind": "end"}


def test_fan_out_gives_it_to_the_first_that_takes_it():
    outcome = []

    def consume(self, ctx):
        try:
            outcome.append(len(ctx.message("in").take_stream().read_all(timeout=5)))
        except RuntimeError as error:
            outcome.append(type(error).__name__)
        ctx.done()

    with Network() as net:
        add(net, "a", producing(10))
        net.register_actor("b", running(consume))
        for name in ("b1", "b2", "b3"):
            net.add_node(name, "b")
            connect(net, "a", name)
        net.add_initial("a", "in", 0)
        assert net.run(timeout=SOON).ok
    assert sorted(map(str, outcome)) == ["60", "StreamError", "StreamError"]


def test_across_networks():
    got = []

    class Take(Actor):
        inports = ["in"]

        def run(self, ctx):
            got.append(ctx.message("in").take_stream().read_all(timeout=10))
            ctx.done()

    with Network() as left, Network() as right:
        add(right, "take", Take)
        right.start()

        def hand_over(self, ctx):
            right.send("take", "in", ctx.message("in"))
            ctx.done()

        add(left, "a", producing(100))
        add(left, "b", running(hand_over))
        connect(left, "a", "b")
        left.add_initial("a", "in", 0)
        assert left.run(timeout=SOON).ok
        right.wait(timeout=SOON)
    assert got == [b"".join(b"%06d" % number for number in range(100))]


def test_shutdown_frees_a_producer_whose_consumer_never_reads():
    entered = threading.Event()

    def flood(self, ctx):
        stream = Stream.create(2)
        ctx.send({"out": stream.into_message()})
        entered.set()
        while True:
            stream.send_bytes(b"x")

    with Network() as net:
        add(net, "a", running(flood))
        add(net, "b", running(lambda self, ctx: ctx.defer()))
        connect(net, "a", "b")
        net.add_initial("a", "in", 0)
        net.start()
        assert entered.wait(SOON)
        started = time.monotonic()
        assert net.shutdown(grace=3) == []
        assert time.monotonic() - started < 2


def test_many_frames_from_thread_to_thread():
    stream, reader = pair(buffer_size=64)
    payload = bytes(1_000)

    def write():
        with stream:
            for _ in range(50_000):
                stream.send_bytes(payload)

    thread = threading.Thread(target=write)
    thread.start()
    count = sum(1 for frame in reader if frame["kind"] == "data")
    thread.join(SOON)
    assert count == 50_000


class WritesMuch(Actor):
    """Puts out a stream of more frames than it has room for."""

    inports = ["in"]
    outports = ["out"]

    def run(self, ctx):
        with Stream.create(4) as stream:
            ctx.send({"out": stream.into_message()})
            for _ in range(300):
                stream.send_bytes(b"a")
        ctx.done()


@pytest.mark.parametrize("how", ["run", "collect", "ask"])
def test_a_stream_that_is_an_answer_waits_for_no_reader(how):
    with Network() as net:
        net.register_actor("writes", WritesMuch)
        net.add_node("writes", "writes")
        net.add_inport("x", "writes", "in")
        net.add_outport("out", "writes", "out")
        if how == "run":
            outputs = net.run({"x": 1}, timeout=SOON).outputs
        elif how == "collect":
            net.start(collect=True)
            net.send("writes", "in", 1)
            outputs = net.wait(timeout=SOON).outputs
        else:
            net.start()
            outputs = net.ask({"x": 1}, timeout=SOON)
        (handle,) = outputs["out"]
        assert Message.from_value(handle).take_stream().read_all(SOON) == b"a" * 300
