"""What is kept beside the packets on their way is bounded in bytes."""

import asyncio
import gc
import os
import sys
import threading
import time

import pytest

from offbit_reflow import Actor, Network, Stream, actor

from .support import add, running

SOON = 40
BIG = 4 << 20
COUNT = 100

pytestmark = pytest.mark.skipif(not os.path.exists("/proc/self/statm"), reason="reads /proc")


def resident_mb():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Source(Actor):
    outports = ["out"]

    def run(self, ctx):
        for _ in range(COUNT):
            yield {"out": self.make()}

    def make(self):
        return os.urandom(BIG)


class Dicts(Source):
    def make(self):
        return {"payload": os.urandom(BIG), "rows": [1]}


def takes(self, ctx):
    ctx["in"]
    ctx.done()


def fails(self, ctx):
    data = ctx["in"]
    raise ValueError(len(data))


def fails_in_a_ring(self, ctx):
    data = ctx["in"]
    try:
        raise ValueError(len(data))
    except ValueError as error:
        kept = error  # the frame holds its exception, and the exception its frame
        raise RuntimeError from kept


@pytest.mark.parametrize("source", [Source, Dicts])
@pytest.mark.parametrize("subscribed", [False, True])
@pytest.mark.parametrize("sink", [takes, fails, fails_in_a_ring], ids=lambda sink: sink.__name__)
def test_big_packets_leave_nothing_behind(source, subscribed, sink):
    net = Network({"capacity": 2})
    add(net, "source", source)
    add(net, "sink", running(sink))
    net.add_connection("source", "out", "sink", "in")
    events = net.events() if subscribed else None
    gc.collect()
    before = resident_mb()
    with net:
        net.start()
        net.wait(timeout=SOON)
        after = resident_mb()
        failures = net.result().failures
    assert after - before < 100
    assert len(failures) == (0 if sink is takes else COUNT)
    if sink is not takes:
        assert "not kept" in str(failures[-1].inputs["in"].data())
    if events is not None:
        shown = [event["message"] for event in events if event["_type"] == "MessageSent"]
        assert len(shown) == COUNT


def test_the_budget_can_be_set():
    net = Network({"kept_bytes": 0})
    add(net, "sink", running(fails))
    result = net.run(inputs={"sink.in": b"x" * 1000}, timeout=SOON)
    assert result.failures[0].inputs["in"].data() == "<Bytes of 1000 bytes, not kept>"
    with pytest.raises(ValueError, match="kept_bytes"):
        Network({"kept_bytes": -1})


@pytest.mark.parametrize("subscribed", [False, True])
def test_a_stream_nobody_takes_tells_its_writer_whatever_events_hold(subscribed):
    told = []

    class Writes(Actor):
        outports = ["out"]

        def run(self, ctx):
            ctx.finish()
            stream = Stream.create(1)
            ctx.send({"out": stream.into_message()})
            try:
                for _ in range(100):
                    stream.send_bytes(b"x", timeout=SOON)
            except RuntimeError as error:
                told.append(str(error))
            ctx.done()

    net = Network()
    add(net, "writes", Writes)
    add(net, "ignores", running(lambda self, ctx: ctx.done()))
    net.add_connection("writes", "out", "ignores", "in")
    events = net.events() if subscribed else None
    assert net.run(timeout=SOON).ok
    assert "the reader is gone" in told[0]
    assert sys.getrefcount(events) >= 1


@pytest.mark.parametrize("style", ["coroutine", "items"])
@pytest.mark.parametrize("policy", [None, {"concurrency": 2}, {"timeout_ms": 30_000}], ids=["plain", "two", "limit"])
def test_an_async_tick_that_has_ended_keeps_no_packet(style, policy):
    """Without the garbage collector, too."""
    alive = []

    class Packet:
        def __init__(self):
            alive.append(1)

        def __del__(self):
            alive.pop()

    async def coroutine(self, ctx):
        most.append(len(alive))
        return {"out": ctx["in"]}

    async def items(self, ctx):
        most.append(len(alive))
        yield {"out": ctx["in"]}

    most = []
    net = Network({"capacity": 2})
    net.register_actor("a", running(coroutine if style == "coroutine" else items))
    net.add_node("a", "a", policy=policy)
    gc.disable()
    try:
        assert net.run(inputs={"a.in": (Packet() for _ in range(100))}, timeout=SOON).ok
    finally:
        gc.enable()
    assert len(most) == 100
    assert max(most) < 30


def test_what_found_no_partner_is_described():
    """Bytes in dicts, and objects by what they have."""

    class Row:
        def __init__(self):
            self.payload = bytearray(BIG)

    @actor
    def pair(a, b):
        return a

    for make in (lambda: bytes(BIG), Row):
        net = Network({"capacity": 2})
        add(net, "p", pair, firing={"join": {"a": "id", "b": "id"}, "bound": 2})
        before = resident_mb()
        result = net.run(
            inputs={"p.a": ({"id": n, "row": make()} for n in range(COUNT)), "p.b": iter([])}, timeout=SOON
        )
        assert result.nodes["p"]["unmatched"] == COUNT
        assert resident_mb() - before < 150


def test_what_an_actor_says_is_kept_short():
    class Talker(Actor):
        inports = ["in"]

        def run(self, ctx):
            ctx.log("x" * 1_000_000)
            ctx.log(["y" * 1_000_000])
            raise ValueError("z" * 1_000_000)

    net = Network()
    net.register_actor("talker", Talker)
    net.add_node("a", "talker")
    events = net.events(types=["ActorLog", "ActorFailed"])
    result = net.run(inputs={"a.in": 1}, timeout=10)
    text, described, failed = events
    assert len(text["data"]) < 70_000
    assert text["data"].endswith("… (1000000 bytes in all)")
    assert "not kept" in described["data"]
    assert len(failed["error"]) < 5_000
    assert len(result.failures[0].traceback) < 40_000
    assert "raise ValueError" in result.failures[0].traceback


def until(condition) -> None:
    deadline = time.monotonic() + SOON
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.002)


def grown(run):
    """Give how many MB a function leaves behind, and what it gave."""
    gc.collect()
    gc.freeze()  # what is there need not be looked at by every collection
    try:
        before = resident_mb()
        given = run()
        return resident_mb() - before, given
    finally:
        gc.unfreeze()


@pytest.mark.parametrize("says", ["log", "progress", "publish"])
@pytest.mark.parametrize("subscribed", [False, True])
def test_what_actors_say_is_bounded_in_bytes(says, subscribed):
    """However many times they say it, and who does not read loses the oldest."""

    def run(self, ctx):
        text = "z" * 60_000
        {
            "log": ctx.log,
            "progress": lambda text: ctx.progress(0.5, text),
            "publish": lambda text: ctx.publish("k", text),
        }[says](text)
        ctx.done()

    net = Network({"kept_bytes": 4 << 20})
    add(net, "n", running(run))
    events = net.events() if subscribed else None
    gc.collect()
    before = resident_mb()
    assert net.run({"n.in": iter(range(2000))}, timeout=SOON).ok
    gc.collect()
    assert resident_mb() - before < 60, "of 114 MiB"
    late = sum(event["_type"].startswith("Actor") for event in (events or net.events()))
    assert 0 < late <= 80
    assert events is None or events.dropped > 1000


def raises_of_a_long_name(text):
    gc.collect()  # classes are in rings
    raise type(text, (Exception,), {})("x")


SAID = {
    "level": lambda net, ctx, text: ctx.log("x", level=text),
    "name of a fact": lambda net, ctx, text: ctx.publish(text, 1),
    "facts": lambda net, ctx, text: ctx.publish(text[-9:], text),
    "reason": lambda net, ctx, text: ctx.fail("z", reason=text),
    "port": lambda net, ctx, text: ctx.send({text: 1}),
    "port of done": lambda net, ctx, text: ctx.done({text: 1}),
    "kind of a signal": lambda net, ctx, text: net.signal("n", text, 1),
    "class of an exception": lambda net, ctx, text: raises_of_a_long_name(text),
}


@pytest.mark.parametrize("says", SAID)
@pytest.mark.parametrize("style", ["plain", "async"])
def test_no_text_of_an_actor_is_kept_in_full(says, style):
    net = Network()

    def run(self, ctx):
        SAID[says](net, ctx, "x" * BIG + f"{ctx['in']:9}")
        if not ctx.resolved:
            ctx.done({"out": 1})

    async def run_async(self, ctx):
        run(self, ctx)

    add(net, "n", running(run if style == "plain" else run_async))
    more, result = grown(lambda: net.run({"n.in": iter(range(COUNT))}, timeout=SOON))
    assert more < 100, "of 400 MiB"
    refused = [failure.error for failure in result.failures if len(failure.error) > 10]
    match says:
        case "name of a fact":
            assert len(refused) == COUNT
            assert "a fact's name has at most 1024 bytes, and this one 4194313" in refused[0]
        case "facts":
            assert len(refused) == COUNT - 7
            assert "a node keeps at most 1024 facts, and 32 MiB of them beside one" in refused[0]
        case "kind of a signal":
            assert "too many signals waiting" in refused[0]


def test_what_actors_publish_is_not_kept_by_events():
    def publishes(self, ctx):
        for number in range(COUNT):
            ctx.publish("value", {"at": number, "payload": "x" * BIG})
        ctx.done()

    with Network() as net:
        add(net, "a", running(publishes))
        net.start()
        more, _ = grown(lambda: (net.send("a", "in", 1), net.wait(timeout=SOON)))
        assert net.info("a")["value"]["at"] == COUNT - 1
    assert more < 100


def test_results_that_wait_for_an_earlier_one_are_bounded():
    entered, may_end, ran = threading.Event(), threading.Event(), []

    async def one(self, ctx):
        if ctx["in"] == 0:
            entered.set()
            while not may_end.is_set():
                await asyncio.sleep(0.001)
        ran.append(ctx["in"])
        ctx.done({"out": os.urandom(BIG)})

    with Network({"capacity": 200}) as net:
        add(net, "a", running(one), policy={"concurrency": 2})
        net.add_outport("out", "a", "out")
        net.start()
        for number in range(COUNT):
            net.send("a", "in", number)
        assert entered.wait(SOON)
        until(lambda: len(ran) == 4)
        assert len(ran) < 10
        may_end.set()
        net.wait(timeout=SOON)
        assert len(ran) == COUNT


def test_a_listener_that_does_not_read_holds_its_node_up_after_some_bytes():
    with Network() as net:
        add(net, "a", running(lambda self, ctx: ctx.done({"out": os.urandom(BIG)})))
        net.start()
        with net.listen("a", "out") as listener:
            for number in range(COUNT):
                net.send("a", "in", number)
            until(lambda: net.stats()["a"]["blocked_s"] > 0)
            assert net.stats()["a"]["ticks"] < 20
            assert all(len(next(listener)) == BIG for _ in range(COUNT))
