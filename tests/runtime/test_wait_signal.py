"""Ticks that wait for a signal: approvals."""

from __future__ import annotations

import threading
import time

import pytest

from offbit_reflow import Actor, Network
from offbit_reflow.exceptions import RunTimeout

from .support import SOON


class Approve(Actor):
    inports = ["order"]
    outports = ["out"]

    def run(self, ctx):
        answer = ctx.wait_signal("approve", id=ctx["order"], timeout=SOON)
        ctx.done({"out": answer})


class ApproveAsync(Approve):
    async def run(self, ctx):
        answer = await ctx.wait_signal_async("approve", id=ctx["order"], timeout=SOON)
        ctx.done({"out": answer})


def waiting(net: Network, count: int) -> list:
    end = time.monotonic() + SOON
    while len(found := net.info("a").get("waiting", [])) != count:
        assert time.monotonic() < end
        time.sleep(0.001)
    return found


@pytest.mark.parametrize(
    ("style", "policy"), [(Approve, None), (ApproveAsync, None), (Approve, {"timeout_ms": 60_000})]
)
def test_a_tick_goes_on_with_the_payload(style, policy, net):
    net.register_actor("a", style)
    net.add_node("a", "a", policy=policy)
    net.add_outport("out", "a", "out")
    net.start(collect=True)
    net.send("a", "order", 1)
    assert waiting(net, 1) == [{"kind": "approve", "id": 1}]
    net.signal("a", "approve", {"id": 2, "by": "nobody"})
    net.signal("a", "approve", {"id": 1, "by": "me"})
    assert net.wait(SOON).outputs["out"] == [{"id": 1, "by": "me"}]
    assert waiting(net, 0) == []


def test_many_wait_at_once_and_get_their_own(net):
    net.register_actor("a", ApproveAsync)
    net.add_node("a", "a", policy={"concurrency": 10})
    net.add_outport("out", "a", "out")
    net.start(collect=True)
    for order in range(10):
        net.send("a", "order", order)
    assert [one["id"] for one in waiting(net, 10)] == list(range(10))
    for order in reversed(range(10)):
        net.signal("a", "approve", {"id": order})
    assert net.wait(SOON).outputs["out"] == [{"id": order} for order in range(10)]


@pytest.mark.parametrize("style", [Approve, ApproveAsync])
def test_a_limit_and_a_stop_end_the_wait(style, net):
    ended = []

    class Limited(style):
        pass

    class Plain(Actor):
        inports = ["order"]

        def run(self, ctx):
            with pytest.raises(RunTimeout, match="no signal `go`"):
                ctx.wait_signal("go", timeout=0.01)
            ended.append(1)
            ctx.done()

    class Async(Plain):
        async def run(self, ctx):
            with pytest.raises(RunTimeout, match="no signal `go`"):
                await ctx.wait_signal_async("go", timeout=0.01)
            ended.append(1)
            ctx.done()

    net.register_actor("a", Async if style is ApproveAsync else Plain)
    net.register_actor("b", Limited)
    net.add_node("a", "a")
    net.add_node("b", "b")
    net.start()
    net.send("a", "order", 1)
    net.wait(SOON)
    assert ended == [1]
    net.send("b", "order", 1)
    stopped = threading.Event()
    threading.Thread(target=lambda: (net.shutdown(grace=SOON), stopped.set())).start()
    assert stopped.wait(SOON)


def test_a_signal_that_nobody_waits_for_goes_to_on_signal(net):
    seen = []

    class Hears(Approve):
        def on_signal(self, ctx, signal):
            seen.append(signal.kind)

    net.register_actor("a", Hears)
    net.add_node("a", "a")
    net.start()
    net.signal("a", "approve", {"id": 1})
    net.wait(SOON)
    assert seen == ["approve"]
