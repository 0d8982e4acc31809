"""The event trace."""

from __future__ import annotations

import asyncio
import json
import threading
import time

import pytest

from offbit_reflow import Network

from .support import SOON, Collect, Forward, Gate, add, connect, drain, numbers, of_type, resident_mb, running


def test_unknown_types_are_refused(net):
    with pytest.raises(ValueError, match="no event type `ActorFail`; did you mean `ActorFailed`"):
        net.events(types=["NetworkIdle", "ActorFail"])


def test_the_trace_of_a_small_run(net):
    events = net.events()
    before = time.time()
    add(net, "a", Forward)
    add(net, "s", Collect())
    connect(net, "a", "s")
    for number in range(3):
        net.add_initial("a", "in", number)
    net.run(timeout=SOON)
    net.shutdown()
    seen = list(events)
    assert seen[0]["_type"] == "NetworkStarted"
    assert sorted((event["actorId"], event["component"]) for event in of_type(seen, "ActorStarted")) == [
        ("a", "a"),
        ("s", "s"),
    ]
    received = of_type(seen, "MessageReceived")
    assert [(event["actorId"], event["port"], event["message"]) for event in received] == [
        ("a", "in", n) for n in range(3)
    ]
    sent = of_type(seen, "MessageSent")
    assert [event["message"] for event in sent] == [0, 1, 2]
    first = {key: value for key, value in sent[0].items() if key not in ("_type", "timestamp")}
    assert first == {"fromActor": "a", "fromPort": "out", "toActor": "s", "toPort": "in", "message": 0}
    assert [event["_type"] for event in seen][-2:] == ["NetworkCompleted", "NetworkShutdown"]
    for event in seen:
        assert (before - 1) * 1_000 <= event["timestamp"] <= (time.time() + 1) * 1_000
        assert isinstance(event["timestamp"], int)
        json.dumps(event)
    stamps = [event["timestamp"] for event in seen]
    assert stamps == sorted(stamps)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ({"type": "Flow"}, "flow"),
        (True, True),
        (2, 2),
        (0.5, 0.5),
        ("x", "x"),
        ({"type": "Error", "data": "e"}, "e"),
        ({"a": 1}, {"a": 1}),
        ([1], [1]),
        (None, None),
        ({"type": "Optional", "data": 5}, 5),
        ({"type": "RemoteReference", "data": {"network_id": "n", "actor_id": "a", "port": "p"}},) * 1
        + ({"network_id": "n", "actor_id": "a", "port": "p"},),
    ],
    ids=str,
)
def test_plain_form_of_messages(net, value, shown):
    events = net.events(types=["MessageReceived", "MessageSent"])
    add(net, "a", Forward)
    add(net, "s", Collect())
    connect(net, "a", "s")
    net.add_initial("a", "in", value)
    net.run(timeout=SOON)
    assert [event["message"] for event in events] == [shown, shown]


def test_bytes_are_named_when_sent_and_listed_when_received(net):
    events = net.events()
    add(net, "a", Forward)
    add(net, "s", Collect())
    connect(net, "a", "s")
    net.add_initial("a", "in", b"\x01\x02")
    net.run(timeout=SOON)
    seen = list(events)
    assert of_type(seen, "MessageReceived")[0]["message"] == [1, 2]
    assert of_type(seen, "MessageSent")[0]["message"] == "[binary]"


def test_failures_are_events(net):
    events = net.events(types=["ActorFailed"])

    def run(self, ctx):
        if ctx["in"] == 0:
            ctx.fail("failed")
        elif ctx["in"] == 1:
            raise ValueError("raised")
        elif ctx["in"] == 2:
            raise SystemExit(5)

    add(net, "a", running(run))
    for number in range(4):
        net.add_initial("a", "in", number)
    net.run(timeout=SOON)
    seen = list(events)
    assert [event["error"] for event in seen][:3] == ["failed", "ValueError: raised", "SystemExit: 5"]
    assert "done" in seen[3]["error"]
    assert all((event["actorId"], event["component"], event["port"]) == ("a", "a", "in") for event in seen)
    assert "raise ValueError" in seen[1]["traceback"]
    assert seen[1]["inputs"] == {"in": {"type": "Integer", "data": 1}}
    assert [event["willRetry"] for event in seen] == [False] * 4


def test_completed_only_on_request(net):
    everything, completed = net.events(), net.events(types=["ActorCompleted"])
    add(net, "a", running(lambda self, ctx: ctx.done({"out": 5} if ctx["in"] else None)))
    net.add_initial("a", "in", 0)
    net.add_initial("a", "in", 1)
    add(net, "s", Collect())
    connect(net, "a", "s")
    net.run(timeout=SOON)
    seen = of_type(completed, "ActorCompleted")
    outputs = [event["outputs"] for event in seen if event["actorId"] == "a"]
    # A tick that sends nothing shows null; `setup` is no tick.
    assert outputs == [None, {"out": {"type": "Integer", "data": 5}}]
    assert not of_type(everything, "ActorCompleted")


def test_each_stream_sees_everything(net):
    streams = [net.events(types=["MessageReceived"]) for _ in range(5)]
    add(net, "s", Collect())
    for number in range(24):
        net.add_initial("s", "in", number)
    net.run(timeout=SOON)
    for stream in streams:
        assert [event["message"] for event in stream] == list(range(24))


def test_filters(net):
    only_b = net.events(nodes=["b"], types=["NodeStateChanged", "MessageReceived"])
    add(net, "a", Collect())
    add(net, "b", Collect())
    net.add_initial("a", "in", 1)
    net.add_initial("b", "in", 2)
    net.run(timeout=SOON)
    seen = list(only_b)
    assert {event["actorId"] for event in seen} == {"b"}
    assert {event["_type"] for event in seen} == {"NodeStateChanged", "MessageReceived"}


def test_a_late_subscriber_sees_the_beginning(net):
    add(net, "a", Collect())
    net.start()
    net.wait(timeout=SOON)
    seen = drain(net.events())
    assert [event["_type"] for event in seen][:2] == ["NetworkStarted", "ActorStarted"]


def test_a_slow_reader_loses_the_oldest_and_is_told(net):
    events = net.events(types=["MessageReceived"], capacity=10)
    add(net, "s", Collect())
    for number in range(25):
        net.add_initial("s", "in", number)
    net.run(timeout=SOON)
    seen = list(events)
    assert seen[0]["_type"] == "EventsDropped"
    assert seen[0]["count"] == 15
    assert [event["message"] for event in seen[1:]] == list(range(15, 25))
    assert events.dropped == 15


def test_unread_events_do_not_grow_without_bound(net):
    kept = net.events(types=["NetworkStarted"])
    before = resident_mb()

    class Source(Collect):
        inports = []

        def run(self, ctx):
            for _ in range(20_000):
                yield {"out": bytes(10_000)}

    add(net, "a", Source)
    add(net, "s", running(lambda self, ctx: ctx.done()))
    connect(net, "a", "s")
    assert net.run(timeout=25).ok
    assert resident_mb() - before < 40
    del kept


class TestRecv:
    def test_times_out(self, net):
        events = net.events()
        started = time.monotonic()
        assert events.recv(timeout_ms=50) is None
        assert 0.05 <= time.monotonic() - started < 5
        with pytest.raises(OverflowError):
            events.recv(timeout_ms=-1)

    def test_shutdown_ends_a_reader_without_a_time_limit(self, net):
        events = net.events(types=["ActorFailed"])
        add(net, "a", Collect())
        net.start()
        outcome = []

        def read():
            try:
                outcome.append(events.recv())
            except RuntimeError as error:
                outcome.append(error)

        thread = threading.Thread(target=read)
        thread.start()
        time.sleep(0.02)
        net.shutdown()
        thread.join(SOON)
        assert len(outcome) == 1
        assert isinstance(outcome[0], RuntimeError)

    def test_the_backlog_is_read_first(self, net):
        events = net.events()
        add(net, "a", Collect())
        net.start()
        net.shutdown()
        seen = []
        with pytest.raises(RuntimeError):
            while True:
                seen.append(events.recv()["_type"])
        assert seen[0] == "NetworkStarted"
        assert "NetworkShutdown" in seen

    def test_a_dropped_network_ends_its_readers(self):
        net = Network()
        events = net.events(types=["ActorFailed"])
        del net
        with pytest.raises(RuntimeError):
            events.recv(timeout_ms=5_000)


class TestIteration:
    def test_ends_with_the_run_and_goes_on_with_the_next(self, net):
        events = net.events(types=["NetworkCompleted"])
        add(net, "a", numbers(1))
        net.run(timeout=SOON)
        assert len(list(events)) == 1
        net.run(timeout=SOON)
        assert len(list(events)) == 1

    def test_async(self, net):
        add(net, "a", gate := Gate())
        net.add_initial("a", "in", 1)
        events = net.events()

        async def main():
            net.start()
            seen = []

            async def read():
                async for event in events:
                    seen.append(event["_type"])

            task = asyncio.create_task(read())
            await asyncio.sleep(0.02)
            gate.opened.set()
            await asyncio.sleep(0.02)
            await asyncio.to_thread(net.shutdown)
            await asyncio.wait_for(task, SOON)
            return seen

        seen = asyncio.run(main())
        assert seen[0] == "NetworkStarted"
        assert "NetworkCompleted" in seen

    def test_async_begun_before_the_start(self, net):
        add(net, "a", Collect())
        events = net.events()

        async def main():
            async def first():
                async for event in events:
                    return event["_type"]
                return None

            task = asyncio.create_task(first())
            await asyncio.sleep(0.05)
            net.start()
            return await asyncio.wait_for(task, 5)

        assert asyncio.run(main()) == "NetworkStarted"

    def test_async_across_a_restart(self, net):
        add(net, "a", numbers(1))
        events = net.events(types=["NetworkCompleted"])

        async def main():
            count = 0
            for _ in range(2):
                await asyncio.to_thread(net.run, timeout=SOON)
                async for _ in events:
                    count += 1
            return count

        assert asyncio.run(main()) == 2
